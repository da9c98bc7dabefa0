//! Pickles: read opcode by opcode, on a machine that has Python's stack and memo and runs nothing.
//!
//! Follows the table of Python's `pickletools` and its `pickle.py`, protocols 0 to 5. Every name a pickle imports is held against
//! a short list of exact pairs; what is not understood is refused, and never passed over.
//!
//! In scope: one pickle, several in a row, and PyTorch's file of before 1.6, which is five of them and the tensors. Out of scope:
//! the zip around a newer one.

mod allowed;
mod machine;
mod opcode;
mod value;

use std::io;

use self::machine::Machine;
pub(crate) use self::machine::Storages;
use crate::finding::Fault;
use crate::format::Format;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Source, Step, Stop, Stream};

/// PyTorch's magic number as a pickle, whose first two bytes name protocol 2.
const TORCH_MAGIC: [u8; 15] = *b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// Pickles in a legacy PyTorch file: magic, protocol, system, content, keys of the storages.
const TORCH_PICKLES: usize = 5;

/// How a finding about a name begins that is made of texts that are not known.
const UNKNOWN_NAME: &str = "name made of";

/// Most pickles in a row that are looked at.
const MAX_PICKLES: usize = 64;

/// What one pickle does.
pub(crate) struct Run {
    machine: Machine,
    /// Why it went no further, if it did not come to its STOP.
    stop: Option<Fault>,
}

/// Runs one pickle from here to its STOP, behind which the stream then stands.
fn run(stream: &mut Stream<'_>) -> io::Result<Run> {
    let mut machine = Machine::default();
    let stop = loop {
        let step =
            opcode::next(stream).and_then(|token| machine.step(token, stream.position(), stream.len()));
        match step {
            Ok(false) => {}
            Ok(true) => break None,
            Err(Stop::Fault(fault)) => break Some(fault),
            Err(Stop::End(at)) => {
                break Some(Fault::new(Reason::PickleMalformed, Some(at), "ends before its STOP"));
            }
            Err(Stop::Io(error)) => return Err(error),
        }
    };
    Ok(Run { machine, stop })
}

/// Notes what a pickle does; gives back its storages if it came to its end.
fn note(run: Run, sink: &mut Sink) -> Option<Storages> {
    run.machine.notes.iter().for_each(|fault| sink.add_fault(fault));
    sink.more = sink.more.saturating_add(run.machine.more);
    match run.stop {
        Some(fault) => {
            sink.add_fault(&fault);
            None
        }
        None => Some(run.machine.storages),
    }
}

/// Reads a file that is one pickle or several. Says that it is a pickle, and what it would do.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Format> {
    let beginning = stream.beginning(TORCH_MAGIC.len() as u64)?;
    if beginning == TORCH_MAGIC {
        return read_legacy_torch(stream, sink);
    }
    sink.add(Reason::Pickle, Some(0), "a pickle");
    for _ in 0..MAX_PICKLES {
        let at = stream.position();
        if at == stream.len() {
            return Ok(Format::Pickle);
        }
        let run = run(stream)?;
        if at > 0 && run.stop.is_some() && run.machine.globals.is_empty() {
            sink.add(Reason::PickleTrailing, Some(at), "bytes behind the last pickle");
            return Ok(Format::Pickle);
        }
        if note(run, sink).is_none() {
            return Ok(Format::Pickle);
        }
    }
    sink.add(Reason::PickleTrailing, Some(stream.position()), "more than 64 pickles in a row");
    Ok(Format::Pickle)
}

/// Reads a PyTorch file of before 1.6.
///
/// ```text
/// pickle magic | pickle 1001 | pickle {sizes of types} | pickle content | pickle [keys]
/// for each key: i64 elements | the elements
/// ```
fn read_legacy_torch(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Format> {
    if !sink.rules.allows_torch() {
        sink.add(Reason::Pickle, Some(0), "pickles of PyTorch before 1.6");
    }
    let mut storages = Storages::new();
    for _ in 0..TORCH_PICKLES {
        match note(run(stream)?, sink) {
            Some(found) if storages.is_empty() => storages = found,
            Some(found) if found.is_empty() => {}
            Some(_) => {
                sink.add(Reason::PicklePersistentId, Some(stream.position()), "storages in two pickles")
            }
            None => return Ok(Format::TorchLegacy),
        }
    }
    let mut tensors = 0_u64;
    for (element, count) in storages.values() {
        tensors = tensors.saturating_add(element.saturating_mul(*count)).saturating_add(8);
    }
    if stream.left() != tensors {
        let what = format!("{} bytes behind the pickles, which announce {tensors}", stream.left());
        sink.add(Reason::PickleTrailing, Some(stream.position()), what);
    }
    Ok(Format::TorchLegacy)
}

/// Reads the pickle of a PyTorch zip, which is one and nothing behind it.
pub(crate) fn read_torch_member(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Storages> {
    let storages = note(run(stream)?, sink).unwrap_or_default();
    if stream.left() > 0 {
        sink.add(Reason::PickleTrailing, Some(stream.position()), "bytes behind the pickle");
    }
    Ok(storages)
}

/// Whether bytes that look like nothing else are a pickle of an old protocol: it comes to its STOP at the end or with a name, or it
/// calls something before it fails.
pub(crate) fn is_old_pickle(stream: &mut Stream<'_>) -> Step<bool> {
    stream.go_to(0)?;
    let run = run(stream)?;
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    let names = run.machine.globals.iter().any(|(module, name, _)| is_name(module) && is_name(name))
        || run.machine.notes.iter().any(is_hidden_name);
    let is_pickle = match run.stop {
        None => names || (stream.left() == 0 && stream.len() > 2),
        Some(_) => names && run.machine.has_called,
    };
    stream.go_to(0)?;
    Ok(is_pickle)
}

/// Whether a finding is a name that was put together so that it could not be read.
fn is_hidden_name(note: &Fault) -> bool {
    note.reason == Reason::PickleExtension
        || (note.reason == Reason::PickleGlobal && note.what.starts_with(UNKNOWN_NAME))
}

/// What one pickle at the beginning of some bytes does: for tests that hold this machine against Python's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    opcodes: Vec<(u64, &'static str)>,
    globals: Vec<(String, String, bool)>,
    reasons: Vec<Reason>,
    end: Option<u64>,
}

impl Trace {
    /// Runs it.
    ///
    /// # Errors
    /// What the source says.
    pub fn of(source: &mut dyn Source) -> io::Result<Self> {
        let mut stream = Stream::new(source)?;
        let mut opcodes = Vec::new();
        while opcodes.len() < 1 << 16 {
            let Ok(token) = opcode::next(&mut stream) else { break };
            opcodes.push((token.at, opcode::name(token.code).unwrap_or_default()));
            if token.code == opcode::code::STOP {
                break;
            }
        }
        if stream.go_to(0).is_err() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let run = run(&mut stream)?;
        let mut reasons: Vec<_> = run.machine.notes.iter().map(|note| note.reason).collect();
        reasons.extend(run.stop.as_ref().map(|fault| fault.reason));
        let end = run.stop.is_none().then(|| stream.position());
        Ok(Self { opcodes, globals: run.machine.globals, reasons, end })
    }

    /// The opcodes up to the first STOP or fault, each with its offset.
    #[must_use]
    pub fn opcodes(&self) -> &[(u64, &'static str)] {
        &self.opcodes
    }

    /// Every name imported, at most 64: module, name, whether it is on the list.
    #[must_use]
    pub fn globals(&self) -> &[(String, String, bool)] {
        &self.globals
    }

    /// Why it is refused; empty if it names nothing but what is on the list.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The offset behind its STOP, if it came there.
    #[must_use]
    pub const fn end(&self) -> Option<u64> {
        self.end
    }
}
