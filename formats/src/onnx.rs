//! ONNX: where its tensors lie. The file is walked message by message; tensors within it are left out.
//!
//! Follows onnx.proto of ONNX 1.21. A tensor may lie in another file; that must be a path below the directory of the ONNX file, and
//! [`crate::scan()`] looks whether it is there and long enough. Operators are not judged.

use attest::model_path::ModelPath;

use crate::not_evaluated::NotEvaluated;
use crate::protobuf::{Fields, Payload};
use crate::reason::Reason;
use crate::sink::{Reference, Sink};
use crate::stream::{Step, Stream, refuse};

/// Deepest nesting of messages: a graph within a graph is three.
const MAX_NESTING: usize = 64;

/// Longest text that is read, in bytes.
const MAX_TEXT: u64 = 4096;

/// Most files that tensors are in.
const MAX_REFERENCES: usize = 4096;

/// The messages on the way to tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    Function,
    Training,
}

impl Message {
    /// The message in a field, if it is on the way.
    const fn below(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) | (Self::Training, 1 | 2) => Some(Self::Graph),
            (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Model, 20) => Some(Self::Training),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Node, 5) | (Self::Function, 11) => Some(Self::Attribute),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Some(Self::Tensor),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::SparseTensor),
            (Self::SparseTensor, 1 | 2) => Some(Self::Tensor),
            _ => None,
        }
    }
}

/// Whether a file of protocol buffers that begins with a number is ONNX: it has a graph and says which operators.
pub(crate) fn is_onnx(stream: &mut Stream<'_>) -> Step<bool> {
    stream.go_to(0)?;
    let (mut fields, end) = (Fields::new(Reason::OnnxMalformed), stream.len());
    let (mut has_graph, mut has_operators) = (false, false);
    while let Ok(Some((number, payload))) = fields.next(stream, end) {
        has_graph |= number == 7 && matches!(payload, Payload::Bytes(_));
        has_operators |= number == 8 && matches!(payload, Payload::Bytes(_));
        Fields::skip(stream, payload)?;
    }
    stream.go_to(0)?;
    Ok(has_graph && has_operators)
}

/// Reads all of it.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    stream.go_to(0)?;
    sink.not_evaluated.insert(NotEvaluated::OperatorBehaviour);
    let (mut fields, end) = (Fields::new(Reason::OnnxMalformed), stream.len());
    message(Message::Model, &mut fields, stream, end, 0, sink)
}

fn message(
    kind: Message,
    fields: &mut Fields,
    stream: &mut Stream<'_>,
    end: u64,
    depth: usize,
    sink: &mut Sink,
) -> Step<()> {
    let at = stream.position();
    if depth > MAX_NESTING {
        return refuse(Reason::OnnxMalformed, at, "messages nested more than 64 deep");
    }
    let mut external = External::default();
    while let Some((number, payload)) = fields.next(stream, end)? {
        match payload {
            Payload::Bytes(len) => {
                let inner_end = stream.position().saturating_add(len);
                if let Some(below) = kind.below(number) {
                    message(below, fields, stream, inner_end, depth + 1, sink)?;
                } else if kind == Message::Tensor && number == 13 {
                    external.read(fields, stream, inner_end)?;
                } else {
                    Fields::skip(stream, payload)?;
                }
            }
            Payload::Varint(place) if kind == Message::Tensor && number == 14 => {
                external.is_meant = place != 0
            }
            other => {
                if kind.below(number).is_some() {
                    return refuse(Reason::OnnxMalformed, stream.position(), "a message that is a number");
                }
                Fields::skip(stream, other)?;
            }
        }
    }
    external.finish(at, sink)
}

/// Where a tensor lies outside the file.
#[derive(Default)]
struct External {
    is_meant: bool,
    location: Option<String>,
    offset: u64,
    len: u64,
    is_odd: bool,
}

impl External {
    /// One pair of key and value.
    fn read(&mut self, fields: &mut Fields, stream: &mut Stream<'_>, end: u64) -> Step<()> {
        let (mut key, mut value) = (String::new(), String::new());
        while let Some((number, payload)) = fields.next(stream, end)? {
            match (number, payload) {
                (1, Payload::Bytes(len)) => key = fields.text(stream, len, MAX_TEXT)?,
                (2, Payload::Bytes(len)) => value = fields.text(stream, len, MAX_TEXT)?,
                (_, other) => Fields::skip(stream, other)?,
            }
        }
        let number = |value: &str| value.parse::<u64>().ok();
        match key.as_str() {
            "location" => self.is_odd |= self.location.replace(value).is_some(),
            "offset" => self.offset = number(&value).unwrap_or(u64::MAX),
            "length" => self.len = number(&value).unwrap_or(u64::MAX),
            _ => {}
        }
        Ok(())
    }

    fn finish(self, at: u64, sink: &mut Sink) -> Step<()> {
        let Some(path) = self.location else {
            return if self.is_meant {
                refuse(Reason::OnnxEscapingData, at, "tensor outside the file without a place")
            } else {
                Ok(())
            };
        };
        let len = self.offset.checked_add(self.len);
        let Some(len) =
            len.filter(|_| ModelPath::new(path.as_str()).is_ok() && !self.is_odd && !path.contains(':'))
        else {
            return refuse(Reason::OnnxEscapingData, at, format!("tensor in {path}"));
        };
        if sink.is_nested() {
            return refuse(Reason::OnnxEscapingData, at, "tensor outside a file that is in an archive");
        }
        if let Some(known) = sink.references.iter_mut().find(|known| known.path == path) {
            known.len = known.len.max(len);
            return Ok(());
        }
        if sink.references.len() >= MAX_REFERENCES {
            return refuse(Reason::TooLarge, at, "tensors in more than 4096 files");
        }
        sink.references.push(Reference { path, len });
        Ok(())
    }
}
