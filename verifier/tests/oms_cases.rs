//! Every folder below `testdata/oms`, through the library and through the program.
//!
//! `peer` holds bundles as `model_signing` itself wrote them, `accept` and `reject` what our generator made, one fault each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use attest::utc_time::UtcTime;
use serde::Deserialize;
use verifier::Reason;
use verifier::oms::{AnchorPath, OmsRequest, OmsVerdict, json, text};
use verifier::report::Style;

/// When certificates are judged if the case states no time.
const AT: &str = "2026-11-27T08:00:00Z";

/// `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    why: String,
    model: PathBuf,
    bundle: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    time: Option<UtcTimeText>,
    verdict: String,
    reason: Option<String>,
    exit: u8,
    step: Option<u8>,
}

type UtcTimeText = String;

struct Case {
    folder: PathBuf,
    expected: Expected,
}

impl Case {
    fn at(&self) -> &str {
        self.expected.time.as_deref().unwrap_or(AT)
    }

    fn verify(&self) -> OmsVerdict {
        let expected = &self.expected;
        let below = |path: &PathBuf| self.folder.join(path);
        let key = expected.key.as_ref().map(|path| AnchorPath::Key(below(path)));
        let anchor = key.or_else(|| expected.ca.as_ref().map(|path| AnchorPath::Authorities(below(path))));
        let at: UtcTime = self.at().parse().unwrap();
        OmsRequest::new(below(&expected.model), at)
            .bundle(expected.bundle.as_ref().map(below))
            .anchor(anchor)
            .verify(&|_, _| {})
    }

    fn command(&self) -> Command {
        let expected = &self.expected;
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark-verify"));
        command.current_dir(&self.folder).arg(&expected.model).arg("--json").env_remove("TALLYMARK_TRUST");
        match &expected.bundle {
            Some(bundle) => command.arg(format!("--oms={}", bundle.display())),
            None => command.arg("--oms"),
        };
        if let Some(key) = &expected.key {
            command.arg("--oms-key").arg(key);
        }
        if let Some(ca) = &expected.ca {
            command.arg("--oms-ca").arg(ca).args(["--oms-time", self.at()]);
        }
        command
    }
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/oms");
    let mut cases = Vec::new();
    for of in ["peer", "accept", "reject"] {
        let folder = root.join(of);
        let mut folders: Vec<PathBuf> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        assert!(!folders.is_empty(), "no case in {}", folder.display());
        for folder in folders {
            let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
            let expected =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            cases.push(Case { folder, expected });
        }
    }
    cases
}

#[test]
fn every_case_ends_as_it_says() {
    let mut wrong = Vec::new();
    for case in cases() {
        let verdict = case.verify();
        let seen = verdict.result().err().map(|refusal| refusal.failure().reason().code().to_owned());
        if seen != case.expected.reason {
            let (name, report) = (case.folder.display(), text(&verdict, Style::Plain));
            wrong.push(format!("{name}\n{}\nwanted {:?}\n{report}", case.expected.why, case.expected.reason));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_case_states_the_class_exit_code_and_step_of_its_reason() {
    for case in cases() {
        let expected = &case.expected;
        let name = case.folder.display();
        let Some(reason) = &expected.reason else {
            assert_eq!((expected.verdict.as_str(), expected.exit), ("verified", 0), "{name}");
            continue;
        };
        let reason = Reason::from_code(reason).unwrap();
        assert_eq!(expected.verdict, reason.class().code(), "{name}");
        assert_eq!(
            (expected.exit, expected.step),
            (reason.exit_code(), Some(reason.step().number())),
            "{name}"
        );
    }
}

#[test]
fn the_program_says_what_the_library_says() {
    for case in cases() {
        let output = case.command().output().unwrap();
        let name = case.folder.display();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(case.expected.exit.into()), "{name}");
        assert_eq!(report["verdict"].as_str(), Some(case.expected.verdict.as_str()), "{name}");
        assert_eq!(report["reason"].as_str(), case.expected.reason.as_deref(), "{name}");
        assert_eq!(output.stderr, b"", "{name}");
    }
}

#[test]
fn reports_are_printable_ascii_and_say_what_was_not_checked() {
    for case in cases() {
        let verdict = case.verify();
        for report in [text(&verdict, Style::Plain), json(&verdict)] {
            assert!(report.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{report:?}");
        }
        assert!(text(&verdict, Style::Plain).contains("OMS has no log proof"));
    }
}
