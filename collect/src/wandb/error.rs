use std::io;
use std::path::PathBuf;

use crate::reading::ReadError;

/// Why no run was read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WandbError {
    /// The operating system refused to read the beginning of the log, or the directory.
    #[error("cannot read {name}: {source}")]
    Io {
        /// What could not be read.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A directory without a log, or with more than one.
    #[error("{path} has {found} files run-*.wandb, want one: the directory of one run")]
    NoLog {
        /// The directory.
        path: PathBuf,
        /// How many logs it has.
        found: usize,
    },
    /// It does not begin as a log does.
    #[error(
        "{name} is no log of W&B: it begins with {found:02x?}, want [3a, 57, 26, 42, e1, be] and a version"
    )]
    NotALog {
        /// The file.
        name: String,
        /// The first bytes, at most six.
        found: Vec<u8>,
    },
    /// The file was not opened.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A log of a version that is not known here.
    #[error("{name} is a log of version {found}, want 0")]
    UnknownVersion {
        /// The file.
        name: String,
        /// The version.
        found: u8,
    },
}
