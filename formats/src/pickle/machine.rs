//! The machine: stack, marks, memo and frames as Python's unpickler has them, with [`Value`]s instead of objects.
//!
//! An opcode that Python would refuse is refused; so is what no pickler writes and two unpicklers may take in two ways: a memo key
//! twice, a second PROTO, bytes left on the stack or in a frame at the end. A name that is not on the list is noted, and what comes of it
//! is [`Value::Foreign`], so that the names behind it are found too.

mod calls;

use std::collections::{BTreeMap, HashMap};

use super::UNKNOWN_NAME;
use super::opcode::{Argument, Token, code, name};
use super::value::{Made, Value, tuple};
use crate::finding::Fault;
use crate::reason::Reason;
use crate::stream::{Step, Stop, refuse};

/// Most opcodes: a dictionary of a hundred thousand tensors has some three million.
pub(crate) const MAX_OPCODES: u64 = 1 << 25;
/// Most values on the stack. Picklers write containers in batches of a thousand.
const MAX_STACK: usize = 1 << 16;
/// Most open marks.
const MAX_MARKS: usize = 1 << 10;
/// Most memo entries: five or so for each tensor.
const MAX_MEMO: usize = 1 << 19;
/// Most bytes of text remembered; what comes after is unknown text, and no name.
const MAX_TEXT_BYTES: usize = 1 << 23;
/// Most storages.
const MAX_STORAGES: usize = 1 << 17;
/// Most tuples whose items are kept, since they may be persistent ids; what comes after is none.
const MAX_IDS: u32 = 1 << 18;
/// Most findings of one pickle.
const MAX_NOTES: usize = 64;

/// A storage that a persistent id names: bytes of an element, and how many elements.
pub(crate) type Storages = BTreeMap<String, (u64, u64)>;

/// The state.
#[derive(Default)]
pub(crate) struct Machine {
    stack: Vec<Value>,
    /// Heights of the stack at each open mark.
    marks: Vec<usize>,
    memo: HashMap<i64, Value>,
    /// Where the current frame ends.
    frame_end: Option<u64>,
    opcodes: u64,
    text_bytes: usize,
    ids: u32,
    pub(crate) storages: Storages,
    pub(crate) notes: Vec<Fault>,
    pub(crate) more: u64,
    /// Every name imported, once, in order: module, name, whether it is on the list.
    pub(crate) globals: Vec<(String, String, bool)>,
    /// Whether a name was called or built on.
    pub(crate) has_called: bool,
}

fn malformed<T>(at: u64, what: impl Into<String>) -> Step<T> {
    refuse(Reason::PickleMalformed, at, what)
}

fn too_large<T>(at: u64, what: &str) -> Step<T> {
    refuse(Reason::PickleTooLarge, at, what)
}

impl Machine {
    fn note(&mut self, reason: Reason, at: u64, what: impl Into<String>) {
        if self.notes.len() >= MAX_NOTES {
            self.more = self.more.saturating_add(1);
        } else {
            self.notes.push(Fault::new(reason, Some(at), what));
        }
    }

    fn push(&mut self, at: u64, value: Value) -> Step<()> {
        if self.stack.len() >= MAX_STACK {
            return too_large(at, "more than 65536 values on the stack");
        }
        self.stack.push(value);
        Ok(())
    }

    /// The height below which nothing may be taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self, at: u64) -> Step<Value> {
        if self.stack.len() <= self.floor() {
            return malformed(at, "nothing on the stack to take");
        }
        self.stack.pop().map_or_else(|| malformed(at, "nothing on the stack to take"), Ok)
    }

    fn top(&self, at: u64) -> Step<&Value> {
        if self.stack.len() <= self.floor() {
            return malformed(at, "nothing on the stack to look at");
        }
        self.stack.last().map_or_else(|| malformed(at, "nothing on the stack to look at"), Ok)
    }

    /// Everything above the last mark, which goes.
    fn pop_mark(&mut self, at: u64) -> Step<Vec<Value>> {
        match self.marks.pop() {
            Some(height) if height <= self.stack.len() => Ok(self.stack.split_off(height)),
            _ => malformed(at, "no mark on the stack"),
        }
    }

    fn text(&mut self, text: Option<String>) -> Value {
        let Some(text) = text else { return Value::Text(None) };
        self.text_bytes = self.text_bytes.saturating_add(text.len());
        if self.text_bytes > MAX_TEXT_BYTES { Value::Text(None) } else { Value::Text(Some(text.into())) }
    }

    fn put(&mut self, at: u64, key: i64) -> Step<()> {
        let value = self.top(at)?.clone();
        if key < 0 || self.memo.len() >= MAX_MEMO {
            return too_large(at, "more memo entries than 524288, or a negative one");
        }
        if self.memo.insert(key, value).is_some() {
            return malformed(at, format!("memo key {key} twice"));
        }
        Ok(())
    }

    fn get(&mut self, at: u64, key: i64) -> Step<()> {
        match self.memo.get(&key).cloned() {
            Some(value) => self.push(at, value),
            None => malformed(at, format!("memo key {key} is not there")),
        }
    }

    /// Holds an opcode against the frame it lies in; `end` is the offset behind it.
    fn frame(&mut self, token: &Token, end: u64, len: u64) -> Step<()> {
        if let Some(frame_end) = self.frame_end {
            if token.at >= frame_end {
                self.frame_end = None;
            } else if end > frame_end {
                return malformed(token.at, "opcode that runs over the end of its frame");
            }
        }
        if token.code == code::FRAME {
            if self.frame_end.is_some_and(|frame_end| end < frame_end) {
                return malformed(token.at, "frame that begins in another");
            }
            let Argument::Number(size) = token.argument else {
                return malformed(token.at, "frame without a size");
            };
            let frame_end = u64::try_from(size).ok().and_then(|size| end.checked_add(size));
            self.frame_end = Some(frame_end.filter(|end| *end <= len).ok_or(Stop::End(len))?);
        }
        Ok(())
    }

    /// Takes one opcode that ends at `end` in a stream of `len` bytes; `true` at the STOP.
    pub(crate) fn step(&mut self, token: Token, end: u64, len: u64) -> Step<bool> {
        let at = token.at;
        self.opcodes = self.opcodes.saturating_add(1);
        if self.opcodes > MAX_OPCODES {
            return too_large(at, "more than 33554432 opcodes");
        }
        self.frame(&token, end, len)?;
        let how = name(token.code).unwrap_or_default();
        match (token.code, token.argument) {
            (code::STOP, _) => {
                if self.stack.len() != 1 || !self.marks.is_empty() {
                    return malformed(at, format!("{} values at the end, want 1", self.stack.len()));
                }
                if self.frame_end.is_some_and(|frame_end| end < frame_end) {
                    return malformed(at, "bytes of the frame behind the end");
                }
                return Ok(true);
            }
            (code::PROTO, Argument::Number(version)) => {
                if self.opcodes != 1 || !(2..=5).contains(&version) {
                    return malformed(at, format!("PROTO {version}, want 2 to 5 and at the beginning"));
                }
            }
            (code::FRAME, _) => {}
            (code::MARK, _) => {
                if self.marks.len() >= MAX_MARKS {
                    return too_large(at, "more than 1024 open marks");
                }
                self.marks.push(self.stack.len());
            }
            (code::POP, _) => {
                if self.stack.len() == self.floor() && !self.marks.is_empty() {
                    self.marks.pop();
                } else {
                    self.pop(at)?;
                }
            }
            (code::POP_MARK, _) => drop(self.pop_mark(at)?),
            (code::DUP, _) => {
                let value = self.top(at)?.clone();
                self.push(at, value)?;
            }
            (code::NONE, _) => self.push(at, Value::None)?,
            (
                code::INT
                | code::BININT
                | code::BININT1
                | code::BININT2
                | code::LONG
                | code::LONG1
                | code::LONG4,
                Argument::Number(number),
            ) => self.push(at, Value::Int(number))?,
            (
                code::INT
                | code::LONG
                | code::LONG1
                | code::LONG4
                | code::FLOAT
                | code::BINFLOAT
                | code::NEWTRUE
                | code::NEWFALSE
                | code::BINBYTES
                | code::SHORT_BINBYTES
                | code::BINBYTES8
                | code::BYTEARRAY8,
                _,
            ) => self.push(at, Value::Plain)?,
            (
                code::STRING
                | code::BINSTRING
                | code::SHORT_BINSTRING
                | code::UNICODE
                | code::BINUNICODE
                | code::SHORT_BINUNICODE
                | code::BINUNICODE8,
                Argument::Text(text),
            ) => {
                let value = self.text(text);
                self.push(at, value)?;
            }
            (code::EMPTY_LIST, _) => self.push(at, Value::List)?,
            (code::EMPTY_DICT, _) => self.push(at, Value::Dict)?,
            (code::EMPTY_SET, _) => self.push(at, Value::Set)?,
            (code::EMPTY_TUPLE, _) => self.push(at, Value::Tuple(None))?,
            (code::LIST, _) => {
                self.pop_mark(at)?;
                self.push(at, Value::List)?;
            }
            (code::DICT, _) => {
                self.pairs(at)?;
                self.push(at, Value::Dict)?;
            }
            (code::FROZENSET, _) => {
                self.pop_mark(at)?;
                self.push(at, Value::Plain)?;
            }
            (code::TUPLE, _) => {
                let items = self.pop_mark(at)?;
                let mut made = tuple(&items);
                self.ids = self.ids.saturating_add(u32::from(matches!(made, Value::Tuple(Some(_)))));
                if self.ids > MAX_IDS {
                    made = Value::Tuple(None);
                }
                self.push(at, made)?;
            }
            (code::TUPLE1, _) => self.short_tuple(at, 1)?,
            (code::TUPLE2, _) => self.short_tuple(at, 2)?,
            (code::TUPLE3, _) => self.short_tuple(at, 3)?,
            (code::APPEND, _) => {
                self.pop(at)?;
                self.fill(at, how, |value| matches!(value, Value::List))?;
            }
            (code::APPENDS, _) => {
                self.pop_mark(at)?;
                self.fill(at, how, |value| matches!(value, Value::List))?;
            }
            (code::ADDITEMS, _) => {
                self.pop_mark(at)?;
                self.fill(at, how, |value| matches!(value, Value::Set))?;
            }
            (code::SETITEM, _) => {
                self.pop(at)?;
                self.pop(at)?;
                self.fill(at, how, |value| matches!(value, Value::Dict | Value::Made(Made::OrderedDict)))?;
            }
            (code::SETITEMS, _) => {
                self.pairs(at)?;
                self.fill(at, how, |value| matches!(value, Value::Dict | Value::Made(Made::OrderedDict)))?;
            }
            (code::PUT | code::BINPUT | code::LONG_BINPUT, Argument::Number(key)) => self.put(at, key)?,
            (code::MEMOIZE, _) => self.put(at, i64::try_from(self.memo.len()).unwrap_or(-1))?,
            (code::GET | code::BINGET | code::LONG_BINGET, Argument::Number(key)) => self.get(at, key)?,
            (code::GLOBAL, Argument::Names(module, name)) => {
                let value = self.import(at, &module, &name);
                self.push(at, value)?;
            }
            (code::STACK_GLOBAL, _) => {
                let (name, module) = (self.pop(at)?, self.pop(at)?);
                let value = if let (Value::Text(Some(module)), Value::Text(Some(name))) = (&module, &name) {
                    self.import(at, module, name)
                } else {
                    let what = format!(
                        "{UNKNOWN_NAME} a {} and a {} that are not known",
                        module.words(),
                        name.words()
                    );
                    self.note(Reason::PickleGlobal, at, what);
                    Value::Foreign
                };
                self.push(at, value)?;
            }
            (code::INST, Argument::Names(module, name)) => {
                self.pop_mark(at)?;
                let class = self.import(at, &module, &name);
                let made = self.call(at, how, &class, &Value::Tuple(None));
                self.push(at, made)?;
            }
            (code::OBJ, _) => {
                let items = self.pop_mark(at)?;
                let Some(class) = items.first() else { return malformed(at, "OBJ without a class") };
                let made = self.call(at, how, class, &Value::Tuple(None));
                self.push(at, made)?;
            }
            (code::REDUCE | code::NEWOBJ, _) => {
                let (arguments, function) = (self.pop(at)?, self.pop(at)?);
                let made = self.call(at, how, &function, &arguments);
                self.push(at, made)?;
            }
            (code::NEWOBJ_EX, _) => {
                let (keywords, arguments, class) = (self.pop(at)?, self.pop(at)?, self.pop(at)?);
                if !matches!(keywords, Value::Dict) {
                    self.note(Reason::PickleCall, at, format!("NEWOBJ_EX with a {}", keywords.words()));
                }
                let made = self.call(at, how, &class, &arguments);
                self.push(at, made)?;
            }
            (code::BUILD, _) => self.build(at)?,
            (code::PERSID, _) => {
                self.note(Reason::PicklePersistentId, at, "persistent id as a line of text");
                self.push(at, Value::Foreign)?;
            }
            (code::BINPERSID, _) => {
                let id = self.pop(at)?;
                let value = self.persistent(at, &id)?;
                self.push(at, value)?;
            }
            (code::EXT1 | code::EXT2 | code::EXT4, Argument::Number(number)) => {
                self.note(Reason::PickleExtension, at, format!("{how} {number}"));
                self.push(at, Value::Foreign)?;
            }
            (code::NEXT_BUFFER | code::READONLY_BUFFER, _) => {
                return refuse(Reason::PickleCall, at, format!("{how}: a buffer that is not in the file"));
            }
            _ => return malformed(at, format!("{how} with an argument that is none")),
        }
        Ok(false)
    }

    /// What lies above the mark, which must be pairs.
    fn pairs(&mut self, at: u64) -> Step<()> {
        let items = self.pop_mark(at)?;
        if items.len() % 2 != 0 { malformed(at, "a key without a value") } else { Ok(()) }
    }

    fn short_tuple(&mut self, at: u64, count: usize) -> Step<()> {
        for _ in 0..count {
            self.pop(at)?;
        }
        self.push(at, Value::Tuple(None))
    }
}
