//! The judgement beside other people's: what a PyTorch file is, beside `modelscan` and `picklescan`; whether a file is the signed one, beside
//! `cosign verify-blob`; and a lineage of five hundred, which nobody else follows.
//!
//! Whole processes, in turns, medians. The files are read once before, so that all find them in memory.

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
use crate::{Arguments, command, place};

/// The peers that look for code in pickles.
const SCANNERS: [&str; 2] = ["modelscan==0.8.8", "picklescan==1.0.0"];
/// Models of the lineage, the one that is asked about among them: it stands alone in the last row, so that it leads to all others.
const NODES: usize = 501;
const ROW: usize = 10;
const ROUNDS: usize = 5;
const MANY: usize = 21;

/// `--mib N`: size of the large files, 2,048 unless said.
pub(super) fn run(arguments: &Arguments) -> Result<Vec<Row>> {
    let mebibytes = match arguments {
        [] => 2048,
        [flag, number] if flag == "--mib" => number.parse::<u64>().context("no size")?,
        other => bail!("bench judgement takes `--mib N`, not `{}`", other.join(" ")),
    };
    let bench = Bench {
        programs: Programs::build(true)?,
        work: programs::target_directory()?.join("bench").join("judgement"),
    };
    warn_if_busy();
    if bench.work.exists() {
        fs::remove_dir_all(&bench.work).context("cannot clear what an earlier run left")?;
    }
    fs::create_dir_all(&bench.work)?;
    let mut rows = bench.scan(mebibytes)?;
    rows.extend(bench.verify(mebibytes)?);
    rows.push(bench.lineage()?);
    Ok(rows)
}

struct Bench {
    programs: Programs,
    work: PathBuf,
}

impl Bench {
    fn ours(&self, program: &Path, words: &[&str]) -> Command {
        let mut call = programs::call(program);
        call.current_dir(&self.work).args(words);
        call
    }

    fn typed(&self, program: &Path, words: &[&str]) -> Result<String> {
        command::read(&mut self.ours(program, words))
    }

    /// A large PyTorch file of tensors alone: how long, with how much memory, and how many bytes of it are read.
    fn scan(&self, mebibytes: u64) -> Result<Vec<Row>> {
        let zip = self.work.join("weights.pt");
        let script = place::repository().join("xtask/bench/torch_zip.py");
        command::read(Command::new("python3").arg(script).arg(&zip).arg(mebibytes.to_string()))?;
        let bytes = fs::metadata(&zip)?.len();
        let name = zip.display().to_string();
        let mut own = self.ours(&self.programs.signer, &["scan", &name, "--allow", "torch"]);
        let what = format!("a PyTorch file of {mebibytes} MiB");
        let (_, peak) = measured(&mut own)?;
        let mut rows = vec![Row {
            what: format!("peak memory, scan of {what}"),
            seen: format!("{:.1} MiB", f64::from(peak) / 1024.0),
            target: "under 64 MiB",
            met: peak > 0 && peak < 64 * 1024,
        }];
        match read_by(&mut own)? {
            Some(read) => rows.push(Row {
                what: format!("bytes read, scan of {what}"),
                seen: format!("{:.2} x its size", read as f64 / bytes as f64),
                target: "at most 1.05 x",
                met: (read as f64) < 1.05 * bytes as f64,
            }),
            None => println!("skipped: no `strace` to count what is read"),
        }
        let peers = match Environment::with("scanners", &SCANNERS) {
            Ok(environment) => [
                ("modelscan", environment.program("modelscan"), vec!["-p", &name]),
                ("picklescan", environment.program("picklescan"), vec!["-p", &name]),
            ],
            Err(error) => {
                println!("skipped: no scanner to stand beside: {error:#}");
                return Ok(rows);
            }
        };
        for (peer, program, words) in peers {
            let mut call = Command::new(program);
            call.args(words);
            // modelscan ends with 3 where it looked at nothing it knows.
            let (ours, theirs) = match in_turns(ROUNDS, &mut own, &mut call, &[0, 1, 3]) {
                Ok(medians) => medians,
                Err(error) => {
                    println!("skipped: {peer}: {error:#}");
                    continue;
                }
            };
            println!(
                "scan of {what}: tallymark {:.0} ms, {peer} {:.0} ms",
                milliseconds(ours),
                milliseconds(theirs)
            );
            rows.push(against(&format!("scan of {what}"), peer, ours, theirs));
        }
        Ok(rows)
    }

    /// A log, a key and a trust file in a folder; and the server, to be stopped.
    fn publisher(&self) -> Result<Server> {
        let init = ["init", "log", "--origin", "bench.localhost/log", "--unencrypted-key"];
        let printed = self.typed(&self.programs.log, &init)?;
        let vkey = programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?;
        let keygen = ["keygen", "--key", "key.pem", "--unencrypted", "--name", "bench/*"];
        let publisher = self.typed(&self.programs.signer, &keygen)?;
        let trust = format!("version = 1\npolicy = \"\"\"\nlog {vkey}\nquorum none\n\"\"\"\n\n{publisher}");
        fs::write(self.work.join("trust.toml"), trust)?;
        Server::start(&self.programs.log, &self.work.join("log"), &self.work.join("log.txt"))
    }

    fn sign(&self, server: &Server, model: &str, words: &[&str]) -> Result<()> {
        let target = ["--key", "key.pem", "--log", &server.url, "--trust", "trust.toml", "--yes", "--quiet"];
        self.typed(&self.programs.signer, &[&["sign", model][..], words, &target].concat()).map(drop)
    }

    /// One large file, and one of a kibibyte: ours with its log, its contents and its lineage, the peer's a signature over a file.
    fn verify(&self, mebibytes: u64) -> Result<Vec<Row>> {
        let server = self.publisher()?;
        let large = large_model(self.work.parent().unwrap_or(&self.work), mebibytes, 1)?;
        let file = fs::read_dir(&large)?.flatten().map(|entry| entry.path());
        let large = file.into_iter().find(|path| path.extension().is_some_and(|it| it == "safetensors"));
        let large = large.context("no large file")?;
        let small = self.work.join("small.safetensors");
        fs::write(&small, [7; 1024])?;
        let cosign = cosign();
        if let Err(error) = &cosign {
            println!("skipped: no cosign to stand beside: {error:#}");
        }
        let mut rows = Vec::new();
        let size = format!("{mebibytes} MiB in one file");
        for (what, file, rounds) in [("1 KiB", &small, MANY), (&*size, &large, ROUNDS)] {
            let shown = file.display().to_string();
            let bundle = format!("{shown}.tallymark.jsonl");
            let _ = fs::remove_file(&bundle);
            self.sign(&server, &shown, &["--as", "bench/model:1"])?;
            let mut own = self.ours(&self.programs.verifier, &[&shown, "--trust", "trust.toml"]);
            let (_, peak) = measured(&mut own)?;
            rows.push(Row {
                what: format!("peak memory, verify {what}"),
                seen: format!("{:.1} MiB", f64::from(peak) / 1024.0),
                target: "under 64 MiB",
                met: peak > 0 && peak < 64 * 1024,
            });
            // What is not hashing: against the hash of the same file by the same code.
            let mut hash = self.ours(&self.programs.signer, &["hash", &shown]);
            let (ours, hashing) = in_turns(rounds, &mut own, &mut hash, &[0])?;
            println!(
                "verify {what}: tallymark {:.1} ms, hashing alone {:.1} ms",
                milliseconds(ours),
                milliseconds(hashing)
            );
            let more = milliseconds(ours) - milliseconds(hashing);
            rows.push(if what == "1 KiB" {
                Row {
                    what: format!("verify {what}, from start to end"),
                    seen: format!("{:.1} ms", milliseconds(ours)),
                    target: "under 15 ms",
                    met: milliseconds(ours) < 15.0,
                }
            } else {
                Row {
                    what: format!("verify {what}, beyond hashing it"),
                    seen: format!("{more:.1} ms"),
                    target: "under 20 ms",
                    met: more < 20.0,
                }
            });
            if let Ok(cosign) = &cosign {
                let (ours, theirs) = self.cosigned(cosign, &shown, rounds, &mut own)?;
                println!(
                    "verify {what}: tallymark {:.1} ms, cosign {:.1} ms",
                    milliseconds(ours),
                    milliseconds(theirs)
                );
                rows.push(against(&format!("verify {what}"), "cosign verify-blob", ours, theirs));
            }
            let _ = fs::remove_file(&bundle);
        }
        server.stop()?;
        Ok(rows)
    }

    /// Our verification and cosign's, which has neither log nor name here.
    fn cosigned(
        &self,
        cosign: &Path,
        file: &str,
        rounds: usize,
        own: &mut Command,
    ) -> Result<(Duration, Duration)> {
        let call = |words: &[&str]| {
            let mut call = Command::new(cosign);
            call.current_dir(&self.work).env("COSIGN_PASSWORD", "").args(words).stderr(Stdio::null());
            call
        };
        if !self.work.join("cosign.key").is_file() {
            command::read(&mut call(&["generate-key-pair"]))?;
        }
        let sign = ["sign-blob", "--key", "cosign.key", "--output-signature", "blob.sig", "--yes", file];
        let sign =
            [&sign[..], &["--tlog-upload=false", "--new-bundle-format=false", "--use-signing-config=false"]];
        command::read(&mut call(&sign.concat()))?;
        let verify = ["verify-blob", "--key", "cosign.pub", "--signature", "blob.sig", file];
        let verify = [&verify[..], &["--insecure-ignore-tlog=true", "--new-bundle-format=false"]].concat();
        in_turns(rounds, own, &mut call(&verify), &[0])
    }

    /// Models in rows of ten, each made from two of the row before, and the last one from all of it: a graph of some five hundred nodes, a
    /// thousand links, and fifty links deep, of the sixty-four that are followed.
    fn lineage(&self) -> Result<Row> {
        let server = Server::start(&self.programs.log, &self.work.join("log"), &self.work.join("log.txt"))?;
        println!("signing {NODES} models");
        for number in 0..NODES {
            let (model, name) = (format!("lineage/m{number}"), format!("bench/m{number}:1"));
            fs::create_dir_all(self.work.join(&model))?;
            fs::write(self.work.join(&model).join("model.safetensors"), format!("model {number}"))?;
            let before = (number / ROW * ROW).saturating_sub(ROW);
            let bases: Vec<usize> = match number {
                0..ROW => Vec::new(),
                _ if number == NODES - 1 => (before..before + ROW).collect(),
                _ => vec![before + number % ROW, before + (number + 1) % ROW],
            };
            let bases: Vec<String> =
                bases.into_iter().map(|base| format!("b{base}=lineage/m{base}")).collect();
            let mut words = vec!["--as", &name];
            bases.iter().for_each(|base| words.extend(["--base", base]));
            self.sign(&server, &model, &words)?;
        }
        server.stop()?;
        let rule = "\n[[require]]\nname = \"bench/*\"\nlineage = [\"base-model\"]\n";
        let trust = fs::read_to_string(self.work.join("trust.toml"))?;
        fs::write(self.work.join("lineage.toml"), format!("{trust}{rule}"))?;
        let last = format!("lineage/m{}", NODES - 1);
        let words = [&last, "--trust", "lineage.toml", "--lineage", "lineage"];
        let mut call = self.ours(&self.programs.verifier, &words);
        let (_, peak) = measured(&mut call)?;
        println!("lineage of {NODES}: {:.1} MiB", f64::from(peak) / 1024.0);
        let mut times = (0..ROUNDS).map(|_| timed(&mut call, &[0])).collect::<Result<Vec<_>>>()?;
        let time = median(&mut times).unwrap_or_default();
        Ok(Row {
            what: format!("verify with a lineage of {NODES} models, all signatures and proofs"),
            seen: format!("{:.0} ms", milliseconds(time)),
            target: "under 250 ms",
            met: milliseconds(time) < 250.0,
        })
    }
}

/// The medians of so many calls of each, in turns, after one of each that does not count. `fine`: how the second may end.
fn in_turns(
    rounds: usize,
    ours: &mut Command,
    theirs: &mut Command,
    fine: &[i32],
) -> Result<(Duration, Duration)> {
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let times = (timed(ours, &[0])?, timed(theirs, fine)?);
        if round > 0 {
            own.push(times.0);
            other.push(times.1);
        }
    }
    Ok((median(&mut own).unwrap_or_default(), median(&mut other).unwrap_or_default()))
}

fn timed(call: &mut Command, fine: &[i32]) -> Result<Duration> {
    call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = call.status().context("cannot start what is measured")?;
    let time = started.elapsed();
    let is_fine = status.code().is_some_and(|code| fine.contains(&code));
    ensure!(is_fine, "`{}` ended with {status}", command::shown(call));
    Ok(time)
}

fn against(what: &str, peer: &str, ours: Duration, theirs: Duration) -> Row {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    Row {
        what: format!("{what}, time against {peer}"),
        seen: format!("{ratio:.1} x"),
        target: "at least 1 x",
        met: ratio >= 1.0,
    }
}

/// Bytes that a call reads from files, by the system calls it makes; `None` without `strace`.
fn read_by(call: &mut Command) -> Result<Option<u64>> {
    let Some(strace) = place::tool("strace") else { return Ok(None) };
    let mut traced = Command::new(strace);
    traced.args(["-f", "-qq", "-e", "trace=read,pread64,readv,preadv", "-e", "signal=none"]);
    traced.arg(call.get_program()).args(call.get_args());
    traced.current_dir(call.get_current_dir().unwrap_or(Path::new(".")));
    let output = command::capture(&mut traced)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let of_line = |line: &str| line.rsplit_once("= ").and_then(|(_, bytes)| bytes.trim().parse::<u64>().ok());
    Ok(Some(said.lines().filter_map(of_line).sum()))
}

/// cosign, built once into the cache.
fn cosign() -> Result<PathBuf> {
    const PACKAGE: &str = "github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1";
    let go = place::tool("go").context("no `go`")?;
    let home = place::cache()?.join("cosign-v2.6.1");
    let program = home.join("cosign");
    if !program.is_file() {
        println!("building cosign into {}", home.display());
        fs::create_dir_all(&home)?;
        command::read(Command::new(go).env("GOBIN", &home).args(["install", PACKAGE]))?;
    }
    Ok(program)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
