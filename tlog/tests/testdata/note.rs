use ed25519_dalek::SigningKey;
use tlog::note::{Note, NoteError, NoteSigner, OpenError};
use tlog::text::MAX_NOTE_BYTES;
use tlog::vkey::Vkey;

use crate::cases::{list, list_refused};

#[test]
fn accepted_notes_open_with_every_key_and_are_written_back() {
    for case in list("note/accept") {
        let bytes = case.read("note");
        let note = case.accepted(Note::parse(&bytes));
        assert_eq!(note.to_bytes(), bytes, "{case}");
        assert_eq!(Note::new(note.text(), note.signatures()), Ok(note.clone()), "{case}");
        let vkeys = case.vkeys("vkeys");
        let signed = case.accepted(note.open(&vkeys.iter().collect::<Vec<_>>()));
        assert_eq!(signed, (0..vkeys.len()).collect::<Vec<_>>(), "{case}");
    }
}

#[test]
fn refused_notes_are_refused_for_their_reason() {
    for case in list_refused("note/reject") {
        case.refused(Note::parse(&case.bytes()));
    }
}

#[test]
fn untrusted_notes_are_refused_for_their_reason() {
    for case in list_refused("note/untrusted") {
        let note = case.accepted(Note::parse(&case.read("note")));
        case.refused(note.open(&case.vkeys("vkeys").iter().collect::<Vec<_>>()));
    }
}

#[test]
fn any_one_bit_change_of_a_signed_note_is_refused() {
    for case in list("note/accept") {
        let (bytes, vkeys) = (case.read("note"), case.vkeys("vkeys"));
        if bytes.len() > 600 {
            continue;
        }
        let keys: Vec<&Vkey> = vkeys.iter().collect();
        let lines = Note::parse(&bytes).unwrap().signatures().len();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let opened = Note::parse(&changed).map(|note| note.open(&keys));
            // What may pass is a change to the line of a key that then is unknown, if another key still signs.
            let passed = matches!(&opened, Ok(Ok(_)));
            let text_len = Note::parse(&bytes).unwrap().text().len();
            assert!(!passed || (lines > 1 && bit / 8 > text_len), "{case}: bit {bit} gives {opened:?}");
        }
    }
}

#[test]
fn a_note_above_the_limit_is_refused_before_it_is_read() {
    let note = vec![b'x'; MAX_NOTE_BYTES + 1];
    assert_eq!(Note::parse(&note), Err(NoteError::TooLong { seen: MAX_NOTE_BYTES + 1 }));
    assert_eq!(Note::parse(&note[1..]), Err(NoteError::NoEmptyLine));
}

#[test]
fn a_text_without_final_line_feed_is_not_put_into_a_note() {
    let signer = NoteSigner::ed25519("example.com/k".parse().unwrap(), SigningKey::from_bytes(&[7; 32]));
    let refused = Note::new("x", &[signer.sign("x")]);
    assert_eq!(refused, Err(NoteError::TextUnterminated));
    assert_eq!(Note::new("x\n", &[]), Err(NoteError::NoSignature));
}

#[test]
fn only_the_keys_that_signed_are_named() {
    let signer =
        |seed| NoteSigner::ed25519("example.com/k".parse().unwrap(), SigningKey::from_bytes(&[seed; 32]));
    let (a, b, c) = (signer(1), signer(2), signer(3));
    let note = Note::new("x\n", &[c.sign("x\n"), a.sign("x\n")]).unwrap();
    assert_eq!(note.open(&[a.vkey(), b.vkey(), c.vkey()]), Ok(vec![0, 2]));
    assert_eq!(note.open(&[b.vkey()]), Err(OpenError::NoKnownKey { signatures: 2 }));
}

#[test]
fn signer_shows_no_private_key() {
    let signer = NoteSigner::ed25519("example.com/k".parse().unwrap(), SigningKey::from_bytes(&[7; 32]));
    let shown = format!("{signer:?}");
    assert!(!shown.contains("[7, 7") && !shown.contains("0707"), "{shown}");
}

#[test]
fn a_note_of_a_million_signature_lines_is_refused_by_its_length() {
    let mut note = b"text\n\n".to_vec();
    note.extend("\u{2014} example.org/log AAAAAAAA\n".repeat(1_000_000).bytes());
    assert_eq!(Note::parse(&note), Err(NoteError::TooLong { seen: note.len() }));
}
