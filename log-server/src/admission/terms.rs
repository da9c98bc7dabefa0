//! What an entry can be found by, and what a question means: the one place where the term index meets entries.
//!
//! | term | of an entry | asked for by |
//! |---|---|---|
//! | name | the name | `name=acme/churn` |
//! | prefix | each prefix of the name that ends in `/` | `name=acme/` |
//! | key | key id: SHA-256 of the SubjectPublicKeyInfo | `key=`, 64 hex digits |
//! | digest | the statement digest, and each subject's | `digest=`, 64 or 40 hex digits |
//! | input | each input's digest | `input=`, 64 or 40 hex digits |
//!
//! A private entry has commitments in the place of digests, which are found like these by whoever has the salt to compute them.
//! Those to its name and version label count among what is asked for by `digest=`: 32 bytes that say nothing by themselves.
//!
//! Form and role of a digest are not part of its term: who asks "what was made from this" seldom knows as what.
//! The bytes of a term are one byte for the kind and then the value.

use attest::entry::EntryName;
use thiserror::Error;

use crate::term_index::Term;

const NAME: u8 = 1;
const PREFIX: u8 = 2;
const KEY: u8 = 3;
const DIGEST: u8 = 4;
const INPUT: u8 = 5;

/// The terms of an entry, each once; `None` for bytes that are no entry.
#[must_use]
pub fn terms(entry: &[u8]) -> Option<Vec<Term>> {
    let entry = super::parsed(entry).ok()?;
    let payload = entry.payload();
    let mut terms = vec![
        Term::new(KEY, payload.key().key_id().as_bytes()),
        Term::new(DIGEST, payload.statement().as_bytes()),
    ];
    match payload.entry_name() {
        EntryName::Shown { name, .. } => {
            let name = name.as_str();
            terms.push(Term::new(NAME, name.as_bytes()));
            let slashes = name.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
            terms.extend(slashes.filter_map(|(at, _)| Some(Term::new(PREFIX, name.as_bytes().get(..=at)?))));
        }
        EntryName::Private { name, version } => {
            terms.extend([name, version].map(|commitment| Term::new(DIGEST, commitment.as_bytes())));
        }
    }
    terms.extend(payload.subjects().iter().map(|subject| Term::new(DIGEST, subject.digest())));
    terms.extend(payload.inputs().iter().map(|input| Term::new(INPUT, input.digest())));
    terms.sort_unstable();
    terms.dedup();
    Some(terms)
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// What the entry is about: a subject, or the statement itself, or of a private entry the commitment to one of these, to the
    /// name or to the version label.
    Digest,
    /// What that was made from.
    Input,
    /// Who signed.
    Key,
    /// What it is called.
    Name,
}

impl Field {
    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "digest" => Some(Self::Digest),
            "input" => Some(Self::Input),
            "key" => Some(Self::Key),
            "name" => Some(Self::Name),
            _ => None,
        }
    }

    /// The term that entries have which answer to `value`.
    ///
    /// # Errors
    /// [`TermError`]: no entry can have such a value.
    pub fn term(self, value: &str) -> Result<Term, TermError> {
        match self {
            Self::Digest => Ok(Term::new(DIGEST, &hex(value, &[20, 32])?)),
            Self::Input => Ok(Term::new(INPUT, &hex(value, &[20, 32])?)),
            Self::Key => Ok(Term::new(KEY, &hex(value, &[32])?)),
            Self::Name => {
                let name = value.strip_suffix('/');
                let parsed: Result<attest::model_name::ModelName, _> = name.unwrap_or(value).parse();
                parsed.map_err(|_| TermError::Name)?;
                Ok(Term::new(if name.is_some() { PREFIX } else { NAME }, value.as_bytes()))
            }
        }
    }
}

/// Lower-case hex digits of a value of one of these lengths, in bytes.
fn hex(text: &str, lengths: &[usize]) -> Result<Vec<u8>, TermError> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() || !lengths.contains(&pairs.len()) {
        return Err(TermError::Length { len: text.len() });
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(TermError::Digit),
    };
    pairs.iter().map(|[high, low]| Ok((digit(*high)? << 4) | digit(*low)?)).collect()
}

/// Why a value cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TermError {
    /// Another character than `0-9` and `a-f`.
    #[error("want lower-case hex digits")]
    Digit,
    /// Neither SHA-256 nor a git commit.
    #[error("{len} characters, want 64 hex digits, or 40 for a git commit")]
    Length {
        /// What was given.
        len: usize,
    },
    /// Neither a name nor a prefix of one.
    #[error("want a name such as acme/churn, or a prefix such as acme/")]
    Name,
}
