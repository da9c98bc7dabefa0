//! What the process asks of the kernel for itself: no core dumps, no debugger, files for their owner only, and as many descriptors as
//! it may have. The keys are in this memory.

use std::io;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
};

/// Asks for all of it. Done first, before a key or a passphrase is read.
///
/// # Errors
/// What the kernel refused.
pub fn harden() -> io::Result<()> {
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A limit of 0 does not hold back a core that goes to a pipe (core(5)); this does.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // If this is refused the old limit holds; accepting then pauses when it is reached.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    Ok(())
}
