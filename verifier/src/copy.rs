//! A verified copy: the bytes that were judged, in a place where nobody else writes.
//!
//! ```text
//! DEST absent     PARENT/.DEST.tallymark-part, then one rename
//! DEST empty      DEST/.tallymark-part, then its entries move up; for a mounted directory, which cannot be renamed
//! DEST filled     nothing is copied, what is there is verified: a start that is repeated
//! ```
//!
//! Nothing unverified ever has a name in the destination that a loader would read. What stays behind if we are killed has our name, and the
//! next run removes it.

use std::fs::{self, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use attest::scan::Progress;

use crate::load::{Request, Verdict};

/// What a copy is called until it is verified, or the end of that.
const PART: &str = ".tallymark-part";

/// A verdict, and where the judged bytes are.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the three ways of the table above")]
pub enum Delivered {
    /// Verified, and these very bytes are in the destination now.
    Copied {
        /// Why.
        verdict: Verdict,
        /// The model there: the destination, or a single file in it.
        model: PathBuf,
    },
    /// What was in the destination before, judged as it lies there.
    Found(Verdict),
    /// Not verified; the destination is as it was.
    Refused(Verdict),
}

impl Delivered {
    /// The verdict.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        match self {
            Self::Copied { verdict, .. } | Self::Found(verdict) | Self::Refused(verdict) => verdict,
        }
    }
}

/// Why nothing was delivered, though the model may be what it should.
#[derive(Debug, thiserror::Error)]
#[error("could not {act} {}", path.display())]
pub struct CopyError {
    act: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// A copy that is not delivered yet. Whatever ends us, as long as anything of ours still runs then, it does not stay.
struct Stage(PathBuf);

impl Drop for Stage {
    fn drop(&mut self) {
        // After a delivery there is nothing; and what cannot be removed now the next run removes, or says that it cannot.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Verifies a copy of the model that `request` is about and puts it, a directory, into `destination`. A single file goes there under its own name.
/// Files in it can be read by everybody and written by nobody but root; the bundle file is with them.
///
/// # Errors
/// [`CopyError`] if the destination could not be looked at, or be written after the verdict. A copy that could not be made for want of room is a
/// verdict: the model could not be read whole.
pub fn deliver(
    request: &Request,
    destination: &Path,
    progress: Progress<'_>,
) -> Result<Delivered, CopyError> {
    let failed = |act, path: &Path| {
        let path = path.to_owned();
        move |source| CopyError { act, path, source }
    };
    let is_there = match fs::read_dir(destination) {
        Ok(entries) => {
            let mut names = entries.map(|entry| entry.map(|entry| entry.file_name()));
            let filled = names.find(|name| !name.as_ref().is_ok_and(|name| name == PART));
            match filled.transpose().map_err(failed("list", destination))? {
                Some(_) => return Ok(Delivered::Found(request.moved_to(destination).verify(progress))),
                None => true,
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed("list", destination)(error)),
    };
    let stage = if is_there {
        destination.join(PART)
    } else {
        let mut name = std::ffi::OsString::from(".");
        name.push(destination.file_name().unwrap_or_default());
        name.push(PART);
        destination.with_file_name(name)
    };
    match fs::remove_dir_all(&stage) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove", &stage)(error));
        }
        _ => {}
    }
    let stage = Stage(stage);
    let stage: &Path = &stage.0;
    let verdict = request.clone().through_copy(stage).verify(progress);
    if verdict.result().is_err() {
        match fs::remove_dir_all(stage) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", stage)(error));
            }
            _ => return Ok(Delivered::Refused(verdict)),
        }
    }
    seal(stage).map_err(failed("seal", stage))?;
    if is_there {
        let entries = fs::read_dir(stage).map_err(failed("list", stage))?;
        for entry in entries {
            let entry = entry.map_err(failed("list", stage))?;
            let to = destination.join(entry.file_name());
            fs::rename(entry.path(), &to).map_err(failed("rename", &to))?;
        }
        fs::remove_dir(stage).map_err(failed("remove", stage))?;
    } else {
        fs::rename(stage, destination).map_err(failed("rename", destination))?;
    }
    Ok(Delivered::Copied { verdict, model: request.place_in(destination) })
}

/// Lets everybody read, and nobody write, all files below a directory.
fn seal(directory: &Path) -> io::Result<()> {
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else {
                fs::set_permissions(entry.path(), readable(0o444))?;
            }
        }
        fs::set_permissions(&directory, readable(0o755))?;
    }
    Ok(())
}

#[cfg(unix)]
fn readable(mode: u32) -> Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}
