//! The exported functions with anything that C may pass; the fuzz target `c_functions` checks the same.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod calls;

use std::iter;

use calls::{
    Argument, MAX_LEN, PLACES, Pointer, a_result_may_overlap_the_pixels, is_status, text,
    the_class_is_that_of_the_model, values_are_those_of_the_model,
};
use digits::{DIGITS_CLASSES, DIGITS_PIXELS, Status, digits_error_message, digits_version};
use proptest::prelude::*;

/// Half of them without a fault.
fn pointer() -> impl Strategy<Value = Pointer> {
    prop_oneof![
        4 => Just(Pointer::Valid),
        1 => Just(Pointer::Null),
        1 => Just(Pointer::Misaligned),
    ]
}

fn argument(right: usize) -> impl Strategy<Value = Argument> {
    let wrong = prop_oneof![
        Just(0),
        Just(right - 1),
        Just(right + 1),
        0..MAX_LEN,
        Just(usize::MAX)
    ];
    let len = prop_oneof![4 => Just(right), 1 => wrong];
    (pointer(), len).prop_map(|(pointer, len)| Argument { pointer, len })
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

proptest! {
    #[test]
    fn values_are_those_of_the_model_or_an_error(
        seed in any::<u32>(),
        finite in any::<bool>(),
        from in argument(DIGITS_PIXELS),
        to in argument(DIGITS_CLASSES),
    ) {
        values_are_those_of_the_model(&pixels(seed, finite, from.len.min(MAX_LEN)), from, to);
    }

    #[test]
    fn the_class_is_that_of_the_model_or_an_error(
        seed in any::<u32>(),
        finite in any::<bool>(),
        from in argument(DIGITS_PIXELS),
        to in pointer(),
    ) {
        the_class_is_that_of_the_model(&pixels(seed, finite, from.len.min(MAX_LEN)), from, to);
    }

    #[test]
    fn a_result_before_in_or_after_the_pixels_is_that_of_the_model(
        seed in any::<u32>(),
        finite in any::<bool>(),
        at in 0..=PLACES,
    ) {
        let picture = pixels(seed, finite, DIGITS_PIXELS).try_into().unwrap();
        a_result_may_overlap_the_pixels(&picture, at);
    }

    #[test]
    fn any_number_has_a_message(status in any::<i32>()) {
        prop_assert_eq!(is_status(status), (0..4).contains(&status));
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
        let message = text(digits_error_message(status as i32));
        assert!(message.contains(word), "{status:?}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(text(digits_version()), env!("CARGO_PKG_VERSION"));
}
