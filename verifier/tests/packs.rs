//! Packs: what is written is judged as the model is, and what no packer writes is refused.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use attest::model_path::ModelPath;
use attest::scan::{ScanOptions, scan};
use tar::{Builder, EntryType, Header};
use verifier::Reason;
use verifier::copy::{Delivered, deliver};
use verifier::load::Request;
use verifier::pack::PackWriter;

const BUNDLE: &str = "bundle.tallymark.jsonl";
const MANIFEST: &str = "tallymark-pack.json";
const WHOLE: &[u8] = br#"{"schema_version":1,"single_file":null}"#;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept").join(name)
}

fn read(path: &str) -> Vec<u8> {
    fs::read(case("plain/model").join(path)).unwrap()
}

/// An entry of an archive.
type Row = (&'static str, EntryType, Vec<u8>);

fn file(name: &'static str, bytes: &[u8]) -> Row {
    (name, EntryType::Regular, bytes.to_vec())
}

/// The rows of a good pack of the plain model.
fn good() -> Vec<Row> {
    vec![
        file(MANIFEST, WHOLE),
        file(BUNDLE, &read("tallymark.jsonl")),
        file("model/config.json", &read("config.json")),
        file("model/model.safetensors", &read("model.safetensors")),
        file("model/tokenizer/vocab.txt", &read("tokenizer/vocab.txt")),
    ]
}

fn archive(rows: &[Row]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, bytes) in rows {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        // Names as an attacker writes them: no library cleans them.
        let field = header.as_old_mut().name.get_mut(..name.len()).unwrap();
        field.copy_from_slice(name.as_bytes());
        if !matches!(kind, EntryType::Regular) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn request(pack: &Path) -> Request {
    Request::new(pack).trust(Some(case("plain/trust.toml")))
}

fn seen(bytes: &[u8]) -> Option<Reason> {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("p.tar");
    fs::write(&pack, bytes).unwrap();
    let verdict = request(&pack).verify(&|_, _| {});
    verdict.result().err().map(verifier::Refusal::reason)
}

#[test]
fn what_is_written_is_judged_as_the_model_is() {
    let paths = ["config.json", "model.safetensors", "tokenizer/vocab.txt"];
    let mut writer = PackWriter::new(Vec::new(), None, &[], &read("tallymark.jsonl")).unwrap();
    for path in paths {
        let bytes = read(path);
        let path: ModelPath = path.parse().unwrap();
        writer.add(&path, bytes.len() as u64, bytes.as_slice()).unwrap();
    }
    let pack = writer.finish().unwrap();
    assert_eq!(seen(&pack), None);
    // The bytes on the page of the specification.
    let manifest = include_bytes!("../../testdata/pack/manifest.json").trim_ascii_end();
    assert_eq!((&pack[512..][..manifest.len()], manifest), (manifest, WHOLE));
    assert_eq!(seen(&archive(&good())), None);
    // A source that has less than was announced is an error and no shorter file.
    let mut writer = PackWriter::new(Vec::new(), None, &[], b"").unwrap();
    assert!(writer.add(&"a".parse().unwrap(), 3, &b"ab"[..]).is_err());
}

#[test]
fn a_path_of_any_length_comes_back_as_it_was() {
    let model = tempfile::tempdir().unwrap();
    let long = format!("{}/{}/{}", "d".repeat(200), "é".repeat(100), "f".repeat(255));
    fs::create_dir_all(model.path().join(&long).parent().unwrap()).unwrap();
    fs::write(model.path().join(&long), b"x").unwrap();
    let mut writer = PackWriter::new(Vec::new(), None, &[], &read("tallymark.jsonl")).unwrap();
    writer.add(&long.parse().unwrap(), 1, &b"x"[..]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("p.tar");
    fs::write(&pack, writer.finish().unwrap()).unwrap();
    let verdict = request(&pack).verify(&|_, _| {});
    let found = verdict.result().unwrap_err().facts().contents().map(|contents| contents.digest());
    let wanted = scan(model.path(), &ScanOptions::new(), &|_, _| {}).unwrap().digest();
    assert_eq!(found, Some(wanted));
}

#[test]
fn files_in_a_pack_are_compared_with_what_was_signed() {
    let mut changed = good();
    changed[3].2[5] ^= 1;
    assert_eq!(seen(&archive(&changed)), Some(Reason::FileChanged));
    let mut missing = good();
    missing.remove(2);
    assert_eq!(seen(&archive(&missing)), Some(Reason::FileMissing));
    let mut added = good();
    added.push(file("model/x.py", b"import os"));
    assert_eq!(seen(&archive(&added)), Some(Reason::FileUnexpected));
    let mut twice = good();
    twice.push(file("model/config.json", b"others"));
    assert_eq!(seen(&archive(&twice)), Some(Reason::PathRefused));
    let mut folded = good();
    folded.push(file("model/CONFIG.json", b"others"));
    assert_eq!(seen(&archive(&folded)), Some(Reason::PathsCollide));
}

#[test]
fn what_no_packer_writes_is_refused() {
    let with = |at: usize, row: Row| {
        let mut rows = good();
        rows.insert(at, row);
        rows
    };
    let in_place = |at: usize, row: Row| {
        let mut rows = good();
        rows[at] = row;
        rows
    };
    let without = |at: usize| {
        let mut rows = good();
        rows.remove(at);
        rows
    };
    let cases: Vec<(&str, Vec<Row>)> = vec![
        ("no bundle file", without(1)),
        ("two bundle files", with(1, file(BUNDLE, &read("tallymark.jsonl")))),
        ("a second manifest", with(1, file(MANIFEST, WHOLE))),
        ("the bundle file behind the model", with(5, file(BUNDLE, &read("tallymark.jsonl")))),
        (
            "a lineage behind the bundle file",
            with(2, file("lineage/0001.tallymark.jsonl", &read("tallymark.jsonl"))),
        ),
        ("a lineage that is none", with(1, file("lineage/0001.tallymark.jsonl", b"{}\n"))),
        ("a trust file", with(1, file("trust.toml", b""))),
        ("a name above the model", with(5, file("model/../x", b""))),
        ("an absolute name", with(5, file("model//etc/x", b""))),
        ("a name beside the model", with(5, file("../x", b""))),
        ("a bundle file among the files", with(5, file("model/tallymark.jsonl", b""))),
        ("version control among the files", with(5, file("model/.git/config", b""))),
        ("a link", with(5, ("model/x", EntryType::Symlink, Vec::new()))),
        ("a hard link", with(5, ("model/x", EntryType::Link, Vec::new()))),
        ("a directory", with(5, ("model/x", EntryType::Directory, Vec::new()))),
        ("a device", with(5, ("model/x", EntryType::Char, Vec::new()))),
        ("a pipe", with(5, ("model/x", EntryType::Fifo, Vec::new()))),
        ("another version", in_place(0, file(MANIFEST, br#"{"schema_version":2,"single_file":null}"#))),
        (
            "a member nobody knows",
            in_place(0, file(MANIFEST, br#"{"schema_version":1,"single_file":null,"x":1}"#)),
        ),
        (
            "a member twice",
            in_place(0, file(MANIFEST, br#"{"schema_version":1,"schema_version":1,"single_file":null}"#)),
        ),
        ("no JSON", in_place(0, file(MANIFEST, b"version 1"))),
        (
            "one file of another name",
            in_place(0, file(MANIFEST, br#"{"schema_version":1,"single_file":"x"}"#)),
        ),
        (
            "more than the one file",
            in_place(0, file(MANIFEST, br#"{"schema_version":1,"single_file":"config.json"}"#)),
        ),
        ("a manifest without end", in_place(0, file(MANIFEST, &[b' '; 5000]))),
    ];
    for (name, rows) in cases {
        assert_eq!(seen(&archive(&rows)), Some(Reason::PackMalformed), "{name}");
    }
}

#[test]
fn an_archive_that_breaks_off_or_is_altered_is_never_verified_as_something_else() {
    let whole = archive(&good());
    for len in (600..whole.len() - 1024).step_by(97) {
        assert!(seen(&whole[..len]).is_some(), "{len} bytes");
    }
    // In the bundle file: that is the pack's fault and not the bundle file's.
    assert_eq!(seen(&whole[..3000]), Some(Reason::PackMalformed));
    let mut harmless = 0;
    for bit in (0..whole.len() * 8).step_by(11) {
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        // Padding and unused fields of headers mean nothing, and neither do the bytes after the end.
        harmless += usize::from(seen(&altered).is_none());
    }
    assert!(harmless < whole.len() * 8 / 11, "every change was harmless: nothing was tried");
}

#[test]
fn a_pack_is_delivered_as_the_model_that_is_in_it() {
    let room = tempfile::tempdir().unwrap();
    let pack = room.path().join("p.tar");
    fs::write(&pack, archive(&good())).unwrap();
    let place = room.path().join("place");
    let delivered = deliver(&request(&pack), &place, &|_, _| {}).unwrap();
    assert!(matches!(&delivered, Delivered::Copied { model, .. } if *model == place));
    let wanted = scan(&case("plain/model"), &ScanOptions::new(), &|_, _| {}).unwrap();
    assert_eq!(scan(&place, &ScanOptions::new(), &|_, _| {}).unwrap(), wanted);
    assert!(
        matches!(deliver(&request(&pack), &place, &|_, _| {}).unwrap(), Delivered::Found(found) if found.exit_code() == 0)
    );
    let mut changed = good();
    changed[3].2[5] ^= 1;
    fs::write(&pack, archive(&changed)).unwrap();
    let refused = room.path().join("refused");
    assert!(matches!(deliver(&request(&pack), &refused, &|_, _| {}).unwrap(), Delivered::Refused(_)));
    assert!(!refused.exists());
}

#[test]
fn a_pack_is_judged_where_there_is_no_network_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("p.tar");
    fs::write(&pack, archive(&good())).unwrap();
    let isolated = |program: &str, words: &[&Path]| {
        let mut command = Command::new("unshare");
        command.arg("--net").arg(program).args(words);
        command.status().ok().and_then(|status| status.code())
    };
    if isolated("true", &[]) != Some(0) {
        eprintln!("not tried here: no namespace to be had");
        return;
    }
    let trust = case("plain/trust.toml");
    let words = [&pack, Path::new("--trust"), &trust, Path::new("--quiet")];
    assert_eq!(isolated(env!("CARGO_BIN_EXE_tallymark-verify"), &words), Some(0));
}
