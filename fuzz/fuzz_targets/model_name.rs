//! Names and versions of models, and the two joined.

#![no_main]

use attest::model_name::{ModelName, NameVersion, VersionLabel};
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::word_written_back;

fuzz_target!(|input: &[u8]| {
    word_written_back::<ModelName>(input);
    word_written_back::<VersionLabel>(input);
    word_written_back::<NameVersion>(input);
});
