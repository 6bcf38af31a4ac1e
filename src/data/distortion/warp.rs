//! Resamples an image at displaced positions: the loops over pixels.
//!
//! Three passes over the whole image: the source position of each pixel, a gather of the four pixels around it, and
//! bilinear interpolation. The first and the last are plain loops over arrays of [`LANES`] values, which the compiler
//! vectorises for the widest SIMD instructions of the processor. Rust does not contract multiply and add to FMA, so
//! every vector width, and every machine, gives the same bits.

use pulp::{Arch, NullaryFnOnce};

use super::{
    Affine,
    elastic::{LANES, Window},
};

/// The longest side of an image, in pixels, so that every index is exact in `f32`; see [`to_integer`].
pub(in crate::data) const LONGEST_SIDE: usize = 1 << 11;

/// Resamples images of one size at displaced positions; reused between images for its buffers.
#[derive(Debug)]
pub(in crate::data) struct Warp {
    width: usize,
    height: usize,
    /// Greys up to this become 0.
    faint: f32,
    /// The zero-padded image, `[height + 3, width + 2]`: one column on each side, one row above and two below.
    padded: Vec<u8>,
    /// For each position of `padded` except the last row: its byte, the next, and the two below, lowest byte first.
    quads: Vec<u32>,
    /// The source position of each pixel, `[height, vectors]`.
    places: Vec<Place>,
    /// The four pixels gathered there, `[height, vectors]`.
    read: Vec<[u32; LANES]>,
    /// The result, padded for the unused lanes of the last vector.
    result: Vec<u8>,
    /// A row of zero displacements.
    zeros: Vec<f32>,
}

/// The source positions of one vector of pixels.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Indices into `quads`.
    index: [u32; LANES],
    /// The fractional offsets to the next column and to the next row, from 0 to 1.
    across: [f32; LANES],
    down: [f32; LANES],
}

impl Warp {
    /// For images of `width` x `height` pixels, from 1 to [`LONGEST_SIDE`] each.
    pub(in crate::data) fn new([width, height]: [usize; 2], faint_grey: u8) -> Self {
        let vectors = width.div_ceil(LANES);
        let place = Place {
            index: [0; LANES],
            across: [0.0; LANES],
            down: [0.0; LANES],
        };
        Warp {
            width,
            height,
            faint: faint_grey.into(),
            // One extra byte, which the last element of `quads` reads.
            padded: vec![0; (width + 2) * (height + 3) + 1],
            quads: vec![0; (width + 2) * (height + 2)],
            places: vec![place; vectors * height],
            read: vec![[0; LANES]; vectors * height],
            result: vec![0; width * height + LANES],
            zeros: vec![0.0; vectors * LANES],
        }
    }

    /// Writes `image` under `affine` and `elastic`, the displacements along x and y, to `out`.
    ///
    /// # Panics
    /// When `image`, `out` or a window does not have the size of the image.
    pub(in crate::data) fn apply(
        &mut self,
        image: &[u8],
        affine: &Affine,
        elastic: Option<[Window<'_>; 2]>,
        out: &mut [u8],
    ) {
        Arch::new().dispatch(Pass {
            warp: self,
            image,
            affine,
            elastic,
        });
        out.copy_from_slice(&self.result[..self.width * self.height]);
    }

    #[inline(always)]
    fn pad(&mut self, image: &[u8]) {
        assert_eq!(image.len(), self.width * self.height);
        let stride = self.width + 2;
        let rows = self.padded.chunks_exact_mut(stride).skip(1);
        for (from, to) in image.chunks_exact(self.width).zip(rows) {
            copy(from, &mut to[1..=self.width]);
        }
        // The last position of a row is followed by the padding of the next row, so no bounds check is needed.
        let [a, b, c, d] = [0, 1, stride, stride + 1].map(|from| &self.padded[from..]);
        for (quad, (((a, b), c), d)) in self.quads.iter_mut().zip(a.iter().zip(b).zip(c).zip(d)) {
            let [a, b, c, d] = [*a, *b, *c, *d].map(u32::from);
            *quad = a | b << 8 | c << 16 | d << 24;
        }
    }

    #[inline(always)]
    fn locate(&mut self, affine: &Affine, elastic: Option<[Window<'_>; 2]>) {
        let [across, down] = elastic.unwrap_or([Window::none(&self.zeros); 2]);
        let [width, height] = [self.width, self.height].map(|side| side as f32);
        let centre = [(width - 1.0) / 2.0, (height - 1.0) / 2.0];
        let [[xx, xy], [yx, yy]] = affine.matrix;
        let stride = width + 2.0;
        let vectors = self.width.div_ceil(LANES);
        for (y, row) in self.places.chunks_exact_mut(vectors).enumerate() {
            let v = y as f32 - centre[1];
            let [row_x, row_y] = [
                xy * v + centre[0] + affine.shift[0],
                yy * v + centre[1] + affine.shift[1],
            ];
            let across = across.values[y * across.stride..].as_chunks::<LANES>().0;
            let down = down.values[y * down.stride..].as_chunks::<LANES>().0;
            for (vector, place) in row.iter_mut().enumerate() {
                let (across, down) = (&across[vector], &down[vector]);
                let first = (vector * LANES) as f32 - centre[0];
                for lane in 0..LANES {
                    let u = first + lane as f32;
                    let x = within(xx * u + row_x + across[lane] + 1.0, width + 1.0);
                    let y = within(yx * u + row_y + down[lane] + 1.0, height + 1.0);
                    let (left, top) = (x.floor(), y.floor());
                    place.index[lane] = to_integer(top * stride + left);
                    place.across[lane] = x - left;
                    place.down[lane] = y - top;
                }
            }
        }
    }

    #[inline(always)]
    fn read(&mut self) {
        for (read, place) in self.read.iter_mut().zip(&self.places) {
            for (read, &index) in read.iter_mut().zip(&place.index) {
                *read = self.quads[index as usize];
            }
        }
    }

    #[inline(always)]
    fn blend(&mut self) {
        let vectors = self.width.div_ceil(LANES);
        let places = self.places.chunks_exact(vectors);
        let rows = self.read.chunks_exact(vectors).zip(places);
        for (y, (read, places)) in rows.enumerate() {
            for (vector, (read, place)) in read.iter().zip(places).enumerate() {
                let mut greys = [0; LANES];
                for lane in 0..LANES {
                    let byte = |which: u32| (read[lane] >> (8 * which) & 255) as i32 as f32;
                    let [a, b, c, d] = [byte(0), byte(1), byte(2), byte(3)];
                    let above = a + place.across[lane] * (b - a);
                    let below = c + place.across[lane] * (d - c);
                    let grey = above + place.down[lane] * (below - above);
                    let grey = (grey + 0.5).floor();
                    greys[lane] = to_integer(if grey > self.faint { grey } else { 0.0 }) as u8;
                }
                // Lanes past the end of the row are overwritten by the next row.
                let at = y * self.width + vector * LANES;
                self.result[at..at + LANES].copy_from_slice(&greys);
            }
        }
    }
}

/// Copies a row in vectors, of which the last two may overlap: faster than `memcpy` for such short rows.
#[inline(always)]
fn copy(from: &[u8], to: &mut [u8]) {
    let (Some(last), Some(to_last)) = (from.last_chunk::<LANES>(), to.last_chunk_mut()) else {
        return to.copy_from_slice(from);
    };
    *to_last = *last;
    let vectors = to.as_chunks_mut::<LANES>().0;
    for (from, to) in from.as_chunks::<LANES>().0.iter().zip(vectors) {
        *to = *from;
    }
}

/// `value` clamped to 0 and `most`; 0 for NaN.
#[inline(always)]
fn within(value: f32, most: f32) -> f32 {
    let value = if value > 0.0 { value } else { 0.0 };
    if value < most { value } else { most }
}

/// Converts a whole number in `0..2^23` to an integer: the low 23 bits of its sum with 2^23.
///
/// The compiler vectorises this, but not `as`, which has to saturate values out of range.
#[inline(always)]
fn to_integer(value: f32) -> u32 {
    const BITS: u32 = 23;
    (value + (1 << BITS) as f32).to_bits() & ((1 << BITS) - 1)
}

/// All passes over one image.
struct Pass<'a> {
    warp: &'a mut Warp,
    image: &'a [u8],
    affine: &'a Affine,
    elastic: Option<[Window<'a>; 2]>,
}

impl NullaryFnOnce for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.warp.pad(self.image);
        self.warp.locate(self.affine, self.elastic);
        self.warp.read();
        self.warp.blend();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    use super::*;
    use crate::data::distortion::{Distortion, Field, Gaussian};

    const STILL: [f32; 2] = [0.0; 2];

    fn noise(size: [usize; 2], seed: u64) -> Vec<u8> {
        let mut image = vec![0; size[0] * size[1]];
        ChaCha8Rng::seed_from_u64(seed).fill(&mut image[..]);
        image
    }

    fn warped(size: [usize; 2], image: &[u8], affine: &Affine) -> Vec<u8> {
        let mut out = vec![9; image.len()];
        Warp::new(size, 0).apply(image, affine, None, &mut out);
        out
    }

    #[test]
    fn the_identity_returns_the_image() {
        for size in [[28, 28], [1, 1], [3, 50], [16, 2], [17, 9], [100, 1]] {
            let image = noise(size, 1);
            let identity = Affine::new(0.0, 0.0, STILL, STILL);
            assert_eq!(warped(size, &image, &identity), image, "{size:?}");
        }
    }

    #[test]
    fn a_shift_by_whole_pixels_moves_them() {
        let size @ [width, height] = [28, 21];
        let image = noise(size, 2);
        for shift @ [right, down] in [[3, -2], [-28, 0], [0, 20], [1, 1]] {
            let affine = Affine::new(0.0, 0.0, STILL, shift.map(|by| by as f32));
            let result = warped(size, &image, &affine);
            for (i, &value) in result.iter().enumerate() {
                let (x, y) = ((i % width) as i32 + right, (i / width) as i32 + down);
                let inside = (0..width as i32).contains(&x) && (0..height as i32).contains(&y);
                let source = inside.then(|| image[y as usize * width + x as usize]);
                assert_eq!(value, source.unwrap_or(0), "{shift:?}, pixel {i}");
            }
        }
    }

    #[test]
    fn a_rotation_of_a_square_by_right_angles_is_exact() {
        for side in [27, 28] {
            let image = noise([side, side], 3);
            for (degrees, sign) in [(90.0, 1), (-90.0, -1), (180.0, 0)] {
                let affine = Affine::new(degrees, 0.0, STILL, STILL);
                let result = warped([side, side], &image, &affine);
                for (i, &value) in result.iter().enumerate() {
                    let (x, y) = (i % side, i / side);
                    let (from_x, from_y) = match sign {
                        1 => (side - 1 - y, x),
                        -1 => (y, side - 1 - x),
                        _ => (side - 1 - x, side - 1 - y),
                    };
                    assert_eq!(value, image[from_y * side + from_x], "{degrees}, pixel {i}");
                }
            }
        }
    }

    /// Reference: the formula of [`Distortion`], pixel by pixel in `f64`.
    fn slowly(
        [width, height]: [usize; 2],
        image: &[u8],
        [degrees, shear]: [f32; 2],
        grown: [f32; 2],
        shift: [f32; 2],
        fields: Option<&[Field; 2]>,
    ) -> Vec<f64> {
        let f = |value: f32| f64::from(value);
        let pixel = |x: f64, y: f64| {
            let inside = x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64;
            let at = || f64::from(image[y as usize * width + x as usize]);
            if inside { at() } else { 0.0 }
        };
        let centre = [width, height].map(|side| (side as f64 - 1.0) / 2.0);
        let (sin, cos) = f(degrees).to_radians().sin_cos();
        let value = |i: usize| {
            let (x, y) = (i % width, i / width);
            let v = (y as f64 - centre[1]) / (1.0 + f(grown[1]));
            let u = (x as f64 - centre[0]) / (1.0 + f(grown[0])) + f(shear) * v;
            let moved = |axis: usize| {
                fields.map_or(0.0, |fields| {
                    let window = fields[axis].window([0, 0]);
                    f(window.values[y * window.stride + x])
                })
            };
            let x = centre[0] + cos * u - sin * v + f(shift[0]) + moved(0);
            let y = centre[1] + sin * u + cos * v + f(shift[1]) + moved(1);
            let (left, top) = (x.floor(), y.floor());
            let (fx, fy) = (x - left, y - top);
            let above = pixel(left, top) * (1.0 - fx) + pixel(left + 1.0, top) * fx;
            let below = pixel(left, top + 1.0) * (1.0 - fx) + pixel(left + 1.0, top + 1.0) * fx;
            above * (1.0 - fy) + below * fy
        };
        (0..width * height).map(value).collect()
    }

    /// The results of the passes compiled for each SIMD level of this processor, and without SIMD.
    fn each_simd(pass: impl Fn(&mut dyn FnMut(Pass<'_>)) -> Vec<u8>) -> Vec<Vec<u8>> {
        let mut results = vec![pass(&mut |pass| pass.call())];
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(simd) = pulp::x86::V3::try_new() {
                results.push(pass(&mut |pass| simd.vectorize(pass)));
            }
            if let Some(simd) = pulp::x86::V4::try_new() {
                results.push(pass(&mut |pass| simd.vectorize(pass)));
            }
        }
        results
    }

    proptest! {
        #[test]
        fn every_simd_gives_the_same_bits_and_the_formula(
            width in 1_usize..50,
            height in 1_usize..50,
            seed: u64,
            turn in prop::array::uniform2(-1_f32..1.0),
            grown in prop::array::uniform2(-0.5_f32..0.5),
            shift in prop::array::uniform2(-6_f32..6.0),
            elastic: bool,
        ) {
            let size = [width, height];
            let image = noise(size, seed);
            let turn = [turn[0] * 180.0, turn[1]];
            let affine = Affine::new(turn[0], turn[1], grown, shift);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let fields = elastic.then(|| {
                [(); 2].map(|()| Gaussian::new(3.0).field(size, 60.0, &mut rng))
            });
            let windows = fields.as_ref().map(|fields| fields.each_ref().map(|f| f.window([0, 0])));
            let results = each_simd(|run| {
                let mut warp = Warp::new(size, 0);
                run(Pass { warp: &mut warp, image: &image, affine: &affine, elastic: windows });
                warp.result.truncate(width * height);
                warp.result
            });
            prop_assert!(results.iter().all(|result| *result == results[0]));
            let exact = slowly(size, &image, turn, grown, shift, fields.as_ref());
            for (found, exact) in results[0].iter().zip(exact) {
                // 0.5 for rounding; positions are accurate to some 2e-5 pixels, and an image changes by at most
                // 2 x 255 per pixel: 0.01.
                prop_assert!((f64::from(*found) - exact).abs() < 0.52, "{found} against {exact}");
            }
        }

        #[test]
        fn any_valid_settings_work_and_are_deterministic(
            rotation_degrees in 0_f32..=180.0,
            shear in prop_oneof![0_f32..2.0, Just(f32::MAX)],
            scale in 0_f32..=0.9,
            shift_pixels in prop_oneof![0_f32..50.0, Just(f32::MAX)],
            elastic_alpha in prop_oneof![0_f32..1e3, Just(f32::MAX)],
            elastic_sigma in prop_oneof![0_f32..=100.0, Just(f32::MIN_POSITIVE), Just(1e-45)],
            width in 1_usize..40,
            height in 1_usize..40,
            faint_grey: u8,
            seed: u64,
        ) {
            let distortion = Distortion {
                rotation_degrees, shear, scale, shift_pixels, elastic_alpha, elastic_sigma,
                faint_grey,
            };
            distortion.check().unwrap();
            let size = [width, height];
            let draw = |image: &[u8]| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let affine = distortion.affine(&mut rng);
                let fields = distortion.gaussian().map(|gaussian| {
                    [(); 2].map(|()| gaussian.field(size, elastic_alpha, &mut rng))
                });
                let windows = fields.as_ref().map(|f| f.each_ref().map(|f| f.window([0, 0])));
                let mut out = vec![7; image.len()];
                Warp::new(size, faint_grey).apply(image, &affine, windows, &mut out);
                out
            };
            let image = noise(size, seed);
            prop_assert_eq!(draw(&image), draw(&image));
            // A weighted mean of four pixels is within their range.
            let grey: Vec<u8> = image.iter().map(|value| value / 2).collect();
            prop_assert!(draw(&grey).iter().all(|value| *value <= 127));
            prop_assert!(draw(&image).iter().all(|value| *value == 0 || *value > faint_grey));
            prop_assert!(draw(&vec![0; image.len()]).iter().all(|value| *value == 0));
        }
    }
}
