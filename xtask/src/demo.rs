//! `cargo xtask demo`: the whole loop with the real programs, real files and nothing pretended.
//!
//! A log is started, a model is trained, signed with what it was made from, logged and verified with the log stopped;
//! then it is tampered with in every way of [`tampering::TAMPERINGS`], one at a time, and must be refused for exactly
//! the reason given there. In between somebody steals the publisher's key, a monitor tells the owner, and what the thief signed is
//! revoked. Then every attacker of spec/threat-model.md has his try. Anything else ends the demo with an error.

mod attackers;
mod materials;
#[path = "../demo/safetensors.rs"]
mod safetensors;
mod tampering;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::programs::{self, Programs};
use crate::server::Server;
use crate::{Arguments, command};
use tampering::{BUNDLE, Evidence, TAMPERINGS};
use watch::Watch;

/// Lies in a work directory of ours, so that the next run may clear it.
const OURS: &str = ".tallymark-demo";

/// What the model is called.
const MODEL: &str = "demo/classifier:1";

struct Options {
    model: Option<PathBuf>,
    dir: Option<PathBuf>,
}

/// `--model DIR`: the base model is the one in DIR (copied) and not one made here. `--dir WORKDIR`: where to work.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let options = Options::read(arguments)?;
    if let Some(model) = &options.model {
        ensure!(model.is_dir(), "{} is no directory", model.display());
    }
    let programs = Programs::build(false)?;
    let started = Instant::now();
    let work = match &options.dir {
        Some(dir) => dir.clone(),
        None => programs::target_directory()?.join("demo"),
    };
    let demo = Demo { work: prepare(&work)?, programs };
    demo.play(options.model.as_deref())?;
    println!(
        "\nThe demo held, in {:.1} s after building. Everything is in {}",
        started.elapsed().as_secs_f64(),
        demo.work.display()
    );
    Ok(())
}

impl Options {
    fn read(arguments: &Arguments) -> Result<Self> {
        let mut options = Self { model: None, dir: None };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let slot = match word.as_str() {
                "--model" => &mut options.model,
                "--dir" => &mut options.dir,
                other => bail!("demo takes --model DIR and --dir WORKDIR, not `{other}`"),
            };
            *slot = Some(PathBuf::from(words.next().with_context(|| format!("{word} needs a directory"))?));
        }
        Ok(options)
    }
}

/// An empty directory to work in. One that was there is cleared only if an earlier demo made it.
fn prepare(dir: &Path) -> Result<PathBuf> {
    if dir.join(OURS).is_file() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    if fs::read_dir(dir)?.next().is_some() {
        bail!("{} is not empty; name an empty or a new directory", dir.display());
    }
    fs::write(
        dir.join(OURS),
        "Made by `cargo xtask demo`, which will clear this directory the next time.\n",
    )?;
    dir.canonicalize().with_context(|| format!("cannot resolve {}", dir.display()))
}

struct Demo {
    /// Absolute.
    work: PathBuf,
    programs: Programs,
}

impl Demo {
    fn play(&self, given: Option<&Path>) -> Result<()> {
        println!("tallymark demo in {}\n", self.work.display());
        let mut chapter = Chapter(0);

        chapter.begin("A log");
        let printed = self.log(&["init", "log", "--origin", "demo.localhost/log", "--unencrypted-key"])?;
        let vkey = programs::vkey_among(&printed).context("`tallymark-log init` printed no vkey")?;
        let server = Server::start(&self.programs.log, &self.at("log"), &self.at("log.txt"))?;
        println!("     listens on {}, key {vkey}", server.url);

        chapter.begin("Keys: a publisher's, the owner's that only revokes, a stranger's and a reviewer's");
        fs::write(self.at("passphrase"), "a passphrase for the demo\n")?;
        let keygen = ["keygen", "--name", "demo/*", "--passphrase-file", "passphrase", "--key"];
        let publisher = self.sign_tool(&[&keygen[..], &["publisher.pem"]].concat())?;
        // It lies elsewhere, so that it is not stolen with the other.
        let owner = self.sign_tool(&[&keygen[..], &["owner.pem"]].concat())?;
        self.sign_tool(&[&keygen[..], &["stranger.pem"]].concat())?;
        fs::write(self.at("reviewer.toml"), self.sign_tool(&[&keygen[..], &["reviewer.pem"]].concat())?)?;
        let policy = format!("policy = \"\"\"\nlog {vkey}\nquorum none\n\"\"\"\n");
        let trust = format!("version = 1\n{policy}\n{owner}may = [\"revoke\"]\n\n{publisher}");
        fs::write(self.at("tallymark.toml"), &trust)?;
        println!("     tallymark.toml says whom to trust:");
        trust.lines().for_each(|line| println!("       {line}"));

        chapter.begin("A base model, a dataset, training code in git");
        match given {
            Some(given) => {
                copy(given, &self.at("base"), Copying::Bytes)?;
                // A bundle that came with it is by somebody whom the demo's trust file does not know.
                let _ = fs::remove_file(self.at("base").join(BUNDLE));
            }
            None => materials::write_base(&self.at("base"))?,
        }
        materials::write_dataset(&self.at("data"))?;
        materials::write_code(&self.at("code"))?;
        for part in ["base", "data", "code"] {
            println!("     {part:5} {}", listing(&self.at(part))?);
        }

        chapter.begin("Train: run that code on that data, starting from that base");
        let told = materials::train(
            &self.at("code"),
            &self.at("base"),
            &self.at("data"),
            &self.at("model"),
            &self.at("train"),
        )?;
        told.lines().for_each(|line| println!("     {line}"));
        match materials::changed_numbers(&self.at("base"), &self.at("model"))? {
            Some((changed, all)) => {
                ensure!(changed > 0, "training changed no weight");
                println!("     {changed} of {all} weights changed");
            }
            None => println!("     two layers were added beside the base model's files"),
        }

        chapter.begin("Sign both models with what they were made from, and log it");
        let signing = Signing { key: "publisher.pem", url: &server.url };
        self.sign("base", "demo/base:1", &signing, false)?;
        // A stranger signs the same files under the same name, before the publisher does.
        self.sign("model", MODEL, &Signing { key: "stranger.pem", url: &server.url }, true)?;
        let strange = self.at("model").join(BUNDLE);
        let stranger = fs::read_to_string(&strange).context("the stranger's signing wrote no bundle")?;
        fs::rename(&strange, self.at("stranger.jsonl"))?;
        self.sign("model", MODEL, &signing, true)?;

        chapter.begin("Read the statement, and compare it with what lies here");
        self.compare_statement()?;

        let keys = [public_key(&publisher)?, public_key(&owner)?];
        self.watch(&mut chapter, &Watch { vkey, url: &server.url, keys })?;

        chapter.begin("Stop the log, verify offline");
        server.stop()?;
        println!("     the log has stopped");
        self.shown_verification("base")?;
        self.shown_verification("model")?;
        let fsck = self.log(&["fsck", "log"])?;
        fsck.lines().for_each(|line| println!("     {line}"));

        chapter.begin("Tamper, one way at a time");
        let other =
            fs::read_to_string(self.at("base").join(BUNDLE)).context("the base model has no bundle")?;
        let other_dataset = self.hash("base")?;
        self.tamper(&Evidence { other, stranger, other_dataset })?;

        chapter.begin("Let every attacker try, on copies of the model and with the real log");
        self.attack(&trust)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// Runs one of the programs in the work directory, shows what one would type, returns what it prints.
    fn typed(&self, program: &Path, words: &[&str]) -> Result<String> {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        println!("   $ {}", command::shown(Command::new(name.as_ref()).args(words)));
        command::read(programs::call(program).current_dir(&self.work).args(words))
    }

    fn log(&self, words: &[&str]) -> Result<String> {
        self.typed(&self.programs.log, words)
    }

    fn sign_tool(&self, words: &[&str]) -> Result<String> {
        self.typed(&self.programs.signer, words)
    }

    fn sign(&self, dir: &str, name: &str, signing: &Signing<'_>, with_inputs: bool) -> Result<()> {
        let mut words = vec!["sign", dir, "--as", name];
        if with_inputs {
            words.extend(["--data", "points=data", "--base", "base=base", "--code", "code"]);
        }
        words.extend(["--key", signing.key, "--passphrase-file", "passphrase", "--log", signing.url]);
        words.extend(["--trust", "tallymark.toml", "--yes"]);
        let printed = self.sign_tool(&words)?;
        printed.lines().for_each(|line| println!("     {line}"));
        ensure!(self.at(dir).join(BUNDLE).is_file(), "signing wrote no {dir}/{BUNDLE}");
        Ok(())
    }

    fn hash(&self, dir: &str) -> Result<String> {
        let printed =
            command::read(programs::call(&self.programs.signer).current_dir(&self.work).args(["hash", dir]))?;
        printed.split_whitespace().next().map(str::to_owned).context("`tallymark hash` printed nothing")
    }

    /// The model, the data, the base and the code are what the signed statement says, by digests taken anew.
    fn compare_statement(&self) -> Result<()> {
        let line = fs::read_to_string(self.at("model").join(BUNDLE)).context("the model has no bundle")?;
        let statement: Value = serde_json::from_str(&tampering::statement(&line)?)?;
        let mut git = Command::new("git");
        let head = command::read(git.current_dir(self.at("code")).args(["rev-parse", "HEAD"]))?;
        let rows = [
            ("model", statement["subject"][0]["digest"]["sha256"].as_str(), self.hash("model")?),
            (
                "dataset",
                tampering::input(&statement, "dataset")?["digest"]["sha256"].as_str(),
                self.hash("data")?,
            ),
            (
                "base-model",
                tampering::input(&statement, "base-model")?["digest"]["sha256"].as_str(),
                self.hash("base")?,
            ),
            (
                "code",
                tampering::input(&statement, "code")?["digest"]["gitCommit"].as_str(),
                head.trim_end().to_owned(),
            ),
        ];
        for (role, said, is) in rows {
            ensure!(said == Some(is.as_str()), "the statement's {role} is {said:?}, here lies {is}");
            println!("     {role:10} {is}  as signed");
        }
        let dirty = &tampering::input(&statement, "code")?["annotations"]["dirty"];
        ensure!(dirty == &Value::Bool(false), "the statement says of the committed code: dirty {dirty}");
        Ok(())
    }

    fn shown_verification(&self, dir: &str) -> Result<()> {
        let printed = self.typed(&self.programs.verifier, &[dir, "--trust", "tallymark.toml"])?;
        printed.lines().for_each(|line| println!("     {line}"));
        let verdict = self.verify(&self.at(dir))?;
        ensure!(verdict.exit == 0 && verdict.reason.is_none(), "{dir} was to verify, but got {verdict}");
        Ok(())
    }

    fn verify(&self, dir: &Path) -> Result<Verdict> {
        let mut call = programs::call(&self.programs.verifier);
        call.current_dir(&self.work).arg(dir).args(["--trust", "tallymark.toml", "--json"]);
        let output = command::capture(&mut call)?;
        let exit = output.status.code().with_context(|| format!("`{}` was killed", command::shown(&call)))?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`{}` printed no JSON", command::shown(&call)))?;
        Ok(Verdict { exit, reason: reason(&report) })
    }

    /// Damages a fresh copy for each row of the table and compares what the verifier says with what it must say.
    fn tamper(&self, evidence: &Evidence) -> Result<()> {
        println!("     {:36} {:30} exit", "what was done", "reason");
        let mut wrong = Vec::new();
        for tampering in &TAMPERINGS {
            let copied = self.at(&format!("tampered-{}", tampering.reason)).join("model");
            copy(&self.at("model"), &copied, Copying::Links)?;
            // The copy itself must verify, or the refusal would say nothing about the damage.
            let whole = self.verify(&copied)?;
            ensure!(whole.exit == 0, "an undamaged copy was to verify, but got {whole}");
            (tampering.apply)(&copied, evidence).with_context(|| format!("cannot {}", tampering.title))?;
            let verdict = self.verify(&copied)?;
            let held = verdict.exit == tampering.exit && verdict.reason.as_deref() == Some(tampering.reason);
            let mark = if held { "refused" } else { "WRONG" };
            println!("     {:36} {:30} {:4} {mark}", tampering.title, verdict.words(), verdict.exit);
            if !held {
                wrong.push(format!(
                    "{}: wanted {} and exit {}",
                    tampering.title, tampering.reason, tampering.exit
                ));
            }
        }
        ensure!(wrong.is_empty(), "not refused as it should be:\n  {}", wrong.join("\n  "));
        Ok(())
    }
}

/// Who signs, and where it is logged.
struct Signing<'a> {
    key: &'a str,
    url: &'a str,
}

/// Numbers the chapters on the screen.
struct Chapter(u8);

impl Chapter {
    fn begin(&mut self, title: &str) {
        self.0 += 1;
        println!("{}{}. {title}", if self.0 > 1 { "\n" } else { "" }, self.0);
    }
}

/// What the verifier answered.
struct Verdict {
    exit: i32,
    /// The reason code; none if it verified.
    reason: Option<String>,
}

impl Verdict {
    fn words(&self) -> &str {
        self.reason.as_deref().unwrap_or("verified")
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with exit {}", self.words(), self.exit)
    }
}

/// The key in what `tallymark keygen` printed.
fn public_key(printed: &str) -> Result<&str> {
    let found = printed.lines().find_map(|line| line.strip_prefix("keys = [\"")?.strip_suffix("\"]"));
    found.context("`tallymark keygen` printed no key")
}

/// The deciding reason in the verifier's `--json`.
fn reason(report: &Value) -> Option<String> {
    report["reason"].as_str().map(str::to_owned)
}

/// How the files of a folder come into another one.
#[derive(Clone, Copy)]
enum Copying {
    /// Each with bytes of its own.
    Bytes,
    /// Sharing bytes where the file system can; whoever changes one must replace it.
    Links,
}

fn copy(from: &Path, to: &Path, how: Copying) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target, how)?;
        } else if !matches!(how, Copying::Links) || fs::hard_link(&path, &target).is_err() {
            fs::copy(&path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// `config.json, layer-1.safetensors (1.2 kB)`, at most six names.
fn listing(dir: &Path) -> Result<String> {
    let files = tampering::files(dir)?;
    let mut bytes = 0;
    let mut names = Vec::new();
    for file in &files {
        bytes += fs::metadata(file)?.len();
        names.push(file.strip_prefix(dir).unwrap_or(file).display().to_string());
    }
    names.sort();
    let more = names.len().saturating_sub(6);
    names.truncate(6);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    Ok(format!("{} ({bytes} bytes)", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_somebody_else_is_not_cleared() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("thesis.tex"), "").expect("written");
        assert!(prepare(dir.path()).expect_err("not ours").to_string().contains("is not empty"));
        assert!(dir.path().join("thesis.tex").exists());
    }

    #[test]
    fn a_directory_of_an_earlier_demo_is_cleared() {
        let dir = tempfile::tempdir().expect("a directory");
        let work = dir.path().join("demo");
        fs::write(prepare(&work).expect("made").join("old"), "").expect("written");
        assert!(!prepare(&work).expect("cleared").join("old").exists());
    }

    #[test]
    fn no_tampering_expects_to_be_verified_and_none_is_there_twice() {
        for (i, tampering) in TAMPERINGS.iter().enumerate() {
            assert!(tampering.exit == 1 || tampering.exit == 3, "{}", tampering.title);
            assert!(
                TAMPERINGS.iter().skip(i + 1).all(|other| other.reason != tampering.reason),
                "{}",
                tampering.reason
            );
        }
    }
}
