//! JSON, read as it streams by: strict in its grammar, one key once, and no names of code.
//!
//! Follows RFC 8259, with two things that Python's writer adds and configurations have: `NaN` and `Infinity`. Numbers are not valued.
//! Lone surrogates, a byte order mark, and anything behind the value are refused.

use std::collections::HashSet;

use crate::format::Format;
use crate::keras;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stream, refuse};

/// Deepest nesting.
const MAX_NESTING: usize = 64;
/// Longest text, in bytes.
const MAX_TEXT: usize = 8 << 20;
/// Most bytes of keys of the objects that are open.
const MAX_KEYS: usize = 24 << 20;

/// What a value is, as far as a key before it cares.
enum Value {
    Text(Vec<u8>),
    /// Object or array.
    Nested,
    /// Number, `true`, `false`, `null`.
    Plain,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A configuration, a vocabulary, an index.
    Any,
    /// The architecture of a Keras model.
    Keras,
}

/// Reads all of it.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Format> {
    scan(stream, sink, Kind::Any)?;
    Ok(Format::Json)
}

/// Reads all of it and looks for what that kind of document may hold.
pub(crate) fn scan(stream: &mut Stream<'_>, sink: &mut Sink, kind: Kind) -> Step<()> {
    stream.go_to(0)?;
    let mut scanner = Scanner { stream, sink, kind, next: None, keys: 0, in_template: 0 };
    scanner.value(0)?;
    match scanner.peek_behind_space()? {
        None => Ok(()),
        Some(_) => scanner.malformed("something behind the value"),
    }
}

struct Scanner<'s, 'a, 'k> {
    stream: &'s mut Stream<'a>,
    sink: &'k mut Sink,
    kind: Kind,
    /// A byte that was looked at and not taken.
    next: Option<u8>,
    /// Bytes of keys of the objects that are open.
    keys: usize,
    /// How many values under a key for templates we are in.
    in_template: usize,
}

impl Scanner<'_, '_, '_> {
    fn at(&self) -> u64 {
        self.stream.position().saturating_sub(u64::from(self.next.is_some()))
    }

    fn malformed<T>(&self, what: &str) -> Step<T> {
        refuse(Reason::JsonMalformed, self.at(), what)
    }

    fn peek(&mut self) -> Step<Option<u8>> {
        if self.next.is_none() {
            self.next = self.stream.some(1)?.first().copied();
        }
        Ok(self.next)
    }

    fn take(&mut self) -> Step<u8> {
        match self.peek()? {
            Some(byte) => {
                self.next = None;
                Ok(byte)
            }
            None => self.malformed("ends too early"),
        }
    }

    fn peek_behind_space(&mut self) -> Step<Option<u8>> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek()? {
            self.next = None;
        }
        self.peek()
    }

    fn value(&mut self, depth: usize) -> Step<Value> {
        if depth > MAX_NESTING {
            return self.malformed("nested more than 64 deep");
        }
        match self.peek_behind_space()? {
            Some(b'{') => self.object(depth).map(|()| Value::Nested),
            Some(b'[') => self.array(depth).map(|()| Value::Nested),
            Some(b'"') => self.text().map(Value::Text),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => self.number().map(|()| Value::Plain),
            Some(b't') => self.word(b"true").map(|()| Value::Plain),
            Some(b'f') => self.word(b"false").map(|()| Value::Plain),
            Some(b'n') => self.word(b"null").map(|()| Value::Plain),
            _ => self.malformed("no value"),
        }
    }

    fn word(&mut self, word: &[u8]) -> Step<()> {
        for wanted in word {
            if self.take()? != *wanted {
                return self.malformed("no value");
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> Step<usize> {
        let mut count = 0;
        while let Some(b'0'..=b'9') = self.peek()? {
            self.next = None;
            count += 1;
        }
        Ok(count)
    }

    fn number(&mut self) -> Step<()> {
        let mut first = self.take()?;
        if first == b'N' {
            return self.word(b"aN");
        }
        if first == b'-' {
            first = self.take()?;
        }
        let more = match first {
            b'I' => return self.word(b"nfinity"),
            b'0'..=b'9' => self.digits()?,
            _ => return self.malformed("a number without digits"),
        };
        if first == b'0' && more > 0 {
            return self.malformed("a number with a leading zero");
        }
        if self.peek()? == Some(b'.') {
            self.next = None;
            if self.digits()? == 0 {
                return self.malformed("a number without digits behind its point");
            }
        }
        if let Some(b'e' | b'E') = self.peek()? {
            self.next = None;
            if let Some(b'+' | b'-') = self.peek()? {
                self.next = None;
            }
            if self.digits()? == 0 {
                return self.malformed("a number without an exponent");
            }
        }
        Ok(())
    }

    fn hex(&mut self) -> Step<u32> {
        let mut value = 0;
        for _ in 0..4 {
            let byte = self.take()?;
            let Some(digit) = char::from(byte).to_digit(16) else {
                return self.malformed("an escape without digits");
            };
            value = value << 4 | digit;
        }
        Ok(value)
    }

    /// The character of an escape, behind its backslash.
    fn escape(&mut self) -> Step<char> {
        Ok(match self.take()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut value = self.hex()?;
                if (0xd800..0xdc00).contains(&value) {
                    self.word(b"\\u")?;
                    let low = self.hex()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return self.malformed("half a surrogate pair");
                    }
                    value = 0x1_0000 + ((value - 0xd800) << 10) + (low - 0xdc00);
                }
                match char::from_u32(value) {
                    Some(character) => character,
                    None => return self.malformed("half a surrogate pair"),
                }
            }
            _ => return self.malformed("an escape that is none"),
        })
    }

    fn text(&mut self) -> Step<Vec<u8>> {
        self.take()?;
        let mut text = Vec::new();
        loop {
            match self.take()? {
                b'"' => break,
                b'\\' => {
                    let mut buffer = [0; 4];
                    text.extend_from_slice(self.escape()?.encode_utf8(&mut buffer).as_bytes());
                }
                0..b' ' => return self.malformed("a control character in a text"),
                byte => text.push(byte),
            }
            if text.len() > MAX_TEXT {
                return refuse(Reason::TooLarge, self.at(), "a text of more than 8 MiB");
            }
        }
        if str::from_utf8(&text).is_err() {
            return self.malformed("a text that is not UTF-8");
        }
        Ok(text)
    }

    fn array(&mut self, depth: usize) -> Step<()> {
        self.take()?;
        if self.peek_behind_space()? == Some(b']') {
            self.next = None;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.peek_behind_space()?;
            match self.take()? {
                b',' => {}
                b']' => return Ok(()),
                _ => return self.malformed("no comma in an array"),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Step<()> {
        self.take()?;
        let before = self.keys;
        let mut keys = HashSet::new();
        if self.peek_behind_space()? == Some(b'}') {
            self.next = None;
            return Ok(());
        }
        loop {
            if self.peek_behind_space()? != Some(b'"') {
                return self.malformed("no key in an object");
            }
            let at = self.at();
            let key = self.text()?;
            self.peek_behind_space()?;
            if self.take()? != b':' {
                return self.malformed("no colon behind a key");
            }
            self.keys = self.keys.saturating_add(key.len()).saturating_add(48);
            if self.keys > MAX_KEYS {
                return refuse(Reason::TooLarge, at, "more than 24 MiB of keys");
            }
            let is_template = key == b"chat_template";
            self.in_template += usize::from(is_template);
            let value = self.value(depth + 1)?;
            self.in_template -= usize::from(is_template);
            self.judge(&key, &value, at);
            let shown = String::from_utf8_lossy(&key).into_owned();
            if !keys.insert(key) {
                return refuse(Reason::JsonDuplicateKey, at, format!("key {shown}"));
            }
            self.peek_behind_space()?;
            match self.take()? {
                b',' => {}
                b'}' => {
                    self.keys = before;
                    return Ok(());
                }
                _ => return self.malformed("no comma in an object"),
            }
        }
    }

    /// A key and its value. A number is none of these: a vocabulary has any word as a key.
    fn judge(&mut self, key: &[u8], value: &Value, at: u64) {
        let text = match value {
            Value::Plain => return,
            Value::Nested => None,
            Value::Text(text) => str::from_utf8(text).ok(),
        };
        match (key, text) {
            (b"auto_map", _) => self.sink.add(Reason::AutoMap, Some(at), "auto_map"),
            (b"_target_" | b"py/object" | b"py/reduce" | b"py/function" | b"py/type", _) => {
                let what = format!("{} {}", String::from_utf8_lossy(key), text.unwrap_or_default());
                self.sink.add(Reason::ConfigNamesCode, Some(at), what);
            }
            (b"parent_library", Some(library)) if !is_known_library(library) => {
                self.sink.add(Reason::ConfigNamesCode, Some(at), format!("parent_library {library}"));
            }
            (b"chat_template", Some(template)) => {
                self.sink.add_template("chat_template", template.as_bytes())
            }
            (b"template", Some(template)) if self.in_template > 0 => {
                self.sink.add_template("chat_template", template.as_bytes());
            }
            (key, Some(text)) => {
                if let Some(what) = keras::code_in(key, text, self.kind) {
                    self.sink.add(Reason::KerasCode, Some(at), what);
                }
            }
            _ => {}
        }
    }
}

/// Libraries that an adapter may name as that of its base model.
fn is_known_library(library: &str) -> bool {
    let root = library.split('.').next().unwrap_or_default();
    matches!(root, "transformers" | "diffusers" | "peft")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use crate::stream::Stop;
    use std::io::Cursor;

    fn reasons(text: &[u8]) -> Vec<Reason> {
        let mut sink = Sink::new("a.json", Rules::strict());
        let mut file = Cursor::new(text);
        match read(&mut Stream::new(&mut file).expect("a stream"), &mut sink) {
            Ok(_) => {}
            Err(Stop::Fault(fault)) => sink.add_fault(&fault),
            Err(other) => panic!("{other:?}"),
        }
        sink.findings.iter().map(crate::Finding::reason).collect()
    }

    #[test]
    fn what_is_json_is_read() {
        for text in [
            "{}",
            " [1, -0.5e+3, \"\\u00e9\\ud83d\\ude00\\n\", null, true, false] \n",
            "0",
            "\"x\"",
            "{\"a\":{\"b\":[{}]},\"c\":NaN,\"d\":-Infinity}",
        ] {
            assert_eq!(reasons(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            &b""[..],
            b"{",
            b"{\"a\":1,}",
            b"[1 2]",
            b"01",
            b"1.",
            b"-",
            b"\"\\x\"",
            b"\"\\ud800\"",
            b"\"a",
            b"\"\n\"",
            b"\"\xff\"",
            b"{} {}",
            b"{a:1}",
            b"nul",
            b"\xef\xbb\xbf{}",
            b"{\"a\":1 // x\n}",
        ] {
            assert_eq!(reasons(text), [Reason::JsonMalformed], "{text:?}");
        }
        assert_eq!(reasons("[".repeat(100_000).as_bytes()), [Reason::JsonMalformed]);
    }

    #[test]
    fn one_key_twice_is_found_however_it_is_written() {
        assert_eq!(reasons(b"{\"a\":1,\"\\u0061\":2}"), [Reason::JsonDuplicateKey]);
        assert_eq!(reasons(b"{\"a\":{\"a\":1},\"b\":{\"a\":1}}"), []);
    }

    #[test]
    fn names_of_code_are_found_and_words_of_a_vocabulary_are_not() {
        assert_eq!(reasons(b"{\"x\":{\"auto_m\\u0061p\":{\"AutoModel\":\"m.M\"}}}"), [Reason::AutoMap]);
        assert_eq!(reasons(b"[{\"_target_\":\"os.system\"}]"), [Reason::ConfigNamesCode]);
        assert_eq!(reasons(b"{\"parent_library\":\"evil\"}"), [Reason::ConfigNamesCode]);
        assert_eq!(reasons(b"{\"parent_library\":\"transformers.models.bert\"}"), []);
        assert_eq!(reasons(b"{\"vocab\":{\"auto_map\":17,\"_target_\":18}}"), []);
    }
}
