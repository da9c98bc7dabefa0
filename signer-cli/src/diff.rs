//! `tallymark diff`: what differs between a signed statement and what lies here, or between two signed models.
//!
//! In scope: the newest provenance statement of a model against its files, its inputs, or the statement of another. Out of scope:
//! signatures and proofs (`tallymark verify`); everything here is believed, and the screen says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use attest::private_value::Openings;
use attest::provenance::{Fact, Input, Provenance};
use attest::scan::{ScanOptions, scan};
use attest::statement::{Statement, StatementKind};
use attest::tree::Tree;
use serde_json::json;

use crate::args::{DiffArgs, Manner, MaterialArgs};
use crate::bundle_file::{place, read};
use crate::hidden;
use crate::inputs::Materials;
use crate::message::{Exit, Failure, note, one_line, print};
use crate::progress::Progress;

/// Most differences that are printed; how many more there are is said.
const MOST_SHOWN: usize = 1000;

/// Why two things were not compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiffError {
    /// A model that nobody signed.
    #[error("{model} has no provenance statement in {bundles}")]
    NoStatement { model: PathBuf, bundles: PathBuf },
    /// What is named here is not in the statement.
    #[error("the statement about {model} names no {role} {name}")]
    NotNamed { model: PathBuf, role: String, name: String, has_private_names: bool },
}

/// One thing that is not the same on both sides.
struct Difference {
    /// `file`, `dataset`, `parameter`, ...
    what: String,
    name: String,
    /// As it is on either side, `None` if it is not there.
    sides: [Option<String>; 2],
}

/// What was found.
#[derive(Default)]
struct Differences {
    list: Vec<Difference>,
    /// Inputs of the statement that nobody showed.
    unseen: Vec<String>,
}

impl Differences {
    fn compare(&mut self, what: &str, name: &str, sides: [Option<String>; 2]) {
        if sides[0] != sides[1] {
            self.list.push(Difference { what: what.to_owned(), name: name.to_owned(), sides });
        }
    }

    /// Two commitments that differ may hide one value, since each has a salt of its own: that is no difference that is known.
    fn set_private_aside(&mut self) {
        const MARK: &str = "private:";
        let is_private = |one: &Difference| {
            one.name.contains(MARK) || one.sides.iter().flatten().any(|value| value.contains(MARK))
        };
        let private = self.list.iter().filter(|one| is_private(one)).count();
        self.list.retain(|one| !is_private(one));
        if private > 0 {
            self.unseen.push(format!("{private} values that are private on one side or on both"));
        }
    }

    /// Compares what has the same key on both sides.
    fn compare_all(&mut self, sides: [BTreeMap<(String, String), String>; 2]) {
        let [left, right] = sides;
        let keys: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
        for key in keys {
            self.compare(&key.0, &key.1, [left.get(key).cloned(), right.get(key).cloned()]);
        }
    }
}

/// Runs it; 1 if something differs.
pub(crate) fn run(args: &DiffArgs, manner: Manner) -> Result<u8, Failure> {
    let signed = statement(&args.model, manner)?;
    let openings = openings(args)?;
    let (differences, names) = match &args.other {
        Some(other) => (between([&signed, &statement(other, manner)?], &openings), ["first", "second"]),
        None => (with_disk(&signed, &openings, args, manner)?, ["signed", "here"]),
    };
    print(&if args.json { as_json(&differences, names) } else { as_text(&differences, names) })?;
    for unseen in &differences.unseen {
        note(manner, &format!("not compared: {unseen}"));
    }
    Ok(if differences.list.is_empty() { 0 } else { Exit::VerifiedFalse as u8 })
}

/// What opens private values: as named, else the file beside the model, if there is one.
fn openings(args: &DiffArgs) -> Result<Openings, Failure> {
    let path = args.openings.clone().unwrap_or_else(|| hidden::place(&args.model));
    if args.openings.is_none() && !path.exists() {
        return Ok(Openings::default());
    }
    Ok(hidden::read_shared(&path)?)
}

/// The inputs of a statement, opened as far as they can be.
fn inputs_of(statement: &Statement, openings: &Openings) -> Vec<Input> {
    statement.inputs().iter().map(|input| input.clone().opened(openings).0).collect()
}

/// The last provenance statement in a model's bundle file: the newest, as lines are only ever added.
fn statement(model: &Path, manner: Manner) -> Result<Statement, Failure> {
    let bundles = place(model);
    let missing = || DiffError::NoStatement { model: model.to_owned(), bundles: bundles.clone() };
    let file = read(&bundles)?.ok_or_else(missing)?;
    let parse = |payload: &[u8]| Statement::parse(payload).ok();
    let all = file.bundles().filter_map(|bundle| parse(bundle.envelope().payload()));
    let mut provenances: Vec<_> = all.filter(|one| one.kind() == StatementKind::Provenance).collect();
    let newest = provenances.pop().ok_or_else(missing)?;
    if !provenances.is_empty() {
        let count = provenances.len() + 1;
        note(
            manner,
            &format!("{} has {count} provenance statements; the last one is taken", model.display()),
        );
    }
    Ok(newest)
}

/// What differs between a statement and the model and inputs on this disk.
fn with_disk(
    signed: &Statement,
    openings: &Openings,
    args: &DiffArgs,
    manner: Manner,
) -> Result<Differences, Failure> {
    let mut differences = Differences::default();
    let inputs = if args.data.is_empty() && args.base.is_empty() && args.code.is_none() {
        let options = ScanOptions::new().threads(args.threads);
        let tree =
            Progress::start(manner, 0).part("model", |progress| scan(&args.model, &options, progress))?;
        compare_model(&mut differences, signed, &tree);
        Vec::new()
    } else {
        let materials = MaterialArgs {
            data: args.data.clone(),
            base: args.base.clone(),
            adapter: Vec::new(),
            code: args.code.clone(),
            relation: None,
            threads: args.threads,
            hash_cache: None,
        };
        let hashed = Materials::find(&args.model, &materials, manner)?.hash(&materials, manner)?;
        compare_model(&mut differences, signed, hashed.model.tree());
        hashed.inputs
    };
    let signed_inputs = inputs_of(signed, openings);
    for input in &signed_inputs {
        match inputs.iter().find(|here| key(here) == key(input)) {
            Some(_) if input.digest().commitment().is_some() => {
                differences.unseen.push(format!("{} {}: its digest is private", input.role(), input.name()));
            }
            Some(here) => differences.compare_all([described(input), described(here)]),
            None => differences.unseen.push(format!("{} {}", input.role(), input.name())),
        }
    }
    let named = |here: &&Input| !signed_inputs.iter().any(|input| key(input) == key(here));
    if let Some(stranger) = inputs.iter().find(named) {
        let (role, name) = (stranger.role().to_string(), stranger.name().to_string());
        let has_private_names = signed_inputs.iter().any(|input| input.name().commitment().is_some());
        let model = args.model.clone();
        return Err(DiffError::NotNamed { model, role, name, has_private_names }.into());
    }
    Ok(differences)
}

fn key(input: &Input) -> (String, String) {
    (input.role().to_string(), input.name().to_string())
}

/// An input by its parts: what identifies it, and for code what finds it.
fn described(input: &Input) -> BTreeMap<(String, String), String> {
    let (role, name) = key(input);
    let mut parts = BTreeMap::from([((role, name.clone()), input.digest().to_string())]);
    if let Some(checkout) = input.digest().checkout() {
        parts.insert(("commit".to_owned(), name.clone()), checkout.commit().to_string());
        parts.insert(("work-tree".to_owned(), name), checkout.state().as_str().to_owned());
    }
    parts
}

/// Names the files if the statement lists them, else the model.
fn compare_model(differences: &mut Differences, signed: &Statement, here: &Tree) {
    match signed.files() {
        Some(files) => differences.compare_all([files_of(files), files_of(here)]),
        None => {
            let sides = [signed.tree_digest().to_string(), here.digest().to_string()];
            differences.compare("model", signed.name().as_str(), sides.map(Some));
        }
    }
}

fn files_of(tree: &Tree) -> BTreeMap<(String, String), String> {
    let file = |file: &attest::tree::FileLeaf| {
        (("file".to_owned(), file.path().to_string()), file.sha256().to_string())
    };
    tree.files().iter().map(file).collect()
}

/// What differs between two statements.
fn between([first, second]: [&Statement; 2], openings: &Openings) -> Differences {
    let mut differences = Differences::default();
    let names = [first, second].map(|one| Some(one.name().to_string()));
    differences.compare("name", "", names);
    let versions = [first, second].map(|one| Some(one.version().to_string()));
    differences.compare("version", "", versions);
    let relations =
        [first, second].map(|one| one.provenance().map(|provenance| provenance.relation().to_string()));
    differences.compare("relation", "", relations);
    match (first.files(), second.files()) {
        (Some(first), Some(second)) => differences.compare_all([files_of(first), files_of(second)]),
        _ => differences.compare("model", "", [first, second].map(|one| Some(one.tree_digest().to_string()))),
    }
    let inputs = [first, second].map(|one| inputs_of(one, openings).iter().flat_map(described).collect());
    differences.compare_all(inputs);
    let facts = |one: &Statement| one.provenance().map(|provenance| facts_of(provenance, openings));
    differences.compare_all([first, second].map(|one| facts(one).unwrap_or_default()));
    differences.set_private_aside();
    differences
}

/// Facts by topic and name. Two facts of one name, from two sources, are one text.
fn facts_of(provenance: &Provenance, openings: &Openings) -> BTreeMap<(String, String), String> {
    let opened = |text: &str| openings.open_text(text).unwrap_or_else(|| text.to_owned());
    let mut facts: BTreeMap<(String, String), String> = BTreeMap::new();
    for fact in provenance.run().facts() {
        let key = (fact.topic().as_str().to_owned(), opened(&name_of(fact)));
        let value = opened(fact.value());
        facts
            .entry(key)
            .and_modify(|known| {
                if *known != value {
                    let _ = write!(known, " | {value}");
                }
            })
            .or_insert(value);
    }
    facts
}

fn name_of(fact: &Fact) -> String {
    if fact.about().is_empty() { fact.key().to_owned() } else { format!("{} {}", fact.about(), fact.key()) }
}

fn as_text(differences: &Differences, [left, right]: [&str; 2]) -> String {
    let mut text = "UNVERIFIED: no signature was checked\n".to_owned();
    for difference in differences.list.iter().take(MOST_SHOWN) {
        let heading = format!("{} {}", difference.what, difference.name);
        let _ = writeln!(text, "{}", one_line(heading.trim_end()));
        for (side, value) in [left, right].into_iter().zip(&difference.sides) {
            let value = value.as_deref().map_or_else(|| "not there".into(), one_line);
            let _ = writeln!(text, "  {side:<6} {value}");
        }
    }
    let count = differences.list.len();
    if count > MOST_SHOWN {
        let _ = writeln!(text, "... and {} more", count - MOST_SHOWN);
    }
    let _ = match count {
        0 => writeln!(text, "nothing differs"),
        1 => writeln!(text, "1 difference"),
        _ => writeln!(text, "{count} differences"),
    };
    text
}

fn as_json(differences: &Differences, [left, right]: [&str; 2]) -> String {
    let difference = |difference: &Difference| {
        json!({
            "what": difference.what,
            "name": difference.name,
            left: difference.sides[0],
            right: difference.sides[1],
        })
    };
    let value = json!({
        "schema_version": 1,
        "verified": false,
        "differences": differences.list.iter().map(difference).collect::<Vec<_>>(),
        "not_compared": differences.unseen,
    });
    format!("{value}\n")
}
