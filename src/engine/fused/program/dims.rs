//! Which values of a plan are images, and what the vectors read of them and of the samples.

use crate::plan::{Op, Plan};

/// Channels, rows and columns.
pub(super) type Size = [usize; 3];

/// For each value of a plan, its size if it is an image; see [`Step::operand`](crate::plan::Step::operand).
///
/// What a window or an embedding of a sequence gives is an image, and so is what a window reads, and all that leads
/// there without a change of shape. Without windows, a batch normalisation of channels of several values makes an
/// image, whose values need not be arranged in rows.
pub(super) fn sizes(plan: &Plan) -> Vec<Option<Size>> {
    let steps = plan.steps();
    let mut sizes = vec![None; steps.len() + 1];
    spread(plan, &mut sizes);
    for (index, step) in steps.iter().enumerate() {
        let input = step.input(index);
        if let Op::BatchNorm { channels } = step.op
            && channels < step.inputs
            && sizes[input].is_none()
        {
            sizes[input] = Some([channels, step.inputs / channels, 1]);
            spread(plan, &mut sizes);
        }
    }
    sizes
}

/// Finds sizes from those of neighbours until there are no more.
fn spread(plan: &Plan, sizes: &mut [Option<Size>]) {
    loop {
        let before = sizes.iter().flatten().count();
        for index in 0..plan.steps().len() {
            if let Some(size) = output(plan, index, sizes) {
                sizes[index + 1].get_or_insert(size);
            }
        }
        for index in (0..plan.steps().len()).rev() {
            for value in plan.steps()[index].operands(index) {
                if let Some(size) = operand(plan, index, value, sizes) {
                    sizes[value].get_or_insert(size);
                }
            }
        }
        if sizes.iter().flatten().count() == before {
            return;
        }
    }
}

/// The size that step `index` gives, as far as it is known.
fn output(plan: &Plan, index: usize, sizes: &[Option<Size>]) -> Option<Size> {
    let step = &plan.steps()[index];
    if let Some(window) = step.op.window() {
        return Some(window.output);
    }
    let input = sizes[step.input(index)];
    match step.op {
        Op::TokenEmbedding { .. } => Some([step.outputs / step.inputs, 1, step.inputs]),
        op if op.gives_a_vector() => None,
        _ => input.map(|size| with_width(size, step.outputs)),
    }
}

/// The size of a value that step `index` reads, as far as it is known from the step.
fn operand(plan: &Plan, index: usize, value: usize, sizes: &[Option<Size>]) -> Option<Size> {
    let step = &plan.steps()[index];
    if let Some(window) = step.op.window() {
        return Some(window.input);
    }
    if step.op.gives_a_vector() || step.op.vocabulary().is_some() {
        return None;
    }
    sizes[index + 1].map(|size| with_width(size, plan.width(value)))
}

/// Rows and columns of an image with as many channels as give this number of values.
fn with_width([_, rows, columns]: Size, width: usize) -> Size {
    [width / (rows * columns), rows, columns]
}

/// What the vectors read.
pub(super) struct Reads {
    /// The images that they read as vectors, each once, in the plan's order; also the last value, if it is an image.
    pub(super) flattened: Vec<usize>,
    /// Whether they read the samples, or a part of them.
    pub(super) samples: bool,
}

impl Reads {
    /// Those of a plan whose values have these [`sizes`].
    pub(super) fn of(plan: &Plan, sizes: &[Option<Size>]) -> Reads {
        let mut flattened = Vec::new();
        let mut samples = plan.steps().is_empty() && sizes[0].is_none();
        for (index, step) in plan.steps().iter().enumerate() {
            let input = step.input(index);
            if matches!(step.op, Op::Flatten)
                && sizes[input].is_some()
                && !flattened.contains(&input)
            {
                flattened.push(input);
            }
            let gives_an_image = sizes[index + 1].is_some();
            let selects = matches!(step.op, Op::Narrow { .. });
            samples |= !gives_an_image
                && !selects
                && step
                    .operands(index)
                    .any(|value| plan.part_of_the_input(value).is_some() && sizes[value].is_none());
        }
        let last = plan.steps().len();
        if sizes[last].is_some() && !flattened.contains(&last) {
            flattened.push(last);
        }
        Reads { flattened, samples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        prelude::*,
        shape::{Features, Image, Pair, Tokens},
    };

    fn sizes_of<N: Network>() -> Vec<Option<Size>> {
        sizes(&N::PLAN)
    }

    #[test]
    fn an_image_is_what_a_window_reads_or_gives() {
        type Net = (
            Image<1, 6, 6>,
            ReLU,
            Conv2d<1, 2, 3>,
            Tanh,
            Flatten,
            Tanh,
            LazyLinear<3>,
        );
        let sizes = sizes_of::<Net>();
        let (sample, image) = (Some([1, 6, 6]), Some([2, 4, 4]));
        assert_eq!(sizes, [sample, sample, image, image, None, None, None]);
        assert!(
            sizes_of::<(Image<1, 6, 6>, Flatten, LazyLinear<3>)>()
                .iter()
                .all(Option::is_none)
        );
        type Norm = (Image<2, 3, 4>, Tanh, BatchNorm2d<2>, Flatten);
        let image = Some([2, 12, 1]);
        assert_eq!(sizes_of::<Norm>(), [image, image, image, None]);
    }

    /// Of a pair of an image and numbers, the image alone is one.
    #[test]
    fn parts_of_a_pair_are_images_by_themselves() {
        type Net = (
            Pair<Image<1, 4, 4>, Features<3>>,
            Parallel<((Conv2d<1, 2, 3>, Flatten, LazyLinear<5>), Tanh)>,
        );
        let sizes = sizes_of::<Net>();
        // the sample, its image, convolution, vectors
        assert_eq!(sizes[..3], [None, Some([1, 4, 4]), Some([2, 2, 2])]);
        assert!(sizes[3..].iter().all(Option::is_none));
        let reads = Reads::of(&Net::PLAN, &sizes);
        assert_eq!((reads.flattened, reads.samples), (vec![2], true));
    }

    #[test]
    fn sequences_are_images_of_one_row() {
        type Net = (
            Tokens<7, 50>,
            Embedding<50, 3>,
            ReLU,
            Concat<(
                (Conv1d<3, 4, 2>, GlobalMaxPool2d),
                (Conv1d<3, 4, 3>, GlobalMaxPool2d),
            )>,
        );
        let sizes = sizes_of::<Net>();
        let image = Some([3, 1, 7]);
        assert_eq!(sizes[..4], [None, image, image, Some([4, 1, 6])]);
        let reads = Reads::of(&Net::PLAN, &sizes);
        assert_eq!((reads.flattened, reads.samples), (vec![4, 7], false));
    }
}
