//! testdata/tree, and properties of the tree digest.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod case_files;

use std::path::Path;

use attest::digest::Sha256Digest;
use attest::json::{self, Located};
use attest::model_path::ModelPath;
use attest::tree::{FileLeaf, Tree, TreeDigest, TreeError};
use proptest::prelude::*;
use serde_json::Value;

fn read(case: &Path) -> Value {
    json::parse(&std::fs::read(case).unwrap(), 1 << 20)
        .unwrap_or_else(|error| panic!("{}: {error}", case_files::name(case)))
}

fn leaves(document: &Value) -> Vec<FileLeaf> {
    let fields = Located::root(document).object().unwrap();
    let leaf = |file: &Located<'_>| {
        let file = file.closed_object(&["path", "size", "sha256"]).unwrap();
        FileLeaf::new(
            file.required("path").unwrap().string().unwrap().parse().unwrap(),
            file.required("size").unwrap().string().unwrap().parse().unwrap(),
            file.required("sha256").unwrap().string().unwrap().parse().unwrap(),
        )
    };
    fields.required("files").unwrap().array().unwrap().iter().map(leaf).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn accepted_trees_have_their_leaves_root_digest_and_proofs() {
    for case in case_files::files("tree/accept") {
        let document = read(&case);
        let name = case_files::name(&case);
        let tree = Tree::new(leaves(&document)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let sorted: Vec<&str> = tree.files().iter().map(|file| file.path().as_str()).collect();
        assert_eq!(sorted, texts(&document["sorted"]), "{name}");
        let hashes: Vec<String> =
            tree.files().iter().map(|file| file.leaf_hash().hash().to_string()).collect();
        assert_eq!(hashes, texts(&document["leaves"]), "{name}");
        assert_eq!(tree.root().to_string(), document["root"], "{name}");
        assert_eq!(tree.total_bytes().to_string(), document["total_bytes"], "{name}");
        assert_eq!(tree.digest().to_string(), document["digest"], "{name}");
        assert_eq!(tree.digest().to_string().parse(), Ok(tree.digest()), "{name}");
        assert_eq!(TreeDigest::of(&tree.head(), tree.total_bytes()), tree.digest(), "{name}");
        let proofs = document["proofs"].as_array().unwrap();
        assert_eq!(proofs.len(), tree.files().len(), "{name}");
        for (file, hashes) in tree.files().iter().zip(proofs) {
            let proof = tree.prove(file.path()).expect(name);
            let built: Vec<String> = proof.hashes().iter().map(ToString::to_string).collect();
            assert_eq!(built, texts(hashes), "{name}");
            proof.verify(&file.leaf_hash(), &tree.head()).expect(name);
        }
    }
}

#[test]
fn refused_lists_are_refused_for_their_reason() {
    for case in case_files::files("tree/reject") {
        let files = leaves(&read(&case));
        for files in [files.clone(), files.into_iter().rev().collect()] {
            let error = Tree::new(files).expect_err(case_files::name(&case));
            assert_eq!(
                case_files::reason(&error),
                case_files::expected_reason(&case),
                "{}: {error}",
                case_files::name(&case)
            );
        }
    }
}

#[test]
fn collision_names_both_paths_in_order() {
    let leaf = |path: &str| FileLeaf::new(path.parse().unwrap(), 0, Sha256Digest::of(b""));
    let path = |path: &str| path.parse::<ModelPath>().unwrap();
    assert_eq!(
        Tree::new(vec![leaf("data/b"), leaf("Data/a")]),
        Err(TreeError::Collision { first: path("Data/a"), second: path("data/b") })
    );
    assert_eq!(
        Tree::new(vec![leaf("a/b"), leaf("a")]),
        Err(TreeError::FileAsDirectory { file: path("a"), below: path("a/b") })
    );
}

#[test]
fn one_file_more_than_allowed_is_refused() {
    let leaf = FileLeaf::new("a".parse().unwrap(), 0, Sha256Digest::of(b""));
    let count = attest::tree::MAX_FILES + 1;
    assert_eq!(Tree::new(vec![leaf; count]), Err(TreeError::TooManyFiles { count }));
}

#[test]
fn no_proof_for_a_path_that_is_not_there() {
    let leaf = FileLeaf::new("a".parse().unwrap(), 1, Sha256Digest::of(b"x"));
    let tree = Tree::new(vec![leaf.clone()]).unwrap();
    assert_eq!(tree.file(leaf.path()), Some(&leaf));
    assert_eq!(tree.prove(&"b".parse().unwrap()), None);
    assert_eq!(tree.file(&"b".parse().unwrap()), None);
}

/// A statement may list 4,096 paths of 2,048 components each; checking them must not cost the square of that.
#[test]
fn many_deep_paths_are_checked_in_linear_memory_and_little_time() {
    let tail = "/x".repeat(1_900);
    let files = (0..2_000)
        .map(|i| FileLeaf::new(format!("{i:04}É{tail}").parse().unwrap(), 1, Sha256Digest::of(b"")))
        .collect();
    assert_eq!(Tree::new(files).unwrap().file_count(), 2_000);
}

/// Sets of files under distinct, harmless names.
fn file_sets() -> impl Strategy<Value = Vec<FileLeaf>> {
    prop::collection::btree_map("[a-z]{1,6}", (0..1_u64 << 40, any::<[u8; 32]>()), 1..24).prop_map(|files| {
        files
            .into_iter()
            .enumerate()
            .map(|(i, (name, (size, digest)))| {
                FileLeaf::new(
                    format!("d{}/{name}", i % 3).parse().unwrap(),
                    size,
                    Sha256Digest::from_bytes(digest),
                )
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn order_of_the_list_does_not_matter(files in file_sets(), turn in any::<prop::sample::Index>()) {
        let mut turned = files.clone();
        turned.rotate_left(turn.index(files.len()));
        prop_assert_eq!(Tree::new(files), Tree::new(turned));
    }

    #[test]
    fn one_bit_of_any_field_changes_the_digest(
        files in file_sets(),
        which in any::<prop::sample::Index>(),
        size_bit in 0..62_u32,
        digest_bit in 0..256_usize,
        path_bit in any::<prop::sample::Index>(),
    ) {
        let digest = Tree::new(files.clone()).unwrap().digest();
        let which = which.index(files.len());
        let leaf = &files[which];
        let changed_digest = |leaf: FileLeaf| {
            let mut files = files.clone();
            files[which] = leaf;
            Tree::new(files).map(|tree| tree.digest())
        };

        let resized = FileLeaf::new(leaf.path().clone(), leaf.size() ^ (1 << size_bit), leaf.sha256());
        prop_assert_ne!(changed_digest(resized), Ok(digest));

        let mut bytes = leaf.sha256().to_bytes();
        bytes[digest_bit / 8] ^= 1 << (digest_bit % 8);
        let rewritten = FileLeaf::new(leaf.path().clone(), leaf.size(), Sha256Digest::from_bytes(bytes));
        prop_assert_ne!(changed_digest(rewritten), Ok(digest));

        let mut path = leaf.path().as_str().as_bytes().to_vec();
        let path_bit = path_bit.index(path.len() * 8);
        path[path_bit / 8] ^= 1 << (path_bit % 8);
        if let Some(path) = String::from_utf8(path).ok().and_then(|path| ModelPath::new(path).ok()) {
            let renamed = FileLeaf::new(path, leaf.size(), leaf.sha256());
            prop_assert_ne!(changed_digest(renamed), Ok(digest));
        }
    }

    #[test]
    fn a_file_more_or_less_changes_the_digest(files in file_sets(), which in any::<prop::sample::Index>()) {
        let digest = Tree::new(files.clone()).unwrap().digest();
        let mut fewer = files.clone();
        fewer.remove(which.index(files.len()));
        prop_assert_ne!(Tree::new(fewer).unwrap().digest(), digest);
    }

    #[test]
    fn two_cases_of_one_path_never_share_a_tree(path in "[a-z]{1,4}(/[a-z]{1,4}){0,3}", at in any::<prop::sample::Index>()) {
        let at = at.index(path.len());
        let mut other = path.clone();
        other[at..=at].make_ascii_uppercase();
        prop_assume!(other != path);
        let leaf = |path: &str| FileLeaf::new(path.parse().unwrap(), 0, Sha256Digest::of(b""));
        let refused = matches!(Tree::new(vec![leaf(&path), leaf(&other)]), Err(TreeError::Collision { .. }));
        prop_assert!(refused);
    }

    /// The neighbour rule against the slow one: compare all pairs of all prefixes.
    #[test]
    fn collisions_are_those_that_all_pairs_show(paths in prop::collection::btree_set("[aAbB](-?[aA])?(/[aAbB]){0,2}", 1..6)) {
        let prefixes = |path: &str| -> Vec<String> {
            let parts: Vec<&str> = path.split('/').collect();
            (1..=parts.len()).map(|n| parts[..n].join("/")).collect()
        };
        let clash = paths.iter().any(|a| paths.iter().filter(|b| *b != a).any(|b| {
            let alike = prefixes(a).iter().any(|x| prefixes(b).iter().any(|y| x != y && x.eq_ignore_ascii_case(y)));
            alike || b.starts_with(&format!("{a}/"))
        }));
        let files = paths.iter().map(|path| FileLeaf::new(path.parse().unwrap(), 0, Sha256Digest::of(b""))).collect();
        prop_assert_eq!(Tree::new(files).is_err(), clash);
    }
}
