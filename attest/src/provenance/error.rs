use crate::digest::DigestError;
use crate::json::{FieldError, JsonPath};
use crate::model_name::NameError;
use crate::role::Role;
use crate::utc_time::UtcTimeError;

use super::{GitId, GitIdError, InputName, InputNameError, SourceUriError};

/// Why something is not a provenance of our build type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// A `bytes` that is not an unsigned decimal string.
    #[error("{path} is {seen:?}, want a decimal string")]
    BadDecimal {
        /// Where.
        path: JsonPath,
        /// The text seen, at most 64 characters of it.
        seen: String,
    },
    /// A `sha256` that is none.
    #[error("{path} is no SHA-256")]
    BadDigest {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// An entry point with too many arguments, or with a text that is too long or has a control character.
    #[error("entry point is empty, has too many arguments, or a text that is too long or not printable")]
    BadEntrypoint,
    /// A fact with a text that is too long or not printable, or with a key that is no key.
    #[error("{what} of a fact is {text:?}, want it shorter and printable")]
    BadFact {
        /// Which text: `about`, `key`, `value` or `at`.
        what: &'static str,
        /// The text seen, at most 64 characters of it.
        text: String,
    },
    /// A `gitCommit` or `gitTree` that is none.
    #[error("{path} is no git id")]
    BadGitId {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: GitIdError,
    },
    /// The name of an input that is none.
    #[error("{path} is no input's name")]
    BadInputName {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: InputNameError,
    },
    /// A time that is none.
    #[error("{path} is no time")]
    BadTime {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: UtcTimeError,
    },
    /// A version of the signing program that is none.
    #[error("{path} is no version")]
    BadToolVersion {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: NameError,
    },
    /// A `uri` that we do not take.
    #[error("{path} is no URI we take")]
    BadUri {
        /// Where.
        path: JsonPath,
        /// Why.
        #[source]
        source: SourceUriError,
    },
    /// Two by-products of one role under one name.
    #[error("two by-products of one role with name {name}")]
    DuplicateByproduct {
        /// The name.
        name: InputName,
    },
    /// Two inputs of one role under one name.
    #[error("two inputs with role {role} and name {name}")]
    DuplicateInput {
        /// The role.
        role: Role,
        /// The name.
        name: InputName,
    },
    /// A run that ended before it began.
    #[error("the run finished before it started")]
    EndBeforeStart,
    /// A known member is missing, is of another type, or an unknown one is where the set is closed.
    #[error("provenance has not the members it should have")]
    Field {
        /// Which.
        #[from]
        source: FieldError,
    },
    /// A digest form that this role or digest set does not have.
    #[error("{path} is {seen:?}, want the form of the digest beside it")]
    FormAndDigest {
        /// Where.
        path: JsonPath,
        /// The form seen, at most 64 characters of it.
        seen: String,
    },
    /// The names that `externalParameters` gives for a role are not those of the dependencies.
    #[error("names of role {role} in externalParameters differ from those of the dependencies")]
    InputsDisagree {
        /// The first role with a difference.
        role: Role,
    },
    /// A commit and a tree object of two different repositories: their ids have different lengths.
    #[error("git commit {commit} and git tree {tree} have different lengths")]
    MixedGitIds {
        /// The commit.
        commit: GitId,
        /// The tree object.
        tree: GitId,
    },
    /// One of `startedOn` and `finishedOn` without the other.
    #[error("only one of startedOn and finishedOn, want both or none")]
    HalfSpan,
    /// One of `files` and `bytes` without the other.
    #[error("only one of files and bytes in {path}, want both or none")]
    PartialExtent {
        /// The annotations.
        path: JsonPath,
    },
    /// A checkout under another role than code, or code without a checkout.
    #[error("input {name} has role {role}, want git ids with code and with nothing else")]
    RoleAndDigest {
        /// The role.
        role: Role,
        /// The input's name.
        name: InputName,
    },
    /// What a digest is of, beside a digest that is private: it would give away what is hidden.
    #[error("{path} stands beside a private digest, want neither size nor state")]
    SizeOfPrivate {
        /// Where.
        path: JsonPath,
    },
    /// More by-products than a statement may have.
    #[error("{seen} by-products, want at most {max}", max = super::MAX_BYPRODUCTS)]
    TooManyByproducts {
        /// By-products seen.
        seen: usize,
    },
    /// More facts than a statement may have.
    #[error("{seen} facts, want at most {max}", max = super::MAX_FACTS)]
    TooManyFacts {
        /// Facts seen.
        seen: usize,
    },
    /// More digests than an entry has room for.
    #[error("inputs with {seen} digests, want at most {max}", max = super::MAX_INPUT_DIGESTS)]
    TooManyInputs {
        /// Digests seen; a checkout with a tree digest has two.
        seen: usize,
    },
    /// Another `buildType`.
    #[error("build type {seen:?}, want {want:?}", want = crate::types::BUILD_TYPE_TRAIN_V1)]
    UnknownBuildType {
        /// The type seen, at most 64 characters of it.
        seen: String,
    },
    /// Another `builder.id`, or not the one that goes with what is said of the run: in SLSA it is what decides how far the
    /// rest is to be believed.
    #[error("builder {seen:?}, want {want:?}")]
    UnknownBuilder {
        /// The id seen, at most 64 characters of it.
        seen: String,
        /// The one that goes with this provenance.
        want: &'static str,
    },
    /// A relation that the build type does not have.
    #[error("unknown relation {seen:?}")]
    UnknownRelation {
        /// The relation seen, at most 64 characters of it.
        seen: String,
    },
    /// A role of a by-product, or a topic of a fact, that the build type does not have.
    #[error("{path} is {seen:?}, want a known word")]
    UnknownWord {
        /// Where.
        path: JsonPath,
        /// The word seen, at most 64 characters of it.
        seen: String,
    },
    /// A role that the build type does not have.
    #[error("{path} is {seen:?}, want a known role")]
    UnknownRole {
        /// Where.
        path: JsonPath,
        /// The role seen, at most 64 characters of it.
        seen: String,
    },
    /// A source that the build type does not have.
    #[error("{path} is {seen:?}, want observed, imported or declared")]
    UnknownSource {
        /// Where.
        path: JsonPath,
        /// The source seen, at most 64 characters of it.
        seen: String,
    },
    /// Facts or by-products that do not ascend, or an empty list of them: one thing said in two ways.
    #[error("{what} do not ascend, or are an empty list")]
    UnsortedRun {
        /// Which of the two.
        what: &'static str,
    },
    /// Dependencies that do not ascend by role and name.
    #[error("dependency {index} sorts before the one in front of it, want them sorted by role and name")]
    UnsortedInputs {
        /// Index of the dependency, from 0.
        index: usize,
    },
}
