//! `FusedCuda` against `Tape` on the CPU.

use tuplenet::{
    Error,
    engine::Run,
    objective::{CustomLoss, Optimizer},
    prelude::*,
    shape::Features,
    target::{Classes, MultiLabel, Values},
};

use super::{
    Bent, Classifier, Deep, HasLosses, Kinked, Standardized, assert_close, data,
    engines::{OnFused, OnTape, Recipe, Tested, optimizers, train},
    gpu, one_batch, ten_steps,
};

/// The fused engine on the first GPU.
pub(super) struct OnGpu;

impl Tested for OnGpu {
    type Engine<N: Network> = FusedCuda<N>;

    fn new<N: Network>(weights: Weights<N>) -> FusedCuda<N> {
        FusedCuda::new(0, weights).unwrap()
    }

    fn gradient<N: Network>(
        net: &FusedCuda<N>,
        data: &<FusedCuda<N> as Engine<N>>::Data,
        order: &[u32],
        loss: Loss,
    ) -> (f32, Weights<N>) {
        net.gradient(data, order, loss).unwrap()
    }
}

impl HasLosses for OnGpu {
    fn has(loss: &Loss) -> bool {
        !matches!(loss, Loss::Custom(_))
    }
}

type Smooth = (
    Linear<65, 40>,
    SiLU,
    Linear<40, 33>,
    ELU,
    LeakyReLU<20>,
    Linear<33, 3>,
);

#[test]
fn every_network_matches_the_cpu() {
    if gpu("fused::every_network_matches_the_cpu") {
        one_batch::<OnGpu, (Linear<1, 1>,), 1, 1>();
        one_batch::<OnGpu, Classifier, 784, 10>();
        one_batch::<OnGpu, Deep, 65, 3>();
        one_batch::<OnGpu, Bent, 80, 48>();
        one_batch::<OnGpu, Smooth, 65, 3>();
        one_batch::<OnGpu, Kinked, 66, 4>();
        one_batch::<OnGpu, Standardized, 67, 4>();
    }
}

#[test]
fn ten_steps_of_every_optimiser_match_the_cpu() {
    type Dropped = (
        Linear<70, 33>,
        ReLU,
        Dropout<20>,
        Linear<33, 24>,
        Tanh,
        Dropout<50>,
        Linear<24, 5>,
    );
    type DroppedInput = (Input<70>, Dropout<10>, Linear<70, 17>, ReLU, Linear<17, 5>);
    if gpu("fused::ten_steps_of_every_optimiser_match_the_cpu") {
        for optimizer in optimizers() {
            ten_steps::<OnGpu, Dropped, 70, 5>(optimizer);
        }
        ten_steps::<OnGpu, Classifier, 784, 10>(Adam::default().into());
        ten_steps::<OnGpu, DroppedInput, 70, 5>(Adam::default().into());
    }
}

/// Losses and the gradient of a data set of any target, on the GPU and on the CPU.
macro_rules! compare {
    ($net:ty, $data:expr, [$($loss:expr),*]) => {{
        let weights = Weights::<$net>::init(2);
        let (gpu, cpu) = (OnGpu::new::<$net>(weights.clone()), OnTape::new::<$net>(weights));
        let dataset = $data;
        let (on_gpu, on_cpu) = (gpu.upload(&dataset).unwrap(), cpu.upload(&dataset).unwrap());
        let order: Vec<u32> = (0..dataset.len() as u32).rev().collect();
        for loss in [$($loss),*] {
            let (theirs, their_gradient) = cpu.gradient(&on_cpu, &order, loss.clone()).unwrap();
            let (ours, our_gradient) = gpu.gradient(&on_gpu, &order, loss.clone()).unwrap();
            assert_close(&[ours], &[theirs], 1e-5, &format!("{loss:?}"));
            for (ours, theirs) in our_gradient.tensors().zip(their_gradient.tensors()) {
                assert_close(ours.values, theirs.values, 1e-5, &format!("{loss:?}, {}", ours.name));
            }
        }
    }};
}

#[test]
fn targets_of_every_kind() {
    type Net = (Linear<5, 8>, Tanh, Linear<8, 11>);
    if !gpu("fused::targets_of_every_kind") {
        return;
    }
    let value = |i: usize| (i * 7919 % 1000) as f32 / 500.0 - 1.0;
    let features: Vec<f32> = (0..70 * 5).map(value).collect();
    let values: Vec<f32> = (1000..1000 + 70 * 11).map(value).collect();
    compare!(
        Net,
        Dataset::<Features<5>, Values<11>>::regression(features.clone(), values).unwrap(),
        [
            Loss::MeanSquaredError,
            Loss::MeanAbsoluteError,
            Loss::Huber { delta: 0.3 }
        ]
    );
    let labels: Vec<[bool; 11]> = (0..70)
        .map(|i| std::array::from_fn(|c| i * 31 % (c + 2) == 0))
        .collect();
    compare!(
        Net,
        Dataset::<Features<5>, MultiLabel<11>>::multi_label(features.clone(), &labels).unwrap(),
        [Loss::BinaryCrossEntropy]
    );
    // weights of samples
    let weights: Vec<f32> = (0..70).map(|i| (i % 4) as f32 * 0.7 + 0.1).collect();
    let labels: Vec<u8> = (0..70).map(|i| (i % 11) as u8).collect();
    let classes = Dataset::<Features<5>, Classes<11>>::from_values(features, labels).unwrap();
    compare!(
        Net,
        classes.weighted(weights).unwrap(),
        [
            Loss::CrossEntropy,
            Loss::SmoothedCrossEntropy { smoothing: 0.1 },
            Loss::WeightedCrossEntropy {
                weights: (0..11).map(|c| c as f32).collect(),
                smoothing: 0.2,
            },
            Loss::MeanSquaredError
        ]
    );
}

/// A training moves between engines at any step, and a restored one goes on with the same bits.
#[test]
fn states_move_between_engines() {
    type Net = (Linear<20, 9>, ReLU, Dropout<30>, Linear<9, 3>);
    if !gpu("fused::states_move_between_engines") {
        return;
    }
    let dataset = data::<20, 3>(50);
    let optimizers: [Optimizer; 2] = [
        Adam::default().into(),
        Sgd {
            momentum: 0.9,
            ..Sgd::default()
        }
        .into(),
    ];
    for optimizer in optimizers {
        let recipe = Recipe::of(optimizer);
        let mut one = OnGpu::new::<Net>(Weights::init(1));
        let on_gpu = one.upload(&dataset).unwrap();
        let first = train(&mut one, &on_gpu, 50, &recipe, 16, 2);
        let (weights, state) = (one.weights().unwrap(), one.optimizer_state().unwrap());
        assert_eq!(state.as_ref().unwrap().steps, 8);

        // the same bits again, and from the state
        let mut again = OnGpu::new::<Net>(Weights::init(1));
        assert_eq!(train(&mut again, &on_gpu, 50, &recipe, 16, 2), first);
        assert_eq!(again.weights().unwrap(), weights);
        let further = train(&mut one, &on_gpu, 50, &recipe, 16, 1);
        again.restore(&weights, state.as_ref()).unwrap();
        assert_eq!(train(&mut again, &on_gpu, 50, &recipe, 16, 1), further);
        assert_eq!(again.weights().unwrap(), one.weights().unwrap());

        let mut cpu = OnFused::new::<Net>(Weights::init(1));
        cpu.restore(&weights, state.as_ref()).unwrap();
        let on_cpu = cpu.upload(&dataset).unwrap();
        let theirs = train(&mut cpu, &on_cpu, 50, &recipe, 16, 1);
        assert_close(&further, &theirs, 1e-5, "losses after a move to the CPU");
        again
            .restore(
                &cpu.weights().unwrap(),
                cpu.optimizer_state().unwrap().as_ref(),
            )
            .unwrap();
        let ours = train(&mut again, &on_gpu, 50, &recipe, 16, 1);
        let theirs = train(&mut cpu, &on_cpu, 50, &recipe, 16, 1);
        assert_close(&ours, &theirs, 1e-5, "losses after a move back");
    }
}

/// An optimiser of another kind starts from zero; no samples, no steps.
#[test]
fn another_optimiser_and_empty_runs() {
    type Net = (Linear<6, 3>,);
    if !gpu("fused::another_optimiser_and_empty_runs") {
        return;
    }
    let dataset = data::<6, 3>(10);
    let mut net = OnGpu::new::<Net>(Weights::init(1));
    let on_gpu = net.upload(&dataset).unwrap();
    assert_eq!(net.optimizer_state().unwrap(), None);
    assert!(train(&mut net, &on_gpu, 0, &Recipe::of(Adam::default()), 4, 1).is_empty());
    assert!(net.logits(&on_gpu, &[]).unwrap().is_empty());
    assert!(net.forward(&[]).unwrap().is_empty());
    train(&mut net, &on_gpu, 10, &Recipe::of(Adam::default()), 4, 1);
    train(&mut net, &on_gpu, 10, &Recipe::of(AdamW::default()), 4, 1);
    let state = net.optimizer_state().unwrap().unwrap();
    assert_eq!((state.steps, state.moments.len()), (3, 2));
    train(&mut net, &on_gpu, 10, &Recipe::of(Sgd::default()), 4, 1);
    assert_eq!(net.optimizer_state().unwrap().unwrap().moments.len(), 0);
}

#[test]
fn data_of_another_network_is_refused() {
    if gpu("fused::data_of_another_network_is_refused") {
        let other = OnGpu::new::<(Linear<4, 2>,)>(Weights::zeros());
        let uploaded = other.upload(&data::<4, 2>(5)).unwrap();
        let mut net = OnGpu::new::<(Linear<5, 2>,)>(Weights::zeros());
        let error = net.logits(&uploaded, &[0]).unwrap_err().to_string();
        let words = "expected one uploaded by this network's engine, 5 features and 2 classes, \
                     found another network's, 4 features and 2 classes";
        assert!(error.contains(words), "{error}");
        assert!(net.gradient(&uploaded, &[0], Loss::CrossEntropy).is_err());
        let run = Run {
            order: &[0],
            batch_size: 1,
            optimizer: &Sgd::default().into(),
            schedule: Schedule::CONSTANT,
            total_steps: 1,
            loss: Loss::CrossEntropy,
            seed: 0,
            first_step: 0,
            clip_norm: None,
        };
        assert!(net.train(&uploaded, &run, &mut Vec::new()).is_err());
    }
}

/// Indices in kernels have 32 bits.
#[test]
fn a_batch_of_too_many_values_is_refused() {
    type Net = (Linear<1, 60_000>, ReLU, Linear<60_000, 1>);
    if gpu("fused::a_batch_of_too_many_values_is_refused") {
        let net = OnGpu::new::<Net>(Weights::zeros());
        let dataset = data::<1, 1>(40_000);
        let uploaded = net.upload(&dataset).unwrap();
        let order: Vec<u32> = (0..40_000).collect();
        let error = net
            .gradient(&uploaded, &order, Loss::MeanSquaredError)
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("batch size: expected at most 35791"),
            "{text}"
        );
        assert_eq!(net.predict(&[1.0]).unwrap(), [0.0], "it goes on");
    }
}

/// Refused before a GPU is asked for.
#[test]
fn other_networks_are_refused() {
    fn refused<N: Network>(found: &str) {
        let error = FusedCuda::<N>::new(0, Weights::zeros()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("found {found}; use another engine")),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    refused::<(Linear<3, 4>, LayerNorm<4>)>("`LayerNorm`");
    refused::<(Linear<3, 4>, BatchNorm1d<4>, ReLU)>("`BatchNorm`");
    refused::<(Linear<3, 4>, PReLU)>("`PReLU`");
    refused::<(Linear<3, 3>, Residual<(Linear<3, 3>, ReLU)>)>("`Add`");
    refused::<(Input<3>, ReLU)>("none with parameters");
    refused::<(tuplenet::shape::Image<1, 4, 4>, Conv2d<1, 2, 3>, Flatten)>("`Conv2d`");
}

#[derive(Debug)]
struct Own;

impl CustomLoss for Own {
    fn name(&self) -> String {
        "own".to_owned()
    }

    fn value(&self, _: &[f64], _: &[f64]) -> f64 {
        0.0
    }

    fn gradient(&self, _: &[f64], _: &[f64], gradient: &mut [f64]) {
        gradient.fill(0.0);
    }
}

#[test]
fn a_loss_of_ones_own_is_refused() {
    if gpu("fused::a_loss_of_ones_own_is_refused") {
        let net = OnGpu::new::<(Linear<4, 2>,)>(Weights::zeros());
        let dataset = data::<4, 2>(5);
        let uploaded = net.upload(&dataset).unwrap();
        let loss = Loss::Custom(std::sync::Arc::new(Own));
        let error = net.gradient(&uploaded, &[0, 1], loss).unwrap_err();
        assert!(
            error.to_string().contains("found a loss of one's own"),
            "{error}"
        );
    }
}
