//! What each source gives for files that the real tools made: `testdata/collect/SOURCE/CASE/`, and beside it `CASE.txt`, the picture.

use std::path::{Path, PathBuf};

use collect::documents::DocumentKind;
use collect::dvc::{Target, Tracked};
use collect::registries::Registry;
use collect::{Collected, Topic};

use crate::common::{assert_as_pictured, cases, testdata};

fn compare(source: &str, read: impl Fn(&Path) -> Collected) {
    for case in cases(source) {
        assert_as_pictured(&case, &read(&case));
    }
}

/// Every key of every picture can be stated, and is explained in the README.
#[test]
fn every_key_is_in_the_table() {
    let readme = include_str!("../../README.md");
    let mut keys = std::collections::BTreeSet::new();
    for source in [
        "documents",
        "dvc",
        "environment",
        "hardware",
        "hugging-face",
        "mlflow",
        "registries",
        "wandb",
        "weights",
    ] {
        for case in cases(source) {
            let picture = std::fs::read_to_string(case.with_added_extension("txt")).expect("a picture");
            keys.extend(picture.lines().filter_map(topic_and_key));
        }
    }
    assert!(keys.len() > 100, "{} keys are too few", keys.len());
    for (topic, key) in keys {
        let is_key = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        assert!((1..=64).contains(&key.len()) && key.bytes().all(is_key), "{topic} {key}");
        assert!(Topic::from_name(&topic).is_some(), "{topic} {key}");
        assert!(
            readme.contains(&format!("| {topic} | `{key}` | ")),
            "{topic} {key} is not in collect/README.md"
        );
    }
}

/// Topic and key of a line `topic "about" key = ...`; other lines tell of files and warnings.
fn topic_and_key(line: &str) -> Option<(String, String)> {
    let (topic, rest) = line.split_once(" \"").filter(|(topic, _)| Topic::from_name(topic).is_some())?;
    let mut is_escaped = false;
    let end = rest.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    let (key, _) = rest.get(end + 2..)?.split_once(" = ")?;
    Some((topic.to_owned(), key.to_owned()))
}

#[test]
fn mlflow() {
    compare("mlflow", |case| {
        let is_model = case.join("MLmodel").exists();
        let read = if is_model {
            collect::mlflow::read_model(case)
        } else {
            collect::mlflow::read(case, Some("everything"))
        };
        read.expect("what MLflow wrote")
    });
}

#[test]
fn wandb() {
    compare("wandb", |case| collect::wandb::read(case).expect("what W&B wrote"));
}

#[test]
fn dvc() {
    compare("dvc", collect::dvc::read);
}

/// What `--dvc` names in the files of the real tool: the list of a directory has the id that DVC gave it, whatever its names.
#[test]
fn targets_of_dvc() {
    let root = testdata("dvc/pipeline");
    let names = |target: &Target| -> Vec<String> {
        target.tracked().iter().map(|tracked| format!("{:?} {}", tracked.role(), tracked.path())).collect()
    };
    let train = collect::dvc::target(&root, "train").expect("a stage");
    let want = ["Input prepared.csv", "Input src/train.py", "Output metrics.json", "Output model.bin"];
    assert_eq!(names(&train), want);
    let report = collect::dvc::target(&root, "dvc.yaml:report").expect("a stage that works elsewhere");
    assert_eq!(names(&report), ["Input metrics.json", "Output reports/report.json"]);
    for name in ["data/raw", "data/raw.dvc"] {
        let raw = collect::dvc::target(&root, name).expect("a directory");
        let manifest = raw.tracked().first().and_then(Tracked::manifest).expect("its list");
        let files: Vec<&str> = manifest.files().iter().map(|file| file.path().as_str()).collect();
        assert_eq!(files, ["a b.csv", "sub/\u{1f600}.txt", "\u{c4}rger \"x\".csv"]);
    }
}

/// A case that holds a repository of the cache is read as that repository.
#[test]
fn hugging_face() {
    compare("hugging-face", |case| {
        let repository = case.join("models--acme--churn");
        collect::hugging_face::read(if repository.is_dir() { &repository } else { case })
    });
}

/// The one file in a case.
fn only_file(case: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(case).expect("a case").map(|entry| entry.expect("an entry").path());
    let file = entries.next().expect("a file");
    assert!(entries.next().is_none(), "{} has one file", case.display());
    file
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

#[test]
fn documents() {
    compare("documents", |case| {
        let kind = match name(case) {
            "datasheet" => DocumentKind::Datasheet,
            "model-card" => DocumentKind::ModelCard,
            _ => DocumentKind::Croissant,
        };
        collect::documents::read(&only_file(case), kind)
    });
}

#[test]
fn registries() {
    compare("registries", |case| {
        let registry = match name(case) {
            "kitops" => Registry::KitOps,
            "sagemaker" => Registry::SageMaker,
            _ => Registry::Pachyderm,
        };
        collect::registries::read(&only_file(case), registry)
    });
}
