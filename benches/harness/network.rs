//! The networks of the benchmarks: a network is a type, so each is compiled.

use std::{fs, path::Path};

use tuplenet::{
    frozen::embed,
    layers::Weighted,
    models::{AnomalyDetector, LeNet, Mlp, ResNet8},
    plan::{Op, Pooling},
    prelude::*,
    shape::{Features, Image, Pair, Sample, Shape, Tokens},
};

use super::served::Result;

/// 8 and 16 channels of 3 x 3 kernels.
type Small = (
    Image<1, 28, 28>,
    (Conv2d<1, 8, 3>, ReLU, MaxPool2d<2>),
    (Conv2d<8, 16, 3>, ReLU, Floor<MaxPool2d<2>>),
    (Flatten, LazyLinear<10>),
);
/// The network of PyTorch's MNIST example, without dropout.
type Mid = (
    Image<1, 28, 28>,
    (Conv2d<1, 32, 3>, ReLU, Conv2d<32, 64, 3>, ReLU),
    (MaxPool2d<2>, Flatten, LazyLinear<128>, ReLU),
    Linear<128, 10>,
);
/// The image classifier of MLPerf Tiny, for the digits of the benchmark.
type ResNet = ResNet8<1, 28, 28, 10>;

/// The words that a text of the benchmark has at most, and the vocabulary with the padding.
pub const WORDS: usize = 64;
pub const VOCABULARY: usize = 20_000;
/// The classifier of texts of PyTorch's tutorial, with a hidden layer.
type Bag = (
    Tokens<WORDS, VOCABULARY>,
    EmbeddingBag<VOCABULARY, 64>,
    (Linear<64, 32>, ReLU, Linear<32, 2>),
);

/// Sequences of three words anywhere in a text.
type Text = (
    Tokens<WORDS, VOCABULARY>,
    Embedding<VOCABULARY, 64>,
    (Conv1d<64, 64, 3>, ReLU, GlobalMaxPool2d),
    Linear<64, 2>,
);

/// The words that are counted, with the padding, and how many different ones a text has at most.
pub const COUNTED: usize = 16_385;
pub const DIFFERENT: usize = 128;
/// Counts of words, most of which are 0, and a hidden layer.
type Counts = (
    Pair<Tokens<DIFFERENT, COUNTED>, Features<DIFFERENT>>,
    EmbeddingBag<COUNTED, 128, Weighted>,
    (ReLU, Linear<128, 2>),
);

/// Generic code that runs for a network that is known only at run time, with `O` classes, and with `ROWS` rows of weights where it
/// is embedded.
pub trait Job {
    type Out;
    fn on<N, const O: usize, const ROWS: usize>(self) -> Result<Self::Out>
    where
        N: Network<Output = Features<O>>,
        <N::In as Shape>::Array: Sample<N::In>;
}

/// Runs `job` for the network with this name: `I-H-O`, or that of another.
pub fn dispatch<J: Job>(name: &str, job: J) -> Result<J::Out> {
    macro_rules! on {
        ($($known:literal: $network:ty, $outputs:literal;)*) => {
            match name {
                $($known => job.on::<$network, $outputs, { embed::rows(&Some(<$network>::PLAN)) }>(),)*
                _ => Err(format!("no network {name} was compiled").into()),
            }
        };
    }
    on! {
        "784-128-10": Mlp<784, 128, 10>, 10;
        "784-500-10": Mlp<784, 500, 10>, 10;
        "784-512-10": Mlp<784, 512, 10>, 10;
        "784-2048-10": Mlp<784, 2048, 10>, 10;
        "64-64-16": Mlp<64, 64, 16>, 16;
        "small": Small, 10;
        "lenet": LeNet, 10;
        "mid": Mid, 10;
        "resnet": ResNet, 10;
        "autoencoder": AnomalyDetector, 640;
        "resnet-32": ResNet8<3, 32, 32, 10>, 10;
        "bag": Bag, 2;
        "text": Text, 2;
        "counts": Counts, 2;
    }
}

/// The number of features and of classes of the network with this name.
pub fn widths(name: &str) -> Result<[usize; 2]> {
    dispatch(name, Widths)
}

struct Widths;

impl Job for Widths {
    type Out = [usize; 2];
    fn on<N, const O: usize, const ROWS: usize>(self) -> Result<[usize; 2]>
    where
        N: Network<Output = Features<O>>,
    {
        Ok([N::In::LEN, O])
    }
}

/// Writes the network's layers to `layers.txt`, weights with PyTorch's initialisation, from a seed, to `weights.safetensors`,
/// and both to `network.onnx`.
///
/// A layer is a line: the name of its module in the weights file, the values that it reads (0 is the input, 1 the output of
/// the first layer), its name in `torch.nn` and its sizes. The first line has the input's sizes.
pub fn write(name: &str, seed: u64, folder: &Path) -> Result<()> {
    dispatch(name, Write { seed, folder })
}

struct Write<'a> {
    seed: u64,
    folder: &'a Path,
}

impl Job for Write<'_> {
    type Out = ();
    fn on<N, const O: usize, const ROWS: usize>(self) -> Result<()>
    where
        N: Network<Output = Features<O>>,
    {
        let sizes = N::In::DIMS.iter().map(|size| format!(" {size}"));
        let mut layers = vec![format!("- - Input{}", sizes.collect::<String>())];
        for (index, step) in N::PLAN.steps().iter().enumerate() {
            let value = |back: usize| (index + 1).saturating_sub(back);
            let (path, x, name) = (step.path, value(step.back), step.op.name());
            layers.push(match step.op {
                Op::Linear => format!("{path} {x} {name} {} {}", step.inputs, step.outputs),
                // the kernel is square, or along the columns
                Op::Conv2d(window) => format!(
                    "{path} {x} {name} {} {} {} {} {}",
                    window.input[0],
                    window.output[0],
                    window.kernel[1],
                    window.stride[1],
                    window.padding[1]
                ),
                Op::AvgPool2d(window) if window.kernel[..] == window.input[1..] => {
                    format!("{path} {x} GlobalAvgPool2d")
                }
                Op::MaxPool2d(window) if window.kernel[..] == window.input[1..] => {
                    format!("{path} {x} GlobalMaxPool2d")
                }
                Op::MaxPool2d(window) => {
                    let [kernel, stride] = [window.kernel[0], window.stride[0]];
                    format!("{path} {x} {name} {kernel} {stride}")
                }
                Op::BatchNorm { channels } if channels == step.inputs => {
                    format!("{path} {x} BatchNorm1d {channels}")
                }
                Op::BatchNorm { channels } => format!("{path} {x} BatchNorm2d {channels}"),
                Op::EmbeddingBag {
                    vocabulary,
                    pooling: Pooling::Mean,
                } => format!("{path} {x} {name} {vocabulary} {}", step.outputs),
                Op::EmbeddingBag { vocabulary, .. } => {
                    format!("{path} {x} WeightedBag {vocabulary} {}", step.outputs)
                }
                Op::TokenEmbedding { vocabulary } => {
                    let channels = step.outputs / step.inputs;
                    format!("{path} {x} TokenEmbedding {vocabulary} {channels}")
                }
                Op::Add { back } => format!("{path} {x},{} {name}", value(back)),
                _ => format!("{path} {x} {name}"),
            });
        }
        fs::write(self.folder.join("layers.txt"), layers.join("\n"))?;
        let weights = Weights::<N>::init(self.seed);
        weights.save(self.folder.join("weights.safetensors"))?;
        Ok(weights.save_onnx(self.folder.join("network.onnx"))?)
    }
}
