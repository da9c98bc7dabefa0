//! TLS between a real client and the program, with certificates made here.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log_server::config::Mode;
use log_server::tls::{Tls, TlsError, TlsFiles};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};

use crate::support::{LogDir, opened, program};

/// A certificate for `localhost` with its key, in files.
struct Certificate {
    der: CertificateDer<'static>,
    cert: String,
    key: String,
}

impl Certificate {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        Self { der: made.cert.der().clone(), cert, key }
    }

    fn write(&self, dir: &Path) -> TlsFiles {
        let files = files(dir);
        std::fs::write(&files.cert, &self.cert).unwrap();
        std::fs::write(&files.key, &self.key).unwrap();
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
        files
    }

    /// A client that trusts this certificate only.
    fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        builder.unwrap().with_root_certificates(roots).with_no_client_auth()
    }
}

fn files(dir: &Path) -> TlsFiles {
    TlsFiles { cert: dir.join("cert.pem"), key: dir.join("key.pem") }
}

fn connect(config: ClientConfig, addr: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
    let name = "localhost".try_into().unwrap();
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// The body of a resource, or why there was none.
fn get(config: ClientConfig, addr: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = connect(config, addr);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

struct Running {
    child: Child,
    addr: SocketAddr,
}

impl Running {
    fn start(log: &LogDir, files: &TlsFiles, more: &[&str]) -> Self {
        let mut command = program();
        command.arg("serve").arg(log.path()).args(["--listen", "127.0.0.1:0", "--tls-cert"]).arg(&files.cert);
        command.arg("--tls-key").arg(&files.key).args(more).env("RUST_LOG", "off").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr =
            line.trim_end().strip_prefix("listening on https://").unwrap_or_else(|| panic!("{line:?}"));
        Self { addr: addr.parse().unwrap(), child }
    }

    fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_client_that_trusts_the_certificate_reads_the_log_and_others_do_not() {
    let log = LogDir::new(Mode::Service);
    let certificate = Certificate::new();
    let server = Running::start(&log, &certificate.write(log.scratch()), &[]);
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut stream = connect(config.clone(), server.addr);
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        let version = if versions[0].version == ProtocolVersion::TLSv1_3 { "1.3" } else { "1.2" };
        assert_eq!(stream.conn.protocol_version(), Some(versions[0].version), "{version}");
        opened(get(config, server.addr, "/checkpoint").unwrap().as_bytes(), log.vkey());
    }
    let stranger = Certificate::new().client();
    let refused = get(stranger, server.addr, "/checkpoint").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData);
    // Plain HTTP gets nothing at all.
    let mut plain = TcpStream::connect(server.addr).unwrap();
    plain.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: l\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}

#[test]
fn a_new_certificate_is_taken_up_and_a_broken_one_leaves_the_old() {
    let log = LogDir::new(Mode::Service);
    let (old, new) = (Certificate::new(), Certificate::new());
    let files = old.write(log.scratch());
    let server = Running::start(&log, &files, &[]);
    assert_eq!(get(old.client(), server.addr, "/healthz").unwrap(), "ok\n");
    // Half of a renewal: the new certificate beside the old key.
    std::fs::write(&files.cert, &new.cert).unwrap();
    server.signal("-HUP");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(get(old.client(), server.addr, "/healthz").unwrap(), "ok\n");
    assert!(get(new.client(), server.addr, "/healthz").is_err());
    std::fs::write(&files.key, &new.key).unwrap();
    server.signal("-HUP");
    let deadline = Instant::now() + Duration::from_secs(20);
    while get(new.client(), server.addr, "/healthz").is_err() {
        assert!(Instant::now() < deadline, "the new certificate was never taken up");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(get(old.client(), server.addr, "/healthz").is_err());
}

#[test]
fn a_changed_certificate_is_noticed_without_a_signal() {
    let log = LogDir::new(Mode::Service);
    let (old, new) = (Certificate::new(), Certificate::new());
    let server = Running::start(&log, &old.write(log.scratch()), &[]);
    new.write(log.scratch());
    let deadline = Instant::now() + 6 * log_server::tls::POLL;
    while get(new.client(), server.addr, "/healthz").is_err() {
        assert!(Instant::now() < deadline, "the new certificate was never taken up");
        std::thread::sleep(Duration::from_millis(250));
    }
}

#[test]
fn a_handshake_that_does_not_come_is_cut_off() {
    let log = LogDir::new(Mode::Service);
    let certificate = Certificate::new();
    let more = ["--handshake-timeout", "300ms", "--head-timeout", "1h"];
    let server = Running::start(&log, &certificate.write(log.scratch()), &more);
    let mut silent = TcpStream::connect(server.addr).unwrap();
    let mut started = TcpStream::connect(server.addr).unwrap();
    // The first bytes of a handshake record, and no more.
    started.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00]).unwrap();
    for stream in [&mut silent, &mut started] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0, "something was said");
    }
    assert_eq!(get(certificate.client(), server.addr, "/healthz").unwrap(), "ok\n");
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_by_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (Certificate::new(), Certificate::new());
    let load = || Tls::load(files(dir.path()));
    assert!(matches!(load(), Err(TlsError::Io { .. })));
    let TlsFiles { cert, key } = one.write(dir.path());
    assert!(matches!(load().unwrap().renew(), Ok(false)));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(load(), Err(TlsError::Permissions { mode: 0o644, .. })));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    load().unwrap();
    let broken: [(&PathBuf, &str); 4] = [(&cert, ""), (&cert, &one.key), (&key, &one.cert), (&key, "x")];
    for (path, text) in broken {
        one.write(dir.path());
        std::fs::write(path, text).unwrap();
        assert!(matches!(load(), Err(TlsError::Pem { .. } | TlsError::Pair { .. })), "{text:?}");
    }
    one.write(dir.path());
    std::fs::write(&key, &other.key).unwrap();
    assert!(matches!(load(), Err(TlsError::Pair { .. })));
    // As an operator sees it, and before the log is opened.
    let refused = program()
        .args(["serve", "/nowhere", "--tls-cert"])
        .arg(&cert)
        .arg("--tls-key")
        .arg(&key)
        .output()
        .unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("cannot be used together"), "{said}");
    let half = program().args(["serve", "/nowhere", "--tls-cert"]).arg(&cert).output().unwrap();
    assert_eq!(half.status.code(), Some(2));
}

#[test]
fn the_signing_program_submits_over_tls_and_only_to_a_log_it_can_tell() {
    // Built by `cargo test --workspace`; a run of this crate alone may have none.
    let tool = Path::new(env!("CARGO_BIN_EXE_tallymark-log")).with_file_name("tallymark");
    if !tool.exists() {
        println!("skipped: the_signing_program_submits_over_tls_..., {} is not built", tool.display());
        return;
    }
    let log = LogDir::new(Mode::Service);
    let certificate = Certificate::new();
    let files = certificate.write(log.scratch());
    let server = Running::start(&log, &files, &[]);
    let work = log.scratch();
    std::fs::create_dir(work.join("model")).unwrap();
    std::fs::write(work.join("model/weights.bin"), "weights").unwrap();
    std::fs::write(work.join("passphrase"), "of the publisher\n").unwrap();
    let run = |roots: &Path, words: &[&str]| {
        let mut command = Command::new(&tool);
        command.current_dir(work).args(words).env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
        command.env("HOME", work).stdin(Stdio::null()).output().unwrap()
    };
    let with_key = ["--key", "publisher.pem", "--passphrase-file", "passphrase"];
    let made = run(&files.cert, &[&["keygen", "--name", "acme/*"], &with_key[..]].concat());
    assert!(made.status.success(), "{made:?}");
    let signed =
        run(&files.cert, &[&["sign", "model", "--as", "acme/m:1", "--pending"], &with_key[..]].concat());
    assert!(signed.status.success(), "{signed:?}");
    let (url, vkey) = (format!("https://localhost:{}", server.addr.port()), log.vkey().to_string());
    let submit = ["submit", "model", "--log", &url, "--log-key", &vkey, "--yes", "--timeout", "5"];
    let size = || {
        opened(get(certificate.client(), server.addr, "/checkpoint").unwrap().as_bytes(), log.vkey()).size()
    };
    // Somebody else's certificate is the only one it trusts: nothing is sent.
    let elsewhere = log.scratch().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let stranger = Certificate::new().write(&elsewhere);
    let refused = run(&stranger.cert, &submit);
    assert!(!refused.status.success(), "{refused:?}");
    assert_eq!(size().get(), 0);
    let taken = run(&files.cert, &submit);
    assert!(taken.status.success(), "{taken:?}");
    assert_eq!(size().get(), 1);
}
