//! A drawn digit in MNIST's format, against the crate `resize` and MNIST's own digits.

use proptest::{collection::vec, prelude::*};
use resize::{Pixel, Type, px::Gray};
use tuplenet::{data::Digits, mnist_format::of_drawing, models::MnistClassifier};

use crate::{drawing_oracle::has_digit, samples::Numbers};

tuplenet::frozen! {
    static DIGITS: MnistClassifier<32> = "../examples/digits.safetensors";
}

/// Scaled by `resize`, which rounds to bytes.
fn resized(grey: &[u8], [width, height]: [usize; 2], to: [usize; 2]) -> Vec<u8> {
    let source: Vec<_> = grey.iter().map(|&value| Gray::new(value)).collect();
    let mut small = vec![Gray::new(0); to[0] * to[1]];
    resize::new(width, height, to[0], to[1], Pixel::Gray8, Type::Triangle)
        .unwrap()
        .resize(&source, &mut small)
        .unwrap();
    small.iter().map(|pixel| pixel.value()).collect()
}

/// Drawings of noise that touch every border, reduced and enlarged.
#[test]
fn drawings_are_scaled_as_by_resize() {
    let mut numbers = Numbers(1);
    for (width, height, to) in [
        (200, 200, [20, 20]),
        (57, 131, [9, 20]),
        (301, 90, [20, 6]),
        (20, 20, [20, 20]),
        (13, 7, [20, 11]),
        (3, 5, [12, 20]),
    ] {
        let grey: Vec<u8> = (0..width * height)
            .map(|i| match (i % width, i / width) {
                (0, 0) => 255,
                (x, y) if (x, y) == (width - 1, height - 1) => 255,
                _ => (numbers.next() * 256.0) as u8,
            })
            .collect();
        let expected = resized(&grey, [width, height], to);
        let digit = of_drawing(&grey, width).unwrap();
        let mass = |place: fn(usize, usize) -> usize| {
            let values = expected.iter().enumerate();
            values
                .map(|(i, &v)| f64::from(v) * place(i, to[0]) as f64)
                .sum::<f64>()
        };
        let total = mass(|_, _| 1);
        let [left, top] = [mass(|i, to| i % to), mass(|i, to| i / to)]
            .map(|moment| (14.0 - moment / total).round() as usize);
        for (i, pixel) in digit.iter().enumerate() {
            let (x, y) = ((i % 28).wrapping_sub(left), (i / 28).wrapping_sub(top));
            let expected = match x < to[0] && y < to[1] {
                true => f32::from(expected[y * to[0] + x]),
                false => 0.0,
            };
            // rounded to bytes, once or in both directions
            assert!(
                (pixel * 255.0 - expected).abs() <= 1.01,
                "{width} x {height}: {pixel}, not {expected}"
            );
        }
    }
}

/// Enlarged tenfold, digits that fill the box come back as they were; so the network reads them as it reads the originals.
#[test]
fn enlarged_digits_are_read_as_the_originals() {
    let (mut same, count) = (0, 300);
    for index in 0..count {
        let (pixels, _) = Digits::new(5).image(index);
        let large: Vec<u8> = (0..280 * 280)
            .map(|i| pixels[i / 280 / 10 * 28 + i % 280 / 10])
            .collect();
        let original: [f32; 784] = pixels.map(|value| f32::from(value) / 255.0);
        let digit = of_drawing(&large, 280).unwrap();
        same += usize::from(DIGITS.classify(&digit) == DIGITS.classify(&original));
    }
    assert!(same * 100 >= count as usize * 95, "{same} of {count}");
}

proptest! {
    #[test]
    fn any_drawing_is_scaled_as_by_the_reference(
        // half of the pixels are ink
        noise in vec(any::<u8>().prop_map(|byte| byte / 2), 0..900),
        strokes in vec((0usize..900, any::<u8>()), 0..6),
        width in 0usize..60,
    ) {
        has_digit(&noise, width);
        let mut drawing = vec![0; 900];
        for (at, grey) in &strokes {
            drawing[*at] = *grey;
        }
        let has_ink = drawing[..900 - 900 % width.max(1)].iter().any(|&grey| grey >= 61);
        prop_assert_eq!(has_digit(&drawing, width), has_ink && width > 0);
    }
}
