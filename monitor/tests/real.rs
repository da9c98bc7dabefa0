//! The real log, `tallymark-log` as an operator runs it, watched by the real monitor.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::blocking::Client;

use crate::log::ORIGIN;
use crate::mint::{Said, key_id, said};
use crate::support::{Asked, Desk, PROGRAM, bare, told};

/// `tallymark-log`, if it was built beside the monitor, as the tests of the workspace do.
fn log_program() -> Option<PathBuf> {
    let beside = Path::new(PROGRAM).with_file_name("tallymark-log");
    if beside.exists() {
        return Some(beside);
    }
    println!("skipped: tallymark-log is not built");
    None
}

/// A log in a directory of its own; its process is killed when this is dropped.
struct RealLog {
    program: PathBuf,
    home: tempfile::TempDir,
    vkey: String,
    at: String,
    child: Child,
}

impl RealLog {
    fn new(program: PathBuf) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut init = bare(Command::new(&program));
        init.arg("init").arg(home.path().join("log")).args(["--origin", ORIGIN, "--unencrypted-key"]);
        let output = init.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let is_vkey = |word: &&str| word.starts_with(ORIGIN) && word.matches('+').count() >= 2;
        let vkey = printed.split([' ', '\n', '"']).find(is_vkey).unwrap().to_owned();
        let (child, at) = Self::serve(&program, home.path(), "127.0.0.1:0");
        Self { program, home, vkey, at, child }
    }

    fn serve(program: &Path, home: &Path, listen: &str) -> (Child, String) {
        let mut serve = bare(Command::new(program));
        serve.arg("serve").arg(home.join("log")).args(["--listen", listen]);
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = line.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        (child, at.trim_end_matches('/').to_owned())
    }

    fn url(&self) -> String {
        format!("http://{}/", self.at)
    }

    fn submit(&self, said: &Said) {
        let client = Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
        let request = client.post(format!("{}api/v1/entries", self.url()));
        let answer = request.header("content-type", "application/cose").body(said.entry()).send().unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{}", answer.text().unwrap());
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same log again, at the same address.
    fn start(&mut self) {
        let (child, at) = Self::serve(&self.program, self.home.path(), &self.at);
        assert_eq!(at, self.at);
        self.child = child;
    }
}

impl Drop for RealLog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn somebody_who_signs_in_the_owners_name_is_told_and_the_owner_is_not() {
    let Some(program) = log_program() else { return };
    let log = RealLog::new(program);
    // More than a bundle, so that whole and partial tiles of the log are read.
    (0..300).for_each(|number| log.submit(&said("acme/churn", &format!("0.{number}"), 3)));
    let watch = format!("[[watch]]\nname = \"acme/*\"\nkeys = [{:?}]\nlabel = \"our models\"\n", key_id(3));
    let asked = Asked { watch: &watch, ..Asked::default() };
    let desk = Desk::of(&log.vkey, &log.url(), &asked);
    assert_eq!(desk.reasons(), (0, vec![]), "the owner's own releases");
    let _running = desk.start();
    log.submit(&said("acme/churn", "1", 3));
    log.submit(&said("other/model", "1", 6));
    log.submit(&said("acme/churn", "2", 6));
    let alert = desk.wait_for(|message| message["kind"] == "alert");
    assert_eq!((told(&alert), &alert["entry"]["index"]), ("key-unexpected".to_owned(), &302.into()));
    assert_eq!(alert["entry"]["key"], key_id(6).as_str());
    log.submit(&Said { kind: 5, ..said("acme/churn", "2", 6) });
    desk.wait_for(|message| told(message) == "key-unexpected+event-watched");
    let alerts = desk.alerts().iter().filter(|message| message["kind"] == "alert").count();
    assert_eq!(alerts, 2, "{:?}", desk.alerts());
}

#[test]
fn a_log_that_was_away_is_gone_on_with_where_it_was_left() {
    let Some(program) = log_program() else { return };
    let mut log = RealLog::new(program);
    let asked =
        Asked { keys: "patience = \"100ms\"", watch: "[[watch]]\nname = \"acme/*\"\n", ..Asked::default() };
    let desk = Desk::of(&log.vkey, &log.url(), &asked);
    log.submit(&said("acme/churn", "1", 3));
    let _running = desk.start();
    desk.wait_for(|message| told(message) == "name-watched");
    log.kill();
    let away = desk.wait_for(|message| told(message) == "log-unreachable");
    log.start();
    let back = desk.wait_for(|message| told(message) == "resolved log-unreachable");
    assert_eq!(back["id"], away["id"]);
    log.submit(&said("acme/churn", "2", 3));
    desk.wait_for(|message| message["entry"]["version"] == "2");
    let read: Vec<_> = desk.alerts().iter().map(|message| message["entry"]["index"].clone()).collect();
    let read: Vec<_> = read.into_iter().filter(|index| !index.is_null()).collect();
    assert_eq!(read, [0, 1], "each entry once");
}
