//! The lineage, drawn: inputs on the left, the run in the middle, the model and its log entries on the right.

use std::collections::BTreeSet;

use attest::role::Role;

use super::escaped;
use crate::bill::Bill;
use crate::drawing::{ARROW_HEAD, BOX_HEIGHT, BOX_WIDTH, Box, GAP, arrow};
use crate::field::Field;
use crate::value::{Grade, Value};

/// Most boxes of one column; the rest is one box that says how many.
const MAX_BOXES: usize = 16;
/// Where the columns begin, in units of the drawing.
const COLUMNS: [usize; 3] = [10, 360, 710];

/// Draws it.
pub(super) fn svg(bill: &Bill) -> String {
    let columns = [inputs(bill), vec![run(bill)], results(bill)];
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let height = tallest * (BOX_HEIGHT + GAP) + GAP;
    let about = format!("Lineage of {}: {} inputs", bill.name(), bill.inputs().len());
    let mut svg = format!(
        "<svg viewBox=\"0 0 980 {height}\" role=\"img\" aria-label=\"{}\">\n{ARROW_HEAD}",
        escaped(&about)
    );
    let middle = |column: &[Box], place: usize| {
        let used = column.len() * (BOX_HEIGHT + GAP) - GAP;
        (height - used) / 2 + place * (BOX_HEIGHT + GAP) + BOX_HEIGHT / 2
    };
    let [left, centre, right] = &columns;
    // A box without a grade is no input.
    let edges = left.iter().enumerate().filter(|(_, node)| node.class.is_some());
    let edges = edges.map(|(place, _)| (0, middle(left, place), middle(centre, 0)));
    let edges: Vec<_> = edges.chain([(1, middle(centre, 0), middle(right, 0))]).collect();
    for (column, from, to) in edges {
        let (start, end) = (COLUMNS[column] + BOX_WIDTH, COLUMNS[column + 1]);
        svg.push_str(&arrow((start, from), (end, to), ""));
    }
    for (column, nodes) in columns.iter().enumerate() {
        for (place, node) in nodes.iter().enumerate() {
            svg.push_str(&node.drawn(COLUMNS[column], middle(nodes, place) - BOX_HEIGHT / 2));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn inputs(bill: &Bill) -> Vec<Box> {
    let mut nodes: Vec<Box> = bill
        .inputs()
        .iter()
        .map(|input| {
            let digest = input.digest().to_string();
            let (algorithm, digits) = digest.split_once(':').unwrap_or(("", &digest));
            let short = digits.get(..16).unwrap_or(digits);
            Box {
                label: input.name().to_string(),
                note: format!("{} {algorithm}:{short}…", input.role()),
                class: Some(bill.standing_grade(Grade::from(input.source())).as_str()),
            }
        })
        .collect();
    // What was named and not hashed is part of the story, and looks like it.
    for (field, role) in [(Field::DatasetName, Role::Dataset), (Field::BaseModel, Role::BaseModel)] {
        let inputs: BTreeSet<&str> = bill.inputs_as(role).map(|input| input.name().as_str()).collect();
        let named: BTreeSet<&str> = bill.values(field).iter().map(Value::about).collect();
        let named: Vec<&str> =
            named.into_iter().filter(|name| !name.is_empty() && !inputs.contains(name)).collect();
        if inputs.is_empty() {
            let node = |name: &&str| Box {
                label: (*name).to_owned(),
                note: format!("{role}, named and not hashed"),
                class: Some(Grade::Declared.as_str()),
            };
            nodes.extend(named.iter().map(node));
        } else if !named.is_empty() {
            // Tools name outputs and test data too: beside an input that was hashed nobody knows what went in.
            let label = format!("{} more named by tools", named.len());
            nodes.push(Box { label, note: format!("{role}, no inputs"), class: None });
        }
    }
    if nodes.len() > MAX_BOXES {
        let more = nodes.len() - (MAX_BOXES - 1);
        nodes.truncate(MAX_BOXES - 1);
        nodes.push(Box {
            label: format!("and {more} more"),
            note: "in the tables below".to_owned(),
            class: None,
        });
    }
    nodes
}

fn run(bill: &Bill) -> Box {
    let label = bill.relation().map_or("no provenance", attest::provenance::Relation::as_str).to_owned();
    let note = match bill.value(Field::RunTime, "", "finished") {
        Some(time) => format!("finished {}", time.text()),
        None => "run not watched".to_owned(),
    };
    Box { label, note, class: bill.grade(Field::Relation).map(Grade::as_str) }
}

/// The model, then the statements about it in the order of the log.
fn results(bill: &Bill) -> Vec<Box> {
    let digest = bill.tree_digest().to_string();
    let mut nodes = vec![Box {
        label: format!("{}:{}", bill.name(), bill.version()),
        note: format!("model sha256:{}…", digest.get(..16).unwrap_or_default()),
        class: bill.grade(Field::Digest).map(Grade::as_str),
    }];
    for (place, proof) in bill.proofs().iter().enumerate().take(MAX_BOXES) {
        // What happened, if it is an event.
        let events = [Field::Approval, Field::Stage, Field::Transfers, Field::Withdrawal];
        let mut values = events.into_iter().flat_map(|field| bill.values(field));
        let event = values.find(|value| value.proof() == Some(place) && value.key() == "kind");
        nodes.push(Box {
            label: event
                .map_or_else(|| format!("{} statement", proof.kind()), |event| event.text().to_owned()),
            note: format!("{} #{}", proof.origin(), proof.index()),
            class: Some(Grade::Verified.as_str()),
        });
    }
    nodes
}
