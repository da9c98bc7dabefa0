//! Names and versions of models, and the two joined.

#![no_main]

use attest::model_name::{ModelName, NameVersion, VersionLabel};
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::text_written_back;

fuzz_target!(|input: &[u8]| {
    text_written_back::<ModelName>(input);
    text_written_back::<VersionLabel>(input);
    text_written_back::<NameVersion>(input);
});
