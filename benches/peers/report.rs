//! The same figures as JSON; benches/README.md describes its shape.

use serde_json::{Value, json};

use crate::{
    contender::Contender, data::Source, machine::Machine, measure::Outcome, options::Options,
};

pub fn json(
    machine: &Machine,
    source: &Source,
    options: &Options,
    contenders: &[Contender],
    results: &[Outcome],
) -> Value {
    let contenders = contenders.iter().map(|contender| {
        json!({
            "id": contender.id,
            "name": contender.name,
            "settings": contender.settings,
            "kept_to_avx2": options.avx2 && contender.restrictable,
        })
    });
    json!({
        "date": machine.date,
        "tuplenet": env!("CARGO_PKG_VERSION"),
        "machine": {
            "cpu": machine.cpu,
            "cores": machine.cores,
            "l2": machine.l2,
            "simd": machine.simd,
            "load": machine.load,
        },
        "pixels": source.name,
        "avx2": options.avx2,
        "rounds": options.rounds,
        "contenders": contenders.collect::<Vec<_>>(),
        "cases": results.iter().map(of_case).collect::<Vec<_>>(),
    })
}

fn of_case(outcome: &Outcome) -> Value {
    let Outcome { case, rows, others } = outcome;
    let ours = rows[0].median();
    let best = outcome.best_rival();
    let rows = rows.iter().map(|row| {
        json!({
            "id": row.id,
            "version": row.version,
            "median_us": row.median() * 1e6,
            "min_us": row.least() * 1e6,
            "max_us": row.most() * 1e6,
            "ratio_to_ours": row.median() / ours,
            "steps_per_turn": row.steps,
            "largest_difference": row.difference,
        })
    });
    json!({
        "task": case.task(),
        "shape": case.shape,
        "batch": case.batch,
        "data": if case.dense { "dense" } else { "pixels" },
        "threads": case.threads,
        "others_share_of_cores": others,
        "rows": rows.collect::<Vec<_>>(),
        "best_rival": best.map(|row| row.id),
        "ours_to_best_rival": best.map(|row| ours / row.median()),
    })
}
