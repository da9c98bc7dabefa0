//! One signature line of a note.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::word_written_back;
use tlog::signature_line::NoteSignature;

fuzz_target!(|input: &[u8]| {
    word_written_back::<NoteSignature>(input);
});
