//! What a verifier concluded, as a SLSA verification summary v1: these files passed, by these rules, then.
//!
//! Follows spec/verdict.md. In scope: the predicate, read strictly and written in one way. Out of scope: the subject around it
//! ([`crate::statement`]), and the verdict itself (crate `verifier`).
//!
//! ```json
//! {"verifier":{"id":"https://gate.example.org/","version":{"tallymark":"0.1.0"}},"timeVerified":"2026-11-27T08:00:00Z",
//!  "resourceUri":"pkg:generic/acme/churn@2.1","policy":{"uri":"ni:///sha-256;LCa0a2j...","digest":{"sha256":"2c26..."}},
//!  "inputAttestations":[{"digest":{"sha256":"5a8f..."}}],"verificationResult":"PASSED",
//!  "verifiedLevels":["SLSA_BUILD_LEVEL_UNEVALUATED"],"https://tallymark.dev/verdict/v1":{"notChecked":["behaviour"]}}
//! ```
//!
//! Only a yes is written or read. A refused model often was not hashed, so that there is no tree a no could be about; whoever knows
//! that a model is bad says so with a rejection or a revocation ([`crate::event`]).

mod error;
mod read;
mod write;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::Sha256Digest;
use crate::event::EventLabel;
use crate::model_name::{ModelName, VersionLabel};
use crate::provenance::SourceUri;
use crate::utc_time::UtcTime;

pub use error::SummaryError;

/// Most statements that a verdict names, a third of a mebibyte of them. A verdict that went by more is not cut, it is none.
pub const MAX_INPUTS: usize = 4096;

/// Most codes in a list of what was not checked, or was only warned of.
pub const MAX_CODES: usize = 64;

/// That a model passed, by whose word, when, by which rules, and what that leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    verifier: Verifier,
    time: UtcTime,
    resource: SourceUri,
    policy: Policy,
    inputs: Vec<Sha256Digest>,
    stage: Option<EventLabel>,
    warned: Vec<EventLabel>,
    not_checked: Vec<EventLabel>,
}

/// Who verified, and with which version of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    id: SourceUri,
    version: VersionLabel,
}

/// The rules that were applied: a document, by its digest, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    uri: SourceUri,
    digest: Sha256Digest,
}

impl Verifier {
    /// The verifier with that name, who ran that version of the program.
    #[must_use]
    pub const fn new(id: SourceUri, version: VersionLabel) -> Self {
        Self { id, version }
    }

    /// Whom consumers are to know it by.
    #[must_use]
    pub const fn id(&self) -> &SourceUri {
        &self.id
    }

    /// Version of the program.
    #[must_use]
    pub const fn version(&self) -> &VersionLabel {
        &self.version
    }
}

impl Policy {
    /// The document with that content, and where it can be found.
    #[must_use]
    pub const fn new(uri: SourceUri, digest: Sha256Digest) -> Self {
        Self { uri, digest }
    }

    /// The same where nobody said where: it is called by its content (RFC 6920).
    #[must_use]
    pub fn by_content(digest: Sha256Digest) -> Self {
        let name = format!("ni:///sha-256;{}", URL_SAFE_NO_PAD.encode(digest.as_bytes()));
        Self { uri: SourceUri::of_plain(name), digest }
    }

    /// What it is called.
    #[must_use]
    pub const fn uri(&self) -> &SourceUri {
        &self.uri
    }

    /// SHA-256 of its content.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }
}

/// What a model is called where nobody said where it is fetched from: a package URL of type `generic`.
#[must_use]
pub fn resource_of(name: &ModelName, version: &VersionLabel) -> SourceUri {
    // Of what a version label may hold a package URL escapes this and nothing else.
    let version = version.as_str().replace('+', "%2B");
    SourceUri::of_plain(format!("pkg:generic/{name}@{version}"))
}

impl Summary {
    /// That `verifier` found at `time` that what is fetched from `resource` passes `policy`, going by the statements with the digests
    /// `inputs`, and not having looked at `not_checked`. Both lists are sorted, once each.
    ///
    /// # Errors
    /// [`SummaryError::NoInputs`], [`SummaryError::NothingLeftOut`], [`SummaryError::TooMany`].
    pub fn new(
        verifier: Verifier,
        time: UtcTime,
        resource: SourceUri,
        policy: Policy,
        mut inputs: Vec<Sha256Digest>,
        mut not_checked: Vec<EventLabel>,
    ) -> Result<Self, SummaryError> {
        inputs.sort_unstable();
        inputs.dedup();
        not_checked.sort_unstable();
        not_checked.dedup();
        if inputs.is_empty() {
            return Err(SummaryError::NoInputs);
        }
        if not_checked.is_empty() {
            return Err(SummaryError::NothingLeftOut);
        }
        refuse_many("statements", inputs.len(), MAX_INPUTS)?;
        refuse_many("things not checked", not_checked.len(), MAX_CODES)?;
        Ok(Self { verifier, time, resource, policy, inputs, stage: None, warned: Vec::new(), not_checked })
    }

    /// Adds for which stage it was judged.
    #[must_use]
    pub fn for_stage(self, stage: EventLabel) -> Self {
        Self { stage: Some(stage), ..self }
    }

    /// Adds the reason codes of what the rules only warned of, sorted and once each.
    ///
    /// # Errors
    /// [`SummaryError::TooMany`].
    pub fn with_warned(self, mut warned: Vec<EventLabel>) -> Result<Self, SummaryError> {
        warned.sort_unstable();
        warned.dedup();
        refuse_many("warnings", warned.len(), MAX_CODES)?;
        Ok(Self { warned, ..self })
    }

    /// Who verified. A claim: whose key signs for which verifier is for the reader to know.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// When, by the verifier's clock.
    #[must_use]
    pub const fn time(&self) -> UtcTime {
        self.time
    }

    /// Where consumers fetch what was verified.
    #[must_use]
    pub const fn resource(&self) -> &SourceUri {
        &self.resource
    }

    /// By which rules.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Digests of the statements it went by, ascending; at least one.
    #[must_use]
    pub fn inputs(&self) -> &[Sha256Digest] {
        &self.inputs
    }

    /// For which stage; for all if there is none.
    #[must_use]
    pub const fn stage(&self) -> Option<&EventLabel> {
        self.stage.as_ref()
    }

    /// Reason codes of what the rules only warned of, ascending.
    #[must_use]
    pub fn warned(&self) -> &[EventLabel] {
        &self.warned
    }

    /// What was not looked at, ascending; never empty.
    #[must_use]
    pub fn not_checked(&self) -> &[EventLabel] {
        &self.not_checked
    }
}

const fn refuse_many(what: &'static str, seen: usize, max: usize) -> Result<(), SummaryError> {
    if seen > max {
        return Err(SummaryError::TooMany { what, seen, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nobody_gave_are_made_of_what_is_known() {
        let policy = Policy::by_content(Sha256Digest::of(b"foo"));
        assert_eq!(policy.uri().as_str(), "ni:///sha-256;LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564");
        let resource = resource_of(&"acme/churn".parse().expect("a name"), &"1+a".parse().expect("a label"));
        assert_eq!(resource.as_str(), "pkg:generic/acme/churn@1%2Ba");
        for uri in [policy.uri(), &resource] {
            assert_eq!(uri.as_str().parse().as_ref(), Ok(uri), "what is written is read");
        }
    }

    #[test]
    fn more_than_a_verdict_may_name_is_refused_and_not_cut() {
        let digests = |count: u32| (0..count).map(|number| Sha256Digest::of(&number.to_be_bytes())).collect();
        let summary = |count| {
            let uri = || "https://gate.example.org/".parse().expect("a URI");
            let verifier = Verifier::new(uri(), "1".parse().expect("a label"));
            let policy = Policy::new(uri(), Sha256Digest::of(b"foo"));
            let left_out = vec!["behaviour".parse().expect("a label")];
            Summary::new(verifier, UtcTime::EPOCH, uri(), policy, digests(count), left_out)
        };
        assert_eq!(summary(0), Err(SummaryError::NoInputs));
        assert_eq!(summary(4096).map(|summary| summary.inputs().len()), Ok(MAX_INPUTS));
        let refused = SummaryError::TooMany { what: "statements", seen: 4097, max: MAX_INPUTS };
        assert_eq!(summary(4097), Err(refused));
    }
}
