//! R7: one bit of a log at rest is flipped. The log may refuse to start, or refuse to answer; it may never sign a tree that
//! differs from what it signed before, nor serve an acknowledged entry changed or not at all without saying so.
//!
//! A file is drawn first and then a bit of it, so that small files get their share. What a flip came to is one of:
//!
//! | outcome | |
//! |---|---|
//! | refused at the start | exit status 1 or 5 and a reason |
//! | refused in a request | it serves, but answers with an error what it can no longer read; it ends rather than sign |
//! | found by fsck only | everything served is right; what rotted is not served |
//! | harmless | everything is served, signed on correctly, and `fsck` finds it whole: the bit means nothing |

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::client::Client;
use crate::copies::{copy, files};
use crate::outside::{Finding, Outside};
use crate::plan::Run;
use crate::prepared::Prepared;
use crate::product::{Program, Start};
use crate::seed::Seed;
use crate::submitters::{post_raw, raw_entry};
use crate::workers;

/// Names of files that only tell people what the engine did.
const FOR_PEOPLE: [&str; 3] = ["LOG", "LOCK", "lock"];

/// `fsck` also looks before the start after one flip of so many.
const FSCK: u64 = 3;
const KEY: &str = "key.pem";

/// Runs it.
///
/// # Errors
/// A broken promise.
pub fn run(run: &mut Run) -> Result<()> {
    let prepared = Prepared::new(run)?;
    let targets: Vec<PathBuf> = files(prepared.log())?.into_iter().filter(|path| worth(path)).collect();
    let seed = run.seed.draw();
    let (dir, program) = (run.dir.clone(), run.program.clone());
    let counts = workers::each(run.cycles, |number| {
        let mut draws = Seed::new(seed ^ number);
        let target =
            targets.get(draws.within(0..targets.len() as u64) as usize).context("nothing to flip")?;
        let length = std::fs::metadata(target)?.len();
        let bit = draws.within(0..length * 8);
        let name = target.strip_prefix(prepared.log())?.to_owned();
        let flip = Flip { program: &program, prepared: &prepared, place: dir.join(format!("flip{number}")) };
        let done = flip.run(&name, bit, draws, number);
        done.with_context(|| format!("bit {} of byte {} of {}", bit % 8, bit / 8, name.display()))
    })?;
    for (name, count) in counts {
        run.count(&name, count);
    }
    Ok(())
}

fn worth(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !FOR_PEOPLE.iter().any(|other| name == *other || name.starts_with(&format!("{other}.")))
        && std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

struct Flip<'a> {
    program: &'a Program,
    prepared: &'a Prepared,
    place: PathBuf,
}

impl Flip<'_> {
    fn run(&self, name: &Path, bit: u64, mut draws: Seed, number: u64) -> Result<Vec<String>> {
        std::fs::create_dir(&self.place)?;
        let (log, words) = (self.place.join("log"), self.place.join("words"));
        copy(self.prepared.log(), &log)?;
        flip(&log.join(name), bit)?;
        let outside = self.prepared.outside().fork(&self.place.join("outside"))?;
        // Before the start, which may repair or hide something. fsck needs no key, so it cannot miss one.
        let clean =
            number.is_multiple_of(FSCK) && self.program.fsck(&log)?.is_clean() && name != Path::new(KEY);
        let outcome = match self.program.serve(&log, &words)? {
            Start::Ended { status, words } => {
                if !matches!(status.code(), Some(1 | 5)) || !words.contains("tallymark-log: ") {
                    let what = format!("the log ended with {status}, wanted 1 or 5 and a reason");
                    return Err(Finding::WrongStart { what, words }.into());
                }
                if clean {
                    let what = format!("clean, though the log does not start: {words}");
                    return Err(Finding::WrongFsck { what }.into());
                }
                "refused at the start"
            }
            silent @ Start::Silent { .. } => {
                silent.serving("after a flipped bit")?;
                "silent"
            }
            Start::Serving(mut server) => {
                let before = complete(outside.check_all(server.addr(), &mut draws))?;
                let signed = sign_on(server.addr(), &outside, number);
                let after = match signed {
                    true => complete(outside.check_all(server.addr(), &mut draws))?,
                    false => false,
                };
                server.kill();
                outside.verdict()?;
                if clean && !before {
                    let what = "clean before the start, though the log cannot serve everything".to_owned();
                    return Err(Finding::WrongFsck { what }.into());
                }
                self.judge_at_rest(&log, before && after)?
            }
        };
        std::fs::remove_dir_all(&self.place)?;
        Ok(vec!["flips".to_owned(), outcome.to_owned(), format!("{outcome} ({})", kind(name))])
    }

    fn judge_at_rest(&self, log: &Path, complete: bool) -> Result<&'static str> {
        let fsck = self.program.fsck(log)?;
        match (complete, fsck.code) {
            (false, Some(0)) => {
                let what = "clean, though the log cannot serve everything it acknowledged".to_owned();
                Err(Finding::WrongFsck { what }.into())
            }
            (false, Some(1 | 5)) => Ok("refused in a request"),
            (true, Some(1 | 5)) => Ok("found by fsck only"),
            (true, Some(0)) => Ok("harmless"),
            (_, code) => {
                Err(Finding::WrongFsck { what: format!("ended with {code:?}: {}", fsck.words) }.into())
            }
        }
    }
}

/// Whether all was served. Something that is refused is no broken promise here; anything else is.
fn complete(checked: Result<(), Finding>) -> Result<bool, Finding> {
    match checked {
        Ok(()) => Ok(true),
        Err(Finding::Unserved { .. }) => Ok(false),
        Err(finding) => Err(finding),
    }
}

/// Makes the log sign twice more, if it will.
fn sign_on(addr: std::net::SocketAddr, outside: &Outside, number: u64) -> bool {
    let Ok(mut client) = Client::connect(addr) else { return false };
    (0..2).all(|half| {
        let entry = raw_entry(u64::MAX / 2 + 2 * number + half, 100);
        post_raw(&mut client, outside, &entry).is_ok_and(|answer| answer.status() == 200)
    })
}

fn flip(path: &Path, bit: u64) -> Result<()> {
    let mut bytes = std::fs::read(path)?;
    let byte = bytes.get_mut((bit / 8) as usize).context("the file is shorter than it was")?;
    *byte ^= 1 << (bit % 8);
    Ok(std::fs::write(path, bytes)?)
}

/// What sort of file it is.
fn kind(name: &Path) -> String {
    let extension = name.extension().map(|extension| extension.to_string_lossy().into_owned());
    let stem = name.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-').to_owned();
    match extension.as_deref() {
        Some("log") => "write-ahead log".to_owned(),
        Some("sst") => "table".to_owned(),
        _ => stem,
    }
}
