//! What witnesses show is held against what the log shows.

use attest::digest::Sha256Digest;

use crate::log::{Log, ORIGIN, witness_vkey};
use crate::mint::said;
use crate::support::{Asked, Desk};

fn entries(count: u32) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|number| said("other/model", &number.to_string(), 9).entry())
}

#[test]
fn a_witness_that_was_shown_another_history_is_a_split_view() {
    let mut log = Log::new();
    log.append(entries(30));
    let witness = log.twin();
    let path = format!("{}/checkpoint", Sha256Digest::of(ORIGIN.as_bytes()));
    witness.set(&path, log.get("checkpoint"));
    let policy = format!("witness w2 {} {}\nquorum none\n", witness_vkey(2), witness.url);
    let desk = Desk::new(&log, &Asked { policy: &policy, ..Asked::default() });
    assert_eq!(desk.reasons(), (0, vec![]));
    let mut other = log.entries.clone();
    other[4] = b"for the witness alone".to_vec();
    witness.set(&path, log.checkpoint(&other));
    assert_eq!(desk.reasons(), (1, vec!["split-view".to_owned()]));
}
