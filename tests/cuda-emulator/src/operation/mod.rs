//! What instructions do: a table from opcodes to operations, one row per instruction.
//!
//! Source: NVIDIA, Parallel Thread Execution ISA, version 9.0, section 9.7, "Instructions".

mod bits;
mod compare;
mod convert;
mod float;
mod integer;
mod matrix;
mod memory;
mod rounding;

pub use matrix::Factors;
pub use memory::{Access, Atomic, Space};

use crate::lanes::Lanes;

/// What an instruction does in the threads of a warp.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// `d = f(a)`, as the next four.
    One(fn(&Lanes) -> Lanes),
    Two(fn([&Lanes; 2]) -> Lanes),
    Three(fn([&Lanes; 3]) -> Lanes),
    Four(fn([&Lanes; 4]) -> Lanes),
    /// `d, carry = f(a, b, c, carry)`; without a multiplication there is no `c`.
    Carry {
        function: fn(u32, u32, u32, bool) -> (u32, bool),
        reads_carry: bool,
        /// `.cc`: it keeps its own.
        writes_carry: bool,
    },
    /// `mov`, also to and from a vector of narrower registers.
    Move(u32),
    /// `setp`: a test, combined with a further predicate.
    SetPredicate(fn([&Lanes; 2]) -> Lanes, Option<fn(bool, bool) -> bool>),
    /// `set`: a test; this value where it holds, else 0.
    Set(fn([&Lanes; 2]) -> Lanes, u64),
    /// `selp`: `p ? a : b`.
    Select,
    Load(Access),
    Store(Access),
    /// `atom`, or `red` without a result.
    Atomic(Access, Atomic),
    /// `cvta`: from an address in a state space to a generic one, or (`to`) back.
    ToGeneric(Space),
    FromGeneric(Space),
    Branch,
    Call,
    /// `ret`, and `exit` in a kernel.
    Return,
    Trap,
    /// `bar.sync`: of a block.
    Barrier,
    /// `bar.warp.sync`.
    WarpBarrier,
    /// `membar`, `fence`.
    Fence,
    Shuffle(Shuffle),
    Vote(Vote),
    ActiveMask,
    /// `mma`.
    Multiply(Factors),
    /// Instructions without an effect here, such as `prefetch` and `nanosleep`.
    Nothing,
    /// Not covered.
    Unknown,
}

/// Which lane's value a lane gets.
#[derive(Clone, Copy, Debug)]
pub enum Shuffle {
    Up,
    Down,
    Butterfly,
    Index,
}

/// What is computed of a predicate in all lanes.
#[derive(Clone, Copy, Debug)]
pub enum Vote {
    All,
    Any,
    Uniform,
    Ballot,
}

/// The operation of an opcode.
pub fn decode(opcode: &str) -> Operation {
    control(opcode)
        .or_else(|| memory::decode(opcode))
        .or_else(|| compare::decode(opcode))
        .or_else(|| convert::decode(opcode))
        .or_else(|| matrix::decode(opcode))
        .or_else(|| bits::decode(opcode))
        .or_else(|| float::decode(opcode))
        .or_else(|| integer::decode(opcode))
        .unwrap_or(Operation::Unknown)
}

fn control(opcode: &str) -> Option<Operation> {
    let name = opcode.split('.').next()?;
    Some(match opcode {
        "bar.sync" | "barrier.sync" | "barrier.sync.aligned" | "bar.cta.sync" => Operation::Barrier,
        "bar.warp.sync" => Operation::WarpBarrier,
        "shfl.sync.up.b32" => Operation::Shuffle(Shuffle::Up),
        "shfl.sync.down.b32" => Operation::Shuffle(Shuffle::Down),
        "shfl.sync.bfly.b32" => Operation::Shuffle(Shuffle::Butterfly),
        "shfl.sync.idx.b32" => Operation::Shuffle(Shuffle::Index),
        "vote.sync.all.pred" => Operation::Vote(Vote::All),
        "vote.sync.any.pred" => Operation::Vote(Vote::Any),
        "vote.sync.uni.pred" => Operation::Vote(Vote::Uniform),
        "vote.sync.ballot.b32" => Operation::Vote(Vote::Ballot),
        "activemask.b32" => Operation::ActiveMask,
        _ => match name {
            "bra" => Operation::Branch,
            "call" => Operation::Call,
            "ret" | "exit" => Operation::Return,
            "trap" => Operation::Trap,
            "membar" | "fence" => Operation::Fence,
            "prefetch" | "prefetchu" | "nanosleep" | "discard" | "brkpt" => Operation::Nothing,
            _ => return None,
        },
    })
}

/// An opcode's name and modifiers, without its last type: `mul.wide`, `u32`.
fn split_type(opcode: &str) -> Option<(&str, &str)> {
    opcode.rsplit_once('.')
}
