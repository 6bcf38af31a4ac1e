//! Ten thousand trainings of tiny networks with arbitrary settings: each returns a result or an `Err`, none panics
//! and none hangs.

use std::{
    process,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use tuplenet::{
    Error, Result,
    data::TrainingData,
    engine::Processor,
    objective::{Curve, Optimizer},
    prelude::*,
    shape::Features,
    target::{Classes, Values},
    train::History,
};

const TRAININGS: u32 = 10_000;
/// Far longer than the slowest takes (a few milliseconds), so that a busy machine does not matter.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Plausible and absurd values.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        40 => 0.0f64..1.0,
        2 => (-40.0f64..40.0).prop_map(|exponent| 10f64.powf(exponent)),
        1 => prop::sample::select(vec![
            0.0, -0.0, 1.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, 1e-300,
        ]),
    ]
}

fn optimizer() -> impl Strategy<Value = Optimizer> {
    let numbers = (
        number(),
        number(),
        number(),
        number(),
        number(),
        any::<bool>(),
        0..3,
    );
    numbers.prop_map(
        |(learning_rate, a, b, c, weight_decay, nesterov, kind)| match kind {
            0 => Sgd {
                learning_rate,
                momentum: a,
                nesterov,
                weight_decay,
            }
            .into(),
            1 => Adam {
                learning_rate,
                betas: [a, b],
                epsilon: c,
                weight_decay,
            }
            .into(),
            _ => AdamW {
                learning_rate,
                betas: [a, b],
                epsilon: c,
                weight_decay,
            }
            .into(),
        },
    )
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let warm_up = prop::option::weighted(0.3, (number(), number()));
    let warm_up = warm_up.prop_map(|up| up.map(|(fraction, start)| WarmUp { fraction, start }));
    let curve = (number(), number(), number(), 0..4).prop_map(|(a, b, c, kind)| match kind {
        0 => Curve::Constant,
        1 => OneCycle {
            warm_up: a,
            start_divisor: b,
            end_divisor: c,
        }
        .into(),
        2 => Cosine { end: a }.into(),
        _ => StepDecay {
            period: a,
            factor: b,
        }
        .into(),
    });
    (warm_up, curve).prop_map(|(warm_up, curve)| Schedule { warm_up, curve })
}

#[derive(Clone, Debug)]
struct Case {
    network: usize,
    threads: Option<usize>,
    optimizer: Optimizer,
    schedule: Schedule,
    loss: Loss,
    clip_norm: Option<f64>,
    epochs: usize,
    batch: usize,
    validation: usize,
    early_stopping: Option<EarlyStopping>,
    seed: u64,
    samples: usize,
    /// The pattern that is repeated to fill the features.
    values: Vec<f32>,
    regression: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let value = prop_oneof![60 => Just(0.0f32), 120 => -2.0f32..2.0, 1 => -3e38f32..3e38, 3 => prop::num::f32::ANY];
    let engine = (
        0usize..9,
        prop::option::of(0usize..4),
        optimizer(),
        schedule(),
    );
    let loss = prop_oneof![
        Just(Loss::CrossEntropy),
        number().prop_map(|smoothing| Loss::SmoothedCrossEntropy { smoothing }),
        Just(Loss::MeanSquaredError),
        Just(Loss::MeanAbsoluteError),
        number().prop_map(|delta| Loss::Huber { delta }),
        Just(Loss::BinaryCrossEntropy),
        (prop::collection::vec(number(), 1..5), number()).prop_map(|(weights, smoothing)| {
            let weights = weights.into_iter().map(|weight| weight as f32).collect();
            Loss::WeightedCrossEntropy { weights, smoothing }
        }),
    ];
    let few = |most: usize| prop_oneof![30 => 1..=most, 1 => Just(0usize)];
    let early = prop::option::of((few(4), number()));
    let early = early.prop_map(|early| {
        early.map(|(patience, min_delta)| EarlyStopping {
            patience,
            min_delta,
        })
    });
    let loss = (loss, prop::option::of(number()));
    let run = (loss, few(3), few(20), 0usize..6, early, any::<u64>());
    let data = (
        1usize..24,
        prop::collection::vec(value, 1..50),
        any::<bool>(),
    );
    (engine, run, data).prop_map(|((network, threads, optimizer, schedule), run, data)| {
        let ((loss, clip_norm), epochs, batch, validation, early_stopping, seed) = run;
        let (samples, values, regression) = data;
        Case {
            network,
            threads,
            optimizer,
            schedule,
            loss,
            clip_norm,
            epochs,
            batch,
            validation,
            early_stopping,
            seed,
            samples,
            values,
            regression,
        }
    })
}

impl Case {
    fn run(&self) -> Result<History> {
        match self.network {
            0 => self.train::<(Linear<1, 1>,), 1, 1>(),
            1 => self.train::<(Linear<3, 2>, ReLU, Linear<2, 2>), 3, 2>(),
            2 => self.train::<(Linear<70, 5>, Tanh, Dropout<50>, Linear<5, 3>), 70, 3>(),
            3 => self.train::<(Input<4>, Sigmoid, Linear<4, 17>, GELU, Linear<17, 2>), 4, 2>(),
            4 => self.train::<(Linear<65, 2>, LeakyReLU<10>), 65, 2>(),
            5 => self.train::<(Linear<2, 33>, Softplus, Linear<33, 7>, ReLU, Linear<7, 3>), 2, 3>(),
            6 => self.train::<(Input<3>, ReLU), 3, 3>(),
            7 => self.train::<(
                Linear<5, 9>,
                SiLU,
                LayerNorm<9>,
                Linear<9, 6>,
                PReLU,
                ELU<300>,
                Linear<6, 3>,
                Hardswish,
            ), 5, 3>(),
            _ => self.train::<(Input<64>, Dropout<90>, Linear<64, 4>), 64, 4>(),
        }
    }

    fn train<N, const F: usize, const C: usize>(&self) -> Result<History>
    where
        N: Network<In = Features<F>, Output = Features<C>>,
    {
        let endless = |len| {
            self.values
                .iter()
                .copied()
                .cycle()
                .take(len)
                .collect::<Vec<f32>>()
        };
        let features = endless(self.samples * F);
        if self.regression {
            let targets = endless(self.samples * C);
            self.train_on::<N, _>(&Dataset::<Features<F>, Values<C>>::regression(
                features, targets,
            )?)
        } else {
            let labels = (0..self.samples).map(|i| (i * i % C) as u8).collect();
            self.train_on::<N, _>(&Dataset::<Features<F>, Classes<C>>::from_values(
                features, labels,
            )?)
        }
    }

    fn train_on<N, D>(&self, data: &D) -> Result<History>
    where
        N: Network,
        D: TrainingData<N::In, N::Output>,
    {
        let mut trainer = Trainer::new(self.optimizer)
            .schedule(self.schedule)
            .loss(self.loss.clone())
            .epochs(self.epochs)
            .batch(self.batch)
            .validation(self.validation)
            .seed(self.seed);
        if let Some(norm) = self.clip_norm {
            trainer = trainer.clip_norm(norm);
        }
        if let Some(early_stopping) = self.early_stopping {
            trainer = trainer.early_stopping(early_stopping);
        }
        let weights = Weights::<N>::init(self.seed);
        match self.threads {
            None => trainer.fit(&mut Tape::new(weights)?, data),
            Some(threads) => {
                let processor = Processor::detect().threads(threads);
                trainer.fit(&mut Fused::on(processor, weights)?, data)
            }
        }
    }
}

/// Exits and prints the case if it takes too long.
fn watch(at_work: Arc<Mutex<Option<(Instant, Case)>>>) {
    thread::spawn(move || {
        while Arc::strong_count(&at_work) > 1 {
            thread::sleep(Duration::from_millis(500));
            let at_work = at_work
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some((begun, case)) = &*at_work
                && begun.elapsed() > TOO_LONG
            {
                eprintln!("does not end: {case:?}");
                process::exit(1);
            }
        }
    });
}

#[test]
fn every_training_ends_in_a_result_or_an_error() {
    let at_work = Arc::new(Mutex::new(None));
    watch(Arc::clone(&at_work));
    let outcomes = Mutex::new([0u32; 4]);
    let config = ProptestConfig {
        cases: TRAININGS,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    proptest!(config, |(case in case())| {
        *at_work.lock().unwrap() = Some((Instant::now(), case.clone()));
        let outcome = case.run();
        *at_work.lock().unwrap() = None;
        let kind = match outcome {
            Ok(history) => {
                prop_assert!(history.epochs.iter().all(|epoch| epoch.train_loss.is_finite()));
                0
            }
            Err(Error::Setting { .. }) => 1,
            Err(Error::Data { .. }) => 2,
            Err(Error::NotFinite { .. }) => 3,
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        outcomes.lock().unwrap()[kind] += 1;
    });
    let outcomes = outcomes.into_inner().unwrap();
    println!("trained, refused a setting, refused the data, not finite: {outcomes:?}");
    // every kind occurs often enough to be tested
    assert!(
        outcomes.iter().all(|&count| count > TRAININGS / 100),
        "{outcomes:?}"
    );
}
