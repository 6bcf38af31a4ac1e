//! A worker's copy of the convolutions' weights, packed for its tiles.

use std::ops::Range;

use crate::engine::fused::{
    kernels::{PackKernels, PackSelected, PackWinograd, Passes, dispatch},
    memory::{bytes::Bytes, shared::Shared},
    program::{Convolution, Images},
    run::model::Model,
};

/// The packed weights of each convolution, group after group. Every worker has its own, so that no barrier is needed after
/// packing.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    forward: Vec<Shared<f32>>,
    /// For the gradient of the input; empty where that is not computed, and for inference.
    backward: Vec<Shared<f32>>,
    /// For the gradients of a convolution of which only maxima are read; empty for others, and for inference.
    selected: Vec<Shared<f32>>,
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

impl Bytes for PackedWeights {
    fn bytes(&self) -> usize {
        self.forward.bytes() + self.backward.bytes() + self.selected.bytes()
    }
}

impl PackedWeights {
    pub(super) fn new(images: &Images, is_training: bool) -> Self {
        let all = |backward: usize| {
            let lens = images.convolutions().map(move |convolution| {
                let (window, passes) = (&convolution.window, passes(convolution)[backward]);
                match is_training && convolution.uses_winograd {
                    true => PackWinograd::len(passes, window.group_channels()),
                    false => window.groups * passes.len(window.group_channels()),
                }
            });
            lens.map(Shared::zeros).collect()
        };
        let selected = images.convolutions().map(|convolution| {
            let is_selected = is_training && convolution.selected_by.is_some();
            Shared::zeros(match is_selected {
                true => PackSelected::len(
                    convolution.window.group_channels(),
                    convolution.forward.taps.len(),
                ),
                false => 0,
            })
        });
        PackedWeights {
            selected: selected.collect(),
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
            let selected = &self.selected[convolution.index];
            let is_selected = selected.len() > 0 && model.skips_zeros();
            let backward = self.backward.get(convolution.index);
            let packed = [
                self.forward.get(convolution.index),
                backward.filter(|_| !is_selected),
            ];
            for (passes, values) in passes(convolution).into_iter().zip(packed) {
                if let Some(values) = values {
                    // SAFETY: guaranteed by the caller.
                    unsafe { self.pack_for(model, convolution, passes, values) };
                }
            }
            if is_selected {
                // SAFETY: guaranteed by the caller.
                let pack = unsafe {
                    PackSelected {
                        weights: model.weights[convolution.weights].view(),
                        channels: convolution.window.group_channels(),
                        output: selected.slice_mut(0..selected.len()),
                    }
                };
                dispatch(model.simd, pack);
            }
        }
    }

    /// Those for the gradients of a convolution of which only maxima are read.
    ///
    /// # Safety
    /// No thread packs them while the slice lives.
    pub(super) unsafe fn selected(&self, convolution: &Convolution) -> &[f32] {
        let values = &self.selected[convolution.index];
        // SAFETY: guaranteed by the caller.
        unsafe { values.slice(0..values.len()) }
    }

    /// Packs a convolution's weights for one use.
    ///
    /// # Safety
    /// As [`PackedWeights::pack`].
    unsafe fn pack_for(
        &self,
        model: &Model,
        convolution: &Convolution,
        passes: Passes<'_>,
        values: &Shared<f32>,
    ) {
        let channels = convolution.window.group_channels();
        // SAFETY: guaranteed by the caller; no two slices of the values live at a time.
        unsafe {
            let weights = model.weights[convolution.weights].view();
            if self.is_training && convolution.uses_winograd {
                let pack = PackWinograd {
                    weights,
                    channels,
                    passes,
                    output: values.slice_mut(0..values.len()),
                };
                dispatch(model.simd, pack);
                return;
            }
            for (group, [_, outputs]) in convolution.groups().enumerate() {
                let pack = PackKernels {
                    weights,
                    channels,
                    first: outputs.start,
                    passes,
                    output: values.slice_mut(of_group(passes, channels, group)),
                };
                dispatch(model.simd, pack);
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
