//! testdata/keys: what OpenSSL wrote is read, and what is not one canonical key is refused.

#![cfg_attr(feature = "keys", expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking"))]
#![cfg(feature = "keys")]

mod case_files;

use std::path::{Path, PathBuf};

use attest::key::{Algorithm, KeyError, PrivateKey, PublicKey, SignatureError, is_encrypted};
use proptest::prelude::*;

const PASSPHRASE: &[u8] = b"correct-horse";

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The files of a folder with this ending, and their texts.
fn with_ending(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let files: Vec<_> = case_files::files(folder)
        .into_iter()
        .filter(|file| file.to_str().unwrap().ends_with(ending))
        .map(|file| (file.clone(), read(&file)))
        .collect();
    assert!(!files.is_empty(), "no {ending} in {folder}");
    files
}

fn open(file: &Path, text: &str) -> Result<PrivateKey, KeyError> {
    let encrypted = case_files::name(file).ends_with(".encrypted.pem");
    PrivateKey::from_pem(text, encrypted.then_some(PASSPHRASE))
}

fn key(name: &str) -> PrivateKey {
    let file = with_ending("keys/accept", name).remove(0);
    open(&file.0, &file.1).unwrap()
}

#[test]
fn accepted_private_keys_open_and_have_their_public_half() {
    for (file, text) in with_ending("keys/accept", ".pem") {
        if case_files::name(&file).ends_with(".pub.pem") {
            continue;
        }
        let private =
            open(&file, &text).unwrap_or_else(|error| panic!("{}: {error}", case_files::name(&file)));
        let name = case_files::name(&file).split('.').next().unwrap();
        let public = PublicKey::from_pem(&read(&file.with_file_name(format!("{name}.pub.pem")))).unwrap();
        assert_eq!(private.public_key(), public, "{name}");
        assert_eq!(private.algorithm(), public.algorithm(), "{name}");
        assert_eq!(is_encrypted(&text), case_files::name(&file).ends_with(".encrypted.pem"), "{name}");
    }
}

#[test]
fn accepted_public_keys_are_written_back() {
    for (file, text) in with_ending("keys/accept", ".pub.pem") {
        let public =
            PublicKey::from_pem(&text).unwrap_or_else(|error| panic!("{}: {error}", case_files::name(&file)));
        assert_eq!(public.to_pem(), text);
        assert_eq!(PublicKey::from_spki_der(public.as_spki_der()).as_ref(), Ok(&public));
        assert_eq!(PublicKey::from_base64(&public.to_base64()).as_ref(), Ok(&public));
        assert_eq!(PublicKey::from_pem(&text.replace('\n', "\r\n")).as_ref(), Ok(&public));
        assert_eq!(public.key_id(), attest::digest::Sha256Digest::of(&public.to_spki_der()));
    }
}

#[test]
fn plain_private_keys_are_written_as_openssl_writes_them() {
    for name in ["TEST-ed25519.pem", "TEST-p256.pem"] {
        let (file, text) = with_ending("keys/accept", name).remove(0);
        assert_eq!(*open(&file, &text).unwrap().to_pem_plain().unwrap(), text, "{name}");
    }
}

#[test]
fn refused_keys_are_refused_for_their_reason() {
    for (file, text) in with_ending("keys/reject", ".pem") {
        let name = case_files::name(&file);
        let error = if name.ends_with(".pub.pem") {
            PublicKey::from_pem(&text).map(drop)
        } else {
            open(&file, &text).map(drop)
        }
        .expect_err(name);
        assert_eq!(case_files::reason(&error), case_files::expected_reason(&file), "{name}: {error}");
    }
}

#[test]
fn one_line_form_has_one_spelling() {
    let line = key("TEST-ed25519.pem").public_key().to_base64();
    assert!(PublicKey::from_base64(&line).is_ok());
    for other in [
        format!("{line}\n"),
        format!(" {line}"),
        line.trim_end_matches('=').to_owned(),
        line.replace('+', "-").replace('/', "_") + "\0",
        format!("{line}===="),
    ] {
        assert_eq!(PublicKey::from_base64(&other), Err(KeyError::BadBase64), "{other:?}");
    }
    assert_eq!(PublicKey::from_base64(""), Err(KeyError::NotSpki { len: 0 }));
}

#[test]
fn encrypted_key_opens_with_its_passphrase_only() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let sealed = key.to_pem_encrypted(b"a passphrase").unwrap();
        assert!(is_encrypted(&sealed));
        let open = |passphrase| PrivateKey::from_pem(&sealed, passphrase).map(|key| key.public_key());
        assert_eq!(open(Some(b"a passphrase".as_slice())), Ok(key.public_key()));
        assert_eq!(open(Some(b"A passphrase".as_slice())), Err(KeyError::WrongPassphrase));
        assert_eq!(open(Some(b"".as_slice())), Err(KeyError::WrongPassphrase));
        assert_eq!(open(None), Err(KeyError::NoPassphrase));
        assert_ne!(*sealed, *key.to_pem_encrypted(b"a passphrase").unwrap(), "salt and IV are fresh");
    }
}

#[test]
fn empty_passphrase_encrypts_nothing() {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    assert_eq!(key.to_pem_encrypted(b"").err(), Some(KeyError::EmptyPassphrase));
}

#[test]
fn passphrase_for_an_open_key_is_refused() {
    let text = key("TEST-ed25519.pem").to_pem_plain().unwrap();
    assert_eq!(PrivateKey::from_pem(&text, Some(PASSPHRASE)).err(), Some(KeyError::NotEncrypted));
}

#[test]
fn plain_key_written_here_is_read_here() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let text = key.to_pem_plain().unwrap();
        assert!(!is_encrypted(&text));
        assert_eq!(PrivateKey::from_pem(&text, None).unwrap().public_key(), key.public_key());
        assert_ne!(PrivateKey::generate(algorithm).unwrap().public_key(), key.public_key());
    }
}

#[test]
fn debug_and_errors_show_no_secret() {
    for name in ["TEST-ed25519.pem", "TEST-p256.pem"] {
        let key = key(name);
        let text = key.to_pem_plain().unwrap();
        let secret = text.lines().nth(1).unwrap();
        let debug = format!("{key:?} {key:#?}");
        assert!(debug.contains("redacted") && !debug.contains(secret.get(24..40).unwrap()), "{debug}");
        let sealed = key.to_pem_encrypted(b"swordfish").unwrap();
        let error =
            PrivateKey::from_pem(&sealed, Some(b"sword-of-damocles")).expect_err("another passphrase");
        assert!(!format!("{error} {error:?}").contains("sword"), "{error:?}");
    }
}

#[test]
fn openssl_signatures_verify() {
    let message = std::fs::read(
        case_files::files("keys").into_iter().find(|file| file.ends_with("message.txt")).unwrap(),
    )
    .unwrap();
    for file in case_files::files("keys/signatures") {
        let name = case_files::name(&file);
        let signature = std::fs::read(&file).unwrap();
        let public = key(&format!("{}.pem", name.split('.').next().unwrap())).public_key();
        let verdict = public.verify_der(&message, &signature);
        if name.contains(".high-s.") {
            assert_eq!(verdict, Err(SignatureError::HighS), "{name}");
        } else {
            assert_eq!(verdict, Ok(()), "{name}");
            assert_eq!(
                public.verify_der(b"another message", &signature),
                Err(SignatureError::Mismatch),
                "{name}"
            );
        }
    }
}

#[test]
fn signature_of_one_key_is_refused_by_another() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let [ours, theirs] = [(); 2].map(|()| PrivateKey::generate(algorithm).unwrap());
        let (der, fixed) = (ours.sign_der(b"m"), ours.sign_fixed(b"m"));
        assert_eq!(ours.public_key().verify_der(b"m", &der), Ok(()));
        assert_eq!(ours.public_key().verify_fixed(b"m", &fixed), Ok(()));
        assert_eq!(theirs.public_key().verify_der(b"m", &der), Err(SignatureError::Mismatch));
        assert_eq!(theirs.public_key().verify_fixed(b"m", &fixed), Err(SignatureError::Mismatch));
    }
}

#[test]
fn other_lengths_and_encodings_are_malformed() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let (public, der, fixed) = (key.public_key(), key.sign_der(b"m"), key.sign_fixed(b"m"));
        let malformed = |len| Err(SignatureError::Malformed { len });
        assert_eq!(public.verify_fixed(b"m", &fixed[..63]), malformed(63));
        assert_eq!(public.verify_fixed(b"m", &[fixed.as_slice(), b"\0"].concat()), malformed(65));
        assert_eq!(public.verify_fixed(b"m", b""), malformed(0));
        assert_eq!(public.verify_der(b"m", &[der.as_slice(), b"\0"].concat()), malformed(der.len() + 1));
        assert_eq!(public.verify_der(b"m", &der[..der.len() - 1]), malformed(der.len() - 1));
        assert_eq!(public.verify_der(b"m", b""), malformed(0));
    }
}

#[test]
fn ecdsa_der_with_padded_integer_or_long_length_is_malformed() {
    let key = key("TEST-p256.pem");
    let fixed = key.sign_fixed(b"m");
    let (r, s) = fixed.split_at(32);
    let integer = |value: &[u8], extra: usize| {
        let significant: Vec<u8> = value.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = usize::from(significant[0] >= 0x80);
        let mut der = vec![2, (significant.len() + sign + extra) as u8];
        der.extend(std::iter::repeat_n(0, sign + extra));
        der.extend(significant);
        der
    };
    let sequence = |head: &[u8], body: Vec<u8>| [head, &[body.len() as u8], &body].concat();
    let good = sequence(&[0x30], [integer(r, 0), integer(s, 0)].concat());
    assert_eq!(good, key.sign_der(b"m"));
    for bad in [
        sequence(&[0x30], [integer(r, 1), integer(s, 0)].concat()),
        sequence(&[0x30], [integer(r, 0), integer(s, 1)].concat()),
        sequence(&[0x30, 0x81], [integer(r, 0), integer(s, 0)].concat()),
        sequence(&[0x30], [integer(r, 0), integer(s, 0), vec![5, 0]].concat()),
    ] {
        assert_eq!(
            key.public_key().verify_der(b"m", &bad),
            Err(SignatureError::Malformed { len: bad.len() })
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Half of all ECDSA signatures would have a high s if nothing were done.
    #[test]
    fn signing_is_deterministic_and_verifies(message in any::<Vec<u8>>()) {
        for name in ["TEST-ed25519.pem", "TEST-p256.pem"] {
            let key = key(name);
            let (der, fixed) = (key.sign_der(&message), key.sign_fixed(&message));
            prop_assert_eq!(&der, &key.sign_der(&message));
            prop_assert_eq!(fixed, key.sign_fixed(&message));
            prop_assert_eq!(key.public_key().verify_der(&message, &der), Ok(()));
            prop_assert_eq!(key.public_key().verify_fixed(&message, &fixed), Ok(()));
        }
    }

    #[test]
    fn one_flipped_bit_of_a_signature_is_refused(bit in 0..512_usize) {
        for name in ["TEST-ed25519.pem", "TEST-p256.pem"] {
            let key = key(name);
            let mut fixed = key.sign_fixed(b"message");
            fixed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(key.public_key().verify_fixed(b"message", &fixed).is_err());
        }
    }

    #[test]
    fn one_flipped_bit_of_an_spki_is_refused_or_another_key(bit in any::<prop::sample::Index>()) {
        for name in ["TEST-ed25519.pem", "TEST-p256.pem"] {
            let public = key(name).public_key();
            let mut spki = public.to_spki_der();
            let bit = bit.index(spki.len() * 8);
            spki[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = PublicKey::from_spki_der(&spki) {
                prop_assert_eq!(other.as_spki_der(), spki.as_slice());
                prop_assert_ne!(other, public);
            }
        }
    }
}
