//! Names and versions of packages.
//!
//! Follows PEP 503 and PEP 508: letters, digits, `-`, `_` and `.`, with a letter or digit at both ends. Names that differ only in
//! case or in the kind and number of separators are one name, spelled in lower case with one hyphen.

/// Longest name, in bytes. The longest known has some hundred.
const MAX_NAME_BYTES: usize = 256;
/// Longest version, in bytes.
const MAX_VERSION_BYTES: usize = 256;

/// The one spelling of a name; `None` if it is no name.
pub(super) fn normalise(name: &str) -> Option<String> {
    let is_separator = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
    let bytes = name.as_bytes();
    let (first, last) = (bytes.first()?, bytes.last()?);
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || is_separator(*byte);
    let is_name = name.len() <= MAX_NAME_BYTES
        && first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes.iter().all(is_inside);
    if !is_name {
        return None;
    }
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    Some(words.collect::<Vec<_>>().join("-").to_ascii_lowercase())
}

/// Whether a text can be a version of PEP 440 or one of conda's: nothing that could be mistaken for a path or a second field.
pub(super) fn is_version(text: &str) -> bool {
    let is_inside =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_' | b'!');
    !text.is_empty()
        && text.len() <= MAX_VERSION_BYTES
        && text.bytes().all(is_inside)
        && text != "."
        && text != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_package_has_one_name() {
        for name in ["Friendly-Bard", "friendly.bard", "FRIENDLY_bard", "friendly--bard", "FrIeNdLy-._.-bArD"]
        {
            assert_eq!(normalise(name).as_deref(), Some("friendly-bard"), "{name}");
        }
        for name in ["", "-a", "a-", "a b", "ä", "a/b", "..", "a;b"] {
            assert_eq!(normalise(name), None, "{name}");
        }
        assert_eq!(normalise(&"a".repeat(257)), None);
    }

    #[test]
    fn versions_hold_no_path() {
        assert!(["1.0", "2.0+cu118", "1!2.0.dev3", "1.2.3-py39h1_0"].into_iter().all(is_version));
        assert!(["", ".", "..", "1/0", "1 0", "1;0", "é"].into_iter().all(|text| !is_version(text)));
    }
}
