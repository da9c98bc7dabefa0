use core::fmt;

use crate::digest::Sha256Digest;
use crate::provenance::GitId;

use super::EventError;

/// Something else that a model or dataset is known by. None of these is what [`crate::tree`] computes, and no program can tell that one
/// of them means a tree without having both: so somebody says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// SHA-256 of the content of its one file.
    File(Sha256Digest),
    /// Root of its OMS manifest.
    OmsRoot(Sha256Digest),
    /// Digest of a manifest by which it lies in a registry of OCI.
    OciManifest(Sha256Digest),
    /// Commit of the repository on the Hugging Face hub that serves these files.
    HfCommit(GitId),
}

impl Identity {
    /// The member of the predicate that it stands in.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::OmsRoot(_) => "omsRoot",
            Self::OciManifest(_) => "ociManifest",
            Self::HfCommit(_) => "hfCommit",
        }
    }

    /// The digest or id as the predicate spells it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::File(digest) | Self::OmsRoot(digest) | Self::OciManifest(digest) => digest.to_named(),
            Self::HfCommit(commit) => commit.to_string(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.form(), self.text())
    }
}

/// What else a model or dataset is known by: at least one identity, one of each form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    identities: Vec<Identity>,
}

impl Alias {
    /// These identities, sorted by form.
    ///
    /// # Errors
    /// [`EventError::NoIdentity`]; [`EventError::IdentityTwice`] if one form has two.
    pub fn new(mut identities: Vec<Identity>) -> Result<Self, EventError> {
        identities.sort_unstable();
        identities.dedup();
        if identities.is_empty() {
            return Err(EventError::NoIdentity);
        }
        if !identities.is_sorted_by(|before, after| before.form() != after.form()) {
            return Err(EventError::IdentityTwice);
        }
        Ok(Self { identities })
    }

    /// The identities, in the order of their forms.
    #[must_use]
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }
}
