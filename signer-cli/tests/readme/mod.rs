//! The sessions of the root README, run as they stand there: same commands, same screen, same exit status.
//!
//! In each `console` block a line `$ COMMAND` is run by `sh`, and the lines up to the next one are what it must print;
//! `? N` says which exit status it must have if not 0. The block `tallymark.toml` is the trust file. The stage is
//! set here: a model, a dataset, a base model, a checkout, a test key, and a log that answers at the address in the
//! README. `$ cargo` lines are left to `cargo xtask tidy`. After a change that was meant: `TRYCMD=overwrite`, as for the sessions in
//! `tests/cmd`, and read the difference.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::log::TestLog;

/// The log's address in the README.
const ADDRESS: &str = "https://log.example.org";

#[test]
fn the_sessions_of_the_readme_run_as_they_stand() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let sessions = commands(&readme);
    assert!(sessions.len() >= 4, "the README shows signing, verifying, tampering and a refusal");
    let stage = Stage::set(&readme);
    let overwrite = std::env::var_os("TRYCMD").is_some_and(|mode| mode == "overwrite");
    let mut written = readme.clone();
    for (command, wanted) in sessions {
        let seen = stage.run(&command);
        if overwrite {
            written = written.replacen(&format!("$ {command}\n{wanted}"), &format!("$ {command}\n{seen}"), 1);
            continue;
        }
        assert!(seen == wanted, "README.md: $ {command}\n--- seen ---\n{seen}--- wanted ---\n{wanted}---");
    }
    if overwrite {
        std::fs::write(root().join("README.md"), written).expect("written");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The commands of all `console` blocks, each with what it must print.
fn commands(readme: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match (inside, line) {
            (_, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, _) => match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                // A command that is too long for one line goes on after a backslash, as in the shell.
                (None, Some((command, _))) if command.ends_with('\\') => {
                    command.push('\n');
                    command.push_str(line);
                }
                (None, Some((_, wanted))) => writeln!(wanted, "{line}").expect("a string grows"),
                (None, None) => panic!("README.md: {line:?} stands before any command"),
            },
            (false, _) => {}
        }
    }
    // An empty line before the next command is for the eye.
    for (_, wanted) in &mut commands {
        wanted.truncate(wanted.trim_end().len());
        if !wanted.is_empty() {
            wanted.push('\n');
        }
    }
    commands.retain(|(command, _)| !command.starts_with("cargo "));
    commands
}

struct Stage {
    dir: tempfile::TempDir,
    log: TestLog,
}

impl Stage {
    fn set(readme: &str) -> Self {
        let stage = Self { dir: tempfile::tempdir().expect("a temporary directory"), log: TestLog::start() };
        stage.write("churn/config.json", "{\"layers\":2}\n");
        stage.write("churn/model.safetensors", "weights");
        stage.write("customers/2026.csv", "age,left\n42,0\n");
        stage.write("bert-base/model.safetensors", "base weights");
        stage.write("code/train.py", "print('training')\n");
        stage.write("train.sh", "printf 'x' > tiny/model.bin\n");
        stage.write("payroll/2026.csv", "name,pay\nA,1\n");
        stage.write("tallymark.toml", &block(readme, "```toml\n"));
        let key = root().join("testdata/keys/accept/TEST-ed25519.pem");
        stage.write("acme.pem", &std::fs::read_to_string(key).expect("the test key"));
        let only_mine = "chmod 600 acme.pem";
        let commit = "git init -q code && git -C code add . && git -C code commit -q -m train";
        for command in [only_mine, commit] {
            assert_eq!(stage.run(command), "", "{command}");
        }
        stage
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside the stage")).expect("mkdir");
        std::fs::write(path, text).expect("write");
    }

    /// What a terminal would show, and `? N` unless the exit status is 0.
    fn run(&self, command: &str) -> String {
        let programs = Path::new(env!("CARGO_BIN_EXE_tallymark")).parent().expect("a folder of programs");
        let path = std::env::var("PATH").unwrap_or_default();
        let command = command.replace(ADDRESS, self.log.url());
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "acme")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "acme@example.org")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_DATE"), "2026-11-23T00:00:00Z")))
            .output()
            .expect("sh starts");
        let mut shown = String::from_utf8(output.stdout).expect("UTF-8");
        if !output.status.success() {
            writeln!(shown, "? {}", output.status.code().expect("an exit status")).expect("a string grows");
        }
        shown
    }
}

/// The text of the first block that opens with `fence`.
fn block(readme: &str, fence: &str) -> String {
    let (_, rest) = readme.split_once(fence).expect("the README has the block");
    let (text, _) = rest.split_once("```").expect("the block ends");
    text.to_owned()
}
