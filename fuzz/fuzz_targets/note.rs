//! A signed note; putting its text and its signatures together again gives the same note.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;
use tlog::note::{Note, OpenError};

fuzz_target!(|input: &[u8]| {
    if let Some(note) = written_back(input, Note::parse, Note::to_bytes) {
        assert_eq!(Note::new(note.text(), note.signatures()).as_ref(), Ok(&note));
        assert!(matches!(note.open(&[]), Err(OpenError::NoKnownKey { .. })));
    }
});
