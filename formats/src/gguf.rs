//! GGUF: pairs, tensors, and that these fill the file.
//!
//! Follows the GGUF specification, versions 2 and 3, low byte first.
//!
//! ```text
//! "GGUF" | u32 version | u64 tensors | u64 pairs | pairs | tensors | padding | data
//! pair    u64 length | key | u32 type | value
//! tensor  u64 length | name | u32 dimensions | u64 each | u32 type | u64 offset
//! ```
//! Keys and names are there once. Tensors lie in the order of their offsets, each at the next multiple of the alignment behind the one
//! before it, and the last one ends the file, but for its padding. Templates are noted with their digests.

use std::collections::HashSet;

use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stream, refuse};

/// Most pairs, most tensors.
const MAX_COUNT: u64 = 1 << 17;
/// Longest key or name, in bytes. The specification allows keys of 65535.
const MAX_NAME: u64 = 1 << 16;
/// Longest template, in bytes.
const MAX_TEMPLATE: u64 = 1 << 20;
/// Most bytes of keys and names together.
const MAX_NAMES: u64 = 16 << 20;
/// Deepest nesting of arrays.
const MAX_NESTING: usize = 4;
/// The alignment that is meant if none is said.
const ALIGNMENT: u64 = 32;
/// Largest alignment: a page of the largest kind.
const MAX_ALIGNMENT: u64 = 1 << 21;

/// Types of tensors: number, elements of a block, bytes of a block.
const TYPES: [(u32, u64, u64); 32] = [
    (0, 1, 4),
    (1, 1, 2),
    (2, 32, 18),
    (3, 32, 20),
    (6, 32, 22),
    (7, 32, 24),
    (8, 32, 34),
    (9, 32, 36),
    (10, 256, 84),
    (11, 256, 110),
    (12, 256, 144),
    (13, 256, 176),
    (14, 256, 210),
    (15, 256, 292),
    (16, 256, 66),
    (17, 256, 74),
    (18, 256, 98),
    (19, 256, 50),
    (20, 32, 18),
    (21, 256, 110),
    (22, 256, 82),
    (23, 256, 136),
    (24, 1, 1),
    (25, 1, 2),
    (26, 1, 4),
    (27, 1, 8),
    (28, 1, 8),
    (29, 256, 56),
    (30, 1, 2),
    (34, 256, 54),
    (35, 256, 66),
    (39, 32, 17),
];

fn malformed<T>(at: u64, what: impl Into<String>) -> Step<T> {
    refuse(Reason::GgufMalformed, at, what)
}

/// Reads the header and holds it against the file.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    stream.go_to(4)?;
    let version = stream.u32()?;
    if !matches!(version, 2 | 3) {
        return malformed(4, format!("version {version}, want 2 or 3 with the low byte first"));
    }
    let (tensors, pairs) = (stream.u64()?, stream.u64()?);
    if tensors > MAX_COUNT || pairs > MAX_COUNT {
        return malformed(8, format!("{tensors} tensors and {pairs} pairs, want at most {MAX_COUNT}"));
    }
    let (mut names, mut alignment) = (Names::default(), ALIGNMENT);
    for _ in 0..pairs {
        let at = stream.position();
        let key = names.read(stream)?;
        let kind = stream.u32()?;
        if key == "general.alignment" {
            if kind != 4 {
                return malformed(at, "an alignment that is no u32");
            }
            alignment = stream.u32()?.into();
            if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
                return malformed(at, format!("alignment {alignment}"));
            }
        } else if kind == 8 && key.starts_with("tokenizer.chat_template") {
            let len = stream.u64()?;
            if len > MAX_TEMPLATE {
                return refuse(Reason::TooLarge, at, format!("template of {len} bytes"));
            }
            sink.add_template(&key, &stream.bytes(len)?);
        } else {
            value(stream, kind, 0)?;
        }
    }
    let mut layout = Vec::new();
    let mut names = Names::default();
    for _ in 0..tensors {
        let at = stream.position();
        let name = names.read(stream)?;
        let dimensions = stream.u32()?;
        if dimensions > 8 {
            return malformed(at, format!("tensor of {dimensions} dimensions"));
        }
        let mut elements = Some(1_u64);
        let (mut first, mut shape) = (1, Vec::new());
        for dimension in 0..dimensions {
            let size = stream.u64()?;
            // Innermost first, other than elsewhere.
            shape.insert(0, size);
            first = if dimension == 0 { size } else { first };
            elements = elements.and_then(|product| product.checked_mul(size));
        }
        let (kind, offset) = (stream.u32()?, stream.u64()?);
        let Some((_, block, bytes)) = TYPES.iter().find(|(number, ..)| *number == kind) else {
            return malformed(at, format!("tensor of type {kind}"));
        };
        let size = elements
            .filter(|_| first.is_multiple_of(*block))
            .and_then(|all| (all / block).checked_mul(*bytes));
        let Some(size) = size else { return malformed(at, "tensor whose shape does not fit its type") };
        sink.add_shape(&name, &shape);
        layout.push((offset, size));
    }
    fill(stream, &layout, alignment)
}

/// Tensors follow one another to the end of the file.
fn fill(stream: &Stream<'_>, layout: &[(u64, u64)], alignment: u64) -> Step<()> {
    let data_at = stream.position().next_multiple_of(alignment);
    let data = stream.len().saturating_sub(data_at);
    let mut wanted = 0_u64;
    for (offset, size) in layout {
        if *offset != wanted {
            return refuse(Reason::GgufLayout, data_at, format!("tensor at {offset}, want {wanted}"));
        }
        let Some(end) = offset.checked_add(*size).filter(|end| *end <= data) else {
            return refuse(
                Reason::GgufLayout,
                data_at,
                format!("tensor of {size} bytes at {offset} of {data}"),
            );
        };
        wanted = end.next_multiple_of(alignment);
    }
    let last = layout.last().map_or(0, |(offset, size)| offset.saturating_add(*size));
    // The padding behind the last tensor may be there or not; without tensors so may that behind the header.
    if data != last && data != wanted {
        return refuse(Reason::GgufLayout, data_at, format!("{data} bytes of tensors, want {last}"));
    }
    Ok(())
}

/// Keys, or names of tensors.
#[derive(Default)]
struct Names {
    seen: HashSet<String>,
    bytes: u64,
}

impl Names {
    fn read(&mut self, stream: &mut Stream<'_>) -> Step<String> {
        let at = stream.position();
        let len = stream.u64()?;
        self.bytes = self.bytes.saturating_add(len);
        if len > MAX_NAME || self.bytes > MAX_NAMES {
            return malformed(at, format!("name of {len} bytes"));
        }
        let Ok(name) = String::from_utf8(stream.bytes(len)?) else {
            return malformed(at, "name that is not UTF-8");
        };
        if !self.seen.insert(name.clone()) {
            return malformed(at, format!("{name} twice"));
        }
        Ok(name)
    }
}

/// Leaves a value out.
fn value(stream: &mut Stream<'_>, kind: u32, depth: usize) -> Step<()> {
    let at = stream.position();
    let plain = |kind| match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    };
    match kind {
        8 => {
            let len = stream.u64()?;
            stream.skip(len)
        }
        9 if depth < MAX_NESTING => {
            let (inner, count) = (stream.u32()?, stream.u64()?);
            if let Some(size) = plain(inner) {
                let Some(len) = count.checked_mul(size) else { return malformed(at, "array too long") };
                return stream.skip(len);
            }
            if count > stream.left() / 8 {
                return malformed(at, format!("array of {count} values"));
            }
            (0..count).try_for_each(|_| value(stream, inner, depth + 1))
        }
        _ => match plain(kind) {
            Some(size) => stream.skip(size),
            None => malformed(at, format!("value of type {kind}, or arrays nested too deep")),
        },
    }
}
