//! Random affine and elastic distortion of a 28 × 28 image.

use rand::{Rng, RngExt};

use super::{PIXELS, SIDE};

/// Most taps of the Gaussian on one side: a wider one would reach past the whole image.
const MAX_RADIUS: usize = SIDE - 1;
/// Side of the image with one row and column of zeros before it and two after it.
const PADDED: usize = SIDE + 3;

/// Random affine and elastic distortion of a 28 × 28 image, for augmentation.
///
/// Every pixel `p` of the result is read, by bilinear interpolation, from the source at
///
/// ```text
/// q = c + R(θ) · [1 k; 0 1] · (p − c) / s + t + u(p)
/// ```
///
/// where `c` is the centre of the image, `θ` a rotation, `k` a shear, `s` a scale, `t` a shift and
/// `u` the elastic displacement; what lies outside the source is 0. The elastic part is that of
/// Simard, Steinkraus and Platt, *Best Practices for Convolutional Neural Networks Applied to
/// Visual Document Analysis*, ICDAR 2003: for each axis a field of independent values uniform on
/// \[−1, 1], smoothed by a Gaussian and multiplied by `elastic_alpha`.
///
/// A field that is 0 switches its part off; with all of them 0 the image comes back unchanged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distortion {
    /// Largest rotation, in degrees: `θ` is uniform on ± this.
    pub rotation_degrees: f32,
    /// Largest horizontal shear, as a tangent (pixels sideways per pixel down): `k` is uniform on
    /// ± this.
    pub shear: f32,
    /// Largest relative change of size: `s = 1 + v`, drawn for each axis, `v` uniform on ± this.
    /// Below 1.
    pub scale: f32,
    /// Largest shift, in pixels: both components of `t` are uniform on ± this.
    pub shift_pixels: f32,
    /// Factor `α` of the smoothed field, in pixels. Away from the edges the displacement's standard
    /// deviation is about `0.163 · α / σ` pixels (for `α = 34`, `σ = 4`: 1.4 pixels).
    pub elastic_alpha: f32,
    /// Standard deviation `σ` of the Gaussian, in pixels: small is jagged, large is nearly a shift.
    pub elastic_sigma: f32,
}

impl Default for Distortion {
    /// Moderate: 10°, shear 0.15, scale 10 %, 1 pixel, and the paper's `α = 34`, `σ = 4`.
    fn default() -> Self {
        Self {
            rotation_degrees: 10.0,
            shear: 0.15,
            scale: 0.1,
            shift_pixels: 1.0,
            elastic_alpha: 34.0,
            elastic_sigma: 4.0,
        }
    }
}

impl Distortion {
    /// No distortion at all: [`apply`](Self::apply) returns the image as it is.
    pub const IDENTITY: Self = Self {
        rotation_degrees: 0.0,
        shear: 0.0,
        scale: 0.0,
        shift_pixels: 0.0,
        elastic_alpha: 0.0,
        elastic_sigma: 0.0,
    };

    /// The image under one distortion drawn from `rng`.
    ///
    /// How much is drawn from `rng` depends only on whether `elastic_alpha` and `elastic_sigma`
    /// are positive, never on the image.
    pub fn apply<R: Rng>(&self, image: &[u8; PIXELS], rng: &mut R) -> [u8; PIXELS] {
        let mut within = |limit: f32| limit * (2.0 * rng.random::<f32>() - 1.0);
        let (sin, cos) = within(self.rotation_degrees).to_radians().sin_cos();
        let shear = within(self.shear);
        let shrink = [
            1.0 / (1.0 + within(self.scale)),
            1.0 / (1.0 + within(self.scale)),
        ];
        let shift = [within(self.shift_pixels), within(self.shift_pixels)];

        let (mut across, mut down) = ([0.0; PIXELS], [0.0; PIXELS]);
        if self.elastic_alpha > 0.0 && self.elastic_sigma > 0.0 {
            let kernel = Kernel::gaussian(self.elastic_sigma);
            across = kernel.random_field(self.elastic_alpha, rng);
            down = kernel.random_field(self.elastic_alpha, rng);
        }

        let source = pad(image);
        let centre = (SIDE as f32 - 1.0) / 2.0;
        let mut result = [0; PIXELS];
        for (y, row) in result.chunks_exact_mut(SIDE).enumerate() {
            let v = (y as f32 - centre) * shrink[1];
            for (x, pixel) in row.iter_mut().enumerate() {
                let u = (x as f32 - centre) * shrink[0] + shear * v;
                let at = y * SIDE + x;
                *pixel = bilinear(
                    &source,
                    centre + cos * u - sin * v + shift[0] + across[at],
                    centre + sin * u + cos * v + shift[1] + down[at],
                );
            }
        }
        result
    }
}

/// The image with zeros around it, so that reading just outside needs no test.
fn pad(image: &[u8; PIXELS]) -> [f32; PADDED * PADDED] {
    let mut padded = [0.0; PADDED * PADDED];
    for (row, out) in image
        .chunks_exact(SIDE)
        .zip(padded.chunks_exact_mut(PADDED).skip(1))
    {
        for (value, out) in row.iter().zip(&mut out[1..]) {
            *out = f32::from(*value);
        }
    }
    padded
}

/// The value at (`x`, `y`), in pixels of the image inside `padded`.
fn bilinear(padded: &[f32; PADDED * PADDED], x: f32, y: f32) -> u8 {
    let limit = SIDE as f32 + 1.0;
    let (x, y) = ((x + 1.0).clamp(0.0, limit), (y + 1.0).clamp(0.0, limit));
    let (left, top) = (x as usize, y as usize);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let at = top * PADDED + left;
    let above = padded[at] + fx * (padded[at + 1] - padded[at]);
    let below = padded[at + PADDED] + fx * (padded[at + PADDED + 1] - padded[at + PADDED]);
    (above + fy * (below - above) + 0.5) as u8
}

/// A Gaussian cut off at 2.5 σ, whose taps sum to 1.
struct Kernel {
    taps: [f32; 2 * MAX_RADIUS + 1],
    radius: usize,
}

impl Kernel {
    fn gaussian(sigma: f32) -> Self {
        let radius = ((2.5 * sigma).ceil() as usize).clamp(1, MAX_RADIUS);
        let mut taps = [0.0; 2 * MAX_RADIUS + 1];
        for (j, tap) in taps[..=2 * radius].iter_mut().enumerate() {
            let d = (j as f32 - radius as f32) / sigma;
            *tap = (-0.5 * d * d).exp();
        }
        let sum: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        Self { taps, radius }
    }

    fn taps(&self) -> &[f32] {
        &self.taps[..=2 * self.radius]
    }

    /// `alpha` times a field uniform on \[−1, 1], smoothed along both axes (0 beyond the edges).
    fn random_field<R: Rng>(&self, alpha: f32, rng: &mut R) -> [f32; PIXELS] {
        let mut bytes = [0; PIXELS];
        rng.fill_bytes(&mut bytes);
        let uniform = bytes.map(|byte| (f32::from(byte) - 127.5) * (alpha / 127.5));

        let mut rows = [0.0; PIXELS];
        let mut padded = [0.0; SIDE + 2 * MAX_RADIUS];
        for (row, out) in uniform.chunks_exact(SIDE).zip(rows.chunks_exact_mut(SIDE)) {
            padded[self.radius..][..SIDE].copy_from_slice(row);
            for (j, tap) in self.taps().iter().enumerate() {
                add_scaled(out, *tap, &padded[j..][..SIDE]);
            }
        }
        let mut field = [0.0; PIXELS];
        for (y, out) in field.chunks_exact_mut(SIDE).enumerate() {
            for (j, tap) in self.taps().iter().enumerate() {
                let from = (y + j).wrapping_sub(self.radius);
                if from < SIDE {
                    add_scaled(out, *tap, &rows[from * SIDE..][..SIDE]);
                }
            }
        }
        field
    }
}

/// `out += factor · values`, over one row.
fn add_scaled(out: &mut [f32], factor: f32, values: &[f32]) {
    for (out, value) in out[..SIDE].iter_mut().zip(&values[..SIDE]) {
        *out += factor * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::ChaCha8Rng};

    fn ramp() -> [u8; PIXELS] {
        std::array::from_fn(|i| (i * 7 % 256) as u8)
    }

    #[test]
    fn identity_returns_the_image() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(Distortion::IDENTITY.apply(&ramp(), &mut rng), ramp());
    }

    #[test]
    fn distortion_changes_the_image_and_repeats() {
        let draw =
            |seed| Distortion::default().apply(&ramp(), &mut ChaCha8Rng::seed_from_u64(seed));
        assert_ne!(draw(1), ramp());
        assert_ne!(draw(1), draw(2));
        assert_eq!(draw(1), draw(1));
    }

    #[test]
    fn black_stays_black() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let wild = Distortion {
            shift_pixels: 100.0,
            ..Distortion::default()
        };
        assert_eq!(wild.apply(&[0; PIXELS], &mut rng), [0; PIXELS]);
        for _ in 0..50 {
            wild.apply(&[255; PIXELS], &mut rng);
        }
    }

    #[test]
    fn elastic_field_has_the_documented_deviation() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let kernel = Kernel::gaussian(4.0);
        assert!((kernel.taps().iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let draws = 400;
        let centre = 14 * SIDE + 14;
        let square: f32 = (0..draws)
            .map(|_| kernel.random_field(34.0, &mut rng)[centre].powi(2))
            .sum();
        let deviation = (square / draws as f32).sqrt();
        assert!((1.2..1.6).contains(&deviation), "{deviation}");
    }
}
