//! `Tape` on several ranks, the reference for every engine that has them.

use crate::start::{difference, failure, train, train_alike};

fn options(network: &str, batch: usize, others: &str) -> String {
    format!("--optimizer sgd --steps 20 --network {network} --batch {batch} {others}")
}

/// With dropout, several batch sizes, fewer samples than ranks, and clipping.
#[test]
fn several_ranks_have_the_losses_of_fused() {
    for (network, batch, others) in [
        ("deep", 100, ""),
        ("deep", 7, "--clip 0.5"),
        ("deep", 3, ""),
        ("lenet", 20, "--steps 5"),
    ] {
        let options = options(network, batch, others);
        let fused = &train(1, &options)[0];
        for count in [2, 3, 4] {
            let tape = train_alike(count, &format!("{options} --engine tape"));
            // Sums in another order, and other kernels: 1e-6.
            let losses = difference(&tape.losses, &fused.losses);
            assert!(losses < 1e-5, "{count} ranks, {options}: {losses}");
        }
    }
}

#[test]
fn one_rank_has_the_bits_of_a_process_alone() {
    for network in ["deep", "norm"] {
        let options = options(network, 50, "--engine tape");
        assert_eq!(train(1, &options), train(1, &format!("{options} --alone")));
    }
}

#[test]
fn batch_normalisation_is_an_error_on_several_ranks() {
    let message = failure(2, &options("norm", 50, "--engine tape"));
    let expected = "batch normalisation, which `Fused` trains on several ranks";
    assert!(message.contains(expected), "{message}");
}
