//! What computes each code from one code of its operands: sums, tables; and the borders of images.

use super::{
    pack::{Block, Instruction},
    program::Value,
    round::Rounding,
};

/// Computes the sum of two values.
///
/// # Safety
/// The instruction and the arena are those of one model, and the step is a sum.
#[inline(always)]
pub(super) unsafe fn sum(at: &Instruction, arena: *mut u8) {
    let rounding = Rounding::new(at.output_zero, at.step.relu);
    let zeros = [at.input_zero, at.term_zero].map(i32::from);
    let [first, second] = at.factors;
    let code = |a: u8, b: u8| {
        let a = (i32::from(a) - zeros[0]) as f32 * first;
        let b = (i32::from(b) - zeros[1]) as f32 * second;
        rounding.code(a + b)
    };
    for row in 0..at.output.rows {
        // SAFETY: guaranteed by the caller: all three values have this row, and the output overlaps neither operand.
        unsafe {
            let a = codes_of(&at.input, row, arena);
            let b = codes_of(&at.term, row, arena);
            let to = codes_of(&at.output, row, arena);
            let len = at.output.columns * at.output.channels;
            let a = core::slice::from_raw_parts(a, len);
            let b = core::slice::from_raw_parts(b, len);
            let to = core::slice::from_raw_parts_mut(to, len);
            for (to, (&a, &b)) in to.iter_mut().zip(a.iter().zip(b)) {
                *to = code(a, b);
            }
        }
    }
}

/// Replaces each code by that of a table.
///
/// # Safety
/// The instruction, its blocks and the arena are those of one model, and the step has a table.
#[inline(always)]
pub(super) unsafe fn look_up(at: &Instruction, blocks: *const Block, arena: *mut u8) {
    // SAFETY: guaranteed by the caller: a table is four blocks.
    let table: &[u8; 256] = unsafe { &*blocks.cast() };
    for row in 0..at.output.rows {
        let from = codes_of(&at.input, row, arena);
        let to = codes_of(&at.output, row, arena);
        for i in 0..at.output.columns * at.output.channels {
            // SAFETY: guaranteed by the caller: both values have this row.
            unsafe { *to.wrapping_add(i) = table[usize::from(*from.wrapping_add(i))] };
        }
    }
}

/// The first code of a row.
#[inline(always)]
fn codes_of(value: &Value, row: usize, arena: *mut u8) -> *mut u8 {
    arena.wrapping_add(value.inside() + row * value.pitch())
}

/// Writes the border of a value: its zero point.
///
/// # Safety
/// The value is in the arena.
#[inline(always)]
pub(super) unsafe fn surround(value: &Value, zero: u8, arena: *mut u8) {
    let [rows, columns] = value.border;
    if rows + columns == 0 {
        return;
    }
    let (pitch, side) = (value.pitch(), columns * value.channels);
    let first = arena.wrapping_add(value.start);
    let inside = first.wrapping_add(rows * pitch);
    // SAFETY: all of these codes are of the value.
    unsafe {
        first.write_bytes(zero, rows * pitch);
        for row in 0..value.rows {
            let row = inside.wrapping_add(row * pitch);
            row.write_bytes(zero, side);
            row.wrapping_add(pitch - side).write_bytes(zero, side);
        }
        inside
            .wrapping_add(value.rows * pitch)
            .write_bytes(zero, rows * pitch);
    }
}
