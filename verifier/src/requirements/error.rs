//! Why a trust file is refused.

use attest::digest::DigestError;
use attest::key::KeyError;
use attest::name_pattern::PatternError;
use tlog::policy::PolicyError;

use super::MAX_TRUST_BYTES;

/// Why a text is not a trust file. Lines count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementsError {
    /// An anchor that is no digest.
    #[error("line {line}: the digest of the anchor does not parse")]
    AnchorDigest {
        /// Line of the digest.
        line: usize,
        /// What is wrong with it.
        source: DigestError,
    },
    /// A list that would let nothing pass, or demands nothing.
    #[error("line {line}: {member} of the rule is empty, wanted at least one word")]
    EmptyList {
        /// Line of the rule's name.
        line: usize,
        /// Which.
        member: &'static str,
    },
    /// A word that is not on a list of formats.
    #[error("line {line}: `{seen}` in {member} of the rule, wanted {}", if *member == "formats" { "strict or torch" } else { "formats by their names in spec/formats.md" })]
    FormatWord {
        /// Line of the rule's name.
        line: usize,
        /// In which member.
        member: &'static str,
        /// The word.
        seen: String,
    },
    /// A log is named that the policy does not have, or none where the policy has several.
    #[error("line {line}: indexes of {}, wanted the origin of one log of the policy", log.as_deref().unwrap_or("no log"))]
    IndexLog {
        /// Line of the publisher's name.
        line: usize,
        /// What was named.
        log: Option<String>,
    },
    /// A publisher whose keys are valid nowhere.
    #[error("line {line}: indexes from {from} until {until}, wanted the end after the beginning")]
    Indexes {
        /// Line of the publisher's name.
        line: usize,
        /// The first index.
        from: u64,
        /// The first one after.
        until: u64,
    },
    /// A key that is not SubjectPublicKeyInfo in base64, or not one of the two algorithms.
    #[error("line {line}: key {number} of the publisher does not parse")]
    Key {
        /// Line of the publisher's name.
        line: usize,
        /// Which of its keys, from 1.
        number: usize,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A demand of a lineage of no links.
    #[error("line {line}: lineage-depth = 0, wanted 1 or more")]
    LineageDepth {
        /// Line of the rule's name.
        line: usize,
    },
    /// A word that is not on a list.
    #[error("line {line}: `{seen}` in {member} of the rule, wanted {}", wanted(member))]
    LineageWord {
        /// Line of the rule's name.
        line: usize,
        /// In which member.
        member: &'static str,
        /// The word.
        seen: String,
    },
    /// Which formats, without by which rules.
    #[error("line {line}: formats-only without `formats`, which says by which rules")]
    NoFormats {
        /// Line of the rule's name.
        line: usize,
    },
    /// How a lineage must be, without which.
    #[error("line {line}: a demand of how a lineage must be, without `lineage`, which says of what")]
    NoLineage {
        /// Line of the rule's name.
        line: usize,
    },
    /// A rule that demands nothing: a misspelt one, as likely as not.
    #[error("line {line}: a rule that demands nothing")]
    NoDemand {
        /// Line of the rule's name.
        line: usize,
    },
    /// A publisher without a key.
    #[error("line {line}: a publisher without keys, wanted at least one")]
    NoKeys {
        /// Line of the publisher's name.
        line: usize,
    },
    /// A policy that trusts no log: nothing could ever pass.
    #[error("line {line}: a policy without a log line, wanted at least one")]
    NoLogs {
        /// Line of the policy.
        line: usize,
    },
    /// No `[[publisher]]`: nothing could ever pass.
    #[error("no [[publisher]], wanted at least one")]
    NoPublishers,
    /// A demand for a time where no witness has to say one.
    #[error("line {line}: logged-before, and the policy asks for no witness who could say when")]
    NoWitness {
        /// Line of the publisher's name.
        line: usize,
    },
    /// A name that is not a pattern.
    #[error("line {line}: publisher name does not parse")]
    Pattern {
        /// Line of the publisher's name.
        line: usize,
        /// What is wrong with it.
        source: PatternError,
    },
    /// The log policy is not one.
    #[error("line {line}: policy does not parse")]
    Policy {
        /// Line on which the policy's text begins.
        line: usize,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// The same key belongs to two people.
    #[error("line {line}: key {number} of the publisher belongs to `{other}` on line {first}")]
    TwoPersons {
        /// Line of the publisher's name.
        line: usize,
        /// Which of its keys, from 1.
        number: usize,
        /// Whose it was before.
        other: String,
        /// Line of the name of that publisher.
        first: usize,
    },
    /// A demand for a promotion that does not say to which stage.
    #[error("line {line}: promoted = true without a stage")]
    NoStage {
        /// Line of the rule's name.
        line: usize,
    },
    /// Not a moment.
    #[error("line {line}: logged-before {seen:?}, wanted a time in UTC like 2026-11-27T08:00:00Z")]
    Time {
        /// Line of the publisher's name.
        line: usize,
        /// What stands there.
        seen: String,
    },
    /// More bytes than [`MAX_TRUST_BYTES`].
    #[error("{seen} bytes, wanted at most {MAX_TRUST_BYTES}")]
    TooLarge {
        /// How many there are.
        seen: usize,
    },
    /// Not TOML, or not these members: an unknown one is refused, since a misspelt demand would not be one.
    #[error("line {line}: {}", cause.message())]
    Toml {
        /// The line of the fault.
        line: usize,
        /// What is wrong there.
        cause: Box<toml::de::Error>,
    },
    /// Not UTF-8.
    #[error("byte {offset} is not UTF-8")]
    Utf8 {
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// A version of the format that this program does not know.
    #[error("line {line}: trust file version {seen}, wanted 1")]
    Version {
        /// Line of the number.
        line: usize,
        /// The number.
        seen: i64,
    },
}

/// The words of a member.
fn wanted(member: &str) -> &'static str {
    match member {
        "lineage" => "base-model, adapter or dataset",
        "lineage-sources" => "observed, imported or declared",
        _ => "pretrain, finetune, adapter, merge, quantize, distill or convert",
    }
}
