//! The program as an operator meets it: words, exit statuses, signals.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use crate::support::{Client, ORIGIN, program, spawn_server};

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

struct Case {
    temp: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    fn dir(&self) -> PathBuf {
        self.temp.path().join("log")
    }

    fn dir_text(&self) -> String {
        self.dir().display().to_string()
    }

    fn init(&self, more: &[&str]) -> Output {
        let dir = self.dir_text();
        run(&[&["init", &dir, "--origin", ORIGIN], more].concat())
    }
}

fn terminate(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn init_prints_what_others_need_to_trust_the_log() {
    let case = Case::new();
    let made = case.init(&["--unencrypted-key"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let out = text(&made.stdout);
    assert!(out.contains("origin log.test/1\n") && out.contains("\nquorum none\n"), "{out}");
    assert!(out.contains("\nlog log.test/1+") && out.contains("Next: tallymark-log serve"), "{out}");
    let mode = |name: &str| fs::metadata(case.dir().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("key.pem"), mode("ledger"), mode(".")), (0o600, 0o600, 0o700));
}

#[test]
fn init_prints_json_for_programs() {
    let case = Case::new();
    let made = case.init(&["--unencrypted-key", "--conformance", "--json"]);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((&made["origin"], &made["conformance"]), (&"log.test/1".into(), &true.into()));
    assert_eq!(made["policy"], format!("log {}", made["vkey"].as_str().unwrap()));
}

#[test]
fn init_never_touches_a_directory_with_something_in_it() {
    let case = Case::new();
    fs::create_dir(case.dir()).unwrap();
    fs::write(case.dir().join("file"), "here first").unwrap();
    let refused = case.init(&["--unencrypted-key"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("not empty"), "{}", text(&refused.stderr));
    assert_eq!(fs::read_dir(case.dir()).unwrap().count(), 1);
}

#[test]
fn init_twice_keeps_the_first_key() {
    let case = Case::new();
    case.init(&["--unencrypted-key"]);
    let key = fs::read(case.dir().join("key.pem")).unwrap();
    assert_eq!(case.init(&["--unencrypted-key"]).status.code(), Some(1));
    assert_eq!(fs::read(case.dir().join("key.pem")).unwrap(), key);
}

#[test]
fn a_key_is_encrypted_unless_asked_otherwise() {
    let case = Case::new();
    let passphrase = case.temp.path().join("passphrase");
    fs::write(&passphrase, "correct horse\n").unwrap();
    let file = passphrase.display().to_string();
    assert_eq!(case.init(&["--passphrase-file", &file]).status.code(), Some(0));
    let pem = fs::read_to_string(case.dir().join("key.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let (mut child, addr) = spawn_server(&case.dir(), Some("correct horse"));
    assert_eq!(Client::connect(addr).get("/readyz").status, 200);
    terminate(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let wrong = program()
        .args(["serve", &case.dir_text(), "--listen", "127.0.0.1:0"])
        .env("TALLYMARK_LOG_PASSPHRASE", "battery staple")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains("wrong passphrase"), "{}", text(&wrong.stderr));
}

#[test]
fn a_loose_key_file_is_refused_with_the_way_out() {
    let case = Case::new();
    case.init(&["--unencrypted-key"]);
    fs::set_permissions(case.dir().join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = run(&["serve", &case.dir_text(), "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    let words = text(&refused.stderr);
    assert!(
        words.contains("permissions are 644, wanted 600") && words.contains("hint: chmod 600"),
        "{words}"
    );
}

#[test]
fn both_signals_end_the_server_gracefully() {
    let case = Case::new();
    case.init(&["--unencrypted-key", "--conformance"]);
    for (number, signal) in ["-TERM", "-INT"].into_iter().enumerate() {
        let (mut child, addr) = spawn_server(&case.dir(), None);
        let mut client = Client::connect(addr);
        let entry = format!("entry {number}");
        assert_eq!(client.post("/add", "x/y", entry.as_bytes()).text(), number.to_string());
        terminate(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(client.is_closed_by_server());
    }
    assert_eq!(run(&["fsck", &case.dir_text()]).status.code(), Some(0));
}

#[test]
fn log_lines_carry_no_colour_codes_into_a_pipe_and_a_closed_pipe_ends_nothing() {
    let case = Case::new();
    assert!(case.init(&["--unencrypted-key"]).status.success());
    let serve = || {
        let mut command = program();
        command.args(["serve", &case.dir_text(), "--listen", "127.0.0.1:0"]);
        command.env_remove("NO_COLOR").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take().unwrap();
        (child, move || stdout.read_line(&mut String::new()).unwrap(), stderr)
    };
    let (mut child, mut ready, mut lines) = serve();
    ready();
    terminate(&child, "-TERM");
    assert!(child.wait().unwrap().success());
    let mut text = String::new();
    lines.read_to_string(&mut text).unwrap();
    assert!(text.contains("tail proven") && !text.contains('\u{1b}'), "{text:?}");

    let (mut child, mut ready, lines) = serve();
    drop(lines);
    assert_ne!(ready(), 0, "the server said nothing");
    terminate(&child, "-TERM");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let case = Case::new();
    case.init(&["--unencrypted-key"]);
    let (mut child, addr) = spawn_server(&case.dir(), None);
    for command in ["serve", "fsck"] {
        let refused = run(&[command, &case.dir_text()]);
        assert_eq!(refused.status.code(), Some(1), "{command}");
        assert!(text(&refused.stderr).contains("in use by another process"), "{}", text(&refused.stderr));
    }
    assert_eq!(Client::connect(addr).get("/healthz").status, 200);
    terminate(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_port_in_use_is_an_input_output_error() {
    let case = Case::new();
    case.init(&["--unencrypted-key"]);
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = holder.local_addr().unwrap().to_string();
    let refused = run(&["serve", &case.dir_text(), "--listen", &addr]);
    assert_eq!(refused.status.code(), Some(5));
    let words = text(&refused.stderr);
    assert!(words.contains(&format!("could not listen on {addr}: Address already in use")), "{words}");
}

#[test]
fn more_connections_than_open_files_are_allowed_is_refused_before_the_log_is_opened() {
    let case = Case::new();
    assert!(case.init(&["--unencrypted-key"]).status.success());
    let serve = [&case.dir_text()[..], "--listen", "127.0.0.1:0", "--max-connections", "400"];
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 700 && exec \"$0\" serve \"$@\"", env!("CARGO_BIN_EXE_tallymark-log")]);
    let refused = limited.args(serve).output().unwrap();
    assert_eq!(refused.status.code(), Some(5));
    let said = text(&refused.stderr);
    assert!(said.contains("700 open files are allowed, 720 may be needed\nhint: raise the limit"), "{said}");
}

#[test]
fn fsck_reports_a_sound_log_in_words_and_json() {
    let case = Case::new();
    case.init(&["--unencrypted-key"]);
    let sound = run(&["fsck", &case.dir_text()]);
    assert_eq!(sound.status.code(), Some(0));
    assert!(text(&sound.stdout).ends_with("checked 0 entries, 0 tiles, 1 signed heads\nno damage\n"));
    let json = run(&["fsck", &case.dir_text(), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["size"], &json["heads"]), (&0.into(), &1.into()));
    assert_eq!(json["damages"], serde_json::json!([]));
}

#[test]
fn fsck_of_a_damaged_ledger_exits_1() {
    let case = Case::new();
    case.init(&["--unencrypted-key"]);
    fs::write(case.dir().join("ledger"), [1; 80]).unwrap();
    let damaged = run(&["fsck", &case.dir_text()]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(text(&damaged.stderr).contains("chain breaks at the record at byte 0"));
}

#[test]
fn a_directory_that_is_no_log_is_refused_and_left_alone() {
    let case = Case::new();
    fs::create_dir(case.dir()).unwrap();
    for command in ["serve", "fsck"] {
        let refused = run(&[command, &case.dir_text()]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains("not the directory of a log"));
    }
    assert_eq!(fs::read_dir(case.dir()).unwrap().count(), 0);
}

#[test]
fn wrong_use_exits_2() {
    for args in [
        &["init", "x"][..],
        &["init", "x", "--origin", ""],
        &["init", "x", "--origin", "a", "--unencrypted-key", "--passphrase-file", "f"],
        &["serve", "x", "--listen", "nowhere"],
        &["serve", "x", "--queue", "0"],
        &["fsck"],
        &["frobnicate"],
        &[],
    ] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for args in [&["--help"][..], &["init", "--help"], &["serve", "--help"], &["fsck", "--help"]] {
        let help = run(args);
        assert_eq!(help.status.code(), Some(0));
        assert!(text(&help.stdout).contains("Example:\n  tallymark-log "), "{args:?}");
    }
}
