//! Signing and verifying beside `model_signing`, the Python program that others sign models with: processor time and time on the
//! clock of whole processes, in turns.
//!
//! Both sign with a key in a file and ask nobody: ours with `--pending`, since the peer has no log. Ours verifies a model that was
//! logged, so it checks the log's proof and checkpoint besides.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::model::{large_model, measured, warn_if_busy};
use super::{Row, median};
use crate::programs::{self, Programs};
use crate::python::Environment;
use crate::server::Server;
use crate::{Arguments, command};

/// The peer and what it needs.
const PEER: [&str; 2] = ["model_signing==1.1.1", "pyOpenSSL==25.3.0"];
/// The kernel counts processor time in hundredths of a second, so what is shorter than this is done several times.
const SHORTEST: Duration = Duration::from_millis(400);
const MOST_REPEATS: u32 = 200;
/// Files of the million, 1 KiB each.
const MILLION: usize = 1_000_000;

/// What was asked for.
struct Asked {
    /// Size of the large models.
    mebibytes: u64,
    /// Rounds that count; one before them finds cold files and does not.
    rounds: usize,
    /// The million instead of the peer.
    million: bool,
}

impl Asked {
    fn read(arguments: &Arguments) -> Result<Self> {
        let mut asked = Self { mebibytes: 2048, rounds: 5, million: false };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let mut number = || {
                rest.next()
                    .with_context(|| format!("{flag} wants a number"))?
                    .parse::<u64>()
                    .context("no number")
            };
            match flag.as_str() {
                "--mib" => asked.mebibytes = number()?,
                "--rounds" => asked.rounds = usize::try_from(number()?)?,
                "--million" => asked.million = true,
                other => bail!("bench signing takes `--mib N`, `--rounds N` and `--million`, not `{other}`"),
            }
        }
        ensure!(asked.rounds > 0, "no round has no median");
        Ok(asked)
    }
}

/// `--mib N`: size of the large models, 2,048 unless said; `--rounds N`, 5 unless said; `--million`: peak memory over a million files,
/// and nothing else.
pub(super) fn run(arguments: &Arguments) -> Result<Vec<Row>> {
    let asked = Asked::read(arguments)?;
    let bench = Bench {
        programs: Programs::build(true)?,
        work: programs::target_directory()?.join("bench"),
        rounds: asked.rounds,
    };
    warn_if_busy();
    bench.set_scene()?;
    if asked.million {
        return bench.million();
    }
    let peer = Environment::with("model-signing", &PEER);
    if let Err(error) = &peer {
        println!("skipped: no peer to stand beside: {error:#}");
    }
    let peer = peer.ok().map(|environment| environment.program("model_signing"));
    let mebibytes = asked.mebibytes;
    let gibibytes = format!("{:.1} GiB", f64::from(u32::try_from(mebibytes)?) / 1024.0);
    let scenes = [
        ("1 KiB".to_owned(), bench.small("one", 1, 1024)?, SMALL),
        ("5,000 files of 4 KiB".to_owned(), bench.small("many", 5000, 4096)?, SMALL),
        (format!("{gibibytes} in 8 files"), large_model(&bench.work, mebibytes, 8)?, LARGE),
        (format!("{gibibytes} in one file"), large_model(&bench.work, mebibytes, 1)?, LARGE),
    ];
    let mut rows = Vec::new();
    for (what, model, target) in scenes {
        rows.extend(bench.beside(peer.as_deref(), &what, &model, target)?);
    }
    Ok(rows)
}

/// How much less processor time ours may take, and the words for it.
type Target = (f64, &'static str);
const SMALL: Target = (20.0, "at least 20 x");
const LARGE: Target = (1.5, "at least 1.5 x");

struct Bench {
    programs: Programs,
    work: PathBuf,
    rounds: usize,
}

impl Bench {
    /// A log, a key of ours, and a key of the peer's.
    fn set_scene(&self) -> Result<()> {
        fs::create_dir_all(&self.work)?;
        for old in ["signing-log", "signing-key.pem", "signing-key.pem.pub"] {
            let path = self.work.join(old);
            let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if let Err(error) = gone
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(error).with_context(|| format!("cannot clear {}", path.display()));
            }
        }
        let log = &self.programs.log;
        let told = self
            .typed(log, &["init", "signing-log", "--origin", "bench.localhost/log", "--unencrypted-key"])?;
        let vkey = programs::vkey_among(&told).context("`tallymark-log init` printed no vkey")?;
        let keygen = ["keygen", "--key", "signing-key.pem", "--unencrypted", "--name", "bench/*"];
        let publisher = self.typed(&self.programs.signer, &keygen)?;
        let trust = format!("version = 1\npolicy = \"\"\"\nlog {vkey}\nquorum none\n\"\"\"\n\n{publisher}");
        fs::write(self.work.join("signing-trust.toml"), trust)?;
        for (name, words) in [
            ("peer.pem", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "peer.pem"][..]),
            ("peer.pub", &["ec", "-in", "peer.pem", "-pubout", "-out", "peer.pub"]),
        ] {
            command::read(Command::new("openssl").current_dir(&self.work).args(words))
                .with_context(|| format!("cannot make {name}"))?;
        }
        Ok(())
    }

    fn typed(&self, program: &Path, words: &[&str]) -> Result<String> {
        command::read(programs::call(program).current_dir(&self.work).args(words))
    }

    /// Files of bytes that do not repeat, made once and kept.
    fn small(&self, name: &str, count: u32, bytes: usize) -> Result<PathBuf> {
        let dir = self.work.join(format!("signing-{name}"));
        fs::create_dir_all(&dir)?;
        for number in 0..count {
            let path = dir.join(format!("{:02}/part-{number:05}.bin", number % 100));
            if !path.is_file() {
                fs::create_dir_all(path.parent().unwrap_or(&dir))?;
                fs::write(&path, number.to_le_bytes().repeat(bytes / 4))?;
            }
        }
        Ok(dir)
    }

    /// Signs a model and has it logged, in a log that is stopped again; the bundle lies in the model.
    fn log(&self, model: &str) -> Result<()> {
        let server = Server::start(
            &self.programs.log,
            &self.work.join("signing-log"),
            &self.work.join("signing-log.txt"),
        )?;
        let signed =
            [&["sign", model][..], &KEY, &["--trust", "signing-trust.toml", "--yes", "--log", &server.url]];
        self.typed(&self.programs.signer, &signed.concat())?;
        server.stop()
    }

    /// Signs and verifies in turns, and compares.
    fn beside(&self, peer: Option<&Path>, what: &str, model: &Path, target: Target) -> Result<Vec<Row>> {
        let (own, kept, theirs) =
            (model.join("tallymark.jsonl"), self.work.join("own.jsonl"), self.work.join("peer.sig"));
        let shown = model.display().to_string();
        clear(&own)?;
        self.log(&shown)?;
        fs::rename(&own, &kept).context("no bundle was written")?;
        let sign = [&["sign", &shown][..], &KEY, &["--pending"]].concat();
        let verify = [&shown, "--trust", "signing-trust.toml", "--bundle", "own.jsonl"];
        let key = ["sign", "key", &shown, "--private_key", "peer.pem", "--signature", "peer.sig"];
        let verify_key = ["verify", "key", &shown, "--public_key", "peer.pub", "--signature", "peer.sig"];
        let mut turns: [Turns; 2] = Default::default();
        for round in 0..=self.rounds {
            let mut seen = [Turn::default(); 2];
            seen[0].ours = self.spent(&self.programs.signer, &sign, || clear(&own))?;
            if let Some(peer) = peer {
                // It writes over the signature of the time before.
                seen[0].theirs = self.spent(peer, &key, || Ok(()))?;
            }
            seen[1].ours = self.spent(&self.programs.verifier, &verify, || Ok(()))?;
            if let Some(peer) = peer {
                seen[1].theirs = self.spent(peer, &verify_key, || Ok(()))?;
            }
            // The first round found cold files.
            if round > 0 {
                turns.iter_mut().zip(seen).for_each(|(turns, turn)| turns.0.push(turn));
            }
        }
        clear(&theirs)?;
        let mut rows = Vec::new();
        for (act, turns) in ["sign", "verify"].into_iter().zip(turns) {
            let [ours, theirs] = [turns.middle(|turn| turn.ours), turns.middle(|turn| turn.theirs)];
            println!("{act} {what}: tallymark {ours}");
            if peer.is_none() {
                continue;
            }
            let [ratio, on_the_clock] = [
                theirs.processor.as_secs_f64() / ours.processor.as_secs_f64(),
                theirs.clock.as_secs_f64() / ours.clock.as_secs_f64(),
            ];
            println!("{act} {what}: model_signing {theirs}; {ratio:.1} x and {on_the_clock:.1} x");
            rows.push(Row {
                what: format!("{act} {what}, processor time, against model_signing"),
                seen: format!("{ratio:.1} x"),
                target: target.1,
                met: ratio >= target.0,
            });
        }
        Ok(rows)
    }

    /// What one call takes, repeated until its processor time can be told: that of all children, before and after.
    fn spent(&self, program: &Path, words: &[&str], mut after: impl FnMut() -> Result<()>) -> Result<Spent> {
        let before = children_time()?;
        let (mut calls, mut clock) = (0, Duration::ZERO);
        loop {
            let mut call = programs::call(program);
            let started = Instant::now();
            let output = command::capture(call.current_dir(&self.work).args(words).stdin(Stdio::null()))?;
            clock += started.elapsed();
            ensure!(
                output.status.success(),
                "`{}` ended with {}: {}",
                command::shown(&call),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
            calls += 1;
            let processor = children_time()?.saturating_sub(before);
            after()?;
            if processor >= SHORTEST || calls >= MOST_REPEATS {
                return Ok(Spent { processor: processor / calls, clock: clock / calls });
            }
        }
    }

    /// Peak memory over a million files of 1 KiB, in memory so that no disk takes part.
    fn million(&self) -> Result<Vec<Row>> {
        let shared = Path::new("/dev/shm");
        let base = if shared.is_dir() { shared } else { &self.work };
        let dir = base.join(format!("tallymark-million-{}", std::process::id()));
        let made = self.million_in(&dir);
        fs::remove_dir_all(&dir).with_context(|| format!("cannot clear {}", dir.display()))?;
        made
    }

    fn million_in(&self, dir: &Path) -> Result<Vec<Row>> {
        println!("writing a million files below {}", dir.display());
        for number in 0..MILLION {
            let folder = dir.join(format!("{:03}", number / 1000));
            if number % 1000 == 0 {
                fs::create_dir_all(&folder)?;
            }
            fs::write(folder.join(format!("{number:07}.txt")), [7; 1024])?;
        }
        let shown = dir.display().to_string();
        let sign = [&["sign", &shown][..], &KEY, &["--pending"]].concat();
        let mut rows = vec![self.peak("hash", &self.programs.signer, &["hash", &shown])?];
        rows.push(self.peak("sign", &self.programs.signer, &sign)?);
        clear(&dir.join("tallymark.jsonl"))?;
        self.log(&shown)?;
        rows.push(self.peak(
            "verify",
            &self.programs.verifier,
            &[&shown, "--trust", "signing-trust.toml"],
        )?);
        Ok(rows)
    }

    fn peak(&self, act: &str, program: &Path, words: &[&str]) -> Result<Row> {
        let (elapsed, peak) = measured(programs::call(program).current_dir(&self.work).args(words))?;
        println!("{act} a million files of 1 KiB: {:.1} s", elapsed.as_secs_f64());
        Ok(Row {
            what: format!("peak memory, {act} a million files of 1 KiB"),
            seen: format!("{:.1} MiB", f64::from(peak) / 1024.0),
            target: "at most 256 MiB",
            met: peak > 0 && peak <= 256 * 1024,
        })
    }
}

/// The key that every model is signed with, and its name.
const KEY: [&str; 4] = ["--key", "signing-key.pem", "--as", "bench/model:1"];

/// What a call took.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    processor: Duration,
    clock: Duration,
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [processor, clock] = [self.processor, self.clock].map(|time| time.as_secs_f64() * 1e3);
        write!(f, "{processor:.1} ms of processor, {clock:.1} ms")
    }
}

/// One round of one act.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    ours: Spent,
    theirs: Spent,
}

#[derive(Debug, Default)]
struct Turns(Vec<Turn>);

impl Turns {
    /// The median of each.
    fn middle(&self, of: impl Fn(&Turn) -> Spent) -> Spent {
        let spent: Vec<Spent> = self.0.iter().map(of).collect();
        let middle = |what: fn(&Spent) -> Duration| {
            median(&mut spent.iter().map(what).collect::<Vec<_>>()).unwrap_or_default()
        };
        Spent { processor: middle(|spent| spent.processor), clock: middle(|spent| spent.clock) }
    }
}

fn clear(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Processor time of all children that have ended, user and system, as the kernel counts it.
fn children_time() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").context("no /proc to count processor time")?;
    children_ticks(&stat)
        .map(|ticks| Duration::from_millis(ticks * 10))
        .context("/proc/self/stat reads otherwise")
}

/// Fields 16 and 17 of `/proc/PID/stat`, counted behind the name, in hundredths of a second.
fn children_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(13);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_childrens_time_is_read_behind_a_name_of_any_kind() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 250 50 20 0";
        assert_eq!(children_ticks(stat), Some(300));
        assert_eq!(children_ticks("7 (a"), None);
    }
}
