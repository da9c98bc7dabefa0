//! Where pins are kept: `tallymark.lock` beside the trust file, to be checked in with it.

use std::io;
use std::path::{Path, PathBuf};

use super::kept::{self, Readers};
use super::read_bounded;
use crate::contents::VerifiedModel;
use crate::failure::Failure;
use crate::pins::{MAX_PINS_BYTES, Pins};
use crate::refusal::Refusal;

/// Name of the file.
pub const LOCK_FILE_NAME: &str = "tallymark.lock";

/// The file that belongs to that trust file.
pub(super) fn file_beside(trust: &Path) -> PathBuf {
    trust.with_file_name(LOCK_FILE_NAME)
}

/// Reads it; one that is not there has nothing in it.
pub(super) fn read(path: &Path) -> Result<Pins, Failure> {
    match read_bounded(path, MAX_PINS_BYTES as u64) {
        Ok(bytes) => Pins::parse(&bytes)
            .map_err(|source| Failure::PinsMalformed { path: path.to_owned(), source: Box::new(source) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Pins::new()),
        Err(source) => Err(Failure::PinsUnreadable { path: path.to_owned(), source }),
    }
}

/// Pins the name of the model to its signer, unless somebody pinned it to another meanwhile.
pub(super) fn pin(path: &Path, model: VerifiedModel) -> Result<VerifiedModel, Refusal> {
    let kept = kept::update(path, Readers::Usual, || {
        let signed = model.logged().signed();
        let (name, key) = (signed.statement().name(), signed.key());
        let before = read(path)?;
        if let Some(pinned) = before.key(name).filter(|pinned| *pinned != key) {
            let (name, key_id, pinned) = (name.clone(), key.key_id(), pinned.key_id());
            return Err(Failure::SignerChanged { name, key_id, pinned }.into());
        }
        let full = |source| Failure::PinsFull { path: path.to_owned(), source: Box::new(source) };
        let after = before.with(name, key).map_err(full)?;
        Ok((after != before).then(|| after.to_bytes()))
    });
    let unwritten = |source| Failure::PinsUnwritten { path: path.to_owned(), source };
    kept::conclude(kept, model, unwritten)
}
