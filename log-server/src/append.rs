//! Entries from a file, added to a log that is not in service, through the same steps as in service.
//!
//! The file is a row of entry bundles (C2SP tlog-tiles: `u16 BE length ‖ entry`, again and again), so the bundles of
//! another log, one after the other, are one. Every entry is admitted as if it had been submitted: signatures are verified
//! by all processors, a chunk at a time, then the chunk is added in steps of the usual size, each durable, computed twice
//! and signed before the next begins.
//!
//! In scope: reading, admission, progress. Out of scope: what a step is ([`crate::sequencer`]).

use std::io::{self, Read};

use thiserror::Error;

use crate::admission::{Admission, Candidate, Refusal};
use crate::opening::OpenLog;
use crate::sequencer::SequencerError;

/// Entries read, verified and added at a time: a few megabytes.
const CHUNK: usize = 8 * 1024;

/// What was added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// Entries read.
    pub read: u64,
    /// Those that were not in the log before.
    pub new: u64,
}

/// Adds every entry of `file`. `raw` takes any bytes, on a log made for conformance tests.
///
/// What was added before an error stays: the same file can be given again, and finds its first entries there.
///
/// # Errors
/// [`AppendError`]. After [`AppendError::Sequencer`] the outcome of the last step is unknown and the process must end.
pub fn append(
    log: &mut OpenLog,
    file: &mut impl Read,
    raw: bool,
    progress: &mut dyn FnMut(Appended),
) -> Result<Appended, AppendError> {
    let door = Admission::new(log.config().mode());
    let mut appended = Appended::default();
    loop {
        let chunk = read_chunk(file, appended.read)?;
        if chunk.is_empty() {
            return Ok(appended);
        }
        let candidates = admit(door, chunk, raw, appended.read)?;
        let read = candidates.len() as u64;
        appended.new += log.append(candidates)?;
        appended.read += read;
        progress(appended);
    }
}

/// Up to [`CHUNK`] entries; fewer only at the end of the file.
fn read_chunk(file: &mut impl Read, first: u64) -> Result<Vec<Vec<u8>>, AppendError> {
    let mut entries = Vec::with_capacity(CHUNK);
    while entries.len() < CHUNK {
        let mut len = [0; 2];
        let [head, tail] = &mut len;
        if file.read(std::slice::from_mut(head))? == 0 {
            break;
        }
        let at = first + entries.len() as u64;
        let cut = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => AppendError::Cut { entry: at },
            _ => AppendError::Io(source),
        };
        file.read_exact(std::slice::from_mut(tail)).map_err(cut)?;
        let mut entry = vec![0; usize::from(u16::from_be_bytes(len))];
        file.read_exact(&mut entry).map_err(cut)?;
        entries.push(entry);
    }
    Ok(entries)
}

/// Admits a chunk by all processors, in order. The first refusal in the file's order is the one reported.
fn admit(
    door: Admission,
    mut chunk: Vec<Vec<u8>>,
    raw: bool,
    first: u64,
) -> Result<Vec<Candidate>, AppendError> {
    let one = move |(entry, bytes): (u64, Vec<u8>)| {
        let admitted = if raw { door.admit_raw(bytes) } else { door.admit_signed(bytes) };
        admitted.map_err(|source| AppendError::Refused { entry, source })
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let share = chunk.len().div_ceil(processors).max(1);
    std::thread::scope(|scope| {
        let mut parts = Vec::with_capacity(processors);
        let mut start = first;
        while !chunk.is_empty() {
            let rest = chunk.split_off(share.min(chunk.len()));
            let part = std::mem::replace(&mut chunk, rest);
            let numbered = start..start + part.len() as u64;
            start = numbered.end;
            parts.push(scope.spawn(move || numbered.zip(part).map(one).collect::<Result<Vec<_>, _>>()));
        }
        let mut admitted = Vec::new();
        for part in parts {
            admitted.append(&mut part.join().map_err(|_| AppendError::Worker)??);
        }
        Ok(admitted)
    })
}

/// Why entries were not added.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The file ends within an entry.
    #[error("the file ends within its entry {entry}, counted from 0")]
    Cut {
        /// Which.
        entry: u64,
    },
    /// The file could not be read.
    #[error("the file could not be read")]
    Io(#[from] io::Error),
    /// An entry was not admitted.
    #[error("entry {entry} of the file, counted from 0, is not taken")]
    Refused {
        /// Which.
        entry: u64,
        /// Why.
        source: Refusal,
    },
    /// The sequencer failed, or would not write now.
    #[error("the entries were not added")]
    Sequencer(#[from] SequencerError),
    /// A thread that verified ended early.
    #[error("a thread that verifies signatures ended early")]
    Worker,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Mode};
    use crate::ledger::Ledger;
    use crate::storage::memory::MemoryStorage;
    use std::sync::Arc;
    use tlog::checkpoint::CheckpointSigner;
    use tlog::entry_bundle::push_entry;

    fn log(mode: Mode) -> (OpenLog, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let signer = CheckpointSigner::ed25519("log.test/1".parse().unwrap(), key.clone()).unwrap();
        let ledger = Ledger::create(&dir.path().join("ledger"), signer.vkey(), 0).unwrap();
        let config = Config::new(signer.vkey().clone(), mode);
        (OpenLog::assemble(config, key, Arc::new(MemoryStorage::new()), ledger).unwrap(), dir)
    }

    fn file(numbers: impl Iterator<Item = u32>) -> Vec<u8> {
        let mut bytes = Vec::new();
        numbers.for_each(|number| push_entry(&mut bytes, &number.to_be_bytes()).unwrap());
        bytes
    }

    #[test]
    fn every_entry_of_a_file_is_added_once_in_its_order() {
        let (mut log, _dir) = log(Mode::Conformance);
        let numbers = || (0..20_000_u32).chain([7, 8]);
        let mut seen = Vec::new();
        let appended =
            append(&mut log, &mut file(numbers()).as_slice(), true, &mut |so_far| seen.push(so_far.read));
        assert_eq!(appended.unwrap(), Appended { read: 20_002, new: 20_000 });
        assert_eq!(seen, [8192, 16384, 20_002]);
        let mut frontier = merkle::Frontier::new();
        for number in 0..20_000_u32 {
            frontier.append(merkle::LeafHash::of(&number.to_be_bytes())).unwrap();
        }
        assert_eq!(*log.head(), frontier.head());
        // Given again, it changes nothing.
        let again = append(&mut log, &mut file(numbers()).as_slice(), true, &mut |_| {});
        assert_eq!(again.unwrap(), Appended { read: 20_002, new: 0 });
        assert_eq!(*log.head(), frontier.head());
    }

    #[test]
    fn a_file_that_ends_within_an_entry_is_refused_by_its_number() {
        let (mut log, _dir) = log(Mode::Conformance);
        let whole = file(0..3);
        for cut in [1, 2, 5] {
            let cut = append(&mut log, &mut &whole[..whole.len() - cut], true, &mut |_| {});
            assert!(matches!(cut, Err(AppendError::Cut { entry: 2 })));
        }
        assert_eq!(log.head().size().get(), 0);
    }

    #[test]
    fn what_would_not_be_admitted_is_not_added() {
        let (mut log, _dir) = log(Mode::Service);
        let refused = append(&mut log, &mut file(0..3).as_slice(), false, &mut |_| {});
        assert!(matches!(refused, Err(AppendError::Refused { entry: 0, source: Refusal::Malformed { .. } })));
        let refused = append(&mut log, &mut file(0..3).as_slice(), true, &mut |_| {});
        assert!(matches!(refused, Err(AppendError::Refused { entry: 0, source: Refusal::RawNotTaken })));
        assert_eq!(log.head().size().get(), 0);
    }
}
