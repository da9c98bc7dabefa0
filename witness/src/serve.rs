//! Connections: our own accept loop, because a witness on the open network needs every wait to end.
//!
//! | limit | default | when it is passed |
//! |---|---|---|
//! | connections | 512 | closed at accept |
//! | connections of one IPv4 address or IPv6 /64 | 32 | closed at accept |
//! | whole request head, and idle keep-alive | 30 s | closed |
//! | request head, bytes and lines | 16 KiB, 64 | 431 |
//! | request body, bytes | 128 KiB | 413 |
//! | whole request body | 10 s | 408 |
//! | from the end of a head to the answer | 20 s | 503 |
//! | an answer of which nothing is read | 10 s | closed |
//! | age of a connection | 15 min | closed after the current answer, 30 s later in any case |
//! | requests that wait for the record | 1,024 | 503 with `Retry-After` |
//!
//! TLS is for a proxy in front; the limits on addresses are then that proxy's.
//!
//! Going down: not ready, stop accepting, finish the requests under way, end the recorder. If the recorder ends by itself, the
//! process ends at once: nobody may be told anything about a round whose outcome is unknown.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::http::{House, Keeper, Side};
use crate::init::OpenWitness;
use crate::logs::{ListFiles, Logs};
use crate::metrics::{Metrics, OpenConnection};
use crate::record::RecordError;
use crate::recorder::{Clock, Recorder};
use crate::stall::StallLimited;

/// How long to leave the listener alone when the system has no descriptor for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long an aged connection may take for its last answer.
const LAST_ANSWER: Duration = Duration::from_secs(30);
/// Between two looks at the lists of logs.
const LISTS_PERIOD: Duration = Duration::from_secs(5);
/// An IPv6 customer has a /64 at least, so one is counted as one.
const V6_BLOCK: u128 = !(u64::MAX as u128);

/// Every bound on clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests change one field of the standard")]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Open connections of one IPv4 address or IPv6 /64.
    pub connections_per_address: usize,
    /// From the first byte a connection waits for to the end of the request head.
    pub head_timeout: Duration,
    /// From the end of the head to the end of the body.
    pub body_timeout: Duration,
    /// From the end of the head to the answer.
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
        head_timeout: Duration::from_secs(30),
        body_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(20),
        write_timeout: Duration::from_secs(10),
        connection_age: Duration::from_secs(15 * 60),
        drain_timeout: Duration::from_secs(15),
    };
    /// Bytes of a request head.
    const HEAD_BYTES: usize = 16 * 1024;
    /// Lines of a request head.
    const HEAD_LINES: usize = 64;
}

/// All that is served.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the program and by tests")]
pub struct Service {
    /// The witness.
    pub witness: OpenWitness,
    /// The logs, as they were when it was opened.
    pub logs: Logs,
    /// Where their lists are.
    pub lists: ListFiles,
    /// For logs and monitors.
    pub public: TcpListener,
    /// For the operator.
    pub admin: Option<TcpListener>,
    /// Path in front of everything but the probes.
    pub prefix: String,
    /// Bounds on clients.
    pub limits: Limits,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

/// Serves until `shutdown` resolves or the recorder ends.
///
/// # Errors
/// [`ServeError::Record`] or [`ServeError::RecorderLost`] if the recorder ended before it was asked to; [`ServeError::Thread`] if it
/// could not be started.
pub async fn serve(service: Service, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    let Service { witness, logs, lists, public, admin, prefix, limits, clock } = service;
    let OpenWitness { cosigner, record, dir } = witness;
    let metrics = Metrics::new();
    let (recorder, desk) = Recorder::new(record, clock, metrics.clone());
    let (ended, mut end) = oneshot::channel();
    let thread = std::thread::Builder::new().name("recorder".to_owned());
    let thread = thread.spawn(move || {
        // Nobody listens any more only if the server is gone already.
        let _ = ended.send(recorder.run());
    });
    thread.map_err(|source| ServeError::Thread { source })?;
    let house = Arc::new(House {
        cosigner: Arc::new(cosigner),
        keeper: Keeper::new(),
        logs: RwLock::new(Arc::new(logs)),
        desk,
        metrics: metrics.clone(),
        prefix,
        body_timeout: limits.body_timeout,
        request_timeout: limits.request_timeout,
        ready: AtomicBool::new(true),
        #[cfg(feature = "ml-dsa")]
        subtrees: Semaphore::new(1),
    });
    let mut renewals = JoinSet::new();
    renewals.spawn(renew(Arc::clone(&house), lists));
    let down = watch::Sender::new(false);
    let gate = Gate {
        house: Arc::clone(&house),
        connections: Arc::new(Semaphore::new(limits.connections)),
        per_address: PerAddress { held: Arc::default(), limit: limits.connections_per_address },
        limits,
        down: down.subscribe(),
    };
    let mut gates = JoinSet::new();
    gates.spawn(gate.clone().run(public, Side::Public));
    if let Some(admin) = admin {
        gates.spawn(gate.clone().run(admin, Side::Admin));
    }
    drop(gate);
    tokio::select! {
        () = shutdown => {}
        ended = &mut end => return Err(early_end(ended)),
    }
    house.ready.store(false, Ordering::Release);
    down.send_replace(true);
    tracing::info!("going down");
    let drain = async { while gates.join_next().await.is_some() {} };
    tokio::select! {
        _ = timeout(limits.drain_timeout, drain) => {}
        ended = &mut end => return Err(early_end(ended)),
    }
    gates.shutdown().await;
    renewals.shutdown().await;
    // The last desk: with it gone the recorder answers what is left and ends.
    drop(house);
    match end.await {
        Ok(Ok(())) => {}
        ended => return Err(early_end(ended)),
    }
    // The lock goes last, after the last one who writes.
    drop(dir);
    Ok(())
}

fn early_end(ended: Result<Result<(), RecordError>, oneshot::error::RecvError>) -> ServeError {
    match ended {
        Ok(Err(source)) => ServeError::Record { source },
        Ok(Ok(())) | Err(_) => ServeError::RecorderLost,
    }
}

/// Reads the lists again whenever one of them was written.
async fn renew(house: Arc<House>, lists: ListFiles) {
    let mut seen = lists.stamp();
    loop {
        tokio::time::sleep(LISTS_PERIOD).await;
        let (reading, house, before) = (lists.clone(), Arc::clone(&house), seen.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let stamp = reading.stamp();
            if stamp == before {
                return None;
            }
            match reading.load(house.cosigner.name()) {
                Ok(logs) => {
                    let logs = logs.over(&house.logs());
                    logs.notes()
                        .iter()
                        .for_each(|note| tracing::warn!(note, "passed over in a list of logs"));
                    tracing::info!(logs = logs.len(), "lists of logs read again");
                    *house.logs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(logs);
                }
                Err(error) => {
                    house.metrics.list_failed();
                    tracing::error!(error = %with_sources(&error), "a list of logs could not be read again; what was known holds");
                }
            }
            Some(stamp)
        });
        // A panic while reading leaves the logs as they were, and the next look tries again.
        if let Ok(Some(stamp)) = looked.await {
            seen = stamp;
        }
    }
}

/// An error and everything below it, on one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// A listener at work.
#[derive(Clone)]
struct Gate {
    house: Arc<House>,
    connections: Arc<Semaphore>,
    per_address: PerAddress,
    limits: Limits,
    down: watch::Receiver<bool>,
}

impl Gate {
    /// Accepts until the server goes down, then waits for the connections to end.
    async fn run(self, listener: TcpListener, side: Side) {
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
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => match self.admit(peer) {
                        Ok(permits) => {
                            let (house, limits, down) = (Arc::clone(&self.house), self.limits, self.down.clone());
                            tasks.spawn(talk(house, side, stream, limits, down, permits));
                        }
                        Err(reason) => {
                            self.house.metrics.connection_refused(reason);
                            tracing::debug!(%peer, reason, "closed at accept");
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
        drop(listener);
        while tasks.join_next().await.is_some() {}
    }

    fn admit(&self, peer: SocketAddr) -> Result<Permits, &'static str> {
        let permit = Arc::clone(&self.connections).try_acquire_owned().map_err(|_| "house")?;
        let of_address = self.per_address.take(peer.ip()).ok_or("address")?;
        Ok(Permits { _permit: permit, _of_address: of_address, _counted: self.house.metrics.connection() })
    }
}

/// What a connection holds while it lasts.
struct Permits {
    _permit: OwnedSemaphorePermit,
    _of_address: AddressPermit,
    _counted: OpenConnection,
}

async fn talk(
    house: Arc<House>,
    side: Side,
    stream: TcpStream,
    limits: Limits,
    mut down: watch::Receiver<bool>,
    _permits: Permits,
) {
    // Answers are small and written whole; waiting to fill a segment would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let house = Arc::clone(&house);
        async move { Ok::<_, std::convert::Infallible>(house.answer(side, request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(Limits::HEAD_BYTES)
        .max_headers(Limits::HEAD_LINES)
        .serve_connection(TokioIo::new(StallLimited::new(stream, limits.write_timeout)), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        _ = down.wait_for(|down| *down) => None,
        () = tokio::time::sleep(limits.connection_age) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            serving.as_mut().graceful_shutdown();
            timeout(LAST_ANSWER, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// Open connections of each address.
#[derive(Debug, Clone)]
struct PerAddress {
    // Held for one look-up at a time. Holds no more keys than there are connections.
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
    limit: usize,
}

impl PerAddress {
    /// Counts one more connection, until what is returned is dropped. `None` if the client has its number already.
    fn take(&self, address: IpAddr) -> Option<AddressPermit> {
        let block = match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & V6_BLOCK).into(),
            v4 => v4,
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(block).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(AddressPermit { held: Arc::clone(&self.held), block })
    }
}

/// One counted connection.
#[derive(Debug)]
struct AddressPermit {
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
    block: IpAddr,
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.block) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.block);
            }
        }
    }
}

/// Why a server ended without being asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The record failed; the outcome of its last round is unknown.
    #[error("the record failed, the outcome of its last round is unknown")]
    Record {
        /// Why.
        source: RecordError,
    },
    /// The recorder ended without a word.
    #[error("the recorder ended unexpectedly, the outcome of its last round is unknown")]
    RecorderLost,
    /// The recorder's thread could not be started.
    #[error("could not start a thread")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
}
