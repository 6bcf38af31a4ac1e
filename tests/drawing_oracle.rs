//! Properties of any drawing in MNIST's format, checked by the fuzz target `drawing` and the tests in `mnist_format.rs`.

use std::ops::RangeInclusive;

use tuplenet::mnist_format::of_drawing;

/// The largest difference of a value, in `f32`, from the reference.
const TOLERANCE: f64 = 1e-4;

/// Whether there is a digit in a drawing, `[height, width]`.
///
/// # Panics
/// If that or a value differs from the reference, in `f64`.
pub fn has_digit(grey: &[u8], width: usize) -> bool {
    let digit = of_drawing(grey, width);
    let Some(ink) = ink(grey, width) else {
        assert_eq!(digit, None);
        return false;
    };
    let digit = digit.expect("there is ink");
    let longest = ink.len().max(ink[0].len());
    let scaled = transposed_means(&transposed_means(&ink, longest), longest);
    let mass: f64 = scaled.iter().flatten().sum();
    let across = scaled.iter().flat_map(|row| row.iter().enumerate());
    let across: f64 = across.map(|(x, value)| x as f64 * value).sum();
    let down = scaled.iter().enumerate();
    let down: f64 = down
        .map(|(y, row)| y as f64 * row.iter().sum::<f64>())
        .sum();
    let is_at = |left: isize, top: isize| {
        digit.iter().enumerate().all(|(i, &found)| {
            let [x, y] = [i % 28, i / 28].map(|it| it as isize);
            let row = scaled.get((y - top) as usize);
            let expected = row.and_then(|row| row.get((x - left) as usize));
            (f64::from(found) - expected.unwrap_or(&0.0) / 255.0).abs() <= TOLERANCE
        })
    };
    let mut places = whole(14.0 - across / mass)
        .flat_map(|left| whole(14.0 - down / mass).map(move |top| [left, top]));
    assert!(places.any(|[left, top]| is_at(left, top)), "{digit:?}");
    true
}

/// The smallest rectangle with all pixels from 61 up.
fn ink(grey: &[u8], width: usize) -> Option<Vec<Vec<f64>>> {
    let height = grey.len().checked_div(width)?;
    let places = (0..height).flat_map(|y| (0..width).map(move |x| [x, y]));
    let inked: Vec<[usize; 2]> = places.filter(|[x, y]| grey[y * width + x] >= 61).collect();
    let side = |axis: usize| -> Option<RangeInclusive<usize>> {
        let places = || inked.iter().map(|place| place[axis]);
        Some(places().min()?..=places().max()?)
    };
    let (columns, rows) = (side(0)?, side(1)?);
    let row = |y: usize| columns.clone().map(move |x| f64::from(grey[y * width + x]));
    Some(rows.map(|y| row(y).collect()).collect())
}

/// Scales each row so that one of `longest` values becomes one of 20, and makes it a column.
fn transposed_means(rows: &[Vec<f64>], longest: usize) -> Vec<Vec<f64>> {
    let length = rows[0].len();
    let places = (length as f64 * 20.0 / longest as f64).round().max(1.0);
    let scale = length as f64 / places;
    let mean = |row: &[f64], place: usize| {
        let middle = (place as f64 + 0.5) * scale - 0.5;
        let weight = |i: usize| (1.0 - (i as f64 - middle).abs() / scale.max(1.0)).max(0.0);
        let values = row.iter().enumerate();
        let sum: f64 = values.map(|(i, value)| weight(i) * value).sum();
        sum / (0..length).map(weight).sum::<f64>()
    };
    (0..places as usize)
        .map(|place| rows.iter().map(|row| mean(row, place)).collect())
        .collect()
}

/// The nearest whole number: two where they are as near, but for rounding.
fn whole(value: f64) -> RangeInclusive<isize> {
    (value - 1e-3).round() as isize..=(value + 1e-3).round() as isize
}
