//! Boxes and arrows in SVG: what the pictures of this crate are made of. No text can leave its place.

use crate::html::escaped;

/// In units of the drawing, here and below.
pub(crate) const BOX_WIDTH: usize = 260;
pub(crate) const BOX_HEIGHT: usize = 48;
pub(crate) const GAP: usize = 14;
/// Characters that fit into a box.
const MAX_LABEL: usize = 30;
const MAX_NOTE: usize = 40;

/// The head of an arrow, to which [`arrow`] refers.
pub(crate) const ARROW_HEAD: &str = "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n";

/// Two lines and how well they are known.
#[derive(Clone, Debug)]
pub(crate) struct Box {
    pub(crate) label: String,
    pub(crate) note: String,
    /// A word of ours, by which the page or the picture colours it.
    pub(crate) class: Option<&'static str>,
}

impl Box {
    /// Draws it with its upper left corner there. What is cut to fit stands whole in its title.
    pub(crate) fn drawn(&self, x: usize, y: usize) -> String {
        let class = self.class.unwrap_or_default();
        let (label, note) = (escaped(&cut(&self.label, MAX_LABEL)), escaped(&cut(&self.note, MAX_NOTE)));
        let (text_x, first, second) = (x + 10, y + 20, y + 37);
        format!(
            "<g><title>{}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/>\
             <text x=\"{text_x}\" y=\"{first}\">{label}</text><text class=\"soft\" x=\"{text_x}\" y=\"{second}\">{note}</text></g>\n",
            escaped(&format!("{}, {}", self.label, self.note)),
        )
    }
}

/// An arrow from one point to another, bent in the middle; `class` is a word of ours, or empty.
pub(crate) fn arrow((start, from): (usize, usize), (end, to): (usize, usize), class: &str) -> String {
    let half = usize::midpoint(start, end);
    let class = if class.is_empty() { String::new() } else { format!("class=\"{class}\" ") };
    format!(
        "<path {class}d=\"M{start} {from}C{half} {from} {half} {to} {end} {to}\" marker-end=\"url(#head)\"/>\n"
    )
}

/// At most so many characters, the last of them a sign that there are more.
fn cut(text: &str, most: usize) -> String {
    let shown = crate::shown::shown(text);
    if shown.chars().count() <= most {
        return shown;
    }
    shown.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_to_fit_their_box() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }

    #[test]
    fn a_text_cannot_leave_its_box() {
        let hostile = "</text><script>\"'&\u{202e}\u{1b}[2J\0".to_owned();
        let drawn = Box { label: hostile.clone(), note: hostile, class: Some("verified") }.drawn(0, 0);
        assert!(!drawn.contains("<script") && !drawn.contains('\u{202e}'), "{drawn}");
        assert!(drawn.trim_end().chars().all(|c| !c.is_control()), "{drawn}");
        assert_eq!(drawn.matches('<').count(), 9, "{drawn}");
    }
}
