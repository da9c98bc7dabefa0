//! What parses is written back byte for byte, whatever it is.
//!
//! The inputs are the accepted cases of `testdata/` with a few bytes changed, which get further into a parser than random
//! bytes do, and values made up from scratch.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use merkle::{InclusionProof, LeafHash, LeafIndex};
use proptest::prelude::*;
use tlog::checkpoint::SignedCheckpoint;
use tlog::entry_bundle::{EntryBundle, push_entry};
use tlog::note::Note;
use tlog::policy::Policy;
use tlog::proof::LogProof;
use tlog::text::{TextError, decimal, decode_base64, encode_base64};
use tlog::tile::{BundleIndex, TileCoord, TilePath, TileWidth};
use tlog::vkey::Vkey;
use tlog::witness::{AddCheckpointRequest, AddCheckpointResponse, WitnessedSize};

/// Every file below `testdata/<folder>`, small ones only: a change in a large one is rarely where it matters.
fn seeds(folder: &str) -> Vec<Vec<u8>> {
    let mut folders: Vec<PathBuf> =
        vec![Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata")).join(folder)];
    let mut seeds = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                seeds.push(fs::read(path).unwrap());
            }
        }
    }
    seeds.retain(|seed| seed.len() < 2000);
    seeds.sort();
    assert!(!seeds.is_empty(), "{folder} has no case");
    seeds
}

/// A case with up to three bytes replaced, put in or taken out.
fn changed(folder: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\n 0+=/#x\xE2\x80\x94".to_vec())];
    let edits = prop::collection::vec((0_u8..3, any::<prop::sample::Index>(), byte), 0..=3);
    (prop::sample::select(seeds(folder)), edits).prop_map(|(mut bytes, edits)| {
        for (edit, at, byte) in edits {
            let at = at.index(bytes.len() + 1);
            match edit {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn note(bytes in changed("note/accept")) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.as_bytes(), &bytes);
            prop_assert_eq!(Note::new(note.text(), note.signatures()), Ok(note));
        }
    }

    #[test]
    fn checkpoint(bytes in changed("checkpoint/accept")) {
        if let Ok(signed) = SignedCheckpoint::parse(&bytes) {
            prop_assert_eq!(signed.as_bytes(), &bytes);
            prop_assert_eq!(signed.unverified().to_string(), signed.note().text());
        }
    }

    #[test]
    fn log_proof(bytes in changed("tlog-proof/accept")) {
        if let Ok(proof) = LogProof::parse(&bytes) {
            prop_assert_eq!(proof.to_bytes(), bytes);
        }
    }

    #[test]
    fn policy(bytes in changed("policy/accept")) {
        if let Ok(policy) = Policy::parse(&bytes) {
            let written = policy.to_bytes();
            prop_assert_eq!(&Policy::parse(&written), &Ok(policy));
            prop_assert_eq!(Policy::parse(&written).unwrap().to_bytes(), written);
        }
    }

    #[test]
    fn request(bytes in changed("witness/request/accept")) {
        if let Ok(request) = AddCheckpointRequest::parse(&bytes) {
            prop_assert_eq!(request.to_bytes(), bytes);
        }
    }

    #[test]
    fn answer(bytes in changed("witness/response/accept")) {
        if let Ok(answer) = AddCheckpointResponse::parse(&bytes) {
            prop_assert_eq!(answer.to_bytes(), bytes);
        }
    }

    #[test]
    fn vkey(bytes in changed("vkey/accept")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for text in [text.as_str(), text.trim_end_matches('\n')] {
            if let Ok(vkey) = text.parse::<Vkey>() {
                prop_assert_eq!(vkey.to_string(), text);
            }
        }
    }

    #[test]
    fn tile_path(bytes in changed("tile/path/accept")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for text in [text.as_str(), text.trim_end_matches('\n')] {
            if let Ok(path) = text.parse::<TilePath>() {
                prop_assert_eq!(path.to_string(), text);
            }
        }
    }

    #[test]
    fn bundle(bytes in changed("entry-bundle/accept"), width in 1_u16..=256) {
        if let Ok(bundle) = EntryBundle::parse(&bytes, TileWidth::new(width).unwrap()) {
            let mut written = Vec::new();
            for entry in bundle.entries() {
                push_entry(&mut written, entry).unwrap();
            }
            prop_assert_eq!(written, bytes);
        }
    }

    #[test]
    fn witnessed_size(bytes in changed("witness/size/accept")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Ok(size) = text.parse::<WitnessedSize>() {
            prop_assert_eq!(size.to_string(), text);
        }
    }

    #[test]
    fn decimals(number in any::<u64>()) {
        prop_assert_eq!(decimal(&number.to_string()).ok(), (number < 1 << 63).then_some(number));
        let with_zero = decimal(&format!("0{number}"));
        prop_assert_eq!(with_zero, Err(TextError::DecimalLeadingZero));
    }

    #[test]
    fn base64(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[A-Za-z0-9+/]{0,9}=?=?") {
        prop_assert_eq!(decode_base64(&encode_base64(&bytes)), Ok(bytes));
        if let Ok(decoded) = decode_base64(&text) {
            prop_assert_eq!(encode_base64(&decoded), text);
        }
    }

    #[test]
    fn coordinates(level in 0_u8..10, index in any::<u64>(), shift in 0_u32..64, width in 1_u16..=256) {
        let (index, width) = (index >> shift, TileWidth::new(width).unwrap());
        if let Ok(coord) = TileCoord::new(level, index) {
            let path = TilePath::Tile { coord, width };
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
        if let Ok(index) = BundleIndex::new(index) {
            let path = TilePath::Entries { index, width };
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
    }

    #[test]
    fn made_up_proofs(index in 0_u64..u64::MAX >> 1, hashes in 0_usize..=63, extra in prop::collection::vec(any::<u8>(), 0..50)) {
        let golden = seeds("checkpoint/accept/golden").into_iter().find(|seed| seed.len() == 191).unwrap();
        let hashes = (0..hashes).map(|i| LeafHash::of(&i.to_be_bytes()).hash()).collect();
        let inclusion = InclusionProof::new(LeafIndex::new(index).unwrap(), hashes).unwrap();
        let mut proof = LogProof::new(inclusion, SignedCheckpoint::parse(&golden).unwrap());
        if !extra.is_empty() {
            proof = proof.with_extra(extra).unwrap();
        }
        prop_assert_eq!(LogProof::parse(&proof.to_bytes()), Ok(proof));
    }
}
