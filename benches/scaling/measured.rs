//! The rows of `measured.tsv`: what `measure` prints and `model` reads.

use std::{fmt, fs, path::Path, str::FromStr};

use crate::Result;

/// The names of the columns.
pub const HEADER: &str = "network\tvariant\tranks\trank\tbatch\tgradient_bytes\tseconds\tmin\tmax\twaited\tto_alone\tlow\thigh";

/// One case as one rank has measured it.
#[derive(Clone, Debug)]
pub struct Row {
    pub network: String,
    /// `alone` for the engine without `Distributed`; `distributed`, or with `bf16` or `localK`, or `delayM` on two hosts.
    pub variant: String,
    pub ranks: usize,
    pub rank: usize,
    /// Samples of a step, of all ranks together.
    pub batch: usize,
    pub gradient_bytes: usize,
    /// Median, minimum and maximum of all turns, for a step.
    pub seconds: [f64; 3],
    /// The share of the time that the rank has waited for sums of gradients.
    pub waited: f64,
    /// The time of a turn divided by that of the engine alone in the same round: median and quartiles. 1 where it is alone.
    pub to_alone: [f64; 3],
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row {
            network,
            variant,
            ranks,
            rank,
            batch,
            gradient_bytes,
            seconds: [seconds, min, max],
            waited,
            to_alone: [ratio, low, high],
        } = self;
        write!(
            f,
            "{network}\t{variant}\t{ranks}\t{rank}\t{batch}\t{gradient_bytes}\t{seconds:.4e}\t{min:.4e}\t{max:.4e}\t\
             {waited:.4}\t{ratio:.4}\t{low:.4}\t{high:.4}"
        )
    }
}

impl FromStr for Row {
    type Err = String;

    fn from_str(line: &str) -> std::result::Result<Self, String> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [
            network,
            variant,
            ranks,
            rank,
            batch,
            gradient_bytes,
            numbers @ ..,
        ] = &fields[..]
        else {
            return Err("expected 13 columns, separated by tabs".to_owned());
        };
        let count = |text: &str| text.parse::<usize>().map_err(|error| error.to_string());
        let numbers = numbers.iter().map(|text| text.parse::<f64>());
        let numbers: std::result::Result<Vec<f64>, _> = numbers.collect();
        let numbers = numbers.map_err(|error| error.to_string())?;
        let [seconds, min, max, waited, ratio, low, high] = numbers[..] else {
            return Err(format!("expected 13 columns, found {}", fields.len()));
        };
        Ok(Row {
            network: (*network).to_owned(),
            variant: (*variant).to_owned(),
            ranks: count(ranks)?,
            rank: count(rank)?,
            batch: count(batch)?,
            gradient_bytes: count(gradient_bytes)?,
            seconds: [seconds, min, max],
            waited,
            to_alone: [ratio, low, high],
        })
    }
}

/// All rows of a file.
pub struct Measured(pub Vec<Row>);

impl Measured {
    pub fn read(path: &Path) -> Result<Self> {
        let error = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|source| error(&source))?;
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.starts_with('#') && *line != HEADER);
        let rows = lines.map(|(at, line)| {
            line.parse()
                .map_err(|what: String| error(&format!("line {}: {what}", at + 1)))
        });
        Ok(Measured(rows.collect::<std::result::Result<_, String>>()?))
    }

    /// Rank 0's rows of a network in a variant.
    pub fn of<'a>(
        &'a self,
        network: &'a str,
        variant: &'a str,
        ranks: usize,
    ) -> impl Iterator<Item = &'a Row> {
        self.0.iter().filter(move |row| {
            (&row.network[..], &row.variant[..], row.ranks, row.rank)
                == (network, variant, ranks, 0)
        })
    }
}
