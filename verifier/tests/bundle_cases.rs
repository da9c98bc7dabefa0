//! Every folder below `testdata/bundle`, through the library and through the program.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use verifier::load::{Request, Verdict};
use verifier::report::{Style, json, text};
use verifier::{Expectation, Reason};

/// `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    why: String,
    model: PathBuf,
    trust: Option<PathBuf>,
    name: Option<String>,
    version: Option<String>,
    stage: Option<String>,
    at: Option<String>,
    lineage: Option<PathBuf>,
    verdict: String,
    reason: Option<String>,
    exit: u8,
    step: Option<u8>,
}

struct Case {
    folder: PathBuf,
    expected: Expected,
}

impl Case {
    fn request(&self) -> Request {
        let expected = &self.expected;
        Request::new(self.folder.join(&expected.model))
            .trust(expected.trust.as_ref().map(|path| self.folder.join(path)))
            .lineage(expected.lineage.iter().map(|path| self.folder.join(path)).collect())
            .expecting(self.expectation())
    }

    fn expectation(&self) -> Expectation {
        let expected = &self.expected;
        let expectation = Expectation::new(
            expected.name.as_ref().map(|name| name.parse().unwrap()),
            expected.version.as_ref().map(|version| version.parse().unwrap()),
        )
        .at_stage(expected.stage.as_ref().map(|stage| stage.parse().unwrap()));
        match &expected.at {
            Some(at) => expectation.as_of(at.parse().unwrap()),
            None => expectation,
        }
    }

    /// Runs the program where no trust file but the case's can be found.
    fn command(&self) -> Command {
        let expected = &self.expected;
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark-verify"));
        command.current_dir(&self.folder).arg(&expected.model);
        command.env_remove("TALLYMARK_TRUST").env("XDG_CONFIG_HOME", "/nonexistent").env("NO_COLOR", "1");
        let flags = [
            ("--name", &expected.name),
            ("--version", &expected.version),
            ("--stage", &expected.stage),
            ("--at", &expected.at),
        ];
        for (flag, value) in flags {
            if let Some(value) = value {
                command.args([flag, value]);
            }
        }
        if let Some(lineage) = &expected.lineage {
            command.arg("--lineage").arg(lineage);
        }
        if let Some(trust) = &expected.trust {
            command.arg("--trust").arg(trust);
        }
        command
    }
}

fn cases(of: &str) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle").join(of);
    let mut folders: Vec<PathBuf> = root.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no case in {}", root.display());
    let read = |folder: PathBuf| {
        let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
        let expected = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Case { folder, expected }
    };
    folders.into_iter().map(read).collect()
}

fn verify(case: &Case) -> Verdict {
    case.request().verify(&|_, _| {})
}

#[test]
fn the_library_verifies_every_case_to_accept() {
    for case in cases("accept") {
        let verdict = verify(&case);
        assert_eq!(verdict.exit_code(), 0, "{}:\n{}", case.folder.display(), text(&verdict, Style::Plain));
        assert_eq!((case.expected.verdict.as_str(), case.expected.exit), ("verified", 0));
    }
}

#[test]
fn the_library_refuses_every_case_to_reject_for_the_stated_reason() {
    let mut wrong = Vec::new();
    for case in cases("reject") {
        let verdict = verify(&case);
        let seen = verdict.result().err().map(|refusal| refusal.reason().code().to_owned());
        if seen != case.expected.reason || seen.is_none() {
            let (name, report) = (case.folder.display(), text(&verdict, Style::Plain));
            wrong.push(format!("{name}\n{}\nwanted {:?}\n{report}", case.expected.why, case.expected.reason));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_case_states_the_class_exit_code_and_step_of_its_reason() {
    for case in cases("reject") {
        let expected = &case.expected;
        let reason = Reason::from_code(expected.reason.as_ref().unwrap()).unwrap();
        assert_eq!(expected.verdict, reason.class().code(), "{}", case.folder.display());
        assert_eq!(expected.exit, reason.exit_code(), "{}", case.folder.display());
        assert_eq!(expected.step, Some(reason.step().number()), "{}", case.folder.display());
    }
}

#[test]
fn the_program_says_what_the_library_says() {
    for case in cases("accept").into_iter().chain(cases("reject")) {
        let output = case.command().arg("--json").output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let name = case.folder.display();
        assert_eq!(output.status.code(), Some(case.expected.exit.into()), "{name}");
        assert_eq!(report["exit_code"], case.expected.exit, "{name}");
        assert_eq!(report["verdict"].as_str(), Some(case.expected.verdict.as_str()), "{name}");
        assert_eq!(report["reason"].as_str(), case.expected.reason.as_deref(), "{name}");
        assert_eq!(output.stderr, b"", "{name}");
    }
}

#[test]
fn a_report_in_words_is_printable_ascii_and_names_the_reason() {
    for case in cases("accept").into_iter().chain(cases("reject")) {
        let verdict = verify(&case);
        let report = text(&verdict, Style::Plain);
        assert!(report.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{report:?}");
        let word = verdict.result().err().map_or("VERIFIED", |refusal| refusal.reason().code());
        assert!(report.contains(word), "{report}");
    }
}

#[test]
fn what_the_refusal_names_is_not_said_again_below_it() {
    let report = |of: &str, name: &str| {
        let case = cases(of).into_iter().find(|case| case.folder.ends_with(name)).unwrap();
        text(&verify(&case), Style::Plain)
    };
    assert!(!report("reject", "revoked").contains("AGAINST IT"));
    assert!(report("accept", "superseded-unminded").contains("  AGAINST IT  supersede by "));
}

#[test]
fn a_report_in_json_always_has_the_same_keys() {
    let keys = |verdict: &Verdict| -> BTreeSet<String> {
        let report: serde_json::Value = serde_json::from_str(&json(verdict)).unwrap();
        report.as_object().unwrap().keys().cloned().collect()
    };
    let all = cases("accept").into_iter().chain(cases("reject"));
    let seen: BTreeSet<_> = all.map(|case| keys(&verify(&case))).collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

/// Reasons that no files in a repository can show, with the test that does, in this crate's `tests/on_disk.rs`, `tests/formats.rs`,
/// `tests/lineage.rs`, `tests/memory.rs`, `tests/packs.rs` or `tests/pins.rs`.
const SHOWN_BY_A_TEST: [(Reason, &str); 19] = [
    (Reason::CacheUnusable, "a_cache_that_cannot_be_read_is_never_a_yes"),
    (Reason::CheckpointOlder, "a_bundle_file_older_than_the_last_one_of_that_name_is_not_decided"),
    (Reason::FileUnreadable, "a_file_that_may_not_be_read_is_unreadable"),
    (Reason::FormatsUnknown, "formats_at_which_nobody_looked_are_not_allowed"),
    (Reason::LineageTooDeep, "a_lineage_that_is_too_deep_is_not_cut_off_and_called_good"),
    (Reason::LineageTooLarge, "a_lineage_that_is_too_large_is_not_cut_off_and_called_good"),
    (Reason::MemoryUnreadable, "a_state_that_cannot_be_read_is_never_a_yes"),
    (Reason::MemoryUnwritten, "on_a_full_disk_the_state_stays_and_the_answer_is_not_yes"),
    (Reason::ModelTooLarge, "every_error_of_a_scan_has_its_reason"),
    (Reason::ModelUnstable, "every_error_of_a_scan_has_its_reason"),
    (Reason::PackMalformed, "what_no_packer_writes_is_refused"),
    (Reason::PathRefused, "a_name_with_a_backslash_is_refused"),
    (Reason::PathsCollide, "two_names_that_differ_in_case_collide"),
    (Reason::PinsUnreadable, "pins_that_cannot_be_read_are_never_a_yes"),
    (Reason::PinsUnwritten, "a_first_use_that_cannot_be_written_down_is_none"),
    (Reason::EntrySaltDiffers, "what_speaks_for_a_model_out_of_its_sight_is_set_aside_with_a_note"),
    (Reason::ReleaseOlder, "a_release_before_one_that_was_verified_is_refused_and_changes_no_state"),
    (Reason::SignerChanged, "the_first_signer_is_believed_and_another_afterwards_is_not"),
    (Reason::SpecialFileFound, "a_pipe_in_the_model_is_found_and_not_opened"),
];

#[test]
fn every_reason_has_a_case_or_a_test() {
    let by_case: BTreeSet<String> =
        cases("reject").into_iter().filter_map(|case| case.expected.reason).collect();
    // Those of the other format are at home in `testdata/oms`.
    let oms = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/oms");
    let by_oms: String = ["peer", "reject"]
        .into_iter()
        .flat_map(|of| oms.join(of).read_dir().unwrap())
        .map(|case| std::fs::read_to_string(case.unwrap().path().join("case.toml")).unwrap())
        .collect();
    let tests = [
        include_str!("on_disk.rs"),
        include_str!("formats.rs"),
        include_str!("lineage.rs"),
        include_str!("memory.rs"),
        include_str!("packs.rs"),
        include_str!("pins.rs"),
        include_str!("verdicts.rs"),
    ]
    .concat();
    for reason in Reason::ALL {
        let by_test = SHOWN_BY_A_TEST.iter().find(|(shown, _)| shown == reason);
        let is_tested = by_test.is_some_and(|(_, name)| tests.contains(&format!("fn {name}()")));
        let is_oms = by_oms.contains(&format!("reason = \"{reason}\"\n"));
        assert!(is_tested || is_oms || by_case.contains(reason.code()), "{reason} is shown by nothing");
    }
}

/// The numbers at the beginning of a row, `B25–B30` or `B7`.
fn numbers(row: &str) -> std::ops::RangeInclusive<u32> {
    let label = row.split(" | ").next().unwrap();
    let mut ends = label.split('–').map(|end| end.trim_start_matches(['B', 'H']).parse().unwrap());
    let first: u32 = ends.next().unwrap();
    first..=ends.next().unwrap_or(first)
}

#[test]
fn the_table_of_hostile_cases_has_each_number_and_what_it_says_is_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let table = std::fs::read_to_string(root.join("hostile-cases.md")).unwrap();
    let rows: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| ")).collect();
    let of =
        |letter: char| rows.iter().filter(move |row| row.starts_with(letter)).flat_map(|row| numbers(row));
    assert_eq!(of('B').collect::<Vec<_>>(), (1..=63).collect::<Vec<_>>());
    let trees = include_str!("hostile_trees.rs");
    let elsewhere: BTreeSet<u32> = of('H').collect();
    for number in (1..=50).filter(|number| !elsewhere.contains(number)) {
        let [row, test] = [format!("\"H{number} "), format!("fn h{number}_")];
        assert!(trees.contains(&row) || trees.contains(&test), "H{number} is nowhere");
    }
    let mut compared = 0;
    for row in &rows {
        for name in row.split('`').filter(|word| word.contains('_') && !word.contains(['.', ' '])) {
            let file = row.split("](../").nth(1).and_then(|rest| rest.split(')').next());
            let source =
                std::fs::read_to_string(root.join("..").join(file.unwrap_or("none"))).unwrap_or_default();
            assert!(
                source.contains(&format!("fn {name}()")) || row.contains("copy.rs"),
                "{name} is not in {file:?}"
            );
        }
        let Some(case) = row.split("](bundle/").nth(1).and_then(|rest| rest.split(')').next()) else {
            continue;
        };
        let text = std::fs::read_to_string(root.join("bundle").join(case).join("case.toml")).unwrap();
        let expected: Expected = toml::from_str(&text).unwrap();
        let says = row.trim_end_matches(" |").rsplit(" | ").next().unwrap().trim_matches('`');
        assert_eq!(says, expected.reason.as_deref().unwrap_or(&expected.verdict), "{case}");
        compared += 1;
    }
    assert!(compared > 60, "only {compared} rows lead to a case");
}
