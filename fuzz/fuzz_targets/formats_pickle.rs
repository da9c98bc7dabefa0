//! The pickle machine: it ends, and what it takes whole names nothing but what is on its list.

#![no_main]

use std::io::Cursor;

use formats::pickle::Trace;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let trace = Trace::of(&mut Cursor::new(input)).expect("memory is read");
    if let Some(end) = trace.end() {
        assert!(end <= input.len() as u64, "ends at {end} of {}", input.len());
        // What stands behind its STOP changes nothing.
        let alone = input.get(..end as usize).expect("within the input");
        assert_eq!(Trace::of(&mut Cursor::new(alone)).expect("memory is read"), trace);
    } else {
        assert!(!trace.reasons().is_empty(), "a pickle that did not end is refused");
    }
    if trace.reasons().is_empty() {
        assert!(trace.globals().iter().all(|(.., allowed)| *allowed), "{:?}", trace.globals());
    }
});
