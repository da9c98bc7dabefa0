//! The table of exit codes, row by row, by the program: also where there is nobody to tell, no room to write, and no memory.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle").join(name)
}

/// The program on the model of that case, with the case's trust file.
fn program(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark-verify"));
    command.current_dir(case(name)).args(["model", "--trust", "trust.toml"]);
    command.env_remove("TALLYMARK_TRUST").env("XDG_CONFIG_HOME", "/nonexistent");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn code(command: &mut Command) -> Option<i32> {
    command.status().unwrap().code()
}

#[test]
fn every_row_of_the_table_is_reached() {
    assert_eq!(code(&mut program("accept/plain")), Some(0), "verified");
    assert_eq!(code(&mut program("reject/file-emptied")), Some(1), "checked and false");
    assert_eq!(code(program("accept/plain").arg("--no-such-flag")), Some(2), "wrong use");
    assert_eq!(code(&mut program("reject/stranger")), Some(3), "refused by requirements");
    assert_eq!(code(&mut program("reject/checkpoint-age-unknown")), Some(4), "cannot decide");
    let absent = &mut Command::new(env!("CARGO_BIN_EXE_tallymark-verify"));
    assert_eq!(code(absent.arg("/nowhere").stderr(Stdio::null())), Some(5), "could not be read");
}

#[test]
fn a_verdict_that_could_not_be_told_is_no_yes() {
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    for format in ["human", "json"] {
        let mut told = program("accept/plain");
        told.args((format == "json").then_some("--json"));
        assert_eq!(code(told.stdout(full())), Some(5), "{format}");
    }
    // Whoever asked for no words misses none.
    assert_eq!(code(program("accept/plain").arg("--quiet").stdout(full()).stderr(full())), Some(0));
}

#[test]
fn a_no_is_a_no_whatever_becomes_of_its_words() {
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    for name in ["reject/file-emptied", "reject/stranger", "reject/checkpoint-age-unknown"] {
        assert_ne!(code(program(name).stdout(full()).stderr(full())), Some(0), "{name}: nowhere to write");
        // A reader that has gone before the first word.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_ne!(code(program(name).stdout(writer)), Some(0), "{name}: a broken pipe");
        let mut closed = Command::new("sh");
        closed.args(["-c", "exec \"$@\" >&- 2>&- <&-", "sh"]).arg(env!("CARGO_BIN_EXE_tallymark-verify"));
        closed.args(["model", "--trust", "trust.toml"]).current_dir(case(name));
        assert_ne!(code(&mut closed), Some(0), "{name}: closed");
    }
}

/// From hardly enough to start, in steps, to as much as it takes: the answer is yes or none, and a refused model gets none.
#[test]
fn without_memory_there_is_no_yes_about_a_bad_model_and_no_panic_ends_with_0() {
    let limited = |name: &str, kib: u32| {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -v \"$0\"; exec \"$@\""]).arg(kib.to_string());
        shell.arg(env!("CARGO_BIN_EXE_tallymark-verify")).args(["model", "--trust", "trust.toml", "--quiet"]);
        shell.current_dir(case(name)).stdout(Stdio::null()).stderr(Stdio::null());
        shell.status().unwrap().code()
    };
    let mut failed = 0;
    for kib in (4_000..60_000).step_by(1_500) {
        assert_ne!(limited("reject/file-emptied", kib), Some(0), "{kib} KiB");
        match limited("accept/plain", kib) {
            Some(0) => {}
            _ => failed += 1,
        }
    }
    assert!(failed > 2, "memory was never short");
    assert_eq!(limited("accept/plain", 4_000_000), Some(0));
}

#[test]
fn a_destination_without_room_is_no_yes_and_stays_empty() {
    // A file system of so few bytes needs a mount, which may not be ours to make.
    let room = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=4k none \"$1\" || exit 99; shift; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(room.path());
    command.arg(env!("CARGO_BIN_EXE_tallymark-verify")).arg("model").arg(room.path());
    command.args(["--trust", "trust.toml"]).current_dir(case("accept/plain"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    match command.status().map(|status| status.code()) {
        Ok(Some(99)) | Err(_) => eprintln!("not tried here: no mount"),
        Ok(code) => assert_eq!(code, Some(5)),
    }
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0);
}

/// Debug builds have a place in each step where they panic if the environment says so.
#[cfg(debug_assertions)]
#[test]
fn a_panic_in_any_step_is_no_yes_and_leaves_nothing() {
    use std::ffi::OsStr;
    use verifier::Step;
    for step in Step::ALL {
        let room = tempfile::tempdir().unwrap();
        let (destination, state) = (room.path().join("copy"), room.path().join("seen.json"));
        let forms: [&[&OsStr]; 4] =
            [&[], &["--json".as_ref()], &["--state".as_ref(), state.as_os_str()], &[destination.as_os_str()]];
        for form in forms {
            let mut command = program("accept/plain");
            command.args(form).env("TALLYMARK_TEST_PANIC_AT_STEP", step.number().to_string());
            let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            // 101 is what the language ends a program with that panicked.
            assert_eq!(output.status.code(), Some(101), "{form:?} in {step:?}: {said}");
            assert!(said.is_empty(), "{form:?} in {step:?}: {said}");
            let words = String::from_utf8(output.stderr).unwrap();
            assert!(words.contains(&format!("planted in step {}", step.number())), "{words}");
        }
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0, "left by {step:?}");
    }
}
