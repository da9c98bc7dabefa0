//! tar: not on the list. Its members are looked into, to say what is in it.
//!
//! Follows POSIX.1 ustar. Members that are links, that lead out of the archive or are there twice are findings of their own.

use std::collections::HashSet;

use attest::model_path::ModelPath;

use crate::format::Format;
use crate::inspect::content;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stream, refuse};

const BLOCK: u64 = 512;

/// Most members that are looked into.
const MAX_MEMBERS: usize = 4096;

/// Whether these first bytes are a header of tar: the magic, or a checksum that is right.
pub(crate) fn is_tar(beginning: &[u8]) -> bool {
    beginning.get(..512).is_some_and(|header| {
        header.get(257..262) == Some(b"ustar") || (sum(header) == checksum(header) && sum(header).is_some())
    })
}

/// The checksum as it stands in the header.
fn sum(header: &[u8]) -> Option<u64> {
    octal(header.get(148..156)?)
}

/// The checksum as it should be, of a header that is not empty.
fn checksum(header: &[u8]) -> Option<u64> {
    let all = header
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) });
    Some(all.sum()).filter(|sum| *sum > 256)
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

fn text(field: &[u8]) -> Option<String> {
    let field = field.split(|byte| *byte == 0).next()?;
    String::from_utf8(field.to_vec()).ok()
}

/// Reads the archive.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Format> {
    sink.add(Reason::FormatNotAllowed, None, "an archive of tar, such as those of NeMo");
    let mut names = HashSet::new();
    let mut at = 0_u64;
    while at.saturating_add(BLOCK) <= stream.len() {
        stream.go_to(at)?;
        let header = stream.bytes(BLOCK)?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(Format::Tar);
        }
        let field = |from: usize, to: usize| header.get(from..to).unwrap_or_default();
        if sum(&header) != checksum(&header) {
            return refuse(Reason::ChecksumMismatch, at, "header of a member of the tar");
        }
        let (Some(name), Some(size)) = (text(field(0, 100)), octal(field(124, 136))) else {
            return refuse(Reason::ArchivePath, at, "member without a name or size that is one");
        };
        let prefix = if field(257, 262) == b"ustar" {
            text(field(345, 500)).unwrap_or_default()
        } else {
            String::new()
        };
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let data_at = at.saturating_add(BLOCK);
        let kind = header.get(156).copied().unwrap_or_default();
        let plain = name.trim_end_matches('/').trim_start_matches("./").to_owned();
        match kind {
            b'0' | 0 | b'5' | b'7' if plain.is_empty() || plain == "." => {}
            b'0' | 0 | b'5' | b'7' if ModelPath::new(plain.as_str()).is_err() => {
                sink.add(Reason::ArchivePath, Some(at), format!("member {name}"));
            }
            b'0' | 0 | b'7' => {
                if names.len() >= MAX_MEMBERS {
                    return refuse(Reason::TooLarge, at, "more than 4096 members");
                }
                if !names.insert(plain.clone()) {
                    sink.add(Reason::ZipDuplicateName, Some(at), format!("member {name}"));
                }
                let mut window = stream.window(data_at, size)?;
                if sink.enter(&plain) {
                    let inside = content(&plain, &mut window, sink);
                    sink.leave();
                    inside?;
                }
            }
            // Longer names and other attributes of the next member: its plain name is judged all the same.
            b'5' | b'x' | b'g' | b'L' | b'K' => {}
            _ => {
                sink.add(Reason::ArchiveLink, Some(at), format!("member {name} of type {}", char::from(kind)))
            }
        }
        at = data_at.saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
    }
    Ok(Format::Tar)
}
