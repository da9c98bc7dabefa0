//! The process is killed again and again while clients submit; nothing it acknowledged may be lost or changed,
//! and every checkpoint it ever showed must be a prefix of the last one.
//!
//! This does not prove that writes are synced: the kernel keeps what a killed process wrote. It proves the
//! order of steps, and that every state a crash can leave is one the next start takes up.
//!
//! `TALLYMARK_KILL_CYCLES` overrides the number of cycles.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::support::{Client, LogDir, opened, spawn_server};
use log_server::config::Mode;
use log_server::fsck::fsck;
use merkle::{ConsistencyProof, LeafHash, TreeHead};
use tlog::tile::{TileCoord, TilePath, TileWidth, read_node};

const CYCLES: u64 = 50;
const CLIENTS: u64 = 4;
/// Killed between these many milliseconds after the clients started.
const KILL_AFTER_MS: std::ops::Range<u64> = 5..250;

/// What was seen from outside: kept by the test, never by the server.
#[derive(Default)]
struct Seen {
    acknowledged: Mutex<BTreeMap<u64, LeafHash>>,
    heads: Mutex<BTreeMap<u64, TreeHead>>,
}

impl Seen {
    fn acknowledge(&self, index: u64, leaf: LeafHash) {
        let before = self.acknowledged.lock().unwrap().insert(index, leaf);
        assert!(before.is_none_or(|before| before == leaf), "index {index} was given to two entries");
    }

    fn head(&self, head: TreeHead) {
        let before = self.heads.lock().unwrap().insert(head.size().get(), head);
        assert!(before.is_none_or(|before| before == head), "two roots at size {}", head.size().get());
    }
}

/// Submits until the connection breaks; every third entry is one that was sent before.
fn submit_until_killed(addr: SocketAddr, log: &LogDir, seen: &Seen, next: &AtomicU64, over: &AtomicBool) {
    let Ok(mut client) = Client::try_connect(addr) else { return };
    while !over.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let number = if number % 3 == 2 { number / 2 } else { number };
        let entry = format!("entry {number}");
        let Ok(answer) = client.try_request("POST", "/add", &[], entry.as_bytes()) else { return };
        assert_eq!(answer.status, 200, "{}", answer.text());
        let index = answer.text().parse().unwrap();
        seen.acknowledge(index, LeafHash::of(entry.as_bytes()));
        if number % 4 == 0 {
            let Ok(checkpoint) = client.try_request("GET", "/checkpoint", &[], b"") else { return };
            let head = opened(&checkpoint.body, log.vkey());
            assert!(
                head.size().get() > index,
                "acknowledged at {index}, published only {}",
                head.size().get()
            );
            seen.head(head);
        }
    }
}

/// Fetches tiles over HTTP and keeps the full ones.
struct Tiles {
    client: Client,
    full: BTreeMap<(u8, u64), Vec<u8>>,
}

impl Tiles {
    fn get(&mut self, coord: TileCoord, width: TileWidth) -> Vec<u8> {
        let key = (coord.level(), coord.index());
        if let Some(tile) = self.full.get(&key) {
            return tile.clone();
        }
        let response = self.client.get(&format!("/{}", TilePath::Tile { coord, width }));
        assert_eq!(response.status, 200, "{coord:?} {width:?}");
        if width.is_full() {
            self.full.insert(key, response.body.clone());
        }
        response.body
    }
}

/// Everything that was seen must be in the log that now runs.
fn check(addr: SocketAddr, log: &LogDir, seen: &Seen) {
    let mut client = Client::connect(addr);
    let last = opened(&client.get("/checkpoint").body, log.vkey());
    seen.head(last);
    let size = last.size();
    let mut tiles = Tiles { client, full: BTreeMap::new() };
    for (index, leaf) in seen.acknowledged.lock().unwrap().iter() {
        assert!(*index < size.get(), "entry {index} is gone, the tree has {}", size.get());
        let coord = TileCoord::new(0, index / 256).unwrap();
        let width = (size.get() - index / 256 * 256).min(256) as u16;
        let tile = tiles.get(coord, TileWidth::new(width).unwrap());
        let at = (index % 256) as usize * 32;
        assert_eq!(tile[at..at + 32], leaf.hash().to_bytes(), "entry {index} is another one now");
        if !TileWidth::new(width).unwrap().is_full() {
            // The partial tile is looked at again and again; keep it for this check only.
            tiles.full.insert((0, index / 256), tile);
        }
    }
    for head in seen.heads.lock().unwrap().values().filter(|head| head.size().get() > 0) {
        let mut get = |coord, width| Ok::<_, Infallible>(tiles.get(coord, width));
        let proof = ConsistencyProof::build(head.size(), size, |id| read_node(id, size, &mut get)).unwrap();
        proof.verify(head, &last).unwrap_or_else(|error| panic!("size {}: {error}", head.size().get()));
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let cycles = std::env::var("TALLYMARK_KILL_CYCLES").map_or(CYCLES, |count| count.parse().unwrap());
    let log = LogDir::new(Mode::Conformance);
    let (seen, next) = (Seen::default(), AtomicU64::new(0));
    let mut pause = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..cycles {
        let (mut child, addr) = spawn_server(&log.path(), None);
        check(addr, &log, &seen);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| submit_until_killed(addr, &log, &seen, &next, &over));
            }
            // A fixed sequence of pauses (xorshift), so that a failure can be run again.
            pause ^= pause << 13;
            pause ^= pause >> 7;
            pause ^= pause << 17;
            let span = KILL_AFTER_MS.end - KILL_AFTER_MS.start;
            std::thread::sleep(Duration::from_millis(KILL_AFTER_MS.start + pause % span));
            child.kill().unwrap();
            child.wait().unwrap();
            over.store(true, Ordering::Relaxed);
        });
    }
    let (mut child, addr) = spawn_server(&log.path(), None);
    check(addr, &log, &seen);
    child.kill().unwrap();
    child.wait().unwrap();
    let report = fsck(&log.path(), &mut |_, _| {}).unwrap();
    assert_eq!(report.damages(), []);
    let acknowledged = seen.acknowledged.lock().unwrap().len();
    let heads = seen.heads.lock().unwrap().len();
    println!(
        "{cycles} kills, {acknowledged} acknowledged entries, {heads} checkpoints, {} entries",
        report.entries()
    );
    assert!(acknowledged as u64 >= cycles, "the test did not get to submit");
}
