//! Entries as in spec/entry.md, byte by byte, so that they can be wrong too.

use attest::digest::Sha256Digest;
use ed25519_dalek::{Signer as _, SigningKey};

/// SPKI of an Ed25519 key (RFC 8410 §4) up to the key.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What an entry says.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) kind: u8,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) seed: u8,
    pub(crate) subject: [u8; 32],
    pub(crate) input: Option<[u8; 32]>,
    /// Of a private entry.
    pub(crate) salt: Option<[u8; 32]>,
}

/// A provenance of a name, signed by the key of a seed.
pub(crate) fn said(name: &str, version: &str, seed: u8) -> Said {
    let subject = Sha256Digest::of(format!("{name}{version}").as_bytes()).to_bytes();
    Said {
        kind: 1,
        name: name.to_owned(),
        version: version.to_owned(),
        seed,
        subject,
        input: None,
        salt: None,
    }
}

pub(crate) fn spki(seed: u8) -> Vec<u8> {
    [&SPKI[..], SigningKey::from_bytes(&[seed; 32]).verifying_key().as_bytes()].concat()
}

pub(crate) fn key_id(seed: u8) -> String {
    Sha256Digest::of(&spki(seed)).to_string()
}

impl Said {
    pub(crate) fn entry(&self) -> Vec<u8> {
        let mut payload = vec![0xa8, 1, if self.salt.is_some() { 2 } else { 1 }, 2, self.kind];
        let statement = Sha256Digest::of(&[self.subject.as_slice(), &[self.seed]].concat());
        payload.push(3);
        self.digest(&mut payload, &[3], statement.as_bytes());
        payload.extend([4, 0x81, 0x82, 1]);
        self.digest(&mut payload, &[4, 0x82, 1], &self.subject);
        match &self.input {
            Some(input) => {
                payload.extend([5, 0x81, 0x83, 3, 1]);
                self.digest(&mut payload, &[5, 0x83, 3, 1], input);
            }
            None => payload.extend([5, 0x80]),
        }
        self.word(&mut payload, 6, &self.name);
        self.word(&mut payload, 7, &self.version);
        payload.push(8);
        bytes(&mut payload, &spki(self.seed));
        let mut protected = vec![0xa2, 1, 0x32, 4];
        bytes(&mut protected, Sha256Digest::of(&spki(self.seed)).as_bytes());
        let mut signed = vec![0x84];
        text(&mut signed, "Signature1");
        bytes(&mut signed, &protected);
        bytes(&mut signed, &[]);
        bytes(&mut signed, &payload);
        let signature = SigningKey::from_bytes(&[self.seed; 32]).sign(&signed);
        let mut entry = vec![0xd2, 0x84];
        bytes(&mut entry, &protected);
        entry.push(0xa0);
        bytes(&mut entry, &payload);
        bytes(&mut entry, &signature.to_bytes());
        entry
    }

    /// A digest, or the commitment to it as the member that begins so.
    fn digest(&self, out: &mut Vec<u8>, member: &[u8], digest: &[u8; 32]) {
        let mut whole = member.to_vec();
        bytes(&mut whole, digest);
        bytes(out, self.salt.map_or(*digest, |salt| commitment(salt, &whole)).as_slice());
    }

    /// A name or version label, or the commitment to it.
    fn word(&self, out: &mut Vec<u8>, key: u8, word: &str) {
        let mut whole = vec![key];
        text(&mut whole, word);
        match self.salt {
            Some(salt) => {
                out.push(key);
                bytes(out, &commitment(salt, &whole));
            }
            None => out.extend(whole),
        }
    }
}

fn commitment(salt: [u8; 32], member: &[u8]) -> [u8; 32] {
    Sha256Digest::of(&[b"private-entry/v1\n", &salt[..], member].concat()).to_bytes()
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    head(out, 0x40, bytes.len());
    out.extend_from_slice(bytes);
}

fn text(out: &mut Vec<u8>, text: &str) {
    head(out, 0x60, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn head(out: &mut Vec<u8>, major: u8, len: usize) {
    match u16::try_from(len).unwrap() {
        short @ 0..24 => out.push(major | short as u8),
        short @ 24..256 => out.extend([major | 24, short as u8]),
        long => {
            out.push(major | 25);
            out.extend(long.to_be_bytes());
        }
    }
}

#[test]
fn what_is_made_here_is_an_entry() {
    let private = Said { input: Some([7; 32]), salt: Some([8; 32]), ..said("a", "x", 4) };
    let event = Said { input: Some([7; 32]), kind: 5, ..said("a", "x", 4) };
    for said in [said("acme/churn", "1", 3), event, private] {
        attest::entry::Entry::parse(&said.entry()).unwrap().verify().unwrap();
    }
}
