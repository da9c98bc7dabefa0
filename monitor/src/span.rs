//! Times as an operator writes them: `250ms`, `10s`, `15m`, `24h`, `30d`.

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

/// A year: more is a mistake.
const MAX_SPAN: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A time between a millisecond and a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(Duration);

impl Span {
    /// The time.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// Not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a time between 1ms and 366d; wanted a whole number and ms, s, m, h or d, such as 10s")]
pub struct SpanError;

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| SpanError)?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            "d" => 24 * 60 * 60 * 1000,
            _ => return Err(SpanError),
        };
        let span = Duration::from_millis(number.checked_mul(milliseconds).ok_or(SpanError)?);
        if span.is_zero() || span > MAX_SPAN { Err(SpanError) } else { Ok(Self(span)) }
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_a_unit_and_bounds() {
        for (text, milliseconds) in [("1ms", 1), ("10s", 10_000), ("15m", 900_000), ("2d", 172_800_000)] {
            assert_eq!(text.parse::<Span>().map(Span::get), Ok(Duration::from_millis(milliseconds)));
        }
        for refused in ["", "10", "s", "0s", "-1s", "1.5s", "10 s", "10S", "367d", "99999999999999999999h"] {
            assert_eq!(refused.parse::<Span>(), Err(SpanError), "{refused:?}");
        }
    }
}
