//! Logits, loss, gradients and 50 steps; `tests/reference/images.py` generates the file.

use std::fs;

use safetensors::SafeTensors;
use tuplenet::{
    objective::Optimizer,
    prelude::*,
    shape::{Features, Image, Shape},
    target::Classes,
};

use super::{Activated, Branches, Divided, Windows, difference};
use crate::{
    engines::{Recipe, Tested, on_every_engine, train},
    pytorch::{floats, reference},
};

fn assert_close(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(difference(ours, theirs, 0.0), None, "{what}");
}

/// The parameters of `name` under `prefix`, in the order of the plan.
pub(super) fn parameters<N: Network>(file: &SafeTensors<'_>, prefix: &str) -> Weights<N> {
    let mut all = Weights::<N>::zeros();
    let names: Vec<String> = all.tensors().map(|tensor| tensor.name).collect();
    let values: Vec<f32> = names
        .iter()
        .flat_map(|name| floats(file, &format!("{prefix}.{name}")))
        .collect();
    all.as_mut_slice().copy_from_slice(&values);
    all
}

fn compare<T: Tested, N, S: Shape>(name: &str, features: &str)
where
    N: Network<In = S, Output = Features<3>>,
{
    let bytes = fs::read(reference("images.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let labels = file.tensor("labels").unwrap().data().to_vec();
    let data = Dataset::<S, Classes<3>>::from_values(floats(&file, features), labels).unwrap();
    let initial = parameters::<N>(&file, &format!("{name}.init"));
    let net = T::new::<N>(initial.clone());
    let uploaded = net.upload(&data).unwrap();
    let order: Vec<u32> = (0..40).collect();
    let logits = net.logits(&uploaded, &order).unwrap();
    assert_close(&logits, &floats(&file, &format!("{name}.logits")), "logits");
    let (loss, gradient) = T::gradient(&net, &uploaded, &order[..8], Loss::CrossEntropy);
    assert_close(&[loss], &floats(&file, &format!("{name}.loss")), "loss");
    let theirs = parameters::<N>(&file, &format!("{name}.gradient"));
    for (ours, theirs) in gradient.tensors().zip(theirs.tensors()) {
        assert_close(
            ours.values,
            theirs.values,
            &format!("{name}, gradient of {}", ours.name),
        );
    }
    let sgd: Optimizer = Sgd {
        learning_rate: 0.05,
        momentum: 0.9,
        ..Sgd::default()
    }
    .into();
    let adam: Optimizer = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    }
    .into();
    for (kind, optimizer) in [("sgd", sgd), ("adam", adam)] {
        let mut net = T::new::<N>(initial.clone());
        let losses = train(&mut net, &uploaded, 40, &Recipe::of(optimizer), 8, 10);
        let theirs = floats(&file, &format!("{name}.losses.{kind}"));
        for (step, (a, b)) in losses.iter().zip(&theirs).enumerate() {
            // Rounding errors grow over 50 steps; the first losses differ by 1e-7.
            assert!(
                (a - b).abs() <= 1e-4 * b,
                "{name} {kind}, step {step}: {a} against {b}"
            );
        }
        assert_eq!((losses.len(), theirs.len()), (50, 50));
    }
}

fn every_window_gives_the_logits_gradients_and_losses_of_pytorch<T: Tested>() {
    compare::<T, Windows, Image<2, 15, 14>>("windows", "features");
}

fn windows_that_divide_an_image_give_the_logits_gradients_and_losses_of_pytorch<T: Tested>() {
    compare::<T, Divided, Image<2, 12, 12>>("divided", "features.divided");
}

fn branches_give_the_logits_gradients_and_losses_of_pytorch<T: Tested>() {
    compare::<T, Branches, Image<2, 11, 9>>("branches", "features.branches");
}

fn activated_images_give_the_logits_gradients_and_losses_of_pytorch<T: Tested>() {
    compare::<T, Activated, Image<2, 12, 12>>("activated", "features.divided");
}

on_every_engine! {
    activated_images_give_the_logits_gradients_and_losses_of_pytorch
    every_window_gives_the_logits_gradients_and_losses_of_pytorch
    windows_that_divide_an_image_give_the_logits_gradients_and_losses_of_pytorch
    branches_give_the_logits_gradients_and_losses_of_pytorch
}
