//! Writes every network as an ONNX file into a folder, with samples and their logits beside it, for `check.py`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod case;
mod networks;
#[path = "../samples.rs"]
#[allow(dead_code)]
mod samples;

use std::{collections::HashMap, path::PathBuf};

use safetensors::{Dtype, tensor::TensorView};
use tuplenet::{
    prelude::*,
    shape::{Inputs, Sample, Shape},
};

use case::{Case, SAMPLES, gather};

macro_rules! export_each {
    ($($name:ident: $network:ty;)*) => { $(export::<$network>(stringify!($name));)* };
}

fn main() {
    networks::on_every_network!(export_each);
}

fn export<N: Network>(name: &str)
where
    <N::In as Shape>::Array: Sample<N::In>,
{
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    let case = Case::<N>::new();
    case.weights
        .save_onnx(folder.join(format!("{name}.onnx")))
        .unwrap();

    let mut arrays = Vec::new();
    inputs(
        &mut arrays,
        &N::In::INPUTS,
        "input".to_owned(),
        0,
        &case.samples,
    );
    let shape = [&[SAMPLES], N::Output::DIMS].concat();
    arrays.push(("logits".to_owned(), Dtype::F32, shape, bytes(&case.logits)));
    let views = arrays.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    let path = folder.join(format!("{name}.safetensors"));
    let none: Option<HashMap<_, _>> = None;
    safetensors::serialize_to_file(views, none, &path).unwrap();
}

type Array = (String, Dtype, Vec<usize>, Vec<u8>);

/// Adds the arrays of an input whose first value is `first` of a sample; returns that after its last one.
fn inputs(
    arrays: &mut Vec<Array>,
    of: &Inputs,
    name: String,
    first: usize,
    samples: &[Vec<f32>],
) -> usize {
    match of {
        Inputs::One { dims, has_tokens } => {
            let len = dims.iter().product();
            let values = gather(samples, first, len);
            let shape = [&[SAMPLES], *dims].concat();
            arrays.push(match has_tokens {
                true => {
                    let tokens = values
                        .iter()
                        .flat_map(|&token| (token as i64).to_le_bytes());
                    (name, Dtype::I64, shape, tokens.collect())
                }
                false => (name, Dtype::F32, shape, bytes(&values)),
            });
            first + len
        }
        Inputs::Two {
            first: a,
            second: b,
        } => {
            let first = inputs(arrays, a, format!("{name}_0"), first, samples);
            inputs(arrays, b, format!("{name}_1"), first, samples)
        }
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
