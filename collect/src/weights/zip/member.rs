//! One member: its header in the directory, the one in front of its data, and what follows the data.

use std::io::{Read, Seek};

use super::ZipError;
use crate::excerpt::excerpt;
use crate::weights::stream::Stream;

/// Bits of a member's flags: encrypted, sizes after the data, strongly encrypted, name in UTF-8, header masked.
const ENCRYPTED: u16 = 1;
const HAS_DESCRIPTOR: u16 = 1 << 3;
const STRONGLY_ENCRYPTED: u16 = 1 << 6;
const UTF8: u16 = 1 << 11;
const MASKED: u16 = 1 << 13;

/// Deflate makes no more than this of one byte.
const MAX_RATIO: u64 = 1032;

/// The extra field of zip64.
const ZIP64: u16 = 1;

/// What stands instead of a number that is in the extra field.
const FULL: u64 = u32::MAX as u64;

/// A member.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Length of the content, in bytes.
    pub(crate) size: u64,
    pub(super) compressed: u64,
    pub(super) crc32: u32,
    pub(super) is_deflated: bool,
    /// Where the header in front of the data begins.
    pub(super) header_at: u64,
    /// Where the data begins; 0 until that header was read.
    pub(super) data_at: u64,
    flags: u16,
    method: u16,
}

impl Member {
    /// Reads a header of the directory.
    pub(super) fn read<R: Read + Seek>(stream: &mut Stream<R>) -> Result<Self, ZipError> {
        let at = stream.position();
        if &stream.array()? != b"PK\x01\x02" {
            return Err(ZipError::BadRecord { what: "header of a member", at });
        }
        stream.skip(4)?; // versions
        let (flags, method) = (stream.u16()?, stream.u16()?);
        stream.skip(4)?; // time and date
        let crc32 = stream.u32()?;
        let (compressed, size) = (stream.u32()?, stream.u32()?);
        let (name_len, extra_len, comment_len) = (stream.u16()?, stream.u16()?, stream.u16()?);
        let disk = stream.u16()?;
        stream.skip(6)?; // attributes
        let header_at = stream.u32()?;
        let name = String::from_utf8(stream.bytes(name_len.into())?).map_err(|_| ZipError::NotUtf8 { at })?;
        let extra = stream.bytes(extra_len.into())?;
        stream.skip(comment_len.into())?;
        if disk != 0 {
            return Err(ZipError::Disks);
        }
        if flags & UTF8 == 0 && !name.is_ascii() {
            return Err(ZipError::NotUtf8 { at });
        }
        let [size, compressed, header_at] = widen([size, compressed, header_at], &extra, at)?;
        let is_deflated = method == 8;
        let member =
            Self { name, size, compressed, crc32, is_deflated, header_at, data_at: 0, flags, method };
        member.refuse_method()?;
        Ok(member)
    }

    fn refuse_method(&self) -> Result<(), ZipError> {
        let Self { method, compressed, size, .. } = *self;
        let name = || excerpt(&self.name);
        if self.flags & (ENCRYPTED | STRONGLY_ENCRYPTED | MASKED) != 0 {
            return Err(ZipError::Encrypted { name: name() });
        }
        let most = match method {
            0 => compressed,
            8 => compressed.saturating_mul(MAX_RATIO),
            _ => return Err(ZipError::UnknownMethod { name: name(), method }),
        };
        if size > most || (method == 0 && size != compressed) {
            return Err(ZipError::Ratio { name: name(), compressed, size });
        }
        Ok(())
    }

    /// Reads the header in front of the data, which must say the same.
    pub(super) fn refuse_local_header<R: Read + Seek>(
        &mut self,
        stream: &mut Stream<R>,
    ) -> Result<(), ZipError> {
        let at = self.header_at;
        stream.go_to(at)?;
        if &stream.array()? != b"PK\x03\x04" {
            return Err(ZipError::BadRecord { what: "header in front of a member", at });
        }
        stream.skip(2)?; // version
        let (flags, method) = (stream.u16()?, stream.u16()?);
        stream.skip(4)?; // time and date
        let crc32 = stream.u32()?;
        let (compressed, size) = (stream.u32()?, stream.u32()?);
        let (name_len, extra_len) = (stream.u16()?, stream.u16()?);
        let name = stream.bytes(name_len.into())?;
        let extra = stream.bytes(extra_len.into())?;
        let [size, compressed, _] = widen([size, compressed, 0], &extra, at)?;
        self.data_at = stream.position();
        // Sizes that follow the data may be zero here, or already be what they will be.
        let is_later = self.flags & HAS_DESCRIPTOR != 0 && (crc32, compressed, size) == (0, 0, 0);
        let same = [
            ("name", name == self.name.as_bytes()),
            ("flags", flags == self.flags),
            ("method", method == self.method),
            ("CRC-32", is_later || crc32 == self.crc32),
            ("compressed size", is_later || compressed == self.compressed),
            ("size", is_later || size == self.size),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(ZipError::Mismatch { name: excerpt(&self.name), what }),
            None => Ok(()),
        }
    }

    /// Reads what follows the data up to the `next` member; gives where this one ends.
    pub(super) fn refuse_descriptor<R: Read + Seek>(
        &self,
        stream: &mut Stream<R>,
        next: u64,
    ) -> Result<u64, ZipError> {
        let data_end = self.data_at.saturating_add(self.compressed);
        if data_end > next {
            return Err(ZipError::Overlap { name: excerpt(&self.name), end: data_end, next });
        }
        if self.flags & HAS_DESCRIPTOR == 0 {
            return Ok(data_end);
        }
        stream.go_to(data_end)?;
        // The signature is optional, and nothing tells how long the sizes are but the room that is left.
        let room = next - data_end;
        let mut is_same = true;
        if matches!(room, 16 | 24) {
            is_same &= &stream.array()? == b"PK\x07\x08";
        }
        is_same &= stream.u32()? == self.crc32;
        let sizes = match room {
            12 | 16 => [stream.u32()?.into(), stream.u32()?.into()],
            _ => [stream.u64()?, stream.u64()?],
        };
        if !is_same || sizes != [self.compressed, self.size] {
            return Err(ZipError::Mismatch { name: excerpt(&self.name), what: "sizes after its data" });
        }
        Ok(stream.position())
    }
}

/// Takes the long numbers from the extra field of zip64 instead of those that are full, in the order of APPNOTE 4.5.3.
fn widen(short: [u32; 3], extra: &[u8], at: u64) -> Result<[u64; 3], ZipError> {
    let mut numbers = short.map(u64::from);
    let mut long = zip64(extra, at)?;
    for number in numbers.iter_mut().filter(|number| **number == FULL) {
        let (first, rest) = long.split_first_chunk().ok_or(ZipError::BadExtra { at })?;
        *number = u64::from_le_bytes(*first);
        long = rest;
    }
    Ok(numbers)
}

/// The extra field of zip64, empty if there is none.
fn zip64(extra: &[u8], at: u64) -> Result<&[u8], ZipError> {
    let (mut rest, mut found) = (extra, None);
    while !rest.is_empty() {
        let cut = || ZipError::BadExtra { at };
        let ([id_low, id_high, len_low, len_high], behind) = rest.split_first_chunk().ok_or_else(cut)?;
        let len = u16::from_le_bytes([*len_low, *len_high]).into();
        let (field, behind) = behind.split_at_checked(len).ok_or_else(cut)?;
        if u16::from_le_bytes([*id_low, *id_high]) == ZIP64 && found.replace(field).is_some() {
            return Err(cut());
        }
        rest = behind;
    }
    Ok(found.unwrap_or_default())
}
