//! The server under a service manager: what it tells, what it asks of the kernel, and the unit that starts it.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use log_server::config::Mode;

use crate::support::{LogDir, program, spawn_server};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/dist/tallymark-log.service");

#[test]
fn a_manager_is_told_ready_alive_and_stopping() {
    let log = LogDir::new(Mode::Service);
    let path = log.scratch().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let heard = || {
        let mut word = [0; 64];
        let count = socket.recv(&mut word).unwrap();
        String::from_utf8(word[..count].to_vec()).unwrap()
    };
    let mut server = program();
    server.arg("serve").arg(log.path()).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null());
    server.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").env("RUST_LOG", "off");
    let mut server = server.spawn().unwrap();
    assert_eq!([heard(), heard(), heard()], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    let asked = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(asked.unwrap().success());
    while heard() != "STOPPING=1" {}
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_server_leaves_no_core_and_makes_files_for_its_owner_only() {
    let log = LogDir::new(Mode::Service);
    let (mut child, _) = spawn_server(&log.path(), None);
    let of_process = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap();
    let (limits, status) = (of_process("limits"), of_process("status"));
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_ascii_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"]);
    assert!(status.contains("\nUmask:\t0077\n"), "{status}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_unit_is_clean_and_closed() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("skipped: the_unit_is_clean_and_closed, there is no systemd-analyze here");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(UNIT).unwrap();
    // The program need not be installed where the test runs.
    let text = text.replace("/usr/bin/tallymark-log", env!("CARGO_BIN_EXE_tallymark-log"));
    let unit = dir.path().join("tallymark-log.service");
    std::fs::write(&unit, text).unwrap();
    let analyze = |args: &[&str], unit: &Path| {
        let output = Command::new("systemd-analyze").args(args).arg(unit).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let (clean, said) = analyze(&["verify"], &unit);
    assert!(clean && said.is_empty(), "{said}");
    // Exposure from 0.0 (none) to 10.0, times ten: above the threshold this fails.
    let (closed, said) = analyze(&["security", "--offline=true", "--threshold=20"], &unit);
    assert!(closed, "{said}");
}
