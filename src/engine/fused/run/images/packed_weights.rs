//! A worker's copy of the convolutions' weights, packed for its tiles.

use crate::engine::fused::{
    kernels::{PackKernels, Passes, dispatch},
    memory::shared::Shared,
    program::{Convolution, Images},
    run::model::Model,
};

/// The packed weights of each convolution. Every worker has its own, so that no barrier is needed after packing.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    forward: Vec<Shared<f32>>,
    /// For the gradient of the input; empty where that is not computed, and for inference.
    backward: Vec<Shared<f32>>,
}

/// Both uses of a convolution's weights.
fn passes(convolution: &Convolution) -> [Passes<'_>; 2] {
    [
        Passes::Forward(&convolution.forward),
        Passes::Backward(&convolution.backward),
    ]
}

impl PackedWeights {
    pub(super) fn new(images: &Images, is_training: bool) -> Self {
        let all = |backward: usize| {
            let convolutions = images.convolutions();
            let lens = convolutions.map(move |c| passes(c)[backward].len(c.channels()));
            lens.map(Shared::zeros).collect()
        };
        PackedWeights {
            forward: all(0),
            backward: if is_training { all(1) } else { Vec::new() },
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
                // SAFETY: guaranteed by the caller.
                let pack = unsafe {
                    PackKernels {
                        weights: model.weights[convolution.weights].view(),
                        channels: convolution.channels(),
                        passes,
                        output: values.slice_mut(0..values.len()),
                    }
                };
                dispatch(model.simd, pack);
            }
        }
    }

    /// Those of a forward pass.
    ///
    /// # Safety
    /// No thread packs them while the slice lives.
    pub(super) unsafe fn forward(&self, convolution: &Convolution) -> &[f32] {
        let values = &self.forward[convolution.index];
        // SAFETY: guaranteed by the caller.
        unsafe { values.slice(0..values.len()) }
    }

    /// Those of each pass of the gradient of the input.
    ///
    /// # Safety
    /// As [`PackedWeights::forward`].
    pub(super) unsafe fn backward<'a>(
        &'a self,
        convolution: &'a Convolution,
    ) -> impl Iterator<Item = &'a [f32]> {
        let values = &self.backward[convolution.index];
        let mut start = 0;
        convolution.backward.iter().map(move |pass| {
            let len = Passes::Backward(std::slice::from_ref(pass)).len(convolution.channels());
            start += len;
            // SAFETY: guaranteed by the caller.
            unsafe { values.slice(start - len..start) }
        })
    }
}
