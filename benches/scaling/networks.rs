//! The networks that are measured and predicted.

use tuplenet::{
    models::{LeNet, MnistClassifier, ResNet8},
    plan::Plan,
    prelude::*,
};

pub type Mlp = MnistClassifier<500>;
pub type ResNet = ResNet8<1, 28, 28, 10>;

/// In the order of the tables.
pub static PLANS: [(&str, Plan); 3] = [
    ("784-500-10", Mlp::PLAN),
    ("lenet", LeNet::PLAN),
    ("resnet", ResNet::PLAN),
];
