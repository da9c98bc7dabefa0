//! A statement for people and programs: what it is about, and what it says of that.

mod predicate;
mod scan;
mod verdict;

pub(crate) use self::predicate::Rows;

use std::fmt::Write as _;

use attest::provenance::{Extent, Input, Provenance, Run, Topic};
use attest::statement::{Predicate, Statement, StatementKind};
use serde_json::{Value, json};
use verifier::report::size;

use crate::message::one_line;

/// As lines, each indented by two.
pub(crate) fn text(statement: &Statement) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "  statement  {} {}", statement.kind(), statement.digest());
    let what = if statement.kind() == StatementKind::Dataset { "dataset" } else { "model" };
    let _ = writeln!(text, "  {what:<10} {}:{}", statement.name(), statement.version());
    let _ = writeln!(text, "             {}", statement.tree_digest());
    if let Some(extent) = statement.extent() {
        let files = if extent.files() == 1 { "file" } else { "files" };
        let _ = writeln!(text, "             {} {files}, {}", extent.files(), size(extent.bytes()));
    }
    for (label, value) in rows(statement) {
        let _ = writeln!(text, "  {label:<10} {}", one_line(&value));
    }
    for input in statement.inputs() {
        let (role, name, source) = (input.role(), input.name(), input.source());
        let _ = writeln!(text, "  input      {role} {name} {} {source}", input.digest());
        if let Some(checkout) = input.digest().checkout() {
            let _ = writeln!(text, "  commit     {} {}", checkout.commit(), checkout.state().as_str());
        }
    }
    if let Some(run) = statement.provenance().map(Provenance::run) {
        if let Some(entrypoint) = run.entrypoint() {
            let words = [&[entrypoint.program().to_owned()], entrypoint.args()].concat().join(" ");
            let _ = writeln!(text, "  run        {}", one_line(&words));
        }
        if let Some((started, finished)) = run.span() {
            let _ = writeln!(text, "             {started} to {finished}");
        }
        for (topic, count) in facts_by_topic(run) {
            let _ = writeln!(text, "  facts      {count} {topic}");
        }
        if !run.byproducts().is_empty() {
            let _ = writeln!(text, "  byproducts {}", run.byproducts().len());
        }
    }
    text
}

/// How many facts there are of each topic that has some.
pub(crate) fn facts_by_topic(run: &Run) -> impl Iterator<Item = (Topic, usize)> {
    let count = |topic| run.facts().iter().filter(|fact| fact.topic() == topic).count();
    Topic::ALL.into_iter().map(move |topic| (topic, count(topic))).filter(|(_, count)| *count > 0)
}

/// As JSON.
pub(crate) fn json(statement: &Statement) -> Value {
    let input = |input: &Input| {
        json!({
            "role": input.role().to_string(),
            "name": input.name().as_str(),
            "digest": input.digest().to_string(),
            "commit": input.digest().checkout().map(|checkout| checkout.commit().to_string()),
            "work_tree": input.digest().checkout().map(|checkout| checkout.state().as_str()),
            "source": input.source().to_string(),
        })
    };
    let (dataset, evaluation) = match statement.predicate() {
        Predicate::Dataset(dataset) => (Some(dataset), None),
        Predicate::Evaluation(evaluation) => (None, Some(evaluation)),
        _ => (None, None),
    };
    let mut value = json!({
        "kind": statement.kind().to_string(),
        "digest": statement.digest().to_string(),
        "name": statement.name().as_str(),
        "version": statement.version().as_str(),
        "tree_digest": statement.tree_digest().to_string(),
        "files": statement.extent().map(Extent::files),
        "bytes": statement.extent().map(Extent::bytes),
        "relation": statement.provenance().map(|provenance| provenance.relation().to_string()),
        "inputs": statement.inputs().iter().map(input).collect::<Vec<_>>(),
        "dataset": dataset.map(predicate::dataset_json),
        "evaluation": evaluation.map(predicate::evaluation_json),
        "event": statement.event().map(predicate::event_json),
        "facts": statement.provenance().map(|provenance| provenance.run().facts().len()),
    });
    // Only a scan has this member, and only a verdict the next: programs that read the others see what they saw.
    if let (Some(scan), Some(members)) = (statement.format_scan(), value.as_object_mut()) {
        members.insert("scan".to_owned(), scan::scan_json(scan));
    }
    if let (Some(verdict), Some(members)) = (statement.verdict(), value.as_object_mut()) {
        members.insert("verdict".to_owned(), verdict::verdict_json(verdict));
    }
    value
}

/// What is said beyond the inputs.
pub(crate) fn rows(statement: &Statement) -> Rows {
    match statement.predicate() {
        Predicate::Provenance(provenance) => vec![("relation", provenance.relation().to_string())],
        Predicate::Dataset(dataset) => predicate::dataset_rows(dataset),
        Predicate::Evaluation(evaluation) => predicate::evaluation_rows(evaluation),
        Predicate::Event(event) => predicate::event_rows(event),
        Predicate::Scan(scan) => scan::scan_rows(scan),
        Predicate::Verdict(verdict) => verdict::verdict_rows(verdict),
        _ => Vec::new(),
    }
}
