//! Unsigned integers as decimal strings: 64 bits are more than a JSON number may have.

/// Reads an unsigned integer as protobuf's JSON and our annotations write 64-bit ones: a decimal string in its one
/// spelling, without sign or leading zero.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_spelling() {
        for number in [0, 1, 9, 10, 438_012_345, u64::MAX] {
            assert_eq!(parse_decimal(&number.to_string()), Some(number));
        }
        for text in ["", "+1", "-1", "01", "00", " 1", "1 ", "1.0", "1e3", "0x1", "18446744073709551616", "١"]
        {
            assert_eq!(parse_decimal(text), None, "{text:?}");
        }
    }
}
