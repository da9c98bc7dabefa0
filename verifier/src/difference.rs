//! How the files that are here differ from the files that were signed, file by file. Step 9 of the procedure.
//!
//! The verdict never rests on this comparison: the tree digest alone decides. It says which file to look at.

use std::collections::{BTreeMap, BTreeSet};

use attest::digest::Sha256Digest;
use attest::model_path::ModelPath;
use attest::tree::{FileLeaf, Tree};

use crate::reason::Reason;

/// One file that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The path is signed and here, with other bytes.
    Changed {
        /// The path.
        path: ModelPath,
        /// Digest of the signed content.
        expected: Sha256Digest,
        /// Digest of the content that is here.
        found: Sha256Digest,
    },
    /// The path is signed and not here, nor are its bytes under a name that was not signed with them.
    Missing {
        /// The path.
        path: ModelPath,
        /// Digest of the signed content.
        expected: Sha256Digest,
    },
    /// The signed bytes lie under another path. Two files that changed places are two of these.
    Renamed {
        /// The path that was signed.
        path: ModelPath,
        /// The path where the bytes lie.
        now: ModelPath,
        /// Digest of the content.
        content: Sha256Digest,
    },
    /// The path is here and was not signed.
    Unexpected {
        /// The path.
        path: ModelPath,
        /// Digest of the content that is here.
        found: Sha256Digest,
    },
}

impl Difference {
    /// The path that was signed; for an unexpected file the path that is here.
    #[must_use]
    pub const fn path(&self) -> &ModelPath {
        match self {
            Self::Changed { path, .. }
            | Self::Missing { path, .. }
            | Self::Renamed { path, .. }
            | Self::Unexpected { path, .. } => path,
        }
    }

    /// The reason code of this difference alone.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Changed { .. } => Reason::FileChanged,
            Self::Missing { .. } => Reason::FileMissing,
            Self::Renamed { .. } => Reason::FileRenamed,
            Self::Unexpected { .. } => Reason::FileUnexpected,
        }
    }

    /// Changed before missing before unexpected before renamed: the first one names the refusal.
    const fn rank(&self) -> u8 {
        match self {
            Self::Changed { .. } => 0,
            Self::Missing { .. } => 1,
            Self::Unexpected { .. } => 2,
            Self::Renamed { .. } => 3,
        }
    }
}

/// What tells two contents apart. Size and digest, so that a message can never show equal digests as different.
type Content = (u64, Sha256Digest);

fn content(leaf: &FileLeaf) -> Content {
    (leaf.size(), leaf.sha256())
}

type Files<'a> = BTreeMap<&'a ModelPath, Content>;

fn by_path(tree: &Tree) -> Files<'_> {
    tree.files().iter().map(|leaf| (leaf.path(), content(leaf))).collect()
}

/// The files of one tree that the other has not got, or has with other bytes.
fn displaced<'a>(files: &Files<'a>, other: &Files<'_>) -> Vec<(&'a ModelPath, Content)> {
    files
        .iter()
        .filter(|(path, content)| other.get(*path) != Some(content))
        .map(|(path, c)| (*path, *c))
        .collect()
}

/// Lists the differences, worst kind first and by path within a kind. Empty if and only if the trees are equal.
///
/// Bytes that left their signed path and lie at a path that was not signed with them are a rename. Empty files are
/// never taken for renamed: their content says nothing about where they came from.
#[must_use]
pub fn differences(signed: &Tree, here: &Tree) -> Vec<Difference> {
    let (signed, here) = (by_path(signed), by_path(here));
    let (gone, come) = (displaced(&signed, &here), displaced(&here, &signed));

    // Paths that hold signed bytes they were not signed with; in reverse, so that `pop` gives the first.
    let mut homeless: BTreeMap<Content, Vec<&ModelPath>> = BTreeMap::new();
    for (path, content) in come.iter().rev().filter(|(_, content)| content.0 > 0) {
        homeless.entry(*content).or_default().push(path);
    }
    let mut list = Vec::new();
    let (mut paths_left, mut paths_taken) = (BTreeSet::new(), BTreeSet::new());
    for (path, content) in &gone {
        if let Some(now) = homeless.get_mut(content).and_then(Vec::pop) {
            list.push(Difference::Renamed { path: (*path).clone(), now: now.clone(), content: content.1 });
            paths_left.insert(*path);
            paths_taken.insert(now);
        }
    }
    for (path, (_, expected)) in &gone {
        match here.get(path) {
            Some((_, found)) if !(paths_left.contains(path) && paths_taken.contains(path)) => {
                list.push(Difference::Changed { path: (*path).clone(), expected: *expected, found: *found });
            }
            None if !paths_left.contains(path) => {
                list.push(Difference::Missing { path: (*path).clone(), expected: *expected });
            }
            _ => {}
        }
    }
    for (path, (_, found)) in &come {
        if !signed.contains_key(path) && !paths_taken.contains(path) {
            list.push(Difference::Unexpected { path: (*path).clone(), found: *found });
        }
    }
    list.sort_by(|a, b| (a.rank(), a.path()).cmp(&(b.rank(), b.path())));
    list
}

/// Whether the two trees share a path or a content that is not empty. If not, the statement is about another model.
#[must_use]
pub fn have_something_in_common(signed: &Tree, here: &Tree) -> bool {
    let paths: BTreeSet<&ModelPath> = here.files().iter().map(FileLeaf::path).collect();
    let contents: BTreeSet<Content> = here.files().iter().map(content).filter(|c| c.0 > 0).collect();
    signed.files().iter().any(|leaf| paths.contains(leaf.path()) || contents.contains(&content(leaf)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let leaf = |(path, text): &(&str, &str)| {
            FileLeaf::new(path.parse().unwrap(), text.len() as u64, Sha256Digest::of(text.as_bytes()))
        };
        Tree::new(files.iter().map(leaf).collect()).unwrap()
    }

    fn seen(signed: &[(&str, &str)], here: &[(&str, &str)]) -> Vec<(Reason, String)> {
        differences(&tree(signed), &tree(here)).iter().map(|d| (d.reason(), d.path().to_string())).collect()
    }

    fn one(reason: Reason, path: &str) -> (Reason, String) {
        (reason, path.to_owned())
    }

    #[test]
    fn equal_trees_have_no_difference() {
        assert_eq!(seen(&[("a", "1"), ("b", "2")], &[("b", "2"), ("a", "1")]), []);
    }

    #[test]
    fn a_changed_a_missing_and_an_unexpected_file_are_told_apart() {
        assert_eq!(
            seen(&[("a", "1"), ("b", "2")], &[("a", "x"), ("c", "3")]),
            [one(Reason::FileChanged, "a"), one(Reason::FileMissing, "b"), one(Reason::FileUnexpected, "c")]
        );
    }

    #[test]
    fn bytes_under_another_name_are_a_rename() {
        let [Difference::Renamed { path, now, .. }] =
            &differences(&tree(&[("a", "1"), ("b", "2")]), &tree(&[("a", "1"), ("c", "2")]))[..]
        else {
            panic!("wanted one rename");
        };
        assert_eq!((path.as_str(), now.as_str()), ("b", "c"));
    }

    #[test]
    fn two_files_that_changed_places_are_two_renames() {
        assert_eq!(
            seen(&[("a", "1"), ("b", "2")], &[("a", "2"), ("b", "1")]),
            [one(Reason::FileRenamed, "a"), one(Reason::FileRenamed, "b")]
        );
    }

    #[test]
    fn a_file_moved_over_another_is_a_change_and_a_rename() {
        assert_eq!(
            seen(&[("a", "1"), ("b", "2")], &[("a", "2")]),
            [one(Reason::FileChanged, "a"), one(Reason::FileRenamed, "b")]
        );
    }

    #[test]
    fn a_copy_over_another_file_is_a_change_only() {
        assert_eq!(
            seen(&[("a", "1"), ("b", "2")], &[("a", "2"), ("b", "2")]),
            [one(Reason::FileChanged, "a")]
        );
    }

    #[test]
    fn an_added_copy_of_a_signed_file_is_unexpected() {
        assert_eq!(seen(&[("a", "1")], &[("a", "1"), ("b", "1")]), [one(Reason::FileUnexpected, "b")]);
    }

    #[test]
    fn empty_files_are_never_taken_for_renamed() {
        assert_eq!(
            seen(&[("a", ""), ("x", "1")], &[("b", ""), ("x", "1")]),
            [one(Reason::FileMissing, "a"), one(Reason::FileUnexpected, "b")]
        );
    }

    #[test]
    fn models_without_a_common_path_or_content_have_nothing_in_common() {
        assert!(!have_something_in_common(&tree(&[("a", "1"), ("e", "")]), &tree(&[("b", "2"), ("f", "")])));
        assert!(have_something_in_common(&tree(&[("a", "1")]), &tree(&[("a", "2")])));
        assert!(have_something_in_common(&tree(&[("a", "1")]), &tree(&[("b", "1")])));
    }
}
