//! Why bytes are not an OMS signature that means one thing.

use super::certificate::CertificateError;
use super::manifest::MAX_RESOURCES;
use super::public_key::OmsKeyError;
use super::statement::MAX_STATEMENT_BYTES;
use crate::digest::Sha256Digest;
use crate::json::{FieldError, JsonError, JsonPath};
use crate::model_path::{ModelPath, ModelPathError};
use crate::tree::TreeError;
use crate::types;

/// Why resources are not one set of files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// No resource. Its root is the digest of nothing, and fits every empty directory.
    #[error("manifest without a resource, want at least one file")]
    Empty,
    /// A file that is listed and lies at or below a path that the same manifest ignores.
    #[error("resource {path:?} lies at or below an ignored path of the same manifest")]
    Ignored {
        /// The file.
        path: ModelPath,
    },
    /// `.` stands for the whole model, and there are other resources.
    #[error("resource \".\" beside others, want it alone or not at all")]
    ModelAmongFiles,
    /// Two paths that some file system takes for one, or a file that is also a directory.
    #[error("resources are not a set of files")]
    Paths {
        /// Which.
        #[source]
        source: TreeError,
    },
    /// One name twice: other readers take the last.
    #[error("resource {name:?} twice in one manifest")]
    Repeated {
        /// The name.
        name: String,
    },
    /// Shards that overlap, leave a gap or are not of the manifest's size.
    #[error("shard {name:?} does not follow on the one before it in pieces of the manifest's size")]
    Shards {
        /// The name.
        name: String,
    },
    /// More resources than we read.
    #[error("{count} resources, want at most {max}", max = MAX_RESOURCES)]
    TooMany {
        /// Resources seen.
        count: usize,
    },
}

/// Why a payload is not an OMS statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OmsStatementError {
    /// A digest that is no hexadecimal of the length its hash has.
    #[error("{path} is no lower-case hex digest of {wanted} bytes")]
    Digest {
        /// Where.
        path: JsonPath,
        /// Bytes wanted.
        wanted: usize,
    },
    /// A known member is missing or of another type, or an unknown one is there.
    #[error("OMS statement has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// A resource names another hash than the manifest.
    #[error("{path} is {seen:?}, want the hash type of the manifest")]
    Hash {
        /// Where.
        path: JsonPath,
        /// The name seen, at most 64 characters of it.
        seen: String,
    },
    /// An ignored path that is no path inside the model: it would cover everything, or nothing.
    #[error("ignored path {path} is no path inside a model")]
    IgnoredPath {
        /// Where.
        path: JsonPath,
        /// The rule it breaks.
        source: ModelPathError,
    },
    /// Not JSON as we read it.
    #[error("OMS statement is not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// The resources contradict each other.
    #[error("manifest means no one set of files")]
    Manifest {
        /// How.
        #[from]
        source: ManifestError,
    },
    /// Neither files nor shards, or a shard size that does not go with it.
    #[error("serialization method {seen:?}, want files, or shards with a shard_size above 0")]
    Method {
        /// The method seen, at most 64 characters of it.
        seen: String,
    },
    /// A name that is no path inside a model, or no shard of one.
    #[error("{path} is no name of a file inside a model")]
    Name {
        /// Where.
        path: JsonPath,
        /// The rule it breaks.
        #[source]
        source: ModelPathError,
    },
    /// Another predicate type.
    #[error("predicate type {seen:?}, want {want:?}", want = types::MODEL_SIGNATURE_V1_0)]
    PredicateType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// The subject's digest is not that of the resources.
    #[error("root digest {seen}, the resources have {computed}")]
    Root {
        /// The digest in the statement.
        seen: Sha256Digest,
        /// The digest of its resources.
        computed: Sha256Digest,
    },
    /// A shard without two decimal offsets, the first below the second.
    #[error("{path} is no shard like name:0:500")]
    ShardName {
        /// Where.
        path: JsonPath,
    },
    /// Not in-toto v1.
    #[error("statement type {seen:?}, want {want:?}", want = types::STATEMENT_TYPE)]
    StatementType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// No subject or several, where there must be one.
    #[error("{seen} subjects, want exactly one")]
    SubjectCount {
        /// Subjects seen.
        seen: usize,
    },
    /// More bytes than we write or read.
    #[error("OMS statement of {len} bytes, want at most {max}", max = MAX_STATEMENT_BYTES)]
    TooLarge {
        /// The length seen, in bytes.
        len: usize,
    },
    /// A manifest by a hash function that the registry of OMS does not have: well formed perhaps, and not to be computed.
    #[error("hash type {seen:?}, want one of sha256, blake2b, blake3")]
    UnknownHash {
        /// The name seen, at most 64 characters of it.
        seen: String,
    },
}

/// Why bytes are not an OMS bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OmsBundleError {
    /// A string that is no base64.
    #[error("{path} is no padded standard base64")]
    Base64 {
        /// Where.
        path: JsonPath,
    },
    /// A certificate that is none.
    #[error("{path} is no certificate")]
    Certificate {
        /// Where.
        path: JsonPath,
        /// Why.
        source: CertificateError,
    },
    /// No certificate in a chain, or too many.
    #[error("{seen} certificates, want 1 to {max}", max = super::MAX_CHAIN)]
    CertificateCount {
        /// Certificates seen.
        seen: usize,
    },
    /// A known member is missing or of another type, or an unknown one is there.
    #[error("OMS bundle has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// Not JSON as we read it.
    #[error("OMS bundle is not strict JSON")]
    Json {
        /// Why.
        #[from]
        source: JsonError,
    },
    /// A public key that is none of ours.
    #[error("{path} is no public key of an OMS signature")]
    Key {
        /// Where.
        path: JsonPath,
        /// Why.
        source: OmsKeyError,
    },
    /// A hint that is no lower-case hexadecimal SHA-256.
    #[error("{path} is no lower-case hex SHA-256 of a public key")]
    Hint {
        /// Where.
        path: JsonPath,
    },
    /// None of publicKey, x509CertificateChain, certificate, or several.
    #[error("{seen} of publicKey, x509CertificateChain and certificate, want exactly one")]
    Material {
        /// How many are there.
        seen: usize,
    },
    /// Another media type.
    #[error("media type {seen:?}, want {want:?}", want = types::BUNDLE_MEDIA_TYPE)]
    MediaType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// Another payload type.
    #[error("payload type {seen:?}, want {want:?}", want = types::PAYLOAD_TYPE)]
    PayloadType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// No signature, or several: other readers look at the first alone.
    #[error("{seen} signatures, want exactly one")]
    SignatureCount {
        /// Signatures seen.
        seen: usize,
    },
}
