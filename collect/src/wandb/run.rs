//! A run as its records tell it, one after the other; what was said last counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::excerpt::excerpt;
use crate::imported::{About, Imported};
use crate::wandb::artifact::Artifact;
use crate::wandb::environment::Environment;
use crate::wandb::values::{Leaf, Values};
use crate::wandb::wire::{Message, WireError};
use crate::{Topic, WarningReason};

/// Most tags, and most arguments.
const MAX_LIST: usize = 1000;

/// How a text becomes a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Personal,
    Address,
    Commit,
    TimeMs,
}

/// A text, how it becomes a fact, and where it was read.
#[derive(Debug)]
struct Said {
    text: String,
    kind: Kind,
    at: String,
}

/// What a fact is about, and its key.
type Name = (Topic, &'static str, &'static str);

/// Where something is said: the log counts, and what lies beside it repeats it.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    at: &'a str,
    is_log: bool,
}

/// A run, as far as it was told.
#[derive(Debug, Default)]
pub(super) struct Run {
    said: BTreeMap<Name, Said>,
    tags: Vec<String>,
    arguments: Vec<String>,
    config: Values,
    summary: Values,
    history: Values,
    /// What files beside the log say.
    config_file: BTreeMap<String, Leaf>,
    summary_file: BTreeMap<String, Leaf>,
    has_exit: bool,
}

impl Run {
    /// Takes in a record. Artifacts are stated at once, since nothing is said about one twice.
    pub(super) fn take(&mut self, record: &[u8], at: &str, out: &mut Imported) -> Result<(), WireError> {
        let record = Message::parse(record)?;
        let place = Place { at, is_log: true };
        if let Some(history) = record.message(2)? {
            self.history.log(history, at, out)?;
        }
        if let Some(summary) = record.message(3)? {
            self.summary.change(summary, at, out)?;
        }
        if let Some(config) = record.message(5)? {
            self.config.change(config, at, out)?;
        }
        if let Some(artifact) = record.message(8)? {
            Artifact::logged(artifact, at)?.state(out);
        }
        if let Some(telemetry) = record.message(11)? {
            self.take_telemetry(telemetry, place, out)?;
        }
        if let Some(run) = record.message(17)? {
            self.take_run(run, place, out)?;
        }
        if let Some(exit) = record.message(18)? {
            self.has_exit = true;
            let code = exit.signed(1)?.unwrap_or_default().to_string();
            self.note((Topic::Run, "", "exit-code"), Kind::Text, Some(&code), place, out);
            let seconds = exit.signed(2)?.unwrap_or_default().to_string();
            self.note((Topic::Run, "", "runtime-seconds"), Kind::Text, Some(&seconds), place, out);
        }
        if let Some(artifact) = record.message(25)? {
            Artifact::used(artifact, at)?.state(out);
        }
        if let Some(environment) = record.message(26)? {
            self.take_environment(Environment::from_message(environment)?, place, out);
        }
        Ok(())
    }

    /// Takes in what `wandb-metadata.json` repeats of the environment.
    pub(super) fn compare_environment(&mut self, environment: Environment, at: &str, out: &mut Imported) {
        self.take_environment(environment, Place { at, is_log: false }, out);
    }

    /// Takes in what `config.yaml` repeats of the configuration.
    pub(super) fn compare_config(&mut self, leaves: BTreeMap<String, Leaf>) {
        self.config_file = leaves;
    }

    /// Takes in what `wandb-summary.json` repeats of the summary.
    pub(super) fn compare_summary(&mut self, leaves: BTreeMap<String, Leaf>) {
        self.summary_file = leaves;
    }

    /// States everything. `log` is what reports call the log.
    pub(super) fn state(&self, log: &str, out: &mut Imported) {
        for ((topic, name, key), said) in &self.said {
            let about = About { topic: *topic, name, at: &said.at };
            match said.kind {
                Kind::Text => out.text(about, key, &said.text),
                Kind::Personal => out.personal(about, key, &said.text),
                Kind::Address => out.address(about, key, &said.text),
                Kind::Commit => out.commit(about, key, &said.text),
                // It was a number when it was noted.
                Kind::TimeMs => out.time_ms(about, key, said.text.parse().unwrap_or(-1)),
            }
        }
        let at_of = |key| self.said.get(&(Topic::Run, "", key)).map_or("", |said| said.at.as_str());
        for tag in &self.tags {
            out.text(About { topic: Topic::Run, name: "", at: at_of("run-id") }, "tag", tag);
        }
        for argument in &self.arguments {
            out.personal(About { topic: Topic::Run, name: "", at: at_of("program") }, "argument", argument);
        }
        self.state_config(out);
        self.state_metrics(out);
        if !self.has_exit {
            out.warn(
                WarningReason::Absent,
                log,
                "no record of an exit: the run crashed, or is still running",
            );
        }
    }

    fn state_config(&self, out: &mut Imported) {
        let leaves = merged(self.config.leaves(out), &self.config_file, out);
        for (name, leaf) in leaves {
            out.text(About { topic: Topic::Parameter, name: &name, at: &leaf.at }, "value", &leaf.text);
        }
    }

    /// States the last value of each metric: from the summary, or else from the history, which also knows the step.
    fn state_metrics(&self, out: &mut Imported) {
        let history = self.history.leaves(out);
        let mut leaves = merged(self.summary.leaves(out), &self.summary_file, out);
        for (name, logged) in history {
            let leaf = leaves.entry(name).or_insert_with(|| logged.clone());
            if is_same(&leaf.text, &logged.text) {
                leaf.step = logged.step;
            }
        }
        let media: BTreeSet<_> =
            leaves.keys().filter_map(|name| name.strip_suffix("._type")).map(str::to_owned).collect();
        for (name, leaf) in leaves {
            // A histogram, an image, a table: an object that says what it is.
            if name
                .match_indices('.')
                .any(|(end, _)| name.get(..end).is_some_and(|part| media.contains(part)))
            {
                if name.ends_with("._type") {
                    let text = format!("{:?} is no number but {:?}", excerpt(&name), excerpt(&leaf.text));
                    out.warn(WarningReason::NotRead, &leaf.at, &text);
                }
                continue;
            }
            let about = About { topic: Topic::Metric, name: &name, at: &leaf.at };
            out.text(about, "value", &leaf.text);
            if let Some(step) = leaf.step {
                out.text(about, "step", &step.to_string());
            }
        }
    }

    /// Reads `RunRecord`: `run_id` 1, `entity` 2, `project` 3, `config` 4, `summary` 5, `run_group` 6, `job_type` 7,
    /// `display_name` 8, `notes` 9, `tags` 10, `sweep_id` 12, `host` 13, `start_time` 17, `telemetry` 19, `git` 21.
    fn take_run(&mut self, run: Message<'_>, place: Place<'_>, out: &mut Imported) -> Result<(), WireError> {
        for (key, number) in [
            ("run-id", 1),
            ("project", 3),
            ("group", 6),
            ("job-type", 7),
            ("name", 8),
            ("description", 9),
            ("sweep", 12),
        ] {
            self.note((Topic::Run, "", key), Kind::Text, run.text(number)?, place, out);
        }
        for (key, number) in [("entity", 2), ("host", 13)] {
            self.note((Topic::Run, "", key), Kind::Personal, run.text(number)?, place, out);
        }
        if let Some(config) = run.message(4)? {
            self.config.change(config, place.at, out)?;
        }
        if let Some(summary) = run.message(5)? {
            self.summary.change(summary, place.at, out)?;
        }
        self.tags = list(&run.texts(10)?, "tags", place, out);
        if let Some(time) = run.message(17)? {
            let seconds = time.signed(1)?.unwrap_or_default();
            let ms = time.signed(2)?.unwrap_or_default() / 1_000_000;
            let unix_ms = seconds.saturating_mul(1000).saturating_add(ms).to_string();
            self.note((Topic::Run, "", "started"), Kind::TimeMs, Some(&unix_ms), place, out);
        }
        if let Some(telemetry) = run.message(19)? {
            self.take_telemetry(telemetry, place, out)?;
        }
        if let Some(git) = run.message(21)? {
            self.note((Topic::Code, "", "uri"), Kind::Address, git.text(1)?, place, out);
            self.note((Topic::Code, "", "commit"), Kind::Commit, git.text(2)?, place, out);
        }
        Ok(())
    }

    /// Reads `TelemetryRecord`: `python_version` 4, `cli_version` 5, `huggingface_version` 6.
    fn take_telemetry(
        &mut self,
        telemetry: Message<'_>,
        place: Place<'_>,
        out: &mut Imported,
    ) -> Result<(), WireError> {
        self.note((Topic::Package, "python", "version"), Kind::Text, telemetry.text(4)?, place, out);
        self.note((Topic::Run, "", "tool-version"), Kind::Text, telemetry.text(5)?, place, out);
        self.note((Topic::Package, "transformers", "version"), Kind::Text, telemetry.text(6)?, place, out);
        Ok(())
    }

    fn take_environment(&mut self, environment: Environment, place: Place<'_>, out: &mut Imported) {
        let is_repeated = !place.is_log && !self.arguments.is_empty();
        if !environment.arguments.is_empty() && !is_repeated {
            let arguments: Vec<_> = environment.arguments.iter().map(String::as_str).collect();
            self.arguments = list(&arguments, "arguments", place, out);
        }
        self.note(
            (Topic::Package, "python", "version"),
            Kind::Text,
            environment.python_version(),
            place,
            out,
        );
        for (key, kind, value) in [
            ("image", Kind::Text, &environment.image),
            ("program", Kind::Personal, &environment.program),
            ("root", Kind::Personal, &environment.root),
            ("email", Kind::Personal, &environment.email),
            ("host", Kind::Personal, &environment.host),
            ("user", Kind::Personal, &environment.user),
            ("executable", Kind::Personal, &environment.executable),
        ] {
            self.note((Topic::Run, "", key), kind, value.as_deref(), place, out);
        }
        for (key, kind, value) in
            [("uri", Kind::Address, &environment.remote), ("commit", Kind::Commit, &environment.commit)]
        {
            self.note((Topic::Code, "", key), kind, value.as_deref(), place, out);
        }
        for (about, key, value) in [
            ("", "os", &environment.os),
            ("cpu", "model", &environment.cpu),
            ("cpu", "logical-count", &environment.cpu_count),
            ("memory", "total-bytes", &environment.memory_bytes),
            ("accelerator", "model", &environment.accelerator),
            ("accelerator", "count", &environment.accelerator_count),
            ("accelerator", "total-bytes", &environment.accelerator_memory_bytes),
            ("", "cuda", &environment.cuda),
        ] {
            self.note((Topic::Hardware, about, key), Kind::Text, value.as_deref(), place, out);
        }
    }

    /// Notes a text that is not empty. In the log the last word counts, but a run has one id and one commit; a file beside the
    /// log adds what the log does not say.
    fn note(&mut self, name: Name, kind: Kind, text: Option<&str>, place: Place<'_>, out: &mut Imported) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        let before = self.said.get(&name);
        let differs = before.is_some_and(|before| !is_same(&before.text, text));
        let (_, _, key) = name;
        if differs && (!place.is_log || matches!(key, "run-id" | "commit")) {
            let before = before.map_or("", |before| before.text.as_str());
            // Paths and people are not repeated in a warning.
            let shown = match kind {
                Kind::Personal | Kind::Address => format!("{key} is not what was said before"),
                _ => format!("{key} is {:?} here and {:?} before", excerpt(text), excerpt(before)),
            };
            out.warn(WarningReason::Disagreement, place.at, &shown);
        }
        if place.is_log || before.is_none() {
            self.said.insert(name, Said { text: text.to_owned(), kind, at: place.at.to_owned() });
        }
    }
}

/// Texts, as many as are kept.
fn list(texts: &[&str], what: &str, place: Place<'_>, out: &mut Imported) -> Vec<String> {
    if texts.len() > MAX_LIST {
        out.warn(WarningReason::TooLarge, place.at, &format!("more than {MAX_LIST} {what}"));
    }
    texts.iter().take(MAX_LIST).map(|text| (*text).to_owned()).collect()
}

/// What the log says, and what a file beside it adds; where they differ, the log counts and that is a warning.
fn merged(
    mut log: BTreeMap<String, Leaf>,
    file: &BTreeMap<String, Leaf>,
    out: &mut Imported,
) -> BTreeMap<String, Leaf> {
    for (name, leaf) in file {
        match log.get(name) {
            Some(logged) if is_same(&logged.text, &leaf.text) => {}
            Some(logged) => {
                let (here, there) = (excerpt(&leaf.text), excerpt(&logged.text));
                let text = format!("{:?} is {here:?} here and {there:?} in the log", excerpt(name));
                out.warn(WarningReason::Disagreement, &leaf.at, &text);
            }
            None => {
                log.insert(name.clone(), leaf.clone());
            }
        }
    }
    log
}

/// Whether two texts say the same: `1e-05` and `0.00001` are one number in two spellings.
fn is_same(a: &str, b: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    a == b || number(a).zip(number(b)).is_some_and(|(a, b)| a == b || a.is_nan() && b.is_nan())
}
