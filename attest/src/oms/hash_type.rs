//! What a manifest's files are hashed with.

use core::fmt;

use crate::digest::Sha256Digest;

/// A hash function of the algorithm registry of OMS v1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashType {
    /// BLAKE2b with 64 bytes.
    Blake2b,
    /// BLAKE3 with 32 bytes.
    Blake3,
    /// SHA-256: the only one that is written, here and by the command lines of other tools.
    Sha256,
}

impl HashType {
    const ALL: [Self; 3] = [Self::Blake2b, Self::Blake3, Self::Sha256];

    /// The hash function of that name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name() == name)
    }

    /// Its name in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blake2b => "blake2b",
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }

    /// What stands for a digest of any of them in a comparison: itself if it has 32 bytes, else its SHA-256.
    pub(crate) fn stand_in(digest: &[u8]) -> Sha256Digest {
        Sha256Digest::from_slice(digest).unwrap_or_else(|| Sha256Digest::of(digest))
    }

    /// Length of a digest, in bytes.
    #[must_use]
    pub const fn len_bytes(self) -> usize {
        match self {
            Self::Blake2b => 64,
            Self::Blake3 | Self::Sha256 => 32,
        }
    }
}

impl fmt::Display for HashType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
