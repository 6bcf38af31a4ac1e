//! What has been measured, and how well the model reproduces it.

use super::{table, words};
use crate::{
    measured::{Measured, Row},
    model::{
        Known, Model, Way,
        host::exchanges,
        interconnect::{self, Interconnect},
    },
};

/// `Distributed` with one rank beside the engine alone.
pub fn overhead(measured: &Measured) -> String {
    let rows = measured.0.iter();
    let rows = rows.filter(|row| row.variant == "distributed" && row.ranks == 1);
    table(
        "One rank: the time of `Distributed<Fused>` divided by that of `Fused` alone, median (quartiles)",
        &words(["network", "batch", "ratio"]),
        rows.map(|row| {
            let [median, low, high] = row.to_alone;
            vec![
                row.network.clone(),
                row.batch.to_string(),
                format!("{median:.3} ({low:.3}-{high:.3})"),
            ]
        }),
    )
}

/// Steps on several ranks of this machine.
pub fn ranks(measured: &Measured) -> String {
    let rows = measured.0.iter();
    let rows = rows.filter(|row| row.ranks > 1 && row.rank == 0 && !is_delayed(row));
    table(
        "Several ranks on this machine; the speed-up is over one rank of one thread, the wait the mean of the ranks'",
        &words([
            "network",
            "batch",
            "ranks",
            "variant",
            "gradient, kB",
            "speed-up (slowest-fastest turn)",
            "waiting",
        ]),
        rows.map(|row| {
            let alone = measured.of(&row.network, "alone", 1);
            let alone = alone.filter(|alone| alone.batch == row.batch).last();
            let alone = alone.map_or(f64::NAN, |alone| alone.seconds[0]);
            let [median, slowest, fastest] = [0, 2, 1].map(|at| alone / row.seconds[at]);
            let same = measured.0.iter().filter(|other| {
                (&other.network, &other.variant, other.ranks, other.batch)
                    == (&row.network, &row.variant, row.ranks, row.batch)
            });
            let waits: Vec<f64> = same.map(|row| row.waited).collect();
            let wait = waits.iter().sum::<f64>() / waits.len() as f64;
            vec![
                row.network.clone(),
                row.batch.to_string(),
                row.ranks.to_string(),
                row.variant.clone(),
                format!("{:.0}", row.gradient_bytes as f64 / 1e3),
                format!("{median:.2} ({slowest:.2}-{fastest:.2})"),
                format!("{:.1} %", 100.0 * wait),
            ]
        }),
    )
}

/// What has been fitted, and the errors of the fit.
pub fn fit(measured: &Measured, model: &Model) -> String {
    let errors = |network: &Known, (variant, ranks): (&str, usize)| {
        let rows = exchanges(network, variant, measured).filter(|row| row.ranks == ranks);
        let error = |row: &Row| {
            let error = model.host.predicted(network, row) / row.seconds[0] - 1.0;
            format!("{}: {:+.0} %", row.batch, 100.0 * error)
        };
        rows.map(error).collect::<Vec<_>>().join(", ")
    };
    let rows = model.networks.iter().map(|network| {
        let compute = &network.compute;
        vec![
            network.name.to_owned(),
            format!("{:.0}", compute.fixed / compute.per_sample),
            format!("{:.0} %", 100.0 * compute.error),
            errors(network, ("distributed", 2)),
            errors(network, ("distributed", 4)),
            errors(network, ("bf16", 2)),
            errors(network, ("local8", 2)),
        ]
    });
    let host = model.host;
    let title = format!(
        "The fit: a message costs the host {:.1} us, a value {:.2} ns, with bf16 {:.2}, an averaged one {:.2}; errors of predicted times, by batch",
        host.per_message * 1e6,
        host.per_value * 1e9,
        host.per_rounded_value * 1e9,
        host.per_averaged_value * 1e9
    );
    let header = words([
        "network",
        "a / c, samples",
        "greatest error of a + c b",
        "two ranks",
        "four ranks on two cores",
        "two ranks, bf16",
        "two ranks, 8 local steps",
    ]);
    table(&title, &header, rows)
}

/// The delays of the link between two hosts, in milliseconds.
const DELAYS: [usize; 2] = [2, 10];

fn is_delayed(row: &Row) -> bool {
    row.variant.starts_with("delay")
}

/// How a step on two hosts depends on the latency of their link.
pub fn hosts(measured: &Measured, model: &Model) -> String {
    let rows = model.networks.iter().flat_map(|network| {
        let [short, long] = DELAYS.map(|delay| format!("delay{delay}"));
        let short: Vec<Row> = measured.of(network.name, &short, 2).cloned().collect();
        let long: Vec<Row> = measured.of(network.name, &long, 2).cloned().collect();
        let both = short.into_iter().zip(long);
        both.map(move |(short, long)| {
            let [first, last] = DELAYS.map(|delay| delay as f64 * 1e-3);
            let found = (long.seconds[0] - short.seconds[0]) / (last - first);
            let [with_short, with_long] = [first, last].map(|latency| {
                let link = Interconnect {
                    latency,
                    ..interconnect::ALL[0]
                };
                model.seconds(network, short.batch, 2, &link, Way::OURS)
            });
            let predicted = (with_long - with_short) / (last - first);
            vec![
                network.name.to_owned(),
                short.batch.to_string(),
                format!("{predicted:.1}"),
                format!("{found:.1}"),
            ]
        })
    });
    table(
        "Two hosts: the latencies of their link that a step takes",
        &words(["network", "batch", "predicted", "measured"]),
        rows,
    )
}
