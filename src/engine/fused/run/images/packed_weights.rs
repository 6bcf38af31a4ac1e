//! A worker's copy of the convolutions' weights, packed for its tiles.

use std::ops::Range;

use crate::engine::fused::{
    kernels::{PackKernels, PackWinograd, Passes, Winograd, dispatch},
    memory::shared::Shared,
    program::{Convolution, Images},
    run::model::Model,
};

/// The packed weights of each convolution, group after group. Every worker has its own, so that no barrier is needed after packing.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    forward: Vec<Shared<f32>>,
    /// For the gradient of the input; empty where that is not computed, and for inference.
    backward: Vec<Shared<f32>>,
    /// Whether they are for training, which may use Winograd's algorithm.
    is_training: bool,
}

/// Both uses of a convolution's weights.
fn passes(convolution: &Convolution) -> [Passes<'_>; 2] {
    [
        Passes::Forward(&convolution.forward),
        Passes::Backward(&convolution.backward),
    ]
}

/// The values of a group whose channels are so many.
fn of_group(passes: Passes<'_>, channels: [usize; 2], group: usize) -> Range<usize> {
    let len = passes.len(channels);
    group * len..(group + 1) * len
}

impl PackedWeights {
    pub(super) fn new(images: &Images, is_training: bool) -> Self {
        let all = |backward: usize| {
            let convolutions = images.convolutions();
            let lens = convolutions.map(move |c| {
                let channels = c.window.group_channels();
                match (is_training && c.uses_winograd, backward) {
                    (true, 1) if c.backward.is_empty() => 0,
                    (true, 1) => Winograd::weights_len(channels[1], channels[0]),
                    (true, _) => Winograd::weights_len(channels[0], channels[1]),
                    (false, _) => c.window.groups * passes(c)[backward].len(channels),
                }
            });
            lens.map(Shared::zeros).collect()
        };
        PackedWeights {
            forward: all(0),
            backward: if is_training { all(1) } else { Vec::new() },
            is_training,
        }
    }

    /// Packs the model's weights.
    ///
    /// # Safety
    /// No other thread uses these, and none writes the weights, until this returns.
    pub(crate) unsafe fn pack(&self, model: &Model, images: &Images) {
        for convolution in images.convolutions() {
            let [forward, backward] = passes(convolution);
            let index = convolution.index;
            let backward = self.backward.get(index).map(|values| (backward, values));
            for (passes, values) in [(forward, &self.forward[index])]
                .into_iter()
                .chain(backward)
            {
                let channels = convolution.window.group_channels();
                if self.is_training && convolution.uses_winograd {
                    let pass = match passes {
                        Passes::Forward(pass) => Some(pass),
                        Passes::Backward(passes) => passes.first(),
                    };
                    if let Some(pass) = pass {
                        // SAFETY: guaranteed by the caller.
                        let pack = unsafe {
                            PackWinograd {
                                weights: model.weights[convolution.weights].view(),
                                channels,
                                pass,
                                is_backward: matches!(passes, Passes::Backward(_)),
                                output: values.slice_mut(0..values.len()),
                            }
                        };
                        dispatch(model.simd, pack);
                    }
                    continue;
                }
                for (group, [_, outputs]) in convolution.groups().enumerate() {
                    // SAFETY: guaranteed by the caller.
                    let pack = unsafe {
                        PackKernels {
                            weights: model.weights[convolution.weights].view(),
                            channels,
                            first: outputs.start,
                            passes,
                            output: values.slice_mut(of_group(passes, channels, group)),
                        }
                    };
                    dispatch(model.simd, pack);
                }
            }
        }
    }

    /// Those of Winograd's algorithm: for the forward pass, or for the gradient of the input.
    ///
    /// # Safety
    /// No thread packs them while the slice lives.
    pub(super) unsafe fn winograd(&self, convolution: &Convolution, is_backward: bool) -> &[f32] {
        let of = if is_backward {
            &self.backward
        } else {
            &self.forward
        };
        let values = &of[convolution.index];
        // SAFETY: guaranteed by the caller.
        unsafe { values.slice(0..values.len()) }
    }

    /// Those of a group's forward pass.
    ///
    /// # Safety
    /// No thread packs them while the slice lives.
    pub(super) unsafe fn forward(&self, convolution: &Convolution, group: usize) -> &[f32] {
        let [forward, _] = passes(convolution);
        let range = of_group(forward, convolution.window.group_channels(), group);
        // SAFETY: guaranteed by the caller.
        unsafe { self.forward[convolution.index].slice(range) }
    }

    /// Those of each pass of the gradient of a group's input.
    ///
    /// # Safety
    /// As [`PackedWeights::forward`].
    pub(super) unsafe fn backward<'a>(
        &'a self,
        convolution: &'a Convolution,
        group: usize,
    ) -> impl Iterator<Item = &'a [f32]> {
        let values = &self.backward[convolution.index];
        let channels = convolution.window.group_channels();
        let [_, backward] = passes(convolution);
        let mut start = of_group(backward, channels, group).start;
        convolution.backward.iter().map(move |pass| {
            let len = Passes::Backward(std::slice::from_ref(pass)).len(channels);
            start += len;
            // SAFETY: guaranteed by the caller.
            unsafe { values.slice(start - len..start) }
        })
    }
}
