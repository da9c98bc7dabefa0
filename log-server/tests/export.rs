//! A log seen from outside, recomputed over HTTP, and as files.

use std::fs;
use std::path::{Path, PathBuf};

use attest::key::Algorithm;
use log_server::audit::{self, AuditError, Options, audit};
use log_server::config::Mode;
use log_server::damage::Damage;
use log_server::export::{ExportError, export};
use log_server::fsck::fsck;
use log_server::import::{Growth, ImportError, import};
use log_server::opening::OpenLog;
use log_server::serve::Limits;
use log_server::storage::Storage as _;
use log_server::storage::memory::MemoryStorage;
use log_server::thaw::{Evidence, ThawError, thaw};
use log_server::tile_source::http::HttpSource;
use log_server::tile_source::{DirSource, TileSource};
use tlog::vkey::Vkey;

use crate::support::{LogDir, Server, Signer, program};

const PLAIN: Options = Options { origin: None, entries: false, threads: 4 };

/// A log of `count` raw entries.
fn log_of(count: usize) -> LogDir {
    let log = LogDir::new(Mode::Conformance);
    add(&log, 0..count);
    log
}

fn add(log: &LogDir, numbers: std::ops::Range<usize>) {
    let server = log.serve();
    let addr = server.addr;
    std::thread::scope(|scope| {
        for part in 0..8 {
            let numbers = numbers.clone();
            scope.spawn(move || {
                let mut client = crate::support::Client::connect(addr);
                for number in numbers.skip(part).step_by(8) {
                    let entry = format!("entry {number}");
                    assert_eq!(client.post("/add", "x/y", entry.as_bytes()).status, 200);
                }
            });
        }
    });
    server.stop();
}

fn export_of(log: &LogDir, out: &Path) -> Result<log_server::export::Exported, ExportError> {
    export(&log.open().unwrap().tile_source(), log.vkey(), None, 2, out, &mut |_, _| {})
}

fn damages(source: &dyn TileSource, vkey: &Vkey) -> Vec<Damage> {
    audit(source, vkey, &PLAIN, &mut |_, _| {}).unwrap().damages().to_vec()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_served_log_recomputes_over_http_and_another_key_does_not_open_it() {
    let log = log_of(600);
    let server = log.serve();
    let url = format!("http://{}", server.addr);
    let source = HttpSource::new(&url).unwrap();
    let mut told = Vec::new();
    let report = audit(&source, log.vkey(), &PLAIN, &mut |done, all| told.push((done, all))).unwrap();
    assert_eq!((report.entries(), report.tiles(), report.damages()), (600, 4, &[][..]));
    assert_eq!(told, [(256, 600), (512, 600), (600, 600)]);
    let other = LogDir::new(Mode::Conformance);
    let refused = audit(&source, other.vkey(), &PLAIN, &mut |_, _| {});
    assert!(matches!(refused, Err(AuditError::NotSigned(_))));
    let run = |vkey: &Vkey, more: &[&str]| {
        let vkey = vkey.to_string();
        let done = program().args(["fsck", "--url", &url, "--vkey", &vkey]).args(more).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    let (status, said) = run(log.vkey(), &[]);
    assert_eq!((status, said.ends_with("no damage\n")), (Some(0), true), "{said}");
    // Raw entries are no signed ones, and the deep look says so of each, up to its bound.
    let (status, said) = run(log.vkey(), &["--entries", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &said["damages"][0]["code"]), (Some(1), &"entry-bad".into()));
    assert_eq!(run(other.vkey(), &[]).0, Some(1));
    server.stop();
}

#[test]
fn signed_entries_pass_the_deep_look() {
    let log = LogDir::new(Mode::Service);
    let server = log.serve();
    let signer = Signer::new(Algorithm::Ed25519);
    for number in 0..3 {
        assert_eq!(server.client().submit(&signer.entry(number)).status, 201);
    }
    let source = HttpSource::new(&format!("http://{}/", server.addr)).unwrap();
    let report = audit(&source, log.vkey(), &Options { entries: true, ..PLAIN }, &mut |_, _| {}).unwrap();
    assert_eq!((report.entries(), report.damages()), (3, &[][..]));
    server.stop();
}

#[test]
fn an_export_grows_with_its_log_and_recomputes() {
    let log = log_of(300);
    let out = log.scratch().join("out");
    let first = export_of(&log, &out).unwrap();
    assert_eq!((first.head.size().get(), first.written, first.kept), (300, 5, 0));
    assert_eq!(damages(&DirSource::new(out.clone()), log.vkey()), []);
    let again = export_of(&log, &out).unwrap();
    assert_eq!((again.written, again.kept), (0, 5));
    add(&log, 300..600);
    assert_eq!(export_of(&log, &out).unwrap().head.size().get(), 600);
    assert_eq!(damages(&DirSource::new(out.clone()), log.vkey()), []);
    let mut names: Vec<_> =
        files(&out).iter().map(|path| path.strip_prefix(&out).unwrap().to_owned()).collect();
    names.sort();
    assert!(names.contains(&"tile/entries/002.p/88".into()) && names.contains(&"tile/1/000.p/2".into()));
    assert!(
        names.iter().all(|name| name.extension().is_none_or(|extension| extension != "tmp")),
        "{names:?}"
    );
}

#[test]
fn one_flipped_bit_in_any_file_of_an_export_is_found() {
    let log = log_of(300);
    let out = log.scratch().join("out");
    export_of(&log, &out).unwrap();
    for path in files(&out) {
        let sound = fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let found = audit(&DirSource::new(out.clone()), log.vkey(), &PLAIN, &mut |_, _| {});
        assert!(
            match &found {
                Ok(report) => !report.damages().is_empty(),
                Err(error) => error.is_damage(),
            },
            "{}: {found:?}",
            path.display()
        );
        if path.ends_with("checkpoint") {
            assert!(matches!(found, Err(AuditError::NotSigned(_) | AuditError::Checkpoint(_))));
        } else {
            // And an export does not write over it.
            assert!(matches!(export_of(&log, &out), Err(ExportError::Differs { path: at }) if at == path));
        }
        fs::write(&path, &sound).unwrap();
        fs::remove_file(&path).unwrap();
        let found = audit(&DirSource::new(out.clone()), log.vkey(), &PLAIN, &mut |_, _| {});
        assert!(!matches!(found, Ok(report) if report.damages().is_empty()), "{}", path.display());
        fs::write(&path, &sound).unwrap();
    }
}

#[test]
fn an_older_log_does_not_write_over_a_newer_export() {
    let log = log_of(3);
    let (newer, older) = (log.scratch().join("newer"), log.scratch().join("older"));
    export_of(&log, &older).unwrap();
    add(&log, 3..6);
    export_of(&log, &newer).unwrap();
    let refused = export(&DirSource::new(older), log.vkey(), None, 1, &newer, &mut |_, _| {});
    assert!(matches!(refused, Err(ExportError::Older { seen: 3, wanted: 6, .. })));
    assert_eq!(audit::signed_head(&DirSource::new(newer), log.vkey(), None).unwrap().head().size().get(), 6);
}

#[test]
fn a_bundle_that_is_not_the_signed_one_never_gets_under_a_checkpoint() {
    let log = log_of(3);
    let (from, to) = (log.scratch().join("from"), log.scratch().join("to"));
    export_of(&log, &from).unwrap();
    let bundle = from.join("tile/entries/000.p/3");
    let mut bytes = fs::read(&bundle).unwrap();
    bytes[2] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    let refused = export(&DirSource::new(from), log.vkey(), None, 1, &to, &mut |_, _| {});
    assert!(matches!(refused, Err(ExportError::Damaged(Damage::RootDiffers { .. }))));
    assert!(!to.join("checkpoint").exists());
}

/// The key belongs to the old directory; an import brings none.
fn move_key(log: &LogDir, to: &Path) {
    fs::copy(log.path().join("key.pem"), to.join("key.pem")).unwrap();
}

fn sound(dir: &Path) -> bool {
    fsck(dir, &mut |_, _| {}).unwrap().damages().is_empty()
}

#[test]
fn a_log_is_moved_by_its_tiles_and_signs_only_after_its_newest_checkpoint_is_shown() {
    let log = log_of(700);
    let to = log.scratch().join("moved");
    let server = log.serve();
    let url = format!("http://{}", server.addr);
    let words =
        ["import", "--url", &url, "--vkey", &log.vkey().to_string(), "--to", &to.display().to_string()];
    let done = program().args(words).arg("--conformance").output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let checkpoint = server.get("/checkpoint").body;
    server.stop();
    move_key(&log, &to);
    assert!(sound(&to));
    let open = || OpenLog::open(&to, || panic!("the key is not encrypted")).unwrap();
    let server = Server::start(open(), Limits::STANDARD);
    assert_eq!(server.get("/checkpoint").body, checkpoint);
    assert_eq!(server.client().post("/add", "x/y", b"new").problem(), "restored");
    server.stop();
    thaw(&to, &Evidence::Checkpoint(checkpoint)).unwrap();
    let server = Server::start(open(), Limits::STANDARD);
    let old = server.client().post("/add", "x/y", b"entry 5");
    let new = server.client().post("/add", "x/y", b"new");
    assert_eq!((old.status, new.text()), (200, "700"));
    server.stop();
    assert!(sound(&to));
}

#[test]
fn an_import_that_the_log_outgrew_does_not_sign() {
    let log = log_of(5);
    let (out, to) = (log.scratch().join("out"), log.scratch().join("moved"));
    export_of(&log, &out).unwrap();
    import(&DirSource::new(out), log.vkey(), Mode::Conformance, 1, &to, 7, &mut |_, _| {}).unwrap();
    add(&log, 5..6);
    let ledger = Evidence::Ledger(log.path().join("ledger"));
    assert!(matches!(thaw(&to, &ledger), Err(ThawError::Behind { size_seen: 5, size_signed: 6 })));
}

#[test]
fn what_is_not_the_signed_tree_or_not_signed_entries_does_not_become_a_log() {
    let log = log_of(300);
    let (out, to) = (log.scratch().join("out"), log.scratch().join("moved"));
    export_of(&log, &out).unwrap();
    let source = DirSource::new(out.clone());
    let attempt = |mode| {
        let made = import(&source, log.vkey(), mode, 2, &to, 7, &mut |_, _| {});
        assert!(!to.join("log.toml").exists() || made.is_ok());
        fs::remove_dir_all(&to).unwrap();
        made
    };
    let refused = attempt(Mode::Service);
    assert!(matches!(refused, Err(ImportError::Damaged(Damage::EntryBad { index: 0 }))), "{refused:?}");
    assert_eq!(attempt(Mode::Conformance).unwrap().size().get(), 300);
    let bundle = out.join("tile/entries/000");
    let sound = fs::read(&bundle).unwrap();
    let mut bytes = sound.clone();
    *bytes.last_mut().unwrap() ^= 0x80;
    fs::write(&bundle, &bytes).unwrap();
    let refused = attempt(Mode::Conformance);
    assert!(matches!(refused, Err(ImportError::Damaged(Damage::RootDiffers { .. }))), "{refused:?}");
    // The same entry twice, which the root would not allow either, is said by its name.
    let first = 2 + usize::from(u16::from_be_bytes([sound[0], sound[1]]));
    let twice = [&sound[..first], &sound[..first], &sound[first..]].concat();
    let (kept, _) = twice.split_at(sound.len());
    fs::write(&bundle, kept).unwrap();
    let refused = attempt(Mode::Conformance);
    assert!(
        matches!(refused, Err(ImportError::Duplicate { index: 1 } | ImportError::Damaged(_))),
        "{refused:?}"
    );
    fs::remove_file(&bundle).unwrap();
    let refused = attempt(Mode::Conformance);
    assert!(matches!(refused, Err(ImportError::Damaged(Damage::BundleMissing { index: 0 }))), "{refused:?}");
}

#[test]
fn a_store_that_grows_by_large_steps_takes_no_entry_twice() {
    let storage = MemoryStorage::new();
    let mut growth = Growth::new(&storage);
    growth.push(b"one").unwrap();
    assert!(matches!(growth.push(b"one"), Err(ImportError::Duplicate { index: 1 })));
    growth.push(b"two").unwrap();
    assert_eq!(growth.finish().unwrap(), storage.head().unwrap());
}
