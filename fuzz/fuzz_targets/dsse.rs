//! A DSSE envelope. Its JSON may have white space and a key id, which are not kept; from then on it stays as
//! it is.

#![no_main]

use attest::dsse::Envelope;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::settles;

fuzz_target!(|input: &[u8]| {
    settles(input, Envelope::parse, Envelope::to_json);
});
