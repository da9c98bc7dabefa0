//! Our log under other people's witnesses: litewitness and omniwitness confirm it over the loopback, and readers demand both.
//!
//! | row | |
//! |---|---|
//! | confirmed | a model is signed and verified with a quorum of two; the monitor, which reads what any reader gets, demands it too |
//! | killed | the witnesses are killed and started again, and once the log, and the log grows on |
//! | control, key | one witness's key is another one: the verifier, the monitor and the log each refuse |
//! | control, away | one witness is away: readers go on seeing the state before, until it is back |
//! | control, ahead | one witness remembers more than it confirmed: the log signs nothing more, until that is mended |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Outcome, last_lines};
use crate::programs::Programs;
use crate::server::{self, Server};
use crate::witnesses::Witness;
use crate::{command, programs};

const ORIGIN: &str = "interop.localhost/fed";
const ROWS: [&str; 5] = [
    "litewitness and omniwitness confirm our log",
    "the same witnesses, killed and back",
    "the same witnesses, control: another key",
    "the same witnesses, control: one is away",
    "the same witnesses, control: one is ahead",
];
/// How long a witness that was away may take to be asked again: the log leaves it alone for up to a minute.
const PATIENCE: Duration = Duration::from_secs(90);

/// Notes the rows whose name has the words `only`.
pub(super) fn run(
    programs: &Programs,
    work: &Path,
    only: &str,
    note: &mut impl FnMut(&'static str, &mut dyn FnMut() -> Result<Outcome>),
) -> Result<()> {
    if !ROWS.iter().any(|row| row.contains(only)) {
        return Ok(());
    }
    let mut fed = match Fed::prepare(programs, work)? {
        Ok(fed) => fed,
        Err(missing) => {
            note(ROWS[0], &mut || Ok(Outcome::Skipped(format!("{missing:#}"))));
            return Ok(());
        }
    };
    fed.start(&fed.policy(&fed.omni.vkey))?;
    note(ROWS[0], &mut || fed.confirmed());
    note(ROWS[1], &mut || fed.killed());
    note(ROWS[2], &mut || fed.another_key());
    note(ROWS[3], &mut || fed.away());
    note(ROWS[4], &mut || fed.ahead());
    fed.stop()
}

/// A log, its two witnesses, and a model that is signed in it again and again.
struct Fed<'a> {
    programs: &'a Programs,
    work: PathBuf,
    vkey: String,
    lite: Witness,
    omni: Witness,
    publisher: String,
    server: Option<Server>,
    releases: u32,
}

impl<'a> Fed<'a> {
    /// All but the running log; inside, what is missing if a witness cannot be had here.
    fn prepare(programs: &'a Programs, work: &Path) -> Result<Result<Self>> {
        let work = work.join("fed");
        fs::create_dir_all(work.join("model"))?;
        let call = |program: &Path, words: &[&str]| {
            command::read(programs::call(program).current_dir(&work).args(words))
        };
        let printed = call(&programs.log, &["init", "log", "--origin", ORIGIN, "--unencrypted-key"])?;
        let vkey = programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?.to_owned();
        let publisher =
            call(&programs.signer, &["keygen", "--name", "fed/*", "--unencrypted", "--key", "key.pem"])?;
        let lite = match Witness::litewitness(&work.join("lite"), &[&vkey]) {
            Ok(lite) => lite,
            Err(missing) => return Ok(Err(missing)),
        };
        let omni = match Witness::omniwitness(&work.join("omni"), &[&vkey]) {
            Ok(omni) => omni,
            Err(missing) => return Ok(Err(missing)),
        };
        Ok(Ok(Self { programs, work, vkey, lite, omni, publisher, server: None, releases: 0 }))
    }

    /// Both witnesses, and both are wanted.
    fn policy(&self, omni: &str) -> String {
        let omni = self.omni.line().replace(&self.omni.vkey, omni);
        let names = format!("{} {}", self.lite.name, self.omni.name);
        format!("{}{omni}group both all {names}\nquorum both\n", self.lite.line())
    }

    fn start(&mut self, policy: &str) -> Result<()> {
        self.server = None;
        let (file, words) = (self.work.join("policy"), self.work.join("log.txt"));
        fs::write(&file, policy)?;
        let flags = ["--witness-policy", &file.display().to_string(), "--witness-pause", "200ms"];
        self.server = Some(Server::start_with(&self.programs.log, &self.work.join("log"), &words, &flags)?);
        self.trust("trust.toml", policy)
    }

    fn stop(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), Server::stop)
    }

    fn url(&self) -> Result<&str> {
        Ok(&self.server.as_ref().context("the log does not run")?.url)
    }

    fn trust(&self, name: &str, policy: &str) -> Result<()> {
        let log = format!("log {} {}\n", self.vkey, self.url()?);
        let text = format!("version = 1\npolicy = \"\"\"\n{log}{policy}\"\"\"\n\n{}", self.publisher);
        Ok(fs::write(self.work.join(name), text)?)
    }

    fn signer(&self, words: &[&str]) -> Result<Output> {
        command::capture(programs::call(&self.programs.signer).current_dir(&self.work).args(words))
    }

    /// Another model under the next version. `seconds` are for the log to answer with a cosigned checkpoint.
    fn sign(&mut self, seconds: u64) -> Result<Output> {
        self.releases += 1;
        let model = self.work.join("model");
        fs::write(model.join("weights.bin"), self.releases.to_be_bytes())?;
        let _ = fs::remove_file(model.join("tallymark.jsonl"));
        self.sign_again(seconds)
    }

    /// The same once more: the same bytes, so the same entry.
    fn sign_again(&self, seconds: u64) -> Result<Output> {
        let (name, seconds) = (format!("fed/model:{}", self.releases), seconds.to_string());
        let words = ["sign", "model", "--as", &name, "--key", "key.pem", "--trust", "trust.toml", "--yes"];
        self.signer(&[&words[..], &["--timeout", &seconds]].concat())
    }

    /// The verifier's report, and its status.
    fn verify(&self, trust: &str) -> Result<(Option<i32>, Value)> {
        let output = self.signer(&["verify", "model", "--trust", trust, "--json"])?;
        let report = serde_json::from_slice(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((
            output.status.code(),
            report.with_context(|| format!("`tallymark verify` printed no JSON: {said}"))?,
        ))
    }

    /// Verifies it with a quorum of two; the size of the tree in which it is.
    fn verified(&self) -> Result<u64> {
        let (status, report) = self.verify("trust.toml")?;
        ensure!(status == Some(0), "it does not verify: {report}");
        let mut seen: Vec<_> = report["cosignatures"].as_array().context("no cosignatures")?.iter().collect();
        seen.retain(|line| line["timestamp"].as_u64() > Some(0));
        let mut names: Vec<_> = seen.iter().filter_map(|line| line["witness"].as_str()).collect();
        names.sort_unstable();
        ensure!(names == ["witness.localhost/lite", "witness.localhost/omni"], "confirmed by {names:?}");
        report["log"]["tree_size"].as_u64().context("the report has no size")
    }

    /// Signs and verifies another one.
    fn released(&mut self) -> Result<u64> {
        let output = self.sign(PATIENCE.as_secs())?;
        ensure!(output.status.success(), "it was not signed: {}", said(&output));
        self.verified()
    }

    /// The size of the checkpoint that readers get, with the number of its lines; the code of the refusal otherwise.
    fn shown(&self) -> Result<Result<(u64, usize), String>> {
        let address = self.url()?.trim_start_matches("http://");
        let (status, body) = server::get(address, "/checkpoint")?;
        if status != 200 {
            let problem: Value = serde_json::from_str(&body).with_context(|| format!("{status} {body:?}"))?;
            return Ok(Err(format!("{status} {}", problem["code"].as_str().unwrap_or_default())));
        }
        let size = body.lines().nth(1).and_then(|line| line.parse().ok()).context("no size")?;
        Ok(Ok((size, body.lines().filter(|line| line.starts_with('\u{2014}')).count())))
    }

    /// What a monitor says of the log that sees it for the first time.
    fn monitored(&self, name: &str, policy: &str) -> Result<(Option<i32>, String)> {
        let path = |ending: &str| self.work.join(format!("{name}.{ending}"));
        fs::write(path("policy"), format!("log {} {}\n{policy}", self.vkey, self.url()?))?;
        let (dir, file, alerts) = (path("state"), path("policy"), path("jsonl"));
        fs::write(
            path("toml"),
            format!(
                "dir = {dir:?}\npolicy = {file:?}\n\n[alerts]\nfile = {alerts:?}\n\n[[watch]]\nname = \"nobody/*\"\n"
            ),
        )?;
        let mut watch = programs::call(&self.programs.monitor);
        watch.args(["watch", "--once", "--config"]).arg(path("toml")).stdout(Stdio::null());
        let output = command::capture(&mut watch)?;
        Ok((output.status.code(), fs::read_to_string(alerts).unwrap_or_default() + &said(&output)))
    }

    fn confirmed(&mut self) -> Result<Outcome> {
        let size = self.released()?;
        let shown = self.shown()?;
        ensure!(shown == Ok((size, 3)), "readers were shown {shown:?}, wanted size {size} with 3 lines");
        let (status, told) = self.monitored("monitored", &self.policy(&self.omni.vkey))?;
        ensure!(status == Some(0), "the monitor ended with {status:?}: {}", last_lines(&told));
        Ok(Outcome::Held(format!("size {size} with both lines; verifier and monitor demand both")))
    }

    fn killed(&mut self) -> Result<Outcome> {
        let mut sizes = vec![self.released()?];
        for round in 0..3 {
            for witness in [&mut self.lite, &mut self.omni] {
                witness.kill();
                witness.start()?;
            }
            if round == 2 {
                // Dropped, which kills.
                self.start(&self.policy(&self.omni.vkey))?;
            }
            sizes.push(self.released()?);
        }
        ensure!(sizes.is_sorted_by(|a, b| a < b), "the sizes do not grow: {sizes:?}");
        Ok(Outcome::Held(format!("confirmed sizes {sizes:?}; before the last one the log was killed too")))
    }

    fn another_key(&mut self) -> Result<Outcome> {
        self.released()?;
        let other = self.policy(&Witness::omniwitness_key(&self.work.join("other"))?);
        self.trust("other.toml", &other)?;
        let (status, report) = self.verify("other.toml")?;
        let reason = report["reason"].as_str().unwrap_or("no reason").to_owned();
        ensure!(
            (status, &*reason) == (Some(3), "cosignatures-insufficient"),
            "the verifier ended with {status:?}, {reason}"
        );
        let (status, told) = self.monitored("other", &other)?;
        ensure!(
            status != Some(0) && told.contains("cosignatures-insufficient"),
            "the monitor ended with {status:?}: {}",
            last_lines(&told)
        );
        self.start(&other)?;
        let shown = self.shown()?;
        ensure!(shown == Err("503 not-cosigned".to_owned()), "readers were shown {shown:?}");
        let refused = self.sign(4)?;
        ensure!(!refused.status.success(), "it was signed without a quorum");
        self.start(&self.policy(&self.omni.vkey))?;
        let size = self.released()?;
        Ok(Outcome::Held(format!(
            "refused by verifier and monitor, 503 by the log; with the right key size {size}"
        )))
    }

    fn away(&mut self) -> Result<Outcome> {
        let before = self.released()?;
        self.omni.kill();
        let refused = self.sign(4)?;
        ensure!(!refused.status.success(), "it was signed without a quorum");
        let shown = self.shown()?;
        ensure!(shown == Ok((before, 3)), "readers were shown {shown:?}, wanted size {before} with 3 lines");
        self.omni.start()?;
        let began = Instant::now();
        while self.shown()?.map_or(0, |(size, _)| size) <= before {
            ensure!(began.elapsed() < PATIENCE, "it was not asked again");
            std::thread::sleep(Duration::from_millis(50));
        }
        // The entry was taken; it only had no quorum yet.
        let again = self.sign_again(PATIENCE.as_secs())?;
        ensure!(again.status.success(), "it was not signed: {}", said(&again));
        let size = self.verified()?;
        Ok(Outcome::Held(format!(
            "size {before} until it was back, then {size}, {:.0} s later",
            began.elapsed().as_secs_f64()
        )))
    }

    fn ahead(&mut self) -> Result<Outcome> {
        const MORE: i64 = 1000;
        let before = self.released()?;
        self.lite.kill();
        self.lite.claim(MORE)?;
        self.lite.start()?;
        let began = Instant::now();
        let words = loop {
            let refused = said(&self.sign(4)?);
            // The first one is in the log already when the witness is asked about it.
            if refused.contains("witness") && refused.contains("more") {
                break refused;
            }
            ensure!(began.elapsed() < PATIENCE, "the log goes on: {refused}");
        };
        let shown = self.shown()?;
        ensure!(shown == Ok((before, 3)), "readers were shown {shown:?}, wanted size {before} with 3 lines");
        self.lite.kill();
        self.lite.claim(-MORE)?;
        self.lite.start()?;
        self.start(&self.policy(&self.omni.vkey))?;
        let size = self.released()?;
        Ok(Outcome::Held(format!("nothing was signed ({words}); mended, size {size}")))
    }
}

/// Its error, or all that it said.
fn said(output: &Output) -> String {
    let all = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    all.lines().find(|line| line.starts_with("error: ")).map_or(all.clone(), str::to_owned)
}
