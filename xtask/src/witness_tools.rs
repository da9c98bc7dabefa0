//! Programs in Go around witnesses, built once into the cache from the module proxy; none of their code is here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, place};

/// Another witness, and its version: the last that Go 1.26 compiles.
const TORCHWOOD: &str = "filippo.io/torchwood";
const TORCHWOOD_VERSION: &str = "v0.9.0";

/// A log of other people's that asks a witness: `xtask/interop/witness/main.go`, on their libraries.
pub(crate) fn client() -> Result<PathBuf> {
    let program = home()?.join("tessera-witnessed");
    let mut own = go(&place::repository().join("xtask/interop/witness"), "-mod=readonly -buildvcs=false")?;
    command::read(own.args(["build", "-o"]).arg(&program).arg("."))?;
    Ok(program)
}

/// `litewitness`, alone: the program that tells it which logs it has needs a module that not every proxy hands out.
pub(crate) fn litewitness() -> Result<PathBuf> {
    let home = home()?;
    let program = home.join(format!("litewitness-{TORCHWOOD_VERSION}"));
    if program.is_file() {
        return Ok(program);
    }
    let module = home.join("module");
    fs::create_dir_all(&module).with_context(|| format!("cannot make {}", module.display()))?;
    println!("building {TORCHWOOD} {TORCHWOOD_VERSION} into {}", home.display());
    let run = |words: &[&str]| command::read(go(&module, "-mod=mod -buildvcs=false")?.args(words)).map(drop);
    if !module.join("go.mod").is_file() {
        run(&["mod", "init", "witnesses"])?;
    }
    let package = format!("{TORCHWOOD}/cmd/litewitness");
    run(&["get", &format!("{package}@{TORCHWOOD_VERSION}")])?;
    run(&["build", "-o", &program.display().to_string(), &package])?;
    Ok(program)
}

fn home() -> Result<PathBuf> {
    let home = place::cache()?.join("witnesses");
    fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    Ok(home)
}

fn go(module: &Path, flags: &str) -> Result<Command> {
    place::tool("go").context("no `go`; with Go 1.25 or newer these run too")?;
    let mut call = Command::new("go");
    call.current_dir(module).env("GOFLAGS", flags).env("GOWORK", "off");
    Ok(call)
}
