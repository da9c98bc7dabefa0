//! Counts and times as an operator writes them: `512`, `250ms`, `10s`, `15m`, `24h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

/// Far below what a semaphore can hold.
const MAX_COUNT: u64 = 1_000_000;
const MAX_SPAN: Duration = Duration::from_secs(24 * 60 * 60);

/// A count between 1 and a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Count(usize);

impl Count {
    /// The number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<u64> for Count {
    type Error = QuantityError;

    fn try_from(count: u64) -> Result<Self, QuantityError> {
        match usize::try_from(count) {
            Ok(small) if (1..=MAX_COUNT).contains(&count) => Ok(Self(small)),
            _ => Err(QuantityError::Count),
        }
    }
}

impl FromStr for Count {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        text.parse().map_err(|_| QuantityError::Count).and_then(|count: u64| count.try_into())
    }
}

/// A time between a millisecond and a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(Duration);

impl Span {
    /// The time.
    #[must_use]
    pub fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| QuantityError::Span)?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            _ => return Err(QuantityError::Span),
        };
        let span = Duration::from_millis(number.checked_mul(milliseconds).ok_or(QuantityError::Span)?);
        if span.is_zero() || span > MAX_SPAN {
            return Err(QuantityError::Span);
        }
        Ok(Self(span))
    }
}

impl TryFrom<String> for Span {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        text.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
            if milliseconds.is_multiple_of(size) {
                return write!(f, "{}{unit}", milliseconds / size);
            }
        }
        write!(f, "{milliseconds}ms")
    }
}

/// Why a text is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// Not a count.
    #[error("not a count between 1 and {MAX_COUNT}")]
    Count,
    /// Not a time.
    #[error("not a time between 1ms and 24h; wanted a whole number and ms, s, m or h, such as 10s")]
    Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_a_unit_and_bounds() {
        for (text, milliseconds) in
            [("1ms", 1), ("250ms", 250), ("10s", 10_000), ("15m", 900_000), ("24h", 86_400_000)]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.get(), Duration::from_millis(milliseconds));
            assert_eq!(span.to_string(), text);
        }
        for refused in
            ["", "10", "s", "0s", "-1s", "1.5s", "10 s", "10S", "25h", "99999999999999999999h", "1d"]
        {
            assert_eq!(refused.parse::<Span>(), Err(QuantityError::Span), "{refused:?}");
        }
    }

    #[test]
    fn a_count_is_neither_nothing_nor_endless() {
        for (text, count) in [("1", 1), ("1000000", 1_000_000)] {
            assert_eq!(text.parse::<Count>().unwrap().get(), count);
        }
        for refused in ["", "0", "-1", "1000001", "ten", "1e3"] {
            assert_eq!(refused.parse::<Count>(), Err(QuantityError::Count), "{refused:?}");
        }
    }
}
