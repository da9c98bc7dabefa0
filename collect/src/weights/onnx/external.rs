//! References to files that hold tensors.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

use attest::model_path::ModelPath;

use crate::excerpt::excerpt;
use crate::weights::file_facts::FileFacts;
use crate::{WarningReason, reading};

/// Where the numbers of a tensor lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct External {
    /// Below the directory of the model.
    location: ModelPath,
    offset: u64,
    /// `None`: to the end of the file.
    length: Option<u64>,
}

/// Why a reference cannot be followed. Names and locations are excerpts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExternalError {
    #[error("tensor {name:?} lies in {location:?}, want a file beside or below the model")]
    Outside { name: String, location: String },
    #[error("tensor {name:?} lies in a file that is not named")]
    NoLocation { name: String },
    #[error("tensor {name:?} has {key:?} twice in external_data")]
    Twice { name: String, key: String },
    #[error("tensor {name:?} has {key} {found:?} in external_data, want a number of bytes below 2^63")]
    BadNumber { name: String, key: &'static str, found: String },
    #[error("tensor {name:?} has {seen} bytes outside, want {wanted} for its shape and type")]
    Size { name: String, seen: u64, wanted: u64 },
}

impl ExternalError {
    pub(super) const fn reason(&self) -> WarningReason {
        match self {
            Self::Outside { .. } => WarningReason::Escape,
            _ => WarningReason::Malformed,
        }
    }
}

impl External {
    /// Reads the pairs of one tensor, which has `wanted` bytes by its shape and type.
    pub(super) fn parse(name: &str, pairs: &[(String, String)], wanted: u64) -> Result<Self, ExternalError> {
        let mut keys = BTreeSet::new();
        if let Some((key, _)) = pairs.iter().find(|(key, _)| !keys.insert(key)) {
            return Err(ExternalError::Twice { name: excerpt(name), key: excerpt(key) });
        }
        let value = |wanted: &str| pairs.iter().find(|(key, _)| key == wanted).map(|(_, value)| value);
        let number = |key: &'static str| {
            let bad =
                |found: &String| ExternalError::BadNumber { name: excerpt(name), key, found: excerpt(found) };
            value(key).map(|found| decimal(found).ok_or_else(|| bad(found))).transpose()
        };
        let location = value("location").ok_or_else(|| ExternalError::NoLocation { name: excerpt(name) })?;
        let outside = || ExternalError::Outside { name: excerpt(name), location: excerpt(location) };
        let below = location.strip_prefix("./").unwrap_or(location);
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        if let Some(seen) = length.filter(|length| *length != wanted) {
            return Err(ExternalError::Size { name: excerpt(name), seen, wanted });
        }
        // A drive letter is a relative name here and absolute elsewhere.
        if below.contains(':') {
            return Err(outside());
        }
        Ok(Self { location: ModelPath::new(below).map_err(|_| outside())?, offset, length })
    }
}

/// A number of bytes as Python writes it: digits alone, below 2^63.
fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = if digits { text.parse().ok()? } else { return None };
    i64::try_from(number).is_ok().then_some(number)
}

/// The files that are referred to, each once, in order of their names.
pub(super) fn locations(externals: &[External]) -> BTreeSet<&str> {
    externals.iter().map(|external| external.location.as_str()).collect()
}

/// Looks for the files beside the model at `model`, and warns of those that are not there or too short.
pub(super) fn look(externals: &[External], model: &Path, facts: &mut FileFacts) {
    let directory = model.parent().unwrap_or(Path::new("."));
    for location in locations(externals) {
        let end = |external: &External| external.offset.saturating_add(external.length.unwrap_or(0));
        let ends = externals.iter().filter(|external| external.location.as_str() == location).map(end);
        let wanted = ends.max().unwrap_or(0);
        match size(directory, location) {
            Ok(size) if size >= wanted => {}
            Ok(size) => {
                let text = format!("has {size} bytes, but tensors reach to byte {wanted}");
                facts.warn(WarningReason::Malformed, location, text);
            }
            Err((reason, text)) => facts.warn(reason, location, text),
        }
    }
}

/// Size of the regular file at `location`, to which no link leads.
fn size(directory: &Path, location: &str) -> Result<u64, (WarningReason, String)> {
    let mut path = directory.to_owned();
    for component in Path::new(location).components() {
        let Component::Normal(component) = component else { continue };
        path.push(component);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            let text = "a symbolic link, which may lead anywhere, is not followed".to_owned();
            return Err((WarningReason::Escape, text));
        }
    }
    match reading::open(&path) {
        Ok((_, size)) => Ok(size),
        Err(error) => Err((error.reason(), error.words())),
    }
}
