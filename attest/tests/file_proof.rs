//! Proofs about files: what is there is never shown to be absent, and the other way round.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use attest::digest::Sha256Digest;
use attest::file_proof::{FileProof, FileProofBuilder, ProofRefused, Shown};
use attest::model_path::ModelPath;
use attest::tree::{FileLeaf, Tree};
use proptest::prelude::*;
use serde_json::{Value, json};

fn tree_of(paths: &[&str]) -> Tree {
    let leaf = |path: &&str| {
        FileLeaf::new(path.parse().unwrap(), path.len() as u64, Sha256Digest::of(path.as_bytes()))
    };
    Tree::new(paths.iter().map(leaf).collect()).unwrap()
}

fn proof(tree: &Tree, path: &str) -> FileProof {
    let mut builder = FileProofBuilder::new(path.parse().unwrap());
    tree.files().iter().for_each(|file| builder.push(file).unwrap());
    builder.finish().unwrap()
}

/// The proof with its JSON changed.
fn edited(proof: &FileProof, edit: impl FnOnce(&mut Value)) -> FileProof {
    let text = String::from_utf8(proof.to_bytes()).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    edit(&mut value);
    // Members in the order in which they are written.
    let order = ["type", "files", "bytes", "root", "path", "present", "absent"];
    let neighbour = ["path", "bytes", "sha256", "index", "hashes"];
    let object = |value: &Value, order: &[&str]| {
        let members = order.iter().filter_map(|key| Some(format!("{:?}:{}", key, value.get(key)?)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    let mut text = String::new();
    for key in order {
        let Some(member) = value.get(key) else { continue };
        let member = match key {
            "present" => object(member, &neighbour),
            "absent" => {
                let members = ["before", "after"]
                    .iter()
                    .filter_map(|key| Some(format!("{key:?}:{}", object(member.get(key)?, &neighbour))));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            _ => member.to_string(),
        };
        text.push_str(&format!("{}{key:?}:{member}", if text.is_empty() { "{" } else { "," }));
    }
    text.push('}');
    FileProof::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_path_between_two_that_are_not_neighbours_is_not_shown_to_be_absent() {
    let tree = tree_of(&["a", "c", "e", "g"]);
    let (absent, far) = (proof(&tree, "d"), proof(&tree, "f"));
    assert_eq!(absent.verify(tree.digest()), Ok(Shown::Absent));
    let far: Value = serde_json::from_slice(&far.to_bytes()).unwrap();
    // c and g leave out e.
    let forged = edited(&absent, |proof| {
        proof["path"] = json!("e");
        proof["absent"]["after"] = far["absent"]["after"].clone();
    });
    assert!(matches!(forged.verify(tree.digest()), Err(ProofRefused::NotNeighbours { .. })));
    for lost in ["before", "after"] {
        let forged = edited(&absent, |proof| {
            proof["absent"].as_object_mut().unwrap().remove(lost);
        });
        assert!(matches!(forged.verify(tree.digest()), Err(ProofRefused::NotNeighbours { .. })), "{lost}");
    }
    // The path of a neighbour.
    for path in ["c", "e"] {
        let forged = edited(&absent, |proof| proof["path"] = json!(path));
        assert!(matches!(forged.verify(tree.digest()), Err(ProofRefused::NotNeighbours { .. })), "{path}");
    }
}

#[test]
fn a_proof_of_one_tree_shows_nothing_of_another() {
    let (tree, other) = (tree_of(&["a", "b"]), tree_of(&["a", "b", "c"]));
    for path in ["a", "aa", "c"] {
        assert!(
            matches!(proof(&tree, path).verify(other.digest()), Err(ProofRefused::OtherTree { .. })),
            "{path}"
        );
    }
}

#[test]
fn another_size_or_content_is_not_in_the_tree() {
    let tree = tree_of(&["a", "b", "c"]);
    let present = proof(&tree, "b");
    for (member, value) in [("bytes", json!("2")), ("sha256", json!("00".repeat(32))), ("index", json!(0))] {
        let forged = edited(&present, |proof| proof["present"][member] = value);
        assert!(matches!(forged.verify(tree.digest()), Err(ProofRefused::NotIncluded { .. })), "{member}");
    }
}

#[test]
fn an_unsorted_list_gives_no_proof() {
    let tree = tree_of(&["a", "b"]);
    let mut builder = FileProofBuilder::new("x".parse().unwrap());
    let [first, second] = tree.files() else { unreachable!() };
    builder.push(second).unwrap();
    assert!(builder.push(first).is_err());
    assert!(builder.push(second).is_err());
}

#[test]
fn a_proof_has_one_form() {
    let tree = tree_of(&["a", "b"]);
    for path in ["a", "aa"] {
        let bytes = proof(&tree, path).to_bytes();
        for end in 0..bytes.len() {
            assert!(FileProof::parse(&bytes[..end]).is_err());
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(FileProof::parse(text.replacen('{', "{ ", 1).as_bytes()).is_err());
        assert!(FileProof::parse(text.replacen("file-proof/v1", "file-proof/v2", 1).as_bytes()).is_err());
    }
    assert!(FileProof::parse(br#"{"type":"https://tallymark.dev/file-proof/v1"}"#).is_err());
}

proptest! {
    #[test]
    fn what_is_there_is_shown_to_be_there_and_nothing_else_is(
        paths in prop::collection::btree_set("[a-e]{1,3}", 0..20),
        asked in "[a-f]{1,3}",
    ) {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let tree = tree_of(&paths);
        let proof = proof(&tree, &asked);
        prop_assert_eq!(proof.tree_digest(), tree.digest());
        let path: ModelPath = asked.parse().unwrap();
        let shown = proof.verify(tree.digest()).unwrap();
        prop_assert_eq!(shown, tree.file(&path).map_or(Shown::Absent, Shown::Present));
        let read = FileProof::parse(&proof.to_bytes()).unwrap();
        prop_assert_eq!(read, proof);
    }

    /// Whatever two files of the tree a forger takes, and whichever ends of the list he leaves out.
    #[test]
    fn a_path_that_is_there_is_never_shown_to_be_absent(
        paths in prop::collection::btree_set("[a-e]{1,3}", 1..12),
        asked in any::<prop::sample::Index>(),
        first in prop::option::of(any::<prop::sample::Index>()),
        second in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let tree = tree_of(&paths);
        let take = |index: Option<prop::sample::Index>| index.map(|index| {
            let path = index.get(&paths);
            let mut file: Value = serde_json::from_slice::<Value>(&proof(&tree, path).to_bytes()).unwrap()["present"].clone();
            file["path"] = json!(path);
            file
        });
        let asked = *asked.get(&paths);
        let forged = edited(&proof(&tree, asked), |value| {
            value.as_object_mut().unwrap().remove("present");
            let mut absent = serde_json::Map::new();
            absent.extend(take(first).map(|file| ("before".to_owned(), file)));
            absent.extend(take(second).map(|file| ("after".to_owned(), file)));
            value["absent"] = Value::Object(absent);
        });
        prop_assert_ne!(forged.verify(tree.digest()), Ok(Shown::Absent));
    }
}

/// The tree of spec/tree-digest.md, whose digest was computed without any code of ours.
#[test]
fn every_case_shows_what_its_name_says() {
    let digest = "16a3ee3003db3916b47e026c85a5ac941203efc7c2827d967c4402e76adfe4f4".parse().unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/file-proof");
    let cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(cases.len() >= 4, "no cases in {folder}");
    for case in cases {
        let bytes = std::fs::read(&case).unwrap();
        let proof = FileProof::parse(&bytes).unwrap();
        assert_eq!(proof.to_bytes(), bytes, "{}", case.display());
        let shown = proof.verify(digest).unwrap();
        let is_present = case.file_name().unwrap().to_str().unwrap().starts_with("present");
        assert_eq!(shown != Shown::Absent, is_present, "{}", case.display());
    }
}
