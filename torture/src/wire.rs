//! Bytes on a socket as a hostile client sends them: anything, in any pieces, with an eye on how it ends.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, connect as connect_to, socket};

/// How one connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// The last status line that came.
    Status(u16),
    /// Closed without a word.
    Closed,
    /// Neither an answer nor an end in time.
    Silent,
}

/// Longest answer that is looked at, bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// Sends these bytes on a connection of their own, says that no more will come, and reads what is answered.
///
/// # Errors
/// Not even a connection came about.
pub fn exchange(addr: SocketAddr, bytes: &[u8], patience: Duration) -> std::io::Result<Reply> {
    let mut stream = connect(addr, patience)?;
    // Whether all of it was taken shows in the answer.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    Ok(reply(&mut stream, patience))
}

/// A connection with a limit on every wait.
///
/// # Errors
/// Whatever the system says.
pub fn connect(addr: SocketAddr, patience: Duration) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, patience)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// The same from an address of this machine, to somebody on the same.
///
/// # Errors
/// Whatever the system says.
pub fn connect_from(from: Ipv4Addr, addr: SocketAddr, patience: Duration) -> std::io::Result<TcpStream> {
    let own = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&own, &SocketAddrV4::new(from, 0))?;
    connect_to(&own, &addr)?;
    let stream = TcpStream::from(own);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// Reads until the end, an answer and no more, or the end of patience.
pub fn reply(stream: &mut TcpStream, patience: Duration) -> Reply {
    let (started, mut seen, mut piece) = (Instant::now(), Vec::new(), [0; 4096]);
    while started.elapsed() < patience && seen.len() < ANSWER_BYTES {
        match stream.read(&mut piece) {
            Ok(0) => return last_status(&seen).map_or(Reply::Closed, Reply::Status),
            Ok(read) => seen.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                break;
            }
            // A reset is how a server hangs up on somebody who still sends.
            Err(_) => return last_status(&seen).map_or(Reply::Closed, Reply::Status),
        }
    }
    last_status(&seen).map_or(Reply::Silent, Reply::Status)
}

/// Reads one whole answer and no more: how it ended, and its body as text.
pub fn answer(stream: &mut TcpStream, patience: Duration) -> (Reply, String) {
    let (started, mut seen, mut piece) = (Instant::now(), Vec::new(), [0; 4096]);
    let mut timed_out = false;
    while started.elapsed() < patience && seen.len() < ANSWER_BYTES && whole_body(&seen).is_none() {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => seen.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) => {
                timed_out =
                    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
                break;
            }
        }
    }
    let body = whole_body(&seen).unwrap_or_default();
    let nothing = if timed_out { Reply::Silent } else { Reply::Closed };
    (last_status(&seen).map_or(nothing, Reply::Status), body)
}

/// The body of an answer, once all of it is there.
fn whole_body(bytes: &[u8]) -> Option<String> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let (head, body) = bytes.split_at(end);
    let head = String::from_utf8_lossy(head).to_lowercase();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    Some(String::from_utf8_lossy(body.get(..length)?).into_owned())
}

fn last_status(bytes: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().find_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server for one connection that says this and closes.
    fn answering(words: &'static [u8]) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut sink = Vec::new();
            stream.read_to_end(&mut sink).unwrap();
            stream.write_all(words).unwrap();
        });
        addr
    }

    #[test]
    fn the_status_is_read_and_its_absence_is_noticed() {
        let ask = |words| exchange(answering(words), b"x", Duration::from_secs(5)).unwrap();
        assert_eq!(ask(b"HTTP/1.1 200 OK\r\n\r\n"), Reply::Status(200));
        assert_eq!(ask(b"HTTP/1.1 200 OK\r\n\r\nabcHTTP\r\nHTTP/1.1 500 No\r\n\r\n"), Reply::Status(500));
        assert_eq!(ask(b""), Reply::Closed);
    }

    #[test]
    fn a_body_is_whole_when_its_length_has_come() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(whole_body(head), None);
        assert_eq!(whole_body(&[head.as_slice(), b"abc"].concat()).as_deref(), Some("abc"));
        assert_eq!(whole_body(b"HTTP/1.1 204 No Content\r\n\r\n").as_deref(), Some(""));
    }
}
