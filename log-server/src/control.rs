//! `DIR/control`: the socket through which commands on the same machine speak to the server that has the log open.
//!
//! One line in, one line out, then the connection is closed:
//!
//! ```text
//! freeze TEXT             closes the gate for ever and remembers why
//! checkpoint NAME         copies the database, as of now, into DIR/NAME
//!
//! ok
//! error TEXT
//! ```
//!
//! The directory is mode 0700, so whoever reaches the socket may read the key anyway. Both commands are ones that the
//! lock on the directory keeps away from everybody else while the server runs.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;

use crate::gate::{Closed, Gate};
use crate::hold::freeze;
use crate::storage::Storage;

/// Its name in the directory of a log.
pub const SOCKET: &str = "control";
/// What the copy of a database is called in the log's directory; only names that begin so are taken.
pub const COPY_PREFIX: &str = "checkpoint.";
/// Longest line either side takes.
const MAX_LINE_BYTES: u64 = 4096;
/// Wait for the other side of the socket.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for a command to be done: a copy flushes what is in memory first.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);
/// Between two looks at whether the server goes down.
const PAUSE: Duration = Duration::from_millis(50);

/// The server's side. Dropping it ends it and takes the socket away.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    down: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Listens in the directory of a log. The caller holds the directory's lock, so an old socket there is nobody's.
    ///
    /// # Errors
    /// What the system says; paths above some hundred bytes are too long for a socket.
    pub fn listen(dir: &Path, gate: Arc<Gate>, storage: Arc<dyn Storage>) -> io::Result<Self> {
        let path = dir.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let down = Arc::new(AtomicBool::new(false));
        let (served, stop) = (Served { dir: dir.to_owned(), gate, storage }, Arc::clone(&down));
        let run = move || {
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => served.answer(stream),
                    Err(_) => std::thread::sleep(PAUSE),
                }
            }
        };
        let thread = std::thread::Builder::new().name("control".to_owned()).spawn(run)?;
        Ok(Self { path, down, thread: Some(thread) })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.down.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its own thread.
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}

struct Served {
    dir: PathBuf,
    gate: Arc<Gate>,
    storage: Arc<dyn Storage>,
}

impl Served {
    fn answer(&self, stream: UnixStream) {
        let done = self.obey(&stream);
        let line = match done {
            Ok(()) => "ok\n".to_owned(),
            Err(words) => format!("error {}\n", words.replace('\n', " ")),
        };
        // Whoever went away does not want to know.
        let _ = (&stream).write_all(line.as_bytes());
    }

    fn obey(&self, stream: &UnixStream) -> Result<(), String> {
        let words = |error: io::Error| error.to_string();
        stream.set_nonblocking(false).map_err(words)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(words)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(words)?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_LINE_BYTES)).read_line(&mut line).map_err(words)?;
        let line = line.strip_suffix('\n').ok_or("the line does not end")?;
        match line.split_once(' ') {
            Some(("freeze", detail)) => self.freeze(detail),
            Some(("checkpoint", name)) => self.checkpoint(name),
            _ => Err(format!("no such command: {line}")),
        }
    }

    fn freeze(&self, detail: &str) -> Result<(), String> {
        // Remembered before it is done: a freeze that was confirmed must outlive a crash.
        freeze(&self.dir, detail).map_err(|error| error.to_string())?;
        if self.gate.close(Closed::Frozen) {
            tracing::warn!(detail, "frozen: the log takes nothing more");
        }
        Ok(())
    }

    fn checkpoint(&self, name: &str) -> Result<(), String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        if !name.starts_with(COPY_PREFIX) || !name.bytes().all(plain) || name.len() > 64 {
            return Err(format!("not a name for a copy: {name}"));
        }
        self.storage.copy_to(&self.dir.join(name)).map_err(|error| {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(next) = source {
                text = format!("{text}: {next}");
                source = next.source();
            }
            text
        })
    }
}

/// Has the server that has the log in `dir` open do something.
///
/// # Errors
/// [`ControlError`].
pub fn command(dir: &Path, line: &str) -> Result<(), ControlError> {
    let path = dir.join(SOCKET);
    let io = |source| ControlError::Io { path: path.clone(), source };
    let mut stream = UnixStream::connect(&path).map_err(io)?;
    stream.set_read_timeout(Some(COMMAND_TIMEOUT)).map_err(io)?;
    stream.write_all(format!("{line}\n").as_bytes()).map_err(io)?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_LINE_BYTES)).read_line(&mut answer).map_err(io)?;
    match answer.trim_end() {
        "ok" => Ok(()),
        other => Err(ControlError::Refused { words: other.trim_start_matches("error ").to_owned() }),
    }
}

/// Why a server did not do what it was told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// It could not be reached.
    #[error("could not speak to the server through {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not do it.
    #[error("the server did not do it: {words}")]
    Refused {
        /// What it said.
        words: String,
    },
}
