//! `cargo xtask interop oms`: two dozen layouts of models, signed by `model_signing` and verified here, and the other way round.
//!
//! Each is verified once as it was signed, and once with a byte changed, which both must refuse. What `tallymark` does not
//! write (shards, links, certificates, other hash functions) goes one way only, and is named as skipped for the other.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::programs::{self, build, find};
use crate::{command, place};

const VERSION: &str = "1.1.1";

/// A model to sign. The file that is changed for the control is the first.
struct Layout {
    name: &'static str,
    files: Vec<(String, Vec<u8>)>,
    links: Vec<(&'static str, &'static str)>,
    /// `p256`, `p384`, `p521`, or `leaf` for a certificate.
    key: &'static str,
    shard_size: u64,
    /// As `model_signing` calls it.
    hash: &'static str,
    ignore: Vec<&'static str>,
    is_single_file: bool,
}

impl Layout {
    fn new(name: &'static str, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        Self {
            name,
            files,
            links: Vec::new(),
            key: "p256",
            shard_size: 0,
            hash: "sha256",
            ignore: Vec::new(),
            is_single_file: false,
        }
    }

    /// Whether our own program writes such a signature.
    fn is_ours_too(&self) -> bool {
        let is_plain = self.shard_size == 0 && self.hash == "sha256";
        self.links.is_empty() && self.key != "leaf" && is_plain && self.ignore.is_empty()
    }

    /// Writes it below `dir`, and gives the path of the model.
    fn write(&self, dir: &Path) -> Result<PathBuf> {
        let model = dir.join("model");
        fs::create_dir_all(&model)?;
        for (path, bytes) in &self.files {
            let file = model.join(path);
            fs::create_dir_all(file.parent().context("a file has a directory")?)?;
            fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
        }
        for (link, target) in &self.links {
            #[cfg(unix)]
            std::os::unix::fs::symlink(target, model.join(link))?;
            #[cfg(not(unix))]
            bail!("no symbolic links here: {link} to {target}");
        }
        let only = self.files.first().context("a layout has a file")?;
        Ok(if self.is_single_file { model.join(&only.0) } else { model })
    }

    fn signature(&self, model: &Path) -> PathBuf {
        if self.is_single_file { model.with_extension("model.sig") } else { model.join("model.sig") }
    }
}

/// The longest name that file systems take.
const LONG: &str = "123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.12345";
const DEEP: &str = "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/w";

fn layouts() -> Vec<Layout> {
    let small: &[(&str, &[u8])] = &[("config.json", b"{}\n"), ("weights.bin", b"0123456789")];
    let with = |name, key| Layout { key, ..Layout::new(name, small) };
    let many: Vec<(String, Vec<u8>)> =
        (0..2000_u32).map(|n| (format!("part-{n:05}"), n.to_be_bytes().to_vec())).collect();
    vec![
        Layout::new("one file", &[("weights.bin", b"1")]),
        with("P-256", "p256"),
        with("P-384", "p384"),
        with("P-521", "p521"),
        Layout::new("an empty file", &[("a", b"1"), ("empty", b"")]),
        Layout::new("only empty files in a nest", &[("a", b"1"), ("b/c/d/e/empty", b"")]),
        Layout::new("nested", &[("a/b/c/d.bin", b"1"), ("a/b/e.bin", b"2"), ("f", b"3")]),
        Layout::new("names that sort apart", &[("sub/a.json", b"1"), ("sub-x.txt", b"2"), ("sub.txt", b"3")]),
        Layout::new("letters beyond ASCII", &[("中文/é.bin", "é".as_bytes()), ("ß", b"2")]),
        Layout::new("spaces, colons, quotes", &[("a b", b"1"), ("a:b:c", b"2"), ("'q'\"", b"3")]),
        Layout::new("a name of 255 bytes", &[(LONG, b"1"), ("w", b"2")]),
        Layout::new("thirty folders deep", &[(DEEP, b"1"), ("w", b"2")]),
        Layout::new(
            "shards by name",
            &[
                ("model-00001-of-00002.safetensors", b"1"),
                ("model-00002-of-00002.safetensors", b"2"),
                ("model.safetensors.index.json", b"{}"),
            ],
        ),
        Layout::new(
            "a diffusion pipeline",
            &[
                ("model_index.json", b"{}"),
                ("unet/config.json", b"{}"),
                ("unet/model.safetensors", b"1"),
                ("vae/config.json", b"{}"),
                ("vae/model.safetensors", b"2"),
            ],
        ),
        Layout::new(
            "names that look like others",
            &[("a", b"1"), ("a.", b"2"), ("A.b", b"3"), ("a b ", b"4")],
        ),
        Layout::new("a file of one byte", &[("w", b"1")]),
        Layout::new("the same bytes twice", &[("a", b"same"), ("b", b"same")]),
        Layout::new("hidden files", &[(".hidden", b"1"), (".config/x", b"2")]),
        Layout::new(
            "git names",
            &[("w", b"1"), (".gitattributes", b"2"), (".github/ci.yml", b"3"), (".git/HEAD", b"4")],
        ),
        Layout { files: many, ..Layout::new("2000 files", small) },
        Layout::new("8 MiB", &[("big.bin", &[7; 8 << 20])]),
        Layout { is_single_file: true, ..Layout::new("a single file", &[("weights.bin", b"0123456789")]) },
        Layout {
            ignore: vec!["notes", "x.log"],
            ..Layout::new("ignored paths", &[("w", b"1"), ("notes/a", b"2"), ("x.log", b"3")])
        },
        Layout { shard_size: 1000, ..Layout::new("shards", &[("big.bin", &[7; 4500]), ("small", b"1")]) },
        Layout { links: vec![("copy.bin", "weights.bin")], ..Layout::new("a link to a file", small) },
        with("a certificate", "leaf"),
        Layout { hash: "blake2", ..Layout::new("BLAKE2b", small) },
        Layout { hash: "blake3", ..Layout::new("BLAKE3", small) },
        Layout {
            hash: "blake2",
            shard_size: 1000,
            ..Layout::new("shards, BLAKE2b", &[("big.bin", &[7; 4500]), ("s", b"1")])
        },
        Layout {
            hash: "blake3",
            shard_size: 500,
            ..Layout::new("shards, BLAKE3", &[("big.bin", &[7; 4500]), ("s", b"1")])
        },
        Layout { shard_size: 70_000, ..Layout::new("large shards", &[("big.bin", &[7; 300_001])]) },
    ]
}

struct Peer {
    python: PathBuf,
}

impl Peer {
    /// The interpreter in `$TALLYMARK_MODEL_SIGNING`, else one installed into the cache, once.
    fn install() -> Result<Self> {
        if let Some(python) = std::env::var_os("TALLYMARK_MODEL_SIGNING") {
            return Ok(Self { python: python.into() });
        }
        let home = place::cache()?.join(format!("model-signing-{VERSION}"));
        let python = home.join("bin/python");
        if !home.join("bin/model_signing").is_file() {
            println!("installing model_signing {VERSION} into {}", home.display());
            command::read(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
            let packages = [&format!("model-signing=={VERSION}"), "pyOpenSSL"];
            command::read(Command::new(home.join("bin/pip")).args(["install", "--quiet"]).args(packages))?;
        }
        Ok(Self { python })
    }

    /// Does all jobs in one process; an answer for each.
    fn work(&self, jobs: &[Value]) -> Result<Vec<String>> {
        let script = place::repository().join("xtask/interop/oms.py");
        let mut child = Command::new(&self.python)
            .arg(script)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start python")?;
        let mut input = child.stdin.take().context("python has no input")?;
        for job in jobs {
            writeln!(input, "{job}")?;
        }
        drop(input);
        let output = child.wait_with_output()?;
        let answers: Vec<String> =
            String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        ensure!(
            answers.len() == jobs.len(),
            "model_signing answered {} of {} jobs",
            answers.len(),
            jobs.len()
        );
        Ok(answers)
    }
}

/// Runs it.
pub(super) fn run() -> Result<()> {
    let peer = Peer::install()?;
    let built = build(&["signer-cli", "verifier"], false)?;
    let (signer, verifier) = (find(&built, "tallymark")?, find(&built, "tallymark-verify")?);
    let work = programs::target_directory()?.join("interop-oms");
    drop(fs::remove_dir_all(&work));
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let keys = place::repository().join("testdata/oms/keys");
    let key = work.join("key.pem");
    command::read(
        programs::call(&signer).args(["keygen", "--unencrypted", "--name", "interop/*", "--key"]).arg(&key),
    )?;
    let layouts = layouts();

    let mut table = Table::default();
    theirs(&peer, &verifier, &work, &keys, &layouts, &mut table)?;
    ours(&peer, &signer, &work, &key, &keys, &layouts, &mut table)?;
    println!(
        "\n{} held, {} failed, {} skipped; model_signing {VERSION}",
        table.held, table.failed, table.skipped
    );
    ensure!(table.failed == 0, "{} of the layouts do not agree", table.failed);
    Ok(())
}

#[derive(Default)]
struct Table {
    held: u32,
    failed: u32,
    skipped: u32,
}

impl Table {
    fn note(&mut self, way: &str, name: &str, good: Result<(), String>, control: Result<(), String>) {
        let words = match (good, control) {
            (Ok(()), Err(_)) => {
                self.held += 1;
                "ok, and refused with a byte changed".to_owned()
            }
            (Err(why), _) => {
                self.failed += 1;
                format!("FAILED: {why}")
            }
            (Ok(()), Ok(())) => {
                self.failed += 1;
                "FAILED: passed with a byte changed".to_owned()
            }
        };
        println!("{way:16} {name:28} {words}");
    }

    fn skip(&mut self, way: &str, name: &str) {
        self.skipped += 1;
        println!("{way:16} {name:28} skipped: tallymark writes whole files, keys and no links");
    }
}

/// Signed by `model_signing`, verified here.
fn theirs(
    peer: &Peer,
    verifier: &Path,
    work: &Path,
    keys: &Path,
    layouts: &[Layout],
    table: &mut Table,
) -> Result<()> {
    let mut models = Vec::new();
    let mut jobs = Vec::new();
    for (number, layout) in layouts.iter().enumerate() {
        let model = layout.write(&work.join(format!("theirs-{number}")))?;
        let mut job = json!({
            "act": "sign", "model": model, "signature": layout.signature(&model),
            "key": keys.join(format!("{}.pem", layout.key)),
            "shard_size": layout.shard_size, "hash": layout.hash, "symlinks": !layout.links.is_empty(), "ignore": layout.ignore,
        });
        if layout.key == "leaf" {
            job["certificate"] = json!(keys.join("leaf.crt"));
            job["chain"] = json!([keys.join("middle.crt"), keys.join("root.crt")]);
        }
        jobs.push(job);
        models.push(model);
    }
    let answers = peer.work(&jobs)?;
    for ((layout, model), answer) in layouts.iter().zip(&models).zip(answers) {
        if answer != "ok" {
            table.note("theirs to ours", layout.name, Err(answer), Err(String::new()));
            continue;
        }
        let verify = || -> Result<(), String> {
            let mut call = Command::new(verifier);
            call.arg(model).arg(format!("--oms={}", layout.signature(model).display()));
            if layout.key == "leaf" {
                call.arg("--oms-ca").arg(keys.join("root.crt"));
            } else {
                call.arg("--oms-key").arg(keys.join(format!("{}.pub", layout.key)));
            }
            let output = command::capture(&mut call).map_err(|error| error.to_string())?;
            if output.status.success() {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(&output.stdout).into_owned())
            }
        };
        let good = verify();
        tamper(layout, model)?;
        table.note("theirs to ours", layout.name, good, verify());
    }
    Ok(())
}

/// Signed here, verified by `model_signing`.
fn ours(
    peer: &Peer,
    signer: &Path,
    work: &Path,
    key: &Path,
    keys: &Path,
    layouts: &[Layout],
    table: &mut Table,
) -> Result<()> {
    let mut signed = Vec::new();
    for (number, layout) in layouts.iter().enumerate() {
        if !layout.is_ours_too() {
            table.skip("ours to theirs", layout.name);
            continue;
        }
        let model = layout.write(&work.join(format!("ours-{number}")))?;
        // Its keys are checked out with any mode; ours must be its owner's alone.
        let oms_key = work.join(format!("{}.pem", layout.key));
        fs::copy(keys.join(format!("{}.pem", layout.key)), &oms_key)?;
        only_owner(&oms_key)?;
        let mut call = programs::call(signer);
        call.arg("sign")
            .arg(&model)
            .args(["--as", "interop/oms:1", "--pending", "--quiet", "--key"])
            .arg(key);
        call.arg(format!("--oms={}", layout.signature(&model).display())).arg("--oms-key").arg(&oms_key);
        match command::read(&mut call) {
            Ok(_) => signed.push((layout, model)),
            Err(error) => {
                table.note("ours to theirs", layout.name, Err(format!("{error:#}")), Err(String::new()));
            }
        }
    }
    let jobs: Vec<Value> = signed
        .iter()
        .map(|(layout, model)| {
            // The bundle lists what it does not cover; model_signing is told the same, as its command line does.
            let ignore =
                if layout.is_single_file { vec![] } else { vec!["tallymark.jsonl", ".cache/huggingface"] };
            json!({
                "act": "verify", "model": model, "signature": layout.signature(model),
                "key": keys.join(format!("{}.pub", layout.key)), "ignore": ignore,
            })
        })
        .collect();
    let good = peer.work(&jobs)?;
    for (layout, model) in &signed {
        tamper(layout, model)?;
    }
    let control = peer.work(&jobs)?;
    let verdict = |answer: String| if answer == "ok" { Ok(()) } else { Err(answer) };
    for (((layout, _), good), control) in signed.iter().zip(good).zip(control) {
        table.note("ours to theirs", layout.name, verdict(good), verdict(control));
    }
    Ok(())
}

/// Changes the last byte of the first file.
fn tamper(layout: &Layout, model: &Path) -> Result<()> {
    let first = layout.files.first().context("a layout has a file")?;
    let path = if layout.is_single_file { model.to_owned() } else { model.join(&first.0) };
    let mut bytes = fs::read(&path)?;
    match bytes.last_mut() {
        Some(last) => *last ^= 1,
        None => bail!("{} is empty", path.display()),
    }
    Ok(fs::write(&path, bytes)?)
}

fn only_owner(path: &Path) -> Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
