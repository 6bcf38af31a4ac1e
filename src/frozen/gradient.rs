//! [`Frozen::gradient`].

use super::{Frozen, Values, check_stack};
use crate::{models::Mlp, single::gradient};

impl<const I: usize, const H: usize, const O: usize, V: Values> Frozen<Mlp<I, H, O>, V> {
    /// The gradient of a weighted sum of the logits with respect to the sample: `s_i = sum_c v_c dz_c / dx_i`, `[I]`, for
    /// the weights `v`, `of`; of networks with one hidden layer.
    ///
    /// With a weight of 1 for one class and 0 for the others it is that class's saliency, as of `Tape::saliency`; times the
    /// sample, `s_i x_i`, what each feature adds to the logit, up to the biases. Where the input of a ReLU is 0, its
    /// derivative is 0, as in PyTorch.
    ///
    /// Sources: K. Simonyan, A. Vedaldi, A. Zisserman, "Deep Inside Convolutional Networks", 2013, section 3; A. Shrikumar,
    /// P. Greenside, A. Shcherbina, A. Kundaje, "Not Just a Black Box", 2016, for the product with the sample.
    ///
    /// ```standalone_crate
    /// use tuplenet::prelude::*;
    ///
    /// tuplenet::frozen! {
    ///     static DIGITS: (Linear<784, 32>, ReLU, Linear<32, 10>) = "../../examples/digits.safetensors";
    /// }
    ///
    /// let mut pixels = [0.0; 784];
    /// pixels[400] = 1.0;
    /// let mut three = [0.0; 10];
    /// three[3] = 1.0;
    /// let saliency: [f32; 784] = DIGITS.gradient(&pixels, &three);
    ///
    /// let logit = DIGITS.predict(&pixels)[3];
    /// pixels[400] += 0.01;
    /// let slope = (DIGITS.predict(&pixels)[3] - logit) / 0.01;
    /// assert!((saliency[400] - slope).abs() < 1e-3);
    /// ```
    pub fn gradient(&self, sample: &[f32; I], of: &[f32; O]) -> [f32; I] {
        const { check_stack::<Mlp<I, H, O>>() };
        // SAFETY: the assertion above, as the whole network needs no less than its first layer; `borrowed` and
        // `embed::frozen` have checked that the values are those of this network.
        unsafe { gradient::<I, H, O, V>(&self.values, sample, of) }
    }
}
