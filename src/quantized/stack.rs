//! The arena of a prediction, on the stack: the shortest of several lengths.

use core::{marker::PhantomData, mem::MaybeUninit};

use super::{
    level::Level,
    program::ProgramOf,
    run::{Model, run},
};
use crate::{network::Network, text::Text};

/// The maximum length of an arena: 512 KiB.
const MAX: usize = 1 << 19;

/// Codes, aligned to the widest vector.
#[repr(C, align(64))]
struct Aligned<const W: usize>([u8; W]);

/// A prediction's code.
type Code = unsafe fn(Level, Model<'_>, &[f32], &mut [f32]);

/// The code of a network's predictions, as a constant function pointer, so that only one length is compiled.
pub(super) struct CodeOf<N>(PhantomData<fn() -> N>);

impl<N: Network> CodeOf<N> {
    /// [`run`] with the shortest arena on the stack, with the same safety conditions.
    ///
    /// # Panics
    /// At compile time, when none has room.
    pub(super) const ON_STACK: Code = {
        let needed = ProgramOf::<N>::PROGRAM.arena;
        macro_rules! shortest {
            ($($length:literal)*) => {
                $(if needed <= $length {
                    on_stack::<$length>
                } else)* {
                    let words: Text<160> = Text::of("the activations of this network need ")
                        .then_number(needed)
                        .then(" bytes, and the stack takes at most ")
                        .then_number(MAX);
                    panic!("{}", words.as_str())
                }
            };
        }
        shortest!(
            64 128 192 256 384 512 768 1024 1536 2048 3072 4096 6144 8192 12288 16384 24576 32768 49152 65536 98304 131072
            196608 262144 393216 524288
        )
    };
}

/// # Safety
/// As [`run`]; the program's arena has at most `W` bytes.
unsafe fn on_stack<const W: usize>(
    level: Level,
    model: Model<'_>,
    sample: &[f32],
    logits: &mut [f32],
) {
    // As zero bytes in place: unoptimised, an array is built from copies, which overflow a thread's stack.
    let mut arena = MaybeUninit::<Aligned<W>>::uninit();
    // SAFETY: an `Aligned` of zero bytes is one of zeros. The rest is guaranteed by the caller.
    unsafe {
        arena.as_mut_ptr().write_bytes(0, 1);
        run(level, model, sample, logits, &mut arena.assume_init_mut().0);
    }
}
