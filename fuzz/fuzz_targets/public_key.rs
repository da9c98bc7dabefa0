//! A public key as DER, and as the two texts: each has one spelling.

#![no_main]

use attest::key::PublicKey;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;

fuzz_target!(|input: &[u8]| {
    let der = written_back(input, PublicKey::from_spki_der, PublicKey::to_spki_der);
    let text = core::str::from_utf8(input).ok();
    let line = text.and_then(|text| {
        let word = text.strip_suffix('\n').unwrap_or(text);
        written_back(word.as_bytes(), |_| PublicKey::from_base64(word), PublicKey::to_base64)
    });
    let pem = text.and_then(|text| PublicKey::from_pem(text).ok());
    for key in [der, line, pem].into_iter().flatten() {
        assert_eq!(PublicKey::from_spki_der(&key.to_spki_der()).as_ref(), Ok(&key));
        assert_eq!(PublicKey::from_base64(&key.to_base64()).as_ref(), Ok(&key));
        assert_eq!(PublicKey::from_pem(&key.to_pem()).as_ref(), Ok(&key));
        // Nobody signed this; looking at it must not panic.
        key.verify_der(input, input).expect_err("no signature of the input");
        key.verify_fixed(input, input).expect_err("no signature of the input");
    }
});
