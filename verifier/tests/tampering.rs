//! Evidence cannot be recombined or altered: mixtures of valid bundles, and every single-bit change of five.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use attest::scan::{ScanOptions, scan};
use attest::tree::Tree;
use serde_json::Value;
use verifier::{Expectation, Requirements, VerifiedModel, verify};

fn accepted(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept").join(case)
}

fn bundle(case: &str) -> Vec<u8> {
    std::fs::read(accepted(case).join("model/tallymark.jsonl")).unwrap()
}

/// The files, which are the same in all cases used here: nothing is refused for the files' sake.
fn files(case: &str) -> Tree {
    scan(&accepted(case).join("model"), &ScanOptions::new(), &|_, _| {}).unwrap()
}

/// Trusts both keys and the log, and asks for no witnesses.
fn requirements() -> Requirements {
    Requirements::parse(&std::fs::read(accepted("p256").join("trust.toml")).unwrap()).unwrap()
}

/// What of a bundle can be exchanged for its counterpart: the places of one thing, told in JSON pointers.
const COMPONENTS: [&[&str]; 9] = [
    &["/dsseEnvelope/payload"],
    &["/dsseEnvelope/signatures/0/sig"],
    &["/verificationMaterial/publicKey/hint"],
    &["/verificationMaterial/tlogEntries/0/canonicalizedBody"],
    &[
        "/verificationMaterial/tlogEntries/0/logIndex",
        "/verificationMaterial/tlogEntries/0/inclusionProof/logIndex",
    ],
    &["/verificationMaterial/tlogEntries/0/inclusionProof/hashes"],
    &["/verificationMaterial/tlogEntries/0/inclusionProof/rootHash"],
    &["/verificationMaterial/tlogEntries/0/inclusionProof/treeSize"],
    &["/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope"],
];

/// `base` with the components whose bits are set in `mask` taken from `other`.
fn mixture(base: &Value, other: &Value, mask: u32) -> Value {
    let mut mixed = base.clone();
    for (bit, places) in COMPONENTS.iter().enumerate() {
        if mask >> bit & 1 == 1 {
            for place in *places {
                *mixed.pointer_mut(place).unwrap() = other.pointer(place).unwrap().clone();
            }
        }
    }
    mixed
}

fn judged(bundle: &[u8], requirements: &Requirements, tree: &Tree) -> Option<VerifiedModel> {
    verify(bundle, Some(requirements), &Expectation::default(), |_| Ok(tree.clone())).ok()
}

#[test]
fn no_mixture_of_two_valid_bundles_is_valid() {
    let (requirements, tree) = (requirements(), files("plain"));
    let cases = ["plain", "p256", "lineage", "quorum-met", "without-file-subjects"];
    let bundles = cases.map(|case| serde_json::from_slice::<Value>(&bundle(case)).unwrap());
    let mut tried = 0;
    for (n, one) in bundles.iter().enumerate() {
        for other in &bundles[n + 1..] {
            for mask in 0..1 << COMPONENTS.len() {
                let mixed = mixture(one, other, mask);
                if mixed == *one || mixed == *other {
                    continue;
                }
                tried += 1;
                let line = format!("{mixed}\n");
                assert!(judged(line.as_bytes(), &requirements, &tree).is_none(), "{mask:b}: {line}");
            }
        }
    }
    assert!(tried > 1000, "only {tried} mixtures differed from what they were made of");
}

#[test]
fn the_bundles_of_the_mixtures_are_valid_themselves() {
    let requirements = requirements();
    for case in ["plain", "p256", "lineage", "quorum-met", "without-file-subjects"] {
        assert_eq!(files(case), files("plain"), "{case}");
        assert!(judged(&bundle(case), &requirements, &files("plain")).is_some(), "{case}");
    }
}

#[test]
fn every_single_bit_change_of_five_bundle_files_is_refused() {
    let tree = files("plain");
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    for case in ["plain", "p256", "lineage", "quorum-met", "without-file-subjects"] {
        let genuine = bundle(case);
        // Its own trust file: a cosignature that no policy asks for may be anybody's.
        let own = std::fs::read(accepted(case).join("trust.toml")).unwrap();
        let requirements = Requirements::parse(&own).unwrap();
        std::thread::scope(|scope| {
            for worker in 0..workers {
                let (requirements, tree, genuine) = (&requirements, &tree, &genuine);
                scope.spawn(move || {
                    for bit in (worker..genuine.len() * 8).step_by(workers) {
                        let mut altered = genuine.clone();
                        altered[bit / 8] ^= 1 << (bit % 8);
                        let verdict = judged(&altered, requirements, tree);
                        assert!(verdict.is_none(), "{case}: bit {} of byte {}", bit % 8, bit / 8);
                    }
                });
            }
        });
    }
}

#[test]
fn every_bundle_file_that_is_cut_short_is_refused() {
    let (requirements, tree, genuine) = (requirements(), files("plain"), bundle("plain"));
    for len in 0..genuine.len() {
        assert!(judged(&genuine[..len], &requirements, &tree).is_none(), "{len} bytes");
    }
}
