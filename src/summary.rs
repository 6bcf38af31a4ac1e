//! A network's table for people.

use std::fmt;

use crate::plan::{Op, Plan};

/// The table that [`Network::summary`](crate::Network::summary) gives; print it with `{}`.
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
            format!("[B, {}]", self.inputs),
            "-"
        )?;
        for (index, step) in self.plan.steps().iter().enumerate() {
            let name = match step.op {
                Op::Dropout { percent } => format!("Dropout {percent} %"),
                Op::LeakyRelu { slope_percent } => format!("LeakyReLU {slope_percent} %"),
                op => op.name().to_owned(),
            };
            let params = match step.params() {
                0 => "-".to_owned(),
                n => thousands(n),
            };
            writeln!(
                f,
                "{index:>2}  {name:<15} {:<14} {params:>7}",
                format!("[B, {}]", step.outputs)
            )?;
        }
        writeln!(f, "{RULE}")?;
        let params = self.plan.params();
        let megabytes = params as f64 * 4.0 / 1e6;
        writeln!(f, "parameters {} ({megabytes:.1} MB)", thousands(params))?;
        write!(f, "per sample {} FLOP forward", thousands(self.plan.flop()))
    }
}

/// `392500` as `392,500`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
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
        ];
        for (n, text) in cases {
            assert_eq!(thousands(n), text);
        }
    }
}
