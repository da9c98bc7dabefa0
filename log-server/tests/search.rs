//! Searching a running server, and checking its answers the way a client must.

use std::collections::BTreeSet;
use std::fs;

use attest::entry::{Entry, EntryName, ModelSalt};
use attest::form::Form;
use attest::key::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use log_server::config::Mode;
use merkle::{Hash, InclusionProof, LeafHash, LeafIndex, TreeHead};
use tlog::vkey::Vkey;

use crate::cases::{files, testdata};
use crate::support::{Client, LogDir, Response, Signer, opened};

fn decode(value: &serde_json::Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// A page whose every entry is proven: indices, entries, head, and the cursor as it stands in a query.
struct Page {
    hits: Vec<(u64, Vec<u8>)>,
    head: TreeHead,
    next: Option<String>,
}

fn verified(response: &Response, vkey: &Vkey) -> Page {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    let page = response.json();
    let head = opened(page["checkpoint"]["envelope"].as_str().unwrap().as_bytes(), vkey);
    assert_eq!(page["treeSize"], head.size().get().to_string());
    assert_eq!(decode(&page["rootHash"]), head.root().as_bytes());
    assert_eq!(decode(&page["logId"]["keyId"]), vkey.log_id());
    assert_eq!(page["kindVersion"], serde_json::json!({ "kind": "tallymark", "version": "0.0.1" }));
    let prove = |hit: &serde_json::Value| {
        let hashes = hit["hashes"].as_array().unwrap().iter();
        let hashes = hashes.map(|hash| Hash::from_slice(&decode(hash)).unwrap()).collect();
        let index: u64 = hit["logIndex"].as_str().unwrap().parse().unwrap();
        let entry = decode(&hit["canonicalizedBody"]);
        let proof = InclusionProof::new(LeafIndex::new(index).unwrap(), hashes).unwrap();
        proof.verify(&LeafHash::of(&entry), &head).unwrap();
        Entry::parse(&entry).unwrap().verify().unwrap();
        (index, entry)
    };
    let hits = page["entries"].as_array().unwrap().iter().map(prove).collect();
    let next = page.get("next").map(|next| {
        let (end, at) = next.as_object().unwrap().iter().next().unwrap();
        format!("&{end}={}", at.as_str().unwrap())
    });
    Page { hits, head, next }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every question that an entry answers, read with no code of the server's.
fn questions(entry: &[u8]) -> BTreeSet<String> {
    let entry = Entry::parse(entry).unwrap();
    let payload = entry.payload();
    let mut questions = BTreeSet::from([
        format!("key={}", payload.key().key_id()),
        format!("digest={}", payload.statement()),
    ]);
    match payload.entry_name() {
        EntryName::Shown { name, .. } => {
            let name = name.as_str();
            questions.insert(format!("name={name}"));
            let slashes = name.char_indices().filter(|(_, c)| *c == '/');
            questions.extend(slashes.map(|(at, _)| format!("name={}", name[..=at].replace('/', "%2F"))));
        }
        EntryName::Private { name, version } => {
            questions.extend([name, version].map(|commitment| format!("digest={commitment}")));
        }
    }
    questions.extend(payload.subjects().iter().map(|subject| format!("digest={}", hex(subject.digest()))));
    questions.extend(payload.inputs().iter().map(|input| format!("input={}", hex(input.digest()))));
    questions
}

/// All pages of an answer.
fn paged(client: &mut Client, query: &str, first: &str, vkey: &Vkey) -> Vec<(u64, Vec<u8>)> {
    let (mut hits, mut cursor) = (Vec::new(), first.to_owned());
    loop {
        let page = verified(&client.get(&format!("/api/v1/entries?{query}{cursor}")), vkey);
        hits.extend(page.hits);
        match page.next {
            Some(next) => cursor = next,
            None => return hits,
        }
    }
}

#[test]
fn every_entry_is_found_by_all_that_it_says_and_nothing_else_is() {
    let log = LogDir::new(Mode::Service);
    let mut server = log.serve();
    let mut client = server.client();
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let folders = ["entry/accept", "entry/from-statement", "entry-private/from-statement"];
    for path in folders.iter().flat_map(|folder| files(&testdata().join(folder))) {
        let entry = fs::read(&path).unwrap();
        if client.submit(&entry).status == 201 {
            entries.push(entry);
        }
    }
    let all: BTreeSet<String> = entries.iter().flat_map(|entry| questions(entry)).collect();
    for round in ["fresh", "restarted", "index deleted"] {
        for query in &all {
            let wanted: Vec<_> = (0_u64..)
                .zip(&entries)
                .filter(|(_, entry)| questions(entry).contains(query))
                .map(|(index, entry)| (index, entry.clone()))
                .collect();
            let oldest_first = paged(&mut client, &format!("{query}&limit=3"), "&after=0", log.vkey());
            assert!(oldest_first == wanted, "{round}: {query}");
            let mut newest_first = paged(&mut client, &format!("{query}&limit=100"), "", log.vkey());
            newest_first.reverse();
            assert!(newest_first == wanted, "{round}: {query}");
        }
        drop(client);
        server.stop();
        if round == "restarted" {
            fs::remove_dir_all(log.path().join("index")).unwrap();
        }
        server = log.serve();
        client = server.client();
    }
    let absent = verified(&client.get(&format!("/api/v1/entries?digest={}", "5a".repeat(32))), log.vkey());
    assert_eq!((absent.hits.len(), absent.head.size().get()), (0, entries.len() as u64));
    assert_eq!(absent.next, None);
    server.stop();
}

#[test]
fn who_has_the_salt_of_a_model_finds_its_private_entries_by_name_and_digest() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let (mut client, signer) = (server.client(), Signer::new(Algorithm::Ed25519));
    let (salt, other) = (ModelSalt::from_bytes([7; 32]), ModelSalt::from_bytes([8; 32]));
    for (number, salt) in [(0, Some(&salt)), (1, Some(&salt)), (0, Some(&other)), (0, None)] {
        assert_eq!(client.submit(&signer.entry_under(salt, number)).status, 201);
    }
    let mut indices = |query: &str| -> Vec<u64> {
        let page = verified(&client.get(&format!("/api/v1/entries?{query}")), log.vkey());
        page.hits.iter().map(|(index, _)| *index).collect()
    };
    assert_eq!(indices("name=acme/model"), [3]);
    assert_eq!(indices(&format!("digest={}", salt.name(&"acme/model".parse().unwrap()))), [1, 0]);
    let shown = Entry::parse(&signer.entry(0)).unwrap();
    let model = shown.payload().subjects().iter().find(|one| one.form() == Form::ModelTree).unwrap();
    assert_eq!(indices(&format!("digest={}", hex(model.digest()))), [3]);
    assert_eq!(indices(&format!("digest={}", salt.subject(model.form(), model.digest()))), [0]);
    assert_eq!(indices(&format!("key={}", signer.public_key().key_id())), [3, 2, 1, 0]);
    server.stop();
}

#[test]
fn two_terms_are_answered_by_the_entries_that_have_both() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let mut client = server.client();
    let (one, two) = (Signer::new(Algorithm::Ed25519), Signer::new(Algorithm::EcdsaP256));
    for number in 0..6 {
        let signer = if number % 3 == 0 { &one } else { &two };
        assert_eq!(client.submit(&signer.entry(number)).status, 201);
    }
    let entry = one.entry(0);
    let key = *Entry::parse(&entry).unwrap().payload().key().key_id().as_bytes();
    let query = format!("name=acme/model&key={}", hex(&key));
    let indices = |query: &str, client: &mut Client| -> Vec<u64> {
        let page = verified(&client.get(&format!("/api/v1/entries?{query}")), log.vkey());
        page.hits.iter().map(|(index, _)| *index).collect()
    };
    assert_eq!(indices(&query, &mut client), [3, 0]);
    assert_eq!(indices(&query.replace("model", "mode"), &mut client), [0_u64; 0]);
    assert_eq!(indices("name=acme/", &mut client), [5, 4, 3, 2, 1, 0]);
    assert_eq!(indices("name=acme/&before=3", &mut client), [2, 1, 0]);
    assert_eq!(indices("name=acme/&after=4", &mut client), [4, 5]);
    server.stop();
}

#[test]
fn a_submitter_finds_its_entry_at_once_and_pages_stay_whole_while_the_log_grows() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let (mut client, signer) = (server.client(), Signer::new(Algorithm::Ed25519));
    let (mut newest, mut cursor) = (Vec::new(), None);
    for number in 0..60 {
        let entry = signer.entry(number);
        assert_eq!(client.submit(&entry).status, 201);
        let page = verified(&client.get("/api/v1/entries?name=acme/model&limit=1"), log.vkey());
        assert_eq!(page.hits, [(number, entry)]);
        if number == 29 {
            cursor = Some(String::new());
        }
        // One old page for each new entry: none is seen twice, none is left out.
        if let Some(at) = cursor.take() {
            let page =
                verified(&client.get(&format!("/api/v1/entries?name=acme/model&limit=2{at}")), log.vkey());
            newest.extend(page.hits.iter().map(|(index, _)| *index));
            cursor = page.next;
        }
    }
    assert_eq!(newest, (0..30).rev().collect::<Vec<_>>());
    let followed = paged(&mut client, "name=acme/model&limit=7", "&after=30", log.vkey());
    assert_eq!(followed.iter().map(|(index, _)| *index).collect::<Vec<_>>(), (30..60).collect::<Vec<_>>());
    server.stop();
}

#[test]
fn what_is_no_question_is_refused_and_a_conformance_log_has_no_search() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let mut client = server.client();
    for query in
        ["", "?", "?limit=5", "?name=Acme", "?name=a&name=b", "?digest=00", "?name=a&limit=101", "?x=y"]
    {
        let response = client.get(&format!("/api/v1/entries{query}"));
        assert_eq!((response.status, response.problem().as_str()), (400, "query-invalid"), "{query}");
    }
    let empty = verified(&client.get("/api/v1/entries?name=acme/"), log.vkey());
    assert_eq!((empty.hits.len(), empty.head.size().get()), (0, 0));
    let head = client.request("HEAD", "/api/v1/entries?name=acme/", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    let methods = client.request("PUT", "/api/v1/entries", &[], b"");
    assert_eq!(methods.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    server.stop();

    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    let response = server.get("/api/v1/entries?name=acme/");
    assert_eq!((response.status, response.problem().as_str()), (404, "not-found"));
    assert!(!log.path().join("index").exists());
    server.stop();
}
