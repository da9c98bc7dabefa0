//! The doctor, asked about sound logs, running ones and broken ones.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use log_server::config::Mode;
use log_server::ledger::Ledger;
use merkle::{Frontier, LeafHash};

use crate::support::{Client, LogDir, program, spawn_server};

/// Exit status and findings as (check, state, seen).
fn ask(log: &Path, more: &[&str]) -> (Option<i32>, Vec<(String, String, String)>) {
    let asked = program().args(["doctor", "--json"]).arg(log).args(more).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&asked.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&asked.stderr)));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let findings = said["findings"].as_array().unwrap().iter();
    let findings = findings.map(|found| (text(&found["check"]), text(&found["state"]), text(&found["seen"])));
    (asked.status.code(), findings.collect())
}

/// The findings of one state, but for the space on the disk of whoever runs this.
fn with_state(findings: &[(String, String, String)], state: &str) -> Vec<String> {
    let found = findings.iter().filter(|(check, of, _)| of == state && check != "disk-space");
    found.map(|(check, ..)| check.clone()).collect()
}

#[test]
fn a_sound_log_has_every_check_and_no_complaint() {
    let log = LogDir::new(Mode::Service);
    let (_, findings) = ask(&log.path(), &["--listen", "127.0.0.1:0"]);
    for check in [
        "descriptors",
        "core-dumps",
        "log",
        "permissions",
        "key",
        "history",
        "disk-space",
        "sync-time",
        "address",
    ] {
        assert!(findings.iter().any(|(named, ..)| named == check), "{check}");
    }
    for state in ["warn", "unknown", "fail"] {
        assert_eq!(with_state(&findings, state), [""; 0], "{findings:?}");
    }
    // Nothing of it stays.
    assert!(
        std::fs::read_dir(log.path())
            .unwrap()
            .all(|file| { !file.unwrap().file_name().to_string_lossy().starts_with(".doctor") })
    );
    let words = program().arg("doctor").arg(log.path()).args(["--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(
        String::from_utf8(words.stdout).unwrap().contains("ok   core-dumps       process: switched off\n")
    );
}

#[test]
fn a_running_log_is_looked_at_without_disturbing_it() {
    let log = LogDir::new(Mode::Conformance);
    let (mut child, addr) = spawn_server(&log.path(), None);
    let mut client = Client::connect(addr);
    for number in 0..20 {
        assert_eq!(client.post("/add", "x/y", format!("entry {number}").as_bytes()).status, 200);
        if number % 5 == 0 {
            let (_, findings) = ask(&log.path(), &["--listen", &addr.to_string()]);
            assert_eq!(with_state(&findings, "fail"), [""; 0], "{findings:?}");
            let seen = |check: &str| findings.iter().find(|(named, ..)| named == check).unwrap().2.clone();
            assert!(seen("history").starts_with(&format!("{} entries", number + 1)), "{findings:?}");
            assert_eq!(seen("address"), "in use, as it should be while the server runs");
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn each_fault_is_found_by_the_check_for_it() {
    let fails = |log: &LogDir, more: &[&str]| {
        let (status, findings) = ask(&log.path(), &[&["--listen", "127.0.0.1:0"], more].concat());
        assert_eq!(status, Some(1), "{findings:?}");
        with_state(&findings, "fail")
    };
    let signed_for = |log: &LogDir, time: u64| {
        let mut tree = Frontier::new();
        tree.append(LeafHash::of(b"lost")).unwrap();
        let mut ledger = Ledger::open(&log.path().join("ledger"), log.vkey(), &mut |_| {}).unwrap();
        ledger.append(&tree.head(), time).unwrap();
    };
    let ahead = LogDir::new(Mode::Service);
    signed_for(&ahead, 1);
    assert_eq!(fails(&ahead, &[]), ["history"]);

    let loose = LogDir::new(Mode::Service);
    std::fs::set_permissions(loose.path().join("key.pem"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(fails(&loose, &[]), ["permissions", "key"]);

    let (mine, other) = (LogDir::new(Mode::Service), LogDir::new(Mode::Service));
    std::fs::copy(other.path().join("key.pem"), mine.path().join("key.pem")).unwrap();
    assert_eq!(fails(&mine, &[]), ["key"]);

    let sound = LogDir::new(Mode::Service);
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(fails(&sound, &["--listen-admin", &held.local_addr().unwrap().to_string()]), ["address"]);
    let few = "ulimit -n 700 && exec \"$0\" doctor \"$@\" --max-connections 400 --listen 127.0.0.1:0";
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", few, env!("CARGO_BIN_EXE_tallymark-log")]).arg(sound.path());
    let said = limited.output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains("FAIL descriptors      process: 700, wanted 720\n     next: raise the limit"),
        "{said}"
    );
    assert_eq!(fails(&sound, &["--tls-cert", "/nowhere"]), ["settings"]);

    let (status, findings) = ask(Path::new("/nowhere"), &["--listen", "127.0.0.1:0"]);
    assert_eq!((status, with_state(&findings, "fail")), (Some(1), vec!["log".to_owned()]));
    let (status, findings) = ask(&sound.path(), &["--config", "/nowhere"]);
    assert_eq!((status, with_state(&findings, "unknown")), (Some(5), vec!["settings".to_owned()]));
}

#[test]
fn a_certificate_that_ended_or_names_another_host_is_found() {
    let log = LogDir::new(Mode::Service);
    let about = |name: &str, year_of_end: i32| {
        let mut wanted = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        wanted.not_before = rcgen::date_time_ymd(2020, 1, 1);
        wanted.not_after = rcgen::date_time_ymd(year_of_end, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let (cert_path, key_path) = (log.scratch().join("cert.pem"), log.scratch().join("tls-key.pem"));
        std::fs::write(&cert_path, wanted.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&key_path, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key_path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let files = ["--tls-cert", cert_path.to_str().unwrap(), "--tls-key", key_path.to_str().unwrap()];
        let (_, findings) = ask(&log.path(), &[&["--listen", "127.0.0.1:0"], &files[..]].concat());
        (with_state(&findings, "fail"), with_state(&findings, "warn"))
    };
    let none = || Vec::<String>::new();
    assert_eq!(about("log.test", 2999), (none(), none()));
    assert_eq!(about("other.test", 2999), (none(), vec!["certificate-name".to_owned()]));
    assert_eq!(about("log.test", 2021), (vec!["certificate".to_owned()], none()));
}
