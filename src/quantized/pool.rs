//! Maxima and means of windows.

use super::{
    pack::{Instruction, LANES},
    program::Kind,
    round::Rounding,
};

/// Computes a pooling, 16 channels at a time.
///
/// # Safety
/// The instruction and the arena are those of one model, and the step is a pooling.
#[inline(always)]
pub(super) unsafe fn pool(at: &Instruction, arena: *mut u8) {
    let (window, input, output) = (&at.step.window, &at.input, &at.output);
    for row in 0..output.rows {
        for column in 0..output.columns {
            let (rows, columns) = (window.inside(0, row), window.inside(1, column));
            let from = input.inside() + rows.start * input.pitch() + columns.start * input.channels;
            let to = output.inside() + row * output.pitch() + column * output.channels;
            let patch = Patch {
                first: arena.wrapping_add(from),
                pitch: input.pitch(),
                channels: input.channels,
                rows: rows.len(),
                columns: columns.len(),
            };
            let to = arena.wrapping_add(to);
            let mut channel = 0;
            while channel < input.channels {
                let count = LANES.min(input.channels - channel);
                // SAFETY: the patch is within the input, and `to` has the channels of the output.
                unsafe {
                    // With a constant count the loops over channels are vectors.
                    match count {
                        LANES => patch.pool(at, channel, LANES, to),
                        _ => patch.pool(at, channel, count, to),
                    }
                }
                channel += count;
            }
        }
    }
}

/// The part of an image under a window.
struct Patch {
    first: *const u8,
    pitch: usize,
    channels: usize,
    rows: usize,
    columns: usize,
}

impl Patch {
    /// # Safety
    /// As [`pool`]; there are `count` channels from `channel` on, at most 16.
    #[inline(always)]
    unsafe fn pool(&self, at: &Instruction, channel: usize, count: usize, to: *mut u8) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let codes = match at.step.kind {
                Kind::Maximum => self.fold(channel, count, u8::max),
                _ => {
                    let sums: [u32; LANES] =
                        self.fold(channel, count, |sum, code| sum + u32::from(code));
                    let zeros = (self.rows * self.columns) as i32 * i32::from(at.input_zero);
                    let rounding = Rounding::new(at.output_zero, at.step.relu);
                    let mean = |sum: u32| (sum as i32 - zeros) as f32 * at.factors[0];
                    sums.map(|sum| rounding.code(mean(sum)))
                }
            };
            to.wrapping_add(channel)
                .copy_from_nonoverlapping(codes.as_ptr(), count);
        }
    }

    /// For each channel, what `join` makes of its codes, from 0 on.
    ///
    /// # Safety
    /// As [`Patch::pool`].
    #[inline(always)]
    unsafe fn fold<T: Copy + Default>(
        &self,
        channel: usize,
        count: usize,
        join: impl Fn(T, u8) -> T,
    ) -> [T; LANES] {
        let mut joined = [T::default(); LANES];
        for row in 0..self.rows {
            for column in 0..self.columns {
                let at = row * self.pitch + column * self.channels + channel;
                for (lane, joined) in joined.iter_mut().enumerate().take(count) {
                    // SAFETY: guaranteed by the caller.
                    *joined = join(*joined, unsafe { *self.first.wrapping_add(at + lane) });
                }
            }
        }
        joined
    }
}
