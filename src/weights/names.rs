//! The names of a network's tensors in a file.

use super::{Mismatch, place::Dtype};
use crate::{
    plan::{MAX_PATH_BYTES, Op, Path, Plan, Step},
    text::{Text, same},
};

/// The names of the layers that have parameters or statistics.
#[derive(Clone, Copy, Debug)]
pub enum Names<'a> {
    /// As in `torch.nn.Sequential`: a layer's number among all layers, or its [`Path`].
    Sequential,
    /// One for each layer with parameters or statistics, in order, as in `fc1`, `fc2`.
    Listed(&'a [&'a str]),
}

/// One of a layer's tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Weight,
    Bias,
    /// The means of a batch normalisation or of a standardisation.
    Mean,
    /// The variances of a batch normalisation, the standard deviations of a standardisation.
    Spread,
    NumBatchesTracked,
}

impl Part {
    /// The maximum number of tensors of a layer.
    pub(crate) const MAX: usize = 5;
    /// The parameters, in a layer's order; some layers have no bias.
    pub(crate) const PARAMETERS: [Part; 2] = [Part::Weight, Part::Bias];
    /// The statistics of a batch normalisation or of a standardisation, in a layer's order.
    pub(crate) const STATISTICS: [Part; 2] = [Part::Mean, Part::Spread];

    /// All tensors of a layer in a file.
    pub(crate) const fn of(step: &Step) -> &'static [Part] {
        match step.op {
            Op::BatchNorm { .. } => &[
                Part::Weight,
                Part::Bias,
                Part::Mean,
                Part::Spread,
                Part::NumBatchesTracked,
            ],
            Op::Standardize => &Part::STATISTICS,
            _ if !step.has_bias() => &[Part::Weight],
            _ => &Part::PARAMETERS,
        }
    }

    pub(crate) const fn name(self, step: &Step) -> &'static str {
        match (self, step.op) {
            (Part::Weight, _) => "weight",
            (Part::Bias, _) => "bias",
            (Part::Mean, Op::Standardize) => "mean",
            (Part::Mean, _) => "running_mean",
            (Part::Spread, Op::Standardize) => "std",
            (Part::Spread, _) => "running_var",
            (Part::NumBatchesTracked, _) => "num_batches_tracked",
        }
    }

    /// The dtype that is written.
    pub(crate) const fn dtype(self) -> Dtype {
        match self {
            Part::NumBatchesTracked => Dtype::I64,
            _ => Dtype::F32,
        }
    }

    /// `[O, I]`, or `[O, C / G, K, L]` for a convolution; `[O]` for a bias; of a batch normalisation, `[C]` and, for the
    /// number of batches, `[]`; of a layer normalisation, the shape of what it normalises; `[C]` for slopes; `[V, O]` for
    /// an embedding; `[I]` for statistics of features.
    pub(crate) const fn shape(self, step: &Step) -> Shape {
        let [outputs, inputs] = step.weight_matrix();
        match (self, step.op) {
            (Part::NumBatchesTracked, _) => Shape {
                sizes: [1; 4],
                rank: 0,
            },
            (
                _,
                Op::LayerNorm {
                    image: Some([channels, rows, columns]),
                },
            ) => Shape {
                sizes: [channels, rows, columns, 1],
                rank: 3,
            },
            (Part::Mean | Part::Spread, Op::Standardize) => Shape {
                sizes: [step.inputs, 1, 1, 1],
                rank: 1,
            },
            (Part::Bias | Part::Mean | Part::Spread, _)
            | (Part::Weight, Op::BatchNorm { .. } | Op::LayerNorm { .. } | Op::PRelu { .. }) => {
                Shape {
                    sizes: [outputs, 1, 1, 1],
                    rank: 1,
                }
            }
            (Part::Weight, Op::Conv2d(window)) => {
                let [inputs, _] = window.group_channels();
                let [rows, columns] = window.kernel;
                match window.is_1d {
                    true => Shape {
                        sizes: [outputs, inputs, columns, 1],
                        rank: 3,
                    },
                    false => Shape {
                        sizes: [outputs, inputs, rows, columns],
                        rank: 4,
                    },
                }
            }
            (Part::Weight, _) if step.is_table() => Shape {
                sizes: [inputs, outputs, 1, 1],
                rank: 2,
            },
            (Part::Weight, _) => Shape {
                sizes: [outputs, inputs, 1, 1],
                rank: 2,
            },
        }
    }
}

/// A tensor's shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) sizes: [usize; 4],
    pub(crate) rank: usize,
}

impl Shape {
    pub(crate) const fn sizes(&self) -> &[usize] {
        self.sizes.split_at(self.rank).0
    }
}

/// A layer with [tensors](Step::has_tensors): step `index` of the plan, and the `ordinal`-th such layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    pub(crate) index: usize,
    pub(crate) ordinal: usize,
    pub(super) path: Path,
}

impl Layer {
    /// The first of the plan.
    pub(crate) const fn first(plan: &Plan) -> Option<Layer> {
        Layer::from(plan, 0, 0)
    }

    /// The one after this.
    pub(crate) const fn next(self, plan: &Plan) -> Option<Layer> {
        Layer::from(plan, self.index + 1, self.ordinal + 1)
    }

    const fn from(plan: &Plan, step: usize, ordinal: usize) -> Option<Layer> {
        let mut index = step;
        while index < plan.steps().len() {
            let step = &plan.steps()[index];
            if step.has_tensors() {
                return Some(Layer {
                    index,
                    ordinal,
                    path: step.path,
                });
            }
            index += 1;
        }
        None
    }
}

impl Names<'_> {
    /// Checks that a list has one distinct name for each layer with parameters or statistics.
    pub(crate) const fn check(&self, plan: &Plan) -> Result<(), Mismatch> {
        let Names::Listed(names) = self else {
            return Ok(());
        };
        let mut layers = 0;
        let mut next = Layer::first(plan);
        while let Some(layer) = next {
            layers += 1;
            next = layer.next(plan);
        }
        if names.len() != layers {
            let expected = Text::new()
                .then_number(layers)
                .then(", one for each layer with parameters");
            return Err(Mismatch::of(
                "names",
                expected,
                Text::new().then_number(names.len()),
            ));
        }
        let mut i = 0;
        while i < names.len() {
            let mut j = 0;
            while j < i {
                if same(names[i].as_bytes(), names[j].as_bytes()) {
                    let found = Text::of("`").then(names[i]).then("` twice");
                    return Err(Mismatch::of(
                        "names",
                        Text::of("a name for each layer"),
                        found,
                    ));
                }
                j += 1;
            }
            i += 1;
        }
        Ok(())
    }

    /// The name of a layer's tensor, as in `0.weight`; a list must have been checked.
    pub(crate) const fn tensor<const N: usize>(
        &self,
        layer: Layer,
        step: &Step,
        part: Part,
    ) -> Text<N> {
        let layer = match self {
            Names::Sequential => layer.path.text(),
            Names::Listed(names) => Text::of(names[layer.ordinal]),
        };
        layer.then(".").then(part.name(step))
    }

    /// Which tensor of the layer `key` names, if any.
    pub(crate) const fn part(&self, layer: Layer, step: &Step, key: &[u8]) -> Option<Part> {
        let path: Text<MAX_PATH_BYTES>;
        let name = match self {
            Names::Sequential => {
                path = layer.path.text();
                path.as_str()
            }
            Names::Listed(names) => names[layer.ordinal],
        };
        let Some((start, rest)) = key.split_at_checked(name.len()) else {
            return None;
        };
        let [b'.', rest @ ..] = rest else {
            return None;
        };
        if !same(start, name.as_bytes()) {
            return None;
        }
        let parts = Part::of(step);
        let mut i = 0;
        while i < parts.len() {
            if same(rest, parts[i].name(step).as_bytes()) {
                return Some(parts[i]);
            }
            i += 1;
        }
        None
    }
}
