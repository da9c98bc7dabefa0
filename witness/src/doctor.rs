//! What is wrong with a witness that does not run, and the next command for it. Nothing is changed and no passphrase is asked for.

use std::path::Path;

use serde::Serialize;

use crate::config::Config;
use crate::cosigner::Identity;
use crate::data_dir::DataDir;
use crate::init::{LOGS, ml_dsa_vkey, read_keys};
use crate::key_file::{KeyFileError, Passphrase};
use crate::logs::ListFiles;
use crate::record;

/// How a look came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the program asks for each")]
pub enum State {
    /// As it should be.
    Ok,
    /// To be known.
    Warn,
    /// The witness will not run, or must not.
    Fail,
}

/// One look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// At what.
    pub what: &'static str,
    /// How it came out.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match self.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        write!(f, "{state} {:8} {}", self.what, self.seen)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\n     {:8} next: {hint}", ""))
    }
}

/// Looks at everything in `dir` and at the lists of logs besides its own.
#[must_use]
pub fn doctor(dir: &Path, others: &[std::path::PathBuf], passphrase: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |what, state, seen: String, hint: Option<&str>| {
        findings.push(Finding { what, state, seen, hint: hint.map(str::to_owned) });
    };
    let config = match Config::read(dir) {
        Ok(config) => config,
        Err(error) => {
            let hint =
                format!("tallymark-witness init {} --name NAME, if there is no witness yet", dir.display());
            found("config", State::Fail, words(&error), Some(&hint));
            return findings;
        }
    };
    found("config", State::Ok, config.vkey.to_string(), None);
    match DataDir::lock(dir) {
        Ok(_) => found("lock", State::Ok, "no process holds the directory".to_owned(), None),
        Err(error) => {
            found("lock", State::Warn, words(&error), Some("if it is the witness itself, all is well"))
        }
    }
    let silent = || match passphrase {
        Some(path) => Passphrase::from_file(path),
        None => std::env::var(crate::key_file::PASSPHRASE_ENV)
            .map_err(|_| KeyFileError::PassphraseEmpty)
            .and_then(Passphrase::new),
    };
    match read_keys(dir, &config, silent) {
        Ok(cosigner) => {
            let kinds = if ml_dsa_vkey(&cosigner).is_some() { "Ed25519 and ML-DSA-44" } else { "Ed25519" };
            let held =
                config.signer.as_ref().map(|place| format!("; {} holds the Ed25519 key", place.keeper()));
            let seen = format!("{kinds}, those that witness.toml names{}", held.unwrap_or_default());
            found("keys", State::Ok, seen, None);
        }
        Err(crate::init::InitError::KeyFile(KeyFileError::PassphraseEmpty)) => {
            let hint = "give --passphrase-file to have the keys read";
            found("keys", State::Warn, "encrypted, not read without the passphrase".to_owned(), Some(hint));
        }
        Err(error) => found("keys", State::Fail, words(&error), error.hint()),
    }
    match record::read(dir, &Identity::of(&config.vkey)) {
        Ok(record) => {
            let now = std::time::SystemTime::now();
            let now = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs());
            let last = record.latest.iter().map(|latest| latest.time().get()).max().unwrap_or(0);
            let seen = format!("{} logs, {} torn bytes", record.latest.len(), record.torn_bytes);
            found("record", State::Ok, seen, None);
            if last > now {
                let seen = format!("the clock stands {} s before the last cosignature", last - now);
                found(
                    "clock",
                    State::Fail,
                    seen,
                    Some("set the clock; until it has passed, nothing is cosigned"),
                );
            }
        }
        Err(error) => found("record", State::Fail, words(&error), error.hint()),
    }
    let lists = ListFiles { own: dir.join(LOGS), others: others.to_vec() };
    match lists.load(config.name()) {
        Ok(logs) => {
            let hint = format!("tallymark-witness add-log {} VKEY", dir.display());
            let hint = logs.is_empty().then_some(hint);
            let state = if logs.is_empty() { State::Warn } else { State::Ok };
            found("logs", state, format!("{} known", logs.len()), hint.as_deref());
            for note in logs.notes() {
                found("logs", State::Warn, note.clone(), None);
            }
        }
        Err(error) => {
            found("logs", State::Fail, words(&error), Some("mend the list; its format is in spec/witness.md"))
        }
    }
    findings
}

fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
