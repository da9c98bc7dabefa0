//! One witness: what it has confirmed, as far as is known, and one request at a time.
//!
//! The first request proves from the size that is known, at a start 0. A witness that knows more answers 409 with its size, and is
//! asked again from there, once. Only the log's own signature is sent, never other witnesses' lines.

use std::io::{self, Read as _};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use merkle::TreeSize;
use reqwest::blocking::Client;
use reqwest::redirect;
use thiserror::Error;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::CosignatureError;
use tlog::note::NoteSignature;
use tlog::policy::{PolicyWitness, WitnessKey};
use tlog::witness::{AddCheckpointRequest, AddCheckpointResponse, MAX_BODY_BYTES, WitnessedSize};

use super::{News, Parts, Witnesses};
use crate::proof::{ProveError, consistency};
use crate::publisher::{Publication, Publisher};
use crate::storage::Storage;

/// Longest time that a witness is left alone after it said no, or nothing.
const MOST_PATIENCE: Duration = Duration::from_secs(60);

/// What a witness answered about a publication.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(super) witness: usize,
    pub(super) name: Arc<str>,
    pub(super) publication: Arc<Publication>,
    pub(super) outcome: Result<NoteSignature, CourierError>,
}

/// Why a witness did not confirm a publication.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CourierError {
    /// It has confirmed more than the log has.
    #[error(
        "the witness has confirmed {size_there} entries, the log has published {size_here}: nothing is signed any more"
    )]
    Ahead {
        /// What it says.
        size_there: u64,
        /// What the log has.
        size_here: u64,
    },
    /// Its answer is none.
    #[error("the answer is no answer to add-checkpoint")]
    Answer,
    /// A line by its key does not verify.
    #[error("a line under the witness's own name does not verify")]
    Cosignature {
        /// Why.
        #[from]
        source: CosignatureError,
    },
    /// It says that the log is not consistent with what it has seen.
    #[error("the witness says that the tree does not extend what it has confirmed")]
    Inconsistent,
    /// No line of the answer is by its key.
    #[error("no line of the answer is by the witness's key")]
    NoLine,
    /// No proof could be made.
    #[error("no proof could be made for the witness")]
    Prove {
        /// Why.
        #[from]
        source: ProveError,
    },
    /// A status that is no success.
    #[error("the witness answered {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The line carries a time that says nothing.
    #[error("the witness's line has no time")]
    Timeless,
    /// No answer.
    #[error("no answer: {cause}")]
    Unreachable {
        /// What the client said.
        cause: String,
    },
}

impl CourierError {
    /// The label it is counted under.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ahead { .. } => "ahead",
            Self::Answer | Self::NoLine | Self::Timeless => "answer-malformed",
            Self::Cosignature { .. } => "cosignature-invalid",
            Self::Inconsistent => "inconsistent",
            Self::Prove { .. } => "no-proof",
            Self::Status { .. } => "refused",
            Self::Unreachable { .. } => "unreachable",
        }
    }
}

/// The thread that asks one witness. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Courier {
    witness: usize,
    slot: Arc<Slot>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// The newest publication that waits to be brought; a newer one takes its place.
#[derive(Debug, Default)]
struct Slot {
    state: Mutex<SlotState>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct SlotState {
    publication: Option<Arc<Publication>>,
    is_closed: bool,
}

impl Courier {
    /// One for each witness of the policy that has an address.
    pub(super) fn all(witnesses: &Witnesses, parts: &Parts, news: &Sender<News>) -> io::Result<Vec<Self>> {
        // Another provider can only be there if this ran before, and then it is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut couriers = Vec::new();
        for (number, witness) in witnesses.policy.witnesses().iter().enumerate() {
            let Some(url) = witness.url() else { continue };
            let errand = Errand::new(number, witness, url, witnesses, parts, news.clone());
            let slot = Arc::new(Slot::default());
            let taken = Arc::clone(&slot);
            let thread =
                std::thread::Builder::new().name("witness".to_owned()).spawn(move || errand.run(&taken))?;
            couriers.push(Self { witness: number, slot, thread: Some(thread) });
        }
        Ok(couriers)
    }

    /// Which witness of the policy it asks.
    pub(super) const fn witness(&self) -> usize {
        self.witness
    }

    /// Has it ask about a publication as soon as it is free.
    pub(super) fn ask(&self, publication: Arc<Publication>) {
        self.slot.state.lock().unwrap_or_else(PoisonError::into_inner).publication = Some(publication);
        self.slot.filled.notify_one();
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.slot.state.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.slot.filled.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a thread that asks a witness panicked");
        }
    }
}

impl Slot {
    fn take(&self) -> Option<Arc<Publication>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(publication) = state.publication.take() {
                return Some(publication);
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits so long, or until it is closed.
    fn rest(&self, rest: Duration) {
        let until = Instant::now() + rest;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What a thread needs to ask its witness.
struct Errand {
    number: usize,
    name: Arc<str>,
    key: WitnessKey,
    url: String,
    pause: Duration,
    timeout: Duration,
    storage: Arc<dyn Storage>,
    publisher: Arc<Publisher>,
    news: Sender<News>,
}

/// An answer of the witness that is neither a line nor a fault.
enum Reply {
    Line(NoteSignature),
    Knows(TreeSize),
    /// To be left alone for so long.
    Later(Option<Duration>, CourierError),
}

impl Errand {
    fn new(
        number: usize,
        witness: &PolicyWitness,
        url: &str,
        witnesses: &Witnesses,
        parts: &Parts,
        news: Sender<News>,
    ) -> Self {
        Self {
            number,
            name: witness.name().to_string().into(),
            key: witness.key().clone(),
            url: format!("{}/add-checkpoint", url.trim_end_matches('/')),
            pause: witnesses.tempo.pause,
            timeout: witnesses.tempo.timeout,
            storage: Arc::clone(&parts.storage),
            publisher: Arc::clone(&parts.publisher),
            news,
        }
    }

    /// No redirects; no proxy, and no certificates where there is no TLS.
    fn client(&self) -> Result<Client, CourierError> {
        let mut builder = Client::builder()
            .user_agent(concat!("tallymark-log/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(self.timeout);
        if self.url.starts_with("http://") {
            builder = builder.tls_certs_only([]).no_proxy();
        }
        builder.build().map_err(|error| unreachable(&error))
    }

    fn run(self, slot: &Slot) {
        // Here, since it must be neither made nor dropped on a thread of the reactor.
        let client = self.client();
        let mut known = TreeSize::ZERO;
        let mut failures = 0_u32;
        while let Some(publication) = slot.take() {
            let (outcome, later) = match &client {
                Ok(client) => self.bring(client, &publication, &mut known),
                Err(error) => (Err(CourierError::Unreachable { cause: error.to_string() }), None),
            };
            failures = if outcome.is_ok() { 0 } else { failures.saturating_add(1) };
            let Self { number: witness, name, .. } = &self;
            let asked = Asked { witness: *witness, name: Arc::clone(name), publication, outcome };
            if self.news.send(News::Answered(asked)).is_err() {
                return;
            }
            if failures > 0 {
                // Twice as long each time; the round goes on without this witness.
                let grown = self.pause.saturating_mul(1 << failures.min(6));
                slot.rest(later.unwrap_or(grown).min(MOST_PATIENCE));
            }
        }
    }

    /// Asks, and once more if the witness knows of another size than was thought.
    fn bring(
        &self,
        client: &Client,
        publication: &Publication,
        known: &mut TreeSize,
    ) -> (Result<NoteSignature, CourierError>, Option<Duration>) {
        for _ in 0..2 {
            match self.ask(client, publication, *known) {
                Ok(Reply::Line(line)) => {
                    *known = publication.head().size();
                    return (Ok(line), None);
                }
                Ok(Reply::Knows(size)) => {
                    // The log may have grown since this publication.
                    let here = self.publisher.current().head().size();
                    if size > here {
                        let (size_there, size_here) = (size.get(), here.get());
                        return (Err(CourierError::Ahead { size_there, size_here }), None);
                    }
                    *known = size;
                    if size > publication.head().size() {
                        // It was shown a newer publication than this one meanwhile, by whomever; the next round brings that.
                        return (Err(CourierError::Status { status: 409 }), Some(Duration::ZERO));
                    }
                }
                Ok(Reply::Later(rest, error)) => return (Err(error), rest),
                Err(error) => return (Err(error), None),
            }
        }
        (Err(CourierError::Status { status: 409 }), None)
    }

    fn ask(&self, client: &Client, publication: &Publication, old: TreeSize) -> Result<Reply, CourierError> {
        let size = publication.head().size();
        let proof = consistency(old.min(size), size, publication.recent(), self.storage.as_ref())?;
        let checkpoint =
            SignedCheckpoint::parse(publication.checkpoint()).map_err(|_| CourierError::Answer)?;
        let request = AddCheckpointRequest::new(old.min(size), proof, checkpoint);
        let body = request.map_err(|_| CourierError::Answer)?.to_bytes();
        let sent = client.post(&self.url).header("content-type", "text/plain").body(body).send();
        let answer = sent.map_err(|error| unreachable(&error))?;
        let status = answer.status().as_u16();
        let seconds = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        let read = answer.take(MAX_BODY_BYTES as u64 + 1).read_to_end(&mut body);
        read.map_err(|error| unreachable(&error))?;
        match status {
            200 => self.line(publication, &body).map(Reply::Line),
            // Without a size it is an older dialect, in which two roots of one size were 409 too.
            409 => {
                match std::str::from_utf8(&body).ok().and_then(|body| body.parse::<WitnessedSize>().ok()) {
                    Some(size) if size.get() != old => Ok(Reply::Knows(size.get())),
                    _ => Err(CourierError::Inconsistent),
                }
            }
            422 => Err(CourierError::Inconsistent),
            status => Ok(Reply::Later(seconds.map(Duration::from_secs), CourierError::Status { status })),
        }
    }

    /// The latest line by the witness's key, if every line under it verifies.
    fn line(&self, publication: &Publication, body: &[u8]) -> Result<NoteSignature, CourierError> {
        let answer = AddCheckpointResponse::parse(body).map_err(|_| CourierError::Answer)?;
        let checkpoint =
            SignedCheckpoint::parse(publication.checkpoint()).map_err(|_| CourierError::Answer)?;
        let mut best = None;
        for line in answer.signatures().iter().filter(|line| self.key.signed(line)) {
            let time = self.key.verify(line, &checkpoint)?.timestamp().get();
            if time == 0 {
                return Err(CourierError::Timeless);
            }
            if best.as_ref().is_none_or(|(latest, _)| *latest < time) {
                best = Some((time, line.clone()));
            }
        }
        best.map(|(_, line)| line).ok_or(CourierError::NoLine)
    }
}

fn unreachable(error: &dyn std::error::Error) -> CourierError {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    CourierError::Unreachable { cause: cause.to_string() }
}
