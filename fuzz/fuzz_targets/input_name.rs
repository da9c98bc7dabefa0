//! What a provenance says in words: names and sources of inputs, ids of git objects.

#![no_main]

use attest::provenance::{GitId, InputName, SourceUri};
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::word_written_back;

fuzz_target!(|input: &[u8]| {
    word_written_back::<GitId>(input);
    word_written_back::<InputName>(input);
    word_written_back::<SourceUri>(input);
});
