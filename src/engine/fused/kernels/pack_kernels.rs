//! The weights of a convolution in the order in which its tiles read them.

use super::{Kernel, Lanes, product::groups};
use crate::engine::fused::{
    memory::matrix::{BLOCK, View},
    program::Pass,
};

/// Copies the weights `[channels * taps + 1, outputs]` of a group of a convolution's channels, tile after tile of the
/// result's channels: the bias of each channel, then for each channel and tap of the sum a weight for each.
pub(crate) struct PackKernels<'a> {
    /// Those of all groups.
    pub(crate) weights: View<'a>,
    /// Input and output channels of a group.
    pub(crate) channels: [usize; 2],
    /// The group's first output channel.
    pub(crate) first: usize,
    pub(crate) passes: Passes<'a>,
    /// [`Passes::len`] values.
    pub(crate) output: &'a mut [f32],
}

/// What the weights are packed for.
#[derive(Clone, Copy)]
pub(crate) enum Passes<'a> {
    /// The result has the output channels.
    Forward(&'a Pass),
    /// The result has the input channels, and no bias; one pass after another.
    Backward(&'a [Pass]),
}

impl Passes<'_> {
    /// The number of packed values of a group with these input and output channels.
    pub(crate) fn len(&self, [inputs, outputs]: [usize; 2]) -> usize {
        match self {
            Passes::Forward(pass) => (1 + inputs * pass.taps.len()) * outputs,
            Passes::Backward(passes) => {
                let lens = passes
                    .iter()
                    .map(|pass| (1 + outputs * pass.taps.len()) * inputs);
                lens.sum()
            }
        }
    }
}

impl Kernel for PackKernels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let [inputs, outputs] = self.channels;
        let taps = (self.weights.rows - 1) / inputs;
        assert!(self.first + outputs <= self.weights.blocks * BLOCK);
        let weight = |row: usize, output: usize| {
            let output = self.first + output;
            self.weights.row(output / BLOCK, row)[output % BLOCK]
        };
        let mut to = self.output.iter_mut();
        let mut put = |value: f32| {
            if let Some(to) = to.next() {
                *to = value;
            }
        };
        match self.passes {
            Passes::Forward(_) => {
                for tile in groups(outputs, S::TILE_OUTPUTS) {
                    tile.clone()
                        .for_each(|output| put(weight(inputs * taps, output)));
                    for row in 0..inputs * taps {
                        tile.clone().for_each(|output| put(weight(row, output)));
                    }
                }
            }
            Passes::Backward(passes) => {
                for pass in passes {
                    for tile in groups(inputs, S::TILE_OUTPUTS) {
                        tile.clone().for_each(|_| put(0.0));
                        for output in 0..outputs {
                            for tap in &pass.kernel {
                                let row = |input: usize| input * taps + tap;
                                tile.clone()
                                    .for_each(|input| put(weight(row(input), output)));
                            }
                        }
                    }
                }
            }
        }
    }
}
