//! One case: set up all, hold their values against ours, then time them in alternating turns.

use std::path::Path;

use super::{
    Benchmark,
    case::Case,
    others::{DISTURBED, Ticks},
    process::Process,
    served::Result,
};

/// Training steps whose losses are compared.
const CHECKED_STEPS: usize = 32;
/// The largest relative difference to ours that still counts as the same work.
const TOLERANCE: f32 = 1e-3;
/// Training steps of a turn at most: every turn begins afresh, and long after the batches are
/// learnt there would be little but denormal numbers to add.
const MOST_STEPS: usize = 640;

/// What came of one case.
pub struct Outcome<'a> {
    pub case: &'a Case,
    /// Ours first.
    pub rows: Vec<Row>,
    /// Rivals that could not take part.
    pub absent: Vec<Absent>,
    /// The share of all cores that other programs took meanwhile; `None` where it is not known.
    pub others: Option<f64>,
}

/// What one contender did in one case.
pub struct Row {
    pub id: &'static str,
    pub name: String,
    pub ours: bool,
    pub version: String,
    /// Steps of a turn.
    pub steps: usize,
    /// Seconds of a step, a turn each, from least to most.
    pub seconds: Vec<f64>,
    /// The largest relative difference of its losses or logits to ours.
    pub difference: f32,
}

/// A rival that could not take part in a case, and what it said.
pub struct Absent {
    pub id: &'static str,
    pub name: String,
    pub why: String,
}

impl Row {
    pub fn median(&self) -> f64 {
        let (half, odd) = (self.seconds.len() / 2, self.seconds.len() % 2 == 1);
        match odd {
            true => self.seconds[half],
            false => (self.seconds[half - 1] + self.seconds[half]) / 2.0,
        }
    }

    pub fn least(&self) -> f64 {
        self.seconds[0]
    }

    pub fn most(&self) -> f64 {
        self.seconds[self.seconds.len() - 1]
    }
}

impl Outcome<'_> {
    /// Ours; the fastest, where more than one of ours took part.
    pub fn ours(&self) -> &Row {
        self.fastest(true).unwrap_or(&self.rows[0])
    }

    pub fn best_rival(&self) -> Option<&Row> {
        self.fastest(false)
    }

    fn fastest(&self, ours: bool) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| row.ours == ours);
        rows.min_by(|a, b| a.median().total_cmp(&b.median()))
    }

    /// The share that others took, if it is too much.
    pub fn disturbed(&self) -> Option<f64> {
        self.others.filter(|&others| others > DISTURBED)
    }
}

/// Measures a case; its contenders have ended when it returns.
pub fn measure<'a>(benchmark: &Benchmark, case: &'a Case, folder: &Path) -> Result<Outcome<'a>> {
    let start = Ticks::now();
    let (rows, absent) = rows(benchmark, case, folder)?;
    let others = start.zip(Ticks::now());
    let others = others.map(|(start, end)| end.others_since(&start));
    Ok(Outcome {
        case,
        rows,
        absent,
        others,
    })
}

fn rows(benchmark: &Benchmark, case: &Case, folder: &Path) -> Result<(Vec<Row>, Vec<Absent>)> {
    let (options, contenders) = (benchmark.options, &benchmark.contenders);
    let mut at_work: Vec<(Process, Row)> = Vec::new();
    let mut absent = Vec::new();
    let mut ours = Vec::new();
    for contender in contenders.iter().filter(|contender| contender.takes(case)) {
        let command = contender.command(case, benchmark.avx2);
        let setup = format!("{} {}", case.setup(), folder.display());
        let started = Process::start(command, contender.id, folder)
            .and_then(|mut process| Ok((process.ask(&setup)?, process)));
        let (answer, mut process) = match started {
            Ok(started) => started,
            Err(error) if contender.ours => return Err(error),
            Err(error) => {
                absent.push(Absent {
                    id: contender.id,
                    name: contender.name.clone(),
                    why: error.to_string(),
                });
                continue;
            }
        };
        let values = checked_values(&mut process, case)?;
        let difference = match at_work.is_empty() {
            true => 0.0,
            false => difference(&ours, &values, case),
        };
        if difference > TOLERANCE || difference.is_nan() {
            let name = &contender.name;
            return Err(format!(
                "{case}: {name} does not do the same work: its values differ from ours by \
                 {difference:.1e}, more than {TOLERANCE:.0e}\nours   {ours:?}\ntheirs {values:?}"
            )
            .into());
        }
        if at_work.is_empty() {
            ours = values;
        }
        let row = Row {
            id: contender.id,
            name: contender.name.clone(),
            ours: contender.ours,
            version: answer.strip_prefix("ready ").unwrap_or_default().to_owned(),
            steps: steps_of_a_turn(&mut process, case, options.turn)?,
            seconds: Vec::new(),
            difference,
        };
        process.pause()?;
        at_work.push((process, row));
    }
    for _ in 0..options.rounds {
        for (process, row) in &mut at_work {
            process.resume()?;
            process.ask("reset")?;
            process.run((row.steps / 8).max(2))?;
            row.seconds.push(process.run(row.steps)? / row.steps as f64);
            process.pause()?;
        }
    }
    let mut rows: Vec<Row> = at_work.into_iter().map(|(_, row)| row).collect();
    for row in &mut rows {
        row.seconds.sort_by(f64::total_cmp);
    }
    Ok((rows, absent))
}

/// The losses of the first steps, or the logits of the first samples.
fn checked_values(process: &mut Process, case: &Case) -> Result<Vec<f32>> {
    let count = if case.trains {
        // A step for what is made in the first, such as an optimiser's state, then from the start.
        process.run(1)?;
        process.ask("reset")?;
        CHECKED_STEPS
    } else {
        case.shape[2] * case.batch.min(16)
    };
    process.run(CHECKED_STEPS)?;
    let answer = process.ask(&format!("values {count}"))?;
    let values = answer
        .split(' ')
        .map(str::parse)
        .collect::<std::result::Result<Vec<f32>, _>>()?;
    match values.len() == count {
        true => Ok(values),
        false => Err(format!("expected {count} values, found {}", values.len()).into()),
    }
}

/// The largest difference, relative to each loss, or to the largest logit.
fn difference(ours: &[f32], theirs: &[f32], case: &Case) -> f32 {
    let largest = ours
        .iter()
        .fold(0.0, |most: f32, value| most.max(value.abs()));
    let relative = ours.iter().zip(theirs).map(|(ours, theirs)| {
        let whole = if case.trains { ours.abs() } else { largest };
        (ours - theirs).abs() / whole
    });
    // `f32::max` would lose a NaN.
    relative.fold(0.0, |most, value| if value <= most { most } else { value })
}

fn steps_of_a_turn(process: &mut Process, case: &Case, turn_ms: u64) -> Result<usize> {
    const TRIED: usize = 3;
    process.ask("reset")?;
    let seconds = process.run(TRIED)? / TRIED as f64;
    let steps = (turn_ms as f64 / 1e3 / seconds).ceil() as usize;
    let most = if case.trains { MOST_STEPS } else { usize::MAX };
    Ok(steps.clamp(TRIED, most))
}
