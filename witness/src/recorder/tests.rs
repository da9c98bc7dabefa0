//! Rounds: what is decided on, in which order, and what is answered when.

use super::*;
use crate::cosigner::Identity;
use crate::log_list::{ListedLog, LogList, Qpd};
use crate::logs::Logs;
use ed25519_dalek::SigningKey;
use merkle::{LeafHash, TreeHead};
use std::sync::atomic::{AtomicU64, Ordering};
use tlog::note::NoteSigner;
use tlog::vkey::Vkey;

#[derive(Debug, Default)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn wall(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.wall())
    }
}

const ORIGIN: &str = "log.example.org/models";

fn signer(seed: u8) -> NoteSigner {
    NoteSigner::ed25519(ORIGIN.parse().unwrap(), SigningKey::from_bytes(&[seed; 32]))
}

/// A log with two keys.
fn logs(qpd: Qpd) -> Logs {
    let listed = |seed| ListedLog::new(signer(seed).vkey().clone(), None, qpd, "c").unwrap();
    let list = LogList { logs: vec![listed(1), listed(2)], unknown_algorithm: 0 };
    Logs::of(&"w".parse().unwrap(), &list, &[])
}

/// A head of size 1 or, with another root, of size 2.
fn head(size: u64, leaf: u8) -> TreeHead {
    let mut frontier = merkle::Frontier::new();
    frontier.append(LeafHash::of(b"0")).unwrap();
    if size == 2 {
        frontier.append(LeafHash::of(&[leaf])).unwrap();
    }
    frontier.head()
}

fn request(logs: &Logs, old: u64, head: &TreeHead, keys: &[u8], leaf: u8) -> Request {
    let text = tlog::checkpoint::Checkpoint::new(ORIGIN.parse().unwrap(), *head).to_string();
    let mut body = format!("old {old}\n");
    if old == 1 && head.size().get() == 2 {
        body += &format!("{}\n", tlog::text::encode_base64(LeafHash::of(&[leaf]).hash().as_bytes()));
    }
    body += &format!("\n{text}\n");
    keys.iter().for_each(|seed| body += &format!("{}\n", signer(*seed).sign(&text)));
    Request::verify(body.as_bytes(), logs).unwrap()
}

struct Bench {
    _dir: tempfile::TempDir,
    recorder: Recorder,
    clock: Arc<TestClock>,
    desk: Desk,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::from_bytes(&[3; 32]).verifying_key();
    let identity = Identity::of(&Vkey::cosignature_ed25519("w".parse().unwrap(), key.as_bytes()).unwrap());
    Record::create(dir.path(), &identity).unwrap();
    let record = Record::open(dir.path(), &identity).unwrap();
    let clock = Arc::new(TestClock(AtomicU64::new(1000)));
    let (recorder, desk) = Recorder::new(record, Arc::clone(&clock) as Arc<dyn Clock>, Metrics::new());
    Bench { _dir: dir, recorder, clock, desk }
}

impl Bench {
    /// One round of these.
    fn round(&mut self, requests: Vec<Request>) -> Vec<Outcome> {
        let (jobs, answers): (Vec<Job>, Vec<_>) = requests
            .into_iter()
            .map(|request| {
                let (answer, answered) = oneshot::channel();
                (Job { request, answer }, answered)
            })
            .unzip();
        self.recorder.round(jobs).unwrap();
        answers.into_iter().map(|mut answered| answered.try_recv().unwrap()).collect()
    }

    fn one(&mut self, request: Request) -> Outcome {
        self.round(vec![request]).remove(0)
    }
}

/// Size, time and number of signatures of what may be cosigned.
fn cosigned(outcome: &Outcome) -> (u64, u64, usize) {
    let Outcome::Cosign(durable) = outcome else { panic!("{outcome:?}") };
    let latest = durable.latest();
    (latest.head().size().get(), latest.time().get(), latest.checkpoint().note().signatures().len())
}

#[test]
fn requests_of_one_round_see_each_other() {
    let (mut bench, logs) = (bench(), logs(Qpd::ONE_A_SECOND));
    let (one, two, other) = (head(1, 0), head(2, 1), head(2, 2));
    let outcomes = bench.round(vec![
        request(&logs, 0, &one, &[1], 0),
        request(&logs, 1, &two, &[1], 1),
        request(&logs, 1, &other, &[1], 2),
        request(&logs, 2, &other, &[1], 2),
        request(&logs, 2, &two, &[1], 1),
    ]);
    assert_eq!(cosigned(&outcomes[0]), (1, 1000, 1));
    assert_eq!(cosigned(&outcomes[1]), (2, 1000, 1));
    assert!(matches!(&outcomes[2], Outcome::Refused(Refusal::OldSize { latest, .. }) if latest.get() == 2));
    assert!(matches!(&outcomes[3], Outcome::Refused(refusal) if refusal.is_fork()));
    assert_eq!(cosigned(&outcomes[4]), (2, 1000, 1));
    let shown = bench.desk.latest(&OriginHash::of(&ORIGIN.parse().unwrap())).unwrap();
    assert_eq!(*shown.latest().head(), two);
}

#[test]
fn a_refresh_is_about_what_was_asked_though_the_same_round_goes_on() {
    let (mut bench, logs) = (bench(), logs(Qpd::ONE_A_SECOND));
    bench.one(request(&logs, 0, &head(1, 0), &[1], 0));
    let outcomes = bench.round(vec![
        request(&logs, 1, &head(1, 0), &[1], 0),
        request(&logs, 1, &head(2, 1), &[1], 1),
        request(&logs, 2, &head(2, 1), &[1], 1),
    ]);
    let sizes: Vec<u64> = outcomes.iter().map(|outcome| cosigned(outcome).0).collect();
    assert_eq!(sizes, [1, 2, 2]);
}

#[test]
fn a_fork_that_is_sent_again_and_again_is_told_once_a_minute() {
    let (mut bench, logs) = (bench(), logs(Qpd::ONE_A_SECOND));
    bench.round(vec![request(&logs, 0, &head(1, 0), &[1], 0), request(&logs, 1, &head(2, 1), &[1], 1)]);
    let fork = request(&logs, 2, &head(2, 2), &[1], 2);
    let mut told = |at| {
        bench.clock.0.store(at, Ordering::SeqCst);
        bench.recorder.tells_fork(&fork)
    };
    assert_eq!([1000, 1001, 1059, 1060, 1061].map(&mut told), [true, false, false, true, false]);
}

#[test]
fn the_time_of_a_log_never_goes_back() {
    let (mut bench, logs) = (bench(), logs(Qpd::ONE_A_SECOND));
    bench.one(request(&logs, 0, &head(1, 0), &[1], 0));
    bench.clock.0.store(990, Ordering::SeqCst);
    for (old, head) in [(1, head(2, 1)), (1, head(1, 0))] {
        let outcome = bench.one(request(&logs, old, &head, &[1], 1));
        assert!(matches!(outcome, Outcome::ClockBehind { seconds: 10 }), "{outcome:?}");
    }
    bench.clock.0.store(0, Ordering::SeqCst);
    assert!(matches!(bench.one(request(&logs, 1, &head(2, 1), &[1], 1)), Outcome::ClockBehind { .. }));
    bench.clock.0.store(1000, Ordering::SeqCst);
    assert_eq!(cosigned(&bench.one(request(&logs, 1, &head(2, 1), &[1], 1))), (2, 1000, 1));
}

#[test]
fn a_refresh_is_written_once_in_five_seconds() {
    let (mut bench, logs) = (bench(), logs(Qpd::ONE_A_SECOND));
    let asked = || request(&logs, 1, &head(1, 0), &[1], 0);
    bench.one(request(&logs, 0, &head(1, 0), &[1], 0));
    let before = bench.recorder.record.size_bytes();
    bench.clock.0.store(1000 + FRESH, Ordering::SeqCst);
    assert_eq!(cosigned(&bench.one(asked())), (1, 1000, 1));
    assert_eq!(bench.recorder.record.size_bytes(), before);
    bench.clock.0.store(1001 + FRESH, Ordering::SeqCst);
    assert_eq!(cosigned(&bench.one(asked())), (1, 1001 + FRESH, 1));
    assert!(bench.recorder.record.size_bytes() > before);
}

#[test]
fn signatures_of_one_text_are_put_together_so_taking_one_away_says_nothing_new() {
    let (mut bench, logs) = (bench(), logs("1".parse().unwrap()));
    assert_eq!(cosigned(&bench.one(request(&logs, 0, &head(1, 0), &[1], 0))), (1, 1000, 1));
    assert_eq!(cosigned(&bench.one(request(&logs, 1, &head(1, 0), &[2], 0))), (1, 1000, 2));
    let before = bench.recorder.record.size_bytes();
    for keys in [&[1][..], &[2], &[1, 2], &[2, 1]].repeat(10) {
        assert_eq!(cosigned(&bench.one(request(&logs, 1, &head(1, 0), keys, 0))), (1, 1000, 2));
    }
    assert_eq!(bench.recorder.record.size_bytes(), before);
}

#[test]
fn a_desk_whose_recorder_is_gone_says_so() {
    let Bench { recorder, desk, .. } = bench();
    drop(recorder);
    let logs = logs(Qpd::ONE_A_SECOND);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(desk.record(request(&logs, 0, &head(1, 0), &[1], 0)));
    assert_eq!(outcome.unwrap_err(), NotTaken::Stopped);
}
