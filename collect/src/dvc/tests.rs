use std::os::unix::fs::symlink;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Privacy, Topic, WarningReason};

const A: &str = "0cc175b9c0f1b6a831c399e269772661";
const B: &str = "92eb5ffee6ae2fec3ad71c777531578f";

/// A directory with these files.
fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, text).expect("write");
    }
    dir
}

fn reasons(collected: &Collected) -> Vec<WarningReason> {
    collected.warnings().iter().map(crate::Warning::reason).collect()
}

/// The values of one key.
fn values(collected: &Collected, key: &str) -> Vec<String> {
    collected.facts().iter().filter(|fact| fact.key() == key).map(|fact| fact.value().to_text()).collect()
}

fn out(lines: &str) -> String {
    format!("outs:\n- hash: md5\n  path: x\n{lines}")
}

#[test]
fn an_id_that_looks_like_a_number_is_read_as_it_stands() {
    for id in [
        "12e45678901234567890123456789012",
        "0e123456789012345678901234567890",
        "11111111111111111111111111111111",
    ] {
        let collected = dot_dvc(out(&format!("  md5: {id}\n")).as_bytes(), "x.dvc");
        assert_eq!(values(&collected, "digest"), [format!("md5:{id}")]);
        assert!(collected.warnings().is_empty(), "{id}");
    }
}

#[test]
fn each_fault_of_a_dvc_file_has_its_reason() {
    for (text, reason) in [
        (out(&format!("  md5: {A}\n  md5: {A}\n")), WarningReason::Malformed),
        (out("  md5: 1.2e+45\n"), WarningReason::Malformed),
        (out("  size: -1\n"), WarningReason::Malformed),
        (out("  size: 1e3\n"), WarningReason::Malformed),
        (out("").replace("hash: md5", "hash: sha256"), WarningReason::UnknownVersion),
        (out("").replace("path: x", "path: ../x"), WarningReason::Escape),
        (out("").replace("path: x", "path: /etc/passwd"), WarningReason::Escape),
        (out("  files:\n  - relpath: ../y\n"), WarningReason::Escape),
        (format!("wdir: ../..\n{}", out("")), WarningReason::Escape),
        (format!("wdir: '${{w}}'\n{}", out("")), WarningReason::NotRead),
        ("outs: x\n".to_owned(), WarningReason::Malformed),
        ("outs:\n- x\n".to_owned(), WarningReason::Malformed),
        ("- x\n".to_owned(), WarningReason::Malformed),
        ("x: 1\n".to_owned(), WarningReason::Malformed),
        (String::new(), WarningReason::Malformed),
        (format!("outs:\n- path: x\n  md5: {A}\n"), WarningReason::WeakDigest),
        (out("  desc: [a]\n"), WarningReason::Malformed),
    ] {
        assert_eq!(reasons(&dot_dvc(text.as_bytes(), "x.dvc")), [reason], "{text}");
    }
    assert_eq!(reasons(&dot_dvc(b"outs: \xff", "x.dvc")), [WarningReason::Malformed]);
}

#[test]
fn a_path_may_climb_inside_the_project_only() {
    let text = out("").replace("path: x", "path: ../x");
    let collected =
        dot_dvc(text.replace("hash: md5", &format!("hash: md5\n  md5: {A}")).as_bytes(), "data/x.dvc");
    assert!(collected.warnings().is_empty());
    assert_eq!(collected.facts().first().map(crate::Fact::about), Some("x"));
}

#[test]
fn an_import_from_a_url_says_where_it_came_from_without_secrets() {
    let text = format!(
        "deps:\n- etag: '\"1\"'\n  path: https://alice:s3cret@example.org/x?token=1\nouts:\n- hash: md5\n  path: x\n  md5: {A}\n"
    );
    let collected = dot_dvc(text.as_bytes(), "x.dvc");
    assert_eq!(values(&collected, "uri"), ["https://example.org/x", "https://example.org/x"]);
    assert!(!format!("{collected:?}").contains("s3cret") && !format!("{collected:?}").contains("token"));
}

#[test]
fn each_fault_of_a_lock_has_its_reason() {
    for (text, reason) in [
        ("train:\n  cmd: x\n", WarningReason::UnknownVersion),
        ("schema: '3.0'\nstages: {}\n", WarningReason::UnknownVersion),
        ("- a\n", WarningReason::Malformed),
        ("schema: '2.0'\nstages: [a]\n", WarningReason::Malformed),
        ("schema: '2.0'\nstages:\n  a:\n    cmd: x\n    cmd: y\n", WarningReason::Malformed),
        ("schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n    - path: ../../x\n", WarningReason::Escape),
        ("schema: '2.0'\nstages:\n  a:\n    params: {p: 1}\n", WarningReason::Malformed),
        ("schema: '2.0'\nstages:\n  a:\n    cmd: [x", WarningReason::Malformed),
    ] {
        assert_eq!(reasons(&lock(text.as_bytes(), "a/dvc.lock")), [reason], "{text}");
    }
    for text in ["", "{}", "schema: '2.0'\n", "schema: '2.0'\nstages: {}\n"] {
        assert_eq!(lock(text.as_bytes(), "dvc.lock").warnings(), [], "{text}");
    }
}

#[test]
fn parameters_of_other_files_carry_the_file_and_commands_are_personal() {
    let text = "schema: '2.0'\nstages:\n  t:\n    cmd: run --user alice\n    params:\n      params.yaml: {a: 0e10}\n      p.json: {b: {c: null}}\n";
    let collected = lock(text.as_bytes(), "dvc.lock");
    let parameters: Vec<_> =
        collected.facts().iter().filter(|fact| fact.topic() == Topic::Parameter).collect();
    let parameters: Vec<_> = parameters.iter().map(|fact| (fact.about(), fact.value().to_text())).collect();
    assert_eq!(parameters, [("p.json:b.c", "null".to_owned()), ("a", "0e10".to_owned())]);
    let command = collected.facts().iter().find(|fact| fact.key() == "command").expect("a command");
    assert_eq!(command.privacy(), Privacy::Personal);
}

#[test]
fn a_stage_works_where_the_pipeline_says() {
    let dir = project(&[
        (
            "p/dvc.yaml",
            "stages:\n  a:\n    wdir: ../w\n    cmd: x\n  b:\n    foreach: [1]\n    do: {wdir: v, cmd: x}\n",
        ),
        (
            "p/dvc.lock",
            "schema: '2.0'\nstages:\n  a:\n    outs: [{path: x, hash: md5, size: 1}]\n  b@1:\n    outs: [{path: y, hash: md5, size: 2}]\n",
        ),
    ]);
    let collected = read(dir.path());
    assert_eq!(collected.warnings(), []);
    let sizes: Vec<_> =
        collected.facts().iter().filter(|fact| fact.key() == "bytes").map(crate::Fact::about).collect();
    assert_eq!(sizes, ["w/x", "p/v/y"]);
}

#[test]
fn a_stage_that_was_never_run_is_a_warning() {
    let dir = project(&[("dvc.yaml", "stages:\n  a: {cmd: x}\n")]);
    assert_eq!(reasons(&read(dir.path())), [WarningReason::Absent]);
}

#[test]
fn two_ids_of_one_path_disagree() {
    let entry = |id: &str| format!("[{{path: d, hash: md5, md5: {id}}}]");
    let text =
        format!("schema: '2.0'\nstages:\n  a:\n    outs: {}\n  b:\n    deps: {}\n", entry(A), entry(B));
    let dir = project(&[("dvc.lock", &text)]);
    assert_eq!(reasons(&read(dir.path())), [WarningReason::Disagreement]);
}

#[test]
fn metrics_are_read_where_they_may_be() {
    let dir = project(&[
        ("dvc.yaml", "metrics: [m.json, n.yaml, x.toml, gone.json, ../up.json, '${m}.json', bad.json]\n"),
        ("m.json", r#"{"a": 0.10}"#),
        ("n.yaml", "a: 0.20\n"),
        ("x.toml", "a = 1\n"),
        ("bad.json", r#"{"a": NaN}"#),
    ]);
    let collected = read(dir.path());
    assert_eq!(values(&collected, "value"), ["0.10", "0.20"]);
    let metrics: Vec<_> = collected.facts().iter().map(crate::Fact::about).collect();
    assert_eq!(metrics, ["m.json:a", "n.yaml:a"]);
    let want = [
        WarningReason::Escape,
        WarningReason::NotRead,
        WarningReason::Malformed,
        WarningReason::Absent,
        WarningReason::NotRead,
    ];
    assert_eq!(reasons(&collected), want);
}

/// A project with one directory `d` of one file, whose list says `text`.
fn with_list(id: &str, text: &str) -> TempDir {
    let name = format!(".dvc/cache/files/md5/{}/{}.dir", &id[..2], &id[2..]);
    let entry = format!("outs:\n- hash: md5\n  md5: {id}.dir\n  nfiles: 1\n  path: d\n");
    project(&[("d.dvc", &entry), (&name, text)])
}

#[test]
fn a_list_must_be_that_which_the_id_names() {
    let list = format!(r#"[{{"md5": "{A}", "relpath": "x"}}]"#);
    let id = Manifest::parse(list.as_bytes()).expect("a list").id();
    assert_eq!(read(with_list(id.hex(), &list).path()).warnings(), []);
    // Spaces are not part of what is read; the id is of the text that Python would write.
    assert_eq!(read(with_list(id.hex(), &list.replace(' ', "")).path()).warnings(), []);
    assert_eq!(
        reasons(&read(with_list(id.hex(), &list.replace(A, B)).path())),
        [WarningReason::Disagreement]
    );
    assert_eq!(
        reasons(&read(with_list(id.hex(), &list.replace("x", "../x")).path())),
        [WarningReason::Malformed]
    );
    assert_eq!(reasons(&read(with_list(id.hex(), &list[1..]).path())), [WarningReason::Malformed]);
    let two = format!(r#"[{{"md5": "{A}", "relpath": "x"}}, {{"md5": "{B}", "relpath": "y"}}]"#);
    let id = Manifest::parse(two.as_bytes()).expect("a list").id();
    assert_eq!(reasons(&read(with_list(id.hex(), &two).path())), [WarningReason::Disagreement]);
}

#[test]
fn what_is_no_regular_file_of_the_project_is_a_warning() {
    let dir = project(&[
        ("ok.dvc", &out("")),
        ("sub/.dvc/config", "[core]\n"),
        ("sub/other.dvc", "bad"),
        (".git/x.dvc", "bad"),
    ]);
    let fifo =
        std::process::Command::new("mkfifo").arg(dir.path().join("pipe.dvc")).status().expect("mkfifo");
    assert!(fifo.success());
    std::fs::File::create(dir.path().join("large.dvc"))
        .and_then(|file| file.set_len(1 << 40))
        .expect("a sparse file");
    symlink("/etc/passwd", dir.path().join("link.dvc")).expect("a link");
    symlink("/etc", dir.path().join("outside")).expect("a link");
    let collected = read(dir.path());
    let seen: Vec<_> = collected.warnings().iter().map(|warning| (warning.at(), warning.reason())).collect();
    let want = [
        ("large.dvc", WarningReason::TooLarge),
        ("link.dvc", WarningReason::Malformed),
        ("pipe.dvc", WarningReason::Malformed),
    ];
    assert_eq!(seen, want);
    assert!(
        !collected
            .warnings()
            .iter()
            .any(|warning| warning.text().contains(dir.path().to_str().expect("UTF-8")))
    );
}

#[test]
fn a_cache_behind_a_link_is_not_read() {
    let list = format!(r#"[{{"md5": "{A}", "relpath": "x"}}]"#);
    let id = Manifest::parse(list.as_bytes()).expect("a list").id();
    let elsewhere = with_list(id.hex(), &list);
    let dir = with_list(id.hex(), &list);
    std::fs::remove_dir_all(dir.path().join(".dvc")).expect("remove");
    symlink(elsewhere.path().join(".dvc"), dir.path().join(".dvc")).expect("a link");
    assert!(reasons(&read(dir.path())).contains(&WarningReason::Escape));
}

#[test]
fn faults_of_a_configuration_are_warnings_and_secrets_stay_where_they_are() {
    let text = "[core]\nremote = a\n['remote \"a\"']\nurl = \"ssh://alice:s3cret@h/x\"\npassword = s3cret\n[x\nnonsense\n# url = y\n";
    let collected = config(text.as_bytes(), ".dvc/config");
    assert_eq!(values(&collected, "uri"), ["ssh://h/x"]);
    assert!(!format!("{collected:?}").contains("s3cret"));
    assert_eq!(reasons(&collected), [WarningReason::Malformed, WarningReason::Malformed]);
    assert_eq!(reasons(&config(b"\xff", "c")), [WarningReason::Malformed]);
    assert_eq!(reasons(&config("\n".repeat(70_000).as_bytes(), "c")), [WarningReason::TooLarge]);
}

#[test]
fn a_target_is_a_file_a_stage_or_a_path() {
    let entry = |path: &str, id: &str| format!("{{path: {path}, hash: md5, md5: {id}, size: 3}}");
    let lock = format!(
        "schema: '2.0'\nstages:\n  train:\n    deps: [{}, {{path: 's3://b/x', hash: md5}}]\n    outs: [{}]\n",
        entry("in", A),
        entry("out", B)
    );
    let dot_dvc = out(&format!("  md5: {A}\n"));
    let dir =
        project(&[("dvc.lock", &lock), ("sub/dvc.lock", &lock), ("x.dvc", &dot_dvc), ("d/x.dvc", &dot_dvc)]);
    let paths = |name: &str| -> Vec<(Role, String)> {
        let target = target(dir.path(), name).expect(name);
        target.tracked().iter().map(|tracked| (tracked.role(), tracked.path().to_string())).collect()
    };
    let in_out =
        |prefix: &str| vec![(Role::Input, format!("{prefix}in")), (Role::Output, format!("{prefix}out"))];
    assert_eq!(paths("train"), in_out(""));
    assert_eq!(paths("dvc.yaml:train"), in_out(""));
    assert_eq!(paths("sub/dvc.yaml:train"), in_out("sub/"));
    assert_eq!(paths("x.dvc"), [(Role::Output, "x".to_owned())]);
    assert_eq!(paths("x"), [(Role::Output, "x".to_owned())]);
    assert_eq!(paths("d/x/"), [(Role::Output, "d/x".to_owned())]);
    assert_eq!(paths("out"), [(Role::Output, "out".to_owned())]);
    let train = target(dir.path(), "train").expect("a stage");
    assert_eq!(train.elsewhere(), ["s3://b/x"]);
    let first = train.tracked().first().expect("an input");
    assert_eq!((first.bytes(), first.files(), first.line_ends()), (Some(3), None, LineEnds::Kept));
    assert_eq!(first.md5().map(Md5Id::hex), Some(A));
    assert_eq!(train.read().iter().map(crate::ReadFile::name).collect::<Vec<_>>(), ["dvc.lock"]);
    for name in ["in", "nothing", "dvc.yaml:nothing", "", "../x", "nothing:"] {
        assert!(matches!(target(dir.path(), name), Err(TargetError::NotFound { .. })), "{name}");
    }
    assert!(matches!(target(dir.path(), "gone.dvc"), Err(TargetError::Incomplete(_))));
    let sub = dir.path().join("sub");
    for name in ["../x.dvc", "../x", "../dvc.yaml:train", &format!("{}/x.dvc", dir.path().display())] {
        assert!(matches!(target(&sub, name), Err(TargetError::NotFound { .. })), "{name}");
    }
}

#[test]
fn a_target_that_is_two_things_is_none() {
    let dot_dvc = out(&format!("  md5: {A}\n"));
    let dir = project(&[("dvc.lock", "schema: '2.0'\nstages: {x: {cmd: y}}\n"), ("x.dvc", &dot_dvc)]);
    assert!(matches!(target(dir.path(), "x"), Err(TargetError::Ambiguous { matches: 2, .. })));
}

#[test]
fn a_target_needs_all_of_what_it_names() {
    let list = format!(r#"[{{"md5": "{A}", "relpath": "x"}}]"#);
    let id = Manifest::parse(list.as_bytes()).expect("a list").id();
    let good = target(with_list(id.hex(), &list).path(), "d").expect("a directory");
    let manifest = good.tracked().first().and_then(Tracked::manifest).expect("its list");
    assert_eq!(manifest.files().len(), 1);
    let bad = with_list(id.hex(), &list.replace(A, B));
    let Err(TargetError::Incomplete(warning)) = target(bad.path(), "d.dvc") else { panic!("a false list") };
    assert_eq!(warning.reason(), WarningReason::Disagreement);
    // A list that is not in the cache is nothing to complain about: the data may be there.
    let dir = project(&[("d.dvc", &format!("outs:\n- hash: md5\n  md5: {A}.dir\n  path: d\n"))]);
    assert_eq!(
        target(dir.path(), "d").expect("a directory").tracked().first().and_then(Tracked::manifest),
        None
    );
    // That of DVC 2 is found in its own place, and is no error.
    let name = format!(".dvc/cache/{}/{}.dir", &id.hex()[..2], &id.hex()[2..]);
    let dir = project(&[("d.dvc", &format!("outs:\n- md5: {id}\n  path: d\n")), (&name, &list)]);
    let target = target(dir.path(), "d").expect("a directory");
    let tracked = target.tracked().first().expect("one");
    assert_eq!((tracked.line_ends(), tracked.manifest().is_some()), (LineEnds::Unified, true));
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (dot_dvc(&bytes, "x.dvc"), lock(&bytes, "dvc.lock"), pipeline(&bytes, "dvc.yaml"), config(&bytes, "c"));
        let _ = Manifest::parse(&bytes);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "[a-c0-9:\\-\\[\\]{}'\"&*!<>|#, \n]{0,60}") {
        for head in ["", "outs:\n- ", "schema: '2.0'\nstages:\n  a:\n    ", "stages:\n  a:\n    metrics:\n    - "] {
            let text = format!("{head}{text}");
            let _ = (dot_dvc(text.as_bytes(), "x.dvc"), lock(text.as_bytes(), "dvc.lock"), pipeline(text.as_bytes(), "dvc.yaml"));
        }
    }

    #[test]
    fn a_list_has_one_id_whatever_its_order(names in proptest::collection::btree_set("[a-z\u{e4}\u{1f600}\"]{1,5}", 1..8)) {
        let line = |name: &String| serde_json::json!({"md5": A, "relpath": name});
        let forth: Vec<_> = names.iter().map(line).collect();
        let back: Vec<_> = names.iter().rev().map(line).collect();
        let id = |lines: &[serde_json::Value]| Manifest::parse(&serde_json::to_vec(lines).expect("JSON")).expect("a list").id();
        prop_assert_eq!(id(&forth), id(&back));
    }
}
