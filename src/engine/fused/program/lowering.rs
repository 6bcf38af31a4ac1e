//! From the plan to the program.

use super::{
    DropoutStep, Elementwise, Embedding, EmbeddingOutput, ImageOp, Images, Layer, LayerOp, Norm,
    PRelu, Program,
    dims::{self, Reads, Size},
    images::Unplaced,
    operand::{Contribution, Operand, Value, contribute},
};
use crate::{
    engine::fused::memory::matrix::BLOCK,
    plan::{Op, Plan, Window},
};

/// Where the program has a value of the plan.
#[derive(Clone, Copy, Debug)]
enum Place {
    Image(Value),
    /// An image as a vector: some columns of the vectors' input.
    Flat {
        image: Value,
        column: usize,
        len: usize,
    },
    Vector(Value),
    /// Some values of the samples.
    Part {
        first: usize,
        len: usize,
    },
}

/// A program that is being lowered.
struct Lowering {
    program: Program,
    /// The size of the samples if they are images.
    sample: Option<Size>,
    image_layers: Vec<Unplaced>,
    /// Whether the vectors' input is one image and nothing else.
    is_one_image: bool,
}

impl Program {
    /// Lowers a plan whose input has `inputs` features.
    ///
    /// All images are computed before all vectors, whose input is a flattened image; or several, and the samples, if
    /// layers read them too. A flattened image has the values of the image, so operations after `Flatten` are as good
    /// before it. An operation on each value is done in place by the layer before it; where other steps read that
    /// layer's output too, on a copy.
    pub(crate) fn new(plan: &Plan, inputs: usize) -> Self {
        let steps = plan.steps();
        let sizes = dims::sizes(plan);
        let reads = Reads::of(plan, &sizes);
        let has_images = sizes.iter().any(Option::is_some);
        let is_one_image = match reads.flattened[..] {
            [image] => !reads.samples && plan.uses_of(image) <= 1,
            _ => false,
        };
        // Each part begins with a block, so that workers write whole blocks.
        let mut columns = vec![0];
        for &value in &reads.flattened {
            columns.push((columns[columns.len() - 1] + plan.width(value)).next_multiple_of(BLOCK));
        }
        let end = columns.pop().unwrap_or_default();
        let mut lowering = Lowering {
            program: Program {
                images: None,
                standardization: None,
                before: Vec::new(),
                layers: Vec::new(),
                parameters: Vec::new(),
                dropouts: Vec::new(),
                norms: Vec::new(),
                embeddings: Vec::new(),
                inputs,
                features: match (has_images, is_one_image) {
                    (false, _) => inputs,
                    (true, true) => plan.width(reads.flattened[0]),
                    (true, false) => end + if reads.samples { inputs } else { 0 },
                },
                samples: (!has_images || reads.samples).then_some(end),
                outputs: steps.last().map_or(inputs, |step| step.outputs),
                takes_bitmaps: takes_bitmaps(plan),
            },
            sample: sizes[0],
            image_layers: Vec::new(),
            is_one_image,
        };
        let mut places = vec![match (sizes[0], has_images) {
            (Some(_), _) => Place::Image(0),
            (None, false) => Place::Vector(0),
            (None, true) => Place::Part {
                first: 0,
                len: inputs,
            },
        }];
        for (index, step) in steps.iter().enumerate() {
            let values: Vec<usize> = step.operands(index).collect();
            // Some read a part of the samples where it is, and operations on each value are as good before `Flatten`.
            let reads_parts = matches!(step.op, Op::Narrow { .. } | Op::Standardize);
            for &value in &values {
                let is_only_reader = plan.uses_of(value) == 1;
                match places[value] {
                    Place::Part { .. } if reads_parts || step.op.reads_tokens() => {}
                    Place::Flat { .. } if is_elementwise(step.op) && is_only_reader => {}
                    place => places[value] = lowering.whole(place),
                }
            }
            let operands: Vec<Place> = values.iter().map(|&value| places[value]).collect();
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
                Op::Embedding { vocabulary }
                | Op::TokenEmbedding { vocabulary }
                | Op::EmbeddingBag { vocabulary, .. } => {
                    let embedding = Embedding {
                        index: lowering.program.embeddings.len(),
                        weights,
                        first: plan
                            .part_of_the_input(step.input(index))
                            .unwrap_or_default(),
                        tokens: step.tokens(),
                        vocabulary,
                        output: match step.op {
                            Op::EmbeddingBag { pooling, .. } => EmbeddingOutput::Pooled(pooling),
                            Op::TokenEmbedding { .. } => EmbeddingOutput::Sequence,
                            _ => EmbeddingOutput::Row,
                        },
                    };
                    lowering.program.embeddings.push(embedding);
                    match sizes[index + 1] {
                        Some(size) => lowering.source(ImageOp::Embedding(embedding), size),
                        None => {
                            let op = LayerOp::Embedding(embedding);
                            lowering.vector(op, &[Place::Vector(0)], step.outputs)
                        }
                    }
                }
                Op::OneHot => {
                    let at = plan.part_of_the_input(step.input(index));
                    let op = LayerOp::OneHot {
                        at: lowering.column(at.unwrap_or_default()),
                    };
                    lowering.vector(op, &[Place::Vector(0)], step.outputs)
                }
                Op::Narrow { start } => {
                    let first = match operands[0] {
                        Place::Part { first, .. } => first + start,
                        _ => start,
                    };
                    match sizes[index + 1] {
                        Some(size) => lowering.source(ImageOp::Part { first }, size),
                        None => Place::Part {
                            first,
                            len: step.outputs,
                        },
                    }
                }
                Op::Dot { .. } => lowering.vector(LayerOp::Dot, &operands, step.outputs),
                Op::Flatten => match operands[0] {
                    Place::Image(image) => {
                        let value = step.input(index);
                        let part = reads.flattened.iter().position(|&read| read == value);
                        let flat = Place::Flat {
                            image,
                            column: columns[part.unwrap_or_default()],
                            len: step.outputs,
                        };
                        match plan.uses_of(value) {
                            1 => flat,
                            _ => lowering.whole(flat),
                        }
                    }
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
        let flattened = reads.flattened.iter().zip(columns);
        let flattened = flattened.map(|(&value, column)| match places[value] {
            Place::Image(image) => (image, column),
            _ => unreachable!("an image has a size"),
        });
        let flattened = flattened.collect();
        lowering.finish(flattened)
    }
}

impl Lowering {
    /// A value as an operand that any layer can read.
    fn whole(&mut self, place: Place) -> Place {
        match place {
            Place::Part { first, len } => self.part(first, len, None),
            Place::Flat { .. } if self.is_one_image => Place::Vector(0),
            Place::Flat { column, len, .. } => self.columns(column, len, None),
            place => place,
        }
    }

    /// Some values of the samples, standardised by these statistics.
    fn part(&mut self, first: usize, len: usize, standardization: Option<usize>) -> Place {
        self.columns(self.column(first), len, standardization)
    }

    /// Where the vectors' input has this value of the samples.
    fn column(&self, value: usize) -> usize {
        self.program.samples.unwrap_or_default() + value
    }

    /// Some values of the vectors' input, standardised by these statistics.
    fn columns(&mut self, start: usize, len: usize, standardization: Option<usize>) -> Place {
        let op = LayerOp::Narrow {
            start,
            standardization,
        };
        self.vector(op, &[Place::Vector(0)], len)
    }

    fn vector(&mut self, op: LayerOp, operands: &[Place], outputs: usize) -> Place {
        let operands = operands.iter().map(|place| match place {
            Place::Vector(value) => Operand::new(*value),
            Place::Image(_) | Place::Flat { .. } | Place::Part { .. } => {
                unreachable!(
                    "only `Flatten` makes a vector of an image, and `whole` has copied parts"
                )
            }
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
            Place::Flat { .. } | Place::Vector(_) | Place::Part { .. } => {
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

    /// An image that is made of the samples.
    fn source(&mut self, op: ImageOp<(Window, usize)>, size: Size) -> Place {
        self.image(op, &[Place::Image(0)], size)
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
            Place::Flat { .. } | Place::Vector(_) | Place::Part { .. } => {
                self.vector(vector, operands, width)
            }
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
            Place::Flat { .. } | Place::Vector(_) | Place::Part { .. } => {
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
            None => self.sample.unwrap_or_default(),
        }
    }

    /// The plan's operation `index` on `width` values, after those at `place`; it is numbered if it is a dropout.
    fn elementwise(&mut self, op: Op, index: usize, width: usize, place: Place) {
        let place = match place {
            Place::Flat { image, .. } => Place::Image(image),
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
                Place::Flat { .. } | Place::Vector(_) | Place::Part { .. } => None,
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

    /// The program whose vectors read these images, each from this column of their input on.
    fn finish(self, flattened: Vec<(Value, usize)>) -> Program {
        let Lowering {
            mut program,
            sample,
            image_layers,
            is_one_image,
        } = self;
        if !flattened.is_empty() {
            let before = std::mem::take(&mut program.before);
            let sample = sample.unwrap_or_default();
            let images = Images::new(sample, before, image_layers, flattened);
            program.images = Some(images);
        }
        let images = program.images.iter().flat_map(|images| &images.flattened);
        let with_gradient = images.filter(|image| image.operand.gradient.is_some());
        let columns: Vec<usize> = with_gradient.map(|image| image.column).collect();
        let reads_image = |layer: &Layer| match layer.op {
            LayerOp::Narrow { start, .. } => !is_one_image && columns.contains(&start),
            _ => false,
        };
        let layers = program.layers.iter_mut().map(|layer| {
            let has_gradient = layer.op.weights().is_some() || reads_image(layer);
            (has_gradient, &mut layer.operands)
        });
        contribute(is_one_image && !columns.is_empty(), layers);
        for column in columns.iter().filter(|_| !is_one_image) {
            contribute_columns(*column, &mut program.layers);
        }
        program
    }
}

/// Determines the contributions of the layers that copy the image at this column of the vectors' input, which other
/// layers do not read.
fn contribute_columns(column: usize, layers: &mut [Layer]) {
    let mut adds = false;
    for layer in layers.iter_mut().rev() {
        if matches!(layer.op, LayerOp::Narrow { start, .. } if start == column) {
            let completes = false;
            layer.operands[0].gradient = Some(Contribution { adds, completes });
            adds = true;
        }
    }
}

/// Whether an operation computes each value from one value, and has no weights.
fn is_elementwise(op: Op) -> bool {
    op.is_activation() || matches!(op, Op::Dropout { .. })
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
