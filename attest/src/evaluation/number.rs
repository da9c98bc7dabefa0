use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

/// A number as it stands in a file: JSON's grammar (RFC 8259 §6), at most [`Number::MAX_BYTES`] bytes.
///
/// Equal means the same text. [`Number::compare`] is about the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(String);

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// Not as JSON writes numbers; also `NaN` and `Infinity`.
    #[error("no number as JSON has them")]
    BadSyntax,
    /// Longer than a number may be.
    #[error("number of {len} bytes, want at most {max}", max = Number::MAX_BYTES)]
    TooLong {
        /// The length seen, in bytes.
        len: usize,
    },
}

impl Number {
    /// Longest text, in bytes: a double with all its digits has 24.
    pub const MAX_BYTES: usize = 64;

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares the values, exactly.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let (one, two) = (Value::of(&self.0), Value::of(&other.0));
        match (one.is_negative, two.is_negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => one.compare_size(&two),
            (true, true) => two.compare_size(&one),
        }
    }
}

/// `±0.DIGITS · 10^exponent`, without zeros at either end of the digits; zero has none, and is positive.
struct Value {
    is_negative: bool,
    digits: Vec<u8>,
    exponent: i128,
}

impl Value {
    fn of(text: &str) -> Self {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        let end = digits.iter().rposition(|digit| *digit != b'0').map_or(zeros, |last| last + 1);
        let digits = digits.get(zeros..end).unwrap_or_default().to_vec();
        // An exponent has at most 62 digits here; what is beyond 128 bits is larger or smaller than all others alike.
        let far = if exponent.starts_with('-') { i128::MIN / 2 } else { i128::MAX / 2 };
        let exponent = exponent.parse::<i128>().unwrap_or(far).clamp(i128::MIN / 2, i128::MAX / 2);
        let exponent = exponent + whole.len() as i128 - zeros as i128;
        Self { is_negative: is_negative && !digits.is_empty(), digits, exponent }
    }

    /// Compares without the signs.
    fn compare_size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Neither has zeros at its end, so a longer one with the same beginning is larger.
            (false, false) => self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

/// Takes the digits at the beginning of `text`; `None` if there are none.
fn digits(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

/// Whether the text is a number by JSON's grammar.
fn is_number(text: &str) -> Option<()> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let mut rest = match text.strip_prefix('0') {
        Some(rest) => rest,
        None => digits(text)?,
    };
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = digits(fraction)?;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        rest = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))?;
    }
    rest.is_empty().then_some(())
}

impl FromStr for Number {
    type Err = NumberError;

    /// Reads a number.
    ///
    /// # Errors
    /// Each variant of [`NumberError`] is one rule.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        if text.len() > Self::MAX_BYTES {
            return Err(NumberError::TooLong { len: text.len() });
        }
        is_number(text).map(|()| Self(text.to_owned())).ok_or(NumberError::BadSyntax)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().expect(text)
    }

    #[test]
    fn numbers_are_those_of_json() {
        for text in ["0", "-0", "12", "0.5137", "-1.5e-07", "1E+3", "1e999999"] {
            assert_eq!(number(text).to_string(), text);
        }
        for text in
            ["", "-", "+1", "01", ".5", "1.", "1e", "1e+", "NaN", "Infinity", " 1", "1 ", "0x1", "1,5", "١"]
        {
            assert_eq!(text.parse::<Number>(), Err(NumberError::BadSyntax), "{text:?}");
        }
        let long = "1".repeat(Number::MAX_BYTES + 1);
        assert_eq!(long.parse::<Number>(), Err(NumberError::TooLong { len: 65 }));
        assert!(long[1..].parse::<Number>().is_ok());
    }

    #[test]
    fn values_are_compared_exactly() {
        // Ascending; numbers in one row are equal.
        let far = format!("1e{}", "9".repeat(62));
        let near = format!("1e-{}", "9".repeat(60));
        let rows: [&[&str]; 11] = [
            &["-1e9"],
            &["-10", "-1e1"],
            &["-0.5"],
            &["0", "-0", "0.000", "0e7"],
            &[&near],
            &["1e-9"],
            &["0.1", "0.10", "1e-1", "10E-2"],
            // One double stands for both.
            &["0.1000000000000000055511151231257827"],
            &["9.99"],
            &["10", "1e1", "0.001e4"],
            &[&far],
        ];
        for (row, numbers) in rows.iter().enumerate() {
            for (other_row, others) in rows.iter().enumerate() {
                for (one, other) in
                    numbers.iter().flat_map(|one| others.iter().map(move |other| (one, other)))
                {
                    assert_eq!(number(one).compare(&number(other)), row.cmp(&other_row), "{one} {other}");
                }
            }
        }
    }
}
