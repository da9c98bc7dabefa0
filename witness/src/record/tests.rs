//! The file byte by byte: torn ends are passed over, damage is not, and writing anew loses nothing.

use super::*;
use ed25519_dalek::SigningKey;
use merkle::{Hash, TreeHead, TreeSize};
use tlog::checkpoint::CheckpointSigner;
use tlog::vkey::Vkey;

fn identity() -> Identity {
    let key = SigningKey::from_bytes(&[3; 32]).verifying_key();
    Identity::of(&Vkey::cosignature_ed25519("w".parse().unwrap(), key.as_bytes()).unwrap())
}

fn latest(origin: &str, size: u64, root: u8, time: u64) -> Latest {
    let signer =
        CheckpointSigner::ed25519(origin.parse().unwrap(), SigningKey::from_bytes(&[1; 32])).unwrap();
    let head = TreeHead::new(TreeSize::new(size).unwrap(), Hash::from_bytes([root; 32])).unwrap();
    Latest::new(UnixSeconds::new(time).unwrap(), SignedCheckpoint::parse(&signer.sign(&head)).unwrap())
}

fn new() -> (tempfile::TempDir, Record) {
    let dir = tempfile::tempdir().unwrap();
    Record::create(dir.path(), &identity()).unwrap();
    let record = Record::open(dir.path(), &identity()).unwrap();
    (dir, record)
}

fn bytes(dir: &tempfile::TempDir) -> Vec<u8> {
    std::fs::read(dir.path().join("record")).unwrap()
}

fn sizes(dir: &tempfile::TempDir) -> Result<Vec<(String, u64)>, RecordError> {
    let found = read(dir.path(), &identity())?;
    Ok(found.latest.iter().map(|latest| (latest.origin().to_string(), latest.head().size().get())).collect())
}

/// Two frames: one of two logs, one of the first again.
fn two_frames() -> (tempfile::TempDir, Vec<u8>, usize) {
    let (dir, mut record) = new();
    record.append(vec![latest("a", 3, 1, 10), latest("b", 9, 2, 10)]).unwrap();
    let first = bytes(&dir).len();
    record.append(vec![latest("a", 5, 3, 11)]).unwrap();
    let whole = bytes(&dir);
    (dir, whole, first)
}

#[test]
fn what_is_appended_is_read_and_survives_a_start() {
    let (dir, mut record) = new();
    assert_eq!(sizes(&dir).unwrap(), []);
    record.append(vec![latest("a", 3, 1, 10), latest("b", 9, 2, 10)]).unwrap();
    record.append(vec![latest("a", 5, 3, 11)]).unwrap();
    let both = vec![("a".to_owned(), 5), ("b".to_owned(), 9)];
    assert_eq!(sizes(&dir).unwrap(), both);
    drop(record);
    let record = Record::open(dir.path(), &identity()).unwrap();
    assert_eq!(sizes(&dir).unwrap(), both);
    let a = record.latest(&OriginHash::of(&"a".parse().unwrap())).unwrap();
    assert_eq!(*a.latest(), latest("a", 5, 3, 11));
    let again = bytes(&dir);
    drop(record);
    Record::open(dir.path(), &identity()).unwrap();
    assert_eq!(bytes(&dir), again, "the same state is the same bytes");
}

#[test]
fn a_last_frame_that_is_cut_short_was_never_answered_about() {
    let (dir, whole, first) = two_frames();
    let path = dir.path().join("record");
    for length in first..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(sizes(&dir).unwrap(), [("a".to_owned(), 3), ("b".to_owned(), 9)], "{length}");
    }
    for length in 32..first {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(sizes(&dir).unwrap(), [], "{length}");
    }
    for length in 0..32 {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(sizes(&dir), Err(RecordError::OtherWitness { .. })), "{length}");
    }
    // A start goes on from there.
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let mut record = Record::open(dir.path(), &identity()).unwrap();
    record.append(vec![latest("a", 4, 4, 12)]).unwrap();
    assert_eq!(sizes(&dir).unwrap(), [("a".to_owned(), 4), ("b".to_owned(), 9)]);
}

#[test]
fn zeros_where_the_last_frame_should_be_are_what_a_crash_leaves() {
    let (dir, whole, first) = two_frames();
    let path = dir.path().join("record");
    let old = [("a".to_owned(), 3), ("b".to_owned(), 9)];
    for zeros in [1, 11, 12, 13, 4096, 100_000] {
        std::fs::write(&path, [&whole[..first], &vec![0; zeros]].concat()).unwrap();
        assert_eq!(sizes(&dir).unwrap(), old, "{zeros}");
    }
    // From each sector boundary inside the frame on, as if the sectors behind it had never been written.
    for from in (first.next_multiple_of(512)..whole.len()).step_by(512) {
        let mut torn = whole.clone();
        torn[from..].fill(0);
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(sizes(&dir).unwrap(), old, "{from}");
    }
    // Wherever in a sector the frame ends: also if only its last byte is in the next one.
    for pad in (0..512).step_by(3) {
        let (dir, mut record) = new();
        record.append(vec![latest(&format!("p{}", "x".repeat(pad % 200)), 1, 1, 1)]).unwrap();
        if pad >= 200 {
            record.append(vec![latest(&format!("q{}", "x".repeat(pad % 190)), 1, 1, 1)]).unwrap();
        }
        let (first, known) = (bytes(&dir).len(), sizes(&dir).unwrap());
        record.append(vec![latest("a", 5, 3, 11)]).unwrap();
        let whole = bytes(&dir);
        let from = (whole.len() - 1) / 512 * 512;
        if from <= first || whole.len() - from > 40 {
            continue;
        }
        let mut torn = whole.clone();
        torn[from..].fill(0);
        if torn == whole {
            continue;
        }
        let path = dir.path().join("record");
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(sizes(&dir).unwrap(), known, "{pad}");
        // The same end, and a bit before it: not what a crash leaves.
        if whole.len() - from < 16 {
            torn[first + 40] ^= 1;
            std::fs::write(&path, &torn).unwrap();
            assert!(matches!(sizes(&dir), Err(RecordError::Damaged { .. })), "{pad}");
        }
    }
    // Zeros with something behind them are damage.
    std::fs::write(&path, [&whole[..first], &[0; 600][..], &[1]].concat()).unwrap();
    assert!(matches!(sizes(&dir), Err(RecordError::Damaged { .. })));
}

#[test]
fn a_sector_in_the_middle_of_a_long_frame_may_be_the_one_that_is_missing() {
    let (dir, mut record) = new();
    let many: Vec<Latest> =
        (0..20).map(|log| latest(&format!("log {log}").replace(' ', "-"), 3, 1, 10)).collect();
    record.append(vec![latest("a", 3, 1, 10)]).unwrap();
    let first = bytes(&dir).len();
    record.append(many.clone()).unwrap();
    let whole = bytes(&dir);
    for from in (first.next_multiple_of(512)..whole.len() - 512).step_by(512) {
        let mut torn = whole.clone();
        torn[from..from + 512].fill(0);
        std::fs::write(dir.path().join("record"), &torn).unwrap();
        assert_eq!(sizes(&dir).unwrap().len(), 1, "{from}");
        // With a frame behind it, it was answered about.
        let behind = [&torn[..], &[1; 100]].concat();
        std::fs::write(dir.path().join("record"), behind).unwrap();
        assert!(matches!(sizes(&dir), Err(RecordError::Damaged { .. })), "{from}");
    }
}

#[test]
fn every_flipped_bit_is_damage_also_in_the_last_frame() {
    let (dir, whole, _) = two_frames();
    let path = dir.path().join("record");
    for at in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut spoiled = whole.clone();
            spoiled[at] ^= bit;
            std::fs::write(&path, &spoiled).unwrap();
            let seen = sizes(&dir);
            match at < 32 {
                true => assert!(matches!(seen, Err(RecordError::OtherWitness { .. })), "{at}"),
                false => assert!(matches!(seen, Err(RecordError::Damaged { .. })), "{at}: {seen:?}"),
            }
        }
    }
}

#[test]
fn what_takes_back_what_was_cosigned_is_refused() {
    for second in [latest("a", 2, 1, 11), latest("a", 3, 2, 11)] {
        let (dir, mut record) = new();
        record.append(vec![latest("a", 3, 1, 10)]).unwrap();
        record.append(vec![second]).unwrap();
        assert!(matches!(sizes(&dir), Err(RecordError::Fell { .. })));
    }
    let (dir, mut record) = new();
    record.append(vec![latest("a", 3, 1, 10), latest("a", 3, 1, 12), latest("a", 4, 2, 12)]).unwrap();
    assert_eq!(sizes(&dir).unwrap(), [("a".to_owned(), 4)]);
}

#[test]
fn a_file_that_is_mostly_old_is_written_anew_and_loses_nothing() {
    let (dir, mut record) = new();
    record.set_compact_bytes(2000);
    let mut longest = 0;
    for size in 1..200 {
        record.append(vec![latest(["a", "b", "c"][size as usize % 3], size, 1, size)]).unwrap();
        longest = longest.max(record.size_bytes());
        assert_eq!(record.size_bytes(), bytes(&dir).len() as u64);
        let seen = sizes(&dir).unwrap();
        assert_eq!(seen.iter().map(|(_, size)| *size).max(), Some(size));
    }
    assert!(longest < 5000, "{longest}");
    assert_eq!(sizes(&dir).unwrap(), [("a".to_owned(), 198), ("b".to_owned(), 199), ("c".to_owned(), 197)]);
    assert!(!dir.path().join("record.next").exists());
}

#[test]
fn what_a_crash_left_of_writing_anew_is_written_over() {
    let (dir, mut record) = new();
    record.append(vec![latest("a", 3, 1, 10)]).unwrap();
    drop(record);
    std::fs::write(dir.path().join("record.next"), vec![7; 10_000]).unwrap();
    Record::open(dir.path(), &identity()).unwrap();
    assert_eq!(sizes(&dir).unwrap(), [("a".to_owned(), 3)]);
}

#[test]
fn another_witness_and_a_missing_file_are_told_apart() {
    let (dir, record) = new();
    drop(record);
    let key = SigningKey::from_bytes(&[4; 32]).verifying_key();
    let other = Identity::of(&Vkey::cosignature_ed25519("w".parse().unwrap(), key.as_bytes()).unwrap());
    assert!(matches!(Record::open(dir.path(), &other), Err(RecordError::OtherWitness { .. })));
    std::fs::remove_file(dir.path().join("record")).unwrap();
    let missing = Record::open(dir.path(), &identity()).unwrap_err();
    assert!(missing.is_io() && missing.hint().unwrap().contains("must not cosign"));
}
