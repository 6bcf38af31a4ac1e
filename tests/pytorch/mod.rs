//! Against figures that PyTorch produced: the scripts in `tests/reference` made the files.

mod clipping;
mod schedules;
mod smoothing;

use std::{
    fs,
    path::{Path, PathBuf},
};

use safetensors::SafeTensors;
use tuplenet::{objective::Optimizer, prelude::*};

use crate::engines::{Recipe, Tested, on_every_engine, train};

on_every_engine! {
    the_first_50_losses_of_every_optimiser_are_pytorchs
    weights_saved_by_pytorch_give_its_logits
}

pub(crate) fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("reference")
        .join(name)
}

/// A file that one of the scripts made.
fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&fs::read(reference(name)).unwrap()).unwrap()
}

fn number(setting: &serde_json::Value, name: &str) -> f64 {
    setting[name].as_f64().unwrap()
}

fn numbers(setting: &serde_json::Value, name: &str) -> Vec<f32> {
    let all = setting[name].as_array().unwrap().iter();
    all.map(|number| number.as_f64().unwrap() as f32).collect()
}

pub(crate) fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = file.tensor(name).unwrap();
    tensor
        .data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

pub(crate) type Trained = (Linear<20, 16>, Tanh, Linear<16, 12>, ReLU, Linear<12, 5>);

/// The data and the initial weights of `training.safetensors`.
fn training(file: &SafeTensors<'_>) -> (Dataset<20, 5>, Weights<Trained>) {
    let labels = file.tensor("labels").unwrap().data().to_vec();
    let data = Dataset::from_values(floats(file, "features"), labels).unwrap();
    let mut initial = Vec::new();
    for name in [
        "0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias",
    ] {
        initial.extend(floats(file, &format!("init.{name}")));
    }
    (data, Weights::from_slice(&initial).unwrap())
}

/// The first 50 losses of a recipe from PyTorch's initial weights, over batches of 8 in order, and the
/// weights after them.
fn first_losses<T: Tested>(
    file: &SafeTensors<'_>,
    recipe: &Recipe,
) -> (Vec<f32>, Weights<Trained>) {
    let (data, initial) = training(file);
    let mut net = T::new::<Trained>(initial);
    let uploaded = net.upload(&data).unwrap();
    let losses = train(&mut net, &uploaded, 400, recipe, 8, 1);
    (losses, net.weights().unwrap())
}

fn assert_losses(name: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!((ours.len(), theirs.len()), (50, 50));
    for (step, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (a - b).abs() <= 1e-4 * b.abs(),
            "{name}, step {step}: {a} against {b}"
        );
    }
}

fn the_first_50_losses_of_every_optimiser_are_pytorchs<T: Tested>() {
    let bytes = fs::read(reference("training.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let sgd = Sgd {
        learning_rate: 0.05,
        momentum: 0.9,
        ..Sgd::default()
    };
    let nesterov = Sgd {
        nesterov: true,
        weight_decay: 1e-3,
        ..sgd
    };
    let adam = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    };
    let adamw = AdamW {
        learning_rate: 0.01,
        weight_decay: 0.05,
        ..AdamW::default()
    };
    let plain = Sgd {
        learning_rate: 0.1,
        ..Sgd::default()
    };
    let runs: [(&str, Optimizer, Loss); 6] = [
        ("sgd_momentum", sgd.into(), Loss::CrossEntropy),
        ("sgd_nesterov", nesterov.into(), Loss::CrossEntropy),
        ("adam", adam.into(), Loss::CrossEntropy),
        ("adamw", adamw.into(), Loss::CrossEntropy),
        (
            "adam_l2",
            Adam {
                weight_decay: 0.01,
                ..adam
            }
            .into(),
            Loss::CrossEntropy,
        ),
        ("mse_sgd", plain.into(), Loss::MeanSquaredError),
    ];
    for (name, optimizer, loss) in runs {
        let recipe = Recipe {
            loss,
            ..Recipe::of(optimizer)
        };
        let (ours, weights) = first_losses::<T>(&file, &recipe);
        assert_losses(name, &ours, &floats(&file, &format!("losses.{name}")));
        if name == "adam" {
            for tensor in weights.tensors() {
                let theirs = floats(&file, &format!("final.adam.{}", tensor.name));
                for (a, b) in tensor.values.iter().zip(&theirs) {
                    assert!((a - b).abs() < 1e-4, "{}: {a} against {b}", tensor.name);
                }
            }
        }
    }
}

type Activations = (
    Linear<12, 16>,
    Sigmoid,
    Linear<16, 16>,
    GELU,
    Linear<16, 16>,
    Softplus,
    Linear<16, 16>,
    LeakyReLU,
    Linear<16, 16>,
    Tanh,
    Linear<16, 16>,
    ReLU,
    Linear<16, 4>,
);

fn weights_saved_by_pytorch_give_its_logits<T: Tested>() {
    let net = T::new::<Activations>(Weights::load(reference("activations.safetensors")).unwrap());
    let bytes = fs::read(reference("activations_io.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let ours = net.forward(&floats(&file, "features")).unwrap();
    let theirs = floats(&file, "logits");
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-5, "{a} against {b}");
    }
}

/// What is written is what PyTorch wrote: the same names, types, shapes and bytes. That PyTorch
/// loads it with `strict=True` is shown by `tests/reference/check_strict.py`, which needs Python.
#[test]
fn weights_saved_here_are_those_pytorch_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.safetensors");
    Weights::<Activations>::load(reference("activations.safetensors"))
        .unwrap()
        .save(&path)
        .unwrap();
    let (ours, theirs) = (
        fs::read(&path).unwrap(),
        fs::read(reference("activations.safetensors")).unwrap(),
    );
    let (ours, theirs) = (
        SafeTensors::deserialize(&ours).unwrap(),
        SafeTensors::deserialize(&theirs).unwrap(),
    );
    assert_eq!(ours.names().len(), theirs.names().len());
    for (name, tensor) in theirs.tensors() {
        assert_eq!(ours.tensor(&name).unwrap(), tensor, "{name}");
    }
}
