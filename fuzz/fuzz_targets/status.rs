//! A signed status. It is written back, its text too, and it is no checkpoint.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;
use tlog::checkpoint::Checkpoint;
use tlog::status::{SignedStatus, Status};

fuzz_target!(|input: &[u8]| {
    if let Some(signed) = written_back(input, SignedStatus::parse, |one| one.as_bytes().to_vec()) {
        let text = signed.unverified().to_string();
        assert_eq!(Status::parse(&text).as_ref(), Ok(signed.unverified()));
        assert!(Checkpoint::parse(&text).is_err());
    }
});
