//! What a rule of the trust file demands of the formats of a model's files.

use formats::{Format, Rules};

use super::error::RequirementsError;
use super::lineage_demand::Words;

/// By which rules of the format gate each file must be allowed, and which formats alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatsDemand {
    rules: Rules,
    only: Option<Vec<Format>>,
}

impl FormatsDemand {
    /// Reads the two members of a rule; `None` if neither is there.
    pub(super) fn read(
        formats: Option<&str>,
        only: Option<&Words>,
        line: usize,
    ) -> Result<Option<Self>, RequirementsError> {
        let word = |member, seen: &str| RequirementsError::FormatWord { line, member, seen: seen.to_owned() };
        let rules = match formats {
            Some("strict") => Rules::strict(),
            Some("torch") => Rules::with_torch(),
            Some(other) => return Err(word("formats", other)),
            None if only.is_some() => return Err(RequirementsError::NoFormats { line }),
            None => return Ok(None),
        };
        let named = |seen: &String| {
            let format = Format::ALL.into_iter().find(|format| format.as_str() == seen);
            format.ok_or_else(|| word("formats-only", seen))
        };
        let only = only.map(|all| all.iter().map(named).collect::<Result<Vec<_>, _>>()).transpose()?;
        if only.as_ref().is_some_and(Vec::is_empty) {
            return Err(RequirementsError::EmptyList { line, member: "formats-only" });
        }
        Ok(Some(Self { rules, only }))
    }

    /// The rules of the gate.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Whether a file in which nothing was found may be of that format.
    #[must_use]
    pub fn allows(&self, format: Format) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&format))
    }
}
