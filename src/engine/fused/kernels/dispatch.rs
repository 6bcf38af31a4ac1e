//! The dispatch of a kernel at run time, to the code compiled for a SIMD level.

use pulp::NullaryFnOnce;

use super::{Lanes, Simd};

/// A computation that is compiled for every SIMD level.
pub(crate) trait Kernel {
    type Output;
    /// Must be `#[inline(always)]`, and so must all that it calls in its loops: only then is it
    /// compiled with the instructions of `S`.
    fn run<S: Lanes>(self, simd: S) -> Self::Output;
}

/// Runs `kernel` with `simd`, or with scalar code where the processor lacks it.
#[inline]
pub(crate) fn dispatch<K: Kernel>(simd: Simd, kernel: K) -> K::Output {
    match simd {
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => {
            if let Some(simd) = pulp::x86::V4::try_new() {
                return simd.vectorize(Call { simd, kernel });
            }
        }
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => {
            if let Some(simd) = pulp::x86::V3::try_new() {
                return simd.vectorize(Call { simd, kernel });
            }
        }
        #[cfg(target_arch = "aarch64")]
        Simd::Neon => {
            if let Some(simd) = pulp::aarch64::Neon::try_new() {
                return simd.vectorize(Call { simd, kernel });
            }
        }
        #[allow(unreachable_patterns, reason = "the arms that this architecture lacks")]
        _ => {}
    }
    kernel.run(pulp::Scalar::new())
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
struct Call<S, K> {
    simd: S,
    kernel: K,
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
impl<S: Lanes, K: Kernel> NullaryFnOnce for Call<S, K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.kernel.run(self.simd)
    }
}

/// Calls `function`, compiled with the instructions of `S` as a separate function.
///
/// Without this, `vectorize` may be inlined into a caller with these instructions.
#[inline(never)]
pub(super) fn outlined<S: Lanes, F: NullaryFnOnce>(simd: S, function: F) -> F::Output {
    simd.vectorize(function)
}
