//! What will be public, shown before it is: one table, the same for every command that signs.
//!
//! ```text
//! what will be public:
//!   log        provenance of acme/churn:2.1, key 1b44d60cf962fdf0..; digests of 1 model-tree/v1, 2 file, 1 dataset
//!   bundle     relation finetune; dataset customers; 2 paths; 4 facts
//!   kept back  2 facts (run.host, run.user; to sign one: --allow run.host)
//! ```
//!
//! Of a private entry the first line says `log        provenance, key 1b44d60cf962fdf0..; commitments to name, version and 4 digests`.
//!
//! What is in the log is public for ever, what is in the bundle is shown to whoever gets that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use attest::entry::{EntryName, EntryPayload};
use attest::provenance::Provenance;
use attest::statement::{Statement, StatementKind};
use serde_json::{Value, json};

use crate::hidden::Hidden;
use crate::message::one_line;
use crate::statement_view;
use crate::train::LEFT_OUT;

/// Most names that are listed of a kind; how many more there are is said.
const MAX_LISTED: usize = 8;

/// What a statement could have said and does not.
#[derive(Default)]
pub(crate) struct KeptBack {
    /// How many facts of which kind may be about people: `run.user`.
    pub(crate) facts: BTreeMap<String, usize>,
    /// What `--private` hides.
    pub(crate) hidden: Hidden,
}

/// The table for some statements, without a heading. What was kept back of a statement that was signed long ago is not known.
pub(crate) fn table(signed: &[(&Statement, &EntryPayload)], kept: Option<&KeptBack>) -> String {
    let mut text = String::new();
    for (statement, payload) in signed {
        row(&mut text, "log", &in_log(payload));
        row(&mut text, "bundle", &in_bundle(statement).join("; "));
        if let Some(kept) = kept {
            row(&mut text, "kept back", &kept.words(statement).join("; "));
        }
    }
    text
}

fn row(text: &mut String, label: &str, words: &str) {
    let words = if words.is_empty() { "nothing" } else { words };
    let _ = writeln!(text, "  {label:<10} {}", one_line(words));
}

fn in_log(payload: &EntryPayload) -> String {
    let mut digests: Vec<(String, usize)> = Vec::new();
    let subjects = payload.subjects().iter().map(|subject| subject.form().to_string());
    let inputs = payload.inputs().iter().map(|input| format!("{} {}", input.role(), input.form()));
    for digest in subjects.chain(inputs) {
        match digests.iter_mut().find(|(known, _)| *known == digest) {
            Some((_, count)) => *count += 1,
            None => digests.push((digest, 1)),
        }
    }
    let digests: Vec<String> = digests.iter().map(|(digest, count)| format!("{count} {digest}")).collect();
    let key: String = payload.key().key_id().to_string().chars().take(16).collect();
    let (kind, digests) = (payload.kind(), digests.join(", "));
    match payload.entry_name() {
        EntryName::Shown { name, version } => {
            format!("{kind} of {name}:{version}, key {key}..; digests of {digests}")
        }
        EntryName::Private { .. } => {
            format!("{kind}, key {key}..; name, version and digests of {digests} as commitments")
        }
    }
}

/// What the statement says, without digests.
fn in_bundle(statement: &Statement) -> Vec<String> {
    let mut words: Vec<String> =
        statement_view::rows(statement).iter().map(|(label, value)| format!("{label} {value}")).collect();
    let inputs = statement.inputs().iter().map(|input| match input.name().commitment() {
        Some(_) => format!("a private {}", input.role()),
        None => format!("{} {}", input.role(), input.name()),
    });
    words.extend(listed(inputs.collect()));
    if let Some(files) = statement.files() {
        words.push(count(files.files().len(), "path", "paths"));
    }
    if let Some(run) = statement.provenance().map(Provenance::run) {
        if let Some(entrypoint) = run.entrypoint() {
            let shown =
                |word: &String| if word.contains("private:") { "[private]".to_owned() } else { word.clone() };
            let all = [&[entrypoint.program().to_owned()], entrypoint.args()].concat();
            words.push(format!("run {}", all.iter().map(shown).collect::<Vec<_>>().join(" ")));
        }
        let facts: Vec<String> =
            statement_view::facts_by_topic(run).map(|(topic, count)| format!("{count} {topic}")).collect();
        if !facts.is_empty() {
            words.push(format!("facts: {}", facts.join(", ")));
        }
        if !run.byproducts().is_empty() {
            words.push(count(run.byproducts().len(), "by-product", "by-products"));
        }
    }
    words
}

fn listed(mut all: Vec<String>) -> Vec<String> {
    if let Some(more) = all.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        all.truncate(MAX_LISTED);
        all.push(format!("and {more} more inputs"));
    }
    all
}

fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl KeptBack {
    fn words(&self, statement: &Statement) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(first) = self.facts.keys().next() {
            let names: Vec<&str> = self.facts.keys().map(String::as_str).collect();
            let facts = count(self.facts.values().sum(), "fact", "facts");
            words.push(format!(
                "{facts} that may be personal ({}; to sign one: --allow {first})",
                names.join(", ")
            ));
        }
        let arguments = left_out_arguments(statement);
        if arguments > 0 {
            let arguments = count(arguments, "value of an argument", "values of arguments");
            words.push(format!("{arguments} (to sign them: --keep-args)"));
        }
        let (values, unlisted) = self.hidden.counts();
        if self.hidden.is_on() {
            let path = self.hidden.path().display();
            words.push(format!("{}, opened by {path}", count(values, "private value", "private values")));
            if statement.kind() == StatementKind::Provenance {
                words.push("paths of the model's files".to_owned());
            }
        }
        if self.hidden.has_new_salt() {
            let path = self.hidden.path().display();
            words.push(format!("the salt of the entry, in the bundle and in {path}"));
        }
        if unlisted > 0 {
            words.push(count(unlisted, "by-product", "by-products"));
        }
        words
    }

    /// As JSON.
    pub(crate) fn json(&self, statement: &Statement) -> Value {
        let (values, unlisted) = self.hidden.counts();
        json!({
            "facts": self.facts,
            "arguments": left_out_arguments(statement),
            "private_values": values,
            "byproducts": unlisted,
        })
    }
}

fn left_out_arguments(statement: &Statement) -> usize {
    let entrypoint = statement.provenance().and_then(|provenance| provenance.run().entrypoint());
    entrypoint.map_or(0, |entrypoint| entrypoint.args().iter().filter(|arg| arg.contains(LEFT_OUT)).count())
}
