use crate::digest::Sha256Digest;
use crate::model_path::ModelPath;

use super::{FormatScanError, refuse_label, refuse_many, refuse_text};

/// Deepest nesting of archives.
const MAX_MEMBERS: usize = 8;

/// Where in a model something was found.
///
/// ```json
/// {"file":"model.bin","members":["archive/data.pkl"],"offset":"12"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScanPlace {
    file: ModelPath,
    members: Vec<String>,
    offset: Option<u64>,
}

impl ScanPlace {
    /// A byte of a file, or of a member of an archive in it, outermost archive first.
    ///
    /// # Errors
    /// [`FormatScanError::BadText`] for the name of a member, [`FormatScanError::TooMany`].
    pub fn new(file: ModelPath, members: Vec<String>, offset: Option<u64>) -> Result<Self, FormatScanError> {
        members.iter().try_for_each(|member| refuse_text(member))?;
        refuse_many("archives in one another", members.len(), MAX_MEMBERS)?;
        Ok(Self { file, members, offset })
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> &ModelPath {
        &self.file
    }

    /// The members of archives it lies in, outermost first.
    #[must_use]
    pub fn members(&self) -> &[String] {
        &self.members
    }

    /// The byte, from the beginning of the innermost member.
    #[must_use]
    pub const fn offset(&self) -> Option<u64> {
        self.offset
    }
}

/// Something for which a file was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScanFinding {
    place: ScanPlace,
    reason: String,
    what: String,
}

impl ScanFinding {
    /// A reason code, what was seen, and where.
    ///
    /// # Errors
    /// [`FormatScanError::BadLabel`], [`FormatScanError::BadText`].
    pub fn new(place: ScanPlace, reason: String, what: String) -> Result<Self, FormatScanError> {
        refuse_label(&reason)?;
        refuse_text(&what)?;
        Ok(Self { place, reason, what })
    }

    /// Where.
    #[must_use]
    pub const fn place(&self) -> &ScanPlace {
        &self.place
    }

    /// The reason code; one a reader does not know is a reason all the same.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What was seen.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

/// A template that was found and not judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedTemplate {
    place: ScanPlace,
    key: String,
    digest: Sha256Digest,
    bytes: u64,
}

impl ListedTemplate {
    /// A template under a key, with the digest and length of its text.
    ///
    /// # Errors
    /// [`FormatScanError::BadText`].
    pub fn new(
        place: ScanPlace,
        key: String,
        digest: Sha256Digest,
        bytes: u64,
    ) -> Result<Self, FormatScanError> {
        refuse_text(&key)?;
        Ok(Self { place, key, digest, bytes })
    }

    /// Where.
    #[must_use]
    pub const fn place(&self) -> &ScanPlace {
        &self.place
    }

    /// Under which key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// SHA-256 of its text.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Its length, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}
