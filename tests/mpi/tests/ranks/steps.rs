//! Steps of several ranks, against those of one process.

use crate::start::{Report, difference, train, train_alike};

fn one(options: &str) -> Report {
    train(1, options).swap_remove(0)
}

/// With dropout, residual branches, clipping, and batches that the ranks cannot divide evenly.
#[test]
fn several_ranks_have_the_losses_of_one() {
    for options in [
        "--network mlp",
        "--network mlp --clip 0.5",
        "--network deep --batch 7",
        // Adam moves a weight whose gradient is rounding by as much as any other.
        "--network lenet --optimizer sgd",
    ] {
        let one = one(options);
        for count in [2, 3, 4] {
            let all = train_alike(count, options);
            // Sums in another order: 2e-7 after 50 steps.
            let losses = difference(&all.losses, &one.losses);
            assert!(losses < 1e-4, "{count} ranks, {options}: {losses}");
            let logits = difference(&all.logits, &one.logits);
            assert!(logits < 1e-4, "{count} ranks, {options}: {logits}");
        }
    }
}

/// Of four ranks and three samples, one rank has none.
#[test]
fn a_rank_without_a_sample_changes_nothing() {
    for network in ["deep", "lenet"] {
        let options = format!("--network {network} --batch 3");
        let [three, four] = [3, 4].map(|count| train_alike(count, &options));
        let losses = difference(&three.losses, &four.losses);
        assert!(losses < 1e-5, "{network}: {losses}");
    }
}

#[test]
fn one_rank_has_the_bits_of_the_engine_alone() {
    for network in ["mlp", "norm-images"] {
        let options = format!("--network {network} --steps 10");
        assert_eq!(one(&options), one(&format!("{options} --alone")));
    }
}

#[test]
fn the_bits_depend_on_the_number_of_ranks_alone() {
    for options in [
        "--network mlp",
        "--network deep --bf16",
        "--network mlp --local-steps 4",
    ] {
        let first = train_alike(2, options);
        assert_eq!(train_alike(2, options), first, "{options}");
        let threads = train_alike(2, &format!("{options} --threads 3"));
        assert_eq!(threads, first, "{options}");
        assert_ne!(train_alike(4, options).weights, first.weights, "{options}");
    }
}

/// Half as many bytes cost some accuracy, and little: 4e-4 of the loss after 50 steps.
#[test]
fn gradients_in_bf16_have_nearly_the_losses_of_one_rank() {
    let one = one("--network mlp");
    for count in [2, 4] {
        let rounded = train_alike(count, "--network mlp --bf16");
        let losses = difference(&rounded.losses, &one.losses);
        assert!((1e-5..5e-3).contains(&losses), "{count} ranks: {losses}");
    }
}

/// The updates of SGD are the sums of all gradients: what rounding cuts off one is in the next, and at the end nothing is missing. Without
/// that, logits differ by 2e-5, with it by 2e-7.
#[test]
fn nothing_of_a_gradient_in_bf16_is_lost() {
    let options = "--network small --optimizer sgd";
    let full = train_alike(2, options);
    let rounded = train_alike(2, &format!("{options} --bf16"));
    let logits = difference(&rounded.logits, &full.logits);
    assert!(logits < 2e-6, "{logits}");
    assert_ne!(rounded.weights, full.weights);
}

/// The mean of weights after a step of SGD each is a step by the mean of the gradients, with momentum too; all parts of a
/// batch have as many samples.
#[test]
fn one_local_step_of_sgd_is_a_step_of_all() {
    let options = "--network mlp --optimizer momentum --batch 100";
    let together = one(options);
    for count in [2, 4] {
        let local = train_alike(count, &format!("{options} --local-steps 1"));
        let losses = difference(&local.losses, &together.losses);
        assert!(losses < 1e-4, "{count} ranks: {losses}");
    }
}

/// Between two means, each rank sees a part of the samples: the losses are those of its own weights.
#[test]
fn local_steps_differ_from_steps_of_all_until_the_mean() {
    let options = "--network mlp --optimizer momentum --steps 8";
    let together = one(options);
    let local = train_alike(2, &format!("{options} --local-steps 4"));
    let by_step: Vec<f64> = local
        .losses
        .iter()
        .zip(&together.losses)
        .map(|(a, b)| (a - b).abs())
        .collect();
    // the first step is taken from the same weights
    assert!(
        by_step[0] < 1e-6 && by_step[1..4].iter().all(|&step| step > 1e-6),
        "{by_step:?}"
    );
    // with moments of their own, ranks have other weights after the second mean
    let own = train_alike(2, &format!("{options} --local-steps 4 --own-moments"));
    assert_eq!(own.losses[..4], local.losses[..4]);
    assert_ne!(own.weights, local.weights);
}
