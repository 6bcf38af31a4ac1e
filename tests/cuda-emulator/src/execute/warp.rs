//! A warp: 32 threads that execute an instruction together while they are at the same one.
//!
//! Threads that diverge run in groups. The group at the lowest instruction runs first, which is where groups meet
//! again, as compilers place what follows a branch behind it.

use super::{Clock, Launch, copy::Copies};
use crate::{
    fault::Fault,
    lanes::{Lanes, WARP},
    memory::{Memory, Region, Thread},
    ptx::{Function, Instruction, Operand},
};

/// A set of lanes, one bit each.
pub(super) type Mask = u32;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    Runs,
    /// At a barrier of the block.
    Waits,
    Ended,
}

pub(super) struct Warp<'a> {
    pub(super) launch: &'a Launch<'a>,
    pub(super) block: [u32; 3],
    /// The number of its first thread in the block.
    pub(super) first: u32,
    /// For the memory: as thread 0 of the warp.
    pub(super) thread: Thread,
    pub(super) local: Region,
    pub(super) copies: [Copies; WARP],
    /// While it does not run.
    frame: Option<Frame<'a>>,
    /// The next instruction of each lane.
    at: [usize; WARP],
    live: Mask,
    waits: Mask,
}

/// The values of a function while it runs.
pub(super) struct Frame<'a> {
    pub(super) function: &'a Function,
    pub(super) registers: Vec<Lanes>,
    /// The lanes in which each register has been written.
    pub(super) written: Vec<Mask>,
    /// Parameters and results: bytes per lane, or once for all, as a kernel's.
    pub(super) parameters: Vec<u8>,
    pub(super) has_own_parameters: bool,
    /// The `.param` variables for calls, per lane.
    pub(super) calls: Vec<u8>,
    /// The carries of the last addition that keeps them.
    pub(super) carry: Mask,
}

/// Where a group goes after an instruction.
pub(super) enum Next {
    /// To the following one.
    On,
    /// These lanes to that instruction, the others on.
    Jump(Mask, usize),
    /// These lanes are done.
    End(Mask),
    /// To a barrier of the block.
    Wait,
}

/// What is wrong in a lane.
pub(super) type Wrong = (usize, String);

pub(super) fn lanes_of(mut mask: Mask) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = (mask != 0).then_some(mask.trailing_zeros() as usize);
        mask &= mask.wrapping_sub(1);
        lane
    })
}

/// The lanes whose predicate has a value.
pub(super) fn lanes_where(predicates: &Lanes, expected: bool) -> Mask {
    let bit = |lane: usize| Mask::from((predicates[lane] != 0) == expected) << lane;
    (0..WARP).map(bit).fold(0, |mask, bit| mask | bit)
}

pub(super) fn last_lane(mask: Mask) -> usize {
    WARP - 1 - mask.leading_zeros() as usize
}

pub(super) fn first_lane(mask: Mask) -> usize {
    mask.trailing_zeros() as usize
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        function: &'a Function,
        parameters: Vec<u8>,
        has_own_parameters: bool,
    ) -> Frame<'a> {
        Frame {
            registers: vec![[0; WARP]; function.registers.len()],
            written: vec![0; function.registers.len()],
            calls: vec![0; function.call_bytes * WARP],
            function,
            parameters,
            has_own_parameters,
            carry: 0,
        }
    }

    /// The value of a register in these lanes.
    pub(super) fn get(&self, register: usize, active: Mask) -> Result<&Lanes, Wrong> {
        match active & !self.written[register] {
            0 => Ok(&self.registers[register]),
            missing => {
                let name = &self.function.registers[register].name;
                Err((
                    first_lane(missing),
                    format!("reads the register {name}, which nothing has written"),
                ))
            }
        }
    }

    pub(super) fn set(&mut self, register: usize, active: Mask, values: &Lanes) {
        self.written[register] |= active;
        // what is beyond the register's width is cut off
        let cut = self.function.registers[register].mask;
        let to = &mut self.registers[register];
        for lane in 0..WARP {
            let is_active = active >> lane & 1 == 1;
            to[lane] = if is_active {
                values[lane] & cut
            } else {
                to[lane]
            };
        }
    }

    /// Writes a result.
    pub(super) fn write(
        &mut self,
        operand: &Operand,
        active: Mask,
        values: &Lanes,
    ) -> Result<(), Wrong> {
        match operand {
            Operand::Register(register) => self.set(*register, active, values),
            Operand::Sink => {}
            other => {
                return Err((
                    first_lane(active),
                    format!("expected a register, found {other:?}"),
                ));
            }
        }
        Ok(())
    }
}

impl<'a> Warp<'a> {
    /// The warp whose first thread is `first`, of no block yet.
    pub(super) fn new(launch: &'a Launch<'a>, first: u32, launched: u32) -> Warp<'a> {
        Warp {
            launch,
            block: [0; 3],
            first,
            thread: Thread {
                number: 0,
                block: (0, launch.threads()),
                warp: 0,
                launch: launched,
                block_time: 0,
                warp_time: 0,
            },
            local: Region::new(super::LOCAL_WINDOW, launch.loaded.module.local_bytes * WARP),
            copies: Default::default(),
            frame: Some(Frame::new(launch.kernel, launch.parameters.to_vec(), false)),
            at: [0; WARP],
            live: 0,
            waits: 0,
        }
    }

    /// Begins with a block, at that time.
    pub(super) fn begin(&mut self, block: [u32; 3], begun: u32) {
        let threads = self.launch.threads();
        let [x, y, _] = self.launch.grid;
        let before = ((block[2] * y + block[1]) * x + block[0]) * threads;
        self.block = block;
        self.thread.block.0 = before;
        self.thread.number = before + self.first;
        self.thread.warp = self.thread.number;
        self.pass(begun);
        self.local.forget();
        self.copies = Default::default();
        if let Some(frame) = &mut self.frame {
            frame.written.fill(0);
        }
        self.at = [0; WARP];
        let count = (threads - self.first).min(WARP as u32);
        self.live = Mask::MAX >> (WARP as u32 - count);
    }

    pub(super) fn state(&self) -> State {
        match (self.live, self.waits) {
            (0, _) => State::Ended,
            (live, waits) if live == waits => State::Waits,
            _ => State::Runs,
        }
    }

    /// The barrier of the block that the warp waits for has been passed, at that time.
    pub(super) fn pass(&mut self, time: u32) {
        self.waits = 0;
        self.thread.block_time = time;
        self.thread.warp_time = time;
    }

    /// Runs until all lanes have ended or wait.
    pub(super) fn run(
        &mut self,
        memory: &mut Memory,
        shared: &mut Region,
        clock: &mut Clock,
    ) -> Result<(), Fault> {
        let Some(mut frame) = self.frame.take() else {
            return Ok(());
        };
        let (mut live, mut waits, mut at) = (self.live, self.waits, self.at);
        let mut machine = Machine {
            warp: self,
            memory,
            shared,
            clock,
            calls: Vec::new(),
            live,
        };
        let done = machine.run(&mut frame, &mut at, &mut live, &mut waits);
        (self.live, self.waits, self.at) = (live, waits, at);
        self.frame = Some(frame);
        done
    }
}

/// A warp, and the memories that it reaches.
pub(super) struct Machine<'m, 'a> {
    pub(super) warp: &'m mut Warp<'a>,
    pub(super) memory: &'m mut Memory,
    pub(super) shared: &'m mut Region,
    pub(super) clock: &'m mut Clock,
    /// The functions that run, by their names.
    pub(super) calls: Vec<&'a str>,
    /// The lanes that have not ended, in the function that runs.
    pub(super) live: Mask,
}

impl<'a> Machine<'_, 'a> {
    /// Runs a function in the lanes `live`, from the instructions `at` on, until they return or wait.
    pub(super) fn run(
        &mut self,
        frame: &mut Frame<'a>,
        at: &mut [usize; WARP],
        live: &mut Mask,
        waits: &mut Mask,
    ) -> Result<(), Fault> {
        let code: &'a [Instruction] = &frame.function.code;
        while *live & !*waits != 0 {
            self.live = *live;
            let runs = *live & !*waits;
            let lowest = lanes_of(runs)
                .map(|lane| at[lane])
                .min()
                .unwrap_or_default();
            let group = lanes_of(runs)
                .filter(|&lane| at[lane] == lowest)
                .fold(0, |mask, lane| mask | 1 << lane);
            // the next instruction at which other lanes wait for these
            let others = lanes_of(runs & !group)
                .map(|lane| at[lane])
                .min()
                .unwrap_or(usize::MAX);
            let mut now = lowest;
            loop {
                let Some(instruction) = code.get(now) else {
                    // The end of a function is a return.
                    *live &= !group;
                    break;
                };
                let next = self.execute(frame, instruction, group);
                let next = next.map_err(|(lane, what)| self.fault(instruction, lane, what))?;
                match next {
                    Next::On => now += 1,
                    Next::Jump(mask, to) if mask == group => now = to,
                    Next::Jump(mask, to) => {
                        for lane in lanes_of(group) {
                            at[lane] = if mask >> lane & 1 == 1 { to } else { now + 1 };
                        }
                        break;
                    }
                    Next::End(mask) => {
                        *live &= !mask;
                        lanes_of(group & !mask).for_each(|lane| at[lane] = now + 1);
                        break;
                    }
                    Next::Wait => {
                        if *live & !group != 0 && !self.warp.launch.may_wait_apart {
                            let what = format!(
                                "waits at a barrier that {} other threads of its warp do not reach with it",
                                (*live & !group).count_ones()
                            );
                            return Err(self.fault(instruction, first_lane(group), what));
                        }
                        *waits |= group;
                        lanes_of(group).for_each(|lane| at[lane] = now + 1);
                        break;
                    }
                }
                if now >= others {
                    lanes_of(group).for_each(|lane| at[lane] = now);
                    break;
                }
            }
        }
        Ok(())
    }

    fn fault(&self, at: &Instruction, lane: usize, what: String) -> Fault {
        let warp = &self.warp;
        warp.launch
            .fault(at, warp.block, warp.first + lane as u32, what)
    }
}
