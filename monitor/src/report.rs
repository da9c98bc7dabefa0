//! What happened under a name in a period: a page for people, and JSON that anybody can hold against the log again.
//!
//! From the log: every entry under the name, with the signed checkpoint of a tree that has them. From the
//! [`journal`](crate::journal): by when each entry was seen, when nobody watched, what was told, and who dealt with it. The first part
//! is proven by the log and checked by [`Report::check`]; the second is the monitor's word, and whoever signs the report vouches
//! for it.
//!
//! Entries have no time of their own. The period is from the last look before it began to the last look before it ended; where the watch
//! began later, it is from the first entry of the log on, so that nothing is left out.
//!
//! In scope: one pattern, all logs that are watched. Out of scope: signing the report, which is `tallymark sign` on its directory.

mod build;
mod html;

use attest::utc_time::UtcTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::alert::EntryFacts;
use crate::check::Fault;
use crate::disk::DiskError;
use crate::journal::{Told, UtcText};
use crate::seen::Concern;
use crate::source::SourceError;
use crate::watch::WatchError;

pub use build::entries;

/// Most bytes of a report that is read.
pub const MAX_REPORT_BYTES: u64 = 64 * 1024 * 1024;
/// Most entries in a report of one log; a wider pattern or a longer period has more.
pub const MAX_ENTRIES: usize = 100_000;
/// What kind of JSON this is.
pub const FORMAT: &str = "tallymark-watch-report/v1";

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Report {
    /// [`FORMAT`].
    pub format: String,
    /// When it was made.
    pub made: UtcText,
    /// The period: from here,
    pub from: UtcText,
    /// to before here.
    pub to: UtcText,
    /// The pattern over names.
    pub name: String,
    /// Each log that is watched.
    pub logs: Vec<LogReport>,
    /// Lines of the journal that could not be read.
    pub unread_lines: u64,
}

/// One log in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogReport {
    /// The log.
    pub origin: String,
    /// Its verifier keys.
    pub keys: Vec<String>,
    /// The first entry of the period,
    pub first: u64,
    /// and the first behind it.
    pub end: u64,
    /// A checkpoint of a tree that has all of them, as it was shown.
    pub checkpoint: String,
    /// The entries under the name.
    pub entries: Vec<Listed>,
    /// Entries of the period that nobody can read, whatever their name was meant to be.
    pub unreadable: Vec<Unreadable>,
    /// When nobody looked.
    pub gaps: Vec<Gap>,
    /// What was told in the period.
    pub told: Vec<Message>,
}

/// An entry under the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Listed {
    /// What it says.
    #[serde(flatten)]
    pub entry: EntryFacts,
    /// By when the monitor had read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_by: Option<UtcText>,
}

/// Bytes that are no entry, or that nobody signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Unreadable {
    /// Where.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: String,
    /// What is wrong with it.
    pub reason: crate::reason::Reason,
}

/// A time without a look that came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Gap {
    /// The last look before it, or the beginning of the period.
    pub from: UtcText,
    /// The first look after it, or the end of the period.
    pub to: UtcText,
}

/// A message of the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// When it was told.
    pub at: UtcText,
    /// What it said.
    #[serde(flatten)]
    pub told: Told,
    /// The remark of whoever acknowledged it, if anybody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<String>,
}

/// What is asked for.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the program")]
pub struct Question {
    /// The period: from here,
    pub from: UtcTime,
    /// to before here.
    pub to: UtcTime,
    /// The pattern over names.
    pub name: String,
}

/// Why there is no report, or why one does not hold.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// What is wrong with the log.
    #[error("{origin}: {}: {}", concern.reason, concern.detail)]
    Concern {
        /// The log.
        origin: String,
        /// What.
        concern: Concern,
    },
    /// The log holds something else than the report says.
    #[error("{origin}: the log has other entries under the name than the report, first at entry {index}")]
    Differs {
        /// The log.
        origin: String,
        /// The first that differs.
        index: u64,
    },
    /// The directory cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A bundle cannot be believed.
    #[error("{origin}: an entry of the period cannot be had")]
    Fault {
        /// The log.
        origin: String,
        /// Why.
        source: Fault,
    },
    /// Not a report.
    #[error("no report of this form: {cause}")]
    Malformed {
        /// What was seen.
        cause: String,
    },
    /// The name is no pattern.
    #[error(transparent)]
    Name(#[from] WatchError),
    /// An empty period.
    #[error("the period ends at {to}, which is not after {from}")]
    Period {
        /// Its beginning.
        from: UtcTime,
        /// Its end.
        to: UtcTime,
    },
    /// The log's address cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// More than a report holds.
    #[error("{origin}: more than {MAX_ENTRIES} entries; ask for a shorter period or a narrower name")]
    TooMany {
        /// The log.
        origin: String,
    },
    /// The policy has no such log.
    #[error("the report is about {origin}, which the policy does not have with an address")]
    UnknownLog {
        /// The log.
        origin: String,
    },
}

impl Report {
    /// Reads one.
    ///
    /// # Errors
    /// [`ReportError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        let malformed = |cause: String| ReportError::Malformed { cause };
        let report: Self = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if report.format != FORMAT {
            return Err(malformed(format!("format {:?}, wanted {FORMAT:?}", report.format)));
        }
        Ok(report)
    }

    /// Writes it, with a line feed at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // All members are text, numbers and lists of them, which always have a form in JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The page.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_another_form_is_refused() {
        for text in ["", "{}", "[]"] {
            assert!(matches!(Report::parse(text.as_bytes()), Err(ReportError::Malformed { .. })), "{text}");
        }
        let at = UtcText::now();
        let mut report = Report {
            format: FORMAT.to_owned(),
            made: at,
            from: at,
            to: at,
            name: "a".to_owned(),
            logs: vec![],
            unread_lines: 0,
        };
        assert_eq!(Report::parse(report.to_json().as_bytes()).unwrap(), report);
        report.format = "tallymark-watch-report/v2".to_owned();
        assert!(matches!(Report::parse(report.to_json().as_bytes()), Err(ReportError::Malformed { .. })));
    }
}
