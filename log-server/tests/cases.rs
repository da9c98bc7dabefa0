//! The case files of the specification, sent to a running server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use log_server::config::{Config, Mode};
use log_server::ledger::Ledger;
use log_server::opening::OpenLog;
use log_server::serve::Limits;
use log_server::storage::memory::MemoryStorage;
use tlog::checkpoint::CheckpointSigner;

use crate::support::{Response, Server};

pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

/// The log of the examples, in memory.
fn example_log() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::from_bytes(&std::array::from_fn(|at| 0x20 + at as u8));
    let signer = CheckpointSigner::ed25519("log.example.org/models".parse().unwrap(), key.clone()).unwrap();
    let ledger = Ledger::create(&dir.path().join("ledger"), signer.vkey(), 0).unwrap();
    let config = Config::new(signer.vkey().clone(), Mode::Service);
    let log = OpenLog::assemble(config, key, Arc::new(MemoryStorage::new()), ledger).unwrap();
    (Server::start(log, Limits::STANDARD), dir)
}

/// Every file below a folder; an empty folder is a mistake.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    assert!(!found.is_empty(), "{}", folder.display());
    found.sort();
    found
}

fn exchange(length: usize, response: &Response) -> String {
    let mut text = format!(
        "POST /api/v1/entries HTTP/1.1\nhost: log.example.org\ncontent-type: application/cose\n\
         content-length: {length}\n\n...\n\nHTTP/1.1 {} Created\n",
        response.status
    );
    for (name, value) in response.headers.iter().filter(|(name, _)| name != "date") {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text + "\n" + response.text() + "\n"
}

#[test]
fn the_example_of_the_page_is_what_the_server_answers() {
    let (server, _dir) = example_log();
    let entry = fs::read(testdata().join("entry/from-statement/example.ed25519.cbor")).unwrap();
    let response = server.client().submit(&entry);
    let wanted = fs::read_to_string(testdata().join("log-api/exchange.txt")).unwrap();
    assert_eq!(exchange(entry.len(), &response), wanted);
    server.stop();
}

#[test]
fn the_search_of_the_page_is_what_the_server_answers() {
    let (server, _dir) = example_log();
    let entry = fs::read(testdata().join("entry/from-statement/example.ed25519.cbor")).unwrap();
    let mut client = server.client();
    assert_eq!(client.submit(&entry).status, 201);
    let target = "/api/v1/entries?name=acme/churn&limit=1";
    let response = client.get(target);
    let mut text =
        format!("GET {target} HTTP/1.1\nhost: log.example.org\n\nHTTP/1.1 {} OK\n", response.status);
    for (name, value) in response.headers.iter().filter(|(name, _)| name != "date") {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text = text + "\n" + response.text() + "\n";
    let wanted = fs::read_to_string(testdata().join("log-api/search.txt")).unwrap();
    // The order of fields of other names says nothing (RFC 9110 section 5.3).
    let by_field = |text: &str| {
        let mut parts: Vec<Vec<String>> =
            text.split("\n\n").map(|part| part.lines().map(str::to_owned).collect()).collect();
        parts.iter_mut().for_each(|lines| lines.sort());
        parts
    };
    assert_eq!(by_field(&text), by_field(&wanted));
    server.stop();
}

#[test]
fn every_entry_of_the_accept_folders_is_taken_once() {
    let (server, _dir) = example_log();
    let mut client = server.client();
    for folder in ["entry/accept", "entry/from-statement"] {
        for path in files(&testdata().join(folder)) {
            let entry = fs::read(&path).unwrap();
            // A file may stand in both folders.
            let first = client.submit(&entry);
            assert!(matches!(first.status, 200 | 201), "{}: {}", path.display(), first.text());
            let again = client.submit(&entry);
            assert_eq!(again.status, 200);
            assert_eq!(again.json()["logIndex"], first.json()["logIndex"]);
        }
    }
    server.stop();
}

#[test]
fn every_entry_of_the_reject_folders_is_refused() {
    let (server, _dir) = example_log();
    let mut client = server.client();
    for (folder, code) in [("entry/reject", "entry-malformed"), ("entry/unsigned", "entry-signature-invalid")]
    {
        for path in files(&testdata().join(folder)) {
            let entry = fs::read(&path).unwrap();
            let response = client.submit(&entry);
            let wanted = if entry.len() > 8192 { (413, "body-too-large") } else { (400, code) };
            assert_eq!((response.status, response.problem().as_str()), wanted, "{}", path.display());
            if response.status == 413 {
                // The body was not read, so the connection is not used again.
                client = server.client();
            }
        }
    }
    server.stop();
}
