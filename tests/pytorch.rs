//! Against figures that PyTorch produced: `tests/reference/fixtures.py` and `schedules.py` made the files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use safetensors::SafeTensors;
use tuplenet::{engine::Run, prelude::*, train::Optimizer};

use crate::engines::{Tested, on_every_engine};

on_every_engine! {
    the_first_50_losses_of_every_optimiser_are_pytorchs
    the_first_50_losses_under_one_cycle_are_pytorchs
    weights_saved_by_pytorch_give_its_logits
}

pub(crate) fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference")
        .join(name)
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

/// The first 50 losses of `optimizer` under `schedule` from PyTorch's initial weights, over batches of 8 in order,
/// and the weights after them.
fn first_losses<T: Tested>(
    file: &SafeTensors<'_>,
    optimizer: Optimizer,
    schedule: Schedule,
    loss: Loss,
) -> (Vec<f32>, Weights<Trained>) {
    let labels = file.tensor("labels").unwrap().data().to_vec();
    let data = Dataset::<20, 5>::from_values(floats(file, "features"), labels).unwrap();
    let mut initial = Vec::new();
    for name in [
        "0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias",
    ] {
        initial.extend(floats(file, &format!("init.{name}")));
    }
    let mut net = T::new::<Trained>(Weights::from_slice(&initial).unwrap());
    let uploaded = net.upload(&data).unwrap();
    let order: Vec<u32> = (0..400).collect();
    let run = Run {
        order: &order,
        batch_size: 8,
        optimizer: &optimizer,
        schedule,
        total_steps: 50,
        loss,
        seed: 0,
        first_step: 0,
    };
    let mut losses = Vec::new();
    net.train(&uploaded, &run, &mut losses).unwrap();
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
        let (ours, weights) = first_losses::<T>(&file, optimizer, Schedule::Constant, loss);
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

/// `schedules.json`, which `tests/reference/schedules.py` made.
fn schedules() -> serde_json::Value {
    serde_json::from_slice(&fs::read(reference("schedules.json")).unwrap()).unwrap()
}

fn number(setting: &serde_json::Value, name: &str) -> f64 {
    setting[name].as_f64().unwrap()
}

fn one_cycle(setting: &serde_json::Value) -> Schedule {
    let one_cycle = OneCycle {
        warm_up: number(setting, "warm_up"),
        start_divisor: number(setting, "start_divisor"),
        end_divisor: number(setting, "end_divisor"),
    };
    one_cycle.into()
}

fn cosine(setting: &serde_json::Value) -> Schedule {
    let end = number(setting, "end");
    Cosine { end }.into()
}

#[test]
fn the_learning_rates_of_every_schedule_are_pytorchs() {
    let file = schedules();
    let settings = |kind: &str| file[kind].as_array().unwrap().iter();
    let all = settings("one_cycle")
        .map(|setting| (one_cycle(setting), setting))
        .chain(settings("cosine").map(|setting| (cosine(setting), setting)));
    for (schedule, setting) in all {
        let (peak, total_steps) = (number(setting, "peak"), number(setting, "total_steps"));
        let theirs = setting["learning_rates"].as_array().unwrap();
        assert_eq!(theirs.len() as f64, total_steps);
        for (step, theirs) in theirs.iter().enumerate() {
            let ours = schedule.learning_rate(peak, step as u64, total_steps as u64);
            let theirs = theirs.as_f64().unwrap();
            assert!(
                (ours - theirs).abs() <= 1e-6 * theirs,
                "{schedule:?}, step {step} of {total_steps}: {ours} against {theirs}"
            );
        }
    }
}

fn the_first_50_losses_under_one_cycle_are_pytorchs<T: Tested>() {
    let bytes = fs::read(reference("training.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let setting = &schedules()["training"];
    let adam = Adam {
        learning_rate: number(setting, "peak"),
        ..Adam::default()
    };
    let schedule = one_cycle(setting);
    let (ours, _) = first_losses::<T>(&file, adam.into(), schedule, Loss::CrossEntropy);
    let theirs = setting["losses"].as_array().unwrap().iter();
    let theirs: Vec<f32> = theirs.map(|loss| loss.as_f64().unwrap() as f32).collect();
    assert_losses("one cycle", &ours, &theirs);
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
