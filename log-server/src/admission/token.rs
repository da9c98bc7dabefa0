//! Bearer tokens: what a submitter shows instead of being anybody.
//!
//! ```text
//! tallymark_k5rJ8P0c...     "tallymark_" and 32 random bytes in base64url: 53 characters
//! ```
//!
//! 256 random bits cannot be guessed, so a plain SHA-256 is enough to keep them by: whoever reads the token file can
//! submit nothing. The text begins with a word so that tools which look for leaked secrets find it.
//!
//! In scope: the secret, its digest, what it allows. Out of scope: the file ([`crate::admission::token_file`]), the
//! header it comes in ([`crate::http`]).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use attest::digest::Sha256Digest;
use attest::model_name::ModelName;
pub use attest::name_pattern::NamePattern;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

const PREFIX: &str = "tallymark_";
const SECRET_BYTES: usize = 32;
/// Length of the text of a token, bytes.
pub const TOKEN_BYTES: usize = PREFIX.len() + 43;
/// Most patterns in one token.
pub const MAX_PATTERNS: usize = 32;
/// Longest life of a token, days: a year and a month, so that yearly rotation has time to overlap.
const MAX_LIFE_DAYS: u64 = 396;
const MAX_LABEL_BYTES: usize = 64;
/// Hex digits of a digest that name a token among the few of one log.
const ID_DIGITS: usize = 12;

/// A token, wiped from memory when dropped and never printed by accident.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A new one from the operating system's randomness.
    ///
    /// # Errors
    /// [`TokenError::NoRandomness`].
    pub fn generate() -> Result<Self, TokenError> {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        getrandom::fill(&mut *secret).map_err(|source| TokenError::NoRandomness { source })?;
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_BYTES));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(*secret, &mut text);
        Ok(Self(text))
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// SHA-256 of the text of a token. Compared in constant time.
#[derive(Clone, Copy)]
pub struct TokenDigest(Sha256Digest);

impl TokenDigest {
    /// Of a token's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256Digest::of(text.as_bytes()))
    }

    /// Names the token in listings and log lines.
    #[must_use]
    pub fn id(&self) -> TokenId {
        let mut hex = self.0.to_string();
        hex.truncate(ID_DIGITS);
        TokenId(hex)
    }

    /// 64 hex digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        self.0.to_string()
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDigest({}..)", self.id())
    }
}

impl FromStr for TokenDigest {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        text.parse().map(Self).map_err(|_| TokenError::Digest)
    }
}

/// The first 12 hex digits of a token's digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenId(String);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TokenId {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != ID_DIGITS || !text.bytes().all(is_digit) {
            return Err(TokenError::Id);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Who a token was made for: `[a-z0-9][a-z0-9._-]*`, at most 64 bytes. Not a secret, and not a person's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

impl FromStr for Label {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first = text.bytes().next().is_some_and(is_plain);
        let rest = text.bytes().all(|byte| is_plain(byte) || b"._-".contains(&byte));
        if !first || !rest || text.len() > MAX_LABEL_BYTES {
            return Err(TokenError::Label);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long a token lives: `90d`, `12h`, `30m`, at most 396 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life(Duration);

impl Life {
    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

impl FromStr for Life {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let unit = match text.chars().last() {
            Some('d') => 24 * 3600,
            Some('h') => 3600,
            Some('m') => 60,
            _ => return Err(TokenError::Life),
        };
        let (number, _) = text.split_at(text.len() - 1);
        let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        match seconds.filter(|seconds| plain && *seconds <= MAX_LIFE_DAYS * 24 * 3600) {
            Some(seconds) => Ok(Self(Duration::from_secs(seconds))),
            None => Err(TokenError::Life),
        }
    }
}

/// Who goes first when there is not room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "first or not")]
pub enum Class {
    /// Backfills: gets at most half of the queue, so it is the first to be refused.
    Bulk,
    /// Somebody waits for the answer.
    Normal,
}

impl FromStr for Class {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        match text {
            "bulk" => Ok(Self::Bulk),
            "normal" => Ok(Self::Normal),
            _ => Err(TokenError::Class),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bulk => "bulk",
            Self::Normal => "normal",
        })
    }
}

/// What the log knows of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// SHA-256 of its text.
    pub digest: TokenDigest,
    /// Who it was made for.
    pub label: Label,
    /// When it was made, seconds since 1970.
    pub created: u64,
    /// The first second at which it is no longer good.
    pub expires: u64,
    /// Names it may be used for: at least one pattern, at most 32.
    pub names: Vec<NamePattern>,
    /// Who goes first.
    pub class: Class,
}

impl Grant {
    /// What a new token is to allow.
    #[must_use]
    pub fn new(
        token: &Token,
        label: Label,
        now: u64,
        life: Life,
        names: Vec<NamePattern>,
        class: Class,
    ) -> Self {
        let expires = now.saturating_add(life.seconds());
        Self { digest: token.digest(), label, created: now, expires, names, class }
    }

    /// Names it in listings and log lines.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.digest.id()
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_expired(&self, now: u64) -> bool {
        now >= self.expires
    }

    /// Whether it may be used for this name.
    #[must_use]
    pub fn covers(&self, name: &ModelName) -> bool {
        self.names.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether it may be used for every name, and so for one that is not shown.
    #[must_use]
    pub fn covers_all(&self) -> bool {
        self.names.iter().any(|pattern| pattern.as_str() == "**")
    }
}

/// Why a text is no part of a token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Neither of two.
    #[error("class is bulk or normal")]
    Class,
    /// Not a digest.
    #[error("a token's digest is 64 lower-case hex digits")]
    Digest,
    /// Not an id.
    #[error("a token's id is {ID_DIGITS} lower-case hex digits, as `token list` shows it")]
    Id,
    /// Not a label.
    #[error(
        "a token's name is a-z 0-9 . _ -, begins with a letter or digit and has at most {MAX_LABEL_BYTES} bytes"
    )]
    Label,
    /// Not a time, or too long a one.
    #[error("a token's life is a number and d, h or m, such as 90d, at most {MAX_LIFE_DAYS}d")]
    Life,
    /// The system gave no randomness.
    #[error("the system gives no randomness")]
    NoRandomness {
        /// What it said.
        source: getrandom::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_256_random_bits_in_one_line() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_eq!(one.reveal().len(), TOKEN_BYTES);
        assert_eq!(URL_SAFE_NO_PAD.decode(&one.reveal()[PREFIX.len()..]).unwrap().len(), SECRET_BYTES);
        assert_ne!(one.reveal(), other.reveal());
        assert_ne!(one.digest(), other.digest());
        assert_eq!(TokenDigest::of(one.reveal()), one.digest());
    }

    #[test]
    fn no_printing_shows_the_secret() {
        let token = Token::generate().unwrap();
        let grant = Grant::new(
            &token,
            "ci".parse().unwrap(),
            0,
            "1d".parse().unwrap(),
            vec!["**".parse().unwrap()],
            Class::Normal,
        );
        let shown = format!("{token:?} {grant:?} {}", grant.id());
        assert!(!shown.contains(&token.reveal()[PREFIX.len()..]), "{shown}");
        assert!(!shown.contains(&token.digest().to_hex()), "{shown}");
    }

    #[test]
    fn a_life_is_a_number_and_a_unit() {
        for (text, seconds) in [("90d", 7_776_000), ("12h", 43_200), ("1m", 60), ("396d", 34_214_400)] {
            assert_eq!(text.parse::<Life>().unwrap().seconds(), seconds);
        }
        for text in
            ["", "d", "0d", "90", "90s", "397d", "-1d", "+1d", "1.5d", "01d", "9999999999999999999d", "1é"]
        {
            assert!(text.parse::<Life>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_label_and_an_id_have_narrow_alphabets() {
        for text in ["ci", "a", "build-2.x_y", &"a".repeat(64)] {
            assert_eq!(text.parse::<Label>().unwrap().to_string(), text);
        }
        for text in ["", "-a", "A", "a b", "a\n", "é", &"a".repeat(65)] {
            assert!(text.parse::<Label>().is_err(), "{text:?}");
        }
        assert!("0123456789ab".parse::<TokenId>().is_ok());
        for text in ["", "0123456789a", "0123456789AB", "0123456789abc"] {
            assert!(text.parse::<TokenId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_grant_ends_at_its_second() {
        let token = Token::generate().unwrap();
        let names = vec!["acme/*".parse().unwrap(), "zeta".parse().unwrap()];
        let grant = Grant::new(&token, "ci".parse().unwrap(), 100, "1m".parse().unwrap(), names, Class::Bulk);
        assert!(!grant.is_expired(159) && grant.is_expired(160));
        let covers = |name: &str| grant.covers(&name.parse().unwrap());
        assert!(covers("acme/churn") && covers("zeta") && !covers("acme/eu/churn") && !covers("zeta2"));
    }
}
