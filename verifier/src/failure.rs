//! What exactly did not hold: the observation behind a reason code, with the values that were compared.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use attest::bundle::{BundleError, BundleFileError, LogEntryError};
use attest::digest::Sha256Digest;
use attest::entry::EntryError;
use attest::event::{EventLabel, Scope};
use attest::key::SignatureError;
use attest::model_name::{ModelName, VersionLabel};
use attest::provenance::{Relation, Source};
use attest::scan::{CacheError, ScanError};
use attest::statement::{StatementError, StatementKind};
use attest::tree::{TreeDigest, TreeError};
use attest::utc_time::UtcTime;
use merkle::{Hash, ProofError};
use tlog::checkpoint::Origin;
use tlog::policy::{PolicyOpenError, QuorumError};

use crate::difference::Difference;
use crate::lineage::{EvidenceError, Fault};
use crate::memory::MemoryError;
use crate::pack::PackError;
use crate::pins::PinsError;
use crate::reason::Reason;
use crate::requirements::{RequirementsError, Right};
use crate::standing::reach;
use crate::status::StatusFault;

/// One thing that did not hold. What it means is its [`Failure::reason`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The cache of digests that was to be believed cannot be.
    #[error("the cache of digests cannot be used")]
    CacheUnusable {
        /// Why.
        source: CacheError,
    },
    /// Something it was made from is withdrawn, and so it is.
    #[error(
        "{ancestor} is withdrawn by {by} with all that was made from it: {reason}: statement {statement}"
    )]
    AncestorRevoked {
        /// What.
        ancestor: String,
        /// Who withdrew it.
        by: String,
        /// Why.
        reason: EventLabel,
        /// Digest of the statement that says so.
        statement: Sha256Digest,
    },
    /// Too few people approved the model.
    #[error(
        "approved by {found} of {wanted} people other than the maker (rule on line {line} of the trust file)"
    )]
    ApprovalsInsufficient {
        /// How many must.
        wanted: u8,
        /// How many did.
        found: usize,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// Nobody with a role approved the model.
    #[error("approved by nobody with the role {role} (rule on line {line} of the trust file)")]
    ApproverRoleMissing {
        /// The role.
        role: EventLabel,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// The status of something it was made from speaks against it.
    #[error("of what it was made from")]
    OfAncestor {
        /// What it says.
        source: Arc<Self>,
    },
    /// The bundle file is not one.
    #[error("bundle file does not parse")]
    BundleMalformed {
        /// Where and why.
        source: BundleFileError,
    },
    /// There is no bundle file.
    #[error("no bundle file at {}", path.display())]
    BundleMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The bundle file could not be read.
    #[error("cannot read the bundle file {}", path.display())]
    BundleUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No witness says when the checkpoint was current, or it is not known what time it is.
    #[error("no cosignature says when the checkpoint was current (rule on line {line} of the trust file)")]
    CheckpointAgeUnknown {
        /// The rule's line in the trust file.
        line: usize,
    },
    /// What is known of the log for this name was newer before.
    #[error("the bundle file shows {log} at size {found}, one for this name was verified at size {seen}")]
    CheckpointOlder {
        /// The log.
        log: Origin,
        /// Size of the largest tree in the file.
        found: u64,
        /// Size that was seen before.
        seen: u64,
    },
    /// No log of the policy signed the checkpoint, though one has its origin.
    #[error("checkpoint of {origin} is not signed by the key in the policy")]
    CheckpointSignatureInvalid {
        /// The checkpoint's first line.
        origin: Origin,
        /// Whether the signature is missing or false.
        source: PolicyOpenError,
    },
    /// What is known of the log is too old.
    #[error("checkpoint last seen by a witness {} ago, wanted at most {} (rule on line {line} of the trust file)", span(*age), span(*limit))]
    CheckpointStale {
        /// Seconds since the youngest cosignature.
        age: u64,
        /// Seconds that the rule allows.
        limit: u64,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// A line in the name and key id of a known witness does not verify.
    #[error("a line in the name of a witness of the policy does not verify")]
    CosignatureInvalid {
        /// Which.
        source: QuorumError,
    },
    /// Too few witnesses.
    #[error("too few witnesses of the policy saw the checkpoint")]
    CosignaturesInsufficient {
        /// What is lacking.
        source: QuorumError,
    },
    /// The entry in the bundle is not one.
    #[error("log entry does not parse")]
    EntryMalformed {
        /// Where and why.
        source: EntryError,
    },
    /// The entry is that of another statement or key.
    #[error("log entry has {part} other than the one computed from the statement and the key")]
    EntryMismatch {
        /// Where they differ first.
        part: EntryPart,
    },
    /// Said in favour of the model where nobody finds it who watches the model.
    #[error("its log entry is private under another salt than the model's own entry")]
    EntrySaltDiffers,
    /// A private entry, and nothing to compute it again with.
    #[error("log entry is private, and the bundle has no salt to compute it again with")]
    EntrySaltMissing,
    /// A salt beside an entry that hides nothing.
    #[error("bundle has a salt, and its log entry is not private")]
    EntrySaltUnexpected,
    /// The entry's own signature is false.
    #[error("log entry is not signed by the key in it")]
    EntrySignatureInvalid {
        /// Why.
        source: EntryError,
    },
    /// Too few people signed an evaluation that passed.
    #[error(
        "evaluations that passed by {found} of {wanted} people other than the maker (rule on line {line} of the trust file)"
    )]
    EvaluationsInsufficient {
        /// How many must.
        wanted: u8,
        /// How many did.
        found: usize,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// The files are not those that the statement lists.
    #[error("{}", summary(*count, differences))]
    FilesDiffer {
        /// How many files differ; at least one.
        count: usize,
        /// All of them, worst kind first; in a note on a line the first alone. The first one gives the reason.
        differences: Vec<Difference>,
        /// Tree digest in the statement.
        expected: TreeDigest,
        /// Tree digest of the files.
        found: TreeDigest,
    },
    /// The format gate refuses a file, or the rule does not name its format.
    #[error("{path} is {format}: {found} (rule on line {line} of the trust file)")]
    FormatRefused {
        /// The file.
        path: String,
        /// What it is, by its content.
        format: formats::Format,
        /// What was found first, and where.
        found: String,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// The format gate refuses a file, and was overruled until a moment that is past.
    #[error(
        "{path} is {format}: {found}; a waiver for it expired at {expired} (rule on line {line} of the trust file)"
    )]
    WaiverExpired {
        /// The file.
        path: String,
        /// What it is, by its content.
        format: formats::Format,
        /// What was found first, and where.
        found: String,
        /// When the last waiver that would have covered it ended.
        expired: UtcTime,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// Nobody looked at the formats, or nobody could.
    #[error("the format gate has not looked at the files (rule on line {line} of the trust file)")]
    FormatsUnknown {
        /// Why, if it tried.
        source: Option<Arc<formats::GateError>>,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// The hashes do not lead to the root.
    #[error("inclusion proof does not lead to the checkpoint's root")]
    InclusionProofInvalid {
        /// Why.
        source: ProofError,
    },
    /// The hint names a key that is neither trusted nor the one in the log entry.
    #[error("hint names key {hint}, the log entry has key {found}")]
    KeyHintMismatch {
        /// The hint.
        hint: Sha256Digest,
        /// Id of the key in the entry.
        found: Sha256Digest,
    },
    /// Something about the lineage is not known or does not hold.
    #[error("{at}{}", by_rule(*line))]
    LineageBroken {
        /// A link or a node, in words.
        at: String,
        /// What.
        #[source]
        fault: Fault,
        /// The rule's line in the trust file; none if no rule is needed.
        line: Option<usize>,
    },
    /// A file of the evidence is none, or there is too much.
    #[error("{} is no evidence", path.display())]
    LineageMalformed {
        /// The file or folder.
        path: PathBuf,
        /// Where and why.
        source: EvidenceError,
    },
    /// A model came out of its inputs in a way that is not wanted.
    #[error("{of} came out of its inputs by {relation}{}", by_rule(Some(*line)))]
    LineageRelation {
        /// Which.
        of: String,
        /// How.
        relation: Relation,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// A link is not known well enough.
    #[error("{link} is known as {known}{}", by_rule(Some(*line)))]
    LineageSource {
        /// The link, in words.
        link: String,
        /// How the signer knows it.
        known: Source,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// The evidence could not be read.
    #[error("cannot read {}", path.display())]
    LineageUnreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A log shows two faces.
    #[error("{origin} signed two trees of size {size}: with root {seen}, and with root {found}")]
    LogForked {
        /// The log.
        origin: Origin,
        /// Of both.
        size: u64,
        /// One root.
        seen: Hash,
        /// The other.
        found: Hash,
    },
    /// The log id is not that of the log which signed the checkpoint.
    #[error("log id {}, and no key of {origin} in the policy has it", Hash::from_bytes(*found))]
    LogIdMismatch {
        /// The checkpoint's first line.
        origin: Origin,
        /// The id in the bundle.
        found: [u8; 32],
    },
    /// The policy does not know the log.
    #[error("checkpoint of {origin}, a log that the policy does not list")]
    LogUnknown {
        /// The checkpoint's first line.
        origin: Origin,
    },
    /// There is no room for more in the memory.
    #[error("{}", path.display())]
    MemoryFull {
        /// Its file.
        path: PathBuf,
        /// How much there is.
        source: Box<MemoryError>,
    },
    /// The file is no memory.
    #[error("{} does not parse", path.display())]
    MemoryMalformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<MemoryError>,
    },
    /// The trust file wants to remember, and nobody says where.
    #[error("remember = true, and neither XDG_STATE_HOME nor HOME says where")]
    MemoryNowhere,
    /// The memory could not be read.
    #[error("cannot read {}", path.display())]
    MemoryUnreadable {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The memory could not be written.
    #[error("cannot write {}", path.display())]
    MemoryUnwritten {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The model's path could not be read.
    #[error("cannot read the model {}", path.display())]
    ModelUnreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another name than the caller asked for.
    #[error("statement is about {found}, wanted {expected}")]
    NameUnexpected {
        /// What the caller asked for.
        expected: ModelName,
        /// What the statement says.
        found: ModelName,
    },
    /// No proof of logging.
    #[error("bundle is pending: it has no inclusion proof and no checkpoint")]
    NotLogged,
    /// No trust file.
    #[error("no trust file")]
    NoTrust,
    /// The payload is a statement of a kind that is read here and does not bind a model to what it was made from.
    #[error("statement of kind {kind}, wanted a provenance")]
    NotProvenance {
        /// Its kind.
        kind: StatementKind,
    },
    /// The pack is not one.
    #[error("pack {} cannot be judged", path.display())]
    PackMalformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<PackError>,
    },
    /// There is no room for another pin.
    #[error("{}", path.display())]
    PinsFull {
        /// Their file.
        path: PathBuf,
        /// How many there are.
        source: Box<PinsError>,
    },
    /// The file has no pins.
    #[error("{} does not parse", path.display())]
    PinsMalformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<PinsError>,
    },
    /// The pins could not be read.
    #[error("cannot read {}", path.display())]
    PinsUnreadable {
        /// Their file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The pins could not be written.
    #[error("cannot write {}", path.display())]
    PinsUnwritten {
        /// Their file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The model has not come to the stage.
    #[error("promoted to {}, wanted {wanted} (rule on line {line} of the trust file)", found.as_ref().map_or("no stage", EventLabel::as_str))]
    PromotionMissing {
        /// The stage.
        wanted: EventLabel,
        /// Where the last promotion brought it.
        found: Option<EventLabel>,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// The payload is a statement, but not of a kind that is read here.
    #[error("not a provenance statement")]
    ProvenanceMissing {
        /// What it is.
        source: StatementError,
    },
    /// Somebody who may say so says it may not be used.
    #[error("rejected for {} by {by}: statement {statement}", stage.as_ref().map_or("every stage", EventLabel::as_str))]
    Rejected {
        /// Who.
        by: String,
        /// For what; for anything if there is none.
        stage: Option<EventLabel>,
        /// Digest of the statement that says so.
        statement: Sha256Digest,
    },
    /// A later release was verified before.
    #[error("{found} of {log}, after {seen}")]
    ReleaseOlder {
        /// What this is.
        found: String,
        /// What was verified.
        seen: String,
        /// The log of both.
        log: Origin,
    },
    /// It is withdrawn.
    #[error("withdrawn by {by}: {reason}, {}: statement {statement}", reach(*scope))]
    Revoked {
        /// Who withdrew it.
        by: String,
        /// Why.
        reason: EventLabel,
        /// How far that goes.
        scope: Scope,
        /// Digest of the statement that says so.
        statement: Sha256Digest,
    },
    /// The files could not be made into a tree.
    #[error("the model's files do not form a tree that could have been signed")]
    Scan {
        /// Which file, and why. Shared by all lines of the bundle file.
        source: Arc<ScanError>,
    },
    /// The signature over the statement is false.
    #[error("statement is not signed by key {key_id}")]
    SignatureInvalid {
        /// Id of the key.
        key_id: Sha256Digest,
        /// Why.
        source: SignatureError,
    },
    /// Another key than the first signed the name.
    #[error("key {key_id} signed {name}, which is pinned to key {pinned}")]
    SignerChanged {
        /// The name in the statement.
        name: ModelName,
        /// Id of the key that signed.
        key_id: Sha256Digest,
        /// Id of the key that signed it first.
        pinned: Sha256Digest,
    },
    /// The key counts among other entries of the log.
    #[error("key {key_id} does not count at entry {index} of {log}, wanted {}", terms.join(" or "))]
    SignerOutOfTerm {
        /// Id of the key that signed.
        key_id: Sha256Digest,
        /// The log.
        log: Origin,
        /// Index of the entry.
        index: u64,
        /// Where it counts, in words.
        terms: Vec<String>,
    },
    /// The key may not sign this name.
    #[error("key {key_id} may not sign {}{name}{}", of_right(*right), wanted(expected))]
    SignerUnexpected {
        /// The name in the statement.
        name: ModelName,
        /// Id of the key that signed.
        key_id: Sha256Digest,
        /// What it signed.
        right: Right,
        /// Ids of the keys that may.
        expected: Vec<Sha256Digest>,
    },
    /// The payload is not a statement.
    #[error("statement does not parse")]
    StatementMalformed {
        /// Where and why.
        source: StatementError,
    },
    /// A log signed a status that leaves out an event which its tree has.
    #[error(
        "the status of {log} at size {size} has no event at entry {index}, which is in the bundle file and in the log"
    )]
    StatusContradicts {
        /// The log.
        log: Origin,
        /// Where the event is.
        index: u64,
        /// Size of the tree of the status.
        size: u64,
    },
    /// A status snapshot is not what its log signed, or shows something else than it says.
    #[error("status snapshot of {log} is false")]
    StatusInvalid {
        /// The log.
        log: Origin,
        /// What is false.
        source: StatusFault,
    },
    /// A rule wants to know how old the status is, and there is none.
    #[error("{} (rule on line {line} of the trust file)", no_status(log, *is_unwitnessed))]
    StatusMissing {
        /// The log of which there is none.
        log: Origin,
        /// There is one, and the quorum of witnesses did not see its tree.
        is_unwitnessed: bool,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// The newest status is too old.
    #[error("status of {log} {}, wanted at most {} old (rule on line {line} of the trust file)", signed(*age), span(*limit))]
    StatusStale {
        /// The log.
        log: Origin,
        /// Seconds since it was signed; `None` if that is not known.
        age: Option<u64>,
        /// Seconds that the rule allows.
        limit: u64,
        /// The rule's line in the trust file.
        line: usize,
    },
    /// A log knows of an event that is not here.
    #[error(
        "{log} has an event about {about} at entry {index}, by key {key_id}, and the statement {statement} is not here"
    )]
    StatusWithheld {
        /// What it is about.
        about: String,
        /// The log.
        log: Origin,
        /// Where the event is.
        index: u64,
        /// Whose key signed it.
        key_id: Sha256Digest,
        /// The digest of the statement that is missing.
        statement: Sha256Digest,
    },
    /// Another model takes its place.
    #[error("superseded by {successor}: statement {statement}")]
    Superseded {
        /// Which.
        successor: TreeDigest,
        /// Digest of the statement that says so.
        statement: Sha256Digest,
    },
    /// The statement is about another model.
    #[error("statement is about tree digest {expected}, the files have {found}")]
    SubjectMismatch {
        /// Tree digest in the statement.
        expected: TreeDigest,
        /// Tree digest of the files.
        found: TreeDigest,
    },
    /// The trust file is a part of what it is to judge.
    #[error("trust file {} lies inside the model {}", trust.display(), model.display())]
    TrustInsideModel {
        /// The trust file.
        trust: PathBuf,
        /// The model.
        model: PathBuf,
    },
    /// The trust file is not one.
    #[error("trust file {} does not parse", path.display())]
    TrustMalformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: RequirementsError,
    },
    /// The trust file could not be read.
    #[error("cannot read the trust file {}", path.display())]
    TrustUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another version than the caller asked for.
    #[error("statement is about version {found}, wanted {expected}")]
    VersionUnexpected {
        /// What the caller asked for.
        expected: VersionLabel,
        /// What the statement says.
        found: VersionLabel,
    },
}

/// A part of the log entry (spec/entry.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/entry.md: the third part is the signature")]
pub enum EntryPart {
    /// Algorithm and key id.
    ProtectedHeader,
    /// Kind, statement digest, subjects, inputs, name, version label, key.
    Payload,
}

impl std::fmt::Display for EntryPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ProtectedHeader => "a protected header",
            Self::Payload => "a payload",
        })
    }
}

impl Failure {
    /// The stable code. The compiler insists on every variant here.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::AncestorRevoked { .. } => Reason::AncestorRevoked,
            Self::ApprovalsInsufficient { .. } => Reason::ApprovalsInsufficient,
            Self::ApproverRoleMissing { .. } => Reason::ApproverRoleMissing,
            Self::BundleMalformed { source } => of_bundle_file(source),
            Self::BundleMissing { .. } => Reason::BundleMissing,
            Self::BundleUnreadable { .. } => Reason::BundleUnreadable,
            Self::CacheUnusable { .. } => Reason::CacheUnusable,
            Self::CheckpointAgeUnknown { .. } => Reason::CheckpointAgeUnknown,
            Self::CheckpointOlder { .. } => Reason::CheckpointOlder,
            Self::CheckpointStale { .. } => Reason::CheckpointStale,
            Self::CheckpointSignatureInvalid { .. } => Reason::CheckpointSignatureInvalid,
            Self::CosignatureInvalid { .. } => Reason::CosignatureInvalid,
            Self::CosignaturesInsufficient { .. } => Reason::CosignaturesInsufficient,
            Self::EntryMalformed { .. } => Reason::EntryMalformed,
            Self::EntryMismatch { .. } => Reason::EntryMismatch,
            Self::EntrySaltDiffers => Reason::EntrySaltDiffers,
            Self::EntrySaltMissing => Reason::EntrySaltMissing,
            Self::EntrySaltUnexpected => Reason::EntrySaltUnexpected,
            Self::EntrySignatureInvalid { .. } => Reason::EntrySignatureInvalid,
            Self::EvaluationsInsufficient { .. } => Reason::EvaluationsInsufficient,
            Self::FilesDiffer { differences, .. } => {
                differences.first().map_or(Reason::SubjectMismatch, Difference::reason)
            }
            Self::FormatRefused { .. } => Reason::FormatRefused,
            Self::FormatsUnknown { .. } => Reason::FormatsUnknown,
            Self::InclusionProofInvalid { .. } => Reason::InclusionProofInvalid,
            Self::KeyHintMismatch { .. } => Reason::KeyHintMismatch,
            Self::LineageBroken { fault, .. } => fault.reason(),
            Self::LineageMalformed { .. } => Reason::LineageMalformed,
            Self::PackMalformed { .. } => Reason::PackMalformed,
            Self::LineageRelation { .. } => Reason::LineageRelationRefused,
            Self::LineageSource { .. } => Reason::LineageSourceRefused,
            Self::LineageUnreadable { .. } => Reason::LineageUnreadable,
            Self::LogForked { .. } => Reason::LogForked,
            Self::LogIdMismatch { .. } => Reason::LogIdMismatch,
            Self::LogUnknown { .. } => Reason::LogUnknown,
            Self::MemoryFull { .. } | Self::MemoryUnwritten { .. } => Reason::MemoryUnwritten,
            Self::MemoryMalformed { .. } | Self::MemoryNowhere | Self::MemoryUnreadable { .. } => {
                Reason::MemoryUnreadable
            }
            Self::ModelUnreadable { .. } => Reason::ModelUnreadable,
            Self::NameUnexpected { .. } => Reason::NameUnexpected,
            Self::NotLogged => Reason::NotLogged,
            Self::OfAncestor { source } => source.reason(),
            Self::NoTrust => Reason::NoTrust,
            Self::NotProvenance { .. } | Self::ProvenanceMissing { .. } => Reason::ProvenanceMissing,
            Self::PinsFull { .. } | Self::PinsUnwritten { .. } => Reason::PinsUnwritten,
            Self::PinsMalformed { .. } | Self::PinsUnreadable { .. } => Reason::PinsUnreadable,
            Self::PromotionMissing { .. } => Reason::PromotionMissing,
            Self::Rejected { .. } => Reason::Rejected,
            Self::ReleaseOlder { .. } => Reason::ReleaseOlder,
            Self::Revoked { .. } => Reason::Revoked,
            Self::Scan { source } => scan_reason(source),
            Self::SignatureInvalid { .. } => Reason::SignatureInvalid,
            Self::SignerChanged { .. } => Reason::SignerChanged,
            Self::SignerOutOfTerm { .. } => Reason::SignerOutOfTerm,
            Self::SignerUnexpected { .. } => Reason::SignerUnexpected,
            Self::StatementMalformed { .. } => Reason::StatementMalformed,
            Self::StatusContradicts { .. } => Reason::StatusContradicts,
            Self::StatusInvalid { .. } => Reason::StatusInvalid,
            Self::StatusMissing { .. } => Reason::StatusMissing,
            Self::StatusStale { .. } => Reason::StatusStale,
            Self::StatusWithheld { .. } => Reason::StatusWithheld,
            Self::SubjectMismatch { .. } => Reason::SubjectMismatch,
            Self::Superseded { .. } => Reason::Superseded,
            Self::TrustInsideModel { .. } => Reason::TrustInsideModel,
            Self::TrustMalformed { .. } => Reason::TrustMalformed,
            Self::TrustUnreadable { .. } => Reason::TrustUnreadable,
            Self::VersionUnexpected { .. } => Reason::VersionUnexpected,
            Self::WaiverExpired { .. } => Reason::WaiverExpired,
        }
    }

    /// Whether the files are still worth hashing: evidence is absent, but none is false or foreign.
    #[must_use]
    pub(crate) const fn leaves_contents_open(&self) -> bool {
        matches!(self, Self::NoTrust | Self::NotLogged)
    }

    /// The same failure with the first difference alone. A bundle file has up to 1,024 lines and a model up to 2,000,000
    /// files: a list of files for each line would not fit the memory.
    pub(crate) fn without_list(mut self) -> Self {
        if let Self::FilesDiffer { differences, .. } = &mut self {
            differences.truncate(1);
            differences.shrink_to_fit();
        }
        self
    }

    /// The differences between the files and the statement, if that is what did not hold.
    #[must_use]
    pub fn differences(&self) -> Option<&[Difference]> {
        match self {
            Self::FilesDiffer { differences, .. } => Some(differences),
            _ => None,
        }
    }

    /// Digest of the statement that speaks against the model, if that is what did not hold.
    #[must_use]
    pub const fn adverse_statement(&self) -> Option<Sha256Digest> {
        match self {
            Self::Rejected { statement, .. }
            | Self::Revoked { statement, .. }
            | Self::Superseded { statement, .. } => Some(*statement),
            _ => None,
        }
    }

    /// The value that was wanted, where two values were compared.
    #[must_use]
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::FilesDiffer { expected, .. } | Self::SubjectMismatch { expected, .. } => {
                Some(expected.to_string())
            }
            Self::NameUnexpected { expected, .. } => Some(expected.to_string()),
            Self::SignerChanged { pinned, .. } => Some(pinned.to_string()),
            Self::SignerUnexpected { expected, .. } => expected.first().map(ToString::to_string),
            Self::VersionUnexpected { expected, .. } => Some(expected.to_string()),
            _ => None,
        }
    }

    /// The value that was seen, where two values were compared.
    #[must_use]
    pub fn found(&self) -> Option<String> {
        match self {
            Self::FilesDiffer { found, .. } | Self::SubjectMismatch { found, .. } => Some(found.to_string()),
            Self::KeyHintMismatch { hint, .. } => Some(hint.to_string()),
            Self::LogIdMismatch { found, .. } => Some(Hash::from_bytes(*found).to_string()),
            Self::LogUnknown { origin } => Some(origin.to_string()),
            Self::NameUnexpected { found, .. } => Some(found.to_string()),
            Self::SignerChanged { key_id, .. }
            | Self::SignerOutOfTerm { key_id, .. }
            | Self::SignerUnexpected { key_id, .. } => Some(key_id.to_string()),
            Self::StatusWithheld { statement, .. } => Some(statement.to_string()),
            Self::VersionUnexpected { found, .. } => Some(found.to_string()),
            _ => None,
        }
    }
}

/// The reason code of an error of a scan, also for programs that scan without verifying.
#[must_use]
pub const fn scan_reason(error: &ScanError) -> Reason {
    match error {
        ScanError::Changed { .. } => Reason::ModelUnstable,
        ScanError::LinkOutsideBlobs { .. }
        | ScanError::LinkOutsideModel { .. }
        | ScanError::LinkToDirectory { .. }
        | ScanError::Symlink { .. } => Reason::SymlinkFound,
        ScanError::Special { .. } => Reason::SpecialFileFound,
        ScanError::NotUtf8 { .. } | ScanError::Path { .. } | ScanError::TooDeep { .. } => Reason::PathRefused,
        ScanError::TooManyBytes { .. } | ScanError::TooManyFiles { .. } => Reason::ModelTooLarge,
        ScanError::Tree(TreeError::Collision { .. }) => Reason::PathsCollide,
        ScanError::Tree(TreeError::TooManyBytes | TreeError::TooManyFiles { .. }) => Reason::ModelTooLarge,
        ScanError::Tree(_) => Reason::PathRefused,
        // Whatever else may come: not decided, and so not a pass.
        _ => Reason::FileUnreadable,
    }
}

/// Two faults of a line concern the log and have codes of their own.
const fn of_bundle_file(error: &BundleFileError) -> Reason {
    match error {
        BundleFileError::Line { source: BundleError::LogEntry { source }, .. } => match source {
            LogEntryError::Checkpoint { .. } => Reason::CheckpointMalformed,
            LogEntryError::Disagrees { .. } => Reason::LogFieldsInconsistent,
            _ => Reason::BundleMalformed,
        },
        _ => Reason::BundleMalformed,
    }
}

/// Which rule asks, for the end of a sentence.
fn by_rule(line: Option<usize>) -> String {
    line.map(|line| format!(" (rule on line {line} of the trust file)")).unwrap_or_default()
}

fn summary(count: usize, differences: &[Difference]) -> String {
    match (count, differences) {
        (_, []) => "the files differ from what was signed".to_owned(),
        (1, [one, ..]) => format!("1 file differs from what was signed: {}", one.path()),
        (_, [first, ..]) => format!("{count} files differ from what was signed, first {}", first.path()),
    }
}

fn wanted(keys: &[Sha256Digest]) -> String {
    match keys {
        [] => ", and no key in the trust file may".to_owned(),
        [key] => format!(", wanted key {key}"),
        [key, ..] => format!(", wanted key {key} or one of {} others", keys.len() - 1),
    }
}

/// A provenance is what a name is signed with; anything else is said to be what it is.
fn of_right(right: Right) -> String {
    match right {
        Right::Statement(StatementKind::Provenance) => String::new(),
        right => format!("{right} of "),
    }
}

fn no_status(log: &Origin, is_unwitnessed: bool) -> String {
    match is_unwitnessed {
        true => format!("too few witnesses of the policy saw the tree of the status of {log}"),
        false => format!("no status of {log} is here"),
    }
}

fn signed(age: Option<u64>) -> String {
    age.map_or_else(|| "signed nobody knows when".to_owned(), |age| format!("signed {} ago", span(age)))
}

/// A length of time in its largest whole unit.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7_200.. => format!("{} hours", seconds / 3_600),
        120.. => format!("{} minutes", seconds / 60),
        _ => format!("{seconds} seconds"),
    }
}
