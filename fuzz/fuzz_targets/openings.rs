//! A file of openings: what is read is written as the same bytes, and each line opens its own commitment.

#![no_main]

use attest::private_value::Openings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(openings) = Openings::parse(input) else { return };
    assert_eq!(openings.to_bytes(), input);
    for opening in openings.lines() {
        assert_eq!(openings.of(opening.commitment()), Some(opening));
    }
});
