//! What was said about the model, and by whom: approvals, withdrawals, and rules of the trust file.

use attest::digest::Sha256Digest;
use attest::evaluation::{Evaluation, Metric, ResultsFile, TestOutcome};
use attest::event::{Act, Event, Scope};
use attest::key::PrivateKey;
use attest::model_name::NameVersion;
use verifier::Reason;

use super::accept::{LABEL, plain_statement, seen_before, witnessed};
use super::case::Case;
use super::world::{
    File, INDEX, Log, ann, bob, bundle, entry, files, line, plain_trust, publisher, publisher_p256, stranger,
    tree, trust, weights, witness_line,
};

/// A day after the witnesses of the cases saw the log.
const NEXT_DAY: &str = "2026-11-19T12:00:00Z";
pub(crate) const MANY_MAY: &str =
    "may = [\"approve\", \"reject\", \"promote\", \"supersede\", \"revoke\", \"reinstate\", \"evaluation\"]";

/// Whose key it is; keys themselves are not copied.
pub(crate) type By = fn() -> PrivateKey;
/// A statement, and who signs it.
pub(crate) type Said = (Vec<u8>, By);

/// The publisher with two keys, Ann for risk, Bob for releases; then `rules`.
pub(crate) fn people(rules: &str) -> String {
    let maker = trust("", "none", "acme/*", &[publisher().public_key(), publisher_p256().public_key()]);
    let person = |key: By, name: &str, role: &str| {
        let key = key().public_key().to_base64();
        format!(
            "\n[[publisher]]\nname = \"acme/*\"\nkeys = [\"{key}\"]\nperson = \"{name}\"\nroles = [\"{role}\"]\n{MANY_MAY}\n"
        )
    };
    format!(
        "{maker}person = \"maker\"\n{}{}{rules}",
        person(ann, "ann", "risk"),
        person(bob, "bob", "release")
    )
}

pub(crate) fn rule(demands: &str) -> String {
    people(&format!("\n[[require]]\nname = \"acme/*\"\n{demands}\n"))
}

/// The plain provenance, and after it in one log what else was said.
pub(crate) fn told(said: &[Said]) -> String {
    told_to(Log::holding, said)
}

pub(crate) fn told_to(log: impl FnOnce(&[Vec<u8>]) -> Log, said: &[Said]) -> String {
    let first: Said = (plain_statement(), publisher);
    let all: Vec<Said> = [first].into_iter().chain(said.iter().cloned()).collect();
    lines_of(log, &all).concat()
}

/// Each statement as a line, all in one log.
pub(crate) fn lines(said: &[Said]) -> Vec<String> {
    lines_of(Log::holding, said)
}

fn lines_of(log: impl FnOnce(&[Vec<u8>]) -> Log, said: &[Said]) -> Vec<String> {
    let entries: Vec<Vec<u8>> = said.iter().map(|(statement, key)| entry(statement, &key())).collect();
    let log = log(&entries);
    let lines = (INDEX..).zip(said);
    lines.map(|(index, (statement, key))| line(&bundle(statement, &key(), log.answer(index)))).collect()
}

/// The plain provenance and `withdrawn` in one log, and in another, at a later index, what takes it back.
fn undone_elsewhere(withdrawn: &Said, undone: &Said) -> String {
    let here = told(std::slice::from_ref(withdrawn));
    let (statement, key) = undone;
    let entries: Vec<Vec<u8>> = std::iter::repeat_n(entry(statement, &key()), 3).collect();
    let answer = other_log(&entries).answer(INDEX + 2);
    format!("{here}{}", line(&bundle(statement, &key(), answer)))
}

pub(crate) fn other_log(entries: &[Vec<u8>]) -> Log {
    Log::of("other.example.org/models", 11, entries)
}

/// The same trust file, with a second log in its policy.
pub(crate) fn and_another_log(trust: &str) -> String {
    let line = format!("log {}\nquorum none", other_log(&[]).vkey());
    trust.replacen("quorum none", &line, 1)
}

pub(crate) fn of(label: &str, files: &[File], event: &Event) -> Vec<u8> {
    let label: NameVersion = label.parse().unwrap();
    event.to_statement_bytes(label.name(), label.version(), tree(files).digest())
}

pub(crate) fn said(act: Act, key: By) -> Said {
    (of(LABEL, &files(), &Event::new(act)), key)
}

pub(crate) fn approval(stage: Option<&str>, expires: Option<&str>, key: By) -> Said {
    let stage = stage.map(|stage| stage.parse().unwrap());
    said(Act::Approve { stage, expires: expires.map(|time| time.parse().unwrap()) }, key)
}

pub(crate) fn approved(key: By) -> Said {
    approval(None, None, key)
}

fn rejection(stage: Option<&str>, key: By) -> Said {
    said(Act::Reject { stage: stage.map(|stage| stage.parse().unwrap()) }, key)
}

pub(crate) fn promotion(stage: &str, key: By) -> Said {
    said(Act::Promote { stage: stage.parse().unwrap(), expires: None }, key)
}

fn withdrawal() -> Act {
    Act::Revoke { scope: Scope::This, reason: "poisoned-data".parse().unwrap() }
}

pub(crate) fn revocation(key: By) -> Said {
    said(withdrawal(), key)
}

pub(crate) fn reinstatement(of: &Said, key: By) -> Said {
    said(Act::Reinstate { previous: Sha256Digest::of(&of.0) }, key)
}

fn supersession(key: By) -> Said {
    said(Act::Supersede { successor: tree(&[("model.safetensors", weights(2))]).digest() }, key)
}

pub(crate) fn evaluation(outcome: TestOutcome, key: By) -> Said {
    let label: NameVersion = LABEL.parse().unwrap();
    let results = ResultsFile::new("m.json".parse().unwrap(), Sha256Digest::of(b"results"), 4096);
    let metric = Metric::new(String::new(), "auc".to_owned(), "0.91".parse().unwrap()).unwrap();
    let evaluation = Evaluation::new(Some(outcome), results, vec![metric], vec![]).unwrap();
    (evaluation.to_statement_bytes(label.name(), label.version(), tree(&files()).digest()), key)
}

/// The plain provenance in a log that a witness saw on 18 November 2026.
pub(crate) fn seen() -> String {
    told_to(|entries| Log::holding(entries).seen_by(&[21]), &[])
}

pub(crate) fn witnessed_rule(demands: &str) -> String {
    let base = trust(&witness_line(21), "w21", "acme/*", &[publisher().public_key()]);
    format!("{base}\n[[require]]\nname = \"acme/*\"\n{demands}\n")
}

pub(crate) fn term(words: &str) -> String {
    format!("{}{words}\n", plain_trust())
}

/// What may be used.
pub(crate) fn accepted() -> Vec<Case> {
    let revoked = revocation(ann);
    let undone = reinstatement(&revoked, bob);
    let later =
        Event::new(withdrawal()).with_effective_from("2026-12-01T00:00:00Z".parse().unwrap()).unwrap();
    let later: Said = (of(LABEL, &files(), &later), ann);
    let foreign = revocation(stranger);
    vec![
        Case::new(
            "approved-by-two",
            "two people with one role each approved it",
            told(&[approved(ann), approved(bob)]),
        )
        .trust(rule("approvals = 2\napprover-roles = [\"risk\", \"release\"]")),
        Case::new(
            "approval-not-expired",
            "an approval for the stage of the rule, with two weeks to go",
            told(&[approval(Some("production"), Some("2026-12-03T00:00:00Z"), ann)]),
        )
        .trust(rule("stage = \"production\"\napprovals = 1"))
        .at_stage("production")
        .at(NEXT_DAY),
        Case::new(
            "evaluated",
            "somebody else's evaluation passed",
            told(&[evaluation(TestOutcome::Passed, bob)]),
        )
        .trust(rule("evaluations = 1")),
        Case::new(
            "promoted-last-to-the-stage",
            "promoted to test, then to production",
            told(&[promotion("test", bob), promotion("production", bob)]),
        )
        .trust(rule("stage = \"production\"\npromoted = true")),
        Case::new(
            "reinstated",
            "another person took the revocation back, later in the log",
            told(&[revoked, undone]),
        )
        .trust(people("")),
        Case::new(
            "rejected-for-another-stage",
            "a rejection for production, and it is for test",
            told(&[rejection(Some("production"), ann)]),
        )
        .trust(people(""))
        .at_stage("test"),
        Case::new("rule-for-another-stage", "the rule is for production, and it is for test", told(&[]))
            .trust(rule("stage = \"production\"\napprovals = 2"))
            .at_stage("test"),
        Case::new("rule-only-warns", "nobody approved it, and the rule is tried out", told(&[]))
            .trust(rule("approvals = 1\nmode = \"warn\"")),
        Case::new("revocation-begins-later", "it is withdrawn from December on", told(&[later]))
            .trust(people(""))
            .at(NEXT_DAY),
        Case::new(
            "revoked-by-a-key-that-may-not",
            "a revocation by somebody whom the trust file does not know",
            told(&[foreign]),
        )
        .trust(people("")),
        Case::new(
            "superseded-unminded",
            "no rule minds that there is a successor",
            told(&[supersession(bob)]),
        )
        .trust(people("")),
        Case::new("checkpoint-of-yesterday", "a witness saw the checkpoint a day ago", seen())
            .trust(witnessed_rule("checkpoint-age = \"2d\""))
            .at(NEXT_DAY),
        Case::new("term-covers-the-entry", "the key counts until entry 5, and this is 4", told(&[]))
            .trust(term("until-index = 5")),
    ]
}

/// What may not.
pub(crate) fn refused() -> Vec<Case> {
    [withdrawn(), unapproved(), unknown_age()].concat()
}

fn withdrawn() -> Vec<Case> {
    let revoked = revocation(ann);
    let case = |name, why, bundle: String| Case::new(name, why, bundle).trust(people(""));
    let other_name: Said = (of("acme/other:1", &files(), &Event::new(withdrawal())), ann);
    let successor = rule("refuse-superseded = true");
    vec![
        case("revoked", "withdrawn by somebody who may", told(&[revocation(ann)])).refused(Reason::Revoked),
        case(
            "revoked-by-the-maker",
            "withdrawn by the key that signed the provenance",
            told(&[revocation(publisher)]),
        )
        .refused(Reason::Revoked),
        case(
            "revoked-under-another-name",
            "the same bytes were withdrawn as another model",
            told(&[other_name]),
        )
        .refused(Reason::Revoked),
        case(
            "reinstated-by-the-same-person",
            "the revocation was taken back with the key that had signed it",
            told(&[revoked.clone(), reinstatement(&revoked, ann)]),
        )
        .refused(Reason::Revoked),
        case(
            "reinstated-by-the-makers-other-key",
            "the maker took his revocation back with another key of his",
            told(&[revocation(publisher), reinstatement(&revocation(publisher), publisher_p256)]),
        )
        .refused(Reason::Revoked),
        case(
            "reinstated-beforehand",
            "the reinstatement lies before the revocation",
            told(&[reinstatement(&revoked, bob), revoked.clone()]),
        )
        .refused(Reason::Revoked),
        case(
            "reinstated-by-a-stranger",
            "somebody whom the trust file does not know took the revocation back",
            told(&[revoked.clone(), reinstatement(&revoked, stranger)]),
        )
        .refused(Reason::Revoked),
        case(
            "reinstated-in-another-log",
            "another person took the revocation back, at a later index of another log",
            undone_elsewhere(&revoked, &reinstatement(&revoked, bob)),
        )
        .trust(and_another_log(&people("")))
        .refused(Reason::Revoked),
        case(
            "another-revocation-reinstated",
            "a revocation was taken back, and it is not this one",
            told(&[revoked.clone(), reinstatement(&rejection(None, ann), bob)]),
        )
        .refused(Reason::Revoked),
        case("rejected", "rejected for every stage", told(&[rejection(None, bob)]))
            .at_stage("test")
            .refused(Reason::Rejected),
        case(
            "rejected-for-a-stage-nobody-named",
            "rejected for production, and the caller does not say what it is for",
            told(&[rejection(Some("production"), bob)]),
        )
        .refused(Reason::Rejected),
        case("superseded", "there is a successor, and a rule minds", told(&[supersession(bob)]))
            .trust(successor)
            .refused(Reason::Superseded),
    ]
}

fn unapproved() -> Vec<Case> {
    let insufficient = |name, why, bundle: String, demands| {
        Case::new(name, why, bundle).trust(rule(demands)).refused(Reason::ApprovalsInsufficient)
    };
    let by_term = |name, why, words| {
        Case::new(name, why, told(&[])).trust(term(words)).refused(Reason::SignerOutOfTerm)
    };
    vec![
        insufficient("approvals-missing", "nobody approved it", told(&[]), "approvals = 1"),
        insufficient(
            "approved-twice-by-one-person",
            "two approvals by one person",
            told(&[approved(ann), approval(Some("production"), None, ann)]),
            "stage = \"production\"\napprovals = 2",
        ),
        insufficient(
            "approved-by-the-maker",
            "the maker approved it with another key of his",
            told(&[approved(publisher_p256)]),
            "approvals = 1",
        ),
        insufficient(
            "approval-expired",
            "the approval ended a day before",
            told(&[approval(None, Some("2026-11-18T12:00:00Z"), ann)]),
            "approvals = 1",
        )
        .at(NEXT_DAY),
        insufficient(
            "approved-for-another-stage",
            "approved for test, and the rule is for production",
            told(&[approval(Some("test"), None, ann)]),
            "stage = \"production\"\napprovals = 1",
        ),
        insufficient(
            "approved-by-a-stranger",
            "approved by somebody whom the trust file does not know",
            told(&[approved(stranger)]),
            "approvals = 1",
        ),
        Case::new(
            "approved-without-the-right",
            "the key may evaluate and not approve",
            told(&[approved(ann)]),
        )
        .trust(rule("approvals = 1").replacen(MANY_MAY, "may = [\"evaluation\"]", 1))
        .refused(Reason::ApprovalsInsufficient),
        Case::new("approver-role-missing", "approved, but by nobody for risk", told(&[approved(bob)]))
            .trust(rule("approvals = 1\napprover-roles = [\"risk\"]"))
            .refused(Reason::ApproverRoleMissing),
        Case::new(
            "evaluation-warned",
            "an evaluation that passed with a warning has not passed",
            told(&[evaluation(TestOutcome::Warned, bob)]),
        )
        .trust(rule("evaluations = 1"))
        .refused(Reason::EvaluationsInsufficient),
        Case::new(
            "promotion-taken-further",
            "promoted to production, then to retired",
            told(&[promotion("production", bob), promotion("retired", bob)]),
        )
        .trust(rule("stage = \"production\"\npromoted = true"))
        .refused(Reason::PromotionMissing),
        by_term("key-lost-before", "the key counts until entry 4, and this is 4", "until-index = 4"),
        Case::new(
            "seen-after-the-key-was-lost",
            "one of three witnesses saw the checkpoint before the key ceased to count, and two are wanted",
            witnessed(&[21, 23]),
        )
        .trust(seen_before("2026-11-18T11:07:03Z"))
        .refused(Reason::SignerOutOfTerm),
        by_term("key-not-yet", "the key counts from entry 5 on, and this is 4", "from-index = 5"),
        Case::new("maker-without-the-right", "the key may approve and sign no provenance", told(&[]))
            .trust(term("may = [\"approve\"]"))
            .refused(Reason::SignerUnexpected),
    ]
}

fn unknown_age() -> Vec<Case> {
    vec![
        Case::new("checkpoint-stale", "a witness saw the checkpoint a day ago", seen())
            .trust(witnessed_rule("checkpoint-age = \"12h\""))
            .at(NEXT_DAY)
            .refused(Reason::CheckpointStale),
        Case::new("checkpoint-age-unknown", "no witness saw the checkpoint", told(&[]))
            .trust(rule("checkpoint-age = \"30d\""))
            .at(NEXT_DAY)
            .refused(Reason::CheckpointAgeUnknown),
    ]
}
