//! Typed values of GGUF: kept if a fact is made of them, otherwise checked for length and left out.

use std::io::{Read, Seek};

use super::GgufError;
use crate::excerpt::excerpt;
use crate::weights::stream::Stream;

/// Deepest nesting of arrays. Known files nest none.
pub(super) const MAX_ARRAY_DEPTH: usize = 4;
/// Longest text that is kept, in bytes: a chat template has some tens of thousands.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// Most texts of an array that are kept: languages, tags.
const MAX_TEXTS: u64 = 256;

/// A value that is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Texts(Vec<String>),
    U32(u32),
    /// Any other number, or a truth, as Rust writes it.
    Other(String),
}

impl Value {
    /// Whether the value of a key is kept: no vocabulary, no layer sizes.
    fn is_kept(key: &str) -> bool {
        ["general.", "split.", "tokenizer.chat_template"].iter().any(|prefix| key.starts_with(prefix))
    }

    /// Reads a value; `None` if it is not kept.
    pub(super) fn read<R: Read + Seek>(stream: &mut Stream<R>, key: &str) -> Result<Option<Self>, GgufError> {
        let kind = stream.u32()?;
        if !Self::is_kept(key) {
            skip(stream, key, kind, MAX_ARRAY_DEPTH)?;
            return Ok(None);
        }
        let other = |text: String| Ok(Some(Self::Other(text)));
        match kind {
            0 => other(stream.u8()?.to_string()),
            1 => other(i8::from_le_bytes(stream.array()?).to_string()),
            2 => other(stream.u16()?.to_string()),
            3 => other(i16::from_le_bytes(stream.array()?).to_string()),
            4 => Ok(Some(Self::U32(stream.u32()?))),
            5 => other(i32::from_le_bytes(stream.array()?).to_string()),
            6 => other(f32::from_le_bytes(stream.array()?).to_string()),
            7 => other(truth(stream, key)?.to_string()),
            8 => super::text(stream, "text", MAX_TEXT_BYTES).map(|text| Some(Self::Text(text))),
            9 => array(stream, key),
            10 => other(stream.u64()?.to_string()),
            11 => other(i64::from_le_bytes(stream.array()?).to_string()),
            12 => other(f64::from_le_bytes(stream.array()?).to_string()),
            found => Err(GgufError::UnknownValueType { key: excerpt(key), found }),
        }
    }

    /// The text, or the number as text; `None` for an array.
    pub(super) fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Other(text) => Some(text.clone()),
            Self::U32(number) => Some(number.to_string()),
            Self::Texts(_) => None,
        }
    }
}

fn truth<R: Read + Seek>(stream: &mut Stream<R>, key: &str) -> Result<bool, GgufError> {
    match stream.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        found => Err(GgufError::BadBool { key: excerpt(key), found }),
    }
}

/// Keeps a short array of texts, and leaves out every other array.
fn array<R: Read + Seek>(stream: &mut Stream<R>, key: &str) -> Result<Option<Value>, GgufError> {
    let (kind, count) = (stream.u32()?, stream.u64()?);
    if kind == 8 && count <= MAX_TEXTS {
        let texts = (0..count).map(|_| super::text(stream, "text", MAX_TEXT_BYTES));
        return texts.collect::<Result<_, _>>().map(|texts| Some(Value::Texts(texts)));
    }
    skip_elements(stream, key, kind, count, MAX_ARRAY_DEPTH - 1)?;
    Ok(None)
}

/// Leaves out a value; its length must fit into the file, its truths must be truths.
fn skip<R: Read + Seek>(stream: &mut Stream<R>, key: &str, kind: u32, depth: usize) -> Result<(), GgufError> {
    if kind == 9 {
        let depth = depth.checked_sub(1).ok_or_else(|| GgufError::TooDeep { key: excerpt(key) })?;
        let (kind, count) = (stream.u32()?, stream.u64()?);
        return skip_elements(stream, key, kind, count, depth);
    }
    skip_elements(stream, key, kind, 1, depth)
}

fn skip_elements<R: Read + Seek>(
    stream: &mut Stream<R>,
    key: &str,
    kind: u32,
    count: u64,
    depth: usize,
) -> Result<(), GgufError> {
    let size = match kind {
        0 | 1 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        7 => return (0..count).try_for_each(|_| truth(stream, key).map(drop)),
        8 => {
            return (0..count).try_for_each(|_| {
                let len = stream.u64()?;
                Ok(stream.skip(len)?)
            });
        }
        9 => return (0..count).try_for_each(|_| skip(stream, key, kind, depth)),
        found => return Err(GgufError::UnknownValueType { key: excerpt(key), found }),
    };
    // A product that overflows is longer than any file.
    Ok(stream.skip(count.saturating_mul(size))?)
}
