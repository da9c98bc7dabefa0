//! `--private=entry`: the salt of a private entry. A model has one, and whatever is said about it is logged under that.
//!
//! | the bundle file, or that of `--salt-of`, says of the same tree | without `--private=entry` | with it |
//! |---|---|---|
//! | its own entry, or whatever else was said of it, is private | the salt found | the salt found |
//! | its own entry is public | public | a release: a new salt; else refused |
//! | nothing | public | a release: a new salt; else refused |
//!
//! A *release* is a statement of where something comes from: a provenance, a dataset. A word about a model under a salt of its
//! own would not be found with the model's, and so does not count.

use std::path::{Path, PathBuf};

use attest::bundle::{Bundle, BundleFile};
use attest::entry::{EntryPayload, ModelSalt};
use attest::private_value::{Opening, Salt};
use attest::statement::{Statement, StatementKind};
use attest::tree::TreeDigest;

use super::{Hidden, HiddenError};
use crate::message::Failure;
use crate::submit::find_file;

/// What the lines of a bundle file say of the entries about one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    Public,
    Private(ModelSalt),
}

impl Hidden {
    /// The salt for the entry of `statement`; `None` for an entry that is public. `beside` is the bundle file it will stand in.
    ///
    /// # Errors
    /// [`HiddenError::NoSalt`], [`HiddenError::PublicEntry`]; else what keeps us from reading `--salt-of`.
    pub(crate) fn entry_salt(
        &mut self,
        statement: &Statement,
        beside: Option<&BundleFile>,
    ) -> Result<Option<ModelSalt>, Failure> {
        let tree = statement.tree_digest();
        if let Some(path) = &self.salt_of {
            let (path, file) = find_file(path)?;
            return match known(&file, tree) {
                Known::Private(salt) => Ok(Some(salt)),
                Known::Nothing | Known::Public => Err(no_salt(Some(&path), tree).into()),
            };
        }
        let known = beside.map_or(Known::Nothing, |file| known(file, tree));
        match (known, self.hides_entry) {
            (Known::Private(salt), _) => Ok(Some(salt)),
            (_, false) => Ok(None),
            (_, true) if is_release(statement) => Ok(Some(self.new_salt(tree)?)),
            (Known::Public, true) => Err(HiddenError::PublicEntry.into()),
            (Known::Nothing, true) => Err(no_salt(None, tree).into()),
        }
    }

    /// Kept among the openings before anything is sent, and taken from there the next time: a second run after a crash finds the
    /// entry of the first.
    fn new_salt(&mut self, tree: TreeDigest) -> Result<ModelSalt, HiddenError> {
        let value = entry_value(tree);
        let opening = match self.openings.with_value(&value) {
            Some(opening) => opening.clone(),
            None => {
                let opening = Opening::new(Salt::generate()?, value)?;
                self.openings.add(opening.clone())?;
                opening
            }
        };
        self.has_new_salt = true;
        Ok(ModelSalt::from_bytes(opening.salt().to_bytes()))
    }
}

/// As what the salt of a model's entries stands in a file of openings.
pub(crate) fn entry_value(tree: TreeDigest) -> String {
    format!("entry of sha256:{}", tree.digest())
}

fn no_salt(path: Option<&Path>, tree: TreeDigest) -> HiddenError {
    HiddenError::NoSalt { path: path.map(PathBuf::from), tree }
}

fn is_release(statement: &Statement) -> bool {
    matches!(statement.kind(), StatementKind::Provenance | StatementKind::Dataset)
}

/// Whatever says where the thing comes from goes before what else was said of it; what is private goes before what is public, for
/// an entry can be made public later, and not private.
fn known(file: &BundleFile, tree: TreeDigest) -> Known {
    let (mut own, mut other) = (Known::Nothing, Known::Nothing);
    for bundle in file.bundles() {
        let Ok(statement) = Statement::parse(bundle.envelope().payload()) else { continue };
        if statement.tree_digest() != tree {
            continue;
        }
        let found = if is_release(&statement) { &mut own } else { &mut other };
        match (salt_in(bundle, &statement), *found) {
            (_, Known::Private(_)) => {}
            (Some(salt), _) => *found = Known::Private(salt),
            (None, _) => *found = Known::Public,
        }
    }
    if own == Known::Nothing { other } else { own }
}

/// The salt of a line, if its entry is made with it.
fn salt_in(bundle: &Bundle, statement: &Statement) -> Option<ModelSalt> {
    let (salt, entry) = (bundle.salt()?, bundle.log_entry()?.entry().ok()?);
    let again = EntryPayload::of(statement, entry.payload().key(), Some(salt));
    (*entry.payload() == again).then_some(*salt)
}
