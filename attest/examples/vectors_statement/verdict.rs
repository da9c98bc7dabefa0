//! Verdicts.

use attest::digest::Sha256Digest;
use attest::verdict::{Policy, Summary, Verifier, resource_of};

use super::{Kind, edit, model};

fn summary() -> Summary {
    let verifier = Verifier::new("https://gate.example.org/".parse().unwrap(), "0.1.0".parse().unwrap());
    let (name, version, _) = model();
    let inputs = ["provenance", "approval"].map(|what| Sha256Digest::of(what.as_bytes()));
    let left_out = ["behaviour", "inputs", "withdrawals"].map(|code| code.parse().unwrap());
    let policy = Policy::by_content(Sha256Digest::of(b"rules"));
    let (time, resource) = ("2026-11-27T08:00:00Z".parse().unwrap(), resource_of(&name, &version));
    Summary::new(verifier, time, resource, policy, inputs.to_vec(), left_out.to_vec()).unwrap()
}

fn write(summary: &Summary) -> Vec<u8> {
    let (name, version, digest) = model();
    summary.to_statement_bytes(&name, &version, digest)
}

pub(super) fn kind() -> Kind {
    let warned = vec!["lineage-missing".parse().unwrap(), "approvals-insufficient".parse().unwrap()];
    let staged = summary().for_stage("production".parse().unwrap()).with_warned(warned).unwrap();
    let digest: &'static str = Sha256Digest::of(b"rules").to_string().leak();
    let input: &'static str = Sha256Digest::of(b"provenance").to_string().leak();
    let (passed, level) = ("\"PASSED\"", "[\"SLSA_BUILD_LEVEL_UNEVALUATED\"]");
    let left_out = "[\"behaviour\",\"inputs\",\"withdrawals\"]";
    Kind {
        prefix: "verdict",
        canonical: vec![("passed", write(&summary())), ("staged", write(&staged))],
        accept: vec![edit(
            "member-of-slsa",
            "passed",
            "\"verificationResult\"",
            "\"slsaVersion\":\"1.1\",\"verificationResult\"",
        )],
        reject: vec![
            ("Verdict.NotPassed", edit("failed", "passed", passed, "\"FAILED\"")),
            ("Verdict.NotPassed", edit("result-in-small-letters", "passed", passed, "\"passed\"")),
            ("Verdict.OtherLevels", edit("level-of-a-build", "passed", level, "[\"SLSA_BUILD_LEVEL_3\"]")),
            ("Verdict.OtherLevels", edit("no-level", "passed", level, "[]")),
            (
                "Verdict.OtherLevels",
                edit(
                    "second-level",
                    "passed",
                    level,
                    "[\"SLSA_BUILD_LEVEL_UNEVALUATED\",\"SLSA_SOURCE_LEVEL_4\"]",
                ),
            ),
            (
                "Verdict.Field.MissingKey",
                edit("without-a-time", "passed", "\"timeVerified\":\"2026-11-27T08:00:00Z\",", ""),
            ),
            (
                "Verdict.Field.MissingKey",
                edit(
                    "without-what-was-left-out",
                    "passed",
                    ",\"https://tallymark.dev/verdict/v1\":{\"notChecked\":[\"behaviour\",\"inputs\",\"withdrawals\"]}",
                    "",
                ),
            ),
            (
                "Verdict.Field.UnknownKey",
                edit(
                    "unknown-member-of-ours",
                    "passed",
                    "{\"notChecked\"",
                    "{\"unless\":\"monday\",\"notChecked\"",
                ),
            ),
            (
                "Verdict.Field.UnknownKey",
                edit(
                    "second-name-of-the-verifier",
                    "passed",
                    "\"version\":{",
                    "\"name\":\"gate\",\"version\":{",
                ),
            ),
            ("Verdict.Unsorted", edit("nothing-left-out", "passed", left_out, "[]")),
            ("Verdict.Unsorted", edit("left-out-descends", "passed", left_out, "[\"inputs\",\"behaviour\"]")),
            (
                "Verdict.Unsorted",
                edit(
                    "warned-twice",
                    "staged",
                    "[\"approvals-insufficient\",\"lineage-missing\"]",
                    "[\"lineage-missing\",\"lineage-missing\"]",
                ),
            ),
            (
                "Verdict.Unsorted",
                edit("no-warnings", "staged", "[\"approvals-insufficient\",\"lineage-missing\"]", "[]"),
            ),
            ("Verdict.BadDigest.BadLength", edit("digest-cut", "passed", digest, &digest[..62])),
            ("Verdict.BadDigest.BadDigit", edit("input-in-capitals", "passed", input, input.to_uppercase())),
            (
                "Verdict.BadUri.NoScheme",
                edit("verifier-without-a-scheme", "passed", "https://gate.example.org/", "gate"),
            ),
            (
                "Verdict.BadUri.Credentials",
                edit(
                    "resource-with-a-token",
                    "passed",
                    "pkg:generic/acme/churn@2025.1",
                    "https://token@example.org/",
                ),
            ),
            (
                "Verdict.BadTime",
                edit("time-with-an-offset", "passed", "2026-11-27T08:00:00Z", "2026-11-27T08:00:00+00:00"),
            ),
            ("Verdict.BadVersion", edit("version-with-a-space", "passed", "\"0.1.0\"", "\"0.1 0\"")),
            ("Verdict.BadLabel", edit("stage-in-capitals", "staged", "\"production\"", "\"Production\"")),
        ],
    }
}
