//! The exported functions with anything that C may pass: either the bits of the Rust function, or an error and no write.
//!
//! Buffers are exactly as long as the contract says, so that Miri sees an access beyond them.

#![allow(clippy::unwrap_used)]
#![allow(unsafe_code, reason = "calls of the exported functions")]

use std::{
    ffi::{CStr, c_char},
    iter, ptr,
};

use digits::{
    DIGITS_CLASSES, DIGITS_PIXELS, MODEL, Net, Status, digits_classify, digits_error_message,
    digits_logits, digits_probabilities, digits_version,
};
use proptest::prelude::*;
use tuplenet::prelude::*;

/// What the memory for a result holds beforehand.
const CANARY: u32 = 0x7fa5_5a5a;
/// The longest buffers, for lengths that are wrong anyway.
const MAX_LEN: usize = 2000;

/// A pointer as C passes it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pointer {
    Valid,
    Null,
    Misaligned,
}

/// A pointer and the length that is passed with it.
#[derive(Clone, Copy, Debug)]
struct Argument {
    pointer: Pointer,
    len: usize,
}

impl Argument {
    /// One half of them without a fault.
    fn any(right: usize) -> impl Strategy<Value = Argument> {
        let pointer = prop_oneof![
            4 => Just(Pointer::Valid),
            1 => Just(Pointer::Null),
            1 => Just(Pointer::Misaligned),
        ];
        let wrong = prop_oneof![
            Just(0),
            Just(right - 1),
            Just(right + 1),
            0..MAX_LEN,
            Just(usize::MAX)
        ];
        let len = prop_oneof![4 => Just(right), 1 => wrong];
        (pointer, len).prop_map(|(pointer, len)| Argument { pointer, len })
    }

    fn faults(self, right: usize) -> Vec<Status> {
        let pointer = match self.pointer {
            Pointer::Valid => None,
            Pointer::Null => Some(Status::NullPointer),
            Pointer::Misaligned => Some(Status::Misaligned),
        };
        let len = (self.len != right).then_some(Status::WrongLength);
        pointer.into_iter().chain(len).collect()
    }
}

/// Values on the heap, at an odd address if asked for.
struct Memory {
    words: Vec<f32>,
    pointer: Pointer,
}

impl Memory {
    fn new(values: &[f32], pointer: Pointer) -> Self {
        let mut words = values.to_vec();
        if pointer == Pointer::Misaligned {
            words.push(f32::from_bits(CANARY));
        }
        words.shrink_to_fit();
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

/// `len` pixels from a seed: fractions and zeros, and if not all are to be `finite`, any bits among them, NaN and infinity too.
fn pixels(seed: u32, finite: bool, len: usize) -> Vec<f32> {
    // A linear congruential generator: a strategy for each pixel would take Miri minutes.
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let pixel = |state: u32| match state >> 29 {
        0 if !finite => f32::from_bits(state.wrapping_mul(2_654_435_761)),
        0..4 => 0.0,
        _ => (state >> 8) as f32 / (1 << 24) as f32,
    };
    iter::successors(Some(seed), next)
        .skip(1)
        .map(pixel)
        .take(len)
        .collect()
}

/// The same as an array.
fn picture(seed: u32, finite: bool) -> [f32; DIGITS_PIXELS] {
    pixels(seed, finite, DIGITS_PIXELS).try_into().unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn text(pointer: *const c_char) -> &'static str {
    assert!(!pointer.is_null());
    // SAFETY: the library's strings are constant and end with NUL.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
}

/// The signature of `digits_logits` and `digits_probabilities`.
type Exported = unsafe extern "C" fn(*const f32, usize, *mut f32, usize) -> Status;

/// The function of the Rust API.
type Native = fn(&Frozen<Net>, &[f32; DIGITS_PIXELS]) -> [f32; DIGITS_CLASSES];

proptest! {
    #[test]
    fn values_are_those_of_the_model_or_an_error(
        seed in any::<u32>(),
        finite in any::<bool>(),
        from in Argument::any(DIGITS_PIXELS),
        to in Argument::any(DIGITS_CLASSES),
    ) {
        let faults = [from.faults(DIGITS_PIXELS), to.faults(DIGITS_CLASSES)].concat();
        let functions: [(Exported, Native); 2] =
            [(digits_logits, Frozen::predict), (digits_probabilities, Frozen::probabilities)];
        for (exported, native) in functions {
            let values = pixels(seed, finite, from.len.min(MAX_LEN));
            let mut input = Memory::new(&values, from.pointer);
            let mut output = Memory::canaries(to);
            // SAFETY: the memory is as long as the lengths say, or the lengths are wrong.
            let status = unsafe { exported(input.pointer(), from.len, output.pointer(), to.len) };
            if faults.is_empty() {
                prop_assert_eq!(status, Status::Ok);
                prop_assert_eq!(bits(&output.words), bits(&native(&MODEL, &picture(seed, finite))));
            } else {
                prop_assert!(faults.contains(&status), "{:?}, found {:?}", faults, status);
                prop_assert!(output.words.iter().all(|value| value.to_bits() == CANARY));
            }
            prop_assert_eq!(bits(&input.words[..values.len()]), bits(&values));
        }
    }

    #[test]
    fn the_class_is_that_of_the_model_or_an_error(
        seed in any::<u32>(),
        finite in any::<bool>(),
        from in Argument::any(DIGITS_PIXELS),
        null in proptest::bool::weighted(0.1),
    ) {
        let mut faults = from.faults(DIGITS_PIXELS);
        faults.extend(null.then_some(Status::NullPointer));
        let mut input = Memory::new(&pixels(seed, finite, from.len.min(MAX_LEN)), from.pointer);
        let mut digit = usize::MAX;
        let to = if null { ptr::null_mut() } else { &raw mut digit };
        // SAFETY: the memory is as long as the length says, or the length is wrong.
        let status = unsafe { digits_classify(input.pointer(), from.len, to) };
        if faults.is_empty() {
            prop_assert_eq!(status, Status::Ok);
            prop_assert_eq!(digit, MODEL.classify(&picture(seed, finite)));
        } else {
            prop_assert!(faults.contains(&status), "{:?}, found {:?}", faults, status);
            prop_assert_eq!(digit, usize::MAX);
        }
    }

    #[test]
    fn a_result_may_overlap_the_pixels(seed in any::<u32>(), at in 0..=DIGITS_PIXELS - DIGITS_CLASSES) {
        let mut shared = picture(seed, true);
        let expected = MODEL.predict(&shared);
        let pixels = shared.as_mut_ptr();
        // SAFETY: all of it is within `shared`.
        let status = unsafe { digits_logits(pixels, DIGITS_PIXELS, pixels.add(at), DIGITS_CLASSES) };
        prop_assert_eq!(status, Status::Ok);
        prop_assert_eq!(bits(&shared[at..at + DIGITS_CLASSES]), bits(&expected));
    }

    #[test]
    fn any_number_has_a_message(status in any::<i32>()) {
        prop_assume!(!(0..4).contains(&status));
        prop_assert_eq!(text(digits_error_message(status)), "no status of this library");
    }
}

#[test]
fn each_status_has_a_message_of_its_own() {
    let statuses = [
        Status::Ok,
        Status::NullPointer,
        Status::Misaligned,
        Status::WrongLength,
    ];
    let words = ["no error", "null", "misaligned", "length"];
    for (status, word) in statuses.into_iter().zip(words) {
        assert!(
            text(digits_error_message(status as i32)).contains(word),
            "{status:?}"
        );
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(text(digits_version()), env!("CARGO_PKG_VERSION"));
}
