//! Not there yet.

use anyhow::{Result, bail};

use crate::Arguments;

/// Refuses until it is written.
pub(crate) fn run(_: &Arguments) -> Result<()> {
    bail!("not there yet")
}
