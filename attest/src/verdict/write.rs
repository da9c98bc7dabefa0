//! The predicate's members, in the order in which they are written.

use serde::Serialize;

use crate::compact_json::Sha256Json;
use crate::event::EventLabel;

use super::Summary;
use super::read::{LEVEL, PASSED};

/// SLSA verification summary v1, as much of it as we write.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PredicateJson<'a> {
    verifier: VerifierJson<'a>,
    time_verified: String,
    resource_uri: &'a str,
    policy: PolicyJson<'a>,
    input_attestations: Vec<InputJson>,
    verification_result: &'static str,
    verified_levels: [&'static str; 1],
    /// SLSA wants the name of a member that is not its own to be a URI: [`crate::types::VERDICT_V1`].
    #[serde(rename = "https://tallymark.dev/verdict/v1")]
    own: OwnJson<'a>,
}

#[derive(Serialize)]
struct VerifierJson<'a> {
    id: &'a str,
    version: VersionJson<'a>,
}

#[derive(Serialize)]
struct VersionJson<'a> {
    tallymark: &'a str,
}

#[derive(Serialize)]
struct PolicyJson<'a> {
    uri: &'a str,
    digest: Sha256Json,
}

#[derive(Serialize)]
struct InputJson {
    digest: Sha256Json,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warned: Vec<&'a str>,
    not_checked: Vec<&'a str>,
}

fn codes(labels: &[EventLabel]) -> Vec<&str> {
    labels.iter().map(EventLabel::as_str).collect()
}

impl Summary {
    /// The predicate, ready to be written.
    pub(crate) fn predicate_json(&self) -> PredicateJson<'_> {
        PredicateJson {
            verifier: VerifierJson {
                id: self.verifier.id.as_str(),
                version: VersionJson { tallymark: self.verifier.version.as_str() },
            },
            time_verified: self.time.to_string(),
            resource_uri: self.resource.as_str(),
            policy: PolicyJson { uri: self.policy.uri.as_str(), digest: Sha256Json::of(self.policy.digest) },
            input_attestations: self
                .inputs
                .iter()
                .map(|digest| InputJson { digest: Sha256Json::of(*digest) })
                .collect(),
            verification_result: PASSED,
            verified_levels: [LEVEL],
            own: OwnJson {
                stage: self.stage.as_ref().map(EventLabel::as_str),
                warned: codes(&self.warned),
                not_checked: codes(&self.not_checked),
            },
        }
    }
}
