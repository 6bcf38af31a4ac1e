//! Batch normalisation by the statistics of the whole batch: several ranks compute what one does.

use crate::start::{difference, train, train_alike};

/// Networks, batch sizes and steps, of SGD: Adam divides the gradient of a bias before a batch normalisation, which is rounding
/// alone, by its own size, so that running means drift apart by the learning rate.
///
/// Images normalised over 3 samples amplify rounding a hundredfold each step: after 10 steps, the losses of `Tape` and of `Fused`,
/// both on one rank, differ by 3e-3.
const TRAININGS: [(&str, usize, usize); 7] = [
    ("norm", 100, 50),
    ("norm", 7, 50),
    ("norm", 3, 20),
    ("norm-ends", 7, 50),
    ("norm-images", 100, 50),
    ("norm-images", 7, 50),
    ("norm-images", 3, 4),
];

fn options((network, batch, steps): (&str, usize, usize)) -> String {
    format!("--optimizer sgd --network {network} --batch {batch} --steps {steps}")
}

/// All ranks have the same weights and running statistics, and the losses and statistics of one.
#[test]
fn several_ranks_train_as_one() {
    for options in TRAININGS.map(options) {
        let [one] = &train(1, &options)[..] else {
            panic!("one rank has one report");
        };
        for count in [2, 3, 4] {
            let all = train_alike(count, &options);
            // Sums in another order: 2e-7 for a step, up to 3e-5 after 50 steps of batches of 3.
            let losses = difference(&all.losses, &one.losses);
            assert!(losses < 1e-4, "{count} ranks, {options}: {losses}");
            let running = difference(&all.running, &one.running);
            assert!(running < 2e-4, "{count} ranks, {options}: {running}");
        }
    }
}

/// With as many ranks as samples, each has one; of more ranks, those without one change no bit, though they are the first.
#[test]
fn ranks_without_a_sample_change_nothing() {
    for network in ["norm", "norm-ends", "norm-images"] {
        for (batch, more) in [(3, 4), (2, 5)] {
            let options = options((network, batch, 20));
            let of_ranks = |count| train_alike(count, &options);
            assert_eq!(of_ranks(batch), of_ranks(more), "{options}");
        }
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    for network in ["norm", "norm-images"] {
        let options = options((network, 50, 20));
        let of_threads = |threads| train_alike(2, &format!("{options} --threads {threads}"));
        assert_eq!(of_threads(1), of_threads(2), "{network}");
    }
}
