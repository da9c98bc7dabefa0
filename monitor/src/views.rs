//! What others are shown of the same log: at other addresses, and by witnesses.
//!
//! A log that shows two people two trees signs both. Whoever holds one of the two checkpoints against the other sees it.

use std::time::{Duration, Instant};

use attest::digest::Sha256Digest;
use tlog::checkpoint::Origin;

use crate::alert::now;
use crate::reason::Reason;
use crate::round::{CHECKPOINT, contradiction, fork};
use crate::seen::{Concern, Demand, Seen};
use crate::source::Source;
use crate::tree::Tree;

/// Somebody else who shows the log.
#[derive(Debug)]
pub struct View {
    name: String,
    path: String,
    source: Source,
    /// Whether it serves tiles too.
    is_log: bool,
    /// A size beyond what the log shows here, and since when.
    ahead: Option<(u64, Instant)>,
}

impl View {
    /// Another address of the log.
    #[must_use]
    pub fn log(url: &str, source: Source) -> Self {
        Self { name: url.to_owned(), path: CHECKPOINT.to_owned(), source, is_log: true, ahead: None }
    }

    /// A witness, which shows the latest checkpoint it confirmed (c2sp.org/tlog-witness, "Monitor Retrieval").
    #[must_use]
    pub fn witness(name: &str, origin: &Origin, source: Source) -> Self {
        let path = format!("{}/{CHECKPOINT}", Sha256Digest::of(origin.as_str().as_bytes()));
        Self { name: format!("witness {name}"), path, source, is_log: false, ahead: None }
    }
}

/// All of them, and how often they are asked.
#[derive(Debug)]
pub struct Views {
    views: Vec<View>,
    every: Duration,
    patience: Duration,
    asked: Option<Instant>,
    // What was found when they were last asked.
    concerns: Vec<Concern>,
}

impl Views {
    /// Asks each `every` so often. `patience` is how long another may be ahead before somebody is told: a witness sees a checkpoint
    /// before the log shows it.
    #[must_use]
    pub const fn new(views: Vec<View>, every: Duration, patience: Duration) -> Self {
        Self { views, every, patience, asked: None, concerns: Vec::new() }
    }

    /// What is wrong, as of the last time they were asked, which is now if it is time.
    pub(crate) fn compare(
        &mut self,
        demand: &Demand,
        source: &Source,
        tree: &Tree<'_>,
        seen: &Seen,
    ) -> Vec<Concern> {
        if self.asked.is_some_and(|asked| asked.elapsed() < self.every) {
            return self.concerns.clone();
        }
        self.asked = Some(Instant::now());
        let patience = self.patience;
        let found =
            self.views.iter_mut().filter_map(|view| view.compare(demand, source, tree, seen, patience));
        let found: Vec<Concern> = found.collect();
        self.concerns.clone_from(&found);
        found
    }
}

impl View {
    fn compare(
        &mut self,
        demand: &Demand,
        main: &Source,
        tree: &Tree<'_>,
        seen: &Seen,
        patience: Duration,
    ) -> Option<Concern> {
        // How old it is and who confirmed it is asked of the log itself.
        let any = Demand { max_age: None, ..demand.clone() };
        let other = match any.fetch(&self.source, &self.path, now()) {
            Ok(Some(other)) => other,
            Ok(None) => return None,
            Err(concern) if concern.reason == Reason::LogUnreachable => {
                tracing::warn!(view = self.name, concern.detail, "cannot be read");
                return None;
            }
            Err(concern) => return Some(self.says(concern)),
        };
        let (head, ours) = (*other.checkpoint.head(), *tree.head());
        let found = if head.size() <= ours.size() {
            self.ahead = None;
            contradiction(tree, &head)
        } else {
            let source = if self.is_log { &self.source } else { main };
            match Tree::open(source, &head, head.size()) {
                Ok(tree) => contradiction(&tree, &ours),
                Err(_) => Ok(None),
            }
        };
        match found {
            Ok(Some(proof)) => {
                let signed = (seen.checkpoint.signed(), other.checkpoint.signed());
                Some(self.says(fork(Reason::SplitView, demand, proof, signed.0, signed.1)))
            }
            // It could not be compared this time.
            Err(concern) => {
                tracing::warn!(view = self.name, concern.detail, "cannot be compared");
                None
            }
            Ok(None) => self.withheld(head.size().get(), ours.size().get(), patience),
        }
    }

    /// Whether what this one shows has been missing here for too long.
    fn withheld(&mut self, size: u64, ours: u64, patience: Duration) -> Option<Concern> {
        if size <= ours {
            return None;
        }
        let (first, since) = *self.ahead.get_or_insert((size, Instant::now()));
        if ours >= first {
            // The log has come to where this one was; it is ahead again.
            self.ahead = Some((size, Instant::now()));
            return None;
        }
        let detail = format!("shows at least {first} entries");
        (since.elapsed() >= patience).then(|| self.says(Concern::new(Reason::CheckpointWithheld, detail)))
    }

    fn says(&self, concern: Concern) -> Concern {
        Concern { detail: format!("{}: {}", self.name, concern.detail), ..concern }
    }
}
