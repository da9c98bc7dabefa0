//! Reads every file under `testdata/status/snapshot`: `reject` is refused by the reader, `refused` is read and shows nothing.

mod cases;

use attest::digest::Sha256Digest;
use attest::entry::Entry;
use attest::status::{
    MAX_MENTIONS, Mention, Register, RegisterError, Snapshot, SnapshotError, mentions_value, subject_key,
};
use cases::{every_case_is_refused, files};
use merkle::{LeafIndex, TreeSize};

#[test]
fn every_accept_case_is_read_shown_and_written_back() {
    for case in files("status/snapshot/accept") {
        let snapshot =
            Snapshot::parse(&case.bytes).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(snapshot.to_json_line(), case.bytes, "{}", case.name);
        assert!(snapshot.verify().is_ok(), "{}", case.name);
        assert!(Snapshot::is_meant(&case.bytes), "{}", case.name);
    }
}

#[test]
fn every_reject_case_is_refused_for_its_reason() {
    every_case_is_refused("status/snapshot/reject", Snapshot::parse);
}

#[test]
fn every_refused_case_is_read_and_shows_nothing() {
    every_case_is_refused("status/snapshot/refused", |bytes| {
        let snapshot = Snapshot::parse(bytes).unwrap_or_else(|error| panic!("{error:?}"));
        snapshot.verify().map(drop)
    });
}

/// All that is signed or hashed is bound: what is left is which bytes of the notes' own signatures somebody changed.
#[test]
fn no_mention_can_be_left_out_changed_or_added() {
    let case = files("status/snapshot/accept").into_iter().find(|case| case.name == "example.json").unwrap();
    let good = Snapshot::parse(&case.bytes).unwrap();
    let with = |mentions: Vec<Mention>| {
        let proof = |snapshot: &Snapshot| {
            let text = String::from_utf8(snapshot.to_json_line()).unwrap();
            let base64 = text.split("\"proof\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            merkle::MapProof::parse(&tlog::text::decode_base64(&base64).unwrap()).unwrap()
        };
        let status = good.status().clone();
        Snapshot::new(*good.subject(), mentions, proof(&good), status, None).unwrap().verify().is_ok()
    };
    let mentions = good.mentions().to_vec();
    assert!(with(mentions.clone()));
    for at in 0..mentions.len() {
        let mut fewer = mentions.clone();
        let one = fewer.remove(at);
        assert!(!with(fewer.clone()), "without mention {at}");
        let other = Sha256Digest::of(b"another");
        for changed in [
            Mention::new(one.index(), other, one.statement()),
            Mention::new(one.index(), one.key_id(), other),
        ] {
            let mut all = fewer.clone();
            all.insert(at, changed);
            assert!(!with(all), "mention {at} changed");
        }
    }
    let mut more = mentions;
    more.insert(0, Mention::new(LeafIndex::new(0).unwrap(), more[0].key_id(), more[0].statement()));
    assert!(!with(more));
}

#[test]
fn a_register_has_events_alone_and_what_it_had_at_each_size() {
    let mut register = Register::new(2);
    for case in files("entry/accept") {
        let entry = Entry::parse(&case.bytes).unwrap();
        register.add(entry.payload()).unwrap();
    }
    assert_eq!((register.mentions(), register.map().len()), (0, 0), "none of these is an event");
    assert_eq!(register.size().get(), files("entry/accept").len() as u64);
}

#[test]
fn a_register_that_is_full_takes_nothing_and_stays_what_it_was() {
    let event = std::fs::read(cases::folder("statement/canonical/event-revoke.json")).unwrap();
    let event = attest::statement::Statement::parse(&event).unwrap();
    let example = Entry::parse(&files("entry/from-statement")[0].bytes).unwrap();
    let payload = attest::entry::EntryPayload::from_statement(&event, example.payload().key());
    let subject = event.tree_digest().digest();
    let mut register = Register::new(2);
    register.add(&payload).unwrap();
    register.add(example.payload()).unwrap();
    register.add(&payload).unwrap();
    let root = register.map().root();
    assert_eq!(register.add(&payload), Err(RegisterError::Full { limit: 2 }));
    assert_eq!((register.size().get(), register.map().root()), (3, root));
    let at = |size| register.mentions_of(&subject, TreeSize::new(size).unwrap()).len();
    assert_eq!([at(0), at(1), at(2), at(3), at(9)], [0, 1, 1, 2, 2]);
    let mentions = register.mentions_of(&subject, register.size());
    assert_eq!(register.map().get(&subject_key(&subject)), mentions_value(mentions));
}

#[test]
fn a_snapshot_of_more_mentions_than_one_can_look_through_is_not_made() {
    let case = &files("status/snapshot/accept")[0];
    let good = Snapshot::parse(&case.bytes).unwrap();
    let text = String::from_utf8(case.bytes.clone()).unwrap();
    let base64 = text.split("\"proof\":\"").nth(1).unwrap().split('"').next().unwrap();
    let proof = merkle::MapProof::parse(&tlog::text::decode_base64(base64).unwrap()).unwrap();
    let digest = Sha256Digest::of(b"");
    let mention = |index| Mention::new(LeafIndex::new(index).unwrap(), digest, digest);
    let many = |count: u64| (0..count).map(mention).collect();
    let made =
        |count| Snapshot::new(*good.subject(), many(count), proof.clone(), good.status().clone(), None);
    assert!(made(MAX_MENTIONS as u64).is_ok());
    let seen = MAX_MENTIONS + 1;
    assert_eq!(made(seen as u64), Err(SnapshotError::TooManyMentions { seen }));
}
