//! An in-toto statement. The entry computed from it parses, verifies and says the same.

#![no_main]

use attest::digest::Sha256Digest;
use attest::statement::Statement;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::{has_an_entry, written_back};

fuzz_target!(|input: &[u8]| {
    if let Some(statement) = written_back(input, Statement::parse, |read| read.as_bytes().to_vec()) {
        assert_eq!(statement.digest(), Sha256Digest::of(input));
        has_an_entry(&statement);
    }
});
