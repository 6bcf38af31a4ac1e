//! [`softmax`]: from logits to probabilities.

use super::{
    functions::exp,
    lanes::{Kernel, Lanes},
    layer_norm::sum,
    level::{Level, dispatch},
    vectors::portable::Portable,
};

/// `p_c = exp(z_c) / sum_k exp(z_k)`, in place, computed after subtracting the largest logit, so that nothing overflows.
pub(crate) fn softmax(values: &mut [f32]) {
    dispatch(Level::widest(), Softmax(values));
}

/// [`softmax`] with the same bits on every processor.
pub(crate) fn portable_softmax(values: &mut [f32]) {
    Softmax(values).run(Portable);
}

struct Softmax<'a>(&'a mut [f32]);

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Softmax(values) = self;
        let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for vector in values.chunks_mut(L::LANES) {
            // SAFETY: a chunk has at most as many values as a vector.
            unsafe {
                let logits = lanes.load_first(vector.as_ptr(), vector.len());
                let powers = exp(lanes, lanes.sub(logits, lanes.splat(largest)));
                lanes.store_first(vector.as_mut_ptr(), powers, vector.len());
            }
        }
        let sum = sum(values, |power| power);
        values.iter_mut().for_each(|power| *power /= sum);
    }
}
