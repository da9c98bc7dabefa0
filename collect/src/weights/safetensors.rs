//! The header of a safetensors file.
//!
//! Follows the format section of huggingface/safetensors' README, and its library 0.8 in what the README leaves open.
//!
//! ```text
//! u64  length of the header, little-endian, at most 100,000,000
//! ...  header: JSON that begins with '{', filled up with spaces
//! ...  the tensors, end to end
//!
//! {"__metadata__": {"format": "pt"},
//!  "embed.weight": {"dtype": "BF16", "shape": [32000, 64], "data_offsets": [0, 4096000]}}
//! ```
//! Offsets count from the end of the header. Taken in order of offset the tensors leave no hole, do not overlap, and end
//! where the file ends; each is as long as its shape and type say. The library keeps the last of two tensors with one name;
//! here the file is refused, because two readers that disagree are an attack.
//!
//! | key | about | from |
//! |---|---|---|
//! | `format` | file | `safetensors`, if all of the above holds |
//! | `tensors`, `parameters`, `dtype` | file | counted; `dtype` is `BF16=2048000`, once for each type |
//! | `architecture`, `name`, `version`, `description`, `created`, `license`, `usage-hint` | file | `modelspec.*`, declared |
//! | `author` | file | `modelspec.author`, declared, personal |
//! | `library` | file | `format` in the metadata: `pt`, `tf`, `flax`, `mlx`, declared |
//! | `name` | base model | `ss_sd_model_name` and `modelspec.merged_from`, declared |
//! | `metadata` | file | every other pair as `key=value`, declared, personal |
//!
//! In scope: the header of one file. Out of scope: the numbers in the tensors; sets of shards ([`super::sharded`]).

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use super::file_facts::FileFacts;
use super::stream::{Stream, StreamError};
use super::totals::{self, Totals};
use crate::excerpt::excerpt;
use crate::json::{self, Json, JsonError};
use crate::{Collected, Topic, WarningReason};

/// Longest header, in bytes: the bound of the format's own library.
pub const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Most dimensions of a tensor. No library has more than 64.
const MAX_DIMENSIONS: usize = 64;

/// The member of the header that is no tensor.
const METADATA: &str = "__metadata__";

/// Types and the bits of one element.
const DTYPES: [(&str, u64); 22] = [
    ("BF16", 16),
    ("BOOL", 8),
    ("C64", 64),
    ("F16", 16),
    ("F32", 32),
    ("F4", 4),
    ("F64", 64),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F8_E4M3", 8),
    ("F8_E4M3FNUZ", 8),
    ("F8_E5M2", 8),
    ("F8_E5M2FNUZ", 8),
    ("F8_E8M0", 8),
    ("I16", 16),
    ("I32", 32),
    ("I64", 64),
    ("I8", 8),
    ("U16", 16),
    ("U32", 32),
    ("U64", 64),
    ("U8", 8),
];

/// What a header says, after it was held against the length of the file.
#[derive(Debug)]
pub(crate) struct Header {
    /// Name of each tensor and its length in bytes.
    pub(crate) tensors: BTreeMap<String, u64>,
    pub(crate) totals: Totals,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Why a file is not safetensors. Names of tensors are excerpts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SafetensorsError {
    #[error("header of {len} bytes, want at most {MAX_HEADER_BYTES}")]
    HeaderTooLong { len: u64 },
    #[error("header does not begin with an opening brace")]
    NoBrace,
    #[error("header ends with byte {found:#04x}, want a closing brace and spaces")]
    BadPadding { found: u8 },
    #[error("header is {0}")]
    Json(#[from] JsonError),
    #[error("metadata is no object of strings")]
    BadMetadata,
    #[error("tensor {name:?} has no dtype, shape and data_offsets, or has more than these")]
    BadTensor { name: String },
    #[error("tensor {name:?} has type {dtype:?}, which is not known")]
    UnknownDtype { name: String, dtype: String },
    #[error("tensor {name:?} has {seen} dimensions, want at most {MAX_DIMENSIONS}")]
    TooManyDimensions { name: String, seen: usize },
    #[error("tensor {name:?} has a shape whose product does not fit, or does not fill whole bytes")]
    BadShape { name: String },
    #[error("tensor {name:?} has offsets {begin} to {end}, want the first not after the second")]
    Backwards { name: String, begin: u64, end: u64 },
    #[error("tensor {name:?} takes {seen} bytes, want {wanted} for its shape and type")]
    Size { name: String, seen: u64, wanted: u64 },
    #[error("tensor {name:?} begins at {begin}, inside the one before it, which ends at {end_before}")]
    Overlap { name: String, begin: u64, end_before: u64 },
    #[error("tensor {name:?} begins at {begin}, want {end_before}, where the one before it ends")]
    Hole { name: String, begin: u64, end_before: u64 },
    #[error("tensors end at byte {tensors_end}, but the file at byte {len}")]
    FileEnd { tensors_end: u64, len: u64 },
    #[error("more parameters than can be counted")]
    TooManyParameters,
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl SafetensorsError {
    pub(crate) const fn reason(&self) -> WarningReason {
        match self {
            Self::HeaderTooLong { .. }
            | Self::Json(JsonError::TooDeep | JsonError::TooMany)
            | Self::TooManyDimensions { .. } => WarningReason::TooLarge,
            Self::UnknownDtype { .. } => WarningReason::UnknownVersion,
            Self::Stream(error) => error.reason(),
            _ => WarningReason::Malformed,
        }
    }
}

/// Reads the header of a file that facts are to call `name`.
pub fn read<R: Read + Seek>(input: R, name: &str) -> Collected {
    let mut facts = FileFacts::new(name);
    match parse(input) {
        Ok(header) => describe(&header, &mut facts),
        Err(error) => facts.warn(error.reason(), "", error.to_string()),
    }
    facts.finish()
}

fn describe(header: &Header, facts: &mut FileFacts) {
    facts.observed("format", "safetensors", "");
    facts.totals(&header.totals);
    for (key, value) in &header.metadata {
        let declared = match key.as_str() {
            "format" => "library",
            "modelspec.architecture" => "architecture",
            "modelspec.title" => "name",
            "modelspec.version" => "version",
            "modelspec.description" => "description",
            "modelspec.date" => "created",
            "modelspec.license" => "license",
            "modelspec.usage_hint" => "usage-hint",
            "modelspec.author" => {
                facts.personal("author", value.as_str(), METADATA);
                continue;
            }
            "modelspec.merged_from" | "ss_sd_model_name" => {
                facts.about(Topic::BaseModel, value, "name", value, METADATA);
                continue;
            }
            _ => {
                facts.metadata(key, value, METADATA);
                continue;
            }
        };
        facts.declared(declared, value.as_str(), METADATA);
    }
}

/// Reads and checks a header.
pub(crate) fn parse<R: Read + Seek>(input: R) -> Result<Header, SafetensorsError> {
    let mut stream = Stream::new(input)?;
    let len = stream.u64()?;
    if len > MAX_HEADER_BYTES {
        return Err(SafetensorsError::HeaderTooLong { len });
    }
    let text = stream.bytes(len)?;
    refuse_odd_ends(&text)?;
    let Json::Object(mut members) = json::parse(&text)? else {
        return Err(SafetensorsError::NoBrace);
    };
    let metadata = members.remove(METADATA).map(metadata).transpose()?.unwrap_or_default();
    let tensors = members.iter().map(|(name, member)| Tensor::parse(name, member));
    let mut tensors = tensors.collect::<Result<Vec<_>, _>>()?;
    tensors.sort_by_key(|tensor| (tensor.begin, tensor.end));
    let tensors_end = refuse_holes(&tensors)?;
    let data_len = stream.len() - stream.position();
    if tensors_end != data_len {
        let data_at = stream.position();
        return Err(SafetensorsError::FileEnd {
            tensors_end: tensors_end.saturating_add(data_at),
            len: stream.len(),
        });
    }
    let mut totals = Totals::default();
    for tensor in &tensors {
        totals.add(tensor.dtype, tensor.elements).ok_or(SafetensorsError::TooManyParameters)?;
    }
    let tensors = tensors.into_iter().map(|tensor| (tensor.name.to_owned(), tensor.end - tensor.begin));
    Ok(Header { tensors: tensors.collect(), totals, metadata })
}

/// A brace in front, and nothing but spaces behind the last one.
fn refuse_odd_ends(text: &[u8]) -> Result<(), SafetensorsError> {
    if text.first() != Some(&b'{') {
        return Err(SafetensorsError::NoBrace);
    }
    match text.iter().rev().find(|byte| **byte != b' ') {
        Some(b'}') => Ok(()),
        Some(found) => Err(SafetensorsError::BadPadding { found: *found }),
        None => Err(SafetensorsError::NoBrace),
    }
}

fn metadata(member: Json) -> Result<BTreeMap<String, String>, SafetensorsError> {
    let Json::Object(members) = member else { return Err(SafetensorsError::BadMetadata) };
    let text = |(key, value)| match value {
        Json::Text(text) => Ok((key, text)),
        _ => Err(SafetensorsError::BadMetadata),
    };
    members.into_iter().map(text).collect()
}

/// One member of the header.
struct Tensor<'a> {
    name: &'a str,
    dtype: &'static str,
    elements: u64,
    begin: u64,
    end: u64,
}

impl<'a> Tensor<'a> {
    fn parse(name: &'a str, member: &Json) -> Result<Self, SafetensorsError> {
        let bad = || SafetensorsError::BadTensor { name: excerpt(name) };
        if member.object().is_none_or(|members| members.len() != 3) {
            return Err(bad());
        }
        let dtype = member.get("dtype").and_then(Json::text).ok_or_else(bad)?;
        let shape = member.get("shape").and_then(numbers).ok_or_else(bad)?;
        let offsets = member.get("data_offsets").and_then(numbers).ok_or_else(bad)?;
        let [begin, end] = offsets.as_slice() else { return Err(bad()) };
        let (begin, end) = (*begin, *end);
        let name_shown = || excerpt(name);
        let known = DTYPES.iter().find(|(known, _)| *known == dtype);
        let Some((dtype, bits)) = known else {
            return Err(SafetensorsError::UnknownDtype { name: name_shown(), dtype: excerpt(dtype) });
        };
        if shape.len() > MAX_DIMENSIONS {
            return Err(SafetensorsError::TooManyDimensions { name: name_shown(), seen: shape.len() });
        }
        let bad_shape = || SafetensorsError::BadShape { name: name_shown() };
        let elements = totals::elements(&shape).ok_or_else(bad_shape)?;
        let wanted = totals::bytes(elements, *bits).ok_or_else(bad_shape)?;
        let Some(seen) = end.checked_sub(begin) else {
            return Err(SafetensorsError::Backwards { name: name_shown(), begin, end });
        };
        if seen != wanted {
            return Err(SafetensorsError::Size { name: name_shown(), seen, wanted });
        }
        Ok(Self { name, dtype, elements, begin, end })
    }
}

/// An array of whole numbers below 2^64, in JSON's only spelling of them.
fn numbers(json: &Json) -> Option<Vec<u64>> {
    let number = |element: &Json| match element {
        Json::Number(text) => text.parse().ok(),
        _ => None,
    };
    json.array()?.iter().map(number).collect()
}

/// Holds sorted tensors against each other; gives the end of the last.
fn refuse_holes(tensors: &[Tensor<'_>]) -> Result<u64, SafetensorsError> {
    let mut end_before = 0;
    for tensor in tensors {
        let (name, begin) = (|| excerpt(tensor.name), tensor.begin);
        if begin < end_before {
            return Err(SafetensorsError::Overlap { name: name(), begin, end_before });
        }
        if begin > end_before {
            return Err(SafetensorsError::Hole { name: name(), begin, end_before });
        }
        end_before = tensor.end;
    }
    Ok(end_before)
}
