//! The program under test: made, started, stopped, killed, and checked with its own `fsck`.
//!
//! Always the binary, in a process of its own, with nothing of the caller's environment that could bend it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tlog::vkey::Vkey;

use crate::outside::Finding;

/// How long a start may take before the log counts as silent.
pub const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long an end may take after it was asked for.
const END_PATIENCE: Duration = Duration::from_secs(60);
/// Name of every log under test.
pub const ORIGIN: &str = "torture.test/log";

/// A `tallymark-log` binary, and what it is run under.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    wrapper: Vec<OsString>,
    flags: Vec<String>,
    variables: Vec<(String, OsString)>,
}

/// What a start came to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Start {
    /// It takes requests.
    Serving(Server),
    /// It ended before it took any.
    Ended {
        /// How.
        status: ExitStatus,
        /// The end of what it said.
        words: String,
    },
    /// It neither ended nor took requests in time; it has been killed.
    Silent {
        /// The end of what it said.
        words: String,
    },
}

impl Start {
    /// The server, of a log that has every reason to start.
    ///
    /// # Errors
    /// [`Finding::WrongStart`] if it did not.
    pub fn serving(self, wanted_because: &str) -> Result<Server, Finding> {
        match self {
            Self::Serving(server) => Ok(server),
            Self::Ended { status, words } => Err(Finding::WrongStart {
                what: format!("the log did not start ({status}) {wanted_because}"),
                words,
            }),
            Self::Silent { words } => Err(Finding::WrongStart {
                what: format!("the log said nothing for {} s {wanted_because}", START_PATIENCE.as_secs()),
                words,
            }),
        }
    }
}

/// What `fsck` said.
#[derive(Debug, Clone)]
pub struct Fsck {
    /// Its exit code; `None` if it was killed.
    pub code: Option<i32>,
    /// Both its outputs.
    pub words: String,
    /// How long it took.
    pub took: Duration,
}

impl Fsck {
    /// Whether it read everything and found nothing.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.code == Some(0)
    }
}

impl Program {
    /// The program at a path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), wrapper: Vec::new(), flags: Vec::new(), variables: Vec::new() }
    }

    /// The same, started by way of another program (`strace …`, `faketime …`).
    #[must_use]
    pub fn under(&self, wrapper: &[OsString]) -> Self {
        Self { wrapper: wrapper.to_vec(), ..self.clone() }
    }

    /// The same with further flags for `serve`.
    #[must_use]
    pub fn with_flags(&self, flags: &[&str]) -> Self {
        Self { flags: flags.iter().map(|&flag| flag.to_owned()).collect(), ..self.clone() }
    }

    /// The same with a variable in its environment.
    #[must_use]
    pub fn with_variable(&self, name: &str, value: impl Into<OsString>) -> Self {
        let mut program = self.clone();
        program.variables.push((name.to_owned(), value.into()));
        program
    }

    fn call(&self) -> Command {
        let mut words = self.wrapper.iter().cloned().chain([self.path.clone().into_os_string()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TALLYMARK_") {
                command.env_remove(&name);
            }
        }
        command.env("RUST_LOG", "info").env("NO_COLOR", "1");
        // That the machine's own disk is nearly full is no fault of the log's; who fills one takes the log's own marks.
        command.env("TALLYMARK_LOG_DISK_READ_ONLY", "64MiB").env("TALLYMARK_LOG_DISK_STOP", "32MiB");
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    /// Makes a log that also takes raw entries, with its key unencrypted.
    ///
    /// # Errors
    /// The program fails or prints no key.
    pub fn init(&self, dir: &Path) -> Result<Vkey> {
        let mut call = self.call();
        call.arg("init").arg(dir).args(["--origin", ORIGIN, "--conformance", "--unencrypted-key", "--json"]);
        let output = call.output().with_context(|| format!("cannot start {}", self.path.display()))?;
        if !output.status.success() {
            bail!(
                "init ended with {}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        let told: serde_json::Value =
            serde_json::from_slice(&output.stdout).context("init printed no JSON")?;
        let vkey = told["vkey"].as_str().context("init printed no vkey")?;
        vkey.parse().with_context(|| format!("init printed the vkey {vkey:?}"))
    }

    /// Starts serving the log in `dir` on a free port; what it says is added to the file `words`.
    ///
    /// # Errors
    /// The program cannot be started at all.
    pub fn serve(&self, dir: &Path, words: &Path) -> Result<Start> {
        self.serve_within(dir, words, START_PATIENCE)
    }

    /// As [`Program::serve`], with another patience.
    ///
    /// # Errors
    /// The program cannot be started at all.
    pub fn serve_within(&self, dir: &Path, words: &Path, patience: Duration) -> Result<Start> {
        let started = self.spawn(dir, words)?;
        started.wait(patience)
    }

    /// Starts serving and does not wait.
    ///
    /// # Errors
    /// The program cannot be started at all.
    pub fn spawn(&self, dir: &Path, words: &Path) -> Result<Starting> {
        let said = OpenOptions::new().create(true).append(true).open(words);
        let said = said.with_context(|| format!("cannot open {}", words.display()))?;
        let words_from = said.metadata().map_or(0, |metadata| metadata.len());
        let mut call = self.call();
        call.arg("serve").arg(dir).args(["--listen", "127.0.0.1:0"]).args(&self.flags);
        call.stdout(Stdio::piped()).stderr(said);
        let mut child = call.spawn().with_context(|| format!("cannot start {:?}", call.get_program()))?;
        let (sender, address) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            // The thread goes on reading, so that the server never waits for us to make room in the pipe.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
                    let addr = url.and_then(|url| url.trim_end_matches('/').parse::<SocketAddr>().ok());
                    if let Some(addr) = addr {
                        let _ = sender.send(addr);
                    }
                }
            });
        }
        Ok(Starting { server: Server { child, addr: None }, address, words: words.to_owned(), words_from })
    }

    /// Runs `fsck` on a log at rest.
    ///
    /// # Errors
    /// The program cannot be started at all.
    pub fn fsck(&self, dir: &Path) -> Result<Fsck> {
        let started = Instant::now();
        let output = self.call().arg("fsck").arg(dir).output().context("cannot start fsck")?;
        let words = [output.stdout.as_slice(), &output.stderr].concat();
        let words = String::from_utf8_lossy(&words).into_owned();
        Ok(Fsck { code: output.status.code(), words, took: started.elapsed() })
    }

    /// Runs `fsck` on a log that must be whole.
    ///
    /// # Errors
    /// [`Finding::WrongFsck`] if it finds anything or cannot read it.
    pub fn fsck_clean(&self, dir: &Path) -> Result<Fsck> {
        let fsck = self.fsck(dir)?;
        if !fsck.is_clean() {
            let what = format!("exit {:?} on a log that must be whole: {}", fsck.code, fsck.words.trim_end());
            return Err(Finding::WrongFsck { what }.into());
        }
        Ok(fsck)
    }
}

/// A process that may become a server.
#[derive(Debug)]
pub struct Starting {
    server: Server,
    address: mpsc::Receiver<SocketAddr>,
    words: PathBuf,
    words_from: u64,
}

impl Starting {
    /// Waits until it takes requests or has ended.
    ///
    /// # Errors
    /// The system cannot say how it ended.
    pub fn wait(mut self, patience: Duration) -> Result<Start> {
        match self.address.recv_timeout(patience) {
            Ok(addr) => {
                self.server.addr = Some(addr);
                Ok(Start::Serving(self.server))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                // Its output is closed, so it is on its way out.
                let ended = self.server.wait_within(END_PATIENCE)?;
                let words = self.words_said();
                Ok(match ended {
                    Some(status) => Start::Ended { status, words },
                    None => Start::Silent { words },
                })
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                self.server.kill();
                Ok(Start::Silent { words: self.words_said() })
            }
        }
    }

    /// Kills it now, wherever it is.
    pub fn kill(mut self) {
        self.server.kill();
    }

    fn words_said(&self) -> String {
        let all = std::fs::read(&self.words).unwrap_or_default();
        let own = all.get(self.words_from as usize..).unwrap_or_default();
        let text = String::from_utf8_lossy(own);
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
    }
}

/// A running log. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    addr: Option<SocketAddr>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        // Only a server that has said where it listens leaves this module.
        self.addr.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal; it having ended already is no error.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended, and how.
    ///
    /// # Errors
    /// The system cannot say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot ask after the log")
    }

    /// SIGTERM, and waits until it is gone.
    ///
    /// # Errors
    /// [`Finding::WrongStart`] if it does not go in a minute or not with success.
    pub fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM);
        match self.wait_within(END_PATIENCE)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("the log was asked to stop and ended with {status}"),
            None => bail!("the log was asked to stop and still ran after {} s", END_PATIENCE.as_secs()),
        }
    }

    /// Waits for its end; kills it and says `None` if that does not come.
    ///
    /// # Errors
    /// The system cannot say.
    pub fn wait_within(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let asked = Instant::now();
        while asked.elapsed() < patience {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.kill();
        Ok(None)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
