//! A witness's cosignature: made, it verifies; a line that verifies is the one that its witness makes.

#![no_main]

use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::number;
use tlog::cosignature::{UnixSeconds, cosign, verify};
use tlog::signature_line::NoteSignature;
use tlog::vkey::{KeyName, Vkey};

fuzz_target!(|input: &[u8]| {
    run(input);
});

fn run(mut input: &[u8]) -> Option<()> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let name: KeyName = "example.org/witness".parse().expect("a key name");
    let vkey = Vkey::cosignature_ed25519(name.clone(), key.verifying_key().as_bytes()).expect("a key");

    let timestamp = UnixSeconds::new(number(&mut input)?).ok()?;
    let text = core::str::from_utf8(input).ok()?;
    let (body, line) = text.rsplit_once('\n')?;
    let made = cosign(&key, &name, body, timestamp);
    assert_eq!(verify(&vkey, &made, body).expect("a cosignature just made verifies").timestamp(), timestamp);
    assert_eq!(made.to_string().parse().as_ref(), Ok(&made));

    let given: NoteSignature = line.parse().ok()?;
    if let Ok(cosignature) = verify(&vkey, &given, body) {
        assert_eq!(given, cosign(&key, &name, body, cosignature.timestamp()));
    }
    Some(())
}
