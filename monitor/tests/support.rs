//! The program as a child, and its directory.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::log::{Log, witness_vkey};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tallymark-monitor");

/// A call of the program that nothing in the caller's environment can bend.
pub(crate) fn bare(mut call: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TALLYMARK_") {
            call.env_remove(&name);
        }
    }
    call.stdin(Stdio::null());
    call
}

pub(crate) fn program() -> Command {
    bare(Command::new(PROGRAM))
}

/// A monitor's directory and configuration.
pub(crate) struct Desk {
    pub(crate) home: tempfile::TempDir,
    pub(crate) config: PathBuf,
}

/// What the configuration of a test says beside its directories.
#[derive(Default)]
pub(crate) struct Asked<'a> {
    /// Lines above the tables.
    pub(crate) keys: &'a str,
    /// Lines of `[alerts]`; the file is there already.
    pub(crate) alerts: &'a str,
    /// Lines of `[[log]]`.
    pub(crate) log: &'a str,
    /// Tables `[[watch]]`.
    pub(crate) watch: &'a str,
    /// Lines of the policy behind the log's.
    pub(crate) policy: &'a str,
}

impl Desk {
    pub(crate) fn new(log: &Log, asked: &Asked<'_>) -> Self {
        Self::of(&Log::vkey().to_string(), &log.url, asked)
    }

    /// For a log with that key at that address.
    pub(crate) fn of(vkey: &str, url: &str, asked: &Asked<'_>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let policy = if asked.policy.is_empty() { "quorum none\n" } else { asked.policy };
        std::fs::write(at("policy"), format!("log {vkey} {url}\n{policy}")).unwrap();
        let config = format!(
            "dir = {:?}\npolicy = {:?}\npoll = \"50ms\"\nviews_every = \"50ms\"\n{}\n[alerts]\nfile = {:?}\n{}\n\
             [[log]]\norigin = {:?}\n{}\n{}\n",
            at("d"),
            at("policy"),
            asked.keys,
            at("alerts"),
            asked.alerts,
            crate::log::ORIGIN,
            asked.log,
            asked.watch,
        );
        std::fs::write(at("config"), config).unwrap();
        Self { config: at("config"), home }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("d")
    }

    pub(crate) fn watch(&self) -> Command {
        let mut call = program();
        call.arg("watch").arg("--config").arg(&self.config);
        call
    }

    /// Looks once, and says how it ended and what was told by it.
    pub(crate) fn once(&self) -> (Output, Vec<Value>) {
        self.once_with(&[])
    }

    pub(crate) fn once_with(&self, flags: &[&str]) -> (Output, Vec<Value>) {
        let before = self.alerts().len();
        let output = self.watch().arg("--once").args(flags).output().unwrap();
        (output, self.alerts().split_off(before))
    }

    /// Looks once, and says the exit code and the reasons that were told, each alert's joined by a plus.
    pub(crate) fn reasons(&self) -> (i32, Vec<String>) {
        let (output, alerts) = self.once();
        let code = output.status.code().expect("it ends by itself");
        assert_ne!(code, 2, "{}", String::from_utf8_lossy(&output.stderr));
        assert_ne!(code, 5, "{}", String::from_utf8_lossy(&output.stderr));
        (code, alerts.iter().map(told).collect())
    }

    /// All lines of the file, in order.
    pub(crate) fn alerts(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home.path().join("alerts")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn start(&self) -> Running {
        Running(self.watch().stderr(Stdio::null()).spawn().unwrap())
    }

    /// Waits until the file has a line that is as wanted.
    pub(crate) fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            if let Some(found) = self.alerts().into_iter().find(|alert| wanted(alert)) {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "not told; told was {:?}", self.alerts());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn call(&self, args: &[&str]) -> Output {
        program().args(args).output().unwrap()
    }
}

/// What a message says, in short.
pub(crate) fn told(alert: &Value) -> String {
    let reasons: Vec<&str> =
        alert["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect();
    match alert["kind"].as_str().unwrap() {
        "alert" => reasons.join("+"),
        kind => format!("{kind} {}", reasons.join("+")),
    }
}

/// Two witnesses, of which one is enough.
pub(crate) fn one_of_two() -> String {
    format!("witness w2 {}\nwitness w3 {}\ngroup g any w2 w3\nquorum g\n", witness_vkey(2), witness_vkey(3))
}

/// A monitor at work; killed when dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
