//! Networks as ONNX files: what is in them, by the messages of another crate, and the logits that it computes by them.
//!
//! `check.py` does the same in Python.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod case;
mod networks;
#[path = "../samples.rs"]
#[allow(dead_code)]
mod samples;

mod files;
mod logits;
mod structure;

use tract_onnx::{pb::ModelProto, prelude::*};
use tuplenet::prelude::*;

/// The file of a network, as tract reads it.
fn model<N: Network>(weights: &Weights<N>) -> ModelProto {
    let file = weights.to_onnx().unwrap();
    tract_onnx::onnx()
        .proto_model_for_read(&mut &*file)
        .unwrap()
}
