//! Real locks and environments, each with one fault, and the reason of the warning.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{assert_refused, fact, real, reasons, replaced, testdata, text};
use collect::WarningReason::{
    Absent, Disagreement, Escape, Malformed, NotRead, TooLarge, UnknownVersion, Unreadable, WeakDigest,
};
use collect::environment::installed::{self, Check};
use collect::environment::{self, conda, os_release, pylock, pyvenv, requirements, uv_lock};
use collect::{Collected, Privacy, WarningReason, hardware};

const NAME: &str = "file";

/// Asserts the only reason of all warnings.
fn assert_warns(collected: &Collected, reason: WarningReason, why: &str) {
    assert_eq!(reasons(collected), [reason], "{why}: {}", text(collected));
}

/// A real environment that may be broken.
struct Environment {
    dir: tempfile::TempDir,
}

impl Environment {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        copy(&testdata("environment/installed-uv/input/env"), dir.path());
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("lib/python3.11/site-packages").join(name)
    }

    fn info(&self, name: &str) -> PathBuf {
        self.path("tiny_demo-1.2.3.dist-info").join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("write");
    }

    /// Adds a line to the record.
    fn list(&self, line: &str) {
        let record = fs::read_to_string(self.info("RECORD")).expect("a record");
        fs::write(self.info("RECORD"), format!("{record}{line}\n")).expect("write");
    }

    /// Replaces a part of the record.
    fn relist(&self, from: &str, to: &str) {
        let record = fs::read_to_string(self.info("RECORD")).expect("a record");
        assert!(record.contains(from), "{record}");
        fs::write(self.info("RECORD"), record.replace(from, to)).expect("write");
    }

    fn read(&self, check: Check) -> Collected {
        installed::read(self.dir.path(), check)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a listing") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

/// Asserts the only reason, and that no digest stands for the environment.
fn assert_no_digest(environment: &Environment, check: Check, reason: WarningReason, why: &str) {
    let collected = environment.read(check);
    assert!(reasons(&collected).contains(&reason), "{why}: {}", text(&collected));
    let is_of_all = |fact: &&collect::Fact| fact.about().is_empty() && fact.key() == "digest";
    assert!(collected.facts().iter().find(is_of_all).is_none(), "{why}: {}", text(&collected));
}

/// What breaks an environment, and the reason that must come of it.
type Break = (&'static str, fn(&Environment), WarningReason);

#[test]
fn files_that_were_changed_after_the_installation_are_found() {
    let cases: [Break; 14] = [
        ("edited", |e| e.write("tiny_demo/__init__.py", "def main():\n    print(\"evil\")\n"), Disagreement),
        ("edited, of another size", |e| e.write("tiny_demo/__init__.py", "x = 1\n"), Disagreement),
        (
            "edited script",
            |e| fs::write(e.dir.path().join("bin/tiny-demo"), "#!/bin/sh\n").expect("write"),
            Disagreement,
        ),
        ("missing", |e| fs::remove_file(e.path("tiny_demo/__init__.py")).expect("remove"), Absent),
        ("module that no record lists", |e| e.write("tiny_demo/more.py", "x = 1\n"), Disagreement),
        ("shared object that no record lists", |e| e.write("tiny_demo/more.so", "\x7fELF"), Disagreement),
        (".pth that no record lists", |e| e.write("evil.pth", "import os\n"), Disagreement),
        ("link that no record lists", |e| symlink("/etc", e.path("more")).expect("a link"), Disagreement),
        ("no digest", |e| e.list("tiny_demo/b.py,,"), WeakDigest),
        ("digest of another kind", |e| e.list("tiny_demo/b.py,sha512=AAAA,1"), NotRead),
        ("pipe in place of a module", |e| pipe_at(&e.path("tiny_demo/__init__.py")), Malformed),
        ("link in place of a module", |e| link_at(&e.path("tiny_demo/__init__.py")), Escape),
        ("link in place of a package", |e| link_at(&e.path("tiny_demo")), Escape),
        ("size without a digest", |e| e.list("tiny_demo/b.py,,5"), WeakDigest),
    ];
    for (why, damage, reason) in cases {
        let environment = Environment::new();
        assert!(reasons(&environment.read(Check::Files)).is_empty());
        let before = fact(&environment.read(Check::Records), "digest");
        damage(&environment);
        let collected = environment.read(Check::Files);
        assert!(reasons(&collected).contains(&reason), "{why}: {}", text(&collected));
        assert!(
            reasons(&collected).iter().all(|seen| [reason, Disagreement].contains(seen)),
            "{why}: {}",
            text(&collected)
        );
        // The record itself is what the digest covers.
        let is_record = ["no digest", "digest of another kind", "size without a digest"].contains(&why);
        assert_eq!(fact(&environment.read(Check::Records), "digest") == before, !is_record, "{why}");
        assert!(reasons(&environment.read(Check::Records)).is_empty(), "{why}");
    }
}

fn pipe_at(path: &Path) {
    fs::remove_file(path).expect("remove");
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

/// Moves what is there aside and puts a link to it in its place.
fn link_at(path: &Path) {
    let aside = path.with_extension("aside");
    fs::rename(path, &aside).expect("rename");
    symlink(&aside, path).expect("a link");
}

#[test]
fn a_record_that_cannot_be_believed_leaves_no_digest() {
    let cases: [Break; 24] = [
        ("climbs to the root", |e| e.list("../../../../etc/passwd,,"), Escape),
        ("climbs half way", |e| e.list("../../x.py,,"), Escape),
        ("climbs again behind the prefix", |e| e.list("../../../bin/../../x,,"), Escape),
        ("climbs inside", |e| e.list("tiny_demo/../../x.py,,"), Escape),
        ("absolute", |e| e.list("/etc/passwd,,"), Escape),
        ("absolute behind the prefix", |e| e.list("../../..//etc/passwd,,"), Escape),
        ("no path", |e| e.list(",,"), Malformed),
        ("a dot", |e| e.list("./x.py,,"), Malformed),
        ("a backslash", |e| e.list("a\\b.py,,"), Malformed),
        ("two fields", |e| e.list("x.py,"), Malformed),
        ("an open quote", |e| e.list("\"x.py,,"), Malformed),
        ("padded digest", |e| e.relist("BJkzY,30", "BJkzY=,30"), Malformed),
        ("digest in hexadecimal", |e| e.list(&format!("x.py,sha256={},1", "0".repeat(64))), Malformed),
        (
            "digest of 31 bytes",
            |e| e.list("x.py,sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,1"),
            Malformed,
        ),
        ("digest without an algorithm", |e| e.list("x.py,AAAA,1"), Malformed),
        ("a size that is no number", |e| e.list("x.py,,1e3"), Malformed),
        ("a size of 2^64", |e| e.list("x.py,,18446744073709551616"), Malformed),
        ("a file twice", |e| e.list("tiny_demo/__init__.py,,"), Disagreement),
        ("not UTF-8", |e| fs::write(e.info("RECORD"), b"a\xff,,\n").expect("write"), Malformed),
        ("no record", |e| fs::remove_file(e.info("RECORD")).expect("remove"), Absent),
        ("a pipe", |e| pipe_at(&e.info("RECORD")), Malformed),
        ("a link", |e| link_at(&e.info("RECORD")), Malformed),
        (
            "a directory",
            |e| {
                fs::remove_file(e.info("RECORD")).expect("remove");
                fs::create_dir(e.info("RECORD")).expect("a directory")
            },
            Malformed,
        ),
        (
            "too long",
            |e| fs::File::create(e.info("RECORD")).expect("a file").set_len((64 << 20) + 1).expect("a size"),
            TooLarge,
        ),
    ];
    for (why, damage, reason) in cases {
        let environment = Environment::new();
        damage(&environment);
        assert_no_digest(&environment, Check::Records, reason, why);
        assert_no_digest(&environment, Check::Files, reason, why);
    }
}

#[test]
fn a_package_that_cannot_be_covered_leaves_no_digest() {
    let cases: [Break; 9] = [
        ("no metadata", |e| fs::remove_file(e.info("METADATA")).expect("remove"), Absent),
        ("no version", |e| fs::write(e.info("METADATA"), "Name: tiny.demo\n\n").expect("write"), Malformed),
        (
            "a version that is a path",
            |e| fs::write(e.info("METADATA"), "Name: a\nVersion: ../x\n").expect("write"),
            Malformed,
        ),
        (
            "a name that is a path",
            |e| fs::write(e.info("METADATA"), "Name: ../a\nVersion: 1\n").expect("write"),
            Malformed,
        ),
        (
            "metadata that is no text",
            |e| fs::write(e.info("METADATA"), b"Name: \xff\n").expect("write"),
            Malformed,
        ),
        (
            "installed twice",
            |e| copy(&e.path("tiny_demo-1.2.3.dist-info"), &e.path("Tiny.Demo-1.2.3.dist-info")),
            Disagreement,
        ),
        ("an old kind", |e| e.write("old-1.0.egg-info", "Name: old\n"), NotRead),
        ("a link to the records", |e| link_at(&e.path("tiny_demo-1.2.3.dist-info")), Malformed),
        ("a file in place of the records", |e| e.write("x-1.dist-info", ""), Malformed),
    ];
    for (why, damage, reason) in cases {
        let environment = Environment::new();
        damage(&environment);
        assert_no_digest(&environment, Check::Records, reason, why);
    }
    let environment = Environment::new();
    fs::rename(environment.path("tiny_demo-1.2.3.dist-info"), environment.path("tiny_demo-1.2.4.dist-info"))
        .expect("rename");
    assert_warns(&environment.read(Check::Records), Disagreement, "called by another version");
    let nothing = tempfile::tempdir().expect("a directory");
    assert_refused(&installed::read(nothing.path(), Check::Files), Absent, "no environment");
    assert_refused(&installed::read(&nothing.path().join("x"), Check::Files), Absent, "no directory");
    let empty = nothing.path().join("lib/python3.11/site-packages");
    fs::create_dir_all(&empty).expect("directories");
    assert_eq!(fact(&installed::read(&empty, Check::Files), "packages").as_deref(), Some("0"));
}

#[test]
fn a_way_to_the_prefix_is_believed_only_where_the_prefix_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let lone = dir.path().join("site-packages");
    copy(&testdata("environment/installed-uv/input/env/lib/python3.11/site-packages"), &lone);
    let collected = installed::read(&lone, Check::Records);
    assert!(reasons(&collected).contains(&Escape), "{}", text(&collected));
}

#[test]
fn where_a_package_came_from_is_told() {
    let environment = Environment::new();
    let url = r#"{"url": "https://user:pw@example.org/a.git", "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef0123456789abcdef01234567"}}"#;
    fs::write(environment.info("direct_url.json"), url).expect("write");
    let collected = environment.read(Check::Records);
    assert_eq!(
        fact(&collected, "commit").as_deref(),
        Some("gitCommit:0123456789abcdef0123456789abcdef01234567")
    );
    let uri = collected.facts().iter().find(|fact| fact.key() == "uri").expect("a place");
    assert_eq!(
        (uri.value().to_text().as_str(), uri.privacy()),
        ("git+https://example.org/a.git", Privacy::Public)
    );
    let editable = r#"{"url": "file:///srv/a", "dir_info": {"editable": true}}"#;
    fs::write(environment.info("direct_url.json"), editable).expect("write");
    assert_warns(&environment.read(Check::Records), NotRead, "editable");
    fs::write(environment.info("direct_url.json"), "{\"url\": \"a\", \"url\": \"b\"}").expect("write");
    assert_warns(&environment.read(Check::Records), Malformed, "a key twice");
}

#[test]
fn locks_of_uv_with_one_fault() {
    let lock = real("environment/uv-lock/input/uv.lock");
    let read = |bytes: &[u8]| uv_lock::read(bytes, NAME);
    let hash = b"sha256:a7db850025b95ded1eae8a46181a1a6c56c92c96f0e2b005d9ff8dc0210cab44";
    assert_refused(&read(&replaced(&lock, b"version = 1\n", b"version = 2\n")), UnknownVersion, "version 2");
    assert_refused(&read(b"version = 2\n[[other]]\n"), UnknownVersion, "version 2 with other tables");
    assert_refused(&read(&lock[12..]), Malformed, "no version");
    assert_refused(&read(&replaced(&lock, b"revision = 5", b"version = 1 ")), Malformed, "a key twice");
    assert_refused(&read(&replaced(&lock, b"pypi", b"pyp\xff")), Malformed, "not UTF-8");
    let cases: [(&str, Vec<u8>, WarningReason); 6] = [
        (
            "a hash cut off",
            replaced(&lock, hash, b"sha256:a7db850025b95ded1eae8a46181a1a6c56c92c96f0e2b005d9ff8dc0210cab4x"),
            Malformed,
        ),
        (
            "a hash in capitals",
            replaced(&lock, hash, b"sha256:A7DB850025B95DED1EAE8A46181A1A6C56C92C96F0E2B005D9FF8DC0210CAB44"),
            Malformed,
        ),
        ("a hash of tomorrow", replaced(&lock, b"sha256:", b"sha999:"), UnknownVersion),
        ("a name that is a path", replaced(&lock, b"\"tiny-demo\"", b"\"../../etc\""), Malformed),
        ("a version that is a path", replaced(&lock, b"\"1.2.3\"", b"\"../.3\""), Malformed),
        ("two sources", replaced(&lock, b"editable = \".\"", b"url='',git='' "), Malformed),
    ];
    for (why, bytes, reason) in cases {
        assert_warns(&read(&bytes), reason, why);
    }
    let weak = String::from_utf8_lossy(&lock)
        .replace(std::str::from_utf8(hash).expect("text"), "md5:0123456789abcdef0123456789abcdef");
    assert_warns(&read(weak.as_bytes()), WeakDigest, "MD5");
    let secret =
        String::from_utf8_lossy(&lock).replace("https://pypi.org/simple", "https://me:pw@example.org/simple");
    assert!(!read(secret.as_bytes()).facts().iter().any(|fact| fact.value().to_text().contains("pw")));
    let many = |count: usize| {
        let package = |i: usize| {
            format!("[[package]]\nname = \"p{i}\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\n")
        };
        format!("version = 1\n{}", (0..count).map(package).collect::<String>())
    };
    assert!(reasons(&read(many(5_000).as_bytes())).is_empty());
    // As many packages as are read, and more facts than a statement takes.
    assert_warns(&read(many(20_000).as_bytes()), TooLarge, "16384 facts");
    assert_warns(&read(many(20_003).as_bytes()), TooLarge, "20,003 packages");
    (0..lock.len()).for_each(|len| drop(read(&lock[..len])));
}

#[test]
fn pylocks_with_one_fault() {
    let lock = real("environment/pylock/input/pylock.toml");
    let read = |bytes: &[u8]| pylock::read(bytes, NAME);
    assert_refused(&read(&replaced(&lock, b"\"1.0\"", b"\"2.0\"")), UnknownVersion, "version 2.0");
    assert_refused(&read(&replaced(&lock, b"\"1.0\"", b"\"1.x\"")), UnknownVersion, "version 1.x");
    let newer = read(&replaced(&lock, b"\"1.0\"", b"\"1.7\""));
    assert_warns(&newer, UnknownVersion, "version 1.7");
    assert_eq!(fact(&newer, "version").as_deref(), Some("3.20"));
    assert_warns(
        &read(&replaced(&lock, b"{ sha256 = \"a7", b"{ sha256 = \"A7")),
        Malformed,
        "a hash in capitals",
    );
    assert_refused(
        &read(&replaced(&lock, b"requires-python = \">=3.9\"", b"lock-version = \"1.0\"     ")),
        Malformed,
        "a key twice",
    );
    let vcs = "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nvcs = { type = \"git\", url = \"https://example.org/a\", commit-id = \"main\" }\n";
    assert_warns(&read(vcs.as_bytes()), Malformed, "a branch for a commit");
    (0..lock.len()).for_each(|len| drop(read(&lock[..len])));
}

/// Facts of a requirements file, as `about key value`.
fn lines(collected: &Collected) -> Vec<String> {
    collected
        .facts()
        .iter()
        .map(|fact| format!("{} {} {}", fact.about(), fact.key(), fact.value().to_text()))
        .collect()
}

#[test]
fn requirements_are_read_as_pip_reads_them() {
    let cases: [(&str, &[&str]); 20] = [
        ("numpy==1.26.4", &["numpy version 1.26.4"]),
        ("Foo.Bar === 1.0 # why", &["foo-bar version 1.0"]),
        ("a>=1,<2", &["a requirement >=1,<2"]),
        ("a (>=1)", &["a requirement >=1"]),
        ("a==1.*", &["a requirement ==1.*"]),
        ("a==1,!=1.0.1", &["a requirement ==1,!=1.0.1"]),
        ("a", &["a requirement "]),
        ("a[x, y]==1", &["a version 1", "a extras x, y"]),
        ("a==1; python_version < '3.9'", &["a version 1", "a marker python_version < '3.9'"]),
        (
            "a @ https://example.org/a.whl#egg=a ; os_name == 'nt'",
            &["a uri https://example.org/a.whl", "a marker os_name == 'nt'"],
        ),
        (
            "a @ https://example.org/a.whl#egg=a&sha256=00000000000000000000000000000000000000000000000000000000000000ff",
            &[
                "a uri https://example.org/a.whl",
                "a digest sha256:00000000000000000000000000000000000000000000000000000000000000ff",
            ],
        ),
        ("a@https://example.org/a.whl", &["a uri https://example.org/a.whl"]),
        ("a==\\\n1", &["a version 1"]),
        ("a==1 \\\n  # a comment ends it\nb==2", &["a version 1", "b version 2"]),
        ("# a==1\n\n   # b\n", &[]),
        (
            "--index-url https://pypi.org/simple\n-ihttps://example.org\n--find-links=wheels",
            &[" index https://pypi.org/simple", " index https://example.org", " index wheels"],
        ),
        ("--require-hashes\n--pre\n--no-binary :all:", &[]),
        ("\u{feff}a==1", &["a version 1"]),
        ("a==1\r\nb==2\r\n", &["a version 1", "b version 2"]),
        ("a==1 \\", &["a version 1"]),
    ];
    for (given, wanted) in cases {
        let collected = requirements::read(given.as_bytes(), NAME);
        assert!(collected.warnings().is_empty(), "{given}: {}", text(&collected));
        assert_eq!(lines(&collected), wanted, "{given}");
    }
    let hashed = format!("a==1 --hash=sha256:{} \\\n --hash sha256:{}", "0".repeat(64), "1".repeat(64));
    let collected = requirements::read(hashed.as_bytes(), NAME);
    assert_eq!(lines(&collected).len(), 3, "{}", text(&collected));
}

#[test]
fn requirements_that_are_left_out_are_warnings() {
    let cases = [
        ("-r other.txt", NotRead),
        ("--requirement=other.txt", NotRead),
        ("-cother.txt", NotRead),
        ("-e ./local", NotRead),
        ("--editable git+https://example.org/a#egg=a", NotRead),
        ("./local.whl", NotRead),
        ("/srv/local.whl", NotRead),
        ("https://example.org/a.whl", NotRead),
        ("git+https://example.org/a", NotRead),
        ("--evil", Malformed),
        ("a==1 --evil=x", Malformed),
        ("a==1 --hash", Malformed),
        ("a==1 --hash=sha256:00", Malformed),
        ("a==1 --hash=md5:0123456789abcdef0123456789abcdef", WeakDigest),
        ("a==1 --hash=sha3:00", UnknownVersion),
        ("a b", Malformed),
        ("a[x==1", Malformed),
        ("==1", Malformed),
        ("ä==1", Malformed),
        ("a==../1", Malformed),
    ];
    for (given, reason) in cases {
        assert_warns(&requirements::read(given.as_bytes(), NAME), reason, given);
    }
    assert_refused(&requirements::read(b"a==1\xff", NAME), Malformed, "not UTF-8");
    assert_refused(&requirements::read(b"\xff\xfea\0=\0", NAME), Malformed, "UTF-16");
    let many = "a==1\n".repeat(20_002);
    assert_warns(&requirements::read(many.as_bytes(), NAME), TooLarge, "20,002 requirements");
}

#[test]
fn environments_of_conda_are_read_as_texts_alone() {
    let read = |text: &str| conda::read(text.as_bytes(), NAME);
    let dependency = |text: &str| read(&format!("dependencies:\n  - {text}\n"));
    let cases: [(&str, &[&str]); 7] = [
        ("python=3.10", &["python requirement =3.10"]),
        ("numpy=1.26.4=py311h1_0", &["numpy version 1.26.4", "numpy build py311h1_0"]),
        ("conda-forge::a==1.0", &["a channel conda-forge", "a version 1.0"]),
        ("a >=1,<2", &["a requirement >=1,<2"]),
        ("_libgcc_mutex=0.1=main", &["libgcc-mutex version 0.1", "libgcc-mutex build main"]),
        ("{pip: ['b==1e5', c]}", &["b version 1e5", "c requirement "]),
        ("{other: [1, 2], pip: []}", &[]),
    ];
    for (given, wanted) in cases {
        let collected = dependency(given);
        assert!(collected.warnings().is_empty(), "{given}: {}", text(&collected));
        assert_eq!(lines(&collected), wanted, "{given}");
    }
    // An unquoted channel that another reader takes for a fraction.
    assert_eq!(
        lines(&read("channels: [0e12, 1_000]\ndependencies: []\n")),
        [" channel 0e12", " channel 1_000"]
    );
    let bomb: String = (1..30).map(|i| format!("a{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1)).collect();
    let cases: [(&str, String); 12] = [
        ("a key twice", "dependencies: []\ndependencies: [a]\n".to_owned()),
        ("a key twice inside", "dependencies: [{pip: [a], pip: [b]}]\n".to_owned()),
        ("two documents", "dependencies: []\n---\ndependencies: [a]\n".to_owned()),
        ("no dependencies", "channels: []\n".to_owned()),
        ("a truth", "dependencies: [true]\n".to_owned()),
        ("a number", "dependencies: [5]\n".to_owned()),
        ("a list in the list", "dependencies: [[a]]\n".to_owned()),
        ("a merge key", "x: &x {dependencies: [a]}\n<<: *x\n".to_owned()),
        ("not YAML", "dependencies: [\n".to_owned()),
        ("an unknown alias", "dependencies: [*x]\n".to_owned()),
        ("nested deep", format!("x: {}{}\ndependencies: []\n", "[".repeat(100), "]".repeat(100))),
        ("a bomb of aliases", format!("a0: &a0 [x, x]\n{bomb}dependencies: *a29\n")),
    ];
    for (why, given) in cases {
        let collected = read(&given);
        assert!(collected.facts().is_empty(), "{why}: {}", text(&collected));
        let is_refused = [[Malformed], [TooLarge]].iter().any(|reason| reasons(&collected) == reason);
        assert!(is_refused, "{why}: {}", text(&collected));
    }
    assert_refused(&conda::read(b"dependencies: [\xff]", NAME), Malformed, "not UTF-8");
    let real = real("environment/conda-mlflow/input/conda.yaml");
    (0..real.len()).for_each(|len| drop(conda::read(&real[..len], NAME)));
}

#[test]
fn nesting_of_a_hundred_thousand_levels_exhausts_no_stack() {
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    for text in [
        format!("version = 1\nx = {}", nested("[", "]")),
        format!("version = 1\nx = {}", nested("{a=", "1}")),
    ] {
        assert_refused(&uv_lock::read(text.as_bytes(), NAME), Malformed, "nested TOML");
        assert_refused(&pylock::read(text.as_bytes(), NAME), Malformed, "nested TOML");
    }
    for text in [nested("[", "]"), nested("{a: ", "}"), format!("dependencies: {}", "- ".repeat(100_000))] {
        assert!(!conda::read(text.as_bytes(), NAME).warnings().is_empty());
    }
}

#[test]
fn a_project_without_anything_is_a_warning() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_refused(&environment::read(dir.path()), Absent, "nothing");
    assert_refused(&environment::read(&dir.path().join("x")), Unreadable, "no directory");
    let pipe = dir.path().join("uv.lock");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    assert_refused(&environment::read(dir.path()), Malformed, "a pipe");
    fs::remove_file(&pipe).expect("remove");
    fs::File::create(&pipe).expect("a file").set_len(1 << 40).expect("a size");
    assert_refused(&environment::read(dir.path()), TooLarge, "a terabyte");
    assert!(environment::read_one(Path::new("other.txt")).is_none());
}

#[test]
fn the_interpreter_and_the_system_with_one_fault() {
    assert_warns(&pyvenv::read(b"version = 3.11\nversion_info = 3.12\n", NAME), Disagreement, "two versions");
    assert_warns(&pyvenv::read(b"home = /usr/bin\n", NAME), Absent, "no version");
    assert_warns(
        &pyvenv::read(b"version = 3.11\ninclude-system-site-packages = true\n", NAME),
        NotRead,
        "open",
    );
    assert_warns(&pyvenv::read(b"version = 3.11\nhello\n", NAME), Malformed, "no pair");
    assert_warns(&os_release::read_bytes(b"ID=`id`\n", NAME), Malformed, "an expansion");
    assert_refused(&os_release::read_bytes(b"ID=\xff\n", NAME), Malformed, "not UTF-8");
    assert_refused(&os_release::read(Path::new("/nonexistent/os-release")), Absent, "no file");
}

#[test]
fn a_machine_with_one_fault() {
    let recorded = testdata("hardware/cgroup-v2-nvidia/root");
    let broken = |name: &str, bytes: &[u8]| {
        let dir = tempfile::tempdir().expect("a directory");
        copy(&recorded, dir.path());
        fs::write(dir.path().join(name), bytes).expect("write");
        hardware::read(dir.path())
    };
    let cases: [(&str, &[u8], WarningReason); 12] = [
        ("proc/cpuinfo", b"", Malformed),
        ("proc/cpuinfo", b"processor : \xff", Malformed),
        ("proc/meminfo", b"MemTotal: 5 MB\n", Malformed),
        ("proc/meminfo", b"MemTotal: 18446744073709551615 kB\n", Malformed),
        ("proc/self/cgroup", b"hello\n", Malformed),
        ("proc/sys/kernel/osrelease", b"two words", Malformed),
        ("proc/sys/kernel/arch", b"", Malformed),
        ("sys/fs/cgroup/user.slice/cpu.max", b"100 0\n", Malformed),
        ("sys/fs/cgroup/user.slice/cpu.max", b"100\n", Malformed),
        ("sys/fs/cgroup/user.slice/memory.max", b"-5\n", Malformed),
        ("proc/driver/nvidia/version", b"NVRM version: x\n", Malformed),
        ("proc/driver/nvidia/gpus/0000:01:00.0/information", b"IRQ: 5\n", Malformed),
    ];
    for (name, bytes, reason) in cases {
        assert_warns(&broken(name, bytes), reason, name);
    }
    // A group that climbs is read no further up than the mount.
    let climbing = broken("proc/self/cgroup", b"0::/../../../../user.slice\n");
    assert!(climbing.warnings().is_empty(), "{}", text(&climbing));
    assert_eq!(fact(&climbing, "limit-bytes"), None);
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(reasons(&hardware::read(dir.path())), [Absent]);
    fs::create_dir_all(dir.path().join("proc")).expect("directories");
    assert!(Command::new("mkfifo").arg(dir.path().join("proc/cpuinfo")).status().expect("mkfifo").success());
    assert_eq!(reasons(&hardware::read(dir.path())), [Absent, Malformed]);
}
