//! `tallymark pack`: a pack is there whole and verified, or not at all.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn tallymark(&self, words: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark"));
        command.current_dir(self.0.path()).env_clear().env("PATH", "/usr/bin:/bin").args(words);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle").join(name);
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_directory_and_a_single_file_are_packed_and_verified_from_the_pack() {
    let bench = Bench::new();
    for (model, trust) in [
        ("accept/plain/model", "accept/plain/trust.toml"),
        ("accept/single-file/churn.safetensors", "accept/single-file/trust.toml"),
    ] {
        let (model, trust) = (case(model), case(trust));
        for out in ["one.tar", "two.tar"] {
            let (code, _, err) = bench.tallymark(&["pack", &model, "--trust", &trust, "--out", out]);
            assert_eq!(code, 0, "{err}");
            assert!(err.contains("VERIFIED"), "{err}");
        }
        assert_eq!(fs::read(bench.path("one.tar")).unwrap(), fs::read(bench.path("two.tar")).unwrap());
        let (code, out, _) = bench.tallymark(&["verify", "one.tar", "--trust", &trust]);
        assert!(code == 0 && out.contains("one.tar") && out.contains("VERIFIED"), "{out}");
        let (code, out, err) = bench.tallymark(&[
            "exec",
            "one.tar",
            "--trust",
            &trust,
            "--",
            "sh",
            "-c",
            "test -e \"$1\" && echo there",
            "sh",
            "{}",
        ]);
        assert_eq!((code, out.as_str()), (0, "there\n"), "{err}");
        fs::remove_file(bench.path("one.tar")).unwrap();
        fs::remove_file(bench.path("two.tar")).unwrap();
    }
}

#[test]
fn what_is_not_verified_is_not_packed_and_what_is_there_is_not_replaced() {
    let bench = Bench::new();
    let trust = case("accept/plain/trust.toml");
    let changed = case("reject/byte-appended/model");
    let (code, _, err) = bench.tallymark(&["pack", &changed, "--trust", &trust, "--out", "p.tar"]);
    assert_eq!(code, 1);
    assert!(err.contains("file-changed"), "{err}");
    let model = case("accept/plain/model");
    let inside = format!("{model}/p.tar");
    assert_eq!(bench.tallymark(&["pack", &model, "--trust", &trust, "--out", &inside]).0, 2);
    assert!(!Path::new(&inside).exists());
    assert_eq!(bench.names(), [""; 0]);
    fs::write(bench.path("p.tar"), b"mine").unwrap();
    let (code, _, err) = bench.tallymark(&["pack", &model, "--trust", &trust, "--out", "p.tar"]);
    assert_eq!(code, 2);
    assert!(err.contains("p.tar exists") && err.contains("hint: "), "{err}");
    assert_eq!(fs::read(bench.path("p.tar")).unwrap(), b"mine");
    assert_eq!(bench.tallymark(&["pack", &model, "--trust", &trust, "--out", "absent/p.tar"]).0, 5);
    assert_eq!(bench.names(), ["p.tar"]);
}
