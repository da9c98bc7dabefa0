//! Connections: our own accept loop, because a log on the open network needs every wait to end.
//!
//! | limit | default | when it is passed |
//! |---|---|---|
//! | connections | 512 | closed at accept |
//! | connections of one IPv4 address or IPv6 /64 | 32 | closed at accept |
//! | TLS handshake | 5 s | closed |
//! | whole request head, and idle keep-alive | 10 s | closed |
//! | request head, bytes and lines | 16 KiB, 64 | 431 |
//! | whole request body | 10 s | 408 |
//! | from the end of a head to the answer | 30 s | 503 |
//! | an answer of which nothing is read | 30 s | closed |
//! | age of a connection | 15 min | closed after the current answer, a minute later in any case |
//! | entries waiting, per log | 1,024 | 503 with `Retry-After` |
//!
//! Confession: an entry bundle is built in memory before it is sent, so a reader that takes it slowly, but takes
//! it, holds up to 2 MiB (16 MiB on a conformance log) until its connection ages out. The number of connections
//! bounds the sum.
//!
//! Going down: not ready, stop accepting, finish the requests under way, let every sequencer answer what is
//! queued, exit. If a sequencer ends by itself the whole server ends at once: nobody may be told anything
//! about a step whose outcome is unknown. That is so with several logs too, though the others are well: what broke
//! one (a disk that fails its syncs, memory that flips bits) is rarely its alone, one way to fail is easier to be
//! sure of than two, and whoever starts the process again gets all logs proven anew.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admission;
use crate::admission::terms::terms;
use crate::client::{AddressPermit, Client, PerAddress, Proxies};
use crate::config::{Config, Mode};
use crate::data_dir::DataDir;
use crate::feeder::{self, Feeder};
use crate::http::App;
use crate::http::door::{Door, Served};
use crate::http::search::Search;
use crate::http::workers::Workers;
use crate::listener::{Listener, Stream};
use crate::metrics::{Metrics, OpenConnection};
use crate::opening::Service;
use crate::publisher::Publisher;
use crate::sequencer::SequencerError;
use crate::site::Site;
use crate::stall::StallLimited;
use crate::status::{self, Board, Cadence, Keeper};
use crate::storage::Storage;
use crate::term_index::{Indexer, Place, TermIndex};
use crate::tls::{self, Tls};

/// Most requests that read storage at the same time; each may hold a bundle it builds.
const READERS: usize = 32;
/// How long to leave the listener alone when the system has no descriptor for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Between two looks at the files with the rules of admission.
const RULES_PERIOD: Duration = Duration::from_secs(1);
/// How long an aged connection may take for its last answer.
const LAST_ANSWER: Duration = Duration::from_secs(60);

/// Every bound on clients that an operator or a test may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests change one field of the standard")]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Open connections of one IPv4 address or IPv6 /64.
    pub connections_per_address: usize,
    /// Bytes of a request head.
    pub head_bytes: usize,
    /// Lines of a request head.
    pub head_lines: usize,
    /// For a TLS handshake.
    pub handshake_timeout: Duration,
    /// From the first byte a connection waits for to the end of the request head.
    pub head_timeout: Duration,
    /// From the end of the head to the end of the body.
    pub body_timeout: Duration,
    /// From the end of the head to the beginning of the answer.
    pub request_timeout: Duration,
    /// How long an answer may wait for a reader that takes nothing.
    pub write_timeout: Duration,
    /// Age at which a connection is asked to close.
    pub connection_age: Duration,
    /// How long requests under way may take after a shutdown was asked for.
    pub drain_timeout: Duration,
}

impl Limits {
    /// The defaults of the table above.
    pub const STANDARD: Self = Self {
        connections: 512,
        connections_per_address: 32,
        head_bytes: 16 * 1024,
        head_lines: 64,
        handshake_timeout: Duration::from_secs(5),
        head_timeout: Duration::from_secs(10),
        body_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(30),
        write_timeout: Duration::from_secs(30),
        connection_age: Duration::from_secs(15 * 60),
        drain_timeout: Duration::from_secs(25),
    };
}

/// All that one process serves.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the program and by tests")]
pub struct House {
    /// The logs, none of which can be taken for another ([`crate::site::require_apart`]).
    pub sites: Vec<Site>,
    /// Where to listen.
    pub listeners: Vec<Listener>,
    /// Bounds on clients.
    pub limits: Limits,
    /// Whose word about clients counts.
    pub proxies: Proxies,
}

/// Serves logs until `shutdown` resolves or one of the sequencers ends.
///
/// # Errors
/// [`ServeError::Sequencer`] or [`ServeError::SequencerLost`] if a writer ended before it was asked to;
/// [`ServeError::Thread`] if one could not be started.
pub async fn serve(house: House, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    let House { sites, listeners, limits, proxies } = house;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let verifiers = Workers::start(processors).map_err(|source| ServeError::Thread { source })?;
    let (verifiers, readers) = (Arc::new(verifiers), Arc::new(Semaphore::new(READERS)));
    let metrics = Metrics::new();
    let mut writers = JoinSet::new();
    let (mut indexers, mut feeders) = (Vec::with_capacity(sites.len()), Vec::new());
    let (mut served, mut dirs) = (Vec::with_capacity(sites.len()), Vec::with_capacity(sites.len()));
    let mut watchers = JoinSet::new();
    for Site { log, path, host, queue, gate, witnesses, status } in sites {
        let (gate, bulk) = (Arc::new(gate), Semaphore::new((queue / 2).max(1)));
        if gate.book().has_files() {
            watchers.spawn(watch_rules(Arc::clone(&gate)));
        }
        let service = log.counted_by(&metrics).into_service(queue);
        let service = service.map_err(|source| ServeError::Thread { source })?;
        let Service { config, sequencer, queue, storage, publisher, metrics, dir, desk } = service;
        let origin = config.origin().to_string();
        let (ended, end) = oneshot::channel();
        let thread = std::thread::Builder::new().name("sequencer".to_owned());
        let thread = thread.spawn(move || {
            // Nobody listens any more only if the server is gone already.
            let _ = ended.send(sequencer.run());
        });
        thread.map_err(|source| ServeError::Thread { source })?;
        writers.spawn(async move { (origin, end.await) });
        let indexer = start_indexer(&config, dir.dir(), &publisher, &storage)?;
        if let Some(witnesses) = witnesses {
            let parts = feeder::Parts {
                storage: Arc::clone(&storage),
                publisher: Arc::clone(&publisher),
                gate: Arc::clone(queue.gate()),
                metrics: metrics.clone(),
                kept: dir.dir().map(DataDir::cosigned),
            };
            feeders.push(Feeder::start(witnesses, parts).map_err(|source| ServeError::Thread { source })?);
        }
        // After the feeder, which says what readers are shown: the status is of that tree and of no later one.
        let parts = status::Parts {
            storage: Arc::clone(&storage),
            publisher: Arc::clone(&publisher),
            desk,
            metrics: metrics.clone(),
        };
        let (board, keeper) = start_status(&config, status, parts)?.unzip();
        let app = Arc::new(App {
            gate,
            bulk,
            config,
            publisher,
            storage,
            queue,
            search: indexer.as_ref().map(|(search, _)| search.clone()),
            status: board,
            metrics,
            dir: dir.dir().map(|dir| dir.path().to_owned()),
            verifiers: Arc::clone(&verifiers),
            readers: Arc::clone(&readers),
            body_timeout: limits.body_timeout,
            ready: AtomicBool::new(true),
        });
        served.push(Served { host, path, app });
        indexers.push((indexer, keeper));
        dirs.push(dir);
    }
    // A log that was put back to an older state must learn of it before it signs anything: witnesses have their time first.
    for feeder in &feeders {
        feeder.settle();
    }
    let served: Arc<[Served]> = served.into();
    let going_down = watch::Sender::new(false);
    let (connections, per_address) =
        (Arc::new(Semaphore::new(limits.connections)), PerAddress::new(limits.connections_per_address));
    let mut renewals = JoinSet::new();
    // One pair is for all addresses.
    if let Some(tls) = listeners.iter().find_map(Listener::tls) {
        renewals.spawn(Arc::clone(tls).keep_new(tls::POLL));
    }
    let mut gates = JoinSet::new();
    for listener in listeners {
        let door = Door::new(&served, &metrics, listener.roles(), proxies.clone(), limits.request_timeout);
        let gate = Gate {
            listener,
            door: Arc::new(door),
            connections: Arc::clone(&connections),
            per_address: per_address.clone(),
            proxies: proxies.clone(),
            metrics: metrics.clone(),
            limits,
            down: going_down.subscribe(),
        };
        gates.spawn(gate.run());
    }
    tokio::select! {
        () = shutdown => {}
        Some(ended) = writers.join_next() => return Err(early_end(ended)),
    }
    for served in &*served {
        served.app.ready.store(false, Ordering::Relaxed);
    }
    going_down.send_replace(true);
    tracing::info!(connections = limits.connections - connections.available_permits(), "going down");
    let drain = async { while gates.join_next().await.is_some() {} };
    tokio::select! {
        _ = timeout(limits.drain_timeout, drain) => {}
        Some(ended) = writers.join_next() => return Err(early_end(ended)),
    }
    gates.shutdown().await;
    // The last holders of the queues: with them gone the sequencers answer what is left and end.
    drop(served);
    while let Some(ended) = writers.join_next().await {
        match ended {
            Ok((_, Ok(Ok(())))) => {}
            ended => return Err(early_end(ended)),
        }
    }
    // The locks of the directories go last, after the last ones who write there.
    drop((indexers, feeders));
    drop(dirs);
    Ok(())
}

/// Starts what makes the entries of a log in service be found.
fn start_indexer(
    config: &Config,
    dir: Option<&DataDir>,
    publisher: &Arc<Publisher>,
    storage: &Arc<dyn Storage>,
) -> Result<Option<(Search, Indexer)>, ServeError> {
    if config.mode() == Mode::Conformance {
        return Ok(None);
    }
    let place = dir.map_or(Place::Memory, |dir| Place::Directory(dir.index()));
    let index = Arc::new(TermIndex::new(place, terms));
    let indexer = Indexer::start(Arc::clone(&index), Arc::clone(publisher), Arc::clone(storage));
    let indexer = indexer.map_err(|source| ServeError::Thread { source })?;
    let waker = indexer.waker();
    Ok(Some((Search { index, waker }, indexer)))
}

/// Starts what has the status of a log in service signed.
fn start_status(
    config: &Config,
    cadence: Option<Cadence>,
    parts: status::Parts,
) -> Result<Option<(Arc<Board>, Keeper)>, ServeError> {
    let Some(cadence) = cadence.filter(|_| config.mode() != Mode::Conformance) else { return Ok(None) };
    let board = Arc::new(Board::new(cadence));
    let keeper = Keeper::start(Arc::clone(&board), cadence, parts);
    Ok(Some((board, keeper.map_err(|source| ServeError::Thread { source })?)))
}

/// Looks at the rules of a log for as long as it is served.
async fn watch_rules(gate: Arc<admission::gate::Gate>) {
    loop {
        tokio::time::sleep(RULES_PERIOD).await;
        let gate = Arc::clone(&gate);
        // A panic while reading leaves the rules as they were, and the next look tries again.
        let _ = tokio::task::spawn_blocking(move || gate.book().refresh()).await;
    }
}

/// How the thread of one log's sequencer ended, as its watcher tells it.
type Ended =
    Result<(String, Result<Result<(), SequencerError>, oneshot::error::RecvError>), tokio::task::JoinError>;

fn early_end(ended: Ended) -> ServeError {
    match ended {
        Ok((origin, Ok(Err(source)))) => ServeError::Sequencer { origin, source: Box::new(source) },
        Ok((origin, Ok(Ok(())) | Err(_))) => ServeError::SequencerLost { origin },
        // The watcher only waits; without it nothing is known about any log.
        Err(_) => ServeError::SequencerLost { origin: String::new() },
    }
}

/// One listener at work.
struct Gate {
    listener: Listener,
    door: Arc<Door>,
    connections: Arc<Semaphore>,
    per_address: PerAddress,
    proxies: Proxies,
    metrics: Metrics,
    limits: Limits,
    down: watch::Receiver<bool>,
}

impl Gate {
    /// Accepts until the server goes down, then waits for the connections to end.
    async fn run(self) {
        let mut tasks = JoinSet::new();
        let mut down = self.down.clone();
        let going_down = async move {
            // An error here means that the server is gone.
            let _ = down.wait_for(|down| *down).await;
        };
        tokio::pin!(going_down);
        loop {
            tokio::select! {
                () = &mut going_down => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => match self.admit(peer) {
                        Ok(permits) => {
                            let connection = Connection {
                                peer,
                                door: Arc::clone(&self.door),
                                limits: self.limits,
                                down: self.down.clone(),
                                tls: self.listener.tls().cloned(),
                                _permits: permits,
                            };
                            tasks.spawn(connection.run(stream));
                        }
                        Err(full) => {
                            self.metrics.connection_refused(full.label());
                            tracing::debug!(?peer, %full, "closed at accept");
                        }
                    },
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                // Finished connections are taken out as they end.
                Some(_) = tasks.join_next() => {}
            }
        }
        drop(self.listener);
        while tasks.join_next().await.is_some() {}
    }

    fn admit(&self, peer: Client) -> Result<Permits, Full> {
        let permit = Arc::clone(&self.connections).try_acquire_owned().map_err(|_| Full::House)?;
        let block = peer.block().filter(|_| !self.proxies.trusts(peer));
        let of_address = match block {
            Some(block) => Some(self.per_address.take(block).ok_or(Full::Address)?),
            None => None,
        };
        Ok(Permits { _permit: permit, _of_address: of_address, _counted: self.metrics.connection() })
    }
}

/// What a connection holds while it lasts.
struct Permits {
    _permit: OwnedSemaphorePermit,
    _of_address: Option<AddressPermit>,
    _counted: OpenConnection,
}

/// Which number of connections is reached.
#[derive(Debug, Error)]
enum Full {
    #[error("too many connections from this address")]
    Address,
    #[error("too many connections")]
    House,
}

impl Full {
    /// The label it is counted under.
    fn label(&self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::House => "house",
        }
    }
}

/// One accepted connection.
struct Connection {
    peer: Client,
    door: Arc<Door>,
    limits: Limits,
    down: watch::Receiver<bool>,
    tls: Option<Arc<Tls>>,
    _permits: Permits,
}

impl Connection {
    async fn run(mut self, stream: Stream) {
        match stream {
            Stream::Tcp(stream) => {
                // Answers are small and written whole; waiting to fill a segment would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(peer = ?self.peer, %error, "no TCP_NODELAY");
                }
                let stream = StallLimited::new(stream, self.limits.write_timeout);
                match self.tls.take() {
                    Some(tls) => self.talk_tls(stream, &tls).await,
                    None => self.talk(stream).await,
                }
            }
            Stream::Unix(stream) => {
                let stream = StallLimited::new(stream, self.limits.write_timeout);
                self.talk(stream).await;
            }
        }
    }

    async fn talk_tls(self, stream: impl AsyncRead + AsyncWrite + Unpin, tls: &Tls) {
        match timeout(self.limits.handshake_timeout, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.talk(stream).await,
            Ok(Err(error)) => tracing::debug!(peer = ?self.peer, %error, "no TLS"),
            Err(_) => tracing::debug!(peer = ?self.peer, "TLS handshake too slow"),
        }
    }

    async fn talk(mut self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let (door, peer) = (Arc::clone(&self.door), self.peer);
        let service = service_fn(move |request: Request<Incoming>| {
            let door = Arc::clone(&door);
            async move {
                Ok::<Response, std::convert::Infallible>(door.answer(peer, request.map(Body::new)).await)
            }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout)
            .max_buf_size(self.limits.head_bytes)
            .max_headers(self.limits.head_lines)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(serving);
        let ended = tokio::select! {
            ended = &mut serving => Some(ended),
            _ = self.down.wait_for(|down| *down) => None,
            () = tokio::time::sleep(self.limits.connection_age) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                serving.as_mut().graceful_shutdown();
                match timeout(LAST_ANSWER, serving).await {
                    Ok(ended) => ended,
                    Err(_) => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = ?self.peer, %error, "connection ended");
        }
    }
}

/// Why a server ended without being asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A sequencer met an error; the outcome of its last step is unknown.
    #[error("the sequencer of {origin} stopped, the outcome of its last step is unknown")]
    Sequencer {
        /// Of which log.
        origin: String,
        /// Why.
        source: Box<SequencerError>,
    },
    /// A sequencer ended without a word.
    #[error("the sequencer of {origin} ended unexpectedly, the outcome of its last step is unknown")]
    SequencerLost {
        /// Of which log.
        origin: String,
    },
    /// A sequencer's thread could not be started.
    #[error("could not start a thread")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
}
