//! Several logs, several addresses, one configuration.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use attest::key::Algorithm;
use log_server::client::Proxies;
use log_server::config::Mode;
use log_server::init::init;
use log_server::key_file::AtRest;
use log_server::listener::Roles;
use log_server::opening::OpenLog;
use log_server::serve::{Limits, ServeError};
use log_server::site::Site;
use tlog::vkey::Vkey;

use crate::http::memory_site;
use crate::support::{Client, LogDir, Server, Signer, opened, program};

/// A log of this origin in its own directory.
fn made(dir: &Path, origin: &str, mode: Mode) -> (PathBuf, Vkey) {
    let path = dir.join(origin.replace('/', "-"));
    let config = init(&path, &origin.parse().unwrap(), mode, &AtRest::Plain).unwrap();
    (path, config.vkey().clone())
}

fn site(path: &Path, below: &str, host: Option<&str>) -> Site {
    let mut site = Site::new(OpenLog::open(path, || panic!("the key is not encrypted")).unwrap());
    site.path = below.parse().unwrap();
    site.host = host.map(|host| host.parse().unwrap());
    site
}

/// A running server, killed if its test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program with this configuration, if it starts: its addresses in the order in which it names them. Else its
/// exit status and what it said.
fn configured(
    dir: &Path,
    text: &str,
    args: &[&str],
) -> Result<(Running, Vec<SocketAddr>), (Option<i32>, String)> {
    let file = dir.join("server.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = program();
    command.args(["serve", "--config", file.to_str().unwrap()]).args(args).env("RUST_LOG", "error");
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap());
    let mut addrs = Vec::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap() == 0 {
            let mut said = String::new();
            running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            return Err((running.0.wait().unwrap().code(), said));
        }
        let rest = line.trim_end().strip_prefix("listening on http://").unwrap();
        let (addr, roles) = rest.split_once(" for ").unwrap_or((rest, ""));
        addrs.push(addr.parse().unwrap());
        if roles.is_empty() || roles.contains("administration") {
            return Ok((running, addrs));
        }
    }
}

fn end(mut running: Running) {
    let asked = std::process::Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status();
    assert!(asked.unwrap().success());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[test]
fn two_logs_in_one_process_never_answer_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (a, key_a) = made(dir.path(), "log.test/a", Mode::Service);
    let (b, key_b) = made(dir.path(), "log.test/b", Mode::Conformance);
    let text = format!(
        "[listen]\nread = \"127.0.0.1:0\"\n[[log]]\ndir = {a:?}\npath = \"/a\"\n[[log]]\ndir = {b:?}\npath = \"/b\"\n"
    );
    let (running, addrs) = configured(dir.path(), &text, &[]).unwrap_or_else(|said| panic!("{said:?}"));
    let mut client = Client::connect(addrs[0]);
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    let answer = client.post("/a/api/v1/entries", "application/cose", &entry);
    assert_eq!(answer.status, 201, "{}", answer.text());
    for (path, size, key) in [("/a", 1, &key_a), ("/b", 0, &key_b)] {
        let head = opened(&client.get(&format!("{path}/checkpoint")).body, key);
        assert_eq!(head.size().get(), size, "{path}");
        assert_eq!(client.get(&format!("{path}/api/v1/log")).json()["vkey"], key.to_string());
        assert_eq!(
            client.get(&format!("{path}/tile/entries/000.p/1")).status,
            if size == 1 { 200 } else { 404 }
        );
        assert_eq!(client.get(&format!("{path}/readyz")).text(), "ready\n");
    }
    // The same entry is new to the other log, and raw entries are taken by the one that takes them only.
    assert_eq!(client.post("/b/api/v1/entries", "application/cose", &entry).status, 201);
    assert_eq!(client.post("/a/add", "x/y", b"raw").problem(), "not-found");
    assert_eq!(client.post("/b/add", "x/y", b"raw").text(), "1");
    for path in [
        "/checkpoint",
        "/a",
        "/a/",
        "//a/checkpoint",
        "/a//checkpoint",
        "/A/checkpoint",
        "/%61/checkpoint",
        "/a/../b/checkpoint",
        "/b/a/checkpoint",
        "/ab/checkpoint",
        "/api/v1/log",
        "/metrics",
        "/c/checkpoint",
    ] {
        assert_eq!(client.get(path).problem(), "not-found", "{path}");
    }
    let listed = client.get("/");
    assert_eq!(listed.text(), format!("/a/ {key_a}\n/b/ {key_b}\n"));
    assert_eq!((client.get("/healthz").text(), client.get("/readyz").text()), ("ok\n", "ready\n"));
    end(running);
}

#[test]
fn logs_under_different_hosts_are_found_by_the_host_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (a, key_a) = made(dir.path(), "a.test", Mode::Service);
    let (b, key_b) = made(dir.path(), "b.test", Mode::Service);
    let sites = vec![site(&a, "", Some("a.test")), site(&b, "", Some("b.test"))];
    let (server, _) = Server::start_house(sites, &[Roles::PUBLIC], Limits::STANDARD, Proxies::none());
    let ask = |target: &str, host: &str| {
        use std::io::Write as _;
        let mut client = server.client();
        write!(client.raw(), "GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
        client.read_response(false).unwrap()
    };
    for (target, host, key) in [
        ("/checkpoint", "a.test", &key_a),
        ("/checkpoint", "B.test:80", &key_b),
        ("http://a.test/checkpoint", "b.test", &key_a),
    ] {
        opened(&ask(target, host).body, key);
    }
    for (target, host) in
        [("/checkpoint", "c.test"), ("/checkpoint", ""), ("http://c.test/checkpoint", "a.test")]
    {
        assert_eq!(ask(target, host).problem(), "not-found", "{target} {host}");
    }
    server.stop();
}

#[test]
fn a_writer_that_ends_takes_every_log_down_with_it() {
    let (mut a, storage_a, _dir_a) = memory_site();
    let (mut b, _storage_b, _dir_b) = memory_site();
    (a.path, b.path) = ("/a".parse().unwrap(), "/b".parse().unwrap());
    let (server, _) = Server::start_house(vec![a, b], &[Roles::PUBLIC], Limits::STANDARD, Proxies::none());
    assert_eq!(server.client().post("/b/add", "x/y", b"one").status, 200);
    storage_a.fail_next_append();
    let answer = server.client().try_request("POST", "/a/add", &[], b"two");
    assert!(answer.is_err() || answer.unwrap().problem() == "outcome-unknown");
    assert!(matches!(server.join(), Err(ServeError::Sequencer { .. })));
}

#[test]
fn reads_writes_and_administration_are_served_where_the_settings_say_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = made(dir.path(), "log.test/1", Mode::Conformance);
    let text = format!(
        "[listen]\nread = \"127.0.0.1:0\"\nwrite = \"127.0.0.2:0\"\nadmin = \"127.0.0.3:0\"\n[[log]]\ndir = {log:?}\n"
    );
    let (running, addrs) = configured(dir.path(), &text, &[]).unwrap_or_else(|said| panic!("{said:?}"));
    let [mut read, mut write, mut admin] = [0, 1, 2].map(|at| Client::connect(addrs[at]));
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    for (refused, code) in [(&mut read, "method-not-allowed"), (&mut admin, "not-found")] {
        assert_eq!(refused.submit(&entry).problem(), code);
        assert_eq!(refused.post("/add", "x/y", b"raw").problem(), "not-found");
    }
    // Searching and submitting share a path; each address names only what it takes.
    assert_eq!(read.submit(&entry).header("allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(write.get("/api/v1/entries?name=x").header("allow"), Some("POST, OPTIONS"));
    assert_eq!(admin.get("/metrics").status, 200);
    for refused in [&mut read, &mut write] {
        assert_eq!(refused.get("/metrics").problem(), "not-found");
    }
    assert_eq!(write.submit(&entry).status, 201);
    for path in ["/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1", "/api/v1/log"] {
        assert_eq!(read.get(path).status, 200, "{path}");
        for refused in [&mut write, &mut admin] {
            assert_eq!(refused.get(path).problem(), "not-found", "{path}");
        }
    }
    for client in [&mut read, &mut write, &mut admin] {
        assert_eq!((client.get("/healthz").status, client.get("/readyz").status), (200, 200));
    }
    end(running);
}

#[test]
fn what_is_misspelt_is_named_with_its_line_before_anything_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("[limits]\nmax_connectoins = 5\n", ["line 2", "unknown field `max_connectoins`"]),
        ("[[log]]\ndir = \"x\"\nmode = 1\n", ["line 3", "unknown field `mode`"]),
        ("[tsl]\n", ["line 1", "unknown field `tsl`"]),
        ("[limits]\nhead_timeout = \"10\"\n", ["line 2", "not a time between 1ms and 24h"]),
        ("[limits]\nmax_connections = 0\n", ["line 2", "not a count between 1 and 1000000"]),
        ("[listen]\nread = \"localhost:80\"\n", ["line 2", "is not an address"]),
        ("[limits]\nmax_head_bytes = 100\n[[log]]\ndir = \"x\"\n", ["limits.max_head_bytes is 100", "8192"]),
        ("", ["no log is named", "hint: give DIR"]),
        ("[[log]]\n", ["a log has no `dir`", "hint: give DIR"]),
        (
            "[[log]]\ndir = \"x\"\n[[log]]\ndir = \"y\"\n",
            ["a request could be for both", "hint: give each log"],
        ),
        (
            "[[log]]\ndir = \"x\"\npath = \"/a\"\n[[log]]\ndir = \"x\"\npath = \"/b\"\n",
            ["x: named by two logs", ""],
        ),
        ("[proxy]\ntrusted = [\"all\"]\n[[log]]\ndir = \"x\"\n", ["proxy.trusted has \"all\"", "10.0.0.0/8"]),
    ] {
        let (status, said) = configured(dir.path(), text, &[]).err().unwrap();
        assert_eq!(status, Some(2), "{text:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{text:?}: {said}");
    }
    let two = "[[log]]\ndir = \"x\"\npath = \"/a\"\n[[log]]\ndir = \"y\"\npath = \"/b\"\n";
    let (status, said) = configured(dir.path(), two, &["--queue", "7"]).err().unwrap();
    assert!(
        status == Some(2) && said.contains("the file has 2 logs, and flags or variables about one"),
        "{said}"
    );
    let missing = program().args(["serve", "--config", "/nowhere/x.toml"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(5));
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = made(dir.path(), "log.test/1", Mode::Service);
    let file = dir.path().join("server.toml");
    // An address in use is named in the refusal, which shows who named it.
    let held = [0, 1, 2].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [by_file, by_variable, by_flag] = held.each_ref().map(|held| held.local_addr().unwrap().to_string());
    std::fs::write(&file, format!("[listen]\nread = \"{by_file}\"\n[[log]]\ndir = {log:?}\n")).unwrap();
    let said = |flag: Option<&str>, variable: Option<&str>| {
        let mut command = program();
        command.args(["serve", "--config", file.to_str().unwrap()]);
        flag.map(|flag| command.args(["--listen-read", flag]));
        variable.map(|variable| command.env("TALLYMARK_LOG_LISTEN_READ", variable));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(5));
        String::from_utf8(output.stderr).unwrap()
    };
    let on = |addr: &str| format!("could not listen on {addr}: ");
    assert!(said(None, None).contains(&on(&by_file)));
    assert!(said(None, Some(&by_variable)).contains(&on(&by_variable)));
    assert!(said(Some(&by_flag), Some(&by_variable)).contains(&on(&by_flag)));
}

#[test]
fn the_sample_is_printed_and_serves_with_another_directory_and_port() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = made(dir.path(), "log.test/1", Mode::Service);
    let sample = program().arg("sample-config").output().unwrap();
    assert_eq!(sample.status.code(), Some(0));
    let text = String::from_utf8(sample.stdout).unwrap();
    let args = [log.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let (running, addrs) = configured(dir.path(), &text, &args).unwrap_or_else(|said| panic!("{said:?}"));
    opened(&Client::connect(addrs[0]).get("/checkpoint").body, &key);
    end(running);
}

#[test]
fn one_address_has_its_number_of_connections_unless_it_is_a_proxy() {
    let log = LogDir::new(Mode::Service);
    let limits = Limits { connections_per_address: 2, ..Limits::STANDARD };
    let server = log.serve_with(limits);
    let mut held = [server.client(), server.client()];
    held.iter_mut().for_each(|client| assert_eq!(client.get("/healthz").status, 200));
    assert!(server.client().is_closed_by_server());
    drop(held);
    server.stop();

    let proxies = Proxies::parse(&["127.0.0.0/8".to_owned()]).unwrap();
    let (server, _) =
        Server::start_house(vec![Site::new(log.open().unwrap())], &[Roles::PUBLIC], limits, proxies);
    let mut held = [server.client(), server.client(), server.client()];
    held.iter_mut().for_each(|client| assert_eq!(client.get("/healthz").status, 200));
    server.stop();
}

#[test]
fn a_request_that_takes_too_long_inside_is_told_so() {
    let (site, storage, _dir) = memory_site();
    let limits = Limits { request_timeout: Duration::from_millis(300), ..Limits::STANDARD };
    let server = Server::start_site(site, limits);
    storage.hold_appends();
    let late = server.client().post("/add", "x/y", b"late");
    assert_eq!((late.status, late.problem().as_str()), (503, "request-timeout"));
    assert!(late.header("retry-after").is_some());
    storage.release_appends();
    // It is in the log all the same.
    assert_eq!(server.client().post("/add", "x/y", b"late").text(), "0");
    server.stop();
}
