//! `cargo xtask interop`: other people's tools against our running log and our signatures.
//!
//! The tools are built outside the checkout from the module proxy; none of their code is in this repository. A tool
//! that cannot be had here is named as skipped. Each tool that could pass by looking away also gets a control, which
//! it must fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::go_tools::GoTools;
use crate::interop::lifecycle::Lifecycle;
use crate::programs::{self, Programs};
use crate::server::Server;
use crate::{Arguments, command, place, server};

mod feeder;
mod lifecycle;
mod oms;
mod prometheus;
mod schemathesis;
mod witness;

/// What came out of one tool.
enum Outcome {
    Held(String),
    Failed(String),
    Skipped(String),
}

/// `oms`: the other signature format alone. `--leaves N`: how many the load generator adds, 10,000 unless said; `--only WORDS`: those rows of the table whose name has
/// these words.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let [what] = arguments
        && what == "oms"
    {
        return oms::run();
    }
    let (mut leaves, mut only) = (10_000_u32, "");
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let value = rest.next().with_context(|| format!("{flag} wants a value"))?;
        match flag.as_str() {
            "--leaves" => {
                leaves = value.parse().with_context(|| format!("`{value}` is no number of leaves"))?;
            }
            "--only" => only = value,
            other => bail!("interop takes `oms`, `--leaves N` and `--only WORDS`, not `{other}`"),
        }
    }
    let tools = GoTools::build();
    let programs = Programs::build(false)?;
    let work = programs::target_directory()?.join("interop");
    if work.exists() {
        fs::remove_dir_all(&work).with_context(|| format!("cannot clear {}", work.display()))?;
    }
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let bench = Bench::start(programs, work)?;
    println!("log {} at {}", bench.vkey, bench.server.url);

    let mut table: Vec<(&str, Outcome)> = Vec::new();
    let mut note = |name: &'static str, look: &mut dyn FnMut() -> Result<Outcome>| {
        if !name.contains(only) {
            return;
        }
        let outcome = look().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        println!("{name:44} {}", outcome.words());
        table.push((name, outcome));
    };
    match &tools {
        Ok(tools) => {
            note("tessera integration test", &mut || bench.integration(tools));
            note("tessera hammer, readers verifying", &mut || bench.hammer(tools, leaves));
            note("tessera fsck", &mut || bench.fsck(tools));
            note("tessera fsck, control: another key", &mut || bench.fsck_control(tools));
            note("tessera fsck on our export", &mut || bench.fsck_export(tools));
            note("tessera fsck on our export, control: a flip", &mut || bench.fsck_export_control(tools));
            note("transparency-dev/formats on our tlog-proof", &mut || bench.proof(tools));
        }
        Err(error) => note("tools in Go", &mut || Ok(Outcome::Skipped(format!("{error:#}")))),
    }
    note("openssl on our envelope", &mut || bench.openssl());
    note("promtool on our alert rules", &mut || prometheus::rules());
    note("prometheus on a running log", &mut || bench.watched());
    note("schemathesis on our interface", &mut || bench.interface());
    note("tessera's log under our witness", &mut || witness::run(&bench.work));
    feeder::run(&bench.programs, &bench.work, only, &mut note)?;
    bench.lifecycle(only, &mut note)?;
    bench.server.stop()?;

    let failed = table.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_))).count();
    let skipped = table.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Skipped(_))).count();
    println!("\n{} passed, {failed} failed, {skipped} skipped", table.len() - failed - skipped);
    ensure!(failed == 0, "{failed} tools of other people do not agree with us");
    Ok(())
}

impl Outcome {
    fn words(&self) -> String {
        match self {
            Self::Held(what) => format!("ok: {what}"),
            Self::Failed(why) => format!("FAILED: {why}"),
            Self::Skipped(why) => format!("skipped: {why}"),
        }
    }
}

/// A log that takes any leaf, and a signed model in it.
struct Bench {
    programs: Programs,
    work: PathBuf,
    vkey: String,
    server: Server,
}

impl Bench {
    fn start(programs: Programs, work: PathBuf) -> Result<Self> {
        let mut init = programs::call(&programs.log);
        init.current_dir(&work).args([
            "init",
            "log",
            "--origin",
            "interop.localhost/log",
            "--unencrypted-key",
        ]);
        let printed = command::read(init.arg("--conformance"))?;
        let vkey = programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?.to_owned();
        fs::write(work.join("log.vkey"), &vkey)?;
        // The integration test opens a connection for each of its 1,024 entries at once; a log closes those past its limit.
        let flags = ["--max-connections", "2048", "--max-connections-per-address", "2048"];
        let server = Server::start_with(&programs.log, &work.join("log"), &work.join("log.txt"), &flags)?;
        Ok(Self { programs, work, vkey, server })
    }

    /// A model that is trained with other people's tools, signed and tampered with.
    fn lifecycle(
        &self,
        only: &str,
        note: &mut impl FnMut(&'static str, &mut dyn FnMut() -> Result<Outcome>),
    ) -> Result<()> {
        const ROWS: [&str; 3] = [
            "dvc, mlflow, wandb: one command signs a run",
            "dvc, mlflow, wandb: each input changed",
            "validators of CycloneDX and SPDX on its bill",
        ];
        if !ROWS.iter().any(|row| row.contains(only)) {
            return Ok(());
        }
        let environment = match lifecycle::install() {
            Ok(environment) => environment,
            Err(error) => {
                note(ROWS[0], &mut || Ok(Outcome::Skipped(format!("{error:#}"))));
                return Ok(());
            }
        };
        let lifecycle = Lifecycle::start(&self.programs, environment, &self.work)?;
        if !ROWS[0].contains(only) {
            // The others are about what it signs.
            lifecycle.signed()?;
        }
        note(ROWS[0], &mut || lifecycle.signed());
        note(ROWS[1], &mut || lifecycle.tampered());
        note(ROWS[2], &mut || lifecycle.billed());
        lifecycle.stop()
    }

    /// Runs a tool in the work directory and keeps what it says in `NAME.txt` there.
    fn tool(&self, program: &Path, words: &[&str]) -> Result<(Output, String)> {
        let output = command::capture(Command::new(program).current_dir(&self.work).args(words))?;
        let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        fs::write(self.work.join(format!("{name}.txt")), &said)?;
        Ok((output, said))
    }

    /// Adds 1,024 entries, reads each back, and verifies an inclusion proof for each from our tiles.
    fn integration(&self, tools: &GoTools) -> Result<Outcome> {
        let (url, vkey) = (&self.server.url, &self.vkey);
        let words = [
            "-test.v".to_owned(),
            "-run_integration_test=true".to_owned(),
            format!("-log_url={url}"),
            format!("-write_log_url={url}"),
            format!("-log_public_key={vkey}"),
        ];
        let (output, said) = self.tool(&tools.integration, &words.each_ref().map(String::as_str))?;
        let passed = said.lines().find(|line| line.starts_with("--- PASS: TestLiveLogIntegration"));
        Ok(match (output.status.success(), passed) {
            (true, Some(line)) => Outcome::Held(line.trim_start_matches("--- ").to_owned()),
            _ => Outcome::Failed(last_lines(&said)),
        })
    }

    /// Adds leaves from many writers while readers fetch bundles and a tracker demands consistency of every checkpoint.
    fn hammer(&self, tools: &GoTools, leaves: u32) -> Result<Outcome> {
        let (url, vkey) = (&self.server.url, &self.vkey);
        let words = [
            format!("--log_url={url}/"),
            format!("--log_public_key={vkey}"),
            format!("--leaf_write_goal={leaves}"),
            "--show_ui=false".to_owned(),
            "--logtostderr".to_owned(),
            "--num_writers=256".to_owned(),
            "--max_write_ops=10000".to_owned(),
            "--num_readers_random=2".to_owned(),
            "--num_readers_full=2".to_owned(),
            "--max_read_ops=500".to_owned(),
            "--dup_chance=0.1".to_owned(),
            "--max_runtime=5m".to_owned(),
        ];
        let (output, said) = self.tool(&tools.hammer, &words.each_ref().map(String::as_str))?;
        let reached =
            said.lines().find_map(|line| line.split_once("Reached tree size goal of ").map(|(_, rest)| rest));
        // Warnings (W), errors (E) and fatal ends (F): a reader that got wrong bytes, a write that was refused.
        // What is cut short by its own end is none.
        let complaint = said.lines().find(|line| {
            line.starts_with(['W', 'E', 'F']) && line.contains(".go:") && !line.ends_with("context canceled")
        });
        Ok(match (output.status.success(), reached, complaint) {
            (true, Some(line), None) => {
                Outcome::Held(format!("{leaves} more leaves, size {}", line.trim_end_matches("; exiting")))
            }
            (_, _, Some(line)) => Outcome::Failed(line.to_owned()),
            _ => Outcome::Failed(last_lines(&said)),
        })
    }

    /// Rebuilds the whole tree from our entry bundles and compares every tile and the root.
    fn fsck(&self, tools: &GoTools) -> Result<Outcome> {
        let said = self.fsck_with(tools, &self.server.url, "log.vkey")?;
        Ok(Self::held_by_fsck(&said))
    }

    /// The same over the files that `tallymark-log export` writes from the running log.
    fn fsck_export(&self, tools: &GoTools) -> Result<Outcome> {
        let mut export = programs::call(&self.programs.log);
        export.current_dir(&self.work);
        let url = &self.server.url;
        command::read(export.args(["export", "--url", url, "--vkey", &self.vkey, "--to", "export"]))?;
        Ok(Self::held_by_fsck(&self.fsck_with(tools, &self.exported(), "log.vkey")?))
    }

    /// One bit of one exported bundle is flipped.
    fn fsck_export_control(&self, tools: &GoTools) -> Result<Outcome> {
        let bundle = self.work.join("export/tile/entries/000");
        let mut bytes = fs::read(&bundle).with_context(|| format!("cannot read {}", bundle.display()))?;
        let last = bytes.last_mut().context("the first bundle is empty")?;
        *last ^= 1;
        fs::write(&bundle, bytes)?;
        let said = self.fsck_with(tools, &self.exported(), "log.vkey")?;
        Ok(match said.contains("fsck failed") && !said.contains("Successfully") {
            true => Outcome::Held("refused, as it must".to_owned()),
            false => Outcome::Failed(format!("a damaged export passed: {}", last_lines(&said))),
        })
    }

    fn exported(&self) -> String {
        format!("file://{}", self.work.join("export").display())
    }

    /// It ends with 0 whatever it finds; only its words tell.
    fn held_by_fsck(said: &str) -> Outcome {
        let good =
            said.lines().find_map(|line| line.split_once("Successfully fsck'd ").map(|(_, rest)| rest));
        match (good, said.contains("fsck failed")) {
            (Some(line), false) => Outcome::Held(line.to_owned()),
            _ => Outcome::Failed(last_lines(said)),
        }
    }

    fn fsck_with(&self, tools: &GoTools, url: &str, key: &str) -> Result<String> {
        let url = format!("--storage_url={url}/");
        let key = format!("--public_key={key}");
        self.tool(&tools.fsck, &[&url, &key, "--ui=false", "--N=2", "--logtostderr"]).map(|(_, said)| said)
    }

    fn fsck_control(&self, tools: &GoTools) -> Result<Outcome> {
        // The key of another log of the same name.
        let mut init = programs::call(&self.programs.log);
        init.current_dir(&self.work).args([
            "init",
            "other",
            "--origin",
            "interop.localhost/log",
            "--unencrypted-key",
        ]);
        let printed = command::read(&mut init)?;
        fs::write(self.work.join("other.vkey"), programs::vkey_among(&printed).context("no vkey printed")?)?;
        let said = self.fsck_with(tools, &self.server.url, "other.vkey")?;
        Ok(match said.contains("fsck failed") && !said.contains("Successfully") {
            true => Outcome::Held("refused, as it must".to_owned()),
            false => Outcome::Failed(format!("a log with another key passed: {}", last_lines(&said))),
        })
    }

    /// Signs a small model in this log once; later calls find it.
    fn signed_model(&self) -> Result<Value> {
        let bundle = self.work.join("model/tallymark.jsonl");
        if !bundle.is_file() {
            fs::create_dir_all(self.work.join("model"))?;
            fs::write(self.work.join("model/weights.bin"), [1, 2, 3])?;
            let sign = |words: &[&str]| {
                command::read(programs::call(&self.programs.signer).current_dir(&self.work).args(words))
                    .map(drop)
            };
            sign(&["keygen", "--key", "key.pem", "--unencrypted", "--name", "interop/*"])?;
            let url = &self.server.url;
            let target = ["--key", "key.pem", "--log", url, "--log-key", &self.vkey, "--yes"];
            sign(&[&["sign", "model", "--as", "interop/model:1"][..], &target].concat())?;
        }
        let line =
            fs::read_to_string(&bundle).with_context(|| format!("cannot read {}", bundle.display()))?;
        serde_json::from_str(line.trim_end()).context("the bundle is not JSON")
    }

    /// Submits our entry again and checks the tlog-proof of the answer with other people's libraries.
    fn proof(&self, tools: &GoTools) -> Result<Outcome> {
        let bundle = self.signed_model()?;
        fs::write(
            self.work.join("entry"),
            bytes_at(&bundle, "/verificationMaterial/tlogEntries/0/canonicalizedBody")?,
        )?;
        let words =
            ["-log", &self.server.url, "-vkey", &self.vkey, "-entry", "entry", "-out", "entry.tlog-proof"];
        let (output, said) = self.tool(&tools.proof, &words)?;
        Ok(match output.status.success() {
            true => Outcome::Held(said.trim_end().to_owned()),
            false => Outcome::Failed(last_lines(&said)),
        })
    }

    /// A log for signed entries that a real Prometheus scrapes while a model is signed in it.
    fn watched(&self) -> Result<Outcome> {
        let mut init = programs::call(&self.programs.log);
        init.current_dir(&self.work);
        init.args(["init", "watched", "--origin", "interop.localhost/watched", "--unencrypted-key"]);
        let printed = command::read(&mut init)?;
        let vkey = programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?;
        let metrics = server::free_address()?;
        let flags = ["--listen-admin", &metrics.to_string()];
        let (dir, words) = (self.work.join("watched"), self.work.join("watched.txt"));
        let server = Server::start_with(&self.programs.log, &dir, &words, &flags)?;
        self.signed_model()?;
        let sign = |version: &str| {
            let mut call = programs::call(&self.programs.signer);
            call.current_dir(&self.work).args(["sign", "model", "--as", &format!("interop/model:{version}")]);
            call.args(["--key", "key.pem", "--log", &server.url, "--log-key", vkey, "--yes"]);
            command::read(&mut call).map(drop)
        };
        // Signing reads nothing from the log; the dashboard's row of readers wants one.
        let look = || {
            let mut call = programs::call(&self.programs.signer);
            call.current_dir(&self.work).args(["search", "name=interop/", "--log", &server.url]);
            command::read(call.args(["--log-key", vkey])).map(drop)
        };
        prometheus::run(metrics, &self.work, || {
            ["2", "3", "4"].into_iter().try_for_each(sign)?;
            look()
        })
    }

    /// Makes requests from our OpenAPI document and compares every answer with it.
    fn interface(&self) -> Result<Outcome> {
        match schemathesis::install() {
            Ok(program) => schemathesis::run(&program, &self.server.url, &self.work),
            Err(error) => Ok(Outcome::Skipped(format!("{error:#}"))),
        }
    }

    /// Verifies the signature of our envelope over its DSSE encoding, with a key file that `keygen` wrote.
    fn openssl(&self) -> Result<Outcome> {
        let version = match place::tool("openssl") {
            Some(_) => command::read(Command::new("openssl").arg("version"))?,
            None => return Ok(Outcome::Skipped("no `openssl`".to_owned())),
        };
        if !version.starts_with("OpenSSL 3") {
            return Ok(Outcome::Skipped(format!("{}, wanted OpenSSL 3 for Ed25519", version.trim_end())));
        }
        let bundle = self.signed_model()?;
        let payload = bytes_at(&bundle, "/dsseEnvelope/payload")?;
        let kind =
            bundle.pointer("/dsseEnvelope/payloadType").and_then(Value::as_str).context("no payload type")?;
        let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        signed.extend(payload);
        fs::write(self.work.join("signed"), &signed)?;
        fs::write(self.work.join("signature"), bytes_at(&bundle, "/dsseEnvelope/signatures/0/sig")?)?;
        let mut check = Command::new("openssl");
        check.current_dir(&self.work).args([
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "key.pem.pub",
            "-rawin",
        ]);
        check.args(["-in", "signed", "-sigfile", "signature"]);
        let output = command::capture(&mut check)?;
        signed.push(b' ');
        fs::write(self.work.join("signed"), &signed)?;
        let control = command::capture(&mut check)?;
        Ok(match (output.status.success(), control.status.success()) {
            (true, false) => {
                Outcome::Held(format!("verified by {}; with one byte more it was not", version.trim_end()))
            }
            (true, true) => Outcome::Failed("a changed message passed the same check".to_owned()),
            (false, _) => Outcome::Failed(last_lines(&String::from_utf8_lossy(&output.stderr))),
        })
    }
}

fn bytes_at(bundle: &Value, pointer: &str) -> Result<Vec<u8>> {
    let text =
        bundle.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no text at {pointer}"))?;
    STANDARD.decode(text).with_context(|| format!("no base64 at {pointer}"))
}

/// The end of what a tool said, where the reason usually is.
fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let start = lines.len().saturating_sub(5);
    lines.get(start..).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_text_is_what_is_shown() {
        assert_eq!(last_lines("1\n2\n3\n4\n5\n6\n"), "2 | 3 | 4 | 5 | 6");
        assert_eq!(last_lines(""), "");
    }

    #[test]
    fn bytes_are_taken_from_where_they_are_or_the_place_is_named() {
        let bundle = serde_json::json!({"a": ["AQI="], "b": "?"});
        assert_eq!(bytes_at(&bundle, "/a/0").expect("there"), [1, 2]);
        assert_eq!(bytes_at(&bundle, "/c").expect_err("not there").to_string(), "no text at /c");
        assert_eq!(bytes_at(&bundle, "/b").expect_err("not base64").to_string(), "no base64 at /b");
    }
}
