//! Known answers of the RFCs, and the one spelling of an Ed25519 signature.

use super::*;

/// Bytes of hex text; spaces do not count.
fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.try_into().unwrap()
}

fn ed25519(key: &str) -> PublicKey {
    PublicKey::from_spki_der(&[SPKI_ED25519.as_slice(), &hex::<32>(key)].concat()).unwrap()
}

/// RFC 8032 section 7.1, TEST 2: the message 0x72.
#[cfg(feature = "keys")]
const RFC8032_SECRET: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const RFC8032_PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const RFC8032_SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                                 085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

#[test]
fn ed25519_verifies_the_example_of_rfc_8032() {
    let public = ed25519(RFC8032_PUBLIC);
    let signature = hex::<64>(RFC8032_SIGNATURE);
    assert_eq!(public.algorithm(), Algorithm::Ed25519);
    assert_eq!(public.verify_der(&[0x72], &signature), Ok(()));
    assert_eq!(public.verify_fixed(&[0x72], &signature), Ok(()));
}

/// Adding the group order to S gives the second spelling that RFC 8032 section 5.1.7 tells verifiers to refuse.
#[test]
fn ed25519_refuses_s_beyond_the_order() {
    let order: [u8; 32] = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut signature = hex::<64>(RFC8032_SIGNATURE);
    let mut carry = 0;
    for (s, order) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*s) + u16::from(order) + carry;
        *s = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    assert_eq!(ed25519(RFC8032_PUBLIC).verify_der(&[0x72], &signature), Err(SignatureError::Mismatch));
}

/// The key's owner can make a signature with R the identity, which satisfies the equation; signing never does.
#[test]
fn ed25519_refuses_r_of_small_order() {
    let signature = hex::<64>(
        "0100000000000000000000000000000000000000000000000000000000000000\
         675d054595fa17cb6a44e3ada6ca385e55667e41a63fdab0ac22d10000354002",
    );
    let public = ed25519(RFC8032_PUBLIC);
    let VerifyingKey::Ed25519(lax) = &public.verifying else { panic!("{public:?}") };
    assert!(lax.verify(&[0x72], &ed25519_dalek::Signature::from_bytes(&signature)).is_ok());
    assert_eq!(public.verify_der(&[0x72], &signature), Err(SignatureError::Mismatch));
}

/// The torsion group has eight elements: eight distinct canonical spellings, each of small order, are all of them.
#[test]
fn the_list_of_small_orders_is_the_whole_torsion_group() {
    for (at, point) in SMALL_ORDER.iter().enumerate() {
        let key = ed25519_dalek::VerifyingKey::from_bytes(point).unwrap();
        assert!(key.is_weak(), "{at}");
        assert_eq!(key.to_edwards().compress().as_bytes(), point, "{at}");
        assert!(SMALL_ORDER.iter().skip(at + 1).all(|other| other != point), "{at}");
    }
}

/// Every spelling with a top or bottom end that is special, beside random ones, against compression.
#[test]
fn canonical_is_what_compression_writes() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut points, mut second) = (0, 0);
    for middle in [0x00, 0xff] {
        for first in 0..=0xff {
            for last in [0x00, 0x7f, 0x80, 0xff, 0x42] {
                let mut bytes = [middle; 32];
                (bytes[0], bytes[31]) = (first, last);
                points += check_spelling(&bytes, &mut second);
            }
        }
    }
    for _ in 0..500 {
        let mut bytes = [0; 32];
        bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&random().to_le_bytes()));
        points += check_spelling(&bytes, &mut second);
    }
    assert!(points > 500 && second > 10, "{points} points, {second} of them in a second spelling");
}

fn check_spelling(bytes: &[u8; 32], second: &mut u32) -> u32 {
    let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(bytes) else { return 0 };
    let canonical = key.to_edwards().compress().as_bytes() == bytes;
    assert_eq!(is_canonical(bytes), canonical, "{bytes:02x?}");
    *second += u32::from(!canonical);
    1
}

/// The lax equation with the list of eight, against `verify_strict`, on good, damaged and crafted signatures.
#[test]
fn the_verdict_is_that_of_verify_strict() {
    let public = ed25519(RFC8032_PUBLIC);
    let VerifyingKey::Ed25519(key) = &public.verifying else { panic!("{public:?}") };
    let good = hex::<64>(RFC8032_SIGNATURE);
    let mut cases = vec![good];
    for bit in 0..512 {
        let mut damaged = good;
        damaged[bit / 8] ^= 1 << (bit % 8);
        cases.push(damaged);
    }
    for point in SMALL_ORDER {
        let mut crafted = hex::<64>(
            "0100000000000000000000000000000000000000000000000000000000000000\
             675d054595fa17cb6a44e3ada6ca385e55667e41a63fdab0ac22d10000354002",
        );
        crafted[..32].copy_from_slice(&point);
        cases.push(crafted);
    }
    for case in &cases {
        let strict = key.verify_strict(&[0x72], &ed25519_dalek::Signature::from_bytes(case));
        assert_eq!(public.verify_fixed(&[0x72], case).is_ok(), strict.is_ok(), "{case:02x?}");
    }
}

/// With R the identity and S zero, such a "signature" satisfies the equation for a key of small order.
#[test]
fn ed25519_key_of_small_order_is_no_key() {
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    ] {
        let spki = [SPKI_ED25519.as_slice(), &hex::<32>(point)].concat();
        assert_eq!(PublicKey::from_spki_der(&spki), Err(KeyError::SmallOrder), "{point}");
    }
}

/// RFC 6979 appendix A.2.5, SHA-256: x, and (message, r, s).
#[cfg(feature = "keys")]
const RFC6979_SECRET: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

#[cfg(feature = "keys")]
#[test]
fn signing_gives_the_examples_of_the_rfcs() {
    let pem = |prefix: &[u8], secret: &str, suffix: &[u8]| {
        let der = [prefix, &hex::<32>(secret), suffix].concat();
        PrivateKey::from_pem(&pem::encode(pem::PRIVATE_KEY, &der), None).unwrap()
    };
    let key = pem(&hex::<16>("302e020100300506032b657004220420"), RFC8032_SECRET, b"");
    assert_eq!(key.public_key(), ed25519(RFC8032_PUBLIC));
    assert_eq!(key.sign_fixed(&[0x72]), hex::<64>(RFC8032_SIGNATURE));

    // ECPrivateKey without the optional public key.
    let prefix = hex::<35>("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420");
    let key = pem(&prefix, RFC6979_SECRET, b"");
    // "test" has a low s in the RFC.
    assert_eq!(
        key.sign_fixed(b"test"),
        hex("f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367\
             019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083")
    );
    // "sample" has s = f7cb1c94...; this is the order less that.
    assert_eq!(
        key.sign_fixed(b"sample"),
        hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9")
    );
    let high = hex::<64>(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
         f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    );
    assert_eq!(key.public_key().verify_fixed(b"sample", &high), Err(SignatureError::HighS));
}
