//! What an attacker may do to a signed model, each with the reason it must be refused for.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The bundle file in a model's root.
pub(super) const BUNDLE: &str = "tallymark.jsonl";

/// What a tampering may use besides the copy of the model it damages. Lines of bundle files, each with its LF.
pub(super) struct Evidence {
    /// The base model's bundle: another statement of the same signer, in the same log.
    pub(super) other: String,
    /// The model's bundle as a stranger made it, with the stranger's key, in the same log.
    pub(super) stranger: String,
    /// The tree digest of a dataset that the model was not trained on, lower-case hex.
    pub(super) other_dataset: String,
}

/// One way to cheat.
pub(super) struct Tampering {
    /// What is done, as a heading.
    pub(super) title: &'static str,
    /// The reason code the verifier must give.
    pub(super) reason: &'static str,
    /// The exit code it must end with.
    pub(super) exit: i32,
    /// Does it to the copy of the model in this directory.
    pub(super) apply: fn(&Path, &Evidence) -> Result<()>,
}

/// All of them, from the files to the log.
pub(super) const TAMPERINGS: [Tampering; 10] = [
    Tampering { title: "flip one bit in the weights", reason: "file-changed", exit: 1, apply: flip_a_bit },
    Tampering {
        title: "swap the names of two files",
        reason: "file-renamed",
        exit: 1,
        apply: swap_two_names,
    },
    Tampering { title: "add an unsigned .py file", reason: "file-unexpected", exit: 1, apply: add_a_script },
    Tampering {
        title: "claim another dataset",
        reason: "signature-invalid",
        exit: 1,
        apply: swap_the_dataset,
    },
    Tampering { title: "swap the log entry", reason: "entry-mismatch", exit: 1, apply: swap_the_entry },
    Tampering {
        title: "change the checkpoint's root",
        reason: "inclusion-proof-invalid",
        exit: 1,
        apply: change_the_root,
    },
    Tampering {
        title: "put another checkpoint's signature",
        reason: "checkpoint-signature-invalid",
        exit: 1,
        apply: swap_the_checkpoint_signature,
    },
    Tampering {
        title: "sign with a stranger's key",
        reason: "signer-unexpected",
        exit: 3,
        apply: use_the_stranger,
    },
    Tampering { title: "leave out the log's proof", reason: "not-logged", exit: 3, apply: drop_the_proof },
    Tampering { title: "leave out the signature", reason: "bundle-missing", exit: 3, apply: drop_the_bundle },
];

/// The regular files of a model but its bundle, largest first, equal sizes by path.
pub(super) fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![dir.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("cannot list {}", next.display()))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // What the verifier passes over would make a tampering without effect.
            if kind.is_dir() && entry.file_name() != ".git" && entry.file_name() != ".cache" {
                waiting.push(entry.path());
            } else if kind.is_file() && entry.path() != dir.join(BUNDLE) {
                found.push((std::cmp::Reverse(entry.metadata()?.len()), entry.path()));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn flip_a_bit(dir: &Path, _: &Evidence) -> Result<()> {
    let weights = files(dir)?.into_iter().next().context("the model has no file")?;
    // The copy shares its bytes with the signed model, so it gets its own before it is damaged.
    let own = weights.with_extension("own");
    fs::copy(&weights, &own).and_then(|_| fs::rename(&own, &weights)).context("cannot copy the weights")?;
    let mut file =
        OpenOptions::new().read(true).write(true).open(&weights).context("cannot open the weights")?;
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    file.seek(SeekFrom::End(-1))?;
    file.write_all(&[last[0] ^ 1]).context("cannot write the weights")
}

fn swap_two_names(dir: &Path, _: &Evidence) -> Result<()> {
    let files = files(dir)?;
    let first = files.first().context("the model has no file")?;
    let aside = dir.join("aside");
    // Two of equal content would be no change at all.
    let length = fs::metadata(first)?.len();
    let Some(second) = files.iter().find(|file| fs::metadata(file).is_ok_and(|meta| meta.len() != length))
    else {
        return fs::rename(first, first.with_extension("renamed")).context("cannot rename");
    };
    fs::rename(first, &aside)
        .and_then(|()| fs::rename(second, first))
        .and_then(|()| fs::rename(&aside, second))
        .context("cannot swap")
}

fn add_a_script(dir: &Path, _: &Evidence) -> Result<()> {
    fs::write(dir.join("modeling_custom.py"), "import os\nos.system('id')\n")
        .context("cannot write the script")
}

fn swap_the_dataset(dir: &Path, evidence: &Evidence) -> Result<()> {
    edit(dir, |line| {
        let statement = statement(line)?;
        let signed = string_at(input(&json(&statement)?, "dataset")?, "/digest/sha256")?;
        let claimed = replace_once(&statement, &signed, &evidence.other_dataset)?;
        replace_once(line, &STANDARD.encode(statement), &STANDARD.encode(claimed))
    })
}

fn swap_the_entry(dir: &Path, evidence: &Evidence) -> Result<()> {
    edit(dir, |line| replace_once(line, log_entry(line)?, log_entry(&evidence.other)?))
}

fn change_the_root(dir: &Path, _: &Evidence) -> Result<()> {
    edit(dir, |line| {
        let root = string_at(&json(line)?, "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash")?;
        let other = STANDARD.encode([0x5a; 32]);
        // In both places, so that nothing but the signature over it and the path to it are left to notice.
        Ok(replace_once(line, &root, &other)?.replace(&root, &other))
    })
}

fn swap_the_checkpoint_signature(dir: &Path, evidence: &Evidence) -> Result<()> {
    edit(dir, |line| {
        let (own, other) = (checkpoint_signature(line)?, checkpoint_signature(&evidence.other)?);
        replace_once(line, &own, &other)
    })
}

fn use_the_stranger(dir: &Path, evidence: &Evidence) -> Result<()> {
    edit(dir, |_| Ok(evidence.stranger.clone()))
}

fn drop_the_proof(dir: &Path, _: &Evidence) -> Result<()> {
    edit(dir, |line| {
        let whole = log_entry(line)?;
        let entry = string_at(&json(line)?, "/verificationMaterial/tlogEntries/0/canonicalizedBody")?;
        let kind = r#""kindVersion":{"kind":"tallymark","version":"0.0.1"}"#;
        replace_once(line, whole, &format!(r#"{{{kind},"canonicalizedBody":"{entry}"}}"#))
    })
}

fn drop_the_bundle(dir: &Path, _: &Evidence) -> Result<()> {
    fs::remove_file(dir.join(BUNDLE)).context("cannot remove the bundle")
}

/// Writes the bundle file anew, never into the file that the copy shares with the signed model.
fn edit(dir: &Path, change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let path = dir.join(BUNDLE);
    let line = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let changed = change(&line)?;
    if changed == line {
        bail!("the tampering changed nothing");
    }
    fs::remove_file(&path).and_then(|()| fs::write(&path, changed)).context("cannot write the changed bundle")
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).context("not JSON")
}

fn string_at(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("no text at {pointer}"))
}

/// Edits the text rather than the tree of values, so that everything else stays byte for byte.
fn replace_once(text: &str, old: &str, new: &str) -> Result<String> {
    if !text.contains(old) {
        bail!("what is to be replaced is not there");
    }
    Ok(text.replacen(old, new, 1))
}

/// The text of the one element of `tlogEntries`. Bundles of ours have their members in one order, without white space.
fn log_entry(line: &str) -> Result<&str> {
    let inside =
        line.split_once(r#""tlogEntries":["#).and_then(|(_, rest)| rest.split_once(r#"]},"dsseEnvelope""#));
    inside.map(|(entry, _)| entry).context("the bundle is not laid out as ours are")
}

/// The base64 of the first signature line of the checkpoint.
fn checkpoint_signature(line: &str) -> Result<String> {
    let note =
        string_at(&json(line)?, "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope")?;
    let signature = note.lines().find_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' '));
    signature.map(|(_, base64)| base64.to_owned()).context("the checkpoint has no signature line")
}

/// The signed statement of a bundle, as text.
pub(super) fn statement(line: &str) -> Result<String> {
    let payload = string_at(&json(line)?, "/dsseEnvelope/payload")?;
    String::from_utf8(STANDARD.decode(payload).context("the payload is not base64")?)
        .context("the payload is not text")
}

/// The first input of that role.
pub(super) fn input<'a>(statement: &'a Value, role: &str) -> Result<&'a Value> {
    let inputs =
        statement.pointer("/predicate/buildDefinition/resolvedDependencies").and_then(Value::as_array);
    let found = inputs.and_then(|inputs| inputs.iter().find(|input| input["annotations"]["role"] == role));
    found.with_context(|| format!("the statement names no {role}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tampering_that_changes_nothing_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join(BUNDLE), "{}\n").expect("written");
        let error = edit(dir.path(), |line| Ok(line.to_owned())).expect_err("no change").to_string();
        assert_eq!(error, "the tampering changed nothing");
    }

    #[test]
    fn damage_to_a_copy_does_not_reach_the_file_it_shares_bytes_with() {
        let dir = tempfile::tempdir().expect("a directory");
        let (signed, copy) = (dir.path().join("signed"), dir.path().join("copy"));
        for place in [&signed, &copy] {
            fs::create_dir(place).expect("made");
        }
        fs::write(signed.join("weights"), [7, 7]).expect("written");
        fs::hard_link(signed.join("weights"), copy.join("weights")).expect("linked");
        let evidence =
            Evidence { other: String::new(), stranger: String::new(), other_dataset: String::new() };
        flip_a_bit(&copy, &evidence).expect("flipped");
        assert_eq!(fs::read(copy.join("weights")).expect("read"), [7, 6]);
        assert_eq!(fs::read(signed.join("weights")).expect("read"), [7, 7]);
    }

    #[test]
    fn one_log_entry_is_cut_out_whole() {
        let line = r#"{"verificationMaterial":{"tlogEntries":[{"a":[1]}]},"dsseEnvelope":{}}"#;
        assert_eq!(log_entry(line).expect("there"), r#"{"a":[1]}"#);
        assert!(log_entry("{}").is_err());
    }
}
