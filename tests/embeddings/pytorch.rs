//! Embeddings against PyTorch: logits, and the losses of trainings by three optimisers.

use safetensors::SafeTensors;
use tuplenet::{
    engine::Run,
    layers::{Max, Sum},
    objective::Optimizer,
    prelude::*,
    shape::{Features, Shape, Tokens},
    target::Classes,
    token::Token,
};

const FILE: &[u8] = include_bytes!("../reference/embeddings.safetensors");
const IO: &[u8] = include_bytes!("../reference/embeddings_io.safetensors");

type Words = Tokens<12, 50>;
type Mean = (Words, EmbeddingBag<50, 18>, Linear<18, 3>);
type Summed = (Words, EmbeddingBag<50, 18, Sum>, Linear<18, 3>);
type Largest = (Words, EmbeddingBag<50, 18, Max>, Linear<18, 3>);
type OfCategory = (Embedding<50, 18>, Linear<18, 3>);

tuplenet::frozen! {
    static FROZEN: Mean = "../reference/embeddings.safetensors";
}

fn bytes(name: &str) -> Vec<u8> {
    let io = SafeTensors::deserialize(IO).unwrap();
    io.tensor(name).unwrap().data().to_vec()
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

/// Logits and the losses of trainings, on both engines.
fn of<N: Network<Output = Features<3>>>(pooling: &str) {
    let tokens = bytes("tokens");
    let rows = tokens.chunks_exact(12).map(|row| &row[..N::In::LEN]);
    let data = Dataset::<N::In, Classes<3>>::from_bytes(
        rows.flatten().copied().collect(),
        1.0,
        bytes("labels"),
    );
    let data = data.unwrap();
    // the tensors of both networks have the same sizes
    let file = Weights::<Mean>::from_bytes(FILE).unwrap();
    let weights = Weights::<N>::from_slice(file.as_slice()).unwrap();
    on(
        Tape::new(weights.clone()).unwrap(),
        &data,
        pooling,
        &weights,
    );
    on(
        Fused::new(weights.clone()).unwrap(),
        &data,
        pooling,
        &weights,
    );
}

fn on<N: Network<Output = Features<3>>>(
    mut net: impl Engine<N>,
    data: &Dataset<N::In, Classes<3>>,
    pooling: &str,
    weights: &Weights<N>,
) {
    let uploaded = net.upload(data).unwrap();
    let all: Vec<u32> = (0..60).collect();
    let logits = net.logits(&uploaded, &all).unwrap();
    assert_close(&logits, &floats(&format!("{pooling}.logits")), pooling);
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
        let name = format!("{pooling}.{name}");
        assert_close(&losses, &floats(&name), &name);
    }
}

#[test]
fn logits_and_trainings_are_those_of_pytorch() {
    of::<Mean>("mean");
    of::<Summed>("sum");
    of::<Largest>("max");
    of::<OfCategory>("category");
}

#[test]
fn a_frozen_network_of_tokens_has_the_same_logits() {
    let (tokens, logits) = (bytes("tokens"), floats("mean.logits"));
    for (row, expected) in tokens.chunks_exact(12).zip(logits.chunks_exact(3)) {
        let text: [Token<50>; 12] = std::array::from_fn(|at| Token::new(row[at].into()).unwrap());
        assert_close(&FROZEN.predict(&text), expected, "frozen");
    }
}
