//! `cargo xtask static`: `tallymark-verify` as one file that needs nothing else, for init containers from scratch.
//!
//! It is linked against the C library that is here, statically, which takes no other toolchain. Then it is shown to need nothing: in a root
//! directory that holds the program, a signed model and a trust file, and no more, it verifies the model and refuses a changed one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{Arguments, command, place, programs};

/// Builds it in release mode, tries it, and says where it is.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.is_empty(), "static takes no arguments");
    let host = command::read(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let mut build = command::cargo()?;
    // Named, so that build scripts and macros are not linked this way too.
    build.args([
        "build",
        "--release",
        "--package",
        "verifier",
        "--bin",
        "tallymark-verify",
        "--target",
        host,
    ]);
    command::run(build.env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static"))?;
    let program = programs::target_directory()?.join(host).join("release/tallymark-verify");
    let bytes = fs::metadata(&program).context("cargo built no tallymark-verify")?.len();

    let root = programs::target_directory()?.join("static-root");
    if root.exists() {
        fs::remove_dir_all(&root).context("cannot clear the root directory of an earlier run")?;
    }
    fs::create_dir_all(&root).context("cannot make a root directory")?;
    fs::copy(&program, root.join("verify"))?;
    copy(&place::repository().join("testdata/bundle/accept/plain"), &root)?;
    let verdict = || -> Result<Option<i32>> {
        let mut call = Command::new("chroot");
        call.arg(&root).args(["/verify", "/model", "--trust", "/trust.toml"]);
        let output = command::capture(&mut call)?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        // 125 to 127 are chroot's own: it may not, or the program did not start.
        match output.status.code() {
            Some(125) => bail!("not tried: {}", String::from_utf8_lossy(&output.stderr).trim_end()),
            code => Ok(code),
        }
    };
    ensure!(verdict()? == Some(0), "alone in a root directory it did not verify the model");
    fs::write(root.join("model/extra.py"), "import os\n")?;
    ensure!(verdict()? == Some(1), "alone in a root directory it did not refuse a changed model");
    println!("\n{} {:.1} MiB, needs nothing else", program.display(), bytes as f64 / f64::from(1 << 20));
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&place)?;
            fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
            copy(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
