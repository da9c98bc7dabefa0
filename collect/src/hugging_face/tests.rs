use std::os::unix::fs::symlink;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const COMMIT: &str = "1d5a9ea81c070fa9a738df29ec20c7a8a5eb4320";
const SHA256: &str = "657d4ebf182691763c1355225159516f7fb82075ff20b05534f98cee7c201f59";
const BLOB: &str = "ea7ce31a774e1e4ecc1861aad6f84ebe6fa4ed08";

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
    std::fs::write(path, text).expect("write");
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    files.iter().for_each(|(name, text)| write(dir.path(), name, text));
    dir
}

/// A cache with one repository, and the path of its one snapshot, which is empty.
fn cache() -> (TempDir, std::path::PathBuf) {
    let dir = folder(&[("models--acme--churn/refs/main", COMMIT), ("secret", "s")]);
    let snapshot = dir.path().join("models--acme--churn/snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).expect("directories");
    std::fs::create_dir_all(dir.path().join("models--acme--churn/blobs")).expect("directories");
    (dir, snapshot)
}

fn reasons(collected: &Collected) -> Vec<WarningReason> {
    collected.warnings().iter().map(crate::Warning::reason).collect()
}

fn values(collected: &Collected, key: &str) -> Vec<String> {
    collected.facts().iter().filter(|fact| fact.key() == key).map(|fact| fact.value().to_text()).collect()
}

#[test]
fn a_card_may_say_one_thing_or_several() {
    let collected =
        card(b"---\nbase_model: acme/base\nlanguage: no\nlicense: [mit, other]\n---\n", "README.md");
    assert_eq!(collected.warnings(), []);
    assert_eq!(values(&collected, "name"), ["acme/base"]);
    assert_eq!(values(&collected, "language"), ["no"]);
    assert_eq!(values(&collected, "license"), ["mit", "other"]);
    assert!(card(b"# No YAML here\n", "README.md").facts().is_empty());
}

#[test]
fn a_base_on_somebody_s_disk_is_personal() {
    let collected = card(b"---\nbase_model: /home/alice/base\n---\n", "README.md");
    let base = collected.facts().first().expect("a base");
    assert_eq!((base.about(), base.privacy()), ("/home/alice/base", Privacy::Personal));
    let text = br#"{"base_model_name_or_path": "../base", "revision": null, "peft_type": "LORA"}"#;
    let collected = adapter(text, "adapter_config.json");
    let personal: Vec<_> = collected.facts().iter().map(|fact| (fact.key(), fact.privacy())).collect();
    let want = [("name", Privacy::Personal), ("relation", Privacy::Personal), ("adapter", Privacy::Public)];
    assert_eq!(personal, want);
}

#[test]
fn each_fault_of_a_card_has_its_reason() {
    for (text, reason) in [
        ("---\nlicense: mit\n", WarningReason::Malformed),
        ("---\nlicense: mit\nlicense: mit\n---\n", WarningReason::Malformed),
        ("---\n- a\n---\n", WarningReason::Malformed),
        ("---\nlicense: {a: b}\n---\n", WarningReason::Malformed),
        ("---\ntags: [[a]]\n---\n", WarningReason::Malformed),
        ("---\nmodel-index: x\n---\n", WarningReason::Malformed),
        ("---\nmodel-index: [{results: [{metrics: [{value: 1}]}]}]\n---\n", WarningReason::Malformed),
        ("---\nmodel-index: [{results: [{metrics: [{type: f1}]}]}]\n---\n", WarningReason::Malformed),
    ] {
        assert_eq!(reasons(&card(text.as_bytes(), "README.md")), [reason], "{text}");
    }
    assert_eq!(reasons(&card(b"---\nlicense: \xff\n---\n", "README.md")), [WarningReason::Malformed]);
    let deep = format!("---\na: {}1{}\n---\n", "[".repeat(70), "]".repeat(70));
    assert_eq!(card(deep.as_bytes(), "README.md").warnings().len(), 1);
    let long = format!("---\nlicense: {}\n---\n", "x".repeat(5000));
    assert_eq!(reasons(&card(long.as_bytes(), "README.md")), [WarningReason::TooLarge]);
}

#[test]
fn a_metric_of_several_values_is_several_metrics() {
    let text = "---\nmodel-index: [{results: [{dataset: {type: d}, metrics: [{type: f1, value: {a: 0.10, b: 1}}]}]}]\n---\n";
    let collected = card(text.as_bytes(), "README.md");
    let metrics: Vec<_> =
        collected.facts().iter().filter(|fact| fact.key() == "value").map(crate::Fact::about).collect();
    assert_eq!(metrics, ["f1 (d): a", "f1 (d): b"]);
}

#[test]
fn each_fault_of_a_json_file_has_its_reason() {
    for text in
        ["[]", "{", r#"{"a":1,"a":1}"#, r#"{"auto_map": "x"}"#, r#"{"quantization_config": 8}"#, "\u{feff}{}"]
    {
        assert_eq!(
            reasons(&configuration(text.as_bytes(), "config.json")),
            [WarningReason::Malformed],
            "{text}"
        );
    }
    for text in ["[]", "", r#"{"peft_type": ["LORA"]}"#] {
        assert_eq!(reasons(&adapter(text.as_bytes(), "a.json")), [WarningReason::Malformed], "{text}");
    }
    for text in ["[]", "{}", r#"{"weight_map": {"a": 1}}"#, r#"{"weight_map": ["a"]}"#] {
        assert_eq!(reasons(&weight_index(text.as_bytes(), "i.json")), [WarningReason::Malformed], "{text}");
    }
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(reasons(&configuration(deep.as_bytes(), "config.json")), [WarningReason::TooLarge]);
}

#[test]
fn remote_code_of_a_list_leaves_out_what_there_is_none_of() {
    let text = br#"{"auto_map": {"AutoTokenizer": ["tok.Slow", null], "AutoModel": "m.M"}}"#;
    assert_eq!(values(&configuration(text, "config.json"), "remote-code"), ["m.M", "tok.Slow"]);
}

#[test]
fn weights_that_an_index_names_must_be_there() {
    let index = r#"{"weight_map": {"a": "a.safetensors", "b": "b.safetensors", "c": "../c.safetensors", "d": "link"}}"#;
    let dir = folder(&[("model.safetensors.index.json", index), ("a.safetensors", "")]);
    symlink("a.safetensors", dir.path().join("link")).expect("a link");
    let want = [WarningReason::Escape, WarningReason::Absent, WarningReason::Absent];
    assert_eq!(reasons(&read(dir.path())), want);
}

#[test]
fn each_fault_of_a_record_has_its_reason() {
    let good = format!("{COMMIT}\n{SHA256}\n1764230400.25\n");
    assert_eq!(download_record(good.as_bytes(), "a.metadata").warnings(), []);
    for (text, reason) in [
        (String::new(), WarningReason::Malformed),
        (format!("{COMMIT}\n{SHA256}\n"), WarningReason::Malformed),
        (format!("{good}more\n"), WarningReason::Malformed),
        (good.replace(COMMIT, "main"), WarningReason::Malformed),
        (good.replace(SHA256, "\"abc\""), WarningReason::WeakDigest),
        (good.replace(SHA256, &SHA256[..63]), WarningReason::WeakDigest),
        (good.replace("1764230400.25", "now"), WarningReason::Malformed),
    ] {
        assert_eq!(reasons(&download_record(text.as_bytes(), "a.metadata")), [reason], "{text}");
    }
    assert_eq!(reasons(&download_record(b"\xff\n\xff\n\xff\n", "a.metadata")), [WarningReason::Malformed]);
}

#[test]
fn records_are_held_against_the_files_and_each_other() {
    let record = |commit: &str| format!("{commit}\n{SHA256}\n1\n");
    let records = ".cache/huggingface/download";
    let one = |path: &str| format!("{records}/{path}.metadata");
    let dir = folder(&[(&one("a"), &record(COMMIT)), (&one("d/b"), &record(COMMIT)), ("a", ""), ("d/b", "")]);
    let collected = read(dir.path());
    assert_eq!(collected.warnings(), []);
    assert_eq!(values(&collected, "revision"), [format!("gitCommit:{COMMIT}")]);
    std::fs::remove_file(dir.path().join("a")).expect("remove");
    assert_eq!(reasons(&read(dir.path())), [WarningReason::Absent]);
    let dir = folder(&[(&one("a"), &record(COMMIT)), (&one("b"), &record(BLOB)), ("a", ""), ("b", "")]);
    assert_eq!(reasons(&read(dir.path())), [WarningReason::Disagreement]);
    let list = format!(r#"{{"format_version": 1, "files": {{"a": {{"size": 1, "blob_id": "{BLOB}"}}}}}}"#);
    let lists = format!(".cache/huggingface/trees/{COMMIT}.json");
    let dir = folder(&[(&one("a"), &record(COMMIT)), ("a", ""), (&lists, &list)]);
    assert_eq!(reasons(&read(dir.path())), [WarningReason::Disagreement]);
    let dir = folder(&[(&one("a"), &record(COMMIT)), ("a", ""), (&lists, &list.replace('1', "2"))]);
    assert_eq!(reasons(&read(dir.path())), [WarningReason::UnknownVersion]);
}

#[test]
fn a_link_leads_to_a_blob_of_its_own_repository_or_nowhere() {
    let (dir, snapshot) = cache();
    let blobs = dir.path().join("models--acme--churn/blobs");
    write(&blobs, SHA256, "---\nlicense: mit\n---\n");
    symlink(format!("../../blobs/{SHA256}"), snapshot.join("README.md")).expect("a link");
    let collected = read(&snapshot);
    assert_eq!(collected.warnings(), []);
    assert_eq!(values(&collected, "license"), ["mit"]);
    assert_eq!(values(&collected, "digest"), [format!("sha256:{SHA256}")]);
    assert_eq!(values(&collected, "ref"), ["main"]);
    for (target, reason) in [
        ("../../../secret", WarningReason::Escape),
        ("../../../../../../../etc/passwd", WarningReason::Escape),
        ("/etc/passwd", WarningReason::Escape),
        ("README.md", WarningReason::Escape),
        ("../../refs/main", WarningReason::Escape),
        ("../../blobs", WarningReason::Escape),
        ("../../blobs/../refs/main", WarningReason::Escape),
        ("../../../models--acme--other/blobs/x", WarningReason::Escape),
        ("../../blobs/gone", WarningReason::Absent),
        ("../../blobs/weak", WarningReason::WeakDigest),
        ("../../blobs/link", WarningReason::Escape),
        ("../../blobs/directory", WarningReason::Escape),
    ] {
        let (dir, snapshot) = cache();
        let blobs = dir.path().join("models--acme--churn/blobs");
        write(&blobs, "weak", "");
        write(&blobs, "directory/x", "");
        symlink("../../secret", blobs.join("link")).expect("a link");
        symlink(target, snapshot.join("config.json")).expect("a link");
        let collected = read(&snapshot);
        assert!(reasons(&collected).contains(&reason), "{target}: {:?}", collected.warnings());
        assert!(
            reason == WarningReason::WeakDigest
                || !collected.files().iter().any(|file| file.name() == "config.json")
        );
    }
}

#[test]
fn what_lies_in_a_snapshot_without_being_a_link_or_a_file_is_a_warning() {
    let (_dir, snapshot) = cache();
    let fifo =
        std::process::Command::new("mkfifo").arg(snapshot.join("config.json")).status().expect("mkfifo");
    assert!(fifo.success());
    assert_eq!(reasons(&read(&snapshot)), [WarningReason::Malformed, WarningReason::Malformed]);
}

#[test]
fn blobs_behind_a_link_are_no_blobs() {
    let (dir, snapshot) = cache();
    let blobs = dir.path().join("models--acme--churn/blobs");
    std::fs::remove_dir(&blobs).expect("remove");
    write(dir.path(), &format!("elsewhere/{SHA256}"), "{}");
    symlink("../elsewhere", &blobs).expect("a link");
    symlink(format!("../../blobs/{SHA256}"), snapshot.join("config.json")).expect("a link");
    let collected = read(&snapshot);
    // Below a link there is nothing.
    assert_eq!(reasons(&collected), [WarningReason::Absent]);
    assert!(collected.files().iter().all(|file| file.name() != "config.json"));
}

#[test]
fn a_blob_that_repositories_share_is_named_and_not_read() {
    let (dir, snapshot) = cache();
    let hash = "ce79aacf07a78679bd57f574955749c253990731c3c85174fbb972d0e35ac77f";
    write(dir.path(), &format!("blobs/ce/{hash}"), "{}");
    let blobs = dir.path().join("models--acme--churn/blobs");
    symlink(format!("../../blobs/ce/{hash}"), blobs.join(SHA256)).expect("a link");
    symlink(format!("../../blobs/{SHA256}"), snapshot.join("model.safetensors")).expect("a link");
    let collected = read(&snapshot);
    assert_eq!(collected.warnings(), []);
    assert_eq!(values(&collected, "digest"), [format!("sha256:{SHA256}")]);
    symlink(format!("../../blobs/{SHA256}"), snapshot.join("config.json")).expect("a link");
    assert_eq!(reasons(&read(&snapshot)), [WarningReason::NotRead]);
    // A store of another shape is none.
    std::fs::remove_file(blobs.join(SHA256)).expect("remove");
    symlink("../../secret", blobs.join(SHA256)).expect("a link");
    assert!(reasons(&read(&snapshot)).contains(&WarningReason::Escape));
}

#[test]
fn a_snapshot_is_held_against_the_list_of_its_commit() {
    let (dir, snapshot) = cache();
    let repository = dir.path().join("models--acme--churn");
    write(&repository, &format!("blobs/{SHA256}"), "");
    symlink(format!("../../blobs/{SHA256}"), snapshot.join("a")).expect("a link");
    write(&snapshot, "copy", "");
    let list = format!(
        r#"{{"format_version": 1, "files": {{"a": {{"size": 1, "blob_id": "{BLOB}"}}, "copy": {{"size": 2, "blob_id": "{BLOB}"}}, "gone": {{"size": 3, "blob_id": "{BLOB}"}}}}}}"#
    );
    write(&repository, &format!("trees/{COMMIT}.json"), &list);
    let collected = read(&snapshot);
    assert_eq!(reasons(&collected), [WarningReason::Disagreement]);
    assert_eq!(values(&collected, "digest"), [format!("sha256:{SHA256}"), format!("gitBlob:{BLOB}")]);
    assert_eq!(values(&collected, "not-downloaded"), ["3"]);
    write(&repository, &format!("trees/{COMMIT}.json"), &list.replace(BLOB, "beef"));
    assert!(
        reasons(&read(&snapshot))
            .iter()
            .all(|reason| { matches!(reason, WarningReason::WeakDigest | WarningReason::Disagreement) })
    );
}

#[test]
fn a_repository_is_read_if_there_is_no_choice() {
    let (dir, snapshot) = cache();
    let repository = dir.path().join("models--acme--churn");
    assert_eq!(values(&read(&repository), "repository"), ["acme/churn"]);
    std::fs::create_dir(repository.join("snapshots").join(BLOB)).expect("a directory");
    assert_eq!(reasons(&read(&repository)), [WarningReason::NotRead]);
    std::fs::remove_dir_all(repository.join("snapshots")).expect("remove");
    assert_eq!(reasons(&read(&repository)), [WarningReason::Absent]);
    std::fs::create_dir_all(snapshot.with_file_name("main")).expect("a directory");
    assert_eq!(reasons(&read(&snapshot.with_file_name("main"))), [WarningReason::Malformed]);
}

#[test]
fn a_dataset_is_data() {
    let dir = tempfile::tempdir().expect("a directory");
    let repository = dir.path().join("datasets--acme--calls");
    write(&repository, &format!("blobs/{BLOB}"), "---\nlicense: mit\n---\n");
    std::fs::create_dir_all(repository.join("snapshots").join(COMMIT)).expect("a directory");
    symlink(format!("../../blobs/{BLOB}"), repository.join("snapshots").join(COMMIT).join("README.md"))
        .expect("a link");
    let collected = read(&repository);
    assert_eq!(collected.warnings(), []);
    let facts: Vec<_> =
        collected.facts().iter().map(|fact| (fact.topic(), fact.about(), fact.key())).collect();
    let name = "acme/calls";
    let want = [
        (Topic::Data, name, "repository"),
        (Topic::Data, name, "revision"),
        (Topic::Data, "acme/calls/README.md", "digest"),
        (Topic::Data, name, "license"),
    ];
    assert_eq!(facts, want);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(reasons(&read(&dir.path().join("gone"))), [WarningReason::Absent]);
    std::fs::File::create(dir.path().join("README.md"))
        .and_then(|file| file.set_len(1 << 40))
        .expect("a sparse file");
    assert_eq!(reasons(&read(dir.path())), [WarningReason::TooLarge]);
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (card(&bytes, "a"), configuration(&bytes, "a"), weight_index(&bytes, "a"), adapter(&bytes, "a"));
        let _ = (download_record(&bytes, "a"), listing(&bytes, "a"));
    }

    #[test]
    fn no_card_makes_a_reader_panic(text in "[a-c0-9:\\-\\[\\]{}'\"&*|#, \n]{0,60}") {
        for head in ["---\n", "---\nmodel-index:\n- results:\n  - metrics:\n    - ", "---\nbase_model: "] {
            let _ = card(format!("{head}{text}\n---\n").as_bytes(), "README.md");
        }
    }

    #[test]
    fn no_json_makes_a_reader_panic(text in "[a-c0-9:\\[\\]{}\",]{0,60}") {
        for head in [r#"{"auto_map":"#, r#"{"weight_map":"#, r#"{"format_version":1,"files":"#] {
            let text = format!("{head}{text}}}");
            let _ = (configuration(text.as_bytes(), "a"), weight_index(text.as_bytes(), "a"), listing(text.as_bytes(), "a"));
        }
    }
}
