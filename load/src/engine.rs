//! The load itself: a few threads, each driving its share of the connections by readiness.
//!
//! *Closed loop* (no rate): every connection sends its next entry as soon as the last one is answered. *Open loop* (a
//! rate): entries are due at fixed times, whether or not the log keeps up, and their latency counts from when they were
//! due, so that a pause of the log is felt by every entry that fell into it.
//!
//! An entry that the log puts off (429, 503, 507) is sent again 5 ms later and still counts from its first due time. An
//! entry whose connection broke is sent again too; both answers are then right for it, new and duplicate.
//!
//! In scope: sending, timing, the cheap checks. Out of scope: what is sent ([`crate::entries`]).

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use merkle::LeafHash;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use tlog::checkpoint::SignedCheckpoint;
use tlog::vkey::Vkey;

use crate::check;
use crate::client::{Client, Target};
use crate::entries::Source;
use crate::histogram::Histogram;
use crate::readers::{self, Reads};
use crate::report::{Latency, Report};
use crate::wire;

/// How long a thread sends nothing after it was put off, and between two looks at the checkpoint.
const PAUSE: Duration = Duration::from_millis(5);
/// How long what is under way at the end may take.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// One of so many answers is verified in full.
const SAMPLE: u64 = 1000;
/// Acknowledged entries that a thread remembers, to send them again.
const REMEMBERED: usize = 1024;
/// Longest wait for readiness.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// What to do to a log.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "all of it is the caller's choice")]
pub struct Plan {
    /// The log.
    pub target: Target,
    /// Its key, to verify answers.
    pub vkey: Vkey,
    /// Connections over all threads.
    pub connections: usize,
    /// Threads that drive them.
    pub threads: usize,
    /// Entries per second; without it, as many as are answered.
    pub rate: Option<f64>,
    /// Time that is not measured.
    pub warm_up: Duration,
    /// Time that is.
    pub duration: Duration,
    /// Of a thousand entries, how many are sent a second time.
    pub duplicates_per_mille: u32,
    /// Whether to wait, for each entry, until a checkpoint that covers it is served.
    pub visible: bool,
    /// Threads that read and verify meanwhile.
    pub readers: usize,
}

/// Puts the load on the log and measures.
///
/// # Errors
/// The log cannot be reached, the entries cannot be read, or a thread was lost. What the log answered is in the report,
/// whatever it was.
pub fn run(plan: &Plan, source: &Source) -> Result<Report, Error> {
    let start = Instant::now() + plan.warm_up;
    let over = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    let (over, tell) = (&over, plan.visible.then_some(tell));
    std::thread::scope(|scope| {
        let drivers: Vec<_> = (0..plan.threads.max(1))
            .map(|which| {
                let tell = tell.clone();
                scope.spawn(move || Driver::new(plan, source, which, start, tell)?.run())
            })
            .collect();
        drop(tell);
        let watcher = plan.visible.then(|| scope.spawn(move || watch(plan, &told)));
        let readers: Vec<_> =
            (0..plan.readers).map(|_| scope.spawn(move || readers::read(plan, over))).collect();
        let mut tally = Tally::default();
        for driver in drivers {
            let part = driver.join().unwrap_or_else(|_| Err(lost()));
            match part {
                Ok(part) => tally.add(part),
                Err(error) => {
                    over.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        over.store(true, Ordering::Relaxed);
        let mut reads = Reads::default();
        for reader in readers {
            reads.add(&reader.join().map_err(|_| lost())?);
        }
        let visible = watcher.map(|watcher| watcher.join().unwrap_or_else(|_| Err(lost()))).transpose()?;
        Ok(tally.report(plan, visible, reads))
    })
}

fn lost() -> Error {
    Error::other("a thread of the load generator ended early")
}

/// An entry on its way.
#[derive(Debug)]
struct Job {
    entry: Vec<u8>,
    /// When it should have been sent.
    due: Instant,
    /// The index it was acknowledged with before.
    known: Option<u64>,
    /// A connection broke while it was under way.
    uncertain: bool,
}

/// One connection.
#[derive(Debug)]
struct Slot {
    stream: TcpStream,
    out: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    job: Option<Job>,
}

/// What one thread counted.
#[derive(Debug, Default)]
struct Tally {
    new: u64,
    duplicates: u64,
    put_off: u64,
    wrong: u64,
    first_wrong: Option<String>,
    reconnects: u64,
    verified: u64,
    answered: Histogram,
    by_second: Vec<u64>,
    seen: Vec<u64>,
}

impl Tally {
    fn wrong(&mut self, what: String) {
        self.wrong += 1;
        self.first_wrong.get_or_insert(what);
    }

    /// Marks an index as given; false if it was given before.
    fn give(&mut self, index: u64) -> bool {
        let (Ok(word), bit) = (usize::try_from(index / 64), 1 << (index % 64)) else { return false };
        if word >= self.seen.len() {
            // Grown in strides: an index far beyond what a log can reach in one run is a wrong answer, not memory.
            if index > 1 << 36 {
                return false;
            }
            self.seen.resize(word + 4096, 0);
        }
        let Some(place) = self.seen.get_mut(word) else { return false };
        let fresh = *place & bit == 0;
        *place |= bit;
        fresh
    }

    fn add(&mut self, other: Self) {
        self.new += other.new;
        self.duplicates += other.duplicates;
        self.put_off += other.put_off;
        self.wrong += other.wrong;
        self.first_wrong = self.first_wrong.take().or(other.first_wrong);
        self.reconnects += other.reconnects;
        self.verified += other.verified;
        self.answered.add(&other.answered);
        if self.by_second.len() < other.by_second.len() {
            self.by_second.resize(other.by_second.len(), 0);
        }
        for (count, more) in self.by_second.iter_mut().zip(other.by_second) {
            *count += more;
        }
        if self.seen.len() < other.seen.len() {
            self.seen.resize(other.seen.len(), 0);
        }
        let twice: u32 = self.seen.iter().zip(&other.seen).map(|(a, b)| (a & b).count_ones()).sum();
        if twice > 0 {
            self.wrong += u64::from(twice);
            self.first_wrong.get_or_insert(format!("{twice} indices were given to two entries"));
        }
        for (word, more) in self.seen.iter_mut().zip(other.seen) {
            *word |= more;
        }
    }

    fn report(self, plan: &Plan, visible: Option<Histogram>, reads: Reads) -> Report {
        let seconds = plan.duration.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let entries_per_second = (self.new + self.duplicates) as f64 / seconds;
        Report {
            entries_per_second,
            seconds,
            new: self.new,
            duplicates: self.duplicates,
            put_off: self.put_off,
            wrong: self.wrong,
            first_wrong: self.first_wrong,
            reconnects: self.reconnects,
            verified: self.verified,
            answered: Latency::of(&self.answered),
            visible: visible.map(|histogram| Latency::of(&histogram)),
            by_second: self.by_second,
            reads,
        }
    }
}

/// An acknowledgement whose checkpoint is still to be seen: its index, when it was due, whether it counts.
type Acknowledged = (u64, Instant, bool);

struct Driver<'a> {
    plan: &'a Plan,
    source: &'a Source,
    tell: Option<Sender<Acknowledged>>,
    head: Vec<u8>,
    poll: Poll,
    slots: Vec<Slot>,
    idle: Vec<usize>,
    waiting: VecDeque<Job>,
    fetched: VecDeque<Vec<u8>>,
    remembered: Vec<(Vec<u8>, u64)>,
    answers: u64,
    random: u64,
    start: Instant,
    end: Instant,
    interval: Option<Duration>,
    next_due: Instant,
    paused_until: Instant,
    tally: Tally,
}

impl<'a> Driver<'a> {
    fn new(
        plan: &'a Plan,
        source: &'a Source,
        which: usize,
        start: Instant,
        tell: Option<Sender<Acknowledged>>,
    ) -> Result<Self, Error> {
        let threads = plan.threads.max(1);
        let share = plan.connections / threads + usize::from(which < plan.connections % threads);
        let (path, kind) = match source.is_raw() {
            true => ("/add", "application/octet-stream"),
            false => ("/api/v1/entries", "application/cose"),
        };
        let host = plan.target.host();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\ncontent-length: ");
        let poll = Poll::new()?;
        let mut slots = Vec::with_capacity(share);
        for at in 0..share {
            let stream = connect(plan, &poll, at)?;
            slots.push(Slot { stream, out: Vec::new(), sent: 0, received: Vec::new(), job: None });
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of threads")]
        let interval = plan.rate.map(|rate| Duration::from_secs_f64(threads as f64 / rate.max(0.001)));
        let now = Instant::now();
        Ok(Self {
            plan,
            source,
            tell,
            head: head.into_bytes(),
            poll,
            idle: (0..share).rev().collect(),
            slots,
            waiting: VecDeque::new(),
            fetched: VecDeque::new(),
            remembered: Vec::new(),
            answers: 0,
            random: getrandom::u64().map_err(Error::other)? | 1,
            start,
            end: start + plan.duration,
            interval,
            next_due: now,
            paused_until: now,
            tally: Tally::default(),
        })
    }

    fn run(mut self) -> Result<Tally, Error> {
        let mut events = Events::with_capacity(1024);
        loop {
            let now = Instant::now();
            let under_way = self.idle.len() < self.slots.len();
            if now >= self.end && (!under_way || now >= self.end + LAST_ANSWERS) {
                break;
            }
            if now < self.end && now >= self.paused_until {
                self.send(now)?;
            }
            let mut wait = LONGEST_WAIT;
            if now < self.end {
                wait = wait.min(self.end - now);
            }
            if self.interval.is_some() && !self.idle.is_empty() {
                wait = wait.min(self.next_due.saturating_duration_since(now));
            }
            if self.paused_until > now {
                wait = wait.min(self.paused_until - now);
            }
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                self.advance(event.token().0)?;
            }
        }
        Ok(self.tally)
    }

    /// Sends whatever is due, as far as connections are free.
    fn send(&mut self, now: Instant) -> Result<(), Error> {
        while let Some(at) = self.idle.last().copied() {
            let job = match self.waiting.pop_front() {
                Some(job) => job,
                None => {
                    let due = match self.interval {
                        Some(_) if self.next_due > now => break,
                        Some(interval) => {
                            let due = self.next_due;
                            self.next_due = due + interval;
                            due
                        }
                        None => Instant::now(),
                    };
                    self.job(due)?
                }
            };
            self.idle.pop();
            let Some(slot) = self.slots.get_mut(at) else { continue };
            slot.out.clear();
            slot.out.extend_from_slice(&self.head);
            write!(slot.out, "{}\r\n\r\n", job.entry.len())?;
            slot.out.extend_from_slice(&job.entry);
            (slot.sent, slot.job) = (0, Some(job));
            slot.received.clear();
            self.advance(at)?;
        }
        Ok(())
    }

    fn job(&mut self, due: Instant) -> Result<Job, Error> {
        if self.plan.duplicates_per_mille > 0 && !self.remembered.is_empty() {
            let chosen = self.random();
            if chosen % 1000 < u64::from(self.plan.duplicates_per_mille) {
                let at = usize::try_from(chosen / 1000).unwrap_or_default() % self.remembered.len();
                if let Some((entry, index)) = self.remembered.get(at) {
                    return Ok(Job { entry: entry.clone(), due, known: Some(*index), uncertain: false });
                }
            }
        }
        if self.fetched.is_empty() {
            self.source.fetch(&mut self.fetched)?;
        }
        let entry = self.fetched.pop_front().ok_or_else(|| {
            Error::other("the entries made beforehand ran out before the time did; make more of them")
        })?;
        Ok(Job { entry, due, known: None, uncertain: false })
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 1
    }

    /// Writes what is left of a request, or reads what came of its answer.
    fn advance(&mut self, at: usize) -> Result<(), Error> {
        let Some(slot) = self.slots.get_mut(at) else { return Ok(()) };
        if slot.job.is_none() {
            // Nothing may come unasked but the end; that shows when the next request is sent.
            return Ok(());
        }
        match exchange(slot) {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => {
                let Some(job) = slot.job.take() else { return Ok(()) };
                let body = std::mem::take(&mut slot.received);
                self.answered(job, answer.status(), answer.body(&body));
                if let Some(slot) = self.slots.get_mut(at) {
                    slot.received = body;
                }
                self.idle.push(at);
                if answer.closes() {
                    self.reconnect(at)?;
                }
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(_) => {
                if let Some(mut job) = slot.job.take() {
                    job.uncertain = true;
                    self.waiting.push_back(job);
                }
                self.idle.push(at);
                self.reconnect(at)
            }
        }
    }

    fn reconnect(&mut self, at: usize) -> Result<(), Error> {
        self.tally.reconnects += 1;
        let stream = connect(self.plan, &self.poll, at)?;
        if let Some(slot) = self.slots.get_mut(at) {
            slot.stream = stream;
        }
        Ok(())
    }

    fn answered(&mut self, job: Job, status: u16, body: &[u8]) {
        let now = Instant::now();
        let counts = now >= self.start && now < self.end;
        if matches!(status, 429 | 503 | 507) {
            self.tally.put_off += 1;
            self.paused_until = now + PAUSE;
            self.waiting.push_back(job);
            return;
        }
        let raw = self.source.is_raw();
        let index = if raw { wire::number(body.trim_ascii()) } else { wire::index_of_json(body) };
        let said =
            || String::from_utf8_lossy(body.get(..body.len().min(200)).unwrap_or_default()).into_owned();
        let Some(index) = index.filter(|_| status == 200 || (status == 201 && !raw)) else {
            self.tally.wrong(format!("{status} {}", said()));
            return;
        };
        self.answers += 1;
        if !raw && self.answers % SAMPLE == 1 {
            match check::answer(&self.plan.vkey, &LeafHash::of(&job.entry), body) {
                Ok(proven) if proven == index => self.tally.verified += 1,
                Ok(proven) => self.tally.wrong(format!("index {index}, but the proof is for {proven}")),
                Err(why) => self.tally.wrong(why),
            }
        }
        match job.known {
            Some(known) if known != index => {
                self.tally.wrong(format!("a duplicate of entry {known} was answered with index {index}"));
                return;
            }
            Some(_) if status == 201 => {
                self.tally.wrong(format!("a duplicate of entry {index} was answered as new"));
                return;
            }
            Some(_) => self.tally.duplicates += u64::from(counts),
            None => {
                // A retried entry may have been taken the first time.
                let fresh = self.tally.give(index);
                if !fresh {
                    self.tally.wrong(format!("index {index} was given to two entries"));
                    return;
                }
                if !raw && status == 200 && !job.uncertain {
                    self.tally.wrong(format!("a new entry was answered as a duplicate of {index}"));
                    return;
                }
                self.tally.new += u64::from(counts);
            }
        }
        if counts {
            self.tally.answered.record(now.saturating_duration_since(job.due));
            let second = usize::try_from((now - self.start).as_secs()).unwrap_or_default();
            if second >= self.tally.by_second.len() {
                self.tally.by_second.resize(second + 1, 0);
            }
            if let Some(count) = self.tally.by_second.get_mut(second) {
                *count += 1;
            }
        }
        if let Some(tell) = &self.tell {
            // The watcher ends early only with an error of its own, which is reported.
            let _ = tell.send((index, job.due, counts));
        }
        if self.plan.duplicates_per_mille > 0 && job.known.is_none() {
            let place = usize::try_from(self.answers).unwrap_or_default() % REMEMBERED;
            match self.remembered.get_mut(place) {
                Some(old) => *old = (job.entry, index),
                None => self.remembered.push((job.entry, index)),
            }
        }
    }
}

fn connect(plan: &Plan, poll: &Poll, at: usize) -> Result<TcpStream, Error> {
    let stream = std::net::TcpStream::connect(plan.target.address())?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    // Edges only: after a whole answer nothing is left to read, and the next one raises a new edge.
    poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

/// Goes on with one request; the answer once it is whole.
fn exchange(slot: &mut Slot) -> Result<Option<wire::Answer>, Error> {
    while slot.sent < slot.out.len() {
        match slot.stream.write(slot.out.get(slot.sent..).unwrap_or_default())? {
            0 => return Err(ErrorKind::WriteZero.into()),
            count => slot.sent += count,
        }
        if slot.sent == slot.out.len() {
            // The answer cannot be there yet: the next edge tells.
            return Ok(None);
        }
    }
    let mut scratch = [0; 16 * 1024];
    loop {
        match slot.stream.read(&mut scratch)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => slot.received.extend_from_slice(scratch.get(..count).unwrap_or_default()),
        }
        let found = wire::Answer::find(&slot.received);
        if let Some(answer) = found.map_err(|broken| Error::new(ErrorKind::InvalidData, broken))? {
            return Ok(Some(answer));
        }
    }
}

/// Polls the checkpoint and tells, for each acknowledged entry, when it was first covered.
fn watch(plan: &Plan, told: &Receiver<Acknowledged>) -> Result<Histogram, Error> {
    let mut client = Client::connect(&plan.target)?;
    let mut histogram = Histogram::default();
    let (mut pending, mut ended): (Vec<Acknowledged>, bool) = (Vec::new(), false);
    let mut patience: Option<Instant> = None;
    while !ended || !pending.is_empty() {
        let bytes = client.resource("/checkpoint")?;
        let now = Instant::now();
        let checkpoint = SignedCheckpoint::parse(&bytes).map_err(Error::other)?;
        let size = checkpoint.open(&plan.vkey).map_err(Error::other)?.head().size().get();
        loop {
            match told.try_recv() {
                Ok(acknowledged) => pending.push(acknowledged),
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => {
                    ended = true;
                    break;
                }
            }
        }
        pending.retain(|(index, due, counts)| {
            // Told of it only after this look was made? Then the next look decides.
            let covered = *index < size && *due <= now;
            if covered && *counts {
                histogram.record(now - *due);
            }
            !covered
        });
        if ended && Instant::now() > *patience.get_or_insert(Instant::now() + LAST_ANSWERS) {
            return Err(Error::other(format!("{} acknowledged entries never became visible", pending.len())));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_given_once_over_all_threads() {
        let (mut one, mut two) = (Tally::default(), Tally::default());
        assert!(one.give(5) && one.give(1 << 20) && !one.give(5));
        assert!(two.give(6) && two.give(1 << 20));
        assert!(!one.give(u64::MAX));
        one.add(two);
        assert_eq!(one.wrong, 1);
        assert_eq!(one.first_wrong.as_deref(), Some("1 indices were given to two entries"));
    }
}
