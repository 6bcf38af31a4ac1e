//! PTX as it is parsed: modules of functions, their variables and instructions.
//!
//! Source: NVIDIA, Parallel Thread Execution ISA, version 9.0.

mod body;
mod lexer;
mod parser;
mod scope;

pub(crate) use parser::width_of;

use crate::operation::Operation;

/// A module: what one PTX text contains.
#[derive(Debug, Default)]
pub struct Module {
    /// Variables of the state space `.global` or `.const`, with their initial bytes.
    pub globals: Vec<Global>,
    pub functions: Vec<Function>,
    /// Bytes of the `.local` variables of all functions, for each thread.
    pub local_bytes: usize,
}

/// A variable in global memory.
#[derive(Debug)]
pub struct Global {
    pub name: String,
    /// Initial values, as many bytes as the variable has.
    pub bytes: Vec<u8>,
}

/// A kernel (`.entry`) or a device function (`.func`).
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub is_kernel: bool,
    pub parameters: Vec<Parameter>,
    pub results: Vec<Parameter>,
    /// Bytes of all parameters and, after them, all results.
    pub parameter_bytes: usize,
    /// Bytes of the `.param` variables declared in its body, for calls.
    pub call_bytes: usize,
    /// Bytes of its `.shared` variables; dynamic shared memory follows.
    pub shared_bytes: usize,
    pub registers: Vec<Variable>,
    pub code: Vec<Instruction>,
}

/// A register.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    /// The bits that it has.
    pub mask: u64,
}

/// A parameter or result of a function.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub offset: usize,
    pub bytes: usize,
}

#[derive(Debug)]
pub struct Instruction {
    /// The line of the PTX text, from 1.
    pub line: u32,
    /// The line of the source, where the compiler was asked for it (`-lineinfo`).
    pub source_line: Option<u32>,
    /// `@p` or `@!p`: the predicate, and the value with which the instruction is executed.
    pub guard: Option<(Register, bool)>,
    pub opcode: String,
    pub operation: Operation,
    pub operands: Vec<Operand>,
}

/// The index of a register in [`Function::registers`].
pub type Register = usize;

#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Register(Register),
    /// `!p`, the negation of a predicate.
    Not(Register),
    /// `p|q`, two results.
    Pair(Register, Register),
    /// `_`, a result that is not needed.
    Sink,
    Immediate(u64),
    Special(Special),
    Vector(Vec<Operand>),
    /// `[base + offset]`.
    Address(Base, i64),
    /// The address of a variable in its state space.
    Variable(Base),
    /// The index of an instruction.
    Label(usize),
    /// The name of a function.
    Function(String),
    /// The parameters or results of a call.
    List(Vec<Operand>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Base {
    Register(Register),
    /// An address by itself.
    Absolute,
    /// An index of [`Module::globals`].
    Global(usize),
    /// An offset in shared memory.
    Shared(usize),
    /// The beginning of the dynamic shared memory.
    DynamicShared,
    /// An offset in local memory.
    Local(usize),
    /// An offset in the function's own parameters and results.
    Parameter(usize),
    /// An offset in the parameters of the calls in its body, with the number of bytes.
    CallParameter(usize, usize),
}

/// Registers with predefined values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Special {
    /// The thread's index in its block; the dimension, x, y or z, from 0.
    Thread(usize),
    BlockDim(usize),
    Block(usize),
    GridDim(usize),
    Lane,
    Warp,
    Clock,
    LaneMaskLess,
    LaneMaskEqual,
    WarpSize,
    DynamicSharedBytes,
}

/// What is wrong with a PTX text.
#[derive(Debug, PartialEq)]
pub struct SyntaxError {
    pub line: u32,
    pub message: String,
}

impl Module {
    /// Parses a text.
    ///
    /// # Errors
    /// When something is not covered, with its line. Unknown instructions are no error until they are executed.
    pub fn parse(text: &str) -> Result<Module, SyntaxError> {
        parser::Parser::new(lexer::tokens(text)?).module()
    }
}
