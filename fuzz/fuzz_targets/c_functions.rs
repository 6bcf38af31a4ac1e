//! The exported functions of `examples/c-library` with any pointers, lengths and values; its `tests/exported.rs` tests the same with fewer
//! inputs.

#![no_main]

use crate::calls::{
    Argument, MAX_LEN, PLACES, Pointer, a_result_may_overlap_the_pixels, is_status,
    the_class_is_that_of_the_model, values_are_those_of_the_model,
};
use digits::{DIGITS_CLASSES, DIGITS_PIXELS};

#[path = "../../examples/c-library/tests/calls/mod.rs"]
mod calls;

// The pointers, the lengths' kinds, two numbers, and the bits of the pixels, which are repeated.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&[pointers, lens, a, b, c, d], bits)) = bytes.split_first_chunk() else {
        return;
    };
    let [first, second] = [[a, b], [c, d]].map(|it| usize::from(u16::from_le_bytes(it)));
    let from = Argument {
        pointer: pointer(pointers),
        len: len(lens, DIGITS_PIXELS, first),
    };
    let to = Argument {
        pointer: pointer(pointers >> 4),
        len: len(lens >> 4, DIGITS_CLASSES, second),
    };
    let bits = bits.as_chunks::<4>().0;
    let pixels = |len| -> Vec<f32> {
        let bits = if bits.is_empty() { &[[0; 4]] } else { bits };
        let all = bits.iter().cycle().map(|&bits| f32::from_ne_bytes(bits));
        all.take(len).collect()
    };
    let values = pixels(from.len.min(MAX_LEN));
    values_are_those_of_the_model(&values, from, to);
    the_class_is_that_of_the_model(&values, from, to.pointer);
    if let Ok(picture) = pixels(DIGITS_PIXELS).try_into() {
        a_result_may_overlap_the_pixels(&picture, first % (PLACES + 1));
    }
    let number = i32::from_ne_bytes([a, b, c, d]);
    assert_eq!(is_status(number), (0..4).contains(&number));
});

fn pointer(kind: u8) -> Pointer {
    match kind % 16 {
        0 => Pointer::Null,
        1 => Pointer::Misaligned,
        _ => Pointer::Valid,
    }
}

/// Mostly the right length.
fn len(kind: u8, right: usize, other: usize) -> usize {
    match kind % 16 {
        0 => other % MAX_LEN,
        // beyond the memory: refused before it is read
        1 => other,
        2 => usize::MAX - other,
        _ => right,
    }
}
