//! Other people's programs in Go, built once into the cache from the module proxy; none of their code is here.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, place};

/// The log implementation whose tools are used, and its version.
const TESSERA: &str = "github.com/transparency-dev/tessera";
const TESSERA_VERSION: &str = "v1.0.4";

/// Programs in Go, built into the cache.
pub(crate) struct GoTools {
    /// Its integration test against a running log.
    pub(crate) integration: PathBuf,
    /// Its load generator.
    pub(crate) hammer: PathBuf,
    /// Its checker.
    pub(crate) fsck: PathBuf,
    /// Its log on a POSIX file system, as its conformance tests run it.
    pub(crate) posix: PathBuf,
    /// Ours, on their libraries: `xtask/interop/main.go`.
    pub(crate) proof: PathBuf,
}

impl GoTools {
    pub(crate) fn build() -> Result<Self> {
        place::tool("go").context("no `go`; with Go 1.25 or newer these run too")?;
        let home = place::cache()?.join(format!("interop-{TESSERA_VERSION}"));
        let tools = Self {
            integration: home.join("integration.test"),
            hammer: home.join("hammer"),
            fsck: home.join("fsck"),
            posix: home.join("posix"),
            proof: home.join("proof"),
        };
        let module = home.join("module");
        fs::create_dir_all(&module).with_context(|| format!("cannot make {}", module.display()))?;
        if ![&tools.integration, &tools.hammer, &tools.fsck, &tools.posix]
            .iter()
            .all(|program| program.is_file())
        {
            println!("building tessera {TESSERA_VERSION}'s tools into {}", home.display());
            let go = |words: &[&str]| command::read(go().current_dir(&module).args(words)).map(drop);
            if !module.join("go.mod").is_file() {
                go(&["mod", "init", "interop"])?;
            }
            let package = |name: &str| format!("{TESSERA}/{name}");
            // With their tests, since the integration test is one.
            go(&["get", "-t", &format!("{}@{TESSERA_VERSION}", package("integration"))])?;
            let commands = [
                (&tools.hammer, "internal/hammer"),
                (&tools.fsck, "cmd/fsck"),
                (&tools.posix, "cmd/conformance/posix"),
            ];
            for (program, name) in commands {
                go(&["get", &format!("{}@{TESSERA_VERSION}", package(name))])?;
                go(&["build", "-o", &program.display().to_string(), &package(name)])?;
            }
            go(&["test", "-c", "-o", &tools.integration.display().to_string(), &package("integration")])?;
        }
        let mut own = go();
        own.current_dir(place::repository().join("xtask/interop"))
            .env("GOFLAGS", "-mod=readonly -buildvcs=false");
        command::read(own.args(["build", "-o"]).arg(&tools.proof).arg("."))?;
        Ok(tools)
    }
}

fn go() -> Command {
    let mut call = Command::new("go");
    call.env("GOFLAGS", "-mod=mod -buildvcs=false").env("GOWORK", "off");
    call
}
