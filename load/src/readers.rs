//! Readers beside the load, who believe nothing: every checkpoint must extend the last one, every bundle must hash to
//! the tree that the checkpoint names.

use std::fmt;
use std::io::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use merkle::{ConsistencyProof, TreeHead};
use serde::Serialize;
use tlog::checkpoint::SignedCheckpoint;
use tlog::entry_bundle::EntryBundle;
use tlog::tile::{BundleIndex, TileCoord, TilePath, TileReader, TileWidth};

use crate::client::Client;
use crate::engine::Plan;

/// How long a reader rests after each look: it is an auditor, not the load.
const REST: Duration = Duration::from_millis(20);

/// What readers read.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Reads {
    /// Checkpoints whose signature and right edge were verified.
    pub checkpoints: u64,
    /// Proofs that a checkpoint extends the one before.
    pub extensions: u64,
    /// Entries whose inclusion was verified.
    pub entries: u64,
    /// Whatever did not hold.
    pub wrong: u64,
    /// The first of it.
    pub first_wrong: Option<String>,
}

impl Reads {
    pub(crate) fn add(&mut self, other: &Self) {
        self.checkpoints += other.checkpoints;
        self.extensions += other.extensions;
        self.entries += other.entries;
        self.wrong += other.wrong;
        if self.first_wrong.is_none() {
            self.first_wrong.clone_from(&other.first_wrong);
        }
    }
}

impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checkpoints, extensions, entries, wrong, first_wrong } = self;
        write!(
            f,
            "{checkpoints} checkpoints, {extensions} extensions, {entries} entries verified, {wrong} wrong"
        )?;
        first_wrong.as_ref().map_or(Ok(()), |first| write!(f, "; {first}"))
    }
}

/// Reads until it is over; the first thing that does not hold ends it.
pub(crate) fn read(plan: &Plan, over: &AtomicBool) -> Reads {
    let mut reads = Reads::default();
    let mut last = None;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let looked = Client::connect(&plan.target).map_err(|error| error.to_string()).and_then(|mut client| {
        while !over.load(Ordering::Relaxed) {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            look(plan, &mut client, &mut last, state >> 16, &mut reads)?;
            std::thread::sleep(REST);
        }
        Ok(())
    });
    if let Err(why) = looked {
        reads.wrong += 1;
        reads.first_wrong = Some(why);
    }
    reads
}

fn look(
    plan: &Plan,
    client: &mut Client,
    last: &mut Option<TreeHead>,
    random: u64,
    reads: &mut Reads,
) -> Result<(), String> {
    let said = |error: Error| error.to_string();
    let checkpoint = client.resource("/checkpoint").map_err(said)?;
    let checkpoint = SignedCheckpoint::parse(&checkpoint).map_err(|error| error.to_string())?;
    let head = *checkpoint.open(&plan.vkey).map_err(|error| error.to_string())?.head();
    let mut fetch = |coord: TileCoord, width: TileWidth| -> Result<Vec<u8>, Error> {
        client.resource(&format!("/{}", TilePath::Tile { coord, width }))
    };
    let tiles = TileReader::new(&head, &mut fetch).map_err(|error| error.to_string())?;
    reads.checkpoints += 1;
    // Every tree extends the empty one; there is no proof to ask for.
    if let Some(old) = last.filter(|old| old.size() != head.size() && old.size().get() > 0) {
        let proof = ConsistencyProof::build(old.size(), head.size(), |node| tiles.node(node, &mut fetch))
            .map_err(|error| {
                format!("no consistency proof from {} to {}: {error}", old.size(), head.size())
            })?;
        proof.verify(&old, &head).map_err(|error| format!("the tree was changed: {error}"))?;
        reads.extensions += 1;
    }
    *last = Some(head);
    let Some(bundles) = head.size().get().checked_sub(1).map(|index| index / 256 + 1) else { return Ok(()) };
    let index = BundleIndex::new(random % bundles).map_err(|error| error.to_string())?;
    let Some(width) = index.width_in(head.size()) else { return Ok(()) };
    let leaves = tiles.tile(index.tile(), &mut fetch).map_err(|error| error.to_string())?;
    let bytes = client.resource(&format!("/{}", TilePath::Entries { index, width })).map_err(said)?;
    let bundle = EntryBundle::parse(&bytes, width).map_err(|error| error.to_string())?;
    if !bundle.leaf_hashes().map(|leaf| leaf.hash()).eq(leaves) {
        return Err(format!("the entries of bundle {} are not those of the tree", index.get()));
    }
    reads.entries += u64::from(width.get());
    Ok(())
}
