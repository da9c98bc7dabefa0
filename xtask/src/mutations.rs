//! `cargo xtask torture --mutations`: takes the guards out one by one, and demands that a named test notices each time.
//!
//! A test that has never failed proves nothing. Each file in `torture/mutations/` plants one bug; none of them is ever in
//! the source itself, not even behind a switch.
//!
//! ```text
//! takes out: what is gone then, in a few words
//! guards: R1 I4                                  tests of spec/torture.md, invariants of spec/invariants.md
//! file: log-server/src/sequencer.rs
//! caught by: log-server lib sequencer::tests::a_failed_write_is_neither_signed_nor_published_nor_answered
//! -------- from
//! text that stands in the file exactly once
//! -------- to
//! what stands there instead
//! ```
//!
//! The checkout is copied to the cache and changed there, with a target directory that is kept for the next run. First
//! every named test must pass on the untouched copy; a test that fails anyway catches nothing. Then one bug at a time is
//! planted and its test run. It must compile, that very test must run, and it must fail. Anything else is a failure of the
//! run: a bug nobody noticed, a text that is not there or there twice, a bug that does not compile, a test that has gone.
//!
//! In scope: planting and judging. Out of scope: finding out which bugs to plant.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{Arguments, command, place};

/// Where the bugs lie, from the root of the checkout.
const FOLDER: &str = "torture/mutations";
const EXTENSION: &str = "mutation";
/// A test that takes longer has not noticed anything.
const PATIENCE: Duration = Duration::from_secs(180);
const FROM: &str = "-------- from\n";
const TO: &str = "-------- to\n";

/// One bug.
#[derive(Debug)]
struct Mutation {
    name: String,
    takes_out: String,
    guards: Vec<String>,
    file: PathBuf,
    caught_by: Catcher,
    from: String,
    to: String,
}

/// The test that must fail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Catcher {
    package: String,
    /// `lib`, or the name of a test program.
    target: String,
    test: String,
}

/// How a planted bug ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Caught,
    DoesNotCompile,
    Survived,
    TestDidNotRun,
    TooSlow,
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Caught => "caught",
            Self::DoesNotCompile => "DOES NOT COMPILE",
            Self::Survived => "SURVIVED",
            Self::TestDidNotRun => "TEST DID NOT RUN",
            Self::TooSlow => "TOO SLOW",
        })
    }
}

/// Runs all of them, or those whose name or guards are among the arguments.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let repository = place::repository();
    let mut mutations = read_all(&repository)?;
    if !arguments.is_empty() {
        let asked = |mutation: &Mutation, word: &String| {
            mutation.name == *word || mutation.guards.iter().any(|guard| guard.eq_ignore_ascii_case(word))
        };
        if let Some(word) = arguments.iter().find(|word| !mutations.iter().any(|one| asked(one, word))) {
            bail!("no mutation is called `{word}` or guards it; they lie in {FOLDER}");
        }
        mutations.retain(|mutation| arguments.iter().any(|word| asked(mutation, word)));
    }
    let begun = Instant::now();
    let bench = Workbench::new(&repository)?;
    bench.copy_checkout()?;
    println!("{} planted bugs, in {}", mutations.len(), bench.checkout.display());

    let mut tests: Vec<&Catcher> = mutations.iter().map(|mutation| &mutation.caught_by).collect();
    tests.sort();
    tests.dedup();
    bench.require_all_pass(&tests)?;
    println!("without a bug all {} tests pass ({:.0} s)\n", tests.len(), begun.elapsed().as_secs_f64());

    let mut bad = Vec::new();
    for mutation in &mutations {
        let started = Instant::now();
        let ending = bench.plant(mutation)?;
        println!(
            "{:9} {:34} {:5.1} s  {} [{}]",
            ending.to_string(),
            mutation.name,
            started.elapsed().as_secs_f64(),
            mutation.takes_out,
            mutation.guards.join(" ")
        );
        if ending != Ending::Caught {
            bad.push(mutation.name.as_str());
        }
    }
    println!(
        "\n{} of {} planted bugs caught in {:.0} s; load average {}",
        mutations.len() - bad.len(),
        mutations.len(),
        begun.elapsed().as_secs_f64(),
        fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or("unknown")
    );
    if bad.is_empty() { Ok(()) } else { bail!("not caught: {}", bad.join(", ")) }
}

/// Reads every bug and looks whether its text stands in its file exactly once.
fn read_all(repository: &Path) -> Result<Vec<Mutation>> {
    let folder = repository.join(FOLDER);
    let mut mutations = Vec::new();
    for item in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = item?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            let text = fs::read_to_string(&path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let mutation = Mutation::parse(name, &text).with_context(|| path.display().to_string())?;
            mutation.changed(
                &fs::read_to_string(repository.join(&mutation.file)).with_context(|| {
                    format!("{}: cannot read {}", path.display(), mutation.file.display())
                })?,
            )?;
            mutations.push(mutation);
        }
    }
    mutations.sort_by(|a, b| (&a.caught_by, &a.name).cmp(&(&b.caught_by, &b.name)));
    Ok(mutations)
}

impl Mutation {
    fn parse(name: String, text: &str) -> Result<Self> {
        let (head, texts) = text.split_once(FROM).context("has no line `-------- from`")?;
        let (from, to) = texts.split_once(TO).context("has no line `-------- to`")?;
        let mut fields = BTreeMap::new();
        for line in head.lines() {
            let (key, value) = line.split_once(": ").with_context(|| format!("not `key: value`: {line}"))?;
            if fields.insert(key, value.trim()).is_some() {
                bail!("`{key}` stands there twice");
            }
        }
        let mut take = |key: &str| fields.remove(key).with_context(|| format!("has no line `{key}: `"));
        let (takes_out, guards, file) = (take("takes out")?, take("guards")?, take("file")?);
        let caught_by = Catcher::parse(take("caught by")?)?;
        if let Some((unknown, _)) = fields.pop_first() {
            bail!("`{unknown}` is no field of a mutation");
        }
        if from.trim().is_empty() || from == to {
            bail!("changes nothing");
        }
        Ok(Self {
            name,
            takes_out: takes_out.to_owned(),
            guards: guards.split_whitespace().map(str::to_owned).collect(),
            file: PathBuf::from(file),
            caught_by,
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }

    /// The file with the bug in it.
    fn changed(&self, text: &str) -> Result<String> {
        match text.matches(&self.from).count() {
            1 => Ok(text.replacen(&self.from, &self.to, 1)),
            count => bail!(
                "{}: its text stands {count} times in {}, not once; the code has moved on and the mutation must follow",
                self.name,
                self.file.display()
            ),
        }
    }
}

impl Catcher {
    fn parse(text: &str) -> Result<Self> {
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            [package, target, test] => {
                Ok(Self { package: package.to_owned(), target: target.to_owned(), test: test.to_owned() })
            }
            _ => bail!("`caught by` is `PACKAGE TARGET TEST`, not `{text}`"),
        }
    }
}

/// The copy that bugs are planted in.
struct Workbench {
    repository: PathBuf,
    checkout: PathBuf,
    target: PathBuf,
    // Two runs in one copy would each see the other's bugs.
    _lock: File,
}

impl Workbench {
    fn new(repository: &Path) -> Result<Self> {
        let base = place::cache()?.join("mutations");
        fs::create_dir_all(&base).with_context(|| format!("cannot make {}", base.display()))?;
        let lock = File::create(base.join("lock"))?;
        lock.try_lock().context("another run of the mutations is going on")?;
        let (checkout, target) = (base.join("checkout"), base.join("target"));
        Ok(Self { repository: repository.to_owned(), checkout, target, _lock: lock })
    }

    /// Makes the copy equal to the checkout, committed or not. Files that are equal are not touched, so that cargo does
    /// not compile them again.
    fn copy_checkout(&self) -> Result<()> {
        let listed = command::read(Command::new("git").current_dir(&self.repository).args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        let wanted: Vec<&str> = listed.lines().collect();
        for file in &wanted {
            let (from, to) = (self.repository.join(file), self.checkout.join(file));
            if from.is_symlink() {
                link_if_other(&to, &fs::read_link(&from)?)?;
            } else if from.is_file() {
                let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
                write_if_other(&to, &bytes)?;
            }
        }
        remove_others(&self.checkout, &self.checkout, &wanted)
    }

    fn cargo_test(&self, package: &str, target: &str) -> Result<Command> {
        let mut call = command::cargo()?;
        call.current_dir(&self.checkout)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "1")
            .args(["test", "--quiet", "--color", "never", "--package", package]);
        match target {
            "lib" => call.arg("--lib"),
            program => call.args(["--test", program]),
        };
        Ok(call)
    }

    fn require_all_pass(&self, tests: &[&Catcher]) -> Result<()> {
        let mut programs: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for catcher in tests {
            programs.entry((&catcher.package, &catcher.target)).or_default().push(&catcher.test);
        }
        for ((package, target), names) in programs {
            let mut call = self.cargo_test(package, target)?;
            let said = command::read(call.args(["--", "--format", "pretty", "--exact"]).args(&names))?;
            for name in names {
                if !said.lines().any(|line| line == format!("test {name} ... ok")) {
                    bail!("{package} {target}: no test `{name}` ran; it was renamed or has gone\n{said}");
                }
            }
        }
        Ok(())
    }

    /// Plants a bug, runs its test, takes the bug out again.
    fn plant(&self, mutation: &Mutation) -> Result<Ending> {
        let path = self.checkout.join(&mutation.file);
        let original =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        fs::write(&path, mutation.changed(&original)?)?;
        let ending = self.judge(&mutation.caught_by);
        fs::write(&path, original)?;
        ending
    }

    fn judge(&self, catcher: &Catcher) -> Result<Ending> {
        let Catcher { package, target, test } = catcher;
        let compiled = command::capture(self.cargo_test(package, target)?.arg("--no-run"))?;
        if !compiled.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&compiled.stderr).trim_end());
            return Ok(Ending::DoesNotCompile);
        }
        let mut call = self.cargo_test(package, target)?;
        let Some((success, said)) =
            run_within(call.args(["--", "--format", "pretty", "--exact", test]), PATIENCE)?
        else {
            return Ok(Ending::TooSlow);
        };
        let ran = |outcome: &str| said.lines().any(|line| line == format!("test {test} ... {outcome}"));
        Ok(match success {
            false if ran("FAILED") => Ending::Caught,
            true if ran("ok") => Ending::Survived,
            _ => Ending::TestDidNotRun,
        })
    }
}

/// Runs it; whether it succeeded and what it printed, or nothing if it had to be killed.
fn run_within(call: &mut Command, patience: Duration) -> Result<Option<(bool, String)>> {
    let shown = command::shown(call);
    call.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = call.spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let output = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        // What was printed until the pipe broke is all there is to judge.
        let _ = output.map(|mut output| output.read_to_string(&mut said));
        said
    });
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let said = reader.join().unwrap_or_default();
            return Ok(Some((status.success(), said)));
        }
        if started.elapsed() > patience {
            // The whole group: cargo alone would leave its test behind, at work for ever.
            command::run(Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]))?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn write_if_other(path: &Path, bytes: &[u8]) -> Result<()> {
    if !path.is_symlink() && fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    make_way(path)?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Some cases are about links: a copy of what one points to would be another case.
fn link_if_other(path: &Path, target: &Path) -> Result<()> {
    if fs::read_link(path).is_ok_and(|there| there == target) {
        return Ok(());
    }
    make_way(path)?;
    symlink(target, path).with_context(|| format!("cannot link {}", path.display()))
}

fn make_way(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() || there.is_file() => {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes files of an earlier copy that the checkout has no longer.
fn remove_others(root: &Path, dir: &Path, wanted: &[&str]) -> Result<()> {
    for item in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = item?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_others(root, &path, wanted)?;
        } else if let Ok(relative) = path.strip_prefix(root)
            && !wanted.iter().any(|file| Path::new(file) == relative)
        {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "takes out: the check\nguards: R1 I4\nfile: a/b.rs\ncaught by: a lib tests::it\n\
                        -------- from\nif x {\n-------- to\nif true {\n";

    fn mutation() -> Mutation {
        Mutation::parse("one".to_owned(), TEXT).expect("well formed")
    }

    #[test]
    fn every_mutation_of_this_checkout_finds_its_text_exactly_once() {
        let all = read_all(&place::repository()).expect("each of them");
        assert!(!all.is_empty());
    }

    #[test]
    fn what_is_a_link_stays_one_in_the_copy() {
        let dir = std::env::temp_dir().join(format!("tallymark-copy-{}", std::process::id()));
        let place = dir.join("a/b");
        write_if_other(&place, b"x").expect("a file");
        link_if_other(&place, Path::new("elsewhere")).expect("a link in its place");
        assert_eq!(fs::read_link(&place).expect("a link"), Path::new("elsewhere"));
        write_if_other(&place, b"y").expect("a file in its place");
        assert!(!place.is_symlink() && fs::read(&place).expect("a file") == b"y");
        fs::remove_dir_all(dir).expect("what was made");
    }

    #[test]
    fn a_mutation_changes_the_one_place_where_its_text_stands() {
        assert_eq!(mutation().changed("a\nif x {\nb\n").expect("once"), "a\nif true {\nb\n");
    }

    #[test]
    fn a_text_that_is_gone_or_there_twice_is_refused() {
        for text in ["a\n", "if x {\nif x {\n"] {
            let error = mutation().changed(text).expect_err("not once").to_string();
            assert!(error.contains("must follow"), "{error}");
        }
    }

    #[test]
    fn a_mutation_that_changes_nothing_or_misses_a_line_is_refused() {
        let unchanged = TEXT.replace("if true {", "if x {");
        for text in
            [unchanged.as_str(), "", &TEXT.replace("guards: R1 I4\n", ""), &TEXT.replace("file", "fiel")]
        {
            assert!(Mutation::parse("one".to_owned(), text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_with_all_that_it_started() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("pid");
        let script = format!("sleep 300 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let ended = run_within(Command::new("sh").args(["-c", &script]), Duration::from_millis(500));
        assert!(ended.expect("started").is_none());
        let process = fs::read_to_string(&file).expect("it was started");
        let status = Path::new("/proc").join(process.trim()).join("status");
        // Nobody may have asked after it yet; then it is there, and dead.
        let is_dead = || fs::read_to_string(&status).map_or(true, |status| status.contains("State:\tZ"));
        let began = Instant::now();
        while !is_dead() {
            assert!(began.elapsed() < Duration::from_secs(20), "{process} lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
