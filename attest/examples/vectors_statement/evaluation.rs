//! Evaluations.

use attest::digest::Sha256Digest;
use attest::evaluation::{Comparator, Evaluation, Metric, Number, ResultsFile, TestOutcome, Threshold};
use attest::private_value::Commitment;
use attest::provenance::{Input, InputDigest, Source};
use attest::role::Role;

use super::private::hidden;
use super::{Kind, edit, model};

fn bytes(evaluation: &Evaluation) -> Vec<u8> {
    let (name, version, digest) = model();
    evaluation.to_statement_bytes(&name, &version, digest)
}

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn metric(data: &str, name: &str, value: &str) -> Metric {
    Metric::new(data.to_owned(), name.to_owned(), number(value)).unwrap()
}

fn results(name: &str) -> ResultsFile {
    ResultsFile::new(name.parse().unwrap(), Sha256Digest::of(b"results"), 4096)
}

fn input(role: Role, name: &str) -> Input {
    let digest = InputDigest::File { digest: Sha256Digest::of(name.as_bytes()), bytes: Some(512) };
    Input::new(role, name.parse().unwrap(), Source::Observed, digest).unwrap()
}

fn suite() -> Evaluation {
    let at_least = Threshold::new(Comparator::AtLeast, number("0.5"));
    let metrics = vec![
        metric("hellaswag", "acc,none", "0.5137422823142798")
            .with_stderr(number("0.004987923636628538"))
            .with_threshold(at_least),
        metric("hellaswag", "acc_norm,none", "0.70").with_split("validation".to_owned()).unwrap(),
        metric("arc_easy", "acc,none", "7.6e-1"),
    ];
    let results = results("results.json").with_tool("lm-evaluation-harness 0.4.9".to_owned()).unwrap();
    let inputs = vec![input(Role::Dataset, "hellaswag"), input(Role::Config, "tasks.yaml")];
    Evaluation::new(None, results, metrics, inputs)
        .unwrap()
        .with_url("https://ci.example.org/runs/4425592351".parse().unwrap())
}

/// Of which names, data and place are private, and the digest of the data.
fn private() -> Evaluation {
    let data: Commitment = hidden(1, "customers");
    let metrics = vec![metric(&data.to_string(), "auc", "0.91")];
    let tested = input(Role::Dataset, "customers");
    let digest = hidden(129, &tested.digest_text());
    let tested = tested.with_name(data.into()).with_private_digest(digest);
    let file = results("m.json").with_name(hidden(2, "m.json"));
    Evaluation::new(None, file, metrics, vec![tested])
        .unwrap()
        .with_url(hidden(65, "https://ci.example.org/runs/4425592351"))
}

pub(super) fn kind() -> Kind {
    let plain =
        |outcome, metrics| bytes(&Evaluation::new(outcome, results("m.json"), metrics, vec![]).unwrap());
    let below = Threshold::new(Comparator::Below, number("1e-2"));
    let missed = metric("", "toxicity", "0.02").with_threshold(below);
    Kind {
        prefix: "evaluation",
        canonical: vec![
            ("suite", bytes(&suite())),
            ("private", bytes(&private())),
            ("plain", plain(None, vec![metric("", "auc", "0.91")])),
            ("missed", plain(None, vec![missed])),
            ("warned", plain(Some(TestOutcome::Warned), vec![metric("", "auc", "0.6")])),
        ],
        accept: vec![
            edit("empty-list-of-tests", "plain", "\"predicate\":{", "\"predicate\":{\"warnedTests\":[],"),
            edit("failed-without-a-threshold", "plain", "PASSED", "FAILED"),
        ],
        reject: vec![
            ("Evaluation.UnknownOutcome", edit("passed-in-small-letters", "plain", "PASSED", "passed")),
            (
                "Evaluation.OutcomeAndThreshold",
                edit("passed-below-its-threshold", "missed", "\"FAILED\"", "\"PASSED\""),
            ),
            (
                "Evaluation.OutcomeAndThreshold",
                edit("warned-below-its-threshold", "missed", "\"FAILED\"", "\"WARNED\""),
            ),
            (
                "Evaluation.TestsDisagree",
                edit("failed-test-as-passed", "missed", "failedTests", "passedTests"),
            ),
            (
                "Evaluation.TestsDisagree",
                edit("failed-test-not-named", "missed", ",\"failedTests\":[\"toxicity\"]", ""),
            ),
            (
                "Evaluation.TestsDisagree",
                edit(
                    "passed-test-of-no-metric",
                    "plain",
                    "\"predicate\":{",
                    "\"predicate\":{\"passedTests\":[\"auc\"],",
                ),
            ),
            (
                "Evaluation.TestsDisagree",
                edit(
                    "warned-test-of-no-metric",
                    "plain",
                    "\"predicate\":{",
                    "\"predicate\":{\"warnedTests\":[\"auc\"],",
                ),
            ),
            (
                "Evaluation.NoResults",
                edit("no-configuration", "plain", "\"role\":\"results\"", "\"role\":\"config\""),
            ),
            (
                "Evaluation.NoResults",
                edit("results-of-a-tree", "plain", "\"form\":\"file\"", "\"form\":\"model-tree/v1\""),
            ),
            (
                "Evaluation.NoMetric",
                edit("no-metric", "plain", "{\"data\":\"\",\"name\":\"auc\",\"value\":\"0.91\"}", ""),
            ),
            (
                "Evaluation.DuplicateMetric",
                edit(
                    "metric-twice",
                    "plain",
                    "\"metrics\":[",
                    "\"metrics\":[{\"data\":\"\",\"name\":\"auc\",\"value\":\"0.5\"},",
                ),
            ),
            (
                "Evaluation.Unsorted",
                edit(
                    "metrics-swapped",
                    "plain",
                    "\"metrics\":[",
                    "\"metrics\":[{\"data\":\"x\",\"name\":\"auc\",\"value\":\"0.5\"},",
                ),
            ),
            (
                "Evaluation.Unsorted",
                edit("inputs-swapped", "suite", "\"role\":\"dataset\"", "\"role\":\"container\""),
            ),
            (
                "Evaluation.InputRole",
                edit("tested-with-a-base-model", "suite", "\"role\":\"config\"", "\"role\":\"base-model\""),
            ),
            (
                "Evaluation.Inputs.UnknownRole",
                edit("unknown-role", "suite", "\"role\":\"config\"", "\"role\":\"judge\""),
            ),
            (
                "Evaluation.Inputs.Field.UnknownKey",
                edit(
                    "data-from-elsewhere",
                    "suite",
                    "{\"name\":\"hellaswag\",\"digest\"",
                    "{\"name\":\"hellaswag\",\"downloadLocation\":\"https://example.org\",\"digest\"",
                ),
            ),
            ("Evaluation.BadNumber.BadSyntax", edit("not-a-number", "plain", "\"0.91\"", "\"NaN\"")),
            (
                "Evaluation.BadNumber.TooLong",
                edit("long-number", "plain", "\"0.91\"", format!("\"0.{}\"", "1".repeat(63))),
            ),
            ("Evaluation.BadNumber.BadSyntax", edit("threshold-in-words", "missed", "\"1e-2\"", "\"low\"")),
            ("Json.Float", edit("number-as-number", "plain", "\"0.91\"", "0.91")),
            ("Evaluation.UnknownComparator", edit("unknown-comparator", "missed", "\"<\"", "\"!=\"")),
            ("Evaluation.HalfThreshold", edit("comparator-alone", "missed", ",\"threshold\":\"1e-2\"", "")),
            ("Evaluation.HalfThreshold", edit("threshold-alone", "missed", "\"comparator\":\"<\",", "")),
            ("Evaluation.BadText", edit("nameless-metric", "plain", "\"name\":\"auc\"", "\"name\":\"\"")),
            (
                "Evaluation.BadText",
                edit("tool-with-escape", "suite", "lm-evaluation-harness 0.4.9", "lm\\u001b[2J"),
            ),
            (
                "Evaluation.BadText",
                edit("empty-split", "suite", "\"split\":\"validation\"", "\"split\":\"\""),
            ),
            (
                "Evaluation.BadName.BadCharacter",
                edit("results-name-with-space", "plain", "m.json", "m .json"),
            ),
            (
                "Evaluation.BadDigest.BadLength",
                edit(
                    "short-digest",
                    "plain",
                    "[{\"name\":\"m.json\",\"digest\":{\"sha256\":\"",
                    "[{\"name\":\"m.json\",\"digest\":{\"sha256\":\"0",
                ),
            ),
            ("Evaluation.BadDecimal", edit("size-with-sign", "plain", "\"4096\"", "\"+4096\"")),
            (
                "Evaluation.BadUri.NoScheme",
                edit("url-without-scheme", "suite", "https://ci.example.org", "ci.example.org"),
            ),
            (
                "Evaluation.Field.UnknownKey",
                edit("score", "plain", "\"predicate\":{", "\"predicate\":{\"score\":\"1\","),
            ),
            (
                "Evaluation.Field.UnknownKey",
                edit("metric-member", "plain", "\"value\":\"0.91\"", "\"value\":\"0.91\",\"rank\":\"1\""),
            ),
            ("Evaluation.Field.MissingKey", edit("metric-without-value", "plain", ",\"value\":\"0.91\"", "")),
            (
                "Evaluation.Field.WrongType",
                edit(
                    "metrics-no-list",
                    "plain",
                    "[{\"data\":\"\",\"name\":\"auc\",\"value\":\"0.91\"}]",
                    "{}",
                ),
            ),
        ],
    }
}
