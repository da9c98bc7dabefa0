//! What a client may cost.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use witness::config::Config;
use witness::init::{LOGS, OpenWitness};
use witness::logs::ListFiles;
use witness::recorder::SystemClock;
use witness::serve::{Limits, Service, serve};

use crate::support::{Client, Desk, Log, path_of, shown};

#[test]
fn bodies_are_bounded_with_and_without_their_length() {
    let log = Log::of("log.example.org/models", 1, 5);
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let long = "x".repeat(128 * 1024 + 1);
    assert_eq!(witness.client().add(&long).code(), (413, "body-too-large"));
    let chunked = format!(
        "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    assert_eq!(witness.client().raw(&chunked).unwrap().code(), (413, "body-too-large"));
    let most = "x".repeat(128 * 1024);
    assert_eq!(witness.client().add(&most).code(), (400, "malformed"));
    let coded =
        "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(witness.client().raw(coded).unwrap().code(), (415, "content-encoded"));
}

#[test]
fn a_log_that_grows_too_often_is_429_and_a_stranger_cannot_use_up_its_quota() {
    let log = Log::of("log.example.org/models", 1, 40);
    let desk = Desk::new(&[]);
    desk.add_log(&log.vkey().to_string(), "24");
    let witness = desk.start();
    let mut client = witness.client();
    // What anybody can send again: the latest, an older one, one that does not fit.
    assert_eq!(client.add(&log.request(0, 1)).status, 200);
    for _ in 0..20 {
        assert_eq!(client.add(&log.request(1, 1)).status, 200);
        assert_eq!(client.add(&log.request(0, 1)).status, 409);
        assert_eq!(client.add(&format!("old 1\n\n{}", log.checkpoint(3))).status, 422);
    }
    for size in 1..10 {
        assert_eq!(client.add(&log.request(size, size + 1)).status, 200, "{size}");
    }
    let over = client.add(&log.request(10, 11));
    assert_eq!(over.code(), (429, "over-quota"));
    let after: u64 = over.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3601).contains(&after), "{after}");
    assert_eq!(client.add(&log.request(10, 10)).status, 200, "a refresh is not growth");
    assert_eq!(shown(&mut client, &log).0, 10);
}

#[test]
fn a_refresh_within_seconds_is_the_same_cosignature_and_writes_nothing() {
    let log = Log::of("log.example.org/models", 1, 5);
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    let first = client.add(&log.request(0, 5));
    let length = || std::fs::metadata(desk.dir.join("record")).unwrap().len();
    let before = length();
    let time = desk.verify(&log.checkpoint(5), &first.body);
    let again = client.add(&log.request(5, 5));
    // On a machine that is held up for seconds a new one is right too.
    if desk.verify(&log.checkpoint(5), &again.body) == time {
        assert_eq!((again.body, length()), (first.body, before));
    }
}

/// A witness in this process, with limits of its own.
fn serve_with(desk: &Desk, limits: Limits, test: impl FnOnce(Client)) {
    let config = Config::read(&desk.dir).unwrap();
    let witness = OpenWitness::open(&desk.dir, &config, || unreachable!("the keys are plain")).unwrap();
    let lists = ListFiles { own: desk.dir.join(LOGS), others: Vec::new() };
    let logs = lists.load(config.name()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let public = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let client = Client::new(public.local_addr().unwrap());
    let clock = Arc::new(SystemClock::new());
    let service =
        Service { witness, logs, lists, public, admin: None, prefix: "/w".to_owned(), limits, clock };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(serve(service, async {
        let _ = stopped.await;
    }));
    test(client);
    let _ = stop.send(());
    runtime.block_on(serving).unwrap().unwrap();
}

#[test]
fn slow_clients_are_cut_off_and_others_served_meanwhile() {
    let log = Log::of("log.example.org/models", 1, 5);
    let desk = Desk::new(&[&log]);
    let short = Duration::from_millis(300);
    let limits = Limits { head_timeout: short, body_timeout: short, ..Limits::STANDARD };
    serve_with(&desk, limits, |mut client| {
        let Ok(address) = client.get("/healthz").map(|_| client.address()) else { panic!("it serves") };
        let mut slow_head = TcpStream::connect(address).unwrap();
        slow_head.write_all(b"POST /w/add-che").unwrap();
        let mut slow_body = TcpStream::connect(address).unwrap();
        slow_body
            .write_all(b"POST /w/add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\nold")
            .unwrap();
        assert_eq!(client.post("/w/add-checkpoint", &log.request(0, 3)).unwrap().status, 200);
        assert_eq!(client.post("/add-checkpoint", &log.request(3, 4)).unwrap().code(), (404, "no-such-path"));
        assert_eq!(client.get(&format!("/w{}", path_of(&log))).unwrap().status, 200);
        let mut said = String::new();
        slow_body.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        let mut said = Vec::new();
        // The end, whatever is said before it.
        let _ = slow_head.read_to_end(&mut said);
    });
}

#[test]
fn connections_are_counted_by_address_and_in_all() {
    let desk = Desk::new(&[]);
    for limits in [
        Limits { connections: 2, ..Limits::STANDARD },
        Limits { connections_per_address: 2, ..Limits::STANDARD },
    ] {
        serve_with(&desk, limits, |mut first| {
            first.get("/healthz").unwrap();
            let mut second = Client::new(first.address());
            second.get("/healthz").unwrap();
            assert!(Client::new(first.address()).get("/healthz").is_err());
            drop(second);
            // Its place is free as soon as the server has seen the end.
            let free = (0..500).any(|_| {
                std::thread::sleep(Duration::from_millis(10));
                Client::new(first.address()).get("/healthz").is_ok()
            });
            assert!(free);
        });
    }
}
