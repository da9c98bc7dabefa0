//! What each collector sees in a file or directory that is none of ours: the facts, their grades, and what was left out.
//!
//! In scope: which collectors are asked about a path, by the names of what lies there, and showing what they say. Out of
//! scope: reading (crate `collect`).

use std::fmt::Write as _;
use std::path::Path;

use collect::documents::DocumentKind;
use collect::registries::Registry;
use collect::{Collected, Privacy, WarningReason};
use serde_json::{Value, json};

use crate::message::one_line;

/// What the collectors said.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    seen: Vec<Collected>,
    // A source that is there and could not be read at all.
    unreadable: Vec<String>,
}

impl Answers {
    fn add<E: std::error::Error>(&mut self, answer: Result<Collected, E>) {
        match answer {
            // A damaged file is shown with what is wrong with it; only one that is not there is passed over.
            Ok(collected) if collected.facts().is_empty() && collected.warnings().iter().all(is_absent) => {}
            Ok(collected) => self.seen.push(collected),
            Err(error) => self.unreadable.push(error.to_string()),
        }
    }

    fn add_all(&mut self, answers: impl IntoIterator<Item = Collected>) {
        answers.into_iter().for_each(|collected| self.add(Ok::<_, std::fmt::Error>(collected)));
    }

    /// Whether no collector knows anything there.
    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.unreadable.is_empty()
    }
}

fn is_absent(warning: &collect::Warning) -> bool {
    warning.reason() == WarningReason::Absent
}

/// Asks every collector that knows something lying at `path`.
pub(crate) fn ask(path: &Path) -> Answers {
    let mut answers = Answers::default();
    if path.is_dir() {
        ask_about_directory(path, &mut answers)
    } else {
        ask_about_file(path, &mut answers)
    }
    answers
}

fn ask_about_directory(dir: &Path, answers: &mut Answers) {
    let has = |name: &str| dir.join(name).exists();
    let ends_with = |suffix: &str| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
        entries.filter_map(|entry| entry.file_name().into_string().ok()).any(|name| name.ends_with(suffix))
    };
    if has("dvc.yaml") || has("dvc.lock") || has(".dvc") || ends_with(".dvc") {
        answers.add_all([collect::dvc::read(dir)]);
    }
    if has("mlflow.db") || has("mlruns") {
        answers.add(collect::mlflow::read(dir, None));
    }
    if has("MLmodel") {
        answers.add(collect::mlflow::read_model(dir));
    }
    if ends_with(".wandb") {
        answers.add(collect::wandb::read(dir));
    }
    answers.add_all([collect::hugging_face::read(dir), collect::environment::read(dir)]);
    answers.add_all(weights(dir));
}

fn ask_about_file(path: &Path, answers: &mut Answers) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    if name == "Kitfile" {
        answers.add_all([collect::registries::read(path, Registry::KitOps)]);
    } else if name == "MLmodel" {
        answers.add(collect::mlflow::read_model(folder));
    } else if name == "README.md" {
        answers.add_all([collect::documents::read(path, DocumentKind::ModelCard)]);
    } else if name.ends_with(".wandb") {
        answers.add(collect::wandb::read(path));
    } else if name.ends_with(".db") {
        answers.add(collect::mlflow::read(path, None));
    } else if let Some(collected) = collect::environment::read_one(path) {
        answers.add_all([collected]);
    } else {
        answers.add_all(weights(path));
        if name.ends_with(".json") {
            // Anything may be called that: only what is one without a doubt.
            let guesses = [
                collect::documents::read(path, DocumentKind::Croissant),
                collect::registries::read(path, Registry::SageMaker),
            ];
            answers.add_all(guesses.into_iter().filter(|guess| guess.warnings().is_empty()));
        }
    }
}

/// Only what is weights without a doubt: `.bin` is the name of many things.
fn weights(path: &Path) -> Option<Collected> {
    Some(collect::weights::read(path)).filter(|collected| !collected.facts().is_empty())
}

/// As lines: a heading for each source, a line for each fact and each warning.
pub(crate) fn text(answers: &Answers) -> String {
    let mut text = String::new();
    for problem in &answers.unreadable {
        let _ = writeln!(text, "not read: {}", one_line(problem));
    }
    for collected in &answers.seen {
        let _ = writeln!(text, "{}: {} facts", collected.source(), collected.facts().len());
        for fact in collected.facts() {
            let about = if fact.about().is_empty() { String::new() } else { format!(" {}", fact.about()) };
            let personal = if fact.privacy() == Privacy::Personal { " (personal)" } else { "" };
            let (topic, key, value) = (fact.topic().as_str(), fact.key(), fact.value().to_text());
            let line = format!("{topic}{about} {key}: {value}  [{}, {}]{personal}", fact.grade(), fact.at());
            let _ = writeln!(text, "  {}", one_line(&line));
        }
        for warning in collected.warnings() {
            let _ = writeln!(text, "  warning: {}", one_line(&warning.to_string()));
        }
    }
    text
}

/// As JSON.
pub(crate) fn json(answers: &Answers) -> Value {
    let fact = |fact: &collect::Fact| {
        json!({
            "topic": fact.topic().as_str(),
            "about": fact.about(),
            "key": fact.key(),
            "value": fact.value().to_text(),
            "source": fact.grade().as_str(),
            "at": fact.at(),
            "personal": fact.privacy() == Privacy::Personal,
        })
    };
    let warning = |warning: &collect::Warning| json!({ "reason": warning.reason().code(), "at": warning.at(), "text": warning.text() });
    let file = |file: &collect::ReadFile| json!({ "name": file.name(), "bytes": file.bytes(), "sha256": file.sha256().to_string() });
    let one = |collected: &Collected| {
        json!({
            "source": collected.source(),
            "facts": collected.facts().iter().map(fact).collect::<Vec<_>>(),
            "warnings": collected.warnings().iter().map(warning).collect::<Vec<_>>(),
            "files": collected.files().iter().map(file).collect::<Vec<_>>(),
        })
    };
    json!({
        "schema_version": 1,
        "verified": false,
        "sources": answers.seen.iter().map(one).collect::<Vec<_>>(),
        "not_read": answers.unreadable,
    })
}
