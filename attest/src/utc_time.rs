//! A moment as statements write it: RFC 3339, UTC, whole seconds, `2026-11-27T08:00:00Z`.
//!
//! One moment has one text: no offset, no fraction, no lower-case letter, no leap second. A time in a statement is what its
//! signer says; only a log or a witness bounds it.

use core::fmt;
use core::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Bytes of every text.
const TEXT_BYTES: usize = 20;
/// The first second that has no text: the year 10,000.
const END_SECONDS: i64 = 253_402_300_800;

/// A moment between the years 1970 and 9999, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime {
    // Of the Unix epoch, 0..END_SECONDS.
    seconds: i64,
}

/// Why a text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no UTC time like 2026-11-27T08:00:00Z")]
pub struct UtcTimeError;

impl UtcTime {
    /// The first second of 1970.
    pub const EPOCH: Self = Self { seconds: 0 };

    /// The moment so many seconds after 1970 began; `None` after the year 9999.
    #[must_use]
    pub fn from_unix_seconds(seconds: u64) -> Option<Self> {
        let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds < END_SECONDS)?;
        Some(Self { seconds })
    }

    /// Seconds since 1970 began.
    #[must_use]
    pub const fn unix_seconds(self) -> u64 {
        self.seconds.unsigned_abs()
    }
}

/// A day between the years 1970 and 9999, `2026-11-27`: where a period is known no closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDate {
    midnight: UtcTime,
}

/// Why a text is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no day like 2026-11-27")]
pub struct UtcDateError;

/// Bytes of a day's text.
const DATE_BYTES: usize = 10;

impl FromStr for UtcDate {
    type Err = UtcDateError;

    /// Reads a day.
    ///
    /// # Errors
    /// [`UtcDateError`] for every other text.
    fn from_str(text: &str) -> Result<Self, UtcDateError> {
        // The moment's text has one length, so this is the whole day and nothing after it.
        let midnight = format!("{text}T00:00:00Z").parse().map_err(|_| UtcDateError)?;
        Ok(Self { midnight })
    }
}

impl fmt::Display for UtcDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.midnight.to_string().get(..DATE_BYTES).unwrap_or_default())
    }
}

impl FromStr for UtcTime {
    type Err = UtcTimeError;

    /// Reads a moment.
    ///
    /// # Errors
    /// [`UtcTimeError`] for every other text, among them other texts for the same moment.
    fn from_str(text: &str) -> Result<Self, UtcTimeError> {
        if text.len() != TEXT_BYTES {
            return Err(UtcTimeError);
        }
        let read = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| UtcTimeError)?;
        let read = Self { seconds: read.unix_timestamp() };
        // Before 1970, or written in another way than we write it.
        if read.seconds < 0 || read.to_string() != text { Err(UtcTimeError) } else { Ok(read) }
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = OffsetDateTime::from_unix_timestamp(self.seconds).map_err(|_| fmt::Error)?;
        f.write_str(&moment.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_has_one_text() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_766_399, "2026-11-27T07:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            let moment = UtcTime::from_unix_seconds(seconds).expect("a moment");
            assert_eq!((moment.to_string().as_str(), text.parse()), (text, Ok(moment)));
            assert_eq!(moment.unix_seconds(), seconds);
        }
        assert_eq!(UtcTime::from_unix_seconds(253_402_300_800), None);
        assert_eq!(UtcTime::from_unix_seconds(u64::MAX), None);
    }

    #[test]
    fn one_day_has_one_text() {
        for text in ["1970-01-01", "2000-02-29", "9999-12-31"] {
            assert_eq!(text.parse::<UtcDate>().map(|day| day.to_string()), Ok(text.to_owned()));
        }
        for text in
            ["", "2026-02-29", "2026-1-01", "2026-11-27T", "2026-11-27T00:00:00Z", "1969-12-31", "27.11.2026"]
        {
            assert_eq!(text.parse::<UtcDate>(), Err(UtcDateError), "{text}");
        }
        let day = |text: &str| text.parse::<UtcDate>().expect(text);
        assert!(day("2026-11-27") < day("2026-11-28"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2026-11-27T08:00:00",
            "2026-11-27T08:00:00z",
            "2026-11-27t08:00:00Z",
            "2026-11-27 08:00:00Z",
            "2026-11-27T08:00:00.0Z",
            "2026-11-27T08:00:00+00:00",
            "2026-11-27T08:00:60Z",
            "2026-02-29T08:00:00Z",
            "2026-13-27T08:00:00Z",
            "1969-12-31T23:59:59Z",
            "+026-11-27T08:00:00Z",
            "2026-11-27T24:00:00Z",
        ] {
            assert_eq!(text.parse::<UtcTime>(), Err(UtcTimeError), "{text}");
        }
    }
}
