//! What the process asks of the kernel for itself: no core dumps, no debugger, files for their owner only, and as many
//! descriptors as it may have.
//!
//! The log's key is in this memory. A core file would put it on a disk, and any process of the same user could read it
//! through `ptrace` or `/proc`; a process that is not dumpable allows neither (prctl(2), PR_SET_DUMPABLE).

use std::io;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit, umask,
};
use thiserror::Error;

/// Asks for all of it. Done first, before a key or a passphrase is read.
///
/// # Errors
/// [`HardeningError`] with what the kernel refused.
pub fn harden() -> Result<(), HardeningError> {
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| HardeningError::Core { source: error.into() })?;
    // A limit of 0 does not hold back a core that goes to a pipe (core(5)); this does.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| HardeningError::Dumpable { source: error.into() })?;
    raise_descriptors();
    Ok(())
}

/// Whether this process can leave a core behind.
#[must_use]
pub fn can_dump() -> bool {
    !matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable))
}

/// Up to what the administrator allows: the usual soft limit of 1,024 is there for programs that use select(2).
fn raise_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // If this is refused the old limit holds, and a server that does not fit it is not started.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// What the kernel refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HardeningError {
    /// The limit on core files.
    #[error("core files could not be switched off")]
    Core {
        /// What the system said.
        source: io::Error,
    },
    /// The dumpable flag.
    #[error("the process could not be made undumpable")]
    Dumpable {
        /// What the system said.
        source: io::Error,
    },
}
