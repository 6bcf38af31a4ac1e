//! Ready-made network types; each is a type alias.

use crate::{
    layers::{
        BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Flatten, GlobalAvgPool2d, Kernel, LazyLinear,
        Linear, MaxPool2d, Padding, ReLU, RectConv2d, Repeat, Residual, Stride,
    },
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

/// A block of a residual network that keeps the shape: `y = F(x) + x` with two convolutions of 3 x 3 in `F`; a ReLU follows
/// it.
///
/// Source: K. He et al., "Deep residual learning for image recognition", 2015, <https://arxiv.org/abs/1512.03385>, figure 2.
pub type ResidualBlock<const C: usize> = Residual<(
    Conv2d<C, C, 3, 1, 1>,
    BatchNorm2d<C>,
    ReLU,
    Conv2d<C, C, 3, 1, 1>,
    BatchNorm2d<C>,
)>;

/// A block of a residual network that halves the sides of an image, from `I` to `O` channels, with a convolution of 1 x 1 as
/// projection.
///
/// Source: as [`ResidualBlock`], section 3.3, option B.
pub type DownsamplingBlock<const I: usize, const O: usize> = Residual<
    (
        Conv2d<I, O, 3, 2, 1>,
        BatchNorm2d<O>,
        ReLU,
        Conv2d<O, O, 3, 1, 1>,
        BatchNorm2d<O>,
    ),
    (Conv2d<I, O, 1, 2>,),
>;

/// ResNet-8, the image classifier of MLPerf Tiny, for images of `C` channels, `H` rows and `W` columns: three residual blocks
/// of 16, 32 and 64 channels, the mean of each channel, and a linear layer.
///
/// Source: C. Banbury et al., "MLPerf Tiny benchmark", 2021, <https://arxiv.org/abs/2106.07597>, and its reference,
/// `resnet_v1_eembc`, whose 78,666 parameters include 480 running statistics.
///
/// ```
/// use tuplenet::{models::ResNet8, prelude::*};
///
/// type Cifar = ResNet8<3, 32, 32, 10>;
/// assert_eq!(Cifar::PARAMS, 78_186);
/// assert_eq!(Cifar::PLAN.statistics(), 480);
/// ```
pub type ResNet8<const C: usize, const H: usize, const W: usize, const CLASSES: usize> = (
    Image<C, H, W>,
    Conv2d<C, 16, 3, 1, 1>,
    BatchNorm2d<16>,
    ReLU,
    ResidualBlock<16>,
    ReLU,
    DownsamplingBlock<16, 32>,
    ReLU,
    DownsamplingBlock<32, 64>,
    ReLU,
    GlobalAvgPool2d,
    Linear<64, CLASSES>,
);

/// A depthwise separable convolution with batch normalisation: 3 x 3 for each channel, then 1 x 1 from `I` to `O` channels.
///
/// Source: A. Howard et al., "MobileNets", 2017, <https://arxiv.org/abs/1704.04861>, figure 3.
pub type SeparableBlock<const I: usize, const O: usize> = (
    Conv2d<I, I, 3, 1, 1, I>,
    BatchNorm2d<I>,
    ReLU,
    Conv2d<I, O, 1>,
    BatchNorm2d<O>,
    ReLU,
);

/// DS-CNN, the keyword spotter of MLPerf Tiny, for 49 steps of time of 10 features each (MFCC) and `CLASSES` words: a
/// convolution of 10 x 4, four [separable](SeparableBlock) ones of 64 channels, the mean of each channel, and a linear layer.
///
/// Source: as [`ResNet8`], and its reference, `kws_ds_cnn`, whose 24,908 parameters include 1,152 running statistics; Y. Zhang
/// et al., "Hello edge: keyword spotting on microcontrollers", 2017, <https://arxiv.org/abs/1711.07128>. Its padding of 4 and
/// 5 rows is 5 on either side here, which gives as many.
///
/// ```
/// use tuplenet::{models::DsCnn, prelude::*};
///
/// assert_eq!(DsCnn::<12>::PARAMS + DsCnn::<12>::PLAN.statistics(), 24_908);
/// ```
pub type DsCnn<const CLASSES: usize> = (
    Image<1, 49, 10>,
    RectConv2d<1, 64, Kernel<10, 4>, Stride<2, 2>, Padding<5, 1>>,
    BatchNorm2d<64>,
    ReLU,
    Dropout<20>,
    Repeat<4, SeparableBlock<64, 64>>,
    Dropout<40>,
    GlobalAvgPool2d,
    Linear<64, CLASSES>,
);

/// A `Linear` with batch normalisation and ReLU.
pub type DenseBlock<const I: usize, const O: usize> = (Linear<I, O>, BatchNorm1d<O>, ReLU);

/// The detector of anomalies of MLPerf Tiny: an autoencoder of 640 features, five spectra of a machine's sound, by way of 8. The larger
/// the mean squared error of its output, the less the sound is like those of the training data.
///
/// Source: as [`ResNet8`], and its reference, `anomaly_detection/keras_model.py`, which is that of Y. Koizumi et al., "Description and
/// discussion on DCASE2020 challenge task 2", 2020, <https://arxiv.org/abs/2006.05822>, section 3: four layers of 128, 8, four of 128, each
/// with batch normalisation, and 640; 269,992 parameters, of which 2,064 are running statistics.
///
/// ```
/// use tuplenet::{models::AnomalyDetector, prelude::*};
///
/// assert_eq!(AnomalyDetector::PLAN.statistics(), 2_064);
/// assert_eq!(AnomalyDetector::PARAMS + 2_064, 269_992);
/// ```
pub type AnomalyDetector = (
    DenseBlock<640, 128>,
    Repeat<3, DenseBlock<128, 128>>,
    DenseBlock<128, 8>,
    DenseBlock<8, 128>,
    Repeat<3, DenseBlock<128, 128>>,
    Linear<128, 640>,
);
