//! What a running server says was said about a digest, made again from the entries it serves, as an auditor must.

use std::fs;
use std::time::{Duration, Instant};

use attest::digest::Sha256Digest;
use attest::entry::{Entry, EntryPayload};
use attest::key::PrivateKey;
use attest::statement::Statement;
use attest::status::{Register, STANDARD_MAX_MENTIONS, Snapshot};
use log_server::audit::{Options, audit};
use log_server::config::Mode;
use log_server::damage::Damage;
use log_server::key_file;
use log_server::serve::Limits;
use log_server::site::Site;
use log_server::status::Cadence;
use log_server::tile_source::{SourceError, TileSource, http::HttpSource};
use merkle::Hash;
use tlog::entry_bundle::EntryBundle;
use tlog::note::{Note, NoteSigner};
use tlog::status::{SignedStatus, Status};
use tlog::tile::TileWidth;

use crate::cases::testdata;
use crate::support::{Client, LogDir, Server, opened};

/// The model of the canonical statements.
const MODEL: &str = "27e7d029ff82bf6664452176bccc2d9f249c9ae769a766095c8cffdf12fc0a5a";

fn served(log: &LogDir, interval_ms: u64) -> Server {
    let mut site = Site::new(log.open().unwrap());
    site.status = Some(Cadence { interval: Duration::from_millis(interval_ms), ..Cadence::STANDARD });
    Server::start_site(site, Limits::STANDARD)
}

/// The entry of a canonical statement, signed by one of the two keys of the cases.
fn entry(statement: &str, key: &str) -> Vec<u8> {
    let read = |path: &str| fs::read_to_string(testdata().join(path)).unwrap();
    let key = PrivateKey::from_pem(&read(&format!("entry/keys/{key}.pem")), None).unwrap();
    let statement = read(&format!("statement/canonical/{statement}.json"));
    let statement = Statement::parse(statement.as_bytes()).unwrap();
    let payload = EntryPayload::from_statement(&statement, &key.public_key());
    Entry::sign(payload, &key).unwrap().as_bytes().to_vec()
}

/// The status once it covers so many entries.
fn status_at(client: &mut Client, size: u64) -> SignedStatus {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = client.get("/status");
        if answer.status == 503 {
            assert_eq!(answer.problem(), "status-behind");
        } else {
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, Some("text/plain; charset=utf-8"))
            );
            let status = SignedStatus::parse(&answer.body).unwrap();
            if status.unverified().head().size().get() >= size {
                return status;
            }
        }
        assert!(Instant::now() < until, "no status of {size} entries: {}", answer.text());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The register of the entries that the server serves.
fn register(client: &mut Client, size: u64) -> Register {
    let mut register = Register::new(STANDARD_MAX_MENTIONS);
    let bundle = client.get(&format!("/tile/entries/000.p/{size}"));
    let width = TileWidth::new(size.try_into().unwrap()).unwrap();
    for entry in EntryBundle::parse(&bundle.body, width).unwrap().entries() {
        register.add(Entry::parse(entry).unwrap().payload()).unwrap();
    }
    register
}

#[test]
fn what_is_signed_is_the_map_of_the_entries_before_and_after_a_restart() {
    let log = LogDir::new(Mode::Service);
    let mut server = served(&log, 50);
    let mut client = server.client();
    let entries = [
        entry("example", "ed25519"),
        entry("event-approve", "p256"),
        entry("event-revoke", "ed25519"),
        entry("dataset-full", "p256"),
        entry("event-reinstate", "p256"),
    ];
    for entry in &entries {
        assert_eq!(client.submit(entry).status, 201);
    }
    let mut last = 0;
    for round in ["first", "second"] {
        let status = status_at(&mut client, 5);
        let status = status.open(log.vkey()).unwrap();
        let checkpoint = opened(&client.get("/checkpoint").body, log.vkey());
        assert_eq!(status.status().head(), &checkpoint, "{round}");
        let register = register(&mut client, 5);
        assert_eq!((register.mentions(), *status.status().map()), (3, register.map().root()), "{round}");
        assert!(status.status().time() >= last);
        last = status.status().time();

        let answer = client.get(&format!("/status/{MODEL}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let snapshot = Snapshot::parse(answer.body.strip_suffix(b"\n").unwrap()).unwrap();
        snapshot.status().open(log.vkey()).unwrap();
        snapshot.verify().unwrap();
        let indexes: Vec<u64> = snapshot.mentions().iter().map(|mention| mention.index().get()).collect();
        assert_eq!(indexes, [1, 2, 4], "{round}");
        assert_eq!(opened(snapshot.checkpoint().unwrap().as_bytes(), log.vkey()), checkpoint);
        let subject: Sha256Digest = MODEL.parse().unwrap();
        assert_eq!(snapshot.mentions(), register.mentions_of(&subject, register.size()));

        let unknown = client.get(&format!("/status/{}", "00".repeat(32)));
        let unknown = Snapshot::parse(unknown.body.strip_suffix(b"\n").unwrap()).unwrap();
        unknown.verify().unwrap();
        assert!(unknown.mentions().is_empty());
        if round == "first" {
            server.stop();
            server = served(&log, 50);
            client = server.client();
        }
    }
    server.stop();
}

#[test]
fn a_status_is_signed_again_without_new_entries() {
    let log = LogDir::new(Mode::Service);
    let server = served(&log, 20);
    let mut client = server.client();
    let first = status_at(&mut client, 0).unverified().time();
    let until = Instant::now() + Duration::from_secs(60);
    while status_at(&mut client, 0).unverified().time() == first {
        assert!(Instant::now() < until, "it is as old as it was");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.stop();
}

#[test]
fn a_digest_has_one_spelling_and_a_log_for_raw_entries_has_no_status() {
    let log = LogDir::new(Mode::Service);
    let server = served(&log, 50);
    let mut client = server.client();
    status_at(&mut client, 0);
    for digest in ["", "00", &MODEL.to_uppercase(), &format!("{MODEL}0"), &format!("%32{}", &MODEL[1..])] {
        assert_eq!(client.get(&format!("/status/{digest}")).problem(), "not-found", "{digest}");
    }
    server.stop();
    let raw = LogDir::new(Mode::Conformance);
    let server = served(&raw, 50);
    let mut client = server.client();
    for path in ["/status", &format!("/status/{MODEL}")] {
        assert_eq!(client.get(path).problem(), "not-found");
    }
    server.stop();
}

#[test]
fn a_log_with_more_mentions_than_it_has_memory_for_goes_on_and_signs_no_later_status() {
    let log = LogDir::new(Mode::Service);
    let mut site = Site::new(log.open().unwrap());
    site.status = Some(Cadence { interval: Duration::from_millis(20), max_mentions: 1 });
    let server = Server::start_site(site, Limits::STANDARD);
    let mut client = server.client();
    assert_eq!(client.submit(&entry("event-approve", "p256")).status, 201);
    status_at(&mut client, 1);
    assert_eq!(client.submit(&entry("event-revoke", "p256")).status, 201);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(status_at(&mut client, 1).unverified().head().size().get(), 1);
    assert_eq!(client.submit(&entry("example", "p256")).status, 201);
    server.stop();
}

/// A log that shows another status than its own.
struct Lying(HttpSource, Vec<u8>);

impl TileSource for Lying {
    fn read(&self, name: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, SourceError> {
        if name == "status" { Ok(Some(self.1.clone())) } else { self.0.read(name, limit_bytes) }
    }
}

#[test]
fn an_auditor_makes_the_map_again_and_sees_that_the_log_signed_another() {
    let log = LogDir::new(Mode::Service);
    let server = served(&log, 50);
    let mut client = server.client();
    for entry in [entry("example", "p256"), entry("event-revoke", "p256"), entry("event-approve", "p256")] {
        assert_eq!(client.submit(&entry).status, 201);
    }
    let status = status_at(&mut client, 3);
    let http = || HttpSource::new(&format!("http://{}/", server.addr)).unwrap();
    let options = Options { origin: None, entries: true, threads: 2 };
    let look = |source: &dyn TileSource| audit(source, log.vkey(), &options, &mut |_, _| {});
    assert_eq!(look(&http()).unwrap().damages(), []);

    let key = key_file::read(&log.path().join("key.pem"), || panic!("it is not encrypted")).unwrap();
    let signer = NoteSigner::ed25519(log.vkey().name().clone(), key);
    let signed = |head, map| {
        let text = Status::new(log.vkey().name().into(), head, map, 2_000_000_000).to_string();
        Note::new(&text, &[signer.sign(&text)]).unwrap().to_bytes()
    };
    let (head, map) = (*status.unverified().head(), *status.unverified().map());
    assert_eq!(look(&Lying(http(), signed(head, map))).unwrap().damages(), []);
    // What was said in entry 1 is left out.
    let blind = look(&Lying(http(), signed(head, merkle::EMPTY_MAP_ROOT))).unwrap();
    assert!(matches!(blind.damages(), [Damage::StatusMapDiffers { size: 3, .. }]), "{:?}", blind.damages());
    let other = merkle::TreeHead::new(head.size(), Hash::from_bytes([7; 32])).unwrap();
    let other = look(&Lying(http(), signed(other, map))).unwrap();
    assert!(matches!(other.damages(), [Damage::StatusTreeDiffers { size: 3, .. }]), "{:?}", other.damages());
    let mut forged = signed(head, map);
    forged[30] ^= 1;
    assert!(look(&Lying(http(), forged)).unwrap_err().is_damage());
    server.stop();
}
