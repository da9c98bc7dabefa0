//! What a witness answers: signature lines, or the size it last cosigned.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::{text_written_back, written_back};
use tlog::witness::{AddCheckpointResponse, WitnessedSize};

fuzz_target!(|input: &[u8]| {
    text_written_back::<WitnessedSize>(input);
    written_back(input, AddCheckpointResponse::parse, AddCheckpointResponse::to_bytes);
});
