use crate::digest::Sha256Digest;

use super::{DatasetError, refuse_word};

/// A file that belongs to a dataset and is not one of its files: its list, its datasheet.
///
/// ```json
/// {"mediaType":"text/markdown","digest":{"sha256":"5c11..."},"bytes":"9000"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    media_type: String,
    digest: Sha256Digest,
    bytes: u64,
}

impl Document {
    /// A file with this content.
    ///
    /// # Errors
    /// [`DatasetError::BadWord`] for a media type that is empty, too long or not printable.
    pub fn new(media_type: String, digest: Sha256Digest, bytes: u64) -> Result<Self, DatasetError> {
        refuse_word("media type", &media_type)?;
        Ok(Self { media_type, digest, bytes })
    }

    /// What it is.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// SHA-256 of its content.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Its size, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}
