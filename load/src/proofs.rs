//! Questions for inclusion proofs, by index or by leaf hash, at random places of the whole tree.

use std::io::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use merkle::LeafHash;
use serde::Serialize;
use tlog::checkpoint::SignedCheckpoint;
use tlog::entry_bundle::EntryBundle;
use tlog::tile::{BundleIndex, TilePath};
use tlog::vkey::Vkey;

use crate::check;
use crate::client::{Client, Target};
use crate::histogram::Histogram;
use crate::report::Latency;

/// Bundles whose entries are asked for by hash, spread over the tree.
const BUNDLES: u64 = 64;
/// One of so many answers is verified in full.
const SAMPLE: u64 = 50;

/// How a proof is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an entry has an index and a hash")]
pub enum By {
    /// By index.
    Index,
    /// By leaf hash.
    Leaf,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct Answers {
    /// Size of the tree asked.
    pub size: u64,
    /// From sending the question to the whole answer, as the client sees it.
    pub latency: Latency,
    /// Answers verified in full.
    pub verified: u64,
    /// Answers that were not a proof of what was asked.
    pub wrong: u64,
}

/// Asks over this many connections for a while.
///
/// # Errors
/// The log is empty or cannot be reached.
pub fn run(
    target: &Target,
    vkey: &Vkey,
    by: By,
    connections: usize,
    time: Duration,
) -> Result<Answers, Error> {
    let mut client = Client::connect(target)?;
    let checkpoint = SignedCheckpoint::parse(&client.resource("/checkpoint")?).map_err(Error::other)?;
    let size = checkpoint.open(vkey).map_err(Error::other)?.head().size();
    if size.get() == 0 {
        return Err(Error::other("the log is empty"));
    }
    let mut leaves = Vec::new();
    if by == By::Leaf {
        let bundles = size.get().div_ceil(256);
        for step in 0..BUNDLES.min(bundles) {
            let index = BundleIndex::new(step * bundles / BUNDLES.min(bundles)).map_err(Error::other)?;
            let Some(width) = index.width_in(size) else { continue };
            let bytes = client.resource(&format!("/{}", TilePath::Entries { index, width }))?;
            let bundle = EntryBundle::parse(&bytes, width).map_err(Error::other)?;
            leaves.extend((index.first_leaf()..).zip(bundle.leaf_hashes()));
        }
    }
    let (verified, wrong) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = Instant::now() + time;
    let ask = |seed: u64| -> Result<Histogram, Error> {
        let mut client = Client::connect(target)?;
        let mut histogram = Histogram::default();
        let mut state = seed;
        while Instant::now() < end {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let (index, leaf) = match by {
                By::Index => ((state >> 20) % size.get(), None),
                By::Leaf => {
                    let at = usize::try_from(state >> 20).unwrap_or_default() % leaves.len().max(1);
                    leaves.get(at).map(|(index, leaf)| (*index, Some(*leaf))).unwrap_or_default()
                }
            };
            let path = match &leaf {
                None => format!("/api/v1/proof?index={index}"),
                Some(leaf) => format!("/api/v1/proof?leaf={}", hex(leaf)),
            };
            let asked = Instant::now();
            let (status, body) = client.get(&path)?;
            histogram.record(asked.elapsed());
            let right = status == 200 && crate::wire::index_of_json(body) == Some(index);
            if !right {
                wrong.fetch_add(1, Ordering::Relaxed);
            } else if histogram.count() % SAMPLE == 1 {
                let proven = match &leaf {
                    Some(leaf) => check::answer(vkey, leaf, body),
                    None => check::answer_by_index(vkey, body),
                };
                let counter = if proven == Ok(index) { &verified } else { &wrong };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(histogram)
    };
    let histogram = std::thread::scope(|scope| {
        let askers: Vec<_> =
            (1..=connections.max(1) as u64).map(|seed| scope.spawn(move || ask(seed))).collect();
        let mut all = Histogram::default();
        for asker in askers {
            let part =
                asker.join().unwrap_or_else(|_| Err(Error::other("a thread that asks ended early")))?;
            all.add(&part);
        }
        Ok::<_, Error>(all)
    })?;
    let latency = Latency::of(&histogram);
    Ok(Answers { size: size.get(), latency, verified: verified.into_inner(), wrong: wrong.into_inner() })
}

fn hex(leaf: &LeafHash) -> String {
    leaf.hash().as_bytes().iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}
