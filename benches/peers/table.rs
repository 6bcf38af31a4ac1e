//! The tables on the terminal; as Markdown, so that they can be pasted.

use crate::{
    contender::Contender, data::Source, machine::Machine, measure::Outcome, options::Options,
};

pub fn head(machine: &Machine, source: &Source, options: &Options) {
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
    let (rounds, turn) = (options.rounds, options.turn);
    println!(
        "{rounds} alternating rounds of about {turn} ms each; pixels: {}",
        source.name
    );
    if options.avx2 {
        println!("kept to AVX2, where it can be: see the foot");
    }
}

pub fn outcome(outcome: &Outcome, source: &Source) {
    let Outcome { case, rows, .. } = outcome;
    println!("\n**{case}; {}**\n", source.describe(case));
    println!("| microseconds | median | min-max | to ours | differs by |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for row in rows {
        let [median, least, most] = [row.median(), row.least(), row.most()].map(micros);
        let ratio = row.median() / rows[0].median();
        let (name, version, difference) = (&row.name, &row.version, row.difference);
        println!(
            "| {name} {version} | {median} | {least}-{most} | {ratio:.2} | {difference:.0e} |"
        );
    }
    match outcome.best_rival() {
        Some(best) => println!(
            "\nbest rival: {}; ours takes {:.2} of its time",
            best.name,
            rows[0].median() / best.median()
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

pub fn foot(contenders: &[Contender], results: &[Outcome], options: &Options) {
    println!("\n**ours to the best rival, below 1 is faster**\n");
    println!(
        "| case | ours, us | best rival | its us | ratio |\n| --- | ---: | --- | ---: | ---: |"
    );
    for outcome in results {
        let (case, rows) = (&outcome.case, &outcome.rows);
        let Some(best) = outcome.best_rival() else {
            continue;
        };
        let data = if case.dense { "dense" } else { "pixels" };
        let (ours, theirs) = (rows[0].median(), best.median());
        let (us, best_us, ratio) = (micros(ours), micros(theirs), ours / theirs);
        let disturbed = match outcome.disturbed() {
            Some(_) => ", DISTURBED",
            None => "",
        };
        println!(
            "| {case}, {data}{disturbed} | {us} | {} | {best_us} | {ratio:.2} |",
            best.name
        );
    }
    println!();
    for contender in contenders {
        let avx2 = match (options.avx2, contender.restrictable) {
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
