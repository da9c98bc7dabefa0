//! What a run has to say: throughput by the second, latency by percentiles, and what went wrong.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::histogram::Histogram;

/// Percentiles of one latency, milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Half are at most this.
    pub p50_ms: f64,
    /// Nine of ten.
    pub p90_ms: f64,
    /// 99 of a hundred.
    pub p99_ms: f64,
    /// 999 of a thousand.
    pub p999_ms: f64,
    /// All.
    pub max_ms: f64,
}

impl Latency {
    /// The percentiles of a histogram.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let at = |per_mille| milliseconds(histogram.quantile(per_mille));
        Self {
            count: histogram.count(),
            p50_ms: at(500),
            p90_ms: at(900),
            p99_ms: at(990),
            p999_ms: at(999),
            max_ms: milliseconds(histogram.longest()),
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.1} ms, p90 {:.1}, p99 {:.1}, p99.9 {:.1}, max {:.1} (of {})",
            self.p50_ms, self.p90_ms, self.p99_ms, self.p999_ms, self.max_ms, self.count
        )
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// One measured run.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Entries acknowledged per second, over the measured seconds.
    pub entries_per_second: f64,
    /// Measured seconds.
    pub seconds: f64,
    /// New entries acknowledged in that time.
    pub new: u64,
    /// Duplicates answered in that time.
    pub duplicates: u64,
    /// Answers that asked to come back later: 429, 503, 507.
    pub put_off: u64,
    /// Any other answer that is not an acknowledgement; a run with one of these proves nothing.
    pub wrong: u64,
    /// The first of them.
    pub first_wrong: Option<String>,
    /// Connections that broke and were made again.
    pub reconnects: u64,
    /// Answers verified in full: leaf hash, proof, signature of the checkpoint.
    pub verified: u64,
    /// From when a request was due until its answer was whole.
    pub answered: Latency,
    /// From when a request was due until a checkpoint that covers it was seen by a poller; absent unless asked for.
    pub visible: Option<Latency>,
    /// Acknowledgements in each measured second.
    pub by_second: Vec<u64>,
    /// What the readers read and verified meanwhile.
    pub reads: crate::readers::Reads,
}

impl Report {
    /// The slowest tenth of the seconds against the fastest, 0 to 1: how flat the run was.
    #[must_use]
    pub fn flatness(&self) -> f64 {
        let mut seconds = self.by_second.clone();
        seconds.sort_unstable();
        let tenth = seconds.len() / 10;
        let at = |place: usize| seconds.get(place).copied().unwrap_or(0);
        match at(seconds.len().saturating_sub(tenth + 1)) {
            0 => 0.0,
            #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
            most => at(tenth) as f64 / most as f64,
        }
    }

    /// Whether everything that was checked was as it must be.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.wrong == 0 && self.reads.wrong == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:.0} entries/s over {:.1} s", self.entries_per_second, self.seconds)?;
        writeln!(
            f,
            "{} new, {} duplicates, {} put off, {} wrong, {} reconnects, {} verified in full",
            self.new, self.duplicates, self.put_off, self.wrong, self.reconnects, self.verified
        )?;
        if let Some(first) = &self.first_wrong {
            writeln!(f, "first wrong answer: {first}")?;
        }
        writeln!(f, "answered  {}", self.answered)?;
        if let Some(visible) = &self.visible {
            writeln!(f, "visible   {visible}")?;
        }
        let (least, most) = (self.by_second.iter().min(), self.by_second.iter().max());
        writeln!(
            f,
            "by second: least {}, most {}; 10th percentile is {:.2} of the 90th",
            least.unwrap_or(&0),
            most.unwrap_or(&0),
            self.flatness()
        )?;
        if self.reads.checkpoints > 0 {
            writeln!(f, "readers   {}", self.reads)?;
        }
        Ok(())
    }
}
