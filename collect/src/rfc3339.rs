//! A count of milliseconds as RFC 3339 writes a time, in UTC: `2026-11-22T08:00:00.123Z`.
//!
//! Trackers count from 1970-01-01T00:00:00Z without leap seconds; so does this. Out of scope: reading such a text.

/// Milliseconds of one day.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// The last year with four digits, which is all that RFC 3339 has room for.
const LAST_YEAR: u64 = 9999;

/// The time so many milliseconds after the epoch; `None` after the year 9999.
pub(crate) fn from_unix_ms(unix_ms: u64) -> Option<String> {
    let (mut day, ms) = (unix_ms / DAY_MS, unix_ms % DAY_MS);
    let mut year = 1970;
    while day >= days_of_year(year) {
        day -= days_of_year(year);
        year += 1;
        if year > LAST_YEAR {
            return None;
        }
    }
    let mut month = 1;
    while day >= days_of_month(year, month) {
        day -= days_of_month(year, month);
        month += 1;
    }
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, ms) = (ms / 1000 % 60, ms % 1000);
    Some(format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z", day + 1))
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

/// Days of a month, 1 to 12; a month after that never ends, so no loop passes it.
const fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        1..=12 => 31,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The right-hand sides are printed by `date -u -d @SECONDS`.
    #[test]
    fn known_times_are_written_as_date_writes_them() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_000, "2024-02-29T23:59:59.000Z"),
            (1_795_766_113_042, "2026-11-27T07:55:13.042Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ];
        for (unix_ms, text) in cases {
            assert_eq!(from_unix_ms(unix_ms).as_deref(), Some(text));
        }
        assert_eq!(from_unix_ms(253_402_300_800_000), None);
        assert_eq!(from_unix_ms(u64::MAX), None);
    }
}
