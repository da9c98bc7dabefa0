//! A list of files. What is read of it is written back, up to the first line that is refused; every file of it has a proof of
//! presence, and every path beside one a proof of absence.

#![no_main]

use attest::file_proof::{FileProof, FileProofBuilder, Shown};
use attest::manifest::{ManifestReader, line};
use attest::model_path::ModelPath;
use attest::tree::{FileLeaf, Tree};
use libfuzzer_sys::fuzz_target;

/// Most files of which every one is proven: a proof reads all of them.
const MOST_PROVEN: usize = 40;

fuzz_target!(|input: &[u8]| {
    let mut reader = ManifestReader::new(input);
    let files: Vec<FileLeaf> = reader.by_ref().map_while(Result::ok).collect();
    assert!(reader.next().is_none(), "something comes after the end or an error");
    assert!(files.is_sorted_by(|a, b| a.path() < b.path()));
    let written: Vec<u8> = files.iter().flat_map(line).collect();
    assert!(input.starts_with(&written), "written back differently");
    if files.len() > MOST_PROVEN {
        return;
    }
    let Ok(tree) = Tree::new(files.clone()) else { return };
    let beside = files.iter().filter_map(|file| format!("{}-", file.path()).parse::<ModelPath>().ok());
    for path in files.iter().map(|file| file.path().clone()).chain(beside) {
        let mut builder = FileProofBuilder::new(path.clone());
        files.iter().for_each(|file| builder.push(file).expect("they ascend"));
        let proof = builder.finish().expect("a proof");
        let shown = proof.verify(tree.digest()).expect("what is built verifies");
        match tree.file(&path) {
            Some(file) => assert_eq!(shown, Shown::Present(file)),
            None => assert_eq!(shown, Shown::Absent),
        }
        assert_eq!(FileProof::parse(&proof.to_bytes()).expect("what is written is read"), proof);
    }
});
