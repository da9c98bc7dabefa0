//! Programs in Go around witnesses, built once into the cache from the module proxy; none of their code is here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, place};

/// A witness, and its version: the last that Go 1.26 compiles.
const TORCHWOOD: &str = "filippo.io/torchwood";
const TORCHWOOD_VERSION: &str = "v0.9.0";
/// Another one, by other people; it has no release, so this is a commit.
const OMNIWITNESS: &str = "github.com/transparency-dev/witness";
const OMNIWITNESS_VERSION: &str = "v0.0.0-20260720115447-2e1c6971d19e";

/// A log of other people's that asks a witness: `xtask/interop/witness/main.go`, on their libraries.
pub(crate) fn client() -> Result<PathBuf> {
    let program = home()?.join("tessera-witnessed");
    let mut own = go(&place::repository().join("xtask/interop/witness"), "-mod=readonly -buildvcs=false")?;
    command::read(own.args(["build", "-o"]).arg(&program).arg("."))?;
    Ok(program)
}

/// `litewitness`, alone: the program that tells it which logs it has needs a module that not every proxy hands out.
pub(crate) fn litewitness() -> Result<PathBuf> {
    built(TORCHWOOD, TORCHWOOD_VERSION, "module", "cmd/litewitness")
}

/// `omniwitness`, and the program that makes a key for it.
pub(crate) fn omniwitness() -> Result<[PathBuf; 2]> {
    let built = |package| built(OMNIWITNESS, OMNIWITNESS_VERSION, "omni-module", package);
    Ok([built("cmd/omniwitness")?, built("cmd/generate_keys")?])
}

/// A program of that package, built by way of a module of our own in `folder` of the cache.
fn built(module: &str, version: &str, folder: &str, package: &str) -> Result<PathBuf> {
    let home = home()?;
    let name = package.rsplit('/').next().unwrap_or(package);
    let program = home.join(format!("{name}-{version}"));
    if program.is_file() {
        return Ok(program);
    }
    let folder = home.join(folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    println!("building {module} {version} {name} into {}", home.display());
    let run = |words: &[&str]| command::read(go(&folder, "-mod=mod -buildvcs=false")?.args(words)).map(drop);
    if !folder.join("go.mod").is_file() {
        run(&["mod", "init", "witnesses"])?;
    }
    let package = format!("{module}/{package}");
    run(&["get", &format!("{package}@{version}")])?;
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
