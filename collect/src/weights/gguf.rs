//! The header of a GGUF file, versions 2 and 3.
//!
//! Follows ggml-org/ggml's docs/gguf.md, and in what that leaves open the reader of llama.cpp and package gguf 0.19. All
//! numbers are little-endian; a big-endian file has its version reversed and is an unknown version here.
//!
//! ```text
//! "GGUF" | u32 version | u64 tensors | u64 pairs
//! pairs    string key | u32 type | value                     string  u64 length | bytes
//!          0 u8  1 i8  2 u16  3 i16  4 u32  5 i32  6 f32  7 bool  8 string  9 array  10 u64  11 i64  12 f64
//!          array   u32 type | u64 count | elements
//! tensors  string name | u32 dimensions | u64 each | u32 type | u64 offset
//! padding to a multiple of general.alignment (32), then the tensors, each padded likewise
//! ```
//! Tensors lie in the order of the list, each where the one before it ends after padding, and the file ends with the padding of
//! the last, as all writers known here have it. No key and no tensor comes twice.
//!
//! | key | about | from |
//! |---|---|---|
//! | `format`, `format-version` | file | `gguf` and the version |
//! | `tensors`, `parameters`, `dtype` | file | counted from the shapes; of a quantised tensor the numbers it stands for |
//! | `architecture` | file | `general.architecture`, which decides how an engine reads the file |
//! | `type`, `name`, `version`, `organization`, `basename`, `finetune`, `description`, `size-label`, `license`, `license-name`, `license-uri`, `uri`, `doi`, `uuid`, `repository-uri`, `source-uri`, `source-doi`, `source-uuid`, `source-repository-uri` | file | `general.*`, declared |
//! | `author`, `quantized-by` | file | `general.*`, declared, personal |
//! | `quantization`, `quantization-version` | file | `general.file_type` by its name, declared: `dtype` is what is so |
//! | `tag`, `language` | file | `general.tags`, `general.languages`, once for each, declared |
//! | `chat-template` | file | SHA-256 of `tokenizer.chat_template` and of each `tokenizer.chat_template.*` |
//! | `shard` | file | `split.no` and `split.count`: `1 of 3` |
//! | `name`, `version`, `organization`, `description`, `uri`, `doi`, `uuid`, `repository-uri` | base model, dataset | `general.base_model.N.*`, `general.dataset.N.*`, declared |
//! | `name` | dataset | `general.datasets`, of older files, declared |
//! | `metadata` | file | every other text, number or truth below `general.`, declared, personal |
//!
//! Bounds: 256 MiB of header, 65,536 pairs, 1,048,576 tensors, four dimensions, arrays nested four deep. In scope: the header.
//! Out of scope: the numbers; whether a template is harmless, it is only named by its digest.

mod describe;
mod file_type;
mod tensor_type;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

pub(crate) use self::value::Value;

use self::tensor_type::TensorType;
use super::file_facts::FileFacts;
use super::stream::{Stream, StreamError};
use super::totals::{self, Totals};
use crate::excerpt::excerpt;
use crate::{Collected, WarningReason};

/// How a file begins.
pub(crate) const MAGIC: &[u8; 4] = b"GGUF";

/// Longest header, in bytes. Most of it is vocabulary: some ten megabytes.
const MAX_HEADER_BYTES: u64 = 256 << 20;
/// Most pairs of key and value. Known files have about fifty.
const MAX_PAIRS: u64 = 1 << 16;
/// Most tensors. Known files have a few thousand.
const MAX_TENSORS: u64 = 1 << 20;
/// Most dimensions: ggml's own bound.
const MAX_DIMENSIONS: u32 = 4;
/// Longest key, in bytes: the specification's bound.
const MAX_KEY_BYTES: u64 = 65_535;
/// Longest name of a tensor, in bytes. ggml takes 64.
const MAX_NAME_BYTES: u64 = 1024;
/// Alignment of a file that names none.
const DEFAULT_ALIGNMENT: u64 = 32;

/// What a header says, after it was held against the length of the file.
#[derive(Debug)]
pub(crate) struct Header {
    version: u32,
    totals: Totals,
    /// What is kept of the values, see [`Value::is_kept`].
    values: BTreeMap<String, Value>,
}

/// Why a file is not GGUF as it is known here. Keys and names are excerpts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GgufError {
    #[error("does not begin with GGUF")]
    NoMagic,
    #[error("version {version}, want 2 or 3, little-endian")]
    UnknownVersion { version: u32 },
    #[error("{seen} {what}, want at most {limit}")]
    TooMany { what: &'static str, seen: u64, limit: u64 },
    #[error("{what} of {len} bytes, want at most {limit}")]
    TooLong { what: &'static str, len: u64, limit: u64 },
    #[error("{what} at byte {at} is not UTF-8")]
    NotUtf8 { what: &'static str, at: u64 },
    #[error("key {key:?} twice")]
    DuplicateKey { key: String },
    #[error("tensor {name:?} twice")]
    DuplicateTensor { name: String },
    #[error("value of {key:?} has type {found}, want 0 to 12")]
    UnknownValueType { key: String, found: u32 },
    #[error("value of {key:?} is truth {found}, want 0 or 1")]
    BadBool { key: String, found: u8 },
    #[error("value of {key:?} is an array nested deeper than {} levels", value::MAX_ARRAY_DEPTH)]
    TooDeep { key: String },
    #[error("general.alignment is no power of two of type u32")]
    BadAlignment,
    #[error("tensor {name:?} has type {found}, which is not known")]
    UnknownTensorType { name: String, found: u32 },
    #[error("tensor {name:?} has a shape whose product does not fit, or rows that are no whole blocks")]
    BadShape { name: String },
    #[error("tensor {name:?} lies at offset {seen}, want {wanted}")]
    BadOffset { name: String, seen: u64, wanted: u64 },
    #[error("tensors end at byte {tensors_end}, but the file at byte {len}")]
    FileEnd { tensors_end: u64, len: u64 },
    #[error("more parameters than can be counted")]
    TooManyParameters,
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl GgufError {
    pub(crate) const fn reason(&self) -> WarningReason {
        match self {
            Self::UnknownVersion { .. } | Self::UnknownTensorType { .. } | Self::UnknownValueType { .. } => {
                WarningReason::UnknownVersion
            }
            Self::TooMany { .. } | Self::TooLong { .. } | Self::TooDeep { .. } => WarningReason::TooLarge,
            Self::Stream(error) => error.reason(),
            _ => WarningReason::Malformed,
        }
    }
}

/// Reads the header of a file that facts are to call `name`.
pub fn read<R: Read + Seek>(input: R, name: &str) -> Collected {
    let mut facts = FileFacts::new(name);
    match parse(input) {
        Ok(header) => describe::describe(&header, &mut facts),
        Err(error) => facts.warn(error.reason(), "", error.to_string()),
    }
    facts.finish()
}

/// Reads and checks a header.
pub(crate) fn parse<R: Read + Seek>(input: R) -> Result<Header, GgufError> {
    let mut stream = Stream::new(input)?.bound(MAX_HEADER_BYTES);
    if &stream.array()? != MAGIC {
        return Err(GgufError::NoMagic);
    }
    let version = stream.u32()?;
    if !matches!(version, 2 | 3) {
        return Err(GgufError::UnknownVersion { version });
    }
    let (tensors, pairs) = (stream.u64()?, stream.u64()?);
    refuse_many("tensors", tensors, MAX_TENSORS)?;
    refuse_many("pairs of key and value", pairs, MAX_PAIRS)?;
    let values = read_pairs(&mut stream, pairs)?;
    let alignment = alignment(&values)?;
    let totals = read_tensors(&mut stream, tensors, alignment)?;
    Ok(Header { version, totals, values })
}

const fn refuse_many(what: &'static str, seen: u64, limit: u64) -> Result<(), GgufError> {
    if seen > limit { Err(GgufError::TooMany { what, seen, limit }) } else { Ok(()) }
}

/// A string of bounded length.
fn text<R: Read + Seek>(stream: &mut Stream<R>, what: &'static str, limit: u64) -> Result<String, GgufError> {
    let at = stream.position();
    let len = stream.u64()?;
    if len > limit {
        return Err(GgufError::TooLong { what, len, limit });
    }
    String::from_utf8(stream.bytes(len)?).map_err(|_| GgufError::NotUtf8 { what, at })
}

fn read_pairs<R: Read + Seek>(
    stream: &mut Stream<R>,
    pairs: u64,
) -> Result<BTreeMap<String, Value>, GgufError> {
    let (mut keys, mut values) = (BTreeSet::new(), BTreeMap::new());
    for _ in 0..pairs {
        let key = text(stream, "key", MAX_KEY_BYTES)?;
        let value = Value::read(stream, &key)?;
        if keys.contains(&key) {
            return Err(GgufError::DuplicateKey { key: excerpt(&key) });
        }
        if let Some(value) = value {
            values.insert(key.clone(), value);
        }
        keys.insert(key);
    }
    Ok(values)
}

fn alignment(values: &BTreeMap<String, Value>) -> Result<u64, GgufError> {
    match values.get("general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(Value::U32(alignment)) if alignment.is_power_of_two() => Ok(u64::from(*alignment)),
        Some(_) => Err(GgufError::BadAlignment),
    }
}

/// Reads the list of tensors and holds it against itself and the length of the file.
fn read_tensors<R: Read + Seek>(
    stream: &mut Stream<R>,
    tensors: u64,
    alignment: u64,
) -> Result<Totals, GgufError> {
    let (mut names, mut totals) = (BTreeSet::new(), Totals::default());
    let mut padded_end = 0_u64;
    for _ in 0..tensors {
        let name = text(stream, "name of a tensor", MAX_NAME_BYTES)?;
        let tensor = Tensor::read(stream, &name)?;
        if tensor.offset != padded_end {
            let (name, seen, wanted) = (excerpt(&name), tensor.offset, padded_end);
            return Err(GgufError::BadOffset { name, seen, wanted });
        }
        let bad_shape = || GgufError::BadShape { name: excerpt(&name) };
        let end = padded_end.checked_add(tensor.bytes).ok_or_else(bad_shape)?;
        padded_end = end.checked_next_multiple_of(alignment).ok_or_else(bad_shape)?;
        totals.add(tensor.kind.name, tensor.elements).ok_or(GgufError::TooManyParameters)?;
        if names.contains(&name) {
            return Err(GgufError::DuplicateTensor { name: excerpt(&name) });
        }
        names.insert(name);
    }
    let (header_end, len) = (stream.position(), stream.len());
    let data_at = header_end.checked_next_multiple_of(alignment);
    let tensors_end = data_at.and_then(|data_at| data_at.checked_add(padded_end)).unwrap_or(u64::MAX);
    // A vocabulary alone may have nothing to align, and then no padding.
    let is_bare = tensors == 0 && header_end == len;
    if len == tensors_end || is_bare { Ok(totals) } else { Err(GgufError::FileEnd { tensors_end, len }) }
}

/// One item of the list of tensors.
struct Tensor {
    kind: &'static TensorType,
    elements: u64,
    bytes: u64,
    offset: u64,
}

impl Tensor {
    fn read<R: Read + Seek>(stream: &mut Stream<R>, name: &str) -> Result<Self, GgufError> {
        let dimensions = stream.u32()?;
        refuse_many("dimensions", dimensions.into(), MAX_DIMENSIONS.into())?;
        let shape = (0..dimensions).map(|_| stream.u64()).collect::<Result<Vec<_>, _>>()?;
        let (found, offset) = (stream.u32()?, stream.u64()?);
        let unknown = || GgufError::UnknownTensorType { name: excerpt(name), found };
        let kind = TensorType::by_number(found).ok_or_else(unknown)?;
        let bad_shape = || GgufError::BadShape { name: excerpt(name) };
        let elements = totals::elements(&shape).ok_or_else(bad_shape)?;
        // A row is the first dimension, and no block reaches into the next row.
        if !shape.first().copied().unwrap_or(1).is_multiple_of(kind.block) {
            return Err(bad_shape());
        }
        let bytes = (elements / kind.block).checked_mul(kind.block_bytes).ok_or_else(bad_shape)?;
        Ok(Self { kind, elements, bytes, offset })
    }
}
