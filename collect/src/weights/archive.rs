//! A zip file that holds weights: PyTorch, Keras or NumPy, told apart by the members.
//!
//! ```text
//! NAME/data.pkl, NAME/data/0, NAME/version            torch.save since 1.6        torch
//! NAME/code/..., NAME/constants.pkl beside them       torch.jit.save              torch-script
//! NAME/archive_format "pt2", NAME/models/...          torch.export.save           torch-export
//! config.json, metadata.json, model.weights.h5        keras 3                     keras
//! a.npy, b.npy                                        numpy.savez                 npz
//! ```
//! In scope: which of them it is. Out of scope: every other zip, which is named and not read.

use std::io::{Read, Seek};

use super::file_facts::FileFacts;
use super::stream::Stream;
use super::zip::{Archive, ZipError};
use super::{keras, npz, torch};
use crate::{Collected, WarningReason};

/// An open archive: its members and the file that they lie in.
#[derive(Debug)]
pub(crate) struct Open<R> {
    pub(crate) archive: Archive,
    pub(crate) stream: Stream<R>,
}

/// Reads a zip file that facts are to call `name`.
pub fn read<R: Read + Seek>(input: R, name: &str) -> Collected {
    let mut facts = FileFacts::new(name);
    match open(input) {
        Ok(mut open) => describe(&mut open, &mut facts),
        Err(error) => facts.warn(error.reason(), "", error.to_string()),
    }
    facts.finish()
}

fn open<R: Read + Seek>(input: R) -> Result<Open<R>, ZipError> {
    let mut stream = Stream::new(input)?;
    Ok(Open { archive: Archive::parse(&mut stream)?, stream })
}

fn describe<R: Read + Seek>(open: &mut Open<R>, facts: &mut FileFacts) {
    if let Some(top) = torch::top(&open.archive) {
        torch::describe(open, &top, facts);
    } else if keras::is_keras(&open.archive) {
        keras::describe(open, facts);
    } else if npz::is_npz(&open.archive) {
        npz::describe(open, facts);
    } else {
        facts.observed("format", "zip", "");
        facts.warn(WarningReason::NotRead, "", "a zip file of nobody that is known here");
    }
}

impl<R: Read + Seek> Open<R> {
    /// The text of a small member; `None` with a warning if it cannot be had, without one if it is not there.
    pub(crate) fn text(&mut self, name: &str, limit: u64, facts: &mut FileFacts) -> Option<String> {
        let member = self.archive.member(name)?;
        match member.content(&mut self.stream, limit) {
            Ok(content) => match String::from_utf8(content) {
                Ok(text) => return Some(text),
                Err(_) => facts.warn(WarningReason::Malformed, name, "not UTF-8"),
            },
            Err(error) => facts.warn(error.reason(), name, error.to_string()),
        }
        None
    }
}
