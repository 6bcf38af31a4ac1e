//! The figures as JSON; benches/README.md documents the format.

use serde_json::{Value, json};

use super::{Benchmark, data::Source, machine::Machine, measure::Outcome};

pub fn json(
    benchmark: &Benchmark,
    machine: &Machine,
    source: &Source,
    results: &[Outcome],
) -> Value {
    let contenders = benchmark.contenders.iter().map(|contender| {
        json!({
            "id": contender.id,
            "name": contender.name,
            "settings": contender.settings,
            "limited_to_avx2": benchmark.avx2 && contender.supports_avx2_limit,
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
        "device": benchmark.device,
        "avx2": benchmark.avx2,
        "rounds": benchmark.options.rounds,
        "contenders": contenders.collect::<Vec<_>>(),
        "cases": results.iter().map(of_case).collect::<Vec<_>>(),
    })
}

fn of_case(outcome: &Outcome) -> Value {
    let Outcome {
        case,
        rows,
        left_out,
        others,
    } = outcome;
    let ours = outcome.ours();
    let best = outcome.best_baseline();
    let rows = rows.iter().map(|row| {
        json!({
            "id": row.id,
            "version": row.version,
            "median_us": row.median() * 1e6,
            "min_us": row.min() * 1e6,
            "max_us": row.max() * 1e6,
            "ratio_to_ours": row.median() / ours.median(),
            "steps_per_turn": row.steps,
            "largest_difference": row.difference,
        })
    });
    let left_out = left_out
        .iter()
        .map(|baseline| json!({ "id": baseline.id, "why": baseline.why }));
    json!({
        "task": case.task(),
        "network": case.network,
        "batch": case.batch,
        "data": case.values.to_string(),
        "threads": case.threads,
        "others_share_of_cores": others,
        "rows": rows.collect::<Vec<_>>(),
        "left_out": left_out.collect::<Vec<_>>(),
        "best_of_ours": ours.id,
        "best_baseline": best.map(|row| row.id),
        "ours_to_best_baseline": best.map(|row| ours.median() / row.median()),
    })
}
