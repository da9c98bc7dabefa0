//! The lineage, drawn: inputs on the left, the run in the middle, the model and its log entries on the right.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use attest::role::Role;

use super::escaped;
use crate::bill::Bill;
use crate::field::Field;
use crate::value::{Grade, Value};

/// Most boxes of one column; the rest is one box that says how many.
const MAX_BOXES: usize = 16;
/// In units of the drawing.
const BOX_WIDTH: usize = 260;
const BOX_HEIGHT: usize = 48;
const GAP: usize = 14;
const COLUMNS: [usize; 3] = [10, 360, 710];
/// Characters that fit into a box.
const MAX_LABEL: usize = 30;
const MAX_NOTE: usize = 40;

/// One box: two lines and how well it is known.
struct Node {
    label: String,
    note: String,
    grade: Option<Grade>,
}

/// Draws it.
pub(super) fn svg(bill: &Bill) -> String {
    let columns = [inputs(bill), vec![run(bill)], results(bill)];
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let height = tallest * (BOX_HEIGHT + GAP) + GAP;
    let about = format!("Lineage of {}: {} inputs", bill.name(), bill.inputs().len());
    let mut svg = format!(
        "<svg viewBox=\"0 0 980 {height}\" role=\"img\" aria-label=\"{}\">\n\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
        escaped(&about)
    );
    let middle = |column: &[Node], place: usize| {
        let used = column.len() * (BOX_HEIGHT + GAP) - GAP;
        (height - used) / 2 + place * (BOX_HEIGHT + GAP) + BOX_HEIGHT / 2
    };
    let [left, centre, right] = &columns;
    // A box without a grade is no input.
    let edges = left.iter().enumerate().filter(|(_, node)| node.grade.is_some());
    let edges = edges.map(|(place, _)| (0, middle(left, place), middle(centre, 0)));
    let edges: Vec<_> = edges.chain([(1, middle(centre, 0), middle(right, 0))]).collect();
    for (column, from, to) in edges {
        let (start, end) = (COLUMNS[column] + BOX_WIDTH, COLUMNS[column + 1]);
        let half = (start + end) / 2;
        // Writing into a string cannot fail, here and below.
        let _ = writeln!(
            svg,
            "<path d=\"M{start} {from}C{half} {from} {half} {to} {end} {to}\" marker-end=\"url(#head)\"/>"
        );
    }
    for (column, nodes) in columns.iter().enumerate() {
        for (place, node) in nodes.iter().enumerate() {
            draw(&mut svg, node, COLUMNS[column], middle(nodes, place) - BOX_HEIGHT / 2);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, node: &Node, x: usize, y: usize) {
    let class = node.grade.map_or("", Grade::as_str);
    let label = escaped(&cut(&node.label, MAX_LABEL));
    let note = escaped(&cut(&node.note, MAX_NOTE));
    let (text_x, first, second) = (x + 10, y + 20, y + 37);
    let _ = writeln!(
        svg,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/>\
         <text x=\"{text_x}\" y=\"{first}\">{label}</text><text class=\"soft\" x=\"{text_x}\" y=\"{second}\">{note}</text></g>",
        escaped(&format!("{}, {}", node.label, node.note)),
    );
}

/// At most so many characters, the last of them a sign that there are more.
fn cut(text: &str, most: usize) -> String {
    let shown = crate::shown::shown(text);
    if shown.chars().count() <= most {
        return shown;
    }
    shown.chars().take(most - 1).chain(['…']).collect()
}

fn inputs(bill: &Bill) -> Vec<Node> {
    let mut nodes: Vec<Node> = bill
        .inputs()
        .iter()
        .map(|input| {
            let digest = input.digest().to_string();
            let (algorithm, digits) = digest.split_once(':').unwrap_or(("", &digest));
            let short = digits.get(..16).unwrap_or(digits);
            Node {
                label: input.name().to_string(),
                note: format!("{} {algorithm}:{short}…", input.role()),
                grade: Some(bill.standing_grade(Grade::from(input.source()))),
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
            let node = |name: &&str| Node {
                label: (*name).to_owned(),
                note: format!("{role}, named and not hashed"),
                grade: Some(Grade::Declared),
            };
            nodes.extend(named.iter().map(node));
        } else if !named.is_empty() {
            // Tools name outputs and test data too: beside an input that was hashed nobody knows what went in.
            let label = format!("{} more named by tools", named.len());
            nodes.push(Node { label, note: format!("{role}, no inputs"), grade: None });
        }
    }
    if nodes.len() > MAX_BOXES {
        let more = nodes.len() - (MAX_BOXES - 1);
        nodes.truncate(MAX_BOXES - 1);
        nodes.push(Node {
            label: format!("and {more} more"),
            note: "in the tables below".to_owned(),
            grade: None,
        });
    }
    nodes
}

fn run(bill: &Bill) -> Node {
    let label = bill.relation().map_or("no provenance", attest::provenance::Relation::as_str).to_owned();
    let note = match bill.value(Field::RunTime, "", "finished") {
        Some(time) => format!("finished {}", time.text()),
        None => "run not watched".to_owned(),
    };
    Node { label, note, grade: bill.grade(Field::Relation) }
}

/// The model, then the statements about it in the order of the log.
fn results(bill: &Bill) -> Vec<Node> {
    let digest = bill.tree_digest().to_string();
    let mut nodes = vec![Node {
        label: format!("{}:{}", bill.name(), bill.version()),
        note: format!("model sha256:{}…", digest.get(..16).unwrap_or_default()),
        grade: bill.grade(Field::Digest),
    }];
    for (place, proof) in bill.proofs().iter().enumerate().take(MAX_BOXES) {
        // What happened, if it is an event.
        let events = [Field::Approval, Field::Stage, Field::Transfers, Field::Withdrawal];
        let mut values = events.into_iter().flat_map(|field| bill.values(field));
        let event = values.find(|value| value.proof() == Some(place) && value.key() == "kind");
        nodes.push(Node {
            label: event
                .map_or_else(|| format!("{} statement", proof.kind()), |event| event.text().to_owned()),
            note: format!("{} #{}", proof.origin(), proof.index()),
            grade: Some(Grade::Verified),
        });
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_to_fit_their_box() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
