//! Label smoothing; `tests/reference/smoothing.py` generates the file.

use std::fs;

use safetensors::SafeTensors;
use tuplenet::prelude::*;

use super::{Trained, assert_losses, first_losses, json, number, numbers, reference, training};
use crate::engines::{Recipe, Tested, on_every_engine};

on_every_engine! {
    the_first_50_losses_with_smoothed_labels_are_pytorchs
    loss_and_gradient_with_label_smoothing_match_pytorch
}

fn the_first_50_losses_with_smoothed_labels_are_pytorchs<T: Tested>() {
    let bytes = fs::read(reference("training.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let figures = json("smoothing.json");
    let adam = Adam {
        learning_rate: number(&figures["adam"], "lr"),
        ..Adam::default()
    };
    let recipe = Recipe {
        loss: Loss::SmoothedCrossEntropy {
            smoothing: number(&figures, "smoothing"),
        },
        ..Recipe::of(adam)
    };
    let (ours, _) = first_losses::<T>(&file, &recipe);
    assert_losses("smoothing", &ours, &numbers(&figures, "losses"));
}

fn loss_and_gradient_with_label_smoothing_match_pytorch<T: Tested>() {
    let bytes = fs::read(reference("training.safetensors")).unwrap();
    let (data, initial) = training(&SafeTensors::deserialize(&bytes).unwrap());
    let net = T::new::<Trained>(initial);
    let uploaded = net.upload(&data).unwrap();
    let batch = [0, 1, 2, 3, 4, 5, 6, 7];
    let figures = json("smoothing.json");
    for figure in figures["first_losses"].as_array().unwrap() {
        let smoothing = number(figure, "smoothing");
        let loss = Loss::SmoothedCrossEntropy { smoothing };
        let (ours, _) = T::gradient(&net, &uploaded, &batch, loss);
        let theirs = number(figure, "loss");
        // `f32` has seven digits; sums of some tens of terms lose one
        let close = (f64::from(ours) - theirs).abs() <= 1e-6 * theirs;
        assert!(close, "{smoothing}: {ours} against {theirs}");
    }
    let loss = Loss::SmoothedCrossEntropy {
        smoothing: number(&figures, "smoothing"),
    };
    let (_, ours) = T::gradient(&net, &uploaded, &batch, loss);
    let theirs = numbers(&figures, "gradient");
    assert_eq!(ours.as_slice().len(), theirs.len());
    let largest = theirs.iter().fold(0f32, |max, value| max.max(value.abs()));
    for (at, (a, b)) in ours.as_slice().iter().zip(&theirs).enumerate() {
        let close = (a - b).abs() <= 1e-6 * largest;
        assert!(close, "parameter {at}: {a} against {b}");
    }
}
