//! What becomes of a panic behind a request: an answer with an opaque id, and a log line with the same id.
//!
//! A panic is a fault of the program. It must neither end the process, because then any client that finds one could
//! do that, nor cut the connection without a word. The sequencer is not behind this: its panics end the process.
//!
//! Unwinding past shared state is sound here: what handlers share are pointers that are swapped whole, atomics, and
//! the storage, which handlers only read.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::http::problem::Problem;

/// Ties an answer to a line of the log without saying anything to the client: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultId(u64);

impl FaultId {
    pub(super) fn new() -> Self {
        // Without randomness the line is still there; only telling two of them apart suffers.
        Self(getrandom::u64().unwrap_or_default())
    }
}

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Runs a handler to its end; a panic on the way is logged and answered.
pub(super) async fn caught<T>(handler: impl Future<Output = T>) -> Result<T, Problem> {
    let mut handler = pin!(handler);
    let ended = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => Poll::Ready(Err(payload)),
    });
    ended.await.map_err(|payload| fault(payload.as_ref()))
}

/// Does work that takes long on a thread of its own, as many at a time as there are permits.
///
/// The permit stays with the work, not with the request: clients that hang up at once cannot make more of it run.
///
/// # Errors
/// [`Problem::Fault`] if the work panicked, [`Problem::WorkerLost`] if the program is going down.
pub(super) async fn on_thread<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(|_| Problem::WorkerLost)?;
    let working = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(permit);
        done
    });
    working.await.map_err(|error: JoinError| match error.try_into_panic() {
        Ok(payload) => fault(payload.as_ref()),
        Err(_) => Problem::WorkerLost,
    })
}

pub(super) fn fault(payload: &(dyn Any + Send)) -> Problem {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    let id = FaultId::new();
    tracing::error!(%id, text, "panic behind a request");
    Problem::Fault { id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn a_panic_in_a_handler_or_on_its_thread_is_a_fault() {
        run(async {
            assert!(matches!(caught(async { 1 }).await, Ok(1)));
            assert!(matches!(caught(async { panic!("before") }).await, Err::<(), _>(Problem::Fault { .. })));
            let later = caught(async {
                tokio::task::yield_now().await;
                panic!("after {}", "a wait");
            });
            assert!(matches!(later.await, Err::<(), _>(Problem::Fault { .. })));
            let permits = Arc::new(Semaphore::new(1));
            let work = on_thread(&permits, || panic!("on a thread"));
            assert!(matches!(work.await, Err::<(), _>(Problem::Fault { .. })));
            assert_eq!(permits.available_permits(), 1);
        });
    }

    #[test]
    fn work_keeps_its_permit_when_its_request_goes_away() {
        run(async {
            let permits = Arc::new(Semaphore::new(1));
            let (go, gone) = mpsc::channel::<()>();
            let (tell, told) = tokio::sync::oneshot::channel();
            let (held, request) = (Arc::clone(&permits), Arc::clone(&permits));
            let request = tokio::spawn(async move {
                let work = move || {
                    tell.send(()).unwrap();
                    let _ = gone.recv();
                };
                on_thread(&request, work).await.is_ok()
            });
            told.await.unwrap();
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
            assert_eq!(held.available_permits(), 0);
            drop(go);
            let _free = permits.acquire().await.unwrap();
        });
    }
}
