//! A log's answer to a new entry, which is also the entry inside a bundle.

#![no_main]

use attest::bundle::LogEntry;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::settles;

fuzz_target!(|input: &[u8]| {
    settles(input, LogEntry::parse, LogEntry::to_json);
});
