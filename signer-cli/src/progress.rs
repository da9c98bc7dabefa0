//! The progress bar: bytes done, rate and time left, over everything a command has to hash.
//!
//! Bytes, not files: one file may be all the work. Shown on standard error, and only where that is a terminal
//! and nobody said otherwise.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Manner;

/// Draws per second: smooth to the eye, nothing to the processor.
const DRAWS_PER_SECOND: u8 = 10;

/// A bar over several parts, one after another.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    /// Bytes in the parts that are done.
    base: u64,
}

impl Progress {
    /// Starts a bar over `total` bytes, or none at all.
    pub(crate) fn start(manner: Manner, total: u64) -> Self {
        let shown = !manner.quiet && !manner.no_progress && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
            let bar = ProgressBar::with_draw_target(Some(total), target);
            let template = "{msg} [{bar:24}] {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} left";
            // The template is fixed text. Should indicatif ever refuse it, its own is good enough.
            bar.with_style(
                ProgressStyle::with_template(template)
                    .map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("=> ")),
            )
        });
        Self { bar, base: 0 }
    }

    /// Runs the next part. `work` gets the callback that scanning wants: bytes done and bytes in all, of this
    /// part.
    pub(crate) fn part<T>(&mut self, label: &str, work: impl FnOnce(attest::scan::Progress<'_>) -> T) -> T {
        let Some(bar) = &self.bar else {
            return work(&|_, _| {});
        };
        bar.set_message(label.to_owned());
        let base = self.base;
        let result = work(&|done, total| {
            // Where nobody counted beforehand, the scan says how much there is.
            let total = base.saturating_add(total);
            if bar.length().is_none_or(|known| known < total) {
                bar.set_length(total);
            }
            bar.set_position(base.saturating_add(done));
        });
        self.base = bar.position();
        result
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
