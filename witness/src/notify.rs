//! Words to the service manager (sd_notify(3)): ready, going down, still alive. One datagram each to the socket that `NOTIFY_SOCKET`
//! names; nothing if it names none.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The service manager's socket.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The manager that started this process, if it wants to be told.
    ///
    /// # Errors
    /// If a socket is named and cannot be used.
    pub fn from_environment() -> io::Result<Option<Self>> {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(None) };
        let every = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        Self::at(&name, every.map(Duration::from_micros)).map(Some)
    }

    fn at(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        Ok(Self { socket, watchdog })
    }

    /// The witness takes requests.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// The witness goes down.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Gives signs of life for ever, two in each interval; at once done if the manager wants none.
    pub async fn watch(&self) {
        let Some(watchdog) = self.watchdog else { return };
        loop {
            self.say("WATCHDOG=1");
            tokio::time::sleep(watchdog / 2).await;
        }
    }

    fn say(&self, word: &str) {
        if let Err(error) = self.socket.send(word.as_bytes()) {
            tracing::warn!(%error, word, "the service manager could not be told");
        }
    }
}
