use core::fmt;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::compact_json;
use crate::digest::{Sha256, Sha256Digest};
use crate::json::{self, Located};
use crate::provenance::MAX_FACT_TEXT_BYTES;

use super::{Commitment, OpeningError, OpeningsError, PREFIX};

/// Longest private value, in bytes: the longest text of a statement that can be hidden.
pub const MAX_VALUE_BYTES: usize = MAX_FACT_TEXT_BYTES;

/// Most openings of one file: three texts for each of the most facts of a statement, and as many again for older ones.
pub const MAX_OPENINGS: usize = 1 << 17;

/// Longest file of openings, in bytes.
pub const MAX_OPENINGS_BYTES: usize = 64 << 20;

/// Longest line, in bytes: a value of which every byte is escaped, and the rest.
const MAX_LINE_BYTES: usize = 6 * MAX_VALUE_BYTES + 256;

/// What the hash begins with; no other hash of ours does.
const DOMAIN: &[u8] = b"private-value/v1\n";

/// 32 random bytes that keep a value from being guessed. Never printed but into the file of openings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Takes new ones from the operating system.
    ///
    /// # Errors
    /// [`OpeningError::NoRandomness`].
    #[cfg(feature = "keys")]
    pub fn generate() -> Result<Self, OpeningError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| OpeningError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// Takes bytes that are known to be random.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// A value and the salt that was hashed with it: with a statement at hand, the proof that the statement means this value.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    salt: Salt,
    value: String,
}

#[derive(Serialize)]
struct OpeningJson<'a> {
    salt: String,
    value: &'a str,
}

impl Opening {
    /// A value with its salt.
    ///
    /// # Errors
    /// [`OpeningError::BadValue`].
    pub fn new(salt: Salt, value: String) -> Result<Self, OpeningError> {
        let fits = (1..=MAX_VALUE_BYTES).contains(&value.len()) && !value.chars().any(char::is_control);
        if fits { Ok(Self { salt, value }) } else { Err(OpeningError::BadValue { len: value.len() }) }
    }

    /// Reads a line without its LF.
    ///
    /// # Errors
    /// Every variant of [`OpeningError`] is one rule.
    pub fn parse(line: &[u8]) -> Result<Self, OpeningError> {
        let value = json::parse(line, MAX_LINE_BYTES)?;
        let fields = Located::root(&value).closed_object(&["salt", "value"])?;
        let salt: Sha256Digest =
            fields.required("salt")?.string()?.parse().map_err(|source| OpeningError::BadSalt { source })?;
        let opening = Self::new(Salt(salt.to_bytes()), fields.required("value")?.string()?.to_owned())?;
        if opening.to_line().strip_suffix(b"\n") == Some(line) {
            Ok(opening)
        } else {
            Err(OpeningError::NotCanonical)
        }
    }

    /// Writes the line, with its LF.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let salt = Sha256Digest::from_bytes(self.salt.0).to_string();
        let mut line = compact_json::to_vec(&OpeningJson { salt, value: &self.value });
        line.push(b'\n');
        line
    }

    /// What it opens. Domain and salt have fixed lengths, so that no other pair of salt and value is hashed as the same bytes.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        let mut hasher = Sha256::new();
        hasher.update(DOMAIN);
        hasher.update(&self.salt.0);
        hasher.update(self.value.as_bytes());
        Commitment(hasher.finish())
    }

    /// The salt.
    #[must_use]
    pub const fn salt(&self) -> Salt {
        self.salt
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Without salt and value: what is private does not get into a log by way of a debug line.
impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opening({})", self.commitment())
    }
}

/// A file of openings: one a line, in the order in which they were made. Whoever gets some of the lines can open these and no
/// others.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Openings {
    lines: Vec<Opening>,
    by_commitment: BTreeMap<Commitment, usize>,
    by_value: BTreeMap<String, usize>,
}

impl fmt::Debug for Openings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.lines).finish()
    }
}

impl Openings {
    /// Reads a file.
    ///
    /// # Errors
    /// Every variant of [`OpeningsError`] is one rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpeningsError> {
        if bytes.len() > MAX_OPENINGS_BYTES {
            return Err(OpeningsError::TooLarge { len: bytes.len() });
        }
        let mut openings = Self::default();
        for (line, text) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            let text = text.strip_suffix(b"\n").ok_or(OpeningsError::NoEnd)?;
            let opening = Opening::parse(text).map_err(|source| OpeningsError::Line { line, source })?;
            if !openings.add(opening)? {
                return Err(OpeningsError::Repeated { line });
            }
        }
        Ok(openings)
    }

    /// Writes the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(Opening::to_line).collect()
    }

    /// Adds a line below the others; whether it was new.
    ///
    /// # Errors
    /// [`OpeningsError::TooMany`].
    pub fn add(&mut self, opening: Opening) -> Result<bool, OpeningsError> {
        let commitment = opening.commitment();
        if self.by_commitment.contains_key(&commitment) {
            return Ok(false);
        }
        if self.lines.len() >= MAX_OPENINGS {
            return Err(OpeningsError::TooMany);
        }
        self.by_commitment.insert(commitment, self.lines.len());
        self.by_value.entry(opening.value.clone()).or_insert(self.lines.len());
        self.lines.push(opening);
        Ok(true)
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> &[Opening] {
        &self.lines
    }

    /// The opening of a commitment.
    #[must_use]
    pub fn of(&self, commitment: Commitment) -> Option<&Opening> {
        self.by_commitment.get(&commitment).and_then(|line| self.lines.get(*line))
    }

    /// The text with the value in place of every commitment in it that is opened here; `None` if none is.
    #[must_use]
    pub fn open_text(&self, text: &str) -> Option<String> {
        let (mut shown, mut rest, mut opened) = (String::new(), text, false);
        while let Some((before, behind)) = rest.split_once(PREFIX) {
            shown.push_str(before);
            let digits = behind.get(..2 * Sha256Digest::LEN).unwrap_or_default();
            let commitment = digits.parse().ok().map(Commitment);
            match commitment.and_then(|commitment| self.of(commitment)) {
                Some(opening) => {
                    shown.push_str(opening.value());
                    rest = behind.get(digits.len()..).unwrap_or_default();
                    opened = true;
                }
                None => {
                    shown.push_str(PREFIX);
                    rest = behind;
                }
            }
        }
        shown.push_str(rest);
        opened.then_some(shown)
    }

    /// The first opening with that value: who hides it again gets the same commitment, so that signing again gives the same
    /// bytes.
    #[must_use]
    pub fn with_value(&self, value: &str) -> Option<&Opening> {
        self.by_value.get(value).and_then(|line| self.lines.get(*line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(salt: u8, value: &str) -> Opening {
        Opening::new(Salt::from_bytes([salt; 32]), value.to_owned()).expect("a value")
    }

    #[test]
    fn commitment_is_the_hash_of_domain_salt_and_value() {
        let mut bytes = b"private-value/v1\n".to_vec();
        bytes.extend([0x5a; 32]);
        bytes.extend(b"customers");
        assert_eq!(opening(0x5a, "customers").commitment().digest(), Sha256Digest::of(&bytes));
    }

    #[test]
    fn another_salt_or_value_gives_another_commitment() {
        let one = opening(1, "a").commitment();
        assert_ne!(one, opening(2, "a").commitment());
        assert_ne!(one, opening(1, "b").commitment());
    }

    #[cfg(feature = "keys")]
    #[test]
    fn new_salts_differ() {
        assert_ne!(Salt::generate().expect("randomness"), Salt::generate().expect("randomness"));
    }

    #[test]
    fn file_is_read_and_written_back_and_opens_what_is_in_it() {
        let mut openings = Openings::default();
        for one in [opening(1, "customers"), opening(2, "s3://bucket/é"), opening(3, "customers")] {
            assert_eq!(openings.add(one), Ok(true));
        }
        assert_eq!(openings.add(opening(1, "customers")), Ok(false));
        let bytes = openings.to_bytes();
        let read = Openings::parse(&bytes).expect("a file");
        assert_eq!((read.to_bytes(), &read), (bytes, &openings));
        assert_eq!(read.of(opening(3, "customers").commitment()), Some(&opening(3, "customers")));
        assert_eq!(read.with_value("customers"), Some(&opening(1, "customers")));
        assert_eq!(read.of(opening(4, "customers").commitment()), None);
    }

    #[test]
    fn a_text_is_opened_as_far_as_there_are_openings() {
        let mut openings = Openings::default();
        let (one, other) = (opening(1, "customers"), opening(2, "orders"));
        openings.add(one.clone()).expect("room");
        let (one, other) = (one.commitment(), other.commitment());
        let open = |text: &str| openings.open_text(text);
        assert_eq!(open(&one.to_string()).as_deref(), Some("customers"));
        assert_eq!(
            open(&format!("--a={one} {other} private: {one}.")),
            Some(format!("--a=customers {other} private: customers."))
        );
        for text in
            ["customers".to_owned(), other.to_string(), "private:".to_owned(), format!("private:é{one}x")]
        {
            assert_eq!(
                open(&text),
                if text.contains('é') { Some("private:écustomersx".to_owned()) } else { None }
            );
        }
    }

    #[test]
    fn files_that_are_none_are_refused() {
        let line = String::from_utf8(opening(1, "a").to_line()).expect("UTF-8");
        let bad = |source| OpeningsError::Line { line: 1, source };
        let cases = [
            (line.trim_end().to_owned(), OpeningsError::NoEnd),
            (format!("{line}{line}"), OpeningsError::Repeated { line: 2 }),
            (line.replace(':', ": "), bad(OpeningError::NotCanonical)),
            (line.replace("\"a\"", "\"\""), bad(OpeningError::BadValue { len: 0 })),
            (line.replace("\"a\"", "\"a\\u001b\""), bad(OpeningError::BadValue { len: 2 })),
            (
                line.replace("\"a\"", &format!("\"{}\"", "a".repeat(MAX_VALUE_BYTES + 1))),
                bad(OpeningError::BadValue { len: MAX_VALUE_BYTES + 1 }),
            ),
        ];
        for (text, error) in cases {
            assert_eq!(Openings::parse(text.as_bytes()), Err(error), "{text}");
        }
        for text in [line.replace("01", "0A"), line.replace("value", "values"), "\n".to_owned()] {
            assert!(matches!(Openings::parse(text.as_bytes()), Err(OpeningsError::Line { .. })), "{text}");
        }
    }

    #[test]
    fn nothing_private_is_in_a_debug_line() {
        let mut openings = Openings::default();
        openings.add(opening(0xab, "customers")).expect("room");
        let text = format!("{:?} {:?}", opening(0xab, "customers"), Salt::from_bytes([0xab; 32]));
        assert!(!text.contains("customers") && !text.contains("abab"), "{text}");
        assert!(!format!("{openings:?}").contains("customers"));
    }
}
