//! Reads every file under `testdata/merkle`; see the README there for the form of a case.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use std::convert::Infallible;
use std::fs;
use std::path::Path;

use merkle::{
    ConsistencyProof, EMPTY_ROOT, Frontier, Hash, InclusionProof, LeafHash, LeafIndex, Map, MapKey, MapProof,
    NodeId, Subtree, TreeHead, TreeSize, node_hash, range_hash, subtree,
};
use sha2::{Digest, Sha256};

/// One file: lines of `key value`, `#` for remarks. Keys may repeat.
struct Case {
    name: String,
    lines: Vec<(String, String)>,
}

impl Case {
    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(seen, _)| seen == key).map(|(_, value)| value.as_str())
    }

    fn one<'a>(&'a self, key: &'a str) -> &'a str {
        let mut values = self.all(key);
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => panic!("{} wants exactly one line {key}", self.name),
        }
    }

    fn number(&self, key: &str) -> u64 {
        self.one(key).parse().unwrap_or_else(|_| panic!("{}: {key} is no number", self.name))
    }

    fn hash(&self, key: &str) -> Hash {
        self.unhex(self.one(key))
    }

    fn hashes(&self, key: &str) -> Vec<Hash> {
        self.all(key).map(|value| self.unhex(value)).collect()
    }

    fn head(&self, size: &str, root: &str) -> TreeHead {
        TreeHead::new(TreeSize::new(self.number(size)).unwrap(), self.hash(root)).unwrap()
    }

    fn unhex(&self, text: &str) -> Hash {
        Hash::from_slice(&self.bytes(text)).unwrap_or_else(|| panic!("{}: no hash: {text}", self.name))
    }

    fn bytes(&self, text: &str) -> Vec<u8> {
        let digits = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(digits).collect();
        bytes.unwrap_or_else(|| panic!("{}: no hex: {text}", self.name))
    }

    /// Compares what happened with the line `verdict`: `accept`, or the name of the error's variant.
    fn expect<E: std::fmt::Debug>(&self, verdict: Result<(), E>) {
        let seen = verdict.err().map_or_else(|| "accept".to_owned(), |error| format!("{error:?}"));
        let variant = seen.split([' ', '{']).next().unwrap_or_default();
        assert_eq!(variant, self.one("verdict"), "{}", self.name);
    }
}

/// Every case in a folder; a folder without cases is a failure, not a success.
fn cases(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/merkle").join(folder);
    let cases: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()))
        .map(|item| {
            let path = item.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let lines = lines.map(|line| line.split_once(' ').unwrap_or((line, "")));
            Case {
                name: path.display().to_string(),
                lines: lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            }
        })
        .collect();
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    cases
}

#[test]
fn trees_have_the_leaf_hashes_and_roots_on_file() {
    for case in cases("tree") {
        let leaves: Vec<_> = case.all("entry").map(|entry| LeafHash::of(entry.as_bytes())).collect();
        let hashes: Vec<_> = leaves.iter().map(LeafHash::hash).collect();
        assert_eq!(hashes, case.hashes("leaf"), "{}", case.name);
        let mut tree = Frontier::new();
        for leaf in leaves {
            tree.append(leaf).unwrap();
        }
        assert_eq!(tree.root(), case.hash("root"), "{}", case.name);
    }
}

#[test]
fn inclusion_proofs_get_the_verdict_on_file() {
    for case in cases("inclusion") {
        let index = LeafIndex::new(case.number("index")).unwrap();
        let leaf = LeafHash::from_hash(case.hash("leaf"));
        let head = case.head("size", "root");
        case.expect(
            InclusionProof::new(index, case.hashes("hash")).and_then(|proof| proof.verify(&leaf, &head)),
        );
    }
}

#[test]
fn consistency_proofs_get_the_verdict_on_file() {
    for case in cases("consistency") {
        let (old, new) = (case.head("old-size", "old-root"), case.head("new-size", "new-root"));
        case.expect(ConsistencyProof::new(case.hashes("hash")).and_then(|proof| proof.verify(&old, &new)));
    }
}

#[test]
fn map_proofs_get_the_verdict_on_file() {
    for case in cases("map") {
        let (root, key) = (case.hash("root"), MapKey::from_bytes(case.hash("key").to_bytes()));
        let bytes = case.bytes(case.one("proof"));
        let shown = MapProof::parse(&bytes).and_then(|proof| proof.verify(&key, &root));
        case.expect(shown.map(drop));
        let Ok(shown) = shown else { continue };
        let value = case.one("value");
        assert_eq!(shown, (value != "none").then(|| case.unhex(value)), "{}", case.name);
        let mut map = Map::new();
        for entry in case.all("entry") {
            let (key, value) = entry.split_once(' ').unwrap();
            map.insert(MapKey::from_bytes(case.unhex(key).to_bytes()), case.unhex(value));
        }
        assert_eq!((map.root(), map.prove(&key).to_bytes()), (root, bytes), "{}", case.name);
    }
}

/// The tree of the accumulators: entry `i` is the one byte `i`.
fn node(id: NodeId) -> Result<Hash, Infallible> {
    if id.level() == 0 {
        let entry = u8::try_from(id.index()).expect("the accumulators stop below 256 leaves");
        return Ok(LeafHash::of(&[entry]).hash());
    }
    let child = |index| NodeId::new(id.level() - 1, index).map(node).expect("a child of a node is a node");
    let (Ok(left), Ok(right)) = (child(2 * id.index()), child(2 * id.index() + 1));
    Ok(node_hash(&left, &right))
}

/// Every node up to 256 leaves, hashed once.
fn nodes() -> impl Fn(NodeId) -> Result<Hash, Infallible> {
    let level = |level: u8| (0..256_u64 >> level).map(move |index| NodeId::new(level, index).unwrap());
    let hashes: Vec<Vec<Hash>> = (0..=8)
        .map(|l| level(l).map(|id| node(id).unwrap_or_else(|never| match never {})).collect())
        .collect();
    move |id| Ok(hashes[usize::from(id.level())][usize::try_from(id.index()).expect("below 256")])
}

/// All subtrees that end at `end`, the empty one included, by rising start.
fn subtrees(end: u64) -> impl Iterator<Item = Subtree> {
    (0..=end).filter_map(move |start| Subtree::new(start..end).ok())
}

fn add(sum: &mut Sha256, mut line: String, hashes: &[Hash]) {
    for hash in hashes {
        line += &format!(" {hash}");
    }
    sum.update(line + "\n");
}

/// Writes one line for each answer of a subtree algorithm, in trees of up to `max` leaves, and hashes the
/// lines.
fn accumulate(algorithm: &str, max: u64) -> Hash {
    let get = nodes();
    let mut sum = Sha256::new();
    match algorithm {
        "hash" => {
            for subtree in (0..=max).flat_map(subtrees) {
                let Ok(hash) = range_hash(subtree, &get);
                assert!(!subtree.is_empty() || hash == EMPTY_ROOT);
                add(&mut sum, subtree.to_string(), &[hash]);
            }
        }
        "inclusion" => {
            for subtree in (0..=max).flat_map(subtrees) {
                for index in subtree.start()..subtree.end() {
                    let proof =
                        subtree::build_inclusion(LeafIndex::new(index).unwrap(), subtree, &get).unwrap();
                    add(&mut sum, format!("{index} {subtree}"), proof.hashes());
                }
            }
        }
        "consistency" => {
            for n in 0..=max {
                let size = TreeSize::new(n).unwrap();
                for subtree in (0..=n).flat_map(subtrees) {
                    // The draft lists empty subtrees with an empty proof; we refuse to prove nothing.
                    let hashes = match subtree::build_consistency(subtree, size, &get) {
                        Ok(proof) => proof.hashes().to_vec(),
                        Err(refused) if subtree.is_empty() => {
                            assert_eq!(refused, merkle::BuildError::OldTreeEmpty);
                            Vec::new()
                        }
                        Err(refused) => panic!("{subtree} in {n}: {refused}"),
                    };
                    add(&mut sum, format!("{subtree} {n}"), &hashes);
                }
            }
        }
        "covering" => {
            for (start, end) in (0..=max).flat_map(|end| (0..=end).map(move |start| (start, end))) {
                let (left, right) = subtree::covering(start..end).unwrap();
                add(&mut sum, format!("{left} {right}"), &[]);
            }
        }
        other => panic!("no such algorithm: {other}"),
    }
    Hash::from_bytes(sum.finalize().into())
}

#[test]
fn subtree_algorithms_reproduce_the_accumulators_on_file() {
    for case in cases("subtree") {
        let seen = accumulate(case.one("algorithm"), case.number("leaves"));
        assert_eq!(seen, case.hash("sha256"), "{}", case.name);
    }
}
