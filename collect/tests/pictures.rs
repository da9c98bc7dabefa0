//! What each source gives for files that the real tools made: `testdata/collect/SOURCE/CASE/`, and beside it `CASE.txt`, a line for
//! each file, fact and warning.
//!
//! The lines are words, not a format: `PICTURES=overwrite cargo test -p collect --test pictures` writes them anew, to be read in review.

#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use collect::documents::DocumentKind;
use collect::dvc::{Target, Tracked};
use collect::registries::Registry;
use collect::{Collected, Privacy};

fn picture(collected: &Collected) -> String {
    let mut text = String::new();
    for file in collected.files() {
        writeln!(text, "file {} of {} bytes", file.name(), file.bytes()).expect("a String takes everything");
    }
    for fact in collected.facts() {
        let topic = fact.topic().as_str();
        let personal = if fact.privacy() == Privacy::Personal { ", personal" } else { "" };
        let value = fact.value().to_text();
        let (about, key, grade, at) = (fact.about(), fact.key(), fact.grade(), fact.at());
        writeln!(text, "{topic} {about:?} {key} = {value:?}, {grade}{personal}, {at}")
            .expect("a String takes everything");
    }
    for warning in collected.warnings() {
        writeln!(text, "warning {warning}").expect("a String takes everything");
    }
    text
}

/// Compares the picture of each case of a source. A source without cases fails: then the folder has moved.
fn compare(source: &str, read: impl Fn(&Path) -> Collected) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/collect").join(source);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("a folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "txt"))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case of {source}");
    for case in cases {
        let seen = picture(&read(&case));
        let mut name = case.clone().into_os_string();
        name.push(".txt");
        if std::env::var("PICTURES").is_ok_and(|how| how == "overwrite") {
            std::fs::write(&name, &seen).expect("write");
        }
        let wanted = std::fs::read_to_string(&name).unwrap_or_default();
        assert!(seen == wanted, "{}\nseen\n{seen}\nwanted\n{wanted}", case.display());
    }
}

#[test]
fn dvc() {
    compare("dvc", collect::dvc::read);
}

/// What `--dvc` names in the files of the real tool: the list of a directory has the id that DVC gave it, whatever its names.
#[test]
fn targets_of_dvc() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/collect/dvc/pipeline");
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
