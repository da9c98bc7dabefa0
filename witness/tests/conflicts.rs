//! Many who ask at once, each with another tree: one root of each size is cosigned, whoever wins.

use std::collections::HashMap;
use std::sync::Barrier;

use merkle::Hash;

use crate::support::{Answer, Client, Desk, Log, shown};

/// How many ask at once.
pub(crate) const HEADS: usize = 24;

/// `TALLYMARK_WITNESS_ROUNDS` asks for more.
pub(crate) fn rounds(standard: usize) -> usize {
    std::env::var("TALLYMARK_WITNESS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(standard)
}

/// The trees that one round offers: the log with one leaf more, another one each.
pub(crate) fn heads(log: &Log) -> Vec<Log> {
    let head = |number: usize| {
        let head = log.clone();
        head.append(format!("leaf {} of head {number}", log.size()).as_bytes());
        head
    };
    (0..HEADS).map(head).collect()
}

/// Sends all of them at the same moment.
pub(crate) fn race(clients: &mut [Client], heads: &[Log], then: impl FnOnce()) -> Vec<Option<Answer>> {
    let size = heads[0].size();
    let bodies: Vec<String> = heads.iter().map(|head| head.request(size - 1, size)).collect();
    let barrier = Barrier::new(heads.len() + 1);
    std::thread::scope(|scope| {
        let asking: Vec<_> = clients
            .iter_mut()
            .zip(&bodies)
            .map(|(client, body)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    client.post("/add-checkpoint", body).ok()
                })
            })
            .collect();
        barrier.wait();
        then();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}

#[test]
fn of_parallel_conflicting_heads_one_root_per_size_is_cosigned() {
    let mut log = Log::new("log.example.org/models", 1);
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut clients: Vec<Client> = (0..HEADS).map(|_| witness.client()).collect();
    let mut cosigned: HashMap<u64, Hash> = HashMap::new();
    for round in 0..rounds(100) {
        let heads = heads(&log);
        let answers = race(&mut clients, &heads, || ());
        let mut winner = None;
        for (head, answer) in heads.iter().zip(answers) {
            let answer = answer.expect("the witness answers all");
            match answer.status {
                200 => {
                    desk.verify(&head.checkpoint(head.size()), &answer.body);
                    let before = cosigned.insert(head.size(), head.head(head.size()).root());
                    assert_eq!(before, None, "two roots of size {}", head.size());
                    winner = Some(head.clone());
                }
                409 => assert_eq!(answer.body, format!("{}\n", head.size())),
                other => panic!("{other}: {}", answer.body),
            }
        }
        log = winner.expect("one of them is cosigned");
        assert_eq!(log.size(), round as u64 + 1);
    }
    // The losers of every round, once more.
    let mut client = witness.client();
    let size = log.size();
    assert_eq!(shown(&mut client, &log), (size, Some(log.head(size).root())));
}
