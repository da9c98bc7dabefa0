//! A proof about a file. It settles after one writing, and shows nothing about another tree than the one it names.

#![no_main]

use attest::digest::Sha256Digest;
use attest::file_proof::{FileProof, Shown};
use attest::tree::TreeDigest;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::settles;

fuzz_target!(|input: &[u8]| {
    let input = input.strip_suffix(b"\n").unwrap_or(input);
    let Some(proof) = settles(input, FileProof::parse, FileProof::to_bytes) else { return };
    if let Ok(Shown::Present(file)) = proof.verify(proof.tree_digest()) {
        assert_eq!(file.path(), proof.path());
    }
    let other = TreeDigest::from_digest(Sha256Digest::of(proof.tree_digest().digest().as_bytes()));
    assert!(proof.verify(other).is_err());
});
