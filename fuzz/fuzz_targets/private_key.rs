//! A private key at rest, without a passphrase: what is read signs, and is written and read again as the same
//! key.

#![no_main]

use attest::key::{PrivateKey, is_encrypted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = core::str::from_utf8(input) else { return };
    // A passphrase makes every try slow by design, so encrypted keys are left to the tests.
    if is_encrypted(text) {
        return;
    }
    let Ok(key) = PrivateKey::from_pem(text, None) else { return };
    let pem = key.to_pem_plain().expect("a key that was read is written");
    let again = PrivateKey::from_pem(&pem, None).expect("a key that was written is read");
    assert_eq!(again.public_key(), key.public_key());
    key.public_key().verify_der(input, &again.sign_der(input)).expect("its own signature verifies");
});
