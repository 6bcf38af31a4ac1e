//! The functions that [`frozen!`](crate::frozen!) calls at compile time, and what benchmarks call to choose the instructions. Not
//! part of the public API.

mod unaligned;
mod winograd;

use core::marker::PhantomData;

use self::{unaligned::Unaligned, winograd::pack_winograd};
use super::{Embedded, Frozen};
use crate::{
    network::Network,
    plan::{Op, Plan},
    shape::{Sample, Shape},
    single::{BLOCK, Columns, Values, affine, is_folded, route, seeks_zeros, sqrt},
    weights::{
        header::{Dtype, Place, places as find},
        names::{Layer, Part},
        place::{TWO_TO_112, from_f16},
    },
};
pub use crate::{
    single::{Block, Level},
    weights::{header::Places, names::Names},
};

/// How [`frozen!`](crate::frozen!) looks up a network's plan: `PlanOf::<N>::PLAN` is the constant below, or that of
/// [`NoPlan`] when `N` is not a network. The type of the static is then the only error.
#[derive(Debug)]
pub struct PlanOf<N>(PhantomData<fn() -> N>);

impl<N: Network> PlanOf<N> {
    pub const PLAN: Option<Plan> = Some(N::PLAN);
}

/// See [`PlanOf`].
pub trait NoPlan {
    const PLAN: Option<Plan> = None;
}

impl<N> NoPlan for PlanOf<N> {}

/// The locations of the network's tensors in the file.
///
/// # Panics
/// When the tensors do not match the network: a compile error at the caller's line.
#[track_caller]
pub const fn places(
    plan: &Option<Plan>,
    file: &[u8],
    path: &str,
    names: Names<'_>,
) -> Option<Places> {
    let Some(plan) = plan else { return None };
    match find(file, plan, names) {
        Ok(places) => Some(places),
        Err(mismatch) => panic!("{}", mismatch.message("weights file", path).as_str()),
    }
}

/// The number of rows of 16 values in the network's packed parameters.
pub const fn rows(plan: &Option<Plan>) -> usize {
    let Some(plan) = plan else { return 0 };
    let route = route(plan, true);
    let mut rows = 0;
    let mut next = Layer::first(plan);
    while let Some(layer) = next {
        let [outputs, inputs] = route.steps[layer.index].matrix;
        rows += Columns::rows(inputs, outputs);
        next = layer.next(plan);
    }
    rows
}

/// A network's parameters, packed in the order in which they are read.
#[derive(Debug)]
pub struct Packed<const ROWS: usize> {
    blocks: [Block; ROWS],
    skips_zeros: bool,
}

/// Packs the network's parameters, all as `f32`.
pub const fn packed<const ROWS: usize>(
    plan: &Option<Plan>,
    file: &[u8],
    places: &Option<Places>,
) -> Packed<ROWS> {
    let blocks = blocks(plan, file, places);
    Packed {
        skips_zeros: skips_zeros(plan, &blocks),
        blocks,
    }
}

/// Whether zero inputs may be skipped: in these blocks, the weights of all layers where that [pays](seeks_zeros) are finite
/// (`0 * NaN` and `0 * inf` are NaN).
const fn skips_zeros(plan: &Option<Plan>, blocks: &[Block]) -> bool {
    let Some(plan) = plan else { return false };
    let route = route(plan, true);
    let mut rest = blocks;
    let mut next = Layer::first(plan);
    while let Some(layer) = next {
        let step = &plan.steps()[layer.index];
        let [outputs, inputs] = route.steps[layer.index].matrix;
        let (of_layer, after) = rest.split_at(Columns::rows(inputs, outputs));
        if seeks_zeros(step, layer.ordinal == 0) && !all_finite(of_layer) {
            return false;
        }
        rest = after;
        next = layer.next(plan);
    }
    true
}

/// Whether all these values are finite.
///
/// Four values are a `u128`, and four blocks are tested together, which makes constant evaluation four times as fast
/// as one `u128` at a time: 0.4 seconds for 6.5 MB.
const fn all_finite(blocks: &[Block]) -> bool {
    // The exponent of a non-finite value is all ones; adding one to it carries into the sign bit.
    const EXPONENTS: u128 = u128::MAX / 0xffff_ffff * 0x7f80_0000;
    const ONES: u128 = u128::MAX / 0xffff_ffff * 0x0080_0000;
    const SIGNS: u128 = u128::MAX / 0xffff_ffff * 0x8000_0000;
    macro_rules! carries {
        ($blocks:ident => $($word:ident)*) => {{
            // SAFETY: a block is 16 `f32` aligned to 64 bytes, that is, four `u128`.
            let words: &[[u128; [$(stringify!($word)),*].len()]] =
                unsafe { core::slice::from_raw_parts($blocks.as_ptr().cast(), $blocks.len()) };
            let (mut carries, mut i) = (0, 0);
            while i < words.len() {
                let [$($word),*] = words[i];
                carries |= $((($word & EXPONENTS) + ONES))|*;
                i += 1;
            }
            carries
        }};
    }
    let (fours, rest) = blocks.as_chunks::<4>();
    let carries = carries!(fours => a b c d e f g h i j k l m n o p) | carries!(rest => a b c d);
    carries & SIGNS == 0
}

/// The network with these parameters.
///
/// # Panics
/// When there are too few or too many: a compile error.
pub const fn frozen<N: Network, const ROWS: usize>(packed: &'static Packed<ROWS>) -> Frozen<N> {
    assert!(
        ROWS == rows(&Some(N::PLAN)),
        "the columns of another network"
    );
    Frozen {
        values: Embedded {
            blocks: &packed.blocks,
            skips_zeros: packed.skips_zeros,
        },
        network: PhantomData,
    }
}

/// [`Frozen::predict`] with chosen instructions, or with portable code where the processor lacks them.
pub fn predict_at<N: Network, V: Values>(
    level: Level,
    model: &Frozen<N, V>,
    sample: &impl Sample<N::In>,
) -> <N::Output as Shape>::Array {
    model.predict_at(level, sample)
}

/// The blocks of [`packed`].
const fn blocks<const ROWS: usize>(
    plan: &Option<Plan>,
    file: &[u8],
    places: &Option<Places>,
) -> [Block; ROWS] {
    let mut blocks = [Block([0.0; BLOCK]); ROWS];
    let (Some(plan), Some(places)) = (plan, places) else {
        return blocks;
    };
    let route = route(plan, true);
    let mut rest: &mut [Block] = &mut blocks;
    let mut next = Layer::first(plan);
    while let Some(layer) = next {
        let step = &plan.steps()[layer.index];
        let at = &route.steps[layer.index];
        let [outputs, inputs] = at.matrix;
        let (columns, after) = rest.split_at_mut(Columns::rows(inputs, outputs));
        let tensors = places.tensors[layer.ordinal];
        next = layer.next(plan);
        if matches!(step.op, Op::BatchNorm { .. }) {
            pack_norm(file, tensors, outputs, columns);
        } else if matches!(step.op, Op::Standardize) {
            let [mean, deviation] = [Part::Mean as usize, Part::Spread as usize];
            pack_weight(file, tensors[mean], inputs, outputs, columns);
            pack_bias(file, tensors[deviation], inputs, outputs, columns);
        } else if step.is_table() {
            let [table, ..] = tensors;
            pack_table(file, table, inputs, outputs, columns);
        } else {
            let [weight, bias, ..] = tensors;
            if at.is_winograd {
                pack_winograd(file, weight, inputs, outputs, columns);
            } else {
                pack_weight(file, weight, inputs, outputs, columns);
            }
            if step.has_bias() {
                pack_bias(file, bias, inputs, outputs, columns);
            }
            if is_folded(plan, layer.index)
                && let Some(norm) = next
            {
                fold(file, places.tensors[norm.ordinal], inputs, outputs, columns);
            }
        }
        rest = after;
    }
    blocks
}

/// The factor and the term of a batch normalisation with these tensors for a channel.
const fn norm(file: &[u8], tensors: [Place; Part::MAX], channel: usize) -> [f32; 2] {
    let [weight, bias, mean, variance, _] = tensors;
    let parameters = [weight.value(file, channel), bias.value(file, channel)];
    let variance = variance.value(file, channel) as f64;
    let deviation = sqrt(variance + Op::EPSILON) as f32;
    affine(parameters, mean.value(file, channel), deviation)
}

/// Packs factors as weights and terms as biases.
const fn pack_norm(
    file: &[u8],
    tensors: [Place; Part::MAX],
    channels: usize,
    columns: &mut [Block],
) {
    let mut channel = 0;
    while channel < channels {
        let row = channel / BLOCK * Columns::stride(1);
        let [factor, term] = norm(file, tensors, channel);
        columns[row].0[channel % BLOCK] = factor;
        columns[row + 1].0[channel % BLOCK] = term;
        channel += 1;
    }
}

/// Multiplies the packed weights and biases by the factors of the batch normalisation after them, and adds its terms.
const fn fold(
    file: &[u8],
    tensors: [Place; Part::MAX],
    inputs: usize,
    outputs: usize,
    columns: &mut [Block],
) {
    let mut output = 0;
    while output < outputs {
        let first = output / BLOCK * Columns::stride(inputs);
        let [factor, term] = norm(file, tensors, output);
        let mut input = 0;
        while input <= inputs {
            columns[first + input].0[output % BLOCK] *= factor;
            input += 1;
        }
        columns[first + inputs].0[output % BLOCK] += term;
        output += 1;
    }
}

/// Packs a weight tensor `[O, I]` into columns.
const fn pack_weight(
    file: &[u8],
    place: Place,
    inputs: usize,
    outputs: usize,
    columns: &mut [Block],
) {
    let mut first = 0;
    while first < outputs {
        let (_, block) = columns.split_at_mut(first / BLOCK * Columns::stride(inputs));
        if first + BLOCK <= outputs && cfg!(target_endian = "little") {
            let start = place.start + place.dtype.bytes() * first * inputs;
            let (_, bytes) = file.split_at(start);
            let (bytes, _) = bytes.split_at(place.dtype.bytes() * BLOCK * inputs);
            match place.dtype {
                Dtype::F32 => sixteen_rows_of_f32(bytes, inputs, block),
                Dtype::F16 => sixteen_rows_of_f16(bytes, inputs, block),
                Dtype::Bf16 => sixteen_rows_of_bf16(bytes, inputs, block),
                _ => panic!("`header::places` accepts no weight of this type"),
            }
        } else {
            let mut output = first;
            while output < outputs && output < first + BLOCK {
                let mut input = 0;
                while input < inputs {
                    let value = place.value(file, output * inputs + input);
                    block[input].0[output - first] = value;
                    input += 1;
                }
                output += 1;
            }
        }
        first += BLOCK;
    }
}

/// Packs a table `[V, O]`, whose rows are rows of the blocks already.
const fn pack_table(
    file: &[u8],
    place: Place,
    vocabulary: usize,
    outputs: usize,
    columns: &mut [Block],
) {
    let mut first = 0;
    while first < outputs {
        let (_, block) = columns.split_at_mut(first / BLOCK * Columns::stride(vocabulary));
        let lanes = if outputs - first < BLOCK {
            outputs - first
        } else {
            BLOCK
        };
        let is_whole =
            lanes == BLOCK && matches!(place.dtype, Dtype::F32) && cfg!(target_endian = "little");
        let mut token = 0;
        while token < vocabulary {
            let value = token * outputs + first;
            if is_whole {
                let (_, bytes) = file.split_at(place.start + size_of::<f32>() * value);
                let Some(bytes) = bytes.first_chunk::<{ size_of::<f32>() * BLOCK }>() else {
                    panic!("`header::places` has checked the length of the file");
                };
                // SAFETY: any 32 bits are an `f32`.
                block[token] =
                    Block(unsafe { core::mem::transmute::<[u8; 4 * BLOCK], [f32; BLOCK]>(*bytes) });
            } else {
                let mut lane = 0;
                while lane < lanes {
                    block[token].0[lane] = place.value(file, value + lane);
                    lane += 1;
                }
            }
            token += 1;
        }
        first += BLOCK;
    }
}

/// Functions that transpose 16 rows of `inputs` values into one block of columns.
macro_rules! sixteen_rows {
    ($($name:ident: $value:ty, $widen:expr;)*) => {$(
        const fn $name(bytes: &[u8], inputs: usize, block: &mut [Block]) {
            assert!(bytes.len() == BLOCK * inputs * size_of::<$value>());
            // SAFETY: the assertion above checks the number of bytes; every bit pattern is a value, and any address is
            // aligned.
            let rows: &[Unaligned<$value>] =
                unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), BLOCK * inputs) };
            sixteen_rows!(@transpose rows inputs block $widen =>
                r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 r13 r14 r15);
        }
    )*};
    (@transpose $rows:ident $inputs:ident $block:ident $widen:expr => $($row:ident)*) => {
        let rest = $rows;
        $(let ($row, rest) = rest.split_at($inputs);)*
        assert!(rest.is_empty());
        let mut i = 0;
        while i < $inputs {
            $block[i] = Block($widen([$($row[i].0),*]));
            i += 1;
        }
    };
}
sixteen_rows! {
    sixteen_rows_of_f32: f32, core::convert::identity;
    sixteen_rows_of_f16: u16, from_f16s;
    sixteen_rows_of_bf16: u16, from_bf16s;
}

/// Packs a bias `[O]` into the row after the inputs' rows.
const fn pack_bias(
    file: &[u8],
    place: Place,
    inputs: usize,
    outputs: usize,
    columns: &mut [Block],
) {
    let mut output = 0;
    while output < outputs {
        let row = output / BLOCK * Columns::stride(inputs) + inputs;
        columns[row].0[output % BLOCK] = place.value(file, output);
        output += 1;
    }
}

/// [`from_f16`] of 16 values, in as few steps of constant evaluation as possible.
const fn from_f16s(bits: [u16; 16]) -> [f32; 16] {
    let mut is_finite = true;
    let mut wide = [0; 16];
    let mut i = 0;
    while i < 16 {
        let bits = bits[i] as u32;
        is_finite = is_finite && bits & 0x7c00 != 0x7c00;
        wide[i] = (bits & 0x8000) << 16 | (bits & 0x7fff) << 13;
        i += 1;
    }
    // SAFETY: any 32 bits are an `f32`.
    let mut values: [f32; 16] = unsafe { core::mem::transmute(wide) };
    let mut i = 0;
    while i < 16 {
        // The exponents' biases are 15 and 127; subnormals are converted correctly as well.
        values[i] = if is_finite {
            values[i] * TWO_TO_112
        } else {
            from_f16(bits[i])
        };
        i += 1;
    }
    values
}

/// The values of 16 bfloat16, which are the upper halves of `f32`.
const fn from_bf16s(bits: [u16; 16]) -> [f32; 16] {
    let mut wide = [0; 16];
    let mut i = 0;
    while i < 16 {
        wide[i] = (bits[i] as u32) << 16;
        i += 1;
    }
    // SAFETY: any 32 bits are an `f32`.
    unsafe { core::mem::transmute(wide) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{prelude::*, shape::Image};

    #[test]
    fn zeros_are_skipped_among_many_inputs_with_finite_weights() {
        type Net = (Linear<100, 17>, ReLU, Linear<17, 4>, ReLU, Linear<4, 4>);
        let plan = Some(Net::PLAN);
        let extremes = |i: usize| [f32::MAX, f32::MIN, 0.0, 1e-45][i % 4];
        let mut blocks: Vec<Block> = (0..rows(&plan))
            .map(|row| Block(std::array::from_fn(|lane| extremes(row + lane))))
            .collect();
        assert!(skips_zeros(&plan, &blocks));
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for (row, lane) in (0..blocks.len()).flat_map(|row| (0..BLOCK).map(move |l| (row, l))) {
                let good = std::mem::replace(&mut blocks[row].0[lane], bad);
                let is_first = row < Columns::rows(100, 17);
                assert_eq!(
                    skips_zeros(&plan, &blocks),
                    !is_first,
                    "{bad}: {row}, {lane}"
                );
                blocks[row].0[lane] = good;
            }
        }
    }

    /// Not where there are few inputs, nor for a convolution, nor in a later layer unless it is large.
    #[test]
    fn zeros_are_sought_where_it_pays() {
        let bad = |plan: Plan| {
            let plan = Some(plan);
            skips_zeros(&plan, &vec![Block([f32::NAN; BLOCK]); rows(&plan)])
        };
        assert!(bad(<(Linear<95, 2>,) as Network>::PLAN));
        assert!(!bad(<(Linear<96, 2>,) as Network>::PLAN));
        assert!(bad(
            <(Linear<95, 1000>, ReLU, Linear<1000, 131>) as Network>::PLAN
        ));
        assert!(!bad(
            <(Linear<95, 1000>, ReLU, Linear<1000, 132>) as Network>::PLAN
        ));
        type Images = (Image<1, 12, 12>, Conv2d<1, 2, 3>, Flatten, LazyLinear<2>);
        assert!(bad(Images::PLAN));
    }

    #[test]
    fn converting_sixteen_values_equals_converting_each() {
        let value = |dtype, bits: u16| {
            let place = Place { dtype, start: 0 };
            place.value(&bits.to_le_bytes(), 0).to_bits()
        };
        for first in (0..=u16::MAX).step_by(16) {
            let bits: [u16; 16] = std::array::from_fn(|i| first + i as u16);
            let expected = bits.map(|bits| value(Dtype::F16, bits));
            assert_eq!(from_f16s(bits).map(f32::to_bits), expected);
            let expected = bits.map(|bits| value(Dtype::Bf16, bits));
            assert_eq!(from_bf16s(bits).map(f32::to_bits), expected);
        }
    }
}
