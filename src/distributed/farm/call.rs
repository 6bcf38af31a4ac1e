//! [`Call`]: the messages of one [`Farm::run`](super::Farm::run), on one rank.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    ledger::Ledger,
    message::{End, Failed, Message, Outcome},
};
use crate::{
    distributed::exchange::Mpi,
    error::{Error, Result},
    panic,
};

/// How often a rank looks for messages. Trials take seconds.
const PERIOD: Duration = Duration::from_millis(1);

/// How a trial of this rank has ended: its result as bytes, an error, or a panic.
pub(super) type Ended = thread::Result<Result<Vec<u8>>>;

/// What a rank does besides the trials, which run on other threads: on rank 0 it hands them out.
pub(super) struct Call<'c> {
    mpi: &'c Mpi,
    /// A rank that is silent for so long is lost.
    silence: Duration,
    /// Trials to run on this rank.
    jobs: Sender<usize>,
    /// Those that have ended.
    ended: Receiver<(usize, Ended)>,
    /// Results of all ranks.
    results: Sender<(usize, Vec<u8>)>,
    /// What those of this rank that have failed ended with.
    failures: BTreeMap<usize, Result<Error, Box<dyn Any + Send>>>,
    /// When each rank was last heard; none that has not begun, but rank 0, which must begin in time.
    heard: Vec<Option<Instant>>,
    /// Ranks that have said that they end.
    left: BTreeSet<usize>,
    looked: Instant,
    said: Instant,
}

impl<'c> Call<'c> {
    pub(super) fn new(
        mpi: &'c Mpi,
        silence: Duration,
        jobs: Sender<usize>,
        ended: Receiver<(usize, Ended)>,
        results: Sender<(usize, Vec<u8>)>,
    ) -> Self {
        mpi.mail(|mail| mail.next_subject());
        let now = Instant::now();
        let mut heard = vec![None; mpi.count];
        if mpi.rank != 0 {
            heard[0] = Some(now);
        }
        Call {
            mpi,
            silence,
            jobs,
            ended,
            results,
            failures: BTreeMap::new(),
            heard,
            left: BTreeSet::new(),
            looked: now,
            said: now,
        }
    }

    /// On rank 0: hands out the trials, gathers their results, and sends them to all.
    ///
    /// # Errors
    /// That of the first trial that has failed, as [`Error::Rank`] if it was another rank's.
    pub(super) fn hand_out(mut self, trials: usize, slots: usize) -> Result<()> {
        let mut ledger = Ledger::new(trials, self.mpi.count);
        ledger.ready(0, slots);
        while !ledger.is_complete() {
            for (from, message) in self.look() {
                match message {
                    Message::Ready { slots } => {
                        ledger.ready(from, slots);
                        self.send(from, &Message::Alive);
                    }
                    Message::Done { trial, outcome } => {
                        self.note(&mut ledger, from, trial, outcome);
                    }
                    _ => {}
                }
            }
            for rank in self.lose_silent() {
                ledger.lose(rank);
            }
            for rank in 0..self.mpi.count {
                while let Some(trial) = ledger.next(rank) {
                    match rank {
                        0 => self.run(trial),
                        _ => self.send(rank, &Message::Run { trial }),
                    }
                }
            }
            self.say_alive();
            if let Some((trial, outcome)) = self.ended() {
                self.note(&mut ledger, 0, trial, outcome);
            }
        }
        self.end(ledger)
    }

    fn note(&self, ledger: &mut Ledger, rank: usize, trial: usize, outcome: Outcome) {
        if let Some(result) = ledger.finish(rank, trial, outcome) {
            // the receiver is gone after a panic of its thread
            let _ = self.results.send((trial, result.to_vec()));
        }
    }

    /// Sends the results, or the failure, to all ranks.
    fn end(mut self, ledger: Ledger) -> Result<()> {
        let mut results = Vec::new();
        let mut failed = None;
        for (trial, (rank, outcome)) in ledger.into_outcomes().enumerate() {
            match outcome {
                Outcome::Result(result) => results.push(Message::Known { trial, result }),
                Outcome::Failed(message) => {
                    failed = Some(Failed {
                        trial,
                        rank,
                        message,
                    });
                    results.clear();
                }
            }
        }
        let count = results.len();
        for result in &results {
            self.send_all(result);
        }
        self.wait_until_left();
        let end = End {
            results: count,
            failed,
            lost: self.mpi.mail(|mail| mail.lost.iter().copied().collect()),
        };
        self.send_all(&Message::End(end.clone()));
        self.wait_until_left();
        self.ending(end)
    }

    fn send_all(&self, message: &Message) {
        let bytes = encode(message);
        for rank in 1..self.mpi.count {
            self.mpi.mail(|mail| mail.send(rank, Arc::clone(&bytes)));
        }
    }

    /// Waits until all ranks have begun, and all messages have left, but those of ranks that are lost.
    fn wait_until_left(&mut self) {
        let over = Instant::now();
        while !self.mpi.mail(|mail| mail.has_left()) || self.has_late() {
            self.look();
            // a rank that has not begun is waited for no longer than any other, from now on
            if over.elapsed() > self.silence {
                self.heard[1..].iter_mut().for_each(|heard| {
                    heard.get_or_insert(over);
                });
            }
            self.lose_silent();
            self.say_alive();
            thread::sleep(PERIOD);
        }
    }

    /// On the other ranks: runs the trials that rank 0 hands out, until it sends the results of all.
    ///
    /// # Errors
    /// As [`Call::hand_out`]; [`Error::Rank`] when rank 0 is lost; [`Error::Setting`] when it has another number of trials.
    pub(super) fn take_part(mut self, trials: usize, slots: usize) -> Result<()> {
        self.send(0, &Message::Ready { slots });
        let (mut results, mut end) = (0, None);
        loop {
            for (_, message) in self.look() {
                match message {
                    Message::Run { trial } => self.run(trial),
                    Message::Known { trial, result } => {
                        results += 1;
                        let _ = self.results.send((trial, result));
                    }
                    Message::End(of_first) => end = Some(of_first),
                    _ => {}
                }
            }
            if let Some(end) = end.take_if(|end| end.results == results) {
                self.mpi.mail(|mail| mail.lost.extend(&end.lost));
                if end.failed.is_none() && results != trials {
                    return Err(Error::Setting {
                        setting: "number of trials",
                        expected: format!("{results}, as on rank 0"),
                        found: trials.to_string(),
                    });
                }
                return self.ending(end);
            }
            self.lose_silent();
            if self.mpi.mail(|mail| mail.lost.contains(&0)) {
                return Err(Error::Rank {
                    rank: 0,
                    message: "it has ended, or is out of reach".to_owned(),
                });
            }
            self.say_alive();
            if let Some((trial, outcome)) = self.ended() {
                self.send(0, &Message::Done { trial, outcome });
            }
        }
    }

    /// The farm's result on this rank.
    ///
    /// # Panics
    /// As the trial that has failed, if it was this rank's.
    fn ending(mut self, end: End) -> Result<()> {
        let Some(failed) = end.failed else {
            return Ok(());
        };
        let own = self.failures.remove(&failed.trial);
        match own.filter(|_| failed.rank == self.mpi.rank) {
            Some(Ok(error)) => Err(error),
            Some(Err(panicked)) => std::panic::resume_unwind(panicked),
            None => Err(Error::Rank {
                rank: failed.rank,
                message: failed.message,
            }),
        }
    }

    /// Has a thread of this rank run a trial.
    fn run(&self, trial: usize) {
        // they wait for as long as `jobs` is there
        let _ = self.jobs.send(trial);
    }

    /// A trial of this rank that has ended; waits for one for a moment.
    fn ended(&mut self) -> Option<(usize, Outcome)> {
        let (trial, ended) = self.ended.recv_timeout(PERIOD).ok()?;
        let (failure, message) = match ended {
            Ok(Ok(result)) => return Some((trial, Outcome::Result(result))),
            Ok(Err(error)) => {
                let message = error.to_string();
                (Ok(error), message)
            }
            Err(panicked) => {
                let message = format!("trial {trial} panicked: {}", panic::message(&*panicked));
                (Err(panicked), message)
            }
        };
        self.failures.insert(trial, failure);
        Some((trial, Outcome::Failed(message)))
    }

    fn send(&self, to: usize, message: &Message) {
        let bytes = encode(message);
        self.mpi.mail(|mail| mail.send(to, bytes));
    }

    /// The messages that have arrived.
    fn look(&mut self) -> Vec<(usize, Message)> {
        let now = Instant::now();
        // a process that was itself stopped for a while has heard nothing
        if now - self.looked > self.silence / 2 {
            let begun = self.heard.iter_mut().flatten();
            begun.for_each(|heard| *heard = now);
        }
        self.looked = now;
        let mut messages = Vec::new();
        for (from, bytes) in self.mpi.mail(|mail| mail.receive()) {
            self.heard[from] = Some(now);
            match postcard::from_bytes(&bytes) {
                Ok(message) => messages.push((from, message)),
                Err(_) => {
                    self.left.insert(from);
                }
            }
        }
        messages
    }

    /// The ranks that are newly lost.
    fn lose_silent(&mut self) -> Vec<usize> {
        let now = Instant::now();
        let is_lost = |rank: &usize| {
            let heard = self.heard[*rank];
            self.left.contains(rank) || heard.is_some_and(|heard| now - heard > self.silence)
        };
        let silent = (0..self.mpi.count).filter(is_lost);
        self.mpi
            .mail(|mail| silent.filter(|&rank| mail.lost.insert(rank)).collect())
    }

    /// Whether a rank that is not lost has not begun.
    fn has_late(&self) -> bool {
        let mut others = 1..self.mpi.count;
        self.mpi.mail(|mail| {
            others.any(|rank| self.heard[rank].is_none() && !mail.lost.contains(&rank))
        })
    }

    /// Lets the others hear that this rank is there: rank 0 those that have begun, they rank 0.
    fn say_alive(&mut self) {
        if self.said.elapsed() < self.silence / 6 {
            return;
        }
        self.said = Instant::now();
        match self.mpi.rank {
            0 => (1..self.mpi.count)
                .filter(|&rank| self.heard[rank].is_some())
                .for_each(|rank| self.send(rank, &Message::Alive)),
            _ => self.send(0, &Message::Alive),
        }
    }
}

fn encode(message: &Message) -> Arc<[u8]> {
    // no number or text of a message is one that cannot be written
    postcard::to_allocvec(message).unwrap_or_default().into()
}
