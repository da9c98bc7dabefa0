//! The swap matrix, B1 to B20: every part of one valid bundle in the place of another's, through the library and the program, in every form in
//! which a model and its bundle file may come.
//!
//! Two models by one publisher, each in a log of its own that a witness of its own saw; everything about both is trusted. So what is
//! refused is refused for belonging to the other.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "the world of the cases, of which these tests use a part")]
#[path = "../examples/vectors/world.rs"]
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use attest::model_name::NameVersion;
use attest::provenance::{Checkout, Input, InputDigest, Provenance, Source, WorkTreeState};
use attest::role::Role;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use verifier::pack::PackWriter;
use verifier::{Expectation, Requirements, verify};

use world::{INDEX, Log, bundle, entry, publisher, tree, trust, witness_line};

/// The one file that each of the models is; the tree of a directory with one file is that of the file.
const FILE: &str = "model.safetensors";

struct Model {
    weights: Vec<u8>,
    bundle: Value,
}

/// The model of that number, 1 or 2, in log 1 or 2, with a witness, inputs, a name and a version of its own.
fn model(number: u8) -> Model {
    let weights = vec![number; 64];
    let digest = |content: u8| InputDigest::from(&tree(&[("x", vec![content, number])]));
    let input = |role, name: &str, content| {
        Input::new(role, name.parse().unwrap(), Source::Observed, digest(content)).unwrap()
    };
    let id = |digit: u8| digit.to_string().repeat(40).parse().unwrap();
    let checkout = Checkout::new(id(number), id(number + 4), WorkTreeState::Clean).unwrap();
    let code = InputDigest::Code(checkout);
    let inputs = vec![
        Input::new(Role::Code, "trainer".parse().unwrap(), Source::Observed, code).unwrap(),
        input(Role::Dataset, "customers", 1),
        input(Role::BaseModel, "base", 2),
    ];
    let provenance = Provenance::new(None, inputs, "0.1.0".parse().unwrap()).unwrap();
    let label: NameVersion = format!("acme/m{number}:{number}.0").parse().unwrap();
    let files = tree(&[(FILE, weights.clone())]);
    let statement = provenance.to_statement_bytes(label.name(), label.version(), &files);
    let mut entries = vec![b"somebody else's".to_vec(); usize::from(number) - 1];
    entries.push(entry(&statement, &publisher()));
    let log = log(number, &entries).seen_by(&[20 + number]);
    // The second model's entry is at another index, too.
    let answer = log.answer(INDEX + u64::from(number) - 1);
    let bundle = bundle(&statement, &publisher(), answer);
    Model { weights, bundle: serde_json::from_slice(&bundle.to_json_line()).unwrap() }
}

fn log(number: u8, entries: &[Vec<u8>]) -> Log {
    match number {
        1 => Log::holding(entries),
        _ => Log::of("other.example.org/models", 11, entries),
    }
}

/// Both logs; either witness is enough.
fn trust_both() -> String {
    let witnesses: String = [21, 22].into_iter().map(witness_line).collect();
    let lines = format!("log {}\n{witnesses}group g any w21 w22\n", log(2, &[]).vkey());
    trust(&lines, "g", "acme/*", &[publisher().public_key()])
}

const HINT: &str = "/verificationMaterial/publicKey/hint";
const SIGNATURE: &str = "/dsseEnvelope/signatures/0/sig";
const PAYLOAD: &str = "/dsseEnvelope/payload";
const ENTRY: &str = "/verificationMaterial/tlogEntries/0/canonicalizedBody";
const NOTE: &str = "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope";

/// One part of a bundle, and how it is taken over from another.
enum Part {
    /// What lies at these JSON pointers.
    At(&'static [&'static str]),
    /// What lies at these JSON pointers in the statement, whatever its signature says then.
    Said(&'static [&'static str]),
    /// These lines of the checkpoint.
    NoteLines(std::ops::Range<usize>),
    /// The files.
    Artifact,
}

const PARTS: &[(&str, Part)] = &[
    ("artifact", Part::Artifact),
    ("envelope", Part::At(&["/dsseEnvelope"])),
    ("payload", Part::At(&[PAYLOAD])),
    ("signature", Part::At(&[SIGNATURE])),
    ("leaf", Part::At(&[ENTRY])),
    ("log id", Part::At(&["/verificationMaterial/tlogEntries/0/logId"])),
    ("log entry", Part::At(&["/verificationMaterial/tlogEntries"])),
    (
        "index",
        Part::At(&[
            "/verificationMaterial/tlogEntries/0/logIndex",
            "/verificationMaterial/tlogEntries/0/inclusionProof/logIndex",
        ]),
    ),
    ("tree size", Part::At(&["/verificationMaterial/tlogEntries/0/inclusionProof/treeSize"])),
    ("root", Part::At(&["/verificationMaterial/tlogEntries/0/inclusionProof/rootHash"])),
    ("proof", Part::At(&["/verificationMaterial/tlogEntries/0/inclusionProof/hashes"])),
    ("proof with all that is beside it", Part::At(&["/verificationMaterial/tlogEntries/0/inclusionProof"])),
    ("checkpoint", Part::At(&[NOTE])),
    ("origin", Part::NoteLines(0..1)),
    ("checkpoint text", Part::NoteLines(0..3)),
    ("checkpoint signature", Part::NoteLines(4..5)),
    ("cosignature", Part::NoteLines(5..6)),
    ("name", Part::Said(&["/subject/0/name"])),
    ("data digest", Part::Said(&["/predicate/buildDefinition/resolvedDependencies/1/digest"])),
    ("base digest", Part::Said(&["/predicate/buildDefinition/resolvedDependencies/2/digest"])),
    ("code commit", Part::Said(&["/predicate/buildDefinition/resolvedDependencies/0/digest"])),
    ("files in the statement", Part::Said(&["/subject/1"])),
    ("subject", Part::Said(&["/subject/0/digest"])),
];

fn at<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    assert!(value.pointer(pointer).is_some(), "nothing at {pointer} in {value}");
    value.pointer_mut(pointer).unwrap()
}

fn text_at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

impl Part {
    /// The bundle of `one` and the weights, with this part of `other`.
    fn swapped(&self, one: &Model, other: &Model) -> (Value, Vec<u8>) {
        let mut mixed = one.bundle.clone();
        let mut theirs = other.bundle.clone();
        match self {
            Self::Artifact => return (mixed, other.weights.clone()),
            Self::At(places) => {
                places.iter().for_each(|place| *at(&mut mixed, place) = at(&mut theirs, place).clone());
            }
            Self::Said(places) => {
                let read = |bundle: &Value| STANDARD.decode(text_at(bundle, PAYLOAD)).unwrap();
                let mut said: Value = serde_json::from_slice(&read(&one.bundle)).unwrap();
                let mut other: Value = serde_json::from_slice(&read(&other.bundle)).unwrap();
                places.iter().for_each(|place| *at(&mut said, place) = at(&mut other, place).clone());
                *at(&mut mixed, PAYLOAD) = STANDARD.encode(said.to_string()).into();
            }
            Self::NoteLines(range) => {
                let (own, others) = (text_at(&one.bundle, NOTE), text_at(&other.bundle, NOTE));
                let others: Vec<&str> = others.split('\n').collect();
                let mut lines: Vec<&str> = own.split('\n').collect();
                lines.splice(range.clone(), others[range.clone()].iter().copied());
                *at(&mut mixed, NOTE) = lines.join("\n").into();
            }
        }
        assert_ne!(mixed, one.bundle, "nothing was exchanged");
        (mixed, one.weights.clone())
    }
}

/// One exit code for each form: 0 says verified.
fn judged(room: &Path, bundle: &Value, weights: &[u8]) -> Vec<(&'static str, i32)> {
    let line = format!("{bundle}\n");
    let (folder, alone, other) = (room.join("folder"), room.join("alone"), room.join("other"));
    for place in [&folder, &alone, &other] {
        let _ = fs::remove_dir_all(place);
        fs::create_dir(place).unwrap();
        fs::write(place.join(FILE), weights).unwrap();
    }
    fs::write(folder.join("tallymark.jsonl"), &line).unwrap();
    fs::write(alone.join(format!("{FILE}.tallymark.jsonl")), &line).unwrap();
    fs::write(room.join("elsewhere.jsonl"), &line).unwrap();
    let pack = room.join("model.pack");
    let mut writer = PackWriter::new(fs::File::create(&pack).unwrap(), None, &[], line.as_bytes()).unwrap();
    writer.add(&FILE.parse().unwrap(), weights.len() as u64, weights).unwrap();
    writer.finish().unwrap();
    let destination = room.join("destination");
    let _ = fs::remove_dir_all(&destination);
    let run = |arguments: &[PathBuf]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tallymark-verify"));
        program.args(arguments).args(["--quiet", "--trust"]).arg(room.join("trust.toml"));
        program.status().unwrap().code().unwrap()
    };
    let files = tree(&[(FILE, weights.to_vec())]);
    let requirements = Requirements::parse(trust_both().as_bytes()).unwrap();
    let verdict = verify(line.as_bytes(), Some(&requirements), &Expectation::default(), |_| Ok(&files));
    let library = verdict.map_or_else(|refusal| i32::from(refusal.reason().exit_code()), |_| 0);
    let seen = vec![
        ("library", library),
        ("directory", run(std::slice::from_ref(&folder))),
        ("single file", run(&[alone.join(FILE)])),
        ("bundle elsewhere", run(&[other, "--bundle".into(), room.join("elsewhere.jsonl")])),
        ("pack", run(&[pack])),
        ("copy", run(&[folder, destination.clone()])),
    ];
    let is_copied = destination.join(FILE).exists();
    assert_eq!(is_copied, seen.last().unwrap().1 == 0, "a copy is there if it was verified, and only then");
    seen
}

#[test]
fn every_part_of_a_bundle_in_the_place_of_anothers_is_refused_in_every_form() {
    let room = tempfile::tempdir().unwrap();
    fs::write(room.path().join("trust.toml"), trust_both()).unwrap();
    let models = [model(1), model(2)];
    let mut wrong = Vec::new();
    for (one, other) in [(0, 1), (1, 0)] {
        let (one, other) = (&models[one], &models[other]);
        let whole = judged(room.path(), &one.bundle, &one.weights);
        assert!(whole.iter().all(|(_, code)| *code == 0), "the bundle itself: {whole:?}");
        for (name, part) in PARTS {
            let (bundle, weights) = part.swapped(one, other);
            let seen = judged(room.path(), &bundle, &weights);
            // 1 is false, 3 refused, 4 malformed; and every form says the same.
            let first = seen[0].1;
            if first == 0 || seen.iter().any(|(_, code)| *code != first) {
                wrong.push(format!("{name}: {seen:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Both are by one key here, so the hint is one more part that only a stranger's bundle can lend.
#[test]
fn the_hint_of_another_key_is_refused() {
    let room = tempfile::tempdir().unwrap();
    fs::write(room.path().join("trust.toml"), trust_both()).unwrap();
    let one = model(1);
    let mut bundle = one.bundle.clone();
    *at(&mut bundle, HINT) = world::stranger().public_key().key_id().to_string().into();
    let seen = judged(room.path(), &bundle, &one.weights);
    assert!(seen.iter().all(|(_, code)| *code == 1), "{seen:?}");
}
