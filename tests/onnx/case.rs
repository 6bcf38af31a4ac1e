//! A case of a network: random weights, samples, and the logits that `Fused` computes for each sample by itself.

use tuplenet::{
    prelude::*,
    shape::{Sample, Shape},
};

use crate::samples::Numbers;

/// The samples of a case: the batches have one, and all.
pub const SAMPLES: usize = 7;

pub struct Case<N: Network> {
    pub weights: Weights<N>,
    /// The values of each sample.
    pub samples: Vec<Vec<f32>>,
    /// The logits of all samples, one after another.
    pub logits: Vec<f32>,
}

impl<N: Network> Case<N>
where
    <N::In as Shape>::Array: Sample<N::In>,
{
    pub fn new() -> Self {
        let mut numbers = Numbers(5);
        let weights = weights(&mut numbers);
        let net = Fused::<N>::new(weights.clone()).unwrap();
        let samples: Vec<_> = (0..SAMPLES)
            .map(|at| sample::<N::In>(&mut numbers, at))
            .collect();
        let logits = samples.iter().flat_map(|sample| {
            let logits = net.predict(sample).unwrap();
            N::Output::values(&logits).to_vec()
        });
        let logits: Vec<_> = logits.collect();
        assert!(logits.iter().all(|logit| logit.is_finite()));
        let samples = samples.iter().map(|sample| N::In::values(sample).to_vec());
        Case {
            samples: samples.collect(),
            weights,
            logits,
        }
    }
}

/// Initial weights, of which none remains 0 or 1, and random statistics.
fn weights<N: Network>(numbers: &mut Numbers) -> Weights<N> {
    let mut weights = Weights::<N>::init(1);
    for weight in weights.as_mut_slice() {
        *weight += 0.4 * (numbers.next() - 0.5);
    }
    let mut statistics = weights.statistics_mut();
    for step in N::PLAN.steps() {
        let of_step;
        (of_step, statistics) = statistics.split_at_mut(step.statistics_len());
        let (means, spreads) = of_step.split_at_mut(step.statistics_len() / 2);
        means.fill_with(|| numbers.next() - 0.5);
        spreads.fill_with(|| numbers.next() + 0.5);
    }
    weights
}

/// Random values, and tokens of which a third are the padding; in the first sample all are.
fn sample<S: Shape>(numbers: &mut Numbers, at: usize) -> S::Array {
    let mut sample = S::zeros();
    for (index, value) in S::values_mut(&mut sample).iter_mut().enumerate() {
        let random = numbers.next();
        *value = match S::vocabulary(index) {
            None => 3.0 * random - 1.0,
            Some(_) if at == 0 || numbers.next() < 0.33 => 0.0,
            Some(vocabulary) => (random * vocabulary as f32).floor(),
        };
    }
    sample
}

/// The values of an input whose first value is `first` of a sample, for the first samples.
pub fn gather(samples: &[Vec<f32>], first: usize, len: usize) -> Vec<f32> {
    let values = samples
        .iter()
        .flat_map(|sample| &sample[first..first + len]);
    values.copied().collect()
}
