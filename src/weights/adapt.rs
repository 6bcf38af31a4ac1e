//! [`Weights::adapt`]: the mean and the standard deviation of each feature, for a standardisation.

use super::{RunningStatistics, Weights};
use crate::{
    data::{DataFor, Samples, TrainingData},
    error::Result,
    network::Network,
    plan::{Op, Plan, Step},
};

impl<N: Network> Weights<N> {
    /// Computes the statistics of a [`Standardize`](crate::layers::Standardize) from all samples of `data`, of the first
    /// epoch; of a network without one, nothing changes. Hold out validation and test samples before: give the training
    /// part alone.
    ///
    /// `mean[i] = (1/n) sum_b x_b[i]` and `std[i] = sqrt((1/n) sum_b (x_b[i] - mean[i])^2)`, in `f64`, or 1 where that is 0.
    ///
    /// Source: `sklearn.preprocessing.StandardScaler`.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Classes};
    ///
    /// let data = Dataset::<Features<1>, Classes<2>>::from_values(vec![1.0, 3.0], vec![0, 1])?;
    /// let mut weights = Weights::<(Standardize<1>, Linear<1, 2>)>::init(1);
    /// weights.adapt(&data)?;
    /// assert_eq!(weights.statistics(), [2.0, 1.0]);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`TrainingData::epoch`]; a [`Dataset`](crate::data::Dataset) and a
    /// [`TrainingSet`](crate::data::TrainingSet) have none.
    pub fn adapt(&mut self, data: &impl TrainingData<N::In, N::Output>) -> Result<()> {
        let epoch = data.epoch(0)?;
        let samples = epoch.samples();
        let order: Vec<u32> = (0..samples.len as u32).collect();
        adapt(const { &N::PLAN }, &mut self.running, samples, &order);
        Ok(())
    }
}

/// The standardisations of a plan, each with the index of its first feature in a sample.
fn standardizations(plan: &Plan) -> impl Iterator<Item = (usize, &Step)> {
    let steps = plan.steps().iter().enumerate();
    let steps = steps.filter(|(_, step)| matches!(step.op, Op::Standardize));
    steps.filter_map(|(at, step)| Some((plan.part_of_the_input(step.input(at))?, step)))
}

/// Whether the plan has a standardisation.
pub(crate) fn standardizes(plan: &Plan) -> bool {
    standardizations(plan).next().is_some()
}

/// Whether `plan` has a standardisation whose statistics have not been computed.
pub(crate) fn is_unadapted(plan: &Plan, running: &RunningStatistics) -> bool {
    standardizations(plan).any(|(_, step)| {
        let deviations = step.statistics + step.inputs..step.statistics + step.statistics_len();
        running.values[deviations].iter().all(|&value| value == 0.0)
    })
}

/// Computes the statistics of all standardisations from the samples `order`, of which there is one or more.
pub(crate) fn adapt(
    plan: &Plan,
    running: &mut RunningStatistics,
    samples: &Samples,
    order: &[u32],
) {
    let width = plan.width(0);
    let mut sample = vec![0.0; width];
    for (first, step) in standardizations(plan) {
        let features = step.inputs;
        let mut sum_over_samples = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; features];
            for &index in order {
                samples.features.gather(width, &[index], &mut sample);
                let values = &sample[first..first + features];
                for (at, (sum, &value)) in sums.iter_mut().zip(values).enumerate() {
                    *sum += term(at, f64::from(value));
                }
            }
            sums
        };
        let count = order.len() as f64;
        let means: Vec<f64> = sum_over_samples(&|_, x| x)
            .iter()
            .map(|sum| sum / count)
            .collect();
        let squares = sum_over_samples(&|at, x| (x - means[at]) * (x - means[at]));
        let deviations = squares.iter().map(|sum| match (sum / count).sqrt() as f32 {
            0.0 => 1.0,
            deviation => deviation,
        });
        let statistics = &mut running.values[step.statistics..step.statistics + 2 * features];
        let computed = means.iter().map(|&mean| mean as f32).chain(deviations);
        for (statistic, value) in statistics.iter_mut().zip(computed) {
            *statistic = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{prelude::*, shape::Features, target::Values};

    type Net = (Standardize<3>, Linear<3, 2>);

    fn table() -> Dataset<Features<3>, Values<2>> {
        // one feature is constant, one large compared with its deviation
        let values = vec![1.0, 7.0, 1e6, 2.0, 7.0, 1e6 + 2.0, 6.0, 7.0, 1e6 + 1.0];
        Dataset::regression(values, vec![0.0; 6]).unwrap()
    }

    #[test]
    fn the_statistics_are_those_of_numpy() {
        let mut weights = Weights::<Net>::init(1);
        assert!(is_unadapted(&Net::PLAN, &weights.running));
        weights.adapt(&table()).unwrap();
        assert!(!is_unadapted(&Net::PLAN, &weights.running));
        // numpy: x.mean(axis=0), x.std(axis=0), where 0 is 1
        let expected = [3.0, 7.0, 1_000_001.0, 2.160_246_8, 1.0, 0.816_496_6];
        assert_eq!(weights.statistics(), expected);
    }

    #[test]
    fn only_the_given_samples_count() {
        let mut running = RunningStatistics::initial(&Net::PLAN);
        adapt(&Net::PLAN, &mut running, table().samples(), &[0, 2]);
        assert_eq!(running.values, [3.5, 7.0, 1_000_000.5, 2.5, 1.0, 0.5]);
    }
}
