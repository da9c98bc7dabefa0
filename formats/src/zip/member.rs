//! One member: its header in the directory, the one in front of its data, and what follows the data.

use super::malformed;
use crate::reason::Reason;
use crate::stream::{Step, Stream, refuse};

/// Bits of a member's flags: encrypted, sizes behind the data, strongly encrypted, name in UTF-8, header masked.
const ENCRYPTED: u16 = 1;
const HAS_DESCRIPTOR: u16 = 1 << 3;
const STRONGLY_ENCRYPTED: u16 = 1 << 6;
const UTF8: u16 = 1 << 11;
const MASKED: u16 = 1 << 13;
/// Bits that say how hard the packer tried.
const EFFORT: u16 = 0b110;

/// Deflate makes no more than this of one byte.
const MAX_RATIO: u64 = 1032;

/// Extra fields that are taken: zip64, times, owners, and PyTorch's padding. Others, such as a second name, are refused.
const ZIP64: u16 = 0x0001;
const HARMLESS: [u16; 4] = [0x5455, 0x7855, 0x7875, u16::from_le_bytes(*b"FB")];

/// What stands instead of a number that is in the extra field.
const FULL: u64 = u32::MAX as u64;

/// File types of Unix in the upper half of the external attributes.
const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// A member.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Length of the content, in bytes.
    pub(crate) size: u64,
    pub(crate) is_deflated: bool,
    /// Where the header in front of the data begins.
    pub(crate) header_at: u64,
    pub(super) compressed: u64,
    pub(super) crc32: u32,
    /// Where the data begins; 0 until that header was read.
    pub(super) data_at: u64,
    flags: u16,
    method: u16,
}

impl Member {
    /// Reads a header of the directory.
    pub(super) fn read(stream: &mut Stream<'_>) -> Step<Self> {
        let at = stream.position();
        if &stream.array()? != b"PK\x01\x02" {
            return malformed(at, "no header of a member in the directory");
        }
        let made_by = stream.u16()?;
        stream.skip(2)?; // version needed
        let (flags, method) = (stream.u16()?, stream.u16()?);
        stream.skip(4)?; // time and date
        let crc32 = stream.u32()?;
        let (compressed, size) = (stream.u32()?, stream.u32()?);
        let (name_len, extra_len, comment_len) = (stream.u16()?, stream.u16()?, stream.u16()?);
        let disk = stream.u16()?;
        stream.skip(2)?; // internal attributes
        let attributes = stream.u32()?;
        let header_at = stream.u32()?;
        let name = stream.bytes(name_len.into())?;
        let extra = stream.bytes(extra_len.into())?;
        let Ok(name) = String::from_utf8(name) else { return malformed(at, "name that is not UTF-8") };
        if disk != 0 || comment_len != 0 {
            return malformed(at, format!("member {name} on another disk or with a comment"));
        }
        if flags & UTF8 == 0 && !name.is_ascii() {
            return malformed(at, format!("member {name} without the flag of UTF-8"));
        }
        let unix = attributes >> 16 & TYPE_MASK;
        let wanted = if name.ends_with('/') { DIRECTORY } else { REGULAR };
        if made_by >> 8 == 3 && unix != 0 && unix != wanted {
            return refuse(Reason::ArchiveLink, at, format!("member {name} is of file type {unix:o}"));
        }
        let [size, compressed, header_at] = widen([size, compressed, header_at], &extra, at, &name)?;
        let is_deflated = method == 8;
        let member =
            Self { name, size, is_deflated, header_at, compressed, crc32, data_at: 0, flags, method };
        member.refuse_method(at)?;
        Ok(member)
    }

    fn refuse_method(&self, at: u64) -> Step<()> {
        let Self { name, method, compressed, size, .. } = self;
        if self.flags & (ENCRYPTED | STRONGLY_ENCRYPTED | MASKED) != 0 {
            return refuse(Reason::ZipEncrypted, at, format!("member {name}"));
        }
        if self.flags & !(HAS_DESCRIPTOR | UTF8 | EFFORT) != 0 {
            return malformed(at, format!("member {name} with flags {:#06x}", self.flags));
        }
        let fits = match method {
            0 => size == compressed,
            8 => *size <= compressed.saturating_mul(MAX_RATIO),
            _ => return refuse(Reason::ZipMethod, at, format!("member {name} with method {method}")),
        };
        if !fits || (name.ends_with('/') && *size != 0) {
            return refuse(Reason::ZipMethod, at, format!("member {name}: {size} bytes of {compressed}"));
        }
        Ok(())
    }

    /// Reads the header in front of the data, which must say the same, and what follows the data. Gives back where the member ends; the
    /// next one begins at `next`.
    pub(super) fn read_local(&mut self, stream: &mut Stream<'_>, next: u64) -> Step<u64> {
        let at = self.header_at;
        stream.go_to(at)?;
        if &stream.array()? != b"PK\x03\x04" {
            return malformed(at, format!("no header in front of member {}", self.name));
        }
        stream.skip(2)?; // version needed
        let (flags, method) = (stream.u16()?, stream.u16()?);
        stream.skip(4)?; // time and date
        let crc32 = stream.u32()?;
        let (compressed, size) = (stream.u32()?, stream.u32()?);
        let (name_len, extra_len) = (stream.u16()?, stream.u16()?);
        let name = stream.bytes(name_len.into())?;
        let extra = stream.bytes(extra_len.into())?;
        self.data_at = stream.position();
        let [size, compressed, _] = widen([size, compressed, 0], &extra, at, &self.name)?;
        let has_descriptor = flags & HAS_DESCRIPTOR != 0;
        let is_same = crc32 == self.crc32 && compressed == self.compressed && size == self.size;
        // With a descriptor the three may be zero here; nothing else may differ.
        let is_later = has_descriptor && (crc32, compressed, size) == (0, 0, 0);
        if name != self.name.as_bytes()
            || flags != self.flags
            || method != self.method
            || !(is_same || is_later)
        {
            return refuse(Reason::ZipHeaderMismatch, at, format!("member {}", self.name));
        }
        let Some(end) = self.data_at.checked_add(self.compressed).filter(|end| *end <= next) else {
            return refuse(Reason::ZipGap, at, format!("member {} runs into what follows", self.name));
        };
        if !has_descriptor {
            return Ok(end);
        }
        stream.go_to(end)?;
        let descriptor = stream.bytes(next.saturating_sub(end).min(32))?;
        let fields = descriptor.strip_prefix(b"PK\x07\x08").unwrap_or(&descriptor);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let width = match fields.len() {
            12 => 4,
            20 => 8,
            _ => {
                return refuse(
                    Reason::ZipGap,
                    end,
                    format!("behind member {} lies no descriptor", self.name),
                );
            }
        };
        let (sum, sizes) = fields.split_at(4);
        let (compressed, size) = sizes.split_at(width);
        if (number(sum), number(compressed), number(size)) != (self.crc32.into(), self.compressed, self.size)
        {
            return refuse(Reason::ZipHeaderMismatch, end, format!("descriptor of member {}", self.name));
        }
        Ok(next)
    }
}

/// Takes the numbers that are in the extra field of zip64: size, compressed size and place, each only if it is full where it should be.
fn widen(numbers: [u32; 3], extra: &[u8], at: u64, name: &str) -> Step<[u64; 3]> {
    let mut numbers = numbers.map(u64::from);
    let (mut rest, mut seen64) = (extra, false);
    while let [a, b, c, d, after @ ..] = rest {
        let (id, len) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
        let Some((field, after)) = after.split_at_checked(len) else { break };
        rest = after;
        if id == ZIP64 && !seen64 {
            seen64 = true;
            let mut wide = field.chunks_exact(8);
            for number in numbers.iter_mut().filter(|number| **number == FULL) {
                let Some(bytes) = wide.next().and_then(|bytes| bytes.try_into().ok()) else {
                    return malformed(at, format!("member {name} without a number of zip64"));
                };
                *number = u64::from_le_bytes(bytes);
            }
            if wide.next().is_some() || !wide.remainder().is_empty() {
                return malformed(at, format!("member {name} with a number of zip64 too many"));
            }
        } else if !HARMLESS.contains(&id) {
            return malformed(at, format!("member {name} with extra field {id:#06x}"));
        }
    }
    if !rest.is_empty() {
        return malformed(at, format!("member {name} with half an extra field"));
    }
    Ok(numbers)
}
