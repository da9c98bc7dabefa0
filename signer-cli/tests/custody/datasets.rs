//! Datasets, their lists of files, and proofs about one file.

use serde_json::{Value, json};

use super::json as read_json;
use crate::Desk;
use crate::log::TestLog;

fn dataset<'a>(log: &'a TestLog, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["attest", "dataset", "data", "--as", "acme/customers:v4", "--key", "key.pem"];
    args.extend(["--log", log.url(), "--log-key", log.vkey()]);
    args.extend(more);
    args
}

#[test]
fn a_dataset_is_described_and_its_files_are_listed_beside_it() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.write("DATASHEET.md", "# Motivation\n");
    let more = ["--licence", "CC-BY-4.0", "--datasheet", "DATASHEET.md", "--personal-data", "present"];
    let more = [&more[..], &["--source", "s3://bucket/v4", "--derived-from", "raw=base"]].concat();
    let more = [&more[..], &["--collected-from", "2024-01-01", "--collected-to", "2026-10-31"]].concat();
    let before = desk.contents();
    let dry = desk.succeed(&dataset(&log, &[&more[..], &["--dry-run"]].concat()));
    assert!(
        dry.contains("\"manifest\":{\"mediaType\":\"application/vnd.tallymark.manifest.v1+zstd\""),
        "{dry}"
    );
    assert_eq!(desk.contents(), before);
    let out = desk.succeed(&dataset(&log, &[&more[..], &["--json"]].concat()));
    let statement = &read_json(&out)["statement"];
    assert_eq!((&statement["kind"], &statement["files"]), (&"dataset".into(), &1.into()));
    assert_eq!(statement["dataset"]["licences"], json!(["CC-BY-4.0"]));
    assert_eq!(statement["inputs"][0]["name"], "raw");
    let list = std::fs::read(desk.path("data.manifest.zst")).expect("the list");
    let digest = attest::digest::Sha256Digest::of(&list).to_string();
    assert_eq!(statement["dataset"]["manifest"]["digest"], digest);
    // Again: nothing to do, and the list is the same.
    let again = read_json(&desk.succeed(&dataset(&log, &[&more[..], &["--json"]].concat())));
    assert_eq!(again["status"], "already-logged");
    // What the dataset is to a model is its tree digest.
    let hashed = desk.succeed(&["hash", "data"]);
    assert_eq!(statement["tree_digest"].as_str(), hashed.split(' ').next());
    desk.write("data/y.csv", "more\n");
    desk.refuse(&dataset(&log, &[]), 3, "manifest-exists");
    desk.refuse(&dataset(&log, &["--manifest", "data/list.zst"]), 2, "manifest-inside");
    desk.refuse(&dataset(&log, &["--licence", "a\u{1b}"]), 2, "dataset");
}

#[test]
fn a_target_of_dvc_is_hashed_and_its_md5_not_believed() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.write(".dvc/config", "");
    desk.write("data.dvc", "outs:\n- md5: 00000000000000000000000000000000.dir\n  size: 12\n  nfiles: 1\n  hash: md5\n  path: data\n");
    let mut args = dataset(&log, &["--json"]);
    args.splice(2..3, ["--dvc", "data.dvc"]);
    let value = read_json(&desk.succeed(&args));
    let hashed = desk.succeed(&["hash", "data"]);
    assert_eq!(value["statement"]["tree_digest"].as_str(), hashed.split(' ').next());
    let mut args = dataset(&log, &[]);
    args.splice(2..3, ["--dvc", "other.dvc"]);
    desk.refuse(&args, 3, "source-dvc");
}

/// A dataset of three files that is signed and trusted.
fn signed() -> (Desk, TestLog) {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.write("data/a.csv", "a\n");
    desk.write("data/img/1.png", "not a picture");
    desk.succeed(&dataset(&log, &[]));
    (desk, log)
}

fn prove(desk: &Desk, dataset: &str, file: &str) -> String {
    desk.succeed(&["prove-file", dataset, file, "--bundle", "data/tallymark.jsonl"])
}

fn check(desk: &Desk, proof: &str) -> Value {
    desk.write("proof", proof);
    read_json(&desk.succeed(&["check-file", "proof", "--trust", "trust.toml", "--json"]))
}

#[test]
fn a_file_is_proven_to_be_in_a_dataset_from_its_list_alone() {
    let (desk, _log) = signed();
    let proof = prove(&desk, "data.manifest.zst", "img/1.png");
    assert_eq!(proof, prove(&desk, "data", "img/1.png"));
    desk.write("picture", "not a picture");
    desk.write("proof", &proof);
    std::fs::remove_dir_all(desk.path("data")).expect("remove");
    let seen = check(&desk, &proof);
    assert_eq!((&seen["present"], &seen["name"]), (&true.into(), &"acme/customers".into()));
    let args = ["check-file", "proof", "picture", "--trust", "trust.toml"];
    assert!(desk.succeed(&args).starts_with("img/1.png is in acme/customers:v4\n"));
    desk.write("picture", "another picture");
    desk.refuse(&args, 1, "file-changed");
    desk.refuse(
        &["check-file", "proof", "--trust", "trust.toml", "--name", "acme/other"],
        3,
        "name-unexpected",
    );
}

#[test]
fn a_file_is_proven_not_to_be_in_a_dataset() {
    let (desk, _log) = signed();
    for absent in ["b.csv", "0", "zz", "img", "img/1.pn"] {
        let seen = check(&desk, &prove(&desk, "data.manifest.zst", absent));
        assert_eq!((&seen["present"], &seen["path"]), (&false.into(), &absent.into()));
    }
    desk.refuse(&["check-file", "proof", "key.pem", "--trust", "trust.toml"], 2, "file-absent");
}

#[test]
fn a_proof_that_was_altered_or_that_nobody_vouches_for_shows_nothing() {
    let (desk, _log) = signed();
    let proof = prove(&desk, "data", "b.csv");
    let refuse = |text: &str, exit, code| {
        desk.write("altered", text);
        desk.refuse(&["check-file", "altered", "--trust", "trust.toml"], exit, code)
    };
    refuse(&proof.replacen("\"path\":\"b.csv\"", "\"path\":\"a.csv\"", 1), 1, "proof-invalid");
    refuse(&proof.replacen("\"index\":0", "\"index\":1", 1), 1, "proof-invalid");
    refuse(&proof.replacen("\"bytes\"", "\"Bytes\"", 1), 1, "proof-malformed");
    let (alone, _) = proof.split_once('\n').expect("two lines");
    refuse(alone, 3, "statement-missing");
    // Another number or total makes another tree, about which nothing was signed.
    refuse(&proof.replacen("\"files\":3", "\"files\":4", 1), 3, "statement-missing");
    let total = alone.split("\"bytes\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a total");
    refuse(&proof.replacen(&format!("\"bytes\":\"{total}\""), "\"bytes\":\"1\"", 1), 3, "statement-missing");
    desk.write(
        "trust.toml",
        &std::fs::read_to_string(desk.path("trust.toml")).expect("readable").replace("acme/*", "other/*"),
    );
    refuse(&proof, 3, "signer-unexpected");
}

#[test]
fn a_damaged_list_gives_no_proof() {
    let (desk, _log) = signed();
    let list = std::fs::read(desk.path("data.manifest.zst")).expect("the list");
    std::fs::write(desk.path("cut.zst"), &list[..list.len() - 4]).expect("write");
    let output = desk.run(&["prove-file", "cut.zst", "a.csv"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
}
