//! Threads for work that would hold up the reactor: signatures to verify.
//!
//! A fixed number of threads take jobs from one list, a handful at a time. A thread is only woken if one sleeps, so under
//! load a job costs neither a system call nor a thread of its own; the same list at leisure costs one wake. Jobs are not
//! bounded here: whoever brings one holds a place in the queue of the sequencer, and those are.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::http::fault;
use crate::http::problem::Problem;

/// Most jobs that a thread takes at once: enough to pay for the lock, few enough that the others get theirs.
const HANDFUL: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped, after the jobs that were brought.
#[derive(Debug)]
pub(crate) struct Workers {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    list: Mutex<List>,
    more: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct List {
    jobs: VecDeque<Job>,
    sleeping: usize,
    over: bool,
}

impl Workers {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// What the system says about one that could not be started; those before it end.
    pub(crate) fn start(count: usize) -> std::io::Result<Self> {
        let workers = Self { shared: Arc::default() };
        for _ in 0..count.max(1) {
            let shared = Arc::clone(&workers.shared);
            std::thread::Builder::new().name("admission".to_owned()).spawn(move || shared.work())?;
        }
        Ok(workers)
    }

    /// Has work done and waits for it. Work goes on when the request that brought it goes away.
    ///
    /// # Errors
    /// [`Problem::Fault`] if the work panicked, [`Problem::WorkerLost`] if the program is going down.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (tell, told) = oneshot::channel::<Result<T, Box<dyn Any + Send>>>();
        self.shared.bring(Box::new(move || {
            // Nobody listening is no error: the client went away.
            let _ = tell.send(catch_unwind(AssertUnwindSafe(work)));
        }));
        match told.await {
            Ok(done) => done.map_err(|payload| fault::fault(payload.as_ref())),
            Err(_) => Err(Problem::WorkerLost),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.list.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.shared.more.notify_all();
    }
}

impl Shared {
    fn bring(&self, job: Job) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.jobs.push_back(job);
        let wake = list.sleeping > 0;
        drop(list);
        if wake {
            self.more.notify_one();
        }
    }

    fn work(&self) {
        let mut mine: Vec<Job> = Vec::with_capacity(HANDFUL);
        loop {
            let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
            while list.jobs.is_empty() {
                if list.over {
                    return;
                }
                list.sleeping += 1;
                list = self.more.wait(list).unwrap_or_else(PoisonError::into_inner);
                list.sleeping -= 1;
            }
            let count = list.jobs.len().div_ceil(2).min(HANDFUL);
            mine.extend(list.jobs.drain(..count));
            drop(list);
            mine.drain(..).for_each(|job| job());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn every_job_is_done_once_and_answers_its_own_request() {
        let workers = Arc::new(Workers::start(2).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let sum = runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for number in 0..1000_u64 {
                let workers = Arc::clone(&workers);
                tasks.spawn(async move { (number, workers.run(move || number).await.unwrap()) });
            }
            tasks.join_all().await.into_iter().fold(0, |sum, (asked, told)| {
                assert_eq!(asked, told);
                sum + told
            })
        });
        assert_eq!(sum, 499_500);
    }

    #[test]
    fn a_panic_is_a_fault_and_the_thread_goes_on() {
        let workers = Workers::start(1).unwrap();
        assert!(matches!(run(workers.run(|| panic!("at work"))), Err::<(), _>(Problem::Fault { .. })));
        assert!(matches!(run(workers.run(|| 7)), Ok(7)));
    }

    #[test]
    fn work_goes_on_when_its_request_goes_away() {
        let workers = Workers::start(1).unwrap();
        let (tell, told) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let request = workers.run(move || {
            let _ = gone.recv();
            let _ = tell.send(());
        });
        run(async {
            tokio::select! {
                biased;
                _ = request => panic!("the work cannot be done yet"),
                () = std::future::ready(()) => {}
            }
        });
        drop(go);
        assert_eq!(told.recv(), Ok(()));
    }

    #[test]
    fn what_was_brought_is_done_before_the_threads_end() {
        let (tell, told) = mpsc::channel();
        let workers = Workers::start(1).unwrap();
        for number in 0..100 {
            let tell = tell.clone();
            workers.shared.bring(Box::new(move || tell.send(number).unwrap()));
        }
        drop((workers, tell));
        assert_eq!(told.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }
}
