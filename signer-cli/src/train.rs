//! `tallymark run`: starts a training, watches over what goes in and what comes out, and signs.
//!
//! ```text
//! before   hash all inputs
//! run      start the program; its output goes where it always goes, and through SHA-256; with --json to standard error,
//!          so that standard output is one document
//! after    hash all inputs again; one that changed is an error
//!          read weights, card, locks and machine
//!          sign a provenance of the output, with the builder that says so
//! ```
//!
//! What is trusted: this machine. Nothing is isolated, and the program may read what it was not given. A run that fails
//! leaves nothing signed and gives its own exit status.
//!
//! Arguments may hold secrets, so of each only what it takes to tell it from others is signed: the program's file name, names
//! of flags, and arguments that are paths of files here. The rest is `[left out]`, unless `--keep-args`. Of the environment only
//! variables on a short list are signed.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use attest::provenance::{
    Byproduct, ByproductRole, Entrypoint, Extent, Fact, Input, InputDigest, Source, Topic,
};
use attest::role::Role;
use attest::utc_time::UtcTime;

use crate::args::{Manner, MaterialArgs, RunArgs};
use crate::gather::Gathered;
use crate::hidden::Hidden;
use crate::inputs::Materials;
use crate::key_file::{self, KeyFileError};
use crate::message::{Failure, note, warn};
use crate::preview::KeptBack;
use crate::read_set::{ReadSet, Trace};
use crate::sign::Release;
use crate::submit::Log;

/// Variables that say how a run computes, and nothing about people.
const ENVIRONMENT: [&str; 16] = [
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "MKL_NUM_THREADS",
    "NCCL_ALGO",
    "NCCL_PROTO",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTORCH_CUDA_ALLOC_CONF",
    "RANK",
    "SOURCE_DATE_EPOCH",
    "TF_CUDNN_DETERMINISTIC",
    "TF_DETERMINISTIC_OPS",
    "TOKENIZERS_PARALLELISM",
    "WORLD_SIZE",
];
/// In place of an argument.
pub(crate) const LEFT_OUT: &str = "[left out]";
/// What a signal adds to the exit status that stands for it, as shells have it.
const SIGNALLED: i32 = 128;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// A file is in the way.
    #[error("{path} is there already and not empty")]
    NotEmpty { path: std::path::PathBuf },
    /// The system refused.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: std::path::PathBuf, source: std::io::Error },
}

/// Runs it; the exit status of the program if that is not 0.
pub(crate) fn run(args: &RunArgs, manner: Manner) -> Result<u8, Failure> {
    let hidden = Hidden::begin(&args.private, &args.out)?;
    let made = prepare(&args.out)?;
    let begun =
        refuse_early(args).and_then(|()| Ok(args.read_set.as_deref().map(Trace::begin).transpose()?));
    if made && begun.is_err() {
        drop(fs::remove_dir(&args.out));
    }
    let trace = begun?;
    let before = Materials::find(&args.out, &args.materials, manner)?.hash(&args.materials, manner)?;
    let watched = watch(&args.program, trace.as_ref(), args.publish.json);
    let finished = now();
    if made && !watched.as_ref().is_ok_and(|(_, status, _)| status.success()) {
        // Only if nothing was put there.
        drop(fs::remove_dir(&args.out));
    }
    let (started, status, log) = watched?;
    if !status.success() {
        let code = status.code().unwrap_or(SIGNALLED + status.signal().unwrap_or_default());
        note(manner, &format!("{} ended with {status}; nothing was signed", args.program[0]));
        return Ok(u8::try_from(code).unwrap_or(1));
    }
    let mut gathered = Gathered::from_sources(&args.gather, &args.out, manner)?;
    let name = "stdout".parse().map_err(crate::sign::SignError::CodeName)?;
    gathered.push_byproduct(Byproduct::new(ByproductRole::TrainingLog, name, log.digest, log.bytes));
    for name in ENVIRONMENT {
        if let Ok(value) = std::env::var(name) {
            gathered.push(observed(name, "environment-variable", value)?);
        }
    }
    gathered.push(observed("", "exit-status", "0".to_owned())?);
    if let (Some(list), Some(trace)) = (&args.read_set, trace) {
        let read = trace.end(list, &args.out)?;
        let name = "read-set".parse().map_err(crate::sign::SignError::CodeName)?;
        gathered.push_byproduct(Byproduct::new(ByproductRole::ReadSet, name, read.digest, read.bytes));
        for fact in opened_inputs(&args.materials, &before.inputs, &read, manner)? {
            gathered.push(fact);
        }
    }
    let kept = KeptBack { facts: gathered.left_out(), hidden };
    let entrypoint = entrypoint(&args.program, args.keep_args)?;
    let run = gathered.into_run(Some(entrypoint), started.zip(finished))?;
    let (name_version, materials, publish) = (&args.name_version, &args.materials, &args.publish);
    let inputs_before = Some(before.inputs);
    Release { model: &args.out, name_version, materials, publish, run, inputs_before, oms: None, kept }
        .sign(manner)?;
    Ok(0)
}

/// How many files of each dataset and base model the program opened; of one of which it opened none, that is said.
fn opened_inputs(
    materials: &MaterialArgs,
    inputs: &[Input],
    read: &ReadSet,
    manner: Manner,
) -> Result<Vec<Fact>, Failure> {
    let mut facts = Vec::new();
    for (topic, role, named) in
        [(Topic::Data, Role::Dataset, &materials.data), (Topic::BaseModel, Role::BaseModel, &materials.base)]
    {
        for input in named {
            let opened = read.opened_below(&input.path);
            let is_it = |one: &&Input| one.role() == role && one.name() == &input.name;
            let of = inputs.iter().find(is_it).and_then(|input| match input.digest() {
                InputDigest::Tree { extent, .. } => extent.map(Extent::files),
                _ => None,
            });
            if opened == 0 {
                let path = input.path.display();
                warn(manner, &format!("the program opened no file of {role} {} ({path})", input.name));
            }
            let value = of.map_or_else(|| opened.to_string(), |of| format!("{opened} of {of}"));
            let (key, at) = ("files-opened".to_owned(), "strace".to_owned());
            facts.push(Fact::new(topic, input.name.to_string(), key, value, Source::Observed, at)?);
        }
    }
    Ok(facts)
}

fn observed(about: &str, key: &str, value: String) -> Result<Fact, Failure> {
    let at = "tallymark run".to_owned();
    Ok(Fact::new(Topic::Run, about.to_owned(), key.to_owned(), value, Source::Observed, at)?)
}

/// Finds what would otherwise stop the signing when the training is over: no key, no log.
fn refuse_early(args: &RunArgs) -> Result<(), Failure> {
    let key = key_file::locate(args.publish.key.key.as_deref())?;
    if !key.exists() {
        return Err(KeyFileError::Missing { path: key }.into());
    }
    if !args.publish.pending {
        Log::find(&args.publish.log, &args.out)?;
    }
    Ok(())
}

/// An empty directory for the output; whether it was made now.
fn prepare(out: &Path) -> Result<bool, RunError> {
    let io = |act| move |source| RunError::Io { act, path: out.to_owned(), source };
    match fs::read_dir(out) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(RunError::NotEmpty { path: out.to_owned() }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(out).map_err(io("make")).map(|()| true)
        }
        Err(error) => Err(io("look into")(error)),
    }
}

/// What a program printed.
struct Printed {
    digest: attest::digest::Sha256Digest,
    bytes: u64,
}

/// Starts the program and passes on what it prints, until it ends.
fn watch(
    program: &[String],
    trace: Option<&Trace>,
    json: bool,
) -> Result<(Option<UtcTime>, std::process::ExitStatus, Printed), Failure> {
    let (name, args) = program.split_first().map_or(("", &[][..]), |(name, args)| (name.as_str(), args));
    let io = |act| move |source| RunError::Io { act, path: name.into(), source };
    let started = now();
    let mut call = match trace {
        Some(trace) => trace.call(name, args),
        None => {
            let mut call = Command::new(name);
            call.args(args);
            call
        }
    };
    let mut child = call.stdout(Stdio::piped()).spawn().map_err(io("start"))?;
    let read = io("read what is printed by");
    let log = match child.stdout.take() {
        Some(stdout) if json => pass_on(stdout, std::io::stderr()).map_err(read)?,
        Some(stdout) => pass_on(stdout, std::io::stdout()).map_err(read)?,
        None => Printed { digest: attest::digest::Sha256Digest::of(b""), bytes: 0 },
    };
    let status = child.wait().map_err(io("wait for"))?;
    Ok((started, status, log))
}

/// Copies and hashes.
fn pass_on(mut from: impl Read, mut out: impl Write) -> std::io::Result<Printed> {
    let (mut piece, mut hasher, mut bytes) = ([0; 8192], attest::digest::Sha256::new(), 0);
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok(Printed { digest: hasher.finish(), bytes }),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = piece.get(..read).unwrap_or_default();
        hasher.update(piece);
        bytes += piece.len() as u64;
        // Whoever stopped reading has seen enough; the run goes on.
        drop(out.write_all(piece).and_then(|()| out.flush()));
    }
}

fn now() -> Option<UtcTime> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    UtcTime::from_unix_seconds(since.as_secs())
}

/// Program and arguments, all of them or what tells them apart.
fn entrypoint(program: &[String], keep: bool) -> Result<Entrypoint, Failure> {
    let (name, args) = program.split_first().map_or(("", &[][..]), |(name, args)| (name.as_str(), args));
    let name = if keep { name } else { name.rsplit('/').next().unwrap_or(name) };
    let shown = |arg: &String| if keep { arg.clone() } else { without_values(arg) };
    Ok(Entrypoint::new(name.to_owned(), args.iter().map(shown).collect())?)
}

/// `--lr` stays, `--lr=3` loses its value, a relative path of a file that is there stays, and the rest goes.
fn without_values(arg: &str) -> String {
    if arg.starts_with('-') {
        return match arg.split_once('=') {
            Some((flag, _)) => format!("{flag}={LEFT_OUT}"),
            // `-p123` may be a password.
            None if arg.starts_with("--") || arg.len() <= 2 => arg.to_owned(),
            None => LEFT_OUT.to_owned(),
        };
    }
    let path = Path::new(arg);
    if path.is_relative() && path.is_file() { arg.to_owned() } else { LEFT_OUT.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_arguments_are_left_out_unless_asked_for() {
        let words = [
            "/usr/bin/python3",
            "Cargo.toml",
            "--lr",
            "0.1",
            "--token=hf_x",
            "-v",
            "-phunter2",
            "/etc/passwd",
            "-",
        ];
        let words = words.map(str::to_owned);
        let signed = entrypoint(&words, false).expect("an entry point");
        assert_eq!(signed.program(), "python3");
        let want = ["Cargo.toml", "--lr", LEFT_OUT, "--token=[left out]", "-v", LEFT_OUT, LEFT_OUT, "-"];
        assert_eq!(signed.args(), want);
        assert_eq!(entrypoint(&words, true).expect("an entry point").args(), &words[1..]);
    }
}
