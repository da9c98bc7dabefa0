//! What the sessions share: a small HTTP client over `TcpStream`, a server in this process, entries to send.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use attest::digest::Sha256Digest;
use attest::entry::{Entry, EntryPayload, ModelSalt};
use attest::key::{Algorithm, PrivateKey, PublicKey};
use attest::provenance::Provenance;
use attest::statement::Statement;
use attest::tree::{FileLeaf, Tree};
use log_server::client::Proxies;
use log_server::config::{Config, Mode};
use log_server::init::init;
use log_server::key_file::AtRest;
use log_server::listener::{Listener, Roles};
use log_server::opening::{OpenLog, OpeningError};
use log_server::serve::{House, Limits, ServeError, serve};
use log_server::site::Site;
use merkle::TreeHead;
use tlog::checkpoint::SignedCheckpoint;
use tlog::vkey::Vkey;

pub(crate) const ORIGIN: &str = "log.test/1";

/// A directory with a new log in it.
pub(crate) struct LogDir {
    temp: tempfile::TempDir,
    pub(crate) config: Config,
}

impl LogDir {
    pub(crate) fn new(mode: Mode) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let config = init(&temp.path().join("log"), &ORIGIN.parse().unwrap(), mode, &AtRest::Plain).unwrap();
        Self { temp, config }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.temp.path().join("log")
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.temp.path()
    }

    pub(crate) fn open(&self) -> Result<OpenLog, OpeningError> {
        OpenLog::open(&self.path(), || panic!("the key is not encrypted"))
    }

    pub(crate) fn serve(&self) -> Server {
        self.serve_with(Limits::STANDARD)
    }

    pub(crate) fn serve_with(&self, limits: Limits) -> Server {
        Server::start(self.open().unwrap(), limits)
    }

    pub(crate) fn vkey(&self) -> &Vkey {
        self.config.vkey()
    }
}

/// A server in this process on a free port.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Server {
    pub(crate) fn start(log: OpenLog, limits: Limits) -> Self {
        Self::start_site(Site::new(log), limits)
    }

    pub(crate) fn start_site(site: Site, limits: Limits) -> Self {
        Self::start_house(vec![site], &[Roles::PUBLIC], limits, Proxies::none()).0
    }

    /// Several logs on several addresses; the first is the server's.
    pub(crate) fn start_house(
        sites: Vec<Site>,
        roles: &[Roles],
        limits: Limits,
        proxies: Proxies,
    ) -> (Self, Vec<SocketAddr>) {
        let roles = roles.to_vec();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (mut listeners, mut addrs) = (Vec::new(), Vec::new());
                for roles in roles {
                    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                    addrs.push(listener.local_addr().unwrap());
                    listeners.push(Listener::tcp(listener, roles));
                }
                tell.send(addrs).unwrap();
                let house = House { sites, listeners, limits, proxies };
                serve(house, async {
                    let _ = stopped.await;
                })
                .await
            })
        });
        let addrs = told.recv().unwrap();
        (Self { addr: addrs[0], stop: Some(stop), thread: Some(thread) }, addrs)
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.addr)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.client().get(path)
    }

    /// Asks the server to go down, without waiting.
    pub(crate) fn ask_to_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    /// Waits until it is down.
    pub(crate) fn join(mut self) -> Result<(), ServeError> {
        self.thread.take().unwrap().join().unwrap()
    }

    pub(crate) fn stop(mut self) {
        self.ask_to_stop();
        self.join().unwrap();
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(seen, _)| seen.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// The code of a problem document, after a look at everything around it.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("access-control-allow-origin"), Some("*"));
        let document = self.json();
        assert_eq!(document["status"], self.status);
        let code = document["code"].as_str().unwrap().to_owned();
        assert_eq!(document["type"], format!("https://tallymark.dev/problem/{code}"));
        assert!(document["title"].is_string());
        code
    }
}

/// A connection that is kept.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).unwrap()
    }

    pub(crate) fn try_connect(addr: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn raw(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, &[], b"")
    }

    pub(crate) fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> Response {
        self.request("POST", path, &[("content-type", content_type)], body)
    }

    pub(crate) fn submit(&mut self, entry: &[u8]) -> Response {
        self.post("/api/v1/entries", "application/cose", entry)
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.try_request(method, path, headers, body).unwrap()
    }

    pub(crate) fn try_request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Response> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: log.test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        // One write, so that the head and a small body travel together.
        let bytes = [head.as_bytes(), body].concat();
        self.raw().write_all(&bytes)?;
        self.read_response(method == "HEAD")
    }

    pub(crate) fn read_response(&mut self, without_body: bool) -> std::io::Result<Response> {
        let broken = || std::io::Error::from(ErrorKind::UnexpectedEof);
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(broken());
        }
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(broken());
            }
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        if status == 100 {
            return self.read_response(without_body);
        }
        let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
        if !without_body {
            response.body.resize(length, 0);
            self.stream.read_exact(&mut response.body)?;
        }
        Ok(response)
    }

    /// Waits for the server to close the connection; false if it says anything first, or nothing in time.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        match self.stream.read(&mut [0; 1]) {
            Ok(count) => count == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}

/// Somebody who signs entries.
pub(crate) struct Signer {
    key: PrivateKey,
}

impl Signer {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self { key: PrivateKey::generate(algorithm).unwrap() }
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// A signed entry about a model of one file; different numbers are different models.
    pub(crate) fn entry(&self, number: u64) -> Vec<u8> {
        self.entry_under(None, number)
    }

    /// The same, private under a salt.
    pub(crate) fn entry_under(&self, salt: Option<&ModelSalt>, number: u64) -> Vec<u8> {
        let digest = Sha256Digest::of(&number.to_be_bytes());
        let file = FileLeaf::new("model.safetensors".parse().unwrap(), 8, digest);
        let tree = Tree::new(vec![file]).unwrap();
        let provenance = Provenance::new(None, Vec::new(), "0.1.0".parse().unwrap()).unwrap();
        let bytes =
            provenance.to_statement_bytes(&"acme/model".parse().unwrap(), &"1.0".parse().unwrap(), &tree);
        let statement = Statement::parse(&bytes).unwrap();
        let payload = EntryPayload::of(&statement, &self.key.public_key(), salt);
        Entry::sign(payload, &self.key).unwrap().as_bytes().to_vec()
    }
}

/// Opens a served checkpoint with the log's key.
pub(crate) fn opened(checkpoint: &[u8], vkey: &Vkey) -> TreeHead {
    *SignedCheckpoint::parse(checkpoint).unwrap().open(vkey).unwrap().head()
}

/// The program, without what the caller's environment says to it.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark-log"));
    let said = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TALLYMARK_LOG_"));
    for (name, _) in said {
        command.env_remove(name);
    }
    // A disk that is short of space, or a test that makes many logs, must not matter to what is tested.
    command.env("TALLYMARK_LOG_DISK_BALLAST", "0").env("TALLYMARK_LOG_DISK_READ_ONLY", "64MiB");
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Starts the program as a server and waits for its line.
pub(crate) fn spawn_server(dir: &Path, passphrase: Option<&str>) -> (Child, SocketAddr) {
    spawn_server_with(dir, passphrase, &[])
}

/// The same with more flags.
pub(crate) fn spawn_server_with(dir: &Path, passphrase: Option<&str>, more: &[&str]) -> (Child, SocketAddr) {
    let mut command = program();
    command.args(["serve", &dir.display().to_string(), "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    command.args(more);
    if let Some(passphrase) = passphrase {
        command.env("TALLYMARK_LOG_PASSPHRASE", passphrase);
    }
    let mut child = command.env("RUST_LOG", "error").spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let addr = line.trim_end().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}"));
    (child, addr.parse().unwrap())
}
