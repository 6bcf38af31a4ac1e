//! From the plan to the program.

use super::{
    DropoutStep, Elementwise, Embedding, ImageOp, Images, Layer, LayerOp, Norm, PRelu, Program,
    images::Unplaced,
    operand::{Operand, Value, contribute},
};
use crate::plan::{Op, Plan, Step, Window};

/// Where the program has a value of the plan.
#[derive(Clone, Copy, Debug)]
enum Place {
    Image(Value),
    Vector(Value),
    /// Some values of the vectors' input.
    Part {
        first: usize,
        len: usize,
    },
}

/// A program that is being lowered.
struct Lowering {
    program: Program,
    /// Channels, rows and columns of the first image, if there are any.
    image: Option<[usize; 3]>,
    image_layers: Vec<Unplaced>,
}

impl Program {
    /// Lowers a plan whose input has `inputs` features.
    ///
    /// A flattened image has the values of the image, so operations after `Flatten` are as good before it, and it is
    /// nothing to compute: the vectors' input is read from the last image. An operation on each value is done in place
    /// by the layer before it; where other steps read that layer's output too, on a copy.
    pub(crate) fn new(plan: &Plan, inputs: usize) -> Self {
        let steps = plan.steps();
        let image = image(steps);
        let mut lowering = Lowering {
            program: Program {
                images: None,
                standardization: None,
                before: Vec::new(),
                layers: Vec::new(),
                parameters: Vec::new(),
                dropouts: Vec::new(),
                norms: Vec::new(),
                inputs,
                features: inputs,
                outputs: steps.last().map_or(inputs, |step| step.outputs),
                takes_bitmaps: takes_bitmaps(plan),
            },
            image,
            image_layers: Vec::new(),
        };
        let mut places = vec![match image {
            Some(_) => Place::Image(0),
            None => Place::Vector(0),
        }];
        for (index, step) in steps.iter().enumerate() {
            let operands = step.operands(index).map(|value| places[value]);
            let mut operands: Vec<Place> = operands.collect();
            // An embedding, a standardisation or a part of a part reads them where they are.
            let reads_parts = matches!(step.op, Op::Narrow { .. } | Op::Standardize);
            if !step.op.reads_tokens() && !reads_parts {
                operands
                    .iter_mut()
                    .for_each(|place| *place = lowering.whole(*place));
            }
            if step.has_params() {
                lowering.program.parameters.push(*step);
            }
            let weights = lowering.program.parameters.len().saturating_sub(1);
            let place = match step.op {
                Op::Linear => {
                    let inputs = step.inputs;
                    let op = LayerOp::Linear { inputs, weights };
                    lowering.vector(op, &operands, step.outputs)
                }
                Op::Conv2d(window) => {
                    let op = ImageOp::Convolution((window, weights));
                    lowering.image(op, &operands, window.output)
                }
                Op::MaxPool2d(window) => {
                    lowering.image(ImageOp::MaxPool(window), &operands, window.output)
                }
                Op::AvgPool2d(window) => {
                    lowering.image(ImageOp::AvgPool(window), &operands, window.output)
                }
                Op::BatchNorm { channels } => {
                    let norm = Norm {
                        index: lowering.program.norms.len(),
                        weights,
                        channels,
                        pixels: step.outputs / channels,
                        statistics: step.statistics,
                    };
                    lowering.norm(norm, &operands, step.outputs)
                }
                Op::LayerNorm { .. } => lowering.either(
                    ImageOp::LayerNorm { weights },
                    LayerOp::LayerNorm { weights },
                    &operands,
                    step.outputs,
                ),
                Op::PRelu { slopes } => {
                    let prelu = PRelu { weights, slopes };
                    let (image, vector) = (ImageOp::PRelu(prelu), LayerOp::PRelu(prelu));
                    lowering.either(image, vector, &operands, step.outputs)
                }
                Op::Standardize => match operands[0] {
                    Place::Part { first, len } => lowering.part(first, len, Some(step.statistics)),
                    place => {
                        lowering.program.standardization = Some(step.statistics);
                        place
                    }
                },
                Op::Embedding { vocabulary } | Op::EmbeddingBag { vocabulary, .. } => {
                    let embedding = Embedding {
                        weights,
                        first: plan
                            .part_of_the_input(step.input(index))
                            .unwrap_or_default(),
                        tokens: step.tokens(),
                        vocabulary,
                        pooling: match step.op {
                            Op::EmbeddingBag { pooling, .. } => Some(pooling),
                            _ => None,
                        },
                    };
                    let input = [Place::Vector(0)];
                    lowering.vector(LayerOp::Embedding(embedding), &input, step.outputs)
                }
                Op::OneHot => {
                    let at = plan.part_of_the_input(step.input(index));
                    let op = LayerOp::OneHot {
                        at: at.unwrap_or_default(),
                    };
                    lowering.vector(op, &[Place::Vector(0)], step.outputs)
                }
                Op::Narrow { start } => Place::Part {
                    first: match operands[0] {
                        Place::Part { first, .. } => first + start,
                        _ => start,
                    },
                    len: step.outputs,
                },
                Op::Dot { .. } => lowering.vector(LayerOp::Dot, &operands, step.outputs),
                Op::Flatten => match operands[0] {
                    Place::Image(_) => Place::Vector(0),
                    vector => vector,
                },
                Op::Add { .. } => lowering.sum(&operands, step.outputs),
                Op::Concat { .. } => {
                    let widths = step.operands(index).map(|value| plan.width(value));
                    lowering.concat(&operands, &widths.collect::<Vec<_>>())
                }
                op => {
                    let place = match plan.uses_of(step.input(index)) {
                        1 => operands[0],
                        _ => lowering.sum(&operands, step.outputs),
                    };
                    lowering.elementwise(op, index, step.outputs, place);
                    place
                }
            };
            places.push(place);
        }
        lowering.finish()
    }
}

impl Lowering {
    /// A value as an operand that any layer can read.
    fn whole(&mut self, place: Place) -> Place {
        match place {
            Place::Part { first, len } => self.part(first, len, None),
            place => place,
        }
    }

    /// Some values of the vectors' input, standardised by these statistics.
    fn part(&mut self, start: usize, len: usize, standardization: Option<usize>) -> Place {
        let op = LayerOp::Narrow {
            start,
            standardization,
        };
        self.vector(op, &[Place::Vector(0)], len)
    }

    fn vector(&mut self, op: LayerOp, operands: &[Place], outputs: usize) -> Place {
        let operands = operands.iter().map(|place| match place {
            // a flattened image
            Place::Image(_) => Operand::new(0),
            Place::Vector(value) => Operand::new(*value),
            Place::Part { .. } => unreachable!("`whole` has copied it"),
        });
        self.program.layers.push(Layer {
            op,
            operands: operands.collect(),
            outputs,
            then: Vec::new(),
        });
        Place::Vector(self.program.layers.len())
    }

    fn image(
        &mut self,
        op: ImageOp<(Window, usize)>,
        operands: &[Place],
        size: [usize; 3],
    ) -> Place {
        let operands = operands.iter().map(|place| match *place {
            Place::Image(value) => Operand::new(value),
            Place::Vector(_) | Place::Part { .. } => {
                unreachable!("a vector never becomes an image")
            }
        });
        self.image_layers.push(Unplaced {
            op,
            size,
            operands: operands.collect(),
            then: Vec::new(),
        });
        Place::Image(self.image_layers.len())
    }

    fn norm(&mut self, norm: Norm, operands: &[Place], width: usize) -> Place {
        self.program.norms.push(norm);
        self.either(ImageOp::Norm(norm), LayerOp::Norm(norm), operands, width)
    }

    /// The sum of the operands, or a copy of one.
    fn sum(&mut self, operands: &[Place], width: usize) -> Place {
        self.either(ImageOp::Sum, LayerOp::Sum, operands, width)
    }

    /// An operation on images or on vectors, whose result has the size of each operand.
    fn either(
        &mut self,
        image: ImageOp<(Window, usize)>,
        vector: LayerOp,
        operands: &[Place],
        width: usize,
    ) -> Place {
        match operands[0] {
            Place::Image(value) => self.image(image, operands, self.size(value)),
            Place::Vector(_) | Place::Part { .. } => self.vector(vector, operands, width),
        }
    }

    /// The operands, which have these widths, one after another.
    fn concat(&mut self, operands: &[Place], widths: &[usize]) -> Place {
        let width = widths.iter().sum();
        let (place, operands, unit) = match operands[0] {
            Place::Image(value) => {
                let [_, rows, columns] = self.size(value);
                let size = [width / (rows * columns), rows, columns];
                let place = self.image(ImageOp::Concat, operands, size);
                let layer = self.image_layers.last_mut();
                (
                    place,
                    layer.map(|layer| &mut layer.operands),
                    rows * columns,
                )
            }
            Place::Vector(_) | Place::Part { .. } => {
                let place = self.vector(LayerOp::Concat, operands, width);
                let layer = self.program.layers.last_mut();
                (place, layer.map(|layer| &mut layer.operands), 1)
            }
        };
        let mut first = 0;
        for (operand, width) in operands.into_iter().flatten().zip(widths) {
            operand.first = first;
            first += width / unit;
        }
        place
    }

    /// Channels, rows and columns of an image.
    fn size(&self, value: Value) -> [usize; 3] {
        match value.checked_sub(1) {
            Some(layer) => self.image_layers[layer].size,
            None => self.image.unwrap_or_default(),
        }
    }

    /// The plan's operation `index` on `width` values, after those at `place`; it is numbered if it is a dropout.
    fn elementwise(&mut self, op: Op, index: usize, width: usize, place: Place) {
        let place = match place {
            // after `Flatten`
            Place::Vector(0) if self.image.is_some() => Place::Image(self.image_layers.len()),
            place => place,
        };
        let mut operation = Elementwise { op, dropout: None };
        let dropout = match op {
            Op::Dropout { percent } => Some((percent, width)),
            Op::Dropout2d { percent, channels } => Some((percent, channels)),
            _ => None,
        };
        if let Some((percent, parts)) = dropout {
            operation.dropout = Some(self.program.dropouts.len());
            let image = match place {
                Place::Image(value) => Some(self.size(value)),
                Place::Vector(_) | Place::Part { .. } => None,
            };
            self.program.dropouts.push(DropoutStep {
                percent,
                index,
                width,
                parts,
                image,
            });
        }
        let chain = match place {
            Place::Image(value) if value > 0 => &mut self.image_layers[value - 1].then,
            Place::Vector(value) if value > 0 => &mut self.program.layers[value - 1].then,
            _ => &mut self.program.before,
        };
        chain.push(operation);
    }

    fn finish(self) -> Program {
        let Lowering {
            mut program,
            image,
            image_layers,
        } = self;
        if let Some(image) = image {
            let before = std::mem::take(&mut program.before);
            let images = Images::new(image, before, image_layers);
            program.features = images.output().pixel_count();
            program.images = Some(images);
        }
        let images = program.images.as_ref();
        let layers = program.layers.iter_mut();
        contribute(
            images.is_some_and(|images| images.weights() > 0),
            layers.map(|layer| (layer.op.has_weights(), &mut layer.operands)),
        );
        program
    }
}

/// Channels, rows and columns of a sample that is treated as an image: it has the rows and columns of the first window's
/// input; without windows, a batch normalisation of channels of several values makes it one, whose values need not be
/// arranged in rows.
fn image(steps: &[Step]) -> Option<[usize; 3]> {
    let window = steps.iter().find_map(|step| step.op.window());
    let norm = || {
        steps.iter().find_map(|step| match step.op {
            Op::BatchNorm { channels } if channels < step.inputs => {
                Some([step.inputs / channels, 1])
            }
            _ => None,
        })
    };
    let sides = window.map(|Window { input, .. }| [input[1], input[2]]);
    let [rows, columns] = sides.or_else(norm)?;
    Some([steps.first()?.inputs / (rows * columns), rows, columns])
}

/// Whether the samples may be bitmaps: they are vectors that only one `Linear` reads.
pub(crate) const fn takes_bitmaps(plan: &Plan) -> bool {
    let steps = plan.steps();
    let mut value = 0;
    while let Some(index) = plan.last_use(value) {
        if plan.uses_of(value) > 1 {
            return false;
        }
        match steps[index].op {
            Op::Flatten => value = index + 1,
            op => return matches!(op, Op::Linear),
        }
    }
    false
}
