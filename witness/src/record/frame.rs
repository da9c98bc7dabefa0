//! Frames: what is written between two syncs, and telling a torn one from a damaged one.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Act, RecordError};
use crate::cosigner::Identity;
use crate::durable::Latest;

/// Largest checkpoint that is kept, log signatures included, in bytes. A checkpoint takes some 200; the rest is for extension lines
/// and for the long signatures to come.
pub const MAX_CHECKPOINT_BYTES: usize = 16 * 1024;
/// Largest payload of a frame, in bytes.
const MAX_PAYLOAD_BYTES: usize = 8 << 20;
/// Length and its check.
const HEAD_BYTES: usize = 12;
const CHAIN_BYTES: usize = 32;
/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;
/// More zeros in a row than anything that is written has: a time begins with four or five, and hashes with fewer but by wild odds.
const MANY_ZEROS: usize = 16;
/// Time and length before each checkpoint.
const RECORD_HEAD_BYTES: usize = 10;

/// What ties a frame to all before it and to the witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain([u8; CHAIN_BYTES]);

impl Chain {
    pub(super) fn begin(identity: &Identity) -> Self {
        Self(*identity.as_bytes())
    }

    /// The frame that comes next, and moves on behind it.
    pub(super) fn frame(&mut self, payload: &[u8]) -> Vec<u8> {
        // A payload is bounded far below 4 GiB by whoever fills it.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        let check = self.check(length);
        let mut frame = Vec::with_capacity(HEAD_BYTES + payload.len() + CHAIN_BYTES);
        frame.extend(length);
        frame.extend(check);
        frame.extend(payload);
        self.advance(length, payload);
        frame.extend(self.0);
        frame
    }

    fn check(&self, length: [u8; 4]) -> [u8; 8] {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(b"length\n")
            .chain_update(self.0)
            .chain_update(length)
            .finalize()
            .into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        [a, b, c, d, e, f, g, h]
    }

    fn advance(&mut self, length: [u8; 4], payload: &[u8]) {
        self.0 =
            Sha256::new().chain_update(self.0).chain_update(length).chain_update(payload).finalize().into();
    }
}

/// Bytes that a checkpoint takes in a payload.
pub(super) fn record_bytes(latest: &Latest) -> u64 {
    (RECORD_HEAD_BYTES + latest.checkpoint().as_bytes().len()) as u64
}

/// Whether one more fits; the first one always does.
pub(super) fn fits(payload: &[u8], latest: &Latest) -> bool {
    payload.is_empty() || payload.len() as u64 + record_bytes(latest) <= MAX_PAYLOAD_BYTES as u64 / 8
}

pub(super) fn push(payload: &mut Vec<u8>, latest: &Latest) {
    let note = latest.checkpoint().as_bytes();
    payload.extend(latest.time().get().to_be_bytes());
    // At most MAX_CHECKPOINT_BYTES: `Request::verify` lets nothing longer through.
    payload.extend(u16::try_from(note.len()).unwrap_or(u16::MAX).to_be_bytes());
    payload.extend(note);
}

pub(super) fn payload(changes: &[Latest]) -> Vec<u8> {
    let mut payload = Vec::new();
    changes.iter().for_each(|latest| push(&mut payload, latest));
    payload
}

/// Takes one time and one checkpoint off the front of a payload.
pub(super) fn record<'a>(rest: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let (time, after) = rest.split_first_chunk()?;
    let (length, after) = after.split_first_chunk()?;
    let (note, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some((u64::from_be_bytes(*time), note))
}

/// The frames of a file, first to last.
pub(super) struct Frames {
    path: PathBuf,
    reader: BufReader<File>,
    chain: Chain,
    /// Bytes in the file when it was opened.
    len: u64,
    /// Bytes that were read and are whole.
    end: u64,
}

impl Frames {
    pub(super) fn of(path: &Path, file: File, identity: &Identity) -> Result<Self, RecordError> {
        let len = file.metadata().map_err(|source| RecordError::io(path, Act::Read, source))?.len();
        let mut reader = BufReader::new(file);
        let mut seen = [0; CHAIN_BYTES];
        let read = reader.read_exact(&mut seen);
        match read {
            Ok(()) if seen == *identity.as_bytes() => {}
            Err(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(RecordError::io(path, Act::Read, source));
            }
            _ => return Err(RecordError::OtherWitness { path: path.to_owned() }),
        }
        let end = CHAIN_BYTES as u64;
        Ok(Self { path: path.to_owned(), reader, chain: Chain::begin(identity), len, end })
    }

    /// Bytes behind the last whole frame; only meaningful at the end.
    pub(super) fn torn_bytes(&self) -> u64 {
        self.len - self.end
    }

    /// The next whole frame: where it begins, and its payload. `None` where the whole frames end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, RecordError> {
        let (offset, left) = (self.end, self.len - self.end);
        if left < HEAD_BYTES as u64 {
            return Ok(None);
        }
        let mut head = [0; HEAD_BYTES];
        self.read(&mut head)?;
        let [a, b, c, d, check @ ..] = head;
        let length = [a, b, c, d];
        if self.chain.check(length) != check {
            return if self.is_torn_head(&head)? { Ok(None) } else { Err(self.damaged()) };
        }
        let payload = u32::from_be_bytes(length) as usize;
        if payload == 0 || payload > MAX_PAYLOAD_BYTES {
            // The check fits, so this was written; no witness writes it.
            return Err(self.damaged());
        }
        let whole = (HEAD_BYTES + payload + CHAIN_BYTES) as u64;
        if whole > left {
            return Ok(None);
        }
        let mut bytes = vec![0; payload];
        self.read(&mut bytes)?;
        let mut seen = [0; CHAIN_BYTES];
        self.read(&mut seen)?;
        let mut chain = self.chain.clone();
        chain.advance(length, &bytes);
        if chain.0 != seen {
            let frame = [&head[..], &bytes, &seen].concat();
            let is_torn = whole == left && is_torn(offset, &frame, &chain.0);
            return if is_torn { Ok(None) } else { Err(self.damaged()) };
        }
        self.chain = chain;
        self.end += whole;
        Ok(Some((offset, bytes)))
    }

    /// Whether the file ends in zeros: from here on, or from the first sector that begins inside this head.
    fn is_torn_head(&mut self, head: &[u8; HEAD_BYTES]) -> Result<bool, RecordError> {
        let from = match self.end.next_multiple_of(SECTOR_BYTES) - self.end {
            inside if inside < HEAD_BYTES as u64 && head.iter().any(|byte| *byte != 0) => inside as usize,
            _ => 0,
        };
        if head.iter().skip(from).any(|byte| *byte != 0) {
            return Ok(false);
        }
        let mut some = [0; 4096];
        loop {
            let read = self.reader.read(&mut some);
            match read.map_err(|source| RecordError::io(&self.path, Act::Read, source))? {
                0 => return Ok(true),
                read if some.iter().take(read).any(|byte| *byte != 0) => return Ok(false),
                _ => {}
            }
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), RecordError> {
        let read = self.reader.read_exact(bytes);
        read.map_err(|source| RecordError::io(&self.path, Act::Read, source))
    }

    fn damaged(&self) -> RecordError {
        RecordError::Damaged { path: self.path.clone(), offset: self.end }
    }
}

/// Whether a sector of the last frame was never written: one that lies in it whole, or the one it ends in.
///
/// What is written never has so many zeros in a row. Of an end too short to say so, all that stands before it has to be right.
fn is_torn(offset: u64, frame: &[u8], chain: &[u8; CHAIN_BYTES]) -> bool {
    let is_empty = |part: &[u8]| part.iter().all(|byte| *byte == 0);
    let first = ((SECTOR_BYTES - offset % SECTOR_BYTES) % SECTOR_BYTES) as usize;
    let inside = frame.get(first..).unwrap_or_default();
    let mut sectors = inside.chunks_exact(SECTOR_BYTES as usize);
    if sectors.by_ref().any(is_empty) {
        return true;
    }
    let end = sectors.remainder();
    if end.is_empty() || !is_empty(end) {
        return false;
    }
    let kept = CHAIN_BYTES.saturating_sub(end.len());
    let (Some(seen), Some(wanted)) = (frame.last_chunk::<CHAIN_BYTES>(), chain.get(..kept)) else {
        return false;
    };
    end.len() >= MANY_ZEROS || seen.starts_with(wanted)
}
