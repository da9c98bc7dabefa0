//! Signing and verifying beside `model_signing`, the Python program that others sign models with: processor time of whole
//! processes, in turns.
//!
//! Both sign with a key in a file and ask nobody: ours with `--pending`, since the peer has no log. Ours verifies a model that was
//! logged, so it checks the log's proof and checkpoint besides.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::model::{large_model, measured, warn_if_busy};
use super::{Row, median};
use crate::programs::{self, Programs};
use crate::python::Environment;
use crate::server::Server;
use crate::{Arguments, command};

/// The peer and what it needs.
const PEER: [&str; 2] = ["model_signing==1.1.1", "pyOpenSSL==25.3.0"];
const ROUNDS: usize = 5;
/// The kernel counts processor time in hundredths of a second, so what is shorter than this is done several times.
const SHORTEST: Duration = Duration::from_millis(400);
const MOST_REPEATS: u32 = 64;
/// Files of the million, 1 KiB each.
const MILLION: usize = 1_000_000;

/// `--mib N`: size of the large models, 2,048 unless said; `--million`: peak memory over a million files, too.
pub(super) fn run(arguments: &Arguments) -> Result<Vec<Row>> {
    let (mut mebibytes, mut million) = (2048, false);
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        match flag.as_str() {
            "--mib" => mebibytes = rest.next().context("--mib wants a number")?.parse()?,
            "--million" => million = true,
            other => bail!("bench signing takes `--mib N` and `--million`, not `{other}`"),
        }
    }
    let released = programs::build(&["signer-cli", "verifier"], true)?;
    let bench = Bench {
        signer: programs::find(&released, "tallymark")?,
        verifier: programs::find(&released, "tallymark-verify")?,
        peer: Environment::with("model-signing", &PEER),
        work: programs::target_directory()?.join("bench"),
    };
    if let Err(error) = &bench.peer {
        println!("skipped: no peer to stand beside: {error:#}");
    }
    warn_if_busy();
    bench.set_scene()?;
    let gibibytes = format!("{:.1} GiB", f64::from(u32::try_from(mebibytes)?) / 1024.0);
    let scenes = [
        ("1 KiB".to_owned(), bench.small("one", 1, 1024)?, 20.0),
        ("5,000 files of 4 KiB".to_owned(), bench.small("many", 5000, 4096)?, 20.0),
        (format!("{gibibytes} in 8 files"), large_model(&bench.work, mebibytes, 8)?, 1.5),
        (format!("{gibibytes} in one file"), large_model(&bench.work, mebibytes, 1)?, 1.5),
    ];
    let mut rows = Vec::new();
    for (what, model, target) in scenes {
        rows.extend(bench.beside(&what, &model, target)?);
    }
    if million {
        rows.push(bench.million()?);
    }
    Ok(rows)
}

struct Bench {
    signer: PathBuf,
    verifier: PathBuf,
    peer: Result<Environment>,
    work: PathBuf,
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
        let log = Programs::build(false)?.log;
        let told = self
            .typed(&log, &["init", "signing-log", "--origin", "bench.localhost/log", "--unencrypted-key"])?;
        let vkey = programs::vkey_among(&told).context("`tallymark-log init` printed no vkey")?;
        let keygen = ["keygen", "--key", "signing-key.pem", "--unencrypted", "--name", "bench/*"];
        let publisher = self.typed(&self.signer, &keygen)?;
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

    /// Signs and verifies in turns, and compares.
    fn beside(&self, what: &str, model: &Path, target: f64) -> Result<Vec<Row>> {
        let (own, peer) = (model.join("tallymark.jsonl"), self.work.join("peer.sig"));
        let shown = model.display().to_string();
        let key = ["--key", "signing-key.pem", "--as", "bench/model:1"];
        let sign = [&["sign", &shown][..], &key, &["--pending"]].concat();
        let logged = [&["sign", &shown][..], &key, &["--trust", "signing-trust.toml", "--yes"]].concat();
        let verify = [&shown, "--trust", "signing-trust.toml"];
        let peer_sign = ["sign", "key", &shown, "--private-key", "peer.pem", "--signature", "peer.sig"];
        let peer_verify = ["verify", "key", &shown, "--public-key", "peer.pub", "--signature", "peer.sig"];
        let mut turns = Turns::default();
        for _ in 0..=ROUNDS {
            clear(&own)?;
            turns.sign.push(self.spent(&self.signer, &sign, || clear(&own))?);
            clear(&own)?;
            let server = Server::start(
                &Programs::build(false)?.log,
                &self.work.join("signing-log"),
                &self.work.join("signing-log.txt"),
            )?;
            self.typed(&self.signer, &[&logged[..], &["--log", &server.url]].concat())?;
            server.stop()?;
            turns.verify.push(self.spent(&self.verifier, &verify, || Ok(()))?);
            clear(&own)?;
            if let Ok(environment) = &self.peer {
                let program = environment.program("model_signing");
                clear(&peer)?;
                turns.peer_sign.push(self.spent(&program, &peer_sign, || clear(&peer))?);
                self.typed(&program, &peer_sign)?;
                turns.peer_verify.push(self.spent(&program, &peer_verify, || Ok(()))?);
            }
        }
        // The first round found cold files.
        let (sign, verify) = (turns.sign.split_off(1), turns.verify.split_off(1));
        let mut rows = Vec::new();
        for (act, mut own, mut theirs) in
            [("sign", sign, turns.peer_sign), ("verify", verify, turns.peer_verify)]
        {
            let own = median(&mut own).unwrap_or_default().as_secs_f64();
            if theirs.is_empty() {
                println!("{act} {what}: {:.1} ms of processor", own * 1e3);
                continue;
            }
            let theirs = median(&mut theirs.split_off(1)).unwrap_or_default().as_secs_f64();
            println!("{act} {what}: {:.1} ms of processor, model_signing {:.1} ms", own * 1e3, theirs * 1e3);
            rows.push(Row {
                what: format!("{act} {what}, processor time, against model_signing"),
                seen: format!("{:.1} x", theirs / own),
                target: if target > 10.0 { "at least 20 x" } else { "at least 1.5 x" },
                met: theirs / own >= target,
            });
        }
        Ok(rows)
    }

    /// Processor time of one call: that of all children, before and after, repeated until it can be told.
    fn spent(
        &self,
        program: &Path,
        words: &[&str],
        mut after: impl FnMut() -> Result<()>,
    ) -> Result<Duration> {
        let before = children_time()?;
        let mut calls = 0;
        loop {
            let mut call = programs::call(program);
            let output = command::capture(call.current_dir(&self.work).args(words).stdin(Stdio::null()))?;
            ensure!(
                output.status.success(),
                "`{}` ended with {}: {}",
                command::shown(&call),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
            calls += 1;
            let spent = children_time()?.saturating_sub(before);
            after()?;
            if spent >= SHORTEST || calls >= MOST_REPEATS {
                return Ok(spent / calls);
            }
        }
    }

    /// Peak memory over a million files of 1 KiB, in memory so that no disk takes part.
    fn million(&self) -> Result<Row> {
        let shared = Path::new("/dev/shm");
        let base = if shared.is_dir() { shared } else { &self.work };
        let dir = base.join(format!("tallymark-million-{}", std::process::id()));
        let made = self.million_in(&dir);
        fs::remove_dir_all(&dir).with_context(|| format!("cannot clear {}", dir.display()))?;
        made
    }

    fn million_in(&self, dir: &Path) -> Result<Row> {
        for number in 0..MILLION {
            let folder = dir.join(format!("{:03}", number / 1000));
            if number % 1000 == 0 {
                fs::create_dir_all(&folder)?;
            }
            fs::write(folder.join(format!("{number:07}.txt")), [7; 1024])?;
        }
        let (elapsed, peak) = measured(programs::call(&self.signer).arg("hash").arg(dir))?;
        println!("a million files of 1 KiB: {:.1} s", elapsed.as_secs_f64());
        Ok(Row {
            what: "peak memory of hashing a million files of 1 KiB".to_owned(),
            seen: format!("{:.1} MiB", f64::from(peak) / 1024.0),
            target: "at most 256 MiB",
            met: peak > 0 && peak <= 256 * 1024,
        })
    }
}

/// Processor time of each round.
#[derive(Default)]
struct Turns {
    sign: Vec<Duration>,
    verify: Vec<Duration>,
    peer_sign: Vec<Duration>,
    peer_verify: Vec<Duration>,
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
