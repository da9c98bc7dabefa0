use verifier::lineage::{Lineage, Link, Node};

use super::{carries, named, relations, short, trouble};
use crate::drawing::{ARROW_HEAD, BOX_HEIGHT, BOX_WIDTH, Box, GAP, arrow};
use crate::html::escaped;

/// Between one column and the next, in units of the drawing.
const BETWEEN: usize = 90;
const MARGIN: usize = 10;

/// Colours for light and for dark: what is not verified is never green.
const STYLE: &str = "<style>\
    svg{background:#fff;color:#1b1f24;font:14px system-ui,sans-serif}\
    text{fill:currentColor}.soft{opacity:.7;font-size:12px}\
    rect{fill:#f4f5f7;stroke:#8a9099}path{fill:none;stroke:#8a9099}.head{fill:#8a9099;stroke:none}\
    rect.model{stroke-width:2.5}rect.verified{fill:#e4f4e8;stroke:#1a7f37}rect.anchored{fill:#e5f0fb;stroke:#0b62b3}\
    rect.broken{fill:#fdf3e1;stroke:#9a6700;stroke-dasharray:5 3}rect.withdrawn{fill:#fde8e8;stroke:#b3261e;stroke-width:2.5}\
    path.broken{stroke:#9a6700;stroke-dasharray:5 3}path.withdrawn{stroke:#b3261e}\
    @media(prefers-color-scheme:dark){svg{background:#14171a;color:#e6e8eb}rect{fill:#22272e}\
    rect.verified{fill:#12351f}rect.anchored{fill:#102d4a}rect.broken{fill:#3a2c0c}rect.withdrawn{fill:#461614}}\
    </style>\n";

/// Draws one picture that stands alone, the model on the right, what it was made from to the left of it. It fetches nothing and
/// runs nothing.
#[must_use]
pub fn svg(lineage: &Lineage) -> String {
    let depth_of = |node: usize| lineage.nodes().get(node).map_or(0, Node::depth);
    // A link that leads to no node has a box of its own, one column further.
    let loose = lineage.links().iter().filter(|link| link.parent().is_none());
    let loose = loose.map(|link| depth_of(link.child()) + 1);
    let deepest = lineage.nodes().iter().map(Node::depth).chain(loose).max().unwrap_or(0);
    let columns = deepest + 1;
    let mut used = vec![0_usize; columns];
    let mut place = |depth: usize| {
        let row = used.get_mut(depth).map_or(0, |row| {
            *row += 1;
            *row - 1
        });
        let x = MARGIN + (columns - 1 - depth.min(columns - 1)) * (BOX_WIDTH + BETWEEN);
        (x, MARGIN + row * (BOX_HEIGHT + GAP))
    };
    let nodes: Vec<(usize, usize)> = lineage.nodes().iter().map(|node| place(node.depth())).collect();
    let first: Vec<Option<&Link>> = first_links(lineage);
    let (mut boxes, mut arrows) = (String::new(), String::new());
    for ((node, (x, y)), link) in lineage.nodes().iter().zip(&nodes).zip(&first) {
        boxes.push_str(&of_node(lineage, node, *link).drawn(*x, *y));
    }
    for link in lineage.links() {
        let state = lineage.state(link).as_str();
        let child = nodes.get(link.child()).copied().unwrap_or_default();
        let from = match link.parent().and_then(|parent| nodes.get(parent)) {
            Some(place) => *place,
            None => {
                let (x, y) = place(depth_of(link.child()) + 1);
                let note = words(lineage, link, link.digest().map(short));
                boxes.push_str(&Box { label: named(lineage, link), note, class: Some(state) }.drawn(x, y));
                (x, y)
            }
        };
        let middle = BOX_HEIGHT / 2;
        arrows.push_str(&arrow((from.0 + BOX_WIDTH, from.1 + middle), (child.0, child.1 + middle), state));
    }
    let rows = used.iter().max().copied().unwrap_or(0).max(1);
    let width = 2 * MARGIN + columns * (BOX_WIDTH + BETWEEN) - BETWEEN;
    let height = 2 * MARGIN + rows * (BOX_HEIGHT + GAP) - GAP;
    let model = lineage.nodes().first().map(Node::label).unwrap_or_default();
    let title = escaped(&format!("Lineage of {model}: {} links", lineage.links().len()));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{title}\">\n<title>{title}</title>\n{STYLE}{ARROW_HEAD}{arrows}{boxes}</svg>\n"
    )
}

/// For each node the link under which it is known; none for the model.
fn first_links(lineage: &Lineage) -> Vec<Option<&Link>> {
    let mut first = vec![None; lineage.nodes().len()];
    for (link, _) in lineage.links().iter().zip(carries(lineage)).filter(|(_, carries)| *carries) {
        if let Some(slot) = link.parent().and_then(|parent| first.get_mut(parent)) {
            *slot = Some(link);
        }
    }
    first
}

fn of_node(lineage: &Lineage, node: &Node, link: Option<&Link>) -> Box {
    let digest = short(&node.digest().to_string());
    match link {
        Some(link) => {
            let class = Some(lineage.state(link).as_str());
            Box { label: named(lineage, link), note: words(lineage, link, Some(digest)), class }
        }
        None => {
            let mut words = relations(node).join(", ");
            words.push_str(if words.is_empty() { "" } else { "  " });
            Box { label: node.label(), note: format!("{words}{digest}"), class: Some("model") }
        }
    }
}

/// As what, and what is wrong with it, else its digest.
fn words(lineage: &Lineage, link: &Link, digest: Option<String>) -> String {
    let rest = trouble(lineage, link).or(digest).unwrap_or_default();
    format!("{}  {rest}", link.role())
}
