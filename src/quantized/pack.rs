//! An eight-bit model as the kernels read it: [instructions](Instruction), and blocks of weights.

use super::{
    program::{Kind, Program, Step, Value},
    tensors::{Part, Places},
};
use crate::weights::place::Place;

/// The number of outputs of a block.
pub(super) const LANES: usize = 16;
/// The number of inputs whose weights for an output are next to each other.
pub(super) const QUAD: usize = 4;

/// 64 bytes: the weights of 16 outputs for four inputs, 16 numbers, or 64 codes of a table.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Block(pub(super) [u32; LANES]);

impl Block {
    pub(super) const ZEROS: Block = Block([0; LANES]);
}

/// A step with all that its kernel reads, except what is in blocks.
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    pub(super) step: Step,
    pub(super) input: Value,
    /// The second value of a sum, else the input again.
    pub(super) term: Value,
    pub(super) output: Value,
    pub(super) input_zero: u8,
    pub(super) term_zero: u8,
    pub(super) output_zero: u8,
    /// Of a sum, its scales over that of the output; of a mean, the first is the scale of the input over that of the output and
    /// the size of the window.
    pub(super) factors: [f32; 2],
    /// The first of its blocks.
    pub(super) block: usize,
}

impl Instruction {
    /// Nothing, for lists that are yet to be filled.
    pub(super) const NONE: Instruction = Instruction {
        step: Step::NONE,
        input: Value::NONE,
        term: Value::NONE,
        output: Value::NONE,
        input_zero: 0,
        term_zero: 0,
        output_zero: 0,
        factors: [0.0; 2],
        block: 0,
    };
}

/// How samples become codes, and codes become logits.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub(super) input: Value,
    /// Whether the first blocks are the means and the inverse standard deviations of the features.
    pub(super) standardizes: bool,
    pub(super) inverse_scale: f32,
    pub(super) input_zero: u8,
    pub(super) output: Value,
    /// Whether the last step has written the logits.
    pub(super) has_logits: bool,
    pub(super) scale: f32,
    pub(super) output_zero: u8,
}

/// Of a product, the number of blocks of weights for 16 outputs, and that of all blocks for these: three more, with the biases, the
/// multipliers, and the biases for codes from which 128 was subtracted.
#[inline(always)]
pub(super) const fn blocks_of_lanes(step: &Step) -> [usize; 2] {
    let weights = step.runs() * step.terms().div_ceil(QUAD);
    [weights, weights + 3]
}

/// The number of blocks of a step.
const fn blocks_of(step: &Step) -> usize {
    match step.kind {
        Kind::Product | Kind::Logits => {
            let [_, blocks] = blocks_of_lanes(step);
            step.window.output[0].div_ceil(LANES) * blocks
        }
        Kind::Table => 256 / size_of::<Block>(),
        Kind::Maximum | Kind::Average | Kind::Sum => 0,
    }
}

/// The number of blocks with means, or with inverse standard deviations.
const fn blocks_of_moments(program: &Program) -> usize {
    match program.standardize {
        Some(_) => program.value(0).len().div_ceil(LANES),
        None => 0,
    }
}

/// The number of blocks of a program.
pub(super) const fn blocks(program: &Program) -> usize {
    let mut blocks = 2 * blocks_of_moments(program);
    let mut i = 0;
    while i < program.steps().len() {
        blocks += blocks_of(&program.steps()[i]);
        i += 1;
    }
    blocks
}

/// The scale and the zero point of a value.
const fn scale(program: &Program, file: &[u8], places: &Places, value: usize) -> (f32, u8) {
    let layer = program.value(value).scale_of;
    let scale = places.of(layer, Part::Scale).value(file, 0);
    let zero_point = places.of(layer, Part::ZeroPoint);
    (scale, file[zero_point.start])
}

/// How the model of this file converts samples and logits.
pub(super) const fn ends(program: &Program, file: &[u8], places: &Places) -> Ends {
    let has_logits = match program.steps() {
        [.., last] => matches!(last.kind, Kind::Logits),
        [] => false,
    };
    let (input_scale, input_zero) = scale(program, file, places, 0);
    let (scale, output_zero) = match has_logits {
        true => (1.0, 0),
        false => scale(program, file, places, program.output),
    };
    Ends {
        input: *program.value(0),
        standardizes: program.standardize.is_some(),
        inverse_scale: 1.0 / input_scale,
        input_zero,
        output: *program.value(program.output),
        has_logits,
        scale,
        output_zero,
    }
}

/// Writes instruction `i` of the model of this file.
const fn instruction(
    program: &Program,
    file: &[u8],
    places: &Places,
    i: usize,
    block: usize,
) -> Instruction {
    let step = program.steps()[i];
    let (input_scale, input_zero) = scale(program, file, places, step.input);
    let term = match step.kind {
        Kind::Sum => step.term,
        _ => step.input,
    };
    let (term_scale, term_zero) = scale(program, file, places, term);
    let (output_scale, output_zero) = match step.kind {
        Kind::Logits => (1.0, 0),
        _ => scale(program, file, places, i + 1),
    };
    let [rows, columns] = step.window.kernel;
    let factors = match step.kind {
        Kind::Average => [input_scale / (output_scale * (rows * columns) as f32), 0.0],
        _ => [input_scale / output_scale, term_scale / output_scale],
    };
    Instruction {
        step,
        input: *program.value(step.input),
        term: *program.value(term),
        output: *program.value(i + 1),
        input_zero,
        term_zero,
        output_zero,
        factors,
        block,
    }
}

/// Writes all instructions and blocks of the model of this file: as many as the program has steps and [`blocks`].
pub(super) const fn pack(
    program: &Program,
    file: &[u8],
    places: &Places,
    instructions: &mut [Instruction],
    to: &mut [Block],
) {
    pack_moments(program, file, places, to);
    let mut block = 2 * blocks_of_moments(program);
    let mut i = 0;
    while i < instructions.len() {
        let at = instruction(program, file, places, i, block);
        instructions[i] = at;
        let (_, to) = to.split_at_mut(block);
        match at.step.kind {
            Kind::Product | Kind::Logits => {
                let step = &at.step;
                pack_weights(file, places.of(i + 1, Part::Weight), step, to);
                let tensors = [Part::Bias, Part::WeightScale];
                pack_outputs(file, places, i, tensors, &at, to);
            }
            Kind::Table => pack_table(file, places.of(i + 1, Part::Table), to),
            Kind::Maximum | Kind::Average | Kind::Sum => {}
        }
        block += blocks_of(&at.step);
        i += 1;
    }
}

/// Writes the means and the inverse standard deviations of the features.
const fn pack_moments(program: &Program, file: &[u8], places: &Places, to: &mut [Block]) {
    let (mut feature, blocks) = (0, blocks_of_moments(program));
    while blocks > 0 && feature < program.value(0).len() {
        let (block, lane) = (feature / LANES, feature % LANES);
        let mean = places.of(0, Part::Mean).value(file, feature);
        let deviation = places.of(0, Part::Deviation).value(file, feature);
        to[block].0[lane] = mean.to_bits();
        to[blocks + block].0[lane] = (1.0 / deviation).to_bits();
        feature += 1;
    }
}

/// Four weights of a file, at any alignment: reading them at once makes constant evaluation several times as fast.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Unaligned([u8; QUAD]);

/// Writes the weights, `[O, runs, terms]` in the file, as `[O / 16][runs][terms / 4][16][4]`, with zeros where there is no weight.
const fn pack_weights(file: &[u8], place: Place, step: &Step, to: &mut [Block]) {
    let [outputs, ..] = step.window.output;
    let [weights, blocks] = blocks_of_lanes(step);
    let (runs, terms) = (step.runs(), step.terms());
    let (_, bytes) = file.split_at(place.start);
    let (bytes, _) = bytes.split_at(outputs * runs * terms);
    // SAFETY: as many bytes as are there; every bit pattern is a value, and any address is aligned.
    let quads: &[Unaligned] =
        unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / QUAD) };
    let mut output = 0;
    while output < outputs {
        let first = output / LANES * blocks;
        let lane = output % LANES;
        let mut i = 0;
        if terms % QUAD == 0 {
            let (_, quads) = quads.split_at(output * weights);
            while i < weights {
                to[first + i].0[lane] = u32::from_ne_bytes(quads[i].0);
                i += 1;
            }
        } else {
            while i < weights {
                let per_run = terms.div_ceil(QUAD);
                let (run, term) = (i / per_run, i % per_run * QUAD);
                let mut quad = [0; QUAD];
                let mut at = 0;
                while at < QUAD && term + at < terms {
                    quad[at] = bytes[(output * runs + run) * terms + term + at];
                    at += 1;
                }
                to[first + i].0[lane] = u32::from_ne_bytes(quad);
                i += 1;
            }
        }
        output += 1;
    }
}

/// Writes the biases and the multipliers of a product.
const fn pack_outputs(
    file: &[u8],
    places: &Places,
    i: usize,
    [bias, weight_scale]: [Part; 2],
    at: &Instruction,
    to: &mut [Block],
) {
    let [weights, blocks] = blocks_of_lanes(&at.step);
    let [input_over_output, _] = at.factors;
    let mut output = 0;
    while output < at.step.window.output[0] {
        let (first, lane) = (output / LANES * blocks, output % LANES);
        let bias = places.of(i + 1, bias).integer(file, output);
        let weight_scale = places.of(i + 1, weight_scale).value(file, output);
        to[first + weights].0[lane] = bias as u32;
        let sum = sum_of_weights(to, first, weights, lane);
        to[first + weights + 2].0[lane] = bias.wrapping_add(128 * sum) as u32;
        to[first + weights + 1].0[lane] = (input_over_output * weight_scale).to_bits();
        output += 1;
    }
}

/// The sum of an output's weights, which are packed in these blocks.
///
/// As unsigned bytes, four at a time, so that constant evaluation takes a third of the time.
const fn sum_of_weights(blocks: &[Block], first: usize, count: usize, lane: usize) -> i32 {
    const SIGNS: u32 = 0x8080_8080;
    const EVEN: u32 = 0x00ff_00ff;
    let (mut sum, mut i) = (0, 0);
    while i < count {
        // the sums of two bytes of up to 128 quads fit in 16 bits
        let (mut halves, mut quads) = (0, 0);
        while quads < 128 && i < count {
            let bytes = blocks[first + i].0[lane] ^ SIGNS;
            halves += (bytes & EVEN) + (bytes >> 8 & EVEN);
            quads += 1;
            i += 1;
        }
        let zeros = 4 * 128 * quads;
        sum += (halves & 0xffff) as i32 + (halves >> 16) as i32 - zeros;
    }
    sum
}

const fn pack_table(file: &[u8], place: Place, to: &mut [Block]) {
    let mut i = 0;
    while i < 256 {
        let (_, bytes) = file.split_at(place.start + i);
        let Some(bytes) = bytes.first_chunk::<QUAD>() else {
            panic!("`tensors::places` has checked the length of the file");
        };
        to[i / 64].0[i % 64 / QUAD] = u32::from_ne_bytes(*bytes);
        i += QUAD;
    }
}
