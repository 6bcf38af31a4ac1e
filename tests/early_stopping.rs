//! A training that stops early, against PyTorch; `tests/reference/early_stopping.py` generates the files.

use std::fs;

use safetensors::SafeTensors;
use tuplenet::{prelude::*, shape::Features, target::Classes};

use crate::{
    engines::{Tested, on_every_engine},
    pytorch::{Trained, floats, reference},
};

on_every_engine! {
    early_stopping_matches_the_best_epoch_and_weights_of_pytorch
}

/// One step per epoch over 320 samples, so that the order does not matter. The minimum loss is one epoch after the best
/// epoch, and lower by less than `min_delta`.
fn early_stopping_matches_the_best_epoch_and_weights_of_pytorch<T: Tested>() {
    let bytes = fs::read(reference("training.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let labels = file.tensor("labels").unwrap().data().to_vec();
    let data = Dataset::<Features<20>, Classes<5>>::from_values(floats(&file, "features"), labels)
        .unwrap();
    let names = [
        "0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias",
    ];
    let init = names
        .map(|name| floats(&file, &format!("init.{name}")))
        .concat();
    let mut net = T::new::<Trained>(Weights::from_slice(&init).unwrap());

    let theirs: serde_json::Value =
        serde_json::from_slice(&fs::read(reference("early_stopping.json")).unwrap()).unwrap();
    let whole = |name: &str| theirs[name].as_u64().unwrap() as usize;
    let adam = Adam {
        learning_rate: theirs["learning_rate"].as_f64().unwrap(),
        ..Adam::default()
    };
    let history = Trainer::new(adam)
        .epochs(whole("most_epochs"))
        .batch(400)
        .seed(1)
        .validation(80)
        .early_stopping(EarlyStopping {
            patience: whole("patience"),
            min_delta: theirs["min_delta"].as_f64().unwrap(),
        })
        .fit(&mut net, &data)
        .unwrap();

    assert_eq!(history.best_epoch, Some(whole("best_epoch")));
    let losses = theirs["validation_losses"].as_array().unwrap();
    assert_eq!(history.epochs.len(), losses.len());
    for (report, theirs) in history.epochs.iter().zip(losses) {
        let (ours, theirs) = (report.validation_loss.unwrap(), theirs.as_f64().unwrap());
        // as for the first 50 losses in pytorch.rs
        assert!(
            (ours - theirs).abs() < 1e-4 * theirs,
            "{ours} against {theirs}"
        );
    }
    let best = Weights::<Trained>::load(reference("early_stopping.safetensors")).unwrap();
    for (ours, theirs) in net
        .weights()
        .unwrap()
        .as_slice()
        .iter()
        .zip(best.as_slice())
    {
        assert!((ours - theirs).abs() < 1e-4, "{ours} against {theirs}");
    }
}
