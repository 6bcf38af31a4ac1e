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

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(len: usize) -> Vec<f32> {
        let logit = |i: usize| (i * 37 % 50) as f32 * 4.0 - 90.0;
        (0..len).map(logit).collect()
    }

    #[test]
    fn any_number_of_probabilities_is_that_of_f64() {
        for len in 1..50 {
            let logits = logits(len);
            let exact: Vec<f64> = logits.iter().map(|&z| f64::from(z).exp()).collect();
            let sum: f64 = exact.iter().sum();
            for level in Level::all() {
                let mut found = logits.clone();
                dispatch(level, Softmax(&mut found));
                for (&found, exact) in found.iter().zip(&exact) {
                    let exact = exact / sum;
                    // An exponential, a sum and a quotient; the smallest are denormal.
                    let error = (f64::from(found) - exact).abs();
                    assert!(
                        error < 5e-7 * exact + 2e-45,
                        "{level:?}: {found} not {exact}"
                    );
                }
            }
        }
    }

    /// As in PyTorch.
    #[test]
    fn nan_and_infinity_make_all_nan_and_minus_infinity_is_impossible() {
        for level in Level::all() {
            for bad in [f32::NAN, f32::INFINITY] {
                for at in 0..19 {
                    let mut values = logits(19);
                    values[at] = bad;
                    dispatch(level, Softmax(&mut values));
                    assert!(
                        values.iter().all(|p| p.is_nan()),
                        "{level:?}: {bad} at {at}"
                    );
                }
            }
            let mut values = [0.0, f32::NEG_INFINITY, 0.0];
            dispatch(level, Softmax(&mut values));
            assert_eq!(values, [0.5, 0.0, 0.5], "{level:?}");
        }
    }

    #[test]
    fn the_portable_one_uses_no_instructions_of_this_processor() {
        let mut expected = logits(37);
        let mut found = expected.clone();
        dispatch(Level::Portable, Softmax(&mut expected));
        portable_softmax(&mut found);
        assert_eq!(found, expected);
    }
}
