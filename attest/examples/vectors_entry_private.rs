//! Makes the cases of `testdata/entry-private`, entries of version 2: `cargo xtask vectors`.
//!
//! Keys and statements are those of `testdata/entry` and `testdata/statement`. What is refused is put together here byte by byte,
//! since the crate writes no such thing; its signature is zeros, for nobody gets so far.

#![expect(clippy::unwrap_used, reason = "a generator fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use attest::entry::{Entry, EntryPayload, ModelSalt};
use attest::key::PrivateKey;
use attest::statement::Statement;

/// Known to everybody, as the keys are.
const SALT: [u8; 32] = [0x5a; 32];

fn main() {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).unwrap();
    let testdata = folder.parent().unwrap().to_owned();
    let salt = ModelSalt::from_bytes(SALT);
    let write = |path: String, bytes: &[u8]| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("salt".to_owned(), format!("{}\n", salt.to_hex()).as_bytes());
    for name in STATEMENTS {
        for key_name in ["ed25519", "p256"] {
            let entry = entry(&testdata, name, key_name, &salt);
            write(format!("from-statement/{name}.{key_name}.cbor"), &entry);
        }
    }
    for (reason, name, bytes) in refused() {
        write(format!("reject/{reason}/{name}.cbor"), &bytes);
    }
}

const STATEMENTS: [&str; 7] = [
    "dataset-full",
    "event-approve",
    "event-revoke",
    "example",
    "one-dataset-under-two-names",
    "pretrain-without-inputs",
    "sixty-four-input-digests",
];

fn entry(testdata: &Path, name: &str, key: &str, salt: &ModelSalt) -> Vec<u8> {
    let read = |path: &str| fs::read(testdata.join(path));
    let statement = read(&format!("statement/canonical/{name}.json"))
        .or_else(|_| read(&format!("statement/accept/{name}.json")))
        .unwrap();
    let pem = String::from_utf8(read(&format!("entry/keys/{key}.pem")).unwrap()).unwrap();
    let key = PrivateKey::from_pem(&pem, None).unwrap();
    let statement = Statement::parse(&statement).unwrap();
    let payload = EntryPayload::of(&statement, &key.public_key(), Some(salt));
    Entry::sign(payload, &key).unwrap().as_bytes().to_vec()
}

/// The members of a payload, each in CBOR with its key before it.
#[derive(Clone)]
struct Payload {
    version: Vec<u8>,
    kind: Vec<u8>,
    statement: Vec<u8>,
    subjects: Vec<Vec<u8>>,
    inputs: Vec<Vec<u8>>,
    name: Vec<u8>,
    label: Vec<u8>,
    key: Vec<u8>,
}

fn good() -> Payload {
    let spki = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0x03, 0xa1, 0x07, 0xbf, 0xf3,
        0xce, 0x10, 0xbe, 0x1d, 0x70, 0xdd, 0x18, 0xe7, 0x4b, 0xc0, 0x99, 0x67, 0xe4, 0xd6, 0x30, 0x9b, 0xa5,
        0x0d, 0x5f, 0x1d, 0xdc, 0x86, 0x64, 0x12, 0x55, 0x31, 0xb8,
    ];
    Payload {
        version: vec![1, 2],
        kind: vec![2, 1],
        statement: [&[3][..], &bytes(&[3; 32])].concat(),
        subjects: vec![subject(1, &[4; 32]), subject(2, &[4; 32])],
        inputs: vec![input(1, 3, &[5; 32]), input(2, 1, &[5; 32])],
        name: [&[6][..], &bytes(&[6; 32])].concat(),
        label: [&[7][..], &bytes(&[7; 32])].concat(),
        key: [&[8][..], &bytes(&spki)].concat(),
    }
}

impl Payload {
    fn with(&self, change: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut changed = self.clone();
        change(&mut changed);
        changed.to_entry()
    }

    fn to_entry(&self) -> Vec<u8> {
        let list = |key: u8, items: &[Vec<u8>]| {
            [&[key, 0x80 | u8::try_from(items.len()).unwrap()][..], &items.concat()].concat()
        };
        let members = [
            self.version.clone(),
            self.kind.clone(),
            self.statement.clone(),
            list(4, &self.subjects),
            list(5, &self.inputs),
            self.name.clone(),
            self.label.clone(),
            self.key.clone(),
        ];
        let count = members.iter().filter(|member| !member.is_empty()).count();
        let payload = [&[0xa0 | u8::try_from(count).unwrap()][..], &members.concat()].concat();
        let protected = [&[0xa2, 1, 0x32, 4][..], &bytes(&[0; 32])].concat();
        [&[0xd2, 0x84][..], &bytes(&protected), &[0xa0], &bytes(&payload), &bytes(&[0; 64])].concat()
    }
}

fn bytes(content: &[u8]) -> Vec<u8> {
    let head = match u16::try_from(content.len()).unwrap() {
        short @ 0..24 => vec![0x40 | short as u8],
        short @ 24..256 => vec![0x58, short as u8],
        long => [&[0x59][..], &long.to_be_bytes()].concat(),
    };
    [head, content.to_vec()].concat()
}

fn subject(form: u8, digest: &[u8]) -> Vec<u8> {
    [&[0x82, form][..], &bytes(digest)].concat()
}

fn input(role: u8, form: u8, digest: &[u8]) -> Vec<u8> {
    [&[0x83, role, form][..], &bytes(digest)].concat()
}

/// Reason, name and bytes, one fault each.
fn refused() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let good = good();
    assert!(Entry::parse(&good.to_entry()).is_ok(), "what the cases are made of is an entry");
    let text = |key: u8, word: &str| [&[key, 0x60 | word.len() as u8][..], word.as_bytes()].concat();
    vec![
        ("DigestLength", "commit-of-20", good.with(|p| p.inputs[0] = input(1, 3, &[5; 20]))),
        ("DigestLength", "subject-of-31", good.with(|p| p.subjects[1] = subject(2, &[4; 31]))),
        ("MissingKey", "no-key", good.with(|p| p.key.clear())),
        ("MisplacedKey", "no-name", good.with(|p| p.name.clear())),
        ("NotCanonical", "name-length-in-two-bytes", {
            good.with(|p| p.name = [&[6, 0x59, 0, 32][..], &[6; 32]].concat())
        }),
        ("NotCanonical", "version-in-two-bytes", good.with(|p| p.version = vec![1, 0x18, 2])),
        ("NotSorted", "input-twice", good.with(|p| p.inputs[1] = p.inputs[0].clone())),
        ("NotSorted", "subjects-swapped", good.with(|p| p.subjects.swap(0, 1))),
        ("UnknownCode", "form-5", good.with(|p| p.subjects[1] = subject(5, &[4; 32]))),
        ("UnknownCode", "role-10", good.with(|p| p.inputs[1] = input(10, 1, &[5; 32]))),
        ("UnknownCode", "version-0", good.with(|p| p.version = vec![1, 0])),
        ("UnknownCode", "version-3", good.with(|p| p.version = vec![1, 3])),
        ("WrongLength", "name-of-31", good.with(|p| p.name = [&[6][..], &bytes(&[6; 31])].concat())),
        ("WrongLength", "no-subject", good.with(|p| p.subjects.clear())),
        (
            "WrongLength",
            "statement-of-20",
            good.with(|p| p.statement = [&[3][..], &bytes(&[3; 20])].concat()),
        ),
        (
            "WrongLength",
            "version-label-of-33",
            good.with(|p| p.label = [&[7][..], &bytes(&[7; 33])].concat()),
        ),
        ("WrongType", "name-shown", good.with(|p| p.name = text(6, "acme/churn"))),
        ("WrongType", "version-label-shown", good.with(|p| p.label = text(7, "1"))),
        ("WrongType", "version-1-with-a-private-name", good.with(|p| p.version = vec![1, 1])),
    ]
}
