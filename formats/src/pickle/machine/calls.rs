//! What imports, calls, builds and refers: the opcodes by which a pickle reaches out.

use std::rc::Rc;

use super::{MAX_NOTES, MAX_STORAGES, Machine, too_large};
use crate::pickle::allowed::{Role, role};
use crate::pickle::value::{Global, Made, Value};
use crate::reason::Reason;
use crate::stream::Step;

impl Machine {
    pub(super) fn import(&mut self, at: u64, module: &str, name: &str) -> Value {
        let role = role(module, name);
        let known = self.globals.iter().any(|(of, called, _)| of == module && called == name);
        if !known && self.globals.len() < MAX_NOTES {
            self.globals.push((module.to_owned(), name.to_owned(), role.is_some()));
        }
        if role.is_none() && !known {
            self.note(Reason::PickleGlobal, at, format!("{module} {name}"));
        }
        Value::Global(Rc::new(Global { module: module.to_owned(), name: name.to_owned(), role }))
    }

    /// Calls `function` with `arguments`.
    pub(super) fn call(&mut self, at: u64, how: &str, function: &Value, arguments: &Value) -> Value {
        self.has_called |= matches!(function, Value::Global(_) | Value::Foreign);
        match (function, arguments) {
            (Value::Foreign, _) => Value::Foreign,
            (Value::Global(global), arguments) => match global.role {
                // The name is noted already.
                None => Value::Foreign,
                Some(Role::Makes(made)) if matches!(arguments, Value::Tuple(_)) => Value::Made(made),
                Some(_) => {
                    let what = format!("{how} of {} {}", global.module, global.name);
                    self.note(Reason::PickleCall, at, format!("{what} with {}", arguments.words()));
                    Value::Foreign
                }
            },
            (other, _) => {
                self.note(Reason::PickleCall, at, format!("{how} of a {}", other.words()));
                Value::Foreign
            }
        }
    }

    /// BUILD: gives a state to what lies below it.
    pub(super) fn build(&mut self, at: u64) -> Step<()> {
        let state = self.pop(at)?;
        let object = self.top(at)?;
        let is_plain = matches!((object, &state), (Value::Made(Made::OrderedDict), Value::Dict));
        if !is_plain && !object.is_foreign() {
            let what = format!("BUILD of a {} with a {}", object.words(), state.words());
            self.has_called = true;
            self.note(Reason::PickleCall, at, what);
        }
        Ok(())
    }

    /// Puts items into what lies on the stack.
    pub(super) fn fill(&mut self, at: u64, how: &str, fits: fn(&Value) -> bool) -> Step<()> {
        let object = self.top(at)?;
        if !fits(object) && !object.is_foreign() {
            let what = format!("{how} into a {}", object.words());
            self.note(Reason::PickleCall, at, what);
        }
        Ok(())
    }

    /// A persistent id: a storage, or nothing that is known.
    pub(super) fn persistent(&mut self, at: u64, id: &Value) -> Step<Value> {
        if let Value::Tuple(Some(items)) = id
            && let [
                Value::Text(Some(kind)),
                Value::Global(class),
                key,
                Value::Text(_),
                Value::Int(count),
                view @ ..,
            ] = &**items
            && &**kind == "storage"
            && let Some(Role::Storage(element)) = class.role
            && let Value::Text(Some(key)) = key
            && let Ok(count) = u64::try_from(*count)
            && matches!(view, [] | [Value::None | Value::Tuple(_)])
        {
            let seen = (element, count);
            let before = self.storages.get(&**key).copied();
            if self.storages.len() >= MAX_STORAGES {
                return too_large(at, "more than 131072 storages");
            }
            if before.is_some_and(|before| before != seen) {
                self.note(Reason::PicklePersistentId, at, format!("storage {key} with two sizes"));
            }
            self.storages.insert(key.to_string(), seen);
            return Ok(Value::Made(Made::Tensor));
        }
        self.note(
            Reason::PicklePersistentId,
            at,
            format!("persistent id that is a {}, and no storage", id.words()),
        );
        Ok(Value::Foreign)
    }
}
