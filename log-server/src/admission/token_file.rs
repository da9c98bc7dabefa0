//! `DIR/tokens`: the digests of a log's bearer tokens, mode 0600.
//!
//! ```json
//! {
//!   "version": 1,
//!   "tokens": [
//!     {
//!       "sha256": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
//!       "name": "ci",
//!       "created": 1795744800,
//!       "expires": 1803520800,
//!       "names": [
//!         "acme/*"
//!       ],
//!       "class": "normal"
//!     }
//!   ]
//! }
//! ```
//!
//! It is written by `tallymark-log token` and read by a server that may be running: a new file takes the place of the
//! old one in one rename, and writers keep each other out with a lock beside it.
//!
//! In scope: the file. Out of scope: what a token is ([`crate::admission::token`]).

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::admission::token::{Class, Grant, MAX_PATTERNS, TOKEN_BYTES, TokenDigest, TokenId};

/// Largest file.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// Most tokens of one log, so that comparing with all of them stays cheap.
pub const MAX_TOKENS: usize = 1000;
/// Tokens of one name that may be good at the same time: the one in use and the one that takes its place.
pub const MAX_PER_LABEL: usize = 2;
const VERSION: u32 = 1;
/// Permission bits the file may not have: anything for group or others.
const FORBIDDEN_MODE: u32 = 0o077;

/// The tokens of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    grants: Vec<Grant>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    tokens: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    sha256: String,
    name: String,
    created: u64,
    expires: u64,
    names: Vec<String>,
    class: Class,
}

impl Tokens {
    /// Reads a file; no file means no tokens.
    ///
    /// # Errors
    /// [`TokenFileError::Permissions`] if others may read or change it, [`TokenFileError::Io`], and what
    /// [`Tokens::parse`] says.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        let io = |source| TokenFileError::Io { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(io(error)),
        };
        let mode = file.metadata().map_err(io)?.mode() & 0o777;
        if mode & FORBIDDEN_MODE != 0 {
            return Err(TokenFileError::Permissions { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
        Self::parse(&bytes)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// [`TokenFileError::TooLong`], [`TokenFileError::Syntax`], [`TokenFileError::Version`],
    /// [`TokenFileError::TooMany`], or [`TokenFileError::Row`] with the first token that is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, TokenFileError> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(TokenFileError::TooLong { limit_bytes: MAX_FILE_BYTES });
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|source| TokenFileError::Syntax { source })?;
        if document.version != VERSION {
            return Err(TokenFileError::Version { seen: document.version });
        }
        if document.tokens.len() > MAX_TOKENS {
            return Err(TokenFileError::TooMany { limit: MAX_TOKENS });
        }
        let mut grants: Vec<Grant> = Vec::with_capacity(document.tokens.len());
        for (at, row) in document.tokens.into_iter().enumerate() {
            let grant = row.grant().ok_or(TokenFileError::Row { number: at + 1 })?;
            if grants.iter().any(|other| other.digest == grant.digest) {
                return Err(TokenFileError::Row { number: at + 1 });
            }
            grants.push(grant);
        }
        Ok(Self { grants })
    }

    /// The bytes of a file; [`Tokens::parse`] reads them back.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let tokens = self.grants.iter().map(Row::of).collect();
        // Numbers and strings always serialise.
        let mut bytes = serde_json::to_vec_pretty(&Document { version: VERSION, tokens }).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// All of them, in the order they were made.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The grant of a token that somebody shows. Takes the same time for every text of a token's length.
    #[must_use]
    pub fn find(&self, shown: &str) -> Option<&Grant> {
        if shown.len() != TOKEN_BYTES {
            return None;
        }
        let digest = TokenDigest::of(shown);
        let mut found = None;
        for grant in &self.grants {
            // No early end: how far a search comes is nobody's business.
            if grant.digest == digest {
                found = Some(grant);
            }
        }
        found
    }

    /// Adds a token.
    ///
    /// # Errors
    /// [`TokenFileError::LabelTaken`] if two tokens of its name are good at `now`, [`TokenFileError::TooMany`].
    pub fn add(&mut self, grant: Grant, now: u64) -> Result<(), TokenFileError> {
        let same = |other: &&Grant| other.label == grant.label && !other.is_expired(now);
        if self.grants.iter().filter(same).count() >= MAX_PER_LABEL {
            return Err(TokenFileError::LabelTaken { label: grant.label.to_string() });
        }
        if self.grants.len() >= MAX_TOKENS {
            return Err(TokenFileError::TooMany { limit: MAX_TOKENS });
        }
        self.grants.push(grant);
        Ok(())
    }

    /// Takes a token out.
    ///
    /// # Errors
    /// [`TokenFileError::Unknown`] if there is none with this id.
    pub fn revoke(&mut self, id: &TokenId) -> Result<Grant, TokenFileError> {
        let at = self.grants.iter().position(|grant| grant.id() == *id);
        let at = at.ok_or_else(|| TokenFileError::Unknown { id: id.clone() })?;
        Ok(self.grants.remove(at))
    }
}

impl Row {
    fn of(grant: &Grant) -> Self {
        Self {
            sha256: grant.digest.to_hex(),
            name: grant.label.to_string(),
            created: grant.created,
            expires: grant.expires,
            names: grant.names.iter().map(ToString::to_string).collect(),
            class: grant.class,
        }
    }

    fn grant(self) -> Option<Grant> {
        if self.names.is_empty() || self.names.len() > MAX_PATTERNS {
            return None;
        }
        let names = self.names.iter().map(|name| name.parse()).collect::<Result<_, _>>();
        Some(Grant {
            digest: self.sha256.parse().ok()?,
            label: self.name.parse().ok()?,
            created: self.created,
            expires: self.expires,
            names: names.ok()?,
            class: self.class,
        })
    }
}

/// Changes a token file: reads it, lets `change` at it, and puts the result in its place, on disk when this returns.
///
/// # Errors
/// As [`Tokens::read`], what `change` says, and [`TokenFileError::Io`].
pub fn update<T>(
    path: &Path,
    change: impl FnOnce(&mut Tokens) -> Result<T, TokenFileError>,
) -> Result<T, TokenFileError> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let (lock_path, next_path) = (beside(".lock"), beside(".next"));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| TokenFileError::Io { path, source }
    };
    let mut private = OpenOptions::new();
    private.write(true).create(true).mode(0o600);
    let lock = private.clone().truncate(false).open(&lock_path).map_err(io(&lock_path))?;
    lock.lock().map_err(io(&lock_path))?;
    let mut tokens = Tokens::read(path)?;
    let done = change(&mut tokens)?;
    // Left over only if a writer died half way; the mode of a new file is the only one that counts.
    match std::fs::remove_file(&next_path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(&next_path)(error)),
        _ => {}
    }
    let mut next = private.create_new(true).open(&next_path).map_err(io(&next_path))?;
    next.write_all(&tokens.to_bytes()).and_then(|()| next.sync_all()).map_err(io(&next_path))?;
    std::fs::rename(&next_path, path).map_err(io(path))?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))?;
    Ok(done)
}

/// Why a token file cannot be used, or not be changed like that.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// The file could not be read or written.
    #[error("could not use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Two good tokens of a name are enough.
    #[error("{MAX_PER_LABEL} tokens named {label:?} are good already")]
    LabelTaken {
        /// The name.
        label: String,
    },
    /// Others may read or change the file.
    #[error("{}: permissions are {mode:o}, wanted 600", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A token with a value that is none, or there twice.
    #[error("token {number} of the file is not one")]
    Row {
        /// Which, from 1.
        number: usize,
    },
    /// Not JSON, or unknown, missing or mistyped keys.
    #[error("not a token file")]
    Syntax {
        /// Where reading stopped.
        source: serde_json::Error,
    },
    /// Longer than any token file.
    #[error("more than {limit_bytes} bytes")]
    TooLong {
        /// What is read.
        limit_bytes: usize,
    },
    /// More tokens than a log has.
    #[error("more than {limit} tokens")]
    TooMany {
        /// What is taken.
        limit: usize,
    },
    /// No token has this id.
    #[error("no token has the id {id}")]
    Unknown {
        /// What was given.
        id: TokenId,
    },
    /// Another version of the format.
    #[error("version {seen}, wanted {VERSION}")]
    Version {
        /// What stands there.
        seen: u32,
    },
}

impl TokenFileError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::LabelTaken { .. } => {
                Some("revoke the older one: tallymark-log token list, then token revoke ID")
            }
            Self::Permissions { .. } => {
                Some("chmod 600 the file, and make new tokens if others may have read it")
            }
            Self::Row { .. } | Self::Syntax { .. } | Self::Version { .. } => Some(
                "the file is written by tallymark-log token; restore it, or move it away and make new tokens",
            ),
            Self::TooMany { .. } => Some("revoke those that have expired: tallymark-log token list"),
            Self::Unknown { .. } => Some("tallymark-log token list shows the ids"),
            Self::Io { .. } | Self::TooLong { .. } => None,
        }
    }

    /// Whether the system failed, and not the file or the request.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self, Self::Io { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::token::Token;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn grant(label: &str, now: u64) -> (Token, Grant) {
        let token = Token::generate().unwrap();
        let names = vec!["acme/*".parse().unwrap(), "**".parse().unwrap()];
        let (label, life) = (label.parse().unwrap(), "1d".parse().unwrap());
        let grant = Grant::new(&token, label, now, life, names, Class::Bulk);
        (token, grant)
    }

    #[test]
    fn tokens_are_read_back_as_written() {
        let mut tokens = Tokens::default();
        assert_eq!(Tokens::parse(&tokens.to_bytes()).unwrap(), tokens);
        for label in ["ci", "nightly"] {
            tokens.add(grant(label, 5).1, 5).unwrap();
        }
        assert_eq!(Tokens::parse(&tokens.to_bytes()).unwrap(), tokens);
    }

    #[test]
    fn the_example_of_the_page_is_read_and_written_back() {
        let example = include_bytes!("../../../testdata/admission/tokens.json");
        let tokens = Tokens::parse(example).unwrap();
        assert_eq!(tokens.grants()[0].id().to_string(), "8f434346648f");
        assert_eq!(tokens.to_bytes(), example);
    }

    #[test]
    fn a_token_is_found_by_its_text_and_nothing_like_it() {
        let mut tokens = Tokens::default();
        let (token, first) = grant("ci", 0);
        tokens.add(first.clone(), 0).unwrap();
        tokens.add(grant("other", 0).1, 0).unwrap();
        assert_eq!(tokens.find(token.reveal()), Some(&first));
        let text = token.reveal();
        let mut flipped = text.to_owned();
        flipped.replace_range(52.., if text.ends_with('A') { "B" } else { "A" });
        for other in ["", &text[1..], &format!("{text} "), &flipped, &first.digest.to_hex()] {
            assert_eq!(tokens.find(other), None, "{other:?}");
        }
    }

    #[test]
    fn two_tokens_of_a_name_are_good_at_once_and_no_third() {
        let mut tokens = Tokens::default();
        tokens.add(grant("ci", 0).1, 0).unwrap();
        tokens.add(grant("ci", 1).1, 1).unwrap();
        let refused = tokens.add(grant("ci", 2).1, 2).unwrap_err();
        assert!(matches!(refused, TokenFileError::LabelTaken { .. }));
        tokens.add(grant("other", 2).1, 2).unwrap();
        tokens.add(grant("ci", 86_400).1, 86_400).unwrap();
    }

    #[test]
    fn a_revoked_token_is_gone() {
        let mut tokens = Tokens::default();
        let (token, first) = grant("ci", 0);
        let id = first.id();
        tokens.add(first, 0).unwrap();
        tokens.revoke(&id).unwrap();
        assert_eq!(tokens.find(token.reveal()), None);
        assert!(matches!(tokens.revoke(&id), Err(TokenFileError::Unknown { .. })));
    }

    #[test]
    fn the_file_is_private_and_holds_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        assert_eq!(Tokens::read(&path).unwrap(), Tokens::default());
        let (token, first) = grant("ci", 0);
        update(&path, |tokens| tokens.add(first, 0)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(Tokens::read(&path).unwrap().find(token.reveal()).is_some());
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(token.reveal()) && !text.contains("tallymark_"), "{text}");
        fs::write(dir.path().join("tokens.next"), "left over").unwrap();
        update(&path, |tokens| tokens.add(grant("other", 0).1, 0)).unwrap();
        assert_eq!(Tokens::read(&path).unwrap().grants().len(), 2);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Tokens::read(&path), Err(TokenFileError::Permissions { mode: 0o640, .. })));
        let changed = update(&path, |_| Ok(()));
        assert!(matches!(changed, Err(TokenFileError::Permissions { .. })), "a loose file is not made good");
    }

    #[test]
    fn a_refused_change_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        update(&path, |tokens| tokens.add(grant("ci", 0).1, 0)).unwrap();
        let before = fs::read(&path).unwrap();
        let id = "0123456789ab".parse().unwrap();
        update(&path, |tokens| tokens.revoke(&id)).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn what_is_no_token_file_is_refused() {
        let mut tokens = Tokens::default();
        tokens.add(grant("ci", 0).1, 0).unwrap();
        let text = String::from_utf8(tokens.to_bytes()).unwrap();
        let parse = |text: &str| Tokens::parse(text.as_bytes()).unwrap_err();
        let with = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            parse(&text.replace(from, to))
        };
        assert!(matches!(parse(""), TokenFileError::Syntax { .. }));
        assert!(matches!(parse(&format!("{text}x")), TokenFileError::Syntax { .. }));
        assert!(matches!(with("\"version\": 1", "\"version\": 2"), TokenFileError::Version { seen: 2 }));
        assert!(matches!(
            with("\"version\": 1", "\"version\": 1, \"version\": 1"),
            TokenFileError::Syntax { .. }
        ));
        assert!(matches!(with("\"class\": \"bulk\"", "\"class\": \"fast\""), TokenFileError::Syntax { .. }));
        assert!(matches!(with("\"created\": 0", "\"created\": -1"), TokenFileError::Syntax { .. }));
        assert!(matches!(with("\"created\": 0", "\"made\": 0"), TokenFileError::Syntax { .. }));
        assert!(matches!(with("\"name\": \"ci\"", "\"name\": \"CI\""), TokenFileError::Row { number: 1 }));
        assert!(matches!(with("acme/*", "acme//x"), TokenFileError::Row { number: 1 }));
        assert!(matches!(parse(&" ".repeat(MAX_FILE_BYTES + 1)), TokenFileError::TooLong { .. }));
        let row = &text[text.find("    {").unwrap()..=text.rfind("    }").unwrap() + 4];
        let twice = text.replace(row, &format!("{row},\n{row}"));
        assert!(matches!(parse(&twice), TokenFileError::Row { number: 2 }));
    }
}
