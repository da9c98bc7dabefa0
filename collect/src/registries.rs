//! What model registries say, from files that were exported: SageMaker, KitOps, Pachyderm.
//!
//! | Registry | File | Source of the format |
//! |---|---|---|
//! | SageMaker | JSON of `aws sagemaker describe-model-package` | AWS API reference, DescribeModelPackage |
//! | KitOps | `Kitfile`, YAML | KitOps 1.x, manifest version 1 |
//! | Pachyderm | 32 hex digits alone, or JSON of `pachctl inspect commit --raw` | Pachyderm 2.12 |
//!
//! Topics and keys are in [`sagemaker()`], [`kitfile()`] and [`pachyderm()`]. Bounds: 16 MiB a file.
//!
//! In scope: the files. Out of scope: the services, their networks and credentials; layers of an OCI registry, which have the digests that a
//! Kitfile lacks.

mod kitfile;
mod pachyderm;
mod sagemaker;

use std::path::Path;

use attest::provenance::Source;

use crate::folder::read_at;
use crate::notes::Notes;
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::{Collected, WarningReason};

/// A registry, or what stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Registry {
    /// A `Kitfile`.
    KitOps,
    /// A commit of data.
    Pachyderm,
    /// A model package.
    SageMaker,
}

impl Registry {
    /// What the source is called.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KitOps => "kitops",
            Self::Pachyderm => "pachyderm",
            Self::SageMaker => "sagemaker",
        }
    }
}

/// Reads the file at `path`. It may be a link: the caller named it.
#[must_use]
pub fn read(path: &Path, registry: Registry) -> Collected {
    let mut collected = Collected::new(registry.as_str());
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        let text = "a path that does not end with a name in UTF-8";
        collected.warn(WarningReason::Malformed, registry.as_str(), text);
        return collected;
    };
    let end = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(bytes) = read_at(&end, name, MAX_TEXT_FILE_BYTES, &mut collected) {
        collected.absorb(match registry {
            Registry::KitOps => kitfile(&bytes, name),
            Registry::Pachyderm => pachyderm(&bytes, name),
            Registry::SageMaker => sagemaker(&bytes, name),
        });
    }
    collected
}

/// Reads a SageMaker model package.
///
/// ```json
/// {"ModelPackageGroupName": "churn", "ModelPackageVersion": 3, "ModelApprovalStatus": "Approved",
///  "MetadataProperties": {"CommitId": "9a3e...", "Repository": "https://git.example.org/ml/churn"}}
/// ```
///
/// | Topic, about | Key | From |
/// |---|---|---|
/// | identity | `name`, `version`, `description`, `task`, `domain`, `status`, `stage`, `stage-status` | the package, imported |
/// | identity | `created` | `CreationTime`, as it is written |
/// | custody | `approval`, `approval-description` | `ModelApprovalStatus`, `ApprovalDescription` (personal): what the registry says, no signature |
/// | custody | `created-by`, `modified-by` | `CreatedBy`, `LastModifiedBy`: names and ARNs of people, personal |
/// | code | `commit`, `uri` | `MetadataProperties` |
/// | run | `generated-by`, `project`, `image`, `framework`, `framework-version` | `MetadataProperties`, `InferenceSpecification`; an ARN or image tells an account, so it is personal |
/// | run | `image-digest` | `InferenceSpecification` |
/// | data: `model data` | `uri`, personal | `ModelDataUrl`, `ModelDataSource` |
/// | parameter: name | `value` | `CustomerMetadataProperties`, personal: anybody may write anything there |
/// | document: `model card` | `status` | `ModelCard` |
#[must_use]
pub fn sagemaker(bytes: &[u8], name: &str) -> Collected {
    noted(Registry::SageMaker, name, Source::Imported, |notes| sagemaker::note(bytes, notes))
}

/// Reads a `Kitfile`.
///
/// ```yaml
/// manifestVersion: 1.0.0
/// package: {name: churn, version: 2.1.0, license: Apache-2.0}
/// model: {name: churn, path: model.safetensors, framework: pytorch}
/// datasets:
/// - {name: calls, path: data/calls.csv}
/// ```
///
/// | Topic, about | Key | From |
/// |---|---|---|
/// | identity | `name`, `version`, `description`, `license` | `package`, declared |
/// | custody | `author` | `package.authors`, personal |
/// | identity: name of the model | `name`, `version`, `description`, `license`, `path`, `framework`, `format` | `model` |
/// | identity: name of a part | `path`, `type`, `license` | `model.parts` |
/// | parameter: key | `value` | `model.parameters` |
/// | data, code, document: name or path | `path`, `description`, `license` | `datasets`, `code`, `docs`, `prompts`, `mcpServers` |
/// | data: name | `uri` (personal), `digest` | `datasets`: `remotePath`, `remoteHash` |
///
/// The path of a model may be a reference to another kit, which no digest fixes; it is noted as it stands.
#[must_use]
pub fn kitfile(bytes: &[u8], name: &str) -> Collected {
    noted(Registry::KitOps, name, Source::Declared, |notes| kitfile::note(bytes, notes))
}

/// Reads the id of a Pachyderm commit.
///
/// ```text
/// 2a1b0c9d8e7f4a5b9c3d2e1f0a9b8c7d
/// ```
///
/// | Topic, about | Key | From |
/// |---|---|---|
/// | data: `project/repo` (empty for an id alone) | `commit` | `commit.id`, imported; a random number, no digest |
/// | data | `branch`, `started`, `finished`, `bytes`, `description`, `origin`, `parent` | the rest of the JSON |
#[must_use]
pub fn pachyderm(bytes: &[u8], name: &str) -> Collected {
    noted(Registry::Pachyderm, name, Source::Imported, |notes| pachyderm::note(bytes, notes))
}

fn noted(registry: Registry, name: &str, grade: Source, note: impl FnOnce(&mut Notes<'_>)) -> Collected {
    let mut collected = Collected::new(registry.as_str());
    note(&mut Notes::new(&mut collected, name, grade));
    collected
}

#[cfg(test)]
mod tests;
