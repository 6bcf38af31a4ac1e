//! [`Ledger`]: which rank runs which trial, and what is known of each; it neither sends nor waits.

use std::collections::BTreeSet;

use super::message::Outcome;

/// What rank 0 knows of the trials of a farm.
pub(super) struct Ledger {
    waiting: BTreeSet<usize>,
    /// How each trial has ended, and on which rank.
    outcomes: Vec<Option<(usize, Outcome)>>,
    /// The first trial that has failed, or the number of trials.
    first_failed: usize,
    /// How many trials each rank can run at once, 0 until it is ready.
    slots: Vec<usize>,
    /// What each is running.
    running: Vec<BTreeSet<usize>>,
}

impl Ledger {
    pub(super) fn new(trials: usize, ranks: usize) -> Self {
        Ledger {
            waiting: (0..trials).collect(),
            outcomes: (0..trials).map(|_| None).collect(),
            first_failed: trials,
            slots: vec![0; ranks],
            running: vec![BTreeSet::new(); ranks],
        }
    }

    pub(super) fn ready(&mut self, rank: usize, slots: usize) {
        self.slots[rank] = slots;
    }

    /// The trial that the rank is to run now, besides those that it is running.
    pub(super) fn next(&mut self, rank: usize) -> Option<usize> {
        let trial = *self.waiting.first()?;
        // all before the first that failed are run, so that the error is the same however many ranks there are
        if self.running[rank].len() >= self.slots[rank] || trial > self.first_failed {
            return None;
        }
        self.waiting.remove(&trial);
        self.running[rank].insert(trial);
        Some(trial)
    }

    /// Notes how a trial of the rank has ended; gives its result, if it has one.
    pub(super) fn finish(&mut self, rank: usize, trial: usize, outcome: Outcome) -> Option<&[u8]> {
        if !self.running[rank].remove(&trial) {
            return None;
        }
        if matches!(outcome, Outcome::Failed(_)) {
            self.first_failed = self.first_failed.min(trial);
        }
        match self.outcomes[trial].insert((rank, outcome)) {
            (_, Outcome::Result(result)) => Some(result),
            (_, Outcome::Failed(_)) => None,
        }
    }

    /// The trials of a rank that is lost wait for another rank.
    pub(super) fn lose(&mut self, rank: usize) {
        self.slots[rank] = 0;
        self.waiting.append(&mut self.running[rank]);
    }

    /// Whether all trials have ended, or all before one that has failed.
    pub(super) fn is_complete(&self) -> bool {
        let needed = &self.outcomes[..self.first_failed];
        needed.iter().all(Option::is_some)
    }

    /// How each trial has ended, in order, up to the first that has failed.
    pub(super) fn into_outcomes(self) -> impl Iterator<Item = (usize, Outcome)> {
        let needed = (self.first_failed + 1).min(self.outcomes.len());
        self.outcomes.into_iter().take(needed).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> Outcome {
        Outcome::Result(Vec::new())
    }

    #[test]
    fn a_rank_gets_the_next_trial_when_it_has_ended_one() {
        let mut ledger = Ledger::new(4, 2);
        assert_eq!(ledger.next(1), None, "it is not ready");
        ledger.ready(0, 1);
        ledger.ready(1, 2);
        let handed = [0, 0, 1, 1, 1].map(|rank| ledger.next(rank));
        assert_eq!(handed, [Some(0), None, Some(1), Some(2), None]);
        ledger.finish(1, 2, result());
        assert_eq!(
            [0, 1, 1].map(|rank| ledger.next(rank)),
            [None, Some(3), None]
        );
        for (rank, trial) in [(0, 0), (1, 1), (1, 3)] {
            assert!(!ledger.is_complete());
            ledger.finish(rank, trial, result());
        }
        assert!(ledger.is_complete());
        let ranks: Vec<usize> = ledger.into_outcomes().map(|(rank, _)| rank).collect();
        assert_eq!(ranks, [0, 1, 1, 1]);
    }

    #[test]
    fn the_trials_of_a_lost_rank_are_the_next() {
        let mut ledger = Ledger::new(5, 2);
        ledger.ready(0, 1);
        ledger.ready(1, 2);
        let handed = [1, 1, 0].map(|rank| ledger.next(rank));
        assert_eq!(handed, [Some(0), Some(1), Some(2)]);
        ledger.finish(1, 0, result());
        ledger.lose(1);
        assert_eq!(ledger.finish(1, 1, result()), None, "it was too late");
        assert_eq!([1, 0].map(|rank| ledger.next(rank)), [None, None]);
        ledger.finish(0, 2, result());
        for trial in [1, 3, 4] {
            assert!(!ledger.is_complete());
            assert_eq!(ledger.next(0), Some(trial));
            ledger.finish(0, trial, result());
        }
        assert!(ledger.is_complete());
    }

    #[test]
    fn after_a_failure_those_before_it_are_run_and_no_others() {
        let mut ledger = Ledger::new(9, 2);
        ledger.ready(0, 1);
        ledger.ready(1, 3);
        let handed = [0, 1, 1, 1].map(|rank| ledger.next(rank));
        assert_eq!(handed, [Some(0), Some(1), Some(2), Some(3)]);
        ledger.finish(1, 2, Outcome::Failed("two".to_owned()));
        assert_eq!(ledger.next(1), None);
        ledger.lose(1); // while 1 and 3 run
        ledger.finish(0, 0, result());
        assert!(!ledger.is_complete());
        assert_eq!(ledger.next(0), Some(1));
        ledger.finish(0, 1, Outcome::Failed("one".to_owned()));
        assert!(ledger.is_complete() && ledger.next(0).is_none());
        let last = ledger.into_outcomes().last();
        assert!(matches!(last, Some((0, Outcome::Failed(words))) if words == "one"));
    }

    #[test]
    fn a_later_failure_changes_nothing() {
        let mut ledger = Ledger::new(9, 1);
        ledger.ready(0, 4);
        while ledger.next(0).is_some() {}
        for trial in [1, 3] {
            ledger.finish(0, trial, Outcome::Failed(trial.to_string()));
        }
        ledger.finish(0, 0, result());
        assert!(ledger.is_complete());
        assert_eq!(ledger.into_outcomes().count(), 2);
    }
}
