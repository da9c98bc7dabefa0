//! Lists of logs, `logs/v0` of the witness network.
//!
//! ```text
//! # Comments and empty lines are passed over, white space around a line too.
//! logs/v0
//!
//! vkey log.example.org/models+3d317012+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4
//! origin another name                  left out if it is the key's name
//! qpd 86400                            add-checkpoint requests a day, 1 to 2^31-1
//! contact ops@log.example.org
//! ```
//!
//! In scope: the text. Out of scope: which of several lists is believed about a log, see [`crate::logs`].

use std::fmt;

use thiserror::Error;
use tlog::checkpoint::{Origin, OriginError};
use tlog::text::{TextError, decimal};
use tlog::vkey::{KeyAlgorithm, Vkey, VkeyError};

/// Largest list that is read, in bytes: the largest of the network is to hold 40,000 logs of some 200 bytes.
pub const MAX_LIST_BYTES: usize = 64 << 20;
/// Longest line, in bytes.
const MAX_LINE_BYTES: usize = 4096;
const HEADER: &str = "logs/v0";
const MAX_QPD: u64 = (1 << 31) - 1;

/// Requests a day, 1 to 2^31-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Qpd(u32);

impl Qpd {
    /// One each second.
    pub const ONE_A_SECOND: Self = Self(86_400);

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// No number of requests a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a number of requests a day from 1 to {MAX_QPD}")]
pub struct QpdError;

impl std::str::FromStr for Qpd {
    type Err = QpdError;

    fn from_str(text: &str) -> Result<Self, QpdError> {
        match decimal(text) {
            Ok(number) if (1..=MAX_QPD).contains(&number) => {
                u32::try_from(number).map(Self).map_err(|_| QpdError)
            }
            _ => Err(QpdError),
        }
    }
}

/// One log of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLog {
    vkey: Vkey,
    origin: Origin,
    qpd: Qpd,
    contact: String,
}

impl ListedLog {
    /// Puts one together.
    ///
    /// # Errors
    /// [`ListError::KeyAlgorithm`] if the key signs anything but notes; [`ListError::Contact`] if it would not read back. Both say
    /// line 0.
    pub fn new(vkey: Vkey, origin: Option<Origin>, qpd: Qpd, contact: &str) -> Result<Self, ListError> {
        if vkey.algorithm() != KeyAlgorithm::Ed25519 {
            return Err(ListError::KeyAlgorithm { line: 0, seen: vkey.algorithm() });
        }
        let is_plain =
            !contact.is_empty() && contact == contact.trim() && !contact.chars().any(char::is_control);
        if !is_plain || contact.len() > MAX_LINE_BYTES / 2 {
            return Err(ListError::Contact { line: 0 });
        }
        let origin = origin.unwrap_or_else(|| Origin::from(vkey.name()));
        // What is trimmed away when the list is read would make it another log.
        if origin.as_str() != origin.as_str().trim() {
            return Err(ListError::Contact { line: 0 });
        }
        Ok(Self { vkey, origin, qpd, contact: contact.to_owned() })
    }

    /// The log's key.
    #[must_use]
    pub const fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How often it may ask.
    #[must_use]
    pub const fn qpd(&self) -> Qpd {
        self.qpd
    }

    /// Who keeps it.
    #[must_use]
    pub fn contact(&self) -> &str {
        &self.contact
    }
}

/// The lines of one log, each with its line feed.
impl fmt::Display for ListedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "vkey {}", self.vkey)?;
        if self.origin.as_str() != self.vkey.name().as_str() {
            writeln!(f, "origin {}", self.origin)?;
        }
        write!(f, "qpd {}\ncontact {}\n", self.qpd.0, self.contact)
    }
}

/// What a list says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogList {
    /// The logs, in its order.
    pub logs: Vec<ListedLog>,
    /// How many more have a key of an algorithm that this program does not know. A list may grow such before all witnesses do.
    pub unknown_algorithm: usize,
}

/// Why a text is no list. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListError {
    /// A contact or an origin that would not read back.
    #[error("line {line}: empty, too long, or with white space or control characters around or in it")]
    Contact {
        /// The line.
        line: usize,
    },
    /// The first line that says something is not the header.
    #[error("line {line}: not `logs/v0`, the only format that is read")]
    Header {
        /// The line, 0 if there is none.
        line: usize,
    },
    /// The key is for cosignatures.
    #[error("line {line}: key for {seen}, wanted one that signs notes")]
    KeyAlgorithm {
        /// The line.
        line: usize,
        /// What the key is for.
        seen: KeyAlgorithm,
    },
    /// A line out of its order, or with a word of no meaning.
    #[error("line {line}: `{wanted}` and a value wanted")]
    Order {
        /// The line, or the one after the last.
        line: usize,
        /// What should stand there.
        wanted: &'static str,
    },
    /// The origin is refused.
    #[error("line {line}: origin is refused")]
    Origin {
        /// The line.
        line: usize,
        /// Why.
        source: OriginError,
    },
    /// The number of requests a day is refused.
    #[error("line {line}: {source}")]
    Qpd {
        /// The line.
        line: usize,
        /// Why.
        source: QpdError,
    },
    /// Not text.
    #[error("list is no text")]
    Text {
        /// What the reader saw.
        source: TextError,
    },
    /// More than [`MAX_LIST_BYTES`], or a line that is too long.
    #[error("list of {seen} bytes, or a line of it, is too long")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// The key is refused.
    #[error("line {line}: key is refused")]
    Vkey {
        /// The line.
        line: usize,
        /// Why.
        source: VkeyError,
    },
}

impl LogList {
    /// Reads a list.
    ///
    /// # Errors
    /// The first fault, by line.
    pub fn parse(bytes: &[u8]) -> Result<Self, ListError> {
        let too_long = ListError::TooLong { seen: bytes.len() };
        if bytes.len() > MAX_LIST_BYTES {
            return Err(too_long);
        }
        let text = str::from_utf8(bytes).map_err(|error| ListError::Text {
            source: TextError::NotUtf8 { offset: error.valid_up_to() },
        })?;
        let lines = text.lines().zip(1..).map(|(text, line)| (text.trim(), line));
        let mut lines = lines.filter(|(text, _)| !text.is_empty() && !text.starts_with('#')).peekable();
        match lines.next() {
            Some((HEADER, _)) => {}
            Some((_, line)) => return Err(ListError::Header { line }),
            None => return Err(ListError::Header { line: 0 }),
        }
        let (mut logs, mut unknown_algorithm) = (Vec::new(), 0);
        while let Some((text, line)) = lines.next() {
            if text.len() > MAX_LINE_BYTES {
                return Err(too_long);
            }
            let vkey = value(text, "vkey").ok_or(ListError::Order { line, wanted: "vkey" })?;
            let vkey = match vkey.parse::<Vkey>() {
                Ok(vkey) => Some(vkey),
                Err(VkeyError::Algorithm { .. }) => None,
                Err(source) => return Err(ListError::Vkey { line, source }),
            };
            let mut last = line;
            let mut next = |wanted, may_be_missing| match lines.peek() {
                Some((text, line)) if value(text, wanted).is_some() => {
                    last = *line;
                    let found = (value(text, wanted).unwrap_or_default(), *line);
                    lines.next();
                    Ok(Some(found))
                }
                _ if may_be_missing => Ok(None),
                Some((_, line)) => Err(ListError::Order { line: *line, wanted }),
                None => Err(ListError::Order { line: last + 1, wanted }),
            };
            let origin = match next("origin", true)? {
                Some((text, line)) => {
                    Some(text.parse().map_err(|source| ListError::Origin { line, source })?)
                }
                None => None,
            };
            let (qpd, at) = next("qpd", false)?.unwrap_or_default();
            let qpd = qpd.parse().map_err(|source| ListError::Qpd { line: at, source })?;
            let (contact, at) = next("contact", false)?.unwrap_or_default();
            let Some(vkey) = vkey else {
                unknown_algorithm += 1;
                continue;
            };
            logs.push(ListedLog::new(vkey, origin, qpd, contact).map_err(|error| error.at(line, at))?);
        }
        Ok(Self { logs, unknown_algorithm })
    }
}

impl ListError {
    fn at(self, vkey: usize, contact: usize) -> Self {
        match self {
            Self::KeyAlgorithm { seen, .. } => Self::KeyAlgorithm { line: vkey, seen },
            Self::Contact { .. } => Self::Contact { line: contact },
            other => other,
        }
    }
}

/// The value of a line `key value`.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.strip_prefix(char::is_whitespace)?.trim_start();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "log.example.org/models+3d317012+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    const WITNESS: &str = "witness.example.org/w1+f3c080b6+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";

    fn refused(text: &str) -> ListError {
        LogList::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn logs_are_read_and_written_back() {
        let text = format!(
            "vkey {VKEY}\nqpd 24\ncontact a b\nvkey {VKEY}\norigin go.sum database tree\nqpd 1\ncontact c\n"
        );
        let list = LogList::parse(format!("# x\n\n  logs/v0 \n{text}").as_bytes()).unwrap();
        assert_eq!(list.logs.iter().map(ToString::to_string).collect::<String>(), text);
        let [first, second] = list.logs.as_slice() else { panic!("two logs") };
        assert_eq!(
            (first.origin().as_str(), first.qpd().get(), first.contact()),
            ("log.example.org/models", 24, "a b")
        );
        assert_eq!(second.origin().as_str(), "go.sum database tree");
        assert_eq!(LogList::parse(b"logs/v0\n").unwrap().logs, []);
    }

    #[test]
    fn a_key_of_an_algorithm_to_come_is_passed_over_and_counted() {
        let list =
            format!("logs/v0\nvkey l+00000000+Bg==\nqpd 1\ncontact c\nvkey {VKEY}\nqpd 1\ncontact c\n");
        let list = LogList::parse(list.as_bytes()).unwrap();
        assert_eq!((list.logs.len(), list.unknown_algorithm), (1, 1));
    }

    #[test]
    fn each_fault_names_its_line() {
        assert_eq!(refused(""), ListError::Header { line: 0 });
        assert_eq!(refused("# logs/v0\nlogs/v1\n"), ListError::Header { line: 2 });
        let order = |text: &str, line, wanted| {
            assert_eq!(refused(&format!("logs/v0\n{text}")), ListError::Order { line, wanted }, "{text}");
        };
        order("qpd 1\n", 2, "vkey");
        order("vkey\n", 2, "vkey");
        order(&format!("vkey {VKEY}\ncontact c\n"), 3, "qpd");
        order(&format!("vkey {VKEY}\nqpd 1\norigin x\ncontact c\n"), 4, "contact");
        order(&format!("vkey {VKEY}\nqpd 1\n"), 4, "contact");
        for qpd in ["0", "01", "2147483648", "-1", "1.5"] {
            let list = format!("logs/v0\nvkey {VKEY}\nqpd {qpd}\ncontact c\n");
            assert_eq!(refused(&list), ListError::Qpd { line: 3, source: QpdError }, "{qpd}");
        }
        let list = format!("logs/v0\nvkey {WITNESS}\nqpd 1\ncontact c\n");
        assert!(matches!(refused(&list), ListError::KeyAlgorithm { line: 2, .. }));
        assert!(matches!(
            refused("logs/v0\nvkey a+b+c\nqpd 1\ncontact c\n"),
            ListError::Vkey { line: 2, .. }
        ));
        assert!(matches!(LogList::parse(b"logs/v0\n\xff"), Err(ListError::Text { .. })));
    }
}
