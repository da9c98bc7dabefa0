//! The header of a NumPy array.
//!
//! Follows numpy's documentation of its format (`numpy.lib.format`), versions 1.0 to 3.0.
//!
//! ```text
//! 0x93 "NUMPY" | u8 major | u8 minor | length of the header: u16 for version 1, u32 for 2 and 3, little-endian
//! {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }      a Python literal, then spaces and a line feed
//! the numbers
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `format`, `format-version` | file | `npy`, `1.0` |
//! | `shape` | file | `3,4`; empty for a single number |
//! | `tensors`, `parameters`, `dtype` | file | 1, the product of the shape, `<f4=12` |
//!
//! An array of Python objects (`O`) is a pickle: it is a warning, and nobody should load it. Bounds: 64 KiB of header, literals
//! nested 16 deep, 64 dimensions. In scope: the header, and whether the file is as long as it says. Out of scope: the numbers.

mod descr;
mod literal;

use std::io::{Read, Seek};

use self::descr::Descr;
use self::literal::{Literal, LiteralError};
use super::file_facts::FileFacts;
use super::stream::{Stream, StreamError};
use super::totals::{self, Totals};
use crate::{Collected, WarningReason};

/// How a file begins.
pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Longest header, in bytes. NumPy itself refuses more than 10,000 unless it is told to trust the file.
pub(crate) const MAX_HEADER_BYTES: u64 = 1 << 16;

/// Most dimensions: NumPy's own bound.
const MAX_DIMENSIONS: usize = 64;

/// What a header says.
#[derive(Debug)]
pub(crate) struct Header {
    major: u8,
    minor: u8,
    pub(crate) descr: String,
    pub(crate) elements: u64,
    shape: Vec<u64>,
    pub(crate) has_objects: bool,
    /// Bytes of the numbers; no such thing for objects.
    data_bytes: Option<u64>,
    data_at: u64,
}

/// Why a file is no array.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NpyError {
    #[error("does not begin as a NumPy array does")]
    NoMagic,
    #[error("version {major}.{minor}, want 1.0, 2.0 or 3.0")]
    UnknownVersion { major: u8, minor: u8 },
    #[error("header of {len} bytes, want at most {MAX_HEADER_BYTES}")]
    HeaderTooLong { len: u64 },
    #[error("header is not text")]
    NotText,
    #[error("header {0}")]
    Literal(#[from] LiteralError),
    #[error("header is not descr, fortran_order and shape, each once")]
    BadHeader,
    #[error("type {descr:?} is not known")]
    UnknownDescr { descr: String },
    #[error("shape has {seen} dimensions, want at most {MAX_DIMENSIONS}")]
    TooManyDimensions { seen: usize },
    #[error("shape has a product that does not fit")]
    BadShape,
    #[error("{seen} bytes of numbers, want {wanted} for shape and type")]
    Size { seen: u64, wanted: u64 },
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl NpyError {
    pub(crate) const fn reason(&self) -> WarningReason {
        match self {
            Self::UnknownVersion { .. } | Self::UnknownDescr { .. } => WarningReason::UnknownVersion,
            Self::HeaderTooLong { .. }
            | Self::TooManyDimensions { .. }
            | Self::Literal(LiteralError::TooDeep) => WarningReason::TooLarge,
            Self::Stream(error) => error.reason(),
            _ => WarningReason::Malformed,
        }
    }
}

/// Reads the header of a file that facts are to call `name`.
pub fn read<R: Read + Seek>(input: R, name: &str) -> Collected {
    let mut facts = FileFacts::new(name);
    let header = Stream::new(input).map_err(NpyError::from).and_then(|mut stream| {
        let header = Header::parse(&mut stream)?;
        header.refuse_length(stream.len())?;
        Ok(header)
    });
    match header {
        Ok(header) => describe(&header, &mut facts),
        Err(error) => facts.warn(error.reason(), "", error.to_string()),
    }
    facts.finish()
}

fn describe(header: &Header, facts: &mut FileFacts) {
    facts.observed("format", "npy", "");
    facts.observed("format-version", format!("{}.{}", header.major, header.minor), "");
    let shape: Vec<_> = header.shape.iter().map(u64::to_string).collect();
    facts.observed("shape", shape.join(","), "shape");
    let mut totals = Totals::default();
    if totals.add(&header.descr, header.elements).is_some() {
        facts.totals(&totals);
    }
    if header.has_objects {
        facts.warn(
            WarningReason::NotRead,
            "descr",
            "an array of Python objects is a pickle, which is never read",
        );
    }
}

impl Header {
    /// Reads a header and stands where the numbers begin.
    pub(crate) fn parse<R: Read + Seek>(stream: &mut Stream<R>) -> Result<Self, NpyError> {
        if &stream.array()? != MAGIC {
            return Err(NpyError::NoMagic);
        }
        let (major, minor) = (stream.u8()?, stream.u8()?);
        let len = match (major, minor) {
            (1, 0) => stream.u16()?.into(),
            (2 | 3, 0) => u64::from(stream.u32()?),
            _ => return Err(NpyError::UnknownVersion { major, minor }),
        };
        if len > MAX_HEADER_BYTES {
            return Err(NpyError::HeaderTooLong { len });
        }
        let text = stream.bytes(len)?;
        // Version 3 is UTF-8; the others are Latin-1, of which only ASCII means the same to everybody.
        let text = str::from_utf8(&text).map_err(|_| NpyError::NotText)?;
        if major < 3 && !text.is_ascii() {
            return Err(NpyError::NotText);
        }
        let literal = Literal::parse(text)?;
        let (descr, shape) = members(literal)?;
        if shape.len() > MAX_DIMENSIONS {
            return Err(NpyError::TooManyDimensions { seen: shape.len() });
        }
        let elements = totals::elements(&shape).ok_or(NpyError::BadShape)?;
        let known = Descr::parse(&descr);
        let descr = descr.to_string();
        let known = known.ok_or_else(|| NpyError::UnknownDescr { descr: crate::excerpt::excerpt(&descr) })?;
        let data_bytes = if known.has_objects {
            None
        } else {
            Some(elements.checked_mul(known.bytes).ok_or(NpyError::BadShape)?)
        };
        let (has_objects, data_at) = (known.has_objects, stream.position());
        Ok(Self { major, minor, descr, elements, shape, has_objects, data_bytes, data_at })
    }

    /// Errs if a file, or a member of an archive, of `len` bytes is not as long as shape and type say.
    pub(crate) fn refuse_length(&self, len: u64) -> Result<(), NpyError> {
        let seen = len.saturating_sub(self.data_at);
        match self.data_bytes {
            Some(wanted) if seen != wanted => Err(NpyError::Size { seen, wanted }),
            _ => Ok(()),
        }
    }
}

/// Type and shape, from a dictionary of exactly three members.
fn members(literal: Literal) -> Result<(Literal, Vec<u64>), NpyError> {
    let Literal::Dict(members) = literal else { return Err(NpyError::BadHeader) };
    let (mut descr, mut order, mut shape) = (None, None, None);
    for (key, value) in members {
        let is_twice = match (key.as_str(), value) {
            ("descr", value) => descr.replace(value).is_some(),
            ("fortran_order", Literal::Bool(fortran)) => order.replace(fortran).is_some(),
            ("shape", Literal::Tuple(dimensions)) => shape.replace(dimensions).is_some(),
            _ => true,
        };
        if is_twice {
            return Err(NpyError::BadHeader);
        }
    }
    let (Some(descr), Some(_), Some(shape)) = (descr, order, shape) else {
        return Err(NpyError::BadHeader);
    };
    let dimension = |literal: &Literal| match literal {
        Literal::Number(dimension) => Ok(*dimension),
        _ => Err(NpyError::BadHeader),
    };
    Ok((descr, shape.iter().map(dimension).collect::<Result<_, _>>()?))
}
