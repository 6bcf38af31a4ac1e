//! Embeddings against PyTorch: logits, and the losses of trainings by three optimisers.

use safetensors::SafeTensors;
use tuplenet::{
    engine::Run,
    layers::{Max, Sum},
    objective::Optimizer,
    prelude::*,
    shape::{Features, Sequence, Shape, Tokens},
    target::Classes,
    token::Token,
};

const FILE: &[u8] = include_bytes!("../reference/embeddings.safetensors");
const IO: &[u8] = include_bytes!("../reference/embeddings_io.safetensors");
const SEQUENCES_IO: &[u8] = include_bytes!("../reference/sequences_io.safetensors");

type Words = Tokens<12, 50>;
type Mean = (Words, EmbeddingBag<50, 18>, Linear<18, 3>);
type Summed = (Words, EmbeddingBag<50, 18, Sum>, Linear<18, 3>);
type Largest = (Words, EmbeddingBag<50, 18, Max>, Linear<18, 3>);
type OfCategory = (Embedding<50, 18>, Linear<18, 3>);
type Width<const K: usize> = (Conv1d<18, 6, K>, ReLU, GlobalMaxPool2d);
type Sequences = (
    Words,
    Embedding<50, 18>,
    Concat<(Width<2>, Width<3>)>,
    Linear<12, 3>,
);
/// Every layer of one dimension.
type Readings = (
    Sequence<3, 40>,
    (Conv1d<3, 6, 5, 2, 2>, BatchNorm1d<6>, ReLU, MaxPool1d<2>),
    (Conv1d<6, 9, 3, 1, 0, 3>, Tanh, AvgPool1d<4>),
    Flatten,
    LazyLinear<3>,
);

tuplenet::frozen! {
    static FROZEN: Mean = "../reference/embeddings.safetensors";
    static FROZEN_SEQUENCES: Sequences = "../reference/sequences.safetensors";
    static FROZEN_READINGS: Readings = "../reference/readings.safetensors";
}

fn bytes(name: &str) -> Vec<u8> {
    let files = [IO, SEQUENCES_IO].map(|file| SafeTensors::deserialize(file).unwrap());
    let mut tensors = files.iter().filter_map(|io| io.tensor(name).ok());
    tensors.next().unwrap().data().to_vec()
}

fn floats(name: &str) -> Vec<f32> {
    let bytes = bytes(name);
    let values = bytes.as_chunks::<4>().0.iter();
    values.map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 2e-5, "{what}, {at}: {a}, not {b}");
    }
}

/// Logits and the losses of trainings, on both engines, of a network whose tensors have the sizes of those of `Mean`.
fn of<N: Network<Output = Features<3>>>(name: &str) {
    let file = Weights::<Mean>::from_bytes(FILE).unwrap();
    with(name, Weights::<N>::from_slice(file.as_slice()).unwrap());
}

fn with<N: Network<Output = Features<3>>>(name: &str, weights: Weights<N>) {
    let tokens = bytes("tokens");
    let rows = tokens.chunks_exact(12).map(|row| &row[..N::In::LEN]);
    let data = Dataset::<N::In, Classes<3>>::from_bytes(
        rows.flatten().copied().collect(),
        1.0,
        bytes("labels"),
    );
    let data = data.unwrap();
    on(Tape::new(weights.clone()).unwrap(), &data, name, &weights);
    on(Fused::new(weights.clone()).unwrap(), &data, name, &weights);
}

fn on<N: Network<Output = Features<3>>>(
    mut net: impl Engine<N>,
    data: &Dataset<N::In, Classes<3>>,
    network: &str,
    weights: &Weights<N>,
) {
    let uploaded = net.upload(data).unwrap();
    let all: Vec<u32> = (0..60).collect();
    let logits = net.logits(&uploaded, &all).unwrap();
    assert_close(&logits, &floats(&format!("{network}.logits")), network);
    let optimizers: [(&str, Optimizer); 3] = [
        (
            "adam",
            Adam {
                learning_rate: 0.01,
                ..Adam::default()
            }
            .into(),
        ),
        (
            "adamw",
            AdamW {
                learning_rate: 0.01,
                weight_decay: 0.1,
                ..AdamW::default()
            }
            .into(),
        ),
        (
            "sgd",
            Sgd {
                learning_rate: 0.03,
                momentum: 0.9,
                ..Sgd::default()
            }
            .into(),
        ),
    ];
    for (name, optimizer) in optimizers {
        net.restore(weights, None).unwrap();
        let order: Vec<u32> = (0..40 * 7).map(|at| at % 60).collect();
        let run = Run {
            order: &order,
            batch_size: 7,
            optimizer: &optimizer,
            schedule: Schedule::CONSTANT,
            total_steps: 40,
            loss: Loss::CrossEntropy,
            seed: 0,
            first_step: 0,
            clip_norm: None,
        };
        let mut losses = Vec::new();
        net.train(&uploaded, &run, &mut losses).unwrap();
        let name = format!("{network}.{name}");
        assert_close(&losses, &floats(&name), &name);
    }
}

#[test]
fn logits_and_trainings_are_those_of_pytorch() {
    of::<Mean>("mean");
    of::<Summed>("sum");
    of::<Largest>("max");
    of::<OfCategory>("category");
    let file = include_bytes!("../reference/sequences.safetensors");
    with::<Sequences>("words", Weights::from_bytes(file).unwrap());
}

#[test]
fn frozen_networks_of_tokens_have_the_same_logits() {
    let tokens = bytes("tokens");
    let texts = tokens.chunks_exact(12).map(|row| -> [Token<50>; 12] {
        std::array::from_fn(|at| Token::new(row[at].into()).unwrap())
    });
    let [mean, words] = ["mean.logits", "words.logits"].map(floats);
    let both = mean.chunks_exact(3).zip(words.chunks_exact(3));
    for (text, (mean, words)) in texts.zip(both) {
        assert_close(&FROZEN.predict(&text), mean, "mean");
        assert_close(&FROZEN_SEQUENCES.predict(&text), words, "words");
    }
}

#[test]
fn layers_of_one_dimension_are_those_of_pytorch() {
    let (x, expected) = (floats("readings.x"), floats("readings.logits"));
    let file = include_bytes!("../reference/readings.safetensors");
    let weights = Weights::<Readings>::from_bytes(file).unwrap();
    assert_eq!(weights.tensor("4.weight").unwrap().shape, [9, 2, 3]);
    let tape = Tape::new(weights.clone()).unwrap();
    assert_close(&tape.forward(&x).unwrap(), &expected, "tape");
    let fused = Fused::new(weights).unwrap();
    assert_close(&fused.forward(&x).unwrap(), &expected, "fused");
    for (x, expected) in x.chunks_exact(120).zip(expected.chunks_exact(3)) {
        let x: [[[f32; 40]; 1]; 3] =
            std::array::from_fn(|c| [std::array::from_fn(|at| x[c * 40 + at])]);
        assert_close(&FROZEN_READINGS.predict(&x), expected, "frozen");
        assert_close(&fused.predict(&x).unwrap(), expected, "one sample");
    }
}
