//! What git says about a code checkout: commit, tree, whether it is dirty, and which files to hash.
//!
//! The `git` program does the reading: nobody else reads an index the way it does. A checkout may be hostile
//! (it came with the model, or from a pull request), and git runs programs that a repository's own
//! configuration names. So: fixed arguments and no shell; an environment with nothing in it that git obeys, but
//! for the caller's own configuration; file-system monitor, hooks, transports, replacement refs and the
//! repository's content filters switched off; the repository may neither point its work tree elsewhere nor
//! loosen how changes are seen; output is bounded. What git itself believes, its objects and its index, is
//! believed here: the tree digest is what binds the files.
//!
//! In scope: running git and reading its answers. Out of scope: hashing ([`attest::scan`]) and what is said
//! about the code in a statement ([`attest::provenance`]).

mod list;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use attest::model_path::ModelPath;

use self::list::{exists, list_files, path_from, read_tracked, records};

/// Most bytes of standard output read from one git command: room for half a million long paths.
const MAX_OUTPUT_BYTES: u64 = 64 << 20;
/// Most bytes of standard error kept for a message; the rest is read and dropped.
const MAX_WORDS_BYTES: u64 = 4 << 10;

/// What of the caller's environment git may see. Everything named `GIT_*` stays out: it could redirect git to
/// another repository, index or configuration.
const PASSED_ON: [&str; 4] = ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR"];

/// Fixed environment.
const FIXED: [(&str, &str); 7] = [
    ("LC_ALL", "C"),
    // A replacement ref gives a known commit id the tree of another commit.
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    // `status` would otherwise refresh and write the index.
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    // A partial clone fetches missing objects, and its configuration says with which program.
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_PROTOCOL_FROM_USER", "0"),
];

/// Arguments before every command.
const FIRST_ARGS: [&str; 11] = [
    "--no-pager",
    "-c",
    "core.fsmonitor=",
    "-c",
    "core.hooksPath=/dev/null",
    // Or size and the second of a change would be all that tells a changed file from a clean one.
    "-c",
    "core.checkStat=default",
    "-c",
    "core.trustctime=true",
    "-c",
    "safe.bareRepository=explicit",
];

/// A checkout as git sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Checkout {
    root: PathBuf,
    commit: String,
    tree: String,
    dirty: bool,
    files: Result<Vec<ModelPath>, Unhashable>,
}

impl Checkout {
    /// The top of the work tree, absolute.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Asks git again. Hashing a model takes minutes, and people go on writing code.
    ///
    /// # Errors
    /// [`GitError::Changed`] if the answer is another one; else as [`read_checkout`].
    pub(crate) fn refuse_change(&self) -> Result<(), GitError> {
        let unchanged = read_checkout(&self.root)? == *self;
        if unchanged { Ok(()) } else { Err(GitError::Changed { dir: self.root.display().to_string() }) }
    }

    /// The commit checked out: 40 or 64 hex digits.
    pub(crate) fn commit(&self) -> &str {
        &self.commit
    }

    /// The tree of that commit: 40 or 64 hex digits.
    pub(crate) fn tree(&self) -> &str {
        &self.tree
    }

    /// Whether index, work tree or untracked files differ from the commit. Where git was told not to look at a
    /// file (assume-unchanged, skip-worktree) this says dirty, since nobody knows.
    pub(crate) const fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The regular files that are tracked, or neither tracked nor ignored; or the first thing that a tree
    /// digest has no place for.
    pub(crate) const fn files(&self) -> &Result<Vec<ModelPath>, Unhashable> {
        &self.files
    }
}

/// Why a checkout has no tree digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unhashable {
    /// A name that is not UTF-8, or has a component that no model path may have.
    #[error("the name {path:?} is not one a tree digest may contain")]
    Name {
        /// The name, as far as it can be shown.
        path: String,
    },
    /// Another repository inside this one.
    #[error("{path:?} is a submodule or another repository")]
    Submodule {
        /// Where.
        path: String,
    },
    /// A symbolic link.
    #[error("{path:?} is a symbolic link")]
    Symlink {
        /// Where.
        path: String,
    },
}

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// An answer that does not have the form git documents.
    #[error("git {act} answered something that is not {want}")]
    AnswerMalformed {
        /// The git command.
        act: &'static str,
        /// What it documents.
        want: &'static str,
    },
    /// An answer larger than we hold in memory.
    #[error("git {act} answered more than {limit} bytes")]
    AnswerTooLarge {
        /// The git command.
        act: &'static str,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Commit, state or list of files is no longer what it was.
    #[error("the code in {dir} changed while the model was being signed")]
    Changed {
        /// The top of the work tree.
        dir: String,
    },
    /// Git itself said no.
    #[error("git {act} failed in {dir}: {said}")]
    Failed {
        /// The git command.
        act: &'static str,
        /// Where it ran.
        dir: String,
        /// The first line of its complaint.
        said: String,
    },
    /// The program is not there, or could not be run.
    #[error("git could not be run")]
    NotStarted {
        /// The system's reason.
        source: std::io::Error,
    },
    /// The repository's configuration names a work tree which the given directory is not in.
    #[error("the repository of {dir} says its work tree is {root}, want one that contains {dir}")]
    WorkTreeElsewhere {
        /// The directory given.
        dir: String,
        /// What the repository says.
        root: String,
    },
}

/// Reads the checkout that contains `dir`.
///
/// # Errors
/// Any [`GitError`]; [`GitError::Failed`] where `dir` is in no repository or the repository has no commit.
pub(crate) fn read_checkout(dir: &Path) -> Result<Checkout, GitError> {
    let dir = dir.canonicalize().map_err(|source| GitError::NotStarted { source })?;
    let mut git = Git { dir: dir.clone(), disabled: Vec::new() };
    let root = git.line("rev-parse", &["rev-parse", "--show-toplevel"])?;
    let root = path_from(root);
    if !dir.starts_with(&root) {
        return Err(GitError::WorkTreeElsewhere {
            dir: dir.display().to_string(),
            root: root.display().to_string(),
        });
    }
    git.dir.clone_from(&root);
    git.disabled = git.repository_filters()?;
    let commit = git.object_id("HEAD^{commit}")?;
    let tree = git.object_id("HEAD^{tree}")?;
    // Submodules are compared by commit only: looking inside would run git under *their* configuration.
    let status = git.run(
        "status",
        &["status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=dirty"],
    )?;
    let tracked = git.run("ls-files", &["ls-files", "-z", "-v", "--stage"])?;
    let untracked = git.run("ls-files", &["ls-files", "-z", "--others", "--exclude-standard"])?;
    let tracked = records(&tracked).map(read_tracked).collect::<Result<Vec<_>, _>>()?;
    let unwatched = tracked.iter().any(|file| file.unwatched && exists(&root, &file.path));
    let files = list_files(&root, &tracked, &untracked);
    Ok(Checkout { root, commit, tree, dirty: !status.is_empty() || unwatched, files })
}

/// Git in one directory.
struct Git {
    dir: PathBuf,
    /// Configuration keys to set to nothing.
    disabled: Vec<OsString>,
}

impl Git {
    /// Runs one command and gives its standard output.
    fn run(&self, act: &'static str, args: &[&str]) -> Result<Vec<u8>, GitError> {
        let mut command = Command::new("git");
        command.args(FIRST_ARGS).arg("-C").arg(&self.dir).args(args).env_clear().envs(FIXED);
        command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("GIT_CONFIG_COUNT", self.disabled.len().to_string());
        for (place, key) in self.disabled.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{place}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{place}"), "");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let not_started = |source| GitError::NotStarted { source };
        let mut child = command.spawn().map_err(not_started)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // Both pipes are read at once, or a chatty child would block on the one nobody empties.
        let (output, words) = std::thread::scope(|scope| {
            let words = scope.spawn(move || read_words(stderr));
            let mut output = Vec::new();
            let read = stdout.map_or(Ok(0), |pipe| pipe.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut output));
            (read.map(|_| output), words.join().unwrap_or_default())
        });
        let output = output.map_err(not_started)?;
        if output.len() as u64 > MAX_OUTPUT_BYTES {
            // It may be dead already; there is nothing to do about a refusal to die.
            drop(child.kill());
            drop(child.wait());
            return Err(GitError::AnswerTooLarge { act, limit: MAX_OUTPUT_BYTES });
        }
        if child.wait().map_err(not_started)?.success() {
            return Ok(output);
        }
        let said = String::from_utf8_lossy(&words);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
        Err(GitError::Failed { act, dir: self.dir.display().to_string(), said: said.to_owned() })
    }

    /// Runs a command that answers with one line.
    fn line(&self, act: &'static str, args: &[&str]) -> Result<Vec<u8>, GitError> {
        let mut answer = self.run(act, args)?;
        if answer.pop() != Some(b'\n') || answer.is_empty() {
            return Err(GitError::AnswerMalformed { act, want: "one line" });
        }
        Ok(answer)
    }

    fn object_id(&self, name: &str) -> Result<String, GitError> {
        let want = "an object id of 40 or 64 hex digits";
        let answer = self.line("rev-parse", &["rev-parse", "--verify", "--end-of-options", name])?;
        let is_hex = answer.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match String::from_utf8(answer) {
            Ok(id) if is_hex && matches!(id.len(), 40 | 64) => Ok(id),
            _ => Err(GitError::AnswerMalformed { act: "rev-parse", want }),
        }
    }

    /// The keys of content filters that the repository itself configures. `status` would run them on changed
    /// files. Filters from the caller's own configuration (git-lfs) stay: the caller chose those programs.
    fn repository_filters(&self) -> Result<Vec<OsString>, GitError> {
        let list = self.run("config", &["config", "-z", "--show-scope", "--name-only", "--list"])?;
        let mut records = records(&list);
        let mut drivers = BTreeSet::new();
        while let (Some(scope), Some(key)) = (records.next(), records.next()) {
            if matches!(scope, b"system" | b"global") || !key.starts_with(b"filter.") {
                continue;
            }
            if let Some(dot) = key.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > "filter.".len())
            {
                drivers.extend(key.get(..dot).map(<[u8]>::to_vec));
            }
        }
        let keys = drivers.into_iter().flat_map(|driver| {
            // An empty command is no command; an empty `required` is false.
            [&b".clean"[..], b".smudge", b".process", b".required"].map(|part| [&driver, part].concat())
        });
        Ok(keys.map(|key| path_from(key).into_os_string()).collect())
    }
}

fn read_words(pipe: Option<std::process::ChildStderr>) -> Vec<u8> {
    let mut words = Vec::new();
    if let Some(mut pipe) = pipe {
        // These are words for a message. If they cannot be read the message has none.
        drop(pipe.by_ref().take(MAX_WORDS_BYTES).read_to_end(&mut words));
        drop(std::io::copy(&mut pipe, &mut std::io::sink()));
    }
    words
}
