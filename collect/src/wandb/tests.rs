//! Runs that W&B wrote (testdata/collect/make/wandb.py), read whole, and then with one fault each.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::reading::ReadError;
use crate::{Fact, Privacy};

fn testdata(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/collect/wandb").join(case)
}

/// The log of a case.
fn log_of(case: &str) -> Vec<u8> {
    fs::read(log_in(&testdata(case)).expect("a log")).expect("bytes")
}

fn reasons(collected: &Collected) -> Vec<WarningReason> {
    collected.warnings().iter().map(crate::Warning::reason).collect()
}

fn value_of(collected: &Collected, about: &str, key: &str) -> Option<String> {
    let is_it = |fact: &&Fact| fact.about() == about && fact.key() == key;
    collected.facts().iter().find(is_it).map(|fact| fact.value().to_text())
}

/// What is not warned of in the log that is whole.
fn new_warnings(spoiled: &Collected) -> Vec<&crate::Warning> {
    let whole = read_log(&log_of("offline")).expect("a log");
    let is_new = |warning: &&crate::Warning| !whole.warnings().contains(warning);
    spoiled.warnings().iter().filter(is_new).collect()
}

/// Chunks of a log: where each begins, and its length with the header.
fn chunks(log: &[u8]) -> Vec<(usize, usize)> {
    let (mut chunks, mut at) = (Vec::new(), 7);
    while at + 7 <= log.len() {
        let left = (1 << 15) - at % (1 << 15);
        if left < 7 {
            at += left;
            continue;
        }
        let len = 7 + usize::from(u16::from_le_bytes([log[at + 4], log[at + 5]]));
        chunks.push((at, len));
        at += len;
    }
    chunks
}

/// A chunk as W&B would write it.
fn chunk(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut chunk = log::crc32(kind, data).to_le_bytes().to_vec();
    chunk.extend(u16::try_from(data.len()).expect("a chunk").to_le_bytes());
    chunk.push(kind);
    chunk.extend(data);
    chunk
}

/// A log of these chunks.
fn log_with(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut log = b":W&B\xe1\xbe\0".to_vec();
    log.extend(chunks.concat());
    log
}

/// A record with a run id and nothing else.
const RUN_RECORD: &[u8] = &[0x8a, 0x01, 3, 0x0a, 1, b'x'];

#[test]
fn the_checksums_of_the_real_log_are_plain() {
    let log = log_of("offline");
    let chunks = chunks(&log);
    assert!(chunks.len() > 20, "{}", chunks.len());
    for (at, len) in chunks {
        let written = u32::from_le_bytes(log[at..at + 4].try_into().expect("four bytes"));
        assert_eq!(log::crc32(log[at + 6], &log[at + 7..at + len]), written, "chunk at {at}");
    }
}

#[test]
fn people_hosts_arguments_and_paths_are_personal() {
    let collected = read(&testdata("offline")).expect("a run");
    for fact in collected.facts().iter().filter(|fact| fact.privacy() == Privacy::Public) {
        let text = format!("{} {}", fact.about(), fact.value().to_text());
        for secret in ["somebody", "somewhere", "/tmp/", "hidden", "--train"] {
            assert!(!text.contains(secret), "{fact:?}");
        }
    }
    let personal = ["argument", "email", "entity", "executable", "host", "program", "root", "user"];
    for key in personal {
        let is_it = |fact: &&Fact| fact.key() == key;
        let fact = collected.facts().iter().find(is_it).unwrap_or_else(|| panic!("{key}"));
        assert_eq!(fact.privacy(), Privacy::Personal, "{key}");
    }
}

#[test]
fn a_run_that_was_killed_is_read_and_said_to_have_no_exit() {
    let collected = read(&testdata("crashed")).expect("a run");
    assert_eq!(value_of(&collected, "lr", "value").as_deref(), Some("0.001"));
    assert!(reasons(&collected).contains(&WarningReason::Absent));
    assert_eq!(value_of(&collected, "", "exit-code"), None);
}

#[test]
fn the_last_value_counts_and_knows_its_step() {
    let collected = read(&testdata("offline")).expect("a run");
    assert_eq!(value_of(&collected, "epochs", "value").as_deref(), Some("5"));
    assert_eq!(value_of(&collected, "accuracy", "value").as_deref(), Some("0.9733333333333334"));
    assert_eq!(value_of(&collected, "accuracy", "step").as_deref(), Some("2"));
    assert_eq!(value_of(&collected, "best", "value").as_deref(), Some("0.98"));
    assert_eq!(value_of(&collected, "best", "step"), None);
}

#[test]
fn a_flipped_bit_costs_its_block_and_no_more() {
    let log = log_of("offline");
    // The first chunk of the second block ends a long value; the flipped bit is in it.
    let mut spoiled = log.clone();
    spoiled[(1 << 15) + 100] ^= 1;
    let collected = read_log(&spoiled).expect("a log");
    let said = new_warnings(&collected);
    assert_eq!(said[0].reason(), WarningReason::Malformed);
    assert!(said[0].text().contains("checksum"), "{:?}", said[0]);
    assert_eq!(said[0].at(), "log: byte 32768");
    // The record of the exit is in the same block.
    assert_eq!(reasons(&collected).last(), Some(&WarningReason::Absent));
    assert_eq!(value_of(&collected, "lr", "value").as_deref(), Some("0.001"));
}

#[test]
fn a_fault_in_the_first_block_leaves_what_is_in_the_second() {
    let log = log_of("offline");
    let (at, _) = chunks(&log)[1];
    let mut spoiled = log.clone();
    spoiled[at + 4] ^= 1;
    let collected = read_log(&spoiled).expect("a log");
    assert_eq!(new_warnings(&collected)[0].at(), format!("log: byte {at}"));
    assert_eq!(value_of(&collected, "", "run-id"), None);
    assert_eq!(value_of(&collected, "", "exit-code").as_deref(), Some("0"));
}

#[test]
fn a_length_beyond_the_block_is_a_warning() {
    let mut spoiled = log_of("offline");
    let (at, _) = chunks(&spoiled)[2];
    spoiled[at + 4..at + 6].copy_from_slice(&u16::MAX.to_le_bytes());
    let collected = read_log(&spoiled).expect("a log");
    let said = new_warnings(&collected);
    assert_eq!(said[0].reason(), WarningReason::Malformed);
    assert!(said[0].text().contains("65535 bytes, which is more than its block has left"), "{:?}", said[0]);
}

#[test]
fn a_log_cut_anywhere_keeps_what_is_whole() {
    let log = log_of("offline");
    let chunks = chunks(&log);
    let whole: Vec<_> = chunks.iter().map(|(at, len)| at + len).collect();
    for cut in (7..log.len()).step_by(61).chain(whole.iter().copied()) {
        let collected = read_log(&log[..cut]).expect("a log");
        let ends_whole = whole.contains(&cut) || cut == 7;
        // Between the parts of a record the cut is at the end of a chunk and all the same in the middle.
        let is_inside_long = whole.contains(&cut)
            && log[chunks.iter().rev().find(|(at, _)| *at < cut).expect("one").0 + 6] == 2;
        let said = collected
            .warnings()
            .iter()
            .filter(|warning| warning.text().contains("ends in the middle"))
            .count();
        assert_eq!(said, usize::from(!ends_whole || is_inside_long), "cut at {cut}");
        if cut > whole[1] {
            assert!(value_of(&collected, "", "run-id").is_some(), "cut at {cut}");
        }
    }
}

#[test]
fn a_header_of_another_version_is_an_error() {
    let mut log = log_of("offline");
    log[6] = 1;
    assert!(matches!(read_log(&log), Err(WandbError::UnknownVersion { found: 1, .. })));
    for bytes in [b"".as_slice(), b":W&B", b":W&B\xe1\xbe", b":W&B\xbe\xe1\0", b"PK\x03\x04abc"] {
        assert!(matches!(read_log(bytes), Err(WandbError::NotALog { .. })), "{bytes:02x?}");
    }
    let Err(WandbError::NotALog { found, .. }) = read_log(&[7; 100]) else { panic!("no log") };
    assert_eq!(found, [7; 6]);
}

#[test]
fn chunks_out_of_order_are_warnings_and_later_records_are_read() {
    let (first, rest) = RUN_RECORD.split_at(2);
    let whole = chunk(1, RUN_RECORD);
    let cases = [
        // A last or middle part without a first.
        (vec![chunk(4, rest), whole.clone()], "type 4, which is out of order"),
        (vec![chunk(3, rest), chunk(4, rest), whole.clone()], "type 3, which is out of order"),
        // A record that begins while another has not ended.
        (vec![chunk(2, first), whole.clone()], "type 1, which is out of order"),
        (vec![chunk(2, first), chunk(2, first), chunk(4, rest)], "type 2, which is out of order"),
        // A type that is none.
        (vec![whole.clone(), chunk(5, rest), whole.clone()], "type 5, want 1 to 4"),
        (vec![whole.clone(), chunk(0, rest)], "type 0, want 1 to 4"),
    ];
    for (chunks, text) in cases {
        let collected = read_log(&log_with(&chunks)).expect("a log");
        let said = collected.warnings();
        assert_eq!(said.len(), 2, "{text}: {said:?}");
        assert_eq!(said[0].reason(), WarningReason::Malformed);
        assert!(said[0].text().contains(text), "{text}: {said:?}");
        assert_eq!(said[1].reason(), WarningReason::Absent);
        assert_eq!(value_of(&collected, "", "run-id").as_deref(), Some("x"), "{text}");
    }
}

#[test]
fn zeros_are_space_that_was_never_written() {
    let mut log = log_with(&[chunk(1, RUN_RECORD)]);
    log.resize(100, 0);
    assert_eq!(reasons(&read_log(&log).expect("a log")), [WarningReason::Absent]);
    log.resize(1 << 15, 0);
    log.extend(chunk(1, &[0x92, 0x01, 0]));
    assert_eq!(reasons(&read_log(&log).expect("a log")), []);
}

#[test]
fn a_record_beyond_the_bound_is_passed_by() {
    let mut log = b":W&B\xe1\xbe\0".to_vec();
    let part = vec![0; (1 << 15) - 7];
    log.extend(chunk(2, &part[..part.len() - 7]));
    for _ in 0..520 {
        log.extend(chunk(3, &part));
    }
    log.extend(chunk(4, b"end"));
    log.extend(chunk(1, RUN_RECORD));
    let collected = read_log(&log).expect("a log");
    assert_eq!(reasons(&collected), [WarningReason::TooLarge, WarningReason::Absent]);
    assert_eq!(value_of(&collected, "", "run-id").as_deref(), Some("x"));
}

#[test]
fn a_record_that_is_no_message_is_a_warning() {
    let bad: [&[u8]; 4] = [b"\xff", b"\x8a\x01\x05\x0a", b"\x8a\x01\x04\x0a\x01\xff\x00", b"\x88\x01\x01"];
    for record in bad {
        let collected = read_log(&log_with(&[chunk(1, record), chunk(1, RUN_RECORD)])).expect("a log");
        assert_eq!(reasons(&collected), [WarningReason::Malformed, WarningReason::Absent], "{record:02x?}");
        assert_eq!(value_of(&collected, "", "run-id").as_deref(), Some("x"));
    }
}

#[test]
fn a_second_run_id_is_a_warning() {
    let other = [0x8a, 0x01, 3, 0x0a, 1, b'y'];
    let collected = read_log(&log_with(&[chunk(1, RUN_RECORD), chunk(1, &other)])).expect("a log");
    assert_eq!(reasons(&collected), [WarningReason::Disagreement, WarningReason::Absent]);
}

#[test]
fn control_characters_in_a_name_are_no_fact() {
    let record = [0x8a, 0x01, 5, 0x42, 3, b'a', 0x1b, b'b'];
    let collected = read_log(&log_with(&[chunk(1, &record)])).expect("a log");
    assert_eq!(reasons(&collected), [WarningReason::Malformed, WarningReason::Absent]);
    assert!(!collected.to_string().chars().any(|c| c.is_control() && c != '\n'));
}

/// A copy of a case that a test may spoil.
fn copy_of(case: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("files")).expect("a directory");
    for part in ["", "files"] {
        for entry in fs::read_dir(testdata(case).join(part)).expect("a directory") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_file() {
                fs::copy(entry.path(), directory.path().join(part).join(entry.file_name())).expect("a copy");
            }
        }
    }
    directory
}

#[test]
fn files_beside_the_log_repeat_it() {
    let directory = copy_of("online");
    let with_files = read(directory.path()).expect("a run");
    assert!(!reasons(&with_files).contains(&WarningReason::Disagreement), "{:?}", with_files.warnings());
    for name in ["config.yaml", "wandb-metadata.json", "wandb-summary.json"] {
        fs::remove_file(directory.path().join("files").join(name)).expect("remove");
    }
    let without = read(directory.path()).expect("a run");
    assert_eq!(with_files.facts(), without.facts());
    assert_eq!(with_files.files().len(), without.files().len() + 3);
}

#[test]
fn files_that_contradict_the_log_are_warnings_and_the_log_counts() {
    let cases = [
        ("config.yaml", "value: 0.001", "value: 0.002", "lr"),
        ("wandb-summary.json", "\"best\":0.98", "\"best\":0.99", "best"),
        ("wandb-metadata.json", "\"cpu_count\":  2", "\"cpu_count\":  64", ""),
    ];
    for (name, from, to, about) in cases {
        let directory = copy_of("online");
        let before = read(directory.path()).expect("a run");
        let path = directory.path().join("files").join(name);
        let text = fs::read_to_string(&path).expect("text");
        assert!(text.contains(from), "{name}");
        fs::write(&path, text.replacen(from, to, 1)).expect("write");
        let after = read(directory.path()).expect("a run");
        let disagreements =
            reasons(&after).iter().filter(|reason| **reason == WarningReason::Disagreement).count();
        assert_eq!(disagreements, 1, "{name}: {:?}", after.warnings());
        assert_eq!(value_of(&after, about, "value"), value_of(&before, about, "value"), "{name}");
        assert_eq!(before.facts(), after.facts(), "{name}");
    }
}

/// Puts something else in place of a file.
type Spoil<'a> = &'a dyn Fn(&Path);

#[test]
fn a_file_beside_the_log_that_cannot_be_read_is_a_warning() {
    let whole = read(copy_of("online").path()).expect("a run").warnings().len();
    let cases: [(&str, Spoil<'_>, WarningReason); 7] = [
        (
            "config.yaml",
            &|path| fs::write(path, "lr: {value: 1}\nlr: {value: 2}\n").expect("write"),
            WarningReason::Malformed,
        ),
        ("config.yaml", &|path| fs::write(path, "- 1\n").expect("write"), WarningReason::Malformed),
        (
            "wandb-summary.json",
            &|path| fs::write(path, r#"{"a":1,"a":2}"#).expect("write"),
            WarningReason::Malformed,
        ),
        ("wandb-metadata.json", &|path| fs::write(path, "[]").expect("write"), WarningReason::Malformed),
        ("diff.patch", &make_pipe, WarningReason::Malformed),
        ("output.log", &|path| symlink("/etc/hostname", path).expect("a link"), WarningReason::Escape),
        ("requirements.txt", &make_huge, WarningReason::TooLarge),
    ];
    for (name, spoil, reason) in cases {
        let directory = copy_of("online");
        let path = directory.path().join("files").join(name);
        fs::remove_file(&path).expect("remove");
        spoil(&path);
        let collected = read(directory.path()).expect("a run");
        let at_file = |warning: &&crate::Warning| warning.at() == format!("files/{name}");
        let said: Vec<_> = collected.warnings().iter().filter(at_file).map(crate::Warning::reason).collect();
        assert_eq!(said, [reason], "{name}: {:?}", collected.warnings());
        assert_eq!(collected.warnings().len(), whole + 1, "{name}");
    }
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

fn make_huge(path: &Path) {
    fs::File::create(path).and_then(|file| file.set_len(1 << 42)).expect("a sparse file");
}

#[test]
fn code_that_is_a_link_is_not_hashed() {
    let directory = copy_of("offline");
    symlink("/etc", directory.path().join("files/code")).expect("a link");
    assert!(reasons(&read(directory.path()).expect("a run")).contains(&WarningReason::Escape));
}

#[test]
fn a_directory_without_one_log_is_an_error() {
    let directory = copy_of("offline");
    fs::copy(log_in(directory.path()).expect("a log"), directory.path().join("run-2.wandb")).expect("a copy");
    assert!(matches!(read(directory.path()), Err(WandbError::NoLog { found: 2, .. })));
    assert!(matches!(read(&testdata("")), Err(WandbError::NoLog { found: 0, .. })));
    let none = directory.path().join("none");
    assert!(matches!(read(&none), Err(WandbError::Read(ReadError::Absent { .. }))));
}

#[test]
fn a_log_that_is_a_pipe_a_link_or_huge_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("run-1.wandb");
    make_pipe(&path);
    assert!(matches!(read(directory.path()), Err(WandbError::Read(ReadError::NotRegular { .. }))));
    fs::remove_file(&path).expect("remove");
    symlink(log_in(&testdata("offline")).expect("a log"), &path).expect("a link");
    assert!(matches!(read(&path), Err(WandbError::Read(ReadError::NotRegular { .. }))));
    fs::remove_file(&path).expect("remove");
    make_huge(&path);
    assert!(matches!(read(&path), Err(WandbError::Read(ReadError::TooLarge { .. }))));
}

#[test]
fn a_log_alone_gives_what_its_directory_gives_but_for_the_files() {
    let log = log_in(&testdata("offline")).expect("a log");
    let alone = read(&log).expect("a run");
    assert_eq!(alone.files().len(), 1);
    assert_eq!(alone.files()[0].sha256(), attest::digest::Sha256Digest::of(&log_of("offline")));
    assert_eq!(value_of(&alone, "", "dirty"), None);
    assert_eq!(value_of(&read(&testdata("offline")).expect("a run"), "", "dirty").as_deref(), Some("true"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read_log(&bytes);
        let mut log = b":W&B\xe1\xbe\0".to_vec();
        log.extend(&bytes);
        prop_assert!(read_log(&log).is_ok());
        // Past the checksum.
        prop_assert!(read_log(&log_with(&[chunk(1, &bytes)])).is_ok());
    }

    #[test]
    fn a_real_log_with_any_byte_changed_is_read_or_refused(at in 0_usize..4000, byte: u8) {
        let mut log = log_of("offline");
        log[at] = byte;
        if let Ok(collected) = read_log(&log) {
            prop_assert!(!collected.to_string().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
