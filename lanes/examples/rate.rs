//! Prints how many bytes a second one core hashes, with one to four messages side by side, in turns.
//!
//! ```console
//! $ cargo run --release -p lanes --example rate
//! ```

use std::hint::black_box;
use std::time::Instant;

use lanes::{BLOCK_BYTES, Message, advance};

/// Of each message, small enough for a core's own cache.
const MESSAGE_BYTES: usize = 64 * 1024;
/// Bytes for one figure.
const TURN_BYTES: usize = 512 * 1024 * 1024;
const TURNS: usize = 5;

fn rate<const N: usize>(bytes: &[u8]) -> f64 {
    let blocks = bytes.as_chunks::<BLOCK_BYTES>().0;
    let mut messages = [const { Message::new() }; N];
    let rounds = TURN_BYTES / MESSAGE_BYTES / N;
    let began = Instant::now();
    for _ in 0..rounds {
        advance(messages.each_mut().map(|message| (message, black_box(blocks))));
    }
    let seconds = began.elapsed().as_secs_f64();
    black_box(messages.map(|message| message.finish(&[])));
    (rounds * N * MESSAGE_BYTES) as f64 / seconds / 1e9
}

fn main() {
    let bytes: Vec<u8> = (0..MESSAGE_BYTES).map(|at| (at % 251) as u8).collect();
    println!("messages side by side: GB/s on one core");
    let mut turns: Vec<[f64; 4]> = (0..TURNS)
        .map(|_| [rate::<1>(&bytes), rate::<2>(&bytes), rate::<3>(&bytes), rate::<4>(&bytes)])
        .collect();
    for lanes in 0..4 {
        turns.sort_by(|a, b| a[lanes].total_cmp(&b[lanes]));
        println!("{}: {:.2}", lanes + 1, turns[TURNS / 2][lanes]);
    }
}
