//! An add-checkpoint request, up to the point where it takes what was cosigned before.
//!
//! | order | check | else |
//! |---|---|---|
//! | 1 | it is a request | 400 `malformed` |
//! | 2 | the origin is known | 404 `unknown-origin` |
//! | 3 | a key of the log signed, and no line by one of its keys is bad | 403 `not-signed` |
//! | 4 | the old size is not above the new | 400 `old-above-new` |
//! | then | [`crate::decision`], [`crate::quota`] | 409, 422, 429 |
//!
//! Two faults are no matter of form, though the parser of `tlog` finds them: a request with one of them still goes through 2 and 3, so
//! that what is said of a log is said to the log.

use std::sync::Arc;

use merkle::{ConsistencyProof, TreeSize};
use thiserror::Error;
use tlog::checkpoint::{CheckpointError, Origin, SignedCheckpoint};
use tlog::note::{Note, NoteSignature, OpenError};
use tlog::text::tree_size;
use tlog::vkey::Vkey;
use tlog::witness::{AddCheckpointRequest, AddCheckpointRequestError};

use crate::logs::{KnownLog, Logs};
use crate::record::MAX_CHECKPOINT_BYTES;

/// Most lines by keys of the log that are verified: each costs as much as a request should.
const MAX_OWN_LINES: usize = 16;

/// A request that its log signed. Nobody has looked at what was cosigned before.
#[derive(Debug, Clone)]
pub struct Request {
    log: Arc<KnownLog>,
    old: TreeSize,
    proof: ConsistencyProof,
    /// The log's verified signatures, and no other line.
    checkpoint: SignedCheckpoint,
}

/// Why a request ends here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The checkpoint is of size 0 and has another root than the empty tree. The specification looks at the old size first.
    #[error("a checkpoint of size 0 with another root than the empty tree's")]
    EmptyTreeRoot {
        /// The log, which is known and signed this.
        origin: Origin,
        /// The old size in the request.
        old: TreeSize,
    },
    /// No request.
    #[error("{source}")]
    Malformed {
        /// Why.
        source: AddCheckpointRequestError,
    },
    /// The log's signature is missing, or one of them is bad.
    #[error("not signed by the log: {source}")]
    NotSigned {
        /// Which of the two.
        source: OpenError,
    },
    /// The old size is above the new.
    #[error("the old size is above the checkpoint's")]
    OldAboveNew,
    /// The checkpoint, with the log's signatures alone, is longer than what is kept.
    #[error("checkpoint of {seen} bytes with the log's signatures, above {MAX_CHECKPOINT_BYTES}")]
    TooLong {
        /// Its length in bytes.
        seen: usize,
    },
    /// More lines by keys of the log than anybody needs.
    #[error("{seen} signature lines by the log, above {MAX_OWN_LINES}")]
    TooManyOwnLines {
        /// How many.
        seen: usize,
    },
    /// The log is not known.
    #[error("unknown origin")]
    UnknownOrigin,
}

impl Request {
    /// Takes a body apart and verifies that its log signed it.
    ///
    /// # Errors
    /// [`RequestError`], in the order of the table above.
    pub fn verify(body: &[u8], logs: &Logs) -> Result<Self, RequestError> {
        match AddCheckpointRequest::parse(body) {
            Ok(request) => {
                let (log, own) =
                    open(request.checkpoint().unverified().origin(), request.checkpoint().note(), logs)?;
                let checkpoint = Note::new(request.checkpoint().note().text(), &own)
                    .map_err(CheckpointError::from)
                    .and_then(|note| SignedCheckpoint::parse(note.as_bytes()))
                    .map_err(|source| RequestError::Malformed { source: source.into() })?;
                match checkpoint.as_bytes().len() {
                    seen if seen > MAX_CHECKPOINT_BYTES => Err(RequestError::TooLong { seen }),
                    _ => Ok(Self { log, old: request.old(), proof: request.proof().clone(), checkpoint }),
                }
            }
            Err(source) => Err(fault(body, logs, source)),
        }
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> &Arc<KnownLog> {
        &self.log
    }

    /// What the log thinks was cosigned last.
    #[must_use]
    pub const fn old(&self) -> TreeSize {
        self.old
    }

    /// The proof from there.
    #[must_use]
    pub const fn proof(&self) -> &ConsistencyProof {
        &self.proof
    }

    /// What is to be cosigned.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

/// Which fault to tell, for a body that does not parse.
fn fault(body: &[u8], logs: &Logs, source: AddCheckpointRequestError) -> RequestError {
    let of_empty_tree = source.is_root_of_empty_tree();
    if !of_empty_tree && !matches!(source, AddCheckpointRequestError::OldAboveNew { .. }) {
        return RequestError::Malformed { source };
    }
    let malformed = RequestError::Malformed { source };
    // The parser came this far, so the body is a text with an empty line and a note below it.
    let Some((above, below)) = str::from_utf8(body).ok().and_then(|text| text.split_once("\n\n")) else {
        return malformed;
    };
    let old = above.split('\n').next().and_then(|line| line.strip_prefix("old "));
    let Some(old) = old.and_then(|old| tree_size(old).ok()) else { return malformed };
    let Ok(note) = Note::parse(below.as_bytes()) else { return malformed };
    let Some(Ok(origin)) = note.text().split('\n').next().map(str::parse::<Origin>) else { return malformed };
    match open(&origin, &note, logs) {
        Err(error) => error,
        Ok(_) if of_empty_tree && old == TreeSize::ZERO => RequestError::EmptyTreeRoot { origin, old },
        Ok(_) => RequestError::OldAboveNew,
    }
}

/// Finds the log and verifies its signatures: each line by one of its keys. Returns one line for each key that signed.
fn open(
    origin: &Origin,
    note: &Note,
    logs: &Logs,
) -> Result<(Arc<KnownLog>, Vec<NoteSignature>), RequestError> {
    let log = logs.get(origin).ok_or(RequestError::UnknownOrigin)?;
    let is_own = |line: &&NoteSignature| log.keys().iter().any(|key| line.is_by(key));
    match note.signatures().iter().filter(is_own).count() {
        seen if seen > MAX_OWN_LINES => return Err(RequestError::TooManyOwnLines { seen }),
        _ => {}
    }
    let keys: Vec<&Vkey> = log.keys().iter().collect();
    let signed = note.open(&keys).map_err(|source| RequestError::NotSigned { source })?;
    let own = signed.iter().filter_map(|position| {
        let key = keys.get(*position)?;
        note.signatures().iter().find(|line| line.is_by(key)).cloned()
    });
    Ok((Arc::clone(log), own.collect()))
}
