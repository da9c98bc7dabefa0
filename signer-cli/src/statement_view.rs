//! A statement for people and programs: what it is about, and what it says that was made from.

use std::fmt::Write as _;

use attest::provenance::Input;
use attest::statement::{Predicate, Statement};
use serde_json::{Value, json};
use verifier::report::size;

/// As lines, each indented by two.
pub(crate) fn text(statement: &Statement) -> String {
    let extent = statement.extent();
    let files = if extent.files() == 1 { "file" } else { "files" };
    let mut text = String::new();
    let _ = writeln!(text, "  statement  {} {}", statement.kind(), statement.digest());
    let _ = writeln!(text, "  model      {}:{}", statement.name(), statement.version());
    let _ = writeln!(text, "             {}", statement.tree_digest());
    let _ = writeln!(text, "             {} {files}, {}", extent.files(), size(extent.bytes()));
    if let Some(relation) = relation(statement) {
        let _ = writeln!(text, "  relation   {relation}");
    }
    for input in statement.inputs() {
        let (role, name, source) = (input.role(), input.name(), input.source());
        let _ = writeln!(text, "  input      {role} {name} {} {source}", input.digest());
        if let Some(checkout) = input.digest().checkout() {
            let _ = writeln!(text, "  commit     {} {}", checkout.commit(), checkout.state().as_str());
        }
    }
    text
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
    json!({
        "kind": statement.kind().to_string(),
        "digest": statement.digest().to_string(),
        "name": statement.name().as_str(),
        "version": statement.version().as_str(),
        "tree_digest": statement.tree_digest().to_string(),
        "files": statement.extent().files(),
        "bytes": statement.extent().bytes(),
        "relation": relation(statement),
        "inputs": statement.inputs().iter().map(input).collect::<Vec<_>>(),
    })
}

/// How the model came out of its inputs, for those kinds of statement that say so.
fn relation(statement: &Statement) -> Option<String> {
    match statement.predicate() {
        Predicate::Provenance(provenance) => Some(provenance.relation().to_string()),
        _ => None,
    }
}
