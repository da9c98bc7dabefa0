//! Custody events: one of every kind.

use attest::digest::Sha256Digest;
use attest::event::{Act, Alias, Event, EventPolicy, Identity, Scope, Waiver};
use attest::private_value::Commitment;

use super::private::hidden;
use super::{Kind, edit, model};

fn bytes(event: &Event) -> Vec<u8> {
    let (name, version, digest) = model();
    event.to_statement_bytes(&name, &version, digest)
}

fn bare(act: Act) -> Vec<u8> {
    bytes(&Event::new(act))
}

/// The fullest one.
fn approval() -> Event {
    let stage = Some("production".parse().unwrap());
    let expires = Some("2027-05-21T12:00:00Z".parse().unwrap());
    let digests = ["provenance", "evaluation"].map(|what| Sha256Digest::of(what.as_bytes()));
    let uri = Some("git+https://git.example.org/ml/policy".parse().unwrap());
    Event::new(Act::Approve { stage, expires })
        .with_actor_role("risk".parse().unwrap())
        .with_effective_from("2026-11-22T12:00:00Z".parse().unwrap())
        .unwrap()
        .with_evidence(digests.to_vec())
        .unwrap()
        .with_policy(EventPolicy::new(uri, Sha256Digest::of(b"policy")))
        .with_text("bias report of 20 November looked at".to_owned())
        .unwrap()
}

fn format_of(digest: Sha256Digest) -> &'static str {
    format!("\"also\":{{\"file\":\"{}\"}}", digest.to_named()).leak()
}

/// What the gate found in one file, until somebody looks again.
fn waiver() -> Waiver {
    let findings = ["pickle", "pickle-global"].map(|code| code.parse().unwrap()).to_vec();
    Waiver::new(findings, "reviewed".parse().unwrap(), "2027-02-27T12:00:00Z".parse().unwrap()).unwrap()
}

/// Everything a model can be known by.
fn alias() -> Alias {
    let digest = |what: &str| Sha256Digest::of(what.as_bytes());
    let commit = "86b5e0934494bd15c9632b12f734a8a67f723594".parse().unwrap();
    let all = vec![
        Identity::HfCommit(commit),
        Identity::OciManifest(digest("manifest")),
        Identity::OmsRoot(digest("root")),
        Identity::File(digest("file")),
    ];
    Alias::new(all).unwrap()
}

/// Of which text, rules and where these lie are private.
fn private_approval() -> Event {
    let rules = EventPolicy::new(None, Sha256Digest::of(b"policy")).digest_text().unwrap();
    let policy =
        EventPolicy::private(Some(hidden(65, "git+https://git.example.org/ml/policy")), hidden(129, &rules));
    let text: Commitment = hidden(1, "bias report of 20 November looked at");
    Event::new(Act::Approve { stage: Some("production".parse().unwrap()), expires: None })
        .with_policy(policy)
        .with_text(text.to_string())
        .unwrap()
}

pub(super) fn kind() -> Kind {
    let digest = Sha256Digest::of(b"something else");
    let many: Vec<String> = (0..65_u32).map(|number| format!("\"sha256:{number:064x}\"")).collect();
    let evidence = "\"evidence\":[\"sha256:";
    Kind {
        prefix: "event",
        canonical: vec![
            ("approve", bytes(&approval())),
            ("approve-private", bytes(&private_approval())),
            ("approve-bare", bare(Act::Approve { stage: None, expires: None })),
            ("reject", bare(Act::Reject { stage: Some("production".parse().unwrap()) })),
            ("promote", bare(Act::Promote { stage: "staging".parse().unwrap(), expires: None })),
            ("transfer", bare(Act::Transfer { receiver: digest })),
            ("deploy", bare(Act::Deploy { environment: "eu-west-1".parse().unwrap() })),
            ("supersede", bare(Act::Supersede { successor: model().2 })),
            (
                "revoke",
                bare(Act::Revoke {
                    scope: Scope::ThisAndDescendants,
                    reason: "poisoned-data".parse().unwrap(),
                }),
            ),
            ("reinstate", bare(Act::Reinstate { previous: digest })),
            ("waive", bare(Act::Waive(waiver().in_file(digest)))),
            ("waive-tree", bare(Act::Waive(waiver()))),
            ("alias", bare(Act::Alias(alias()))),
            ("alias-file", bare(Act::Alias(Alias::new(vec![Identity::File(digest)]).unwrap()))),
        ],
        accept: vec![
            edit("waive-unknown-finding", "waive", "\"pickle-global\"", "\"pickle-of-tomorrow\""),
            edit("spaced", "approve-bare", "{\"kind\":\"approve\"}", "{ \"kind\" : \"approve\" }"),
        ],
        reject: vec![
            ("Event.NoIdentity", edit("alias-of-nothing", "alias-file", format_of(digest), "\"also\":{}")),
            (
                "Event.Field.UnknownKey",
                edit("alias-by-name", "alias-file", "\"also\":{", "\"also\":{\"name\":\"acme/churn\","),
            ),
            (
                "Event.Field.MissingKey",
                edit("alias-without-identities", "alias-file", format_of(digest), "\"text\":\"x\""),
            ),
            (
                "Event.BadCommit.BadLength",
                edit(
                    "alias-with-a-short-commit",
                    "alias",
                    "86b5e0934494bd15c9632b12f734a8a67f723594",
                    "86b5e09",
                ),
            ),
            (
                "Event.BadDigest.NoAlgorithm",
                edit("alias-without-algorithm", "alias", "\"omsRoot\":\"sha256:", "\"omsRoot\":\""),
            ),
            ("Event.NoFindings", edit("waive-nothing", "waive", "[\"pickle\",\"pickle-global\"]", "[]")),
            (
                "Event.UnsortedFindings",
                edit("waive-twice", "waive", "\"pickle\",\"pickle-global\"", "\"pickle\",\"pickle\""),
            ),
            (
                "Event.Field.MissingKey",
                edit("waive-for-ever", "waive", ",\"expires\":\"2027-02-27T12:00:00Z\"", ""),
            ),
            (
                "Event.Field.MissingKey",
                edit("waive-without-a-reason", "waive", ",\"reasonCode\":\"reviewed\"", ""),
            ),
            (
                "Event.Field.MissingKey",
                edit("waive-without-findings", "waive", "\"findings\":[\"pickle\",\"pickle-global\"],", ""),
            ),
            (
                "Event.Field.UnknownKey",
                edit("waive-a-path", "waive", "\"findings\":", "\"path\":\"*.bin\",\"findings\":"),
            ),
            (
                "Event.BadLabel.BadCharacter",
                edit("waive-every-finding", "waive", "\"pickle-global\"", "\"pickle-*\""),
            ),
            (
                "Event.BadDigest.NoAlgorithm",
                edit("waive-file-without-algorithm", "waive", "\"file\":\"sha256:", "\"file\":\""),
            ),
            ("Event.UnknownKind", edit("unknown-kind", "revoke", "\"revoke\"", "\"recall\"")),
            ("Event.Field.MissingKey", edit("no-kind", "approve-bare", "\"kind\":\"approve\"", "")),
            (
                "Event.Field.MissingKey",
                edit("deploy-nowhere", "deploy", ",\"environment\":\"eu-west-1\"", ""),
            ),
            ("Event.Field.MissingKey", edit("promote-to-nothing", "promote", ",\"stage\":\"staging\"", "")),
            (
                "Event.Field.MissingKey",
                edit("revoke-without-a-reason", "revoke", ",\"reasonCode\":\"poisoned-data\"", ""),
            ),
            (
                "Event.Field.MissingKey",
                edit("revoke-without-a-scope", "revoke", "\"scope\":\"this-and-descendants\",", ""),
            ),
            (
                "Event.Field.UnknownKey",
                edit(
                    "unknown-member",
                    "approve-bare",
                    "\"kind\":\"approve\"",
                    "\"kind\":\"approve\",\"unless\":\"revoked\"",
                ),
            ),
            (
                "Event.Field.UnknownKey",
                edit(
                    "revoke-with-an-end",
                    "revoke",
                    "\"kind\":\"revoke\"",
                    "\"kind\":\"revoke\",\"expires\":\"2027-05-21T12:00:00Z\"",
                ),
            ),
            (
                "Event.Field.UnknownKey",
                edit(
                    "approve-with-a-scope",
                    "approve-bare",
                    "\"kind\":\"approve\"",
                    "\"kind\":\"approve\",\"scope\":\"this\"",
                ),
            ),
            (
                "Event.Field.UnknownKey",
                edit(
                    "reject-with-an-end",
                    "reject",
                    "\"kind\":\"reject\"",
                    "\"kind\":\"reject\",\"expires\":\"2027-05-21T12:00:00Z\"",
                ),
            ),
            (
                "Event.Field.UnknownKey",
                edit(
                    "deploy-with-a-stage",
                    "deploy",
                    "\"kind\":\"deploy\"",
                    "\"kind\":\"deploy\",\"stage\":\"production\"",
                ),
            ),
            (
                "Event.Field.UnknownKey",
                edit("policy-with-a-second-digest", "approve", "\"policy\":{", "\"policy\":{\"name\":\"x\","),
            ),
            (
                "Event.Field.UnknownKey",
                edit(
                    "policy-private-and-shown",
                    "approve-private",
                    "\"digest\":{\"private\":",
                    format!("\"digest\":{{\"sha256\":\"{}\",\"private\":", "0".repeat(64)),
                ),
            ),
            (
                "Event.BadDigest.BadLength",
                edit(
                    "short-private-policy",
                    "approve-private",
                    "\"digest\":{\"private\":\"",
                    "\"digest\":{\"private\":\"00",
                ),
            ),
            (
                "Event.Field.WrongType",
                edit(
                    "evidence-no-list",
                    "approve-bare",
                    "\"kind\":\"approve\"",
                    "\"kind\":\"approve\",\"evidence\":\"sha256:00\"",
                ),
            ),
            ("Event.Field.WrongType", edit("stage-null", "reject", "\"production\"", "null")),
            ("Event.UnknownScope", edit("unknown-scope", "revoke", "this-and-descendants", "descendants")),
            (
                "Event.BadLabel.BadCharacter",
                edit("stage-in-capitals", "reject", "\"production\"", "\"Production\""),
            ),
            ("Event.BadLabel.Empty", edit("empty-environment", "deploy", "\"eu-west-1\"", "\"\"")),
            ("Event.BadLabel.TooLong", edit("long-reason", "revoke", "poisoned-data", "a".repeat(65))),
            (
                "Event.BadDigest.NoAlgorithm",
                edit(
                    "successor-without-algorithm",
                    "supersede",
                    "\"successor\":\"sha256:",
                    "\"successor\":\"",
                ),
            ),
            (
                "Event.BadDigest.BadLength",
                edit("short-receiver", "transfer", "\"receiver\":\"sha256:", "\"receiver\":\"sha256:00"),
            ),
            (
                "Event.BadDigest.BadDigit",
                edit(
                    "policy-digest-in-capitals",
                    "approve",
                    "\"policy\":{\"uri\":\"git+https://git.example.org/ml/policy\",\"digest\":{\"sha256\":\"",
                    "\"policy\":{\"uri\":\"git+https://git.example.org/ml/policy\",\"digest\":{\"sha256\":\"A",
                ),
            ),
            (
                "Event.BadUri.Credentials",
                edit(
                    "token-in-policy",
                    "approve",
                    "git+https://git.example.org",
                    "git+https://x:y@git.example.org",
                ),
            ),
            (
                "Event.BadTime",
                edit("end-with-offset", "approve", "2027-05-21T12:00:00Z", "2027-05-21T12:00:00+00:00"),
            ),
            (
                "Event.EndBeforeStart",
                edit("end-before-start", "approve", "2027-05-21T12:00:00Z", "2026-11-22T12:00:00Z"),
            ),
            (
                "Event.UnsortedEvidence",
                edit(
                    "no-evidence",
                    "approve-bare",
                    "\"kind\":\"approve\"",
                    "\"kind\":\"approve\",\"evidence\":[]",
                ),
            ),
            (
                "Event.UnsortedEvidence",
                edit(
                    "evidence-swapped",
                    "approve",
                    evidence,
                    format!("{evidence}{}\",\"sha256:", "f".repeat(64)),
                ),
            ),
            (
                "Event.TooMuchEvidence",
                edit(
                    "too-much-evidence",
                    "approve-bare",
                    "\"kind\":\"approve\"",
                    format!("\"kind\":\"approve\",\"evidence\":[{}]", many.join(",")),
                ),
            ),
            ("Event.BadText", edit("text-with-escape", "approve", "bias report", "bias\\u001b[2J report")),
            ("Event.BadText", edit("empty-text", "approve", "bias report of 20 November looked at", "")),
            (
                "Event.BadText",
                edit("long-text", "approve", "bias report of 20 November looked at", "a".repeat(513)),
            ),
            (
                "FurtherSubjects",
                edit(
                    "with-a-file",
                    "approve-bare",
                    "],\"predicateType\"",
                    ",{\"name\":\"config.json\",\"digest\":{\"sha256\":\"50d0c480e8df2d834ca22bff6d4416afcad85438911bcf356f682d6cbc892454\"},\"annotations\":{\"form\":\"file\",\"bytes\":\"13\"}}],\"predicateType\"",
                ),
            ),
            ("SubjectForm", edit("of-a-file", "approve-bare", "model-tree/v1", "file")),
            ("Field.MissingKey", edit("no-version", "approve-bare", ",\"version\":\"2025.1\"", "")),
        ],
    }
}
