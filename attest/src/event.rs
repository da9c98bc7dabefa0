//! Custody events, `event/v1`: who approved, promoted, deployed, handed on, withdrew a model.
//!
//! Follows spec/event.md. In scope: the predicate, read strictly and written in one way; what belongs to which kind of
//! event is in its type. Out of scope: the subject around it ([`crate::statement`]), and whether the signer may do what
//! the event says (crate `verifier`).
//!
//! ```json
//! {"kind":"approve","stage":"production","actorRole":"risk","expires":"2027-05-21T12:00:00Z",
//!  "evidence":["sha256:5a8f..."],"policy":{"uri":"git+https://git.example.org/ml/policy","digest":{"sha256":"20c9..."}}}
//! ```
//!
//! There is no clock of the signer's in it: an event holds from its place in the log on, unless somebody states a moment.

mod alias;
mod error;
mod kind;
mod label;
mod read;
mod waiver;
mod write;

use crate::digest::Sha256Digest;
use crate::private_value::Commitment;
use crate::provenance::SourceUri;
use crate::tree::TreeDigest;
use crate::utc_time::UtcTime;

pub use alias::{Alias, Identity};
pub use error::EventError;
pub use kind::{EventKind, Scope};
pub use label::{EventLabel, EventLabelError};
pub use waiver::{MAX_FINDINGS, Waiver};

/// Most statements that an event names as its evidence.
pub const MAX_EVIDENCE: usize = 64;

/// Longest text of an event, in bytes.
pub const MAX_TEXT_BYTES: usize = 512;

/// What happened, with what belongs to that kind of event and to no other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by the predicate's version")]
pub enum Act {
    /// The model may be used.
    Approve {
        /// For what; for everything if there is none.
        stage: Option<EventLabel>,
        /// Until when.
        expires: Option<UtcTime>,
    },
    /// The model may not be used.
    Reject {
        /// For what; for anything if there is none.
        stage: Option<EventLabel>,
    },
    /// The model has come to a stage.
    Promote {
        /// To which.
        stage: EventLabel,
        /// Until when.
        expires: Option<UtcTime>,
    },
    /// The model was handed to somebody.
    Transfer {
        /// Key id of the receiver: SHA-256 of the SubjectPublicKeyInfo.
        receiver: Sha256Digest,
    },
    /// The model was put to work.
    Deploy {
        /// Where.
        environment: EventLabel,
    },
    /// Another model takes its place.
    Supersede {
        /// Which.
        successor: TreeDigest,
    },
    /// The model is withdrawn.
    Revoke {
        /// How far that goes.
        scope: Scope,
        /// Why.
        reason: EventLabel,
    },
    /// An earlier event no longer holds.
    Reinstate {
        /// Statement digest of that event: a revocation, a rejection, a supersession, a waiver or an alias.
        previous: Sha256Digest,
    },
    /// The model may be used although the format gate finds something in it.
    Waive(Waiver),
    /// The model is known by another digest too.
    Alias(Alias),
}

impl Act {
    /// Which kind of event it is.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Approve { .. } => EventKind::Approve,
            Self::Reject { .. } => EventKind::Reject,
            Self::Promote { .. } => EventKind::Promote,
            Self::Transfer { .. } => EventKind::Transfer,
            Self::Deploy { .. } => EventKind::Deploy,
            Self::Supersede { .. } => EventKind::Supersede,
            Self::Revoke { .. } => EventKind::Revoke,
            Self::Reinstate { .. } => EventKind::Reinstate,
            Self::Waive(_) => EventKind::Waive,
            Self::Alias(_) => EventKind::Alias,
        }
    }

    /// When it ceases to hold, if it does.
    #[must_use]
    pub const fn expires(&self) -> Option<UtcTime> {
        match self {
            Self::Approve { expires, .. } | Self::Promote { expires, .. } => *expires,
            Self::Waive(waiver) => Some(waiver.expires()),
            _ => None,
        }
    }
}

/// The rules somebody decided by: a document, by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPolicy {
    uri: Option<SourceUri>,
    digest: PolicyDigest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PolicyDigest {
    Shown(Sha256Digest),
    Private(Commitment),
}

impl EventPolicy {
    /// The document with that content, and where it can be found.
    #[must_use]
    pub const fn new(uri: Option<SourceUri>, digest: Sha256Digest) -> Self {
        Self { uri, digest: PolicyDigest::Shown(digest) }
    }

    /// A document whose digest is not shown.
    #[must_use]
    pub const fn private(uri: Option<SourceUri>, commitment: Commitment) -> Self {
        Self { uri, digest: PolicyDigest::Private(commitment) }
    }

    /// Where it can be found.
    #[must_use]
    pub const fn uri(&self) -> Option<&SourceUri> {
        self.uri.as_ref()
    }

    /// SHA-256 of its content, unless that is private.
    #[must_use]
    pub const fn digest(&self) -> Option<Sha256Digest> {
        match self.digest {
            PolicyDigest::Shown(digest) => Some(digest),
            PolicyDigest::Private(_) => None,
        }
    }

    /// What stands in a text for its digest: `sha256:` or `private:` and 64 hex digits.
    #[must_use]
    pub fn named_digest(&self) -> String {
        match self.digest {
            PolicyDigest::Shown(digest) => digest.to_named(),
            PolicyDigest::Private(commitment) => commitment.to_string(),
        }
    }
}

/// One thing that somebody did or decided about a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    act: Act,
    actor_role: Option<EventLabel>,
    effective_from: Option<UtcTime>,
    evidence: Vec<Sha256Digest>,
    policy: Option<EventPolicy>,
    text: Option<String>,
}

impl Event {
    /// States that this happened.
    #[must_use]
    pub const fn new(act: Act) -> Self {
        Self { act, actor_role: None, effective_from: None, evidence: Vec::new(), policy: None, text: None }
    }

    /// Adds as what the signer acts: `risk`, `release-manager`. A claim; the verifier's caller decides who has which role.
    #[must_use]
    pub fn with_actor_role(self, role: EventLabel) -> Self {
        Self { actor_role: Some(role), ..self }
    }

    /// Adds from when on it holds, if not from its place in the log on.
    ///
    /// # Errors
    /// [`EventError::EndBeforeStart`] if it ceases to hold at that moment or before.
    pub fn with_effective_from(self, time: UtcTime) -> Result<Self, EventError> {
        if self.act.expires().is_some_and(|end| end <= time) {
            return Err(EventError::EndBeforeStart);
        }
        Ok(Self { effective_from: Some(time), ..self })
    }

    /// Adds the statement digests that the signer looked at, sorted and once each.
    ///
    /// # Errors
    /// [`EventError::TooMuchEvidence`].
    pub fn with_evidence(self, mut evidence: Vec<Sha256Digest>) -> Result<Self, EventError> {
        evidence.sort_unstable();
        evidence.dedup();
        if evidence.len() > MAX_EVIDENCE {
            return Err(EventError::TooMuchEvidence { seen: evidence.len() });
        }
        Ok(Self { evidence, ..self })
    }

    /// Adds the rules it was decided by.
    #[must_use]
    pub fn with_policy(self, policy: EventPolicy) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// Adds a sentence for people.
    ///
    /// # Errors
    /// [`EventError::BadText`] if it is empty, longer than [`MAX_TEXT_BYTES`], or has a control character.
    pub fn with_text(self, text: String) -> Result<Self, EventError> {
        if text.is_empty() || text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_control) {
            return Err(EventError::BadText { text: crate::excerpt::excerpt(&text) });
        }
        Ok(Self { text: Some(text), ..self })
    }

    /// What happened.
    #[must_use]
    pub const fn act(&self) -> &Act {
        &self.act
    }

    /// Which kind of event it is.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        self.act.kind()
    }

    /// As what the signer says to have acted.
    #[must_use]
    pub const fn actor_role(&self) -> Option<&EventLabel> {
        self.actor_role.as_ref()
    }

    /// From when on it holds, if not from its place in the log on.
    #[must_use]
    pub const fn effective_from(&self) -> Option<UtcTime> {
        self.effective_from
    }

    /// Statement digests that the signer looked at, ascending.
    #[must_use]
    pub fn evidence(&self) -> &[Sha256Digest] {
        &self.evidence
    }

    /// The rules it was decided by.
    #[must_use]
    pub const fn policy(&self) -> Option<&EventPolicy> {
        self.policy.as_ref()
    }

    /// A sentence for people.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}
