//! Synthetic handwritten-like digits from a seed: a substitute for MNIST that needs no files.
//!
//! A sample is the strokes of a digit (`glyphs`) with random slant, rotation and stretch, drawn by a pen of random width
//! into MNIST's 20 × 20 box (`stroke`), distorted (`distortion`), with a little noise on the ink, and centred by its
//! centre of mass.

mod glyphs;
mod normal;
mod stroke;

use std::ops::Range;

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use rayon::prelude::*;

use self::{
    normal::normal,
    stroke::{PIXELS, SIDE},
};
use super::distortion::{Distortion, Warp};

/// The target of the centre of mass, in pixels from the centre of the first pixel.
const CENTRE: i32 = 14;
/// Greys up to this, after the change of contrast, become background: interpolation leaves a faint rim.
const FAINT: i32 = 6;
/// The grey that the change of contrast leaves unchanged.
const MIDDLE: i32 = 116;

/// The distortion of the drawn digits; slant and rotation are applied to the strokes.
const DISTORTION: Distortion = Distortion {
    elastic_alpha: 30.0,
    elastic_sigma: 4.0,
    ..Distortion::IDENTITY
};

/// An infinite, seeded stream of synthetic handwritten-like digits in MNIST's format: 28 × 28 pixels, row-major, ink
/// 255 on background 0, the ink about 20 × 20 pixels with its centre of mass in the middle.
///
/// Sample `index` has its own random generator (ChaCha8 of the seed, stream `index`), so any part of the stream can be
/// drawn in any order, on any number of threads, with the same result (on different machines: except for rounding in
/// the last place of `sin`, `cos` and `exp`).
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    seed: u64,
}

impl Digits {
    /// The stream of `seed`. Different seeds give independent streams.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Sample `index`: its 784 pixels, row-major, and its label, uniform on 0 to 9.
    pub fn image(&self, index: u64) -> ([u8; PIXELS], u8) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(index);
        let label = rng.random_range(0..10);
        let drawn = write(label, &mut rng);
        let mut image = distorted(&drawn, &mut rng);
        roughen(&mut image, &mut rng);
        (centred(&image), label)
    }

    /// The samples `range`, drawn in parallel: pixels `[n, 784]` and `n` labels, for `n = range.end − range.start` (0
    /// if that is negative). Equal to separate calls of [`image`](Self::image).
    pub fn images(&self, range: Range<u64>) -> (Vec<u8>, Vec<u8>) {
        let count = range.end.saturating_sub(range.start) as usize;
        let mut pixels = vec![0; count * PIXELS];
        let mut labels = vec![0; count];
        pixels
            .par_chunks_exact_mut(PIXELS)
            .zip(&mut labels)
            .enumerate()
            .for_each(|(index, (pixels, label))| {
                let (image, digit) = self.image(range.start + index as u64);
                pixels.copy_from_slice(&image);
                *label = digit;
            });
        (pixels, labels)
    }
}

/// Draws `digit` with random style, proportions, slant, rotation and pen.
fn write<R: Rng>(digit: u8, rng: &mut R) -> [u8; PIXELS] {
    let mut strokes = glyphs::draw(digit, rng);
    let width = 1.0 + 0.21 * normal(rng);
    let slant = 0.14 + 0.25 * normal(rng);
    let (sin, cos) = (0.1 * normal(rng)).sin_cos();
    let thickness = (2.5 + 0.7 * normal(rng)).max(1.6);
    let softness = 1.0 + 0.6 * rng.random::<f32>();

    let mut path = stroke::Path::default();
    for points in &mut strokes {
        for [x, y] in points.iter_mut() {
            let (u, v) = (width * *x + slant * (0.5 - *y), *y);
            (*x, *y) = (cos * u - sin * v, sin * u + cos * v);
        }
        path.curve(points);
    }
    path.fit(thickness);
    path.draw(thickness, softness)
}

/// The image under one random draw of [`DISTORTION`].
fn distorted<R: Rng>(image: &[u8; PIXELS], rng: &mut R) -> [u8; PIXELS] {
    let size = [SIDE, SIDE];
    let affine = DISTORTION.affine(rng);
    let fields = DISTORTION
        .gaussian()
        .map(|gaussian| [(); 2].map(|()| gaussian.field(size, DISTORTION.elastic_alpha, rng)));
    let elastic = fields
        .as_ref()
        .map(|[across, down]| [across.window([0, 0]), down.window([0, 0])]);
    let mut result = [0; PIXELS];
    Warp::new(size, DISTORTION.faint_grey).apply(image, &affine, elastic, &mut result);
    result
}

/// The image shifted by whole pixels so that its centre of mass is in the middle, with a clear border of one pixel.
fn centred(image: &[u8; PIXELS]) -> [u8; PIXELS] {
    let (mut mass, mut across, mut down) = (0, 0, 0);
    for (y, row) in image.chunks_exact(SIDE).enumerate() {
        let mut of_row = 0;
        for (x, &value) in row.iter().enumerate() {
            of_row += i32::from(value);
            across += i32::from(value) * x as i32;
        }
        mass += of_row;
        down += of_row * y as i32;
    }
    let mass = mass.max(1);
    let shift = [across, down].map(|sum| (sum + mass / 2) / mass - CENTRE);
    let mut moved = [0; PIXELS];
    for y in 1..SIDE - 1 {
        for x in 1..SIDE - 1 {
            let (from_x, from_y) = (x as i32 + shift[0], y as i32 + shift[1]);
            let inside = 0..SIDE as i32;
            if inside.contains(&from_x) && inside.contains(&from_y) {
                moved[y * SIDE + x] = image[from_y as usize * SIDE + from_x as usize];
            }
        }
    }
    moved
}

/// Raises the contrast by a factor of 1.2 to 1.9 about the middle grey, for saturated ink as in MNIST, and adds uniform
/// noise of amplitude up to 16 of 255 to the ink; the background stays exactly 0.
fn roughen<R: Rng>(image: &mut [u8; PIXELS], rng: &mut R) {
    let contrast = rng.random_range(307..=486);
    let amplitude = rng.random_range(0..=16);
    let mut bytes = [0; PIXELS];
    rng.fill_bytes(&mut bytes);
    for (value, byte) in image.iter_mut().zip(bytes) {
        let noise = (i32::from(byte) - 128) * amplitude / 128;
        let grey = (i32::from(*value) - MIDDLE) * contrast / 256 + MIDDLE;
        *value = match grey {
            ..=FAINT => 0,
            ink => (ink + noise).clamp(0, 255) as u8,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::LazyLock;

    use super::*;

    /// Drawn once, and shared by the statistical tests.
    static MANY: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| Digits::new(1).images(0..20_000));

    #[test]
    fn no_image_is_repeated() {
        let distinct: HashSet<&[u8]> = MANY.0.chunks_exact(PIXELS).collect();
        assert_eq!(distinct.len(), 20_000);
    }

    #[test]
    fn same_seed_same_images() {
        let digits = Digits::new(7);
        let (pixels, labels) = digits.images(100..300);
        assert_eq!((pixels.len(), labels.len()), (200 * PIXELS, 200));
        for (index, (image, label)) in pixels.chunks_exact(PIXELS).zip(&labels).enumerate().rev() {
            let (alone, its_label) = Digits::new(7).image(100 + index as u64);
            assert!(alone == image && its_label == *label);
        }
    }

    #[test]
    fn thread_count_changes_nothing() -> Result<(), rayon::ThreadPoolBuildError> {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()?;
            Ok(pool.install(|| Digits::new(7).images(0..100)))
        };
        assert_eq!(on(1)?, on(3)?);
        Ok(())
    }

    #[test]
    fn other_seed_other_images() {
        assert_ne!(Digits::new(1).images(0..10), Digits::new(2).images(0..10));
        assert_ne!(Digits::new(1).images(0..10), Digits::new(1).images(1..11));
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "that is the case tested")]
    fn empty_range_is_empty() {
        assert_eq!(Digits::new(1).images(5..5), (vec![], vec![]));
        assert_eq!(Digits::new(1).images(5..2), (vec![], vec![]));
    }

    #[test]
    fn labels_are_uniform() {
        for digit in 0..10 {
            let count = MANY.1.iter().filter(|label| **label == digit).count();
            assert!((1800..2200).contains(&count), "{digit}: {count}");
        }
    }

    #[test]
    fn images_look_like_mnist_in_numbers() {
        let pixels = &MANY.0;
        let zeros = pixels.iter().filter(|value| **value == 0).count() as f64;
        let zeros = zeros / pixels.len() as f64;
        assert!((0.76..0.86).contains(&zeros), "zero pixels: {zeros}");
        for image in pixels.chunks_exact(PIXELS) {
            let ink: f32 = image.iter().map(|value| f32::from(*value) / 255.0).sum();
            assert!((10.0..320.0).contains(&ink), "ink: {ink}");
            assert!(image.iter().any(|value| *value > 150));
        }
    }

    #[test]
    fn border_is_clear_and_mass_in_the_middle() {
        let pixels = &MANY.0;
        let mut off = 0;
        for image in pixels.chunks_exact(PIXELS) {
            let (mut mass, mut across, mut down) = (0.0, 0.0, 0.0);
            for (at, value) in image.iter().enumerate() {
                let (x, y) = (at % SIDE, at / SIDE);
                let border = x == 0 || y == 0 || x == SIDE - 1 || y == SIDE - 1;
                assert!(!border || *value == 0);
                mass += f64::from(*value);
                across += f64::from(*value) * x as f64;
                down += f64::from(*value) * y as f64;
            }
            let distance = |sum: f64| (sum / mass - f64::from(CENTRE)).abs();
            let farthest = distance(across).max(distance(down));
            assert!(farthest < 2.0, "{farthest}");
            off += usize::from(farthest > 0.55);
        }
        // Only ink clipped by the border shifts the centre by more than the rounding to pixels.
        assert!(off < 400, "{off}");
    }

    /// Random greys, denser towards one corner, so that the centre of mass is off the middle.
    #[test]
    fn an_image_is_shifted_by_whole_pixels_to_the_middle() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..20 {
            let slope = [0, 1].map(|_| rng.random_range(-9..=9));
            let image: [u8; PIXELS] = std::array::from_fn(|at| {
                let [x, y] = [at % SIDE, at / SIDE].map(|place| place as i32);
                let most = (128 + slope[0] * (x - 14) / 2 + slope[1] * (y - 14) / 2).max(1);
                rng.random_range(0..most).min(255) as u8
            });
            let mean = |place: fn(usize) -> usize| {
                let ink = image.iter().map(|value| f64::from(*value)).sum::<f64>();
                let values = image.iter().enumerate();
                let moment = values.map(|(at, value)| f64::from(*value) * place(at) as f64);
                (moment.sum::<f64>() / ink).round() as i32
            };
            let shift = [mean(|at| at % SIDE), mean(|at| at / SIDE)].map(|mean| mean - 14);
            let grey = |x: i32, y: i32| match (0..28).contains(&x) && (0..28).contains(&y) {
                true => image[(y * 28 + x) as usize],
                false => 0,
            };
            for (at, value) in centred(&image).into_iter().enumerate() {
                let [x, y] = [at % SIDE, at / SIDE].map(|place| place as i32);
                let border = [x, y].iter().any(|place| [0, 27].contains(place));
                let moved = grey(x + shift[0], y + shift[1]);
                assert_eq!(value, if border { 0 } else { moved }, "{x}, {y}");
            }
        }
    }

    /// Four greys, each on 196 pixels: the middle one keeps its mean, the distances to it are multiplied, what is faint
    /// afterwards is background.
    #[test]
    fn contrast_and_noise_are_within_their_bounds() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut factors, mut noises) = (vec![], vec![]);
        for _ in 0..300 {
            let mut image: [u8; PIXELS] = std::array::from_fn(|at| [0, 66, 116, 166][at % 4]);
            roughen(&mut image, &mut rng);
            let greys = |of: usize| image.iter().skip(of).step_by(4).map(|v| f64::from(*v));
            let mean = |of| greys(of).sum::<f64>() / 196.0 - 116.0;
            assert!(greys(0).all(|grey| grey == 0.0));
            // uniform noise of up to 16 has a standard deviation of 9.3, the mean of 196 values one of 0.67
            assert!(mean(2).abs() < 3.5, "{}", mean(2));
            assert!((mean(1) + mean(3)).abs() < 5.0, "{}", mean(1) + mean(3));
            factors.push((mean(3) - mean(1)) / 100.0);
            noises.push(
                greys(2)
                    .map(|grey| (grey - 116.0).abs())
                    .fold(0.0, f64::max),
            );
        }
        let range = |values: &[f64]| {
            let least = values.iter().copied().fold(f64::MAX, f64::min);
            (least, values.iter().copied().fold(f64::MIN, f64::max))
        };
        let (least, most) = range(&factors);
        assert!((1.15..1.25).contains(&least) && (1.85..1.95).contains(&most));
        assert_eq!(range(&noises), (0.0, 16.0));
    }

    /// The ink of 200 images in squares of 7 by 7 pixels: a change of the drawing, which would make other data of the same
    /// seed, changes these sums by more than rounding can.
    #[test]
    fn the_images_of_a_seed_stay_the_same() {
        let (pixels, _) = Digits::new(1).images(0..200);
        let mut sums = [[0; 4]; 4];
        for (at, value) in pixels.iter().enumerate() {
            sums[at % PIXELS / SIDE / 7][at % SIDE / 7] += i32::from(*value);
        }
        let expected = [
            [3_858, 147_924, 326_163, 48_816],
            [46_670, 769_735, 1_072_100, 148_671],
            [78_017, 799_291, 988_971, 66_864],
            [52_513, 454_319, 321_095, 10_727],
        ];
        for (found, expected) in sums.iter().flatten().zip(expected.iter().flatten()) {
            assert!(i32::abs(found - expected) <= 100, "{sums:?}");
        }
    }
}
