//! A running `tallymark-log` on a loopback port of its own choice, and what is asked of servers.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{command, programs};

/// How long a start or a stop may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Killed when dropped, unless it was stopped before.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
}

impl Server {
    /// Starts the log in `dir` and waits until it says where it listens. Its words go to the file `words`.
    pub(crate) fn start(program: &Path, dir: &Path, words: &Path) -> Result<Self> {
        Self::start_with(program, dir, words, &[])
    }

    /// The same with further flags.
    pub(crate) fn start_with(program: &Path, dir: &Path, words: &Path, flags: &[&str]) -> Result<Self> {
        let mut call = programs::call(program);
        call.arg("serve").arg(dir).args(["--listen", "127.0.0.1:0"]).args(flags);
        call.stdout(Stdio::piped())
            .stderr(File::create(words).context("cannot make the file for the log's words")?);
        let mut child = call.spawn().with_context(|| format!("cannot start `{}`", command::shown(&call)))?;
        let Some(output) = child.stdout.take() else { bail!("the log has no standard output") };
        let (sender, receiver) = mpsc::channel();
        // The thread goes on reading, so that the server never waits for us to make room in the pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) {
                    let _ = sender.send(url.trim_end_matches('/').to_owned());
                }
            }
        });
        match receiver.recv_timeout(PATIENCE) {
            Ok(url) => Ok(Self { child, url }),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                let said = std::fs::read_to_string(words).unwrap_or_default();
                bail!("`{}` did not say where it listens\n{}", command::shown(&call), said.trim_end())
            }
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as an operator would, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        command::run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().context("cannot ask after the log")? {
                if !status.success() {
                    bail!("the log was asked to stop and ended with {status}");
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the log was asked to stop and still runs after {} s", PATIENCE.as_secs())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has already ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no free port")?.local_addr()?)
}

/// Status and body of what is at `path` there.
pub(crate) fn get(address: &str, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("nobody listens at {address}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // HTTP/1.0, so that the answer ends with the connection and is not chunked.
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok((status.with_context(|| format!("no status: {head}"))?, body.to_owned()))
}
