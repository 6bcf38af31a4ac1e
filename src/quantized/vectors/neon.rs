//! [`Neon`]: the vectors of 64-bit ARM, and whether the processor has the dot product.

use core::arch::{aarch64::*, asm};

use super::super::{
    lanes::{Kernel, Lanes},
    pack::QUAD,
};

#[inline(always)]
pub(in super::super) fn has_dot() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_aarch64_feature_detected!("dotprod");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "dotprod");
}

#[target_feature(enable = "dotprod")]
pub(in super::super) fn with_dot<K: Kernel>(kernel: K) {
    kernel.run(Neon::<true, true>(()))
}

/// NEON, which every processor of 64-bit ARM has. It computes with centred codes, which are signed bytes, or with the codes themselves,
/// as 16 bits; `DOT` is the proof that the dot product is available, and constructed only by [`with_dot`].
#[derive(Clone, Copy)]
pub(in super::super) struct Neon<const CENTRED: bool, const DOT: bool>(());

impl Neon<true, false> {
    #[inline(always)]
    pub(in super::super) fn new() -> Self {
        Neon(())
    }
}

// SAFETY, for every block: NEON is always available, and the dot product where `DOT` says so. The caller guarantees what a pointer
// must be valid for.
impl<const CENTRED: bool, const DOT: bool> Lanes for Neon<CENTRED, DOT> {
    type Sums = int32x4_t;
    /// The codes minus 128; or the codes, of which four times 16 bits are used.
    type Codes = int8x16_t;
    type Weights = int8x16_t;
    const LANES: usize = 4;
    const WIDE: usize = 4;
    const CENTRED: bool = CENTRED;
    type Uncentred = Neon<false, DOT>;

    #[inline(always)]
    fn uncentred(self) -> Neon<false, DOT> {
        Neon(())
    }

    #[inline(always)]
    fn zeros(self) -> int32x4_t {
        // SAFETY: above.
        unsafe { vdupq_n_s32(0) }
    }

    #[inline(always)]
    fn codes(self, quad: [u8; QUAD]) -> int8x16_t {
        // SAFETY: above.
        unsafe {
            let quad = vreinterpretq_u8_u32(vdupq_n_u32(u32::from_ne_bytes(quad)));
            match CENTRED {
                true => vreinterpretq_s8_u8(veorq_u8(quad, vdupq_n_u8(128))),
                false => vreinterpretq_s8_u16(vmovl_u8(vget_low_u8(quad))),
            }
        }
    }

    #[inline(always)]
    unsafe fn weights(self, from: *const i8) -> int8x16_t {
        // SAFETY: above; the load needs no alignment.
        unsafe { vld1q_s8(from) }
    }

    #[inline(always)]
    fn add_products(self, sums: int32x4_t, codes: int8x16_t, weights: int8x16_t) -> int32x4_t {
        // SAFETY: above.
        unsafe {
            match (CENTRED, DOT) {
                (true, true) => dot(sums, codes, weights),
                (true, false) => {
                    let low = vmull_s8(vget_low_s8(codes), vget_low_s8(weights));
                    let high = vmull_high_s8(codes, weights);
                    // pairs of products, then pairs of these
                    let halves = vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
                    vaddq_s32(sums, halves)
                }
                (false, _) => {
                    let codes = vget_low_s16(vreinterpretq_s16_s8(codes));
                    let low = vmovl_s8(vget_low_s8(weights));
                    let high = vmovl_high_s8(weights);
                    let first = vmull_s16(vget_low_s16(low), codes);
                    let second = vmull_s16(vget_high_s16(low), codes);
                    let third = vmull_s16(vget_low_s16(high), codes);
                    let fourth = vmull_s16(vget_high_s16(high), codes);
                    let low = vpaddq_s32(first, second);
                    let high = vpaddq_s32(third, fourth);
                    vaddq_s32(sums, vpaddq_s32(low, high))
                }
            }
        }
    }

    #[inline(always)]
    fn add(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: above.
        unsafe { vaddq_s32(a, b) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32, sums: int32x4_t) {
        // SAFETY: above; the store needs no alignment.
        unsafe { vst1q_s32(to, sums) }
    }
}

/// The dot product of four bytes in each lane, for which Rust has no stable function.
///
/// # Safety
/// The processor has it.
#[inline(always)]
unsafe fn dot(sums: int32x4_t, codes: int8x16_t, weights: int8x16_t) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: guaranteed by the caller; the instruction reads and writes registers alone. The directive permits it where the
    // surrounding code is compiled for processors without it.
    unsafe {
        asm!(
            ".arch_extension dotprod",
            "sdot {sums:v}.4s, {weights:v}.16b, {codes:v}.16b",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            codes = in(vreg) codes,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
