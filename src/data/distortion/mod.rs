//! Random affine and elastic distortion of images: the settings, and the random draw for one image.

mod elastic;
mod warp;

use std::ops::RangeInclusive;

use rand::{Rng, RngExt};

pub(super) use self::{
    elastic::{Field, Gaussian},
    warp::{LONGEST_SIDE, Warp},
};
use crate::error::{Error, Result};

/// Random affine and elastic distortion of images.
///
/// Every pixel `p` of the result is read, by bilinear interpolation, from the source at
///
/// ```text
/// q = c + R(θ) · [1 k; 0 1] · (p − c) / s + t + u(p)
/// ```
///
/// where `c` is the centre of the image, `θ` a rotation, `k` a shear, `s` a scale, `t` a shift and
/// `u` the elastic displacement; pixels outside the source are 0. The elastic part is that of
/// Simard, Steinkraus and Platt, *Best Practices for Convolutional Neural Networks Applied to
/// Visual Document Analysis*, ICDAR 2003: for each axis a field of independent values uniform on
/// \[−1, 1] (in 256 steps), smoothed by a Gaussian and multiplied by `elastic_alpha`.
///
/// A setting of 0 disables its part; with all settings 0 the image is unchanged.
/// [`Augmented`](super::Augmented) distorts a data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distortion {
    /// Largest rotation, in degrees, up to 180: `θ` is uniform on ± this.
    pub rotation_degrees: f32,
    /// Largest horizontal shear, as a tangent (horizontal pixels per vertical pixel): `k` is uniform on ± this.
    pub shear: f32,
    /// Largest relative change of size, up to 0.9: `s = 1 + v`, drawn for each axis, `v` uniform on
    /// ± this.
    pub scale: f32,
    /// Largest shift, in pixels: both components of `t` are uniform on ± this.
    pub shift_pixels: f32,
    /// Factor `α` of the smoothed field, in pixels. The displacement's standard deviation is about
    /// `0.163 · α / σ` pixels (for `α = 34`, `σ = 4`: 1.4 pixels).
    pub elastic_alpha: f32,
    /// Standard deviation `σ` of the Gaussian, in pixels, up to 100: a small one is jagged, a large one is nearly a
    /// shift.
    pub elastic_sigma: f32,
    /// Greys up to this become background, 0, after everything else. Interpolation leaves a rim of faint greys around
    /// the ink; removing it leaves fewer non-zero pixels, and the engine [`Fused`](crate::engine::Fused) skips zeros.
    pub faint_grey: u8,
}

impl Default for Distortion {
    /// Moderate: 10°, shear 0.15, scale 10 %, 1 pixel, and [`Distortion::SIMARD_2003`]. Greys up to 32 become 0: on
    /// MNIST, 19.4 % of the pixels are then non-zero, and 19.1 % of the originals (25.0 % if all greys are kept).
    fn default() -> Self {
        Self {
            rotation_degrees: 10.0,
            shear: 0.15,
            scale: 0.1,
            shift_pixels: 1.0,
            faint_grey: 32,
            ..Self::SIMARD_2003
        }
    }
}

impl Distortion {
    /// No distortion: the image is returned unchanged.
    pub const IDENTITY: Self = Self {
        rotation_degrees: 0.0,
        shear: 0.0,
        scale: 0.0,
        shift_pixels: 0.0,
        elastic_alpha: 0.0,
        elastic_sigma: 0.0,
        faint_grey: 0,
    };

    /// The elastic distortion of Simard, Steinkraus and Platt for MNIST: `α = 34`, `σ = 4`, nothing else.
    ///
    /// `α` multiplies the smoothed field without normalisation. The paper mentions normalising a field "to a norm of
    /// 1"; over 28 × 28 pixels that gives 34 / 28 = 1.2 pixels instead of the 1.4 here, a small difference.
    pub const SIMARD_2003: Self = Self {
        elastic_alpha: 34.0,
        elastic_sigma: 4.0,
        ..Self::IDENTITY
    };

    /// # Errors
    /// [`Error::Setting`] for a setting out of range.
    pub(super) fn check(&self) -> Result<()> {
        const ANY: RangeInclusive<f32> = 0.0..=f32::MAX;
        const FINITE: &str = "a finite number, 0 or above";
        let settings = [
            (
                "rotation",
                self.rotation_degrees,
                0.0..=180.0,
                "degrees from 0 to 180",
            ),
            ("shear", self.shear, ANY, FINITE),
            ("scale", self.scale, 0.0..=0.9, "a number from 0 to 0.9"),
            ("shift", self.shift_pixels, ANY, FINITE),
            ("elastic alpha", self.elastic_alpha, ANY, FINITE),
            (
                "elastic sigma",
                self.elastic_sigma,
                0.0..=100.0,
                "pixels from 0 to 100",
            ),
        ];
        for (setting, value, range, expected) in settings {
            if !range.contains(&value) {
                return Err(Error::Setting {
                    setting,
                    expected: expected.to_owned(),
                    found: value.to_string(),
                });
            }
        }
        Ok(())
    }

    /// The Gaussian of the elastic part, or `None` if that is disabled.
    pub(super) fn gaussian(&self) -> Option<Gaussian> {
        let is_on = self.elastic_alpha > 0.0 && self.elastic_sigma > 0.0;
        is_on.then(|| Gaussian::new(self.elastic_sigma))
    }

    /// Draws rotation, shear, scale and shift of one image: always six draws from `rng`.
    pub(super) fn affine<R: Rng>(&self, rng: &mut R) -> Affine {
        let mut within = |limit: f32| limit * (2.0 * rng.random::<f32>() - 1.0);
        Affine::new(
            within(self.rotation_degrees),
            within(self.shear),
            [within(self.scale), within(self.scale)],
            [within(self.shift_pixels), within(self.shift_pixels)],
        )
    }
}

/// `q − c = M (p − c) + t`: maps a pixel of the result to its position in the source, without `u`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    /// `M`, row-major.
    matrix: [[f32; 2]; 2],
    /// `t`, in pixels.
    shift: [f32; 2],
}

impl Affine {
    /// `M = R(θ) · [1 k; 0 1] / (1 + v)` for `θ` in degrees, `k` and `v` as in [`Distortion`].
    fn new(degrees: f32, shear: f32, grown: [f32; 2], shift: [f32; 2]) -> Self {
        // From the crate libm, so that every machine computes the same bits.
        let (sin, cos) = libm::sincosf(degrees.to_radians());
        let shrink = grown.map(|v| 1.0 / (1.0 + v));
        let matrix = [
            [cos * shrink[0], (cos * shear - sin) * shrink[1]],
            [sin * shrink[0], (sin * shear + cos) * shrink[1]],
        ];
        Affine { matrix, shift }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::ChaCha8Rng};

    use super::*;

    #[test]
    fn the_error_names_a_setting_out_of_range() {
        let says = |distortion: Distortion, words: &str| {
            assert_eq!(distortion.check().unwrap_err().to_string(), words);
        };
        let identity = Distortion::IDENTITY;
        assert!(identity.check().is_ok() && Distortion::default().check().is_ok());
        says(
            Distortion {
                scale: 1.0,
                ..identity
            },
            "scale: expected a number from 0 to 0.9, found 1",
        );
        says(
            Distortion {
                shift_pixels: f32::INFINITY,
                ..identity
            },
            "shift: expected a finite number, 0 or above, found inf",
        );
        says(
            Distortion {
                elastic_sigma: f32::NAN,
                ..identity
            },
            "elastic sigma: expected pixels from 0 to 100, found NaN",
        );
        says(
            Distortion {
                rotation_degrees: -1.0,
                ..identity
            },
            "rotation: expected degrees from 0 to 180, found -1",
        );
    }

    #[test]
    fn draws_are_uniform_between_plus_and_minus_the_limit() {
        let shifted = Distortion {
            shift_pixels: 3.0,
            ..Distortion::IDENTITY
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let draws: Vec<f32> = (0..2000)
            .flat_map(|_| shifted.affine(&mut rng).shift)
            .collect();
        assert!(draws.iter().all(|draw| draw.abs() <= 3.0));
        // each tenth of the range has 400 of 4000 draws, with a standard deviation of 19
        for tenth in 0..10 {
            let from = -3.0 + 0.6 * tenth as f32;
            let count = draws
                .iter()
                .filter(|&&draw| draw >= from && draw < from + 0.6)
                .count();
            assert!((300..500).contains(&count), "{count} from {from}");
        }
    }

    #[test]
    fn an_elastic_distortion_needs_alpha_and_sigma() {
        for (elastic_alpha, elastic_sigma) in [(0.0, 0.0), (34.0, 0.0), (0.0, 4.0), (34.0, 4.0)] {
            let distortion = Distortion {
                elastic_alpha,
                elastic_sigma,
                ..Distortion::IDENTITY
            };
            let is_on = elastic_alpha * elastic_sigma > 0.0;
            assert_eq!(distortion.gaussian().is_some(), is_on);
        }
    }
}
