//! How the files of a manifest were found and hashed.

use core::num::NonZeroU64;

use super::hash_type::HashType;
use crate::model_path::ModelPath;

/// What the tools of OMS leave out at the model's root unless told otherwise, with everything below.
pub const GIT_PATHS: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// The parameters of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serialization {
    method: Method,
    hash: HashType,
    symlinks: Symlinks,
    ignored: IgnoredPaths,
}

/// Whether files are hashed whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "OMS v1.0 has these two")]
pub enum Method {
    /// Each file is one resource.
    Files,
    /// Each file is cut into pieces of so many bytes, the last one shorter. A file without bytes has no piece, and so is not
    /// covered.
    Shards {
        /// Bytes of each shard but a file's last.
        bytes: NonZeroU64,
    },
}

/// What becomes of symbolic links to files. One to a directory is never followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum Symlinks {
    /// A link is hashed as the file it leads to, under its own name.
    Followed,
    /// There may be none.
    Refused,
}

/// The paths that the signer left out, with everything below each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "recorded or not; there is no third")]
pub enum IgnoredPaths {
    /// The version that made the signature did not record them: it left out [`GIT_PATHS`], and nobody knows what else.
    NotRecorded,
    /// These, sorted and each once.
    Recorded(Vec<ModelPath>),
}

impl IgnoredPaths {
    /// Records paths; in any order, some perhaps twice.
    #[must_use]
    pub fn recorded(mut paths: Vec<ModelPath>) -> Self {
        paths.sort_unstable();
        paths.dedup();
        Self::Recorded(paths)
    }

    /// Whether `path` is one of them or lies below one.
    #[must_use]
    pub fn cover(&self, path: &ModelPath) -> bool {
        let is = |ignored: &str| {
            path.as_str().strip_prefix(ignored).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match self {
            Self::NotRecorded => GIT_PATHS.into_iter().any(is),
            // All that could cover it are the path and the directories on the way to it.
            Self::Recorded(paths) => path
                .ancestors()
                .chain([path.as_str()])
                .any(|part| paths.binary_search_by(|ignored| ignored.as_str().cmp(part)).is_ok()),
        }
    }
}

impl Serialization {
    /// Joins the parameters.
    #[must_use]
    pub const fn new(method: Method, hash: HashType, symlinks: Symlinks, ignored: IgnoredPaths) -> Self {
        Self { method, hash, symlinks, ignored }
    }

    /// The one that is written here, and that every reader of OMS knows: whole files, SHA-256, no links.
    #[must_use]
    pub fn minimal(ignored: Vec<ModelPath>) -> Self {
        Self::new(Method::Files, HashType::Sha256, Symlinks::Refused, IgnoredPaths::recorded(ignored))
    }

    /// Whether files are hashed whole.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// What they are hashed with.
    #[must_use]
    pub const fn hash(&self) -> HashType {
        self.hash
    }

    /// What became of symbolic links.
    #[must_use]
    pub const fn symlinks(&self) -> Symlinks {
        self.symlinks
    }

    /// What the signer left out.
    #[must_use]
    pub const fn ignored(&self) -> &IgnoredPaths {
        &self.ignored
    }
}
