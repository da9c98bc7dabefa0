//! The framing of a log: blocks of chunks to records, in memory that does not grow with the log.
//!
//! A fault costs the rest of its block, since the length of a chunk is not covered by its checksum and whatever follows may
//! be anything; in the next block a record begins anew. That is how W&B's own reader recovers.

use std::io::{self, Read};

use crate::WarningReason;
use crate::wandb::WandbError;

/// Bytes of a block.
const BLOCK_BYTES: usize = 1 << 15;
/// Bytes in front of the data of a chunk.
const CHUNK_HEADER_BYTES: usize = 7;
/// Bytes in front of the first chunk.
const LOG_HEADER_BYTES: usize = 7;
/// What a log begins with, before its version.
const MAGIC: [u8; 6] = *b":W&B\xe1\xbe";
/// Largest record. W&B itself refuses values of more than some megabytes.
const MAX_RECORD_BYTES: usize = 16 << 20;

/// What was read, or why something was not.
#[derive(Debug)]
pub(super) enum Event {
    Record {
        /// Where its first chunk begins.
        offset: u64,
        bytes: Vec<u8>,
    },
    Fault(Fault),
}

/// What is wrong, and the byte at which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("checksum {found:08x}, want {wanted:08x}")]
    Checksum { offset: u64, found: u32, wanted: u32 },
    #[error("a chunk of {length} bytes, which is more than its block has left")]
    BeyondBlock { offset: u64, length: u16 },
    #[error("a chunk of type {found}, which is out of order")]
    OutOfOrder { offset: u64, found: u8 },
    #[error("bytes that are not zero behind the last chunk of a block")]
    Padding { offset: u64 },
    #[error("a record of more than {MAX_RECORD_BYTES} bytes")]
    RecordTooLarge { offset: u64 },
    #[error("the log ends in the middle of a record")]
    Truncated { offset: u64 },
    #[error("a chunk of type {found}, want 1 to 4")]
    UnknownType { offset: u64, found: u8 },
}

impl Fault {
    pub(super) const fn offset(self) -> u64 {
        match self {
            Self::Checksum { offset, .. }
            | Self::BeyondBlock { offset, .. }
            | Self::OutOfOrder { offset, .. }
            | Self::Padding { offset }
            | Self::RecordTooLarge { offset }
            | Self::Truncated { offset }
            | Self::UnknownType { offset, .. } => offset,
        }
    }

    pub(super) const fn reason(self) -> WarningReason {
        match self {
            Self::RecordTooLarge { .. } => WarningReason::TooLarge,
            _ => WarningReason::Malformed,
        }
    }
}

/// What a chunk is of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    First,
    Middle,
    Last,
}

impl Part {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Whole,
            2 => Self::First,
            3 => Self::Middle,
            4 => Self::Last,
            _ => return None,
        })
    }

    const fn to_byte(self) -> u8 {
        match self {
            Self::Whole => 1,
            Self::First => 2,
            Self::Middle => 3,
            Self::Last => 4,
        }
    }
}

/// Where the reader stands among the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A record is to begin.
    Between,
    /// A record has begun at this byte.
    Inside(u64),
    /// Something was lost: parts of records that began before are passed by.
    Recovering,
}

/// Reads the records of a log one by one.
#[derive(Debug)]
pub(super) struct LogReader<R> {
    input: R,
    /// The block at hand; shorter than others if it is the last.
    block: Vec<u8>,
    /// Where in the log the block begins.
    block_offset: u64,
    /// Where in the block the next chunk begins.
    next: usize,
    state: State,
    /// What there is of the record that has begun.
    record: Vec<u8>,
}

impl<R: Read> LogReader<R> {
    /// Reads the header. `name` is what errors call the log.
    pub(super) fn open(input: R, name: &str) -> Result<Self, WandbError> {
        let mut reader = Self {
            input,
            block: Vec::new(),
            block_offset: 0,
            next: LOG_HEADER_BYTES,
            state: State::Between,
            record: Vec::new(),
        };
        let name = || name.to_owned();
        reader.fill_block().map_err(|source| WandbError::Io { name: name(), source })?;
        match reader.block.split_first_chunk() {
            Some((&MAGIC, [0, ..])) => Ok(reader),
            Some((&MAGIC, &[found, ..])) => Err(WandbError::UnknownVersion { name: name(), found }),
            _ => {
                reader.block.truncate(MAGIC.len());
                Err(WandbError::NotALog { name: name(), found: reader.block })
            }
        }
    }

    /// The next record or fault; `None` at the end. Every call goes on in the log, so there is an end.
    pub(super) fn next_event(&mut self) -> io::Result<Option<Event>> {
        loop {
            let (offset, chunk) = match self.next_chunk()? {
                Next::Chunk(offset, chunk) => (offset, chunk),
                Next::Fault(fault) => {
                    self.state = State::Recovering;
                    return Ok(Some(Event::Fault(fault)));
                }
                Next::End => return Ok(self.end().map(Event::Fault)),
            };
            match (chunk.part, self.state) {
                (Part::Whole | Part::First, State::Inside(_)) => {
                    // The record before lacks its end. This chunk is whole, and is read once more with that said.
                    self.next = chunk.start - CHUNK_HEADER_BYTES;
                    self.state = State::Between;
                    let found = chunk.part.to_byte();
                    return Ok(Some(Event::Fault(Fault::OutOfOrder { offset, found })));
                }
                (Part::Whole, _) => {
                    self.state = State::Between;
                    let bytes = self.data(chunk).to_vec();
                    return Ok(Some(Event::Record { offset, bytes }));
                }
                (Part::First, _) => {
                    self.state = State::Inside(offset);
                    self.record.clear();
                    self.append(chunk);
                }
                (Part::Middle | Part::Last, State::Between) => {
                    self.state = State::Recovering;
                    let found = chunk.part.to_byte();
                    return Ok(Some(Event::Fault(Fault::OutOfOrder { offset, found })));
                }
                (Part::Middle | Part::Last, State::Recovering) => {}
                (part, State::Inside(start)) => {
                    if self.record.len().saturating_add(chunk.len) > MAX_RECORD_BYTES {
                        self.state = State::Recovering;
                        return Ok(Some(Event::Fault(Fault::RecordTooLarge { offset: start })));
                    }
                    self.append(chunk);
                    if part == Part::Last {
                        self.state = State::Between;
                        let bytes = core::mem::take(&mut self.record);
                        return Ok(Some(Event::Record { offset: start, bytes }));
                    }
                }
            }
        }
    }

    fn data(&self, chunk: Chunk) -> &[u8] {
        self.block.get(chunk.start..chunk.start + chunk.len).unwrap_or_default()
    }

    fn append(&mut self, chunk: Chunk) {
        let data = self.block.get(chunk.start..chunk.start + chunk.len).unwrap_or_default();
        self.record.extend_from_slice(data);
    }

    /// What is left to say at the end: that a record has begun and does not end.
    const fn end(&mut self) -> Option<Fault> {
        let state = core::mem::replace(&mut self.state, State::Between);
        match state {
            State::Inside(offset) => Some(Fault::Truncated { offset }),
            State::Between | State::Recovering => None,
        }
    }

    fn next_chunk(&mut self) -> io::Result<Next> {
        loop {
            let offset = self.block_offset + self.next as u64;
            let rest = self.block.get(self.next..).unwrap_or_default();
            let is_last_block = self.block.len() < BLOCK_BYTES;
            let Some((header, data)) = rest.split_first_chunk::<CHUNK_HEADER_BYTES>() else {
                let is_zero = rest.iter().all(|byte| *byte == 0);
                self.next = self.block.len();
                if !is_zero {
                    let fault =
                        if is_last_block { Fault::Truncated { offset } } else { Fault::Padding { offset } };
                    return Ok(Next::Fault(fault));
                }
                if is_last_block || !self.next_block()? {
                    return Ok(Next::End);
                }
                continue;
            };
            let found = match read_chunk(*header, data, offset, is_last_block) {
                Ok(Some((part, len))) => {
                    let start = self.next + CHUNK_HEADER_BYTES;
                    self.next = start + len;
                    Next::Chunk(offset, Chunk { part, start, len })
                }
                // Zeros to the end of the block: space that was set aside and never written.
                Ok(None) => {
                    self.next = self.block.len();
                    continue;
                }
                Err(fault) => {
                    self.next = self.block.len();
                    Next::Fault(fault)
                }
            };
            return Ok(found);
        }
    }

    /// Reads the next block; whether there is one.
    fn next_block(&mut self) -> io::Result<bool> {
        self.block_offset += self.block.len() as u64;
        self.next = 0;
        self.fill_block()?;
        Ok(!self.block.is_empty())
    }

    fn fill_block(&mut self) -> io::Result<()> {
        self.block.clear();
        let mut input = (&mut self.input).take(BLOCK_BYTES as u64);
        input.read_to_end(&mut self.block).map(|_| ())
    }
}

/// A chunk in the block at hand.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    part: Part,
    start: usize,
    len: usize,
}

/// What comes next in the log.
#[derive(Debug)]
enum Next {
    Chunk(u64, Chunk),
    Fault(Fault),
    End,
}

/// Part and length of a chunk that is whole; `None` for a header of zeros with nothing but zeros behind it.
fn read_chunk(
    header: [u8; CHUNK_HEADER_BYTES],
    rest: &[u8],
    offset: u64,
    is_last_block: bool,
) -> Result<Option<(Part, usize)>, Fault> {
    let [c0, c1, c2, c3, l0, l1, kind] = header;
    let (found, length) = (u32::from_le_bytes([c0, c1, c2, c3]), u16::from_le_bytes([l0, l1]));
    if header == [0; CHUNK_HEADER_BYTES] && rest.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let Some(data) = rest.get(..usize::from(length)) else {
        return Err(if is_last_block {
            Fault::Truncated { offset }
        } else {
            Fault::BeyondBlock { offset, length }
        });
    };
    let wanted = crc32(kind, data);
    if found != wanted {
        return Err(Fault::Checksum { offset, found, wanted });
    }
    let part = Part::from_byte(kind).ok_or(Fault::UnknownType { offset, found: kind })?;
    Ok(Some((part, data.len())))
}

/// CRC-32 of IEEE 802.3, of the type of a chunk and its data.
pub(super) fn crc32(kind: u8, data: &[u8]) -> u32 {
    !data.iter().fold(crc32_step(u32::MAX, kind), |crc, byte| crc32_step(crc, *byte))
}

const fn crc32_step(crc: u32, byte: u8) -> u32 {
    let [low, ..] = crc.to_le_bytes();
    (crc >> 8) ^ CRC32_OF_BYTE[(low ^ byte) as usize]
}

/// The remainders of all bytes, for the reflected polynomial of IEEE 802.3.
const CRC32_OF_BYTE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_ieee_802_3() {
        // The check value of the catalogue of CRCs.
        assert_eq!(crc32(b'1', b"23456789"), 0xcbf4_3926);
    }
}
