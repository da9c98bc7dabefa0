//! Tokens and allow-list as they stand in their files, read again when a file changes.
//!
//! A running server looks at the files once a second, so that a revoked token is refused two seconds later and no
//! signal has to be sent. Rules that cannot be read let nobody in: whoever revokes a key and misspells it must not
//! leave the old rules in force without knowing. Reading the log is not concerned.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use thiserror::Error;

use crate::admission::publishers::{Publishers, PublishersError};
use crate::admission::token_file::{TokenFileError, Tokens};

/// What the files say.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Rules {
    /// Tokens; none if there is no file.
    pub tokens: Tokens,
    /// The allow-list, if one is named.
    pub publishers: Option<Publishers>,
}

/// Where the files are.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RuleFiles {
    /// The token file; need not exist. No tokens if `None`.
    pub tokens: Option<PathBuf>,
    /// The allow-list; must exist. Every key may sign every name if `None`.
    pub publishers: Option<PathBuf>,
}

impl RuleFiles {
    /// These two.
    #[must_use]
    pub fn new(tokens: Option<PathBuf>, publishers: Option<PathBuf>) -> Self {
        Self { tokens, publishers }
    }

    fn read(&self) -> Result<Rules, RulesError> {
        let tokens = self.tokens.as_deref().map(|path| {
            Tokens::read(path).map_err(|source| RulesError::Tokens { path: path.to_owned(), source })
        });
        let publishers = self.publishers.as_deref().map(|path| {
            Publishers::read(path).map_err(|source| RulesError::Publishers { path: path.to_owned(), source })
        });
        Ok(Rules { tokens: tokens.transpose()?.unwrap_or_default(), publishers: publishers.transpose()? })
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.tokens, &self.publishers].map(|path| path.as_deref().map_or(Stamp::Unnamed, Stamp::of))
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    /// No file is named.
    Unnamed,
    /// None there, or not to be looked at.
    Missing(io::ErrorKind),
    /// Inode, size, permissions, and time of the last change in nanoseconds.
    Seen(u64, u64, u32, i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) => {
                Self::Seen(found.ino(), found.size(), found.mode(), found.ctime(), found.ctime_nsec())
            }
            Err(error) => Self::Missing(error.kind()),
        }
    }
}

/// The rules in force.
#[derive(Debug)]
pub struct RuleBook {
    files: RuleFiles,
    // `None` while the files cannot be read. Held to clone or to swap the pointer.
    current: RwLock<Option<Arc<Rules>>>,
    // What the files looked like before they were last read. Held while they are read, so by one thread at a time.
    stamps: Mutex<[Stamp; 2]>,
}

impl RuleBook {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// [`RulesError`]: a server does not start with rules it cannot read.
    pub fn open(files: RuleFiles) -> Result<Self, RulesError> {
        // Before reading: a change meanwhile is then seen at the next look.
        let stamps = files.stamps();
        let rules = files.read()?;
        Ok(Self { files, current: RwLock::new(Some(Arc::new(rules))), stamps: Mutex::new(stamps) })
    }

    /// No tokens and no allow-list.
    #[must_use]
    pub fn empty() -> Self {
        let files = RuleFiles::default();
        let stamps = files.stamps();
        Self { files, current: RwLock::new(Some(Arc::default())), stamps: Mutex::new(stamps) }
    }

    /// The rules in force; `None` while they cannot be read.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Rules>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is any file to look at.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.files.tokens.is_some() || self.files.publishers.is_some()
    }

    /// Looks at the files and reads them if they have changed. Waits for the disk.
    pub fn refresh(&self) {
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.files.stamps();
        if *stamps == now {
            return;
        }
        *stamps = now;
        let rules = match self.files.read() {
            Ok(rules) => {
                let (tokens, has_publishers) = (rules.tokens.grants().len(), rules.publishers.is_some());
                tracing::info!(tokens, has_publishers, "admission rules read again");
                Some(Arc::new(rules))
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "admission rules cannot be read, no entries are taken");
                None
            }
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }
}

/// Why there are no rules.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The allow-list cannot be used.
    #[error("{}: no list of publishers can be read", path.display())]
    Publishers {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PublishersError,
    },
    /// The token file cannot be used.
    #[error("{}: no tokens can be read", path.display())]
    Tokens {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TokenFileError,
    },
}

impl RulesError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Publishers { .. } => {
                Some("spec/admission.md shows the form; without --publishers every key may sign")
            }
            Self::Tokens { source, .. } => source.hint(),
        }
    }

    /// Whether the system failed, and not the file.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Publishers { source, .. } => matches!(source, PublishersError::Io { .. }),
            Self::Tokens { source, .. } => source.is_io(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::token::{Class, Grant, Token};
    use crate::admission::token_file::update;

    fn files(dir: &Path) -> RuleFiles {
        RuleFiles::new(Some(dir.join("tokens")), Some(dir.join("publishers.toml")))
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("publishers.toml");
        fs::write(&list, "version = 1\nothers = \"any\"\n").unwrap();
        let book = RuleBook::open(files(dir.path())).unwrap();
        let before = book.current().unwrap();
        book.refresh();
        assert!(Arc::ptr_eq(&before, &book.current().unwrap()), "unchanged files are not read");

        let token = Token::generate().unwrap();
        let (label, life) = ("ci".parse().unwrap(), "1d".parse().unwrap());
        let grant = Grant::new(&token, label, 0, life, vec!["**".parse().unwrap()], Class::Normal);
        let id = grant.id();
        update(&dir.path().join("tokens"), |tokens| tokens.add(grant, 0)).unwrap();
        book.refresh();
        assert!(book.current().unwrap().tokens.find(token.reveal()).is_some());
        update(&dir.path().join("tokens"), |tokens| tokens.revoke(&id)).unwrap();
        book.refresh();
        assert!(book.current().unwrap().tokens.find(token.reveal()).is_none());

        fs::write(&list, "version = 1\nothers = \"refuse\"\nmisspelt").unwrap();
        book.refresh();
        assert!(book.current().is_none());
        fs::write(&list, "version = 1\nothers = \"refuse\"\n").unwrap();
        book.refresh();
        assert!(book.current().is_some());
        fs::remove_file(&list).unwrap();
        book.refresh();
        assert!(book.current().is_none(), "a list that is gone is not an empty one");
    }

    #[test]
    fn a_server_does_not_start_without_its_rules() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(RuleBook::open(files(dir.path())), Err(RulesError::Publishers { .. })));
        fs::write(dir.path().join("publishers.toml"), "version = 1\nothers = \"any\"\n").unwrap();
        RuleBook::open(files(dir.path())).unwrap();
        fs::write(dir.path().join("tokens"), "{}").unwrap();
        assert!(matches!(RuleBook::open(files(dir.path())), Err(RulesError::Tokens { .. })));
    }
}
