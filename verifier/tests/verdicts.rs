//! How one verdict comes out of several steps and several lines.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::path::{Path, PathBuf};

use attest::digest::Sha256Digest;
use attest::scan::{ScanError, ScanOptions, scan};
use attest::tree::{FileLeaf, Tree};
use verifier::outcome::Outcome;
use verifier::{Expectation, Reason, Refusal, Requirements, Step, VerifiedModel, verify};

fn case(of: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle").join(of).join(name)
}

fn line(of: &str, name: &str) -> String {
    std::fs::read_to_string(case(of, name).join("model/tallymark.jsonl")).unwrap()
}

fn plain() -> String {
    line("accept", "plain")
}

fn requirements() -> Requirements {
    Requirements::parse(&std::fs::read(case("accept", "plain").join("trust.toml")).unwrap()).unwrap()
}

fn files() -> Result<Tree, ScanError> {
    scan(&case("accept", "plain").join("model"), &ScanOptions::new(), &|_, _| {})
}

/// The files with another content in one of them.
fn changed() -> Result<Tree, ScanError> {
    let mut leaves = files()?.files().to_vec();
    leaves[0] = FileLeaf::new(leaves[0].path().clone(), 1, Sha256Digest::of(b"x"));
    Ok(Tree::new(leaves)?)
}

fn judge(
    bundle: &str,
    trust: Option<&Requirements>,
    tree: Result<Tree, ScanError>,
) -> Result<VerifiedModel, Refusal> {
    verify(bundle.as_bytes(), trust, &Expectation::default(), |_| tree)
}

fn refused(bundle: &str, trust: Option<&Requirements>, tree: Result<Tree, ScanError>) -> Refusal {
    judge(bundle, trust, tree).err().unwrap()
}

/// The note on the second line, and how many testimonies are shown.
fn second_line(of: &str, name: &str) -> (Option<Reason>, usize) {
    let trust = Requirements::parse(&std::fs::read(case(of, name).join("trust.toml")).unwrap()).unwrap();
    let judged = judge(&line(of, name), Some(&trust), files());
    let (notes, testimonies) = match &judged {
        Ok(model) => (model.notes(), model.testimonies()),
        Err(refusal) => (refusal.notes(), refusal.testimonies()),
    };
    let note = notes.iter().find(|note| note.line() == 2).and_then(|note| note.failure());
    (note.map(|failure| failure.reason()), testimonies.len())
}

#[test]
fn what_speaks_for_a_model_out_of_its_sight_is_set_aside_with_a_note() {
    let aside = (Some(Reason::EntrySaltDiffers), 0);
    assert_eq!(second_line("accept", "private-entry-unminded"), aside);
    for name in ["approved-under-another-salt", "approved-in-private", "evaluated-under-another-salt"] {
        assert_eq!(second_line("reject", name), aside, "{name}");
    }
    assert_eq!(second_line("accept", "private-entry-approved"), (None, 1));
    assert_eq!(second_line("accept", "private-entry-approved-in-the-clear"), (None, 1));
}

#[test]
fn what_speaks_against_a_model_is_shown_whatever_its_salt() {
    for name in ["private-entry-revoked", "private-entry-revoked-in-the-clear", "revoked-under-another-salt"]
    {
        assert_eq!(second_line("reject", name), (None, 1), "{name}");
    }
}

#[test]
fn absent_trust_does_not_hide_a_changed_file() {
    let refusal = refused(&plain(), None, changed());
    assert_eq!(refusal.reason(), Reason::FileChanged);
    assert_eq!(refusal.also().first().map(|failure| failure.reason()), Some(Reason::NoTrust));
}

#[test]
fn absent_trust_does_not_hide_a_false_signature() {
    let refusal = refused(&line("reject", "signature-altered"), None, files());
    assert_eq!(refusal.reason(), Reason::SignatureInvalid);
}

#[test]
fn a_pending_bundle_does_not_hide_a_changed_file() {
    let refusal = refused(&line("reject", "pending"), Some(&requirements()), changed());
    assert_eq!(refusal.reason(), Reason::FileChanged);
}

#[test]
fn without_trust_everything_that_can_be_is_looked_at() {
    let refusal = refused(&plain(), None, files());
    assert_eq!(refusal.reason(), Reason::NoTrust);
    for (step, outcome) in refusal.outcomes().iter() {
        let wanted = match step {
            Step::Checkpoint | Step::Witnesses => Outcome::Unknown,
            Step::Requirements => Outcome::Fail,
            _ => Outcome::Pass,
        };
        assert_eq!(outcome, wanted, "{step}");
    }
    assert!(refusal.facts().log().is_none(), "nobody vouches for the log's name");
}

#[test]
fn a_statement_by_an_untrusted_key_says_so_and_verifies_otherwise() {
    let refusal = refused(&line("reject", "stranger"), Some(&requirements()), files());
    assert_eq!(refusal.reason(), Reason::SignerUnexpected);
    assert_eq!(refusal.outcomes().of(Step::Signature), Outcome::Pass);
    assert_eq!(refusal.outcomes().of(Step::Checkpoint), Outcome::Pass);
    assert!(refusal.facts().publisher().is_none());
}

#[test]
fn independent_faults_are_all_reported() {
    let mut bundle = line("reject", "signature-altered");
    let at = bundle.find("\"hashes\":[\"").unwrap() + 11;
    let other = if bundle.as_bytes()[at] == b'A' { "B" } else { "A" };
    bundle.replace_range(at..=at, other);
    let refusal = refused(&bundle, Some(&requirements()), files());
    let all: Vec<Reason> =
        std::iter::once(refusal.failure()).chain(refusal.also()).map(|failure| failure.reason()).collect();
    assert_eq!(all, [Reason::SignatureInvalid, Reason::InclusionProofInvalid]);
    assert_eq!(refusal.outcomes().of(Step::Contents), Outcome::Unknown);
}

#[test]
fn files_are_not_hashed_for_a_forged_bundle() {
    for name in
        ["signature-altered", "stranger", "entry-of-another-statement", "log-unknown", "quorum-missed"]
    {
        let trust = std::fs::read(case("reject", name).join("trust.toml")).unwrap();
        let trust = Requirements::parse(&trust).unwrap();
        let bundle = line("reject", name);
        let result =
            verify(bundle.as_bytes(), Some(&trust), &Expectation::default(), |_| -> Result<Tree, _> {
                panic!("{name}: files were read")
            });
        assert!(result.is_err(), "{name}");
    }
}

#[test]
fn files_are_hashed_once_for_several_lines() {
    let calls = Cell::new(0);
    let bundle = [plain(), line("accept", "lineage"), plain()].concat();
    let result = verify(bundle.as_bytes(), Some(&requirements()), &Expectation::default(), |_| {
        calls.set(calls.get() + 1);
        files()
    });
    assert_eq!(result.unwrap().line(), 1);
    assert_eq!(calls.get(), 1);
}

#[test]
fn a_line_that_passes_is_enough_and_the_others_are_notes() {
    let bundle = [line("reject", "stranger"), plain(), line("reject", "pending"), plain()].concat();
    let model = judge(&bundle, Some(&requirements()), files()).unwrap();
    assert_eq!(model.line(), 2);
    let notes: Vec<_> = model
        .notes()
        .iter()
        .map(|note| (note.line(), note.failure().map(|failure| failure.reason())))
        .collect();
    assert_eq!(notes, [(1, Some(Reason::SignerUnexpected)), (3, Some(Reason::NotLogged)), (4, None)]);
}

#[test]
fn a_note_counts_the_files_that_differ_and_lists_the_first() {
    let files = vec![FileLeaf::new("config.json".parse().unwrap(), 1, Sha256Digest::of(b"x"))];
    let refusal = refused(&plain().repeat(2), None, Ok(Tree::new(files).unwrap()));
    let note = refusal.notes().first().and_then(|note| note.failure()).unwrap();
    let listed = |failure: &verifier::Failure| failure.differences().map(<[_]>::len);
    assert_eq!((listed(refusal.failure()), listed(note)), (Some(3), Some(1)));
    assert_eq!(note.to_string(), refusal.failure().to_string());
    assert!(note.to_string().starts_with("3 files differ"), "{note}");
}

#[test]
fn of_lines_that_fail_the_one_that_came_furthest_is_reported() {
    let bundle =
        [line("reject", "signature-altered"), line("reject", "stranger"), line("reject", "pending")].concat();
    let refusal = refused(&bundle, Some(&requirements()), files());
    assert_eq!((refusal.reason(), refusal.line()), (Reason::SignerUnexpected, Some(2)));
    let notes: Vec<_> = refusal.notes().iter().map(|note| note.line()).collect();
    assert_eq!(notes, [1, 3]);
}

#[test]
fn of_lines_that_came_equally_far_the_first_is_reported() {
    let bundle = [plain(), line("accept", "lineage")].concat();
    let refusal = refused(&bundle, Some(&requirements()), changed());
    assert_eq!((refusal.reason(), refusal.line()), (Reason::FileChanged, Some(1)));
}

#[test]
fn the_chain_keeps_what_each_step_established() {
    let model = judge(&plain(), Some(&requirements()), files()).unwrap();
    let (logged, facts) = (model.logged(), model.facts());
    assert_eq!(logged.position().index(), 4);
    assert_eq!(logged.checkpoint().head(), &logged.position().head());
    assert_eq!(logged.signed().bundle().hint(), logged.signed().key().key_id());
    assert_eq!(facts.contents().map(|contents| contents.files()), Some(3));
    assert_eq!(logged.signed().statement().name().as_str(), "acme/churn");
}

#[test]
fn events_are_shown_beside_the_verdict_in_the_order_of_their_lines() {
    let model = judge(&line("accept", "with-events"), Some(&requirements()), files()).unwrap();
    let shown: Vec<_> = model.testimonies().iter().map(|one| one.place().line()).collect();
    assert_eq!(shown, [1, 3]);
    assert!(model.notes().is_empty());
    assert_eq!(model.line(), 2);
}

#[test]
fn an_event_is_not_shown_unless_signature_name_log_and_tree_hold() {
    let note = |bundle: &str, trust: Option<&Requirements>| {
        let beside = format!("{}{bundle}", plain());
        match judge(&beside, trust, files()) {
            Ok(model) => {
                (model.testimonies().len(), model.notes()[0].failure().map(|failure| failure.reason()))
            }
            Err(refusal) => {
                (refusal.testimonies().len(), refusal.notes()[0].failure().map(|failure| failure.reason()))
            }
        }
    };
    let trust = requirements();
    let events = line("accept", "with-events");
    let revocation = events.lines().last().unwrap();
    let strangers = line("accept", "with-a-strangers-revocation");
    let strangers = format!("{}\n", strangers.lines().last().unwrap());
    assert_eq!(note(&strangers, Some(&trust)), (0, Some(Reason::SignerUnexpected)));
    assert_eq!(note(&format!("{revocation}\n"), None), (0, Some(Reason::NoTrust)));
}

#[test]
fn an_event_beside_a_changed_model_is_shown_and_undoes_no_refusal() {
    let refusal = refused(&line("accept", "with-events"), Some(&requirements()), changed());
    assert_eq!(refusal.reason(), Reason::FileChanged);
    assert_eq!(refusal.testimonies().len(), 2);
}

#[test]
fn files_are_not_hashed_for_a_model_that_is_withdrawn() {
    let trust = std::fs::read(case("reject", "revoked").join("trust.toml")).unwrap();
    let trust = Requirements::parse(&trust).unwrap();
    let bundle = line("reject", "revoked");
    let refusal = verify(bundle.as_bytes(), Some(&trust), &Expectation::default(), |_| -> Result<Tree, _> {
        panic!("files were read")
    });
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Revoked);
    assert_eq!(refusal.outcomes().of(Step::Contents), Outcome::Unknown);
    assert_eq!(refusal.outcomes().of(Step::Requirements), Outcome::Fail);
    assert_eq!(refusal.outcomes().of(Step::Witnesses), Outcome::Pass);
    assert_eq!(refusal.testimonies().len(), 1);
}

#[test]
fn a_rule_that_only_warns_says_so_beside_the_verdict() {
    let trust = std::fs::read(case("accept", "rule-only-warns").join("trust.toml")).unwrap();
    let trust = Requirements::parse(&trust).unwrap();
    let model = judge(&line("accept", "rule-only-warns"), Some(&trust), files()).unwrap();
    let warned: Vec<_> = model.warnings().iter().map(|warning| warning.reason()).collect();
    assert_eq!(warned, [Reason::ApprovalsInsufficient]);
}

#[test]
fn what_has_an_end_holds_no_longer_where_nobody_knows_the_time() {
    let name = "approval-not-expired";
    let trust = std::fs::read(case("accept", name).join("trust.toml")).unwrap();
    let trust = Requirements::parse(&trust).unwrap();
    let refusal = refused(&line("accept", name), Some(&trust), files());
    assert_eq!(refusal.reason(), Reason::ApprovalsInsufficient);
}

#[test]
fn a_stage_of_the_trust_file_counts_unless_the_caller_names_another() {
    let name = "rejected-for-another-stage";
    let text = std::fs::read_to_string(case("accept", name).join("trust.toml")).unwrap();
    let at = |stage: &str| Requirements::parse(format!("stage = \"{stage}\"\n{text}").as_bytes()).unwrap();
    let bundle = line("accept", name);
    assert!(judge(&bundle, Some(&at("test")), files()).is_ok());
    assert_eq!(refused(&bundle, Some(&at("production")), files()).reason(), Reason::Rejected);
    let asked = Expectation::default().at_stage(Some("test".parse().unwrap()));
    assert!(verify(bundle.as_bytes(), Some(&at("production")), &asked, |_| files()).is_ok());
}

/// Quadratic work would take minutes: each opened line costs two signatures.
#[test]
fn lines_beside_the_provenances_are_opened_once_however_many_are_judged() {
    let approved = line("accept", "approved-by-two");
    let (provenance, others) = approved.split_once('\n').unwrap();
    let bundle = [format!("{provenance}\n").repeat(500), others.repeat(250)].concat();
    let trust = std::fs::read(case("accept", "approved-by-two").join("trust.toml")).unwrap();
    let trust = Requirements::parse(&trust).unwrap();
    let model = judge(&bundle, Some(&trust), files()).unwrap();
    assert_eq!((model.testimonies().len(), model.notes().len()), (500, 499));
}
