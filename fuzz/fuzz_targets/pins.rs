//! Pins: written anew they say the same, and settle.

#![no_main]

use libfuzzer_sys::fuzz_target;
use verifier::Pins;

fuzz_target!(|input: &[u8]| {
    let Ok(pins) = Pins::parse(input) else { return };
    let written = pins.to_bytes();
    assert_eq!(Pins::parse(&written).expect("what was written is read again"), pins);
});
