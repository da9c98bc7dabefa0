//! Reading one segment of the ledger, record by record, and finding the segments of a ledger.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use merkle::{Hash, TreeHead, TreeSize};
use sha2::{Digest, Sha256};
use tlog::vkey::Vkey;

use super::{Act, BODY_BYTES, LedgerError, RECORD_BYTES, SignedHead};

const GENESIS: &[u8] = b"tallymark-ledger/v1\n";
const SEGMENT: &[u8] = b"tallymark-ledger-segment/v1\n";
/// Set in the first word of a header. No tree size has it.
const HEADER_BIT: u64 = 1 << 63;

/// What a segment begins with, if it is not the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    /// Chain before the carried record.
    pub(super) before: [u8; 32],
}

impl Header {
    pub(super) fn encode(&self, vkey: &Vkey) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&(HEADER_BIT | self.number).to_be_bytes());
        bytes[8..40].copy_from_slice(&self.before);
        let check = check(vkey, &bytes[..BODY_BYTES]);
        bytes[BODY_BYTES..].copy_from_slice(&check);
        bytes
    }

    /// `None` if these bytes are no header, or not of this log.
    fn decode(bytes: &[u8; RECORD_BYTES], vkey: &Vkey) -> Option<Self> {
        let (body, seen) = bytes.split_at(BODY_BYTES);
        let (word, rest) = body.split_first_chunk::<8>()?;
        let number = u64::from_be_bytes(*word) & !HEADER_BIT;
        let before = *rest.first_chunk::<32>()?;
        (check(vkey, body) == *seen && rest[32..] == [0; 8]).then_some(Self { number, before })
    }
}

fn check(vkey: &Vkey, body: &[u8]) -> [u8; 32] {
    let check = Sha256::new().chain_update(SEGMENT).chain_update(vkey.to_string()).chain_update(b"\n");
    check.chain_update(body).finalize().into()
}

pub(super) fn genesis(vkey: &Vkey) -> [u8; 32] {
    Sha256::new().chain_update(GENESIS).chain_update(vkey.to_string()).chain_update(b"\n").finalize().into()
}

pub(super) fn chained(previous: &[u8; 32], body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(body).finalize().into()
}

fn decode(body: &[u8]) -> Option<SignedHead> {
    let (size, rest) = body.split_first_chunk::<8>()?;
    let (root, time) = rest.split_first_chunk::<32>()?;
    let size = TreeSize::new(u64::from_be_bytes(*size)).ok()?;
    let head = TreeHead::new(size, Hash::from_bytes(*root)).ok()?;
    Some(SignedHead { head, time: u64::from_be_bytes(time.try_into().ok()?) })
}

/// The newest record of a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) head: SignedHead,
    /// As it stands in the file.
    pub(super) record: [u8; RECORD_BYTES],
    /// Chain before it.
    pub(super) before: [u8; 32],
}

impl Last {
    pub(super) fn chain(&self) -> [u8; 32] {
        let mut chain = [0; 32];
        chain.copy_from_slice(&self.record[BODY_BYTES..]);
        chain
    }
}

/// The records of one segment, oldest first.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
    reader: io::BufReader<File>,
    number: u64,
    len: u64,
    /// Bytes that were read and are complete.
    end: u64,
    chain: [u8; 32],
    last: Option<Last>,
}

impl Records {
    /// Starts at the beginning of `file`, which is not moved for others that share it only if they use offsets.
    pub(super) fn of(path: &Path, file: File, vkey: &Vkey) -> Result<Self, LedgerError> {
        let len = file.metadata().map_err(|source| LedgerError::io(path, Act::Read, source))?.len();
        let mut records = Self {
            path: path.to_owned(),
            reader: io::BufReader::new(file),
            number: 0,
            len,
            end: 0,
            chain: genesis(vkey),
            last: None,
        };
        let mut first = [0; 1];
        let read = std::os::unix::fs::FileExt::read_at(records.reader.get_ref(), &mut first, 0);
        read.map_err(|source| LedgerError::io(path, Act::Read, source))?;
        if first[0] & 0x80 != 0 {
            let bytes = if len >= RECORD_BYTES as u64 { records.bytes()? } else { [0; RECORD_BYTES] };
            let header = Header::decode(&bytes, vkey).ok_or_else(|| records.broken())?;
            (records.number, records.chain, records.end) =
                (header.number, header.before, RECORD_BYTES as u64);
        }
        Ok(records)
    }

    pub(super) fn open(path: &Path, vkey: &Vkey) -> Result<Self, LedgerError> {
        let file = File::open(path).map_err(|source| LedgerError::io(path, Act::Open, source))?;
        Self::of(path, file, vkey)
    }

    /// The number of this segment, 0 for the first.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Complete bytes so far, a header included.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes after the last complete record; only meaningful at the end.
    pub(super) fn torn_bytes(&self) -> u64 {
        self.len - self.end
    }

    pub(super) fn last(&self) -> Option<&Last> {
        self.last.as_ref()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next head; `None` where the complete records end.
    pub(super) fn next(&mut self) -> Result<Option<SignedHead>, LedgerError> {
        if self.len - self.end < RECORD_BYTES as u64 {
            return Ok(None);
        }
        let record = self.bytes()?;
        if record == [0; RECORD_BYTES] && self.len - self.end == RECORD_BYTES as u64 {
            return Ok(None);
        }
        let (body, seen) = record.split_at(BODY_BYTES);
        let before = self.chain;
        self.chain = chained(&before, body);
        if self.chain != *seen {
            return Err(self.broken());
        }
        let (path, offset) = (|| self.path.clone(), self.end);
        let head = decode(body).ok_or_else(|| LedgerError::BadHead { path: path(), offset })?;
        if self.last.is_some_and(|last| head.head.size() <= last.head.head.size()) {
            return Err(LedgerError::NotRising { path: path(), offset });
        }
        self.last = Some(Last { head, record, before });
        self.end += RECORD_BYTES as u64;
        Ok(Some(head))
    }

    fn bytes(&mut self) -> Result<[u8; RECORD_BYTES], LedgerError> {
        let mut record = [0; RECORD_BYTES];
        let read = self.reader.read_exact(&mut record);
        read.map_err(|source| LedgerError::io(&self.path, Act::Read, source))?;
        Ok(record)
    }

    fn broken(&self) -> LedgerError {
        LedgerError::ChainBroken { path: self.path.clone(), offset: self.end }
    }
}

/// Where a full segment is kept: `ledger` becomes `ledger.000000`, and so on.
#[must_use]
pub fn segment_path(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number:06}"));
    PathBuf::from(name)
}
