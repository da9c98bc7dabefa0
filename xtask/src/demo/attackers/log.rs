//! Attacks with the log: what is put into it, and what is done to it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{Stage, bundle, index_of};
use crate::command;
use crate::demo::tampering::BUNDLE;
use crate::demo::{Copying, copy};
use crate::programs;
use crate::server::Server;

/// How long a log may take to answer or to say that it does not start.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn signs_as_a_stranger(stage: &mut Stage<'_>) -> Result<String> {
    let (model, trust) = (stage.copy_of("model", "model")?, stage.trusting("")?);
    stage.sign_anew("stranger.pem", &model, "demo/classifier:2")?;
    stage.reason(&model, &trust, &[])
}

/// What he signs is in the log, behind everything that the owner signed. The owner says until where his key counts.
pub(super) fn signs_with_a_stolen_key(stage: &mut Stage<'_>) -> Result<String> {
    let (model, plain) = (stage.copy_of("model", "model")?, stage.trusting("")?);
    fs::write(model.join("config.json"), "{}\n").context("cannot change the model")?;
    let theft = stage.sign_anew("publisher.pem", &model, "demo/classifier:3")?;
    stage.must_verify(&model, &plain, &[])?;
    let ended = stage.trusting(&format!("until-index = {theft}"))?;
    stage.must_verify(&stage.copy_of("model", "before")?, &ended, &[])?;
    stage.reason(&model, &ended, &[])
}

pub(super) fn approves_his_own(stage: &mut Stage<'_>) -> Result<String> {
    let model = stage.copy_of("model", "model")?;
    let trust = stage.trusting("\n[[require]]\nname = \"demo/*\"\napprovals = 1")?;
    approve(stage, "publisher.pem", &model, &[])?;
    stage.reason(&model, &trust, &[])
}

/// Somebody else's approval counts, until it ends.
pub(super) fn outlives_an_approval(stage: &mut Stage<'_>) -> Result<String> {
    let model = stage.copy_of("model", "model")?;
    let reviewer = fs::read_to_string(stage.demo.at("reviewer.toml")).context("no reviewer")?;
    let rule = "[[require]]\nname = \"demo/*\"\napprovals = 1";
    let trust = stage.trusting(&format!("\n{reviewer}\n{rule}"))?;
    approve(stage, "reviewer.pem", &model, &["--expires", "2030-01-01T00:00:00Z"])?;
    stage.must_verify(&model, &trust, &["--at", "2029-12-31T23:59:59Z"])?;
    stage.reason(&model, &trust, &["--at", "2030-01-01T00:00:00Z"])
}

/// Signed, logged, never withdrawn, and not the last.
pub(super) fn goes_back(stage: &mut Stage<'_>) -> Result<String> {
    let (old, new, trust) = two_releases(stage)?;
    stage.must_verify(&new, &trust, &["--state", "seen.json"])?;
    let before = fs::read(stage.at("seen.json")).context("nothing was remembered")?;
    let reason = stage.reason(&old, &trust, &["--state", "seen.json"])?;
    ensure!(fs::read(stage.at("seen.json"))? == before, "a refusal changed what is remembered");
    Ok(reason)
}

pub(super) fn damages_the_memory(stage: &mut Stage<'_>) -> Result<String> {
    let (old, new, trust) = two_releases(stage)?;
    stage.must_verify(&new, &trust, &["--state", "seen.json"])?;
    let memory = fs::read_to_string(stage.at("seen.json")).context("nothing was remembered")?;
    fs::write(stage.at("seen.json"), memory.get(..memory.len() / 2).unwrap_or_default())?;
    stage.reason(&old, &trust, &["--state", "seen.json"])
}

/// The base turns out to be poisoned: its maker withdraws it with all that was made from it.
pub(super) fn poisons_the_base(stage: &mut Stage<'_>) -> Result<String> {
    let (model, base) = (stage.copy_of("model", "model")?, stage.copy_of("base", "base")?);
    let trust = stage.trusting("")?;
    stage.must_verify(&model, &trust, &["--lineage", "base"])?;
    let words = ["revoke", "base", "--as", "demo/base:1", "--scope", "this-and-descendants"];
    stage.signing("publisher.pem", &[&words[..], &["--reason", "poisoned-data"]].concat())?;
    ensure!(bundle(&base)?.lines().count() == 2, "the revocation is not in the bundle file");
    stage.reason(&model, &trust, &["--lineage", "base"])
}

/// `os.system('id')`, run by whoever loads it. The publisher himself signed it.
pub(super) fn hides_a_program(stage: &mut Stage<'_>) -> Result<String> {
    let model = stage.copy_of("model", "model")?;
    fs::write(model.join("head.bin"), b"cos\nsystem\n(S'id'\ntR.").context("cannot hide it")?;
    stage.sign_anew("publisher.pem", &model, "demo/classifier:4")?;
    stage.must_verify(&model, &stage.trusting("")?, &[])?;
    let trust = stage.trusting("\n[[require]]\nname = \"demo/*\"\nformats = \"strict\"")?;
    stage.reason(&model, &trust, &[])
}

/// Looks for the name of the dataset in every byte that the log keeps.
pub(super) fn reads_the_log(stage: &mut Stage<'_>) -> Result<String> {
    let model = stage.copy_of("model", "model")?;
    let _ = fs::remove_file(model.join(BUNDLE));
    let secret = "patients-of-ward-seven";
    let data = format!("{secret}={}", stage.demo.at("data").display());
    let words = ["sign", "model", "--as", "demo/classifier:5", "--data", &data];
    stage.signing("publisher.pem", &words)?;
    // Stopped, so that all of it is in files.
    stage.stop()?;
    let found = holds(&stage.demo.at("log"), secret.as_bytes())?;
    // The search finds what is there: the model's name is public.
    ensure!(holds(&stage.demo.at("log"), b"demo/classifier")?, "the search finds nothing at all");
    Ok(if found { "in the log" } else { "not in the log" }.to_owned())
}

/// Announces more than any entry may have, and sends nothing of it. The log answers at once, and goes on for others.
pub(super) fn floods(stage: &mut Stage<'_>) -> Result<String> {
    let address = stage.url()?.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).context("cannot reach the log")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = "POST /api/v1/entries HTTP/1.1\r\nContent-Type: application/cose\r\n";
    let request = format!("{head}Host: {address}\r\nContent-Length: {}\r\n\r\n", 1 << 30);
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).context("the log did not answer")?;
    let model = stage.copy_of("model", "model")?;
    stage.sign_anew("publisher.pem", &model, "demo/classifier:6")?;
    let status = String::from_utf8_lossy(&answer);
    status.split(' ').nth(1).map(str::to_owned).context("no status")
}

pub(super) fn starts_a_second(stage: &mut Stage<'_>) -> Result<String> {
    starts(stage, &stage.demo.at("log"))
}

/// The ledger of what was signed is newer than the database: carrying on would sign a second history.
pub(super) fn restores_an_old_copy(stage: &mut Stage<'_>) -> Result<String> {
    stage.stop()?;
    let (log, old) = (stage.demo.at("log"), stage.at("old"));
    copy(&log, &old, Copying::Bytes)?;
    stage.start()?;
    let model = stage.copy_of("model", "model")?;
    stage.sign_anew("publisher.pem", &model, "demo/classifier:7")?;
    stage.stop()?;
    let mixed = stage.at("log");
    copy(&log, &mixed, Copying::Bytes)?;
    fs::remove_dir_all(mixed.join("db")).and_then(|()| fs::rename(old.join("db"), mixed.join("db")))?;
    starts(stage, &mixed)
}

/// A log whose operator keeps two histories under one key, from one state on. The two meet in one bundle file.
pub(super) fn forks(stage: &mut Stage<'_>) -> Result<String> {
    let (model, trust) = (stage.copy_of("model", "model")?, stage.trusting("")?);
    stage.stop()?;
    let other = stage.at("log");
    copy(&stage.demo.at("log"), &other, Copying::Bytes)?;
    stage.start()?;
    approve(stage, "publisher.pem", &model, &["--text", "in the log for everybody"])?;
    stage.stop()?;
    stage.server = Some(Server::start(&stage.demo.programs.log, &other, &stage.at("log.txt"))?);
    let shown = stage.copy_of("model", "shown")?;
    approve(stage, "publisher.pem", &shown, &["--text", "in the log for one"])?;
    stage.stop()?;
    let (all, one) = (bundle(&model)?, bundle(&shown)?);
    let last = one.lines().last().context("no approval")?;
    let heads = (index_of(last)?, index_of(all.lines().last().context("no approval")?)?);
    ensure!(heads.0 == heads.1, "the two histories do not part at one place: {heads:?}");
    stage.must_verify(&model, &trust, &[])?;
    fs::write(model.join(BUNDLE), format!("{all}{last}\n")).context("cannot write the bundle")?;
    stage.reason(&model, &trust, &[])
}

/// The owner withdraws a release. What is handed out is what it was before, with the log's own word that nothing is missing, asked for later.
pub(super) fn withholds(stage: &mut Stage<'_>) -> Result<String> {
    let model = stage.copy_of("model", "model")?;
    fs::write(model.join("config.json"), "{\"leaks\":true}\n").context("cannot change the model")?;
    stage.sign_anew("publisher.pem", &model, "demo/classifier:8")?;
    let trust = stage.trusting("\n[[require]]\nname = \"demo/*\"\nstatus-age = \"1d\"")?;
    ask_status(stage, &model)?;
    stage.must_verify(&model, &trust, &[])?;
    let before = bundle(&model)?;
    let words =
        ["revoke", "model", "--as", "demo/classifier:8", "--scope", "this", "--reason", "poisoned-data"];
    stage.signing("publisher.pem", &words)?;
    let withdrawal = index_of(bundle(&model)?.lines().last().context("no withdrawal")?)?;
    let status = status_with(stage, &model, withdrawal)?;
    let revoked = stage.reason(&model, &trust, &[])?;
    ensure!(revoked == "revoked", "with its withdrawal the model is {revoked}");
    let signed = before.lines().next().context("an empty bundle file")?;
    fs::write(model.join(BUNDLE), format!("{signed}\n{status}\n")).context("cannot write the bundle")?;
    stage.reason(&model, &trust, &[])
}

/// The line that says what the log knows of a model, once it knows of that event: the log signs it at intervals.
fn status_with(stage: &Stage<'_>, model: &Path, event: u64) -> Result<String> {
    let (began, mention) = (std::time::Instant::now(), format!("\"logIndex\":\"{event}\""));
    while began.elapsed() < PATIENCE {
        ask_status(stage, model)?;
        let bundle = bundle(model)?;
        let mut statuses = bundle.lines().filter(|line| line.contains("tallymark.status"));
        if let Some(status) = statuses.find(|line| line.contains(&mention)) {
            return Ok(status.to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("the log's status does not have event {event}")
}

/// Puts beside a model what the log knows of it. No key is needed for that.
fn ask_status(stage: &Stage<'_>, model: &Path) -> Result<()> {
    let mut call = programs::call(&stage.demo.programs.signer);
    call.arg("status").arg(model).args(["--log", stage.url()?, "--quiet", "--trust"]);
    command::read(call.arg(stage.demo.at("tallymark.toml"))).map(drop)
}

fn approve(stage: &Stage<'_>, key: &str, model: &Path, words: &[&str]) -> Result<()> {
    let model = model.to_string_lossy();
    let call = ["approve", &model, "--as", "demo/classifier:1"];
    stage.signing(key, &[&call[..], words].concat()).map(drop)
}

/// A release and the one after it, each in a folder.
fn two_releases(stage: &Stage<'_>) -> Result<(std::path::PathBuf, std::path::PathBuf, std::path::PathBuf)> {
    let (old, new) = (stage.copy_of("model", "old")?, stage.copy_of("model", "new")?);
    fs::write(new.join("config.json"), "{\"fixed\":true}\n").context("cannot change the model")?;
    stage.sign_anew("publisher.pem", &new, "demo/classifier:2")?;
    Ok((old, new, stage.trusting("")?))
}

/// Tries to start a server on that directory.
fn starts(stage: &Stage<'_>, log: &Path) -> Result<String> {
    let mut call = programs::call(&stage.demo.programs.log);
    call.arg("serve").arg(log).args(["--listen", "127.0.0.1:0"]);
    call.stdout(fs::File::create(stage.at("out"))?).stderr(fs::File::create(stage.at("err"))?);
    let mut child = call.spawn().context("cannot start a server")?;
    let began = std::time::Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            ensure!(!status.success(), "a server that did not start ended with {status}");
            return Ok("does not start".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
        if !fs::read_to_string(stage.at("out"))?.is_empty() {
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    if began.elapsed() < PATIENCE {
        return Ok("serves".to_owned());
    }
    bail!("`{}` neither serves nor ends", command::shown(&call))
}

/// Whether any file below holds these bytes.
fn holds(dir: &Path, bytes: &[u8]) -> Result<bool> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        let found = if path.is_dir() {
            holds(&path, bytes)?
        } else {
            fs::read(&path)?.windows(bytes.len()).any(|window| window == bytes)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
