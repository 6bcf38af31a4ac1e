//! LeNet's weights and logits, from PyTorch and back; `tests/reference/lenet.py` generates the files.

use std::{env, fs, io::Write, process::Command};

use safetensors::{
    SafeTensors,
    tensor::{Dtype, TensorView},
};
use tuplenet::{models::LeNet, prelude::*};

use crate::{
    engines::{Tested, on_every_engine},
    pytorch::{floats, reference},
};

on_every_engine! {
    a_lenet_saved_by_pytorch_gives_its_logits
}

fn a_lenet_saved_by_pytorch_gives_its_logits<T: Tested>() {
    let net = T::new::<LeNet>(Weights::load(reference("lenet.safetensors")).unwrap());
    let bytes = fs::read(reference("lenet_io.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (ours, theirs) = (
        net.forward(&floats(&file, "features")).unwrap(),
        floats(&file, "logits"),
    );
    assert_eq!((ours.len(), theirs.len()), (80, 80));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-5, "{a} against {b}");
    }
}

#[test]
fn a_saved_lenet_has_the_tensors_of_pytorchs_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.safetensors");
    let weights = Weights::<LeNet>::load(reference("lenet.safetensors")).unwrap();
    weights.save(&path).unwrap();
    let [ours, theirs] = [path, reference("lenet.safetensors")].map(|path| fs::read(path).unwrap());
    let (ours, theirs) = (
        SafeTensors::deserialize(&ours).unwrap(),
        SafeTensors::deserialize(&theirs).unwrap(),
    );
    assert_eq!((ours.names().len(), theirs.names().len()), (10, 10));
    for (name, tensor) in theirs.tensors() {
        assert_eq!(ours.tensor(&name).unwrap(), tensor, "{name}");
        assert_eq!(
            weights.tensor(&name).unwrap().values,
            floats(&theirs, &name)
        );
    }
}

/// PyTorch loads a LeNet that was trained here, with `strict=True`, and computes the logits of `Fused`.
#[test]
fn pytorch_loads_a_lenet_trained_here() {
    let Some(python) = env::var_os("TUPLENET_PYTHON").filter(|path| !path.is_empty()) else {
        let line = "SKIPPED pytorch_loads_a_lenet_trained_here: set TUPLENET_PYTHON to a Python with PyTorch\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let mut net = Fused::<LeNet>::new(Weights::init(1)).unwrap();
    let digits = Digits::new(1).dataset(0..2000).unwrap();
    Trainer::new(Adam::default())
        .fit(&mut net, &digits)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [weights, io] = ["weights", "io"].map(|name| folder.path().join(name));
    net.weights().unwrap().save(&weights).unwrap();
    let mut features = vec![0.0; 8 * 784];
    let order: Vec<u32> = (0..8).collect();
    digits.features().gather(784, &order, &mut features);
    let logits = net.forward(&features).unwrap();
    let [features, logits] = [features, logits].map(|values| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    });
    let view = |shape: &[usize], bytes| TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
    let tensors = [
        ("features", view(&[8, 1, 28, 28], &features)),
        ("logits", view(&[8, 10], &logits)),
    ];
    safetensors::serialize_to_file(tensors, None, &io).unwrap();

    let output = Command::new(python)
        .arg(reference("check_strict.py"))
        .args(["--network", "lenet"])
        .args([&weights, &io])
        .output()
        .unwrap();
    let [out, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{out}{errors}");
    assert!(out.starts_with("largest absolute difference "), "{out}");
}
