//! As much of a text as an error may repeat: the text may be megabytes, and is somebody else's.

/// Most characters of it.
const MAX_CHARS: usize = 64;

/// The beginning of a text. Errors print it with `{:?}`, which escapes control characters.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_at_most_64_characters() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"é".repeat(65)), "é".repeat(64));
    }
}
