//! Policies: which logs and witnesses are known, and how many witnesses are enough (c2sp.org/tlog-policy).
//!
//! ```text
//! # comment
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <member>...
//! quorum <name>|none
//! ```
//!
//! Items are separated by spaces and tabs, lines end in a line feed. A name is used only below the line that defines it
//! and is a member of one group at most, so that no witness counts twice; exactly one line is the quorum. Names are bytes
//! without meaning outside of the file. No public key occurs twice, whatever it is called.
//!
//! A checkpoint is good under a policy if a key listed for its origin signed it ([`Policy::open`]) and the quorum
//! cosigned it ([`Policy::quorum_met`]).
//!
//! In scope: reading, writing and applying a policy. Out of scope: what a URL leads to; how old a cosignature may be.

mod parse;
mod quorum;
mod witness_key;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use parse::PolicyError;
pub use quorum::QuorumError;
pub use witness_key::WitnessKey;

use crate::checkpoint::{CheckpointOpenError, Origin, SignedCheckpoint, VerifiedCheckpoint};
use crate::error::ErrorClass;
use crate::vkey::Vkey;

/// Largest policy in bytes. 32 logs, witnesses and groups, which every reader should take, need about a tenth of it.
pub const MAX_POLICY_BYTES: usize = 64 * 1024;

/// The name of a witness or a group within a policy: one or more bytes, none of them a control byte, a space or 0x7F.
///
/// It need not be UTF-8, and two names are equal if their bytes are. [`Display`](fmt::Display) is for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Vec<u8>);

impl PolicyName {
    /// Lends the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// A known log: a `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    vkey: Vkey,
    url: Option<String>,
}

impl PolicyLog {
    /// The log's key, for Ed25519 note signatures. Its name is the log's origin.
    #[must_use]
    pub const fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The log's URL, as written.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

/// A known witness: a `witness` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    name: PolicyName,
    key: WitnessKey,
    url: Option<String>,
}

impl PolicyWitness {
    /// What the policy calls the witness; the key's name may be another.
    #[must_use]
    pub const fn name(&self) -> &PolicyName {
        &self.name
    }

    /// The witness's key, for cosignatures.
    #[must_use]
    pub const fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// The witness's URL, as written.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

/// One that can witness a checkpoint: a witness, or a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "c2sp.org/tlog-policy has these two")]
pub enum Member {
    /// The group at this position of [`Policy::groups`].
    Group(usize),
    /// The witness at this position of [`Policy::witnesses`].
    Witness(usize),
}

/// A `group` line: it has witnessed a checkpoint if at least [`PolicyGroup::threshold`] of its members have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyGroup {
    name: PolicyName,
    threshold: usize,
    members: Vec<Member>,
}

impl PolicyGroup {
    /// What the policy calls the group.
    #[must_use]
    pub const fn name(&self) -> &PolicyName {
        &self.name
    }

    /// How many members are enough: at least 1, at most all. `any` is 1, `all` is all.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// The members, at least one. A group among them stands before this one in [`Policy::groups`].
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }
}

/// The `quorum` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "c2sp.org/tlog-policy has these two")]
pub enum Quorum {
    /// A checkpoint has to be witnessed by this one.
    Of(Member),
    /// `none`: no cosignature is required.
    None,
}

/// A policy. There is no default one: a policy that nobody wrote is nobody's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<PolicyGroup>,
    quorum: Quorum,
}

/// Why a checkpoint is not that of a known log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyOpenError {
    /// The origin is known, and the signature of its log is missing or does not fit.
    #[error("checkpoint is not signed by a log of the policy")]
    Checkpoint {
        /// Which of the two.
        #[from]
        source: CheckpointOpenError,
    },
    /// No `log` line has this origin.
    #[error("log {origin} is not in the policy")]
    UnknownLog {
        /// The origin of the checkpoint.
        origin: Origin,
    },
}

impl PolicyOpenError {
    /// Sorts the refusal.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Checkpoint { source } => source.class(),
            Self::UnknownLog { .. } => ErrorClass::Untrusted,
        }
    }
}

impl Policy {
    /// The logs, in the order of their lines.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The first log with this origin. A log that changes its key has several lines; [`Policy::open`] tries them all.
    #[must_use]
    pub fn log_for_origin(&self, origin: &Origin) -> Option<&PolicyLog> {
        self.logs_for_origin(origin).next()
    }

    /// All lines for the log with this origin, one per key.
    pub fn logs_for_origin(&self, origin: &Origin) -> impl Iterator<Item = &PolicyLog> {
        self.logs.iter().filter(move |log| log.vkey.name().as_str() == origin.as_str())
    }

    /// The witnesses, in the order of their lines.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// The groups, in the order of their lines.
    #[must_use]
    pub fn groups(&self) -> &[PolicyGroup] {
        &self.groups
    }

    /// Who has to witness a checkpoint.
    #[must_use]
    pub const fn quorum(&self) -> Quorum {
        self.quorum
    }

    /// What the policy calls a witness or a group; `None` if the position is not of this policy.
    #[must_use]
    pub fn name_of(&self, member: Member) -> Option<&PolicyName> {
        match member {
            Member::Group(position) => self.groups.get(position).map(PolicyGroup::name),
            Member::Witness(position) => self.witnesses.get(position).map(PolicyWitness::name),
        }
    }

    /// Verifies that a log of the policy signed the checkpoint, with a key that is listed for its origin. Whether
    /// witnesses saw it is for [`Policy::quorum_met`].
    ///
    /// # Errors
    ///
    /// * [`PolicyOpenError::UnknownLog`] if no log has the origin;
    /// * [`PolicyOpenError::Checkpoint`] if none of its keys signed, or a signature of one does not fit.
    pub fn open(&self, checkpoint: &SignedCheckpoint) -> Result<VerifiedCheckpoint, PolicyOpenError> {
        let origin = checkpoint.unverified().origin();
        let keys: Vec<&Vkey> = self.logs_for_origin(origin).map(PolicyLog::vkey).collect();
        if keys.is_empty() {
            return Err(PolicyOpenError::UnknownLog { origin: origin.clone() });
        }
        Ok(checkpoint.open_with(&keys)?)
    }

    /// Writes the policy: logs, witnesses, groups, quorum; one space between items, no comment, thresholds as numbers.
    /// Parsing these bytes gives an equal policy.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut policy = Vec::new();
        for log in &self.logs {
            let vkey = log.vkey.to_string();
            push_line(&mut policy, [b"log", vkey.as_bytes()].into_iter().chain(log.url().map(str::as_bytes)));
        }
        for witness in &self.witnesses {
            let vkey = witness.key.to_string();
            let items = [b"witness", witness.name.as_bytes(), vkey.as_bytes()];
            push_line(&mut policy, items.into_iter().chain(witness.url().map(str::as_bytes)));
        }
        for group in &self.groups {
            let threshold = group.threshold.to_string();
            let items = [b"group", group.name.as_bytes(), threshold.as_bytes()];
            let members = group.members.iter().filter_map(|&member| self.name_of(member));
            push_line(&mut policy, items.into_iter().chain(members.map(PolicyName::as_bytes)));
        }
        let quorum = match self.quorum {
            Quorum::Of(member) => self.name_of(member).map_or(parse::NONE, PolicyName::as_bytes),
            Quorum::None => parse::NONE,
        };
        push_line(&mut policy, [b"quorum", quorum].into_iter());
        policy
    }
}

fn push_line<'a>(policy: &mut Vec<u8>, items: impl Iterator<Item = &'a [u8]>) {
    policy.extend_from_slice(&items.collect::<Vec<_>>().join(&b' '));
    policy.push(b'\n');
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(policy: &str) -> Result<Self, PolicyError> {
        Self::parse(policy.as_bytes())
    }
}

/// [`Policy::to_bytes`] for people: a name that is not UTF-8 is shown with replacement characters.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}
