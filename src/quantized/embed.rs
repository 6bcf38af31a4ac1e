//! The functions that [`quantized!`](crate::quantized!) calls at compile time, and what tests and benchmarks call to choose the
//! instructions. Not part of the public API.

use core::marker::PhantomData;

use super::{
    Quantized,
    models::{Embedded, Models},
    pack::{self, Block, Ends, Instruction},
    program::ProgramOf,
    run::Model,
    tensors,
};
pub use super::{level::Level, program::Program, tensors::Places};
use crate::{
    network::Network,
    plan::Plan,
    shape::{Sample, Shape},
    text::Text,
};

/// The program of a network.
///
/// # Panics
/// When a layer has no eight-bit form: a compile error at the caller's line.
#[track_caller]
pub const fn program(plan: &Option<Plan>) -> Option<Program> {
    let Some(plan) = plan else { return None };
    match Program::of(plan) {
        Ok(program) => Some(program),
        Err(refusal) => panic!("{}", refusal.as_str()),
    }
}

/// The locations of the network's tensors in the file.
///
/// # Panics
/// When the tensors do not match the network: a compile error at the caller's line.
#[track_caller]
pub const fn places(
    plan: &Option<Plan>,
    program: &Option<Program>,
    file: &[u8],
    path: &str,
) -> Option<Places> {
    let (Some(plan), Some(program)) = (plan, program) else {
        return None;
    };
    match tensors::places(file, program, plan) {
        Ok(places) => Some(places),
        Err(mismatch) => {
            let words: Text<640> = mismatch.message("eight-bit model", path);
            panic!("{}", words.as_str())
        }
    }
}

/// The number of steps.
pub const fn steps(program: &Option<Program>) -> usize {
    match program {
        Some(program) => program.steps().len(),
        None => 0,
    }
}

/// The number of blocks.
pub const fn blocks(program: &Option<Program>) -> usize {
    match program {
        Some(program) => pack::blocks(program),
        None => 0,
    }
}

/// A model, packed in the order in which it is read.
#[derive(Debug)]
pub struct Packed<const STEPS: usize, const BLOCKS: usize> {
    /// None of a type that is not a network.
    ends: Option<Ends>,
    instructions: [Instruction; STEPS],
    blocks: [Block; BLOCKS],
}

/// Packs the network's parameters.
pub const fn packed<const STEPS: usize, const BLOCKS: usize>(
    program: &Option<Program>,
    file: &[u8],
    places: &Option<Places>,
) -> Packed<STEPS, BLOCKS> {
    let mut packed = Packed {
        ends: None,
        instructions: [Instruction::NONE; STEPS],
        blocks: [Block::ZEROS; BLOCKS],
    };
    if let (Some(program), Some(places)) = (program, places) {
        packed.ends = Some(pack::ends(program, file, places));
        let (instructions, blocks) = (&mut packed.instructions, &mut packed.blocks);
        pack::pack(program, file, places, instructions, blocks);
    }
    packed
}

/// The network with these parameters.
///
/// # Panics
/// When they are those of another network: a compile error.
pub const fn quantized<N: Network, const STEPS: usize, const BLOCKS: usize>(
    packed: &'static Packed<STEPS, BLOCKS>,
) -> Quantized<N> {
    let program = const { &ProgramOf::<N>::PROGRAM };
    let Some(ends) = &packed.ends else {
        panic!("the parameters of no network")
    };
    assert!(
        STEPS == program.steps().len() && BLOCKS == pack::blocks(program),
        "the parameters of another network"
    );
    Quantized {
        model: Embedded(Model {
            ends,
            instructions: &packed.instructions,
            blocks: &packed.blocks,
        }),
        network: PhantomData,
    }
}

/// [`Quantized::predict`] with chosen instructions, or with portable code where the processor lacks them.
pub fn predict_at<N: Network, M: Models>(
    level: Level,
    model: &Quantized<N, M>,
    sample: &impl Sample<N::In>,
) -> <N::Output as Shape>::Array {
    model.predict_at(level, sample)
}
