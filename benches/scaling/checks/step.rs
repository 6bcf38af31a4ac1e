//! The simulation of a step, by hand and in its limits.

use crate::model::{
    Known, Way,
    collective::Algorithm,
    compute::Compute,
    host::Host,
    interconnect::{self, Interconnect},
    layout::{Layout, Piece},
    step::Step,
};

const FREE: Host = Host {
    per_message: 0.0,
    per_value: 0.0,
    per_rounded_value: 0.0,
    per_averaged_value: 0.0,
};

/// Two pieces of 10 values, each a part; forward and each piece take a second for a sample, the optimiser 0.4.
fn two_pieces() -> Known {
    let piece = |end| Piece {
        end,
        len: 10,
        backward: 1.0 / 3.0,
    };
    Known {
        name: "",
        layout: Layout {
            forward: 1.0 / 3.0,
            pieces: vec![piece(10), piece(20)],
            parts: vec![10, 20],
            norms: Vec::new(),
        },
        compute: Compute {
            group: 1,
            fixed: 0.4,
            per_sample: 3.0,
            error: 0.0,
        },
    }
}

fn step<'a>(network: &'a Known, ranks: usize, link: &'a Interconnect) -> Step<'a> {
    Step {
        network,
        samples: 1,
        ranks,
        host: FREE,
        link,
        way: Way::OURS,
    }
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
}

/// By hand: each stage of a part has the link for 0.2 s, and arrives 0.05 s later. The first all-to-all has it from 2 to 2.2, the
/// second from 3 to 3.2, the all-gathers until 3.4 and 3.6; the optimiser has the first part from 3.45 to 3.65, when the second
/// arrives, too.
#[test]
fn the_backward_pass_hides_all_but_the_last_part() {
    let network = two_pieces();
    let link = Interconnect {
        name: "",
        latency: 0.05,
        overhead: 0.0,
        bandwidth: 100.0,
        eager_bytes: f64::INFINITY,
    };
    let times = step(&network, 2, &link).simulated(&network.layout.parts);
    assert_near(times.seconds, 3.85);
    assert_near(times.waited, 0.45);
    // at once: from 3 to 3.45 and to 3.9
    let times = step(&network, 2, &link).simulated(&[20]);
    assert_near(times.seconds, 4.3);
    assert_near(times.waited, 0.9);
    let local = Step {
        way: Way::OURS.local_steps(6),
        ..step(&network, 2, &link)
    };
    assert_near(local.local(), 3.4 + 3.0 * 0.9 / 6.0);
}

#[test]
fn one_rank_exchanges_nothing() {
    let network = two_pieces();
    for link in &interconnect::ALL {
        for (name, algorithm) in Algorithm::ALL {
            let alone = Step {
                way: Way::by(algorithm),
                ..step(&network, 1, link)
            };
            let times = alone.simulated(&network.layout.parts);
            assert_near(times.seconds, 3.4);
            assert_eq!(times.waited, 0.0, "{name}");
        }
    }
}

/// Without a link, a step takes the time that `Host` is fitted to.
#[test]
fn what_the_host_does_is_not_hidden() {
    let network = two_pieces();
    let link = Interconnect {
        name: "",
        latency: 0.0,
        overhead: 0.0,
        bandwidth: f64::INFINITY,
        eager_bytes: f64::INFINITY,
    };
    let loaded = Step {
        host: Host {
            per_message: 0.01,
            per_value: 0.001,
            ..FREE
        },
        ..step(&network, 4, &link)
    };
    let times = loaded.simulated(&network.layout.parts);
    // 2 parts, 2 stages, 3 messages; 20 values, of which 3/4 are sent twice
    assert_near(times.seconds, 3.4 + 12.0 * 0.01 + 30.0 * 0.001);
    assert_eq!(times.waited, 0.0);
}

#[test]
fn a_slow_link_takes_all_of_the_time() {
    let network = two_pieces();
    let link = Interconnect {
        name: "",
        latency: 0.0,
        overhead: 0.0,
        bandwidth: 1e-3,
        eager_bytes: f64::INFINITY,
    };
    let times = step(&network, 2, &link).simulated(&network.layout.parts);
    let on_link = 20.0 * 4.0 / 1e-3;
    assert!((times.seconds / on_link - 1.0).abs() < 1e-4);
}

/// Of four ranks, each of its two exchanges in a step waits for two latencies.
#[test]
fn nothing_hides_batch_normalisations() {
    let mut network = two_pieces();
    let link = Interconnect {
        name: "",
        latency: 0.5,
        overhead: 0.0,
        bandwidth: f64::INFINITY,
        eager_bytes: f64::INFINITY,
    };
    let without = step(&network, 4, &link).simulated(&network.layout.parts);
    network.layout.norms = vec![8];
    let with = step(&network, 4, &link).simulated(&network.layout.parts);
    assert_near(with.seconds - without.seconds, 2.0 * 2.0 * 0.5);
}
