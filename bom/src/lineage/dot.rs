use std::fmt::Write as _;

use verifier::lineage::{Lineage, State};
use verifier::report::plain;

use super::{named, relations, short, trouble};

/// Writes a graph for Graphviz: an arrow leads from each input to what was made from it. What is not verified is drawn dashed.
#[must_use]
pub fn dot(lineage: &Lineage) -> String {
    let mut text =
        "digraph lineage {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n".to_owned();
    for (number, node) in lineage.nodes().iter().enumerate() {
        let mut words = vec![node.label(), short(&node.digest().to_string())];
        if node.accounts().is_empty() {
            // The digest is its name; the links say what others call it.
            words.remove(0);
        }
        words.extend(relations(node).into_iter().map(str::to_owned));
        // Writing into a string cannot fail, here and below.
        let _ = writeln!(text, "  n{number} [label={}];", lines(&words));
    }
    for (number, link) in lineage.links().iter().enumerate() {
        let from = match link.parent() {
            Some(parent) => format!("n{parent}"),
            None => {
                let mut words = vec![named(lineage, link)];
                words.extend(link.digest().map(short));
                let _ = writeln!(text, "  u{number} [label={}, style=dashed];", lines(&words));
                format!("u{number}")
            }
        };
        let state = lineage.state(link);
        let mut words = vec![link.role().to_string(), link.source().to_string()];
        // Where nobody tells of the node, what the link calls it is all there is.
        if lineage.parent(link).is_some_and(|node| node.accounts().is_empty()) {
            words.insert(1, link.name().to_owned());
        }
        words.extend(trouble(lineage, link));
        let style = if matches!(state, State::Verified | State::Anchored) { "solid" } else { "dashed" };
        let _ = writeln!(text, "  {from} -> n{} [label={}, style={style}];", link.child(), lines(&words));
    }
    text.push_str("}\n");
    text
}

/// A string of DOT, one word to a line. Printable ASCII alone, in which a quote and a backslash are the only characters that
/// mean something.
fn lines(words: &[String]) -> String {
    let escaped = words.iter().map(|word| plain(word).replace('\\', "\\\\").replace('"', "\\\""));
    format!("\"{}\"", escaped.collect::<Vec<_>>().join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_the_string_it_stands_in() {
        assert_eq!(lines(&["a\"]; evil [\"".to_owned()]), r#""a\"]; evil [\"""#);
        assert_eq!(lines(&["back\\".to_owned(), "\n\u{202e}".to_owned()]), r#""back\\\n\\n\\u{202e}""#);
    }
}
