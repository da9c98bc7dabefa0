//! All files of a model as an OMS statement lists them.
//!
//! Other readers take the last of two resources with one name, and believe a name that climbs out of the model. Here a
//! manifest means one set of files, or it is refused.

use core::fmt;
use core::num::NonZeroU64;
use std::collections::HashSet;

use super::error::ManifestError;
use super::resource::{Resource, Shard};
use super::serialization::{IgnoredPaths, Method, Serialization};
use crate::digest::{Sha256, Sha256Digest};
use crate::model_path::ModelPath;
use crate::tree::{Tree, collision};

/// Most resources. The largest that fit [`crate::json::MAX_VALUES`], four values each.
pub const MAX_RESOURCES: usize = 250_000;

/// What a resource is named after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// A file below the root.
    File(ModelPath),
    /// The root, which is a file.
    Model,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(path) => path.as_str(),
            Self::Model => ".",
        })
    }
}

/// How a model was serialised, and every resource in the order of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    serialization: Serialization,
    resources: Vec<Resource>,
}

impl Manifest {
    /// Takes resources that together are one set of files.
    ///
    /// # Errors
    /// See [`ManifestError`]: each variant is one rule about the set.
    pub fn new(serialization: Serialization, resources: Vec<Resource>) -> Result<Self, ManifestError> {
        if resources.is_empty() {
            return Err(ManifestError::Empty);
        }
        if resources.len() > MAX_RESOURCES {
            return Err(ManifestError::TooMany { count: resources.len() });
        }
        refuse_repeated(&resources)?;
        refuse_model_among_others(&resources)?;
        refuse_ignored(&resources, serialization.ignored())?;
        let mut paths: Vec<&ModelPath> = resources.iter().filter_map(Resource::path).collect();
        paths.sort_unstable();
        paths.dedup();
        collision::refuse(paths.into_iter()).map_err(|source| ManifestError::Paths { source })?;
        if let Method::Shards { bytes } = serialization.method() {
            refuse_gaps(&resources, bytes)?;
        }
        Ok(Self { serialization, resources })
    }

    /// The manifest that is written for a directory: its files in order of their names' bytes, which is the order OMS v1.0
    /// asks for, without what lies at or below an ignored path.
    ///
    /// # Errors
    /// [`ManifestError::Empty`] if nothing is left, [`ManifestError::TooMany`].
    pub fn of_tree(tree: &Tree, ignored: Vec<ModelPath>) -> Result<Self, ManifestError> {
        let serialization = Serialization::minimal(ignored);
        let resources = tree
            .files()
            .iter()
            .filter(|file| !serialization.ignored().cover(file.path()))
            .map(|file| Resource::file(file.path().clone(), file.sha256()))
            .collect();
        Self::new(serialization, resources)
    }

    /// The manifest that is written for a model which is a single file.
    #[must_use]
    pub fn of_single_file(digest: Sha256Digest) -> Self {
        let ignored = super::GIT_PATHS.iter().filter_map(|path| ModelPath::new(*path).ok()).collect();
        Self {
            serialization: Serialization::minimal(ignored),
            resources: vec![Resource::single_file(digest)],
        }
    }

    /// How the files were found and hashed.
    #[must_use]
    pub const fn serialization(&self) -> &Serialization {
        &self.serialization
    }

    /// The resources, in the order of the statement; at least one.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Whether the model is a single file under the name `.`.
    #[must_use]
    pub fn is_single_file(&self) -> bool {
        self.resources.iter().all(|resource| resource.path().is_none())
    }

    /// The root digest of OMS: SHA-256 over the digests' bytes, in the order of the statement, whatever hash they are of.
    ///
    /// It covers no name, no size and no count. Two models may share it.
    #[must_use]
    pub fn root(&self) -> Sha256Digest {
        let mut hasher = Sha256::new();
        self.resources.iter().for_each(|resource| hasher.update(resource.digest()));
        hasher.finish()
    }
}

fn refuse_repeated(resources: &[Resource]) -> Result<(), ManifestError> {
    let mut seen = HashSet::with_capacity(resources.len());
    match resources.iter().find(|resource| !seen.insert((resource.place(), resource.shard()))) {
        Some(resource) => Err(ManifestError::Repeated { name: resource.name() }),
        None => Ok(()),
    }
}

fn refuse_model_among_others(resources: &[Resource]) -> Result<(), ManifestError> {
    let models = resources.iter().filter(|resource| resource.path().is_none()).count();
    if models == 0 || models == resources.len() { Ok(()) } else { Err(ManifestError::ModelAmongFiles) }
}

fn refuse_ignored(resources: &[Resource], ignored: &IgnoredPaths) -> Result<(), ManifestError> {
    // What was not recorded is only surmised, and does not contradict what is listed.
    if *ignored == IgnoredPaths::NotRecorded {
        return Ok(());
    }
    match resources.iter().filter_map(Resource::path).find(|path| ignored.cover(path)) {
        Some(path) => Err(ManifestError::Ignored { path: path.clone() }),
        None => Ok(()),
    }
}

/// The shards of each file must lie end to end from its first byte, each of the manifest's size but the last.
fn refuse_gaps(resources: &[Resource], bytes: NonZeroU64) -> Result<(), ManifestError> {
    let mut shards: Vec<(&Resource, Shard)> =
        resources.iter().filter_map(|resource| Some((resource, resource.shard()?))).collect();
    shards.sort_by(|(a, shard_a), (b, shard_b)| (a.place(), shard_a).cmp(&(b.place(), shard_b)));
    let mut before: Option<(&Resource, Shard)> = None;
    for (resource, shard) in shards {
        let begins = match before {
            Some((last, last_shard)) if last.place() == resource.place() => {
                // The one before is not the file's last, so it must be whole.
                if last_shard.end() - last_shard.start() != bytes.get() {
                    return Err(ManifestError::Shards { name: last.name() });
                }
                last_shard.end()
            }
            _ => 0,
        };
        if shard.start() != begins || shard.end() - shard.start() > bytes.get() {
            return Err(ManifestError::Shards { name: resource.name() });
        }
        before = Some((resource, shard));
    }
    Ok(())
}
