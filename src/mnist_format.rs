//! A drawn digit in MNIST's format, without `std`.

/// The side of MNIST's images, and of the box that the digit fits into.
const SIDE: usize = 28;
const BOX: usize = 20;
/// Pixels at least this bright, on black, are ink.
const INK: u8 = 61;
/// The target of the centre of mass, in pixels from the centre of the first pixel: its mean in MNIST's images.
const CENTRE: f32 = 14.0;

/// The digit in a drawing as MNIST has its digits: scaled to a box of 20 x 20 pixels, its aspect ratio kept, and moved by
/// whole pixels so that its centre of mass is in the middle of 28 x 28.
///
/// `grey` is `[height, width]` row-major, from 0, the background, to 255, ink; the result is `[28, 28]` row-major, with values
/// from 0 to 1. Pixels from 61 up are ink; without one, there is no digit. Each value is a mean of the pixels around its place,
/// weighted by a triangle whose sides are as long as a place is wide (bilinear interpolation where the drawing is enlarged), and
/// so antialiased.
///
/// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits",
/// <http://yann.lecun.com/exdb/mnist/>: "size normalized to fit in a 20x20 pixel box while preserving their aspect ratio";
/// "centered in a 28x28 image by computing the center of mass of the pixels".
///
/// ```
/// use tuplenet::mnist_format::of_drawing;
///
/// // a vertical bar, 50 x 100 pixels, in a drawing of 200 x 100
/// let drawing: Vec<u8> = (0..200 * 100).map(|i| if i % 200 < 50 { 255 } else { 0 }).collect();
/// let digit = of_drawing(&drawing, 200).unwrap();
/// assert!((digit.iter().sum::<f32>() - 10.0 * 20.0).abs() < 1e-3);
///
/// assert!(of_drawing(&[0; 100], 10).is_none());
/// ```
pub fn of_drawing(grey: &[u8], width: usize) -> Option<[f32; SIDE * SIDE]> {
    Some(centred(&Ink::of(grey, width)?.scaled()))
}

/// The part of a drawing that has ink.
struct Ink<'a> {
    grey: &'a [u8],
    /// Of the drawing.
    width: usize,
    left: usize,
    top: usize,
    columns: usize,
    rows: usize,
}

impl<'a> Ink<'a> {
    fn of(grey: &'a [u8], width: usize) -> Option<Self> {
        if width == 0 {
            return None;
        }
        let (mut left, mut right) = (usize::MAX, 0);
        let (mut top, mut bottom) = (usize::MAX, 0);
        for (y, row) in grey.chunks_exact(width).enumerate() {
            let is_ink = |value: &u8| *value >= INK;
            if let (Some(first), Some(last)) =
                (row.iter().position(is_ink), row.iter().rposition(is_ink))
            {
                (left, right) = (left.min(first), right.max(last));
                (top, bottom) = (top.min(y), y);
            }
        }
        (top <= bottom).then(|| Ink {
            grey,
            width,
            left,
            top,
            columns: right + 1 - left,
            rows: bottom + 1 - top,
        })
    }

    /// Scaled to the largest size that fits into the box, in the box's first rows and columns.
    fn scaled(&self) -> [[f32; BOX]; BOX] {
        let longest = self.columns.max(self.rows);
        let [across, down] = [self.columns, self.rows].map(|length| Axis::new(length, longest));
        let mut scaled = [[0.0; BOX]; BOX];
        for (y, values) in scaled.iter_mut().enumerate().take(down.places) {
            let mut total = 0.0;
            for (row, weight) in down.weights(y) {
                total += weight;
                let start = (self.top + row) * self.width + self.left;
                let row = self.grey.get(start..start + self.columns);
                let row = row.unwrap_or_default();
                for (x, value) in values.iter_mut().enumerate().take(across.places) {
                    *value += weight * across.mean(row, x);
                }
            }
            values.iter_mut().for_each(|value| *value /= total);
        }
        scaled
    }
}

/// How one side of the ink is scaled.
struct Axis {
    length: usize,
    /// The side of the result.
    places: usize,
    /// The former divided by the latter.
    scale: f32,
}

impl Axis {
    fn new(length: usize, longest: usize) -> Self {
        let fitted = length as f32 * BOX as f32 / longest as f32;
        let places = (libm::roundf(fitted) as usize).max(1);
        Axis {
            length,
            places,
            scale: length as f32 / places as f32,
        }
    }

    /// The pixels that a place is made of, with their weights.
    fn weights(&self, place: usize) -> impl Iterator<Item = (usize, f32)> + use<> {
        let radius = self.scale.max(1.0);
        let middle = (place as f32 + 0.5) * self.scale - 0.5;
        // These conversions round down, and to 0 from below it.
        let first = (middle - radius) as usize;
        let end = self.length.min((middle + radius) as usize + 1);
        (first..end).map(move |i| (i, (1.0 - (i as f32 - middle).abs() / radius).max(0.0)))
    }

    /// The weighted mean of the values that a place is made of.
    fn mean(&self, values: &[u8], place: usize) -> f32 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (i, weight) in self.weights(place) {
            sum += weight * values.get(i).copied().map_or(0.0, f32::from);
            total += weight;
        }
        sum / total
    }
}

/// The box in the image, moved so that the centre of mass is in the middle, from 0 to 1.
fn centred(scaled: &[[f32; BOX]; BOX]) -> [f32; SIDE * SIDE] {
    let (mut mass, mut across, mut down) = (0.0, 0.0, 0.0);
    for (y, row) in scaled.iter().enumerate() {
        for (x, value) in row.iter().enumerate() {
            mass += value;
            across += value * x as f32;
            down += value * y as f32;
        }
    }
    let [left, top] = [across, down].map(|moment| libm::roundf(CENTRE - moment / mass) as isize);
    let mut image = [0.0; SIDE * SIDE];
    for (y, row) in image.chunks_exact_mut(SIDE).enumerate() {
        let from = (y as isize - top) as usize; // past the end where it is negative
        let from = scaled.get(from).into_iter().flatten();
        for (x, value) in from.enumerate() {
            if let Some(pixel) = row.get_mut((x as isize + left) as usize) {
                *pixel = value / f32::from(u8::MAX);
            }
        }
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A drawing of `width` x `height` with ink in a rectangle.
    fn rectangle([width, height]: [usize; 2], at: [usize; 2], size: [usize; 2]) -> Vec<u8> {
        let is_ink = |x: usize, y: usize| {
            x >= at[0] && x < at[0] + size[0] && y >= at[1] && y < at[1] + size[1]
        };
        let pixels = (0..width * height).map(|i| u8::from(is_ink(i % width, i / width)) * 255);
        pixels.collect()
    }

    /// The rows and columns that a rectangle of full ink fills in the result.
    fn filled(digit: &[f32; 784]) -> [std::ops::Range<usize>; 2] {
        let places: Vec<usize> = (0..784).filter(|&i| digit[i] > 0.0).collect();
        assert!(places.iter().all(|&i| (digit[i] - 1.0).abs() < 1e-6));
        [
            places.iter().map(|i| i / 28).collect(),
            places.iter().map(|i| i % 28).collect(),
        ]
        .map(|places: Vec<usize>| *places.iter().min().unwrap()..*places.iter().max().unwrap() + 1)
    }

    #[test]
    fn rectangles_keep_their_ratio_and_are_centred() {
        // size in the drawing; rows and columns in the result
        for (size, rows, columns) in [
            ([40, 40], 5..25, 5..25),
            ([10, 40], 5..25, 12..17),
            ([40, 10], 12..17, 5..25),
            ([13, 200], 5..25, 14..15),
            ([1, 1], 5..25, 5..25),
            ([2, 200], 5..25, 14..15),
            ([7, 8], 5..25, 6..24),
        ] {
            for at in [[0, 0], [3, 9]] {
                let digit = of_drawing(&rectangle([90, 211], at, size), 90).unwrap();
                let area = rows.len() * columns.len();
                assert_eq!(filled(&digit), [rows.clone(), columns.clone()], "{size:?}");
                assert!((digit.iter().sum::<f32>() - area as f32).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn grey_levels_are_weighted_means() {
        // Columns of 255 and three of 127, halved: inside, a value weighs 1/8, 3/8, 3/8 and 1/8 of four columns, of which the
        // bright one is in turn the second and the fourth.
        let drawing: Vec<u8> = (0..40 * 40).map(|i| [255, 127, 127, 127][i % 4]).collect();
        let digit = of_drawing(&drawing, 40).unwrap();
        let row = &digit[14 * 28..][..28];
        let left = row.iter().position(|&value| value > 0.0).unwrap();
        for x in 1..19 {
            let expected = [127.0 + 128.0 * 3.0 / 8.0, 127.0 + 128.0 / 8.0][x % 2];
            let found = row[left + x] * 255.0;
            assert!((found - expected).abs() < 1e-3, "{found}, not {expected}");
        }
    }

    #[test]
    fn the_centre_of_mass_is_in_the_middle() {
        // an L, most of which is at the bottom
        let mut drawing = rectangle([100, 100], [10, 10], [12, 80]);
        let foot = rectangle([100, 100], [10, 70], [60, 20]);
        drawing.iter_mut().zip(foot).for_each(|(a, b)| *a |= b);
        let digit = of_drawing(&drawing, 100).unwrap();
        let mass: f32 = digit.iter().sum();
        let mean = |place: fn(usize) -> usize| {
            let moments = digit.iter().enumerate().map(|(i, v)| v * place(i) as f32);
            moments.sum::<f32>() / mass
        };
        let centre = [mean(|i| i % 28), mean(|i| i / 28)];
        assert!(centre.iter().all(|c| (c - 14.0).abs() <= 0.5), "{centre:?}");
        // 12 x 60 and 60 x 20 pixels, each a sixteenth
        assert!((mass - 1920.0 / 16.0).abs() < 1.0, "{mass}");
    }

    #[test]
    fn without_ink_there_is_no_digit() {
        assert_eq!(of_drawing(&[], 5), None);
        assert_eq!(of_drawing(&[255; 10], 0), None);
        assert_eq!(of_drawing(&[255; 4], 5), None); // no whole row
        assert_eq!(of_drawing(&[INK - 1; 100], 10), None);
        assert!(of_drawing(&[INK; 100], 10).is_some());
    }
}
