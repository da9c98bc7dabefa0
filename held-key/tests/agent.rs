//! A key in an ssh-agent: the real one, and those that answer what they should not.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ed25519_dalek::{Signature, VerifyingKey};
use held_key::agent::{AgentKey, keys, public_key_of_file};
use held_key::place::Place;
use held_key::{HeldKey, KeyError};

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agent(socket: &Path) -> Ended {
    let mut call = Command::new("ssh-agent");
    let child = call.arg("-D").arg("-a").arg(socket).stdout(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(10);
    while !socket.exists() {
        assert!(Instant::now() < patience, "the agent makes no socket");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ended(child)
}

fn ran(call: &mut Command) {
    let done = call.output().unwrap();
    assert!(done.status.success(), "{call:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Makes a key and puts it into the agent.
fn add(home: &Path, socket: &Path, kind: &str, name: &str) -> Option<[u8; 32]> {
    let file = home.join(name);
    ran(Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", name, "-f"]).arg(&file));
    ran(Command::new("ssh-add").arg("-q").arg(&file).env("SSH_AUTH_SOCK", socket));
    public_key_of_file(&std::fs::read_to_string(file.with_extension("pub")).unwrap())
}

#[test]
fn the_key_that_was_named_signs_and_another_one_does_not_get_in_the_way() {
    // Said by name, so that nobody takes a skipped test for a passed one.
    if Command::new("ssh-agent").arg("-h").output().is_err() {
        eprintln!("SKIPPED, NOT PASSED: ssh-agent not installed");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("agent");
    let process = agent(&socket);
    assert_eq!(add(home.path(), &socket, "ecdsa", "other-kind"), None);
    let mine = add(home.path(), &socket, "ed25519", "mine").unwrap();
    let another = add(home.path(), &socket, "ed25519", "another").unwrap();
    assert_eq!(keys(&socket).unwrap(), [mine, another]);
    let place = Place::SshAgent { socket: Some(socket.clone()) };
    assert!(
        matches!(HeldKey::open(&place, None, "NO_PIN"), Err(KeyError::NoSuchKey { .. })),
        "which of two?"
    );
    let key = HeldKey::open(&place, Some(&mine), "NO_PIN").unwrap();
    assert_eq!(key.public_key(), mine);
    for bytes in [&b""[..], b"a line\n", &[0xff; 70_000]] {
        let signature = Signature::from_bytes(&key.sign(bytes).unwrap());
        VerifyingKey::from_bytes(&mine).unwrap().verify_strict(bytes, &signature).unwrap();
    }
    // Taken out of the agent: it signs no more, and is not found again.
    ran(Command::new("ssh-add")
        .args(["-q", "-d"])
        .arg(home.path().join("mine.pub"))
        .env("SSH_AUTH_SOCK", &socket));
    assert!(matches!(key.sign(b"x"), Err(KeyError::Protocol { .. })));
    let gone = HeldKey::open(&place, Some(&mine), "NO_PIN").unwrap_err();
    assert!(matches!(&gone, KeyError::NoSuchKey { .. }) && gone.is_refusal(), "{gone}");
    assert_eq!(
        HeldKey::open(&place, None, "NO_PIN").unwrap().public_key(),
        another,
        "the only one that is left"
    );
    // The agent itself is gone, and comes back with the key: nothing has to be opened again.
    drop(process);
    let unreachable = key.sign(b"x").unwrap_err();
    assert!(matches!(&unreachable, KeyError::Io { .. }) && !unreachable.is_refusal(), "{unreachable}");
    std::fs::remove_file(&socket).unwrap();
    let _process = agent(&socket);
    ran(Command::new("ssh-add").arg("-q").arg(home.path().join("mine")).env("SSH_AUTH_SOCK", &socket));
    key.sign(b"x").unwrap();
}

/// Answers each connection with the next of these, whatever is asked, and hangs up.
fn answering(home: &Path, answers: Vec<Vec<u8>>) -> PathBuf {
    let socket = home.join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut len = [0; 4];
            stream.read_exact(&mut len).unwrap();
            let mut question = vec![0; u32::from_be_bytes(len) as usize];
            stream.read_exact(&mut question).unwrap();
            // The reader may hang up first, which is what some answers are for.
            let _ = stream.write_all(&answer);
        }
    });
    socket
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    string(&[&[kind], content].concat())
}

/// One key, as an agent lists it.
fn listed(count: u32, key: &[u8]) -> Vec<u8> {
    let blob = string(&[string(b"ssh-ed25519"), string(key)].concat());
    [&count.to_be_bytes()[..], &blob, &string(b"comment")].concat()
}

#[test]
fn what_no_agent_should_list_is_refused_and_bounded() {
    let good = listed(1, &[7; 32]);
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("no", message(5, b"")),
        ("a signature", message(14, &good)),
        ("an empty message", string(b"")),
        ("a message above the limit", [&(256 * 1024 + 1_u32).to_be_bytes()[..], &[12; 64]].concat()),
        ("four gibibytes announced", [0xff; 64].to_vec()),
        ("more keys than there are", message(12, &listed(2, &[7; 32]))),
        ("four thousand million keys", message(12, &listed(u32::MAX, &[7; 32]))),
        ("bytes behind the last key", message(12, &[&good[..], b"x"].concat())),
        ("a string beyond the end", message(12, &[&[0, 0, 0, 1][..], &[0xff; 8]].concat())),
    ];
    let home = tempfile::tempdir().unwrap();
    let socket = answering(home.path(), bad.iter().map(|(_, answer)| answer.clone()).collect());
    for (what, _) in &bad {
        assert!(matches!(keys(&socket), Err(KeyError::Protocol { .. })), "{what}");
    }
    let home = tempfile::tempdir().unwrap();
    // Cut off; a key of another length, which is none of Ed25519.
    let cut = message(12, &good);
    let answers = vec![cut[..cut.len() - 1].to_vec(), Vec::new(), message(12, &listed(1, &[7; 31]))];
    let socket = answering(home.path(), answers);
    assert!(matches!(keys(&socket), Err(KeyError::Io { .. })));
    assert!(matches!(keys(&socket), Err(KeyError::Io { .. })));
    assert_eq!(keys(&socket).unwrap(), Vec::<[u8; 32]>::new());
}

#[test]
fn what_is_no_signature_is_refused() {
    let signature = |algorithm: &[u8], bytes: &[u8]| string(&[string(algorithm), string(bytes)].concat());
    let good = signature(b"ssh-ed25519", &[9; 64]);
    let answers = vec![
        message(12, &listed(1, &[7; 32])),
        message(5, b""),
        message(14, &signature(b"ssh-ed25519", &[9; 63])),
        message(14, &signature(b"ssh-rsa", &[9; 64])),
        message(14, &[&good[..], b"x"].concat()),
        message(14, &good),
    ];
    let home = tempfile::tempdir().unwrap();
    let key = AgentKey::open(answering(home.path(), answers), [7; 32]).unwrap();
    for _ in 0..4 {
        assert!(matches!(key.sign(b"x"), Err(KeyError::Protocol { .. })));
    }
    // Sixty-four bytes are handed on as they are: whether they are a signature the user finds out.
    assert_eq!(key.sign(b"x").unwrap(), [9; 64]);
}

#[test]
fn a_public_key_file_of_another_kind_is_none() {
    assert!(
        public_key_of_file(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBCCT/YgA1gGYCBKv0nfnPjY3YPYjWC1yJaYTzsXbpAZ me"
        )
        .is_some()
    );
    for bad in ["", "ssh-ed25519", "ssh-ed25519 !", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQ== me"] {
        assert_eq!(public_key_of_file(bad), None, "{bad}");
    }
}
