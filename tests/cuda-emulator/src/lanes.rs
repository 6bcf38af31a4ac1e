//! The values of a register in the 32 threads of a warp.

/// The threads of a warp.
pub const WARP: usize = 32;

/// The bits of a register in each thread; those beyond the register's width are 0.
pub type Lanes = [u64; WARP];

/// How a type's values are kept in a register.
pub trait Value {
    type Number: Copy;
    fn get(bits: u64) -> Self::Number;
    fn put(number: Self::Number) -> u64;
}

macro_rules! value {
    ($($t:ty, $bits:ty);*) => { $(
        impl Value for $t {
            type Number = $t;
            #[inline(always)]
            fn get(bits: u64) -> $t {
                bits as $t
            }
            #[inline(always)]
            fn put(number: $t) -> u64 {
                u64::from(number as $bits)
            }
        }
    )* };
}
value!(u8, u8; u16, u16; u32, u32; i8, u8; i16, u16; i32, u32; u64, u64; i64, u64);

impl Value for f32 {
    type Number = f32;
    #[inline(always)]
    fn get(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }
    #[inline(always)]
    fn put(number: f32) -> u64 {
        u64::from(number.to_bits())
    }
}

impl Value for f64 {
    type Number = f64;
    #[inline(always)]
    fn get(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
    #[inline(always)]
    fn put(number: f64) -> u64 {
        number.to_bits()
    }
}

/// A predicate.
impl Value for bool {
    type Number = bool;
    #[inline(always)]
    fn get(bits: u64) -> bool {
        bits != 0
    }
    #[inline(always)]
    fn put(number: bool) -> u64 {
        u64::from(number)
    }
}

/// `f32` with the modifier `.ftz`: subnormal operands and results are 0 with their sign.
pub enum Flushed {}

impl Value for Flushed {
    type Number = f32;
    #[inline(always)]
    fn get(bits: u64) -> f32 {
        flush(f32::get(bits))
    }
    #[inline(always)]
    fn put(number: f32) -> u64 {
        f32::put(flush(number))
    }
}

fn flush(number: f32) -> f32 {
    if number.is_subnormal() {
        0f32.copysign(number)
    } else {
        number
    }
}

/// With the modifier `.sat`: results are clamped to `[0, 1]`, NaN to 0.
pub struct Saturated<V>(std::marker::PhantomData<V>);

impl<V: Value<Number = f32>> Value for Saturated<V> {
    type Number = f32;
    #[inline(always)]
    fn get(bits: u64) -> f32 {
        V::get(bits)
    }
    #[inline(always)]
    fn put(number: f32) -> u64 {
        V::put(if number > 0.0 { number.min(1.0) } else { 0.0 })
    }
}

#[inline(always)]
pub fn one<A: Value, D: Value>(a: &Lanes, f: impl Fn(A::Number) -> D::Number) -> Lanes {
    std::array::from_fn(|i| D::put(f(A::get(a[i]))))
}

#[inline(always)]
pub fn two<A: Value, B: Value, D: Value>(
    [a, b]: [&Lanes; 2],
    f: impl Fn(A::Number, B::Number) -> D::Number,
) -> Lanes {
    std::array::from_fn(|i| D::put(f(A::get(a[i]), B::get(b[i]))))
}

#[inline(always)]
pub fn three<A: Value, C: Value, D: Value>(
    [a, b, c]: [&Lanes; 3],
    f: impl Fn(A::Number, A::Number, C::Number) -> D::Number,
) -> Lanes {
    std::array::from_fn(|i| D::put(f(A::get(a[i]), A::get(b[i]), C::get(c[i]))))
}
