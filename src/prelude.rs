//! What a program that trains a network needs: `use tuplenet::prelude::*;`

#[cfg(feature = "dfdx")]
pub use crate::engine::{Cpu, Tape};
pub use crate::{
    Network, Plan, Weights,
    data::{Dataset, Digits, Mnist},
    engine::{Engine, Fused},
    layers::{Dropout, GELU, Input, LeakyReLU, Linear, ReLU, Sigmoid, Softplus, Tanh},
    train::{Adam, AdamW, Cosine, Loss, OneCycle, Schedule, Sgd, Trainer},
};
