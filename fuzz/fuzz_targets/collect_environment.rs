//! Every file that tells of an environment, read as each of them.

#![no_main]

use collect::environment::{conda, os_release, pylock, pyvenv, requirements, uv_lock};
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::fits;

fuzz_target!(|input: &[u8]| {
    for read in [
        conda::read,
        os_release::read_bytes,
        pylock::read,
        pyvenv::read,
        requirements::read,
        uv_lock::read,
    ] {
        fits(&read(input, "file"));
    }
});
