//! The thread that makes the index follow the published head.
//!
//! It takes up entries only after they are published, so it can neither hold up the sequencer nor know more than
//! readers may see. It sleeps while there is nothing to do, and a search that finds the index behind wakes it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::{IndexError, TermIndex};
use crate::publisher::Publisher;
use crate::storage::Storage;

/// Most entries taken up at once; a full tail waits for no more than these.
const STEP_ENTRIES: u64 = 1024;
/// How long it sleeps if nobody wakes it.
const NAP: Duration = Duration::from_millis(100);
/// How long it waits after an error before it opens everything again.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// The running indexer of a log. Dropping it ends the thread, after at most one step.
#[derive(Debug)]
pub struct Indexer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes the indexer.
#[derive(Debug, Clone)]
pub struct Waker {
    thread: Thread,
}

impl Waker {
    /// Does it.
    pub fn wake(&self) {
        self.thread.unpark();
    }
}

impl Indexer {
    /// Starts to make `index` follow `publisher`.
    ///
    /// # Errors
    /// What the system says if there is no thread to be had.
    pub fn start(
        index: Arc<TermIndex>,
        publisher: Arc<Publisher>,
        storage: Arc<dyn Storage>,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("term-index".to_owned());
        let thread = thread.spawn(move || run(&index, &publisher, storage.as_ref(), &stopped))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// What a search may wake it with.
    #[must_use]
    pub fn waker(&self) -> Option<Waker> {
        self.thread.as_ref().map(|thread| Waker { thread: thread.thread().clone() })
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the indexer panicked");
            }
        }
    }
}

fn run(index: &TermIndex, publisher: &Publisher, storage: &dyn Storage, stop: &AtomicBool) {
    let stopped = || stop.load(Ordering::Relaxed);
    while !stopped() {
        if let Err(error) = follow(index, publisher, storage, &stopped) {
            // Searches answer "not now" until the next attempt goes further.
            tracing::error!(error = &error as &dyn std::error::Error, "the term index cannot go on");
            let until = Instant::now() + AFTER_ERROR;
            while !stopped() && Instant::now() < until {
                std::thread::park_timeout(NAP);
            }
        }
    }
}

fn follow(
    index: &TermIndex,
    publisher: &Publisher,
    storage: &dyn Storage,
    stopped: &dyn Fn() -> bool,
) -> Result<(), IndexError> {
    index.open(publisher.current().head().size(), storage)?;
    while !stopped() {
        index.drop_damaged()?;
        let (size, indexed) = (publisher.current().head().size().get(), index.indexed());
        let sealed = index.read().sealed();
        let end = size.min(indexed + STEP_ENTRIES).min(sealed + u64::from(index.segment_entries));
        if indexed >= end {
            std::thread::park_timeout(NAP);
            continue;
        }
        let started = Instant::now();
        index.extend(indexed..end, storage)?;
        if size - end > u64::from(index.segment_entries) {
            // Far behind: an old log without an index, or one being made again. The log itself comes first, so
            // this takes half a processor at most.
            std::thread::park_timeout(started.elapsed());
        }
    }
    Ok(())
}
