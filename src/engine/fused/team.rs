//! A team of threads that work on one thing together, in phases.
//!
//! A phase of a training step takes some microseconds, so threads that wait spin, for as long as
//! waking one up takes; then they park, so that a busy neighbour gets the core they would burn.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::panic;

/// How often a waiting thread looks before it parks: about 50 microseconds.
const SPINS: u32 = 2_000;

/// A member of the team panicked; the others have stopped as well.
#[derive(Debug)]
pub(super) struct Broken;

/// What a team does: called by each member.
pub(super) type Work<C> = fn(&C, &Member<'_>) -> Result<(), Broken>;

/// Threads that wait for work on a `C`; the caller's own is one of them.
pub(super) struct Team<C> {
    hall: Arc<Hall<C>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the members share.
struct Hall<C> {
    context: Arc<C>,
    work: Work<C>,
    /// All meet here before and after the work.
    gate: Barrier,
    /// All meet here between phases.
    phases: Barrier,
    closing: AtomicBool,
}

/// One thread of a team, while it works.
pub(super) struct Member<'a> {
    /// From 0, the caller, to `count - 1`.
    pub(super) index: usize,
    pub(super) count: usize,
    phases: Option<&'a Barrier>,
}

impl Member<'_> {
    /// A team of one.
    pub(super) const ALONE: Member<'static> = Member {
        index: 0,
        count: 1,
        phases: None,
    };

    /// A member to ask what its share is; it meets nobody.
    pub(super) fn of(index: usize, count: usize) -> Member<'static> {
        Member {
            index,
            count,
            phases: None,
        }
    }

    /// Waits until every member is here.
    ///
    /// # Errors
    /// [`Broken`] when a member panicked.
    #[inline]
    pub(super) fn meet(&self) -> Result<(), Broken> {
        self.phases.map_or(Ok(()), Barrier::wait)
    }
}

impl<C: Send + Sync + 'static> Team<C> {
    /// A team of `count` members, at least 1, that does `work` on `context` whenever it is run.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn new(count: usize, context: Arc<C>, work: Work<C>) -> std::io::Result<Self> {
        let hall = Arc::new(Hall {
            context,
            work,
            gate: Barrier::new(count),
            phases: Barrier::new(count),
            closing: AtomicBool::new(false),
        });
        let mut team = Team {
            hall,
            threads: Vec::with_capacity(count - 1),
        };
        for index in 1..count {
            let hall = Arc::clone(&team.hall);
            let thread = thread::Builder::new().name(format!("tuplenet-{index}"));
            match thread.spawn(move || hall.serve(index)) {
                Ok(thread) => team.threads.push(thread),
                Err(error) => {
                    // Those that were started wait at the gate for the rest: let them go.
                    team.hall.closing.store(true, Ordering::SeqCst);
                    team.hall.gate.break_up();
                    return Err(error);
                }
            }
        }
        Ok(team)
    }

    /// Does the work with every member, and returns when all have done it.
    ///
    /// # Errors
    /// The words of a panic in a member.
    pub(super) fn run(&mut self) -> Result<(), String> {
        let _ = self.hall.gate.wait();
        self.hall.do_work(0);
        let _ = self.hall.gate.wait();
        self.hall.phases.mend()
    }
}

impl<C> Hall<C> {
    /// The life of a thread of the team.
    fn serve(&self, index: usize) {
        loop {
            let met = self.gate.wait();
            if met.is_err() || self.closing.load(Ordering::SeqCst) {
                return;
            }
            self.do_work(index);
            if self.gate.wait().is_err() {
                return;
            }
        }
    }

    /// One member's work. A panic in it breaks up the phases, so that no other member waits for ever.
    fn do_work(&self, index: usize) {
        let member = Member {
            index,
            count: self.gate.count,
            phases: Some(&self.phases),
        };
        let worked = catch_unwind(AssertUnwindSafe(|| (self.work)(&self.context, &member)));
        if let Err(panic) = worked {
            *self.phases.lock() = Some(panic::words(&*panic));
            self.phases.break_up();
        }
    }
}

impl<C> Drop for Team<C> {
    fn drop(&mut self) {
        self.hall.closing.store(true, Ordering::SeqCst);
        self.hall.gate.break_up();
        for thread in self.threads.drain(..) {
            // A panic was reported by `run`; there is nobody to tell here.
            let _ = thread.join();
        }
    }
}

impl<C> fmt::Debug for Team<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Team({} threads)", self.hall.gate.count)
    }
}

/// Where `count` threads wait for each other, again and again.
struct Barrier {
    count: usize,
    arrived: AtomicUsize,
    /// How often all have met.
    meetings: AtomicUsize,
    parked: AtomicUsize,
    broken: AtomicBool,
    /// Why it is broken, if it is known.
    reason: Mutex<Option<String>>,
    wake: Condvar,
}

impl Barrier {
    fn new(count: usize) -> Self {
        Barrier {
            count,
            arrived: AtomicUsize::new(0),
            meetings: AtomicUsize::new(0),
            parked: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            reason: Mutex::new(None),
            wake: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> Result<(), Broken> {
        let meeting = self.meetings.load(Ordering::Relaxed);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.count {
            self.arrived.store(0, Ordering::Relaxed);
            // SeqCst here and at `parked`: either this thread sees the parked one, or that one sees
            // the new meeting.
            self.meetings
                .store(meeting.wrapping_add(1), Ordering::SeqCst);
            self.wake_parked();
            return self.intact();
        }
        for _ in 0..SPINS {
            if self.is_over(meeting) {
                return self.intact();
            }
            std::hint::spin_loop();
        }
        self.parked.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock();
        while !self.is_over(meeting) {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        self.parked.fetch_sub(1, Ordering::SeqCst);
        self.intact()
    }

    fn is_over(&self, meeting: usize) -> bool {
        self.meetings.load(Ordering::SeqCst) != meeting || self.broken.load(Ordering::SeqCst)
    }

    fn intact(&self) -> Result<(), Broken> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(Broken);
        }
        Ok(())
    }

    fn wake_parked(&self) {
        if self.parked.load(Ordering::SeqCst) > 0 {
            // The lock is held from a look at the meeting to the wait, so none falls between.
            drop(self.lock());
            self.wake.notify_all();
        }
    }

    /// Sends every thread that waits or will wait away with an error.
    fn break_up(&self) {
        self.broken.store(true, Ordering::SeqCst);
        drop(self.lock());
        self.wake.notify_all();
    }

    /// Makes the barrier whole again while nobody uses it.
    ///
    /// # Errors
    /// Why it was broken.
    fn mend(&self) -> Result<(), String> {
        if !self.broken.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        self.arrived.store(0, Ordering::SeqCst);
        Err(self.lock().take().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Tally {
        counts: [AtomicUsize; 4],
        panics: AtomicBool,
    }

    /// Every member counts, all meet, and then each must see what the others counted.
    fn work(tally: &Tally, member: &Member<'_>) -> Result<(), Broken> {
        for round in 1..=200 {
            tally.counts[member.index].fetch_add(1, Ordering::Relaxed);
            member.meet()?;
            let counts = tally.counts[..member.count].iter();
            let least = counts.map(|count| count.load(Ordering::Relaxed)).min();
            assert!(least >= Some(round));
            assert!(
                !tally.panics.load(Ordering::Relaxed) || member.index != 1,
                "as asked"
            );
            member.meet()?;
        }
        Ok(())
    }

    #[test]
    fn members_meet_between_phases() {
        for count in 1..=4 {
            let tally = Arc::new(Tally::default());
            let mut team = Team::new(count, Arc::clone(&tally), work).unwrap();
            for _ in 0..3 {
                tally
                    .counts
                    .iter()
                    .for_each(|count| count.store(0, Ordering::Relaxed));
                team.run().unwrap();
                // long enough for the threads to park
                thread::sleep(std::time::Duration::from_millis(5));
            }
            assert_eq!(tally.counts[count - 1].load(Ordering::Relaxed), 200);
        }
    }

    #[test]
    fn a_panic_is_an_error_and_the_team_works_on() {
        let tally = Arc::new(Tally::default());
        let mut team = Team::new(3, Arc::clone(&tally), work).unwrap();
        tally.panics.store(true, Ordering::Relaxed);
        assert_eq!(team.run(), Err("as asked".to_owned()));
        tally.panics.store(false, Ordering::Relaxed);
        tally
            .counts
            .iter()
            .for_each(|count| count.store(0, Ordering::Relaxed));
        team.run().unwrap();
    }
}
