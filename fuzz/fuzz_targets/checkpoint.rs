//! A signed checkpoint; what is read from its note text is written back as that text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::{text_written_back, word_written_back, written_back};
use tlog::checkpoint::{Checkpoint, Origin, SignedCheckpoint};

fuzz_target!(|input: &[u8]| {
    word_written_back::<Origin>(input);
    text_written_back::<Checkpoint>(input);
    if let Some(signed) = written_back(input, SignedCheckpoint::parse, |signed| signed.as_bytes().to_vec()) {
        assert_eq!(signed.unverified().to_string(), signed.note().text());
    }
});
