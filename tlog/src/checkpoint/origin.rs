//! The name of a log (c2sp.org/tlog-checkpoint, "Note text").

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text::MAX_ORIGIN_BYTES;
use crate::vkey::KeyName;

/// The unique name of a log, first line of its checkpoints: 1 to 255 bytes of plain text on one line.
///
/// It should look like a URL without a scheme, and need not: one well-known log is called `go.sum database tree`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

/// A text that cannot be the origin of a log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OriginError {
    /// A control byte; the line feed is one.
    #[error("origin has a control byte at offset {offset}")]
    ControlByte {
        /// Where, in bytes from 0.
        offset: usize,
    },
    /// No byte at all.
    #[error("origin is empty")]
    Empty,
    /// More than [`MAX_ORIGIN_BYTES`].
    #[error("origin of {seen} bytes is above {MAX_ORIGIN_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
}

impl Origin {
    /// Lends the origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(origin: &str) -> Result<Self, OriginError> {
        if origin.is_empty() {
            return Err(OriginError::Empty);
        }
        if origin.len() > MAX_ORIGIN_BYTES {
            return Err(OriginError::TooLong { seen: origin.len() });
        }
        match origin.bytes().position(|byte| byte < 0x20) {
            Some(offset) => Err(OriginError::ControlByte { offset }),
            None => Ok(Self(origin.to_owned())),
        }
    }
}

/// Every key name is a possible origin: it has the same bound and stricter rules.
impl From<&KeyName> for Origin {
    fn from(name: &KeyName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
