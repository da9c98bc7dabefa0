//! Zip, read so that no second reader can see other members: every byte of the file belongs to one member or to the directory.
//!
//! Follows PKWARE's APPNOTE 6.3.10, of which it takes little.
//!
//! ```text
//! member     header | name | extra | data | descriptor, if flag 3 is set
//! directory  one header for each member, in any order
//! end        record of zip64 and its locator, if they are there | end record, without comment, at the end of the file
//! ```
//! Members lie end to end from byte 0. The two headers of a member say the same; a name is a path, once. Stored and deflated
//! members are read, links and encrypted ones refused. This is stricter than `unzip`, than Python and than what loaders accept; what
//! those write passes.

mod crc32;
mod inflate;
mod member;

use std::collections::BTreeSet;

use attest::model_path::ModelPath;

use self::crc32::Crc32;
pub(crate) use self::inflate::{Wrapping, inflate};
pub(crate) use self::member::Member;
use crate::finding::Fault;
use crate::not_evaluated::NotEvaluated;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stop, Stream, refuse};

const END_BYTES: u64 = 22;
const LOCATOR_BYTES: u64 = 20;
const END64_BYTES: u64 = 56;

/// Most members: one for each tensor.
const MAX_MEMBERS: u64 = 1 << 17;

/// Largest directory, in bytes.
const MAX_DIRECTORY_BYTES: u64 = 16 << 20;

/// Largest member that is inflated, in bytes: its content is held in memory.
pub(crate) const MAX_CONTENT: u64 = 16 << 20;

/// Largest stored member whose checksum is computed, in bytes. What is larger has tensors in it, which are not read.
const MAX_SUMMED: u64 = 64 << 20;

/// The members of a zip, in the order of their data.
pub(crate) struct Zip {
    pub(crate) members: Vec<Member>,
}

/// Where the directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Directory {
    members: u64,
    len: u64,
    at: u64,
}

fn malformed<T>(at: u64, what: impl Into<String>) -> Step<T> {
    refuse(Reason::ZipMalformed, at, what)
}

impl Zip {
    /// Reads the directory and every header in front of data. The first thing that is not as it must be is the fault.
    pub(crate) fn read(stream: &mut Stream<'_>) -> Step<Self> {
        let directory = Directory::find(stream)?;
        stream.go_to(directory.at)?;
        let mut members = Vec::new();
        for _ in 0..directory.members {
            members.push(Member::read(stream)?);
        }
        let end = directory.at.saturating_add(directory.len);
        if stream.position() != end {
            return malformed(stream.position(), format!("directory ends here, want at {end}"));
        }
        members.sort_by_key(|member: &Member| member.header_at);
        refuse_names(&members)?;
        let mut wanted = 0;
        let begins: Vec<u64> =
            members.iter().map(|member| member.header_at).skip(1).chain([directory.at]).collect();
        for (member, next) in members.iter_mut().zip(begins) {
            if member.header_at != wanted {
                let what = format!("member begins here, the one before it ends at {wanted}");
                return refuse(Reason::ZipGap, member.header_at, what);
            }
            wanted = member.read_local(stream, next)?;
        }
        if wanted != directory.at {
            return refuse(
                Reason::ZipGap,
                wanted,
                format!("members end here, the directory begins at {}", directory.at),
            );
        }
        Ok(Self { members })
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The members that are files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.name.ends_with('/'))
    }
}

impl Directory {
    fn find(stream: &mut Stream<'_>) -> Step<Self> {
        let Some(at) = stream.len().checked_sub(END_BYTES) else {
            return malformed(0, "shorter than an end record");
        };
        stream.go_to(at)?;
        if &stream.array()? != b"PK\x05\x06" {
            return refuse(
                Reason::ZipGap,
                at,
                "no end record in the last 22 bytes: cut short, a comment, or bytes behind it",
            );
        }
        let (disk, directory_disk) = (stream.u16()?, stream.u16()?);
        let (here, members) = (stream.u16()?, stream.u16()?);
        let (len, offset, comment) = (stream.u32()?, stream.u32()?, stream.u16()?);
        if (disk, directory_disk, comment) != (0, 0, 0) || here != members {
            return malformed(at, "several disks, or a comment");
        }
        let short = Self { members: members.into(), len: len.into(), at: offset.into() };
        let (found, records_at) = match Self::find64(stream, at)? {
            Some((long, records_at)) => {
                let pairs = [
                    (short.members, long.members, u64::from(u16::MAX)),
                    (short.len, long.len, u64::from(u32::MAX)),
                    (short.at, long.at, u64::from(u32::MAX)),
                ];
                if pairs.iter().any(|(short, long, full)| short != long && short != full) {
                    return refuse(Reason::ZipHeaderMismatch, at, "the two end records do not say the same");
                }
                (long, records_at)
            }
            None => (short, at),
        };
        if found.members > MAX_MEMBERS || found.len > MAX_DIRECTORY_BYTES {
            return refuse(Reason::TooLarge, at, format!("{} members in {} bytes", found.members, found.len));
        }
        if found.at.checked_add(found.len) != Some(records_at) {
            return refuse(
                Reason::ZipGap,
                records_at,
                "the directory does not end where the end records begin",
            );
        }
        Ok(found)
    }

    /// The record of zip64 and where it begins.
    fn find64(stream: &mut Stream<'_>, end: u64) -> Step<Option<(Self, u64)>> {
        let Some(locator_at) = end.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
        stream.go_to(locator_at)?;
        if &stream.array()? != b"PK\x06\x07" {
            return Ok(None);
        }
        let (disk, at, disks) = (stream.u32()?, stream.u64()?, stream.u32()?);
        if disk != 0 || disks > 1 {
            return malformed(locator_at, "several disks");
        }
        if at.checked_add(END64_BYTES) != Some(locator_at) {
            return refuse(
                Reason::ZipGap,
                locator_at,
                "the record of zip64 does not end where its locator begins",
            );
        }
        stream.go_to(at)?;
        let (magic, len) = (stream.array::<4>()?, stream.u64()?);
        if &magic != b"PK\x06\x06" || len != END64_BYTES - 12 {
            return malformed(at, "no record of zip64 where the locator says");
        }
        stream.skip(4)?; // versions
        let (disk, directory_disk) = (stream.u32()?, stream.u32()?);
        let (here, members) = (stream.u64()?, stream.u64()?);
        if (disk, directory_disk) != (0, 0) || here != members {
            return malformed(at, "several disks");
        }
        Ok(Some((Self { members, len: stream.u64()?, at: stream.u64()? }, at)))
    }
}

/// Refuses names that are no paths, that lead out of the archive, or that are there twice: also as a directory of another, or with other
/// letters of the same case, which some file systems merge.
fn refuse_names(members: &[Member]) -> Step<()> {
    let mut names = BTreeSet::new();
    for member in members {
        let name = member.name.strip_suffix('/').unwrap_or(&member.name);
        let is_plain = !name.chars().any(char::is_control) && !name.contains(':');
        if ModelPath::new(name).is_err() || !is_plain {
            return refuse(Reason::ArchivePath, member.header_at, format!("member {}", member.name));
        }
        if !names.insert(name.to_lowercase()) {
            return refuse(Reason::ZipDuplicateName, member.header_at, format!("member {}", member.name));
        }
    }
    for member in members.iter().filter(|member| !member.name.ends_with('/')) {
        let below = format!("{}/", member.name.to_lowercase());
        if names.range(below.clone()..).next().is_some_and(|name| name.starts_with(&below)) {
            let what = format!("member {} is a file and a directory", member.name);
            return refuse(Reason::ZipDuplicateName, member.header_at, what);
        }
    }
    Ok(())
}

impl Member {
    /// Goes to the content and hands it to `read`: of a stored member a window of the file, of a deflated one what was inflated. Its
    /// checksum is held against all of it, unless it is larger than [`MAX_SUMMED`].
    pub(crate) fn open<T>(
        &self,
        stream: &mut Stream<'_>,
        sink: &mut Sink,
        read: impl FnOnce(&mut Stream<'_>, &mut Sink) -> Step<T>,
    ) -> Step<T> {
        if self.is_deflated {
            let content = self.inflated(stream, sink)?;
            if Crc32::of(&content) != self.crc32 {
                return refuse_content(Reason::ChecksumMismatch, "its checksum is another");
            }
            let mut content = std::io::Cursor::new(content);
            return read(&mut Stream::new(&mut content)?, sink);
        }
        let mut window = stream.window(self.data_at, self.size)?;
        if self.size > MAX_SUMMED {
            sink.not_evaluated.insert(NotEvaluated::MemberChecksums);
            return read(&mut window, sink);
        }
        let mut crc32 = Crc32::new();
        while window.left() > 0 {
            crc32.update(window.some(usize::MAX)?);
        }
        if crc32.finish() != self.crc32 {
            return refuse_content(Reason::ChecksumMismatch, "its checksum is another");
        }
        window.go_to(0)?;
        read(&mut window, sink)
    }

    fn inflated(&self, stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Vec<u8>> {
        if self.size > MAX_CONTENT || !sink.take_inflated(self.size) {
            return refuse_content(Reason::TooLarge, format!("{} bytes when inflated", self.size));
        }
        let mut window = stream.window(self.data_at, self.compressed)?;
        match inflate(&mut window, Wrapping::None, self.size)? {
            Some(content) if content.len() as u64 == self.size && window.left() == 0 => Ok(content),
            _ => refuse_content(Reason::ZipMalformed, "does not inflate"),
        }
    }

    /// The first bytes of the content, at most `most`; without its checksum, which is over all of it.
    pub(crate) fn beginning(&self, stream: &mut Stream<'_>, sink: &mut Sink, most: u64) -> Step<Vec<u8>> {
        let most = most.min(self.size);
        if !self.is_deflated {
            return stream.window(self.data_at, self.size)?.beginning(most);
        }
        if !sink.take_inflated(most) {
            return refuse_content(Reason::TooLarge, "more inflated than is allowed for one file");
        }
        let mut window = stream.window(self.data_at, self.compressed)?;
        match inflate(&mut window, Wrapping::None, most)? {
            Some(content) if content.len() as u64 == most => Ok(content),
            _ => refuse_content(Reason::ZipMalformed, "does not inflate"),
        }
    }
}

/// Refuses the content of a member as a whole.
fn refuse_content<T>(reason: Reason, what: impl Into<String>) -> Step<T> {
    Err(Stop::Fault(Fault::new(reason, None, what)))
}
