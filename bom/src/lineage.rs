//! Where a model comes from, drawn: as a tree of text, as DOT for Graphviz, as SVG.
//!
//! Follows `spec/lineage.md`. What is drawn is a [`Lineage`] that the verifier made, all of it: each node once, where the fewest
//! links lead, and each link with its state. As JSON it is written by the verifier, as in a verdict.
//!
//! Names come from statements. None can move a cursor, end a string of DOT or open an element of SVG.

mod dot;
mod svg;
mod tree;

use verifier::lineage::{Fault, Lineage, Link, Node};

pub use self::dot::dot;
pub use self::svg::svg;
pub use self::tree::tree;

/// What a link leads to, in a few words.
fn named(lineage: &Lineage, link: &Link) -> String {
    match lineage.parent(link) {
        Some(node) if !node.accounts().is_empty() => node.label(),
        _ => link.name().to_owned(),
    }
}

/// A digest as people compare them on one page; whole ones are in the JSON.
fn short(digest: &str) -> String {
    let (algorithm, digits) = digest.split_once(':').unwrap_or(("sha256", digest));
    match digits.get(..16) {
        Some(head) if digits.len() > 16 => format!("{algorithm}:{head}.."),
        _ => digest.to_owned(),
    }
}

/// How a node came to be, by the statements about it: each relation once.
fn relations(node: &Node) -> Vec<&'static str> {
    let mut relations: Vec<_> =
        node.accounts().iter().filter_map(|account| Some(account.relation()?.as_str())).collect();
    relations.sort_unstable();
    relations.dedup();
    relations
}

/// Why a link is not as one would wish.
fn trouble(lineage: &Lineage, link: &Link) -> Option<String> {
    let withdrawn = lineage.parent(link).and_then(|node| {
        let one = node.withdrawals().iter().find(|one| one.reaches_descendants())?;
        Some(format!("withdrawn by {}: {}", one.by(), one.reason()))
    });
    let fault = |fault: &Fault| format!("{}: {}", fault.reason(), verifier::report::cause(fault));
    withdrawn.or_else(|| lineage.fault(link).map(fault))
}

/// For each link whether it is the one under which its node is drawn: the first that leads there.
fn carries(lineage: &Lineage) -> Vec<bool> {
    let mut drawn = vec![false; lineage.nodes().len()];
    if let Some(model) = drawn.first_mut() {
        *model = true;
    }
    let first = |link: &Link| match link.parent().and_then(|parent| drawn.get_mut(parent)) {
        Some(drawn) => !std::mem::replace(drawn, true),
        None => false,
    };
    lineage.links().iter().map(first).collect()
}
