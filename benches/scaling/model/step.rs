//! One step of one rank, simulated; all ranks do the same at the same time.
//!
//! There are two clocks: that of the host, which computes, begins sums and adds up, and that of the link, which carries the bytes
//! of one part after those of another, while latencies pass side by side. As MPI does, a sum proceeds only where the host looks for it: after each piece of the backward pass,
//! and while it waits.

use std::collections::VecDeque;

use super::{
    Known, Way,
    collective::{exchanged, rounds, transfer},
    host::{AVERAGED, Host},
    interconnect::Interconnect,
};

/// The bytes of a channel's statistics in an exchange of a batch normalisation.
const STATISTICS_BYTES: usize = 16;

pub struct Step<'a> {
    pub network: &'a Known,
    /// Of this rank.
    pub samples: usize,
    pub ranks: usize,
    pub host: Host,
    pub link: &'a Interconnect,
    pub way: Way,
}

/// In seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub seconds: f64,
    /// Of these, those spent waiting for sums.
    pub waited: f64,
}

/// The sum of a part of the gradient.
struct Pending {
    end: usize,
    len: usize,
    /// The stages that have not begun.
    stages: usize,
    /// When the stage under way has arrived.
    arrival: f64,
}

struct Simulation<'a> {
    step: &'a Step<'a>,
    clock: f64,
    waited: f64,
    /// When the link is free again.
    link_free: f64,
    pending: VecDeque<Pending>,
}

impl Step<'_> {
    /// Gradients are added up in parts with these ends.
    pub fn simulated(&self, parts: &[usize]) -> Times {
        let layout = &self.network.layout;
        let compute = &self.network.compute;
        let of_samples = compute.of_samples(self.samples);
        let mut simulation = Simulation {
            step: self,
            clock: of_samples * layout.forward,
            waited: 0.0,
            link_free: 0.0,
            pending: VecDeque::new(),
        };
        if self.ranks > 1 {
            // those of the backward pass come before the gradients of images, which are all stored after it
            simulation.clock += 2.0 * layout.norms.iter().map(|&it| self.norm(it)).sum::<f64>();
        }
        let mut begun = 0;
        let mut parts = parts.iter().peekable();
        for piece in &layout.pieces {
            simulation.clock += of_samples * piece.backward;
            while let Some(&end) = parts.next_if(|&&end| end <= piece.end) {
                simulation.begin(end, end - begun);
                begun = end;
            }
            simulation.progress();
        }
        for piece in &layout.pieces {
            simulation.finish(piece.end);
            let share = piece.len as f64 / layout.values() as f64;
            simulation.clock += compute.fixed * share;
        }
        Times {
            seconds: simulation.clock,
            waited: simulation.waited,
        }
    }

    /// The mean time of a step, of which several are taken alone. Then weights and two moments are averaged, which nothing hides.
    pub fn local(&self) -> f64 {
        let values = self.network.layout.values();
        let messages = self.way.algorithm.messages(self.ranks) * self.host.per_message;
        let [latency, transfer] = self.on_link(values);
        let mean = match self.ranks {
            1 => 0.0,
            _ => messages + values as f64 * self.host.per_averaged_value + latency + transfer,
        };
        let alone = self.network.compute.seconds(self.samples);
        alone + AVERAGED * mean / self.way.local_steps as f64
    }

    /// What one exchange of the statistics of a batch normalisation takes: an all-gather by recursive doubling, which nothing
    /// hides (Thakur and others, section 4.1).
    fn norm(&self, channels: usize) -> f64 {
        let rounds = rounds(self.ranks);
        let bytes = (self.ranks - 1) * channels * STATISTICS_BYTES;
        rounds * (self.host.per_message + self.link.latency) + bytes as f64 / self.link.bandwidth
    }

    /// What one stage of a sum costs the host.
    fn stage_host(&self, len: usize) -> f64 {
        let messages = self.way.algorithm.messages(self.ranks);
        let values = exchanged(self.ranks) * len as f64;
        let per_value = match self.way.is_rounded {
            true => self.host.per_rounded_value,
            false => self.host.per_value,
        };
        let all = messages * self.host.per_message + values * per_value;
        all / self.way.algorithm.stages() as f64
    }

    /// The latency of all stages of a sum, and the time in which the link carries nothing else.
    fn on_link(&self, len: usize) -> [f64; 2] {
        let bytes = len as f64 * if self.way.is_rounded { 2.0 } else { 4.0 };
        [
            self.way.algorithm.latency(self.ranks, bytes, self.link),
            transfer(self.ranks, bytes, self.link),
        ]
    }
}

impl Simulation<'_> {
    fn begin(&mut self, end: usize, len: usize) {
        let stages = self.step.way.algorithm.stages();
        let arrival = self.send(len);
        self.pending.push_back(Pending {
            end,
            len,
            stages: stages - 1,
            arrival,
        });
    }

    /// Begins a stage; when it has arrived.
    fn send(&mut self, len: usize) -> f64 {
        let stages = self.step.way.algorithm.stages() as f64;
        self.clock += self.step.stage_host(len);
        let [latency, transfer] = self.step.on_link(len);
        self.link_free = self.link_free.max(self.clock) + transfer / stages;
        self.link_free + latency / stages
    }

    /// Does what can be done without waiting.
    fn progress(&mut self) {
        for at in 0..self.pending.len() {
            let Pending {
                len,
                stages,
                arrival,
                ..
            } = self.pending[at];
            if arrival <= self.clock && stages > 0 {
                self.pending[at].arrival = self.send(len);
                self.pending[at].stages -= 1;
            }
        }
        while let Some(first) = self.pending.front()
            && first.stages == 0
            && first.arrival <= self.clock
        {
            self.pending.pop_front();
        }
    }

    /// Waits for the sums of all values before `end`.
    fn finish(&mut self, end: usize) {
        self.progress();
        while let Some(first) = self.pending.front()
            && first.end - first.len < end
        {
            let arrivals = self.pending.iter().map(|pending| pending.arrival);
            let next = arrivals.filter(|&arrival| arrival > self.clock);
            let next = next.fold(f64::INFINITY, f64::min);
            if next.is_finite() {
                self.waited += next - self.clock;
                self.clock = next;
            }
            self.progress();
        }
    }
}
