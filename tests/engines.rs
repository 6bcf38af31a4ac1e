//! Generic tests that every engine must pass, and their training settings.

use std::sync::Arc;

use tuplenet::{
    engine::Run,
    objective::{CustomLoss, Optimizer},
    prelude::*,
};

/// An engine under test.
pub trait Tested {
    type Engine<N: Network>: Engine<N>;

    fn new<N: Network>(weights: Weights<N>) -> Self::Engine<N>;

    /// The mean loss of the samples `order`, and its gradient.
    fn gradient<N: Network>(
        net: &Self::Engine<N>,
        data: &<Self::Engine<N> as Engine<N>>::Data,
        order: &[u32],
        loss: Loss,
    ) -> (f32, Weights<N>);
}

macro_rules! tested {
    ($($name:ident: $engine:ident;)*) => { $(
        pub struct $name;

        impl Tested for $name {
            type Engine<N: Network> = $engine<N>;

            fn new<N: Network>(weights: Weights<N>) -> $engine<N> {
                $engine::new(weights).unwrap()
            }

            fn gradient<N: Network>(
                net: &$engine<N>,
                data: &<$engine<N> as Engine<N>>::Data,
                order: &[u32],
                loss: Loss,
            ) -> (f32, Weights<N>) {
                net.gradient(data, order, loss).unwrap()
            }
        }
    )* };
}
tested! {
    OnTape: Tape;
    OnFused: Fused;
}

/// The settings of a training, with defaults.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub optimizer: Optimizer,
    pub schedule: Schedule,
    pub loss: Loss,
    pub clip_norm: Option<f64>,
}

impl Recipe {
    pub fn of(optimizer: impl Into<Optimizer>) -> Self {
        Recipe {
            optimizer: optimizer.into(),
            schedule: Schedule::CONSTANT,
            loss: Loss::CrossEntropy,
            clip_norm: None,
        }
    }
}

/// Trains on the first `samples` in order, with dropout seed 5; returns the loss of every step.
pub fn train<N: Network, E: Engine<N>>(
    net: &mut E,
    data: &E::Data,
    samples: usize,
    recipe: &Recipe,
    batch_size: usize,
    epochs: usize,
) -> Vec<f32> {
    let order: Vec<u32> = (0..samples as u32).collect();
    let mut losses = Vec::new();
    for _ in 0..epochs {
        let run = Run {
            order: &order,
            batch_size,
            optimizer: &recipe.optimizer,
            schedule: recipe.schedule,
            total_steps: (epochs * samples.div_ceil(batch_size)) as u64,
            loss: recipe.loss.clone(),
            seed: 5,
            first_step: losses.len() as u64,
            clip_norm: recipe.clip_norm,
        };
        net.train(data, &run, &mut losses).unwrap();
    }
    losses
}

/// Every optimiser, with all of its settings in use.
pub fn optimizers() -> Vec<Optimizer> {
    let sgd = Sgd {
        learning_rate: 0.05,
        ..Sgd::default()
    };
    let momentum = Sgd {
        momentum: 0.9,
        ..sgd
    };
    let nesterov = Sgd {
        nesterov: true,
        weight_decay: 1e-3,
        ..momentum
    };
    let adam = Adam {
        learning_rate: 3e-3,
        ..Adam::default()
    };
    let l2 = Adam {
        weight_decay: 1e-2,
        betas: [0.8, 0.99],
        epsilon: 1e-6,
        ..adam
    };
    let adamw = AdamW {
        learning_rate: 3e-3,
        weight_decay: 0.05,
        ..AdamW::default()
    };
    let decayed = Sgd {
        weight_decay: 1e-2,
        ..sgd
    };
    vec![
        sgd.into(),
        decayed.into(),
        momentum.into(),
        nesterov.into(),
        adam.into(),
        l2.into(),
        adamw.into(),
    ]
}

/// Every loss, for labels below `classes`.
pub fn losses(classes: usize) -> Vec<Loss> {
    vec![
        Loss::CrossEntropy,
        Loss::SmoothedCrossEntropy { smoothing: 0.1 },
        Loss::WeightedCrossEntropy {
            weights: class_weights(classes),
            smoothing: 0.0,
        },
        Loss::WeightedCrossEntropy {
            weights: class_weights(classes),
            smoothing: 0.2,
        },
        Loss::MeanSquaredError,
        Loss::MeanAbsoluteError,
        Loss::Huber { delta: 0.6 },
        Loss::BinaryCrossEntropy,
        LogCosh.into(),
    ]
}

/// Cross-entropy, and two of the other [`losses`], which `seed` selects: for tests with many cases.
pub fn three_losses(classes: usize, seed: u64) -> Vec<Loss> {
    let all = losses(classes);
    let others = all.len() as u64 - 1;
    [0, 1 + seed % others, 1 + (seed / 2 + 1 + seed % 7) % others]
        .map(|at| all[at as usize].clone())
        .to_vec()
}

/// From 0.25 to 1.75, all different for up to seven classes.
fn class_weights(classes: usize) -> Arc<[f32]> {
    (0..classes)
        .map(|class| 0.25 + 0.25 * ((3 * class) % 7) as f32)
        .collect()
}

/// The mean of `ln cosh(y - t)`, as `|r| + ln(1 + exp(-2 |r|)) - ln 2`, which does not overflow.
#[derive(Debug)]
pub struct LogCosh;

impl CustomLoss for LogCosh {
    fn name(&self) -> String {
        "LogCosh".to_owned()
    }

    fn value(&self, outputs: &[f64], targets: &[f64]) -> f64 {
        let sizes = outputs.iter().zip(targets).map(|(y, t)| (y - t).abs());
        let each = sizes.map(|r| r + (-2.0 * r).exp().ln_1p() - std::f64::consts::LN_2);
        each.sum::<f64>() / outputs.len() as f64
    }

    fn gradient(&self, outputs: &[f64], targets: &[f64], gradient: &mut [f64]) {
        for ((slope, y), t) in gradient.iter_mut().zip(outputs).zip(targets) {
            *slope = (y - t).tanh() / outputs.len() as f64;
        }
    }
}

/// Instantiates functions that are generic over the engine as tests of each engine.
macro_rules! on_every_engine {
    ($($test:ident)*) => {
        mod tape { $(
            #[test]
            fn $test() {
                super::$test::<crate::engines::OnTape>();
            }
        )* }

        mod fused { $(
            #[test]
            fn $test() {
                super::$test::<crate::engines::OnFused>();
            }
        )* }
    };
}
pub(crate) use on_every_engine;
