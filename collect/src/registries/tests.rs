use proptest::prelude::*;

use super::*;
use crate::{Privacy, Topic};

fn reasons(collected: &Collected) -> Vec<WarningReason> {
    collected.warnings().iter().map(crate::Warning::reason).collect()
}

fn values(collected: &Collected, key: &str) -> Vec<String> {
    collected.facts().iter().filter(|fact| fact.key() == key).map(|fact| fact.value().to_text()).collect()
}

#[test]
fn each_fault_of_a_model_package_has_its_reason() {
    let package = |members: &str| format!(r#"{{"ModelPackageGroupName": "g", {members}}}"#);
    for (text, reason) in [
        (String::new(), WarningReason::Malformed),
        ("{}".to_owned(), WarningReason::Malformed),
        ("[]".to_owned(), WarningReason::Malformed),
        (package(r#""Task": "a", "Task": "b""#), WarningReason::Malformed),
        (package(r#""ModelApprovalStatus": ["Approved"]"#), WarningReason::Malformed),
        (package(r#""CustomerMetadataProperties": {"a": {}}"#), WarningReason::Malformed),
        (package(r#""CustomerMetadataProperties": [1]"#), WarningReason::Malformed),
        (package(r#""MetadataProperties": {"CommitId": "9a3e"}"#), WarningReason::WeakDigest),
        (package(r#""InferenceSpecification": {"Containers": {}}"#), WarningReason::Malformed),
        (
            package(r#""InferenceSpecification": {"Containers": [{"ImageDigest": "sha256:9a3e"}]}"#),
            WarningReason::WeakDigest,
        ),
        (
            package(r#""InferenceSpecification": {"Containers": [{"ImageDigest": 7}]}"#),
            WarningReason::WeakDigest,
        ),
        (package(&format!(r#""Task": {}{}"#, "[".repeat(100), "]".repeat(100))), WarningReason::TooLarge),
    ] {
        assert_eq!(reasons(&sagemaker(text.as_bytes(), "p.json")), [reason], "{text}");
    }
    assert_eq!(reasons(&sagemaker(b"{\"a\": \"\xff\"}", "p.json")), [WarningReason::Malformed]);
}

#[test]
fn people_and_accounts_of_a_model_package_are_personal() {
    let text = r#"{"ModelPackageArn": "arn:x", "CreatedBy": {"UserProfileArn": "arn:u"}, "LastModifiedBy": {},
        "CustomerMetadataProperties": {"owner": "alice"}, "MetadataProperties": {"GeneratedBy": "arn:j"}}"#;
    let collected = sagemaker(text.as_bytes(), "p.json");
    assert_eq!(collected.warnings(), []);
    assert!(collected.facts().iter().all(|fact| fact.privacy() == Privacy::Personal), "{collected:?}");
    assert_eq!(collected.facts().len(), 3);
}

#[test]
fn each_fault_of_a_kitfile_has_its_reason() {
    let kit = |text: &str| format!("manifestVersion: v1.0.0\n{text}\n");
    for (text, reason) in [
        (String::new(), WarningReason::UnknownVersion),
        ("manifestVersion: 2.0.0\n".to_owned(), WarningReason::UnknownVersion),
        ("- a\n".to_owned(), WarningReason::UnknownVersion),
        (kit("package: {name: a, name: b}"), WarningReason::Malformed),
        (kit("package: {name: [a]}"), WarningReason::Malformed),
        (kit("package: {authors: {a: b}}"), WarningReason::Malformed),
        (kit("datasets: x"), WarningReason::Malformed),
        (kit("datasets: [{path: ../x}]"), WarningReason::Escape),
        (kit("model: {path: /etc/passwd}"), WarningReason::Escape),
        (kit("model: {parts: [{path: a/../../b}]}"), WarningReason::Escape),
        (kit("datasets: [{name: a, remoteHash: testhash}]"), WarningReason::WeakDigest),
        (kit("model: {name: [a"), WarningReason::Malformed),
    ] {
        assert_eq!(reasons(&kitfile(text.as_bytes(), "Kitfile")), [reason], "{text}");
    }
    let deep = kit(&format!("model: {{parameters: {}{}}}", "[".repeat(70), "]".repeat(70)));
    assert_eq!(kitfile(deep.as_bytes(), "Kitfile").warnings().len(), 1);
    assert_eq!(reasons(&kitfile(b"manifestVersion: \xff", "Kitfile")), [WarningReason::Malformed]);
}

#[test]
fn authors_are_personal_and_numbers_stay_as_they_are_written() {
    let text = "manifestVersion: 1.0\npackage: {version: 1.10, authors: [a <a@example.org>]}\nmodel: {parameters: {lr: 1e-05, id: 12e45}}\n";
    let collected = kitfile(text.as_bytes(), "Kitfile");
    assert_eq!(values(&collected, "version"), ["1.10"]);
    assert_eq!(values(&collected, "value"), ["12e45", "1e-05"]);
    let author = collected.facts().iter().find(|fact| fact.topic() == Topic::Custody).expect("an author");
    assert_eq!(author.privacy(), Privacy::Personal);
}

#[test]
fn a_pachyderm_commit_is_an_id_or_json() {
    let id = "8248d97632874103823c7603fb8c851c";
    for text in
        [id.to_owned(), format!("{id}\n"), format!(" {id} \n"), format!(r#"{{"commit": {{"id": "{id}"}}}}"#)]
    {
        let collected = pachyderm(text.as_bytes(), "commit");
        assert_eq!(
            (collected.warnings(), values(&collected, "revision")),
            (&[][..], vec![id.to_owned()]),
            "{text}"
        );
    }
    let old = format!(
        r#"{{"commit": {{"id": "{id}", "branch": {{"name": "m", "repo": {{"name": "r"}}}}}}, "parent_commit": {{"id": "x"}}}}"#
    );
    let collected = pachyderm(old.as_bytes(), "commit");
    assert_eq!(collected.facts().first().map(crate::Fact::about), Some("r"));
    assert_eq!(values(&collected, "parent"), ["x"]);
    for text in
        ["", &id[1..], &id.to_uppercase(), &format!("{id}0"), "{}", "{", r#"{"commit": {"id": 12}}"#, "[]"]
    {
        assert_eq!(reasons(&pachyderm(text.as_bytes(), "commit")), [WarningReason::Malformed], "{text}");
    }
    assert_eq!(reasons(&pachyderm(b"\xff", "commit")), [WarningReason::Malformed]);
}

#[test]
fn what_is_no_file_is_a_warning() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(reasons(&read(&dir.path().join("gone"), Registry::KitOps)), [WarningReason::Absent]);
    assert_eq!(reasons(&read(dir.path(), Registry::SageMaker)), [WarningReason::Malformed]);
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    assert_eq!(reasons(&read(&pipe, Registry::Pachyderm)), [WarningReason::Malformed]);
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (sagemaker(&bytes, "a"), kitfile(&bytes, "a"), pachyderm(&bytes, "a"));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "[a-c0-9:\\[\\]{}\", \n-]{0,60}") {
        for head in ["manifestVersion: 1\nmodel: ", "manifestVersion: 1\ndatasets:\n- "] {
            let _ = kitfile(format!("{head}{text}").as_bytes(), "a");
        }
        let _ = sagemaker(format!(r#"{{"ModelPackageArn":"a","InferenceSpecification":{text}}}"#).as_bytes(), "a");
        let _ = pachyderm(format!(r#"{{"commit":{text}}}"#).as_bytes(), "a");
    }
}
