//! The printed tables, in Markdown.

use super::{Benchmark, data::Source, machine::Machine, measure::Outcome};

pub fn header(benchmark: &Benchmark, machine: &Machine, source: &Source) {
    let Machine { load, date, .. } = machine;
    println!(
        "tuplenet {} and baselines, {date}",
        env!("CARGO_PKG_VERSION")
    );
    println!("{machine}; load average {load} (1 minute)");
    let (rounds, turn) = (benchmark.options.rounds, benchmark.options.turn);
    println!(
        "{rounds} alternating rounds of about {turn} ms each, on {}; pixels: {}",
        benchmark.device, source.name
    );
    if benchmark.avx2 {
        println!("AVX-512 disabled where possible: see the footer");
    }
}

pub fn outcome(outcome: &Outcome, source: &Source) {
    let Outcome {
        case,
        rows,
        left_out,
        ..
    } = outcome;
    let ours = outcome.ours();
    println!("\n**{case}; {}**\n", source.describe(case));
    println!("| microseconds | median | min-max | to ours | differs by |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for row in rows {
        let [median, min, max] = [row.median(), row.min(), row.max()].map(micros);
        let ratio = row.median() / ours.median();
        let (name, version, difference) = (&row.name, &row.version, row.difference);
        println!("| {name} {version} | {median} | {min}-{max} | {ratio:.2} | {difference:.0e} |");
    }
    for baseline in left_out {
        println!("| {}: LEFT OUT: {} | | | | |", baseline.name, baseline.why);
    }
    match outcome.best_baseline() {
        Some(best) => println!(
            "\nbest baseline: {}; {} takes {:.2} of its time",
            best.name,
            ours.name,
            ours.median() / best.median()
        ),
        None => println!("\nno baseline was measured"),
    }
    if let Some(others) = outcome.disturbed() {
        println!(
            "DISTURBED: other programs used {:.0} % of the cores in the meantime; measure again without them",
            others * 100.0
        );
    }
}

pub fn footer(benchmark: &Benchmark, results: &[Outcome]) {
    println!("\n**tuplenet's time divided by the best baseline's; below 1, tuplenet is faster**\n");
    println!(
        "| case | tuplenet | microseconds | best baseline | microseconds | ratio |\n\
         | --- | --- | ---: | --- | ---: | ---: |"
    );
    for outcome in results {
        let (case, ours) = (outcome.case, outcome.ours());
        let Some(best) = outcome.best_baseline() else {
            continue;
        };
        let ratio = ours.median() / best.median();
        let (us, best_us) = (micros(ours.median()), micros(best.median()));
        let disturbed = match outcome.disturbed() {
            Some(_) => ", DISTURBED",
            None => "",
        };
        println!(
            "| {case}, {}{disturbed} | {} | {us} | {} | {best_us} | {ratio:.2} |",
            case.values, ours.name, best.name
        );
    }
    println!();
    for contender in &benchmark.contenders {
        let avx2 = match (benchmark.avx2, contender.supports_avx2_limit) {
            (true, false) => "; AVX-512 NOT DISABLED: it has no setting for that",
            _ => "",
        };
        println!("{}: {}{avx2}", contender.name, contender.settings);
    }
    println!("Baselines in Python are called in a Python loop, whose time is included.");
}

/// Microseconds with about four significant digits.
fn micros(seconds: f64) -> String {
    let micros = seconds * 1e6;
    match micros {
        ..10.0 => format!("{micros:.3}"),
        10.0..100.0 => format!("{micros:.2}"),
        100.0..1000.0 => format!("{micros:.1}"),
        _ => format!("{micros:.0}"),
    }
}
