use std::fmt::Write as _;

use verifier::lineage::{Lineage, Link, Node, State};
use verifier::report::plain;

use super::{carries, named, relations, short, trouble};

/// Draws a tree in ASCII, the model on top, below each thing what it was made from. A node that several links lead to is drawn
/// below the first of them; the others say so.
#[must_use]
pub fn tree(lineage: &Lineage) -> String {
    let Some(model) = lineage.nodes().first() else { return String::new() };
    let carries = carries(lineage);
    let digest = short(&model.digest().to_string());
    let words =
        [vec![plain(&model.label()), digest], relations(model).into_iter().map(str::to_owned).collect()];
    let mut text = format!("{}\n", words.concat().join("  "));
    if let Some(fault) = model.fault() {
        let _ = writeln!(text, "NO  {}: {}", fault.reason(), verifier::report::cause(fault));
    }
    // Links yet to be drawn, the next one last, with what stands before them.
    let mut open: Vec<(usize, String, bool)> = Vec::new();
    push(&mut open, model, "");
    while let Some((number, before, is_last)) = open.pop() {
        let Some(link) = lineage.links().get(number) else { continue };
        let is_drawn_here = carries.get(number).copied().unwrap_or(false);
        let corner = if is_last { "`-- " } else { "+-- " };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{before}{corner}{}", row(lineage, link, is_drawn_here));
        if let Some(node) = lineage.parent(link).filter(|_| is_drawn_here) {
            let bar = if is_last { "    " } else { "|   " };
            push(&mut open, node, &format!("{before}{bar}"));
        }
    }
    let counts = State::ALL.into_iter().map(|state| (lineage.count(state), state.as_str()));
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let _ = writeln!(text, "\nlinks: {}", counts.join(", "));
    text
}

/// The links of a node, its first on top.
fn push(open: &mut Vec<(usize, String, bool)>, node: &Node, before: &str) {
    let links = node.links();
    let last = links.end.saturating_sub(1);
    open.extend(links.rev().map(|number| (number, before.to_owned(), number == last)));
}

fn row(lineage: &Lineage, link: &Link, is_drawn_here: bool) -> String {
    let state = lineage.state(link);
    let mark = match state {
        State::Verified => "ok",
        State::Anchored => "ok (anchor)",
        State::Broken | State::Withdrawn => "NO",
    };
    let mut words = vec![mark.to_owned(), link.role().to_string(), plain(&named(lineage, link))];
    words.extend(link.digest().map(|digest| plain(&short(digest))));
    words.push(link.source().to_string());
    if let Some(node) = lineage.parent(link) {
        words.extend(relations(node).into_iter().map(str::to_owned));
        let first = node.accounts().first();
        words.extend(first.map(|account| format!("{} entry {}", plain(account.log()), account.index())));
        if !is_drawn_here && !node.links().is_empty() {
            words.push("(its inputs stand elsewhere)".to_owned());
        }
    }
    words.extend(trouble(lineage, link).map(|trouble| plain(&trouble)));
    words.join("  ")
}
