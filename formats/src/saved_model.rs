//! TensorFlow: SavedModel and frozen graphs. Not on the list; which operators run Python or touch files is said beside it.
//!
//! Follows saved_model.proto, meta_graph.proto, graph.proto and function.proto of TensorFlow 2.

use crate::protobuf::{Fields, Payload};
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stop, Stream};

/// Operators that run Python, load code, or read or write what their input names.
const OPERATORS: [&str; 9] = [
    "EagerPyFunc",
    "ImmutableConst",
    "LoadDataset",
    "MatchingFiles",
    "PyFunc",
    "PyFuncStateless",
    "ReadFile",
    "SaveDataset",
    "WriteFile",
];

/// Longest name of an operator, in bytes.
const MAX_NAME: u64 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    SavedModel,
    MetaGraph,
    Graph,
    Library,
    Function,
    Node,
}

impl Message {
    const fn below(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::SavedModel, 2) => Some(Self::MetaGraph),
            (Self::MetaGraph, 2) => Some(Self::Graph),
            (Self::Graph, 1) | (Self::Function, 3) => Some(Self::Node),
            (Self::Graph, 2) => Some(Self::Library),
            (Self::Library, 1) => Some(Self::Function),
            _ => None,
        }
    }
}

/// Whether all of it is a SavedModel or a frozen graph with nodes; notes their operators.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<bool> {
    for root in [Message::SavedModel, Message::Graph] {
        stream.go_to(0)?;
        let (mut fields, end) = (Fields::new(Reason::UnknownFormat), stream.len());
        let mut found = Found::default();
        match message(root, &mut fields, stream, end, &mut found) {
            Ok(()) if found.nodes > 0 => {
                for (at, name) in found.code {
                    sink.add(Reason::SavedModelOp, Some(at), format!("operator {name}"));
                }
                return Ok(true);
            }
            Err(Stop::Io(error)) => return Err(Stop::Io(error)),
            _ => {}
        }
    }
    stream.go_to(0)?;
    Ok(false)
}

#[derive(Default)]
struct Found {
    nodes: u64,
    code: Vec<(u64, String)>,
}

fn message(
    kind: Message,
    fields: &mut Fields,
    stream: &mut Stream<'_>,
    end: u64,
    found: &mut Found,
) -> Step<()> {
    let (mut name, mut operator) = (false, None);
    while let Some((number, payload)) = fields.next(stream, end)? {
        match payload {
            Payload::Bytes(len) => {
                let at = stream.position();
                if let Some(below) = kind.below(number) {
                    message(below, fields, stream, at.saturating_add(len), found)?;
                } else if kind == Message::Node && number == 2 {
                    operator = Some((at, fields.text(stream, len, MAX_NAME)?));
                } else {
                    name |= kind == Message::Node && number == 1;
                    Fields::skip(stream, payload)?;
                }
            }
            other => Fields::skip(stream, other)?,
        }
    }
    if kind == Message::Node {
        let Some((at, operator)) = operator.filter(|_| name) else {
            return Err(Stop::End(stream.position()));
        };
        found.nodes += 1;
        // The name of an operator may begin with the namespace of a library.
        let short = operator.rsplit(['>', '/']).next().unwrap_or_default();
        if OPERATORS.contains(&short) && found.code.len() < 64 {
            found.code.push((at, operator));
        }
    }
    Ok(())
}
