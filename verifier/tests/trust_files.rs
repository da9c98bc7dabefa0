//! Every file below `testdata/trust`: `accept/NAME.toml`, and `reject/VARIANT.NAME.toml` with the error it must give.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use verifier::Requirements;
use verifier::requirements::MAX_TRUST_BYTES;

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
    let file = vec![b'#'; MAX_TRUST_BYTES + 1];
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

/// Takes a minute if finding a line takes time in proportion to its offset.
#[test]
fn thousands_of_publishers_are_read_in_a_moment() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept/plain/trust.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let (head, publisher) = text.split_at(text.find("[[publisher]]").unwrap());
    let publisher = format!("{}\n", publisher.trim_end());
    let count = (MAX_TRUST_BYTES - head.len()) / publisher.len();
    let text = [head, &publisher.repeat(count)].concat();
    let requirements = Requirements::parse(text.as_bytes()).unwrap();
    let last = requirements.publishers().last().unwrap().line();
    assert_eq!(requirements.publishers().len(), count);
    let first = requirements.publishers().first().unwrap().line();
    assert_eq!(last - first, (count - 1) * publisher.lines().count());
}
