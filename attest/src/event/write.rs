//! The predicate's members, in the order in which they are written.

use serde::Serialize;

use crate::compact_json::{self, Sha256Json};
use crate::form::Form;

use super::{Act, Alias, Event, EventLabel, EventPolicy, Identity, PolicyDigest};

/// `event/v1`.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PredicateJson<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    also: Option<AlsoJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct PolicyJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    digest: PolicyDigestJson,
}

/// At least one of these.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlsoJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oms_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oci_manifest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hf_commit: Option<String>,
}

impl AlsoJson {
    fn of(alias: &Alias) -> Self {
        alias.identities().iter().fold(Self::default(), |also, identity| {
            let text = Some(identity.text());
            match identity {
                Identity::File(_) => Self { file: text, ..also },
                Identity::OmsRoot(_) => Self { oms_root: text, ..also },
                Identity::OciManifest(_) => Self { oci_manifest: text, ..also },
                Identity::HfCommit(_) => Self { hf_commit: text, ..also },
            }
        })
    }
}

/// One of the two.
#[derive(Default, Serialize)]
struct PolicyDigestJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<String>,
}

/// What is committed to in place of a digest, as of an input.
#[derive(Serialize)]
struct PrivateDigestJson {
    digest: Sha256Json,
    form: &'static str,
}

impl EventPolicy {
    /// What its digest says, in one line of JSON: what a commitment to it hides. `None` if it is hidden already.
    ///
    /// ```json
    /// {"digest":{"sha256":"20c9..."},"form":"file"}
    /// ```
    #[must_use]
    pub fn digest_text(&self) -> Option<String> {
        let digest = Sha256Json::of(self.digest()?);
        let text = compact_json::to_vec(&PrivateDigestJson { digest, form: Form::File.as_str() });
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    fn digest_json(&self) -> PolicyDigestJson {
        match self.digest {
            PolicyDigest::Shown(digest) => {
                PolicyDigestJson { sha256: Some(digest.to_string()), ..Default::default() }
            }
            PolicyDigest::Private(commitment) => {
                PolicyDigestJson { private: Some(commitment.digest().to_string()), ..Default::default() }
            }
        }
    }
}

impl Event {
    /// The predicate, ready to be written.
    pub(crate) fn predicate_json(&self) -> PredicateJson<'_> {
        let json = PredicateJson {
            kind: self.kind().as_str(),
            actor_role: self.actor_role.as_ref().map(EventLabel::as_str),
            effective_from: self.effective_from.map(|time| time.to_string()),
            expires: self.act.expires().map(|time| time.to_string()),
            evidence: self.evidence.iter().map(|digest| digest.to_named()).collect(),
            policy: self.policy.as_ref().map(|policy| PolicyJson {
                uri: policy.uri().map(crate::provenance::SourceUri::as_str),
                digest: policy.digest_json(),
            }),
            text: self.text.as_deref(),
            ..PredicateJson::default()
        };
        match &self.act {
            Act::Approve { stage, .. } | Act::Reject { stage } => {
                PredicateJson { stage: stage.as_ref().map(EventLabel::as_str), ..json }
            }
            Act::Promote { stage, .. } => PredicateJson { stage: Some(stage.as_str()), ..json },
            Act::Transfer { receiver } => PredicateJson { receiver: Some(receiver.to_named()), ..json },
            Act::Deploy { environment } => PredicateJson { environment: Some(environment.as_str()), ..json },
            Act::Supersede { successor } => {
                PredicateJson { successor: Some(successor.digest().to_named()), ..json }
            }
            Act::Revoke { scope, reason } => {
                PredicateJson { scope: Some(scope.as_str()), reason_code: Some(reason.as_str()), ..json }
            }
            Act::Reinstate { previous } => PredicateJson { previous: Some(previous.to_named()), ..json },
            Act::Alias(alias) => PredicateJson { also: Some(AlsoJson::of(alias)), ..json },
            Act::Waive(waiver) => PredicateJson {
                file: waiver.file().map(|content| content.to_named()),
                findings: waiver.findings().iter().map(EventLabel::as_str).collect(),
                reason_code: Some(waiver.reason().as_str()),
                ..json
            },
        }
    }
}
