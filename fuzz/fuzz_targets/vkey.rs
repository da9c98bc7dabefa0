//! The text of a log's or witness's key; its key id is the beginning of its log id.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::word_written_back;
use tlog::vkey::Vkey;

fuzz_target!(|input: &[u8]| {
    if let Some(vkey) = word_written_back::<Vkey>(input) {
        assert!(vkey.log_id().starts_with(&vkey.key_id().to_bytes()));
    }
});
