//! How often something may happen: so many in a second, minute or hour, and so many at once.
//!
//! ```text
//! 50/s       50 a second, 50 at once
//! 600/m:50   600 a minute, 50 at once
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

/// Largest count and largest burst. Times an hour it still fits 64 bits of nanoseconds.
const MAX_COUNT: u32 = 1_000_000;

/// A count in a time, and a burst: at least 1 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    count: u32,
    unit: Unit,
    burst: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    const fn letter(self) -> char {
        match self {
            Self::Second => 's',
            Self::Minute => 'm',
            Self::Hour => 'h',
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

impl Rate {
    /// Time that one event costs.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_secs(self.unit.seconds()) / self.count
    }

    /// How far ahead of time one may be: the burst, in time. At most 3.6 billion seconds.
    #[must_use]
    pub fn allowance(self) -> Duration {
        self.interval() * self.burst
    }

    /// For people: `50 a second, 200 at once`.
    #[must_use]
    pub fn words(self) -> String {
        format!("{} a {}, {} at once", self.count, self.unit.word(), self.burst)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let bad = || RateError { text: text.chars().take(64).collect() };
        let number = |text: &str| {
            let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
            text.parse().ok().filter(|count| canonical && (1..=MAX_COUNT).contains(count))
        };
        let (count, rest) = text.split_once('/').ok_or_else(bad)?;
        let (unit, burst) = match rest.split_once(':') {
            Some((unit, burst)) => (unit, burst),
            None => (rest, count),
        };
        let unit = match unit {
            "s" => Unit::Second,
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            _ => return Err(bad()),
        };
        let (count, burst) = (number(count).ok_or_else(bad)?, number(burst).ok_or_else(bad)?);
        Ok(Self { count, unit, burst })
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, RateError> {
        text.parse()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.count, self.unit.letter(), self.burst)
    }
}

/// Not a rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a rate, wanted such as 50/s, 600/m or 50/s:200, with numbers from 1 to {MAX_COUNT}")]
pub struct RateError {
    /// The first 64 characters of what was given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_and_written_back() {
        for (text, written, interval_ms, allowance_ms) in [
            ("50/s", "50/s:50", 20, 1000),
            ("50/s:200", "50/s:200", 20, 4000),
            ("600/m:1", "600/m:1", 100, 100),
            ("1/h", "1/h:1", 3_600_000, 3_600_000),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), written);
            assert_eq!(written.parse::<Rate>().unwrap(), rate);
            assert_eq!(rate.interval(), Duration::from_millis(interval_ms));
            assert_eq!(rate.allowance(), Duration::from_millis(allowance_ms));
        }
        let most: Rate = "1000000/s:1000000".parse().unwrap();
        assert_eq!(most.interval(), Duration::from_micros(1));
        let longest: Rate = "1/h:1000000".parse().unwrap();
        assert!(u64::try_from(longest.allowance().as_nanos()).is_ok());
        assert_eq!("5/s:7".parse::<Rate>().unwrap().words(), "5 a second, 7 at once");
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "50",
            "/s",
            "50/",
            "50/d",
            "0/s",
            "050/s",
            "+50/s",
            "50/s:",
            "50/s:0",
            "50/s:5:5",
            " 50/s",
            "1000001/s",
            "99999999999/s",
            "5/s ",
            "5.0/s",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }
}
