//! The path of a tile or an entry bundle.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::word_written_back;
use tlog::tile::TilePath;

fuzz_target!(|input: &[u8]| {
    word_written_back::<TilePath>(input);
});
