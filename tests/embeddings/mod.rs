//! Embeddings on every engine: against finite differences, against each other over many steps of every optimiser, and whether
//! rows that a step leaves as they are change when they are next read as they would have in each step.

mod pytorch;
mod sequences;
mod tokens;

use tuplenet::{
    engine::{Processor, Run, Simd},
    layers::{Max, Sum, Weighted},
    objective::Optimizer,
    prelude::*,
    shape::{Category, Features, Pair, Shape, Tokens},
    target::Classes,
    token::Token,
};
use tuplenet_textbook::logits_of_batch;

use crate::{
    engines::{OnFused, OnTape, Recipe, Tested, optimizers, train},
    losses::{mean_loss, one_hot},
};

const VOCABULARY: usize = 40;
type Texts<const L: usize> = Tokens<L, VOCABULARY>;

/// 70 tokens are more than the kernels take at a time, 19 columns more than a block.
type Mean = (Texts<70>, EmbeddingBag<VOCABULARY, 19>, Linear<19, 3>);
type Largest = (
    Texts<70>,
    EmbeddingBag<VOCABULARY, 19, Max>,
    ReLU,
    Linear<19, 3>,
);
type OfCategory = (Embedding<VOCABULARY, 17>, ReLU, Linear<17, 3>);
type Numbered = (
    Pair<Texts<70>, Features<70>>,
    EmbeddingBag<VOCABULARY, 19, Weighted>,
    ReLU,
    Linear<19, 3>,
);
/// Three tables of the same tokens.
type All = (
    Texts<5>,
    Concat<(
        EmbeddingBag<VOCABULARY, 3, Max>,
        EmbeddingBag<VOCABULARY, 20>,
        (EmbeddingBag<VOCABULARY, 4, Sum>, Tanh),
    )>,
    Linear<27, 3>,
);

/// Texts of which one is empty and one full, with frequent and rare words; some words are in a text twice. Of a pair, each part
/// is such a text, a category or numbers.
pub(crate) fn data<S: Shape>(samples: usize) -> Dataset<S, Classes<3>> {
    let mut x = 0.37f64;
    let mut next = || {
        x = (x * 997.0 + 0.123).fract();
        x
    };
    let mut values = Vec::new();
    for sample in 0..samples {
        let mut is_word = true;
        for at in 0..S::LEN {
            let value = match S::vocabulary(at) {
                None => next() * 4.0 - 2.0,
                Some(vocabulary) => {
                    let begins = at == 0 || S::vocabulary(at - 1) != Some(vocabulary);
                    // a text ends at some word, a category is one
                    is_word = sample > 0 && (begins || is_word && (sample == 1 || next() < 0.95));
                    // cubes, so that small tokens are frequent
                    let word = 1.0 + (next().powi(3) * (vocabulary - 1) as f64).floor();
                    if is_word { word } else { 0.0 }
                }
            };
            values.push(value as f32);
        }
    }
    let labels = (0..samples).map(|_| (next() * 3.0) as u8).collect();
    Dataset::from_values(values, labels).unwrap()
}

/// The value and the gradient of a batch against the plan in `f64` and its central differences.
pub(crate) fn has_the_right_gradient<T: Tested, N: Network<Output = Features<3>>>() {
    let data = data::<N::In>(9);
    let order: Vec<u32> = (0..9).collect();
    let samples = order.iter().map(|&at| {
        let sample = data.sample(at as usize).unwrap();
        N::In::values(&sample).iter().map(|&v| v.into()).collect()
    });
    let samples: Vec<Vec<f64>> = samples.collect();
    let labels: Vec<u8> = order
        .iter()
        .map(|&at| data.label(at as usize).unwrap() as u8)
        .collect();
    let targets = one_hot(&labels, 3);
    let weights = Weights::<N>::init(3);
    let net = T::new::<N>(weights.clone());
    let uploaded = net.upload(&data).unwrap();
    let (value, gradient) = T::gradient(&net, &uploaded, &order, Loss::CrossEntropy);

    let mut w: Vec<f64> = weights.as_slice().iter().map(|&v| v.into()).collect();
    let loss = |w: &[f64]| {
        let outputs = logits_of_batch(&N::PLAN, w, &samples);
        mean_loss(&Loss::CrossEntropy, &outputs, &targets)
    };
    assert!((f64::from(value) - loss(&w)).abs() < 1e-6);
    for i in 0..w.len() {
        let (at, h) = (w[i], 1e-6);
        let [above, below] = [at + h, at - h].map(|value| {
            w[i] = value;
            loss(&w)
        });
        w[i] = at;
        let (slope, found) = ((above - below) / (2.0 * h), gradient.as_slice()[i]);
        let name = std::any::type_name::<N>();
        assert!(
            (slope - f64::from(found)).abs() < 2e-6,
            "{name} [{i}]: {found}, not {slope}"
        );
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    fn on<T: Tested>() {
        has_the_right_gradient::<T, Mean>();
        has_the_right_gradient::<T, Largest>();
        has_the_right_gradient::<T, OfCategory>();
        has_the_right_gradient::<T, Numbered>();
        has_the_right_gradient::<T, All>();
    }
    on::<OnTape>();
    on::<OnFused>();
}

/// Every optimiser, with a schedule or clipping: `Fused` leaves the rows that a batch does not read as they are, dfdx does not.
pub(crate) fn trains_as_the_tape_does<N: Network<Output = Features<3>>>() {
    let data = data::<N::In>(41);
    for (at, optimizer) in optimizers().into_iter().enumerate() {
        for clip_norm in [None, Some(0.5)] {
            let recipe = Recipe {
                schedule: match at % 2 {
                    0 => OneCycle::default().into(),
                    _ => Schedule::CONSTANT,
                },
                clip_norm,
                ..Recipe::of(optimizer)
            };
            let weights = Weights::<N>::init(7);
            let mut tape = Tape::new(weights.clone()).unwrap();
            let on_tape = tape.upload(&data).unwrap();
            let expected = train(&mut tape, &on_tape, 41, &recipe, 6, 4);
            let mut fused = Fused::new(weights).unwrap();
            let on_fused = fused.upload(&data).unwrap();
            let found = train(&mut fused, &on_fused, 41, &recipe, 6, 4);
            let what = format!("{} {recipe:?}", std::any::type_name::<N>());
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() < 2e-5, "{what}: {a}, not {b}");
            }
            close(
                &fused.weights().unwrap(),
                &tape.weights().unwrap(),
                2e-5,
                &what,
            );
            let states = [
                fused.optimizer_state().unwrap(),
                tape.optimizer_state().unwrap(),
            ];
            let [ours, theirs] = states.map(|state| state.unwrap().moments);
            // dfdx has one for SGD without momentum, too
            assert!(
                !ours.is_empty() || matches!(optimizer, Optimizer::Sgd(Sgd { momentum: 0.0, .. }))
            );
            for (ours, theirs) in ours.iter().zip(&theirs) {
                close(ours, theirs, 2e-5, &what);
            }
        }
    }
}

fn close<N: Network>(ours: &Weights<N>, theirs: &Weights<N>, tolerance: f32, what: &str) {
    for (i, (a, b)) in ours.as_slice().iter().zip(theirs.as_slice()).enumerate() {
        assert!((a - b).abs() < tolerance, "{what} [{i}]: {a}, not {b}");
    }
}

#[test]
fn every_optimizer_trains_as_on_the_tape() {
    trains_as_the_tape_does::<Mean>();
    trains_as_the_tape_does::<Largest>();
    trains_as_the_tape_does::<OfCategory>();
    trains_as_the_tape_does::<Numbered>();
    trains_as_the_tape_does::<All>();
}

/// Trains in runs of these numbers of samples; between two runs, `read` may read the engine.
fn in_runs<N: Network<Output = Features<3>>>(
    processor: Processor,
    optimizer: Optimizer,
    runs: &[usize],
    read: impl Fn(&Fused<N>),
) -> (Weights<N>, Vec<Weights<N>>) {
    let data = data::<N::In>(60);
    let mut net = Fused::on(processor, Weights::<N>::init(2)).unwrap();
    let uploaded = net.upload(&data).unwrap();
    let order: Vec<u32> = (0..60).collect();
    let (mut rest, mut losses) = (&order[..], Vec::new());
    for &samples in runs {
        let now;
        (now, rest) = rest.split_at(samples);
        let run = Run {
            order: now,
            batch_size: 2,
            optimizer: &optimizer,
            schedule: Cosine::default().into(),
            total_steps: 30,
            loss: Loss::CrossEntropy,
            seed: 1,
            first_step: losses.len() as u64,
            clip_norm: None,
        };
        net.train(&uploaded, &run, &mut losses).unwrap();
        read(&net);
    }
    let state = net.optimizer_state().unwrap().unwrap();
    (net.weights().unwrap(), state.moments)
}

/// Rows are brought up to date when they are read, or all at once, with the same bits, by any number of threads.
fn reading_changes_nothing<N: Network<Output = Features<3>>>() {
    for optimizer in optimizers() {
        let processor = |threads| Processor::detect().threads(threads);
        let expected = in_runs::<N>(processor(1), optimizer, &[60], |_| {});
        for threads in [1, 2, 3, 5] {
            let once = in_runs::<N>(processor(threads), optimizer, &[60], |_| {});
            assert!(once == expected, "{threads} threads, {optimizer:?}");
            let sample = N::In::zeros();
            let features = N::In::values(&sample).to_vec();
            let often = in_runs::<N>(processor(threads), optimizer, &[20; 3], |net| {
                net.forward(&features).unwrap();
            });
            assert!(often == expected, "{threads} threads, {optimizer:?}, read");
            let each = in_runs::<N>(processor(threads), optimizer, &[2; 30], |net| {
                net.weights().unwrap();
            });
            assert!(
                each == expected,
                "{threads} threads, {optimizer:?}, each step"
            );
        }
    }
}

#[test]
fn reading_weights_between_steps_changes_nothing() {
    reading_changes_nothing::<Mean>();
    reading_changes_nothing::<OfCategory>();
}

/// Weights and state of an engine, and another engine that goes on with them, also one that has steps of its own pending.
#[test]
fn a_training_continues_from_its_state() {
    let data = data::<Texts<70>>(60);
    let order: Vec<u32> = (0..60).collect();
    for optimizer in optimizers() {
        let train = |net: &mut Fused<Mean>, samples: std::ops::Range<usize>| {
            let uploaded = net.upload(&data).unwrap();
            let run = Run {
                order: &order[samples.clone()],
                batch_size: 2,
                optimizer: &optimizer,
                schedule: Schedule::CONSTANT,
                total_steps: 30,
                loss: Loss::CrossEntropy,
                seed: 1,
                first_step: samples.start as u64 / 2,
                clip_norm: None,
            };
            net.train(&uploaded, &run, &mut Vec::new()).unwrap();
        };
        let mut whole = Fused::new(Weights::<Mean>::init(2)).unwrap();
        train(&mut whole, 0..60);
        let mut first = Fused::new(Weights::<Mean>::init(2)).unwrap();
        train(&mut first, 0..30);
        let state = first.optimizer_state().unwrap();
        let mut second = Fused::new(Weights::<Mean>::init(9)).unwrap();
        train(&mut second, 40..60);
        second
            .restore(&first.weights().unwrap(), state.as_ref())
            .unwrap();
        train(&mut second, 30..60);
        let states = [&whole, &second].map(|net| net.optimizer_state().unwrap().unwrap());
        assert!(states[0].moments == states[1].moments, "{optimizer:?}");
        assert!(
            whole.weights().unwrap() == second.weights().unwrap(),
            "{optimizer:?}"
        );
    }
}

/// A state of a table of more rows than the samples have values.
#[test]
fn the_state_of_a_large_table_is_restored() {
    type Net = (Embedding<300, 2>, Linear<2, 3>);
    let data = data::<Category<300>>(60);
    let mut net = Fused::new(Weights::<Net>::init(1)).unwrap();
    let uploaded = net.upload(&data).unwrap();
    train(&mut net, &uploaded, 60, &Recipe::of(Adam::default()), 6, 1);
    let (weights, state) = (net.weights().unwrap(), net.optimizer_state().unwrap());
    let mut other = Fused::new(Weights::<Net>::zeros()).unwrap();
    other.restore(&weights, state.as_ref()).unwrap();
    let found = other.optimizer_state().unwrap().unwrap();
    assert!(other.weights().unwrap() == weights && found.moments == state.unwrap().moments);
}

/// Another optimiser, or clipping, begins where the pending steps of the one before end.
#[test]
fn a_change_of_the_optimizer_takes_the_steps_before_it() {
    let data = data::<Texts<70>>(41);
    let train_both = |first: &Recipe, second: &Recipe, read: bool| {
        let mut net = Fused::new(Weights::<Mean>::init(2)).unwrap();
        let uploaded = net.upload(&data).unwrap();
        train(&mut net, &uploaded, 40, first, 4, 2);
        if read {
            net.weights().unwrap();
        }
        train(&mut net, &uploaded, 40, second, 4, 1);
        net.weights().unwrap()
    };
    let adam = || Recipe::of(Adam::default());
    let adamw = |weight_decay| {
        Recipe::of(AdamW {
            weight_decay,
            ..AdamW::default()
        })
    };
    let clipped = Recipe {
        clip_norm: Some(0.1),
        ..adam()
    };
    let sgd = |momentum, weight_decay| {
        Recipe::of(Sgd {
            momentum,
            weight_decay,
            ..Sgd::default()
        })
    };
    for (first, second) in [
        (adam(), sgd(0.0, 0.0)),
        (adam(), clipped),
        (adamw(0.0), adamw(0.1)),
        (adamw(0.1), adamw(0.0)),
        (sgd(0.9, 0.0), sgd(0.0, 0.1)),
        (sgd(0.0, 0.1), sgd(0.9, 0.0)),
    ] {
        let [read, not_read] = [true, false].map(|read| train_both(&first, &second, read));
        assert!(read == not_read, "{first:?}, {second:?}");
    }
}

/// Logits of many samples, of one, of a frozen network and of the tape.
pub(crate) fn predicts_the_same_everywhere<N: Network<Output = Features<3>>>()
where
    <N::In as Shape>::Array: tuplenet::shape::Sample<N::In>,
{
    let data = data::<N::In>(30);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let weights = Weights::<N>::init(4);
    weights.save(&path).unwrap();
    let file = std::fs::read(&path).unwrap();
    let borrowed = Frozen::<N>::from_bytes(&file).unwrap();
    let order: Vec<u32> = (0..30).collect();
    let tape = Tape::new(weights.clone()).unwrap();
    let expected = tape.logits(&tape.upload(&data).unwrap(), &order).unwrap();
    for simd in [Simd::Avx512, Simd::Avx2, Simd::Neon, Simd::Scalar] {
        if !simd.is_available() {
            continue;
        }
        let processor = Processor::detect().threads(2).simd(simd);
        let net = Fused::on(processor, weights.clone()).unwrap();
        let many = net.logits(&net.upload(&data).unwrap(), &order).unwrap();
        for (at, (expected, many)) in expected.chunks(3).zip(many.chunks(3)).enumerate() {
            let sample = data.sample(at).unwrap();
            let one: [f32; 3] = net.predict(&sample).unwrap();
            let frozen: [f32; 3] = borrowed.predict(&sample);
            for found in [many, &one, &frozen] {
                for (a, b) in found.iter().zip(expected) {
                    assert!((a - b).abs() < 1e-5, "{simd:?}, {at}: {a}, not {b}");
                }
            }
        }
    }
}

#[test]
fn predictions_are_the_same_everywhere() {
    predicts_the_same_everywhere::<Mean>();
    predicts_the_same_everywhere::<Largest>();
    predicts_the_same_everywhere::<OfCategory>();
    predicts_the_same_everywhere::<Numbered>();
    predicts_the_same_everywhere::<All>();
}

/// The product of a sparse vector and a matrix is that of the same dense vector.
#[test]
fn a_weighted_bag_is_a_linear_layer() {
    type Sparse = (
        Pair<Tokens<6, 101>, Features<6>>,
        EmbeddingBag<101, 20, Weighted>,
    );
    type Dense = (Linear<100, 20>,);
    let (starts, mut indices, mut values) = (vec![0, 0, 6, 9], Vec::new(), Vec::new());
    let mut dense = vec![0.0; 300];
    for place in 0..9usize {
        let (row, feature) = (1 + usize::from(place >= 6), place * 37 % 100);
        let value = (place as f32 - 4.5) / 3.0;
        indices.push(feature as u32);
        values.push(value);
        dense[row * 100 + feature] = value;
    }
    let data = Dataset::<_, Classes<20>>::from_csr(&starts, &indices, &values, [0, 1, 2]).unwrap();
    let matrix = Weights::<Dense>::init(1);
    // without the bias, and with a row of zeros for the padding
    let mut table = Weights::<Sparse>::zeros();
    for (at, weight) in matrix.tensor("0.weight").unwrap().values.iter().enumerate() {
        let (output, feature) = (at / 100, at % 100);
        table.as_mut_slice()[(feature + 1) * 20 + output] = *weight;
    }
    let bias = matrix.tensor("0.bias").unwrap().values.to_vec();
    let expected = Fused::new(matrix).unwrap().forward(&dense).unwrap();
    let net = Fused::new(table).unwrap();
    let found = net.logits(&net.upload(&data).unwrap(), &[0, 1, 2]).unwrap();
    for (at, (a, b)) in found.iter().zip(&expected).enumerate() {
        assert!((a + bias[at % 20] - b).abs() < 1e-6, "{at}: {a}, not {b}");
    }
}

/// A NaN in a vector reaches the maximum, wherever it is in the text.
#[test]
fn a_maximum_does_not_lose_a_nan() {
    type Net = (Texts<5>, EmbeddingBag<VOCABULARY, 4, Max>);
    let mut weights = Weights::<Net>::init(1);
    weights.as_mut_slice()[7 * 4 + 1] = f32::NAN;
    let token = |index| Token::<VOCABULARY>::new(index).unwrap();
    for texts in [[7, 3, 4, 0, 0], [3, 7, 4, 0, 0], [3, 4, 7, 7, 9]] {
        let text = texts.map(token);
        let fused = Fused::new(weights.clone()).unwrap();
        let tape = Tape::new(weights.clone()).unwrap();
        let values = texts.map(|index| index as f32);
        let all = [
            fused.predict(&text).unwrap(),
            fused.forward(&values).unwrap().try_into().unwrap(),
            tape.predict(&text).unwrap(),
        ];
        for found in all {
            assert_eq!(found.map(f32::is_nan), [false, true, false, false]);
        }
    }
}
