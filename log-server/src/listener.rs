//! Sockets the server listens on, and what is served on each.
//!
//! Reading, writing and administration may each have an address of their own, so that an operator can open the first
//! to the world and the last to nobody. What is not served on an address does not exist there: 404.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::client::Client;
use crate::settings::Listen;
use crate::tls::Tls;

/// How an address in the file system begins.
const UNIX: &str = "unix:";

/// An address to listen on: `127.0.0.1:8080`, `[::]:443`, `unix:/run/tallymark-log/admin.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[expect(clippy::exhaustive_enums, reason = "there are no other sockets")]
pub enum Endpoint {
    /// Address and port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A socket in the file system, for its owner and group.
    Unix(PathBuf),
}

impl Endpoint {
    /// Whether nobody but this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        match text.strip_prefix(UNIX) {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            _ => text.parse().map(Self::Tcp).map_err(|_| EndpointError { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// Not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not an address: wanted ADDRESS:PORT, or unix: and an absolute path")]
pub struct EndpointError {
    text: String,
}

/// What is served on a socket. Probes are served on every one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by tests too")]
pub struct Roles {
    /// Checkpoints, tiles, entries.
    pub read: bool,
    /// Submissions.
    pub write: bool,
    /// What is for the operator alone.
    pub admin: bool,
}

impl Roles {
    /// What a single public address serves.
    pub const PUBLIC: Self = Self { read: true, write: true, admin: false };

    fn and(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            write: self.write || other.write,
            admin: self.admin || other.admin,
        }
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [(self.read, "reading"), (self.write, "writing"), (self.admin, "administration")];
        let names: Vec<_> = named.into_iter().filter_map(|(served, name)| served.then_some(name)).collect();
        f.write_str(&names.join(", "))
    }
}

impl Listen {
    /// Each address once, with all that is served there; the one for reading first.
    #[must_use]
    pub fn endpoints(&self) -> Vec<(Endpoint, Roles)> {
        let read = Roles { read: true, ..Roles::default() };
        let write = Roles { write: true, ..Roles::default() };
        let admin = Roles { admin: true, ..Roles::default() };
        let wanted = [
            (Some(&self.read), read),
            (self.write.as_ref().or(Some(&self.read)), write),
            (self.admin.as_ref(), admin),
        ];
        let mut endpoints: Vec<(Endpoint, Roles)> = Vec::new();
        for (endpoint, roles) in wanted {
            let Some(endpoint) = endpoint else { continue };
            match endpoints.iter_mut().find(|(known, _)| known == endpoint) {
                Some((_, served)) => *served = served.and(roles),
                None => endpoints.push((endpoint.clone(), roles)),
            }
        }
        endpoints
    }
}

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    roles: Roles,
    tls: Option<Arc<Tls>>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, UnixPath),
}

/// Takes its socket away when it goes.
#[derive(Debug)]
struct UnixPath(PathBuf);

impl Drop for UnixPath {
    fn drop(&mut self) {
        // The next start takes a socket that was left away too.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// An accepted connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// A socket that is bound already.
    #[must_use]
    pub fn tcp(socket: TcpListener, roles: Roles) -> Self {
        Self { socket: Socket::Tcp(socket), roles, tls: None }
    }

    /// Speaks TLS, unless it is a unix socket.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.tls = tls.filter(|_| matches!(self.socket, Socket::Tcp(_)));
        self
    }

    /// The certificate it shows.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// Binds an address.
    ///
    /// # Errors
    /// What the system says.
    pub async fn bind(endpoint: &Endpoint, roles: Roles) -> io::Result<Self> {
        let socket = match endpoint {
            Endpoint::Tcp(address) => Socket::Tcp(TcpListener::bind(address).await?),
            Endpoint::Unix(path) => bind_unix(path)?,
        };
        Ok(Self { socket, roles, tls: None })
    }

    /// Where it listens, with the port it really has.
    ///
    /// # Errors
    /// What the system says.
    pub fn endpoint(&self) -> io::Result<Endpoint> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().map(Endpoint::Tcp),
            Socket::Unix(_, path) => Ok(Endpoint::Unix(path.0.clone())),
        }
    }

    /// What is served there.
    #[must_use]
    pub fn roles(&self) -> Roles {
        self.roles
    }

    pub(crate) async fn accept(&self) -> io::Result<(Stream, Client)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                Ok((Stream::Tcp(stream), Client::Address(peer.ip())))
            }
            Socket::Unix(socket, _) => {
                let (stream, _) = socket.accept().await?;
                Ok((Stream::Unix(stream), Client::Local))
            }
        }
    }
}

/// Binds a socket in the file system, over one that nobody listens on any more, for its owner and group.
fn bind_unix(path: &Path) -> io::Result<Socket> {
    let is_left_over = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if is_left_over {
        std::fs::remove_file(path)?;
    }
    let socket = UnixListener::bind(path)?;
    let path = UnixPath(path.to_owned());
    std::fs::set_permissions(&path.0, std::fs::Permissions::from_mode(0o660))?;
    Ok(Socket::Unix(socket, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_written() {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/x.sock"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for refused in ["", "8080", "localhost:8080", "unix:", "unix:x.sock", "127.0.0.1"] {
            assert!(refused.parse::<Endpoint>().is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_address_named_twice_serves_both() {
        let (a, b) = ("127.0.0.1:1".parse::<Endpoint>().unwrap(), "127.0.0.1:2".parse::<Endpoint>().unwrap());
        let one = Listen { read: a.clone(), write: None, admin: None };
        assert_eq!(one.endpoints(), [(a.clone(), Roles::PUBLIC)]);
        let two = Listen { read: a.clone(), write: Some(b.clone()), admin: Some(b.clone()) };
        let read = Roles { read: true, ..Roles::default() };
        assert_eq!(two.endpoints(), [(a, read), (b, Roles { read: false, write: true, admin: true })]);
    }

    #[test]
    fn a_socket_left_by_a_killed_server_is_taken_and_a_live_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::Unix(dir.path().join("s"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            drop(std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap());
            let live = Listener::bind(&endpoint, Roles::PUBLIC).await.unwrap();
            let refused = Listener::bind(&endpoint, Roles::PUBLIC).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
            let mode = std::fs::metadata(dir.path().join("s")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o660);
            drop(live);
            assert!(!dir.path().join("s").exists());
            std::fs::write(dir.path().join("s"), "a file").unwrap();
            assert!(Listener::bind(&endpoint, Roles::PUBLIC).await.is_err());
            assert!(dir.path().join("s").exists());
        });
    }
}
