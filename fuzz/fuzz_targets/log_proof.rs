//! The text of a proof of logging.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;
use tlog::proof::LogProof;

fuzz_target!(|input: &[u8]| {
    if let Some(proof) = written_back(input, LogProof::parse, LogProof::to_bytes) {
        let bare = LogProof::new(proof.inclusion().clone(), proof.checkpoint().clone());
        let again = match proof.extra() {
            Some(extra) => bare.with_extra(extra.to_vec()).expect("extra data that was read fits"),
            None => bare,
        };
        assert_eq!(again, proof);
    }
});
