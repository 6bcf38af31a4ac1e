//! `measure`: the time of a step, and the share of it spent waiting, on as many ranks as `mpirun` has started.
//!
//! One rank alternates between the engine alone and `Distributed`, a turn each, so that what else runs on the machine slows
//! both; a round gives one ratio. Every turn has a new engine: long after convergence, moments decay to denormal numbers, which
//! are slow.

use std::time::{Duration, Instant};

use clap::Args;
use tuplenet::{
    Network,
    data::MnistShape,
    distributed::{Compression, Distributed, LocalSteps, World},
    engine::{Processor, Run},
    models::LeNet,
    objective::{Loss, Schedule},
    prelude::*,
    shape::Features,
};

use crate::{
    Result,
    machine::Machine,
    measured::{HEADER, Row},
    model::compute::GROUP,
    networks::{Mlp, PLANS, ResNet},
};

const SAMPLES: usize = 2000;
/// Samples of a turn for each million FLOP of a sample's forward pass, and the steps that it has at least and at most.
const SAMPLES_PER_MFLOP: f64 = 2500.0;
const LEAST_SAMPLES: f64 = 300.0;
const STEPS: [usize; 2] = [2, 200];

#[derive(Args)]
pub struct Options {
    #[arg(long, value_delimiter = ',', default_values = PLANS.map(|(name, _)| name))]
    networks: Vec<String>,
    /// Samples of a step, of all ranks together
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,4,10,25,50,100,250,500,1000"
    )]
    batches: Vec<usize>,
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Gradients are sent in bf16
    #[arg(long)]
    bf16: bool,
    /// Steps that each rank takes alone
    #[arg(long, value_name = "STEPS")]
    local_steps: Option<usize>,
    /// The delay that `tests/mpi/two_hosts.py` was given, for the name of the rows
    #[arg(long, value_name = "MILLISECONDS")]
    delay: Option<usize>,
}

impl Options {
    fn variant(&self) -> String {
        let local = self.local_steps.map(|steps| format!("local{steps}"));
        let bf16 = self.bf16.then(|| "bf16".to_owned());
        let delay = self.delay.map(|delay| format!("delay{delay}"));
        let all = delay.or(local).or(bf16);
        all.unwrap_or_else(|| "distributed".to_owned())
    }
}

pub fn run(options: &Options) -> Result<()> {
    let world = World::init()?;
    if world.rank() == 0 {
        let machine = Machine::this();
        let Machine { load, date, .. } = &machine;
        let ranks = world.count();
        println!("# {date}; {machine}; load {load}; ranks {ranks}");
        println!("{HEADER}");
    }
    for name in &options.networks {
        for &batch in &options.batches {
            let case = Case {
                options,
                world: &world,
                name,
                batch,
            };
            match &name[..] {
                "784-500-10" => case.run::<Mlp>()?,
                "lenet" => case.run::<LeNet>()?,
                "resnet" => case.run::<ResNet>()?,
                _ => {
                    return Err(format!(
                        "--networks {name}: expected some of 784-500-10, lenet, resnet"
                    )
                    .into());
                }
            }
        }
    }
    world.finish();
    Ok(())
}

struct Case<'a> {
    options: &'a Options,
    world: &'a World,
    name: &'a str,
    batch: usize,
}

impl Case<'_> {
    fn run<N: Network<In: MnistShape, Output = Features<10>>>(self) -> Result<()> {
        let Case {
            options,
            world,
            name,
            batch,
        } = self;
        // one thread for each rank
        let engine = || Fused::<N>::on(Processor::detect().threads(1), Weights::init(1));
        let distributed = || {
            let mut net = Distributed::new(world, engine()?)?;
            if options.bf16 {
                net = net.compression(Compression::Bf16)?;
            }
            match options.local_steps {
                None => Ok(net),
                Some(steps) => net.local_steps(LocalSteps {
                    steps,
                    ..LocalSteps::default()
                }),
            }
        };
        let data = Digits::new(1).dataset::<N::In>(0..SAMPLES as u64)?;
        let data = engine()?.upload(&data)?;
        let samples = SAMPLES_PER_MFLOP / (N::FLOP as f64 / 1e6);
        let steps = samples.max(LEAST_SAMPLES) as usize / batch.max(GROUP);
        let turn = Turn {
            batch,
            steps: steps.clamp(STEPS[0], STEPS[1]),
        };
        let (mut seconds, mut seconds_alone) = (Vec::new(), Vec::new());
        let mut waited = Duration::ZERO;
        let has_alone = world.count() == 1;
        // first one, then the other is first; an engine of a round may be faster by where its memory is
        for round in 0..options.rounds {
            let is_first = round.is_multiple_of(2);
            if has_alone && !is_first {
                seconds_alone.push(turn.take(&mut engine()?, &data)?);
            }
            let mut net = distributed()?;
            turn.warm_up(&mut net, &data)?;
            let before = net.waited();
            seconds.push(turn.timed(&mut net, &data)?);
            waited += net.waited() - before;
            drop(net);
            if has_alone && is_first {
                seconds_alone.push(turn.take(&mut engine()?, &data)?);
            }
        }
        let all = seconds.iter().sum::<f64>() * turn.steps as f64;
        let both = seconds.iter().zip(&seconds_alone);
        let mut ratios: Vec<f64> = both.map(|(net, alone)| net / alone).collect();
        let row = |variant: &str, seconds: &mut Vec<f64>| Row {
            network: name.to_owned(),
            variant: variant.to_owned(),
            ranks: world.count(),
            rank: world.rank(),
            batch,
            gradient_bytes: N::PARAMS * size_of::<f32>(),
            seconds: at_shares(seconds, [0.5, 0.0, 1.0]),
            waited: 0.0,
            to_alone: [1.0; 3],
        };
        if has_alone {
            println!("{}", row("alone", &mut seconds_alone));
        }
        let mut row = row(&options.variant(), &mut seconds);
        row.waited = waited.as_secs_f64() / all;
        if has_alone {
            row.to_alone = at_shares(&mut ratios, [0.5, 0.25, 0.75]);
        }
        println!("{row}");
        Ok(())
    }
}

/// Some steps from the initial weights.
struct Turn {
    batch: usize,
    steps: usize,
}

impl Turn {
    /// Seconds for one step, after a warm-up.
    fn take<N: Network, E: Engine<N>>(&self, net: &mut E, data: &E::Data) -> Result<f64> {
        self.warm_up(net, data)?;
        self.timed(net, data)
    }

    fn warm_up<N: Network, E: Engine<N>>(&self, net: &mut E, data: &E::Data) -> Result<()> {
        let turn = Turn { steps: 1, ..*self };
        turn.timed(net, data)?;
        Ok(net.restore(&Weights::init(1), None)?)
    }

    /// Seconds for one step.
    fn timed<N: Network, E: Engine<N>>(&self, net: &mut E, data: &E::Data) -> Result<f64> {
        let order = (0..self.batch * self.steps).map(|at| (at * 7 % SAMPLES) as u32);
        let order: Vec<u32> = order.collect();
        let run = Run {
            order: &order,
            batch_size: self.batch,
            optimizer: &Adam::default().into(),
            schedule: Schedule::CONSTANT,
            total_steps: 0,
            loss: Loss::CrossEntropy,
            seed: 3,
            first_step: 0,
            clip_norm: None,
        };
        let mut losses = Vec::with_capacity(self.steps);
        let clock = Instant::now();
        net.train(data, &run, &mut losses)?;
        Ok(clock.elapsed().as_secs_f64() / self.steps as f64)
    }
}

/// The values at these shares of all, in ascending order.
fn at_shares<const N: usize>(values: &mut [f64], shares: [f64; N]) -> [f64; N] {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    shares.map(|share| values[(share * last as f64).round() as usize])
}
