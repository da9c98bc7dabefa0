//! Finding cases, and naming errors as their folders do.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use tlog::vkey::Vkey;

/// A file or folder with the bytes of one case.
pub(crate) struct Case {
    path: PathBuf,
    /// The folder it lies in: for a case to refuse, the name of the error.
    pub(crate) folder: String,
}

impl Case {
    /// The bytes of the case, or of a file in it.
    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path.join(file)).unwrap_or_else(|error| panic!("{self}/{file}: {error}"))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    pub(crate) fn text(&self, file: &str) -> String {
        String::from_utf8(self.read(file)).unwrap()
    }

    /// The only line of the case, without its line feed.
    pub(crate) fn line(&self) -> String {
        let text = String::from_utf8(self.bytes()).unwrap();
        text.strip_suffix('\n').unwrap_or_else(|| panic!("{self} has no line feed")).to_owned()
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.path.join(file).exists()
    }

    pub(crate) fn name(&self) -> &str {
        self.path.file_name().unwrap().to_str().unwrap()
    }

    pub(crate) fn vkeys(&self, file: &str) -> Vec<Vkey> {
        self.text(file).lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Fails unless the case was refused with the error that its folder is named by.
    #[track_caller]
    pub(crate) fn refused<T, E: Debug>(&self, result: Result<T, E>) {
        match result {
            Ok(_) => panic!("{self} was accepted"),
            Err(error) => assert_eq!(name_of(&error), self.folder, "{self}: {error:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn accepted<T, E: Debug>(&self, result: Result<T, E>) -> T {
        result.unwrap_or_else(|error| panic!("{self}: {error:?}"))
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

/// Everything in `testdata/<folder>`.
pub(crate) fn list(folder: &str) -> Vec<Case> {
    listed(&Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata")).join(folder))
}

/// Everything in the folders of `testdata/<folder>`, which are named by errors.
pub(crate) fn list_refused(folder: &str) -> Vec<Case> {
    list(folder).iter().flat_map(|error| listed(&error.path)).collect()
}

fn listed(folder: &Path) -> Vec<Case> {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.into_iter().map(|path| Case { path, folder: name.to_owned() }).collect()
}

/// `Signature { line: 1, source: Base64 { source: Base64 } }` is called `Signature.Base64.Base64`.
fn name_of(error: &impl Debug) -> String {
    let mut rest = format!("{error:?}");
    let mut names = Vec::new();
    loop {
        let end = rest.find([' ', '(']).unwrap_or(rest.len());
        names.push(rest[..end].trim_end_matches(['}', ' ']).to_owned());
        match rest.split_once("source: ") {
            Some((_, inner)) => rest = inner.trim_end_matches([' ', '}']).to_owned(),
            None => return names.join("."),
        }
    }
}
