//! A child process that ends with its owner.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::command;

/// Killed, not asked, when it is dropped: for what needs no other end.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it with nothing to read.
    pub(crate) fn start(call: &mut Command) -> Result<Self> {
        let child = call.stdin(Stdio::null()).spawn();
        Ok(Self(child.with_context(|| format!("cannot start `{}`", command::shown(call)))?))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has already ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
