//! Witnesses confirm the log: who waits for them and who does not, what is believed of them, and what is done about one that knows more
//! than the log.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use attest::key::Algorithm;
use ed25519_dalek::SigningKey;
use log_server::client::Proxies;
use log_server::config::Mode;
use log_server::feeder::{Tempo, Witnesses};
use log_server::listener::Roles;
use log_server::serve::Limits;
use log_server::site::Site;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::{UnixSeconds, cosign};
use tlog::note::NoteSignature;
use tlog::policy::Policy;
use tlog::vkey::Vkey;
use tlog::witness::AddCheckpointRequest;

use crate::support::{Client, LogDir, ORIGIN, Response, Server, Signer, opened, program, spawn_server_with};

/// How a witness of ours answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As the specification says.
    Honest,
    /// A signature over something else.
    BadSignature,
    /// A line by a key that the policy does not have.
    Stranger,
    /// A time that says nothing.
    Timeless,
    /// No signature line.
    Garbage,
    /// 422.
    Inconsistent,
    /// 409 with a size that the log never had.
    Ahead,
    /// 503.
    Busy,
    /// Nothing: the connection is closed.
    Closes,
    /// 409 with a size that it was not asked from, each time another one.
    Wavers,
    /// Nothing, for longer than anybody waits.
    Silent,
    /// As the specification says, after five pauses of the log.
    Slow,
}

/// A witness in this process, on a socket.
struct Fake {
    seed: u8,
    url: String,
    manner: Arc<Mutex<Manner>>,
    /// The size it confirmed last.
    size: Arc<Mutex<u64>>,
    /// The old sizes it was asked with.
    asked: Arc<Mutex<Vec<u64>>>,
}

impl Fake {
    fn new(seed: u8, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/w", listener.local_addr().unwrap());
        let (manner, size, asked) = (Arc::new(Mutex::new(manner)), Arc::default(), Arc::default());
        let fake = Self { seed, url, manner, size, asked };
        let (manner, size, asked) =
            (Arc::clone(&fake.manner), Arc::clone(&fake.size), Arc::clone(&fake.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manner, size, asked) = (Arc::clone(&manner), Arc::clone(&size), Arc::clone(&asked));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    let mut stream = stream;
                    while let Some(body) = body_of(&mut reader) {
                        let now = *manner.lock().unwrap();
                        if now == Manner::Silent {
                            std::thread::sleep(Duration::from_secs(60));
                        }
                        if now == Manner::Slow {
                            std::thread::sleep(Duration::from_millis(100));
                        }
                        let (status, answer) = answer(seed, now, &size, &asked, &body);
                        if now == Manner::Closes {
                            return;
                        }
                        let text = format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{answer}",
                            answer.len()
                        );
                        if stream.write_all(text.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        fake
    }

    fn vkey(&self) -> Vkey {
        let key = SigningKey::from_bytes(&[self.seed; 32]).verifying_key();
        Vkey::cosignature_ed25519(name(self.seed).parse().unwrap(), key.as_bytes()).unwrap()
    }

    fn line(&self) -> String {
        format!("witness w{} {} {}\n", self.seed, self.vkey(), self.url)
    }

    fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

fn name(seed: u8) -> String {
    format!("witness.test/w{seed}")
}

fn body_of(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn answer(
    seed: u8,
    manner: Manner,
    size: &Mutex<u64>,
    asked: &Mutex<Vec<u64>>,
    body: &[u8],
) -> (u16, String) {
    let request = AddCheckpointRequest::parse(body).unwrap();
    let note = request.checkpoint().note();
    let is_own = |line: &NoteSignature| line.name().as_str() == ORIGIN;
    assert!(note.signatures().iter().all(is_own), "the log's own signatures and nobody else's");
    let old = request.old().get();
    asked.lock().unwrap().push(old);
    let mut size = size.lock().unwrap();
    let line = |seed: u8, text: &str, time: u64| {
        let key = SigningKey::from_bytes(&[seed; 32]);
        format!("{}\n", cosign(&key, &name(seed).parse().unwrap(), text, UnixSeconds::new(time).unwrap()))
    };
    match manner {
        Manner::Honest | Manner::Slow if old != *size => (409, format!("{size}\n")),
        Manner::Honest | Manner::Slow => {
            let head = *request.checkpoint().unverified().head();
            if old > 0 {
                assert!(request.proof().hashes().len() < 64);
            }
            *size = head.size().get();
            let stranger = line(99, note.text(), 7);
            (200, stranger + &line(seed, note.text(), 1_800_000_000))
        }
        Manner::BadSignature => (200, line(seed, "other\n1\ntext\n", 1_800_000_000)),
        Manner::Stranger => (200, line(99, note.text(), 1_800_000_000)),
        Manner::Timeless => (200, line(seed, note.text(), 0)),
        Manner::Garbage => (200, "hello\n".to_owned()),
        Manner::Inconsistent => (422, String::new()),
        Manner::Ahead => (409, "1000000\n".to_owned()),
        Manner::Busy => (503, String::new()),
        Manner::Wavers => (409, format!("{}\n", u64::from(old == 0))),
        Manner::Closes | Manner::Silent => (200, String::new()),
    }
}

fn policy(fakes: &[&Fake], quorum: &str) -> Arc<Policy> {
    let lines: String = fakes.iter().map(|fake| fake.line()).collect();
    Arc::new(format!("{lines}{quorum}").parse().unwrap())
}

const TEMPO: Tempo = Tempo {
    pause: Duration::from_millis(20),
    timeout: Duration::from_secs(2),
    refresh: Duration::from_secs(300),
};

fn site(log: &LogDir, policy: &Arc<Policy>, tempo: Tempo) -> Site {
    let mut site = Site::new(log.open().unwrap());
    site.witnesses = Some(Witnesses { policy: Arc::clone(policy), tempo });
    site
}

fn serve(log: &LogDir, policy: &Arc<Policy>) -> Server {
    Server::start_site(site(log, policy, TEMPO), Limits::STANDARD)
}

/// Waits until the checkpoint that is shown is as wanted.
fn wait_for(server: &Server, wanted: impl Fn(&Response) -> bool) -> Response {
    let began = Instant::now();
    loop {
        let shown = server.get("/checkpoint");
        if wanted(&shown) {
            return shown;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{shown:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn size(shown: &Response, log: &LogDir) -> Option<u64> {
    (shown.status == 200).then(|| opened(&shown.body, log.vkey()).size().get())
}

#[test]
fn published_waits_for_no_witness_and_readers_are_shown_what_the_quorum_confirmed() {
    let log = LogDir::new(Mode::Service);
    let (one, two) = (Fake::new(1, Manner::Honest), Fake::new(2, Manner::Busy));
    let policy = policy(&[&one, &two], "group g all w1 w2\nquorum g\n");
    let server = serve(&log, &policy);
    let signer = Signer::new(Algorithm::Ed25519);
    let entry = signer.entry(1);
    let published = server.client().submit(&entry);
    assert_eq!(published.status, 201);
    let shown = server.get("/checkpoint");
    assert_eq!((shown.status, shown.problem().as_str()), (503, "not-cosigned"), "fail closed");
    assert_eq!(server.get("/api/v1/proof?index=0").problem(), "not-cosigned");
    two.becomes(Manner::Honest);
    let shown = wait_for(&server, |shown| size(shown, &log) == Some(1));
    let note = SignedCheckpoint::parse(&shown.body).unwrap();
    assert_eq!(policy.quorum_met(&note).unwrap().len(), 2);
    assert_eq!(note.note().signatures().len(), 3, "the log's, the two of the policy, and no stranger's");
    server.stop();
}

#[test]
fn a_submitter_may_wait_until_the_quorum_confirmed_the_entry() {
    let log = LogDir::new(Mode::Service);
    let one = Fake::new(1, Manner::Honest);
    let policy = policy(&[&one], "quorum w1\n");
    let server = serve(&log, &policy);
    let signer = Signer::new(Algorithm::Ed25519);
    for number in 0..5 {
        let entry = signer.entry(number);
        let answer = server.client().post("/api/v1/entries?until=cosigned", "application/cose", &entry);
        assert_eq!(answer.status, 201);
        let answer = answer.json();
        let envelope = answer["inclusionProof"]["checkpoint"]["envelope"].as_str().unwrap();
        let note = SignedCheckpoint::parse(envelope.as_bytes()).unwrap();
        assert_eq!(policy.quorum_met(&note).unwrap().len(), 1);
        assert!(note.unverified().head().size().get() > number);
        // A duplicate too.
        let again = server.client().post("/api/v1/entries?until=cosigned", "application/cose", &entry);
        assert_eq!(again.status, 200);
        assert!(again.text().contains("witness.test/w1"));
    }
    assert_eq!(server.get("/api/v1/proof?index=3").status, 200);
    server.stop();
}

#[test]
fn who_waits_where_no_quorum_is_asked_for_is_told_so() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    let answer = server.client().post("/api/v1/entries?until=cosigned", "application/cose", &entry);
    assert_eq!((answer.status, answer.problem().as_str()), (503, "not-cosigned"));
    server.stop();
}

#[test]
fn nothing_of_a_lying_witness_is_believed() {
    for manner in [
        Manner::BadSignature,
        Manner::Stranger,
        Manner::Timeless,
        Manner::Garbage,
        Manner::Inconsistent,
        Manner::Busy,
        Manner::Closes,
        Manner::Wavers,
    ] {
        let log = LogDir::new(Mode::Service);
        let liar = Fake::new(1, manner);
        let policy = policy(&[&liar], "quorum w1\n");
        let server = serve(&log, &policy);
        assert_eq!(server.client().submit(&Signer::new(Algorithm::Ed25519).entry(1)).status, 201);
        let began = Instant::now();
        while liar.asked.lock().unwrap().len() < 3 {
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(server.get("/checkpoint").status, 503);
        assert_eq!(server.get("/readyz").status, 200, "it goes on");
        liar.becomes(Manner::Honest);
        wait_for(&server, |shown| size(shown, &log) == Some(1));
        server.stop();
    }
}

#[test]
fn a_witness_that_is_ahead_of_the_log_stops_it_from_signing() {
    let log = LogDir::new(Mode::Service);
    let (one, liar) = (Fake::new(1, Manner::Honest), Fake::new(2, Manner::Ahead));
    let policy = policy(&[&one, &liar], "group g any w1 w2\nquorum g\n");
    let roles = [Roles::PUBLIC, Roles { admin: true, ..Roles::default() }];
    let site = site(&log, &policy, TEMPO);
    let (server, addrs) = Server::start_house(vec![site], &roles, Limits::STANDARD, Proxies::none());
    // It was asked before the first entry was taken.
    let answer = server.client().submit(&Signer::new(Algorithm::Ed25519).entry(1));
    assert_eq!((answer.status, answer.problem().as_str()), (503, "witness-ahead"));
    assert_eq!(server.get("/readyz").problem(), "witness-ahead");
    let page = Client::connect(addrs[1]).get("/metrics");
    assert!(page.text().contains("tallymark_log_witness_ahead{log=\"log.test/1\"} 1\n"), "{}", page.text());
    assert!(page.text().contains("witness=\"w2\",outcome=\"ahead\""), "{}", page.text());
    // What is published is still served.
    assert_eq!(size(&server.get("/checkpoint"), &log), Some(0));
    server.stop();
}

#[test]
fn a_witness_that_knows_another_size_is_asked_again_from_there() {
    let log = LogDir::new(Mode::Service);
    let one = Fake::new(1, Manner::Honest);
    let policy = policy(&[&one], "quorum w1\n");
    let server = serve(&log, &policy);
    let signer = Signer::new(Algorithm::Ed25519);
    (0..7).for_each(|number| assert_eq!(server.client().submit(&signer.entry(number)).status, 201));
    wait_for(&server, |shown| size(shown, &log) == Some(7));
    server.stop();
    let before = one.asked.lock().unwrap().len();
    // A new process knows nothing of it, is told 7, and goes on from there.
    let server = serve(&log, &policy);
    assert_eq!(server.client().submit(&signer.entry(7)).status, 201);
    wait_for(&server, |shown| size(shown, &log) == Some(8));
    let asked = one.asked.lock().unwrap()[before..].to_vec();
    assert_eq!((asked[0], asked[1], *asked.last().unwrap()), (0, 7, 7), "{asked:?}");
    server.stop();
}

#[test]
fn what_was_confirmed_is_shown_after_a_restart_without_witnesses_and_not_if_it_was_changed() {
    let log = LogDir::new(Mode::Service);
    let one = Fake::new(1, Manner::Honest);
    let policy = policy(&[&one], "quorum w1\n");
    let server = serve(&log, &policy);
    assert_eq!(server.client().submit(&Signer::new(Algorithm::Ed25519).entry(1)).status, 201);
    wait_for(&server, |shown| size(shown, &log) == Some(1));
    server.stop();
    one.becomes(Manner::Busy);
    let server = serve(&log, &policy);
    assert_eq!(size(&server.get("/checkpoint"), &log), Some(1));
    server.stop();
    let kept = log.path().join("cosigned");
    let mut bytes = std::fs::read(&kept).unwrap();
    let at = bytes.len() - 10;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(&kept, bytes).unwrap();
    let server = serve(&log, &policy);
    assert_eq!(server.get("/checkpoint").problem(), "not-cosigned");
    server.stop();
}

#[test]
fn without_a_quorum_nobody_waits_and_lines_are_added_as_they_come() {
    let log = LogDir::new(Mode::Service);
    let (one, two) = (Fake::new(1, Manner::Honest), Fake::new(2, Manner::Silent));
    let policy = policy(&[&one, &two], "quorum none\n");
    let tempo = Tempo { timeout: Duration::from_millis(200), ..TEMPO };
    let server = Server::start_site(site(&log, &policy, tempo), Limits::STANDARD);
    assert_eq!(server.client().submit(&Signer::new(Algorithm::Ed25519).entry(1)).status, 201);
    assert_eq!(size(&server.get("/checkpoint"), &log), Some(1));
    wait_for(&server, |shown| shown.text().contains("witness.test/w1"));
    server.stop();
}

#[test]
fn a_slow_witness_holds_up_nobody_else() {
    let log = LogDir::new(Mode::Service);
    let (one, two) = (Fake::new(1, Manner::Honest), Fake::new(2, Manner::Silent));
    let policy = policy(&[&one, &two], "group g any w1 w2\nquorum g\n");
    let server = serve(&log, &policy);
    let signer = Signer::new(Algorithm::Ed25519);
    for number in 0..3 {
        assert_eq!(server.client().submit(&signer.entry(number)).status, 201);
        wait_for(&server, |shown| size(shown, &log) == Some(number + 1));
    }
    server.stop();
}

/// `tallymark-witness`, if it was built beside the log.
fn witness_program() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_BIN_EXE_tallymark-log")).with_file_name("tallymark-witness");
    beside.exists().then_some(beside)
}

/// A process, killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A witness of ours that knows the log.
struct RealWitness {
    _process: Running,
    vkey: String,
    ml_dsa: String,
    url: String,
}

/// A new one, in a directory of its own.
fn real_witness(program: &Path, dir: &Path, name: &str, vkey: &Vkey) -> RealWitness {
    let run = |args: &[&str]| {
        let output = Command::new(program).args(args).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let dir = dir.to_str().unwrap();
    let made = run(&["init", dir, "--name", name, "--unencrypted-key", "--json"]);
    let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
    run(&["add-log", dir, &vkey.to_string()]);
    let mut child = Command::new(program)
        .args(["serve", dir, "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().rsplit(' ').next().unwrap().to_owned();
    let key = |name: &str| made[name].as_str().unwrap().to_owned();
    RealWitness { _process: Running(child), vkey: key("vkey"), ml_dsa: key("vkey-ml-dsa"), url }
}

#[test]
fn three_witnesses_of_ours_confirm_the_log_and_one_may_die() {
    let Some(witness) = witness_program() else {
        println!("skipped: tallymark-witness is not built");
        return;
    };
    let log = LogDir::new(Mode::Service);
    let scratch = log.scratch().to_owned();
    let mut witnesses: Vec<_> = (1..=3)
        .map(|number| real_witness(&witness, &scratch.join(format!("w{number}")), &name(number), log.vkey()))
        .collect();
    let lines: String = (1..)
        .zip(&witnesses)
        .map(|(number, RealWitness { vkey, url, .. })| format!("witness w{number} {vkey} {url}\n"))
        .collect();
    let text = format!("{lines}group g 2 w1 w2 w3\nquorum g\n");
    let policy: Policy = text.parse().unwrap();
    let file = scratch.join("policy");
    std::fs::write(&file, text).unwrap();
    let flags = ["--witness-policy", file.to_str().unwrap(), "--witness-pause", "50ms"];
    let (child, addr) = spawn_server_with(&log.path(), None, &flags);
    let _running = Running(child);
    let signer = Signer::new(Algorithm::Ed25519);
    for number in 0..4 {
        if number == 2 {
            witnesses.remove(0);
        }
        let entry = signer.entry(number);
        let answer = Client::connect(addr).post("/api/v1/entries?until=cosigned", "application/cose", &entry);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let shown = Client::connect(addr).get("/checkpoint");
        let note = SignedCheckpoint::parse(&shown.body).unwrap();
        assert!(policy.quorum_met(&note).unwrap().len() >= 2);
        assert!(opened(&shown.body, log.vkey()).size().get() > number);
    }
}

#[test]
fn a_policy_may_ask_for_both_keys_of_a_witness() {
    let Some(witness) = witness_program() else {
        println!("skipped: tallymark-witness is not built");
        return;
    };
    let log = LogDir::new(Mode::Service);
    let RealWitness { _process, vkey, ml_dsa, url } =
        real_witness(&witness, &log.scratch().join("w1"), &name(1), log.vkey());
    let text = format!("witness w1 {vkey} {url}\nwitness q1 {ml_dsa} {url}\ngroup g all w1 q1\nquorum g\n");
    let policy: Arc<Policy> = Arc::new(text.parse().unwrap());
    let server = serve(&log, &policy);
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    let answer = server.client().post("/api/v1/entries?until=cosigned", "application/cose", &entry);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let shown = server.get("/checkpoint");
    let note = SignedCheckpoint::parse(&shown.body).unwrap();
    assert_eq!(policy.quorum_met(&note).unwrap().len(), 2);
    server.stop();
}

#[test]
fn a_log_with_a_second_key_signs_with_both_and_witnesses_confirm_it() {
    let log = LogDir::new(Mode::Service);
    let dir = log.path();
    let made = program().args(["init-ml-dsa", dir.to_str().unwrap(), "--unencrypted-key"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let printed = String::from_utf8(made.stdout).unwrap();
    let line = printed.lines().find(|line| line.starts_with("witness ")).unwrap();
    let own: Policy = format!("{line}\nquorum log-ml-dsa\n").parse().unwrap();
    let again = program().args(["init-ml-dsa", dir.to_str().unwrap(), "--unencrypted-key"]).output().unwrap();
    assert!(!again.status.success(), "a key is never written over");
    let one = Fake::new(1, Manner::Honest);
    let policy = policy(&[&one], "quorum w1\n");
    for restart in 0..2 {
        let server = serve(&log, &policy);
        let entry = Signer::new(Algorithm::Ed25519).entry(restart);
        let answer = server.client().post("/api/v1/entries?until=cosigned", "application/cose", &entry);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let note = SignedCheckpoint::parse(&server.get("/checkpoint").body).unwrap();
        assert_eq!(note.note().signatures().len(), 3);
        assert_eq!((own.quorum_met(&note).unwrap().len(), policy.quorum_met(&note).unwrap().len()), (1, 1));
        server.stop();
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_refused_before_anything_is_served() {
    let log = LogDir::new(Mode::Service);
    let file = log.scratch().join("policy");
    std::fs::write(&file, "witness w1\n").unwrap();
    let refused = program()
        .args(["serve", log.path().to_str().unwrap(), "--witness-policy", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("hint: one line for each witness"));
}

#[test]
fn a_log_that_grows_all_the_time_is_confirmed_by_witnesses_that_answer_slowly() {
    let log = LogDir::new(Mode::Service);
    let (one, two) = (Fake::new(1, Manner::Slow), Fake::new(2, Manner::Slow));
    let policy = policy(&[&one, &two], "group g all w1 w2\nquorum g\n");
    let server = serve(&log, &policy);
    let signer = Signer::new(Algorithm::Ed25519);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.client();
            for number in 0.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                assert_eq!(client.submit(&signer.entry(number)).status, 201);
            }
        });
        wait_for(&server, |shown| size(shown, &log).is_some_and(|size| size > 0));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    server.stop();
}
