//! A product of matrices by a warp: `mma.sync`, `d = a b + c`.
//!
//! ```text
//! a [16, K], b [K, 8], c and d [16, 8]; K = 8 for tf32, 16 for bf16
//! ```
//!
//! Their elements are spread over the registers of 32 lanes: section 9.7.14.5, "Matrix Fragments". Each sum begins with `c`,
//! and the exact products are added in the order of `K`; it is rounded to `f32` after each. The manual leaves both open, so
//! the last digits on a GPU differ.

use super::warp::{Frame, Machine, Mask, Wrong, first_lane};
use crate::{
    lanes::{Lanes, Value, WARP},
    operation::Factors,
    ptx::Operand,
};

impl<'a> Machine<'_, 'a> {
    pub(super) fn multiply(
        &self,
        frame: &mut Frame<'a>,
        factors: Factors,
        [d, a, b, c]: [&Operand; 4],
        active: Mask,
    ) -> Result<(), Wrong> {
        if active != Mask::MAX {
            let what = format!(
                "multiplies matrices in the lanes {active:#010x} of its warp, where all 32 must take part"
            );
            return Err((first_lane(active), what));
        }
        let a: [Lanes; 4] = self.fragment(frame, a)?;
        let b: [Lanes; 2] = self.fragment(frame, b)?;
        let c: [Lanes; 4] = self.fragment(frame, c)?;
        // Lanes 4i to 4i + 3 have row i and row i + 8 of `a`, and column i of `b`.
        let (mut rows, mut columns) = ([[0.0; 16]; 16], [[0.0; 16]; 8]);
        let packed = factors.packed();
        for (lane, at) in (0..WARP).flat_map(|lane| (0..packed).map(move |at| (lane, at))) {
            let (group, k) = (lane / 4, lane % 4 * packed + at);
            for (register, values) in a.iter().enumerate() {
                let place = &mut rows[group + register % 2 * 8][k + register / 2 * 4 * packed];
                *place = factors.element(values[lane], at);
            }
            for (register, values) in b.iter().enumerate() {
                let place = &mut columns[group][k + register * 4 * packed];
                *place = factors.element(values[lane], at);
            }
        }
        let mut sums = c;
        for (register, sums) in sums.iter_mut().enumerate() {
            for (lane, sum) in sums.iter_mut().enumerate() {
                let row = &rows[lane / 4 + register / 2 * 8];
                let column = &columns[lane % 4 * 2 + register % 2];
                let terms = row.iter().zip(column).take(8 * packed);
                let total = terms.fold(f32::get(*sum), |sum, (a, b): (&f32, &f32)| {
                    a.mul_add(*b, sum)
                });
                *sum = f32::put(total);
            }
        }
        for (to, sums) in registers::<4>(d)?.iter().zip(&sums) {
            frame.write(to, active, sums)?;
        }
        Ok(())
    }

    /// The values of a vector of registers, in all lanes.
    fn fragment<const N: usize>(
        &self,
        frame: &Frame<'a>,
        operand: &Operand,
    ) -> Result<[Lanes; N], Wrong> {
        let mut values = [[0; WARP]; N];
        for (values, register) in values.iter_mut().zip(registers::<N>(operand)?) {
            *values = *self.value(frame, register, Mask::MAX)?;
        }
        Ok(values)
    }
}

fn registers<const N: usize>(operand: &Operand) -> Result<&[Operand; N], Wrong> {
    let registers = match operand {
        Operand::Vector(registers) => registers.as_slice().try_into().ok(),
        _ => None,
    };
    registers.ok_or_else(|| (0, format!("expected {N} registers, found {operand:?}")))
}
