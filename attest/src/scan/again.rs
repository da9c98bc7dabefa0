//! Looking again at what was hashed, before a signature over it leaves the house.
//!
//! Hashing large models takes minutes. The scan notices a file that changes under its hands; this notices a file that changes,
//! comes or goes after it was hashed. Size, times and inode are compared: who can forge those can also wait until we are done.

use super::disk;
use super::walk::{FoundFile, Limits, Met, Origin, Rules, visit};
use super::{Scan, ScanError};
use crate::model_path::ModelPath;

impl Scan {
    /// Walks once more, and refuses if a file is no longer what it was, came or went. What every scan leaves out may change.
    ///
    /// # Errors
    /// [`ScanError::Changed`] with the first such path in the order of paths; [`ScanError::Io`].
    pub fn refuse_change(&self) -> Result<(), ScanError> {
        if self.origin == Origin::List {
            return self.look_at_list();
        }
        let mut before = self.tree.files().iter().map(|file| file.path()).zip(&self.stamps);
        let looked = visit(&self.root, Rules::of_tree(Limits::default()), &mut |met| {
            let Met::File(FoundFile { path, stamp, .. }) = met else { return Ok(()) };
            match before.next() {
                Some((was, before)) if *was == path && *before == stamp => Ok(()),
                // The one that went stands before the one that is there.
                Some((was, _)) if *was < path => Err(self.changed(was)),
                _ => Err(self.changed(&path)),
            }
        });
        match (looked, before.next()) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some((went, _))) => Err(self.changed(went)),
            (Err(error), _) if error.is_unavailable() => Err(error),
            // Something came that no scan takes.
            (Err(error), _) => {
                Err(ScanError::Changed { path: error.path().unwrap_or(&self.root).to_owned() })
            }
        }
    }

    fn look_at_list(&self) -> Result<(), ScanError> {
        self.tree.files().iter().zip(&self.stamps).try_for_each(|(file, stamp)| {
            let seen = disk::look(&self.root.join(file.path().as_str()))?;
            if seen.stamp == *stamp { Ok(()) } else { Err(self.changed(file.path())) }
        })
    }

    fn changed(&self, path: &ModelPath) -> ScanError {
        // A root that is a file lies where it lies.
        let path = match self.origin {
            Origin::File => self.root.clone(),
            Origin::Directory | Origin::List => self.root.join(path.as_str()),
        };
        ScanError::Changed { path }
    }
}
