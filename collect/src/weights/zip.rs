//! The directory of a zip file, held against the file.
//!
//! Follows PKWARE's APPNOTE 6.3.10, and only as much of it as PyTorch, NumPy and Keras write: stored or deflated members, one
//! after the other from the first byte to the central directory, nothing in between and nothing around.
//!
//! ```text
//! each member   "PK\3\4" local header | name | extra | data | data descriptor, if flag 3 is set
//! directory     "PK\1\2" header | name | extra | comment, for each member
//! end           "PK\6\6" and "PK\6\7" of zip64, if it is needed | "PK\5\6", 22 bytes, the last of the file
//! ```
//! Zip has two descriptions of each member, and readers differ in which they believe. Here they must agree, no two members
//! share a name or a byte, and there is no comment, prefix, suffix or gap to hide in. Names are relative, do not climb, and are
//! UTF-8.
//!
//! Bounds: 64 MiB of directory, 100,000 members. A member is inflated only as far as it is asked for. In scope: the list of
//! members, small members in full with their CRC-32, beginnings of large ones. Out of scope: what the members mean.

mod crc32;
mod member;

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use attest::model_path::ModelPath;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

pub(crate) use self::member::Member;
use super::stream::{Stream, StreamError};
use crate::WarningReason;
use crate::excerpt::excerpt;

/// How a file begins that has a member, and how one without does.
pub(crate) const MAGICS: [&[u8; 4]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Longest central directory, in bytes.
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;
/// Most members. A model has one for each tensor.
const MAX_MEMBERS: u64 = 100_000;
/// Length of the last record without a comment, of the one of zip64, and of its locator, in bytes.
const END_BYTES: u64 = 22;
const END64_BYTES: u64 = 56;
const LOCATOR_BYTES: u64 = 20;

/// The members of a file, in the order of their data.
#[derive(Debug)]
pub(crate) struct Archive {
    members: Vec<Member>,
}

/// Why a file is no zip file as it is taken here. Names are excerpts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ZipError {
    #[error("does not end with the last record of a zip file")]
    NoEnd,
    #[error("the record at byte {at} is no {what}")]
    BadRecord { what: &'static str, at: u64 },
    #[error("two records disagree on {what}")]
    Records { what: &'static str },
    #[error("spread over several disks")]
    Disks,
    #[error("{what} of {seen}, want at most {limit}")]
    TooLarge { what: &'static str, seen: u64, limit: u64 },
    #[error("directory lies at {seen} bytes, want {wanted}")]
    DirectoryPlace { seen: u64, wanted: u64 },
    #[error("name of a member at byte {at} is not UTF-8")]
    NotUtf8 { at: u64 },
    #[error("member {name:?} leads out of the archive")]
    Outside { name: String },
    #[error("member {name:?} twice")]
    Duplicate { name: String },
    #[error("member {name:?} is encrypted")]
    Encrypted { name: String },
    #[error("member {name:?} is compressed with method {method}, want 0 or 8")]
    UnknownMethod { name: String, method: u16 },
    #[error("member {name:?} says {compressed} bytes hold {size}, which no method does")]
    Ratio { name: String, compressed: u64, size: u64 },
    #[error("member {name:?} has another {what} in the directory than in front of its data")]
    Mismatch { name: String, what: &'static str },
    #[error("member {name:?} begins at byte {seen}, want {wanted}, where the one before it ends")]
    Gap { name: String, seen: u64, wanted: u64 },
    #[error("member {name:?} ends at byte {end}, but the next begins at {next}")]
    Overlap { name: String, end: u64, next: u64 },
    #[error("extra field of a member at byte {at} is cut off")]
    BadExtra { at: u64 },
    #[error("member {name:?} cannot be inflated")]
    Inflate { name: String },
    #[error("member {name:?} has another CRC-32 than the directory says")]
    Crc { name: String },
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl ZipError {
    pub(crate) const fn reason(&self) -> WarningReason {
        match self {
            Self::TooLarge { .. } | Self::Ratio { .. } => WarningReason::TooLarge,
            Self::UnknownMethod { .. } | Self::Disks => WarningReason::UnknownVersion,
            Self::Outside { .. } => WarningReason::Escape,
            Self::Encrypted { .. } => WarningReason::NotRead,
            Self::Duplicate { .. } | Self::Mismatch { .. } | Self::Records { .. } => {
                WarningReason::Disagreement
            }
            Self::Stream(error) => error.reason(),
            _ => WarningReason::Malformed,
        }
    }
}

/// What the records at the end say about the directory.
#[derive(Clone, Copy)]
struct Directory {
    members: u64,
    len: u64,
    at: u64,
}

impl Archive {
    /// Reads the directory and every member's header.
    pub(crate) fn parse<R: Read + Seek>(stream: &mut Stream<R>) -> Result<Self, ZipError> {
        let directory = Directory::find(stream)?;
        stream.go_to(directory.at)?;
        let end = directory.at.saturating_add(directory.len);
        let mut members = Vec::new();
        for _ in 0..directory.members {
            members.push(Member::read(stream)?);
        }
        if stream.position() != end {
            return Err(ZipError::DirectoryPlace { seen: stream.position(), wanted: end });
        }
        members.sort_by_key(|member: &Member| member.header_at);
        refuse_names(&members)?;
        refuse_gaps(&mut members, stream, directory.at)?;
        Ok(Self { members })
    }

    /// The members that are files, in the order of their data.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.name.ends_with('/'))
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

impl Directory {
    /// Reads the last record, and those of zip64 in front of it if they are there.
    fn find<R: Read + Seek>(stream: &mut Stream<R>) -> Result<Self, ZipError> {
        let at = stream.len().checked_sub(END_BYTES).ok_or(ZipError::NoEnd)?;
        stream.go_to(at)?;
        if &stream.array()? != b"PK\x05\x06" {
            return Err(ZipError::NoEnd);
        }
        let (disk, directory_disk) = (stream.u16()?, stream.u16()?);
        let (members_here, members) = (stream.u16()?, stream.u16()?);
        let (len, offset, comment) = (stream.u32()?, stream.u32()?, stream.u16()?);
        if comment != 0 {
            return Err(ZipError::NoEnd);
        }
        let short = Self { members: members.into(), len: len.into(), at: offset.into() };
        if (disk, directory_disk) != (0, 0) || members_here != members {
            return Err(ZipError::Disks);
        }
        let (found, records_at) = match Self::find64(stream, at)? {
            Some((long, records_at)) => (short.widen(long)?, records_at),
            None => (short, at),
        };
        found.refuse_place(records_at)
    }

    /// The record of zip64 and where it begins, if a locator says that there is one.
    fn find64<R: Read + Seek>(stream: &mut Stream<R>, end: u64) -> Result<Option<(Self, u64)>, ZipError> {
        let Some(locator_at) = end.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
        stream.go_to(locator_at)?;
        if &stream.array()? != b"PK\x06\x07" {
            return Ok(None);
        }
        let (disk, at, disks) = (stream.u32()?, stream.u64()?, stream.u32()?);
        if disk != 0 || disks > 1 {
            return Err(ZipError::Disks);
        }
        if at.checked_add(END64_BYTES) != Some(locator_at) {
            return Err(ZipError::BadRecord { what: "record of zip64", at });
        }
        stream.go_to(at)?;
        let (magic, len) = (stream.array::<4>()?, stream.u64()?);
        if &magic != b"PK\x06\x06" || len != END64_BYTES - 12 {
            return Err(ZipError::BadRecord { what: "record of zip64", at });
        }
        stream.skip(4)?; // versions
        let (disk, directory_disk) = (stream.u32()?, stream.u32()?);
        let (members_here, members) = (stream.u64()?, stream.u64()?);
        if (disk, directory_disk) != (0, 0) || members_here != members {
            return Err(ZipError::Disks);
        }
        Ok(Some((Self { members, len: stream.u64()?, at: stream.u64()? }, at)))
    }

    /// Takes the long numbers, which the short ones repeat unless they are full.
    fn widen(self, long: Self) -> Result<Self, ZipError> {
        let pairs = [
            ("the number of members", self.members, long.members, u64::from(u16::MAX)),
            ("the length of the directory", self.len, long.len, u64::from(u32::MAX)),
            ("the place of the directory", self.at, long.at, u64::from(u32::MAX)),
        ];
        match pairs.into_iter().find(|(_, short, long, full)| short != long && short != full) {
            Some((what, ..)) => Err(ZipError::Records { what }),
            None => Ok(long),
        }
    }

    /// The directory ends where the records begin, and is bounded.
    fn refuse_place(self, records_at: u64) -> Result<Self, ZipError> {
        let Self { members, len, at } = self;
        if members > MAX_MEMBERS {
            return Err(ZipError::TooLarge { what: "number of members", seen: members, limit: MAX_MEMBERS });
        }
        if len > MAX_DIRECTORY_BYTES {
            return Err(ZipError::TooLarge { what: "directory", seen: len, limit: MAX_DIRECTORY_BYTES });
        }
        if at.checked_add(len) != Some(records_at) {
            return Err(ZipError::DirectoryPlace { seen: at, wanted: records_at.saturating_sub(len) });
        }
        Ok(self)
    }
}

fn refuse_names(members: &[Member]) -> Result<(), ZipError> {
    let mut names = BTreeSet::new();
    for member in members {
        let name = member.name.strip_suffix('/').unwrap_or(&member.name);
        if ModelPath::new(name).is_err() {
            return Err(ZipError::Outside { name: excerpt(&member.name) });
        }
        if !names.insert(name) {
            return Err(ZipError::Duplicate { name: excerpt(&member.name) });
        }
    }
    Ok(())
}

/// Reads the headers in front of the data. Members lie end to end from the first byte of the file to the directory.
fn refuse_gaps<R: Read + Seek>(
    members: &mut [Member],
    stream: &mut Stream<R>,
    directory_at: u64,
) -> Result<(), ZipError> {
    let begins = members.iter().map(|member| member.header_at).skip(1).chain([directory_at]);
    let begins: Vec<_> = begins.collect();
    let mut wanted = 0;
    for (member, next) in members.iter_mut().zip(begins) {
        let (name, seen) = (|name: &str| excerpt(name), member.header_at);
        if seen != wanted {
            return Err(ZipError::Gap { name: name(&member.name), seen, wanted });
        }
        member.refuse_local_header(stream)?;
        wanted = member.refuse_descriptor(stream, next)?;
    }
    if wanted != directory_at {
        return Err(ZipError::DirectoryPlace { seen: directory_at, wanted });
    }
    Ok(())
}

impl Member {
    /// The whole content of a small member, whose CRC-32 is right.
    pub(crate) fn content<R: Read + Seek>(
        &self,
        stream: &mut Stream<R>,
        limit: u64,
    ) -> Result<Vec<u8>, ZipError> {
        if self.size > limit {
            return Err(ZipError::TooLarge { what: "member", seen: self.size, limit });
        }
        let content = self.beginning(stream, self.size)?;
        if content.len() as u64 != self.size {
            return Err(ZipError::Inflate { name: excerpt(&self.name) });
        }
        if crc32::of(&content) != self.crc32 {
            return Err(ZipError::Crc { name: excerpt(&self.name) });
        }
        Ok(content)
    }

    /// The first `count` bytes of the content, or all if there are fewer; without a CRC-32, which is over all of them.
    pub(crate) fn beginning<R: Read + Seek>(
        &self,
        stream: &mut Stream<R>,
        count: u64,
    ) -> Result<Vec<u8>, ZipError> {
        let count = count.min(self.size);
        stream.go_to(self.data_at)?;
        if !self.is_deflated {
            return Ok(stream.bytes(count)?);
        }
        // Stored blocks are the worst case: five bytes more for each 65,535.
        let enough = count.saturating_add(count / 65_535 * 5).saturating_add(64);
        let compressed = stream.bytes(self.compressed.min(enough))?;
        let bad = || ZipError::Inflate { name: excerpt(&self.name) };
        let mut content = vec![0; usize::try_from(count).map_err(|_| bad())?];
        let whole = count == self.size && self.compressed <= enough;
        let more = if whole { 0 } else { inflate_flags::TINFL_FLAG_HAS_MORE_INPUT };
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | more;
        let mut state = Box::<DecompressorOxide>::default();
        let (status, read, written) = decompress(&mut state, &compressed, &mut content, 0, flags);
        let is_end = status == TINFLStatus::Done && read == compressed.len() && written == content.len();
        let is_beginning = status == TINFLStatus::HasMoreOutput && !whole && written == content.len();
        if is_end || is_beginning { Ok(content) } else { Err(bad()) }
    }
}
