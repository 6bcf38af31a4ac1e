//! Loads, stores and atomic operations, each lane's address checked.

use super::{
    LOCAL_WINDOW, Launch, SHARED_WINDOW, WINDOW_BYTES,
    warp::{Frame, Machine, Mask, Wrong, first_lane, lanes_of, last_lane},
};
use crate::{
    lanes::{Lanes, WARP},
    memory::{Region, Thread, Violation, number},
    operation::{Access, Atomic, Space},
    ptx::{Base, Operand},
};

/// What to add to an address in a state space to make it generic.
pub(super) fn window(space: Space) -> u64 {
    match space {
        Space::Shared => SHARED_WINDOW,
        Space::Local => LOCAL_WINDOW,
        Space::Generic | Space::Global | Space::Parameter => 0,
    }
}

impl<'a> Machine<'_, 'a> {
    /// The address of a variable, or in a register, in each lane.
    pub(super) fn base(&self, frame: &Frame<'a>, base: Base, active: Mask) -> Result<Lanes, Wrong> {
        let launch = self.warp.launch;
        let same = |value: usize| [value as u64; WARP];
        Ok(match base {
            Base::Register(register) => *frame.get(register, active)?,
            Base::Absolute => [0; WARP],
            Base::Global(index) => [launch.loaded.globals[index]; WARP],
            Base::Shared(offset) => same(offset),
            Base::DynamicShared => same(launch.kernel.shared_bytes.next_multiple_of(16)),
            Base::Local(offset) => std::array::from_fn(|lane| {
                (lane * launch.loaded.module.local_bytes + offset) as u64
            }),
            // in the state space of parameters, which a kernel reads by `ld.param`
            Base::Parameter(at) if !frame.has_own_parameters => same(at),
            Base::Parameter(_) | Base::CallParameter(..) => {
                let what = "the address of a function's parameter is not covered".to_owned();
                return Err((first_lane(active), what));
            }
        })
    }

    pub(super) fn load(
        &mut self,
        frame: &mut Frame<'a>,
        access: Access,
        to: &Operand,
        from: &Operand,
        active: Mask,
    ) -> Result<(), Wrong> {
        let to = elements(to);
        let mut values = [[0; WARP]; 4];
        let (base, offset) = address(from, active)?;
        let computed = match (access.space, base) {
            (Space::Parameter, Base::Register(_)) => Some(self.base(frame, base, active)?),
            _ => None,
        };
        let base = computed.map_or(base, |_| Base::Parameter(0));
        if let Some((bytes, stride, start)) = frame.parameters_of(base) {
            for lane in lanes_of(active) {
                let start = start + computed.map_or(0, |address| address[lane] as usize);
                let start = start.wrapping_add_signed(offset as isize);
                for (value, at) in values.iter_mut().zip(0..to.len()) {
                    let from = (lane * stride + start).wrapping_add(at * access.width);
                    let Some(bytes) = bytes.get(from..from.wrapping_add(access.width)) else {
                        return Err((lane, "reads beyond the end of a parameter".to_owned()));
                    };
                    value[lane] = extended(number(bytes), access);
                }
            }
        } else {
            let addresses = self.base(frame, base, active)?;
            let does = Does {
                name: "reads",
                access,
                count: to.len(),
            };
            // Where all lanes read the same, the first and the last do it for all: several threads have read it.
            let (first, last) = (first_lane(active), last_lane(active));
            let is_same = lanes_of(active).all(|lane| addresses[lane] == addresses[first]);
            let readers = if is_same {
                1 << first | 1 << last
            } else {
                active
            };
            let read = |lane: usize, region: &mut Region, at: usize, thread: &Thread| {
                for (element, value) in values.iter_mut().enumerate().take(to.len()) {
                    let at = at + element * access.width;
                    let loaded = region.load(at, access.width, thread, access.is_strong)?;
                    value[lane] = extended(loaded, access);
                }
                Ok(())
            };
            self.each(&addresses, offset, readers, does, read)?;
            if is_same {
                let of_first = |value: &mut Lanes| *value = [value[first]; WARP];
                values.iter_mut().take(to.len()).for_each(of_first);
            }
        }
        for (register, values) in to.iter().zip(&values) {
            frame.write(register, active, values)?;
        }
        Ok(())
    }

    pub(super) fn store(
        &mut self,
        frame: &mut Frame<'a>,
        access: Access,
        to: &Operand,
        from: &Operand,
        active: Mask,
    ) -> Result<(), Wrong> {
        let from = elements(from);
        let mut values = [[0; WARP]; 4];
        for (value, operand) in values.iter_mut().zip(from) {
            *value = *self.value(frame, operand, active)?;
        }
        let (base, offset) = address(to, active)?;
        if let Some((bytes, stride, start)) = frame.parameters_of(base) {
            let start = start.wrapping_add_signed(offset as isize);
            for lane in lanes_of(active) {
                for (element, value) in values.iter().enumerate().take(from.len()) {
                    let to = lane * stride + start + element * access.width;
                    let Some(bytes) = bytes.get_mut(to..to + access.width) else {
                        return Err((lane, "writes beyond the end of a parameter".to_owned()));
                    };
                    bytes.copy_from_slice(&value[lane].to_le_bytes()[..access.width]);
                }
            }
            return Ok(());
        }
        let addresses = self.base(frame, base, active)?;
        let does = Does {
            name: "writes",
            access,
            count: from.len(),
        };
        self.each(
            &addresses,
            offset,
            active,
            does,
            |lane, region, at, thread| {
                for (element, value) in values.iter().enumerate().take(from.len()) {
                    let place = (at + element * access.width, access.width);
                    region.store(place, value[lane], thread, access.is_strong)?;
                }
                Ok(())
            },
        )
    }

    /// `atom d, [a], b, c` or, without a result, `red [a], b`.
    pub(super) fn atomic(
        &mut self,
        frame: &mut Frame<'a>,
        access: Access,
        Atomic(new): Atomic,
        operands: &[Operand],
        active: Mask,
    ) -> Result<(), Wrong> {
        let is_address = |operand: &Operand| matches!(operand, Operand::Address(..));
        let Some(place) = operands.iter().position(is_address) else {
            return Err((first_lane(active), "expected an address".to_owned()));
        };
        let (base, offset) = address(&operands[place], active)?;
        let mask = u64::MAX >> (64 - 8 * access.width);
        let mut arguments = [[0; WARP]; 2];
        for (argument, operand) in arguments.iter_mut().zip(&operands[place + 1..]) {
            *argument = self
                .value(frame, operand, active)?
                .map(|value| value & mask);
        }
        let addresses = self.base(frame, base, active)?;
        let mut old = [0; WARP];
        let does = Does {
            name: "updates",
            access,
            count: 1,
        };
        self.each(
            &addresses,
            offset,
            active,
            does,
            |lane, region, at, thread| {
                let next = |old| new(old, arguments[0][lane], arguments[1][lane]);
                old[lane] = region.exchange((at, access.width), thread, next)?;
                Ok(())
            },
        )?;
        match place {
            0 => Ok(()),
            _ => frame.write(&operands[0], active, &old),
        }
    }

    /// `mov`, also of parts of a register.
    pub(super) fn move_value(
        &self,
        frame: &mut Frame<'a>,
        (to, from): (&Operand, &Operand),
        bits: u32,
        active: Mask,
    ) -> Result<(), Wrong> {
        let cut = |values: Lanes, bits: u32| values.map(|value| value & (u64::MAX >> (64 - bits)));
        let value = match from {
            Operand::Vector(parts) => {
                let part_bits = bits / parts.len() as u32;
                let mut whole = [0; WARP];
                for (at, part) in parts.iter().enumerate() {
                    let part = cut(*self.value(frame, part, active)?, part_bits);
                    for (whole, part) in whole.iter_mut().zip(part) {
                        *whole |= part << (at as u32 * part_bits);
                    }
                }
                whole
            }
            from => cut(*self.value(frame, from, active)?, bits),
        };
        match to {
            Operand::Vector(parts) => {
                let part_bits = bits / parts.len() as u32;
                for (at, part) in parts.iter().enumerate() {
                    let part_value = value.map(|value| value >> (at as u32 * part_bits));
                    frame.write(part, active, &cut(part_value, part_bits))?;
                }
                Ok(())
            }
            to => frame.write(to, active, &value),
        }
    }

    /// Calls `with` for each lane, with the region of its address and the offset in it.
    #[inline(always)]
    pub(super) fn each(
        &mut self,
        addresses: &Lanes,
        offset: i64,
        active: Mask,
        does: Does,
        mut with: impl FnMut(usize, &mut Region, usize, &Thread) -> Result<(), Violation>,
    ) -> Result<(), Wrong> {
        let launch = self.warp.launch;
        let bytes = does.access.width * does.count;
        let add = window(does.access.space).wrapping_add_signed(offset);
        let mut thread = self.warp.thread;
        let first = thread.number;
        let mut pending = active;
        while pending != 0 {
            let (region, own_bytes) = self.region_of(first_lane(pending), addresses, add, does)?;
            for lane in lanes_of(pending) {
                let address = addresses[lane].wrapping_add(add);
                let Some(at) = region.offset(address, bytes) else {
                    continue; // of another region
                };
                if !address.is_multiple_of(bytes as u64) {
                    let Does { name, .. } = does;
                    let what = format!(
                        "{name} {bytes} bytes at {address:#x}, which is no multiple of them"
                    );
                    return Err((lane, what));
                }
                if own_bytes.is_some_and(|own| at / own != lane) {
                    return Err((lane, does.outside(address, "the thread's own local memory")));
                }
                thread.number = first + lane as u32;
                let done = with(lane, region, at, &thread);
                done.map_err(|violation| violated(launch, lane, does.name, address, violation))?;
                pending &= !(1 << lane);
            }
        }
        Ok(())
    }

    /// The region of a lane's address; of local memory, also the bytes of each lane.
    fn region_of(
        &mut self,
        lane: usize,
        addresses: &Lanes,
        add: u64,
        does: Does,
    ) -> Result<(&mut Region, Option<usize>), Wrong> {
        let bytes = does.access.width * does.count;
        let address = addresses[lane].wrapping_add(add);
        let is_in = |window: u64| address.wrapping_sub(window) < WINDOW_BYTES;
        if is_in(SHARED_WINDOW) {
            let size = self.shared.bytes().len();
            return match self.shared.offset(address, bytes) {
                Some(_) => Ok((self.shared, None)),
                None => Err((
                    lane,
                    does.outside(address, &format!("the {size} bytes of shared memory")),
                )),
            };
        }
        if is_in(LOCAL_WINDOW) {
            return match self.warp.local.offset(address, bytes) {
                Some(_) => Ok((
                    &mut self.warp.local,
                    Some(self.warp.launch.loaded.module.local_bytes),
                )),
                None => Err((lane, does.outside(address, "local memory"))),
            };
        }
        let Some(place) = self.memory.find(address, bytes) else {
            let there = self.memory.describe(address);
            return Err((
                lane,
                does.outside(address, &format!("every allocation: {there}")),
            ));
        };
        let region = self.memory.region(place.region);
        region
            .map(|region| (region, None))
            .ok_or_else(|| (lane, does.outside(address, "memory")))
    }
}

/// What an instruction does with memory.
#[derive(Clone, Copy)]
pub(super) struct Does {
    pub(super) name: &'static str,
    pub(super) access: Access,
    /// Elements of a vector.
    pub(super) count: usize,
}

impl Does {
    fn outside(self, address: u64, of: &str) -> String {
        let bytes = self.access.width * self.count;
        format!("{} {bytes} bytes at {address:#x}, outside {of}", self.name)
    }
}

fn violated(
    launch: &Launch<'_>,
    lane: usize,
    does: &str,
    address: u64,
    violation: Violation,
) -> Wrong {
    let of = |thread: u32| {
        let block = super::place(thread / launch.threads(), launch.grid);
        format!(
            "thread {:?} of block {block:?}",
            super::place(thread % launch.threads(), launch.block)
        )
    };
    let what = match violation {
        Violation::Uninitialised => format!("{does} {address:#x}, which nothing has written"),
        Violation::Pending(thread) => format!(
            "{does} {address:#x}, to which {} copies without having waited for it",
            of(thread)
        ),
        Violation::Race(other, did) => {
            let other = other.map_or("several threads".to_owned(), of);
            let has = if other.starts_with('s') {
                "have"
            } else {
                "has"
            };
            format!(
                "{does} {address:#x}, a race: {other} {has} {did} it, with no barrier between the two"
            )
        }
    };
    (lane, what)
}

/// The operands of a vector, or the only one.
fn elements(operand: &Operand) -> &[Operand] {
    match operand {
        Operand::Vector(elements) => elements,
        single => std::slice::from_ref(single),
    }
}

pub(super) fn address(operand: &Operand, active: Mask) -> Result<(Base, i64), Wrong> {
    match operand {
        Operand::Address(base, offset) => Ok((*base, *offset)),
        other => {
            let what = format!("expected an address, found {other:?}");
            Err((first_lane(active), what))
        }
    }
}

impl Frame<'_> {
    /// The parameters that an address is in, the bytes between two lanes' values, and where the variable begins.
    fn parameters_of(&mut self, base: Base) -> Option<(&mut [u8], usize, usize)> {
        match base {
            Base::Parameter(at) => {
                let stride = match self.has_own_parameters {
                    true => self.function.parameter_bytes,
                    false => 0, // a kernel's are the same in all lanes
                };
                Some((&mut self.parameters, stride, at))
            }
            Base::CallParameter(at, _) => Some((&mut self.calls, self.function.call_bytes, at)),
            _ => None,
        }
    }
}

/// A loaded element, by its sign if it is signed.
fn extended(value: u64, access: Access) -> u64 {
    let unused = 64 - 8 * access.width as u32;
    match access.is_signed {
        true => ((value << unused) as i64 >> unused) as u64,
        false => value,
    }
}
