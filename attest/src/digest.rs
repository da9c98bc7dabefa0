//! SHA-256 digests of files, payloads and keys (FIPS 180-4).
//!
//! In scope: the value, its one text form (64 lower-case hex digits, as in-toto's digest sets spell it), and
//! streaming computation. Out of scope: hashes of the Merkle tree, which are [`merkle::Hash`].

use core::fmt;
use core::str::FromStr;

use sha2::Digest as _;

/// The SHA-256 digest of some bytes: 32 bytes, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest([u8; Self::LEN]);

impl Sha256Digest {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Hashes `data` in one go.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        Self(sha2::Sha256::digest(data).into())
    }

    /// Takes 32 bytes that are known to be a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Takes a slice of exactly 32 bytes; any other length is `None`.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Lends the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Gives the 32 bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0
    }

    /// Reads a digest that stands alone in a text and so names its algorithm: `sha256:` and 64 hex digits.
    ///
    /// # Errors
    /// [`DigestError::NoAlgorithm`] without that prefix, else what the digits break.
    pub fn from_named(text: &str) -> Result<Self, DigestError> {
        text.strip_prefix(ALGORITHM_PREFIX).ok_or(DigestError::NoAlgorithm)?.parse()
    }

    /// Writes it as [`Sha256Digest::from_named`] reads it.
    #[must_use]
    pub fn to_named(self) -> String {
        format!("{ALGORITHM_PREFIX}{self}")
    }
}

/// What a digest begins with where nothing around it says how it was made.
const ALGORITHM_PREFIX: &str = "sha256:";

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// A character that is not `0-9` or `a-f`; upper case counts, so that a digest has one spelling.
    #[error("character {found:?} at offset {offset} of a digest, want a lower-case hex digit")]
    BadDigit {
        /// The character seen.
        found: char,
        /// Its byte offset in the text.
        offset: usize,
    },
    /// Not 64 characters.
    #[error("digest of {len} characters, want 64")]
    BadLength {
        /// The length seen, in bytes.
        len: usize,
    },
    /// No `sha256:` where a digest has to name its algorithm.
    #[error("digest without its algorithm, want sha256: and 64 hex digits")]
    NoAlgorithm,
}

impl FromStr for Sha256Digest {
    type Err = DigestError;

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`DigestError::BadLength`] for any other length, [`DigestError::BadDigit`] for any other character.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        if let Some((offset, found)) = text.char_indices().find(|(_, c)| !matches!(c, '0'..='9' | 'a'..='f'))
        {
            return Err(DigestError::BadDigit { found, offset });
        }
        let (pairs, odd) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != Self::LEN || !odd.is_empty() {
            return Err(DigestError::BadLength { len: text.len() });
        }
        let mut bytes = [0; Self::LEN];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = (nibble(*high) << 4) | nibble(*low);
        }
        Ok(Self(bytes))
    }
}

/// The value of a digit that is already known to be `0-9` or `a-f`.
const fn nibble(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
}

/// SHA-256 over bytes that arrive piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Starts with nothing hashed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Ends, and gives the digest of all bytes taken in.
    #[must_use]
    pub fn finish(self) -> Sha256Digest {
        Sha256Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's own example: the message "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn text_form_is_read_and_written_back() {
        let digest: Sha256Digest = ABC.parse().expect("64 hex digits");
        assert_eq!(digest, Sha256Digest::of(b"abc"));
        assert_eq!(digest.to_string(), ABC);
        assert_eq!(format!("{digest:?}"), ABC);
        assert_eq!(Sha256Digest::from_slice(digest.as_bytes()), Some(digest));
        assert_eq!(Sha256Digest::from_slice(&[0; 31]), None);
    }

    #[test]
    fn a_digest_that_stands_alone_names_its_algorithm() {
        let digest = Sha256Digest::of(b"abc");
        assert_eq!(digest.to_named(), format!("sha256:{ABC}"));
        assert_eq!(Sha256Digest::from_named(&digest.to_named()), Ok(digest));
        for text in [ABC.to_owned(), format!("SHA256:{ABC}"), format!("sha512:{ABC}"), String::new()] {
            assert_eq!(Sha256Digest::from_named(&text), Err(DigestError::NoAlgorithm), "{text:?}");
        }
        assert_eq!(Sha256Digest::from_named("sha256:"), Err(DigestError::BadLength { len: 0 }));
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let mut hasher = Sha256::new();
        hasher.update(b"a");
        hasher.update(b"");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), Sha256Digest::of(b"abc"));
    }

    #[test]
    fn parse_refuses_other_spellings() {
        let bad_length = |len| DigestError::BadLength { len };
        let bad_digit = |found, offset| DigestError::BadDigit { found, offset };
        let cases = [
            (String::new(), bad_length(0)),
            (ABC[1..].to_owned(), bad_length(63)),
            (ABC[2..].to_owned(), bad_length(62)),
            (format!("{ABC}0"), bad_length(65)),
            (format!("{ABC}00"), bad_length(66)),
            (ABC.to_uppercase(), bad_digit('B', 0)),
            (format!("0x{}", &ABC[2..]), bad_digit('x', 1)),
            (format!("{ABC}\n"), bad_digit('\n', 64)),
            (format!(" {}", &ABC[1..]), bad_digit(' ', 0)),
            ("é".repeat(32), bad_digit('é', 0)),
        ];
        for (text, reason) in cases {
            assert_eq!(text.parse::<Sha256Digest>(), Err(reason), "{text:?}");
        }
    }
}
