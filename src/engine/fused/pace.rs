//! [`Pace`]: whether a team is worth its while, where another program takes one of its cores.
//!
//! Members wait for each other several times a step, so a team is as fast as the one that the system
//! lets run the least: with a busy neighbour on one core of two, a step takes longer than on one thread
//! that has the other core to itself. Results do not depend on who computes them, so a team may be left
//! and taken up again between any two steps.

use std::time::Duration;

/// A team that takes so many times as long as it once did is disturbed.
const DISTURBED: f64 = 1.6;
/// So many slices in a row, so that a single interruption is no reason.
const PATIENCE: u32 = 2;
/// How long one thread works alone before the team is tried again.
const ALONE_FOR: Duration = Duration::from_millis(60);
/// The work between two looks at the clock: well above the time of a meeting, below that which a user
/// would notice.
const SLICE: Duration = Duration::from_millis(2);

/// Who computes the next slice of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Team,
    Alone,
}

/// What has been seen of a training's pace; times are seconds a step.
#[derive(Debug)]
pub(super) struct Pace {
    /// The batch size that it holds for.
    batch_size: usize,
    who: Who,
    /// The least that the team has taken.
    team: Option<f64>,
    /// What it took when it was last disturbed.
    disturbed: f64,
    disturbed_slices: u32,
    /// How long one thread has been alone, since the team was left.
    alone_for: Duration,
    /// The last slice's.
    last: Option<f64>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Pace {
            batch_size: 0,
            who: Who::Team,
            team: None,
            disturbed: 0.0,
            disturbed_slices: 0,
            alone_for: Duration::ZERO,
            last: None,
        }
    }

    /// Who computes the next steps, of batches of `batch_size`, and how many at most.
    pub(super) fn next(&mut self, batch_size: usize) -> (Who, usize) {
        if self.batch_size != batch_size {
            *self = Pace {
                batch_size,
                ..Pace::new()
            };
        }
        let steps = self
            .last
            .map_or(1.0, |seconds| SLICE.as_secs_f64() / seconds);
        (self.who, steps.clamp(1.0, 1e6) as usize)
    }

    /// So long did `steps` steps take, as [`Pace::next`] said.
    pub(super) fn took(&mut self, steps: usize, time: Duration) {
        let seconds = time.as_secs_f64() / steps as f64;
        let is_first = self.last.replace(seconds).is_none();
        match self.who {
            // the first slice finds nothing in the cache
            Who::Team if is_first => {}
            Who::Team => self.team_took(seconds),
            Who::Alone => self.alone_took(seconds, time),
        }
    }

    fn team_took(&mut self, seconds: f64) {
        let best = *self.team.get_or_insert(seconds);
        if seconds <= best * DISTURBED {
            self.team = Some(best.min(seconds));
            self.disturbed_slices = 0;
            return;
        }
        self.disturbed_slices += 1;
        self.disturbed = seconds;
        if self.disturbed_slices >= PATIENCE {
            (self.who, self.alone_for) = (Who::Alone, Duration::ZERO);
        }
    }

    fn alone_took(&mut self, seconds: f64, time: Duration) {
        let is_first = self.alone_for.is_zero();
        self.alone_for += time;
        if !is_first && seconds > self.disturbed {
            // No better: the machine is slower, and that is the team's pace from now on.
            self.team = Some(self.disturbed);
            (self.who, self.disturbed_slices) = (Who::Team, 0);
        } else if self.alone_for >= ALONE_FOR {
            // One disturbed slice will do to be alone again.
            (self.who, self.disturbed_slices) = (Who::Team, PATIENCE - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM_MICROS: u64 = 100;
    const ALONE_MICROS: u64 = 190;

    /// Simulates `slices` slices where a step takes so many microseconds; who computed each.
    fn simulate(pace: &mut Pace, slices: usize, team_micros: u64, alone_micros: u64) -> Vec<Who> {
        let slice = |_| {
            let (who, steps) = pace.next(64);
            let micros = match who {
                Who::Team => team_micros,
                Who::Alone => alone_micros,
            };
            pace.took(steps, Duration::from_micros(micros * steps as u64));
            who
        };
        (0..slices).map(slice).collect()
    }

    fn share_alone(slices: &[Who]) -> f64 {
        let alone = slices.iter().filter(|&&who| who == Who::Alone).count();
        alone as f64 / slices.len() as f64
    }

    #[test]
    fn a_team_that_nobody_disturbs_stays_together() {
        let mut pace = Pace::new();
        let slices = simulate(&mut pace, 1000, TEAM_MICROS, ALONE_MICROS);
        assert_eq!(share_alone(&slices), 0.0);
        // a slice is some two milliseconds
        assert_eq!(pace.next(64), (Who::Team, 20));
    }

    #[test]
    fn a_disturbed_team_is_left_and_taken_up_again() {
        let mut pace = Pace::new();
        simulate(&mut pace, 100, TEAM_MICROS, ALONE_MICROS);
        let disturbed = simulate(&mut pace, 1000, 260, ALONE_MICROS);
        // but for a look at the team every 60 milliseconds, which are 30 slices
        let share = share_alone(&disturbed);
        assert!((0.95..0.99).contains(&share), "{share}");
        let after = simulate(&mut pace, 1000, TEAM_MICROS, ALONE_MICROS);
        assert!(after[40..].iter().all(|&who| who == Who::Team));
    }

    #[test]
    fn a_single_interruption_is_no_reason_to_leave() {
        let mut pace = Pace::new();
        simulate(&mut pace, 100, TEAM_MICROS, ALONE_MICROS);
        for _ in 0..100 {
            assert_eq!(
                share_alone(&simulate(&mut pace, 1, 1000, ALONE_MICROS)),
                0.0
            );
            assert_eq!(
                share_alone(&simulate(&mut pace, 5, TEAM_MICROS, ALONE_MICROS)),
                0.0
            );
        }
    }

    #[test]
    fn where_all_is_slower_the_team_is_still_the_better() {
        let mut pace = Pace::new();
        simulate(&mut pace, 100, TEAM_MICROS, ALONE_MICROS);
        let slices = simulate(&mut pace, 1000, 2 * TEAM_MICROS, 2 * ALONE_MICROS);
        let share = share_alone(&slices);
        assert!(share < 0.01, "{share}");
    }

    #[test]
    fn another_batch_size_has_a_pace_of_its_own() {
        let mut pace = Pace::new();
        simulate(&mut pace, 100, TEAM_MICROS, ALONE_MICROS);
        assert_eq!(pace.next(1024), (Who::Team, 1));
    }
}
