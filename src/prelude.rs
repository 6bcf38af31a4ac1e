//! The names that a program needs to train a network or to run a frozen one: `use tuplenet::prelude::*;`

#[cfg(feature = "dfdx")]
pub use crate::engine::{Cpu, Tape};
#[cfg(feature = "cuda")]
pub use crate::engine::{Cuda, FusedCuda};
pub use crate::{
    Network, Plan,
    frozen::{Frozen, frozen},
    label::Logits,
    layers::{
        AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, ChannelPReLU, Concat, Conv1d, Conv2d,
        Dropout, Dropout2d, ELU, Embedding, EmbeddingBag, Flatten, Floor, GELU, GlobalAvgPool2d,
        GlobalMaxPool2d, Hardswish, Identity, Input, LayerNorm, LazyLinear, LeakyReLU, Linear,
        MaxPool1d, MaxPool2d, OneHot, PReLU, Parallel, ReLU, Repeat, Residual, SiLU, Sigmoid,
        Softplus, Standardize, Tanh,
    },
};
#[cfg(feature = "train")]
pub use crate::{
    Weights,
    data::{Dataset, Digits, Mnist},
    engine::{Engine, Fused},
    objective::{
        Adam, AdamW, BinaryCrossEntropy, Cosine, CrossEntropy, Huber, Loss, MeanAbsoluteError,
        MeanSquaredError, OneCycle, Schedule, Sgd, StepDecay, WarmUp, WeightedCrossEntropy,
    },
    train::{Checkpoints, EarlyStopping, Trainer},
};
