//! Words of the trust file: labels and lengths of time.

use attest::event::{EventLabel, EventLabelError};
use serde::Deserialize;

/// A stage, a role, a person.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Label(EventLabel);

impl Label {
    pub(super) fn into_inner(self) -> EventLabel {
        self.0
    }
}

impl TryFrom<String> for Label {
    type Error = EventLabelError;

    fn try_from(text: String) -> Result<Self, EventLabelError> {
        text.parse().map(Self)
    }
}

/// A length of time in seconds, as `30d`, `12h`, `90m` or `45s`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(u64);

impl Span {
    pub(super) const fn seconds(self) -> u64 {
        self.0
    }
}

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time like 30d, 12h, 90m, 45s")]
pub(super) struct SpanError(String);

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        let read = || {
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let unit: u64 = match unit {
                "d" => 86_400,
                "h" => 3600,
                "m" => 60,
                "s" => 1,
                _ => return None,
            };
            // A sign or a leading zero is a slip, and a span of nothing lets nothing pass.
            if !number.bytes().all(|byte| byte.is_ascii_digit()) || number.starts_with('0') {
                return None;
            }
            number.parse::<u64>().ok()?.checked_mul(unit)
        };
        read().map(Self).ok_or_else(|| SpanError(text.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        let seconds = |text: &str| Span::try_from(text.to_owned()).ok().map(Span::seconds);
        assert_eq!(seconds("30d"), Some(2_592_000));
        assert_eq!((seconds("12h"), seconds("90m"), seconds("45s")), (Some(43_200), Some(5400), Some(45)));
        for text in
            ["", "d", "0d", "+1d", "1 d", "1w", "1.5h", "-1s", "99999999999999999999d", "007d", "1\u{e9}"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
