//! CUDA graphs of whole batches, and kernels with large tiles.

use std::{env, process::Command};

use tuplenet::{engine::Run, prelude::*};

use super::{
    assert_close, data,
    engines::{OnFused, Recipe, Tested, train},
    failures::is_emulated,
    fused::OnGpu,
    gpu,
};

type Net = (Linear<20, 9>, Tanh, Dropout<30>, Linear<9, 3>);
/// Of 2 samples each, and the last of one: graphs of 16, 16 and 3 steps, and a step.
const BATCHES: usize = 36;
const SAMPLES: usize = 2 * BATCHES - 1;

fn recipe() -> Recipe {
    Recipe {
        schedule: OneCycle::default().into(),
        clip_norm: Some(0.5),
        ..Recipe::of(Adam::default())
    }
}

/// A run of one batch has no graph.
#[test]
fn a_graph_has_the_bits_of_its_steps() {
    if !gpu("graphs::a_graph_has_the_bits_of_its_steps") {
        return;
    }
    let dataset = data::<20, 3>(SAMPLES);
    let order: Vec<u32> = (0..SAMPLES as u32).collect();
    for recipe in [recipe(), Recipe::of(Sgd::default())] {
        let mut graphs = OnGpu::new::<Net>(Weights::init(1));
        let uploaded = graphs.upload(&dataset).unwrap();
        let losses = train(&mut graphs, &uploaded, SAMPLES, &recipe, 2, 3);
        assert_eq!(losses.len(), 3 * BATCHES);

        let mut steps = OnGpu::new::<Net>(Weights::init(1));
        let mut one_by_one = Vec::new();
        for batch in [&order; 3].into_iter().flat_map(|order| order.chunks(2)) {
            let run = Run {
                order: batch,
                batch_size: 2,
                optimizer: &recipe.optimizer,
                schedule: recipe.schedule,
                total_steps: 3 * BATCHES as u64,
                loss: recipe.loss.clone(),
                seed: 5,
                first_step: one_by_one.len() as u64,
                clip_norm: recipe.clip_norm,
            };
            steps.train(&uploaded, &run, &mut one_by_one).unwrap();
        }
        assert_eq!(losses, one_by_one);
        assert_eq!(graphs.weights().unwrap(), steps.weights().unwrap());
        assert_eq!(
            graphs.optimizer_state().unwrap(),
            steps.optimizer_state().unwrap()
        );
    }
}

/// Every setting that a graph contains is changed between the runs of one engine.
#[test]
fn a_graph_is_not_used_for_other_settings() {
    if !gpu("graphs::a_graph_is_not_used_for_other_settings") {
        return;
    }
    let (mut gpu, mut cpu) = (
        OnGpu::new::<Net>(Weights::init(1)),
        OnFused::new::<Net>(Weights::init(1)),
    );
    let first = Recipe {
        clip_norm: None,
        ..recipe()
    };
    let mut recipes = vec![first.clone(), first.clone()];
    recipes.extend([Some(0.5), Some(0.1)].map(|clip_norm| Recipe {
        clip_norm,
        ..first.clone()
    }));
    let losses = [
        Loss::SmoothedCrossEntropy { smoothing: 0.1 },
        Loss::WeightedCrossEntropy {
            weights: [0.5, 1.0, 2.0].into(),
            smoothing: 0.0,
        },
        Loss::WeightedCrossEntropy {
            weights: [2.0, 1.0, 0.5].into(),
            smoothing: 0.0,
        },
        Loss::Huber { delta: 0.3 },
    ];
    recipes.extend(losses.map(|loss| Recipe {
        loss,
        ..first.clone()
    }));
    recipes.push(Recipe::of(Sgd::default()));
    for (number, recipe) in recipes.iter().enumerate() {
        // larger and smaller data sets and batches
        let (samples, batch_size) = [(40, 2), (70, 3), (33, 1), (40, 2)][number % 4];
        let dataset = data::<20, 3>(samples);
        let (on_gpu, on_cpu) = (gpu.upload(&dataset).unwrap(), cpu.upload(&dataset).unwrap());
        let ours = train(&mut gpu, &on_gpu, samples, recipe, batch_size, 1);
        let theirs = train(&mut cpu, &on_cpu, samples, recipe, batch_size, 1);
        for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let what = format!("step {step} of {recipe:?}");
            assert_close(&[*ours], &[*theirs], 1e-4, &what);
        }
    }
}

/// In another process, with a GPU of one multiprocessor, which no tile leaves idle.
#[test]
fn large_tiles_match_the_cpu() {
    if !is_emulated("graphs::large_tiles_match_the_cpu") {
        return;
    }
    let child = Command::new(env::current_exe().unwrap())
        .args(["random::random_networks_match_the_cpu", "--exact"])
        .env("TUPLENET_EMULATOR_MULTIPROCESSORS", "1")
        .output()
        .unwrap();
    let text = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}
