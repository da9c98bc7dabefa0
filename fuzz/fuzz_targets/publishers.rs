//! The list of publishers: read totally, and a name that no block covers is judged by `others` alone.

#![no_main]

use attest::digest::Sha256Digest;
use libfuzzer_sys::fuzz_target;
use log_server::admission::publishers::Publishers;

/// A key that is in no file: nobody has found bytes with this digest.
const NOBODY: Sha256Digest = Sha256Digest::from_bytes([0; 32]);

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(publishers) = Publishers::parse(text) else { return };
    // Comments and blank lines say nothing.
    let again = Publishers::parse(&format!("# a comment\n\n{text}\n# the end\n")).expect("TOML has comments");
    for name in ["a", "acme/churn", "acme/churn/v2", "zz-top/9"] {
        let name = name.parse().expect("a name");
        assert_eq!(again.judge(&name, &NOBODY).is_ok(), publishers.judge(&name, &NOBODY).is_ok());
    }
    assert!(publishers.judge_private(&NOBODY).is_err(), "others does not speak of entries without a name");
});
