//! A Sigstore bundle. Its JSON may have white space, which is not kept; from then on it stays as it is.

#![no_main]

use attest::bundle::Bundle;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::settles;

fuzz_target!(|input: &[u8]| {
    settles(input, Bundle::parse, Bundle::to_json_line);
});
