//! What the host does, fitted to times that the model itself has predicted.

use super::whole::of_this_folder;
use crate::{
    Result,
    measured::{Measured, Row},
    model::{Model, host::Host},
};

const COSTS: Host = Host {
    per_message: 20e-6,
    per_value: 0.5e-9,
    per_rounded_value: 1.5e-9,
    per_averaged_value: 5e-9,
};

/// The rows of several ranks as `host` predicts them.
fn predicted(measured: &Measured, model: &Model, host: Host) -> Measured {
    let rows = measured.0.iter().map(|row| {
        let network = model.networks.iter().find(|it| it.name == row.network);
        let network = network.expect("a network of the model");
        let mut row = row.clone();
        if row.ranks > 1 {
            row.seconds[0] = host.predicted(network, &row);
        }
        row
    });
    Measured(rows.collect())
}

#[test]
fn costs_are_found_again() -> Result<()> {
    let (measured, model) = of_this_folder()?;
    let rows = predicted(&measured, &model, COSTS);
    let found = Model::fitted(&rows)?.host;
    for (found, expected) in [
        (found.per_message, COSTS.per_message),
        (found.per_value, COSTS.per_value),
        (found.per_rounded_value, COSTS.per_rounded_value),
        (found.per_averaged_value, COSTS.per_averaged_value),
    ] {
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    }
    Ok(())
}

/// Without costs, two ranks on two cores take the time of their part, four of them twice that of theirs.
#[test]
fn four_ranks_take_turns_at_two_cores() -> Result<()> {
    let (measured, model) = of_this_folder()?;
    let free = Host {
        per_message: 0.0,
        per_value: 0.0,
        per_rounded_value: 0.0,
        per_averaged_value: 0.0,
    };
    let rows = predicted(&measured, &model, free);
    for network in &model.networks {
        let share = |row: &Row| row.seconds[0] / network.compute.seconds(row.batch / row.ranks);
        for row in rows.of(network.name, "distributed", 2) {
            assert!((share(row) - 1.0).abs() < 1e-9);
        }
        for row in rows.of(network.name, "distributed", 4) {
            assert!((share(row) - 2.0).abs() < 1e-9);
        }
    }
    Ok(())
}
