//! The attackers of spec/threat-model.md, each with what he does here and what stops him.
//!
//! Each works in a folder of his own on copies of the demo's model, with the real programs and the real log. What he achieves is read from
//! an exit code and a reason, and compared with what the page says.

mod log;
mod model;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::tampering::BUNDLE;
use super::{Copying, Demo, Verdict, copy};
use crate::server::Server;
use crate::{command, programs};

/// Statuses more often than in earnest, so that nobody waits a minute for one.
const STATUS: [&str; 2] = ["--status-interval", "1s"];

/// One who wants a model to be used that should not be.
pub(super) struct Attacker {
    /// Its row in spec/threat-model.md.
    pub(super) id: &'static str,
    /// What he does, as a heading.
    pub(super) does: &'static str,
    /// The reason code, or the few words, that he ends with.
    pub(super) stopped_by: &'static str,
    /// Does it, and gives what stopped him.
    attack: fn(&mut Stage<'_>) -> Result<String>,
}

/// All of them, in the order of the page.
pub(super) const ATTACKERS: &[Attacker] = &[
    Attacker {
        id: "A1",
        does: "puts a link to a file of this machine into the model",
        stopped_by: "symlink-found",
        attack: model::puts_a_link,
    },
    Attacker {
        id: "A2",
        does: "says one thing to one parser and another to the next",
        stopped_by: "bundle-malformed",
        attack: model::says_it_twice,
    },
    Attacker {
        id: "A3",
        does: "signs in the owner's name with a key of his own",
        stopped_by: "signer-unexpected",
        attack: log::signs_as_a_stranger,
    },
    Attacker {
        id: "A4",
        does: "signs with the key that he stole",
        stopped_by: "signer-out-of-term",
        attack: log::signs_with_a_stolen_key,
    },
    Attacker {
        id: "A5",
        does: "publishes a bad model in his own good name",
        stopped_by: "evaluations-insufficient",
        attack: model::nobody_looked,
    },
    Attacker {
        id: "A6",
        does: "approves what he made himself",
        stopped_by: "approvals-insufficient",
        attack: log::approves_his_own,
    },
    Attacker {
        id: "A7",
        does: "lets an approval live on after its end",
        stopped_by: "approvals-insufficient",
        attack: log::outlives_an_approval,
    },
    Attacker {
        id: "A8",
        does: "hands out the release before the last",
        stopped_by: "release-older",
        attack: log::goes_back,
    },
    Attacker {
        id: "A9",
        does: "makes the verifier forget what it saw",
        stopped_by: "memory-unreadable",
        attack: log::damages_the_memory,
    },
    Attacker {
        id: "A10",
        does: "keeps everybody on an old view of the log",
        stopped_by: "checkpoint-age-unknown",
        attack: model::freezes,
    },
    Attacker {
        id: "A11",
        does: "poisons the base model",
        stopped_by: "ancestor-revoked",
        attack: log::poisons_the_base,
    },
    Attacker {
        id: "A12",
        does: "hides a program in the weights, and signs it",
        stopped_by: "format-refused",
        attack: log::hides_a_program,
    },
    Attacker {
        id: "A13",
        does: "rewrites the weights between check and load",
        stopped_by: "the bytes that were judged",
        attack: model::rewrites_while_it_loads,
    },
    Attacker {
        id: "A14",
        does: "reads in the log what was trained on",
        stopped_by: "not in the log",
        attack: log::reads_the_log,
    },
    Attacker { id: "A15", does: "announces a gibibyte to the log", stopped_by: "413", attack: log::floods },
    Attacker {
        id: "A16",
        does: "starts a second server on the log",
        stopped_by: "does not start",
        attack: log::starts_a_second,
    },
    Attacker {
        id: "A17",
        does: "puts an old copy of the log's database back",
        stopped_by: "does not start",
        attack: log::restores_an_old_copy,
    },
    Attacker {
        id: "A18",
        does: "shows one consumer another log than the rest",
        stopped_by: "log-forked",
        attack: log::forks,
    },
    Attacker {
        id: "A19",
        does: "takes the withdrawal out of the bundle file",
        stopped_by: "status-withheld",
        attack: log::withholds,
    },
];

/// Where an attacker works.
pub(super) struct Stage<'a> {
    demo: &'a Demo,
    /// The text of the demo's trust file, whose last table is the publisher's.
    trust: &'a str,
    /// The log, while it runs.
    server: Option<Server>,
    /// The attacker's folder, absolute.
    room: PathBuf,
}

impl Demo {
    /// Lets each attacker try, with the log running, and compares what stopped him with what should.
    pub(super) fn attack(&self, trust: &str) -> Result<()> {
        let mut stage = Stage { demo: self, trust, server: None, room: PathBuf::new() };
        println!("     {:4} {:53} stopped by", "", "what he does");
        let mut wrong = Vec::new();
        for attacker in ATTACKERS {
            stage.room = self.at(&format!("attack-{}", attacker.id));
            fs::create_dir(&stage.room).context("cannot make the attacker's folder")?;
            stage.start()?;
            let seen = (attacker.attack)(&mut stage)
                .with_context(|| format!("{} {}", attacker.id, attacker.does))?;
            let held = seen == attacker.stopped_by;
            let mark = if held { "" } else { "  WRONG" };
            println!("     {:4} {:53} {seen}{mark}", attacker.id, attacker.does);
            if !held {
                wrong.push(format!("{}: wanted {}, got {seen}", attacker.id, attacker.stopped_by));
            }
        }
        stage.stop()?;
        ensure!(wrong.is_empty(), "not stopped as it should be:\n  {}", wrong.join("\n  "));
        Ok(())
    }
}

impl Stage<'_> {
    fn at(&self, name: &str) -> PathBuf {
        self.room.join(name)
    }

    /// Starts the log if it does not run.
    fn start(&mut self) -> Result<()> {
        if self.server.is_none() {
            let (dir, words) = (self.demo.at("log"), self.demo.at("log.txt"));
            self.server = Some(Server::start_with(&self.demo.programs.log, &dir, &words, &STATUS)?);
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), Server::stop)
    }

    fn url(&self) -> Result<&str> {
        self.server.as_ref().map(|server| server.url.as_str()).context("the log does not run")
    }

    /// A copy of the demo's signed model, or of its base, with bytes of its own.
    fn copy_of(&self, dir: &str, name: &str) -> Result<PathBuf> {
        let to = self.at(name);
        copy(&self.demo.at(dir), &to, Copying::Bytes)?;
        Ok(to)
    }

    /// A trust file: the demo's, with these lines after the publisher's.
    fn trusting(&self, lines: &str) -> Result<PathBuf> {
        let path = self.at("trust.toml");
        fs::write(&path, format!("{}{lines}\n", self.trust)).context("cannot write a trust file")?;
        Ok(path)
    }

    /// What the verifier says of the model with that trust file and these flags.
    fn verdict(&self, model: &Path, trust: &Path, flags: &[&str]) -> Result<Verdict> {
        let mut call = programs::call(&self.demo.programs.verifier);
        call.current_dir(&self.room).arg(model).arg("--trust").arg(trust).arg("--json").args(flags);
        let output = command::capture(&mut call)?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`{}` printed no JSON", command::shown(&call)))?;
        let exit = output.status.code().context("the verifier was killed")?;
        Ok(Verdict { exit, reason: super::reason(&report) })
    }

    /// The reason for which it is refused; an attacker who gets `verified` has won.
    fn reason(&self, model: &Path, trust: &Path, flags: &[&str]) -> Result<String> {
        Ok(self.verdict(model, trust, flags)?.words().to_owned())
    }

    /// Demands that it is verified: without that the refusal would say nothing of the attack.
    fn must_verify(&self, model: &Path, trust: &Path, flags: &[&str]) -> Result<()> {
        let verdict = self.verdict(model, trust, flags)?;
        ensure!(verdict.exit == 0, "{} was to verify, but got {verdict}", model.display());
        Ok(())
    }

    /// Runs `tallymark` with that key and the log; what it prints is returned.
    fn signing(&self, key: &str, words: &[&str]) -> Result<String> {
        let mut call = programs::call(&self.demo.programs.signer);
        call.current_dir(&self.room).args(words);
        call.arg("--key").arg(self.demo.at(key)).arg("--passphrase-file").arg(self.demo.at("passphrase"));
        call.args(["--log", self.url()?, "--yes", "--quiet", "--trust"]);
        command::read(call.arg(self.demo.at("tallymark.toml")))
    }

    /// Signs what lies in the folder anew under that label, and gives the index in the log.
    fn sign_anew(&self, key: &str, model: &Path, label: &str) -> Result<u64> {
        let _ = fs::remove_file(model.join(BUNDLE));
        self.signing(key, &["sign", &model.to_string_lossy(), "--as", label])?;
        index_of(&bundle(model)?)
    }
}

fn bundle(model: &Path) -> Result<String> {
    fs::read_to_string(model.join(BUNDLE)).with_context(|| format!("{} has no bundle", model.display()))
}

/// The place in the log of the first line of a bundle file.
fn index_of(bundle: &str) -> Result<u64> {
    let line: Value = serde_json::from_str(bundle.lines().next().context("an empty bundle file")?)?;
    let index = line.pointer("/verificationMaterial/tlogEntries/0/logIndex").and_then(Value::as_str);
    index.context("the line has no index")?.parse().context("the index is no number")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the page whose attack the demo plays, and what it says stops them.
    #[test]
    fn the_demo_plays_every_attacker_of_the_threat_model() {
        let page = include_str!("../../../spec/threat-model.md");
        let rows: Vec<(&str, &str)> = page
            .lines()
            .filter_map(|line| {
                let cells: Vec<&str> = line.strip_prefix("| A")?.split(" | ").collect();
                let id = line.get(2..)?.split(' ').next()?;
                Some((id, cells.last()?.trim_end_matches(" |").trim_matches('`')))
            })
            .collect();
        let played: Vec<(&str, &str)> =
            ATTACKERS.iter().map(|attacker| (attacker.id, attacker.stopped_by)).collect();
        assert_eq!(rows, played);
    }
}
