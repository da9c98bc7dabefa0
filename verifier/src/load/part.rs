//! A model of which only a part is here: a download that was broken off, or of which nobody wanted all.
//!
//! What is here is held against what was signed about it, and what is not is listed. A file that nobody signed is as wrong here as elsewhere.
//!
//! A bundle file whose statement lists the files says of each its digest and its size, so no proof is needed; one that has the tree digest alone
//! says nothing of a part.

use std::collections::BTreeMap;

use attest::bundle::BundleFile;
use attest::model_path::ModelPath;
use attest::tree::{FileLeaf, Tree};

use crate::signature::read_provenance;

/// The tree that was signed, if all that is here is in it, and what of it is missing. Otherwise what is here, with what is missing put beside
/// it, so that only what is wrong differs.
///
/// Whose word the signed tree is, and that it counts, is for whoever compares with it.
pub(super) fn completed(here: Tree, bundle_file: &[u8]) -> (Tree, Vec<ModelPath>) {
    let Ok(file) = BundleFile::parse(bundle_file) else { return (here, Vec::new()) };
    let signed: Vec<Tree> =
        file.bundles().filter_map(|bundle| read_provenance(bundle).ok()?.files().cloned()).collect();
    let leaves: BTreeMap<&ModelPath, &FileLeaf> =
        here.files().iter().map(|leaf| (leaf.path(), leaf)).collect();
    let missing = |tree: &Tree| -> Vec<FileLeaf> {
        tree.files().iter().filter(|leaf| !leaves.contains_key(leaf.path())).cloned().collect()
    };
    // Nothing is no part of anything.
    if leaves.is_empty() {
        return (here, Vec::new());
    }
    let has_all = |tree: &&Tree| {
        let found =
            tree.files().iter().filter(|leaf| leaves.get(leaf.path()).is_some_and(|here| *here == *leaf));
        found.count() == leaves.len()
    };
    let absent = |leaves: Vec<FileLeaf>| leaves.iter().map(|leaf| leaf.path().clone()).collect();
    if let Some(tree) = signed.iter().find(has_all) {
        let missing = missing(tree);
        return (tree.clone(), absent(missing));
    }
    let Some(first) = signed.first() else { return (here, Vec::new()) };
    let missing = missing(first);
    let all = here.files().iter().chain(&missing).cloned().collect();
    // What is here and what was signed can collide by name; then what is here is refused as it is.
    match Tree::new(all) {
        Ok(tree) => (tree, absent(missing)),
        Err(_) => (here, Vec::new()),
    }
}
