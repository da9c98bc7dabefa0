//! An Ed25519 key that somebody else holds: the real ssh-agent, a real token, and agents that lie or let wait.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};

use crate::support::{Answer, Client, Desk, Log, NAME, path_of, program, shown};

const ORIGIN: &str = "log.example.org/models";

fn log() -> Log {
    Log::of(ORIGIN, 1, 20)
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether these are there; says so by name if not, so that nobody takes a skipped test for a passed one.
fn there(programs: &[&str]) -> bool {
    let missing =
        |program: &&&str| !Path::new(program).exists() && Command::new(program).arg("-h").output().is_err();
    let missing: Vec<&str> = programs.iter().filter(missing).copied().collect();
    if !missing.is_empty() {
        eprintln!("SKIPPED, NOT PASSED: {} not installed", missing.join(", "));
    }
    missing.is_empty()
}

fn ran(call: &mut Command) {
    let done = call.output().unwrap();
    assert!(done.status.success(), "{call:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// An agent at work, with no key yet.
fn agent(socket: &Path) -> Ended {
    // One that was killed leaves its socket.
    let _ = std::fs::remove_file(socket);
    let mut call = Command::new("ssh-agent");
    let child = call.arg("-D").arg("-a").arg(socket).stdout(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(10);
    while !socket.exists() {
        assert!(Instant::now() < patience, "the agent makes no socket");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ended(child)
}

fn make_key(file: &Path) {
    ran(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f"]).arg(file));
}

fn add_key(file: &Path, socket: &Path) {
    ran(Command::new("ssh-add").arg("-q").arg(file).env("SSH_AUTH_SOCK", socket));
}

/// What `serve` says when it does not start.
fn refused_start(mut call: Command, desk: &Desk) -> (Option<i32>, String) {
    let done = call.arg("serve").arg(&desk.dir).args(["--listen", "127.0.0.1:0"]).output().unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

/// A refusal, with no line of a signature in it.
fn nothing_signed(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.code(), (status, code), "{}", answer.body);
    assert!(!answer.body.contains('\u{2014}') && answer.body.lines().count() == 1, "{}", answer.body);
}

#[test]
fn a_key_in_an_ssh_agent_cosigns_and_while_it_is_gone_what_was_recorded_waits_for_it() {
    if !there(&["ssh-agent", "ssh-add", "ssh-keygen"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (socket, mine, another) =
        (home.path().join("agent"), home.path().join("mine"), home.path().join("another"));
    [&mine, &another].into_iter().for_each(|file| make_key(file));
    let log = log();
    let fork = Log::new(ORIGIN, 1);
    (0..20_u64).for_each(|leaf| fork.append(&(leaf + 100).to_be_bytes()));
    let process = agent(&socket);
    [&mine, &another].into_iter().for_each(|file| add_key(file, &socket));
    let at = socket.display().to_string();
    let flags = ["--signer", "ssh-agent", "--signer-socket", &at];
    // Two keys, and none is named: nothing is made.
    let dir = home.path().join("none");
    let which = program()
        .arg("init")
        .arg(&dir)
        .args(["--name", NAME, "--unencrypted-key"])
        .args(flags)
        .output()
        .unwrap();
    assert_eq!(which.status.code(), Some(1));
    let words = String::from_utf8_lossy(&which.stderr);
    assert!(words.contains("holds 2 Ed25519 keys") && words.contains("--agent-key"), "{words}");
    assert!(!dir.exists());

    let public = mine.with_extension("pub").display().to_string();
    let desk = Desk::made_by(program(), &[&flags[..], &["--agent-key", &public]].concat(), &[&log]);
    assert!(!desk.dir.join("key.pem").exists());
    let doctor = program().arg("doctor").arg(&desk.dir).output().unwrap();
    let words = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.status.success() && words.contains("the ssh-agent holds the Ed25519 key"), "{words}");
    let witness = desk.start();
    let mut client = witness.client();
    let answer = client.add(&log.request(0, 3));
    assert_eq!(answer.status, 200, "{}", answer.body);
    desk.verify(&log.checkpoint(3), &answer.body);

    drop(process);
    let answer = client.add(&log.request(3, 7));
    nothing_signed(&answer, 503, "key-unavailable");
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert!(!answer.body.contains(&at), "paths are not for strangers");
    // It is in the record: the size is not taken back, no other tree has it, and monitors are shown nothing unsigned.
    assert_eq!(client.add(&log.request(3, 7)).body, "7\n");
    assert_eq!(client.add(&fork.request(7, 7)).code(), (422, "fork"));
    nothing_signed(&client.get(&path_of(&log)).unwrap(), 503, "key-unavailable");
    nothing_signed(&client.add(&log.request(7, 7)), 503, "key-unavailable");

    let process = agent(&socket);
    nothing_signed(&client.add(&log.request(7, 7)), 503, "key-unavailable");
    add_key(&mine, &socket);
    let answer = client.add(&log.request(7, 7));
    assert_eq!(answer.status, 200, "{}", answer.body);
    desk.verify(&log.checkpoint(7), &answer.body);
    assert_eq!(shown(&mut client, &log), (7, Some(log.head(7).root())));
    assert!(witness.stop().success());

    // Without the agent, and with an agent that has only another key, it does not start.
    drop(process);
    let (status, words) = refused_start(program(), &desk);
    assert_eq!(status, Some(5), "{words}");
    assert!(
        words.contains("could not connect to the ssh-agent") && words.contains("hint: start the agent"),
        "{words}"
    );
    let _process = agent(&socket);
    add_key(&another, &socket);
    let (status, words) = refused_start(program(), &desk);
    assert_eq!(status, Some(1), "{words}");
    assert!(words.contains("the key is not there"), "{words}");
    add_key(&mine, &socket);
    let witness = desk.start();
    assert_eq!(shown(&mut witness.client(), &log).0, 7);
    assert_eq!(witness.client().add(&log.request(7, 9)).status, 200);
}

#[test]
fn a_witness_with_a_held_key_and_no_other_has_no_secret_and_asks_for_no_passphrase() {
    if !there(&["ssh-agent", "ssh-add", "ssh-keygen"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (socket, mine) = (home.path().join("agent"), home.path().join("mine"));
    make_key(&mine);
    let _process = agent(&socket);
    add_key(&mine, &socket);
    let dir = home.path().join("w");
    let mut init = program();
    // The socket by its variable, the key because it is the only one.
    init.arg("init").arg(&dir).args(["--name", NAME, "--no-ml-dsa", "--signer", "ssh-agent"]);
    ran(init.env("SSH_AUTH_SOCK", &socket));
    assert!(!dir.join("key.pem").exists() && !dir.join("key-ml-dsa.pem").exists());
    let doctor = program().arg("doctor").arg(&dir).env("SSH_AUTH_SOCK", &socket).output().unwrap();
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    let config = std::fs::read_to_string(dir.join("witness.toml")).unwrap();
    assert!(config.contains("[signer]\nkind = \"ssh-agent\"\n"), "{config}");
}

/// What an agent of this test does when it is asked for a signature.
#[derive(Clone)]
enum Deed {
    Sign(SigningKey),
    /// With the right key, over other bytes.
    SignOther(SigningKey),
    /// First waits for a word from the test.
    Wait(Arc<Mutex<mpsc::Receiver<()>>>, SigningKey),
}

struct Agent {
    socket: PathBuf,
    deed: Arc<Mutex<Deed>>,
}

impl Agent {
    /// Lists the key of a seed, whatever it signs with.
    fn start(home: &Path, listed: &SigningKey) -> Self {
        let socket = home.join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        let deed = Arc::new(Mutex::new(Deed::Sign(listed.clone())));
        let (listed, deeds) = (listed.verifying_key().to_bytes(), Arc::clone(&deed));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let deed = deeds.lock().unwrap().clone();
                talk(stream.unwrap(), &listed, deed);
            }
        });
        Self { socket, deed }
    }

    fn does(&self, deed: Deed) {
        *self.deed.lock().unwrap() = deed;
    }

    fn flags(&self) -> Vec<String> {
        ["--signer", "ssh-agent", "--signer-socket"]
            .map(str::to_owned)
            .into_iter()
            .chain([self.socket.display().to_string()])
            .collect()
    }

    fn desk(&self, log: &Log) -> Desk {
        let flags = self.flags();
        Desk::made_by(program(), &flags.iter().map(String::as_str).collect::<Vec<_>>(), &[log])
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// Takes a string off the front.
fn take(rest: &mut Vec<u8>) -> Vec<u8> {
    let len = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
    let string = rest[4..4 + len].to_vec();
    rest.drain(..4 + len);
    string
}

fn talk(mut stream: UnixStream, listed: &[u8; 32], deed: Deed) {
    let mut len = [0; 4];
    stream.read_exact(&mut len).unwrap();
    let mut question = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut question).unwrap();
    let tagged = |bytes: &[u8]| string(&[string(b"ssh-ed25519"), string(bytes)].concat());
    let answer = if question.remove(0) == 11 {
        [&[12, 0, 0, 0, 1][..], &tagged(listed), &string(b"")].concat()
    } else {
        let _key = take(&mut question);
        let bytes = take(&mut question);
        let signature = match deed {
            Deed::Sign(key) => key.sign(&bytes),
            Deed::SignOther(key) => key.sign(b"cosignature/v1\ntime 1\nanother checkpoint\n"),
            Deed::Wait(word, key) => {
                word.lock().unwrap().recv().unwrap();
                key.sign(&bytes)
            }
        };
        [&[14][..], &tagged(&signature.to_bytes())].concat()
    };
    // The asker may have gone.
    let _ = stream.write_all(&string(&answer));
}

#[test]
fn a_signature_of_an_agent_that_does_not_verify_is_shown_to_nobody() {
    let home = tempfile::tempdir().unwrap();
    let (mine, other) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
    let agent = Agent::start(home.path(), &mine);
    let log = log();
    let desk = agent.desk(&log);
    let witness = desk.start();
    let mut client = witness.client();
    for (deed, old, new) in [(Deed::Sign(other), 0, 3), (Deed::SignOther(mine.clone()), 3, 5)] {
        agent.does(deed);
        nothing_signed(&client.add(&log.request(old, new)), 500, "key-wrong");
        nothing_signed(&client.get(&path_of(&log)).unwrap(), 500, "key-wrong");
    }
    agent.does(Deed::Sign(mine));
    let answer = client.add(&log.request(5, 5));
    assert_eq!(answer.status, 200, "{}", answer.body);
    desk.verify(&log.checkpoint(5), &answer.body);
    let seen = client.get(&path_of(&log)).unwrap();
    assert_eq!(seen.body, format!("{}{}", log.checkpoint(5), answer.body));
}

#[test]
fn an_agent_that_lets_wait_holds_up_nobody_who_needs_no_signature() {
    let home = tempfile::tempdir().unwrap();
    let mine = SigningKey::from_bytes(&[7; 32]);
    let agent = Agent::start(home.path(), &mine);
    let log = log();
    let desk = agent.desk(&log);
    let witness = desk.start();
    let (tell, told) = mpsc::channel();
    agent.does(Deed::Wait(Arc::new(Mutex::new(told)), mine));
    let address = witness.address;
    let (request, path) = (log.request(0, 3), path_of(&log));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| Client::new(address).add(&request));
        // Written down first, which is seen by its size.
        let mut client = witness.client();
        let patience = Instant::now() + Duration::from_secs(15);
        while client.add(&log.request(1, 4)).body != "3\n" {
            assert!(Instant::now() < patience, "not recorded");
            std::thread::sleep(Duration::from_millis(10));
        }
        // More of them than there are threads.
        let looking: Vec<_> =
            (0..16).map(|_| scope.spawn(|| Client::new(address).get(&path).unwrap())).collect();
        assert_eq!(client.get("/healthz").unwrap().status, 200);
        assert_eq!(client.add(&log.request(0, 3)).body, "3\n");
        tell.send(()).unwrap();
        let answer = asking.join().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        desk.verify(&log.checkpoint(3), &answer.body);
        // One signature was enough for all: there is no second word for the agent.
        for seen in looking {
            assert_eq!(seen.join().unwrap().body, format!("{}{}", log.checkpoint(3), answer.body));
        }
    });
}

#[cfg(feature = "pkcs11")]
#[test]
fn a_key_in_a_pkcs11_token_cosigns() {
    const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
    if !there(&["softhsm2-util", MODULE]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).display().to_string();
    std::fs::create_dir(home.path().join("tokens")).unwrap();
    let conf = format!("directories.tokendir = {}\nobjectstore.backend = file\n", at("tokens"));
    std::fs::write(at("softhsm2.conf"), conf).unwrap();
    // SoftHSM is told where its tokens lie by the environment, which this process must not change: children do all.
    let with_token = |mut call: Command| {
        call.env("SOFTHSM2_CONF", at("softhsm2.conf"));
        call
    };
    let softhsm = || with_token(crate::support::bare(Command::new("softhsm2-util")));
    let pins = ["--so-pin", "12345678", "--pin", "4711"];
    ran(softhsm().args(["--init-token", "--free", "--label", "w1"]).args(pins));
    for (id, label, seed) in [("01", "w1 key", 9), ("02", "other", 10)] {
        // An Ed25519 key in PKCS#8 as RFC 8410 has it; version 1, without the public key: SoftHSM reads no other.
        let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let der = tlog::text::encode_base64(&[&head[..], &[seed; 32]].concat());
        std::fs::write(at("key"), format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"))
            .unwrap();
        let import = ["--import", &at("key"), "--token", "w1", "--label", label, "--id", id, "--pin", "4711"];
        ran(softhsm().args(import));
    }
    std::fs::write(at("pin"), "4711\n").unwrap();
    let flags =
        ["--signer", "pkcs11", "--pkcs11-module", MODULE, "--pkcs11-token", "w1", "--pkcs11-key", "w1 key"];
    let log = log();
    let pin = at("pin");
    let desk = Desk::made_by(with_token(program()), &[&flags[..], &["--pin-file", &pin]].concat(), &[&log]);
    assert!(!desk.dir.join("key.pem").exists());
    assert_eq!(desk.vkey.public_key(), SigningKey::from_bytes(&[9; 32]).verifying_key().as_bytes());
    for (old, new) in [(0, 3), (3, 7)] {
        let witness = desk.start_by(with_token(program()), &[]);
        let answer = witness.client().add(&log.request(old, new));
        assert_eq!(answer.status, 200, "{}", answer.body);
        desk.verify(&log.checkpoint(new), &answer.body);
        witness.kill();
    }
    // Another key of the same token is not the one that others have in their policies.
    let config = std::fs::read_to_string(desk.dir.join("witness.toml")).unwrap();
    std::fs::write(desk.dir.join("witness.toml"), config.replace("\"w1 key\"", "\"other\"")).unwrap();
    let (status, words) = refused_start(with_token(program()), &desk);
    assert_eq!(status, Some(1), "{words}");
    assert!(words.contains("the PKCS#11 token: not the key that witness.toml names"), "{words}");
    std::fs::write(desk.dir.join("witness.toml"), &config).unwrap();
    // A wrong PIN is refused, and it is not printed. Without a file it comes from the environment.
    std::fs::write(at("pin"), "9999\n").unwrap();
    let (status, words) = refused_start(with_token(program()), &desk);
    assert_eq!(status, Some(5), "{words}");
    assert!(words.contains("PKCS#11 token failed") && !words.contains("9999"), "{words}");
    let config: String =
        config.lines().filter(|line| !line.starts_with("pin_file")).map(|line| format!("{line}\n")).collect();
    std::fs::write(desk.dir.join("witness.toml"), config).unwrap();
    let (status, words) = refused_start(with_token(program()), &desk);
    assert_eq!(status, Some(5), "{words}");
    assert!(words.contains("TALLYMARK_WITNESS_PIN"), "{words}");
    let mut call = with_token(program());
    call.env("TALLYMARK_WITNESS_PIN", "4711");
    let witness = desk.start_by(call, &[]);
    assert_eq!(shown(&mut witness.client(), &log).0, 7);
}
