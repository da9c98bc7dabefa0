//! What is watched for, and whether an entry is that.
//!
//! ```toml
//! [[watch]]
//! name = "acme/*"                       # or key, digest, input: one of the four
//! keys = ["MCowBQYDK2VwAyEA..."]        # who signs there; SPKI in base64, or a key id in hex
//! label = "our models"
//!
//! [[watch]]
//! name = "acme/p7"                      # one name; or digest, input
//! salt = "5a5a..."                      # the model's: private entries about it are found too
//! ```
//!
//! A private entry shows a kind and a key. Who has no salt of the model can watch for the key alone.

mod error;

use std::collections::{HashMap, HashSet};

use attest::digest::Sha256Digest;
use attest::entry::{EntryName, EntryPayload, ModelSalt};
use attest::key::PublicKey;
use attest::model_name::ModelName;
use attest::name_pattern::NamePattern;
use attest::statement::StatementKind;
use merkle::LeafHash;
use serde::Deserialize;

pub use self::error::WatchError;
use crate::lookalike::{FoldedName, FoldedPattern};
use crate::reason::Reason;

/// Most watches; each name is compared with each of them.
pub const MAX_WATCHES: usize = 10_000;

/// `[[watch]]`, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct WatchTable {
    /// A model name or a pattern.
    pub name: Option<String>,
    /// A publisher's key.
    pub key: Option<String>,
    /// A digest of a model, a file, a dataset or a statement.
    pub digest: Option<String>,
    /// A digest of something that others may have made something from.
    pub input: Option<String>,
    /// Of a name, digest or input: the salt of the model whose private entries are to be found by it too.
    pub salt: Option<String>,
    /// Of a name: the keys that sign there. What they sign is not told.
    pub keys: Vec<String>,
    /// Of a name with keys: what they sign is told too, unless it is on the expected list.
    pub every: bool,
    /// Of a name: names that look like it are told.
    pub lookalikes: Option<bool>,
    /// What people call it.
    pub label: Option<String>,
}

#[derive(Debug)]
struct NameWatch {
    watch: usize,
    pattern: NamePattern,
    // What stands for the name in private entries.
    hidden: Option<Sha256Digest>,
    folded: Option<FoldedPattern>,
    keys: HashSet<Sha256Digest>,
    every: bool,
}

impl NameWatch {
    fn covers(&self, name: &EntryName) -> bool {
        match name {
            EntryName::Shown { name, .. } => self.pattern.matches(name),
            EntryName::Private { name, .. } => self.hidden == Some(*name),
        }
    }
}

/// All that is watched for.
#[derive(Debug, Default)]
pub struct Watchlist {
    labels: Vec<String>,
    names: Vec<NameWatch>,
    keys: HashMap<Sha256Digest, usize>,
    digests: HashMap<Vec<u8>, usize>,
    inputs: HashMap<Vec<u8>, usize>,
}

/// What an entry says, as far as somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The kind of statement.
    pub kind: StatementKind,
    /// The name; of a private entry only if a watch with its salt knows it.
    pub name: Option<String>,
    /// The version label, unless it is private.
    pub version: Option<String>,
    /// Who signed.
    pub key_id: Sha256Digest,
    /// What was signed, unless that is private.
    pub statement: Option<Sha256Digest>,
}

/// An entry that may concern somebody.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Find {
    /// Where it is.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: LeafHash,
    /// Why; may be empty if only what came before can tell.
    pub reasons: Vec<Reason>,
    /// Which watches, by their labels.
    pub labels: Vec<String>,
    /// Key ids that were expected under the name.
    pub expected: Vec<Sha256Digest>,
    /// Whether who signs the name is to be remembered.
    pub is_tracked: bool,
    /// What it says, if it can be read.
    pub facts: Option<Facts>,
    /// What was seen of one that cannot.
    pub detail: Option<String>,
}

impl Find {
    /// An entry that is none, or that nobody signed.
    #[must_use]
    pub fn unreadable(index: u64, leaf: LeafHash, reason: Reason, detail: String) -> Self {
        let (reasons, detail) = (vec![reason], Some(detail));
        Self {
            index,
            leaf,
            reasons,
            labels: vec![],
            expected: vec![],
            is_tracked: false,
            facts: None,
            detail,
        }
    }
}

impl Watchlist {
    /// Reads the watches.
    ///
    /// # Errors
    /// [`WatchError`] for the first that cannot be.
    pub fn new(tables: Vec<WatchTable>) -> Result<Self, WatchError> {
        if tables.len() > MAX_WATCHES {
            return Err(WatchError::TooMany { seen: tables.len() });
        }
        let mut list = Self::default();
        for (watch, table) in tables.into_iter().enumerate() {
            list.add(watch, table)?;
        }
        Ok(list)
    }

    fn add(&mut self, watch: usize, table: WatchTable) -> Result<(), WatchError> {
        let number = watch + 1;
        let given = [&table.name, &table.key, &table.digest, &table.input];
        let seen = given.iter().filter(|value| value.is_some()).count();
        let [Some(what)] = given.into_iter().flatten().map(Some).collect::<Vec<_>>()[..] else {
            return Err(WatchError::Which { number, seen });
        };
        self.labels.push(table.label.clone().unwrap_or_else(|| what.clone()));
        let goes_with_name = !table.keys.is_empty() || table.every || table.lookalikes.is_some();
        if table.name.is_none() && goes_with_name {
            return Err(WatchError::WithoutName { number });
        }
        let salt: Option<ModelSalt> = match table.salt.map(|salt| salt.parse()).transpose() {
            Ok(salt) => salt,
            Err(_) => return Err(WatchError::Salt { number }),
        };
        if table.key.is_some() && salt.is_some() {
            return Err(WatchError::SaltWithKey { number });
        }
        if let Some(text) = table.name {
            let pattern: NamePattern = match text.parse() {
                Ok(pattern) => pattern,
                Err(source) => return Err(WatchError::Name { number, text, source }),
            };
            let hidden = match (salt, text.parse::<ModelName>()) {
                (Some(salt), Ok(name)) => Some(salt.name(&name)),
                (Some(_), Err(_)) => return Err(WatchError::SaltWithPattern { number, text }),
                (None, _) => None,
            };
            let keys = table.keys.iter().map(|key| key_id(number, key)).collect::<Result<_, _>>()?;
            let folded = table.lookalikes.unwrap_or(true).then(|| FoldedPattern::of(&pattern));
            self.names.push(NameWatch { watch, pattern, hidden, folded, keys, every: table.every });
        }
        if let Some(text) = table.key {
            self.keys.insert(key_id(number, &text)?, watch);
        }
        if let Some(text) = table.digest {
            let digest = digest(number, &text)?;
            let hidden = salt.into_iter().flat_map(|salt| salt.about(&digest));
            self.digests.extend(hidden.map(|one| (one.to_bytes().to_vec(), watch)));
            self.digests.insert(digest, watch);
        }
        if let Some(text) = table.input {
            let digest = digest(number, &text)?;
            let hidden = salt.into_iter().flat_map(|salt| salt.made_from(&digest));
            self.inputs.extend(hidden.map(|one| (one.to_bytes().to_vec(), watch)));
            self.inputs.insert(digest, watch);
        }
        Ok(())
    }

    /// Whether an entry whose signature is right may concern somebody.
    #[must_use]
    pub fn look(&self, index: u64, leaf: LeafHash, payload: &EntryPayload) -> Option<Find> {
        let mut found = Found::default();
        let key_id = payload.key().key_id();
        let is_event = payload.kind() == StatementKind::Event;
        let mut name = payload.name().map(ToString::to_string);
        let mut is_covered = false;
        for watch in self.names.iter().filter(|watch| watch.covers(payload.entry_name())) {
            is_covered = true;
            name.get_or_insert_with(|| watch.pattern.to_string());
            let is_own = watch.keys.contains(&key_id);
            if is_own && !watch.every {
                continue;
            }
            if watch.keys.is_empty() {
                found.is_tracked = true;
            }
            let reason =
                if is_own || watch.keys.is_empty() { Reason::NameWatched } else { Reason::KeyUnexpected };
            found.add(reason, watch.watch);
            if is_event {
                found.add(Reason::EventWatched, watch.watch);
            }
            found.expected.extend(watch.keys.iter().copied());
        }
        if let Some(shown) = payload.name().filter(|_| !is_covered && !self.names.is_empty()) {
            let folded = FoldedName::of(shown);
            let alike = self.names.iter().find(|watch| {
                // Its own people may call things as they like.
                let is_alike = watch.folded.as_ref().is_some_and(|pattern| pattern.covers(&folded));
                is_alike && !watch.keys.contains(&key_id)
            });
            if let Some(watch) = alike {
                found.add(Reason::NameLookalike, watch.watch);
                found.expected.extend(watch.keys.iter().copied());
            }
        }
        if let Some(watch) = self.keys.get(&key_id) {
            found.add(Reason::KeyWatched, *watch);
        }
        let statement = payload.statement();
        let subjects = payload.subjects().iter().map(|subject| subject.digest());
        for digest in std::iter::once(&statement.as_bytes()[..]).chain(subjects) {
            if let Some(watch) = self.digests.get(digest) {
                found.add(Reason::DigestWatched, *watch);
            }
        }
        for input in payload.inputs() {
            if let Some(watch) = self.inputs.get(input.digest()) {
                found.add(Reason::InputWatched, *watch);
            }
        }
        if found.reasons.is_empty() {
            return None;
        }
        found.expected.sort_unstable();
        found.expected.dedup();
        let label = |watch: &usize| self.labels.get(*watch).cloned();
        let is_private = payload.is_private();
        Some(Find {
            index,
            leaf,
            reasons: found.reasons,
            labels: found.watches.iter().filter_map(label).collect(),
            expected: found.expected,
            is_tracked: found.is_tracked,
            facts: Some(Facts {
                kind: payload.kind(),
                name,
                version: payload.version().map(ToString::to_string),
                key_id,
                statement: (!is_private).then_some(statement),
            }),
            detail: is_private
                .then(|| "a private entry: name and digests are not shown in the log".to_owned()),
        })
    }
}

#[derive(Default)]
struct Found {
    reasons: Vec<Reason>,
    watches: Vec<usize>,
    expected: Vec<Sha256Digest>,
    is_tracked: bool,
}

impl Found {
    fn add(&mut self, reason: Reason, watch: usize) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
        if !self.watches.contains(&watch) {
            self.watches.push(watch);
        }
    }
}

fn key_id(number: usize, text: &str) -> Result<Sha256Digest, WatchError> {
    if let Ok(key_id) = text.parse() {
        return Ok(key_id);
    }
    let key = PublicKey::from_base64(text);
    key.map(|key| key.key_id()).map_err(|_| WatchError::Key { number, text: text.to_owned() })
}

/// 32 bytes, or the 20 of a git commit.
fn digest(number: usize, text: &str) -> Result<Vec<u8>, WatchError> {
    let bad = || WatchError::Digest { number, text: text.to_owned() };
    if ![40, 64].contains(&text.len()) {
        return Err(bad());
    }
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(bad()),
    };
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs.iter().map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(toml: &str) -> Result<Watchlist, WatchError> {
        #[derive(Deserialize)]
        struct File {
            watch: Vec<WatchTable>,
        }
        Watchlist::new(toml::from_str::<File>(toml).unwrap().watch)
    }

    #[test]
    fn a_watch_is_for_one_thing() {
        assert!(matches!(list("[[watch]]\nlabel = \"x\""), Err(WatchError::Which { number: 1, seen: 0 })));
        let two = list("[[watch]]\nname = \"a\"\ndigest = \"b\"");
        assert!(matches!(two, Err(WatchError::Which { number: 1, seen: 2 })));
        let keys = list("[[watch]]\nname = \"a\"\n[[watch]]\ninput = \"b\"\nevery = true");
        assert!(matches!(keys, Err(WatchError::WithoutName { number: 2 })));
    }

    #[test]
    fn a_salt_goes_with_a_whole_name_a_digest_or_an_input() {
        let (salt, digest) = ("5a".repeat(32), "0".repeat(64));
        let with = |what: &str, salt: &str| list(&format!("[[watch]]\n{what}\nsalt = {salt:?}"));
        for what in
            ["name = \"acme/p7\"".to_owned(), format!("digest = {digest:?}"), format!("input = {digest:?}")]
        {
            assert!(with(&what, &salt).is_ok(), "{what}");
            let refused = with(&what, "5a").unwrap_err();
            assert!(matches!(refused, WatchError::Salt { number: 1 }) && !refused.to_string().contains("5a"));
        }
        let refused = with("name = \"acme/*\"", &salt);
        assert!(matches!(refused, Err(WatchError::SaltWithPattern { number: 1, .. })));
        let refused = with(&format!("key = {digest:?}"), &salt);
        assert!(matches!(refused, Err(WatchError::SaltWithKey { number: 1 })));
    }

    #[test]
    fn what_is_no_name_key_or_digest_is_refused() {
        assert!(matches!(list("[[watch]]\nname = \"ACME\""), Err(WatchError::Name { number: 1, .. })));
        assert!(matches!(list("[[watch]]\nkey = \"x\""), Err(WatchError::Key { number: 1, .. })));
        for digest in ["", "ab", &"A".repeat(64), &"é".repeat(32), &"0".repeat(41)] {
            let refused = list(&format!("[[watch]]\ndigest = {digest:?}"));
            assert!(matches!(refused, Err(WatchError::Digest { number: 1, .. })), "{digest}");
        }
        assert!(list(&format!("[[watch]]\ndigest = \"{}\"", "0".repeat(40))).is_ok());
    }
}
