//! [`Pace`]: whether a team is worth its while, where another program takes one of its cores.
//!
//! Members wait for each other several times a step, so a team is as fast as the one that the system
//! lets run the least: with a busy neighbour on one core of two, a step takes longer than on one thread
//! that has the other core to itself. Results do not depend on who computes them, so a team may be left
//! and taken up again between any two steps.

use std::time::Duration;

/// Slices of the team before one thread is tried for one, to learn what it takes: half a percent of the time.
const TEAM_FOR: u32 = 250;
/// The same for the first time: a team that is disturbed from the beginning is soon left, and a short training
/// pays little for the look.
const TEAM_FIRST_FOR: u32 = 100;
/// Slices of one thread before the team is tried again.
const ALONE_FOR: u32 = 30;
/// The work between two looks at the clock: well above the time of a meeting, below that which a user
/// would notice.
const SLICE: Duration = Duration::from_millis(2);

/// Who computes the next slice of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Team,
    Alone,
}

/// What has been seen of a training's pace; times are seconds a step, infinite where nothing is known.
#[derive(Debug)]
pub(super) struct Pace {
    /// The batch size that it holds for.
    batch_size: usize,
    who: Who,
    /// The team's last two slices since it was taken up: one may have been interrupted.
    team: [f64; 2],
    /// The last slice of one thread.
    alone: f64,
    /// Slices that whoever is at work has yet to do before the other is tried.
    left: u32,
    /// The last slice's.
    last: Option<f64>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Pace {
            batch_size: 0,
            who: Who::Team,
            team: [f64::INFINITY; 2],
            alone: f64::INFINITY,
            left: TEAM_FIRST_FOR,
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
        // the first slice finds nothing in the cache
        if self.last.replace(seconds).is_none() {
            return;
        }
        self.left = self.left.saturating_sub(1);
        match self.who {
            Who::Team => {
                self.team = [self.team[1], seconds];
                let is_slower = self.team_seconds() > self.alone;
                if is_slower || self.left == 0 {
                    (self.who, self.left) = (Who::Alone, ALONE_FOR);
                }
            }
            Who::Alone => {
                self.alone = seconds;
                let is_slower = seconds > self.team_seconds();
                if !is_slower && self.left == 0 {
                    // its next slice is to tell
                    self.team = [f64::INFINITY; 2];
                }
                if is_slower || self.left == 0 {
                    (self.who, self.left) = (Who::Team, TEAM_FOR);
                }
            }
        }
    }

    fn team_seconds(&self) -> f64 {
        self.team[0].min(self.team[1])
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
        // but for a look at one thread every 250 slices
        let share = share_alone(&slices);
        assert!((0.003..0.006).contains(&share), "{share}");
        // a slice is some two milliseconds
        assert_eq!(pace.next(64), (Who::Team, 20));
    }

    #[test]
    fn a_disturbed_team_is_left_and_taken_up_again() {
        let mut pace = Pace::new();
        simulate(&mut pace, 100, TEAM_MICROS, ALONE_MICROS);
        let disturbed = simulate(&mut pace, 1000, 260, ALONE_MICROS);
        // but for a look at the team every 30 slices
        let share = share_alone(&disturbed);
        assert!((0.95..0.99).contains(&share), "{share}");
        let after = simulate(&mut pace, 1000, TEAM_MICROS, ALONE_MICROS);
        assert!(share_alone(&after[40..]) < 0.006);
    }

    #[test]
    fn a_team_that_is_disturbed_from_the_beginning_is_left() {
        let mut pace = Pace::new();
        let first = simulate(&mut pace, 101, 260, ALONE_MICROS);
        assert_eq!(share_alone(&first), 0.0);
        let share = share_alone(&simulate(&mut pace, 1000, 260, ALONE_MICROS));
        assert!((0.95..0.99).contains(&share), "{share}");
    }

    #[test]
    fn a_single_interruption_is_no_reason_to_leave() {
        let mut pace = Pace::new();
        simulate(&mut pace, 100, TEAM_MICROS, ALONE_MICROS);
        let mut slices = Vec::new();
        for _ in 0..100 {
            slices.extend(simulate(&mut pace, 1, 1000, ALONE_MICROS));
            slices.extend(simulate(&mut pace, 5, TEAM_MICROS, ALONE_MICROS));
        }
        // looks at one thread, and nothing else
        let alone = slices.iter().filter(|&&who| who == Who::Alone).count();
        assert!((2..=3).contains(&alone), "{alone}");
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
