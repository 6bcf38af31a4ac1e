//! [`Summary`]: a printable table of a network's layers.

use core::fmt;

use crate::{
    plan::{MAX_PATH_BYTES, Op, Plan, Step},
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
    /// The dimensions of the input.
    input: &'static [usize],
}

impl Summary {
    pub(crate) fn new(plan: Plan, input: &'static [usize]) -> Self {
        Summary { plan, input }
    }

    /// The dimensions of the input, then those of every step's output.
    fn dims(&self) -> [Dims; Plan::CAPACITY + 1] {
        let mut dims = [Dims::of(self.input); Plan::CAPACITY + 1];
        for (index, step) in self.plan.steps().iter().enumerate() {
            dims[index + 1] = dims[(index + 1).saturating_sub(step.back)].after(step);
        }
        dims
    }
}

/// The width of the column of shapes, unless one is longer.
const MIN_WIDTH: usize = 14;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims = self.dims();
        let steps = self.plan.steps();
        let shapes = dims.iter().take(steps.len() + 1);
        let longest = shapes.map(|dims| dims.batch().as_str().len()).max();
        let width = longest.unwrap_or(0).max(MIN_WIDTH);
        let paths = steps.iter().map(|step| path(step).as_str().len());
        let left = paths.max().unwrap_or(0).max(2);
        // Of the columns: the path, 15 for the layer, the shape, 7 for the parameters, and what is between them.
        let rule = |f: &mut fmt::Formatter<'_>| writeln!(f, "{:-<1$}", "", left + 32 + width);

        let nothing = "";
        writeln!(
            f,
            "{nothing:left$}  {:<15} {:<width$}  parameters",
            "layer", "output"
        )?;
        rule(f)?;
        let shape = dims[0].batch();
        writeln!(
            f,
            "{nothing:left$}  {:<15} {shape:<width$} {:>11}",
            "input", "-"
        )?;
        for (step, dims) in steps.iter().zip(&dims[1..]) {
            // one of two inputs, which is no layer
            if matches!(step.op, Op::Narrow { .. }) {
                continue;
            }
            let name = Cell::of(step.op.name());
            let name = match step.op {
                Op::Dropout { percent }
                | Op::Dropout2d { percent, .. }
                | Op::LeakyRelu {
                    slope_percent: percent,
                }
                | Op::Elu {
                    alpha_percent: percent,
                } => name.then(" ").then_number(percent as usize).then(" %"),
                _ => name,
            };
            let params = match step.params() {
                0 => Cell::of("-"),
                n => thousands(n),
            };
            let (path, shape) = (path(step), dims.batch());
            writeln!(f, "{path:>left$}  {name:<15} {shape:<width$} {params:>7}")?;
        }
        rule(f)?;
        let params = self.plan.params();
        let megabytes = params as f64 * 4.0 / 1e6;
        writeln!(f, "parameters {} ({megabytes:.1} MB)", thousands(params))?;
        let kilobytes = self.plan.activation_bytes() as f64 / 1e3;
        let flop = thousands(self.plan.flop());
        write!(
            f,
            "per sample {flop} FLOP forward, activations {kilobytes:.1} kB"
        )
    }
}

type Cell = Text<40>;

fn path(step: &Step) -> Text<MAX_PATH_BYTES> {
    step.path.text()
}

/// The dimensions of a sample: those of an image, or one.
#[derive(Clone, Copy)]
struct Dims {
    sizes: [usize; 3],
    rank: usize,
}

impl Dims {
    fn of(sizes: &[usize]) -> Self {
        let mut dims = Dims {
            sizes: [0; 3],
            rank: sizes.len().min(3),
        };
        for (to, size) in dims.sizes.iter_mut().zip(sizes) {
            *to = *size;
        }
        dims
    }

    /// Those of a step's output, given those of its input.
    fn after(self, step: &Step) -> Self {
        match (step.op, step.op.window()) {
            (_, Some(window)) => Dims::of(&window.output),
            (Op::TokenEmbedding { .. }, None) => {
                Dims::of(&[step.outputs / step.inputs, 1, step.inputs])
            }
            (op, None) if op.gives_a_vector() => Dims::of(&[step.outputs]),
            (Op::Concat { .. }, None) => self.with_len(step.outputs),
            _ => self,
        }
    }

    /// As many channels or features as give this number of values.
    fn with_len(mut self, len: usize) -> Self {
        let [_, rows, columns] = self.sizes;
        self.sizes[0] = match self.rank {
            3 => len / (rows * columns).max(1),
            _ => len,
        };
        self
    }

    /// `[B, 500]`, `[B, 6, 28, 28]`.
    fn batch(self) -> Cell {
        let mut cell = Cell::of("[B");
        for &size in self.sizes.iter().take(self.rank) {
            cell = cell.then(", ").then_number(size);
        }
        cell.then("]")
    }
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
    use crate::{prelude::*, shape::Image};

    #[test]
    fn percentages_follow_the_names() {
        type Images = (Image<1, 2, 2>, Dropout2d<30>);
        let table = Images::summary().to_string();
        assert!(
            table.contains(" 0  Dropout2d 30 %  [B, 1, 2, 2]"),
            "{table}"
        );
        type Net = (Linear<4, 3>, LeakyReLU, ELU<50>, Dropout<20>, ELU);
        let table = Net::summary().to_string();
        for (layer, words) in [
            (1, "LeakyReLU 1 %"),
            (2, "ELU 50 %"),
            (3, "Dropout 20 %"),
            (4, "ELU 100 %"),
        ] {
            let line = format!(" {layer}  {words:<15} [B, 3]");
            assert!(table.contains(&line), "{line} in\n{table}");
        }
    }

    #[test]
    fn a_pair_has_the_lines_of_its_layers() {
        use crate::layers::Dot;
        type Net = (
            Parallel<(Embedding<90, 7>, (Linear<3, 7>, Tanh)), Dot>,
            Linear<1, 2>,
        );
        let table = Net::summary().to_string();
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let expected = [
            "input [B, 4] -",
            "0.branches.0.0 Embedding [B, 7] 630",
            "0.branches.1.0 Linear [B, 7] 28",
            "0.branches.1.1 Tanh [B, 7] -",
            "0 Dot [B, 1] -",
            "1 Linear [B, 2] 4",
        ];
        assert_eq!(lines[2..8], expected, "{table}");
    }

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
