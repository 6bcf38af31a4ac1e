//! Ready-made network types; each is a type alias.

use crate::{
    layers::{Conv2d, Flatten, LazyLinear, Linear, MaxPool2d, ReLU},
    shape::Image,
};

/// A multilayer perceptron with one hidden layer: `I -> H -> ReLU -> C`.
///
/// ```
/// use tuplenet::{models::Mlp, prelude::*};
/// assert_eq!(Mlp::<784, 500, 10>::PARAMS, 397_510);
/// ```
pub type Mlp<const I: usize, const H: usize, const C: usize> = (Linear<I, H>, ReLU, Linear<H, C>);

/// Handwritten digits of 28 x 28 pixels: `784 -> H -> ReLU -> 10`.
pub type MnistClassifier<const H: usize> = Mlp<784, H, 10>;

/// LeNet-5 for handwritten digits of 28 x 28 pixels: two convolutions of 5 x 5, each with a max pooling, and three
/// linear layers.
///
/// As in today's implementations, with ReLU and max pooling in place of the paper's scaled tanh and trainable mean
/// pooling, every map connected to every one of the layer before, and a linear layer in place of the radial basis
/// functions. The first convolution pads the image to the paper's 32 x 32.
///
/// Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
/// Proceedings of the IEEE 86(11), 1998, section II.B.
///
/// ```
/// use tuplenet::{models::LeNet, prelude::*};
///
/// assert_eq!(LeNet::PARAMS, 61_706);
/// println!("{}", LeNet::summary());
/// ```
pub type LeNet = (
    Image<1, 28, 28>,
    Conv2d<1, 6, 5, 1, 2>,
    ReLU,
    MaxPool2d<2>,
    Conv2d<6, 16, 5>,
    ReLU,
    MaxPool2d<2>,
    Flatten,
    LazyLinear<120>,
    ReLU,
    Linear<120, 84>,
    ReLU,
    Linear<84, 10>,
);
