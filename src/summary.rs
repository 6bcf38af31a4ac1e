//! [`Summary`]: a printable table of a network's layers.

use core::fmt;

use crate::{
    plan::{Op, Plan},
    text::Text,
};

/// The table that [`Network::summary`](crate::Network::summary) returns; print it with `{}`.
///
/// ```
/// use tuplenet::prelude::*;
/// let table = <(Linear<784, 500>, ReLU, Linear<500, 10>)>::summary().to_string();
/// assert!(table.contains("0  Linear          [B, 500]       392,500"));
/// assert!(table.contains("parameters 397,510 (1.6 MB)"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    plan: Plan,
    inputs: usize,
}

impl Summary {
    pub(crate) fn new(plan: Plan, inputs: usize) -> Self {
        Summary { plan, inputs }
    }
}

const RULE: &str = "------------------------------------------------";

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    layer           output          parameters")?;
        writeln!(f, "{RULE}")?;
        writeln!(
            f,
            "    {:<15} {:<14} {:>11}",
            "input",
            shape(self.inputs),
            "-"
        )?;
        for (index, step) in self.plan.steps().iter().enumerate() {
            let name = Cell::of(step.op.name());
            let name = match step.op {
                Op::Dropout { percent } => name.then(" ").then_number(percent as usize).then(" %"),
                Op::LeakyRelu { slope_percent } => name
                    .then(" ")
                    .then_number(slope_percent as usize)
                    .then(" %"),
                _ => name,
            };
            let params = match step.params() {
                0 => Cell::of("-"),
                n => thousands(n),
            };
            let shape = shape(step.outputs);
            writeln!(f, "{index:>2}  {name:<15} {shape:<14} {params:>7}")?;
        }
        writeln!(f, "{RULE}")?;
        let params = self.plan.params();
        let megabytes = params as f64 * 4.0 / 1e6;
        writeln!(f, "parameters {} ({megabytes:.1} MB)", thousands(params))?;
        write!(f, "per sample {} FLOP forward", thousands(self.plan.flop()))
    }
}

type Cell = Text<40>;

/// `[B, 500]`.
fn shape(width: usize) -> Cell {
    Cell::of("[B, ").then_number(width).then("]")
}

/// `392500` as `392,500`.
fn thousands(n: usize) -> Cell {
    if n < 1000 {
        return Cell::new().then_number(n);
    }
    let rest = n % 1000;
    let zeros = match rest {
        0..10 => ",00",
        10..100 => ",0",
        _ => ",",
    };
    thousands(n / 1000).then(zeros).then_number(rest)
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_groups_by_three() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (101_770, "101,770"),
            (1_234_567, "1,234,567"),
            (12_000_034, "12,000,034"),
        ];
        for (n, text) in cases {
            assert_eq!(thousands(n).as_str(), text);
        }
    }
}
