//! What looks after a log: backups and the way back, freezing, the scrub, the watch over the disk.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use log_server::backup::{self, BackupError, backup_at_rest, restore};
use log_server::care::Care;
use log_server::config::{Config, Mode};
use log_server::control;
use log_server::data_dir::DataDirError;
use log_server::disk::{Mark, Marks};
use log_server::fsck::fsck;
use log_server::hold::{FILE_NAME, Hold, Reason};
use log_server::init::init;
use log_server::key_file::AtRest;
use log_server::opening::{OpenLog, OpeningError};
use log_server::scrub::Pace;
use log_server::serve::Limits;
use log_server::signing::ml_dsa;
use log_server::thaw::{Evidence, ThawError, thaw};

use crate::support::{LogDir, ORIGIN, Response, Server, program, spawn_server};

const FAST: Pace = Pace { bytes_per_second: u64::MAX, rest: Duration::from_millis(200) };

fn add(server: &Server, numbers: std::ops::Range<usize>) {
    let mut client = server.client();
    for number in numbers {
        let response = client.post("/add", "x/y", format!("entry {number}").as_bytes());
        assert_eq!(response.status, 200, "{response:?}");
    }
}

fn log_of(count: usize) -> LogDir {
    let log = LogDir::new(Mode::Conformance);
    let server = log.serve();
    add(&server, 0..count);
    server.stop();
    log
}

fn grow(dir: &Path, numbers: std::ops::Range<usize>) {
    let server = serve(dir, Care::NONE);
    add(&server, numbers);
    server.stop();
}

fn open(dir: &Path) -> Result<OpenLog, OpeningError> {
    OpenLog::open(dir, || panic!("the key is not encrypted"))
}

fn serve(dir: &Path, care: Care) -> Server {
    let mut log = open(dir).unwrap();
    log.set_care(care);
    Server::start(log, Limits::STANDARD)
}

fn post(server: &Server, entry: &str) -> Response {
    server.client().post("/add", "x/y", entry.as_bytes())
}

/// Asks again and again, for half a minute at most.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_sound(dir: &Path) -> bool {
    fsck(dir, &mut |_, _| {}).unwrap().damages().is_empty()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn run(words: &[&str]) -> (Option<i32>, String) {
    let output = program().args(words).output().unwrap();
    (output.status.code(), said(&output))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_backup_comes_back_as_a_log_that_signs_nothing_until_its_ledger_is_shown() {
    let log = log_of(300);
    let (to, again) = (log.scratch().join("backup"), log.scratch().join("again"));
    let manifest = backup_at_rest(&log.path(), &to, true).unwrap();
    assert_eq!((manifest.size, manifest.size_signed), (300, 300));
    assert_eq!(backup::verify(&to).unwrap(), manifest);
    assert!(!log.scratch().join("backup.tmp").exists());
    assert_eq!(restore(&to, &again).unwrap(), manifest);
    assert!(is_sound(&again));
    let server = serve(&again, Care::NONE);
    assert_eq!((server.get("/checkpoint").status, server.get("/tile/0/000").status), (200, 200));
    assert_eq!(post(&server, "new").problem(), "restored");
    assert_eq!(server.get("/readyz").problem(), "restored");
    assert_eq!(server.get("/api/v1/log").json()["state"], "restored");
    server.stop();
    assert_eq!(thaw(&again, &Evidence::Ledger(log.path().join("ledger"))).unwrap(), Reason::Restored);
    grow(&again, 300..310);
    assert!(is_sound(&again));
    assert!(matches!(thaw(&again, &Evidence::Word), Err(ThawError::NotHeld)));
}

#[test]
fn a_backup_without_the_key_has_no_key() {
    let log = log_of(3);
    let to = log.scratch().join("backup");
    backup_at_rest(&log.path(), &to, false).unwrap();
    let mut names: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["db", "ledger", "log.toml", "manifest.json"]);
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(matches!(backup_at_rest(&log.path(), &to, false), Err(BackupError::Exists { .. })));
    let refused = restore(&to, &log.path());
    assert!(matches!(refused, Err(BackupError::DataDir(DataDirError::NotEmpty { .. }))));
}

#[test]
fn a_backup_with_keys_has_each_that_the_log_has_and_the_way_back_brings_them() {
    let log = log_of(3);
    let second = log.path().join("key-ml-dsa.pem");
    let vkey = Config::read(&log.path().join("log.toml")).unwrap().vkey().clone();
    ml_dsa::create(&second, &vkey, &AtRest::Plain).unwrap();
    let (to, again) = (log.scratch().join("backup"), log.scratch().join("again"));
    let keys = |dir: &Path| ["key.pem", "key-ml-dsa.pem"].map(|name| fs::read(dir.join(name)).ok());
    backup_at_rest(&log.path(), &to, true).unwrap();
    restore(&to, &again).unwrap();
    assert_eq!(keys(&again), keys(&log.path()));
    let without = log.scratch().join("without");
    backup_at_rest(&log.path(), &without, false).unwrap();
    assert_eq!(keys(&without), [None, None]);
}

#[test]
fn an_older_copy_never_signs_again_whatever_is_brought_forward() {
    let log = log_of(0);
    // Backups of sizes 0, 7, 14 ... and after each of them the log goes on.
    for step in 0..4 {
        let (to, again) = (log.scratch().join(format!("b{step}")), log.scratch().join(format!("r{step}")));
        backup_at_rest(&log.path(), &to, true).unwrap();
        restore(&to, &again).unwrap();
        grow(&log.path(), step * 7..(step + 1) * 7);
        let server = log.serve();
        let checkpoint = server.get("/checkpoint").body;
        server.stop();
        for evidence in [Evidence::Ledger(log.path().join("ledger")), Evidence::Checkpoint(checkpoint)] {
            let refused = thaw(&again, &evidence);
            assert!(
                matches!(refused, Err(ThawError::Behind { size_seen, size_signed })
                    if (size_seen, size_signed) == (step as u64 * 7, (step as u64 + 1) * 7)),
                "{refused:?}"
            );
        }
        // Nor does it if somebody takes the hold away by hand and puts the newest ledger in.
        fs::remove_file(again.join(FILE_NAME)).unwrap();
        fs::copy(log.path().join("ledger"), again.join("ledger")).unwrap();
        assert!(matches!(open(&again), Err(OpeningError::BehindLedger { .. })));
    }
}

#[test]
fn evidence_of_another_log_or_history_or_an_older_ledger_lets_nothing_go() {
    let log = log_of(5);
    let (early, to, again) =
        (log.scratch().join("early"), log.scratch().join("backup"), log.scratch().join("again"));
    fs::copy(log.path().join("ledger"), &early).unwrap();
    grow(&log.path(), 5..9);
    backup_at_rest(&log.path(), &to, true).unwrap();
    restore(&to, &again).unwrap();
    let refused = thaw(&again, &Evidence::Ledger(early));
    assert!(matches!(refused, Err(ThawError::EvidenceOld { size_seen: 5, size_own: 9 })), "{refused:?}");
    let other = log_of(5);
    assert!(matches!(
        thaw(&again, &Evidence::Ledger(other.path().join("ledger"))),
        Err(ThawError::Ledger(_))
    ));
    let checkpoint = other.serve().get("/checkpoint").body;
    assert!(matches!(thaw(&again, &Evidence::Checkpoint(checkpoint)), Err(ThawError::NotSigned(_))));
    // The same key, another history.
    let fork = log.scratch().join("fork");
    restore(&to, &fork).unwrap();
    thaw(&fork, &Evidence::Word).unwrap();
    for (dir, word) in [(&fork, "this"), (&again, "that")] {
        if dir == &again {
            thaw(dir, &Evidence::Ledger(log.path().join("ledger"))).unwrap();
        }
        let server = serve(dir, Care::NONE);
        assert_eq!(post(&server, word).status, 200);
        server.stop();
    }
    Hold::new(Reason::Restored, "").write(&again).unwrap();
    let refused = thaw(&again, &Evidence::Ledger(fork.join("ledger")));
    assert!(matches!(refused, Err(ThawError::Forked { size: 10, .. })), "{refused:?}");
    assert_eq!(Hold::read(&again).unwrap().unwrap().reason(), Reason::Restored);
}

#[test]
fn a_backup_with_any_byte_changed_a_file_more_or_less_is_not_restored() {
    let log = log_of(5);
    let to = log.scratch().join("backup");
    backup_at_rest(&log.path(), &to, true).unwrap();
    let manifest = backup::verify(&to).unwrap();
    for row in &manifest.files {
        let path = to.join(&row.path);
        let sound = fs::read(&path).unwrap();
        for damaged in [[&sound[..], b"x"].concat(), sound.iter().map(|byte| byte ^ 1).collect()] {
            fs::write(&path, damaged).unwrap();
            if sound != fs::read(&path).unwrap() {
                assert!(matches!(backup::verify(&to), Err(BackupError::File { .. })), "{}", row.path);
            }
        }
        fs::remove_file(&path).unwrap();
        assert!(backup::verify(&to).is_err(), "{}", row.path);
        fs::write(&path, sound).unwrap();
    }
    backup::verify(&to).unwrap();
    fs::write(to.join("db/999999.sst"), "more").unwrap();
    assert!(matches!(backup::verify(&to), Err(BackupError::File { .. })));
    fs::remove_file(to.join("db/999999.sst")).unwrap();
    let text = fs::read_to_string(to.join("manifest.json")).unwrap();
    for (from, by) in [
        ("\"ledger\"", "\"../ledger\""),
        ("\"version\": 1", "\"version\": 2"),
        ("\"size\": 5", "\"size\": 5, \"more\": 1"),
    ] {
        fs::write(to.join("manifest.json"), text.replace(from, by)).unwrap();
        assert!(matches!(backup::verify(&to), Err(BackupError::Manifest { .. })), "{from}");
    }
    // Whole files, but the manifest is about another tree.
    fs::write(to.join("manifest.json"), text.replace("\"size\": 5", "\"size\": 4")).unwrap();
    let again = log.scratch().join("again");
    assert!(matches!(restore(&to, &again), Err(BackupError::Manifest { .. })));
    assert!(!again.join("log.toml").exists(), "what was not restored is no log");
}

#[test]
fn a_running_log_is_backed_up_while_it_takes_entries() {
    let log = log_of(10);
    let server = log.serve();
    let backups: Vec<PathBuf> = (0..3).map(|number| log.scratch().join(format!("b{number}"))).collect();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| add(&server, 10..400));
        for to in &backups {
            let (status, said) = run(&["backup", &text(&log.path()), "--to", &text(to), "--with-key"]);
            assert_eq!(status, Some(0), "{said}");
        }
        writer.join().unwrap();
    });
    server.stop();
    assert!(
        fs::read_dir(log.path())
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with(control::COPY_PREFIX) })
    );
    for to in &backups {
        let again = to.with_extension("restored");
        let manifest = restore(to, &again).unwrap();
        assert!((10..=400).contains(&manifest.size), "{}", manifest.size);
        assert!(is_sound(&again));
        // Its own ledger opens it: the copy was one moment of the log.
        thaw(&again, &Evidence::Word).unwrap();
        open(&again).unwrap();
    }
}

#[test]
fn the_commands_say_what_to_do_next() {
    let log = log_of(3);
    let (to, again) = (log.scratch().join("backup"), log.scratch().join("again"));
    let (status, said) = run(&["backup", &text(&log.path()), "--to", &text(&to)]);
    assert!(status == Some(0) && said.contains("the private key is not in it"), "{said}");
    let (status, said) = run(&["restore", &text(&to), "--to", &text(&again)]);
    assert!(status == Some(0) && said.contains("Next: put the log's key.pem there"), "{said}");
    let (status, said) = run(&["thaw", &text(&again)]);
    assert!(status == Some(1) && said.contains("hint: a restored log wants --ledger"), "{said}");
    let (status, said) = run(&["thaw", &text(&again), "--unfreeze"]);
    assert_eq!(status, Some(1), "{said}");
    let server = log.serve();
    let checkpoint = format!("http://{}/checkpoint", server.addr);
    let (status, said) = run(&["thaw", &text(&again), "--checkpoint", &checkpoint]);
    assert!(status == Some(0) && said.contains("the next start signs again"), "{said}");
    server.stop();
}

#[test]
fn a_frozen_log_is_read_for_ever_and_takes_nothing_at_rest_or_running() {
    let log = log_of(3);
    let (mut child, addr) = spawn_server(&log.path(), None);
    let get = |path: &str| crate::support::Client::connect(addr).get(path);
    let post = |entry: &[u8]| crate::support::Client::connect(addr).post("/add", "x/y", entry);
    assert_eq!((post(b"before").status, &get("/api/v1/log").json()["state"]), (200, &"open".into()));
    let (status, said) = run(&["freeze", &text(&log.path()), "--why", "2026 is over"]);
    assert_eq!(status, Some(0), "{said}");
    let refused = post(b"after");
    assert_eq!((refused.status, refused.problem()), (410, "frozen".to_owned()));
    assert_eq!(get("/api/v1/log").json()["state"], "frozen");
    assert_eq!((get("/readyz").status, get("/checkpoint").status), (200, 200));
    let checkpoint = get("/checkpoint").body;
    child.kill().unwrap();
    child.wait().unwrap();
    let server = log.serve();
    assert_eq!(crate::support::Client::connect(server.addr).post("/add", "x/y", b"x").problem(), "frozen");
    assert_eq!(server.get("/checkpoint").body, checkpoint);
    server.stop();
    assert_eq!(Hold::read(&log.path()).unwrap().unwrap().detail(), "2026 is over");
    let evidence = Evidence::Ledger(log.path().join("ledger"));
    assert!(matches!(thaw(&log.path(), &evidence), Err(ThawError::WantsWord)));
    assert_eq!(run(&["thaw", &text(&log.path()), "--unfreeze"]).0, Some(0));
    grow(&log.path(), 10..12);
    assert_eq!(run(&["freeze", &text(&log.path())]).0, Some(0));
    let server = log.serve();
    assert_eq!(server.get("/api/v1/log").json()["state"], "frozen");
    server.stop();
}

#[test]
fn a_hold_that_cannot_be_read_keeps_the_log_from_opening() {
    let log = log_of(3);
    fs::write(log.path().join(FILE_NAME), "reason = \"because\"\n").unwrap();
    assert!(matches!(open(&log.path()), Err(OpeningError::Hold(_))));
}

/// The database's files with entries in them, largest first.
fn tables(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir.join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    found
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn the_scrub_stops_a_running_log_over_one_flipped_bit_and_a_restart_does_not_forget() {
    let log = log_of(2000);
    // A start writes what the last run left in its write-ahead log into tables.
    drop(open(&log.path()).unwrap());
    let server = serve(&log.path(), Care { scrub: FAST, disk: None });
    assert_eq!(post(&server, "before").status, 200);
    let size = |server: &Server| server.get("/checkpoint").text().lines().nth(1).unwrap().to_owned();
    assert_eq!(size(&server), "2001");
    for table in tables(&log.path()) {
        flip(&table, 200);
    }
    eventually("writes are refused", || server.get("/api/v1/log").json()["state"] == "damaged");
    let refused = post(&server, "after");
    assert_eq!((refused.status, refused.problem()), (503, "damaged".to_owned()));
    assert_eq!(server.get("/readyz").problem(), "damaged");
    assert_eq!(size(&server), "2001");
    server.stop();
    assert_eq!(Hold::read(&log.path()).unwrap().unwrap().reason(), Reason::Damaged);
    let (status, said) = run(&["thaw", &text(&log.path())]);
    assert_eq!(status, Some(1), "{said}");
    for table in tables(&log.path()) {
        flip(&table, 200);
    }
    let (status, said) = run(&["thaw", &text(&log.path())]);
    assert!(status == Some(0) && said.contains("damaged and is sound"), "{said}");
    grow(&log.path(), 3000..3003);
}

#[test]
fn a_sound_log_is_scrubbed_while_it_grows_and_goes_on() {
    let log = log_of(600);
    let server = serve(&log.path(), Care { scrub: FAST, disk: None });
    add(&server, 600..1200);
    let passes = || server.get("/api/v1/log").json()["scrub"]["passes"].as_u64().unwrap();
    let before = passes();
    eventually("two whole passes more", || passes() >= before + 2);
    add(&server, 1200..1210);
    server.stop();
    assert_eq!(Hold::read(&log.path()).unwrap(), None);
}

/// A small file system of its own; `None` where it cannot be mounted, which is said.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(test: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "tallymark-test"])
            .arg(dir.path())
            .output();
        match mount {
            Ok(done) if done.status.success() => Some(Self { dir }),
            _ => {
                eprintln!("skipped {test}: a file system cannot be mounted here");
                None
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Leaves so many bytes free, at most.
    fn fill(&self, free: u64) {
        let mut file = File::create(self.dir.path().join("fill")).unwrap();
        let chunk = vec![1; 64 * 1024];
        while self.free() > free + 64 * 1024 {
            if file.write_all(&chunk).is_err() {
                break;
            }
        }
        while self.free() > free {
            if file.write_all(&chunk[..4096]).is_err() {
                break;
            }
        }
    }

    fn make_space(&self) {
        fs::remove_file(self.dir.path().join("fill")).unwrap();
    }

    fn free(&self) -> u64 {
        let stat = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(self.dir.path()).output().unwrap();
        let text = String::from_utf8(stat.stdout).unwrap();
        let mut numbers = text.split_whitespace().map(|number| number.parse::<u64>().unwrap());
        numbers.next().unwrap() * numbers.next().unwrap()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.dir.path()).status();
    }
}

const MARKS: Marks = Marks {
    warn: Mark::Bytes(20 << 20),
    read_only: Mark::Bytes(16 << 20),
    stop: Mark::Bytes(8 << 20),
    ballast_bytes: 8 << 20,
    pause: Duration::from_millis(50),
};

#[test]
fn a_disk_that_fills_up_stops_writing_and_not_reading_and_space_starts_it_again() {
    let Some(disk) = SmallDisk::mount("a_disk_that_fills_up") else { return };
    init(&disk.path(), &ORIGIN.parse().unwrap(), Mode::Conformance, &AtRest::Plain).unwrap();
    let ballast = || fs::metadata(disk.path().join("ballast")).ok().map(|there| there.len());
    let server = serve(&disk.path(), Care { disk: Some(MARKS), ..Care::NONE });
    add(&server, 0..5);
    assert_eq!(ballast(), Some(8 << 20));
    // Below the second mark: nothing is taken, the ballast stays.
    disk.fill(12 << 20);
    eventually("the log says so", || server.get("/api/v1/log").json()["state"] == "disk-full");
    let refused = post(&server, "refused");
    assert_eq!((refused.status, refused.problem()), (507, "disk-full".to_owned()));
    assert_eq!(server.get("/readyz").problem(), "disk-full");
    assert_eq!((server.get("/checkpoint").status, server.get("/tile/0/000.p/5").status), (200, 200));
    assert_eq!(ballast(), Some(8 << 20));
    // Below the last: the ballast is given up.
    disk.fill(1 << 20);
    eventually("the ballast is given up", || ballast().is_none());
    assert_eq!(server.get("/checkpoint").status, 200);
    disk.make_space();
    eventually("entries are taken again", || post(&server, "taken").status == 200);
    eventually("the ballast is made again", || ballast() == Some(8 << 20));
    server.stop();
    assert!(is_sound(&disk.path()));
}

#[test]
fn a_start_on_a_full_disk_lives_off_its_ballast_and_without_one_still_serves_reads() {
    let Some(disk) = SmallDisk::mount("a_start_on_a_full_disk") else { return };
    init(&disk.path(), &ORIGIN.parse().unwrap(), Mode::Conformance, &AtRest::Plain).unwrap();
    let care = Care { disk: Some(MARKS), ..Care::NONE };
    let server = serve(&disk.path(), care);
    add(&server, 0..5);
    server.stop();
    disk.fill(0);
    let server = serve(&disk.path(), care);
    assert_eq!(server.get("/api/v1/log").json()["state"], "disk-full");
    assert_eq!(server.get("/tile/entries/000.p/5").status, 200);
    assert!(!disk.path().join("ballast").exists());
    server.stop();
    disk.fill(0);
    assert!(disk.free() < 4096);
    let server = serve(&disk.path(), care);
    assert_eq!(server.get("/api/v1/log").json()["state"], "read-only");
    assert_eq!(post(&server, "refused").problem(), "read-only");
    assert_eq!((server.get("/checkpoint").status, server.get("/tile/entries/000.p/5").status), (200, 200));
    server.stop();
    disk.make_space();
    let server = serve(&disk.path(), care);
    eventually("entries are taken again", || post(&server, "taken").status == 200);
    server.stop();
    assert!(is_sound(&disk.path()));
}
