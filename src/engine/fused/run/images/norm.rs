//! Batch normalisation of images: the statistics of a batch are those of all its blocks of 16 samples.

use crate::engine::fused::{
    kernels::{Deviations, NormSums, NormTerm, Normalize, dispatch},
    memory::{
        bytes::Bytes,
        image::{ImageView, ImageViewMut},
        shared::Shared,
    },
    program::{Norm, SAMPLES},
    run::{
        model::Model,
        norm::{Moments, Numbers, inverse_deviation},
        whole_batch::WholeBatch,
    },
};

/// Sums over the samples of each block.
#[derive(Debug)]
pub(crate) struct NormBuffers {
    channels: usize,
    /// The number of values of a channel in a sample.
    pixels: usize,
    /// For each block and channel, the mean, and the sum of the squares of the distances from it.
    moments: Shared<[f64; 2]>,
    /// For each block and channel, the sums of the gradient of the outputs and of its product with the distance from the mean
    /// of the batch.
    gradients: Shared<[f64; 2]>,
}

/// A block of a batch, for the statistics of the batch.
#[derive(Clone, Copy)]
pub(crate) struct BatchBlock<'a> {
    /// For each batch normalisation.
    pub(crate) norms: &'a [NormBuffers],
    /// The number of samples of the batch, or of this rank's part.
    pub(crate) samples: usize,
    /// If several ranks compute the batch, the sums of each batch normalisation over all of it.
    pub(crate) whole: Option<&'a [WholeBatch]>,
    pub(crate) block: usize,
}

impl Bytes for NormBuffers {
    fn bytes(&self) -> usize {
        self.moments.bytes() + self.gradients.bytes()
    }
}

impl NormBuffers {
    pub(super) fn new(norm: &Norm, blocks: usize) -> Self {
        NormBuffers {
            channels: norm.channels,
            pixels: norm.pixels,
            moments: Shared::zeros(blocks * norm.channels),
            gradients: Shared::zeros(blocks * norm.channels),
        }
    }

    /// The statistics of a channel in a batch of `samples` samples.
    ///
    /// # Safety
    /// Every block has been measured, and no thread does so in this phase.
    pub(crate) unsafe fn moments(&self, channel: usize, samples: usize) -> Moments {
        let blocks = (0..samples).step_by(SAMPLES).enumerate();
        let moments = blocks.map(|(block, first)| {
            let at = block * self.channels + channel;
            // SAFETY: guaranteed by the caller.
            let [mean, squares] = unsafe { self.moments.slice(at..at + 1)[0] };
            let count = (SAMPLES.min(samples - first) * self.pixels) as f64;
            Moments {
                count,
                mean,
                squares,
            }
        });
        moments.reduce(Moments::with).unwrap_or_default()
    }

    /// The sums over a batch of the gradient of the outputs, and of its product with the distance from the mean.
    ///
    /// # Safety
    /// Every block has been added up, and no thread does so in this phase.
    pub(crate) unsafe fn gradients(&self, channel: usize, samples: usize) -> [f64; 2] {
        let mut totals = [0.0; 2];
        for block in 0..samples.div_ceil(SAMPLES) {
            let at = block * self.channels + channel;
            // SAFETY: guaranteed by the caller.
            let sums = unsafe { self.gradients.slice(at..at + 1)[0] };
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total += sum;
            }
        }
        totals
    }
}

impl BatchBlock<'_> {
    /// The number of samples of the block.
    fn count(&self) -> usize {
        SAMPLES.min(self.samples - self.block * SAMPLES)
    }

    /// Measures the inputs of a batch normalisation, for [`NormBuffers::moments`].
    ///
    /// # Safety
    /// No other thread reads or writes this block's sums in this phase.
    pub(crate) unsafe fn measure(&self, model: &Model, norm: &Norm, input: ImageView<'_>) {
        let count = (self.count() * norm.pixels) as f64;
        // Lanes after the last sample are copies of it.
        let total = |lanes: &[f32; SAMPLES]| -> f64 {
            let lanes = lanes[..self.count()].iter();
            lanes.copied().map(f64::from).sum()
        };
        for channel in 0..norm.channels {
            let deviations = |mean| {
                let values = input.channel(channel);
                dispatch(model.simd, Deviations { values, mean })
            };
            let [sums, _] = deviations([0.0; SAMPLES]);
            let near = (total(&sums) / count) as f32;
            let sums = deviations([near; SAMPLES]).each_ref().map(total);
            let moments = Moments::around(near, count, sums);
            let at = self.block * norm.channels + channel;
            // SAFETY: guaranteed by the caller.
            let place = unsafe { self.norms[norm.index].moments.slice_mut(at..at + 1) };
            place[0] = [moments.mean, moments.squares];
        }
    }

    /// The statistics of a channel in the whole batch.
    ///
    /// # Safety
    /// As [`NormBuffers::moments`]; if several ranks compute the batch, they have exchanged their moments.
    pub(crate) unsafe fn moments(&self, norm: &Norm, channel: usize) -> Moments {
        // SAFETY: guaranteed by the caller.
        unsafe {
            match self.whole {
                Some(whole) => whole[norm.index].moments.slice(channel..channel + 1)[0],
                None => self.norms[norm.index].moments(channel, self.samples),
            }
        }
    }

    /// The numbers of a channel in the batch.
    ///
    /// # Safety
    /// As [`BatchBlock::moments`], and no thread writes the weights in this phase.
    pub(crate) unsafe fn numbers(&self, model: &Model, norm: &Norm, channel: usize) -> Numbers {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let moments = self.moments(norm, channel).rounded();
            Numbers::of(model, norm, channel, moments)
        }
    }

    /// Adds up the gradient of the outputs of a batch normalisation, for [`NormBuffers::gradients`].
    ///
    /// # Safety
    /// No other thread reads or writes this block's sums in this phase, and as [`BatchBlock::moments`].
    pub(crate) unsafe fn add_up(
        &self,
        model: &Model,
        norm: &Norm,
        delta: ImageView<'_>,
        input: ImageView<'_>,
    ) {
        for channel in 0..norm.channels {
            // SAFETY: guaranteed by the caller.
            let [mean, _] = unsafe { self.moments(norm, channel).rounded() };
            let sums = NormSums {
                delta: delta.channel(channel),
                input: input.channel(channel),
                mean: [mean; SAMPLES],
            };
            // Lanes without a sample have a gradient of 0.
            let total = |lanes: &[f32; SAMPLES]| lanes.iter().copied().map(f64::from).sum();
            let at = self.block * norm.channels + channel;
            // SAFETY: guaranteed by the caller.
            let place = unsafe { self.norms[norm.index].gradients.slice_mut(at..at + 1) };
            place[0] = dispatch(model.simd, sums).each_ref().map(total);
        }
    }

    /// The term of a channel of a batch normalisation in the gradient of its input.
    ///
    /// # Safety
    /// As [`BatchBlock::numbers`] and [`NormBuffers::gradients`]; if several ranks compute the batch, they have exchanged these sums.
    pub(crate) unsafe fn gradient<'v>(
        &self,
        model: &Model,
        norm: &Norm,
        channel: usize,
        (delta, input): (ImageView<'v>, ImageView<'v>),
    ) -> NormTerm<'v> {
        // SAFETY: guaranteed by the caller.
        let (moments, numbers, [sum, product]) = unsafe {
            let moments = self.moments(norm, channel);
            let numbers = Numbers::of(model, norm, channel, moments.rounded());
            let sums = match self.whole {
                Some(whole) => whole[norm.index].gradients.slice(channel..channel + 1)[0],
                None => self.norms[norm.index].gradients(channel, self.samples),
            };
            (moments, numbers, sums)
        };
        let [_, variance] = moments.rounded();
        let inverse = f64::from(inverse_deviation(variance));
        let slope = product / moments.count * inverse * inverse;
        NormTerm {
            delta: delta.channel(channel),
            input: input.channel(channel),
            mean: [numbers.mean; SAMPLES],
            // Lanes without a sample have no gradient.
            factor: std::array::from_fn(|lane| match lane < self.count() {
                true => numbers.factor,
                false => 0.0,
            }),
            mean_delta: [(sum / moments.count) as f32; SAMPLES],
            slope: [slope as f32; SAMPLES],
        }
    }
}

/// Normalises an image with these numbers of each channel.
pub(crate) fn normalize(
    model: &Model,
    input: ImageView<'_>,
    mut output: ImageViewMut<'_>,
    relu: bool,
    numbers: impl Fn(usize) -> Numbers,
) {
    for channel in 0..input.layout.channels {
        let Numbers { mean, factor, bias } = numbers(channel);
        let normalize = Normalize {
            input: input.channel(channel),
            mean: [mean; SAMPLES],
            factor: [factor; SAMPLES],
            bias: [bias; SAMPLES],
            relu,
            output: output.channel(channel),
        };
        dispatch(model.simd, normalize);
    }
}
