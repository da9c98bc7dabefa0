use std::sync::Arc;

use attest::bundle::{BundleFile, BundleFileError};

/// Bundle files other than the model's own: statements about its ancestors, believed by nobody yet.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    files: Vec<(Arc<str>, BundleFile)>,
}

impl Evidence {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { files: Vec::new() }
    }

    /// Adds a file under a name to cite it by. The order of adding is that of the graph.
    pub fn add(&mut self, name: &str, file: BundleFile) {
        self.files.push((Arc::from(name), file));
    }

    /// Adds all files of another.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
    }

    /// The files, in the order in which they were added.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Arc<str>, &BundleFile)> {
        self.files.iter().map(|(name, file)| (name, file))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// Most files of evidence.
pub const MAX_EVIDENCE_FILES: usize = 4096;

/// Most bytes of evidence, all files together.
pub const MAX_EVIDENCE_BYTES: usize = 256 << 20;

/// Most things in a folder that is looked through for evidence.
pub const MAX_FOLDER_ENTRIES: usize = 1 << 16;

/// Why files are no evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The file is no bundle file.
    #[error("bundle file does not parse")]
    File {
        /// Where and why.
        #[from]
        source: BundleFileError,
    },
    /// A folder without a bundle file: a misspelt one, as likely as not.
    #[error("no file whose name ends in tallymark.jsonl lies in it or in a folder of it")]
    Nothing,
    /// More than [`MAX_EVIDENCE_BYTES`].
    #[error("more than {MAX_EVIDENCE_BYTES} bytes of evidence")]
    TooLong,
    /// More than [`MAX_EVIDENCE_FILES`].
    #[error("more than {MAX_EVIDENCE_FILES} files of evidence")]
    TooMany,
    /// More than [`MAX_FOLDER_ENTRIES`].
    #[error("a folder of more than {MAX_FOLDER_ENTRIES} entries")]
    TooWide,
}
