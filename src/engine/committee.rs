//! [`Committee`]: several networks of one type that predict together.

use std::marker::PhantomData;

use super::Engine;
use crate::{
    argmax::argmax,
    data::DataFor,
    error::{Error, Result},
    metrics::{Evaluate, combine},
    network::Network,
    shape::{Sample, Shape},
};

/// Networks of one type, such as those of several seeds, whose predictions are averaged: probabilities of classes, or
/// outputs. Its cross-entropy and its squared error are never
/// above the mean of its members', and mostly below the best; it is as slow as all of them.
///
/// Source: L. K. Hansen, P. Salamon, "Neural network ensembles", 1990; of the mean of probabilities: B. Lakshminarayanan,
/// A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty estimation using deep ensembles", 2016,
/// <https://arxiv.org/abs/1612.01474>.
///
/// ```
/// use tuplenet::{engine::{Committee, Processor}, metrics::Spread, prelude::*, train::in_parallel};
///
/// type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
/// let digits = Digits::new(1);
/// let (train, test) = (digits.dataset(0..2000)?, digits.dataset(2000..3000)?);
/// let members = in_parallel(4, |seed| {
///     let seed = seed as u64;
///     let mut net = Fused::<Net>::on(Processor::detect().threads(1), Weights::init(seed))?;
///     Trainer::new(Adam::default()).epochs(3).seed(seed).fit(&mut net, &train)?;
///     Ok(net)
/// })?;
/// let committee = Committee::new(members)?;
/// let alone = committee.members().iter().map(|net| Ok(net.evaluate(&test)?.loss));
/// let alone = Spread::of(&alone.collect::<tuplenet::Result<Vec<f64>>>()?).expect("there are four");
/// assert!(committee.evaluate(&test)?.loss < alone.mean); // always: a logarithm is concave
/// let digit: usize = committee.classify(&test.sample(0).expect("it is there"))?;
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Debug)]
pub struct Committee<N, E> {
    members: Vec<E>,
    network: PhantomData<fn() -> N>,
}

impl<N: Network, E: Engine<N>> Committee<N, E> {
    /// The networks that predict together.
    ///
    /// # Errors
    /// [`Error::Setting`] without any.
    pub fn new(members: Vec<E>) -> Result<Self> {
        if members.is_empty() {
            return Err(Error::Setting {
                setting: "members",
                expected: "one or more".to_owned(),
                found: "none".to_owned(),
            });
        }
        Ok(Committee {
            members,
            network: PhantomData,
        })
    }

    /// The networks.
    pub fn members(&self) -> &[E] {
        &self.members
    }

    /// The probability of each class for one sample: the mean of the networks' softmax.
    ///
    /// # Errors
    /// As [`Engine::predict`].
    pub fn probabilities(
        &self,
        sample: &impl Sample<N::In>,
    ) -> Result<<N::Output as Shape>::Array> {
        let logits = combine::mean_probabilities(&self.outputs(sample)?, N::Output::LEN);
        let mut probabilities = N::Output::zeros();
        let values = N::Output::values_mut(&mut probabilities).iter_mut();
        for (probability, logit) in values.zip(logits) {
            *probability = logit.exp();
        }
        Ok(probabilities)
    }

    /// The most probable class of one sample, as [`Engine::classify`] gives it.
    ///
    /// # Errors
    /// As [`Engine::predict`].
    pub fn classify(&self, sample: &impl Sample<N::In>) -> Result<<N::Output as Shape>::Class> {
        let logits = combine::mean_probabilities(&self.outputs(sample)?, N::Output::LEN);
        Ok(N::Output::class(argmax(&logits)))
    }

    /// The mean of the networks' outputs for one sample: of a regression.
    ///
    /// # Errors
    /// As [`Engine::predict`].
    pub fn mean(&self, sample: &impl Sample<N::In>) -> Result<<N::Output as Shape>::Array> {
        let mut mean = N::Output::zeros();
        let values = combine::mean(&self.outputs(sample)?);
        N::Output::values_mut(&mut mean).copy_from_slice(&values);
        Ok(mean)
    }

    /// The metrics of the committee on all samples of `data`, as [`Engine::evaluate`] gives them: of the mean of the
    /// networks' probabilities, or of their outputs for target values.
    ///
    /// # Errors
    /// As [`Engine::logits`].
    pub fn evaluate<D>(&self, data: &D) -> Result<<D::Target as Evaluate>::Evaluation>
    where
        D: DataFor<N::In, N::Output, Target: Evaluate>,
    {
        let samples = data.samples();
        let order: Vec<u32> = (0..samples.len as u32).collect();
        let outputs = self.members.iter().map(|member| {
            let uploaded = member.upload(data)?;
            member.logits(&uploaded, &order)
        });
        let outputs: Vec<Vec<f32>> = outputs.collect::<Result<_>>()?;
        Ok(D::Target::evaluation(
            &samples.targets,
            D::Target::combined(&outputs),
        ))
    }

    /// Each network's outputs for one sample.
    fn outputs(&self, sample: &impl Sample<N::In>) -> Result<Vec<Vec<f32>>> {
        let outputs = self.members.iter().map(|member| {
            let outputs = member.predict(sample)?;
            Ok(N::Output::values(&outputs).to_vec())
        });
        outputs.collect()
    }
}
