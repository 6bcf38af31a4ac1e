//! The networks of the examples `mnist`, `predict` and `explain`: each is a separate type, monomorphised at compile time
//! and selected at run time.

#[path = "digit_network.rs"]
mod digit_network;

use clap::ValueEnum;

pub use digit_network::DigitNetwork;

/// A network of the examples.
#[derive(Clone, Copy, Debug)]
pub enum NetworkType {
    /// 784 -> hidden -> 10.
    Mlp(Hidden),
    LeNet,
    ResNet,
}

/// The width of a hidden layer.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Hidden {
    #[value(name = "32")]
    H32 = 32,
    #[value(name = "128")]
    H128 = 128,
    #[value(name = "500")]
    H500 = 500,
    #[value(name = "800")]
    H800 = 800,
}

/// Calls a function that is generic over the network with the type of a [`NetworkType`]:
/// `with_network!(network, train(options))` is `train::<LeNet>(options)` for [`NetworkType::LeNet`].
macro_rules! with_network {
    ($network:expr, $function:ident($($argument:expr),*)) => {{
        use ::tuplenet::models::{LeNet, MnistClassifier, ResNet8};
        use $crate::network::{Hidden::*, NetworkType};
        match $network {
            NetworkType::Mlp(H32) => $function::<MnistClassifier<32>>($($argument),*),
            NetworkType::Mlp(H128) => $function::<MnistClassifier<128>>($($argument),*),
            NetworkType::Mlp(H500) => $function::<MnistClassifier<500>>($($argument),*),
            NetworkType::Mlp(H800) => $function::<MnistClassifier<800>>($($argument),*),
            NetworkType::LeNet => $function::<LeNet>($($argument),*),
            NetworkType::ResNet => $function::<ResNet8<1, 28, 28, 10>>($($argument),*),
        }
    }};
}
