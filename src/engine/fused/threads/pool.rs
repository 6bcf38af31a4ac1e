//! [`ThreadPool`]: threads that run one job together, in phases separated by barriers.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::barrier::{Barrier, BrokenBarrier};
use crate::panic;

/// The work of a pool: called by each worker.
pub(crate) type Work<C> = fn(&C, &Worker<'_>) -> Result<(), BrokenBarrier>;

/// Threads that wait for work on a `C`; the caller's thread is one of them.
pub(crate) struct ThreadPool<C> {
    state: Arc<PoolState<C>>,
    threads: Vec<JoinHandle<()>>,
}

/// The state that the workers share.
struct PoolState<C> {
    context: Arc<C>,
    work: Work<C>,
    /// Where workers wait before and after the work.
    start: Barrier,
    /// Where workers wait between phases.
    phases: Barrier,
    closing: AtomicBool,
}

/// One thread of a pool, during a job.
pub(crate) struct Worker<'a> {
    /// From 0, the caller, to `count - 1`.
    pub(crate) index: usize,
    pub(crate) count: usize,
    phases: Option<&'a Barrier>,
}

impl Worker<'_> {
    /// A single thread, which waits for no other thread.
    pub(crate) const SERIAL: Worker<'static> = Worker {
        index: 0,
        count: 1,
        phases: None,
    };

    /// A worker for computing partitions only; it waits at no barrier.
    pub(crate) fn of(index: usize, count: usize) -> Worker<'static> {
        Worker {
            index,
            count,
            phases: None,
        }
    }

    /// Waits until every worker has arrived.
    ///
    /// # Errors
    /// [`BrokenBarrier`] when a worker panicked.
    #[inline]
    pub(crate) fn barrier(&self) -> Result<(), BrokenBarrier> {
        self.phases.map_or(Ok(()), Barrier::wait)
    }
}

impl<C: Send + Sync + 'static> ThreadPool<C> {
    /// A pool of `count` workers, at least 1, that does `work` on `context` whenever it is run.
    ///
    /// # Errors
    /// When the system cannot create a thread.
    pub(crate) fn new(count: usize, context: Arc<C>, work: Work<C>) -> std::io::Result<Self> {
        let state = Arc::new(PoolState {
            context,
            work,
            start: Barrier::new(count),
            phases: Barrier::new(count),
            closing: AtomicBool::new(false),
        });
        let mut pool = ThreadPool {
            state,
            threads: Vec::with_capacity(count - 1),
        };
        for index in 1..count {
            let state = Arc::clone(&pool.state);
            let thread = thread::Builder::new().name(format!("tuplenet-{index}"));
            match thread.spawn(move || state.serve(index)) {
                Ok(thread) => pool.threads.push(thread),
                Err(error) => {
                    // The started threads wait for the rest: release them.
                    pool.state.closing.store(true, Ordering::SeqCst);
                    pool.state.start.poison();
                    return Err(error);
                }
            }
        }
        Ok(pool)
    }

    /// Does the work with every worker, and returns when all have done it.
    ///
    /// # Errors
    /// The message of a panic in a worker.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        let _ = self.state.start.wait();
        self.state.do_work(0);
        let _ = self.state.start.wait();
        self.state.phases.reset()
    }
}

impl<C> PoolState<C> {
    /// The loop of a thread of the pool.
    fn serve(&self, index: usize) {
        loop {
            let arrived = self.start.wait();
            if arrived.is_err() || self.closing.load(Ordering::SeqCst) {
                return;
            }
            self.do_work(index);
            if self.start.wait().is_err() {
                return;
            }
        }
    }

    /// One worker's work. A panic poisons the barrier between phases, so that no other worker waits forever.
    fn do_work(&self, index: usize) {
        let worker = Worker {
            index,
            count: self.start.count,
            phases: Some(&self.phases),
        };
        let worked = catch_unwind(AssertUnwindSafe(|| (self.work)(&self.context, &worker)));
        if let Err(panic) = worked {
            *self.phases.lock() = Some(panic::message(&*panic));
            self.phases.poison();
        }
    }
}

impl<C> Drop for ThreadPool<C> {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::SeqCst);
        self.state.start.poison();
        for thread in self.threads.drain(..) {
            // `run` has reported any panic already.
            let _ = thread.join();
        }
    }
}

impl<C> fmt::Debug for ThreadPool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadPool({} threads)", self.state.start.count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Under Miri, a round takes a thousand times as long.
    const ROUNDS: usize = if cfg!(miri) { 10 } else { 200 };

    #[derive(Default)]
    struct Tally {
        counts: [AtomicUsize; 4],
        panics: AtomicBool,
    }

    /// Every worker increments, waits, and then must see the increments of the others.
    fn work(tally: &Tally, worker: &Worker<'_>) -> Result<(), BrokenBarrier> {
        for round in 1..=ROUNDS {
            tally.counts[worker.index].fetch_add(1, Ordering::Relaxed);
            worker.barrier()?;
            let counts = tally.counts[..worker.count].iter();
            let least = counts.map(|count| count.load(Ordering::Relaxed)).min();
            assert!(least >= Some(round));
            assert!(
                !tally.panics.load(Ordering::Relaxed) || worker.index != 1,
                "as asked"
            );
            worker.barrier()?;
        }
        Ok(())
    }

    #[test]
    fn workers_wait_between_phases() {
        for count in 1..=4 {
            let tally = Arc::new(Tally::default());
            let mut pool = ThreadPool::new(count, Arc::clone(&tally), work).unwrap();
            for _ in 0..3 {
                tally
                    .counts
                    .iter()
                    .for_each(|count| count.store(0, Ordering::Relaxed));
                pool.run().unwrap();
                // long enough for the threads to park
                thread::sleep(std::time::Duration::from_millis(5));
            }
            assert_eq!(tally.counts[count - 1].load(Ordering::Relaxed), ROUNDS);
        }
    }

    #[test]
    fn a_panic_is_an_error_and_the_pool_stays_usable() {
        let tally = Arc::new(Tally::default());
        let mut pool = ThreadPool::new(3, Arc::clone(&tally), work).unwrap();
        tally.panics.store(true, Ordering::Relaxed);
        assert_eq!(pool.run(), Err("as asked".to_owned()));
        tally.panics.store(false, Ordering::Relaxed);
        tally
            .counts
            .iter()
            .for_each(|count| count.store(0, Ordering::Relaxed));
        pool.run().unwrap();
    }

    #[test]
    fn a_dropped_pool_has_no_threads() {
        let tally = Arc::new(Tally::default());
        let mut pool = ThreadPool::new(3, Arc::clone(&tally), work).unwrap();
        pool.run().unwrap();
        assert_eq!(format!("{pool:?}"), "ThreadPool(3 threads)");
        drop(pool);
        // every thread shares the context
        assert_eq!(Arc::strong_count(&tally), 1);
    }
}
