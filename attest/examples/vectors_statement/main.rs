//! Makes the cases of `testdata/statement` about datasets, evaluations, events, scans and verdicts, and those about private values: `cargo
//! xtask vectors`.
//!
//! What our writer makes goes to `canonical/`. A case to refuse is one of those with one text in it replaced, and goes to
//! `reject/REASON/`. Other cases about provenance were made by hand and are not touched.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a generator fails by panicking")]

mod dataset;
mod evaluation;
mod event;
mod private;
mod scan;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};

use attest::model_name::{ModelName, VersionLabel};
use attest::tree::TreeDigest;

/// One kind of statement.
struct Kind {
    /// What file names begin with.
    prefix: &'static str,
    /// Name and bytes of what is written like this.
    canonical: Vec<(&'static str, Vec<u8>)>,
    /// What is read all the same.
    accept: Vec<Edit>,
    /// What is refused, and for which reason.
    reject: Vec<(&'static str, Edit)>,
}

/// A canonical statement with one text replaced.
struct Edit {
    name: &'static str,
    of: &'static str,
    from: &'static str,
    to: String,
}

fn edit(name: &'static str, of: &'static str, from: &'static str, to: impl Into<String>) -> Edit {
    Edit { name, of, from, to: to.into() }
}

impl Kind {
    fn write(&self, folder: &Path, first: &str) {
        for (name, bytes) in &self.canonical {
            self.put(&folder.join(first), name, bytes);
        }
        for edit in &self.accept {
            self.put(&folder.join("accept"), edit.name, &self.edited(edit));
        }
        for (reason, edit) in &self.reject {
            self.put(&folder.join("reject").join(reason), edit.name, &self.edited(edit));
        }
    }

    fn edited(&self, edit: &Edit) -> Vec<u8> {
        let of = self.canonical.iter().find(|(name, _)| *name == edit.of);
        let (_, bytes) = of.unwrap_or_else(|| panic!("{} is made of {}", edit.name, edit.of));
        let text = std::str::from_utf8(bytes).unwrap();
        assert_eq!(text.matches(edit.from).count(), 1, "{}: {:?} in {text}", edit.name, edit.from);
        text.replacen(edit.from, &edit.to, 1).into_bytes()
    }

    fn put(&self, folder: &Path, name: &str, bytes: &[u8]) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(format!("{}-{name}.json", self.prefix)), bytes).unwrap();
    }
}

fn model() -> (ModelName, VersionLabel, TreeDigest) {
    let digest = "27e7d029ff82bf6664452176bccc2d9f249c9ae769a766095c8cffdf12fc0a5a";
    ("acme/churn".parse().unwrap(), "2025.1".parse().unwrap(), digest.parse().unwrap())
}

fn main() {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).unwrap();
    for kind in [dataset::kind(), evaluation::kind(), event::kind(), scan::kind(), verdict::kind()] {
        kind.write(&folder, "canonical");
    }
    // The writer hides nothing: who reads them and writes them again has to say which values are private.
    private::kind(&folder).write(&folder, "accept");
}
