//! Keys that lie elsewhere, with the real keepers: an ssh-agent, a PKCS#11 token, a signing process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use attest::key::Algorithm;
use log_server::fsck::fsck;
use log_server::key_file::{KeyFileError, Passphrase};
use log_server::opening::{Class, OpenLog, OpeningError};
use log_server::serve::Limits;
use log_server::signing::{KeyError, SigningError};

use crate::support::{ORIGIN, Server, Signer, opened, program};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Case {
    temp: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn arg(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    fn init(&self, more: &[&str]) -> Output {
        let dir = self.arg("log");
        program().args(["init", &dir, "--origin", ORIGIN]).args(more).output().unwrap()
    }

    fn open(&self) -> Result<OpenLog, OpeningError> {
        OpenLog::open(&self.at("log"), never_asked)
    }

    /// Initialises the log, has it sign, restarts it, and checks all of it.
    fn round_trip(&self, flags: &[&str]) {
        let made = self.init(flags);
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        assert!(!self.at("log/key.pem").exists());
        let submitter = Signer::new(Algorithm::Ed25519);
        for turn in 1..=2 {
            let log = self.open().unwrap();
            let vkey = log.config().vkey().clone();
            let server = Server::start(log, Limits::STANDARD);
            let answer = server.client().submit(&submitter.entry(turn));
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(opened(&server.get("/checkpoint").body, &vkey).size().get(), turn);
            server.stop();
        }
        let report = fsck(&self.at("log"), &mut |_, _| {}).unwrap();
        assert_eq!((report.damages(), report.heads()), (&[][..], 3));
    }
}

fn never_asked() -> Result<Passphrase, KeyFileError> {
    panic!("there is no key file")
}

/// Whether these programs are there; says so by name if not, so that nobody takes a skipped test for a passed one.
fn there(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs
        .iter()
        .filter(|program| !Path::new(program).exists() && Command::new(program).arg("-h").output().is_err())
        .collect();
    if !missing.is_empty() {
        eprintln!(
            "SKIPPED, NOT PASSED: {} not installed",
            missing.iter().map(|m| **m).collect::<Vec<_>>().join(", ")
        );
    }
    missing.is_empty()
}

fn ran(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}{}", text(&done.stdout), text(&done.stderr));
}

#[test]
fn a_key_in_an_ssh_agent_signs_for_a_log() {
    if !there(&["ssh-agent", "ssh-add", "ssh-keygen"]) {
        return;
    }
    let case = Case::new();
    let socket = case.arg("agent");
    let agent = Command::new("ssh-agent").args(["-D", "-a", &socket]).stdout(Stdio::null()).spawn().unwrap();
    let _agent = Ended(agent);
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !case.at("agent").exists() {
        assert!(std::time::Instant::now() < patience, "the agent makes no socket");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let keygen = |kind: &str, name: &str| {
        ran(Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", name, "-f", &case.arg(name)]));
        let file = case.arg(name);
        ran(Command::new("ssh-add").arg("-q").arg(file).env("SSH_AUTH_SOCK", &socket));
    };
    // A key of another kind and another Ed25519 key do not get in the way.
    keygen("ecdsa", "other-kind");
    keygen("ed25519", "mine");
    keygen("ed25519", "another");
    let flags = ["--signer", "ssh-agent", "--signer-socket", &socket];
    let refused = case.init(&flags);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("holds 2 Ed25519 keys"), "{}", text(&refused.stderr));
    let key = case.arg("mine.pub");
    case.round_trip(&[&flags[..], &["--agent-key", &key]].concat());
    // The key is taken out of the agent: the log does not start, and says where it looked.
    ran(Command::new("ssh-add").args(["-q", "-d", &key]).env("SSH_AUTH_SOCK", &socket));
    let refused = case.open().unwrap_err();
    assert!(matches!(refused, OpeningError::Key(KeyError::NoSuchKey { .. })), "{refused}");
    assert_eq!(refused.class(), Class::Refused);
}

#[test]
fn a_key_in_a_pkcs11_token_signs_for_a_log() {
    const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
    if !there(&["softhsm2-util", MODULE]) {
        return;
    }
    let case = Case::new();
    // SoftHSM is told where its tokens lie by the environment, which this process must not change: a child does all.
    fs::create_dir(case.at("tokens")).unwrap();
    let conf = format!("directories.tokendir = {}\nobjectstore.backend = file\n", case.arg("tokens"));
    fs::write(case.at("softhsm2.conf"), conf).unwrap();
    let child = |program: &str| {
        let mut command = Command::new(program);
        command.env("SOFTHSM2_CONF", case.at("softhsm2.conf"));
        command.env("TALLYMARK_LOG_DISK_READ_ONLY", "64MiB").env("TALLYMARK_LOG_DISK_STOP", "32MiB");
        command
    };
    let label = ["--label", "log", "--so-pin", "12345678", "--pin", "4711"];
    ran(child("softhsm2-util").args(["--init-token", "--free"]).args(label));
    // An Ed25519 key in PKCS#8, as RFC 8410 has it.
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    // Version 1, without the public key: SoftHSM reads no other.
    let der =
        [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], &[9; 32]].concat();
    let der = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    fs::write(case.at("key.pem"), pem).unwrap();
    let import = [
        "--import",
        &case.arg("key.pem"),
        "--token",
        "log",
        "--label",
        "log key",
        "--id",
        "01",
        "--pin",
        "4711",
    ];
    ran(child("softhsm2-util").args(import));
    fs::write(case.at("pin"), "4711\n").unwrap();
    let dir = case.arg("log");
    let program_path = program().get_program().to_owned();
    let init = [
        &["init", &dir, "--origin", ORIGIN, "--signer", "pkcs11", "--pkcs11-module", MODULE][..],
        &["--pkcs11-token", "log", "--pkcs11-key", "log key", "--pin-file", &case.arg("pin")],
    ];
    ran(child(program_path.to_str().unwrap()).args(init.concat()));
    let config = log_server::config::Config::read(&case.at("log/log.toml")).unwrap();
    assert_eq!(config.vkey().public_key(), key.verifying_key().as_bytes());
    let submitter = Signer::new(Algorithm::Ed25519);
    for turn in 1..=2 {
        let mut serve = child(program_path.to_str().unwrap());
        let serve = serve
            .args(["serve", &dir, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = Ended(serve.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect(&line).parse().unwrap();
        let mut client = crate::support::Client::connect(address);
        assert_eq!(client.submit(&submitter.entry(turn)).status, 201);
        assert_eq!(opened(&client.get("/checkpoint").body, config.vkey()).size().get(), turn);
    }
    // A wrong PIN is refused, and it is not printed.
    fs::write(case.at("pin"), "9999\n").unwrap();
    let refused = child(program_path.to_str().unwrap())
        .args(["serve", &dir, "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(5), "{}", text(&refused.stderr));
    assert!(
        text(&refused.stderr).contains("PKCS#11 token failed") && !text(&refused.stderr).contains("9999")
    );
}

/// `sign-heads` as a process.
fn sign_heads(case: &Case) -> Ended {
    let mut command = program();
    command.args(["sign-heads", &case.arg("signer"), "--socket", &case.arg("socket")]);
    let mut process = Ended(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("signing for log.test/1 at "), "{line:?}");
    process
}

#[test]
fn a_signing_process_signs_for_a_log_and_holds_it_to_its_word() {
    let case = Case::new();
    let (signer, socket) = (case.arg("signer"), case.arg("socket"));
    let made =
        program().args(["init-signer", &signer, "--origin", ORIGIN, "--unencrypted-key"]).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let process = sign_heads(&case);
    let flags = ["--signer", "process", "--signer-socket", &socket];
    case.round_trip(&flags);
    // The signer remembers; a second log on it would be a second history.
    let dir = case.arg("second");
    let refused = program().args(["init", &dir, "--origin", ORIGIN]).args(flags).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("has signed size 2"), "{}", text(&refused.stderr));
    // Killed and started again, it stands where it stood.
    drop(process);
    let unreachable = case.open().unwrap_err();
    assert_eq!(unreachable.class(), Class::Unavailable, "{unreachable}");
    let _process = sign_heads(&case);
    assert_eq!(case.open().unwrap().head().size().get(), 2);
}

#[test]
fn an_old_copy_of_a_whole_log_is_refused_by_its_signing_process() {
    let case = Case::new();
    let (signer, socket) = (case.arg("signer"), case.arg("socket"));
    let made =
        program().args(["init-signer", &signer, "--origin", ORIGIN, "--unencrypted-key"]).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let _process = sign_heads(&case);
    let made = case.init(&["--signer", "process", "--signer-socket", &socket]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    ran(Command::new("cp").args(["-a", &case.arg("log"), &case.arg("old")]));
    let submitter = Signer::new(Algorithm::Ed25519);
    let server = Server::start(case.open().unwrap(), Limits::STANDARD);
    assert_eq!(server.client().submit(&submitter.entry(1)).status, 201);
    server.stop();
    // Database and ledger of the log agree with each other; only the signer knows better.
    let refused = OpenLog::open(&case.at("old"), never_asked).unwrap_err();
    let elsewhere = SigningError::Key { source: KeyError::Elsewhere { size_there: 1, size_here: 0 } };
    assert!(
        matches!(&refused, OpeningError::Signing(error) if error.to_string() == elsewhere.to_string()),
        "{refused}"
    );
    assert_eq!(refused.class(), Class::Refused);
    assert!(refused.hint().unwrap().contains("Never delete a ledger"));
}
