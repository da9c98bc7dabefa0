//! add-checkpoint and the checkpoint for monitors: each answer of the specification, in the order of its checks.

use tlog::checkpoint::SignedCheckpoint;
use tlog::note::NoteSigner;

use crate::support::{Desk, Log, NAME, path_of, shown};

const ORIGIN: &str = "log.example.org/models";

fn log() -> Log {
    Log::of(ORIGIN, 1, 20)
}

/// A log with the same key and another tree.
fn fork() -> Log {
    let fork = Log::new(ORIGIN, 1);
    (0..20_u64).for_each(|leaf| fork.append(&(leaf + 100).to_be_bytes()));
    fork
}

#[test]
fn a_log_that_grows_is_cosigned() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    for (old, new) in [(0, 0), (0, 3), (3, 4), (4, 4), (4, 20)] {
        let answer = client.add(&log.request(old, new));
        assert_eq!(answer.status, 200, "{old} to {new}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        desk.verify(&log.checkpoint(new), &answer.body);
    }
    assert_eq!(shown(&mut client, &log), (20, Some(log.head(20).root())));
    assert!(witness.stop().success());
}

#[test]
fn what_is_malformed_is_400_whatever_else_is_wrong_with_it() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    let good = log.request(0, 3);
    let hash = log.proof(1, 2);
    for body in [
        String::new(),
        "old 0\n".to_owned(),
        good.replace("old 0", "old 00"),
        good.replace("old 0", "old +0"),
        good.replace("old 0\n", "old 0\r\n"),
        good.replacen('\n', "\nx\n", 1),
        good.replace("\n3\n", "\n03\n"),
        good.trim_end().to_owned(),
        log.request(3, 4).replacen("old 3\n", &format!("old 3\n{}", hash.repeat(63)), 1),
    ] {
        assert_eq!(client.add(&body).code(), (400, "malformed"), "{body}");
    }
    assert_eq!(client.add(&good).status, 200, "and none of it was kept");
}

#[test]
fn an_unknown_origin_is_404_before_anything_is_verified() {
    let (log, stranger) = (log(), Log::of("other.example.org/log", 1, 5));
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    assert_eq!(client.add(&stranger.request(0, 3)).code(), (404, "unknown-origin"));
    // Two faults: the old size, and the root of the empty tree.
    let above = stranger.request(0, 3).replace("old 0", "old 4");
    assert_eq!(client.add(&above).code(), (404, "unknown-origin"));
    let empty = stranger.request(0, 3).replace("\n3\n", "\n0\n");
    assert_eq!(client.add(&empty).code(), (404, "unknown-origin"));
}

#[test]
fn a_checkpoint_that_its_log_did_not_sign_is_403_before_its_sizes_are_looked_at() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    let mallory = Log::of(ORIGIN, 9, 20);
    assert_eq!(client.add(&mallory.request(0, 3)).code(), (403, "not-signed"));
    // The right key over other words, alone and beside the right line.
    let (text, lines) =
        log.request(0, 3).rsplit_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (_, other) =
        log.request(0, 4).rsplit_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(client.add(&format!("{text}\n\n{other}")).code(), (403, "not-signed"));
    assert_eq!(client.add(&format!("{text}\n\n{lines}{other}")).code(), (403, "not-signed"));
    let above = mallory.request(0, 3).replace("old 0", "old 4");
    assert_eq!(client.add(&above).code(), (403, "not-signed"));
    let empty = log.request(0, 3).replace("\n3\n", "\n0\n");
    assert_eq!(client.add(&empty).code(), (403, "not-signed"));
    assert_eq!(shown(&mut client, &log), (0, None));
}

#[test]
fn an_old_size_above_the_new_is_400_and_another_than_the_cosigned_is_409_with_that() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    let conflict = |answer: crate::support::Answer, size: &str| {
        assert_eq!((answer.status, answer.body.as_str()), (409, size));
        assert_eq!(answer.header("content-type"), Some("text/x.tlog.size"));
    };
    conflict(client.add(&log.request(3, 5)), "0\n");
    assert_eq!(client.add(&log.request(0, 7)).status, 200);
    assert_eq!(client.add(&log.request(0, 3).replace("old 0", "old 4")).code(), (400, "old-above-new"));
    for (old, new) in [(0, 7), (0, 9), (3, 5), (6, 9), (8, 9), (0, 0)] {
        conflict(client.add(&log.request(old, new)), "7\n");
    }
    // The proof is not looked at before the size fits.
    conflict(client.add(&log.request(3, 5).replacen('\n', &format!("\n{}", log.proof(1, 2)), 1)), "7\n");
    // Nor is the root of an empty tree.
    conflict(client.add(&empty_with_another_root(&log)), "7\n");
}

/// A checkpoint of size 0 with a root that no empty tree has, signed by the log.
fn empty_with_another_root(log: &Log) -> String {
    let text = log.checkpoint(3).split("\n\n").next().unwrap().replace("\n3\n", "\n0\n") + "\n";
    let signer =
        NoteSigner::ed25519(ORIGIN.parse().unwrap(), ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
    format!("old 0\n\n{text}\n{}\n", signer.sign(&text))
}

#[test]
fn what_is_not_consistent_is_422() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    assert_eq!(client.add(&empty_with_another_root(&log)).code(), (422, "empty-tree-root"));
    let with_proof = log.request(0, 3).replacen('\n', &format!("\n{}", log.proof(1, 2)), 1);
    assert_eq!(client.add(&with_proof).code(), (422, "proof"));
    assert_eq!(client.add(&log.request(0, 7)).status, 200);
    // No proof, one hash more, the proof to another size, another tree.
    let bare = format!("old 7\n\n{}", log.checkpoint(9));
    let more = log.request(7, 9).replacen('\n', &format!("\n{}", log.proof(1, 2)), 1);
    let other = format!("old 7\n{}\n{}", log.proof(7, 10), log.checkpoint(9));
    for body in [bare, more, other, fork().request(7, 9)] {
        assert_eq!(client.add(&body).code(), (422, "proof"), "{body}");
    }
    // Two trees of one size: nobody but the log can have done that.
    assert_eq!(client.add(&fork().request(7, 7)).code(), (422, "fork"));
    let with_proof = log.request(7, 7).replacen('\n', &format!("\n{}", log.proof(1, 2)), 1);
    assert_eq!(client.add(&with_proof).code(), (422, "proof"));
    assert_eq!(shown(&mut client, &log), (7, Some(log.head(7).root())), "none of it was kept");
    assert_eq!(client.add(&log.request(7, 9)).status, 200);
}

#[test]
fn lines_of_others_are_neither_verified_nor_kept_and_wedge_nothing() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let mut witness = desk.start();
    let vkey = desk.vkey.to_string();
    let id: Vec<u8> = (0..4)
        .map(|at| u8::from_str_radix(&vkey.split('+').nth(1).unwrap()[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let line = |name: &str, bytes: &[u8]| format!("\u{2014} {name} {}\n", tlog::text::encode_base64(bytes));
    // Under the witness's own name and id: too short, of the right length; under the log's name with another id.
    let hostile = [
        line(NAME, &[&id[..], &[1]].concat()),
        line(NAME, &[&id[..], &[1; 72]].concat()),
        line(NAME, &[&id[..], &[0xff; 72]].concat()),
        line(ORIGIN, &[7; 68]),
        line("a", &[0; 3000]),
    ]
    .concat();
    for (old, new) in [(0, 3), (3, 3), (3, 8)] {
        let mut client = witness.client();
        let answer = client.add(&format!("{}{hostile}", log.request(old, new)));
        assert_eq!(answer.status, 200, "{}", answer.body);
        desk.verify(&log.checkpoint(new), &answer.body);
        let seen = client.get(&path_of(&log)).unwrap().body;
        let seen = SignedCheckpoint::parse(seen.as_bytes()).unwrap();
        let names: Vec<&str> = seen.note().signatures().iter().map(|line| line.name().as_str()).collect();
        let own = if cfg!(feature = "ml-dsa") { 2 } else { 1 };
        assert_eq!(names, [vec![ORIGIN], vec![NAME; own]].concat());
        witness.kill();
        witness = desk.start();
        assert_eq!(shown(&mut witness.client(), &log).0, new);
    }
}

#[test]
fn more_lines_by_the_log_than_anybody_needs_are_not_verified() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let (above, line) =
        log.request(0, 3).rsplit_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let mut client = witness.client();
    assert_eq!(client.add(&format!("{above}\n\n{}", line.repeat(17))).code(), (400, "malformed"));
    assert_eq!(client.add(&format!("{above}\n\n{}", line.repeat(16))).status, 200);
}

#[test]
fn monitors_see_what_was_answered() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    let none = client.get(&path_of(&log)).unwrap();
    assert_eq!(none.code(), (404, "not-cosigned"));
    let answer = client.add(&log.request(0, 5));
    let seen = client.get(&path_of(&log)).unwrap();
    assert_eq!(
        (seen.status, seen.body.as_str()),
        (200, format!("{}{}", log.checkpoint(5), answer.body).as_str())
    );
    let head =
        client.raw(&format!("HEAD {} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n", path_of(&log)));
    // The length is told and no body comes, so the client waits for one and sees the end.
    assert_eq!(head.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    for path in [
        path_of(&log).to_uppercase(),
        path_of(&log).replace("/checkpoint", ""),
        "/checkpoint".to_owned(),
        "/".to_owned(),
    ] {
        assert_eq!(client.get(&path).unwrap().code(), (404, "no-such-path"), "{path}");
    }
    assert_eq!(client.get("/add-checkpoint").unwrap().code(), (405, "method"));
    // The same after a start: signatures are written again, not kept.
    witness.kill();
    let witness = desk.start();
    assert_eq!(witness.client().get(&path_of(&log)).unwrap().body, seen.body);
}

#[test]
fn extension_lines_are_cosigned_as_they_are() {
    let log = log();
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let signer =
        NoteSigner::ed25519(ORIGIN.parse().unwrap(), ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
    let text = format!("{}\nan extension\n", log.checkpoint(3).split("\n\n").next().unwrap());
    let checkpoint = format!("{text}\n{}\n", signer.sign(&text));
    let answer = witness.client().add(&format!("old 0\n\n{checkpoint}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    desk.verify(&checkpoint, &answer.body);
    // More of them than is kept.
    let text = format!("{text}{}\n", "x".repeat(16 * 1024));
    let long = format!("old 3\n\n{text}\n{}\n", signer.sign(&text));
    assert_eq!(witness.client().add(&long).code(), (400, "malformed"));
}
