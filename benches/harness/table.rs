//! The tables on the terminal; as Markdown, so that they can be pasted.

use super::{Benchmark, data::Source, machine::Machine, measure::Outcome};

pub fn head(benchmark: &Benchmark, machine: &Machine, source: &Source) {
    let Machine {
        cpu,
        cores,
        l2,
        simd,
        load,
        date,
    } = machine;
    println!(
        "tuplenet {} and its rivals, {date}",
        env!("CARGO_PKG_VERSION")
    );
    println!("{cpu}, {cores} cores, L2 {l2}, {simd}; load of the last minute {load}");
    let (rounds, turn) = (benchmark.options.rounds, benchmark.options.turn);
    println!(
        "{rounds} alternating rounds of about {turn} ms each, on {}; pixels: {}",
        benchmark.device, source.name
    );
    if benchmark.avx2 {
        println!("kept to AVX2, where it can be: see the foot");
    }
}

pub fn outcome(outcome: &Outcome, source: &Source) {
    let Outcome {
        case, rows, absent, ..
    } = outcome;
    let ours = outcome.ours();
    println!("\n**{case}; {}**\n", source.describe(case));
    println!("| microseconds | median | min-max | to ours | differs by |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for row in rows {
        let [median, least, most] = [row.median(), row.least(), row.most()].map(micros);
        let ratio = row.median() / ours.median();
        let (name, version, difference) = (&row.name, &row.version, row.difference);
        println!(
            "| {name} {version} | {median} | {least}-{most} | {ratio:.2} | {difference:.0e} |"
        );
    }
    for rival in absent {
        println!("| {}: LEFT OUT: {} | | | | |", rival.name, rival.why);
    }
    match outcome.best_rival() {
        Some(best) => println!(
            "\nbest rival: {}; {} takes {:.2} of its time",
            best.name,
            ours.name,
            ours.median() / best.median()
        ),
        None => println!("\nno rival took part"),
    }
    if let Some(others) = outcome.disturbed() {
        println!(
            "DISTURBED: other programs took {:.0} % of the cores meanwhile; measure again when they are gone",
            others * 100.0
        );
    }
}

pub fn foot(benchmark: &Benchmark, results: &[Outcome]) {
    println!("\n**ours to the best rival, below 1 is faster**\n");
    println!(
        "| case | ours | its us | best rival | its us | ratio |\n\
         | --- | --- | ---: | --- | ---: | ---: |"
    );
    for outcome in results {
        let (case, ours) = (outcome.case, outcome.ours());
        let Some(best) = outcome.best_rival() else {
            continue;
        };
        let data = if case.dense { "dense" } else { "pixels" };
        let ratio = ours.median() / best.median();
        let (us, best_us) = (micros(ours.median()), micros(best.median()));
        let disturbed = match outcome.disturbed() {
            Some(_) => ", DISTURBED",
            None => "",
        };
        println!(
            "| {case}, {data}{disturbed} | {} | {us} | {} | {best_us} | {ratio:.2} |",
            ours.name, best.name
        );
    }
    println!();
    for contender in &benchmark.contenders {
        let avx2 = match (benchmark.avx2, contender.restrictable) {
            (true, false) => "; NOT KEPT TO AVX2: it has no setting for that",
            _ => "",
        };
        println!("{}: {}{avx2}", contender.name, contender.settings);
    }
    println!("Python's rivals are called in a Python loop, whose time counts.");
}

/// Microseconds with about four digits.
fn micros(seconds: f64) -> String {
    let micros = seconds * 1e6;
    match micros {
        ..10.0 => format!("{micros:.3}"),
        10.0..100.0 => format!("{micros:.2}"),
        100.0..1000.0 => format!("{micros:.1}"),
        _ => format!("{micros:.0}"),
    }
}
