//! The hostile request shapes S1 to S35, each by number and name, sent to a real server over a socket.
//!
//! A good client submits and reads all the while. After each shape the server must be healthy, the good client must
//! have been served meanwhile, and the tree must hold nothing but entries that somebody was entitled to add. At the end
//! everything is recomputed from the entries.

use std::collections::HashSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use attest::key::Algorithm;
use log_server::admission::gate::{Gate, Rates};
use log_server::admission::rules::RuleFiles;
use log_server::admission::token::{Class, Grant, Token};
use log_server::admission::token_file::update;
use log_server::admission::writes::Writes;
use log_server::care::Care;
use log_server::client::Proxies;
use log_server::config::Mode;
use log_server::disk::{Mark, Marks};
use log_server::fsck::fsck;
use log_server::hold;
use log_server::listener::Roles;
use log_server::serve::Limits;
use log_server::site::Site;
use tlog::entry_bundle::EntryBundle;
use tlog::tile::TileWidth;

use crate::support::{Client, LogDir, Response, Server, Signer, opened, spawn_server};

const PATH: &str = "/api/v1/entries";
/// How long a client may do nothing. Long enough for the good one on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);
/// Slow clients of one shape at a time.
const CROWD: usize = 24;

/// Who may add what: entries that may be in the tree.
type Entitled = Arc<Mutex<HashSet<Vec<u8>>>>;

/// A server, and the good client that uses it.
struct Stage {
    log: LogDir,
    addr: SocketAddr,
    admin: SocketAddr,
    token: String,
    expired: String,
    entitled: Entitled,
    served: Arc<AtomicUsize>,
    signer: Signer,
    next: AtomicUsize,
}

fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token in a log's file that was made at `made` and lives for a day.
fn token_made(log: &LogDir, label: &str, made: u64) -> String {
    let token = Token::generate().unwrap();
    let (label, life) = (label.parse().unwrap(), "1d".parse().unwrap());
    let grant = Grant::new(&token, label, made, life, vec!["**".parse().unwrap()], Class::Normal);
    update(&log.path().join("tokens"), |tokens| tokens.add(grant, made)).unwrap();
    token.reveal().to_owned()
}

impl Stage {
    /// An entry that may be added, which no other call gives.
    fn entry(&self) -> Vec<u8> {
        // Far from the numbers of the good client.
        let number = 1_000_000 + self.next.fetch_add(1, Ordering::Relaxed) as u64;
        let entry = self.signer.entry(number);
        self.entitled.lock().unwrap().insert(entry.clone());
        entry
    }

    fn client(&self) -> Client {
        Client::connect(self.addr)
    }

    /// Submits with the good token.
    fn submit(&self, entry: &[u8]) -> Response {
        self.submit_with(entry, "application/cose", &self.token)
    }

    fn submit_with(&self, entry: &[u8], content_type: &str, token: &str) -> Response {
        let authorization = format!("Bearer {token}");
        let headers = [("content-type", content_type), ("authorization", &authorization)];
        self.client().request("POST", PATH, &headers, entry)
    }

    /// The head of a submission with the good token, without its last line.
    fn head(&self, more: &str) -> String {
        let token = &self.token;
        format!(
            "POST {PATH} HTTP/1.1\r\nhost: l\r\ncontent-type: application/cose\r\nauthorization: Bearer {token}\r\n{more}"
        )
    }

    fn get(&self, path: &str) -> Response {
        self.client().get(path)
    }

    /// Every entry of the tree, as anybody reads it.
    fn entries(&self) -> Vec<Vec<u8>> {
        let size = opened(&self.get("/checkpoint").body, self.log.vkey()).size().get();
        let mut entries = Vec::new();
        for bundle in 0..size.div_ceil(256) {
            let width = (size - bundle * 256).min(256) as u16;
            let suffix = if width == 256 { String::new() } else { format!(".p/{width}") };
            let body = self.get(&format!("/tile/entries/{bundle:03}{suffix}")).body;
            let bundle = EntryBundle::parse(&body, TileWidth::new(width).unwrap()).unwrap();
            entries.extend(bundle.entries().iter().map(|entry| entry.to_vec()));
        }
        entries
    }

    /// Healthy, the good client served since `before`, nothing wrong written.
    fn assert_unharmed(&self, number: usize, name: &str, before: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.served.load(Ordering::Relaxed) == before {
            assert!(Instant::now() < deadline, "S{number} {name}: the good client is not served");
            std::thread::sleep(Duration::from_millis(10));
        }
        for path in ["/healthz", "/readyz", "/checkpoint"] {
            assert_eq!(self.get(path).status, 200, "S{number} {name}: {path}");
        }
        let entries = self.entries();
        let entitled = self.entitled.lock().unwrap();
        let wrong = entries.iter().filter(|entry| !entitled.contains(*entry)).count();
        assert_eq!(wrong, 0, "S{number} {name}: entries that nobody was entitled to add");
    }
}

/// Submits and reads until it is told to stop; gives the entries it saw acknowledged.
fn good_client(
    addr: SocketAddr,
    token: String,
    entitled: Entitled,
    served: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> JoinHandle<Vec<Vec<u8>>> {
    std::thread::spawn(move || {
        let (signer, authorization) = (Signer::new(Algorithm::Ed25519), format!("Bearer {token}"));
        let (mut acknowledged, mut number) = (Vec::new(), 0);
        let headers = [("content-type", "application/cose"), ("authorization", authorization.as_str())];
        let mut client = None;
        while !stop.load(Ordering::Relaxed) {
            let entry = signer.entry(number);
            number += 1;
            entitled.lock().unwrap().insert(entry.clone());
            // A connection may have been closed for its idleness; the entry is sent again on another.
            for _ in 0..3 {
                let Some(mut one) = client.take().or_else(|| Client::try_connect(addr).ok()) else {
                    continue;
                };
                let Ok(answer) = one.try_request("POST", PATH, &headers, &entry) else { continue };
                assert!(matches!(answer.status, 200 | 201), "the good client was refused: {answer:?}");
                if one.try_request("GET", "/checkpoint", &[], b"").is_ok_and(|seen| seen.status == 200) {
                    acknowledged.push(entry);
                    served.fetch_add(1, Ordering::Relaxed);
                    client = Some(one);
                }
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        acknowledged
    })
}

/// All that a server says on a connection until it closes it; `None` if it does not within half a minute.
fn to_the_end(stream: &mut TcpStream) -> Option<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let (mut said, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Some(said),
            Ok(count) => said.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
            // Closed with our bytes unread: closed all the same.
            Err(_) => return Some(said),
        }
    }
}

/// Sends as much as the server takes, then reads until it closes.
fn closed_after(addr: SocketAddr, sent: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).unwrap();
    // The server may have closed before it had everything.
    let _ = stream.write_all(sent);
    to_the_end(&mut stream).unwrap()
}

fn status(said: &[u8]) -> u16 {
    let line = std::str::from_utf8(said.get(..12).unwrap_or_default()).unwrap_or_default();
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// A crowd that sends the same beginning and then nothing; each must be cut off.
fn cut_off(stage: &Stage, beginning: &str) -> Vec<u16> {
    let mut crowd: Vec<_> = (0..CROWD).filter_map(|_| TcpStream::connect(stage.addr).ok()).collect();
    for stream in &mut crowd {
        let _ = stream.write_all(beginning.as_bytes());
    }
    crowd.iter_mut().map(|stream| status(&to_the_end(stream).unwrap())).collect()
}

fn problem(response: &Response) -> (u16, String) {
    (response.status, response.problem())
}

/// An entry whose key is the Ed25519 point of order 1, under which every message verifies with some signature.
fn weak_key(stage: &Stage) -> Vec<u8> {
    let mut entry = stage.signer.entry(77);
    let key = stage.signer.public_key().to_spki_der();
    let at = entry.windows(44).position(|window| window == key).unwrap();
    entry[at + 12..at + 44].fill(0);
    entry[at + 12] = 1;
    entry
}

/// The other signature that verifies under ECDSA: s replaced by n − s.
fn mirrored(entry: &[u8]) -> Vec<u8> {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut entry = entry.to_vec();
    let start = entry.len() - 32;
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(N[at]) - i16::from(entry[start + at]) - borrow;
        borrow = i16::from(difference < 0);
        entry[start + at] = difference.rem_euclid(256) as u8;
    }
    entry
}

/// One shape: its number, its name, and what is done and expected.
type Shape = (usize, &'static str, fn(&Stage));

const SHAPES: &[Shape] = &[
    (1, "nothing is sent", |stage| {
        assert!(cut_off(stage, "").iter().all(|status| matches!(status, 0 | 408)));
    }),
    (2, "half a request line", |stage| {
        assert!(cut_off(stage, "GET /check").iter().all(|status| matches!(status, 0 | 408)));
    }),
    (3, "half a header", |stage| {
        let half = "GET /checkpoint HTTP/1.1\r\nhost: l\r\nx-ha";
        assert!(cut_off(stage, half).iter().all(|status| matches!(status, 0 | 408)));
    }),
    (4, "the body is withheld", |stage| {
        let head = stage.head("content-length: 100\r\nconnection: close\r\n\r\nhalf");
        // The few that met a full house at accept have no answer.
        assert!(cut_off(stage, &head).iter().all(|status| matches!(status, 0 | 408)));
        let response = closed_after(stage.addr, head.as_bytes());
        assert_eq!(status(&response), 408);
    }),
    (5, "idle after an answer", |stage| {
        let statuses = cut_off(stage, "GET /healthz HTTP/1.1\r\nhost: l\r\n\r\n");
        assert!(statuses.contains(&200) && statuses.iter().all(|status| matches!(status, 0 | 200)));
    }),
    (6, "a body over the cap", |stage| {
        assert_eq!(problem(&stage.submit(&[0; 8193])), (413, "body-too-large".to_owned()));
        let head = stage.head("content-length: 1099511627776\r\nconnection: close\r\n\r\n");
        assert_eq!(status(&closed_after(stage.addr, head.as_bytes())), 413);
    }),
    (7, "a body shorter or longer than it says", |stage| {
        let mut stream = TcpStream::connect(stage.addr).unwrap();
        stream.write_all(stage.head("content-length: 100\r\n\r\nshort").as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(matches!(status(&to_the_end(&mut stream).unwrap()), 0 | 400));
        let said =
            closed_after(stage.addr, stage.head("content-length: 2\r\n\r\nab\0\0longer\r\n\r\n").as_bytes());
        assert_eq!(status(&said), 400);
    }),
    (8, "chunks without end", |stage| {
        let mut stream = TcpStream::connect(stage.addr).unwrap();
        stream.write_all(stage.head("transfer-encoding: chunked\r\n\r\n").as_bytes()).unwrap();
        let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
        let sent = (0..100_000).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
        assert!(sent < 100_000, "a hundred megabytes were taken");
        let said = to_the_end(&mut stream).unwrap();
        assert!(matches!(status(&said), 0 | 413), "{}", status(&said));
    }),
    (9, "101 headers", |stage| {
        let head = format!("GET /healthz HTTP/1.1\r\nhost: l\r\n{}\r\n", "x: y\r\n".repeat(101));
        assert!(matches!(status(&closed_after(stage.addr, head.as_bytes())), 0 | 431));
    }),
    (10, "a header of 600 KiB", |stage| {
        let head = format!("GET /healthz HTTP/1.1\r\nhost: l\r\nx: {}\r\n\r\n", "y".repeat(600 << 10));
        assert!(matches!(status(&closed_after(stage.addr, head.as_bytes())), 0 | 431));
    }),
    (11, "a gzip bomb", |stage| {
        let authorization = format!("Bearer {}", stage.token);
        let headers = [
            ("content-type", "application/cose"),
            ("authorization", &authorization),
            ("content-encoding", "gzip"),
        ];
        let bomb = [&[0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3][..], &[0; 4000]].concat();
        let response = stage.client().request("POST", PATH, &headers, &bomb);
        assert_eq!(problem(&response), (415, "content-encoded".to_owned()));
    }),
    (12, "an unknown content type", |stage| {
        for other in ["", "text/plain", "application/cbor", "application/cose; charset=utf-8"] {
            let response = stage.submit_with(&stage.signer.entry(1), other, &stage.token);
            assert_eq!(problem(&response), (415, "media-type-unsupported".to_owned()), "{other:?}");
        }
    }),
    (13, "a wrong method", |stage| {
        for (method, path) in
            [("DELETE", PATH), ("PUT", "/checkpoint"), ("POST", "/tile/0/000"), ("XYZZY", "/healthz")]
        {
            let response = stage.client().request(method, path, &[], b"");
            assert_eq!(problem(&response), (405, "method-not-allowed".to_owned()), "{method} {path}");
        }
    }),
    (14, "paths that climb or are encoded", |stage| {
        for path in [
            "/tile/../key.pem",
            "/tile/0/..%2f..%2fkey.pem",
            "/tile/%30/000",
            "/tile/0%2f000",
            "/tile//000",
            "/tile/0/000/../../../ledger",
            "/tile/0/000%00",
            "/tile/0/\\..\\key.pem",
            "/tile/entries/x../000",
            "/../tokens",
        ] {
            let said = stage.client().try_request("GET", path, &[], b"").map(|response| response.status);
            assert!(matches!(said, Ok(400 | 404) | Err(_)), "{path}: {said:?}");
        }
    }),
    (15, "tile widths 0, 256 and beyond", |stage| {
        for width in ["0", "256", "257", "65536", "4294967297", "18446744073709551617", "-1", "01", "+1"] {
            assert_eq!(stage.get(&format!("/tile/0/000.p/{width}")).problem(), "not-found", "{width}");
            assert_eq!(stage.get(&format!("/tile/entries/000.p/{width}")).problem(), "not-found", "{width}");
        }
    }),
    (16, "negative indices", |stage| {
        for path in ["/tile/0/-001", "/tile/-1/000", "/tile/entries/-001", "/tile/0/x-01/000"] {
            assert_eq!(stage.get(path).problem(), "not-found", "{path}");
        }
    }),
    (17, "tiles beyond the tree", |stage| {
        for path in [
            "/tile/0/999",
            "/tile/63/000",
            "/tile/64/000",
            "/tile/0/x999/x999/x999/x999/x999/x999/999",
            "/tile/entries/x001/000",
        ] {
            assert_eq!(stage.get(path).problem(), "not-found", "{path}");
        }
    }),
    (18, "valid JSON of another kind", |stage| {
        let json = br#"{"entry":"AAAA"}"#;
        assert_eq!(problem(&stage.submit(json)), (400, "entry-malformed".to_owned()));
        let response = stage.submit_with(json, "application/json", &stage.token);
        assert_eq!(response.problem(), "media-type-unsupported");
    }),
    (19, "a bad signature", |stage| {
        let mut entry = stage.signer.entry(19);
        *entry.last_mut().unwrap() ^= 1;
        assert_eq!(problem(&stage.submit(&entry)), (400, "entry-signature-invalid".to_owned()));
    }),
    (20, "a weak key", |stage| {
        let refused = stage.submit(&weak_key(stage));
        assert_eq!(problem(&refused), (400, "entry-malformed".to_owned()));
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("order"), "{detail}");
    }),
    (21, "one entry a thousand times at once", |stage| {
        let entry = stage.entry();
        let statuses = std::thread::scope(|scope| {
            let submit = || (0..50).map(|_| stage.submit(&entry)).collect::<Vec<_>>();
            let crowd: Vec<_> = (0..20).map(|_| scope.spawn(submit)).collect();
            crowd.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(statuses.iter().filter(|response| response.status == 201).count(), 1);
        assert_eq!(statuses.iter().filter(|response| response.status == 200).count(), 999);
        let places: HashSet<String> =
            statuses.iter().map(|response| response.json()["logIndex"].to_string()).collect();
        assert_eq!(places.len(), 1);
    }),
    (22, "the same payload with another signature", |stage| {
        let entry = Signer::new(Algorithm::EcdsaP256).entry(22);
        stage.entitled.lock().unwrap().insert(entry.clone());
        assert_eq!(stage.submit(&entry).status, 201);
        let other = mirrored(&entry);
        assert_ne!(other, entry);
        assert_eq!(problem(&stage.submit(&other)), (400, "entry-signature-invalid".to_owned()));
    }),
    (23, "a wrong, an empty and a huge token", |stage| {
        let entry = stage.signer.entry(23);
        let wrong = Token::generate().unwrap();
        for token in [wrong.reveal(), "", "x", &"x".repeat(4096), &stage.token[1..]] {
            let refused = stage.submit_with(&entry, "application/cose", token);
            assert_eq!(problem(&refused), (401, "token-invalid".to_owned()));
            assert!(!refused.text().contains("xx") && refused.header("www-authenticate").is_some());
        }
        let without = stage.client().submit(&entry);
        assert_eq!(problem(&without), (401, "token-missing".to_owned()));
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: l\r\nauthorization: Bearer {}\r\ncontent-length: 0\r\n\r\n",
            "x".repeat(1 << 20)
        );
        assert!(matches!(status(&closed_after(stage.addr, head.as_bytes())), 0 | 431));
    }),
    (24, "an expired token", |stage| {
        let refused = stage.submit_with(&stage.signer.entry(24), "application/cose", &stage.expired);
        assert_eq!(problem(&refused), (401, "token-expired".to_owned()));
        assert!(!refused.text().contains(&stage.expired));
    }),
    // HTTP/2 is not spoken, so the three floods of it end at its preface.
    (25, "HTTP/2 rapid reset", |stage| {
        let stream_frames =
            [&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x82][..], &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]];
        refuses_http2(stage, &stream_frames.concat());
    }),
    (26, "HTTP/2 empty DATA flood", |stage| refuses_http2(stage, &[0, 0, 0, 0, 0, 0, 0, 0, 1])),
    (27, "HTTP/2 CONTINUATION flood", |stage| refuses_http2(stage, &[0, 0, 0, 9, 0, 0, 0, 0, 1])),
    (28, "ten thousand requests in one pipe", |stage| {
        let mut stream = TcpStream::connect(stage.addr).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || {
            let request = "GET /healthz HTTP/1.1\r\nhost: l\r\n\r\n".repeat(100);
            (0..100).all(|_| writer.write_all(request.as_bytes()).is_ok())
        });
        let said = to_the_end(&mut stream).unwrap();
        assert!(writing.join().unwrap());
        let answers = said.windows(12).filter(|window| *window == b"HTTP/1.1 200").count();
        assert_eq!(answers, 10_000);
    }),
    (29, "a client that leaves before its answer", |stage| {
        let entries: Vec<_> = (0..20).map(|_| stage.entry()).collect();
        for entry in &entries {
            let mut stream = TcpStream::connect(stage.addr).unwrap();
            let head = stage.head(&format!("content-length: {}\r\n\r\n", entry.len()));
            stream.write_all(&[head.as_bytes(), entry].concat()).unwrap();
        }
        // Whatever became of them, the same bytes bring the answer, once.
        let places: HashSet<String> = entries
            .iter()
            .map(|entry| {
                let answer = stage.submit(entry);
                assert!(matches!(answer.status, 200 | 201), "{answer:?}");
                answer.json()["logIndex"].to_string()
            })
            .collect();
        assert_eq!(places.len(), entries.len());
    }),
    (30, "paths that never come twice", |stage| {
        let before = metric_lines(stage);
        let mut client = stage.client();
        for number in 0..2_000 {
            assert_eq!(client.get(&format!("/path/{number}")).status, 404);
        }
        assert_eq!(metric_lines(stage), before);
    }),
    (31, "agents that never come twice", |stage| {
        let before = metric_lines(stage);
        let mut client = stage.client();
        for number in 0..2_000 {
            let agent = format!("agent-{number}");
            assert_eq!(client.request("GET", "/healthz", &[("user-agent", &agent)], b"").status, 200);
        }
        assert_eq!(metric_lines(stage), before);
    }),
];

fn refuses_http2(stage: &Stage, frames: &[u8]) {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let said = closed_after(stage.addr, &[preface, frames.repeat(1000).as_slice()].concat());
    // A frame of SETTINGS would begin with three bytes of length.
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), "{:?}", &said[..said.len().min(40)]);
}

fn metric_lines(stage: &Stage) -> usize {
    let page = Client::connect(stage.admin).get("/metrics");
    assert_eq!(page.status, 200);
    page.text().lines().count()
}

#[test]
fn s1_to_s31_harm_nobody() {
    let log = LogDir::new(Mode::Service);
    let now = seconds_since_1970();
    let token = token_made(&log, "good", now);
    let expired = token_made(&log, "old", now - 2 * 24 * 3600);
    let limits = Limits {
        connections: 128,
        connections_per_address: 128,
        head_timeout: PATIENCE,
        body_timeout: PATIENCE,
        write_timeout: PATIENCE,
        ..Limits::STANDARD
    };
    let mut site = Site::new(log.open().unwrap());
    let files = RuleFiles::new(Some(log.path().join("tokens")), None);
    site.gate = Gate::new(Mode::Service, Writes::Token, Rates::UNLIMITED, files).unwrap();
    let admin = Roles { read: false, write: false, admin: true };
    let (server, addrs) = Server::start_house(vec![site], &[Roles::PUBLIC, admin], limits, Proxies::none());
    let (entitled, served, stop) = (Entitled::default(), Arc::default(), Arc::default());
    let good =
        good_client(addrs[0], token.clone(), Arc::clone(&entitled), Arc::clone(&served), Arc::clone(&stop));
    let (addr, admin, signer) = (addrs[0], addrs[1], Signer::new(Algorithm::Ed25519));
    let stage =
        Stage { log, addr, admin, token, expired, entitled, served, signer, next: AtomicUsize::new(0) };
    let numbers: Vec<usize> = SHAPES.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=31).collect::<Vec<_>>(), "each shape once");
    for (number, name, run) in SHAPES {
        let before = stage.served.load(Ordering::Relaxed);
        eprintln!("S{number} {name}");
        run(&stage);
        stage.assert_unharmed(*number, name, before);
    }
    stop.store(true, Ordering::Relaxed);
    let acknowledged = good.join().unwrap();
    let entries: HashSet<Vec<u8>> = stage.entries().into_iter().collect();
    assert!(acknowledged.iter().all(|entry| entries.contains(entry)), "an acknowledged entry is gone");
    server.stop();
    let report = fsck(&stage.log.path(), &mut |_, _| {}).unwrap();
    assert!(report.damages().is_empty(), "{:?}", report.damages());
    assert_eq!(report.entries(), entries.len() as u64, "as many entries as different ones");
}

/// A load of entries that ends with the server, and what of it was acknowledged.
fn loaded(addr: SocketAddr) -> Vec<JoinHandle<Vec<Vec<u8>>>> {
    let submit = |_| {
        std::thread::spawn(move || {
            let (signer, mut acknowledged) = (Signer::new(Algorithm::Ed25519), Vec::new());
            let Ok(mut client) = Client::try_connect(addr) else { return acknowledged };
            for number in 0.. {
                let entry = signer.entry(number);
                let header = [("content-type", "application/cose")];
                match client.try_request("POST", PATH, &header, &entry) {
                    Ok(answer) if matches!(answer.status, 200 | 201) => acknowledged.push(entry),
                    _ => break,
                }
            }
            acknowledged
        })
    };
    (0..4).map(submit).collect()
}

fn signal(child: &std::process::Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Whether everything that was acknowledged is in the log, and the log is sound.
fn assert_kept(log: &LogDir, acknowledged: &[Vec<u8>]) {
    let report = fsck(&log.path(), &mut |_, _| {}).unwrap();
    assert!(report.damages().is_empty(), "{:?}", report.damages());
    let server = log.serve();
    let mut client = server.client();
    for entry in acknowledged {
        assert_eq!(client.submit(entry).status, 200, "an acknowledged entry is gone");
    }
    server.stop();
}

#[test]
fn s32_sigterm_during_load_loses_nothing() {
    let log = LogDir::new(Mode::Service);
    let (mut child, addr) = spawn_server(&log.path(), None);
    let submitters = loaded(addr);
    std::thread::sleep(Duration::from_millis(700));
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let acknowledged: Vec<_> = submitters.into_iter().flat_map(|one| one.join().unwrap()).collect();
    assert!(!acknowledged.is_empty(), "there was no load");
    assert_kept(&log, &acknowledged);
}

#[test]
fn s33_a_second_sigterm_ends_it_at_once_and_loses_nothing() {
    let log = LogDir::new(Mode::Service);
    let (mut child, addr) = spawn_server(&log.path(), None);
    let submitters = loaded(addr);
    // A request that keeps the server from ending at the first signal.
    let mut slow = TcpStream::connect(addr).unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: l\r\ncontent-type: application/cose\r\ncontent-length: 9\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    signal(&child, "-TERM");
    std::thread::sleep(Duration::from_millis(300));
    if child.try_wait().unwrap().is_none() {
        signal(&child, "-TERM");
    }
    assert!(matches!(child.wait().unwrap().code(), Some(0 | 5)));
    let acknowledged: Vec<_> = submitters.into_iter().flat_map(|one| one.join().unwrap()).collect();
    assert!(!acknowledged.is_empty(), "there was no load");
    assert_kept(&log, &acknowledged);
}

/// Submissions are refused with this and reading goes on.
fn assert_reads_only(server: &Server, log: &LogDir, wanted: (u16, &str)) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    loop {
        let refused = server.client().submit(&entry);
        if refused.status != 201 {
            assert_eq!(problem(&refused), (wanted.0, wanted.1.to_owned()));
            break;
        }
        assert!(Instant::now() < deadline, "entries are still taken");
        std::thread::sleep(Duration::from_millis(50));
    }
    let size = opened(&server.get("/checkpoint").body, log.vkey()).size().get();
    assert!(size >= 3);
    assert_eq!(server.get("/tile/entries/000.p/3").status, 200);
    for _ in 0..20 {
        assert_eq!(server.client().submit(&Signer::new(Algorithm::Ed25519).entry(2)).status, wanted.0);
    }
    assert_eq!(opened(&server.get("/checkpoint").body, log.vkey()).size().get(), size);
    assert_eq!(server.get("/healthz").status, 200);
}

fn log_of_three() -> LogDir {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let signer = Signer::new(Algorithm::Ed25519);
    for number in 0..3 {
        assert_eq!(server.client().submit(&signer.entry(number)).status, 201);
    }
    server.stop();
    log
}

#[test]
fn s34_a_full_disk_refuses_entries_and_serves_reads() {
    let log = log_of_three();
    // Every disk is full by these marks.
    let full = Marks {
        warn: Mark::Percent(100),
        read_only: Mark::Percent(100),
        stop: Mark::Bytes(0),
        ballast_bytes: 0,
        pause: Duration::from_millis(50),
    };
    let mut opened = log.open().unwrap();
    opened.set_care(Care { disk: Some(full), ..Care::NONE });
    let server = Server::start(opened, Limits::STANDARD);
    assert_reads_only(&server, &log, (507, "disk-full"));
    server.stop();
    assert!(fsck(&log.path(), &mut |_, _| {}).unwrap().damages().is_empty());
}

#[test]
fn s35_a_log_for_reading_only_refuses_entries_and_serves_reads() {
    let log = log_of_three();
    hold::freeze(&log.path(), "closed for good").unwrap();
    let server = log.serve();
    assert_reads_only(&server, &log, (410, "frozen"));
    server.stop();
    assert!(fsck(&log.path(), &mut |_, _| {}).unwrap().damages().is_empty());
    let log = log_of_three();
    let mut site = Site::new(log.open().unwrap());
    site.gate = Gate::new(Mode::Service, Writes::Off, Rates::UNLIMITED, RuleFiles::default()).unwrap();
    let server = Server::start_site(site, Limits::STANDARD);
    assert_reads_only(&server, &log, (403, "writes-off"));
    server.stop();
    assert!(fsck(&log.path(), &mut |_, _| {}).unwrap().damages().is_empty());
}
