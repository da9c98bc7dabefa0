//! Where a statement was found: in the model's own bundle file, or in one that was given beside it.

use std::fmt;
use std::sync::Arc;

/// Where a statement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    file: Option<Arc<str>>,
    line: usize,
}

impl Place {
    pub(crate) const fn new(file: Option<Arc<str>>, line: usize) -> Self {
        Self { file, line }
    }

    /// The name of the file; `None` for the model's own bundle file.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file} line {}", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}
