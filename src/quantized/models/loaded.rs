//! [`Loaded`]: the parameters of a file that was read at run time.

use super::{
    super::{
        pack::{self, Block, Ends, Instruction},
        program::Program,
        run::Model,
        tensors,
    },
    Models, Sealed,
};
use crate::{plan::Plan, weights::Mismatch};

/// Parameters that were read from a file.
#[derive(Clone, Debug)]
pub struct Loaded {
    ends: Ends,
    instructions: Box<[Instruction]>,
    blocks: Box<[Block]>,
}

impl Models for Loaded {}
impl Sealed for Loaded {
    fn model(&self) -> Model<'_> {
        Model {
            ends: &self.ends,
            instructions: &self.instructions,
            blocks: &self.blocks,
        }
    }
}

impl Loaded {
    pub(crate) fn new(file: &[u8], program: &Program, plan: &Plan) -> Result<Self, Mismatch> {
        let places = tensors::places(file, program, plan)?;
        let mut instructions = vec![Instruction::NONE; program.steps().len()];
        let mut blocks = vec![Block::ZEROS; pack::blocks(program)];
        pack::pack(program, file, &places, &mut instructions, &mut blocks);
        Ok(Loaded {
            ends: pack::ends(program, file, &places),
            instructions: instructions.into(),
            blocks: blocks.into(),
        })
    }
}
