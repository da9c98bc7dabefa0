//! Other people's Python packages, each set of them in an environment of its own in the cache.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, place};

/// An environment with packages of fixed versions.
pub(crate) struct Environment {
    home: PathBuf,
}

impl Environment {
    /// Makes it, once: one that was left half made is made again.
    pub(crate) fn with(name: &str, packages: &[&str]) -> Result<Self> {
        let environment = Self { home: place::cache()?.join(format!("python-{name}")) };
        let (mark, wanted) = (environment.home.join("packages.txt"), packages.join("\n"));
        if std::fs::read_to_string(&mark).is_ok_and(|made| made == wanted) {
            return Ok(environment);
        }
        println!("installing {} into {}", packages.join(", "), environment.home.display());
        command::read(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment.home))?;
        let mut install = Command::new(environment.program("python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        command::read(install.args(packages))?;
        std::fs::write(&mark, &wanted).with_context(|| format!("cannot write {}", mark.display()))?;
        Ok(environment)
    }

    /// A program of it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.home.join("bin").join(name)
    }
}
