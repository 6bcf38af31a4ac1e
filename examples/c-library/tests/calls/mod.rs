//! Calls of the exported functions, checked by the tests in `exported.rs` and the fuzz target `c_functions`: either the bits of the
//! Rust function, or an error and no write.
//!
//! Buffers are exactly as long as the contract says, so that Miri and AddressSanitizer see an access beyond them.

#![allow(unsafe_code, reason = "calls of the exported functions")]

use std::{
    ffi::{CStr, c_char, c_int},
    ptr,
};

use digits::{
    DIGITS_CLASSES, DIGITS_PIXELS, MODEL, Net, Status, digits_classify, digits_error_message,
    digits_logits, digits_probabilities,
};
use tuplenet::prelude::*;

/// What the memory for a result holds beforehand.
const CANARY: u32 = 0x7fa5_5a5a;
/// The longest buffers, for lengths that are wrong anyway.
pub const MAX_LEN: usize = 2000;

/// A pointer as C passes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pointer {
    Valid,
    Null,
    Misaligned,
}

/// A pointer and the length that is passed with it.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    pub pointer: Pointer,
    pub len: usize,
}

impl Argument {
    fn faults(self, right: usize) -> impl Iterator<Item = Status> {
        let pointer = match self.pointer {
            Pointer::Valid => None,
            Pointer::Null => Some(Status::NullPointer),
            Pointer::Misaligned => Some(Status::Misaligned),
        };
        let len = (self.len != right).then_some(Status::WrongLength);
        pointer.into_iter().chain(len)
    }
}

/// Values on the heap, at an odd address if asked for.
struct Memory {
    words: Vec<f32>,
    pointer: Pointer,
}

impl Memory {
    fn new(values: &[f32], pointer: Pointer) -> Self {
        let len = values.len() + usize::from(pointer == Pointer::Misaligned);
        let mut words = Vec::with_capacity(len);
        words.extend(values);
        words.resize(len, f32::from_bits(CANARY));
        Memory { words, pointer }
    }

    /// For a result of `argument.len` values, or of as many as there is memory for.
    fn canaries(argument: Argument) -> Self {
        let len = argument.len.min(MAX_LEN);
        Memory::new(&vec![f32::from_bits(CANARY); len], argument.pointer)
    }

    fn pointer(&mut self) -> *mut f32 {
        match self.pointer {
            Pointer::Valid => self.words.as_mut_ptr(),
            Pointer::Null => ptr::null_mut(),
            Pointer::Misaligned => self.words.as_mut_ptr().wrapping_byte_add(1),
        }
    }
}

/// The signature of `digits_logits` and `digits_probabilities`.
type Exported = unsafe extern "C" fn(*const f32, usize, *mut f32, usize) -> Status;

/// The function of the Rust API.
type Native = fn(&Frozen<Net>, &[f32; DIGITS_PIXELS]) -> [f32; DIGITS_CLASSES];

const FUNCTIONS: [(Exported, Native); 2] = [
    (digits_logits, Frozen::predict),
    (digits_probabilities, Frozen::probabilities),
];

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Calls the functions that write several values; `values` are `from.len` values, or as many as there is memory for.
///
/// # Panics
/// If a result is not that of the model, or an error is not one of the arguments'.
pub fn values_are_those_of_the_model(values: &[f32], from: Argument, to: Argument) {
    let faults = from.faults(DIGITS_PIXELS).chain(to.faults(DIGITS_CLASSES));
    let faults: Vec<Status> = faults.collect();
    for (exported, native) in FUNCTIONS {
        let mut input = Memory::new(values, from.pointer);
        let mut output = Memory::canaries(to);
        // SAFETY: the memory is as long as the lengths say, or the lengths are wrong.
        let status = unsafe { exported(input.pointer(), from.len, output.pointer(), to.len) };
        match values.first_chunk() {
            Some(picture) if faults.is_empty() => {
                assert_eq!(status, Status::Ok);
                assert_eq!(bits(&output.words), bits(&native(&MODEL, picture)));
            }
            _ => {
                assert!(faults.contains(&status), "{faults:?}, found {status:?}");
                assert!(output.words.iter().all(|value| value.to_bits() == CANARY));
            }
        }
        assert_eq!(bits(&input.words[..values.len()]), bits(values));
    }
}

/// Calls `digits_classify`; otherwise as [`values_are_those_of_the_model`].
pub fn the_class_is_that_of_the_model(values: &[f32], from: Argument, to: Pointer) {
    let to_one = Argument {
        pointer: to,
        len: 1,
    };
    let faults: Vec<Status> = from.faults(DIGITS_PIXELS).chain(to_one.faults(1)).collect();
    let mut input = Memory::new(values, from.pointer);
    let mut digit = vec![usize::MAX; 1 + usize::from(to == Pointer::Misaligned)];
    let at = match to {
        Pointer::Valid => digit.as_mut_ptr(),
        Pointer::Null => ptr::null_mut(),
        Pointer::Misaligned => digit.as_mut_ptr().wrapping_byte_add(1),
    };
    // SAFETY: the memory is as long as the length says, or the length is wrong.
    let status = unsafe { digits_classify(input.pointer(), from.len, at) };
    match values.first_chunk() {
        Some(picture) if faults.is_empty() => {
            assert_eq!(status, Status::Ok);
            let picture: &[f32; DIGITS_PIXELS] = picture;
            assert_eq!(digit, [MODEL.classify(picture)]);
        }
        _ => {
            assert!(faults.contains(&status), "{faults:?}, found {status:?}");
            assert!(digit.iter().all(|&digit| digit == usize::MAX));
        }
    }
    assert_eq!(bits(&input.words[..values.len()]), bits(values));
}

/// Words around the pixels where a result may begin or end.
const MARGIN: usize = DIGITS_CLASSES;
/// The number of places that [`a_result_may_overlap_the_pixels`] has for a result.
pub const PLACES: usize = DIGITS_PIXELS + MARGIN;

/// Calls all functions with a result that begins `at` values after ten values before the pixels: before them, in them, or at their end.
///
/// # Panics
/// If a result is not that of the model, or if anything else is written.
pub fn a_result_may_overlap_the_pixels(picture: &[f32; DIGITS_PIXELS], at: usize) {
    let before = [&[0.0; MARGIN][..], picture, &[0.0; MARGIN]].concat();
    for (exported, native) in FUNCTIONS {
        let mut shared = before.clone();
        let start = shared.as_mut_ptr();
        // SAFETY: all of it is within `shared`.
        let status = unsafe {
            let (pixels, to) = (start.add(MARGIN), start.add(at));
            exported(pixels, DIGITS_PIXELS, to, DIGITS_CLASSES)
        };
        assert_eq!(status, Status::Ok);
        let mut expected = before.clone();
        expected[at..at + DIGITS_CLASSES].copy_from_slice(&native(&MODEL, picture));
        assert_eq!(bits(&shared), bits(&expected));
    }
    let mut shared = before.clone();
    let start = shared.as_mut_ptr();
    let to = start.wrapping_add(at).cast::<usize>();
    // SAFETY: all of it is within `shared`.
    let status = unsafe { digits_classify(start.add(MARGIN), DIGITS_PIXELS, to) };
    let mut expected = before;
    if to.is_aligned() {
        assert_eq!(status, Status::Ok);
        let digit: usize = MODEL.classify(picture);
        for (word, bytes) in expected[at..]
            .iter_mut()
            .zip(digit.to_ne_bytes().as_chunks::<4>().0)
        {
            *word = f32::from_ne_bytes(*bytes);
        }
    } else {
        assert_eq!(status, Status::Misaligned);
    }
    assert_eq!(bits(&shared), bits(&expected));
}

/// The text at a pointer to one of the library's strings.
pub fn text(pointer: *const c_char) -> &'static str {
    assert!(!pointer.is_null());
    // SAFETY: the library's strings are constant and end with NUL.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().expect("English")
}

/// Whether a number is a status, by its message.
pub fn is_status(number: c_int) -> bool {
    let message = text(digits_error_message(number));
    assert!(!message.is_empty());
    message != "no status of this library"
}
