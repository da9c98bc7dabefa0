//! Texts from outside, made fit for a page that people read.

/// Most characters of one value on a page. The whole value is in the machine formats and in the statement.
pub(crate) const MAX_SHOWN: usize = 400;

/// The text with everything that hides, reorders or moves text written as an escape, and cut if it is long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        if count == MAX_SHOWN {
            shown.push_str(&format!("… ({} bytes in all)", text.len()));
            break;
        }
        if c.is_control() || is_hiding(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Characters that a reader does not see and that change what is seen: directions, zero widths, line and paragraph
/// separators, tags, fillers, variation selectors.
const fn is_hiding(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_is_shown_not_obeyed() {
        assert_eq!(
            shown("a\u{202e}b\u{200b}c\u{e0041}\u{1b}[2J"),
            "a\\u{202e}b\\u{200b}c\\u{e0041}\\u{1b}[2J"
        );
        assert_eq!(shown("é ü 漢字"), "é ü 漢字");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let long = "é".repeat(MAX_SHOWN + 1);
        let text = shown(&long);
        assert!(text.ends_with("… (802 bytes in all)") && text.chars().count() < MAX_SHOWN + 30, "{text}");
        assert_eq!(shown(&"a".repeat(MAX_SHOWN)), "a".repeat(MAX_SHOWN));
    }
}
