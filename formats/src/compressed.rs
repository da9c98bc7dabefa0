//! Compressed files: refused, since their content is another file that somebody else will unpack. What zlib and gzip hold is named.

use std::io::Cursor;

use crate::format::Format;
use crate::inspect::content;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stop, Stream};
use crate::zip::{MAX_CONTENT, Wrapping, inflate};

/// Bytes that must inflate.
const PROBED: u64 = 64;

/// The name of what a compressed file holds, which has none of its own.
const INFLATED: &str = "(inflated)";

/// What it is packed with, by its first bytes; zlib, which two bytes of numbers may look like, also by what inflates.
pub(crate) fn packing(beginning: &[u8], stream: &mut Stream<'_>) -> Step<Option<&'static str>> {
    match by_magic(beginning) {
        Some("zlib") => {
            stream.go_to(0)?;
            let inflated = inflate(stream, Wrapping::Zlib, PROBED)?;
            stream.go_to(0)?;
            Ok(inflated.filter(|inflated| !inflated.is_empty()).map(|_| "zlib"))
        }
        other => Ok(other),
    }
}

fn by_magic(beginning: &[u8]) -> Option<&'static str> {
    let magics: [(&[u8], &str); 7] = [
        (b"\x1f\x8b", "gzip"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x5d\x00\x00", "lzma"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"ZF", "joblib of old"),
    ];
    let found = magics.iter().find(|(magic, _)| beginning.starts_with(magic)).map(|(_, name)| *name);
    // RFC 1950: deflate with a window, and two bytes that are a multiple of 31.
    let is_zlib = match beginning {
        [method, flags, ..] => {
            method & 0x0f == 8
                && method >> 4 <= 7
                && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
                && flags & 0x20 == 0
        }
        _ => false,
    };
    found.or_else(|| is_zlib.then_some("zlib"))
}

/// Says that it is refused, and what it holds if that can be seen.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink, packing: &str) -> Step<Format> {
    sink.add(Reason::Compressed, Some(0), format!("packed with {packing}"));
    let (skipped, wrapping) = match packing {
        "gzip" => (gzip_header(stream)?, Wrapping::None),
        "zlib" => (Some(0), Wrapping::Zlib),
        _ => (None, Wrapping::None),
    };
    let Some(skipped) = skipped else { return Ok(Format::Compressed) };
    stream.go_to(skipped)?;
    let most = MAX_CONTENT.min(stream.left().saturating_mul(1032));
    if !sink.take_inflated(most) {
        sink.add(Reason::TooLarge, None, "more inflated than is allowed for one file");
        return Ok(Format::Compressed);
    }
    let Some(inflated) = inflate(stream, wrapping, most)? else {
        sink.add(Reason::Compressed, Some(skipped), "does not inflate");
        return Ok(Format::Compressed);
    };
    if !sink.enter(INFLATED) {
        return Ok(Format::Compressed);
    }
    let mut inflated = Cursor::new(inflated);
    let inside = content(INFLATED, &mut Stream::new(&mut inflated)?, sink);
    sink.leave();
    inside.map(|_| Format::Compressed)
}

/// Where the deflated bytes of gzip begin; RFC 1952.
fn gzip_header(stream: &mut Stream<'_>) -> Step<Option<u64>> {
    stream.go_to(2)?;
    let read = |stream: &mut Stream<'_>| -> Step<Option<u64>> {
        let (method, flags) = (stream.u8()?, stream.u8()?);
        stream.skip(6)?;
        if method != 8 || flags & 0xe0 != 0 {
            return Ok(None);
        }
        if flags & 4 != 0 {
            let len = stream.u16()?;
            stream.skip(len.into())?;
        }
        for flag in [8, 16] {
            while flags & flag != 0 && stream.u8()? != 0 {}
        }
        stream.skip(if flags & 2 == 0 { 0 } else { 2 })?;
        Ok(Some(stream.position()))
    };
    match read(stream) {
        Err(Stop::End(_)) => Ok(None),
        other => other,
    }
}
