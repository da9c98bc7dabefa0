//! One HTTP/1.1 connection to a log on this machine: small requests out, whole answers in.
//!
//! Blocking on purpose. A client must notice the exact moment its server dies, and must have read every answer that
//! was sent before; nothing is retried and nothing is pooled.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take before the connection counts as dead.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest answer taken, bytes: an entry bundle of a conformance log is 16 MiB at most.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(seen, _)| seen == name).map(|(_, value)| value.as_str())
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text, what is no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn connect(addr: SocketAddr) -> Result<Self, Error> {
        Self::connect_within(addr, PATIENCE)
    }

    /// Connects, and waits no longer than this for any answer.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn connect_within(addr: SocketAddr, patience: Duration) -> Result<Self, Error> {
        let stream = TcpStream::connect_timeout(&addr, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// `GET path`.
    ///
    /// # Errors
    /// The connection broke, or what came is no answer. The request may have been taken.
    pub fn get(&mut self, path: &str) -> Result<Answer, Error> {
        self.request(&format!("GET {path} HTTP/1.1\r\nhost: log.test\r\n\r\n"), b"")
    }

    /// Any method, path and agent, without a body.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn send(&mut self, method: &str, path: &str, agent: &str) -> Result<Answer, Error> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: log.test\r\nuser-agent: {agent}\r\ncontent-length: 0\r\n\r\n"
        );
        self.request(&head, b"")
    }

    /// `POST path` with a body of this type; `accept` names the wanted form of the answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post(
        &mut self,
        path: &str,
        content_type: &str,
        accept: &str,
        body: &[u8],
    ) -> Result<Answer, Error> {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: log.test\r\ncontent-type: {content_type}\r\naccept: {accept}\r\n\
             content-length: {length}\r\n\r\n"
        );
        self.request(&head, body)
    }

    fn request(&mut self, head: &str, body: &[u8]) -> Result<Answer, Error> {
        // One write, so that the head and a small body travel together.
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let broken = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
        let mut line = String::new();
        self.line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| broken("no status line"))?;
        let mut length = 0_usize;
        let mut headers = Vec::new();
        loop {
            self.line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| broken("no length"))?;
            }
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if length > MAX_BODY_BYTES {
            return Err(broken("the answer is too long"));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, headers, body })
    }

    fn line(&mut self, line: &mut String) -> Result<(), Error> {
        line.clear();
        match self.stream.read_line(line)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
