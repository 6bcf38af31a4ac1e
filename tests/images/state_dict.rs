//! Weights and logits of LeNet and of ResNet-8, from PyTorch and back; `tests/reference/state_dicts.py` generates the files.

use std::{env, fs, io::Write, process::Command};

use safetensors::{
    SafeTensors,
    tensor::{Dtype, TensorView},
};
use tuplenet::{
    models::{LeNet, ResNet8},
    prelude::*,
    shape::{Features, Image},
};

use crate::{
    engines::{Tested, on_every_engine},
    pytorch::{floats, reference},
};

type ResNet = ResNet8<1, 28, 28, 10>;

tuplenet::frozen! {
    static RESNET: ResNet = "../reference/resnet.safetensors";
}

on_every_engine! {
    a_lenet_saved_by_pytorch_gives_its_logits
    a_resnet_saved_by_pytorch_gives_its_logits
}

fn gives_its_logits<T: Tested, N: Network>(name: &str) {
    let file = |suffix: &str| reference(&format!("{name}{suffix}.safetensors"));
    let net = T::new::<N>(Weights::load(file("")).unwrap());
    let bytes = fs::read(file("_io")).unwrap();
    let io = SafeTensors::deserialize(&bytes).unwrap();
    let ours = net.forward(&floats(&io, "features")).unwrap();
    let theirs = floats(&io, "logits");
    assert_eq!((ours.len(), theirs.len()), (80, 80));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-5, "{a} against {b}");
    }
}

fn a_lenet_saved_by_pytorch_gives_its_logits<T: Tested>() {
    gives_its_logits::<T, LeNet>("lenet");
}

fn a_resnet_saved_by_pytorch_gives_its_logits<T: Tested>() {
    gives_its_logits::<T, ResNet>("resnet");
}

/// The compiler multiplies each convolution by the batch normalisation after it.
#[test]
fn an_embedded_resnet_gives_the_logits_of_pytorch() {
    let [file, io] = ["", "_io"].map(|suffix| {
        let path = reference(&format!("resnet{suffix}.safetensors"));
        fs::read(path).unwrap()
    });
    let borrowed = Frozen::<ResNet>::from_bytes(&file).unwrap();
    let io = SafeTensors::deserialize(&io).unwrap();
    let (features, logits) = (floats(&io, "features"), floats(&io, "logits"));
    for (features, logits) in features.chunks(784).zip(logits.chunks(10)) {
        let mut sample = [[0.0; 28]; 28];
        sample.as_flattened_mut().copy_from_slice(features);
        for found in [RESNET.predict(&sample), borrowed.predict(&sample)] {
            for (a, b) in found.iter().zip(logits) {
                assert!((a - b).abs() < 1e-5, "{a} against {b}");
            }
        }
    }
}

/// A file that is loaded and saved has the same tensors, `tensors` of them.
fn is_saved_as_pytorch_does<N: Network>(name: &str, tensors: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.safetensors");
    let theirs = reference(&format!("{name}.safetensors"));
    let weights = Weights::<N>::load(&theirs).unwrap();
    weights.save(&path).unwrap();
    let [ours, theirs] = [path, theirs].map(|path| fs::read(path).unwrap());
    let ours = SafeTensors::deserialize(&ours).unwrap();
    let theirs = SafeTensors::deserialize(&theirs).unwrap();
    assert_eq!((ours.len(), theirs.len()), (tensors, tensors));
    for (name, tensor) in theirs.tensors() {
        assert_eq!(ours.tensor(&name).unwrap(), tensor, "{name}");
    }
    for tensor in weights.tensors().chain(weights.buffers()) {
        assert_eq!(
            tensor.values,
            floats(&theirs, &tensor.name),
            "{}",
            tensor.name
        );
    }
}

#[test]
fn a_saved_lenet_has_the_tensors_of_pytorchs_file() {
    is_saved_as_pytorch_does::<LeNet>("lenet", 10);
}

/// Weight and bias of 9 convolutions, a `Linear` and 7 batch normalisations, and 3 more tensors of each of the latter.
#[test]
fn a_saved_resnet_has_the_tensors_of_pytorchs_file() {
    is_saved_as_pytorch_does::<ResNet>("resnet", 2 * (9 + 1 + 7) + 3 * 7);
}

/// A count of another type, and a running mean that is missing.
#[test]
fn files_without_the_tensors_of_a_batch_normalisation_are_refused() {
    let bytes = fs::read(reference("resnet.safetensors")).unwrap();
    let header = String::from_utf8_lossy(&bytes[8..8000]).into_owned();
    let changed = |from: &str, to: &str| {
        assert_eq!(
            (from.len(), header.matches(from).count()),
            (to.len(), 1),
            "{from}"
        );
        let at = 8 + header.find(from).unwrap();
        let mut bytes = bytes.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        Weights::<ResNet>::from_bytes(&bytes)
            .unwrap_err()
            .to_string()
    };
    let message = changed("\"1.running_mean\"", "\"1.running_moan\"");
    assert!(
        message.contains("`1.running_mean`: expected F32 [16], found no tensor"),
        "{message}"
    );
    let count = "\"1.num_batches_tracked\":{\"dtype\":\"";
    let message = changed(&format!("{count}I64"), &format!("{count}U64"));
    assert!(
        message.contains("`1.num_batches_tracked`: expected I64 [], found U64 []"),
        "{message}"
    );
}

/// PyTorch loads a network that was trained here, with `strict=True`, and computes the logits of `Fused`.
fn is_loaded_by_pytorch<N>(name: &str, samples: usize)
where
    N: Network<In = Image<1, 28, 28>, Output = Features<10>>,
{
    let Some(python) = env::var_os("TUPLENET_PYTHON").filter(|path| !path.is_empty()) else {
        let line = format!(
            "SKIPPED pytorch_loads_a_{name}_trained_here: set TUPLENET_PYTHON to a Python with PyTorch\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let mut net = Fused::<N>::new(Weights::init(1)).unwrap();
    let digits = Digits::new(1)
        .dataset::<Image<1, 28, 28>>(0..samples as u64)
        .unwrap();
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
        .args(["--network", name])
        .args([&weights, &io])
        .output()
        .unwrap();
    let [out, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{out}{errors}");
    assert!(out.starts_with("largest absolute difference "), "{out}");
}

#[test]
fn pytorch_loads_a_lenet_trained_here() {
    is_loaded_by_pytorch::<LeNet>("lenet", 2000);
}

#[test]
fn pytorch_loads_a_resnet_trained_here() {
    is_loaded_by_pytorch::<ResNet>("resnet", 500);
}
