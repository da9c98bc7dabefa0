//! Keras: which layers of a model bring code with them.

use crate::json_text::{Kind, scan};
use crate::sink::Sink;
use crate::stream::{Step, Stop, Stream};

/// Looks into the architecture of a Keras model.
pub(crate) fn look_for_code(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    match scan(stream, sink, Kind::Keras) {
        // What is wrong with the JSON is found when it is read as such.
        Err(Stop::Fault(_)) => Ok(()),
        other => other,
    }
}

/// What is wrong with a text under a key: a Lambda layer in any document; in that of a Keras model also a class from
/// elsewhere, or one that was registered.
pub(crate) fn code_in(key: &[u8], text: &str, kind: Kind) -> Option<String> {
    let is_keras = kind == Kind::Keras;
    match key {
        b"class_name" if text == "Lambda" || text == "__lambda__" => Some(format!("a layer of class {text}")),
        b"module" if is_keras && !(text == "keras" || text.starts_with("keras.") || text == "builtins") => {
            Some(format!("module {text}"))
        }
        b"registered_name" if is_keras && text.contains('>') => Some(format!("registered class {text}")),
        _ => None,
    }
}
