//! [`Halving`]: which settings are best, found by training many for a short and few for a long time.

use std::{
    fmt,
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use super::in_parallel;
use crate::{
    atomic_file,
    clock::Clock,
    error::{Error, Result},
};

/// Successive halving: all candidates train for some epochs, the best of them go on for `factor` times as many, and so on
/// until one is left.
///
/// Candidates train side by side, on as many threads as there are cores, so give each engine one thread.
///
/// Source: K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2015,
/// <https://arxiv.org/abs/1502.07943>.
///
/// ```
/// use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
/// use tuplenet::{engine::Processor, prelude::*, train::Halving};
///
/// type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
/// #[derive(Clone, Debug, serde::Serialize)]
/// struct Settings { learning_rate: f64, batch: usize }
///
/// // random search: learning rates from 0.0001 to 0.1, at random on a logarithmic scale
/// let mut random = ChaCha8Rng::seed_from_u64(1);
/// let candidates = (0..9).map(|_| Settings {
///     learning_rate: 10f64.powf(random.random_range(-4.0..-1.0)),
///     batch: 16 << random.random_range(0..4),
/// });
/// let digits = Digits::new(1);
/// let (train, validation) = (digits.dataset(0..1000)?, digits.dataset(1000..1500)?);
/// let search = Halving { factor: 3, epochs: 1 }.search(candidates.collect(), |settings, net, epochs| {
///     let mut net = match net {
///         Some(net) => net, // it goes on
///         None => Fused::<Net>::on(Processor::detect().threads(1), Weights::init(1))?,
///     };
///     let adam = Adam { learning_rate: settings.learning_rate, ..Adam::default() };
///     Trainer::new(adam).epochs(epochs).batch(settings.batch).fit(&mut net, &train)?;
///     let loss = net.evaluate(&validation)?.loss;
///     Ok((net, loss))
/// })?;
/// println!("{search}"); // a table of all trials
/// let best: &Fused<Net> = &search.best;
/// assert_eq!(search.trials.len(), 9 + 3 + 1);
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halving {
    /// Of how many candidates one goes on, 2 or more; and the factor of the number of epochs.
    pub factor: usize,
    /// The number of epochs of the first rung.
    pub epochs: usize,
}

/// Thirds of the candidates go on, after one epoch at first.
impl Default for Halving {
    fn default() -> Self {
        Halving {
            factor: 3,
            epochs: 1,
        }
    }
}

/// A candidate's training in one rung.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial<S> {
    /// The candidate's number, from 0.
    pub candidate: usize,
    /// The rung, from 0.
    pub rung: usize,
    /// The epochs that it has trained, with those of earlier rungs.
    pub epochs: usize,
    /// What is minimised; infinite, as JSON `null`, after a training that diverged.
    pub loss: f64,
    /// The wall time of this rung's epochs, in seconds.
    pub seconds: f64,
    /// The candidate.
    pub settings: S,
}

/// What [`Halving::search`] has found.
#[derive(Debug)]
pub struct Search<S, T> {
    /// All trials: those of a rung after those of the one before, each rung by loss.
    pub trials: Vec<Trial<S>>,
    /// The settings of the best candidate.
    pub settings: S,
    /// Its network, or whatever its training returned.
    pub best: T,
}

impl Halving {
    /// Trains the candidates. `train` takes one of them, what its training returned in the rung before (`None` in the first)
    /// and the number of epochs to go on for; it returns that, and what is minimised, such as the loss of a validation set.
    ///
    /// A loss that is NaN, or a training that ends with [`Error::NotFinite`], is the last.
    ///
    /// # Errors
    /// [`Error::Setting`] without candidates, for a factor below 2, and for 0 epochs; the first error of `train` other than
    /// [`Error::NotFinite`], and that if no candidate has a finite loss.
    pub fn search<S: Clone + Send + Sync, T: Send>(
        &self,
        candidates: Vec<S>,
        train: impl Fn(&S, Option<T>, usize) -> Result<(T, f64)> + Sync,
    ) -> Result<Search<S, T>> {
        self.search_by(candidates, |rung| {
            let states: Vec<Mutex<Option<T>>> = rung.states.into_iter().map(Mutex::new).collect();
            in_parallel(rung.settings.len(), |at| {
                let clock = Clock::start();
                let state = states[at]
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                let trained = train(rung.settings[at], state, rung.epochs);
                Ok((diverged(trained)?, clock.elapsed().as_secs_f64()))
            })
        })
    }

    /// As [`Halving::search`], where `run` trains all candidates of a rung: the result of each, which may have diverged, and its seconds.
    pub(crate) fn search_by<S: Clone, T>(
        &self,
        candidates: Vec<S>,
        mut run: impl FnMut(Rung<'_, S, T>) -> Result<Vec<(Result<(T, f64)>, f64)>>,
    ) -> Result<Search<S, T>> {
        self.check(candidates.len())?;
        let mut going: Vec<Candidate<T>> = (0..candidates.len()).map(Candidate::new).collect();
        let (mut trials, mut done, mut epochs) = (Vec::new(), 0, self.epochs);
        for rung in 0.. {
            let settings = going.iter().map(|candidate| &candidates[candidate.number]);
            let settings = settings.collect();
            let states = going.iter_mut().map(|candidate| candidate.state.take());
            let results = run(Rung {
                settings,
                states: states.collect(),
                epochs,
            })?;
            done += epochs;
            for (candidate, (result, seconds)) in going.iter_mut().zip(results) {
                match result {
                    Ok((state, loss)) => (candidate.state, candidate.loss) = (Some(state), loss),
                    Err(error) => candidate.error = Some(error),
                }
                candidate.seconds = seconds;
            }
            going.sort_by(|a, b| a.rank().total_cmp(&b.rank()));
            trials.extend(going.iter().map(|candidate| Trial {
                candidate: candidate.number,
                rung,
                epochs: done,
                loss: candidate.rank(),
                seconds: candidate.seconds,
                settings: candidates[candidate.number].clone(),
            }));
            if going.len() == 1 {
                break;
            }
            going.truncate(going.len().div_ceil(self.factor));
            going.truncate(going.iter().filter(|it| it.state.is_some()).count().max(1));
            epochs *= self.factor;
            if going[0].state.is_none() {
                break;
            }
        }
        let best = going.swap_remove(0);
        let settings = candidates[best.number].clone();
        match (best.state, best.error) {
            (Some(best), _) => Ok(Search {
                trials,
                settings,
                best,
            }),
            (None, Some(error)) => Err(error),
            (None, None) => unreachable!("a candidate without a result has an error"),
        }
    }

    fn check(&self, candidates: usize) -> Result<()> {
        for (setting, expected, found, least) in [
            ("candidates", "one or more", candidates, 1),
            ("factor", "2 or more", self.factor, 2),
            ("epochs", "one or more", self.epochs, 1),
        ] {
            if found < least {
                return Err(Error::Setting {
                    setting,
                    expected: expected.to_owned(),
                    found: found.to_string(),
                });
            }
        }
        Ok(())
    }
}

/// What is trained in one rung.
pub(crate) struct Rung<'c, S, T> {
    /// The candidates.
    pub(crate) settings: Vec<&'c S>,
    /// What each one's training returned in the rung before.
    pub(crate) states: Vec<Option<T>>,
    /// The number of epochs to go on for.
    pub(crate) epochs: usize,
}

/// A candidate that goes on.
struct Candidate<T> {
    number: usize,
    state: Option<T>,
    loss: f64,
    seconds: f64,
    /// Why its training diverged.
    error: Option<Error>,
}

impl<T> Candidate<T> {
    fn new(number: usize) -> Self {
        Candidate {
            number,
            state: None,
            loss: f64::INFINITY,
            seconds: 0.0,
            error: None,
        }
    }

    /// The loss, infinite if it is NaN or the training diverged.
    fn rank(&self) -> f64 {
        match self.error.is_some() || self.loss.is_nan() {
            true => f64::INFINITY,
            false => self.loss,
        }
    }
}

/// A training that diverged has a result, too; another error ends the search.
pub(crate) fn diverged<T>(trained: Result<T>) -> Result<Result<T>> {
    match trained {
        Err(error) if !matches!(error, Error::NotFinite { .. }) => Err(error),
        result => Ok(result),
    }
}

impl<S: Serialize, T> Search<S, T> {
    /// Writes the trials as JSON Lines.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written, or the settings are not representable as JSON.
    pub fn write_json_lines(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut text = Vec::new();
        for trial in &self.trials {
            serde_json::to_writer(&mut text, trial)
                .map_err(|error| Error::unwritable(path, "write the trials", error.into()))?;
            text.push(b'\n');
        }
        let written = atomic_file::write(path, &text).map(drop);
        written.map_err(|source| Error::unwritable(path, "write the trials", source))
    }
}

impl<S: fmt::Debug, T> fmt::Display for Search<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rung  epochs  candidate      loss  seconds  settings")?;
        for trial in &self.trials {
            let Trial {
                candidate,
                rung,
                epochs,
                loss,
                seconds,
                settings,
            } = trial;
            write!(
                f,
                "\n{rung:>4}  {epochs:>6}  {candidate:>9}  {loss:>8.4}  {seconds:>7.2}  {settings:?}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loss of a candidate is its distance from 7, and the state how many epochs it has trained in each rung.
    fn distance(
        settings: &i32,
        state: Option<Vec<usize>>,
        epochs: usize,
    ) -> Result<(Vec<usize>, f64)> {
        let mut state = state.unwrap_or_default();
        state.push(epochs);
        Ok((state, f64::from((settings - 7).abs())))
    }

    #[test]
    fn the_best_third_goes_on_for_three_times_as_long() {
        let search = Halving {
            factor: 3,
            epochs: 2,
        }
        .search((0..10).collect(), distance)
        .unwrap();
        assert_eq!((search.settings, &search.best), (7, &vec![2, 6, 18, 54]));
        let rungs: Vec<_> = (0..4)
            .map(|rung| {
                let of_rung = search.trials.iter().filter(|trial| trial.rung == rung);
                let all: Vec<_> = of_rung
                    .map(|trial| (trial.candidate, trial.epochs))
                    .collect();
                (all.len(), all[0])
            })
            .collect();
        assert_eq!(
            rungs,
            [(10, (7, 2)), (4, (7, 8)), (2, (7, 26)), (1, (7, 80))]
        );
        let losses: Vec<f64> = search.trials[10..14]
            .iter()
            .map(|trial| trial.loss)
            .collect();
        assert_eq!(losses, [0.0, 1.0, 1.0, 2.0]);
    }

    fn not_finite() -> Error {
        Error::NotFinite {
            epoch: 1,
            step: 1,
            loss: f32::NAN,
            tensor: None,
            learning_rate: 1.0,
            checkpoint: None,
        }
    }

    #[test]
    fn a_training_that_diverges_is_the_last() {
        let halving = Halving {
            factor: 2,
            epochs: 1,
        };
        let search = halving.search(vec![7, 6, 5, 4], |settings, state, epochs| match settings {
            7 => Err(not_finite()),
            6 => distance(settings, state, epochs).map(|(state, _)| (state, f64::NAN)),
            _ => distance(settings, state, epochs),
        });
        let search = search.unwrap();
        assert_eq!(search.settings, 5);
        let losses: Vec<f64> = search.trials.iter().map(|trial| trial.loss).collect();
        assert_eq!(
            losses,
            [2.0, 3.0, f64::INFINITY, f64::INFINITY, 2.0, 3.0, 2.0]
        );

        let all = halving.search(vec![1, 2, 3], |_, _, _| {
            Err::<(Vec<usize>, f64), _>(not_finite())
        });
        assert!(matches!(all, Err(Error::NotFinite { .. })));
    }

    #[test]
    fn other_errors_and_settings_are_refused() {
        let says = |halving: Halving, candidates: Vec<i32>, words: &str| {
            let error = halving.search(candidates, distance).unwrap_err();
            assert_eq!(error.to_string(), words);
        };
        let halving = Halving::default();
        says(halving, vec![], "candidates: expected one or more, found 0");
        says(
            Halving {
                factor: 1,
                ..halving
            },
            vec![1],
            "factor: expected 2 or more, found 1",
        );
        says(
            Halving {
                epochs: 0,
                ..halving
            },
            vec![1],
            "epochs: expected one or more, found 0",
        );
        let failed = halving.search(vec![1, 2], |_, _: Option<()>, _| {
            Err(Error::Stopped {
                epoch: 1,
                step: 1,
                checkpoint: None,
            })
        });
        assert!(matches!(failed, Err(Error::Stopped { .. })));
    }

    #[test]
    fn trials_are_written_as_json_lines() {
        let search = Halving::default().search(vec![3, 9], distance).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.jsonl");
        search.write_json_lines(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            (&lines[0]["settings"], &lines[0]["loss"]),
            (&9.into(), &2.0.into())
        );
        assert_eq!(
            (&lines[2]["epochs"], &lines[2]["rung"]),
            (&4.into(), &1.into())
        );
    }
}
