//! The predicate, taken apart strictly: each kind of event has its own closed set of members.

use crate::digest::Sha256Digest;
use crate::json::{Fields, Located};
use crate::private_value::Commitment;
use crate::tree::TreeDigest;
use crate::utc_time::UtcTime;

use super::{Act, Alias, Event, EventError, EventKind, EventLabel, EventPolicy, Identity, Scope, Waiver};

/// What every kind may have.
const COMMON: [&str; 6] = ["kind", "actorRole", "effectiveFrom", "evidence", "policy", "text"];

impl EventKind {
    /// What only some kinds have.
    const fn members(self) -> &'static [&'static str] {
        match self {
            Self::Approve | Self::Promote => &["stage", "expires"],
            Self::Reject => &["stage"],
            Self::Transfer => &["receiver"],
            Self::Deploy => &["environment"],
            Self::Supersede => &["successor"],
            Self::Revoke => &["scope", "reasonCode"],
            Self::Reinstate => &["previous"],
            Self::Waive => &["file", "findings", "reasonCode", "expires"],
            Self::Alias => &["also"],
        }
    }
}

impl Event {
    /// Reads a predicate of type `event/v1`.
    pub(crate) fn read(predicate: &Located<'_>) -> Result<Self, EventError> {
        let kind = predicate.object()?.required("kind")?;
        let kind = kind.word(EventKind::from_name, |_, seen| EventError::UnknownKind { seen })?;
        let fields = predicate.closed_object(&[&COMMON, kind.members()].concat())?;
        let mut event = Self::new(read_act(kind, &fields)?);
        if let Some(role) = fields.optional("actorRole") {
            event = event.with_actor_role(read_label(&role)?);
        }
        if let Some(time) = fields.optional("effectiveFrom") {
            event = event.with_effective_from(read_time(&time)?)?;
        }
        if let Some(evidence) = fields.optional("evidence") {
            let evidence = evidence.array()?.iter().map(read_named).collect::<Result<Vec<_>, _>>()?;
            if evidence.is_empty() || !evidence.is_sorted_by(|before, after| before < after) {
                return Err(EventError::UnsortedEvidence);
            }
            event = event.with_evidence(evidence)?;
        }
        if let Some(policy) = fields.optional("policy") {
            event = event.with_policy(read_policy(&policy)?);
        }
        match fields.optional("text") {
            Some(text) => event.with_text(text.string()?.to_owned()),
            None => Ok(event),
        }
    }
}

fn read_act(kind: EventKind, fields: &Fields<'_>) -> Result<Act, EventError> {
    let label = |key| read_label(&fields.required(key)?);
    let named = |key| read_named(&fields.required(key)?);
    let stage = || fields.optional("stage").map(|stage| read_label(&stage)).transpose();
    let expires = || fields.optional("expires").map(|time| read_time(&time)).transpose();
    Ok(match kind {
        EventKind::Approve => Act::Approve { stage: stage()?, expires: expires()? },
        EventKind::Reject => Act::Reject { stage: stage()? },
        EventKind::Promote => Act::Promote { stage: label("stage")?, expires: expires()? },
        EventKind::Transfer => Act::Transfer { receiver: named("receiver")? },
        EventKind::Deploy => Act::Deploy { environment: label("environment")? },
        EventKind::Supersede => Act::Supersede { successor: TreeDigest::from_digest(named("successor")?) },
        EventKind::Revoke => {
            let scope = fields.required("scope")?;
            let scope = scope.word(Scope::from_name, |_, seen| EventError::UnknownScope { seen })?;
            Act::Revoke { scope, reason: label("reasonCode")? }
        }
        EventKind::Reinstate => Act::Reinstate { previous: named("previous")? },
        EventKind::Waive => Act::Waive(read_waiver(fields)?),
        EventKind::Alias => Act::Alias(read_alias(&fields.required("also")?)?),
    })
}

fn read_alias(also: &Located<'_>) -> Result<Alias, EventError> {
    let fields = also.closed_object(&["file", "omsRoot", "ociManifest", "hfCommit"])?;
    let digest = |key| fields.optional(key).map(|digest| read_named(&digest)).transpose();
    let commit = fields.optional("hfCommit");
    let commit = commit.map(|id| id.parsed(|path, source| EventError::BadCommit { path, source }));
    let identities = [
        digest("file")?.map(Identity::File),
        digest("omsRoot")?.map(Identity::OmsRoot),
        digest("ociManifest")?.map(Identity::OciManifest),
        commit.transpose()?.map(Identity::HfCommit),
    ];
    Alias::new(identities.into_iter().flatten().collect())
}

fn read_waiver(fields: &Fields<'_>) -> Result<Waiver, EventError> {
    let findings = fields.required("findings")?;
    let findings = findings.array()?.iter().map(read_label).collect::<Result<Vec<_>, _>>()?;
    if !findings.is_sorted_by(|before, after| before < after) {
        return Err(EventError::UnsortedFindings);
    }
    let expires = read_time(&fields.required("expires")?)?;
    let waiver = Waiver::new(findings, read_label(&fields.required("reasonCode")?)?, expires)?;
    Ok(match fields.optional("file") {
        Some(file) => waiver.in_file(read_named(&file)?),
        None => waiver,
    })
}

fn read_policy(policy: &Located<'_>) -> Result<EventPolicy, EventError> {
    let fields = policy.closed_object(&["uri", "digest"])?;
    let uri = fields.optional("uri");
    let uri = uri.map(|uri| uri.parsed(|path, source| EventError::BadUri { path, source })).transpose()?;
    let digests = fields.required("digest")?;
    let digest = |digest: Located<'_>| digest.parsed(|path, source| EventError::BadDigest { path, source });
    // One of the two: what is shown beside a commitment is not hidden by it.
    let is_private = digests.object()?.optional("private").is_some();
    let digests = digests.closed_object(if is_private { &["private"] } else { &["sha256"] })?;
    Ok(if is_private {
        EventPolicy::private(uri, Commitment::from_digest(digest(digests.required("private")?)?))
    } else {
        EventPolicy::new(uri, digest(digests.required("sha256")?)?)
    })
}

fn read_label(label: &Located<'_>) -> Result<EventLabel, EventError> {
    label.parsed(|path, source| EventError::BadLabel { path, source })
}

fn read_time(time: &Located<'_>) -> Result<UtcTime, EventError> {
    time.parsed(|path, source| EventError::BadTime { path, source })
}

fn read_named(digest: &Located<'_>) -> Result<Sha256Digest, EventError> {
    digest.parsed_by(Sha256Digest::from_named, |path, source| EventError::BadDigest { path, source })
}
