//! Operands of instructions: special and random numbers, as bits.

/// A linear congruential generator (Knuth's constants), whose upper bits are used.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        let mut half = || {
            self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            self.0 >> 32
        };
        half() << 32 | half()
    }

    /// A signed number; all magnitudes are equally likely.
    pub fn scaled(&mut self) -> u64 {
        let by = self.next() >> 8 & 63;
        let number = self.next() >> by;
        match self.next() & 1 {
            0 => number,
            _ => number.wrapping_neg(),
        }
    }
}

/// All combinations of special values for some operands; then `random` rows of random bits, and as many of numbers of all
/// magnitudes.
pub fn combinations(special: &[u64], operands: usize, random: usize) -> Vec<[u64; 4]> {
    let count = special.len().pow(operands as u32);
    let mut inputs: Vec<[u64; 4]> = (0..count)
        .map(|number| {
            let digit = |at: u32| number / special.len().pow(at) % special.len();
            std::array::from_fn(|at| match at < operands {
                true => special[digit(at as u32)],
                false => 0,
            })
        })
        .collect();
    let mut source = Random(count as u64);
    inputs.extend((0..random).map(|_| std::array::from_fn(|_| source.next())));
    inputs.extend((0..random).map(|_| std::array::from_fn(|_| source.scaled())));
    inputs
}

/// Special integers of a width.
pub fn integers(bits: u32) -> Vec<u64> {
    let top = 1u64 << (bits - 1);
    let half = 1u64 << (bits / 2);
    let all = u64::MAX >> (64 - bits);
    vec![
        0,
        1,
        2,
        all,
        all - 1,
        top,
        top - 1,
        top + 1,
        half,
        half - 1,
        all / 3,
    ]
}

/// The bits of a number of 32 bits.
pub fn single(number: f32) -> u64 {
    u64::from(number.to_bits())
}

/// The number of 32 bits that bits stand for.
pub fn of_single(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

/// What a modifier makes of the bits of a number.
pub type Change = fn(u64) -> u64;

/// What `.ftz` makes of a number of 32 bits: 0 with its sign of a subnormal one.
pub fn flushed(bits: u64) -> u64 {
    match bits & 0x7F80_0000 {
        0 => bits & 0x8000_0000,
        _ => bits,
    }
}

/// The modifiers of an instruction without and with `.ftz`, and what they make of operands and results.
pub const FLUSHES: [(&str, Change); 2] = [("", |bits| bits), (".ftz", flushed)];

/// What `.sat` makes of a number of 32 bits: the nearest from 0 to 1, and 0 of NaN.
pub fn saturated(bits: u64) -> u64 {
    match of_single(bits) {
        x if x > 1.0 => single(1.0),
        x if x > 0.0 => bits,
        _ => 0,
    }
}

/// Special numbers of 32 bits: around 0, 1, the largest, halves, and ties in the last digit.
pub fn singles() -> Vec<u64> {
    let above_one = 1f32 + f32::EPSILON;
    let sizes = [
        0.0,
        1.0,
        above_one,
        1.0 - f32::EPSILON / 2.0,
        f32::EPSILON / 2.0,
        1.5,
        3.0,
        f32::MAX,
        f32::MIN_POSITIVE,
        f32::from_bits(1),
        f32::from_bits(0x7F_FFFF),
        16_777_215.0,
        0.1,
        f32::INFINITY,
    ];
    let signed = sizes.iter().flat_map(|x| [single(*x), single(-x)]);
    signed.chain([single(f32::NAN), 0xFFC0_0001]).collect()
}

/// Operands of 32 bits: combinations of special numbers, random bits, and random numbers of similar size.
pub fn of_singles(operands: usize) -> Vec<[u64; 4]> {
    let special = match operands {
        3 => singles().into_iter().step_by(3).collect(),
        _ => singles(),
    };
    let mut inputs = combinations(&special, operands, 400);
    let mut random = Random(11);
    for _ in 0..800 {
        let mut near =
            || (random.next() & 0x80FF_FFFF | 0x3F00_0000) + (random.next() & 15) * 0x80_0000;
        inputs.push(std::array::from_fn(|_| near()));
    }
    // `a * b + c`, where `c` is the rounded product's negative
    for _ in 0..200 {
        let mut near = || of_single(random.next() & 0x7F_FFFF | 0x3F80_0000);
        let (a, b) = (near(), near());
        inputs.push([single(a), single(b), single(-(a * b)), 0]);
    }
    inputs
}

/// Operands of 64 bits: combinations of special numbers, and random numbers of similar size.
pub fn of_doubles() -> Vec<[u64; 4]> {
    let sizes = [
        0.0,
        1.0,
        1.0 + f64::EPSILON,
        1.0 - f64::EPSILON / 2.0,
        f64::EPSILON / 2.0,
        3.0,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        0.1,
        f64::INFINITY,
    ];
    let special: Vec<u64> = sizes
        .iter()
        .flat_map(|x| [x.to_bits(), (-x).to_bits()])
        .collect();
    let mut inputs = combinations(&special, 2, 0);
    inputs.extend(combinations(&special[..], 3, 0).into_iter().step_by(7));
    inputs.extend(combinations(&[f64::NAN.to_bits(), 0, special[2]], 3, 300));
    let mut random = Random(5);
    for _ in 0..600 {
        let mut near = || {
            (random.next() & 0x800F_FFFF_FFFF_FFFF | 0x3FE0_0000_0000_0000)
                + (random.next() & 7 << 52)
        };
        inputs.push(std::array::from_fn(|_| near()));
    }
    inputs
}
