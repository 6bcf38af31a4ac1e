//! A rank that farms out trials, as the tests start it.

#![allow(clippy::unwrap_used, reason = "a test's program")]

use std::{fs, path::PathBuf, process, thread, time::Duration};

use clap::Parser;
use serde_json::{Value, json};
use tuplenet::{
    Error, Result,
    distributed::World,
    engine::Processor,
    prelude::*,
    train::{Halving, Search, in_parallel},
};

type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);

#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "numbers")]
    what: String,
    #[arg(long, default_value_t = 12)]
    trials: usize,
    /// How long a trial takes, besides its number in milliseconds
    #[arg(long, default_value_t = 0)]
    ms: u64,
    /// Trials that return an error
    #[arg(long, value_delimiter = ',')]
    fail: Vec<usize>,
    /// A rank whose trials panic
    #[arg(long)]
    panic_on: Option<usize>,
    #[arg(long, default_value_t = 30_000)]
    silence_ms: u64,
    /// Where each rank writes what it has
    #[arg(long)]
    out: PathBuf,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let world = World::init()?;
    let mut report = json!({"lost": []});
    match &options.what[..] {
        "numbers" => numbers(&options, &world, &mut report)?,
        "committee" => committee(&world, &mut report)?,
        "search" => search(&world, &mut report)?,
        other => panic!("nothing of the name {other}"),
    }
    report["lost"] = world.lost().into();
    let path = options.out.join(format!("{}.json", world.rank()));
    fs::write(path, report.to_string()).unwrap();
    world.finish();
    Ok(())
}

/// Farms twice: what comes after a loss works, too.
fn numbers(options: &Options, world: &World, report: &mut Value) -> Result<()> {
    let farm = world.farm();
    let farm = farm.lost_after(Duration::from_millis(options.silence_ms));
    let rank = world.rank();
    let trial = |trial: usize| {
        // who is running what, for a test that kills it
        let running = options.out.join(format!("trial-{trial}-on-{rank}"));
        fs::write(running, process::id().to_string()).unwrap();
        thread::sleep(Duration::from_millis(options.ms + trial as u64));
        if options.panic_on == Some(rank) {
            panic!("not on rank {rank}");
        }
        if options.fail.contains(&trial) {
            return Err(Error::Setting {
                setting: "trial",
                expected: "another".to_owned(),
                found: trial.to_string(),
            });
        }
        // infinite and NaN are results like any other
        Ok(match trial {
            5 => f64::NAN,
            _ => 1.0 / (trial as f64 - 3.0),
        })
    };
    let mut order = Vec::new();
    let farmed = farm.run(options.trials, trial, |trial, _| {
        order.push(trial);
        fs::write(options.out.join(format!("result-{trial}")), "").unwrap();
    });
    let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    report["order"] = order.into();
    match farmed {
        Ok(values) => report["values"] = bits(values).into(),
        Err(error) => report["error"] = error.to_string().into(),
    }
    let again = farm.run(4, |trial| Ok(trial * trial), |_, _| ())?;
    report["again"] = again.into();
    Ok(())
}

/// Members that are trained on several ranks, and on the threads of this one.
fn committee(world: &World, report: &mut Value) -> Result<()> {
    let train = |seed: usize| {
        let net = trained(seed as u64, 0.001, 2, Weights::init(seed as u64))?;
        net.weights()
    };
    let sums = |members: Vec<Weights<Net>>| -> Value {
        let sums = members.iter().map(Weights::sha256);
        sums.collect::<Vec<_>>().into()
    };
    report["farmed"] = sums(world.farm().run(6, train, |_, _| ())?);
    if world.rank() == 0 {
        report["local"] = sums(in_parallel(6, train)?);
    }
    Ok(())
}

/// A search on several ranks, and on the threads of this one; one learning rate diverges.
fn search(world: &World, report: &mut Value) -> Result<()> {
    let candidates = vec![0.0003, 0.001, 1e30, 0.003, 0.01, 0.03];
    let train = |&learning_rate: &f64, weights: Option<Weights<Net>>, epochs| {
        let weights = weights.unwrap_or_else(|| Weights::init(1));
        let net = trained(1, learning_rate, epochs, weights)?;
        let loss = net.evaluate(&Digits::new(2).dataset(0..200)?)?.loss;
        Ok((net.weights()?, loss))
    };
    let found = |search: Search<f64, Weights<Net>>| -> Value {
        let trials = search.trials.iter();
        let losses = trials.map(|trial| (trial.candidate, trial.rung, trial.loss.to_bits()));
        json!([
            search.settings,
            search.best.sha256(),
            losses.collect::<Vec<_>>()
        ])
    };
    let halving = Halving::default();
    report["farmed"] = found(world.farm().search(halving, candidates.clone(), train)?);
    if world.rank() == 0 {
        report["local"] = found(halving.search(candidates, train)?);
    }
    Ok(())
}

fn trained(
    seed: u64,
    learning_rate: f64,
    epochs: usize,
    weights: Weights<Net>,
) -> Result<Fused<Net>> {
    let data = Digits::new(1).dataset(0..300)?;
    let mut net = Fused::on(Processor::detect().threads(1), weights)?;
    let adam = Adam {
        learning_rate,
        ..Adam::default()
    };
    let mut trainer = Trainer::new(adam).epochs(epochs).seed(seed);
    trainer.fit(&mut net, &data)?;
    Ok(net)
}
