//! The log taken apart and put on parts that fail: what R4 and R5 have in common.
//!
//! Sequencer, second root, signer, ledger and opening are the log's own, and so is the order in which they call each other.
//! Below them lies storage whose every call first asks a [`Fate`], and a key and a signer that ask it too. What a process did
//! not live to do is cut off by unwinding out of the call it was in: nothing of the process is looked at after that but what
//! it had handed out before.
//!
//! [`Judge`] knows only what left the log, and what lies on the disk.
//!
//! In scope: one process from opening to death. Out of scope: HTTP, RocksDB; those are tortured as a whole program.

use std::collections::HashMap;
use std::fmt;
use std::fs::OpenOptions;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result, bail, ensure};
use ed25519_dalek::SigningKey;
use log_server::admission::Admission;
use log_server::clock::Clock;
use log_server::config::{Config, Mode};
use log_server::ledger::{Ledger, RECORD_BYTES, SignedHead};
use log_server::opening::{OpenLog, OpeningError};
use log_server::publisher::{Publication, Publisher};
use log_server::sequencer::{Answer, Queue, QueueError, Sequencer, SequencerError};
use log_server::signing::file::FileKey;
use log_server::signing::status::{AllowedStatus, Draft};
use log_server::signing::{AllowedHead, HeadKey, HeadSigner, KeyError, LedgeredSigner, SigningError};
use log_server::storage::{Act, EncodedStep, Inventory, Step, Storage, StorageError};
use merkle::{ConsistencyProof, Frontier, Hash, LeafHash, LeafIndex, TreeHead};
use tlog::checkpoint::SignedCheckpoint;
use tlog::status::SignedStatus;
use tlog::tile::TileCoord;
use tlog::vkey::Vkey;

const ORIGIN: &str = "torture.test/inside";
/// Places in the queue; no test submits so many at once.
const QUEUE: usize = 64;

/// A call that may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Head,
    Tile,
    Entries,
    Find,
    Encode,
    Commit,
    /// The key is asked for a signature.
    KeySign,
    /// The head is in the ledger and the signer is about to say so.
    Signed,
}

/// What goes wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An error, and nothing was done.
    Fail,
    /// An error, and it was done.
    FailDone,
    /// It hangs until the process is killed, and nothing was done.
    Hang,
    /// It hangs until the process is killed, and it was done.
    HangDone,
    /// A tile comes without its last hash.
    Short,
    /// A tile is not found.
    Absent,
    /// Half of the entries come, then an error.
    Partial,
    /// One bit of the encoded step is wrong.
    Flip,
    /// One bit of the signature is wrong.
    BadSignature,
    /// The process dies while the ledger writes its record: so many bytes of it are there.
    Torn(u8),
}

impl Op {
    /// Everything that can go wrong with it.
    pub(crate) const fn faults(self) -> &'static [Fault] {
        match self {
            Self::Head | Self::Find => &[Fault::Fail, Fault::Hang],
            Self::Tile => &[Fault::Fail, Fault::Hang, Fault::Short, Fault::Absent],
            Self::Entries => &[Fault::Fail, Fault::Hang, Fault::Partial],
            Self::Encode => &[Fault::Fail, Fault::Hang, Fault::Flip],
            Self::Commit => &[Fault::Fail, Fault::FailDone, Fault::Hang, Fault::HangDone],
            Self::KeySign => &[Fault::Fail, Fault::Hang, Fault::BadSignature],
            Self::Signed => &[Fault::FailDone, Fault::HangDone, Fault::Torn(0), Fault::Torn(37)],
        }
    }
}

/// Decides about each call of one process.
pub(crate) trait Fate: fmt::Debug + Send + Sync + 'static {
    fn of(&self, op: Op) -> Option<Fault>;

    /// Is told of a step that is on the disk now.
    fn written(&self, _step: &EncodedStep) {}
}

/// Nothing goes wrong.
#[derive(Debug)]
pub(crate) struct Kind;

impl Fate for Kind {
    fn of(&self, _op: Op) -> Option<Fault> {
        None
    }
}

/// What unwinds out of a call whose process is killed.
struct Killed;

fn die() -> ! {
    resume_unwind(Box::new(Killed))
}

/// Does what a process does; `None` if it was killed meanwhile.
pub(crate) fn alive<T>(act: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => Some(done),
        Err(payload) if payload.is::<Killed>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

fn failed(act: Act) -> StorageError {
    StorageError::Engine { act, source: std::io::Error::other("asked to fail").into() }
}

/// Storage that asks its fate first.
#[derive(Debug)]
struct Faulty {
    disk: Arc<dyn Storage>,
    fate: Arc<dyn Fate>,
}

impl Faulty {
    /// Goes on with the call, or ends it here.
    fn ask(&self, op: Op, act: Act) -> Result<Option<Fault>, StorageError> {
        match self.fate.of(op) {
            Some(Fault::Fail) => Err(failed(act)),
            Some(Fault::Hang) => die(),
            other => Ok(other),
        }
    }
}

impl Storage for Faulty {
    fn head(&self) -> Result<TreeHead, StorageError> {
        self.ask(Op::Head, Act::Read)?;
        self.disk.head()
    }

    fn encode(&self, step: &Step) -> Result<EncodedStep, StorageError> {
        let fault = self.ask(Op::Encode, Act::Write)?;
        let encoded = self.disk.encode(step)?;
        if fault != Some(Fault::Flip) {
            return Ok(encoded);
        }
        let mut bytes = encoded.bytes().to_vec();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 4;
        }
        Ok(EncodedStep::new(*encoded.head_old(), bytes))
    }

    fn commit(&self, step: EncodedStep) -> Result<(), StorageError> {
        let fault = self.ask(Op::Commit, Act::Write)?;
        self.disk.commit(step.clone())?;
        self.fate.written(&step);
        match fault {
            Some(Fault::FailDone) => Err(failed(Act::Write)),
            Some(Fault::HangDone) => die(),
            _ => Ok(()),
        }
    }

    fn tile(&self, coord: TileCoord) -> Result<Option<Vec<u8>>, StorageError> {
        let fault = self.ask(Op::Tile, Act::Read)?;
        let mut tile = self.disk.tile(coord)?;
        match fault {
            Some(Fault::Absent) => tile = None,
            Some(Fault::Short) => {
                if let Some(bytes) = &mut tile {
                    bytes.truncate(bytes.len().saturating_sub(32));
                }
            }
            _ => {}
        }
        Ok(tile)
    }

    fn entries(&self, range: Range<u64>, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StorageError> {
        if self.ask(Op::Entries, Act::Read)? == Some(Fault::Partial) {
            let middle = range.start + (range.end - range.start) / 2;
            self.disk.entries(range.start..middle, visit)?;
            return Err(failed(Act::Read));
        }
        self.disk.entries(range, visit)
    }

    fn find(&self, leaves: &[LeafHash]) -> Result<Vec<Option<LeafIndex>>, StorageError> {
        self.ask(Op::Find, Act::Read)?;
        self.disk.find(leaves)
    }

    fn inventory(&self) -> Result<Inventory, StorageError> {
        self.disk.inventory()
    }
}

fn key_failed() -> KeyError {
    KeyError::Io { act: "use the key", source: std::io::Error::other("asked to fail") }
}

/// A key that asks its fate first.
#[derive(Debug)]
struct FaultyKey {
    key: FileKey,
    fate: Arc<dyn Fate>,
}

impl HeadKey for FaultyKey {
    fn public_key(&self) -> [u8; 32] {
        self.key.public_key()
    }

    fn sign(&mut self, head: &AllowedHead<'_>) -> Result<[u8; 64], KeyError> {
        let fault = self.fate.of(Op::KeySign);
        match fault {
            Some(Fault::Fail) => return Err(key_failed()),
            Some(Fault::Hang) => die(),
            _ => {}
        }
        let mut signature = self.key.sign(head)?;
        if fault == Some(Fault::BadSignature) {
            signature[20] ^= 1;
        }
        Ok(signature)
    }

    fn sign_status(&mut self, status: &AllowedStatus<'_>) -> Result<[u8; 64], KeyError> {
        self.key.sign_status(status)
    }
}

/// A signer that may not live to say what it signed.
#[derive(Debug)]
struct FaultySigner {
    signer: LedgeredSigner,
    ledger: PathBuf,
    fate: Arc<dyn Fate>,
}

impl HeadSigner for FaultySigner {
    fn vkey(&self) -> &Vkey {
        self.signer.vkey()
    }

    fn last(&self) -> &SignedHead {
        self.signer.last()
    }

    fn sign(
        &mut self,
        head: &TreeHead,
        proof: &ConsistencyProof,
        time: u64,
    ) -> Result<SignedCheckpoint, SigningError> {
        let before = len(&self.ledger);
        let made = self.signer.sign(head, proof, time)?;
        // Only a record that this call added can be torn.
        let grows = len(&self.ledger) == before + RECORD_BYTES as u64;
        match self.fate.of(Op::Signed) {
            Some(Fault::FailDone) => Err(SigningError::Key { source: key_failed() }),
            Some(Fault::HangDone) => die(),
            Some(Fault::Torn(bytes)) => {
                if grows {
                    tear(&self.ledger, bytes);
                }
                die()
            }
            _ => Ok(made),
        }
    }

    fn sign_status(&mut self, draft: &Draft) -> Result<SignedStatus, SigningError> {
        self.signer.sign_status(draft)
    }
}

fn len(ledger: &Path) -> u64 {
    std::fs::metadata(ledger).map_or(0, |metadata| metadata.len())
}

/// Leaves so many bytes of the last record of a ledger.
fn tear(ledger: &Path, bytes: u8) {
    if let Ok(file) = OpenOptions::new().write(true).open(ledger) {
        // The file is on a file system in memory. If this fails, the record is simply whole.
        let _ = file.set_len(len(ledger).saturating_sub(RECORD_BYTES as u64) + u64::from(bytes));
    }
}

/// What a log is made of, whoever runs it.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    config: Config,
    key: SigningKey,
    pub(crate) ledger: PathBuf,
}

impl Log {
    /// A new log with its ledger in this directory.
    pub(crate) fn new(dir: &Path, time: u64) -> Result<Self> {
        let key = SigningKey::from_bytes(&[7; 32]);
        let vkey = Vkey::ed25519(ORIGIN.parse()?, key.verifying_key().as_bytes())?;
        let ledger = dir.join("ledger");
        match std::fs::remove_file(&ledger) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        Ledger::create(&ledger, &vkey, time)?;
        Ok(Self { config: Config::new(vkey, Mode::Conformance), key, ledger })
    }

    pub(crate) fn vkey(&self) -> &Vkey {
        self.config.vkey()
    }

    /// Every head in the ledger, and when it was signed.
    pub(crate) fn signed(&self) -> Result<Vec<SignedHead>> {
        let mut heads = Vec::new();
        log_server::ledger::read(&self.ledger, self.vkey(), &mut |head| heads.push(head))?;
        Ok(heads)
    }

    /// Opens it in a process of its own.
    pub(crate) fn open(
        &self,
        disk: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        fate: Arc<dyn Fate>,
    ) -> Result<Process, OpeningError> {
        let ledger = Ledger::open(&self.ledger, self.vkey(), &mut |_| {})?;
        let key = FaultyKey { key: FileKey::new(self.key.clone()), fate: Arc::clone(&fate) };
        let signer = LedgeredSigner::new(self.config.origin().clone(), Box::new(key), ledger)?;
        let signer = FaultySigner { signer, ledger: self.ledger.clone(), fate: Arc::clone(&fate) };
        let storage = Arc::new(Faulty { disk, fate });
        let log = OpenLog::over(self.config.clone(), Box::new(signer), storage, clock)?;
        let (sequencer, queue, publisher) = log.into_writer(QUEUE);
        Ok(Process { sequencer, queue, publisher, waiting: Vec::new() })
    }
}

type Waiting = Pin<Box<dyn Future<Output = Result<Answer, QueueError>> + Send>>;

/// An open log and those who wait for it.
pub(crate) struct Process {
    sequencer: Sequencer,
    queue: Queue,
    pub(crate) publisher: Arc<Publisher>,
    waiting: Vec<(Vec<u8>, Waiting)>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Process {
    /// Puts an entry into the queue; false if the log takes none now.
    pub(crate) fn submit(&mut self, entry: &[u8]) -> Result<bool> {
        let place = match self.queue.reserve() {
            Ok(place) => place,
            Err(QueueError::ClockBehind(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let candidate = Admission::new(Mode::Conformance).admit_raw(entry.to_vec())?;
        let mut waiting: Waiting = Box::pin(place.submit(candidate));
        // The first poll hands the entry over.
        let _ = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.waiting.push((entry.to_vec(), waiting));
        Ok(true)
    }

    /// Makes one step of what is queued.
    pub(crate) fn step(&mut self) -> Result<bool, SequencerError> {
        self.sequencer.step()
    }

    /// Who waits.
    pub(crate) fn waits(&self) -> usize {
        self.waiting.len()
    }

    /// Shows the judge what has come out since the last look.
    pub(crate) fn shown_to(&mut self, judge: &mut Judge, disk: &dyn Storage) -> Result<()> {
        judge.published(&self.publisher.current(), disk)?;
        let mut still = Vec::new();
        for (entry, mut waiting) in std::mem::take(&mut self.waiting) {
            match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => still.push((entry, waiting)),
                Poll::Ready(Ok(answer)) => judge.answered(&entry, &answer, disk)?,
                Poll::Ready(Err(_)) => judge.refused += 1,
            }
        }
        self.waiting = still;
        Ok(())
    }
}

/// What left the log, and what must therefore be on the disk for ever.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    vkey: Vkey,
    /// Leaves that were there before the test and that it cannot write to.
    base: u64,
    tree: Frontier,
    /// Leaves that a published head covers, from `base` on.
    leaves: Vec<LeafHash>,
    /// Roots of the trees of `base`, `base + 1`, … leaves.
    roots: Vec<Hash>,
    index_of: HashMap<[u8; 32], u64>,
    /// The last head that was looked at, so that it is not looked at again.
    last: Option<TreeHead>,
    pub(crate) heads: u64,
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
}

impl Judge {
    /// Of a log that began with a tree of these leaves.
    pub(crate) fn new(vkey: Vkey, tree: Frontier) -> Self {
        let (base, roots) = (tree.size().get(), vec![tree.root()]);
        let (leaves, index_of) = (Vec::new(), HashMap::new());
        Self { vkey, base, tree, leaves, roots, index_of, last: None, heads: 0, acknowledged: 0, refused: 0 }
    }

    /// The largest published size.
    pub(crate) fn size(&self) -> u64 {
        self.base + self.leaves.len() as u64
    }

    fn published(&mut self, publication: &Publication, disk: &dyn Storage) -> Result<()> {
        let head = *publication.head();
        if self.last == Some(head) {
            return Ok(());
        }
        let opened = SignedCheckpoint::parse(publication.checkpoint())?.open(&self.vkey)?;
        ensure!(opened.head() == &head, "a checkpoint of {} was published as {head:?}", opened.head().size());
        let (size, known) = (head.size().get(), self.size());
        if size > known {
            let mut leaves = Vec::new();
            let read = disk.entries(known..size, &mut |_, entry| leaves.push(LeafHash::of(entry)));
            read.with_context(|| format!("size {size} is published and its entries are not on the disk"))?;
            for leaf in leaves {
                self.tree.append(leaf)?;
                self.leaves.push(leaf);
                self.roots.push(self.tree.root());
            }
        }
        let wanted = size.checked_sub(self.base).and_then(|at| self.roots.get(at as usize));
        let wanted =
            wanted.with_context(|| format!("size {size} is published, the log began with {}", self.base))?;
        ensure!(
            head.root() == *wanted,
            "FORK: size {size} is published with root {}, it was {wanted}",
            head.root()
        );
        (self.last, self.heads) = (Some(head), self.heads + 1);
        Ok(())
    }

    fn answered(&mut self, entry: &[u8], answer: &Answer, disk: &dyn Storage) -> Result<()> {
        self.published(answer.publication(), disk)?;
        let (index, leaf) = (answer.index().get(), LeafHash::of(entry));
        let size = answer.publication().head().size().get();
        ensure!(index < size, "index {index} is acknowledged in a tree of {size}");
        ensure!(answer.leaf() == &leaf, "an answer names another leaf");
        if let Some(at) = index.checked_sub(self.base) {
            let seen = self.leaves.get(at as usize);
            ensure!(seen == Some(&leaf), "index {index} is acknowledged for {leaf}, the tree has {seen:?}");
        }
        let first = *self.index_of.entry(leaf.hash().to_bytes()).or_insert(index);
        ensure!(first == index, "{leaf} is acknowledged at index {first} and at {index}");
        self.acknowledged += 1;
        Ok(())
    }

    /// Whether the disk still holds everything that was promised.
    pub(crate) fn stands(&self, disk: &dyn Storage) -> Result<()> {
        let (stored, size) = (disk.head()?.size().get(), self.size());
        ensure!(stored >= size, "LOST: the disk holds {stored} entries, {size} were published");
        let mut at = self.leaves.iter();
        let mut changed = None;
        disk.entries(self.base..size, &mut |index, entry| {
            if at.next() != Some(&LeafHash::of(entry)) {
                changed.get_or_insert(index);
            }
        })?;
        if let Some(index) = changed {
            bail!("CHANGED: entry {index} is another one than was published");
        }
        Ok(())
    }

    /// Whether the index of leaves names the place of everything that was acknowledged.
    pub(crate) fn finds_all(&self, disk: &dyn Storage) -> Result<()> {
        for (leaf, &index) in &self.index_of {
            let found = disk.find(&[LeafHash::from_hash(Hash::from_bytes(*leaf))])?;
            let found = found.first().copied().flatten().map(LeafIndex::get);
            ensure!(found == Some(index), "an entry acknowledged at {index} is found at {found:?}");
        }
        Ok(())
    }
}

/// A place for files that need no real disk: in memory, if the system has such a place.
pub(crate) fn memory_dir(otherwise: &Path) -> Result<PathBuf> {
    let shared = Path::new("/dev/shm");
    let base = if shared.is_dir() { shared } else { otherwise };
    let dir = base.join(format!("tallymark-torture-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// The same for a test; gone when the test is.
#[cfg(test)]
pub(crate) fn in_memory() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap()
}
