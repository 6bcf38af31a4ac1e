//! Calls of functions, and exchanges between the lanes of a warp.

use super::warp::{Frame, Machine, Mask, Wrong, first_lane, lanes_of};
use crate::{
    lanes::{Lanes, WARP},
    operation::{Shuffle, Vote},
    ptx::{Base, Operand, Parameter},
};

impl<'a> Machine<'_, 'a> {
    /// `call (results), function, (parameters)`: the function runs to its end in these lanes.
    pub(super) fn call(
        &mut self,
        frame: &mut Frame<'a>,
        operands: &[Operand],
        active: Mask,
    ) -> Result<(), Wrong> {
        let nothing: &[Operand] = &[];
        let wrong = |what: String| Err((first_lane(active), what));
        let (results, name, arguments) = match operands {
            [
                Operand::List(results),
                Operand::Function(name),
                Operand::List(arguments),
                ..,
            ] => (&results[..], name, &arguments[..]),
            [Operand::Function(name), Operand::List(arguments), ..] => {
                (nothing, name, &arguments[..])
            }
            [Operand::Function(name)] => (nothing, name, nothing),
            _ => return wrong("a call through a pointer is not covered".to_owned()),
        };
        let module = &self.warp.launch.loaded.module;
        let Some(function) = module
            .functions
            .iter()
            .find(|function| function.name == *name)
        else {
            return match name.as_str() {
                "__assertfail" => wrong("an assertion of the kernel fails".to_owned()),
                _ => wrong(format!("calls {name}, which the module does not define")),
            };
        };
        if self.calls.contains(&function.name.as_str()) {
            return wrong(format!("{name} calls itself, which is not covered"));
        }
        let mut inner = Frame::new(function, vec![0; function.parameter_bytes * WARP], true);
        let variables = |operands: &[Operand], parameters: &[Parameter]| {
            let pairs = operands.iter().zip(parameters);
            let pairs = pairs.filter_map(|(operand, parameter)| match operand {
                Operand::Variable(Base::CallParameter(offset, _)) => {
                    Some((*offset, parameter.clone()))
                }
                _ => None,
            });
            pairs.collect::<Vec<_>>()
        };
        let strides = (frame.function.call_bytes, function.parameter_bytes);
        for (from, to) in variables(arguments, &function.parameters) {
            for lane in lanes_of(active) {
                let (from, into) = (lane * strides.0 + from, lane * strides.1 + to.offset);
                inner.parameters[into..into + to.bytes]
                    .copy_from_slice(&frame.calls[from..from + to.bytes]);
            }
        }
        let (mut at, mut live, mut waits) = ([0; WARP], active, 0);
        let outer = std::mem::replace(&mut self.live, active);
        self.calls.push(&function.name);
        let done = self.run(&mut inner, &mut at, &mut live, &mut waits);
        self.calls.pop();
        self.live = outer;
        // The line is that of the function's instruction.
        done.map_err(|fault| (first_lane(active), format!("{fault}, in {name}")))?;
        for (into, from) in variables(results, &function.results) {
            for lane in lanes_of(active) {
                let (into, start) = (lane * strides.0 + into, lane * strides.1 + from.offset);
                frame.calls[into..into + from.bytes]
                    .copy_from_slice(&inner.parameters[start..start + from.bytes]);
            }
        }
        Ok(())
    }

    /// Checks that the lanes that `members` names, and that have not ended, are those that are here.
    pub(super) fn check_members(
        &self,
        frame: &Frame<'a>,
        members: &Operand,
        active: Mask,
    ) -> Result<(), Wrong> {
        let members = self.value(frame, members, active)?;
        for lane in lanes_of(active) {
            let named = members[lane] as Mask & self.live;
            if named != active {
                let what = format!(
                    "names the lanes {named:#010x} of its warp, of which {active:#010x} reach the instruction together"
                );
                return Err((lane, what));
            }
        }
        Ok(())
    }

    /// `shfl.sync d|p, a, b, c`: section 9.7.9.6.
    pub(super) fn shuffle(
        &self,
        frame: &mut Frame<'a>,
        shuffle: Shuffle,
        (d, a, b, c): (&Operand, &Operand, &Operand, &Operand),
        active: Mask,
    ) -> Result<(), Wrong> {
        let [a, b, c] = [a, b, c].map(|operand| self.value(frame, operand, active));
        let (a, b, c) = (a?, b?, c?);
        let (mut values, mut valid) = ([0; WARP], [0; WARP]);
        for lane in lanes_of(active) {
            let (by, clamp) = (b[lane] as usize & 31, c[lane] as usize & 31);
            let segment = c[lane] as usize >> 8 & 31;
            let last = lane & segment | clamp & !segment;
            let first = lane & segment;
            let from = match shuffle {
                Shuffle::Up => lane.checked_sub(by).filter(|from| *from >= last),
                Shuffle::Down => Some(lane + by).filter(|from| *from <= last),
                Shuffle::Butterfly => Some(lane ^ by).filter(|from| *from <= last),
                Shuffle::Index => Some(first | by & !segment).filter(|from| *from <= last),
            };
            valid[lane] = u64::from(from.is_some());
            let from = from.unwrap_or(lane);
            if active >> from & 1 == 0 {
                return Err((
                    lane,
                    format!("shuffles from lane {from}, which does not take part"),
                ));
            }
            values[lane] = a[from];
        }
        match d {
            Operand::Pair(value, predicate) => {
                frame.set(*value, active, &values);
                frame.set(*predicate, active, &valid);
                Ok(())
            }
            d => frame.write(d, active, &values),
        }
    }
}

pub(super) fn vote(vote: Vote, values: &Lanes, active: Mask) -> Lanes {
    let holds = lanes_of(active).filter(|&lane| values[lane] != 0);
    let holds = holds.fold(0, |mask: Mask, lane| mask | 1 << lane);
    let result = match vote {
        Vote::All => u64::from(holds == active),
        Vote::Any => u64::from(holds != 0),
        Vote::Uniform => u64::from(holds == active || holds == 0),
        Vote::Ballot => u64::from(holds),
    };
    [result; WARP]
}
