//! The only module here that touches the disk: every file of a model, in the order of their paths.
//!
//! Which files count is decided where trees are hashed ([`attest::scan`]), so that none is signed and not looked at, or the reverse.
//!
//! What is trusted: the operating system. Each file is opened anew by its path; whoever can write to the directory meanwhile can show this
//! module other bytes than those that are loaded. A caller who signs a report takes an [`attest::scan::Snapshot`]
//! before and hashes it afterwards, which fails if a file is not as it was before this module read it.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use attest::inert::is_inert;
use attest::model_path::ModelPath;
use attest::oms::Symlinks;
use attest::scan::{ScanError, Survey};

use crate::format::Format;
use crate::inspect::{inspect, inspect_shapes};
use crate::name::may_be_onnx_data;
use crate::outline::Outline;
use crate::reason::Reason;
use crate::report::{FileReport, Report};
use crate::rules::Rules;
use crate::stream::Source;

/// Most files of a model that are looked at.
pub const MAX_FILES: usize = 100_000;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// A file could not be read. No judgement on it.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing to look at, which is no yes.
    #[error("{path} has no files of a model, want at least one")]
    NoFiles {
        /// The directory.
        path: PathBuf,
    },
    /// More files than [`MAX_FILES`].
    #[error("{seen} files, want at most 100000")]
    TooManyFiles {
        /// Files seen.
        seen: usize,
    },
    /// What lies there is not a model, or could not be walked.
    #[error("the model could not be walked")]
    Walk {
        /// Why.
        #[from]
        source: ScanError,
    },
}

/// Looks at all files of a model: a directory, or a single file under the name it has. Who signs the report takes a snapshot
/// before, and hashes it afterwards.
///
/// # Errors
/// See [`GateError`]; nothing is skipped but inert paths.
pub fn scan(root: &Path, rules: &Rules) -> Result<Report, GateError> {
    look(root, rules, inspect)
}

/// Reads the headers of the weights of a model, as the strict rules have it: which tensors there are, and of which shape. What is signed or
/// said about them is about these files only if the caller hashes a snapshot that he took before, as for [`scan`].
///
/// # Errors
/// As [`scan`].
pub fn outline(root: &Path) -> Result<Outline, GateError> {
    Ok(Outline::of(&look(root, &Rules::strict(), inspect_shapes)?))
}

type Inspect = fn(&str, &mut dyn Source, &Rules) -> std::io::Result<FileReport>;

fn look(root: &Path, rules: &Rules, inspect: Inspect) -> Result<Report, GateError> {
    let survey = Survey::of(root, Symlinks::Refused, &|path, kind| is_left_out(path, kind.is_file()))?;
    let paths: Vec<&ModelPath> = survey.files().map(|file| file.path()).collect();
    if paths.len() > MAX_FILES {
        return Err(GateError::TooManyFiles { seen: paths.len() });
    }
    if paths.is_empty() {
        return Err(GateError::NoFiles { path: root.to_owned() });
    }
    let is_directory = root.is_dir();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let place = if is_directory { root.join(path.as_str()) } else { root.to_owned() };
        let unreadable = |source| GateError::Io { path: place.clone(), source };
        let mut file = File::open(&place).map_err(unreadable)?;
        files.push(inspect(path.as_str(), &mut file, rules).map_err(unreadable)?);
    }
    join_onnx_data(&mut files);
    Ok(Report::new(*rules, files, !survey.left_out().is_empty()))
}

/// Whether a path is no part of the model, as the tree digest has it.
fn is_left_out(path: &ModelPath, is_file: bool) -> bool {
    // A directory is inert only if all below it is; `x` stands for any file in it.
    let below = || ModelPath::new(format!("{path}/x")).is_ok_and(|below| is_inert(&below));
    if is_file { is_inert(path) } else { below() }
}

/// Holds files that ONNX files name against those that are there, and takes those that nothing else recognised as their data.
fn join_onnx_data(files: &mut [FileReport]) {
    let mut wanted = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let parent = file.path().rsplit_once('/').map_or(String::new(), |(parent, _)| format!("{parent}/"));
        wanted.extend(file.references().iter().map(|to| (at, format!("{parent}{}", to.path), to.len)));
    }
    let places: HashMap<String, usize> = if wanted.is_empty() {
        HashMap::new()
    } else {
        files.iter().map(|file| file.path().to_owned()).zip(0..).collect()
    };
    for (at, path, len) in wanted {
        let target =
            places.get(&path).and_then(|found| files.get_mut(*found)).filter(|target| target.size() >= len);
        match target {
            Some(target) if target.format() == Format::Unknown && may_be_onnx_data(&path) => {
                target.take_as_onnx_data()
            }
            Some(target) if target.format() == Format::OnnxData => {}
            // Data that look like something else, such as text, are taken for what they look like, and judged as that.
            Some(_) => {}
            None => {
                let what = format!("{path} is not there, or is shorter than {len} bytes");
                if let Some(file) = files.get_mut(at) {
                    file.refuse(Reason::OnnxEscapingData, what);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_what_the_tree_leaves_out() {
        let path = |text: &str| text.parse().expect("a path");
        for (text, is_file, left_out) in [
            (".git", false, true),
            (".git", true, true),
            (".cache/huggingface", false, true),
            ("tallymark.jsonl", true, true),
            ("tallymark.jsonl", false, false),
            (".DS_Store", false, false),
            ("model.sig", true, true),
            ("model.py", true, false),
        ] {
            assert_eq!(is_left_out(&path(text), is_file), left_out, "{text}");
        }
    }
}
