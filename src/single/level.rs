//! [`Level`]: the SIMD instructions, selected at run time.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::vectors::simd128::Simd128;
#[cfg(target_arch = "x86_64")]
use super::vectors::x86::{has_avx2, has_avx512, with_avx2, with_avx512};
use super::{lanes::Kernel, vectors::portable::Portable};

/// A SIMD instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 4 lanes of WebAssembly. A module with such instructions does not load where they are missing, so the build decides.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
    /// 4 lanes, vectorised by the compiler.
    #[cfg_attr(
        target_feature = "simd128",
        allow(dead_code, reason = "only the scalar level of `Fused`")
    )]
    Portable,
}

impl Level {
    /// Those of this processor.
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Level> {
        let all = [
            #[cfg(target_arch = "x86_64")]
            has_avx512().then_some(Level::Avx512),
            #[cfg(target_arch = "x86_64")]
            has_avx2().then_some(Level::Avx2),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Some(Level::Simd128),
            Some(Level::Portable),
        ];
        all.into_iter().flatten()
    }

    /// Whether `a b + c` is rounded once.
    #[cfg(test)]
    pub(super) fn is_fused(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Avx2 => true,
            _ => false,
        }
    }

    /// The widest that this processor has or, without `std`, that the build targets.
    #[inline(always)]
    pub(crate) fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        if has_avx512() {
            return Level::Avx512;
        } else if has_avx2() {
            return Level::Avx2;
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Level::Simd128;
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        Level::Portable
    }
}

/// Runs `kernel` with the instructions of `level`, or with portable code where the processor lacks them.
#[inline(always)]
pub(crate) fn dispatch<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: the guard has checked that the processor has these instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if has_avx512() => unsafe { with_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 if has_avx2() => unsafe { with_avx2(kernel) },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Level::Simd128 => kernel.run(Simd128),
        _ => kernel.run(Portable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::single::lanes::Lanes;

    /// Every operation on two times 32 values, whose results need no rounding: fused or not, in any order, they are the same.
    struct Operations<'a>([&'a [f32; 32]; 2]);

    impl Kernel for Operations<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Vec<f32> {
            let mut results = Vec::new();
            let [a, b] = self.0.map(|values| {
                let vectors = values.chunks_exact(L::LANES);
                // SAFETY: each chunk has as many values as a vector.
                let vectors = vectors.map(|values| unsafe { lanes.load(values.as_ptr()) });
                vectors.collect::<Vec<_>>()
            });
            let mut store = |vector| {
                let mut values = vec![0.0; L::LANES];
                // SAFETY: there is room for a vector.
                unsafe { lanes.store(values.as_mut_ptr(), vector) };
                results.extend(values);
            };
            let pairs = || a.iter().copied().zip(b.iter().copied());
            pairs().for_each(|(a, b)| store(lanes.add(a, b)));
            pairs().for_each(|(a, b)| store(lanes.mul_add(a, a, b)));
            pairs().for_each(|(a, b)| store(lanes.max(a, b)));
            pairs().for_each(|(a, b)| store(lanes.sub(a, b)));
            pairs().for_each(|(a, b)| store(lanes.mul(a, b)));
            a.iter()
                .for_each(|&a| store(lanes.div(a, lanes.splat(0.5))));
            pairs().for_each(|(a, b)| store(lanes.if_less([a, b], b, lanes.abs(a))));
            pairs().for_each(|(a, b)| {
                let n = lanes.add(lanes.abs(b), lanes.splat(12_582_912.0));
                store(lanes.if_less([a, b], a, lanes.power_of_two(n, -9)));
            });
            pairs().for_each(|(a, b)| store(lanes.relu(lanes.add(a, b))));
            a.iter().for_each(|&a| store(lanes.relu(a)));
            for half in 0..2 {
                let pairs = a.as_chunks::<2>().0.iter();
                pairs.for_each(|&[a, b]| store(lanes.deinterleave(a, b)[half]));
            }
            for values in self.0[1].chunks_exact(L::LANES) {
                let bytes: Vec<[u8; 4]> = values.iter().map(|v| v.to_le_bytes()).collect();
                // SAFETY: there are as many values as a vector has.
                store(unsafe { lanes.load_bytes(bytes.as_ptr()) });
            }
            let (mut list, mut count) = ([0; 48], 0);
            for (chunk, &a) in a.iter().enumerate() {
                let first = (chunk * L::LANES) as u16;
                // SAFETY: the list has room for 16 values after those of the chunks before.
                count += unsafe { lanes.list_nonzero(a, first, list[count..].as_mut_ptr()) };
            }
            results.extend(list[..count].iter().map(|&place| f32::from(place)));
            results.push(b.iter().map(|&b| lanes.sum(b)).sum());
            results
        }
    }

    /// Whether the first lanes, and no others, are loaded and stored; any number of them.
    struct FirstLanes;

    impl Kernel for FirstLanes {
        type Output = bool;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> bool {
            (0..=L::LANES).all(|count| {
                let from: Vec<f32> = (1..=count).map(|i| i as f32).collect();
                let mut all = vec![-1.0; L::LANES];
                let mut first = vec![-1.0; count];
                // SAFETY: there are `count` values to read and to write, and a whole vector.
                unsafe {
                    let vector = lanes.load_first(from.as_ptr(), count);
                    lanes.store(all.as_mut_ptr(), vector);
                    lanes.store_first(
                        first.as_mut_ptr(),
                        lanes.add(vector, lanes.splat(0.0)),
                        count,
                    );
                }
                all[..count] == from && all[count..].iter().all(|&v| v == 0.0) && first == from
            })
        }
    }

    /// Every binary16, then every bfloat16, as numbers.
    struct Halves;

    impl Kernel for Halves {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Vec<f32> {
            let all: Vec<[u8; 2]> = (0..=u16::MAX).map(u16::to_le_bytes).collect();
            let mut numbers = vec![0.0; 2 * all.len()];
            let (f16, bf16) = numbers.split_at_mut(all.len());
            for (at, halves) in all.chunks_exact(L::LANES).enumerate() {
                // SAFETY: a chunk has as many values as a vector, and there is room for one at its place.
                unsafe {
                    let to = f16[at * L::LANES..].as_mut_ptr();
                    lanes.store(to, lanes.load_f16(halves.as_ptr()));
                    let to = bf16[at * L::LANES..].as_mut_ptr();
                    lanes.store(to, lanes.load_bf16(halves.as_ptr()));
                }
            }
            numbers
        }
    }

    #[test]
    fn every_half_is_converted_exactly_at_every_level() {
        let all = || 0..=u16::MAX;
        let f16 = all().map(|bits| half::f16::from_bits(bits).to_f32());
        let bf16 = all().map(|bits| half::bf16::from_bits(bits).to_f32());
        let expected: Vec<f32> = f16.chain(bf16).collect();
        for level in Level::all() {
            assert_eq!(bits(&dispatch(level, Halves)), bits(&expected), "{level:?}");
        }
    }

    /// The bits, one pattern for every NaN.
    fn bits(values: &[f32]) -> Vec<u32> {
        let bits = |value: &f32| {
            if value.is_nan() {
                u32::MAX
            } else {
                value.to_bits()
            }
        };
        values.iter().map(bits).collect()
    }

    #[test]
    fn every_level_computes_what_plain_rust_does() {
        let numbers = |factor: i32| std::array::from_fn(|i| (i as i32 * factor % 13 - 6) as f32);
        let (a, b): ([f32; 32], [f32; 32]) = (numbers(5), numbers(7));
        let (mut extremes, mut nan) = (a, b);
        (extremes[3], extremes[17], extremes[20]) = (-0.0, f32::INFINITY, 1e-45);
        (nan[5], nan[8]) = (f32::NAN, -0.0);
        for pair in [[&a, &b], [&extremes, &b], [&nan, &a], [&a, &nan]] {
            let expected = Operations(pair).run(Portable);
            for level in Level::all() {
                let found = dispatch(level, Operations(pair));
                assert_eq!(bits(&found), bits(&expected), "{level:?}");
            }
        }
        assert!(Level::all().all(|level| dispatch(level, FirstLanes)));
    }

    #[test]
    fn plain_rust_computes_what_is_documented() {
        let (mut a, mut b) = ([0.0; 32], [0.0; 32]);
        a[..4].copy_from_slice(&[-2.0, f32::NAN, 3.0, 0.0]);
        b[..4].copy_from_slice(&[5.0, 1.0, -7.0, f32::NAN]);
        let results = Operations([&a, &b]).run(Portable);
        let of = |operation: usize| bits(&results[operation * 32..][..4]);
        assert_eq!(of(0), bits(&[3.0, f32::NAN, -4.0, f32::NAN]));
        assert_eq!(of(1), bits(&[9.0, f32::NAN, 2.0, f32::NAN]));
        assert_eq!(of(2)[..1], bits(&[5.0]));
        assert_eq!(of(2)[2..], bits(&[3.0, f32::NAN]));
        assert_eq!(of(3), bits(&[-7.0, f32::NAN, 10.0, f32::NAN]));
        assert_eq!(of(4), bits(&[-10.0, f32::NAN, -21.0, f32::NAN]));
        assert_eq!(of(5), bits(&[-4.0, f32::NAN, 6.0, 0.0]));
        // -2 is less than 5, and of 3 and 0 the absolute values are taken
        assert_eq!(of(6), bits(&[5.0, f32::NAN, 3.0, 0.0]));
        // 2^(7 - 9) where 3 is not less than -7
        assert_eq!(of(7)[0], (-2.0f32).to_bits());
        assert_eq!(of(7)[2], 0.25f32.to_bits());
        assert_eq!(of(9), bits(&[0.0, f32::NAN, 3.0, 0.0]));
        // the even ones, 16 of them, then the odd ones
        let rest = &results[10 * 32..];
        assert_eq!(bits(&rest[..4]), bits(&[-2.0, 3.0, 0.0, 0.0]));
        assert_eq!(bits(&rest[16..][..2]), bits(&[f32::NAN, 0.0]));
        assert_eq!(rest[32], 5.0);
        assert_eq!(rest[2 * 32..][..3], [0.0, 1.0, 2.0]);
        assert_eq!(rest.len(), 2 * 32 + 4);
    }
}
