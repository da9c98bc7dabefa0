//! Threads for work that would hold up the reactor: signatures to verify.
//!
//! A fixed number of threads take jobs from one list, a handful at a time. A thread is only woken if one sleeps, so under
//! load a job costs neither a system call nor a thread of its own; the same list at leisure costs one wake. Jobs are not
//! bounded here: whoever brings one holds a place in the queue of the sequencer, and those are.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::http::fault;
use crate::http::problem::Problem;

/// Most jobs that a thread takes at once: enough to pay for the lock, few enough that the others get theirs.
const HANDFUL: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

/// Where the answer to a request goes.
pub(crate) type Tell<A> = oneshot::Sender<Result<A, Problem>>;

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
    /// Of those that sleep, so many were woken and had no turn on a core yet: on a busy machine that is when most jobs come.
    woken: usize,
    over: bool,
}

impl List {
    /// Whether a thread is to be woken for it.
    fn add(&mut self, job: Job) -> bool {
        self.jobs.push_back(job);
        let wake = self.sleeping > self.woken;
        self.woken += usize::from(wake);
        wake
    }
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

    /// Has work done by one of the threads, which hands the result on to whoever will answer, and waits for that answer.
    /// So a request wakes once and not twice. `None` if who was to answer went away without.
    ///
    /// Work begins only if somebody still waits, and goes on when its request goes away after that.
    ///
    /// # Errors
    /// What the work or the answer says; [`Problem::Fault`] if the work panicked.
    pub(crate) async fn run<T, A: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
        hand_on: impl FnOnce(T, Tell<A>) + Send + 'static,
    ) -> Option<Result<A, Problem>> {
        let (tell, told) = oneshot::channel();
        self.shared.bring(Box::new(move || {
            if tell.is_closed() {
                return;
            }
            match catch_unwind(AssertUnwindSafe(work)) {
                Ok(Ok(done)) => hand_on(done, tell),
                // Nobody listening is no error: the client went away.
                Ok(Err(problem)) => drop(tell.send(Err(problem))),
                Err(payload) => drop(tell.send(Err(fault::fault(payload.as_ref())))),
            }
        }));
        told.await.ok()
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
        let wake = list.add(job);
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
                // Without having been woken, too: a system may end a wait for nothing.
                list.woken = list.woken.saturating_sub(1);
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

    fn tell<T>(done: T, tell: Tell<T>) {
        let _ = tell.send(Ok(done));
    }

    #[test]
    fn every_job_is_done_once_and_answers_its_own_request() {
        let workers = Arc::new(Workers::start(2).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let sum = runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for number in 0..1000_u64 {
                let workers = Arc::clone(&workers);
                tasks.spawn(async move {
                    (number, workers.run(move || Ok(number), tell).await.unwrap().unwrap())
                });
            }
            tasks.join_all().await.into_iter().fold(0, |sum, (asked, told)| {
                assert_eq!(asked, told);
                sum + told
            })
        });
        assert_eq!(sum, 499_500);
    }

    #[test]
    fn a_thread_is_woken_once_however_many_jobs_come_before_its_turn() {
        let mut list = List { sleeping: 2, ..List::default() };
        let woken: Vec<bool> = (0..4).map(|_| list.add(Box::new(|| ()))).collect();
        assert_eq!(woken, [true, true, false, false]);
        assert_eq!((list.jobs.len(), list.woken), (4, 2));
    }

    #[test]
    fn a_panic_is_a_fault_and_the_thread_goes_on() {
        let workers = Workers::start(1).unwrap();
        let panicked = run(workers.run(|| -> Result<(), _> { panic!("at work") }, tell));
        assert!(matches!(panicked, Some(Err(Problem::Fault { .. }))));
        assert!(matches!(
            run(workers.run(|| Err(Problem::NotFound), tell::<()>)),
            Some(Err(Problem::NotFound))
        ));
        assert!(matches!(run(workers.run(|| Ok(7), tell)), Some(Ok(7))));
    }

    #[test]
    fn who_was_to_answer_may_go_away_without() {
        let workers = Workers::start(1).unwrap();
        assert!(run(workers.run(|| Ok(7), |_, tell: Tell<()>| drop(tell))).is_none());
    }

    /// Goes away from a request as soon as `until` returns.
    fn abandon(request: impl Future, until: impl FnOnce()) {
        run(async {
            tokio::select! {
                biased;
                _ = request => panic!("the work cannot be done yet"),
                () = async { until() } => {}
            }
        });
    }

    #[test]
    fn work_goes_on_when_its_request_goes_away_and_is_not_begun_after_that() {
        let workers = Workers::start(1).unwrap();
        let (tell_began, began) = mpsc::channel();
        let (tell_done, done) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let late = tell_done.clone();
        let first = move || {
            let _ = (tell_began.send(()), gone.recv());
            tell_done.send("first").unwrap();
            Ok(())
        };
        abandon(workers.run(first, tell), || began.recv().unwrap());
        let second = move || {
            late.send("second").unwrap();
            Ok(())
        };
        abandon(workers.run(second, tell), || ());
        drop((go, workers));
        assert_eq!(done.iter().collect::<Vec<_>>(), ["first"]);
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
