//! What an instruction does in the lanes of a group.

use std::borrow::Cow;

use super::{
    access::window,
    control::vote,
    place,
    warp::{Frame, Machine, Mask, Next, Wrong, first_lane, lanes_of, lanes_where},
};
use crate::{
    lanes::{Lanes, WARP},
    operation::Operation,
    ptx::{Instruction, Operand, Special},
};

impl<'a> Machine<'_, 'a> {
    pub(super) fn execute(
        &mut self,
        frame: &mut Frame<'a>,
        instruction: &Instruction,
        group: Mask,
    ) -> Result<Next, Wrong> {
        let mut active = group;
        if let Some((predicate, expected)) = instruction.guard {
            let values = frame.get(predicate, group)?;
            active = group & lanes_where(values, expected);
            if active == 0 {
                return Ok(Next::On);
            }
        }
        let operands = &instruction.operands[..];
        let wrong = |what: &str| {
            (
                first_lane(active),
                format!("{what}: {}", instruction.opcode),
            )
        };
        let unexpected = || wrong("expected other operands");
        let result = match (instruction.operation, operands) {
            (Operation::One(f), [_, a]) => f(&*self.value(frame, a, active)?),
            (Operation::Two(f), [_, a, b]) => f([
                &*self.value(frame, a, active)?,
                &*self.value(frame, b, active)?,
            ]),
            (Operation::Three(f), [_, a, b, c]) => {
                let values = [a, b, c].map(|x| self.value(frame, x, active));
                let [a, b, c] = values;
                f([&*a?, &*b?, &*c?])
            }
            (Operation::Four(f), [_, a, b, c, d]) => {
                let [a, b, c, d] = [a, b, c, d].map(|x| self.value(frame, x, active));
                f([&*a?, &*b?, &*c?, &*d?])
            }
            (
                Operation::Carry {
                    function,
                    reads_carry,
                    writes_carry,
                },
                [_, a, b, rest @ ..],
            ) => {
                let (a, b) = (self.value(frame, a, active)?, self.value(frame, b, active)?);
                let c = rest
                    .first()
                    .map(|c| self.value(frame, c, active))
                    .transpose()?
                    .unwrap_or(Cow::Owned([0; WARP]));
                let mut result = [0; WARP];
                let mut carries = frame.carry;
                for lane in lanes_of(active) {
                    let carry = reads_carry && frame.carry >> lane & 1 == 1;
                    let (value, carry) =
                        function(a[lane] as u32, b[lane] as u32, c[lane] as u32, carry);
                    result[lane] = u64::from(value);
                    carries = carries & !(1 << lane) | u32::from(carry) << lane;
                }
                if writes_carry {
                    frame.carry = carries;
                }
                result
            }
            (Operation::Move(bits), [d, a]) => {
                self.move_value(frame, (d, a), bits, active)?;
                return Ok(Next::On);
            }
            (Operation::SetPredicate(test, combine), [d, a, b, rest @ ..]) => {
                let mut holds = test([
                    &*self.value(frame, a, active)?,
                    &*self.value(frame, b, active)?,
                ]);
                let mut fails = holds.map(|holds| u64::from(holds == 0));
                if let (Some(combine), Some(other)) = (combine, rest.first()) {
                    let other = self.value(frame, other, active)?;
                    for lane in 0..WARP {
                        let with = |test: u64| u64::from(combine(test != 0, other[lane] != 0));
                        (holds[lane], fails[lane]) = (with(holds[lane]), with(fails[lane]));
                    }
                }
                if let Operand::Pair(first, second) = d {
                    frame.set(*first, active, &holds);
                    frame.set(*second, active, &fails);
                    return Ok(Next::On);
                }
                holds
            }
            (Operation::Set(test, value), [_, a, b]) => {
                let holds = test([
                    &*self.value(frame, a, active)?,
                    &*self.value(frame, b, active)?,
                ]);
                holds.map(|holds| if holds != 0 { value } else { 0 })
            }
            (Operation::Select, [_, a, b, Operand::Register(p)]) => {
                let p = *frame.get(*p, active)?;
                // the operand that is not selected need not have been written
                let picks = |wanted: bool| active & lanes_where(&p, wanted);
                let (a, b) = (
                    self.value(frame, a, picks(true))?,
                    self.value(frame, b, picks(false))?,
                );
                std::array::from_fn(|lane| if p[lane] != 0 { a[lane] } else { b[lane] })
            }
            (Operation::Load(access), [d, from]) => {
                self.load(frame, access, d, from, active)?;
                return Ok(Next::On);
            }
            (Operation::Store(access), [to, a]) => {
                self.store(frame, access, to, a, active)?;
                return Ok(Next::On);
            }
            (Operation::Atomic(access, atomic), operands) => {
                self.atomic(frame, access, atomic, operands, active)?;
                return Ok(Next::On);
            }
            (Operation::ToGeneric(space), [_, a]) => {
                let window = window(space);
                self.value(frame, a, active)?
                    .map(|address| address.wrapping_add(window))
            }
            (Operation::FromGeneric(space), [_, a]) => {
                let window = window(space);
                self.value(frame, a, active)?
                    .map(|address| address.wrapping_sub(window))
            }
            (Operation::Branch, [Operand::Label(to)]) => return Ok(Next::Jump(active, *to)),
            (Operation::Call, operands) => {
                return self.call(frame, operands, active).map(|()| Next::On);
            }
            (Operation::Return, _) => return Ok(Next::End(active)),
            (Operation::Trap, _) => return Err(wrong("reached")),
            (Operation::Barrier, [Operand::Immediate(0)]) => {
                if frame.has_own_parameters {
                    return Err(wrong("a barrier in a function is not covered"));
                }
                return Ok(Next::Wait);
            }
            (Operation::WarpBarrier, [mask]) => {
                self.check_members(frame, mask, active)?;
                self.warp.thread.warp_time = self.clock.next();
                return Ok(Next::On);
            }
            (Operation::Fence | Operation::Nothing, _) => return Ok(Next::On),
            (Operation::Shuffle(shuffle), [d, a, b, c, mask]) => {
                self.check_members(frame, mask, active)?;
                self.shuffle(frame, shuffle, (d, a, b, c), active)?;
                return Ok(Next::On);
            }
            (Operation::Vote(kind), [_, a, mask]) => {
                self.check_members(frame, mask, active)?;
                let values = self.value(frame, a, active)?;
                vote(kind, &values, active)
            }
            (Operation::Multiply(factors), [d, a, b, c]) => {
                self.multiply(frame, factors, [d, a, b, c], active)?;
                return Ok(Next::On);
            }
            (Operation::ActiveMask, [_]) => [u64::from(active); WARP],
            (Operation::Unknown, _) => {
                return Err(wrong("an instruction that the emulator does not cover"));
            }
            _ => return Err(unexpected()),
        };
        frame.write(&operands[0], active, &result)?;
        Ok(Next::On)
    }

    /// The value of an operand.
    #[inline(always)]
    pub(super) fn value<'f>(
        &self,
        frame: &'f Frame<'a>,
        operand: &Operand,
        active: Mask,
    ) -> Result<Cow<'f, Lanes>, Wrong> {
        match operand {
            Operand::Register(register) => frame.get(*register, active).map(Cow::Borrowed),
            operand => self.other_value(frame, operand, active).map(Cow::Owned),
        }
    }

    /// The value of an operand that is no register.
    fn other_value(
        &self,
        frame: &Frame<'a>,
        operand: &Operand,
        active: Mask,
    ) -> Result<Lanes, Wrong> {
        Ok(match operand {
            Operand::Not(register) => frame
                .get(*register, active)?
                .map(|value| u64::from(value == 0)),
            Operand::Immediate(value) => [*value; WARP],
            Operand::Special(special) => self.special(*special),
            Operand::Variable(base) => self.base(frame, *base, active)?,
            other => {
                return Err((
                    first_lane(active),
                    format!("expected a value, found {other:?}"),
                ));
            }
        })
    }

    fn special(&self, special: Special) -> Lanes {
        let warp = &self.warp;
        let launch = warp.launch;
        let same = |value: u32| [u64::from(value); WARP];
        match special {
            Special::Thread(dim) => std::array::from_fn(|lane| {
                u64::from(place(warp.first + lane as u32, launch.block)[dim])
            }),
            Special::BlockDim(dim) => same(launch.block[dim]),
            Special::Block(dim) => same(warp.block[dim]),
            Special::GridDim(dim) => same(launch.grid[dim]),
            Special::Lane => std::array::from_fn(|lane| lane as u64),
            Special::Warp => same(warp.first / WARP as u32),
            Special::Clock => same(warp.thread.warp_time),
            Special::LaneMaskLess => std::array::from_fn(|lane| (1 << lane) - 1),
            Special::LaneMaskEqual => std::array::from_fn(|lane| 1 << lane),
            Special::WarpSize => same(WARP as u32),
            Special::DynamicSharedBytes => same(launch.shared_bytes as u32),
        }
    }
}
