//! The commands that look after a log: check it, copy it, keep it.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use log_server::audit::{self, audit};
use log_server::config::Config;
use log_server::damage::Damage;
use log_server::export::{Exported, export as export_to};
use log_server::fsck::fsck as fsck_dir;
use log_server::key_file::existing_passphrase;
use log_server::opening::OpenLog;
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
