//! A tree of files, one path to a line: the order of the list does not matter, and every file has a proof.

#![no_main]

use attest::digest::Sha256Digest;
use attest::model_path::ModelPath;
use attest::tree::{FileLeaf, Tree};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = core::str::from_utf8(input) else { return };
    let paths: Result<Vec<ModelPath>, _> = text.split('\n').map(str::parse).collect();
    let Ok(paths) = paths else { return };
    let leaf = |path: &ModelPath| {
        let size = path.as_str().len() as u64;
        FileLeaf::new(path.clone(), size, Sha256Digest::of(path.as_str().as_bytes()))
    };
    let forth = Tree::new(paths.iter().map(leaf).collect());
    let back = Tree::new(paths.iter().rev().map(leaf).collect());
    assert_eq!(forth.is_ok(), back.is_ok());
    let (Ok(forth), Ok(back)) = (forth, back) else { return };
    assert_eq!(forth.digest(), back.digest());
    assert_eq!(forth.files(), back.files());
    for file in forth.files() {
        let proof = forth.prove(file.path()).expect("a file of the tree has a proof");
        proof.verify(&file.leaf_hash(), &forth.head()).expect("and it verifies");
    }
});
