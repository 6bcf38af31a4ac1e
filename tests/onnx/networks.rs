//! Networks that have every layer.

use tuplenet::{
    layer::{First, Layer},
    layers::{Dot, Kernel, Max, Padding, RectConv2d, Stride, Sum, Weighted},
    models::ResNet8,
    plan::{Join, Op, Plan},
    prelude::*,
    shape::{Category, Features, Image, Pair, Sequence, Tokens},
};

tuplenet::classes! {
    /// Classes of names that are not ASCII.
    pub enum Mood { Happy = "fröhlich", Sad = "triste", Neither = "neither" }
}

pub use tuplenet::models::LeNet;
/// Residual blocks, strides of 2, and batch normalisations.
pub type SmallResNet = ResNet8<3, 12, 12, 10>;

/// Every activation, each of which has an effect on the logits.
pub type Activations = (
    Linear<20, 6>,
    Concat<(
        Concat<(ReLU, Sigmoid, Tanh, LeakyReLU<30>, GELU, Softplus)>,
        Concat<(
            SiLU,
            ELU<50>,
            Hardswish,
            PReLU,
            (Dropout<20>, ChannelPReLU<6>),
        )>,
    )>,
    Linear<66, 3>,
);

/// A table, raw values in it, and classes with names.
pub type Table = (
    (Standardize<4>, Linear<4, 16>, BatchNorm1d<16>, Tanh),
    (LayerNorm<16>, Residual<(Linear<16, 16>, ReLU)>),
    (Linear<16, 3>, Logits<Mood>),
);

/// Paddings, strides and odd sides; poolings that overlap and that drop rows and columns.
pub type Windows = (
    Image<2, 15, 14>,
    (Conv2d<2, 4, 3, 1, 1>, Tanh, MaxPool2d<3, 2, 1>),
    (Conv2d<4, 6, 2, 1, 1>, AvgPool2d<3, 1, 1>, GELU),
    (Floor<MaxPool2d<2>>, Floor<AvgPool2d<3, 2, 1>>),
    (Flatten, LazyLinear<3>),
);

/// Groups, a depthwise convolution, and windows that differ between the axes.
pub type Grouped = (
    Image<2, 11, 9>,
    RectConv2d<2, 6, Kernel<4, 3>, Stride<2, 1>, Padding<1, 0>>,
    (Tanh, Conv2d<6, 6, 3, 1, 1, 6>, SiLU),
    (Conv2d<6, 8, 1>, Conv2d<8, 12, 3, 2, 1, 4>, Hardswish),
    RectConv2d<12, 18, Kernel<1, 3>, Stride<1, 2>, Padding<0, 1>, 3>,
    (GlobalMaxPool2d, Linear<18, 3>),
);

/// Normalisations and slopes of images.
pub type Layered = (
    Image<2, 12, 12>,
    (BatchNorm2d<2>, PReLU, Conv2d<2, 4, 3, 1, 1>),
    (LayerNorm<4, 12, 12>, ChannelPReLU<4>, MaxPool2d<2>),
    Residual<(LayerNorm<4, 6, 6>, PReLU, Conv2d<4, 4, 3, 1, 1>)>,
    (Dropout2d<20>, Sigmoid, AvgPool2d<3>, Flatten),
    (LazyLinear<20>, LayerNorm<20>, Linear<20, 3>),
);

/// Concatenations of images and of vectors, within each other, of an input with itself.
pub type Concatenated = (
    Image<2, 10, 9>,
    Concat<(Identity, Identity, (Conv2d<2, 3, 3, 1, 1>, Tanh))>,
    Concat<(
        (Conv2d<7, 4, 1>, ReLU),
        (
            MaxPool2d<3, 1, 1>,
            Concat<(Conv2d<7, 3, 1>, AvgPool2d<3, 1, 1>)>,
        ),
        Identity,
    )>,
    (Conv2d<21, 4, 3, 2, 1>, Flatten, LazyLinear<7>),
    Concat<((Linear<7, 12>, Tanh), Identity)>,
    Linear<19, 3>,
);

/// Layers of sequences, and layers of images over sequences.
pub type Sensors = (
    Sequence<3, 32>,
    (
        Conv1d<3, 8, 5, 1, 2>,
        BatchNorm1d<8>,
        ChannelPReLU<8>,
        MaxPool1d<2>,
    ),
    Concat<(
        (Conv1d<8, 4, 3, 1, 1>, ReLU),
        BatchNorm2d<8>,
        RectConv2d<8, 4, Kernel<1, 3>, Stride<1, 1>, Padding<0, 1>>,
    )>,
    (Conv1d<16, 8, 3, 2, 1, 4>, LayerNorm<8, 1, 8>, AvgPool1d<2>),
    (Floor<MaxPool1d<3, 2>>, Flatten, LazyLinear<3>),
);

/// Convolutions over the words of a text.
pub type Words = (
    (Tokens<16, 50>, Embedding<50, 6>),
    Concat<(
        (Conv1d<6, 5, 2>, ReLU, GlobalMaxPool2d),
        (Conv1d<6, 4, 3>, Tanh, GlobalAvgPool2d),
    )>,
    (Dropout<50>, Linear<9, 3>, Logits<Mood>),
);

/// Every pooling of tokens.
pub type Bags = (
    Tokens<12, 40>,
    Concat<(
        EmbeddingBag<40, 8>,
        EmbeddingBag<40, 7, Sum>,
        (EmbeddingBag<40, 6, Max>, Tanh),
    )>,
    Linear<21, 3>,
);

/// A sparse vector.
pub type Sparse = (
    Pair<Tokens<10, 300>, Features<10>>,
    EmbeddingBag<300, 8, Weighted>,
    (ReLU, Linear<8, 3>),
);

/// Matrix factorisation with a bias for each user and each film.
pub type Rating = (
    Residual<
        Parallel<(Embedding<30, 6>, Embedding<40, 6>), Dot>,
        Parallel<(Embedding<30, 1>, Embedding<40, 1>), Sum>,
    >,
    Linear<1, 1>,
);

/// Four inputs of every kind.
pub type Patient = (
    Pair<Pair<Image<1, 6, 5>, Category<5>>, Pair<Tokens<7, 40>, Features<3>>>,
    Parallel<(
        Parallel<((Conv2d<1, 4, 3>, SiLU, GlobalAvgPool2d), OneHot<5>)>,
        Parallel<
            (
                (Embedding<40, 5>, Conv1d<5, 4, 2>, GlobalMaxPool2d),
                (Standardize<3>, Linear<3, 4>),
            ),
            Sum,
        >,
    )>,
    Linear<13, 3>,
);

/// The input and nothing else.
pub type Nothing = (Input<3>, Dropout<20>);

/// Branches that are the input, and a last layer that computes nothing.
pub type Doubled = (Input<3>, Residual<Dropout<20>>, Residual<Tanh>, Dropout<20>);

/// A layer of one's own, whose plan reads a pair as one vector, and parts of it that are no inputs.
#[derive(Clone, Copy, Debug)]
pub struct Own;

impl Layer<Pair<Category<9>, Features<4>>> for Own {
    type Out = Features<8>;
    const PLAN: Plan = {
        let parts = [
            Plan::elementwise(Op::Tanh, 2),
            Plan::elementwise(Op::Sigmoid, 3),
        ];
        let halves = Plan::parallel(parts, [2, 3], Join::Concat, 5);
        let norm = Plan::elementwise(Op::BatchNorm { channels: 5 }, 5);
        Plan::concat(&[halves.then(norm), Plan::linear(5, 3)], 8)
    };
}

impl First for Own {
    type In = Pair<Category<9>, Features<4>>;
}

/// The values of an image, as the layers of a sequence leave them.
pub type Filtered = (Sequence<2, 9>, Conv1d<2, 3, 3>, Tanh);

/// Calls the macro `$each` with the name and the type of every network.
macro_rules! on_every_network {
    ($each:ident) => {
        $each! {
            activations: networks::Activations;
            table: networks::Table;
            lenet: networks::LeNet;
            resnet: networks::SmallResNet;
            windows: networks::Windows;
            grouped: networks::Grouped;
            layered: networks::Layered;
            concatenated: networks::Concatenated;
            sensors: networks::Sensors;
            filtered: networks::Filtered;
            words: networks::Words;
            bags: networks::Bags;
            sparse: networks::Sparse;
            rating: networks::Rating;
            patient: networks::Patient;
            nothing: networks::Nothing;
            doubled: networks::Doubled;
            own: (networks::Own, Linear<8, 3>);
        }
    };
}
pub(crate) use on_every_network;
