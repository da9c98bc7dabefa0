//! The commands that look after a log: check it, copy it, keep it.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use log_server::audit::{self, audit};
use log_server::backup::{self, BackupError, Manifest};
use log_server::clock::{Clock as _, SystemClock};
use log_server::config::Config;
use log_server::config::Mode;
use log_server::control;
use log_server::damage::Damage;
use log_server::data_dir::{DataDir, DataDirError};
use log_server::export::{Exported, export as export_to};
use log_server::fsck::fsck as fsck_dir;
use log_server::hold::{self, HoldError, Reason};
use log_server::import::import as import_from;
use log_server::key_file::existing_passphrase;
use log_server::opening::OpenLog;
use log_server::thaw::{self, Evidence};
use log_server::tile_source::{self, SourceError, TileSource};
use tlog::checkpoint::Origin;
use tlog::vkey::Vkey;

use crate::{Failure, REFUSED, UNAVAILABLE, args, print};

/// Between two lines about progress.
const PROGRESS_PAUSE: Duration = Duration::from_secs(2);

/// Says on a terminal how far something has come; says nothing into files and pipes.
struct Meter {
    verb: &'static str,
    start: Instant,
    said: Instant,
    speaks: bool,
}

impl Meter {
    fn new(verb: &'static str) -> Self {
        let now = Instant::now();
        Self { verb, start: now, said: now, speaks: std::io::stderr().is_terminal() }
    }

    fn at(&mut self, done: u64, all: u64) {
        if self.speaks && self.said.elapsed() >= PROGRESS_PAUSE {
            self.said = Instant::now();
            let rate = done as f64 / self.start.elapsed().as_secs_f64();
            eprintln!("{}  {done} of {all} entries, {rate:.0}/s", self.verb);
        }
    }
}

pub(crate) fn fsck(args: &args::Fsck) -> Result<ExitCode, Failure> {
    let mut meter = Meter::new("fsck");
    match (&args.dir, named(&args.remote)) {
        (Some(dir), None) => fsck_at_rest(dir, args.json, &mut meter),
        (None, Some(remote)) => fsck_remote(&remote, args, &mut meter),
        // The command line lets neither both nor none through.
        _ => Err(Failure::unavailable(anyhow::anyhow!("give a directory, or --url with --vkey"))),
    }
}

/// A log at an address, and the key it must be signed with.
struct Named<'a> {
    url: &'a str,
    vkey: &'a Vkey,
    origin: Option<&'a Origin>,
    threads: usize,
}

fn named(args: &args::Remote) -> Option<Named<'_>> {
    let (url, vkey) = (args.url.as_deref()?, args.vkey.as_ref()?);
    Some(Named { url, vkey, origin: args.origin.as_ref(), threads: usize::from(args.threads) })
}

impl Named<'_> {
    fn source(&self) -> Result<Box<dyn TileSource>, Failure> {
        tile_source::at(self.url).map_err(|error| {
            let status = if matches!(error, SourceError::Url { .. }) { 2 } else { UNAVAILABLE };
            Failure { error: error.into(), hint: None, status }
        })
    }
}

fn failed_audit(error: audit::AuditError) -> Failure {
    let status = if error.is_damage() { REFUSED } else { UNAVAILABLE };
    Failure { hint: error.hint(), status, error: error.into() }
}

fn fsck_remote(remote: &Named<'_>, args: &args::Fsck, meter: &mut Meter) -> Result<ExitCode, Failure> {
    let options =
        audit::Options { origin: remote.origin.cloned(), entries: args.entries, threads: remote.threads };
    let report =
        audit(remote.source()?.as_ref(), remote.vkey, &options, &mut |done, all| meter.at(done, all));
    let report = report.map_err(failed_audit)?;
    if args.json {
        print(&serde_json::json!({
            "origin": report.origin().to_string(),
            "size": report.head().size().get(),
            "root": report.head().root().to_string(),
            "entries": report.entries(),
            "tiles": report.tiles(),
            "damages": listed(report.damages()),
        }))?;
    } else {
        print(&format_args!(
            "origin  {}\nsize    {}\nroot    {}\nchecked {} entries, {} tiles, 1 signature",
            report.origin(),
            report.head().size().get(),
            report.head().root(),
            report.entries(),
            report.tiles(),
        ))?;
        told(report.damages())?;
    }
    Ok(verdict(report.damages()))
}

fn fsck_at_rest(dir: &Path, json: bool, meter: &mut Meter) -> Result<ExitCode, Failure> {
    let report = fsck_dir(dir, &mut |done, all| meter.at(done, all)).map_err(|error| Failure {
        hint: error.hint(),
        status: if error.is_damage() { REFUSED } else { UNAVAILABLE },
        error: error.into(),
    })?;
    if json {
        print(&serde_json::json!({
            "origin": report.origin(),
            "size": report.head().size().get(),
            "root": report.head().root().to_string(),
            "entries": report.entries(),
            "tiles": report.tiles(),
            "heads": report.heads(),
            "tornBytes": report.torn_bytes(),
            "damages": listed(report.damages()),
        }))?;
    } else {
        print(&format_args!(
            "origin  {}\nsize    {}\nroot    {}\nchecked {} entries, {} tiles, {} signed heads",
            report.origin(),
            report.head().size().get(),
            report.head().root(),
            report.entries(),
            report.tiles(),
            report.heads(),
        ))?;
        if report.torn_bytes() > 0 {
            print(&format_args!("note    {} bytes of a torn last ledger record", report.torn_bytes()))?;
        }
        told(report.damages())?;
    }
    Ok(verdict(report.damages()))
}

fn listed(damages: &[Damage]) -> Vec<serde_json::Value> {
    let json = |damage: &Damage| serde_json::json!({ "code": damage.code(), "text": damage.to_string() });
    damages.iter().map(json).collect()
}

fn told(damages: &[Damage]) -> Result<(), Failure> {
    for damage in damages {
        eprintln!("damage  {}: {damage}", damage.code());
    }
    match damages.len() {
        0 => print(&"no damage"),
        count => print(&format_args!("damage in {count} places")),
    }
}

fn verdict(damages: &[Damage]) -> ExitCode {
    if damages.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

pub(crate) fn export(args: &args::Export) -> Result<ExitCode, Failure> {
    let mut meter = Meter::new("export");
    let mut progress = |done, all| meter.at(done, all);
    let exported = match (&args.dir, named(&args.remote)) {
        (Some(dir), None) => {
            let log = OpenLog::open(dir, || existing_passphrase(args.passphrase_file.as_deref()))
                .map_err(|error| Failure::of_class(error.class(), error.hint(), error))?;
            let config: Config = log.config().clone();
            let source = log.tile_source();
            export_to(&source, config.vkey(), None, 1, &args.to, &mut progress)
        }
        (None, Some(remote)) => {
            let source = remote.source()?;
            export_to(source.as_ref(), remote.vkey, remote.origin, remote.threads, &args.to, &mut progress)
        }
        // The command line lets neither both nor none through.
        _ => return Err(Failure::unavailable(anyhow::anyhow!("give a directory, or --url with --vkey"))),
    };
    let Exported { head, written, kept, .. } = exported.map_err(|error| Failure {
        hint: error.hint(),
        status: if error.is_refusal() { REFUSED } else { UNAVAILABLE },
        error: error.into(),
    })?;
    let (size, root) = (head.size().get(), head.root());
    if args.json {
        print(&serde_json::json!({
            "size": size, "root": root.to_string(), "written": written, "kept": kept,
        }))?;
    } else {
        print(&format_args!(
            "size    {size}\nroot    {root}\nwritten {written} files, {kept} were there\n\n\
             Next: tallymark-log fsck --url file://{} --vkey VKEY",
            args.to.canonicalize().unwrap_or_else(|_| args.to.clone()).display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn import(args: &args::Import) -> Result<ExitCode, Failure> {
    let mut meter = Meter::new("import");
    let remote = Named { url: &args.url, vkey: &args.vkey, origin: None, threads: usize::from(args.threads) };
    let source = remote.source()?;
    let mode = if args.conformance { Mode::Conformance } else { Mode::Service };
    let time = SystemClock::new().wall().as_secs();
    let mut progress = |done, all| meter.at(done, all);
    let made = import_from(source.as_ref(), remote.vkey, mode, remote.threads, &args.to, time, &mut progress);
    let head = made.map_err(|error| Failure {
        hint: error.hint(),
        status: if error.is_refusal() { REFUSED } else { UNAVAILABLE },
        error: error.into(),
    })?;
    let (size, root, dir) = (head.size().get(), head.root(), args.to.display());
    if args.json {
        print(&serde_json::json!({ "size": size, "root": root.to_string(), "dir": dir.to_string() }))?;
    } else {
        print(&format_args!(
            "size    {size}\nroot    {root}\nstate   restored: it is read and signs nothing\n\n\
             Next: freeze or stop the old log, put its key.pem there, mode 600; then\n\
             tallymark-log thaw {dir} --checkpoint {}/checkpoint",
            args.url.trim_end_matches('/')
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn failed_backup(error: BackupError) -> Failure {
    let status = if error.is_refusal() { REFUSED } else { UNAVAILABLE };
    Failure { hint: error.hint(), status, error: error.into() }
}

pub(crate) fn backup(args: &args::Backup) -> Result<ExitCode, Failure> {
    let made = match backup::backup_at_rest(&args.dir, &args.to, args.with_key) {
        Err(BackupError::DataDir(DataDirError::InUse { .. })) => backup_of_running(args)?,
        made => made.map_err(failed_backup)?,
    };
    report_copy(&made, args.json, &format_args!("backup  {}", args.to.display()))?;
    if !args.with_key && !args.json {
        print(&"note    the private key is not in it; keep key.pem elsewhere")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The server copies its database into the log's directory, from where it is carried out like one at rest.
fn backup_of_running(args: &args::Backup) -> Result<Manifest, Failure> {
    let name = format!("{}{}", control::COPY_PREFIX, std::process::id());
    let copied = args.dir.join(&name);
    control::command(&args.dir, &format!("checkpoint {name}")).map_err(|error| Failure {
        error: error.into(),
        hint: Some("the server that has the log open must be this program, on this machine"),
        status: UNAVAILABLE,
    })?;
    let made = backup::backup(&args.dir, &copied, &args.to, args.with_key).map_err(failed_backup);
    if let Err(error) = std::fs::remove_dir_all(&copied) {
        eprintln!("note    could not remove {}: {error}", copied.display());
    }
    made
}

fn report_copy(manifest: &Manifest, json: bool, first: &dyn std::fmt::Display) -> Result<(), Failure> {
    if json {
        return print(&serde_json::json!(manifest));
    }
    let bytes: u64 = manifest.files.iter().map(|row| row.bytes).sum();
    print(&format_args!(
        "{first}\nsize    {}\nroot    {}\nfiles   {}, {bytes} bytes, each checked",
        manifest.size,
        manifest.root,
        manifest.files.len(),
    ))
}

pub(crate) fn restore(args: &args::Restore) -> Result<ExitCode, Failure> {
    let manifest = backup::restore(&args.backup, &args.to).map_err(failed_backup)?;
    let dir = args.to.display();
    report_copy(&manifest, args.json, &format_args!("log     {dir}"))?;
    if !args.json {
        let has_key = manifest.files.iter().any(|row| row.path == "key.pem");
        let key = if has_key { "" } else { "put the log's key.pem there, mode 600; then " };
        print(&format_args!(
            "state   restored: it is read and signs nothing\n\n\
             Next: {key}tallymark-log thaw {dir} --ledger NEWEST_LEDGER"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn failed_hold(error: HoldError) -> Failure {
    let status = if matches!(error, HoldError::Io { .. }) { UNAVAILABLE } else { REFUSED };
    Failure { error: error.into(), hint: None, status }
}

pub(crate) fn freeze(args: &args::Freeze) -> Result<ExitCode, Failure> {
    let why = args.why.replace(['\n', '\r'], " ");
    Config::read(&args.dir.join("log.toml")).map_err(Failure::unavailable)?;
    match DataDir::lock(&args.dir) {
        Ok(dir) => hold::freeze(dir.path(), &why).map_err(failed_hold)?,
        Err(DataDirError::InUse { .. }) => {
            control::command(&args.dir, &format!("freeze {why}")).map_err(Failure::unavailable)?;
        }
        Err(error) => return Err(Failure::unavailable(error)),
    }
    print(&format_args!("frozen  {}: it is read and takes nothing more", args.dir.display()))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn thaw(args: &args::Thaw) -> Result<ExitCode, Failure> {
    let evidence = if let Some(ledger) = &args.ledger {
        Some(Evidence::Ledger(ledger.clone()))
    } else if let Some(place) = &args.checkpoint {
        Some(Evidence::Checkpoint(checkpoint_at(place)?))
    } else if args.i_have_the_newest || args.unfreeze {
        Some(Evidence::Word)
    } else {
        None
    };
    let held = hold::Hold::read(&args.dir).map_err(failed_hold)?;
    let fits = match held.as_ref().map(hold::Hold::reason) {
        Some(Reason::Restored) => evidence.is_some() && !args.unfreeze,
        Some(Reason::Frozen) => args.unfreeze,
        Some(Reason::Damaged) | None => true,
    };
    if !fits {
        return Err(Failure {
            error: anyhow::anyhow!("nothing was brought forward that lets this log go"),
            hint: Some(
                "a restored log wants --ledger NEWEST_LEDGER, --checkpoint NEWEST or --i-have-the-newest; a frozen one \
                 --unfreeze",
            ),
            status: REFUSED,
        });
    }
    let let_go = thaw::thaw(&args.dir, &evidence.unwrap_or(Evidence::Word)).map_err(|error| Failure {
        hint: error.hint(),
        status: if error.is_refusal() { REFUSED } else { UNAVAILABLE },
        error: error.into(),
    })?;
    let was = match let_go {
        Reason::Damaged => "damaged and is sound",
        Reason::Frozen => "frozen",
        Reason::Restored => "restored",
    };
    print(&format_args!("thawed  {}: it was {was}; the next start signs again", args.dir.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The bytes of a checkpoint in a file or at an address, whose last part may be left out.
fn checkpoint_at(place: &str) -> Result<Vec<u8>, Failure> {
    let read = if place.contains("://") {
        let source = tile_source::at(place.trim_end_matches("/checkpoint")).map_err(Failure::unavailable)?;
        tile_source::checkpoint(source.as_ref()).map_err(Failure::unavailable)?
    } else {
        Some(std::fs::read(place).map_err(|error| {
            Failure::unavailable(anyhow::Error::from(error).context(format!("could not read {place}")))
        })?)
    };
    read.ok_or_else(|| Failure::unavailable(anyhow::anyhow!("there is no checkpoint at {place}")))
}
