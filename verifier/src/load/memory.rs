//! Where a memory is kept, and how it learns that a model was verified.

use std::io;
use std::path::{Path, PathBuf};

use super::kept::{self, Readers, Stop};
use super::read_bounded;
use crate::contents::VerifiedModel;
use crate::failure::Failure;
use crate::memory::{MAX_MEMORY_BYTES, Memory};
use crate::refusal::Refusal;
use crate::requirements::Expectation;

/// Name of the file below `tallymark` in the user's state directory.
const FILE_NAME: &str = "seen.json";

/// Where the caller wants to remember.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "somewhere, nowhere, or as the trust file says")]
pub enum MemoryPlace {
    /// In the user's state directory if the trust file says `remember = true`, else nowhere.
    #[default]
    AsTrusted,
    /// In that file.
    At(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// The file below `$XDG_STATE_HOME`, else `~/.local/state`.
pub(super) fn users_file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || absolute("HOME").map(|home| home.join(".local").join("state"));
    Some(absolute("XDG_STATE_HOME").or_else(home)?.join("tallymark").join(FILE_NAME))
}

/// Reads it; one that is not there has nothing in it.
pub(super) fn read(path: &Path) -> Result<Memory, Failure> {
    match read_bounded(path, MAX_MEMORY_BYTES as u64) {
        Ok(bytes) => Memory::parse(&bytes)
            .map_err(|source| Failure::MemoryMalformed { path: path.to_owned(), source: Box::new(source) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Memory::new()),
        Err(source) => Err(Failure::MemoryUnreadable { path: path.to_owned(), source }),
    }
}

/// Stores that the model was verified. Hashing it may have taken hours: what others verified meanwhile counts too.
pub(super) fn remember(
    path: &Path,
    model: VerifiedModel,
    expectation: &Expectation,
) -> Result<VerifiedModel, Refusal> {
    let kept = kept::update(path, Readers::Owner, || {
        let before = read(path)?;
        let mut against = before.against(&model.seen(), expectation).into_iter();
        if let Some(cause) = against.next() {
            return Err(Box::new(Stop { cause, also: against.collect() }));
        }
        let full = |source| Failure::MemoryFull { path: path.to_owned(), source: Box::new(source) };
        let after = before.remembering(&model).map_err(full)?;
        Ok((after != before || !path.exists()).then(|| after.to_bytes()))
    });
    let unwritten = |source| Failure::MemoryUnwritten { path: path.to_owned(), source };
    kept::conclude(kept, model, unwritten)
}
