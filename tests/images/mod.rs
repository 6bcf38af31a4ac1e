//! Networks of images, against PyTorch, plain loops in `f64`, and themselves.

mod gradients;
mod maxima;
mod parity;
mod pytorch;
mod selected;
mod single;
mod state_dict;

use tuplenet::{
    layers::{Kernel, Padding, RectConv2d, Stride},
    models::{LeNet, ResidualBlock},
    plan::Op,
    prelude::*,
    shape::Image,
};

use crate::engines::{Tested, on_every_engine};

/// `windows()` of `tests/reference/images.py`: padding, strides, odd sides and overlapping pooling.
pub type Windows = (
    Image<2, 15, 14>,
    (
        Conv2d<2, 4, 3, 1, 1>,
        Tanh,
        MaxPool2d<3, 2, 1>,
        Conv2d<4, 6, 2, 1, 1>,
        ReLU,
        AvgPool2d<3, 1, 1>,
    ),
    (Conv2d<6, 5, 5, 2, 2>, GELU, Flatten),
    (LazyLinear<7>, LeakyReLU, Linear<7, 3>),
);

/// `divided()` of the same.
pub type Divided = (
    Image<2, 12, 12>,
    Conv2d<2, 4, 3, 1, 1>,
    ReLU,
    MaxPool2d<2>,
    Conv2d<4, 6, 3, 1, 1>,
    AvgPool2d<3>,
    Softplus,
    Flatten,
    LazyLinear<3>,
);

/// `branches()` of the same: residuals of images with and without a projection, within each other, with an activation
/// and a pooling first, and residuals of vectors.
pub type Branches = (
    Image<2, 11, 9>,
    Conv2d<2, 6, 3, 1, 1>,
    ReLU,
    Residual<(Conv2d<6, 6, 3, 1, 1>, ReLU, Conv2d<6, 6, 3, 1, 1>)>,
    ReLU,
    Residual<(Conv2d<6, 8, 3, 2, 1>, Tanh, Conv2d<8, 8, 3, 1, 1>), (Conv2d<6, 8, 1, 2>,)>,
    Residual<(
        Tanh,
        Residual<(Conv2d<8, 8, 1>,)>,
        Residual<(MaxPool2d<3, 1, 1>,), (AvgPool2d<3, 1, 1>, Sigmoid)>,
    )>,
    GELU,
    Flatten,
    (
        LazyLinear<7>,
        Residual<(Linear<7, 7>, ReLU), (Tanh, Linear<7, 7>)>,
        LeakyReLU,
        Residual<(Sigmoid,)>,
        Linear<7, 3>,
    ),
);

/// Residuals of the samples, a value added to itself, and a pooling that leaves rows and columns out, first of the terms
/// of a gradient.
pub type Doubled = (
    Image<2, 8, 8>,
    Residual<(Sigmoid, Conv2d<2, 2, 3, 1, 1>)>,
    Residual<(Image<2, 8, 8>,)>,
    Residual<(Conv2d<2, 2, 1>, Tanh), (Conv2d<2, 2, 1>, ReLU)>,
    Residual<(Conv2d<2, 3, 4, 4>,), (Floor<MaxPool2d<2, 4>>, Conv2d<2, 3, 1>)>,
    Dropout<20>,
    Residual<(Dropout<30>, Tanh), (Residual<(Sigmoid,)>, Tanh)>,
    Flatten,
    Residual<(Softplus,), (Residual<(Tanh,)>,)>,
    Residual<(LazyLinear<27>,), (LazyLinear<27>, Dropout<10>)>,
    Linear<27, 3>,
    Residual<(Linear<3, 3>,)>,
);

/// `normalized()` of the same: batch normalisation of the samples, after convolutions and sums, of both branches, and of
/// vectors, the last one of the logits.
pub type Normalized = (
    Image<2, 10, 9>,
    BatchNorm2d<2>,
    Conv2d<2, 6, 3, 1, 1>,
    BatchNorm2d<6>,
    ReLU,
    ResidualBlock<6>,
    ReLU,
    Residual<(BatchNorm2d<6>, Tanh, Conv2d<6, 8, 3, 2, 1>), (Conv2d<6, 8, 1, 2>, BatchNorm2d<8>)>,
    Tanh,
    AvgPool2d<3, 1, 1>,
    Flatten,
    (
        LazyLinear<7>,
        BatchNorm1d<7>,
        Tanh,
        Residual<(Linear<7, 7>, BatchNorm1d<7>, GELU)>,
        Linear<7, 3>,
        BatchNorm1d<3>,
    ),
);

/// `concatenated()` of the same: concatenations of the samples, of branches of every kind, within each other and within a
/// residual, and of vectors, whose widths are no multiples of 16.
pub type Concatenated = (
    Image<2, 10, 9>,
    Concat<(Identity, (Conv2d<2, 3, 3, 1, 1>, Tanh))>,
    Concat<(
        (Conv2d<5, 4, 1>, ReLU),
        (Conv2d<5, 3, 1>, ReLU, Conv2d<3, 5, 3, 1, 1>, SiLU),
        (MaxPool2d<3, 1, 1>, Conv2d<5, 3, 1>),
        Identity,
    )>,
    ReLU,
    Residual<(
        Concat<(
            (Conv2d<17, 9, 1>, Tanh),
            Concat<(
                Conv2d<17, 3, 3, 1, 1>,
                (AvgPool2d<3, 1, 1>, Conv2d<17, 5, 1>),
            )>,
        )>,
    )>,
    Concat<(Conv2d<17, 6, 3, 2, 1>, MaxPool2d<3, 2, 1>)>,
    GELU,
    Flatten,
    (
        LazyLinear<7>,
        Concat<((Linear<7, 12>, Tanh), Concat<(Linear<7, 2>, Identity)>)>,
        Concat<((Linear<21, 14>, Sigmoid), Residual<(Tanh,)>)>,
        LeakyReLU,
        Linear<35, 3>,
    ),
);

/// Blocks of a DenseNet, with batch normalisation of concatenations; the first is of the samples with themselves, so that
/// the first window has more channels than they have.
pub type Dense = (
    Image<2, 8, 7>,
    Concat<(Identity, Sigmoid)>,
    Concat<(Identity, (BatchNorm2d<4>, SiLU, Conv2d<4, 3, 3, 1, 1>))>,
    Concat<(Identity, (BatchNorm2d<7>, Tanh, Conv2d<7, 11, 3, 1, 1>))>,
    BatchNorm2d<18>,
    Tanh,
    Conv2d<18, 4, 1>,
    Flatten,
    (
        LazyLinear<9>,
        Concat<(Identity, (BatchNorm1d<9>, GELU, Linear<9, 8>))>,
        Linear<17, 2>,
        Concat<(Tanh, Linear<2, 1>)>,
    ),
);

/// `activated()` of the same.
pub type Activated = (
    Image<2, 12, 12>,
    Conv2d<2, 4, 3, 1, 1>,
    SiLU,
    MaxPool2d<2>,
    Hardswish,
    (Conv2d<4, 6, 3>, ELU<50>, Flatten),
    (LazyLinear<8>, ELU, Linear<8, 6>, Hardswish),
    (Linear<6, 5>, SiLU, Linear<5, 3>),
);

/// `grouped()` of the same: groups, a depthwise convolution, kernels, strides and paddings that differ between the axes.
pub type Grouped = (
    Image<2, 11, 9>,
    RectConv2d<2, 6, Kernel<4, 3>, Stride<2, 1>, Padding<1, 0>>,
    Tanh,
    Conv2d<6, 6, 3, 1, 1, 6>,
    GELU,
    Conv2d<6, 8, 1>,
    Conv2d<8, 12, 3, 2, 1, 4>,
    Tanh,
    RectConv2d<12, 18, Kernel<1, 3>, Stride<1, 2>, Padding<0, 1>, 3>,
    (Flatten, LazyLinear<3>),
);

/// Separable convolutions with more channels than a vector has lanes, depthwise with a stride and in groups of whole
/// vectors; groups that have neither whole vectors nor a single channel. Without kinks, which rounding errors, large after
/// batch normalisation, would cross.
pub type Separable = (
    Image<1, 12, 20>,
    (Conv2d<1, 20, 3, 1, 1>, BatchNorm2d<20>, SiLU),
    (Conv2d<20, 20, 3, 2, 1, 20>, BatchNorm2d<20>, Tanh),
    (Conv2d<20, 32, 1>, GELU, AvgPool2d<2>),
    (Conv2d<32, 32, 3, 1, 1, 2>, SiLU),
    RectConv2d<32, 18, Kernel<2, 3>, Stride<1, 1>, Padding<0, 1>, 2>,
    GlobalAvgPool2d,
    Linear<18, 3>,
);

/// `layered()` of the same: layer normalisation and parametric ReLU, of the samples, after convolutions, sums and products,
/// and of the logits.
pub type Layered = (
    Image<2, 12, 12>,
    PReLU,
    Conv2d<2, 4, 3, 1, 1>,
    LayerNorm<4, 12, 12>,
    ChannelPReLU<4>,
    MaxPool2d<2>,
    Residual<(LayerNorm<4, 6, 6>, PReLU, Conv2d<4, 4, 3, 1, 1>)>,
    Dropout2d<0>,
    LayerNorm<4, 6, 6>,
    ReLU,
    AvgPool2d<3>,
    Flatten,
    (
        LazyLinear<20>,
        LayerNorm<20>,
        ChannelPReLU<20>,
        Residual<(LayerNorm<20>, PReLU, Linear<20, 20>)>,
        Tanh,
        Linear<20, 3>,
        LayerNorm<3>,
    ),
);

/// The first value that differs by more than 1e-5 of the largest, and `rounding`.
fn difference(ours: &[f32], theirs: &[f32], rounding: f32) -> Option<String> {
    difference_above(1e-5, ours, theirs, rounding)
}

/// The first value that differs by more than this part of the largest, and `rounding`.
fn difference_above(part: f32, ours: &[f32], theirs: &[f32], rounding: f32) -> Option<String> {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    let is_near = |a: &f32, b: &f32| (a - b).abs() <= part * largest + rounding;
    let mut both = ours.iter().zip(theirs).enumerate();
    both.find(|(_, (a, b))| !is_near(a, b))
        .map(|(at, (a, b))| format!("[{at}]: {a} against {b}"))
}

/// The step whose parameter a tensor is, and the parameter's name, as `bias`.
fn step_of<N: Network>(name: &str) -> (usize, &str) {
    let (path, tensor) = name.rsplit_once('.').unwrap();
    let mut steps = N::PLAN.steps().iter();
    let at = steps.position(|step| step.path.to_string() == path);
    (at.unwrap(), tensor)
}

/// Whether a batch normalisation takes out what the tensor adds, so that its gradient is a sum of terms that cancel, with
/// rounding errors of 1e-6 to 1e-5 whatever its size: the bias of a product directly before one, and the weight of one before
/// such a product. (Of the latter, PyTorch's gradients in float32 and float64 differ by up to 4e-5 of the largest.)
fn is_cancelled<N: Network>(name: &str) -> bool {
    let (at, tensor) = step_of::<N>(name);
    let steps = N::PLAN.steps();
    let is_norm = |at: usize| {
        let step = steps.get(at).filter(|step| step.back == 1);
        step.is_some_and(|step| matches!(step.op, Op::BatchNorm { .. }))
    };
    let is_product = |at: usize| {
        let step = steps.get(at);
        step.is_some_and(|step| matches!(step.op, Op::Linear | Op::Conv2d(_)))
    };
    match tensor {
        "bias" => is_product(at) && is_norm(at + 1),
        _ => is_norm(at) && is_product(at + 1) && is_norm(at + 2),
    }
}

#[test]
fn constants_of_lenet_are_those_of_the_paper_and_of_pytorch() {
    assert_eq!(LeNet::PARAMS, 61_706);
    let convolutions = 2 * 25 * 6 * 28 * 28 + 2 * 6 * 25 * 16 * 10 * 10;
    let pools = 4 * (6 * 14 * 14 + 16 * 5 * 5);
    let linear = 2 * (400 * 120 + 120 * 84 + 84 * 10);
    let activations = 6 * 28 * 28 + 16 * 10 * 10 + 120 + 84;
    assert_eq!(LeNet::FLOP, convolutions + pools + linear + activations);
    let outputs = 2 * 6 * 784 + 6 * 196 + 2 * 16 * 100 + 2 * 400 + 2 * (120 + 84) + 10;
    assert_eq!(LeNet::ACTIVATION_BYTES, 4 * outputs);
    let names: Vec<&str> = LeNet::PLAN
        .steps()
        .iter()
        .map(|step| step.op.name())
        .collect();
    assert_eq!(names[6..8], ["Flatten", "Linear"]);
    let weights = Weights::<LeNet>::init(1);
    let names: Vec<String> = weights.tensors().map(|tensor| tensor.name).collect();
    let expected =
        [0, 3, 7, 9, 11].map(|layer| [format!("{layer}.weight"), format!("{layer}.bias")]);
    assert_eq!(names, expected.concat());
    assert_eq!(weights.tensor("3.weight").unwrap().shape, [16, 6, 5, 5]);
    let bound = 1.0 / 150f32.sqrt();
    let largest = weights.tensor("3.weight").unwrap().values.iter();
    let largest = largest.fold(0f32, |most, weight| most.max(weight.abs()));
    assert!(largest <= bound && largest > 0.99 * bound, "{largest}");
}

/// A shape between two layers is a statement that is checked, and no step.
#[test]
fn a_stated_shape_changes_nothing() {
    type Half = (Image<1, 12, 12>, Conv2d<1, 6, 5, 1, 2>, MaxPool2d<2>);
    type Stated = (Half, Image<6, 6, 6>, Flatten);
    assert_eq!(Stated::PLAN, <(Half, Flatten)>::PLAN);
}

#[test]
fn the_summary_has_shapes_of_images() {
    let summary = LeNet::summary().to_string();
    for line in [
        "    input           [B, 1, 28, 28]",
        " 0  Conv2d          [B, 6, 28, 28]      156",
        " 1  ReLU            [B, 6, 28, 28]        -",
        " 5  MaxPool2d       [B, 16, 5, 5]",
        " 6  Flatten         [B, 400]",
        " 7  Linear          [B, 120]         48,120",
        "FLOP forward, activations 60.0 kB",
    ] {
        assert!(summary.contains(line), "{line} in\n{summary}");
    }
}

#[test]
fn the_summary_names_the_steps_of_branches() {
    let summary = Branches::summary().to_string();
    for line in [
        "           2.body.2  Conv2d          [B, 6, 11, 9]      330",
        "                  2  Add             [B, 6, 11, 9]        -",
        "       4.shortcut.0  Conv2d          [B, 8, 6, 5]        56",
        "    5.body.1.body.0  Conv2d          [B, 8, 6, 5]        72",
        "5.body.2.shortcut.1  Sigmoid         [B, 8, 6, 5]         -",
    ] {
        assert!(summary.contains(line), "{line} in\n{summary}");
    }
    let weights = Weights::<Branches>::init(1);
    assert_eq!(
        weights.tensor("4.shortcut.0.weight").unwrap().shape,
        [8, 6, 1, 1]
    );
}

#[test]
fn a_concatenation_is_one_step_whose_branches_are_numbered() {
    let summary = Concatenated::summary().to_string();
    for line in [
        "                                 0  Concat          [B, 5, 10, 9]        -",
        "                    1.branches.1.2  Conv2d          [B, 5, 10, 9]      140",
        "                                 1  Concat          [B, 17, 10, 9]       -",
        "3.body.0.branches.1.0.branches.1.1  Conv2d          [B, 5, 10, 9]       90",
        "                                 8  Concat          [B, 21]              -",
    ] {
        assert!(summary.contains(line), "{line} in\n{summary}");
    }
    type Net = (Input<3>, Concat<(Identity, Tanh, Identity)>, Linear<9, 2>);
    assert_eq!(Net::FLOP, 3 + 2 * 9 * 2);
    assert_eq!(Net::ACTIVATION_BYTES, 4 * (3 + 9 + 2));
    let weights = Weights::<Concatenated>::init(1);
    let tensor = weights.tensor("1.branches.2.1.weight").unwrap();
    assert_eq!(tensor.shape, [3, 5, 1, 1]);
    // the input of a concatenation that is first is that of its first branch
    type First = (Concat<(Linear<4, 2>, Identity)>, ReLU);
    assert_eq!(First::PLAN.steps()[1].outputs, 6);
}

/// Code that is generic over channels and widths needs no bounds.
fn params<const C: usize, const H: usize>() -> usize {
    type Wide<const C: usize, const H: usize> = (
        Image<1, 28, 28>,
        Conv2d<1, C, 3>,
        ReLU,
        AvgPool2d<2>,
        Flatten,
        LazyLinear<H>,
        ReLU,
        Linear<H, 10>,
    );
    Wide::<C, H>::PARAMS
}

#[test]
fn networks_are_generic_over_channels_and_widths() {
    assert_eq!(params::<8, 32>(), 80 + (8 * 169 + 1) * 32 + 330);
    let first = |plan: Plan| plan.steps()[0].op;
    type Vit = (
        Image<3, 224, 224>,
        Conv2d<3, 64, 16, 16>,
        GlobalAvgPool2d,
        Linear<64, 2>,
    );
    let Op::Conv2d(window) = first(Vit::PLAN) else {
        panic!("a convolution")
    };
    assert_eq!(window.output, [64, 14, 14]);
}

/// A checkpoint, a clipped gradient and dropout work as for vectors; a resumed training gives the same bits.
fn lenet_learns_digits_and_resumes<T: Tested>() {
    let digits = Digits::new(3);
    let [train, test] = [0..1200, 1200..1400].map(|range| digits.dataset(range).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let trainer = |epochs| {
        Trainer::new(Adam {
            learning_rate: 1e-2,
            ..Adam::default()
        })
        .epochs(epochs)
        .batch(20)
        .clip_norm(5.0)
        .schedule(Schedule::CONSTANT)
    };
    let fit = |epochs, resume| {
        let mut net = T::new::<Small>(Weights::init(1));
        let checkpoints = Checkpoints::in_folder(folder.path()).resume(resume);
        let history = trainer(epochs)
            .checkpoints(checkpoints)
            .fit(&mut net, &train)
            .unwrap();
        (net, history)
    };
    fit(1, false);
    let (net, history) = fit(6, true);
    assert!(
        history.epochs[5].train_loss < 0.5 * history.epochs[0].train_loss,
        "{history}"
    );
    let evaluation = net.evaluate(&test).unwrap();
    assert!(evaluation.accuracy() > 0.75, "{evaluation}");

    let mut at_once = T::new::<Small>(Weights::init(1));
    trainer(6).fit(&mut at_once, &train).unwrap();
    assert_eq!(net.weights().unwrap(), at_once.weights().unwrap());
    let file = folder.path().join("small.safetensors");
    net.weights().unwrap().save(&file).unwrap();
    assert_eq!(
        Weights::<Small>::load(&file).unwrap(),
        at_once.weights().unwrap()
    );
}

on_every_engine! {
    lenet_learns_digits_and_resumes
}

/// Small enough for the reference engine.
type Small = (
    Image<1, 28, 28>,
    Conv2d<1, 4, 3, 2, 1>,
    ReLU,
    Dropout<10>,
    MaxPool2d<2>,
    Concat<((Conv2d<4, 4, 3>, ReLU), (Conv2d<4, 4, 3>, ReLU))>,
    Flatten,
    LazyLinear<10>,
);
