//! The log of a run of Weights & Biases.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::fits;

fuzz_target!(|input: &[u8]| {
    if let Ok(collected) = collect::wandb::read_log(input) {
        fits(&collected);
    }
});
