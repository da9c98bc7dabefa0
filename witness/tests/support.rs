//! What the sessions share: the program as a child, and its directory.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use merkle::Hash;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature;
use tlog::note::NoteSignature;
use tlog::vkey::Vkey;

pub(crate) use crate::wire::{Answer, Client, Log};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tallymark-witness");
pub(crate) const NAME: &str = "witness.example.org/w1";

/// A call of the program that nothing in the caller's environment can bend.
pub(crate) fn program() -> Command {
    bare(Command::new(PROGRAM))
}

pub(crate) fn bare(mut call: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TALLYMARK_") {
            call.env_remove(&name);
        }
    }
    call.stdin(Stdio::null());
    call
}

/// The directory of a witness.
pub(crate) struct Desk {
    _home: tempfile::TempDir,
    pub(crate) dir: PathBuf,
    pub(crate) vkey: Vkey,
    #[cfg(feature = "ml-dsa")]
    pub(crate) ml_dsa: cosignature::ml_dsa::MlDsaVkey,
}

impl Desk {
    /// A new witness that knows these logs.
    pub(crate) fn new(logs: &[&Log]) -> Self {
        Self::made_by(program(), &[], logs)
    }

    /// The same by a call to which the words of the program are added, and flags of `init`.
    pub(crate) fn made_by(mut call: Command, flags: &[&str], logs: &[&Log]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("w");
        call.arg("init").arg(&dir).args(["--name", NAME, "--unencrypted-key", "--json"]).args(flags);
        let made = call.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        let desk = Self {
            _home: home,
            dir,
            vkey: made["vkey"].as_str().unwrap().parse().unwrap(),
            #[cfg(feature = "ml-dsa")]
            ml_dsa: made["vkey-ml-dsa"].as_str().unwrap().parse().unwrap(),
        };
        logs.iter().for_each(|log| desk.add_log(&log.vkey().to_string(), "1000000000"));
        desk
    }

    pub(crate) fn add_log(&self, vkey: &str, qpd: &str) {
        let added = program().arg("add-log").arg(&self.dir).args([vkey, "--qpd", qpd]).output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }

    pub(crate) fn start(&self) -> Witness {
        self.start_by(program(), &[])
    }

    pub(crate) fn start_with(&self, flags: &[&str]) -> Witness {
        self.start_by(program(), flags)
    }

    /// Starts it by a call to which the words of the program are added.
    pub(crate) fn start_by(&self, call: Command, flags: &[&str]) -> Witness {
        self.try_start(call, flags).expect("it listens")
    }

    /// `None` if it ends before it listens.
    pub(crate) fn try_start(&self, mut call: Command, flags: &[&str]) -> Option<Witness> {
        call.arg("serve").arg(&self.dir).args(["--listen", "127.0.0.1:0"]).args(flags);
        let mut child = call.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let mut admin = String::new();
        if flags.contains(&"--listen-admin") {
            output.read_line(&mut admin).unwrap();
        }
        let address =
            |line: &str| line.trim().rsplit("http://").next()?.trim_end_matches("/metrics").parse().ok();
        let Some(at) = address(&line) else {
            child.wait().unwrap();
            return None;
        };
        Some(Witness { child, address: at, admin: address(&admin) })
    }

    /// Verifies the lines of an answer over a checkpoint, and says the time of the first.
    pub(crate) fn verify(&self, checkpoint: &str, answer: &str) -> u64 {
        let checkpoint = SignedCheckpoint::parse(checkpoint.as_bytes()).unwrap();
        let lines: Vec<NoteSignature> = answer.lines().map(|line| line.parse().unwrap()).collect();
        let first = cosignature::verify(&self.vkey, &lines[0], checkpoint.note().text()).unwrap();
        #[cfg(feature = "ml-dsa")]
        {
            let (origin, head) = (checkpoint.unverified().origin(), checkpoint.unverified().head());
            let second = cosignature::ml_dsa::verify(&self.ml_dsa, &lines[1], origin, head).unwrap();
            assert_eq!(first.timestamp(), second.timestamp());
            assert_eq!(lines.len(), 2);
        }
        assert_ne!(first.timestamp().get(), 0);
        first.timestamp().get()
    }
}

/// The program at work; killed when dropped.
pub(crate) struct Witness {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
}

impl Witness {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// kill -9.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Asks it to stop, as an operator would.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // A tracer's death would leave what it traces alive, so that goes first.
        let id = self.child.id();
        let traced = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        for traced in traced.split_whitespace() {
            let _ = Command::new("kill").args(["-9", traced]).output();
        }
        if traced.is_empty() {
            let _ = self.child.kill();
        }
        // All of it fails if it has ended, which is what is wanted.
        let _ = self.child.wait();
    }
}

/// The path at which monitors find a log's checkpoint.
pub(crate) fn path_of(log: &Log) -> String {
    format!("/{}/checkpoint", witness::origin_hash::OriginHash::of(&log.vkey().name().into()))
}

/// Size and root of the checkpoint that a witness shows of a log, 0 if it shows none.
pub(crate) fn shown(client: &mut Client, log: &Log) -> (u64, Option<Hash>) {
    let answer = client.get(&path_of(log)).unwrap();
    if answer.status == 404 {
        return (0, None);
    }
    assert_eq!(answer.status, 200, "{}", answer.body);
    let checkpoint = SignedCheckpoint::parse(answer.body.as_bytes()).unwrap();
    let verified = checkpoint.open(&log.vkey()).unwrap();
    (verified.head().size().get(), Some(verified.head().root()))
}

/// The folder of a noun below `testdata`.
pub(crate) fn testdata(noun: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(noun)
}
