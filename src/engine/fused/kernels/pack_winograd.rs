//! The weights of a convolution, transformed for [Winograd's algorithm](Winograd).

use super::{Kernel, Lanes, Passes, Winograd, product::groups};
use crate::{
    engine::fused::{
        memory::matrix::{BLOCK, View},
        program::Pass,
    },
    single::winograd_weights,
};

/// Transforms the weights `[channels * 9 + 1, outputs]` of a convolution to `G g G'`: the biases, which are 0 for the
/// gradient of its input, then for each of the 16 values and each tile of the result's channels, the weights `[channels of the
/// sum][channels of the tile]`.
pub(crate) struct PackWinograd<'a> {
    pub(crate) weights: View<'a>,
    /// Input and output channels of the convolution.
    pub(crate) channels: [usize; 2],
    /// With a stride of 1, the gradient of the input has one pass, or none where it is not computed.
    pub(crate) passes: Passes<'a>,
    /// [`PackWinograd::len`] values.
    pub(crate) output: &'a mut [f32],
}

impl PackWinograd<'_> {
    /// The number of packed values of a convolution with these input and output channels.
    pub(crate) fn len(passes: Passes<'_>, channels: [usize; 2]) -> usize {
        let terms_and_results = sum(passes, channels).map(|(_, channels)| channels);
        terms_and_results.map_or(0, |[terms, results]| Winograd::weights_len(terms, results))
    }
}

/// The pass, if there is one, and the channels over which it sums and of its result.
fn sum(passes: Passes<'_>, [inputs, outputs]: [usize; 2]) -> Option<(&Pass, [usize; 2])> {
    match passes {
        Passes::Forward(pass) => Some((pass, [inputs, outputs])),
        Passes::Backward(passes) => passes.first().map(|pass| (pass, [outputs, inputs])),
    }
}

impl Kernel for PackWinograd<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let [inputs, outputs] = self.channels;
        let Some((pass, [terms, results])) = sum(self.passes, self.channels) else {
            return;
        };
        let is_backward = matches!(self.passes, Passes::Backward(_));
        let taps = 9;
        assert_eq!(pass.kernel.len(), taps);
        assert!(self.weights.rows == inputs * taps + 1 && outputs <= self.weights.blocks * BLOCK);
        let weight =
            |row: usize, output: usize| self.weights.row(output / BLOCK, row)[output % BLOCK];
        assert_eq!(self.output.len(), Winograd::weights_len(terms, results));
        let (biases, packed) = self.output.split_at_mut(results);
        for (output, bias) in biases.iter_mut().enumerate() {
            *bias = match is_backward {
                true => 0.0,
                false => weight(inputs * taps, output),
            };
        }
        for tile in groups(results, S::TILE_OUTPUTS) {
            for term in 0..terms {
                for result in tile.clone() {
                    let (input, output) = match is_backward {
                        true => (result, term),
                        false => (term, result),
                    };
                    // The kernel in the order of the input's values, not of the taps.
                    let mut kernel = [[0.0; 3]; 3];
                    for (distance, tap) in pass.taps.iter().zip(&pass.kernel) {
                        let [k, l] = pass.offset(*distance);
                        kernel[k][l] = weight(input * taps + tap, output);
                    }
                    for (product, value) in winograd_weights(kernel).into_iter().enumerate() {
                        let at = product * terms * results + tile.start * terms;
                        packed[at + term * tile.len() + result - tile.start] = value;
                    }
                }
            }
        }
    }
}
