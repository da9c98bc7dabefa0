//! Every file below `testdata/trust`: `accept/NAME.toml`, and `reject/VARIANT.NAME.toml` with the error it must give.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use verifier::Requirements;

fn files(of: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/trust").join(of);
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no file in {}", folder.display());
    files
}

#[test]
fn every_file_to_accept_is_read() {
    for path in files("accept") {
        let requirements = Requirements::parse(&std::fs::read(&path).unwrap());
        assert!(requirements.is_ok(), "{}: {}", path.display(), requirements.unwrap_err());
    }
}

#[test]
fn every_file_to_reject_gives_the_error_in_its_name() {
    for path in files("reject") {
        let error = Requirements::parse(&std::fs::read(&path).unwrap()).unwrap_err();
        let name = path.file_name().unwrap().to_str().unwrap();
        let variant = format!("{error:?}");
        let variant = variant.split([' ', '{']).next();
        assert_eq!(variant, name.split('.').next(), "{name}: {error}");
    }
}

#[test]
fn an_error_names_the_line_of_the_fault() {
    for path in files("reject") {
        let bytes = std::fs::read(&path).unwrap();
        let error = Requirements::parse(&bytes).unwrap_err().to_string();
        let Some(fault) = String::from_utf8_lossy(&bytes).lines().position(|line| line.ends_with("# here"))
        else {
            continue;
        };
        assert!(error.starts_with(&format!("line {}:", fault + 1)), "{}: {error}", path.display());
    }
}

#[test]
fn a_file_above_the_limit_is_refused() {
    let file = vec![b'#'; verifier::requirements::MAX_TRUST_BYTES + 1];
    let error = Requirements::parse(&file).unwrap_err();
    assert_eq!(error.to_string(), "1048577 bytes, wanted at most 1048576");
}

#[test]
fn a_publisher_knows_its_line() {
    let [path, ..] = &files("accept")[..] else { unreachable!("not empty") };
    let text = std::fs::read_to_string(path).unwrap();
    let requirements = Requirements::parse(text.as_bytes()).unwrap();
    for publisher in requirements.publishers() {
        let line = text.lines().nth(publisher.line() - 1).unwrap();
        assert!(line.contains(publisher.pattern().as_str()), "{line}");
    }
}
