//! Attacks that need no log: on the files, on the bundle file, on the moment between check and use.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};

use super::{Stage, bundle};
use crate::demo::tampering::{self, BUNDLE};
use crate::{command, programs};

pub(super) fn puts_a_link(stage: &mut Stage<'_>) -> Result<String> {
    let (model, trust) = (stage.copy_of("model", "model")?, stage.trusting("")?);
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", model.join("vocab.txt")).context("cannot make a link")?;
    stage.reason(&model, &trust, &[])
}

/// A second `payload`: some parsers take the first, some the last.
pub(super) fn says_it_twice(stage: &mut Stage<'_>) -> Result<String> {
    let (model, trust) = (stage.copy_of("model", "model")?, stage.trusting("")?);
    let line = bundle(&model)?.replacen("\"payload\":", "\"payload\":\"e30=\",\"payload\":", 1);
    fs::write(model.join(BUNDLE), line).context("cannot write the bundle")?;
    stage.reason(&model, &trust, &[])
}

/// Signature and log prove who and what, never that it is good: a rule asks for somebody who looked.
pub(super) fn nobody_looked(stage: &mut Stage<'_>) -> Result<String> {
    let model = stage.copy_of("model", "model")?;
    stage.must_verify(&model, &stage.trusting("")?, &[])?;
    let trust = stage.trusting("\n[[require]]\nname = \"demo/*\"\nevaluations = 1")?;
    stage.reason(&model, &trust, &[])
}

/// A mirror that never changes shows no revocation. Whoever asks for the age of the view is not content with none.
pub(super) fn freezes(stage: &mut Stage<'_>) -> Result<String> {
    let model = stage.copy_of("model", "model")?;
    let trust = stage.trusting("\n[[require]]\nname = \"demo/*\"\ncheckpoint-age = \"7d\"")?;
    stage.reason(&model, &trust, &[])
}

/// Weights are flipped without a pause while a program is started on them again and again. It must read the signed bytes, or not start.
pub(super) fn rewrites_while_it_loads(stage: &mut Stage<'_>) -> Result<String> {
    const STARTS: usize = 20;
    let (model, trust) = (stage.copy_of("model", "model")?, stage.trusting("")?);
    let weights = tampering::files(&model)?.into_iter().next().context("the model has no file")?;
    let good = fs::read(&weights).context("cannot read the weights")?;
    let wanted = sum_of(&weights)?;
    let below = weights.strip_prefix(&model).context("not in the model")?.to_string_lossy().into_owned();
    let over = AtomicBool::new(false);
    let starts = std::thread::scope(|scope| {
        scope.spawn(|| {
            let bad: Vec<u8> = good.iter().map(|byte| !byte).collect();
            while !over.load(Ordering::Relaxed) {
                for bytes in [&bad, &good] {
                    let _ = fs::write(&weights, bytes);
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
        });
        let starts = (0..STARTS).map(|_| {
            let mut call = programs::call(&stage.demo.programs.signer);
            call.current_dir(&stage.room).arg("exec").arg(&model).arg("--trust").arg(&trust);
            call.args(["--quiet", "--", "sha256sum", &format!("{{}}/{below}")]);
            let output = command::capture(&mut call)?;
            let said = String::from_utf8_lossy(&output.stdout);
            Ok(output.status.success().then(|| said.split(' ').next().unwrap_or_default().to_owned()))
        });
        let starts: Result<Vec<Option<String>>> = starts.collect();
        over.store(true, Ordering::Relaxed);
        starts
    })?;
    for sum in starts.into_iter().flatten() {
        ensure!(sum == wanted, "the program read {sum}, signed was {wanted}");
    }
    Ok("the bytes that were judged".to_owned())
}

fn sum_of(path: &Path) -> Result<String> {
    let said = command::read(std::process::Command::new("sha256sum").arg(path))?;
    said.split([' ', '\\']).find(|word| word.len() == 64).map(str::to_owned).context("no digest")
}
