//! What looks after a log while it is served: the scrub, the watch over its disk, and the socket for commands.
//!
//! Each runs on a thread of its own and can do one thing to the log: close its [gate](crate::gate).

use std::sync::Arc;

use crate::control::Control;
use crate::data_dir::DataDir;
use crate::disk::{Marks, Watch};
use crate::gate::Gate;
use crate::publisher::Publisher;
use crate::scrub::{Pace, Scrub, Scrubber};
use crate::storage::Storage;

/// How a log is looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests change one field of the standard")]
pub struct Care {
    /// Marks of free space; no watch if `None`.
    pub disk: Option<Marks>,
    /// How fast everything is read again.
    pub scrub: Pace,
}

impl Care {
    /// Scrub and watch as their modules say.
    pub const STANDARD: Self = Self { disk: Some(Marks::STANDARD), scrub: Pace::STANDARD };
    /// Neither.
    pub const NONE: Self = Self { disk: None, scrub: Pace::NONE };
}

/// The keepers of one log at work. Dropping it ends them, waits for what they are doing, and gives the directory's lock
/// back last.
#[derive(Debug)]
pub(crate) struct Keepers {
    // In this order: a command must not meet a log that nobody scrubs, and the lock outlives all.
    _control: Option<Control>,
    _scrubber: Option<Scrubber>,
    _watch: Option<Watch>,
    dir: Option<DataDir>,
}

impl Keepers {
    /// Starts all that is asked for.
    ///
    /// # Errors
    /// What the system says if a thread does not start. A socket that cannot be made is only said.
    pub(crate) fn start(
        care: Care,
        dir: Option<DataDir>,
        gate: &Arc<Gate>,
        storage: &Arc<dyn Storage>,
        publisher: &Arc<Publisher>,
    ) -> std::io::Result<Self> {
        let path = dir.as_ref().map(|dir| dir.path().to_owned());
        let mut keepers = Self { _control: None, _scrubber: None, _watch: None, dir };
        if let (Some(marks), Some(path)) = (care.disk, &path) {
            keepers._watch = Some(Watch::start(path.clone(), marks, Arc::clone(gate))?);
        }
        if care.scrub.bytes_per_second > 0 {
            keepers._scrubber = Some(Scrubber::start(Scrub {
                storage: Arc::clone(storage),
                publisher: Arc::clone(publisher),
                gate: Arc::clone(gate),
                dir: path.clone(),
                pace: care.scrub,
            })?);
        }
        if let Some(path) = &path {
            match Control::listen(path, Arc::clone(gate), Arc::clone(storage)) {
                Ok(control) => keepers._control = Some(control),
                // Serving matters more than being backed up without a pause.
                Err(error) => {
                    tracing::warn!(%error, "no socket for commands: backup and freeze need the log at rest")
                }
            }
        }
        Ok(keepers)
    }

    /// The directory they look after; `None` for a log in memory.
    pub(crate) fn dir(&self) -> Option<&DataDir> {
        self.dir.as_ref()
    }
}
