//! The formulas, by hand.

use crate::model::{
    collective::{Algorithm, exchanged, rounds, transfer},
    interconnect::Interconnect,
};

const LINK: Interconnect = Interconnect {
    name: "",
    latency: 3.0,
    overhead: 0.0,
    bandwidth: 0.5,
    eager_bytes: f64::INFINITY,
};

/// Two ranks send a half and receive a half, twice: with every algorithm two messages of 5 bytes, one after another.
#[test]
fn two_ranks() {
    for (name, algorithm) in Algorithm::ALL {
        let seconds = seconds(algorithm, 2, 10.0, &LINK);
        assert_eq!(seconds, 2.0 * (3.0 + 5.0 / 0.5), "{name}");
        assert_eq!(algorithm.messages(2), 2.0, "{name}");
    }
}

/// By hand: each of 8 ranks sends 7/8 of 16 bytes twice.
#[test]
fn eight_ranks() {
    let bytes = 28.0 / 0.5;
    for (algorithm, latencies, messages) in [
        (Algorithm::Direct, 2.0, 14.0),
        (Algorithm::Ring, 14.0, 14.0),
        (Algorithm::Halving, 6.0, 6.0),
    ] {
        assert_eq!(seconds(algorithm, 8, 16.0, &LINK), latencies * 3.0 + bytes);
        assert_eq!(algorithm.messages(8), messages);
    }
}

#[test]
fn one_rank_sends_nothing() {
    for (name, algorithm) in Algorithm::ALL {
        assert_eq!(seconds(algorithm, 1, 10.0, &LINK), 0.0, "{name}");
    }
}

#[test]
fn of_many_ranks_the_bytes_are_sent_twice() {
    assert!((exchanged(1 << 20) - 2.0).abs() < 1e-5);
    assert_eq!(
        [1, 2, 3, 4, 5, 1024].map(rounds),
        [0.0, 1.0, 2.0, 2.0, 3.0, 10.0]
    );
}

/// Of 8 ranks with 16 bytes each, parts have 2, and halves 8, 4 and 2: with a limit of 3, two of three are long.
#[test]
fn long_messages_take_three_latencies() {
    let link = Interconnect {
        eager_bytes: 3.0,
        ..LINK
    };
    let latency = |algorithm: Algorithm| algorithm.latency(8, 16.0, &link) / link.latency;
    assert_eq!(latency(Algorithm::Direct), 2.0);
    assert_eq!(latency(Algorithm::Ring), 14.0);
    assert_eq!(latency(Algorithm::Halving), 2.0 * (3.0 + 3.0 + 1.0));
    assert_eq!(Algorithm::Direct.latency(2, 16.0, &link), 2.0 * 3.0 * 3.0);
}

fn seconds(algorithm: Algorithm, ranks: usize, bytes: f64, link: &Interconnect) -> f64 {
    algorithm.latency(ranks, bytes, link) + transfer(ranks, bytes, link)
}
