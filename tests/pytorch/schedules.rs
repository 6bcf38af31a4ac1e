//! Learning-rate schedules, and losses with them; `tests/reference/schedules.py` generates the file.

use std::fs;

use safetensors::SafeTensors;
use tuplenet::{objective::Curve, prelude::*};

use super::{assert_losses, first_losses, json, number, numbers, reference};
use crate::engines::{Recipe, Tested, on_every_engine};

on_every_engine! {
    the_first_50_losses_under_one_cycle_are_pytorchs
}

fn one_cycle(setting: &serde_json::Value) -> Curve {
    let one_cycle = OneCycle {
        warm_up: number(setting, "warm_up"),
        start_divisor: number(setting, "start_divisor"),
        end_divisor: number(setting, "end_divisor"),
    };
    one_cycle.into()
}

fn cosine(setting: &serde_json::Value) -> Curve {
    let end = number(setting, "end");
    Cosine { end }.into()
}

fn step_decay(setting: &serde_json::Value) -> Curve {
    let step_decay = StepDecay {
        period: number(setting, "period"),
        factor: number(setting, "factor"),
    };
    step_decay.into()
}

fn warm_up(setting: &serde_json::Value) -> Schedule {
    let warm_up = WarmUp {
        fraction: number(setting, "share"),
        start: number(setting, "start"),
    };
    let curve = match setting["curve"].as_str().unwrap() {
        "constant" => Curve::Constant,
        "cosine" => cosine(setting),
        "step_decay" => step_decay(setting),
        other => panic!("no curve {other}"),
    };
    warm_up.then(curve)
}

#[test]
fn learning_rates_of_every_schedule_match_pytorch() {
    let file = json("schedules.json");
    let settings = |kind: &str| file[kind].as_array().unwrap().iter();
    let all = settings("one_cycle")
        .map(|setting| (one_cycle(setting).into(), setting))
        .chain(settings("cosine").map(|setting| (cosine(setting).into(), setting)))
        .chain(settings("step_decay").map(|setting| (step_decay(setting).into(), setting)))
        .chain(settings("warm_up").map(|setting| (warm_up(setting), setting)));
    let all: Vec<(Schedule, &serde_json::Value)> = all.collect();
    assert_eq!(all.len(), 15);
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
    let setting = &json("schedules.json")["training"];
    let adam = Adam {
        learning_rate: number(setting, "peak"),
        ..Adam::default()
    };
    let recipe = Recipe {
        schedule: one_cycle(setting).into(),
        ..Recipe::of(adam)
    };
    let (ours, _) = first_losses::<T>(&file, &recipe);
    assert_losses("one cycle", &ours, &numbers(setting, "losses"));
}
