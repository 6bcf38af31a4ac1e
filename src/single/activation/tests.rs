//! The errors of the activations, in ulp, against formulas in `f64`.
//!
//! `cargo test` takes one in 4,099 of all `f32`, `ULP=all cargo test --release --lib single::activation -- --nocapture` takes all
//! of them (twenty minutes of CPU time) and prints the largest errors.

use std::env;

use super::*;
use crate::single::{
    lanes::Kernel,
    level::{Level, dispatch},
};

/// The levels of this processor, those with the same bits together.
fn levels() -> [Vec<Level>; 2] {
    [true, false].map(|is_fused| {
        let levels = Level::all();
        levels
            .filter(|level| level.is_fused() == is_fused)
            .collect()
    })
}

/// The values of a test that are computed together.
const CHUNK: usize = 1 << 12;

/// An activation that is known at compile time, as in a network.
trait Tested {
    const OP: Op;
    /// In `f64`.
    fn exact(x: f64) -> f64;
    /// The largest error with fused multiply-add and without, in ulp.
    const ULP: [f64; 2];
}

struct Run<'a, T>(&'a mut [f32], T);

impl<T: Tested> Kernel for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let code = const { code::<L>(T::OP) };
        code(lanes, T::OP, self.0);
    }
}

/// The distance of the two `f32` around a number; for one that overflows, of the largest.
fn ulp(x: f64) -> f64 {
    let least = f64::from(f32::from_bits(1));
    // The exponent alone.
    let power = f64::from_bits(x.to_bits() & (0x7ff << 52));
    (power / f64::from(1 << 23)).clamp(least, 2f64.powi(104))
}

/// Whether an `f32` is the exact value to this many ulp, and NaN and infinities are the same.
fn error(found: f32, exact: f64) -> f64 {
    let found = f64::from(found);
    if found == exact || found.is_nan() && exact.is_nan() {
        return 0.0;
    }
    match (found - exact).abs() / ulp(exact) {
        error if error.is_nan() => f64::INFINITY,
        error => error,
    }
}

/// Every `stride`-th of all `f32`, by chunks.
fn chunks(stride: usize) -> impl Iterator<Item = Vec<f32>> {
    let all = (0..=u32::MAX).step_by(stride).map(f32::from_bits);
    let mut all = all.peekable();
    std::iter::from_fn(move || {
        all.peek()?;
        let mut chunk: Vec<f32> = all.by_ref().take(CHUNK).collect();
        chunk.resize(chunk.len().next_multiple_of(BLOCK), 0.0);
        Some(chunk)
    })
}

fn check<T: Tested + Copy>(tested: T) {
    let is_exhaustive = env::var("ULP").is_ok_and(|value| value == "all");
    let stride = match is_exhaustive {
        true => 1,
        false if cfg!(miri) => 9_000_011,
        false => 4099,
    };
    let mut worst = [(0.0, 0.0); 2];
    let edges = [
        0.0,
        -0.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        -f32::MIN_POSITIVE,
        1e-45,
        -1e-45,
        // around which results become denormal, or 0
        -87.5,
        -104.0,
        -14.3,
        -13.0,
        -110.5,
    ];
    for xs in std::iter::once(edges.to_vec()).chain(chunks(stride)) {
        let exact: Vec<f64> = xs.iter().map(|&x| T::exact(f64::from(x))).collect();
        for (levels, worst) in levels().iter().zip(&mut worst) {
            let mut first: Option<Vec<f32>> = None;
            for &level in levels {
                let mut found = xs.clone();
                dispatch(level, Run(&mut found, tested));
                match &first {
                    Some(first) => {
                        let same = first.iter().zip(&found);
                        let mut same = same
                            .map(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan());
                        assert!(same.all(|same| same), "{level:?} and {:?}", levels[0]);
                    }
                    None => {
                        let errors = found.iter().zip(&exact);
                        let errors = errors.map(|(&found, &exact)| error(found, exact));
                        for (error, &x) in errors.zip(&xs) {
                            if error > worst.0 {
                                *worst = (error, x);
                            }
                        }
                        first = Some(found);
                    }
                }
            }
        }
    }
    let op = T::OP;
    println!("{op:?}: {worst:?}");
    for ((worst, x), most) in worst.into_iter().zip(T::ULP) {
        assert!(worst <= most, "{op:?}({x:e}): {worst} ulp, not {most}");
    }
}

macro_rules! tested {
    ($($test:ident $name:ident $op:expr, $ulp:expr, $exact:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;

        impl Tested for $name {
            const OP: Op = $op;
            const ULP: [f64; 2] = $ulp;

            fn exact(x: f64) -> f64 {
                let exact: fn(f64) -> f64 = $exact;
                exact(x)
            }
        }

        #[test]
        fn $test() {
            check($name);
        }
    )*};
}

tested! {
    relu_is_exact Relu Op::Relu, [0.0, 0.0], |x| if x < 0.0 { 0.0 } else { x };
    leaky_relu_to_half_an_ulp LeakyRelu Op::LeakyRelu { slope_percent: 20 }, [0.5, 0.5], |x| if x > 0.0 { x } else { x * f64::from(0.2f32) };
    sigmoid_to_2_5_ulp Sigmoid Op::Sigmoid, [2.41, 2.41], |x| match x < 0.0 {
        true => x.exp() / (1.0 + x.exp()),
        false => 1.0 / (1.0 + (-x).exp()),
    };
    tanh_to_2_5_ulp Tanh Op::Tanh, [2.5, 2.5], libm::tanh;
    gelu_to_6_ulp Gelu Op::Gelu, [5.2, 5.82], |x| x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2) / 2.0;
    softplus_to_4_ulp Softplus Op::Softplus, [3.67, 3.67], |x| x.max(0.0) + libm::log1p((-x.abs()).exp());
    silu_to_3_5_ulp Silu Op::Silu, [3.2, 3.2], |x| match x < 0.0 {
        true => x * (x.exp() / (1.0 + x.exp())),
        false => x / (1.0 + (-x).exp()),
    };
    elu_to_1_ulp Elu Op::Elu { alpha_percent: 100 }, [0.86, 0.95], |x| if x < 0.0 { libm::expm1(x) } else { x };
    hardswish_to_2_ulp Hardswish Op::Hardswish, [1.88, 1.88], |x| x * ((x + 3.0).clamp(0.0, 6.0) / 6.0);
}

/// A value does not depend on its place, nor on the number of values.
#[cfg(feature = "train")]
#[test]
fn any_number_of_values_is_activated() {
    let value = |i: usize| (i * 37 % 50) as f32 / 7.0 - 3.0;
    for len in 0..50 {
        let mut values: Vec<f32> = (0..len).map(value).collect();
        activate(Op::Tanh, &mut values);
        for (i, &found) in values.iter().enumerate() {
            let mut alone = [value(i)];
            activate(Op::Tanh, &mut alone);
            assert_eq!([found], alone, "{i} of {len}");
            assert!((f64::from(found) - f64::from(value(i)).tanh()).abs() < 1e-6);
        }
    }
}
