//! kill -9 at any moment and at every durable step, and a disk that fails: never two roots of one size, never wedged, and what was
//! answered is there after the next start.

use std::process::Command;
use std::time::Duration;

use crate::conflicts::{heads, race, rounds};
use crate::support::{Client, Desk, Log, PROGRAM, bare, shown};

#[test]
fn a_witness_that_is_killed_at_random_under_load_cosigns_one_root_per_size() {
    let mut log = Log::new("log.example.org/models", 1);
    let desk = Desk::new(&[&log]);
    let mut killed_before_answer = 0;
    for round in 0..rounds(40) {
        let mut witness = desk.start();
        let address = witness.address;
        let mut clients: Vec<Client> = (0..24).map(|_| Client::new(address)).collect();
        // So that connecting is not what the kill meets.
        clients.iter_mut().for_each(|client| drop(client.get("/healthz").unwrap()));
        let heads = heads(&log);
        // Spread over some milliseconds, by the golden ratio: from before the first is read until after the last is answered.
        let pause = Duration::from_micros((round as u64).wrapping_mul(6180) % 10_000);
        let answers = race(&mut clients, &heads, || {
            std::thread::sleep(pause);
            witness.child.kill().unwrap();
            witness.child.wait().unwrap();
        });
        let again = desk.start();
        let mut client = again.client();
        let (size, root) = shown(&mut client, &log);
        for (head, answer) in heads.iter().zip(&answers) {
            let Some(answer) = answer else { continue };
            match answer.status {
                200 => {
                    desk.verify(&head.checkpoint(head.size()), &answer.body);
                    assert_eq!(
                        (size, root),
                        (head.size(), Some(head.head(size).root())),
                        "what was answered is there"
                    );
                }
                // A size that was told is never taken back.
                409 => assert_eq!(answer.body, format!("{size}\n")),
                503 => {}
                other => panic!("{other}: {}", answer.body),
            }
        }
        if size == log.size() + 1 {
            killed_before_answer += usize::from(answers.iter().flatten().all(|answer| answer.status != 200));
            log = heads
                .into_iter()
                .find(|head| Some(head.head(size).root()) == root)
                .expect("one of those that were sent");
        } else {
            assert_eq!(size, log.size());
            // Not wedged: the next one is taken.
            log.append(b"after the crash");
            assert_eq!(client.add(&log.request(size, size + 1)).status, 200);
        }
        again.kill();
    }
    println!("{killed_before_answer} times a checkpoint was written and nobody was told");
}

/// strace(1), if it is there and may trace. A witness cannot be looked into by its own user, so that takes root.
fn strace() -> bool {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    is_root && Command::new("strace").args(["-qq", "true"]).output().is_ok_and(|done| done.status.success())
}

/// The program under strace, with `inject` done to calls on the record.
fn injected(desk: &Desk, inject: &str) -> Command {
    let mut call = Command::new("strace");
    call.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("inject={inject}")]);
    for path in ["record", "record.next", ""] {
        call.arg("-P").arg(desk.dir.join(path));
    }
    call.arg(PROGRAM);
    bare(call)
}

/// Lets the log grow until the witness is gone or has taken six; says the size that was cosigned last.
fn grow(client: &mut Client, log: &Log, desk: &Desk) -> u64 {
    let from = shown(client, log).0;
    let mut cosigned = from;
    for size in from..from + 6 {
        match client.post("/add-checkpoint", &log.request(size, size + 1)) {
            Ok(answer) if answer.status == 200 => {
                desk.verify(&log.checkpoint(size + 1), &answer.body);
                cosigned = size + 1;
            }
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{}", answer.body);
                break;
            }
            Err(_) => break,
        }
    }
    cosigned
}

#[test]
fn a_kill_at_each_durable_step_neither_loses_what_was_answered_nor_wedges() {
    if !strace() {
        println!("skipped: no strace that may trace");
        return;
    }
    let log = Log::of("log.example.org/models", 1, 400);
    let fork = Log::new("log.example.org/models", 1);
    (0..400_u64).for_each(|leaf| fork.append(&(leaf ^ 1 << 40).to_be_bytes()));
    let desk = Desk::new(&[&log]);
    let (mut cosigned, mut met) = (0, 0);
    // Those of a start (write anew) in the main thread, and of the appends in the recorder's: strace counts for each thread.
    for (call, most) in [("openat", 4), ("write", 8), ("fsync", 2), ("rename", 1), ("fdatasync", 6)] {
        for number in 1..=most {
            if let Some(witness) =
                desk.try_start(injected(&desk, &format!("{call}:signal=KILL:when={number}")), &[])
            {
                let mut client = witness.client();
                let now = grow(&mut client, &log, &desk);
                assert!(now >= cosigned, "{call} {number}: {now} after {cosigned}");
                cosigned = now;
                met += usize::from(client.get("/healthz").is_err());
            } else {
                met += 1;
            }
            let witness = desk.start();
            let mut client = witness.client();
            let (size, root) = shown(&mut client, &log);
            assert!(size >= cosigned && size <= cosigned + 1, "{call} {number}: {size} after {cosigned}");
            assert!(size == 0 || root == Some(log.head(size).root()), "{call} {number}");
            if size > 0 {
                assert_eq!(client.add(&fork.request(size, size)).code(), (422, "fork"), "{call} {number}");
            }
            assert_eq!(client.add(&log.request(size, size + 1)).status, 200, "{call} {number}: wedged");
            cosigned = size + 1;
            witness.kill();
        }
    }
    assert!(met >= 12, "only {met} of the kills were met");
}

#[test]
fn a_sync_that_fails_ends_the_witness_and_nobody_is_cosigned() {
    if !strace() {
        println!("skipped: no strace that may trace");
        return;
    }
    let log = Log::of("log.example.org/models", 1, 20);
    let desk = Desk::new(&[&log]);
    for (inject, before) in [
        ("fdatasync:error=EIO:when=1", 0),
        ("fdatasync:error=EIO:when=3", 2),
        ("write:error=ENOSPC:when=3", 2),
    ] {
        let mut witness = desk.start_by(injected(&desk, inject), &[]);
        let mut client = witness.client();
        let size = shown(&mut client, &log).0;
        let cosigned = grow(&mut client, &log, &desk);
        assert_eq!(cosigned, size + before, "{inject}");
        // strace ends as what it traces does.
        assert_eq!(witness.child.wait().unwrap().code(), Some(5), "{inject}");
        let again = desk.start();
        let mut client = again.client();
        let size = shown(&mut client, &log).0;
        assert!(size >= cosigned, "{inject}");
        assert_eq!(client.add(&log.request(size, size + 1)).status, 200, "{inject}: wedged");
        again.kill();
    }
}
