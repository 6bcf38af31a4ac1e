//! Weights of 16 bits in borrowed files, F16 and BF16, beside each other and beside F32: the logits have the bits of those of the same
//! numbers as F32.

use half::{bf16, f16};
use safetensors::{Dtype, serialize, tensor::TensorView};
use tuplenet::{
    frozen::embed::{Level, predict_at},
    layers::{Dot, Max},
    prelude::*,
    shape::{Category, Image, Pair, Sample, Shape, Tokens},
};

/// Rows of more and of fewer values than a vector, eight rows together and one at a time, and a layer of a few.
type Rows = (Linear<37, 18>, ReLU, Linear<18, 9>, Tanh, Linear<9, 3>);
type Vectors = (
    Standardize<19>,
    Linear<19, 18>,
    BatchNorm1d<18>,
    ReLU,
    LayerNorm<18>,
    ChannelPReLU<18>,
    Linear<18, 2>,
    PReLU,
);
/// Channels and columns in the lanes, groups, and a normalisation before a convolution.
type Images = (
    Image<2, 6, 20>,
    (
        Conv2d<2, 3, 3, 1, 1>,
        BatchNorm2d<3>,
        Conv2d<3, 18, 3, 2, 1>,
        ReLU,
        Conv2d<18, 18, 3, 1, 1, 18>,
    ),
    (Conv2d<18, 5, 1>, LayerNorm<5, 3, 10>, ChannelPReLU<5>),
    (Flatten, LazyLinear<3>),
);
type Tables = (
    Pair<Tokens<4, 30>, Category<20>>,
    Parallel<
        (
            (
                Concat<(EmbeddingBag<30, 2, Max>, EmbeddingBag<30, 18>)>,
                Linear<20, 5>,
            ),
            Embedding<20, 5>,
        ),
        Dot,
    >,
);
/// A table without a bias that is larger than the rest of the file.
type OneTable = (Category<2>, Embedding<2, 300>);
type Sequences = (
    Tokens<10, 30>,
    Embedding<30, 17>,
    Conv1d<17, 4, 3>,
    ReLU,
    GlobalMaxPool2d,
    Linear<4, 3>,
);

/// Numbers of every size that a binary16 has, subnormal ones and zeros among them; positive ones for deviations and variances.
fn numbers(name: &str, count: usize, seed: usize) -> Vec<f32> {
    let number = |i: usize| {
        let i = (i + seed) * 7919 + name.len();
        let size = (i % 251) as f32 / 97.0 + 1e-3;
        let size = size * [1.0, 0.1, 1e-3, 1e-6, 0.0][i % 17 % 5];
        if i.is_multiple_of(3) { -size } else { size }
    };
    let is_positive = name.ends_with("var") || name.ends_with("std");
    let numbers = (0..count).map(number);
    let numbers = numbers.map(|x| if is_positive { x.abs() + 0.5 } else { x });
    numbers.collect()
}

/// The file of these weights with the dtypes that are chosen for each tensor, then of the same numbers as F32.
fn files<N: Network>(dtype: impl Fn(usize) -> Dtype, seed: usize) -> [Vec<u8>; 2] {
    let weights = Weights::<N>::zeros();
    let tensors = weights.tensors().chain(weights.buffers());
    let mut halves = Vec::new();
    let mut singles = Vec::new();
    for (i, tensor) in tensors.enumerate() {
        let (mut bytes, mut wide) = (Vec::new(), Vec::new());
        for number in numbers(&tensor.name, tensor.values.len(), seed) {
            let number = match dtype(i) {
                Dtype::F16 => {
                    bytes.extend(f16::from_f32(number).to_le_bytes());
                    f16::from_f32(number).to_f32()
                }
                Dtype::BF16 => {
                    bytes.extend(bf16::from_f32(number).to_le_bytes());
                    bf16::from_f32(number).to_f32()
                }
                _ => {
                    bytes.extend(number.to_le_bytes());
                    number
                }
            };
            wide.extend(number.to_le_bytes());
        }
        if let Some(layer) = tensor.name.strip_suffix("running_var") {
            let batches = (format!("{layer}num_batches_tracked"), vec![], vec![0; 8]);
            halves.push((batches.clone(), Dtype::I64));
            singles.push((batches, Dtype::I64));
        }
        let shape = tensor.shape.to_vec();
        halves.push(((tensor.name.clone(), shape.clone(), bytes), dtype(i)));
        singles.push(((tensor.name, shape, wide), Dtype::F32));
    }
    [halves, singles].map(|tensors| {
        let views = tensors.iter().map(|((name, shape, bytes), dtype)| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        serialize(views, None).unwrap()
    })
}

fn levels() -> Vec<Level> {
    vec![
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Level::Avx512,
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Level::Avx2,
        Level::Portable,
    ]
}

fn bits<S: Shape>(logits: &S::Array) -> Vec<u32> {
    let values = S::values(logits).iter();
    values.map(|value| value.to_bits()).collect()
}

/// Of a network with samples of these features.
fn check<N: Network>(feature: impl Fn(usize) -> f32)
where
    <N::In as Shape>::Array: Sample<N::In>,
{
    let mut sample = N::In::zeros();
    for (i, value) in N::In::values_mut(&mut sample).iter_mut().enumerate() {
        *value = feature(i);
    }
    let f16 = |_| Dtype::F16;
    let bf16 = |_| Dtype::BF16;
    let mixed = |i: usize| [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F16][i % 4];
    let other = |i: usize| [Dtype::BF16, Dtype::F32, Dtype::F16][i % 3];
    let dtypes: [&dyn Fn(usize) -> Dtype; 4] = [&f16, &bf16, &mixed, &other];
    // Under Miri, which is slow, each of them once, unaligned.
    let dtypes = if cfg!(miri) { &dtypes[2..3] } else { &dtypes };
    for (seed, dtype) in dtypes.iter().enumerate() {
        let [halves, singles] = files::<N>(dtype, seed);
        let exact = Frozen::<N>::from_bytes(&singles).unwrap();
        // Shifted by one byte, no value is aligned.
        for offset in usize::from(cfg!(miri))..2 {
            let shifted = [&[0][..offset], &halves].concat();
            let model = Frozen::<N>::from_bytes(&shifted[offset..]).unwrap();
            for level in levels() {
                let expected = predict_at(level, &exact, &sample);
                let found = predict_at(level, &model, &sample);
                assert!(
                    N::Output::values(&expected).iter().all(|y| y.is_finite())
                        && N::Output::values(&expected).iter().any(|&y| y != 0.0)
                );
                assert_eq!(
                    bits::<N::Output>(&found),
                    bits::<N::Output>(&expected),
                    "{} with dtypes {seed} at {level:?}: {:?} against {:?}",
                    std::any::type_name::<N>(),
                    N::Output::values(&found),
                    N::Output::values(&expected),
                );
            }
        }
    }
}

fn wave(i: usize) -> f32 {
    (i * 31 % 17) as f32 / 8.0 - 1.0
}

#[test]
fn products_of_rows() {
    check::<Rows>(wave);
}

#[test]
fn normalisations_and_slopes() {
    check::<Vectors>(wave);
}

#[test]
fn convolutions() {
    check::<Images>(wave);
}

#[test]
fn embeddings() {
    check::<Tables>(|i| [3.0, 0.0, 29.0, 7.0, 19.0][i]);
    check::<OneTable>(|_| 1.0);
    check::<Sequences>(|i| (i * 7 % 30) as f32);
}

/// NaN and infinity, in the eight rows that are computed together and in the last row.
#[test]
fn nan_and_infinity() {
    type Net = (Linear<20, 9>,);
    for (dtype, [nan, infinity]) in [
        (Dtype::F16, [0xfe01u16, 0x7c00]),
        (Dtype::BF16, [0xffc1, 0x7f80]),
    ] {
        let mut weights = vec![0u16; 9 * 20];
        (weights[23], weights[8 * 20 + 19]) = (nan, infinity);
        let bytes = |values: &[u16]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        let (weights, bias) = (bytes(&weights), bytes(&[0; 9]));
        let view = |shape, bytes| TensorView::new(dtype, shape, bytes).unwrap();
        let tensors = [
            ("0.weight", view(vec![9, 20], &*weights)),
            ("0.bias", view(vec![9], &*bias)),
        ];
        let file = serialize(tensors, None).unwrap();
        let model = Frozen::<Net>::from_bytes(&file).unwrap();
        for level in levels() {
            let logits = predict_at(level, &model, &[1.0; 20]);
            assert!(logits[1].is_nan(), "{dtype:?} at {level:?}");
            assert_eq!(logits[8], f32::INFINITY, "{dtype:?} at {level:?}");
            let rest = logits[2..8].iter().chain(&logits[..1]);
            assert!(rest.into_iter().all(|&y| y == 0.0));
        }
    }
}
