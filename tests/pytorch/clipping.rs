//! Gradient clipping by norm; `tests/reference/clipping.py` generates the file.

use std::fs;

use safetensors::SafeTensors;
use tuplenet::{objective::Optimizer, prelude::*};

use super::{assert_losses, first_losses, json, number, numbers, reference};
use crate::engines::{Recipe, Tested, on_every_engine};

on_every_engine! {
    the_first_50_losses_with_clipped_gradients_are_pytorchs
}

fn the_first_50_losses_with_clipped_gradients_are_pytorchs<T: Tested>() {
    let bytes = fs::read(reference("training.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let figures = json("clipping.json");
    let (sgd, adam) = (&figures["sgd_momentum"], &figures["adam"]);
    let runs: [(&str, &serde_json::Value, Optimizer); 2] = [
        (
            "sgd_momentum",
            sgd,
            Sgd {
                learning_rate: number(sgd, "lr"),
                momentum: number(sgd, "momentum"),
                ..Sgd::default()
            }
            .into(),
        ),
        (
            "adam",
            adam,
            Adam {
                learning_rate: number(adam, "lr"),
                ..Adam::default()
            }
            .into(),
        ),
    ];
    for (name, figures, optimizer) in runs {
        let norm = number(figures, "clip_norm");
        let norms = numbers(figures, "norms");
        let bitten = norms.iter().filter(|&&of_step| f64::from(of_step) > norm);
        assert!(
            (10..40).contains(&bitten.count()),
            "in some steps, not in all"
        );
        let theirs = numbers(figures, "losses");
        let clipped = Recipe {
            clip_norm: Some(norm),
            ..Recipe::of(optimizer)
        };
        assert_losses(name, &first_losses::<T>(&file, &clipped).0, &theirs);
        let free = first_losses::<T>(&file, &Recipe::of(optimizer)).0;
        let differ = free.iter().zip(&theirs).any(|(a, b)| (a - b).abs() > 1e-3);
        assert!(differ, "{name}: clipping is seen in the losses");
    }
}
