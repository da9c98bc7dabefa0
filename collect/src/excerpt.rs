//! The beginning of a hostile text, fit to be shown.

/// Longest excerpt, in characters of the text.
const MAX_CHARS: usize = 80;

/// The first characters of a text with everything escaped that could drive a terminal. A name in a hostile header may be
/// a hundred megabytes long; a warning about it is not.
pub(crate) fn excerpt(text: &str) -> String {
    one_line(text, MAX_CHARS)
}

/// The same of a text that may be longer: a place, or the words of an error. What was escaped before stays as it is.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    let mut shown = String::new();
    for c in text.chars().take(max_chars) {
        match c {
            '\\' | '"' | '\'' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(max_chars).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_tame() {
        assert_eq!(excerpt("model.safetensors"), "model.safetensors");
        assert_eq!(excerpt("it's \"C:\\a\""), "it's \"C:\\a\"");
        assert_eq!(excerpt("a\u{1b}[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(excerpt(&"x".repeat(80)), "x".repeat(80));
        assert_eq!(excerpt(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
    }
}
