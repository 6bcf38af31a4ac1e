//! The SIMD levels that the kernels are compiled for.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use pulp::cast;

use crate::single::{Arithmetic, Level, exponent};

/// The SIMD instructions that an engine computes with.
///
/// Every kernel is compiled for each of them; [`Simd::detect`] selects the widest that the processor has, so no
/// `RUSTFLAGS` are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Simd {
    /// AVX-512: 16 lanes.
    Avx512,
    /// AVX2 and FMA: 8 lanes.
    Avx2,
    /// NEON: 4 lanes.
    Neon,
    /// One lane, without explicit SIMD.
    Scalar,
}

impl Simd {
    /// The widest that this processor has.
    pub fn detect() -> Self {
        let all = [Simd::Avx512, Simd::Avx2, Simd::Neon];
        let widest = all.into_iter().find(|simd| simd.is_available());
        widest.unwrap_or(Simd::Scalar)
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => pulp::x86::V4::try_new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => pulp::x86::V3::try_new().is_some(),
            #[cfg(target_arch = "aarch64")]
            Simd::Neon => pulp::aarch64::Neon::try_new().is_some(),
            Simd::Scalar => true,
            #[allow(unreachable_patterns, reason = "the arms that this architecture lacks")]
            _ => false,
        }
    }

    /// The equivalent level of the kernels for a single sample.
    #[inline]
    pub(crate) fn level(self) -> Level {
        match self {
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => Level::Avx512,
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => Level::Avx2,
            _ => Level::Portable,
        }
    }

    /// The name, as in `AVX-512`.
    pub fn name(self) -> &'static str {
        match self {
            Simd::Avx512 => "AVX-512",
            Simd::Avx2 => "AVX2",
            Simd::Neon => "NEON",
            Simd::Scalar => "scalar",
        }
    }
}

/// The maximum of [`Lanes::SPARSE_BLOCKS`].
pub(super) const MAX_SPARSE_BLOCKS: usize = 8;

/// A [`pulp::Simd`] with further operations and tile sizes for the kernels.
pub(crate) trait Lanes: pulp::Simd {
    /// Rows of the largest tile of a dense product; 8, 6, 4, 2 and 1 are compiled.
    const TILE_ROWS: usize;
    /// Blocks of 16 columns of that tile: its `TILE_ROWS * TILE_BLOCKS * 16` accumulators fit in registers.
    const TILE_BLOCKS: usize;
    /// Blocks of 16 columns that a sparse product accumulates together.
    const SPARSE_BLOCKS: usize;
    /// Output channels of the largest tile of a convolution, at most 6; all fewer are compiled.
    const TILE_OUTPUTS: usize;
    /// Positions of that tile, or taps in the gradient of the weights, at most 4.
    const TILE_POSITIONS: usize;

    /// `c - a b`, fused where the processor has fused multiply-add.
    #[inline(always)]
    fn minus_product(self, c: Self::f32s, a: Self::f32s, b: Self::f32s) -> Self::f32s {
        self.mul_add_e_f32s(self.neg_f32s(a), b, c)
    }

    /// `max(x, 0)`, which propagates NaN.
    #[inline(always)]
    fn relu(self, x: Self::f32s) -> Self::f32s {
        let zero = self.splat_f32s(0.0);
        self.select_f32s(self.less_than_f32s(x, zero), zero, x)
    }

    /// `a / (sqrt(v) + e)`, for `v` of at least 1e-36, to about 2 units in the last place.
    #[inline(always)]
    fn over_root(self, a: Self::f32s, v: Self::f32s, e: Self::f32s) -> Self::f32s {
        self.div_f32s(a, self.add_f32s(self.sqrt_f32s(v), e))
    }

    /// Bit `i` is set if lane `i` is non-zero.
    fn nonzero(self, v: Self::f32s) -> u64;

    /// Bit `i` is set if byte `i` is non-zero.
    ///
    /// Eight bytes at a time, in a loop that the compiler vectorises.
    #[inline(always)]
    fn nonzero_bytes(self, bytes: &[u8; 64]) -> u64 {
        let mut bits = 0;
        for (at, &eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
            let x = u64::from_le_bytes(eight);
            // The high bit of every non-zero byte: set already, or by the carry of adding 127 to the other bits.
            let low = 0x7f7f_7f7f_7f7f_7f7f;
            let high = (x | ((x & low) + low)) & !low;
            // Gathered into one byte, the first in the lowest bit.
            let byte = (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            bits |= byte << (8 * at);
        }
        bits
    }

    /// Exchanges rows and columns.
    #[inline(always)]
    fn transpose(self, tile: &mut Tile) {
        let rows = *tile;
        for (at, column) in tile.iter_mut().enumerate() {
            for (value, row) in column.iter_mut().zip(&rows) {
                *value = row[at];
            }
        }
    }
}

impl<S: Lanes> Arithmetic for S {
    type Vector = S::f32s;

    #[inline(always)]
    fn splat(self, value: f32) -> S::f32s {
        self.splat_f32s(value)
    }

    #[inline(always)]
    fn add(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.add_f32s(a, b)
    }

    #[inline(always)]
    fn sub(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.sub_f32s(a, b)
    }

    #[inline(always)]
    fn mul(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.mul_f32s(a, b)
    }

    #[inline(always)]
    fn div(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.div_f32s(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        self.mul_add_e_f32s(a, b, c)
    }

    #[inline(always)]
    fn abs(self, v: S::f32s) -> S::f32s {
        self.abs_f32s(v)
    }

    #[inline(always)]
    fn if_less(self, [a, b]: [S::f32s; 2], then: S::f32s, other: S::f32s) -> S::f32s {
        self.select_f32s(self.less_than_f32s(a, b), then, other)
    }

    #[inline(always)]
    fn power_of_two(self, n: S::f32s, more: i32) -> S::f32s {
        let bits = self.transmute_u32s_f32s(n);
        let shifted = self.wrapping_dyn_shl_u32s(bits, self.splat_u32s(23));
        let exponent = self.splat_u32s(exponent(more) as u32);
        self.transmute_f32s_u32s(self.add_u32s(shifted, exponent))
    }
}

/// 16 x 16 values.
pub(crate) type Tile = [[f32; 16]; 16];

#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V4 {
    const TILE_ROWS: usize = 8;
    const TILE_BLOCKS: usize = 3;
    const SPARSE_BLOCKS: usize = MAX_SPARSE_BLOCKS;
    const TILE_OUTPUTS: usize = 6;
    const TILE_POSITIONS: usize = 4;

    /// 14-bit estimates, each refined by one Newton step. Where a 512-bit square root and division take 18 cycles each
    /// (Intel), this takes a third of that; where they are cheap (AMD), it takes as long.
    #[inline(always)]
    fn over_root(self, a: Self::f32s, v: Self::f32s, e: Self::f32s) -> Self::f32s {
        use pulp::Simd;
        let estimate: Self::f32s = cast(self.avx512f._mm512_rsqrt14_ps(cast(v)));
        let root = self.mul_f32s(v, estimate);
        // `root (3 - root estimate) / 2`, in which no term is denormal; `v - root^2` would be for the smallest `v`, those
        // of parameters whose gradient has always been 0, and take a hundred times as long.
        let half = self.mul_f32s(root, self.splat_f32s(0.5));
        let factor = self.minus_product(self.splat_f32s(1.5), half, estimate);
        let root = self.mul_f32s(root, factor);
        let divisor = self.add_f32s(root, e);
        let inverse: Self::f32s = cast(self.avx512f._mm512_rcp14_ps(cast(divisor)));
        let rest = self.minus_product(self.splat_f32s(2.0), divisor, inverse);
        self.mul_f32s(a, self.mul_f32s(inverse, rest))
    }

    /// The instruction returns its second operand if one is NaN.
    #[inline(always)]
    fn relu(self, x: Self::f32s) -> Self::f32s {
        let zero = pulp::Simd::splat_f32s(self, 0.0);
        cast(self.avx512f._mm512_max_ps(cast(zero), cast(x)))
    }

    #[inline(always)]
    fn minus_product(self, c: Self::f32s, a: Self::f32s, b: Self::f32s) -> Self::f32s {
        cast(self.avx512f._mm512_fnmadd_ps(cast(a), cast(b), cast(c)))
    }

    /// In squares of 4 x 4, one in each quarter of a register, then the quarters.
    #[inline(always)]
    fn transpose(self, tile: &mut Tile) {
        use std::arch::x86_64::__m512;
        let simd = self.avx512f;
        let rows: [__m512; 16] = cast(*tile);
        // for each four rows, their values in column `4 q + c`, `q` the quarter, for each `c`
        let mut squares = [[rows[0]; 4]; 4];
        for (four, square) in squares.iter_mut().enumerate() {
            let [a, b] = [rows[4 * four], rows[4 * four + 1]];
            let [c, d] = [rows[4 * four + 2], rows[4 * four + 3]];
            let low = [simd._mm512_unpacklo_ps(a, b), simd._mm512_unpacklo_ps(c, d)];
            let high = [simd._mm512_unpackhi_ps(a, b), simd._mm512_unpackhi_ps(c, d)];
            let [even, odd] = [low, high];
            *square = [
                cast(simd._mm512_unpacklo_pd(cast(even[0]), cast(even[1]))),
                cast(simd._mm512_unpackhi_pd(cast(even[0]), cast(even[1]))),
                cast(simd._mm512_unpacklo_pd(cast(odd[0]), cast(odd[1]))),
                cast(simd._mm512_unpackhi_pd(cast(odd[0]), cast(odd[1]))),
            ];
        }
        const EVEN: i32 = 0b10_00_10_00;
        const ODD: i32 = 0b11_01_11_01;
        let mut columns = rows;
        for c in 0..4 {
            let [w, x] = [squares[0][c], squares[1][c]];
            let [y, z] = [squares[2][c], squares[3][c]];
            let even = [
                simd._mm512_shuffle_f32x4::<EVEN>(w, x),
                simd._mm512_shuffle_f32x4::<EVEN>(y, z),
            ];
            let odd = [
                simd._mm512_shuffle_f32x4::<ODD>(w, x),
                simd._mm512_shuffle_f32x4::<ODD>(y, z),
            ];
            columns[c] = simd._mm512_shuffle_f32x4::<EVEN>(even[0], even[1]);
            columns[4 + c] = simd._mm512_shuffle_f32x4::<EVEN>(odd[0], odd[1]);
            columns[8 + c] = simd._mm512_shuffle_f32x4::<ODD>(even[0], even[1]);
            columns[12 + c] = simd._mm512_shuffle_f32x4::<ODD>(odd[0], odd[1]);
        }
        *tile = cast(columns);
    }

    #[inline(always)]
    fn nonzero(self, v: Self::f32s) -> u64 {
        use pulp::Simd;
        u64::from(!self.equal_f32s(v, self.splat_f32s(0.0)).0)
    }

    #[inline(always)]
    fn nonzero_bytes(self, bytes: &[u8; 64]) -> u64 {
        let bytes = cast(*bytes);
        self.avx512bw._mm512_test_epi8_mask(bytes, bytes)
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V3 {
    const TILE_ROWS: usize = 6;
    const TILE_BLOCKS: usize = 1;
    const SPARSE_BLOCKS: usize = 4;
    const TILE_OUTPUTS: usize = 4;
    const TILE_POSITIONS: usize = 3;

    /// The instruction returns its second operand if one is NaN.
    #[inline(always)]
    fn relu(self, x: Self::f32s) -> Self::f32s {
        let zero = pulp::Simd::splat_f32s(self, 0.0);
        cast(self.avx._mm256_max_ps(cast(zero), cast(x)))
    }

    #[inline(always)]
    fn minus_product(self, c: Self::f32s, a: Self::f32s, b: Self::f32s) -> Self::f32s {
        cast(self.fma._mm256_fnmadd_ps(cast(a), cast(b), cast(c)))
    }

    #[inline(always)]
    fn nonzero(self, v: Self::f32s) -> u64 {
        use pulp::Simd;
        let zero = self.equal_f32s(v, self.splat_f32s(0.0));
        let signs = self.avx._mm256_movemask_ps(cast(zero));
        !signs as u64 & 0xff
    }

    #[inline(always)]
    fn nonzero_bytes(self, bytes: &[u8; 64]) -> u64 {
        let simd = self.avx2;
        let halves: [std::arch::x86_64::__m256i; 2] = cast(*bytes);
        let [low, high] = halves.map(|half| {
            let zero = simd._mm256_cmpeq_epi8(half, cast([0u8; 32]));
            u64::from(simd._mm256_movemask_epi8(zero) as u32)
        });
        !(low | high << 32)
    }
}

#[cfg(target_arch = "aarch64")]
impl Lanes for pulp::aarch64::Neon {
    const TILE_ROWS: usize = 6;
    const TILE_BLOCKS: usize = 1;
    const SPARSE_BLOCKS: usize = 4;
    const TILE_OUTPUTS: usize = 6;
    const TILE_POSITIONS: usize = 4;

    #[inline(always)]
    fn nonzero(self, v: Self::f32s) -> u64 {
        let lanes: [f32; 4] = cast(v);
        lanes
            .iter()
            .rev()
            .fold(0, |bits, &lane| bits << 1 | u64::from(lane != 0.0))
    }
}

impl Lanes for pulp::Scalar {
    const TILE_ROWS: usize = 2;
    const TILE_BLOCKS: usize = 1;
    const SPARSE_BLOCKS: usize = 1;
    const TILE_OUTPUTS: usize = 2;
    const TILE_POSITIONS: usize = 2;

    #[inline(always)]
    fn nonzero(self, v: f32) -> u64 {
        u64::from(v != 0.0)
    }
}

/// The vector at `from`.
///
/// # Safety
/// `from` is valid for reads of `S::F32_LANES` values.
#[inline(always)]
pub(super) unsafe fn load<S: pulp::Simd>(from: *const f32) -> S::f32s {
    // SAFETY: guaranteed by the caller; every bit pattern is a vector, and the read needs no alignment.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// Writes `vector` to `to`.
///
/// # Safety
/// `to` is valid for writes of `S::F32_LANES` values.
#[inline(always)]
pub(super) unsafe fn store<S: pulp::Simd>(to: *mut f32, vector: S::f32s) {
    // SAFETY: guaranteed by the caller; the write needs no alignment.
    unsafe { to.cast::<S::f32s>().write_unaligned(vector) }
}

/// Calls `$call!(K)` for 4, 2 or 1 of `$count` vectors, those from vector `$at` on, until `$at` is past the last: several at a
/// time, so that their operations overlap.
macro_rules! by_vectors {
    ($count:expr, $at:ident, $call:ident) => {
        while $at < $count {
            $at += match $count - $at {
                4.. => {
                    $call!(4);
                    4
                }
                2..4 => {
                    $call!(2);
                    2
                }
                _ => {
                    $call!(1);
                    1
                }
            };
        }
    };
}
pub(super) use by_vectors;

/// Asks the processor to fetch the cache line of an address, which need not be valid.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch changes nothing that a program can see, and faults on no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fused::kernels::{Kernel, dispatch};

    struct Transpose(Tile);

    impl Kernel for Transpose {
        type Output = Tile;

        #[inline(always)]
        fn run<S: Lanes>(mut self, simd: S) -> Tile {
            simd.transpose(&mut self.0);
            self.0
        }
    }

    #[test]
    fn rows_become_columns_for_every_simd() {
        let value = |row: usize, column: usize| (16 * row + column) as f32;
        let tile = std::array::from_fn(|row| std::array::from_fn(|column| value(row, column)));
        let expected: Tile =
            std::array::from_fn(|row| std::array::from_fn(|column| value(column, row)));
        for simd in [Simd::Avx512, Simd::Avx2, Simd::Neon, Simd::Scalar] {
            assert_eq!(dispatch(simd, Transpose(tile)), expected, "{simd:?}");
        }
    }
}
