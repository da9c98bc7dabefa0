//! What Weights & Biases recorded of a run: configuration, summary, code, environment, artifacts.
//!
//! The formats are those of wandb 0.31 (`wandb/proto/wandb_internal.proto`, `wandb/sdk/internal/datastore.py` and
//! `core/pkg/leveldb` of its sources), read off files that it wrote. Nothing of W&B is asked or run.
//!
//! ```text
//! wandb/offline-run-<time>-<id>/     or run-<time>-<id>/, if it was sent to a server as it went
//!   run-<id>.wandb                   the log of all that was said; see below
//!   files/wandb-metadata.json        only where it was sent to a server: environment,
//!   files/wandb-summary.json         last values,
//!   files/config.yaml                configuration; each repeats the log
//!   files/requirements.txt           packages: another module's
//!   files/diff.patch                 what differed from the commit; its presence says that the work tree was dirty
//!   files/output.log, files/code/    hashed, not read
//!
//! run-<id>.wandb
//!   header   3a 57 26 42  e1 be  00      ":W&B", 0xbee1 little-endian, version 0
//!   blocks   of 32768 bytes, the header counted in the first
//!     chunk  crc32 (4, LE) | length (2, LE) | type (1) | data
//!            type 1 is a whole record, 2 its first part, 3 one in the middle, 4 its last
//!            crc32 is that of IEEE 802.3 over type and data, and is not masked, other than in LevelDB
//!            what is left of a block, if less than 7 bytes, is zeros
//!   record   protobuf; of the kinds of record these are read:
//!            2 history   3 summary   5 config   8 artifact   11 telemetry   17 run   18 exit   25 use_artifact
//!            26 environment
//! ```
//!
//! | topic, about | key | where it comes from |
//! |---|---|---|
//! | run | `run-id`, `name`, `project`, `group`, `job-type`, `description`, `sweep`, `tag`, `started` | run |
//! | run | `entity`, `host` (personal) | run |
//! | run | `user`, `email`, `program`, `argument`, `executable`, `root` (personal) | environment |
//! | run | `image` | environment: docker |
//! | run | `exit-code`, `runtime-seconds` | exit |
//! | run | `tool-version` | telemetry: cli_version |
//! | code | `uri`, `commit` | git of run and of environment |
//! | code | `dirty`, `patch` | `files/diff.patch`: `true`, and SHA-256 of it |
//! | package python, transformers | `version` | telemetry, environment |
//! | hardware | `os`, `cuda`; of `cpu` `model` and `logical-count`; of `memory` `total-bytes` | environment |
//! | hardware: `accelerator` | `model`, `count`, `total-bytes` | environment: gpu, gpu_nvidia, gpu_amd, tpu |
//! | parameter, name | `value` | config |
//! | metric, name | `value`, `step` | summary, and history where there is no summary |
//! | data, identity or base-model, name | `tracker-digest`, `artifact-type`, `direction` | artifact, use_artifact |
//! | the same | `files`, `bytes`, `alias`, `uri` | artifact: manifest, aliases, references |
//!
//! Names of nested values are joined by dots, as W&B shows them. A value that W&B writes more than once is stated as it was
//! written last. Artifacts that are neither dataset nor model are of topic run, or code. The digest of an artifact is MD5 over
//! a text of paths and MD5s, and where a reference is logged without a checksum, its address stands in for a digest: so it
//! is a text under `tracker-digest` and always comes with a warning.
//!
//! A run that crashed has a log that ends in the middle, or without a record of its exit; both are warnings, and what is
//! whole is read.
//!
//! Bounds: a log of 4 GiB, a record of 16 MiB, 65,536 names and 64 MiB of values, 100 addresses of one artifact; 16 MiB of each
//! other file that is read.
//!
//! In scope: one run on the disk. Out of scope: the history of a metric, system metrics, console output, what an artifact
//! holds, and a server: who has one exports the run.

mod artifact;
mod environment;
mod error;
mod files;
mod log;
mod python_json;
mod run;
mod values;
mod wire;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::imported::Imported;
use crate::place::Place;
use crate::{Collected, WarningReason, hashing};

use self::log::{Event, LogReader};
use self::run::Run;

pub use self::error::WandbError;

/// What reports call this source.
const SOURCE: &str = "wandb";
/// What reports call a log that has no file.
const IN_MEMORY: &str = "log";
/// Largest log. A run of a million steps with twenty metrics has some four hundred megabytes.
const MAX_LOG_BYTES: u64 = 4 << 30;

/// Reads one run. `path` is its directory, or the `.wandb` file in it; a file alone is read without what lies beside it.
///
/// # Errors
/// [`WandbError::NoLog`] if a directory does not hold one log, [`WandbError::NotALog`] and [`WandbError::UnknownVersion`] if
/// it begins otherwise, [`WandbError::Read`] if it cannot be opened. Whatever cannot be read beyond that is a warning.
pub fn read(path: &Path) -> Result<Collected, WandbError> {
    let mut out = Imported::new(SOURCE);
    let is_directory = fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let log = if is_directory { log_in(path)? } else { path.to_owned() };
    let name = log.file_name().unwrap_or_default().to_string_lossy();
    let (file, _) = hashing::open_at_most(&log, MAX_LOG_BYTES)?;
    let mut hashed = hashing::HashingReader::new(file, MAX_LOG_BYTES);
    let mut run = Run::default();
    read_records(&mut hashed, &name, &mut run, &mut out)?;
    match hashed.finish(&name) {
        Ok(file) => out.note_file(file),
        Err(source) => {
            out.warn(WarningReason::Unreadable, &name, &format!("cannot be read to its end: {source}"))
        }
    }
    if is_directory {
        files::read(&Place::new(path, "").join("files"), &mut run, &mut out);
    }
    run.state(&name, &mut out);
    Ok(out.finish())
}

/// Reads a log that is in memory already.
///
/// # Errors
/// [`WandbError::NotALog`] and [`WandbError::UnknownVersion`] if it begins otherwise. Whatever cannot be read beyond that is
/// a warning.
pub fn read_log(bytes: &[u8]) -> Result<Collected, WandbError> {
    let mut out = Imported::new(SOURCE);
    let mut run = Run::default();
    read_records(bytes, IN_MEMORY, &mut run, &mut out)?;
    run.state(IN_MEMORY, &mut out);
    Ok(out.finish())
}

/// The one log in the directory of a run.
fn log_in(directory: &Path) -> Result<PathBuf, WandbError> {
    let no_log = |found| WandbError::NoLog { path: directory.to_owned(), found };
    let unreadable = |source| WandbError::Io { name: directory.display().to_string(), source };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let names =
        entries.take(crate::place::MAX_ENTRIES).filter_map(|entry| entry.ok().map(|entry| entry.file_name()));
    let is_log = |name: &std::ffi::OsString| {
        name.to_str().is_some_and(|name| name.starts_with("run-") && name.ends_with(".wandb"))
    };
    let logs: Vec<_> = names.filter(is_log).collect();
    match logs.as_slice() {
        [log] => Ok(directory.join(log)),
        _ => Err(no_log(logs.len())),
    }
}

/// Takes in all records of a log; what is not whole is a warning.
fn read_records(input: impl Read, name: &str, run: &mut Run, out: &mut Imported) -> Result<(), WandbError> {
    let mut log = LogReader::open(input, name)?;
    loop {
        match log.next_event() {
            Ok(None) => return Ok(()),
            Ok(Some(Event::Record { offset, bytes })) => {
                let at = format!("{name}: record at byte {offset}");
                if let Err(error) = run.take(&bytes, &at, out) {
                    out.warn(error.reason(), &at, &error.to_string());
                }
            }
            Ok(Some(Event::Fault(fault))) => {
                out.warn(fault.reason(), &format!("{name}: byte {}", fault.offset()), &fault.to_string());
            }
            Err(error) => {
                out.warn(WarningReason::Unreadable, name, &format!("cannot be read to its end: {error}"));
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
