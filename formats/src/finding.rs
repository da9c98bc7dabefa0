use std::fmt;

use crate::reason::Reason;

/// Most characters of somebody else's text that a finding repeats.
const MAX_EXCERPT: usize = 120;

/// As much of a text as a finding may repeat, with control characters and those that reorder or hide text escaped.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(MAX_EXCERPT) {
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || hides {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Why a reader refuses what it reads, before anybody knows in which file it lies.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) offset: Option<u64>,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(reason: Reason, offset: Option<u64>, what: impl Into<String>) -> Self {
        Self { reason, offset, what: excerpt(&what.into()) }
    }
}

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    file: String,
    members: Vec<String>,
    offset: Option<u64>,
}

impl Place {
    pub(crate) const fn new(file: String, members: Vec<String>, offset: Option<u64>) -> Self {
        Self { file, members, offset }
    }

    /// The file's path below the root of the model.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The members it lies in, outermost archive first. A member called `(inflated)` is what a compressed file holds.
    #[must_use]
    pub fn members(&self) -> &[String] {
        &self.members
    }

    /// The byte, from the beginning of the innermost member.
    #[must_use]
    pub const fn offset(&self) -> Option<u64> {
        self.offset
    }
}

/// `model.bin > archive/data.pkl @ 12`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&excerpt(&self.file))?;
        for member in &self.members {
            write!(f, " > {}", excerpt(member))?;
        }
        match self.offset {
            Some(offset) => write!(f, " @ {offset}"),
            None => Ok(()),
        }
    }
}

/// Something for which a file is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    reason: Reason,
    what: String,
    place: Place,
}

impl Finding {
    pub(crate) const fn new(reason: Reason, what: String, place: Place) -> Self {
        Self { reason, what, place }
    }

    /// The stable code.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// What was seen, in words; harmless on a terminal.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Where.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_drive_a_terminal_or_fill_it() {
        assert_eq!(excerpt("a\x1b[2J\u{202e}b"), "a\\u{1b}[2J\\u{202e}b");
        assert_eq!(excerpt(&"x".repeat(1000)).len(), MAX_EXCERPT);
        let place = Place::new("m.bin".into(), vec!["a/data.pkl".into()], Some(7));
        assert_eq!(place.to_string(), "m.bin > a/data.pkl @ 7");
    }
}
