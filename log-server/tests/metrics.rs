//! What an operator sees from outside: the page of metrics, and readiness when the writer stands still.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Client, LogDir, Response, Server, program};
use log_server::client::Proxies;
use log_server::config::{Config, Mode};
use log_server::ledger::Ledger;
use log_server::listener::Roles;
use log_server::opening::OpenLog;
use log_server::serve::Limits;
use log_server::site::Site;
use log_server::storage::memory::MemoryStorage;
use tlog::checkpoint::CheckpointSigner;

/// The value of a line of the page that starts so.
fn value(page: &str, start: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(start));
    line.unwrap_or_else(|| panic!("no {start} in\n{page}")).trim().parse().unwrap()
}

#[test]
fn the_page_counts_what_happened_and_stays_off_the_public_address() {
    let log = LogDir::new(Mode::Conformance);
    let roles = [Roles::PUBLIC, Roles { admin: true, ..Roles::default() }];
    let site = Site::new(log.open().unwrap());
    let (server, addrs) = Server::start_house(vec![site], &roles, Limits::STANDARD, Proxies::none());
    for entry in [&b"one"[..], b"two", b"one"] {
        assert_eq!(server.client().post("/add", "x/y", entry).status, 200);
    }
    assert_eq!(server.get("/metrics").status, 404);
    assert_eq!(server.get("/nothing").status, 404);
    let page = Client::connect(addrs[1]).get("/metrics");
    assert_eq!(
        page.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let page = page.text();
    for (start, wanted) in [
        ("tallymark_log_entries_total{log=\"log.test/1\",novelty=\"new\"}", 2.0),
        ("tallymark_log_entries_total{log=\"log.test/1\",novelty=\"duplicate\"}", 1.0),
        ("tallymark_log_tree_size{log=\"log.test/1\"}", 2.0),
        ("tallymark_log_damaged{log=\"log.test/1\"}", 0.0),
        ("tallymark_log_signatures_total{log=\"log.test/1\"}", 2.0),
        ("tallymark_log_ready{log=\"log.test/1\"}", 1.0),
        ("tallymark_log_http_answers_total{log=\"log.test/1\",route=\"add\",status=\"200\"}", 3.0),
        ("tallymark_log_http_problems_total{log=\"log.test/1\",code=\"not-found\"}", 2.0),
        ("tallymark_log_step_seconds_count{log=\"log.test/1\",phase=\"store\"}", 2.0),
    ] {
        assert_eq!(value(page, start), wanted, "{start}");
    }
    let disk = |what: &str| value(page, &format!("tallymark_log_disk_{what}_bytes{{log=\"log.test/1\"}}"));
    assert!(disk("free") > 0.0 && disk("size") > disk("free"));
    server.stop();
}

#[test]
fn whatever_strangers_ask_for_the_page_has_as_many_lines() {
    let log = LogDir::new(Mode::Service);
    let roles = [Roles::PUBLIC, Roles { admin: true, ..Roles::default() }];
    let site = Site::new(log.open().unwrap());
    let (server, addrs) = Server::start_house(vec![site], &roles, Limits::STANDARD, Proxies::none());
    let lines = || Client::connect(addrs[1]).get("/metrics").text().lines().count();
    let ask = |number: u32| {
        let mut client = server.client();
        for part in 0..20 {
            let (path, method) = (format!("/{number}/{part}"), format!("M{number}X{part}"));
            let agent = format!("agent {number} {part}");
            for method in ["GET", &method] {
                let answer: Response =
                    client.try_request(method, &path, &[("user-agent", &agent)], b"").unwrap();
                assert!([404, 405].contains(&answer.status), "{}", answer.status);
            }
            assert_eq!(client.get(&format!("/tile/{}/{:03}", part % 64, number % 1000)).status, 404);
        }
    };
    ask(0);
    let before = lines();
    (1..50).for_each(ask);
    assert_eq!(lines(), before);
    server.stop();
}

#[test]
fn a_writer_that_stands_still_is_seen_by_readiness_and_reads_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let signer = CheckpointSigner::ed25519("log.test/1".parse().unwrap(), key.clone()).unwrap();
    let ledger = Ledger::create(&dir.path().join("ledger"), signer.vkey(), 0).unwrap();
    let storage = Arc::new(MemoryStorage::new());
    let config = Config::new(signer.vkey().clone(), Mode::Conformance);
    let log = OpenLog::assemble(config, key, Arc::clone(&storage) as _, ledger).unwrap();
    let server = Server::start_site(Site::new(log), Limits::STANDARD);
    assert_eq!(server.client().post("/add", "x/y", b"one").status, 200);
    // An idle log is well, however old its checkpoint is.
    std::thread::sleep(Duration::from_millis(3_500));
    assert_eq!(server.get("/readyz").status, 200);
    storage.hold_appends();
    let mut waiting = server.client();
    waiting.raw().write_all(b"POST /add HTTP/1.1\r\nhost: l\r\ncontent-length: 3\r\n\r\ntwo").unwrap();
    let stopped = Instant::now();
    let answer = loop {
        let answer = server.get("/readyz");
        if answer.status != 200 {
            break answer;
        }
        // The bound is 3 s after the last beat; the rest is for a slow machine.
        assert!(stopped.elapsed() < Duration::from_secs(20), "still ready");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!((answer.status, answer.problem().as_str()), (503, "checkpoint-stale"));
    assert_eq!(server.get("/checkpoint").status, 200);
    assert_eq!(server.get("/healthz").status, 200);
    storage.release_appends();
    assert_eq!(waiting.read_response(false).unwrap().text(), "1");
    while server.get("/readyz").status != 200 {
        assert!(stopped.elapsed() < Duration::from_secs(40), "never ready again");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.stop();
}

#[test]
fn lines_for_programs_are_json_objects() {
    let log = LogDir::new(Mode::Service);
    let mut call = program();
    call.arg("serve").arg(log.path()).args(["--listen", "127.0.0.1:0", "--lines-format", "json"]);
    let mut child = call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut listening = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut listening).unwrap();
    assert!(listening.starts_with("listening on http://127.0.0.1:"), "{listening}");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let lines: Vec<serde_json::Value> =
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let opened = lines.iter().find(|line| line["origin"] == "log.test/1").unwrap();
    assert_eq!((&opened["level"], &opened["size"]), (&"INFO".into(), &0.into()));
}

#[test]
fn the_description_of_the_interface_is_served() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let page = server.get("/api/v1/openapi.yaml");
    assert_eq!((page.status, page.header("content-type")), (200, Some("application/yaml")));
    let wanted = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/openapi.yaml");
    assert_eq!(page.text(), std::fs::read_to_string(wanted).unwrap());
    server.stop();
}
