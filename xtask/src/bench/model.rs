//! The publisher's and the consumer's side: hashing a large model beside openssl, one small verification.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{Row, load_average, median};
use crate::programs::{self, Programs};
use crate::server::Server;
use crate::{Arguments, command, place};

/// Files that the large model is cut into.
const FILES: u64 = 8;
/// Rounds of what takes a second; of what takes milliseconds.
const FEW: usize = 5;
const MANY: usize = 51;

/// `--mib N`: size of the large model, 2,048 unless said.
pub(super) fn run(arguments: &Arguments) -> Result<Vec<Row>> {
    let mebibytes: u64 = match arguments {
        [] => 2048,
        [flag, number] if flag == "--mib" => {
            number.parse().with_context(|| format!("`{number}` is no size"))?
        }
        other => {
            bail!(
                "bench takes `--mib N`, `signing`, `log` with its own flags, or nothing, not `{}`",
                other.join(" ")
            )
        }
    };
    ensure!(mebibytes >= FILES, "less than {FILES} MiB does not make {FILES} files");
    let released = programs::build(&["signer-cli", "verifier"], true)?;
    let (signer, verifier) =
        (programs::find(&released, "tallymark")?, programs::find(&released, "tallymark-verify")?);
    let work = programs::target_directory()?.join("bench");
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;

    warn_if_busy();
    let mut rows = hashing(&signer, &large_model(&work, mebibytes, FILES)?)?;
    rows.push(small_verification(&verifier, &signed_small_model(&work)?)?);
    Ok(rows)
}

/// Two threads beside a busy neighbour get less than two cores, which no alternation evens out.
pub(super) fn warn_if_busy() {
    let load = load_average();
    // The build that ran just before is still in the average; so is everything else.
    if load > 1.0 {
        println!(
            "load average {load}: if something else is running, what is parallel looks slower than it is"
        );
    }
}

/// Files of bytes that do not repeat, made once and kept.
pub(super) fn large_model(work: &Path, mebibytes: u64, files: u64) -> Result<PathBuf> {
    let dir = work.join(format!("model-{mebibytes}-mib-in-{files}"));
    fs::create_dir_all(&dir)?;
    let each = (mebibytes << 20) / files;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for number in 0..files {
        let path = dir.join(format!("model-{number:05}-of-{files:05}.safetensors"));
        if fs::metadata(&path).is_ok_and(|meta| meta.len() == each) {
            continue;
        }
        println!("writing {}", path.display());
        let mut file =
            BufWriter::with_capacity(1 << 20, File::create(&path).context("cannot write the large model")?);
        for _ in 0..each / 8 {
            // xorshift64: fast, and not zeros.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            file.write_all(&state.to_le_bytes())?;
        }
        file.flush()?;
    }
    Ok(dir)
}

/// Hashes the large model with us and with openssl in turn, and takes our peak memory on the way.
fn hashing(signer: &Path, model: &Path) -> Result<Vec<Row>> {
    let mut files: Vec<PathBuf> = fs::read_dir(model)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let bytes =
        files.iter().map(|file| fs::metadata(file).map(|meta| meta.len())).sum::<std::io::Result<u64>>()?;
    let mut ours = programs::call(signer);
    ours.args(["hash"]).arg(model);
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256"]).args(&files);
    let has_peer = place::tool("openssl").is_some();

    // Once each unmeasured, so that both find the files in memory.
    measured(&mut ours)?;
    if has_peer {
        measured(&mut openssl)?;
    }
    let (mut own, mut peer, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..FEW {
        let (elapsed, memory) = measured(&mut ours)?;
        own.push(elapsed);
        peak = peak.max(memory);
        if has_peer {
            peer.push(measured(&mut openssl)?.0);
        }
    }
    let own = middle(&mut own);
    let size = format!("{} MiB in {FILES} files", bytes >> 20);
    println!("{size}: tallymark {} GB/s", rate(bytes, own));
    let mut rows = Vec::new();
    if has_peer {
        let peer = middle(&mut peer);
        println!("{size}: openssl   {} GB/s", rate(bytes, peer));
        let ratio = peer.as_secs_f64() / own.as_secs_f64();
        rows.push(Row {
            what: format!("tree digest of {size}, against openssl"),
            seen: format!("{ratio:.2} x"),
            target: "at least 1.8 x",
            met: ratio >= 1.8,
        });
    } else {
        println!("skipped: no `openssl` to stand beside");
    }
    rows.push(Row {
        what: format!("peak memory of hashing {size}"),
        seen: format!("{:.1} MiB", f64::from(peak) / 1024.0),
        target: "under 64 MiB",
        met: peak > 0 && peak < 64 * 1024,
    });
    Ok(rows)
}

/// Signs a model of 1 KiB once, in a log that is stopped again; returns the directory to work in.
fn signed_small_model(work: &Path) -> Result<PathBuf> {
    let dir = work.join("small");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    }
    fs::create_dir_all(dir.join("model"))?;
    fs::write(dir.join("model/weights.bin"), [7; 1024])?;
    let programs = Programs::build(false)?;
    let typed =
        |program: &Path, words: &[&str]| command::read(programs::call(program).current_dir(&dir).args(words));
    let printed =
        typed(&programs.log, &["init", "log", "--origin", "bench.localhost/log", "--unencrypted-key"])?;
    let vkey = programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?;
    let publisher =
        typed(&programs.signer, &["keygen", "--key", "key.pem", "--unencrypted", "--name", "bench/*"])?;
    let trust = format!("version = 1\npolicy = \"\"\"\nlog {vkey}\nquorum none\n\"\"\"\n\n{publisher}");
    fs::write(dir.join("tallymark.toml"), trust)?;
    let server = Server::start(&programs.log, &dir.join("log"), &dir.join("log.txt"))?;
    let target = ["--key", "key.pem", "--log", &server.url, "--trust", "tallymark.toml", "--yes"];
    typed(&programs.signer, &[&["sign", "model", "--as", "bench/model:1"][..], &target].concat())?;
    server.stop()?;
    Ok(dir)
}

/// From starting the process to its verdict; beside it, a process that does nothing.
fn small_verification(verifier: &Path, dir: &Path) -> Result<Row> {
    let mut ours = programs::call(verifier);
    ours.current_dir(dir).args(["model", "--trust", "tallymark.toml"]);
    let mut nothing = Command::new("true");
    let (mut own, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..MANY {
        own.push(timed(&mut ours)?);
        floor.push(timed(&mut nothing)?);
    }
    let (own, floor) = (middle(&mut own), middle(&mut floor));
    println!("starting a process that does nothing: {:.1} ms", milliseconds(floor));
    Ok(Row {
        what: "start, verify a model of 1 KiB, end".to_owned(),
        seen: format!("{:.1} ms", milliseconds(own)),
        target: "under 15 ms",
        met: milliseconds(own) < 15.0,
    })
}

fn timed(call: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let output = command::capture(call)?;
    let elapsed = started.elapsed();
    ensure!(output.status.success(), "`{}` ended with {}", command::shown(call), output.status);
    Ok(elapsed)
}

/// Time, and peak resident memory in KiB as the kernel counts it (`VmHWM`); 0 where there is no `/proc`.
pub(super) fn measured(call: &mut Command) -> Result<(Duration, u32)> {
    let started = Instant::now();
    let mut child =
        call.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("cannot start what is measured")?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    let ended = loop {
        // The mark only rises, so the last one seen is the peak but for the last few milliseconds.
        peak =
            peak.max(fs::read_to_string(&status).ok().and_then(|text| high_water_mark(&text)).unwrap_or(0));
        if let Some(ended) = child.try_wait().context("cannot wait for what is measured")? {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    ensure!(ended.success(), "`{}` ended with {ended}", command::shown(call));
    Ok((started.elapsed(), peak))
}

/// From a line like `VmHWM: 5120 kB`.
fn high_water_mark(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

fn middle(times: &mut [Duration]) -> Duration {
    median(times).unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn rate(bytes: u64, time: Duration) -> String {
    format!("{:.2}", bytes as f64 / 1e9 / time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_from_the_kernels_text() {
        assert_eq!(high_water_mark("Name:\tx\nVmHWM:\t    5120 kB\nVmRSS:\t 10 kB\n"), Some(5120));
        assert_eq!(high_water_mark(""), None);
    }
}
