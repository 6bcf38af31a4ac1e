//! Tests of augmented data.

use super::*;
use crate::data::Digits;

const SIZE: [usize; 2] = [28, 28];

fn digits(count: u64) -> Dataset<Features<784>, Classes<10>> {
    Digits::new(3).dataset(0..count).unwrap()
}

fn augmented(count: u64, seed: u64) -> Augmented<Features<784>, Classes<10>> {
    Augmented::new(digits(count), SIZE, Distortion::default(), seed).unwrap()
}

fn epoch(data: &Augmented<Features<784>, Classes<10>>, epoch: usize) -> FeatureValues {
    data.epoch(epoch).unwrap().features().clone()
}

#[test]
fn labels_scale_and_ink_are_preserved_and_images_change() {
    let originals = digits(50);
    let turned = Distortion {
        rotation_degrees: 15.0,
        ..Distortion::IDENTITY
    };
    let data = Augmented::new(originals.clone(), SIZE, turned, 1).unwrap();
    let data = data.epoch(0).unwrap();
    assert_eq!(data.targets(), originals.targets());
    let (of, from) = (data.features(), originals.features());
    let (
        FeatureValues::Bytes { bytes: a, scale },
        FeatureValues::Bytes {
            bytes: b,
            scale: same,
        },
    ) = (of, from)
    else {
        panic!("bytes stay bytes");
    };
    assert_eq!(scale, same);
    for (a, b) in a.chunks(784).zip(b.chunks(784)) {
        assert_ne!(a, b);
        let ink = |image: &[u8]| image.iter().map(|&v| f64::from(v)).sum::<f64>();
        // A rotation preserves areas; sampling does so only on average, and a stroke is two or three pixels wide.
        assert!((ink(a) / ink(b) - 1.0).abs() < 0.05, "{}", ink(a) / ink(b));
    }
}

/// A training resumes from a checkpoint only if the samples are the same.
#[test]
fn everything_that_determines_the_images_is_in_the_fingerprint() {
    let of = |originals, size, distortion, seed| {
        let data = Augmented::<Features<784>, Classes<10>>::new(originals, size, distortion, seed);
        data.unwrap().fingerprint()
    };
    let plain = Distortion::default();
    let turned = Distortion {
        rotation_degrees: plain.rotation_degrees + 1.0,
        ..plain
    };
    let first = of(digits(5), SIZE, plain, 1);
    assert_eq!(first, of(digits(5), SIZE, plain, 1));
    for another in [
        of(digits(6), SIZE, plain, 1),
        of(digits(5), [56, 14], plain, 1),
        of(digits(5), SIZE, turned, 1),
        of(digits(5), SIZE, plain, 2),
    ] {
        assert_ne!(first, another);
    }
}

#[test]
fn without_distortion_every_epoch_is_the_original() {
    let originals = digits(50);
    let data = Augmented::new(originals.clone(), SIZE, Distortion::IDENTITY, 1).unwrap();
    for number in 0..3 {
        assert_eq!(&epoch(&data, number), originals.features());
    }
}

#[test]
fn an_image_depends_only_on_seed_epoch_and_index() {
    let many = augmented(300, 1);
    let later = epoch(&many, 7);
    let FeatureValues::Bytes { bytes, .. } = &later else {
        panic!("bytes stay bytes");
    };
    // Fewer images, other epochs before it, one thread.
    let few = augmented(20, 1);
    let FeatureValues::Bytes { bytes: alone, .. } = epoch(&few, 7) else {
        panic!("bytes stay bytes");
    };
    assert!(*alone == bytes[..20 * 784]);
    assert!(epoch(&many, 3) != later && epoch(&many, 7) == later);
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    assert!(one.install(|| epoch(&many, 7)) == later);
    assert!(epoch(&augmented(300, 2), 7) != later);
}

#[test]
fn the_same_image_is_drawn_anew_at_every_index_and_epoch() {
    let FeatureValues::Bytes { bytes, scale } = digits(1).features().clone() else {
        panic!("digits are bytes");
    };
    let same = Dataset::from_bytes(bytes.repeat(100), scale, vec![0; 100]).unwrap();
    let data: Augmented<Features<784>, Classes<10>> =
        Augmented::new(same, SIZE, Distortion::SIMARD_2003, 1).unwrap();
    let mut all = std::collections::HashSet::new();
    for number in 0..3 {
        let FeatureValues::Bytes { bytes, .. } = epoch(&data, number) else {
            panic!("bytes stay bytes");
        };
        all.extend(bytes.chunks(784).map(<[u8]>::to_vec));
    }
    assert_eq!(all.len(), 300);
}

#[test]
fn prefetch_threads_do_not_change_any_bit() {
    let plain = augmented(200, 1).prefetch(0);
    for threads in [1, 3] {
        let prefetch = augmented(200, 1).prefetch(threads);
        // In order, repeated, and out of order.
        for number in [0, 1, 2, 2, 0, 5, 6] {
            assert!(
                epoch(&plain, number) == epoch(&prefetch, number),
                "{number}"
            );
        }
    }
}

/// The ink of 200 images in their four quadrants: other random draws from the same seed change these sums by more than
/// rounding can.
#[test]
fn the_images_of_a_seed_and_epoch_stay_the_same() {
    let FeatureValues::Bytes { bytes, .. } = epoch(&augmented(200, 1), 1) else {
        panic!("bytes stay bytes");
    };
    let mut sums = [[0; 2]; 2];
    for (at, value) in bytes.iter().enumerate() {
        sums[at % 784 / 28 / 14][at % 28 / 14] += i32::from(*value);
    }
    let expected = [[913_591, 1_497_520], [1_260_600, 1_288_436]];
    for (found, expected) in sums.iter().flatten().zip(expected.iter().flatten()) {
        assert!(i32::abs(found - expected) <= 100, "{sums:?}");
    }
}

#[test]
fn images_need_not_be_square() {
    let bytes: Vec<u8> = (0..60_u8).collect();
    let data = Dataset::<Features<6>, Classes<2>>::from_bytes(bytes, 1.0, vec![1; 10]).unwrap();
    let data = Augmented::new(data, [3, 2], Distortion::default(), 1).unwrap();
    assert_eq!(data.epoch(0).unwrap().len(), 10);
}

#[test]
fn invalid_settings_are_rejected() {
    let says = |data: Dataset<Features<784>, Classes<10>>, size, distortion, words: &str| {
        let error = Augmented::new(data, size, distortion, 0).unwrap_err();
        assert_eq!(error.to_string(), words);
    };
    let fine = Distortion::default();
    says(
        digits(1),
        [28, 29],
        fine,
        "image size: expected width x height = 784, sides of 1 to 2048 pixels, found 28 x 29",
    );
    says(
        Dataset::from_values(vec![0.0; 784], vec![0]).unwrap(),
        SIZE,
        fine,
        "images: expected a data set of bytes, by `Dataset::from_bytes`, found one of `f32`",
    );
    let scale = 2.0;
    says(
        digits(1),
        SIZE,
        Distortion { scale, ..fine },
        "scale: expected a number from 0 to 0.9, found 2",
    );
}

#[test]
fn the_original_images_are_measured_and_the_settings_printed() {
    let data = augmented(5, 1).prefetch(3);
    assert_eq!(data.undistorted().unwrap().sha256(), digits(5).sha256());
    let printed = format!("{data:?}");
    assert!(
        printed.contains("seed: 1, prefetch_threads: 3"),
        "{printed}"
    );
}
