//! Connections: our own accept loop, because a log on the open network needs every wait to end.
//!
//! | limit | default | when it is passed |
//! |---|---|---|
//! | connections | 512 | closed at accept |
//! | whole request head, and idle keep-alive | 10 s | closed |
//! | request head, bytes and lines | 16 KiB, 64 | 431 |
//! | whole request body | 10 s | 408 |
//! | an answer of which nothing is read | 30 s | closed |
//! | age of a connection | 15 min | closed after the current answer, a minute later in any case |
//! | entries waiting | 1,024 | 503 with `Retry-After` |
//!
//! Confession: an entry bundle is built in memory before it is sent, so a reader that takes it slowly, but takes
//! it, holds up to 2 MiB (16 MiB on a conformance log) until its connection ages out. The number of connections
//! bounds the sum.
//!
//! Going down: not ready, stop accepting, finish the requests under way, let the sequencer answer what is
//! queued, exit. If the sequencer ends by itself the whole server ends at once: nobody may be told anything
//! about a step whose outcome is unknown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admission::Admission;
use crate::http::{self, App};
use crate::opening::{OpenLog, Service};
use crate::sequencer::SequencerError;
use crate::stall::StallLimited;

/// Most bytes of a request head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Most header lines.
const MAX_HEADERS: usize = 64;
/// Most requests that read storage at the same time; each may hold a bundle it builds.
const READERS: usize = 32;
/// How long to leave the listener alone when the system has no descriptor for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long an aged connection may take for its last answer.
const LAST_ANSWER: Duration = Duration::from_secs(60);

/// Every bound of the server that an operator or a test may set.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Entries between admission and answer.
    pub queue: usize,
    /// From the first byte a connection waits for to the end of the request head.
    pub head_timeout: Duration,
    /// From the end of the head to the end of the body.
    pub body_timeout: Duration,
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
        queue: 1024,
        head_timeout: Duration::from_secs(10),
        body_timeout: Duration::from_secs(10),
        write_timeout: Duration::from_secs(30),
        connection_age: Duration::from_secs(15 * 60),
        drain_timeout: Duration::from_secs(25),
    };
}

/// Serves a log until `shutdown` resolves or the sequencer ends.
///
/// # Errors
/// [`ServeError::Sequencer`] or [`ServeError::SequencerLost`] if the writer ended before it was asked to;
/// [`ServeError::Thread`] if it could not be started.
pub async fn serve(
    log: OpenLog,
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let Service { config, sequencer, queue, storage, publisher, dir } = log.into_service(limits.queue);
    let (ended, mut writer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("sequencer".to_owned());
    let thread = thread.spawn(move || {
        // Nobody listens any more only if the server is gone already.
        let _ = ended.send(sequencer.run());
    });
    thread.map_err(|source| ServeError::Thread { source })?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let app = Arc::new(App {
        admission: Admission::new(config.mode()),
        config,
        publisher,
        storage,
        queue,
        verifiers: Arc::new(Semaphore::new(processors)),
        readers: Arc::new(Semaphore::new(READERS)),
        body_timeout: limits.body_timeout,
        ready: AtomicBool::new(true),
    });
    let router = http::router(Arc::clone(&app));
    let (going_down, connections) = (watch::Sender::new(false), Arc::new(Semaphore::new(limits.connections)));
    let mut tasks = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            ended = &mut writer => return Err(early_end(ended)),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match Arc::clone(&connections).try_acquire_owned() {
                    Ok(permit) => {
                        let connection = Connection { stream, peer, permit, down: going_down.subscribe() };
                        tasks.spawn(connection.run(router.clone(), limits));
                    }
                    Err(_) => tracing::debug!(%peer, "closed at accept, too many connections"),
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
    app.ready.store(false, Ordering::Relaxed);
    drop(listener);
    going_down.send_replace(true);
    tracing::info!(connections = tasks.len(), "going down");
    let drain = async { while tasks.join_next().await.is_some() {} };
    tokio::select! {
        _ = timeout(limits.drain_timeout, drain) => {}
        ended = &mut writer => return Err(early_end(ended)),
    }
    tasks.shutdown().await;
    // The last holders of the queue: with them gone the sequencer answers what is left and ends.
    drop((router, app));
    match writer.await {
        Ok(Ok(())) => {}
        ended => return Err(early_end(ended)),
    }
    // The lock of the directory goes last.
    drop(dir);
    Ok(())
}

fn early_end(ended: Result<Result<(), SequencerError>, oneshot::error::RecvError>) -> ServeError {
    match ended {
        Ok(Err(source)) => ServeError::Sequencer { source },
        Ok(Ok(())) | Err(_) => ServeError::SequencerLost,
    }
}

/// One accepted connection.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
    down: watch::Receiver<bool>,
}

impl Connection {
    async fn run(mut self, router: Router, limits: Limits) {
        // Answers are small and written whole; waiting to fill a segment would only delay them.
        if let Err(error) = self.stream.set_nodelay(true) {
            tracing::debug!(peer = %self.peer, %error, "no TCP_NODELAY");
        }
        let stream = StallLimited::new(self.stream, limits.write_timeout);
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        tokio::pin!(serving);
        let ended = tokio::select! {
            ended = &mut serving => Some(ended),
            _ = self.down.wait_for(|down| *down) => None,
            () = tokio::time::sleep(limits.connection_age) => None,
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
            tracing::debug!(peer = %self.peer, %error, "connection ended");
        }
        drop(self.permit);
    }
}

/// Why a server ended without being asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The sequencer met an error; the outcome of its last step is unknown.
    #[error("the sequencer stopped, the outcome of its last step is unknown")]
    Sequencer {
        /// Why.
        source: SequencerError,
    },
    /// The sequencer ended without a word.
    #[error("the sequencer ended unexpectedly, the outcome of its last step is unknown")]
    SequencerLost,
    /// The sequencer's thread could not be started.
    #[error("could not start a thread")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
}
