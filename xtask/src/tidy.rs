//! `cargo xtask tidy`: the rules of the house that a compiler cannot check. Each rule is a function from what it looks
//! at to a list of complaints, and has a test that shows it complain.

mod arrows;
mod examples;
mod invariants;
mod links;
mod markers;
mod reasons;
mod shop_window;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{Arguments, command, place};

/// A file of the checkout: its path from the root, with `/`, and its text.
struct Page {
    path: String,
    text: String,
}

/// Prints every complaint; fails if there is one. `--write-examples` first copies the cited files into the pages.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let write = match arguments {
        [] => false,
        [only] if only == "--write-examples" => true,
        other => bail!("tidy takes `--write-examples` or nothing, not `{}`", other.join(" ")),
    };
    let root = place::repository();
    if write {
        for page in &pages(&root)? {
            if let Some(text) = examples::written(page, &root)? {
                fs::write(root.join(&page.path), text)?;
                println!("{}: examples written", page.path);
            }
        }
    }
    let pages = pages(&root)?;
    let members = Member::all()?;
    let rules = [
        ("arrows point down", arrows::edges(&members)),
        ("modules keep to their part", arrows::modules(&pages)),
        ("examples equal their files", examples::differing(&pages, &root)),
        ("links resolve", links::broken(&pages, &root)),
        ("no leftover markers", markers::leftover(&pages)),
        ("every guard and its test exist", invariants::without_guard(&pages)),
        ("every reason has a case", reasons::without_case(&pages)),
        ("the README shows what is there", shop_window::differing(&pages, &members, &root)),
    ];
    let mut complaints = 0_usize;
    for (rule, found) in rules {
        println!("{} {rule}", if found.is_empty() { "ok  " } else { "FAIL" });
        for complaint in &found {
            println!("       {complaint}");
        }
        complaints += found.len();
    }
    if complaints > 0 {
        bail!("{complaints} complaints");
    }
    Ok(())
}

/// Every text file that is in the repository or would be at the next `git add`.
fn pages(root: &Path) -> Result<Vec<Page>> {
    let listed = command::read(Command::new("git").current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut pages = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let Ok(bytes) = fs::read(root.join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            pages.push(Page { path: path.to_owned(), text });
        }
    }
    if pages.is_empty() {
        bail!("git lists no file in {}", root.display());
    }
    Ok(pages)
}

/// A crate of the workspace, as cargo describes it.
struct Member {
    name: String,
    /// Its folder, from the root.
    folder: PathBuf,
    /// Names of the dependencies that end up in the product.
    normal: Vec<String>,
    /// Names of those that only its tests use.
    dev: Vec<String>,
    programs: Vec<String>,
}

impl Member {
    fn all() -> Result<Vec<Self>> {
        let told = command::read(command::bare_cargo().args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--offline",
        ]))?;
        let told: Value = serde_json::from_str(&told).context("cargo metadata is not JSON")?;
        let root = Path::new(told["workspace_root"].as_str().context("cargo names no workspace root")?);
        let packages = told["packages"].as_array().context("cargo names no packages")?;
        packages.iter().map(|package| Self::read(package, root)).collect()
    }

    fn read(package: &Value, root: &Path) -> Result<Self> {
        let name = package["name"].as_str().context("a package without a name")?;
        let manifest = Path::new(package["manifest_path"].as_str().context("a package without a manifest")?);
        let folder = manifest.parent().and_then(|dir| dir.strip_prefix(root).ok()).unwrap_or(Path::new(""));
        let dependencies = |wanted: Option<&str>| {
            let all = package["dependencies"].as_array().into_iter().flatten();
            all.filter(|dependency| dependency["kind"].as_str() == wanted)
                .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
                .collect()
        };
        let targets = package["targets"].as_array().into_iter().flatten();
        let programs = targets
            .filter(|target| {
                target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
            })
            .filter_map(|target| target["name"].as_str().map(str::to_owned))
            .collect();
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_path_buf(),
            normal: dependencies(None),
            dev: dependencies(Some("dev")),
            programs,
        })
    }
}

#[cfg(test)]
impl Page {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

#[cfg(test)]
impl Member {
    fn new(name: &str, normal: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            folder: PathBuf::from(name),
            normal: normal.iter().map(|&name| name.to_owned()).collect(),
            dev: Vec::new(),
            programs: Vec::new(),
        }
    }
}
