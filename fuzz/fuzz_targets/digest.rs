//! The text of a SHA-256 digest.

#![no_main]

use attest::digest::Sha256Digest;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::word_written_back;

fuzz_target!(|input: &[u8]| {
    word_written_back::<Sha256Digest>(input);
});
