//! One case: sets up all contenders, compares their values with tuplenet's, then times them in alternating turns.

use std::path::Path;

use super::{
    Benchmark,
    case::Case,
    contender::Contender,
    others::{DISTURBED, Ticks},
    process::Process,
    served::Result,
};

/// The maximum number of training steps of a turn. Every turn restarts from the initial weights; long after convergence
/// the moments decay to denormal numbers, which are slow.
const MAX_STEPS: usize = 640;

/// The result of one case.
pub struct Outcome<'a> {
    pub case: &'a Case,
    /// tuplenet's first.
    pub rows: Vec<Row>,
    /// The baselines that could not run it.
    pub left_out: Vec<LeftOut>,
    /// The fraction of all cores that other programs used in the meantime; `None` if unknown.
    pub others: Option<f64>,
}

/// The measurements of one contender in one case.
pub struct Row {
    pub id: &'static str,
    pub name: String,
    pub ours: bool,
    pub version: String,
    /// The number of steps of a turn.
    pub steps: usize,
    /// Seconds per step of each turn, in ascending order.
    pub seconds: Vec<f64>,
    /// The largest relative difference of its losses or logits from tuplenet's.
    pub difference: f32,
}

/// A baseline that could not run a case, and its error message.
pub struct LeftOut {
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

    pub fn min(&self) -> f64 {
        self.seconds[0]
    }

    pub fn max(&self) -> f64 {
        self.seconds[self.seconds.len() - 1]
    }
}

impl Outcome<'_> {
    /// tuplenet's row; the fastest one if there are several.
    pub fn ours(&self) -> &Row {
        self.fastest(true).unwrap_or(&self.rows[0])
    }

    pub fn best_baseline(&self) -> Option<&Row> {
        self.fastest(false)
    }

    fn fastest(&self, ours: bool) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| row.ours == ours);
        rows.min_by(|a, b| a.median().total_cmp(&b.median()))
    }

    /// The fraction of the cores that other programs used, if it is too large.
    pub fn disturbed(&self) -> Option<f64> {
        self.others.filter(|&others| others > DISTURBED)
    }
}

/// Measures a case; its contenders have exited when it returns.
pub fn measure<'a>(benchmark: &Benchmark, case: &'a Case, folder: &Path) -> Result<Outcome<'a>> {
    let start = Ticks::now();
    let (rows, left_out) = rows(benchmark, case, folder)?;
    let others = start.zip(Ticks::now());
    let others = others.map(|(start, end)| end.others_since(&start));
    Ok(Outcome {
        case,
        rows,
        left_out,
        others,
    })
}

fn rows(benchmark: &Benchmark, case: &Case, folder: &Path) -> Result<(Vec<Row>, Vec<LeftOut>)> {
    let (options, contenders) = (benchmark.options, &benchmark.contenders);
    let mut processes: Vec<(Process, Row)> = Vec::new();
    let mut left_out = Vec::new();
    let mut ours = Vec::new();
    for contender in contenders
        .iter()
        .filter(|contender| contender.supports(case))
    {
        let command = contender.command(case, benchmark.avx2);
        let setup = format!("{} {}", case.setup(), folder.display());
        let started = Process::start(command, contender.id, folder)
            .and_then(|mut process| Ok((process.ask(&setup)?, process)));
        let (answer, mut process) = match started {
            Ok(started) => started,
            Err(error) if contender.ours => return Err(error),
            Err(error) => {
                left_out.push(LeftOut {
                    id: contender.id,
                    name: contender.name.clone(),
                    why: error.to_string(),
                });
                continue;
            }
        };
        let values = checked_values(&mut process, case)?;
        if processes.is_empty() {
            ours.clone_from(&values);
        }
        check(contender, case, &ours, &values)?;
        let row = Row {
            id: contender.id,
            name: contender.name.clone(),
            ours: contender.ours,
            version: answer.strip_prefix("ready ").unwrap_or_default().to_owned(),
            steps: steps_per_turn(&mut process, case, options.turn)?,
            seconds: Vec::new(),
            difference: difference(&ours, &values, case),
        };
        process.pause()?;
        processes.push((process, row));
    }
    for _ in 0..options.rounds {
        for (process, row) in &mut processes {
            process.resume()?;
            process.ask("reset")?;
            process.run((row.steps / 8).max(2))?;
            row.seconds.push(process.run(row.steps)? / row.steps as f64);
            process.pause()?;
        }
    }
    let mut rows: Vec<Row> = processes.into_iter().map(|(_, row)| row).collect();
    for row in &mut rows {
        row.seconds.sort_by(f64::total_cmp);
    }
    Ok((rows, left_out))
}

/// The losses of the first steps, or the logits of the first samples.
fn checked_values(process: &mut Process, case: &Case) -> Result<Vec<f32>> {
    let count = if case.trains {
        // The first step also allocates, for example an optimiser's state.
        process.run(1)?;
        process.ask("reset")?;
        case.checked_steps()
    } else {
        case.widths[1] * case.batch.min(16)
    };
    process.run(case.checked_steps())?;
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

/// Checks that the contender's values are tuplenet's, as far as they must be.
fn check(contender: &Contender, case: &Case, ours: &[f32], theirs: &[f32]) -> Result<()> {
    let count = contender.equal_values(theirs.len());
    let difference = difference(&ours[..count], &theirs[..count], case);
    let (name, tolerance) = (&contender.name, contender.tolerance(case));
    if difference <= tolerance {
        return Ok(());
    }
    Err(format!(
        "{case}: {name} computes something else: its values differ from tuplenet's by \
         {difference:.1e}, more than {tolerance:.0e}\ntuplenet {ours:?}\n{name} {theirs:?}"
    )
    .into())
}

/// The largest difference, relative to the respective loss or to the largest logit.
fn difference(ours: &[f32], theirs: &[f32], case: &Case) -> f32 {
    let largest = ours
        .iter()
        .fold(0.0, |max: f32, value| max.max(value.abs()));
    let relative = ours.iter().zip(theirs).map(|(ours, theirs)| {
        let scale = if case.trains { ours.abs() } else { largest };
        (ours - theirs).abs() / scale
    });
    // `f32::max` would ignore a NaN.
    relative.fold(0.0, |max, value| if value <= max { max } else { value })
}

fn steps_per_turn(process: &mut Process, case: &Case, turn_ms: u64) -> Result<usize> {
    const TRIAL_STEPS: usize = 3;
    process.ask("reset")?;
    let seconds = process.run(TRIAL_STEPS)? / TRIAL_STEPS as f64;
    let steps = (turn_ms as f64 / 1e3 / seconds).ceil() as usize;
    let max = if case.trains { MAX_STEPS } else { usize::MAX };
    Ok(steps.clamp(TRIAL_STEPS, max))
}
