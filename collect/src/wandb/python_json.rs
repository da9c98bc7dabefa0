//! JSON as Python writes it: with the three numbers that JSON does not have.

use crate::json::{self, Json, JsonError};

/// What Python writes for a number that is none, or has no end. `-Infinity` is the last with a sign before it.
const NON_FINITE: [&[u8]; 2] = [b"NaN", b"Infinity"];

/// Reads one document; `NaN`, `Infinity` and `-Infinity` are texts in it.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    json::parse(&quote_non_finite(bytes))
}

/// Puts quotes around those numbers where they stand outside texts.
fn quote_non_finite(bytes: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut is_in_text = false;
    while let Some((&byte, after)) = rest.split_first() {
        if is_in_text {
            quoted.push(byte);
            rest = after;
            match (byte, after.split_first()) {
                (b'"', _) => is_in_text = false,
                (b'\\', Some((&escaped, after))) => {
                    quoted.push(escaped);
                    rest = after;
                }
                _ => {}
            }
            continue;
        }
        let unsigned = rest.strip_prefix(b"-").unwrap_or(rest);
        let word = NON_FINITE.into_iter().find(|word| unsigned.starts_with(word));
        if let Some(after) = word.and_then(|word| unsigned.strip_prefix(word)) {
            quoted.push(b'"');
            quoted.extend_from_slice(rest.strip_suffix(after).unwrap_or_default());
            quoted.push(b'"');
            rest = after;
        } else {
            is_in_text = byte == b'"';
            quoted.push(byte);
            rest = after;
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_outside_texts_are_quoted() {
        let cases = [
            (r#"{"a":NaN,"b":[-Infinity,Infinity]}"#, r#"{"a":"NaN","b":["-Infinity","Infinity"]}"#),
            (r#"{"NaN":"NaN \" NaN \\"}"#, r#"{"NaN":"NaN \" NaN \\"}"#),
            ("NaN", r#""NaN""#),
            (r#""\"#, r#""\"#),
            ("-1", "-1"),
            ("", ""),
        ];
        for (text, quoted) in cases {
            assert_eq!(quote_non_finite(text.as_bytes()), quoted.as_bytes(), "{text}");
        }
        assert!(parse(b"{\"a\":NaN1}").is_err());
    }
}
