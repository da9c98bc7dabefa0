//! One blocking connection, for what is not the load itself: readers, single questions, checks before and after.

use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::wire;

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a log is: `http://HOST[:PORT]`, nothing behind it.
#[derive(Debug, Clone)]
pub struct Target {
    address: SocketAddr,
    host: String,
}

impl Target {
    /// The address asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stands in `Host`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = || format!("`{text}` is not of the form http://HOST:PORT");
        let host = text.trim_end_matches('/').strip_prefix("http://").ok_or_else(wanted)?;
        if host.contains('/') {
            return Err(wanted());
        }
        let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let mut found = with_port.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
        let address = found.next().ok_or_else(wanted)?;
        Ok(Self { address, host: host.to_owned() })
    }
}

/// A kept-alive connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn connect(target: &Target) -> Result<Self, Error> {
        let stream = TcpStream::connect_timeout(&target.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, host: target.host.clone(), buffer: Vec::new() })
    }

    /// `GET path`: status and body.
    ///
    /// # Errors
    /// The connection broke, or what came is no answer.
    pub fn get(&mut self, path: &str) -> Result<(u16, &[u8]), Error> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes())?;
        self.buffer.clear();
        let mut scratch = [0; 64 * 1024];
        loop {
            match wire::Answer::find(&self.buffer) {
                Ok(Some(answer)) => return Ok((answer.status(), answer.body(&self.buffer))),
                Ok(None) => {}
                Err(broken) => return Err(Error::new(ErrorKind::InvalidData, broken)),
            }
            match self.stream.read(&mut scratch)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => self.buffer.extend_from_slice(scratch.get(..count).unwrap_or_default()),
            }
        }
    }

    /// The body of a resource that must be there.
    ///
    /// # Errors
    /// As [`Client::get`]; any status but 200.
    pub fn resource(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        let (status, body) = self.get(path)?;
        if status != 200 {
            return Err(Error::other(format!("GET {path}: {status}")));
        }
        Ok(body.to_vec())
    }
}
