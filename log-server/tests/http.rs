//! Sessions with a real server over real sockets and a real RocksDB.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Client, LogDir, ORIGIN, Response, Server, Signer, opened};
use attest::bundle::LogEntry;
use attest::key::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use log_server::config::{Config, Mode};
use log_server::ledger::Ledger;
use log_server::opening::OpenLog;
use log_server::serve::{Limits, ServeError};
use log_server::site::Site;
use log_server::storage::memory::MemoryStorage;
use log_server::storage::{NewEntry, Step, Storage as _};
use merkle::{EMPTY_ROOT, Frontier, Hash, InclusionProof, LeafHash, LeafIndex, TreeHead, TreeSize};
use tlog::checkpoint::CheckpointSigner;
use tlog::entry_bundle::EntryBundle;
use tlog::policy::Policy;
use tlog::proof::LogProof;
use tlog::tile::{RightEdge, TileWidth};

fn decode(value: &serde_json::Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn number(value: &serde_json::Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

/// Reads a JSON answer the way a client must, and returns index and head.
fn verified(response: &Response, entry: &[u8], log: &LogDir) -> (u64, TreeHead) {
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let answer = response.json();
    let inclusion = &answer["inclusionProof"];
    let head = opened(inclusion["checkpoint"]["envelope"].as_str().unwrap().as_bytes(), log.vkey());
    let hashes = inclusion["hashes"].as_array().unwrap();
    let hashes = hashes.iter().map(|hash| Hash::from_slice(&decode(hash)).unwrap()).collect();
    let index = number(&answer["logIndex"]);
    let proof = InclusionProof::new(LeafIndex::new(index).unwrap(), hashes).unwrap();
    proof.verify(&LeafHash::of(entry), &head).unwrap();
    assert_eq!(number(&inclusion["logIndex"]), index);
    assert_eq!(number(&inclusion["treeSize"]), head.size().get());
    assert_eq!(decode(&inclusion["rootHash"]), head.root().as_bytes());
    assert_eq!(decode(&answer["logId"]["keyId"]), log.vkey().log_id());
    assert_eq!(answer["kindVersion"], serde_json::json!({ "kind": "tallymark", "version": "0.0.1" }));
    assert_eq!(answer["integratedTime"], "0");
    assert_eq!(decode(&answer["canonicalizedBody"]), entry);
    // A client puts the answer into its bundle as it is.
    let read = LogEntry::parse(&response.body).unwrap();
    assert_eq!(read.to_json(), response.body);
    (index, head)
}

#[test]
fn a_new_log_shows_a_signed_empty_tree() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let response = server.get("/checkpoint");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let head = opened(&response.body, log.vkey());
    assert_eq!((head.size(), head.root()), (TreeSize::ZERO, EMPTY_ROOT));
    assert_eq!(server.get("/tile/0/000.p/1").problem(), "not-found");
    assert_eq!(server.get("/tile/entries/000.p/1").problem(), "not-found");
    server.stop();
}

#[test]
fn an_entry_is_answered_with_a_proof_and_then_served() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let mut client = server.client();
    for (number, algorithm) in [(0, Algorithm::Ed25519), (1, Algorithm::EcdsaP256), (2, Algorithm::Ed25519)] {
        let entry = Signer::new(algorithm).entry(number);
        let response = client.submit(&entry);
        assert_eq!(response.status, 201, "{}", response.text());
        let (index, head) = verified(&response, &entry, &log);
        assert_eq!((index, head.size().get()), (number, number + 1));
        let tile = client.get(&format!("/tile/0/000.p/{}", number + 1));
        assert_eq!(tile.body[tile.body.len() - 32..], LeafHash::of(&entry).hash().to_bytes());
        let bundle = client.get(&format!("/tile/entries/000.p/{}", number + 1));
        let width = TileWidth::new(number as u16 + 1).unwrap();
        assert_eq!(*EntryBundle::parse(&bundle.body, width).unwrap().entries().last().unwrap(), entry);
        assert_eq!(opened(&client.get("/checkpoint").body, log.vkey()), head);
    }
    server.stop();
}

#[test]
fn the_proof_form_verifies_under_the_printed_policy() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    let headers = [("content-type", "application/cose"), ("accept", "text/x.tlog-proof")];
    let response = server.client().request("POST", "/api/v1/entries", &headers, &entry);
    assert_eq!(response.status, 201);
    assert_eq!(response.header("content-type"), Some("text/x.tlog-proof"));
    let policy: Policy = format!("{}\nquorum none\n", log.config.policy_line()).parse().unwrap();
    let proof = LogProof::parse(&response.body).unwrap();
    assert_eq!(proof.verify(&LeafHash::of(&entry), &policy).unwrap().index().get(), 0);
    server.stop();
}

#[test]
fn a_duplicate_is_answered_200_with_the_first_index_and_a_fresh_proof() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let signer = Signer::new(Algorithm::Ed25519);
    let mut client = server.client();
    let first = signer.entry(0);
    assert_eq!(client.submit(&first).status, 201);
    for number in 1..5 {
        assert_eq!(client.submit(&signer.entry(number)).status, 201);
    }
    let again = client.submit(&first);
    assert_eq!(again.status, 200);
    let (index, head) = verified(&again, &first, &log);
    assert_eq!((index, head.size().get()), (0, 5));
    server.stop();
}

#[test]
fn the_same_entry_from_many_clients_at_once_gets_one_index() {
    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    let addr = server.addr;
    let indices: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(move || {
                    let mut client = Client::connect(addr);
                    client.post("/add", "application/octet-stream", b"the same").text().to_owned()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(indices.iter().all(|index| index == "0"), "{indices:?}");
    assert_eq!(opened(&server.get("/checkpoint").body, log.vkey()).size().get(), 1);
    server.stop();
}

#[test]
fn bad_submissions_are_refused_by_their_reason_and_change_nothing() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let good = Signer::new(Algorithm::Ed25519).entry(1);
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let with_long_tag = [&[0xd8, 18][..], &good[1..]].concat();
    let cases: [(&str, &str, Vec<u8>, u16, &str); 14] = [
        ("no body", "application/cose", Vec::new(), 400, "entry-malformed"),
        ("not CBOR", "application/cose", b"hello, log".to_vec(), 400, "entry-malformed"),
        ("cut short", "application/cose", good[..good.len() - 1].to_vec(), 400, "entry-malformed"),
        ("trailing byte", "application/cose", [&good[..], &[0]].concat(), 400, "entry-malformed"),
        ("twice", "application/cose", [&good[..], &good[..]].concat(), 400, "entry-malformed"),
        ("tag in two bytes", "application/cose", with_long_tag, 400, "entry-malformed"),
        ("flipped signature", "application/cose", flipped(good.len() - 1), 400, "entry-signature-invalid"),
        ("deep nesting", "application/cose", vec![0x81; 8192], 400, "entry-malformed"),
        (
            "huge length",
            "application/cose",
            vec![0xd2, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            400,
            "entry-malformed",
        ),
        ("one byte too large", "application/cose", vec![0; 8193], 413, "body-too-large"),
        ("far too large", "application/cose", vec![0; 1 << 20], 413, "body-too-large"),
        ("JSON", "application/json", good.clone(), 415, "media-type-unsupported"),
        ("wrong parameter", "application/cose; charset=utf-8", good.clone(), 415, "media-type-unsupported"),
        ("plain CBOR", "application/cbor", good.clone(), 415, "media-type-unsupported"),
    ];
    for (name, content_type, body, status, code) in cases {
        let response = server.client().post("/api/v1/entries", content_type, &body);
        assert_eq!((response.status, response.problem().as_str()), (status, code), "{name}");
    }
    let too_large = server.client().submit(&vec![0; 8193]).json();
    assert_eq!(too_large["detail"], "8193 bytes, at most 8192 are taken");
    for (header, value, status, code) in
        [("accept", "image/png", 406, "not-acceptable"), ("content-encoding", "gzip", 415, "content-encoded")]
    {
        let headers = [("content-type", "application/cose"), (header, value)];
        let response = server.client().request("POST", "/api/v1/entries", &headers, &good);
        assert_eq!((response.status, response.problem().as_str()), (status, code));
    }
    let untyped = server.client().request("POST", "/api/v1/entries", &[], &good);
    assert_eq!(untyped.problem(), "media-type-unsupported");
    assert_eq!(opened(&server.get("/checkpoint").body, log.vkey()).size().get(), 0);
    server.stop();
}

#[test]
fn every_flipped_bit_of_a_signed_entry_is_refused() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let good = Signer::new(Algorithm::Ed25519).entry(1);
    let mut client = server.client();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let response = client.submit(&bytes);
        let code = response.problem();
        assert_eq!(response.status, 400);
        assert!(code == "entry-malformed" || code == "entry-signature-invalid", "byte {at}: {code}");
    }
    assert_eq!(opened(&client.get("/checkpoint").body, log.vkey()).size().get(), 0);
    server.stop();
}

#[test]
fn a_chunked_body_is_taken_up_to_the_limit_and_cut_off_after_it() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let head = "POST /api/v1/entries HTTP/1.1\r\nhost: l\r\ncontent-type: application/cose\r\ntransfer-encoding: chunked\r\n\r\n";
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    let mut client = server.client();
    write!(client.raw(), "{head}{:x}\r\n", entry.len()).unwrap();
    client.raw().write_all(&entry).unwrap();
    client.raw().write_all(b"\r\n0\r\n\r\n").unwrap();
    assert_eq!(client.read_response(false).unwrap().status, 201);
    let mut client = server.client();
    write!(client.raw(), "{head}{:x}\r\n", 9000).unwrap();
    client.raw().write_all(&[0; 9000]).unwrap();
    let response = client.read_response(false).unwrap();
    assert_eq!((response.status, response.problem().as_str()), (413, "body-too-large"));
    server.stop();
}

#[test]
fn a_body_under_another_transfer_coding_is_refused() {
    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    for codings in ["gzip, chunked", "gzip\r\ntransfer-encoding: chunked"] {
        let mut client = server.client();
        let head = format!("POST /add HTTP/1.1\r\nhost: l\r\ntransfer-encoding: {codings}\r\n\r\n");
        client.raw().write_all(&[head.as_bytes(), b"1\r\nq\r\n0\r\n\r\n"].concat()).unwrap();
        let response = client.read_response(false).unwrap();
        assert_eq!((response.status, response.problem().as_str()), (415, "content-encoded"), "{codings}");
    }
    server.stop();
}

#[test]
fn tiles_are_served_with_any_published_width_and_cached_for_ever() {
    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    let leaves = fill(&server, 300);
    let mut client = server.client();
    let full = client.get("/tile/0/000");
    assert_eq!(full.status, 200);
    assert_eq!(full.header("content-type"), Some("application/octet-stream"));
    assert_eq!(full.header("cache-control"), Some("public, max-age=604800, immutable"));
    assert_eq!(full.header("access-control-allow-origin"), Some("*"));
    assert_eq!(full.body.len(), 256 * 32);
    for width in [1, 7, 44] {
        let partial = client.get(&format!("/tile/0/001.p/{width}"));
        assert_eq!(partial.header("cache-control"), Some("public, max-age=604800, immutable"));
        let wanted: Vec<u8> =
            leaves[256..256 + width].iter().flat_map(|leaf| leaf.hash().to_bytes()).collect();
        assert_eq!(partial.body, wanted);
        let bundle = client.get(&format!("/tile/entries/001.p/{width}"));
        let entries = EntryBundle::parse(&bundle.body, TileWidth::new(width as u16).unwrap());
        let entries = entries.unwrap().entries().iter().map(|entry| LeafHash::of(entry)).collect::<Vec<_>>();
        assert_eq!(entries, leaves[256..256 + width]);
    }
    assert_eq!(client.get("/tile/0/000.p/200").body, full.body[..200 * 32]);
    assert_eq!(client.get("/tile/1/000.p/1").body.len(), 32);
    assert_eq!(client.get("/tile/entries/000").status, 200);
    for unpublished in [
        "/tile/0/001",
        "/tile/0/001.p/45",
        "/tile/0/002.p/1",
        "/tile/1/000.p/2",
        "/tile/1/000",
        "/tile/2/000.p/1",
        "/tile/63/000.p/1",
        "/tile/entries/001",
        "/tile/entries/001.p/45",
    ] {
        let response = client.get(unpublished);
        assert_eq!((response.status, response.problem().as_str()), (404, "not-found"), "{unpublished}");
    }
    server.stop();
}

/// Adds raw entries until the tree has `count`; returns their leaf hashes by index.
fn fill(server: &Server, count: usize) -> Vec<LeafHash> {
    let mut client = server.client();
    (0..count)
        .map(|number| {
            let entry = format!("entry {number}");
            let response = client.post("/add", "application/octet-stream", entry.as_bytes());
            assert_eq!((response.status, response.text()), (200, number.to_string().as_str()));
            LeafHash::of(entry.as_bytes())
        })
        .collect()
}

#[test]
fn every_other_spelling_of_a_path_is_not_found() {
    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    fill(&server, 3);
    assert_eq!(server.get("/tile/0/000.p/3").status, 200);
    for path in [
        "/tile",
        "/tile/",
        "/tile/0",
        "/tile/0/",
        "/tile/0/0",
        "/tile/0/00",
        "/tile/0/0000",
        "/tile/0/000/",
        "/tile/0/000.p",
        "/tile/0/000.p/",
        "/tile/0/000.p/0",
        "/tile/0/000.p/03",
        "/tile/0/000.p/+3",
        "/tile/0/000.p/3/",
        "/tile/0/000.p/256",
        "/tile/0/000.p/99999999999999999999",
        "/tile/00/000.p/3",
        "/tile/0/x000/000.p/3",
        "/tile/0//000.p/3",
        "/tile/64/000.p/1",
        "/tile/256/000.p/1",
        "/tile/-1/000.p/1",
        "/tile/0/%3000.p/3",
        "/tile/0/%30%30%30.p/3",
        "/tile/0/..%2f000.p/3",
        "/tile/0/../0/000.p/3",
        "/tile/../checkpoint",
        "/tile/../../../../etc/passwd",
        "/tile/%2e%2e/log.toml",
        "/tile/entries",
        "/tile/entries/",
        "/tile/entries/..",
        "/tile/entries/x999/x999/x999/x999/x999/x999/x999/999",
        "/tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
        "/Checkpoint",
        "/checkpoint/",
        "//checkpoint",
        "/",
        "/log.toml",
        "/api/v1/entries/",
        "/api/v2/entries",
    ] {
        let response = server.get(path);
        assert_eq!((response.status, response.problem().as_str()), (404, "not-found"), "{path}");
    }
    let long = format!("/tile/{}", "x".repeat(3000));
    let response = server.get(&long);
    assert_eq!((response.status, response.problem().as_str()), (414, "target-too-long"));
    server.stop();
}

#[test]
fn methods_are_refused_with_the_ones_that_are_taken() {
    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    let mut client = server.client();
    for (path, allow) in [
        ("/checkpoint", "GET, HEAD, OPTIONS"),
        ("/tile/0/000", "GET, HEAD, OPTIONS"),
        ("/api/v1/log", "GET, HEAD, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/readyz", "GET, HEAD, OPTIONS"),
        ("/api/v1/entries", "GET, HEAD, POST, OPTIONS"),
        ("/add", "POST, OPTIONS"),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE"].into_iter().filter(|method| !allow.contains(method)) {
            let response = client.request(method, path, &[], b"");
            assert_eq!((response.status, response.problem().as_str()), (405, "method-not-allowed"), "{path}");
            assert_eq!(response.header("allow"), Some(allow));
        }
        let preflight = client.request("OPTIONS", path, &[("origin", "https://a.test")], b"");
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-methods"), Some(allow));
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert_eq!(
            preflight.header("access-control-allow-headers"),
            Some("accept, authorization, content-type")
        );
    }
    server.stop();
}

#[test]
fn head_answers_like_get_without_the_body() {
    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    fill(&server, 2);
    let mut client = server.client();
    for path in
        ["/checkpoint", "/tile/0/000.p/2", "/tile/entries/000.p/1", "/api/v1/log", "/healthz", "/nope"]
    {
        let get = client.get(path);
        let head = client.request("HEAD", path, &[], b"");
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
    server.stop();
}

#[test]
fn a_log_in_service_has_no_raw_door() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let response = server.client().post("/add", "application/octet-stream", b"leaf");
    assert_eq!((response.status, response.problem().as_str()), (404, "not-found"));
    assert_eq!(server.get("/add").problem(), "not-found");
    server.stop();
}

#[test]
fn a_conformance_log_takes_raw_and_signed_entries() {
    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    let mut client = server.client();
    for (entry, index) in [(&b"one"[..], "0"), (b"two", "1"), (b"one", "0"), (b"", "2"), (&[7; 65_535], "3")]
    {
        let response = client.post("/add", "application/octet-stream", entry);
        assert_eq!((response.status, response.text()), (200, index));
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    let response = server.client().post("/add", "application/octet-stream", &[7; 65_536]);
    assert_eq!(response.problem(), "body-too-large");
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    let response = client.submit(&entry);
    assert_eq!((response.status, verified(&response, &entry, &log).0), (201, 4));
    server.stop();
}

#[test]
fn the_log_says_what_it_is() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let about = server.get("/api/v1/log");
    assert_eq!(about.header("content-type"), Some("application/json"));
    let vkey = log.vkey().to_string();
    let about = about.json();
    let wanted = serde_json::json!({
        "origin": ORIGIN,
        "vkey": vkey,
        "policy": format!("log {vkey}"),
        "conformance": false,
        "state": "open",
        // How far the scrub is depends on when it is asked.
        "scrub": about["scrub"],
    });
    assert_eq!(about, wanted);
    assert_eq!((server.get("/healthz").text(), server.get("/readyz").text()), ("ok\n", "ready\n"));
    server.stop();
}

#[test]
fn a_restart_keeps_everything() {
    let log = LogDir::new(Mode::Service);
    let signer = Signer::new(Algorithm::Ed25519);
    let (server, entries) = (log.serve(), (0..10).map(|number| signer.entry(number)).collect::<Vec<_>>());
    for entry in &entries {
        assert_eq!(server.client().submit(entry).status, 201);
    }
    let before = server.get("/checkpoint").body;
    let bundle = server.get("/tile/entries/000.p/10").body;
    server.stop();
    let server = log.serve();
    assert_eq!(opened(&server.get("/checkpoint").body, log.vkey()), opened(&before, log.vkey()));
    assert_eq!(server.get("/tile/entries/000.p/10").body, bundle);
    for (index, entry) in entries.iter().enumerate() {
        let response = server.client().submit(entry);
        assert_eq!((response.status, verified(&response, entry, &log).0), (200, index as u64));
    }
    let entry = signer.entry(10);
    assert_eq!(verified(&server.client().submit(&entry), &entry, &log).0, 10);
    server.stop();
}

/// A server over memory, whose storage the test can hold up or break.
fn memory_server(limits: Limits) -> (Server, Arc<MemoryStorage>, tempfile::TempDir) {
    let (site, storage, dir) = memory_site();
    (Server::start_site(site, limits), storage, dir)
}

pub(crate) fn memory_site() -> (Site, Arc<MemoryStorage>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let signer = CheckpointSigner::ed25519(ORIGIN.parse().unwrap(), key.clone()).unwrap();
    let ledger = Ledger::create(&dir.path().join("ledger"), signer.vkey(), 0).unwrap();
    let storage = Arc::new(MemoryStorage::new());
    let config = Config::new(signer.vkey().clone(), Mode::Conformance);
    let log = OpenLog::assemble(config, key, Arc::clone(&storage) as _, ledger).unwrap();
    (Site::new(log), storage, dir)
}

#[test]
fn a_full_queue_is_503_with_retry_after_and_no_entry_is_lost() {
    let (mut site, storage, _dir) = memory_site();
    site.queue = 2;
    let server = Server::start_site(site, Limits::STANDARD);
    storage.hold_appends();
    let addr = server.addr;
    let send = move |entry: &'static [u8]| {
        std::thread::spawn(move || Client::connect(addr).post("/add", "x/y", entry).status)
    };
    let waiting = [send(b"one"), send(b"two")];
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut number = 0;
    let refused = loop {
        // Until both have their place, these take it and are refused or wait: so they never wait for an answer.
        let mut client = server.client();
        client.raw().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let entry = format!("more {number}");
        if let Ok(response) = client.try_request("POST", "/add", &[], entry.as_bytes()) {
            break response;
        }
        number += 1;
        assert!(Instant::now() < deadline, "the queue never filled");
    };
    assert_eq!((refused.status, refused.problem().as_str()), (503, "queue-full"));
    assert!(matches!(refused.header("retry-after"), Some("1" | "2" | "3")));
    assert_eq!(refused.json()["detail"], "all 2 places are taken");
    assert_eq!(server.get("/checkpoint").status, 200);
    storage.release_appends();
    for thread in waiting {
        let status = thread.join().unwrap();
        assert!(status == 200 || status == 503);
    }
    assert_eq!(server.client().post("/add", "x/y", b"after").status, 200);
    server.stop();
}

#[test]
fn a_client_that_goes_away_does_not_take_its_entry_with_it() {
    let (server, storage, _dir) = memory_server(Limits::STANDARD);
    storage.hold_appends();
    let mut client = server.client();
    client.raw().write_all(b"POST /add HTTP/1.1\r\nhost: l\r\ncontent-length: 4\r\n\r\ngone").unwrap();
    // Long enough for the request to be read and queued; a slower machine only makes the test weaker.
    std::thread::sleep(Duration::from_millis(300));
    drop(client);
    storage.release_appends();
    let response = server.client().post("/add", "x/y", b"after");
    assert_eq!(response.text(), "1");
    server.stop();
}

#[test]
fn an_unknown_outcome_ends_the_server_and_is_never_answered_with_success() {
    let (server, storage, _dir) = memory_server(Limits::STANDARD);
    assert_eq!(server.client().post("/add", "x/y", b"one").status, 200);
    storage.fail_next_append();
    let answer = server.client().try_request("POST", "/add", &[], b"two");
    if let Ok(response) = answer {
        assert_eq!((response.status, response.problem().as_str()), (503, "outcome-unknown"));
    }
    assert!(matches!(server.join(), Err(ServeError::Sequencer { .. })));
}

#[test]
fn going_down_finishes_what_is_under_way_and_takes_nothing_new() {
    let (mut server, storage, _dir) =
        memory_server(Limits { head_timeout: Duration::from_secs(60), ..Limits::STANDARD });
    let addr = server.addr;
    let mut idle = server.client();
    idle.raw().set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(idle.get("/readyz").status, 200);
    storage.hold_appends();
    let under_way = std::thread::spawn(move || Client::connect(addr).post("/add", "x/y", b"late").status);
    std::thread::sleep(Duration::from_millis(300));
    server.ask_to_stop();
    std::thread::sleep(Duration::from_millis(100));
    assert!(idle.is_closed_by_server());
    assert!(Client::try_connect(addr).is_err());
    storage.release_appends();
    assert_eq!(under_way.join().unwrap(), 200);
    server.join().unwrap();
}

#[test]
fn slow_and_idle_connections_are_closed() {
    let short = Duration::from_millis(300);
    let limits = Limits { head_timeout: short, body_timeout: short, ..Limits::STANDARD };
    let log = LogDir::new(Mode::Service);
    let server = log.serve_with(limits);
    let before = Instant::now();
    for sent in ["", "GET /chec", "GET /checkpoint HTTP/1.1\r\nhost:"] {
        let mut client = server.client();
        client.raw().write_all(sent.as_bytes()).unwrap();
        assert!(client.read_response(false).is_err() || client.is_closed_by_server(), "{sent:?}");
    }
    let mut kept = server.client();
    assert_eq!(kept.get("/healthz").status, 200);
    assert!(kept.is_closed_by_server());
    let mut withheld = server.client();
    let head = "POST /api/v1/entries HTTP/1.1\r\nhost: l\r\ncontent-type: application/cose\r\ncontent-length: 10\r\n\r\nhalf";
    withheld.raw().write_all(head.as_bytes()).unwrap();
    let response = withheld.read_response(false).unwrap();
    assert_eq!((response.status, response.problem().as_str()), (408, "body-timeout"));
    assert!(before.elapsed() < Duration::from_secs(20));
    server.stop();
}

#[test]
fn a_reader_that_takes_nothing_is_cut_off() {
    let limits = Limits { write_timeout: Duration::from_millis(300), ..Limits::STANDARD };
    let (server, _storage, _dir) = memory_server(limits);
    let mut client = server.client();
    for number in 0..40_u8 {
        assert_eq!(client.post("/add", "x/y", &[number; 65_535]).status, 200);
    }
    // More than the buffers of both ends hold, however far they grow.
    let (count, bundle) = (10, 40 * 65_537);
    let request = "GET /tile/entries/000.p/40 HTTP/1.1\r\nhost: l\r\n\r\n".repeat(count);
    client.raw().write_all(request.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let mut taken = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(more @ 1..) = client.raw().read(&mut buffer) {
        taken += more;
    }
    assert!(taken < count * bundle, "all of it came after a pause");
    server.stop();
}

#[test]
fn an_old_connection_is_closed_after_its_answer() {
    let limits = Limits { connection_age: Duration::from_millis(300), ..Limits::STANDARD };
    let log = LogDir::new(Mode::Service);
    let server = log.serve_with(limits);
    let mut client = server.client();
    assert_eq!(client.get("/healthz").status, 200);
    assert!(client.is_closed_by_server());
    server.stop();
}

#[test]
fn connections_over_the_limit_are_closed_at_accept() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve_with(Limits { connections: 2, ..Limits::STANDARD });
    let mut held = [server.client(), server.client()];
    for client in &mut held {
        assert_eq!(client.get("/healthz").status, 200);
    }
    assert!(server.client().is_closed_by_server());
    drop(held);
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.client().try_request("GET", "/healthz", &[], b"").is_err() {
        assert!(Instant::now() < deadline, "no connection came free");
    }
    server.stop();
}

#[test]
fn too_many_or_too_long_headers_are_refused() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let long = "x".repeat(20_000);
    let response = server.client().try_request("GET", "/healthz", &[("x-long", &long)], b"");
    assert!(response.map_or(true, |response| response.status == 431));
    let many: Vec<(&str, &str)> = vec![("x-many", "1"); 100];
    let response = server.client().try_request("GET", "/healthz", &many, b"");
    assert!(response.map_or(true, |response| response.status == 431));
    assert_eq!(server.get("/healthz").status, 200);
    server.stop();
}

#[test]
fn going_down_does_not_wait_for_ever() {
    let limits = Limits { drain_timeout: Duration::from_millis(300), ..Limits::STANDARD };
    let (mut server, storage, _dir) = memory_server(limits);
    let addr = server.addr;
    storage.hold_appends();
    let under_way =
        std::thread::spawn(move || Client::connect(addr).try_request("POST", "/add", &[], b"late"));
    std::thread::sleep(Duration::from_millis(300));
    server.ask_to_stop();
    assert!(under_way.join().unwrap().is_err(), "the connection should have been cut");
    storage.release_appends();
    server.join().unwrap();
}

#[test]
fn what_is_stored_but_not_published_is_not_served() {
    let (server, storage, _dir) = memory_server(Limits::STANDARD);
    fill(&server, 3);
    // Behind the server's back: what a reader could meet between the write and the publication of a step.
    let (mut edge, mut frontier) = (RightEdge::new(), Frontier::new());
    let leaves: Vec<_> = (0..3).map(|number| LeafHash::of(format!("entry {number}").as_bytes())).collect();
    edge.append(&leaves).unwrap();
    for leaf in &leaves {
        frontier.append(*leaf).unwrap();
    }
    let (head_old, leaf) = (frontier.head(), LeafHash::of(b"unpublished"));
    frontier.append(leaf).unwrap();
    let entry = NewEntry::new(leaf, b"unpublished".to_vec());
    let step = Step::new(head_old, frontier.head(), vec![entry], edge.append(&[leaf]).unwrap()).unwrap();
    storage.append(&step).unwrap();
    let by_leaf = format!("/api/v1/proof?leaf={}", leaf.hash());
    for path in ["/tile/0/000.p/4", "/tile/entries/000.p/4", "/api/v1/proof?index=3", &by_leaf] {
        assert_eq!(server.get(path).problem(), "not-found", "{path}");
    }
    assert_eq!(server.get("/tile/0/000.p/3").body.len(), 3 * 32);
    server.stop();
}

#[test]
fn every_entry_is_proven_by_index_and_by_leaf_hash() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let mut client = server.client();
    let signer = Signer::new(Algorithm::Ed25519);
    let entries: Vec<_> = (0..5).map(|number| signer.entry(number)).collect();
    entries.iter().for_each(|entry| assert_eq!(client.submit(entry).status, 201));
    for (index, entry) in (0..).zip(&entries) {
        let leaf = LeafHash::of(entry).hash().to_string();
        for question in [format!("index={index}"), format!("leaf={leaf}")] {
            let answer = client.get(&format!("/api/v1/proof?{question}"));
            assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-cache")));
            assert_eq!(answer.json(), client.submit(entry).json(), "{question}");
        }
        let text = client.request("GET", "/api/v1/proof?index=0", &[("accept", "text/x.tlog-proof")], b"");
        assert!(text.text().starts_with("c2sp.org/tlog-proof@v1\n"), "{}", text.text());
    }
    let unknown = LeafHash::of(b"nowhere").hash();
    for question in ["?index=5", "?index=00", "?index=", "", "?leaf=00", &format!("?leaf={unknown}")] {
        let answer = client.get(&format!("/api/v1/proof{question}"));
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"), "{question}");
    }
    server.stop();
}
