//! What [`frozen!`](crate::frozen!) calls while compiling. Not for use by hand.

use core::marker::PhantomData;

use super::{Embedded, Frozen};
use crate::{
    Network,
    plan::Plan,
    single::{BLOCK, Columns},
    weights::{
        header::{Dtype, Place, places as find},
        names::next_layer,
    },
};
pub use crate::{
    single::Block,
    weights::{header::Places, names::Names},
};

/// Where [`frozen!`](crate::frozen!) looks for a network's plan: `PlanOf::<N>::PLAN` is the one below, and
/// that of [`NoPlan`] when `N` is no network. The type of the static is then the only error.
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

/// Where the network's tensors lie in the file.
///
/// # Panics
/// When they do not fit, which stops the compiler, at the caller's line.
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
        Err(misfit) => panic!("{}", misfit.message(path).as_str()),
    }
}

/// The rows of 16 values that the network's columns take.
pub const fn rows(plan: &Option<Plan>) -> usize {
    let Some(plan) = plan else { return 0 };
    let mut rows = 0;
    let (mut from, mut ordinal) = (0, 0);
    while let Some(layer) = next_layer(plan, from, ordinal) {
        let step = &plan.steps()[layer.index];
        rows += Columns::rows(step.inputs, step.outputs);
        from = layer.index + 1;
        ordinal += 1;
    }
    rows
}

/// The network with these columns.
///
/// # Panics
/// When they are too few or too many, which stops the compiler.
pub const fn frozen<N: Network>(blocks: &'static [Block]) -> Frozen<N> {
    assert!(
        blocks.len() == rows(&Some(N::PLAN)),
        "the columns of another network"
    );
    Frozen {
        values: Embedded { blocks },
        network: PhantomData,
    }
}

/// A value of a file, which may lie on any byte.
///
/// Casting the bytes to it, and walking 16 rows at once, makes the compiler's evaluation of [`blocks`]
/// fourteen times as fast as reading each value's bytes: 0.1 seconds for 400 kB.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Unaligned<T>(T);

/// The network's values in the order in which they are read, all as `f32`.
pub const fn blocks<const ROWS: usize>(
    plan: &Option<Plan>,
    file: &[u8],
    places: &Option<Places>,
) -> [Block; ROWS] {
    let mut blocks = [Block([0.0; BLOCK]); ROWS];
    let (Some(plan), Some(places)) = (plan, places) else {
        return blocks;
    };
    let mut rest: &mut [Block] = &mut blocks;
    let (mut from, mut ordinal) = (0, 0);
    while let Some(layer) = next_layer(plan, from, ordinal) {
        let step = &plan.steps()[layer.index];
        let (inputs, outputs) = (step.inputs, step.outputs);
        let (columns, after) = rest.split_at_mut(Columns::rows(inputs, outputs));
        weights(file, places.weights[ordinal], inputs, outputs, columns);
        bias(file, places.biases[ordinal], inputs, outputs, columns);
        rest = after;
        from = layer.index + 1;
        ordinal += 1;
    }
    blocks
}

/// Puts a weight tensor `[O, I]` into columns.
const fn weights(file: &[u8], place: Place, inputs: usize, outputs: usize, columns: &mut [Block]) {
    let mut first = 0;
    while first < outputs {
        let (_, block) = columns.split_at_mut(first / BLOCK * Columns::stride(inputs));
        let is_plain = matches!(place.dtype, Dtype::F32) && cfg!(target_endian = "little");
        if is_plain && first + BLOCK <= outputs {
            sixteen_rows(file, place.start + 4 * first * inputs, inputs, block);
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

/// Turns 16 rows of `f32` from byte `start` on into one block of columns.
const fn sixteen_rows(file: &[u8], start: usize, inputs: usize, block: &mut [Block]) {
    let (_, bytes) = file.split_at(start);
    let (bytes, _) = bytes.split_at(BLOCK * inputs * size_of::<f32>());
    // SAFETY: there are as many bytes, by the line above; any four are an `f32`, at any address.
    let rows: &[Unaligned<f32>] =
        unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), BLOCK * inputs) };
    macro_rules! turn {
        ($($row:ident)*) => {
            $(let ($row, rows) = rows.split_at(inputs);)*
            assert!(rows.is_empty());
            let mut i = 0;
            while i < inputs {
                block[i] = Block([$($row[i].0),*]);
                i += 1;
            }
        };
    }
    turn!(r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 r13 r14 r15);
}

/// Puts a bias `[O]` into the row after the inputs'.
const fn bias(file: &[u8], place: Place, inputs: usize, outputs: usize, columns: &mut [Block]) {
    let mut output = 0;
    while output < outputs {
        let row = output / BLOCK * Columns::stride(inputs) + inputs;
        columns[row].0[output % BLOCK] = place.value(file, output);
        output += 1;
    }
}
