//! Reads every file under `testdata/bundle-format`; see the README there for the form of a case.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;

use attest::bundle::{
    Bundle, BundleError, BundleFile, BundleFileError, LogEntry, LogEntryError, MAX_BUNDLE_FILE_BYTES,
    MAX_BUNDLE_FILE_LINES, MAX_LINE_BYTES, MAX_LOG_ENTRY_BYTES, Repeated,
};
use attest::dsse::{Envelope, EnvelopeError, MAX_ENVELOPE_BYTES, MAX_PAYLOAD_BYTES};
use attest::entry::ModelSalt;
use attest::json::JsonError;
use attest::statement::{Statement, StatementError};
use cases::{every_case_is_refused, files};
use proptest::prelude::*;
use tlog::proof::LogProof;

fn example() -> Bundle {
    let case = files("bundle-format/bundle/canonical").into_iter().find(|case| case.name == "example.json");
    Bundle::parse(&case.unwrap().bytes).unwrap()
}

#[test]
fn a_bundle_we_write_is_read_and_written_back() {
    for case in files("bundle-format/bundle/canonical") {
        let bundle = Bundle::parse(&case.bytes).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(bundle.to_json_line(), case.bytes, "{}", case.name);
    }
}

#[test]
fn every_bundle_holds_a_statement_and_the_entry_that_follows_from_it() {
    for case in files("bundle-format/bundle/canonical") {
        let bundle = Bundle::parse(&case.bytes).unwrap();
        let statement = Statement::parse(bundle.envelope().payload()).unwrap();
        let Some(logged) = bundle.log_entry() else { continue };
        let entry = logged.entry().unwrap();
        assert_eq!(entry.verify(), Ok(()), "{}", case.name);
        assert_eq!(entry.payload().statement(), statement.digest(), "{}", case.name);
        assert_eq!(entry.payload().key().key_id(), bundle.hint(), "{}", case.name);
        assert_eq!(bundle.envelope().verify(entry.payload().key()), Ok(()), "{}", case.name);
        let Some(proof) = logged.proof() else { continue };
        let head = proof.checkpoint().unverified().head();
        assert_eq!(proof.inclusion().verify(&entry.leaf_hash(), head), Ok(()), "{}", case.name);
    }
}

#[test]
fn other_spellings_that_mean_the_same_are_read() {
    for case in files("bundle-format/bundle/accept") {
        let bundle = Bundle::parse(&case.bytes).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(Bundle::parse(&bundle.to_json_line()), Ok(bundle), "{}", case.name);
    }
}

#[test]
fn every_bundle_reject_case_is_refused_for_its_reason() {
    every_case_is_refused("bundle-format/bundle/reject", Bundle::parse);
}

#[test]
fn a_log_answer_is_read_and_written_back() {
    for case in files("bundle-format/log-entry/canonical") {
        let logged = LogEntry::parse(&case.bytes).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(logged.to_json(), case.bytes, "{}", case.name);
    }
}

#[test]
fn a_log_entry_becomes_a_log_proof_and_back() {
    let bundle = example();
    let logged = bundle.log_entry().unwrap();
    let proof = LogProof::parse(&logged.proof().unwrap().to_bytes()).unwrap();
    let again = LogEntry::logged(logged.entry_bytes().to_vec(), *logged.log_id().unwrap(), proof);
    assert_eq!(again.as_ref(), Ok(logged));
}

#[test]
fn a_log_id_that_did_not_sign_the_checkpoint_is_refused() {
    let bundle = example();
    let logged = bundle.log_entry().unwrap();
    let mut log_id = *logged.log_id().unwrap();
    log_id[3] ^= 1;
    let other = LogEntry::logged(logged.entry_bytes().to_vec(), log_id, logged.proof().unwrap().clone());
    assert_eq!(other, Err(LogEntryError::Disagrees { repeated: Repeated::LogId }));
}

#[test]
fn a_log_proof_with_extra_data_has_no_place() {
    let bundle = example();
    let logged = bundle.log_entry().unwrap();
    let text = String::from_utf8(logged.proof().unwrap().to_bytes()).unwrap();
    let proof = LogProof::parse(text.replacen("\nindex", "\nextra AAAA\nindex", 1).as_bytes()).unwrap();
    let other = LogEntry::logged(logged.entry_bytes().to_vec(), *logged.log_id().unwrap(), proof);
    assert_eq!(other, Err(LogEntryError::ProofExtra));
}

#[test]
fn a_pending_bundle_is_completed_with_the_logs_answer() {
    let (done, logged) = (example(), example().log_entry().cloned().unwrap());
    let pending = LogEntry::pending(logged.entry_bytes().to_vec()).unwrap();
    let pending = done.clone().with_log_entry(pending);
    assert_eq!(pending.log_entry().and_then(LogEntry::proof), None);
    let pending = Bundle::parse(&pending.to_json_line()).unwrap();
    assert_eq!(pending.with_log_entry(logged), done);
}

#[test]
fn every_file_is_written_back_byte_for_byte() {
    for case in files("bundle-format/file/canonical") {
        let file = BundleFile::parse(&case.bytes).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(file.to_bytes(), case.bytes, "{}", case.name);
    }
}

#[test]
fn every_file_reject_case_is_refused_for_its_reason() {
    every_case_is_refused("bundle-format/file/reject", BundleFile::parse);
}

#[test]
fn adding_and_replacing_leave_the_other_lines_alone() {
    for case in files("bundle-format/file/canonical") {
        let file = BundleFile::parse(&case.bytes).unwrap();
        let ours = example().to_json_line();
        let added = file.clone().with(example()).unwrap().to_bytes();
        assert_eq!(added, [&case.bytes[..], &ours[..], b"\n"].concat(), "{}", case.name);
        for index in 0..file.lines().len() {
            let replaced = file.clone().replacing(index, example()).unwrap();
            assert_eq!(replaced.lines()[index].as_bytes(), ours, "{}", case.name);
            for (other, (before, after)) in file.lines().iter().zip(replaced.lines()).enumerate() {
                assert!(other == index || before == after, "{}: line {other}", case.name);
            }
        }
        let lines = file.lines().len();
        let beyond = file.replacing(lines, example());
        assert_eq!(beyond, Err(BundleFileError::NoSuchLine { index: lines, lines }), "{}", case.name);
    }
}

#[test]
fn the_file_has_its_limits_when_read() {
    let len = MAX_BUNDLE_FILE_BYTES + 1;
    assert_eq!(BundleFile::parse(&vec![b' '; len]), Err(BundleFileError::TooLong { len }));
    let len = MAX_LINE_BYTES + 1;
    let mut line = vec![b' '; len];
    line.push(b'\n');
    assert_eq!(BundleFile::parse(&line), Err(BundleFileError::LineTooLong { line: 1, len }));
    let mut line = short().to_json_line();
    line.push(b'\n');
    assert!(BundleFile::parse(&line.repeat(MAX_BUNDLE_FILE_LINES)).is_ok());
    assert_eq!(
        BundleFile::parse(&line.repeat(MAX_BUNDLE_FILE_LINES + 1)),
        Err(BundleFileError::TooManyLines)
    );
}

#[test]
fn every_document_has_a_limit() {
    let spaces = |len| vec![b' '; len];
    let too_large = |len| JsonError::TooLarge { len: len + 1, max: len };
    let len = MAX_LINE_BYTES;
    assert_eq!(Bundle::parse(&spaces(len + 1)), Err(BundleError::Json { source: too_large(len) }));
    let len = MAX_LOG_ENTRY_BYTES;
    assert_eq!(LogEntry::parse(&spaces(len + 1)), Err(LogEntryError::Json { source: too_large(len) }));
    let len = MAX_ENVELOPE_BYTES;
    assert_eq!(Envelope::parse(&spaces(len + 1)), Err(EnvelopeError::Json { source: too_large(len) }));
    let len = MAX_PAYLOAD_BYTES;
    assert_eq!(Statement::parse(&spaces(len + 1)), Err(StatementError::Json { source: too_large(len) }));
}

#[test]
fn the_file_has_its_limits_when_written() {
    let mut line = short().to_json_line();
    line.push(b'\n');
    let full = BundleFile::parse(&line.repeat(MAX_BUNDLE_FILE_LINES)).unwrap();
    assert_eq!(full.with(short()), Err(BundleFileError::TooManyLines));
    let long = || {
        let payload = vec![0; MAX_PAYLOAD_BYTES];
        Bundle::new(Envelope::new(payload, vec![0]).unwrap(), example().hint(), None)
    };
    let two = BundleFile::of(long()).unwrap().with(long()).unwrap();
    let len = 3 * (long().to_json_line().len() + 1);
    assert_eq!(two.with(long()), Err(BundleFileError::TooLong { len }));
}

/// A bundle of few bytes: neither payload nor signature mean anything.
fn short() -> Bundle {
    Bundle::new(Envelope::new(vec![1], vec![2]).unwrap(), example().hint(), None)
}

#[test]
fn the_salt_of_a_private_entry_stands_behind_the_hint_and_is_64_hex_digits() {
    let hidden = short().with_salt(Some(ModelSalt::from_bytes([0x5a; 32])));
    let line = String::from_utf8(hidden.to_json_line()).unwrap();
    let member = format!("\"entrySalt\":\"{}\",", "5a".repeat(32));
    assert!(line.contains(&format!("\"}},{member}\"tlogEntries\"")), "{line}");
    assert_eq!(Bundle::parse(line.as_bytes()), Ok(hidden));
    assert_eq!(Bundle::parse(line.replace(&member, "").as_bytes()), Ok(short()));
    let with = |salt: &str| {
        Bundle::parse(line.replace(&format!("\"{}\"", "5a".repeat(32)), salt).as_bytes()).unwrap_err()
    };
    for salt in [String::new(), "5a".repeat(31), "5A".repeat(32), "5a".repeat(33), "zz".repeat(32)] {
        assert!(matches!(with(&format!("\"{salt}\"")), BundleError::Salt { .. }), "{salt}");
    }
    for salt in ["null", "1", "[\"\"]"] {
        assert!(matches!(with(salt), BundleError::Field { .. }), "{salt}");
    }
    let twice = line.replace(&member, &member.repeat(2));
    assert!(matches!(Bundle::parse(twice.as_bytes()), Err(BundleError::Json { .. })));
}

#[test]
fn a_bundle_cut_short_is_refused() {
    for case in files("bundle-format/bundle/canonical") {
        for end in 0..case.bytes.len() {
            assert!(Bundle::parse(&case.bytes[..end]).is_err(), "{} cut at {end}", case.name);
        }
    }
}

proptest! {
    #[test]
    fn any_bundle_is_read_back_and_written_the_same(
        payload in prop::collection::vec(any::<u8>(), 0..100),
        signature in prop::collection::vec(any::<u8>(), 1..80),
        hint in any::<[u8; 32]>(),
        salt in prop::option::of(any::<[u8; 32]>()),
        entry in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
    ) {
        let envelope = Envelope::new(payload, signature).unwrap();
        let entry = entry.map(|entry| LogEntry::pending(entry).unwrap());
        let bundle = Bundle::new(envelope, attest::digest::Sha256Digest::from_bytes(hint), entry);
        let bundle = bundle.with_salt(salt.map(ModelSalt::from_bytes));
        let line = bundle.to_json_line();
        let read = Bundle::parse(&line).unwrap();
        prop_assert_eq!(read.to_json_line(), line);
        prop_assert_eq!(read, bundle);
    }

    #[test]
    fn what_parses_of_a_changed_bundle_is_written_back(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut line = example().to_json_line();
        let at = at.index(line.len());
        line[at] = byte;
        if let Ok(bundle) = Bundle::parse(&line) {
            prop_assert_eq!(Bundle::parse(&bundle.to_json_line()), Ok(bundle));
        }
    }
}
