//! JSON lines: one message each, appended and synced.

use std::io::Write as _;
use std::path::PathBuf;

use super::SinkError;
use crate::alert::Alert;
use crate::disk;

/// A file that grows, or standard output.
#[derive(Debug)]
pub struct FileSink {
    path: Option<PathBuf>,
}

impl FileSink {
    /// The file at a path; `-` is standard output.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path: Some(path).filter(|path| path.as_os_str() != "-") }
    }

    pub(super) fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        let line = alert.to_json() + "\n";
        match &self.path {
            Some(path) => Ok(disk::append_lines(path, &line)?),
            None => {
                let mut out = std::io::stdout().lock();
                let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
                written.map_err(|source| SinkError::Stdout { source })
            }
        }
    }
}
