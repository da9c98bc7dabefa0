//! What lies on the stack: as much of a value as decides whether the next opcode is harmless.

use std::rc::Rc;

use super::allowed::Role;

/// What a call on the list gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// Takes items and a state of plain attributes.
    OrderedDict,
    /// Takes neither.
    Tensor,
}

/// A name that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Global {
    pub(crate) module: String,
    pub(crate) name: String,
    /// What it may do; nothing if it is not on the list.
    pub(crate) role: Option<Role>,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    None,
    /// A number, bytes, a set that cannot change: nothing depends on it.
    Plain,
    Int(i64),
    /// A text, known or not.
    Text(Option<Rc<str>>),
    /// The items of a tuple that may be a persistent id. Tuples within it have none, so that nothing nests.
    Tuple(Option<Rc<[Self]>>),
    List,
    Dict,
    Set,
    Global(Rc<Global>),
    Made(Made),
    /// What came out of something that is refused already.
    Foreign,
}

impl Value {
    /// In words.
    pub(crate) const fn words(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Plain => "plain value",
            Self::Int(_) => "integer",
            Self::Text(_) => "text",
            Self::Tuple(_) => "tuple",
            Self::List => "list",
            Self::Dict => "dict",
            Self::Set => "set",
            Self::Global(_) => "name",
            Self::Made(Made::OrderedDict) => "OrderedDict",
            Self::Made(Made::Tensor) => "tensor",
            Self::Foreign => "object",
        }
    }

    pub(crate) const fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign)
    }
}

/// A tuple of these items.
pub(crate) fn tuple(items: &[Value]) -> Value {
    let may_be_id = matches!(items.len(), 5 | 6) && matches!(items.first(), Some(Value::Text(Some(_))));
    let flat = |item: &Value| match item {
        Value::Tuple(_) => Value::Tuple(None),
        other => other.clone(),
    };
    Value::Tuple(may_be_id.then(|| items.iter().map(flat).collect()))
}
