//! Smoothed random displacement fields for elastic distortion.

use rand::Rng;

/// SIMD lanes per step: one vector of AVX-512, two of AVX2, four of SSE or NEON.
pub(super) const LANES: usize = 16;

/// A Gaussian kernel truncated at 2.5 σ, whose taps sum to 1.
#[derive(Debug)]
pub(in crate::data) struct Gaussian {
    taps: Vec<f32>,
}

/// Displacements along one axis, in pixels, `[height, width]` row-major.
#[derive(Debug)]
pub(in crate::data) struct Field {
    /// Padded by [`LANES`] values, so that every row can be read in whole vectors.
    values: Vec<f32>,
    width: usize,
}

/// The part of a field that applies to an image: row `y` starts at `values[y * stride]`.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct Window<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
}

impl Gaussian {
    pub(super) fn new(sigma: f32) -> Self {
        let radius = (2.5 * sigma).ceil().max(1.0) as usize;
        // From the crate libm, so that every machine computes the same bits.
        let tap = |j: usize| {
            let d = (j as f32 - radius as f32) / sigma;
            libm::expf(-0.5 * d * d)
        };
        let mut taps: Vec<f32> = (0..=2 * radius).map(tap).collect();
        let sum: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        Gaussian { taps }
    }

    /// The radius of the kernel, in pixels.
    pub(in crate::data) fn radius(&self) -> usize {
        self.taps.len() / 2
    }

    /// `alpha` times a field uniform on \[−1, 1], smoothed along both axes (0 beyond the edges).
    ///
    /// It draws one byte from `rng` for each value. At least [`Gaussian::radius`] away from every edge, the standard
    /// deviation is `alpha / sqrt(3)` times the sum of the squared taps.
    pub(in crate::data) fn field<R: Rng>(
        &self,
        [width, height]: [usize; 2],
        alpha: f32,
        rng: &mut R,
    ) -> Field {
        let mut bytes = vec![0; width * height];
        rng.fill_bytes(&mut bytes);

        let radius = self.radius();
        let mut rows = vec![0.0; width * height];
        let mut padded = vec![0.0; width + 2 * radius];
        for (from, row) in bytes.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            for (to, &byte) in padded[radius..].iter_mut().zip(from) {
                *to = (f32::from(byte) - 127.5) * (alpha / 127.5);
            }
            for (j, tap) in self.taps.iter().enumerate() {
                add_scaled(row, *tap, &padded[j..]);
            }
        }
        let mut values = vec![0.0; width * height + LANES];
        for (y, out) in values.chunks_exact_mut(width).take(height).enumerate() {
            for (j, tap) in self.taps.iter().enumerate() {
                let from = (y + j).wrapping_sub(radius);
                if from < height {
                    add_scaled(out, *tap, &rows[from * width..]);
                }
            }
        }
        Field { values, width }
    }
}

/// `out += factor · values`, over one row.
fn add_scaled(out: &mut [f32], factor: f32, values: &[f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += factor * value;
    }
}

impl Field {
    /// The window with its first pixel at (`x`, `y`) of the field.
    pub(in crate::data) fn window(&self, [x, y]: [usize; 2]) -> Window<'_> {
        Window {
            values: &self.values[y * self.width + x..],
            stride: self.width,
        }
    }
}

impl<'a> Window<'a> {
    /// No displacement; `zeros` is one row of zeros, in whole vectors.
    pub(super) fn none(zeros: &'a [f32]) -> Self {
        Window {
            values: zeros,
            stride: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    use super::*;

    /// Reference: the direct convolution with the two-dimensional Gaussian, in `f64`.
    fn slowly(bytes: &[u8], [width, height]: [usize; 2], sigma: f64, radius: i32) -> Vec<f64> {
        let tap = |d: i32| (-0.5 * (f64::from(d) / sigma).powi(2)).exp();
        let sum: f64 = (-radius..=radius).map(tap).sum();
        let (w, h) = (width as i32, height as i32);
        let at = |x: i32, y: i32| {
            let mut value = 0.0;
            for v in (y - radius).max(0)..(y + radius + 1).min(h) {
                for u in (x - radius).max(0)..(x + radius + 1).min(w) {
                    let uniform = f64::from(bytes[(v * w + u) as usize]) / 127.5 - 1.0;
                    value += tap(u - x) * tap(v - y) / (sum * sum) * uniform;
                }
            }
            value
        };
        (0..w * h).map(|i| at(i % w, i / w)).collect()
    }

    #[test]
    fn a_field_is_the_convolution_with_the_gaussian() {
        for (size, sigma) in [
            ([28, 28], 4.0),
            ([5, 40], 0.3),
            ([33, 1], 7.9),
            ([1, 1], 2.0),
        ] {
            let gaussian = Gaussian::new(sigma);
            let field = gaussian.field(size, 34.0, &mut ChaCha8Rng::seed_from_u64(5));
            let mut bytes = vec![0; size[0] * size[1]];
            ChaCha8Rng::seed_from_u64(5).fill(&mut bytes[..]);
            let radius = gaussian.radius() as i32;
            for (i, value) in slowly(&bytes, size, sigma.into(), radius)
                .iter()
                .enumerate()
            {
                let found = f64::from(field.values[i]);
                // The rounding of two sums of up to 41 products in `f32`, of values up to 34.
                assert!((found - 34.0 * value).abs() < 1e-4, "{size:?} {sigma} {i}");
            }
        }
    }

    /// A Gaussian of `sigma` smooths white noise of variance `v` to variance `v / (4 pi sigma^2)`.
    #[test]
    fn a_field_has_the_theoretical_standard_deviation() {
        for sigma in [2.0, 4.0, 8.0] {
            let gaussian = Gaussian::new(sigma);
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let side = 2 * gaussian.radius() + 512;
            let field = gaussian.field([side, side], 34.0, &mut rng);
            let window = field.window([gaussian.radius(); 2]);
            let mut square = 0.0;
            for row in window.values.chunks(window.stride).take(512) {
                square += row[..512]
                    .iter()
                    .map(|v| f64::from(*v).powi(2))
                    .sum::<f64>();
            }
            let found = (square / 512.0 / 512.0).sqrt();
            let sigma = f64::from(sigma);
            let known = 34.0 / 3_f64.sqrt() / (2.0 * std::f64::consts::PI.sqrt() * sigma);
            // 2 % for the truncation at 2.5 sigma and the 256 steps. Values further apart than 2 sigma are nearly
            // independent, so there are at least (512 / 2 sigma)^2; four standard errors of the deviation.
            let chance = 4.0 / (2.0 * (512.0 / (2.0 * sigma)).powi(2)).sqrt();
            let error = (found / known - 1.0).abs();
            assert!(error < 0.02 + chance, "{sigma}: {found} against {known}");
        }
    }

    #[test]
    fn a_gaussian_sums_to_one() {
        for sigma in [1e-30, 0.01, 1.0, 4.0, 100.0] {
            let sum: f32 = Gaussian::new(sigma).taps.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sigma}: {sum}");
        }
    }

    #[test]
    fn a_window_begins_at_its_first_pixel() {
        let field = Field {
            values: (0..7 * 5).map(|place| place as f32).collect(),
            width: 7,
        };
        let window = field.window([2, 3]);
        assert_eq!((window.values[0], window.stride), (3.0 * 7.0 + 2.0, 7));
    }
}
