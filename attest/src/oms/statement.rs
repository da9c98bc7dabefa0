//! The signed payload of an OMS bundle, in its two versions.

use core::num::NonZeroU64;

use serde::Serialize;

use super::error::OmsStatementError;
use super::hash_type::HashType;
use super::manifest::{Manifest, Place};
use super::resource::{Resource, Shard};
use super::serialization::{IgnoredPaths, Method, Serialization, Symlinks};
use crate::compact_json;
use crate::decimal::parse_decimal;
use crate::digest::Sha256Digest;
use crate::excerpt::excerpt;
use crate::json::{self, Fields, Located};
use crate::model_path::ModelPath;
use crate::types;

/// Longest statement, in bytes: with [`super::MAX_RESOURCES`] resources and names of 100 bytes it is as long.
pub const MAX_STATEMENT_BYTES: usize = 64 << 20;

/// Which generation of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Version {
    /// `https://model_signing/Digests/v0.1`, written by `model_signing` 0.2: files are subjects, there is no root, and what is
    /// signed is not quite the DSSE encoding.
    V0_1,
    /// `https://model_signing/signature/v1.0`, written since 0.3.
    V1_0,
}

/// What an OMS signature is about: a name that nothing vouches for but the signer, and a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmsStatement {
    version: Version,
    name: Option<String>,
    manifest: Manifest,
}

impl OmsStatement {
    /// Reads a statement of either version, at most [`MAX_STATEMENT_BYTES`].
    ///
    /// # Errors
    /// Every variant of [`OmsStatementError`] is one rule that the bytes break.
    pub fn parse(payload: &[u8]) -> Result<Self, OmsStatementError> {
        let value = json::parse_with_whole_doubles(payload, MAX_STATEMENT_BYTES)?;
        let statement =
            Located::root(&value).closed_object(&["_type", "subject", "predicateType", "predicate"])?;
        let statement_type = statement.required("_type")?.string()?;
        if statement_type != types::STATEMENT_TYPE {
            return Err(OmsStatementError::StatementType { seen: excerpt(statement_type) });
        }
        match statement.required("predicateType")?.string()? {
            types::MODEL_SIGNATURE_V1_0 => read_v1_0(&statement),
            types::MODEL_DIGESTS_V0_1 => read_v0_1(&statement),
            other => Err(OmsStatementError::PredicateType { seen: excerpt(other) }),
        }
    }

    /// Writes a statement of version 1.0 about a model of that name: compact JSON, keys in alphabetical order.
    ///
    /// The name is for people; use the last component of the model's path, as other tools do.
    ///
    /// # Errors
    /// [`OmsStatementError::TooLarge`].
    pub fn write(name: &str, manifest: &Manifest) -> Result<Vec<u8>, OmsStatementError> {
        let serialization = manifest.serialization();
        let bytes = compact_json::to_vec(&StatementJson {
            r#type: types::STATEMENT_TYPE,
            predicate: PredicateJson {
                resources: manifest.resources().iter().map(ResourceJson::of).collect(),
                serialization: SerializationJson {
                    allow_symlinks: serialization.symlinks() == Symlinks::Followed,
                    hash_type: serialization.hash().name(),
                    ignore_paths: match serialization.ignored() {
                        IgnoredPaths::NotRecorded => Vec::new(),
                        IgnoredPaths::Recorded(paths) => paths.iter().map(ModelPath::as_str).collect(),
                    },
                    method: match serialization.method() {
                        Method::Files => "files",
                        Method::Shards { .. } => "shards",
                    },
                    shard_size: match serialization.method() {
                        Method::Files => None,
                        Method::Shards { bytes } => Some(bytes.get()),
                    },
                },
            },
            predicate_type: types::MODEL_SIGNATURE_V1_0,
            subject: [SubjectJson { digest: DigestJson { sha256: manifest.root().to_string() }, name }],
        });
        if bytes.len() > MAX_STATEMENT_BYTES {
            return Err(OmsStatementError::TooLarge { len: bytes.len() });
        }
        Ok(bytes)
    }

    /// Which generation of the format.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// What the signer called the model: a label. Version 0.1 has none.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The files.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

fn read_v1_0(statement: &Fields<'_>) -> Result<OmsStatement, OmsStatementError> {
    let subjects = statement.required("subject")?.array()?;
    let [subject] = subjects.as_slice() else {
        return Err(OmsStatementError::SubjectCount { seen: subjects.len() });
    };
    let subject = subject.closed_object(&["name", "digest"])?;
    let name = subject.required("name")?.string()?.to_owned();
    let root = subject.required("digest")?.closed_object(&["sha256"])?.required("sha256")?;
    let root = sha256(&root)?;

    let predicate = statement.required("predicate")?.closed_object(&["serialization", "resources"])?;
    let serialization = read_serialization(&predicate.required("serialization")?)?;
    let items = predicate.required("resources")?.array()?;
    let resources =
        items.iter().map(|item| read_resource(item, &serialization)).collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest::new(serialization, resources)?;
    let computed = manifest.root();
    if computed != root {
        return Err(OmsStatementError::Root { seen: root, computed });
    }
    Ok(OmsStatement { version: Version::V1_0, name: Some(name), manifest })
}

fn read_serialization(value: &Located<'_>) -> Result<Serialization, OmsStatementError> {
    let fields =
        value.closed_object(&["method", "hash_type", "allow_symlinks", "ignore_paths", "shard_size"])?;
    let hash = fields.required("hash_type")?;
    let unknown = || OmsStatementError::UnknownHash { seen: excerpt_of(&hash) };
    let hash = HashType::of(hash.string()?).ok_or_else(unknown)?;
    let size = fields.optional("shard_size").map(|size| size.unsigned()).transpose()?;
    let method = fields.required("method")?.string()?;
    let method = match (method, size) {
        ("files", None) => Some(Method::Files),
        ("shards", Some(size)) => NonZeroU64::new(size).map(|bytes| Method::Shards { bytes }),
        _ => None,
    }
    .ok_or_else(|| OmsStatementError::Method { seen: excerpt(method) })?;
    let symlinks =
        if fields.required("allow_symlinks")?.boolean()? { Symlinks::Followed } else { Symlinks::Refused };
    let ignored = match fields.optional("ignore_paths") {
        None => IgnoredPaths::NotRecorded,
        Some(paths) => IgnoredPaths::recorded(
            paths
                .array()?
                .iter()
                .map(|item| {
                    let fault = |source| OmsStatementError::IgnoredPath { path: item.path().clone(), source };
                    ModelPath::new(item.string()?).map_err(fault)
                })
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Serialization::new(method, hash, symlinks, ignored))
}

fn read_resource(item: &Located<'_>, serialization: &Serialization) -> Result<Resource, OmsStatementError> {
    // Annotations are in-toto's to have; they say nothing about which file it is.
    let fields = item.closed_object(&["name", "algorithm", "digest", "annotations"])?;
    let hash = serialization.hash();
    let algorithm = fields.required("algorithm")?;
    let is_named = match serialization.method() {
        Method::Files => algorithm.string()? == hash.name(),
        // `model_signing` writes the size into the algorithm; OMS v1.0 wants the plain name.
        Method::Shards { bytes } => {
            let algorithm = algorithm.string()?;
            algorithm == hash.name() || algorithm == format!("{hash}-sharded-{bytes}")
        }
    };
    if !is_named {
        return Err(OmsStatementError::Hash { path: algorithm.path().clone(), seen: excerpt_of(&algorithm) });
    }
    let digest = fields.required("digest")?;
    let digest = from_hex(&digest, hash.len_bytes())?;
    let name = fields.required("name")?;
    let (path, shard) = match serialization.method() {
        Method::Files => (name.string()?, None),
        Method::Shards { .. } => {
            let fault = || OmsStatementError::ShardName { path: name.path().clone() };
            let (path, shard) = split_shard(name.string()?).ok_or_else(fault)?;
            (path, Some(shard))
        }
    };
    Ok(Resource::read(read_place(path, &name)?, shard, hash, digest))
}

/// `path:start:end`, split at the last two colons, since a path may have some.
fn split_shard(name: &str) -> Option<(&str, Shard)> {
    let (rest, end) = name.rsplit_once(':')?;
    let (path, start) = rest.rsplit_once(':')?;
    Some((path, Shard::new(parse_decimal(start)?, parse_decimal(end)?)?))
}

fn read_place(text: &str, name: &Located<'_>) -> Result<Place, OmsStatementError> {
    if text == "." {
        return Ok(Place::Model);
    }
    ModelPath::new(text)
        .map(Place::File)
        .map_err(|source| OmsStatementError::Name { path: name.path().clone(), source })
}

/// Version 0.1: every subject is a file, and the predicate is empty.
fn read_v0_1(statement: &Fields<'_>) -> Result<OmsStatement, OmsStatementError> {
    let subjects = statement.required("subject")?.array()?;
    let mut resources = Vec::with_capacity(subjects.len());
    for subject in &subjects {
        let subject = subject.closed_object(&["name", "digest", "annotations"])?;
        let name = subject.required("name")?;
        if let Some(annotations) = subject.optional("annotations") {
            refuse_other_hash(&annotations)?;
        }
        let digest = subject.required("digest")?.closed_object(&["sha256"])?.required("sha256")?;
        let digest = sha256(&digest)?.as_bytes().to_vec();
        let place = read_place(name.string()?, &name)?;
        resources.push(Resource::read(place, None, HashType::Sha256, digest));
    }
    if let Some(predicate) = statement.optional("predicate") {
        read_empty_predicate(&predicate)?;
    }
    let serialization =
        Serialization::new(Method::Files, HashType::Sha256, Symlinks::Refused, IgnoredPaths::NotRecorded);
    let manifest = Manifest::new(serialization, resources)?;
    Ok(OmsStatement { version: Version::V0_1, name: None, manifest })
}

/// What stands under `sha256` may be another digest, if the annotation says so; nobody is known to have written that.
fn refuse_other_hash(annotations: &Located<'_>) -> Result<(), OmsStatementError> {
    let hash = annotations.closed_object(&["actual_hash_algorithm"])?.required("actual_hash_algorithm")?;
    match hash.string()? {
        "file-sha256" | "sha256" => Ok(()),
        other => Err(OmsStatementError::Hash { path: hash.path().clone(), seen: excerpt(other) }),
    }
}

/// The program of that time wrote an object with one meaningless member.
fn read_empty_predicate(predicate: &Located<'_>) -> Result<(), OmsStatementError> {
    predicate.closed_object(&["unused"])?;
    Ok(())
}

fn sha256(value: &Located<'_>) -> Result<Sha256Digest, OmsStatementError> {
    value
        .string()?
        .parse()
        .map_err(|_| OmsStatementError::Digest { path: value.path().clone(), wanted: Sha256Digest::LEN })
}

fn from_hex(value: &Located<'_>, wanted: usize) -> Result<Vec<u8>, OmsStatementError> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, odd) = value.string()?.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(|[high, low]| Some((nibble(*high)? << 4) | nibble(*low)?))
        .collect::<Option<Vec<u8>>>()
        .filter(|bytes| bytes.len() == wanted && odd.is_empty())
        .ok_or_else(|| OmsStatementError::Digest { path: value.path().clone(), wanted })
}

fn excerpt_of(value: &Located<'_>) -> String {
    excerpt(value.value().as_str().unwrap_or_default())
}

#[derive(Serialize)]
struct StatementJson<'a> {
    #[serde(rename = "_type")]
    r#type: &'static str,
    predicate: PredicateJson<'a>,
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    subject: [SubjectJson<'a>; 1],
}

#[derive(Serialize)]
struct PredicateJson<'a> {
    resources: Vec<ResourceJson>,
    serialization: SerializationJson<'a>,
}

#[derive(Serialize)]
struct ResourceJson {
    algorithm: &'static str,
    digest: String,
    name: String,
}

impl ResourceJson {
    fn of(resource: &Resource) -> Self {
        use core::fmt::Write as _;
        let mut digest = String::with_capacity(2 * resource.digest().len());
        for byte in resource.digest() {
            // Writing to a String cannot fail.
            let _ = write!(digest, "{byte:02x}");
        }
        Self { algorithm: resource.hash().name(), digest, name: resource.name() }
    }
}

#[derive(Serialize)]
struct SerializationJson<'a> {
    allow_symlinks: bool,
    hash_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignore_paths: Vec<&'a str>,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard_size: Option<u64>,
}

#[derive(Serialize)]
struct SubjectJson<'a> {
    digest: DigestJson,
    name: &'a str,
}

#[derive(Serialize)]
struct DigestJson {
    sha256: String,
}
