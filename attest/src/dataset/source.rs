use crate::digest::Sha256Digest;
use crate::provenance::SourceUri;
use crate::utc_time::UtcTime;

use super::{DatasetError, refuse_word};

/// Where data came from. What its owner says; nothing here was looked at.
///
/// ```json
/// {"uri":"s3://company-data/v4","version":"4","retrievedAt":"2026-11-20T07:00:00Z","licence":"internal"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataSource {
    uri: SourceUri,
    version: Option<String>,
    retrieved_at: Option<UtcTime>,
    licence: Option<String>,
    digest: Option<Sha256Digest>,
}

impl DataSource {
    /// A place.
    #[must_use]
    pub const fn new(uri: SourceUri) -> Self {
        Self { uri, version: None, retrieved_at: None, licence: None, digest: None }
    }

    /// Adds which version lay there.
    ///
    /// # Errors
    /// [`DatasetError::BadWord`].
    pub fn with_version(self, version: String) -> Result<Self, DatasetError> {
        refuse_word("version", &version)?;
        Ok(Self { version: Some(version), ..self })
    }

    /// Adds when it was fetched.
    #[must_use]
    pub fn with_retrieved_at(self, time: UtcTime) -> Self {
        Self { retrieved_at: Some(time), ..self }
    }

    /// Adds under which licence it was given.
    ///
    /// # Errors
    /// [`DatasetError::BadWord`].
    pub fn with_licence(self, licence: String) -> Result<Self, DatasetError> {
        refuse_word("licence", &licence)?;
        Ok(Self { licence: Some(licence), ..self })
    }

    /// Adds the SHA-256 of what was fetched.
    #[must_use]
    pub fn with_digest(self, digest: Sha256Digest) -> Self {
        Self { digest: Some(digest), ..self }
    }

    /// Where.
    #[must_use]
    pub const fn uri(&self) -> &SourceUri {
        &self.uri
    }

    /// Which version lay there.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// When it was fetched.
    #[must_use]
    pub const fn retrieved_at(&self) -> Option<UtcTime> {
        self.retrieved_at
    }

    /// Under which licence it was given.
    #[must_use]
    pub fn licence(&self) -> Option<&str> {
        self.licence.as_deref()
    }

    /// SHA-256 of what was fetched.
    #[must_use]
    pub const fn digest(&self) -> Option<Sha256Digest> {
        self.digest
    }
}
