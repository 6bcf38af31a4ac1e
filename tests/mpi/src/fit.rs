//! Training with a trainer, and its checkpoints.

use std::{cell::Cell, ops::ControlFlow};

use serde_json::{Value, json};
use tuplenet::{
    Network, Result, data::MnistShape, distributed::World, prelude::*, shape::Features,
};

use crate::options::{Differs, Options};

pub fn run<N, E>(options: &Options, net: &mut E, epochs: usize, world: &World) -> Result<Value>
where
    N: Network<In: MnistShape, Output = Features<10>>,
    E: Engine<N>,
{
    let seed = if options.differs_by(Differs::Data) {
        2
    } else {
        1
    };
    let data = Digits::new(seed).dataset::<N::In>(0..2000)?;
    if options.differs_by(Differs::Panics) {
        panic!("rank {} panics", world.rank());
    }
    let learning_rate = match options.differs_by(Differs::Settings) {
        true => 0.5,
        false => 1e-3,
    };
    let optimizer = Adam {
        learning_rate,
        ..Adam::default()
    };
    let calls = Cell::new(0);
    let mut trainer = Trainer::new(optimizer)
        .epochs(epochs)
        .batch(options.batch)
        .seed(1)
        .validation(200)
        .early_stopping(EarlyStopping::default())
        .on_epoch(|_| {
            calls.set(calls.get() + 1);
            ControlFlow::Continue(())
        });
    if let Some(folder) = &options.checkpoints {
        let checkpoints = Checkpoints::in_folder(folder).keep(100);
        trainer = trainer.checkpoints(checkpoints.resume(options.resume));
    }
    let history = trainer.fit(net, &data)?;
    let weights = net.weights()?;
    let losses = history
        .epochs
        .iter()
        .map(|epoch| [Some(epoch.train_loss), epoch.validation_loss]);
    Ok(json!({
        "losses": losses.collect::<Vec<_>>(),
        "weights": weights.sha256(),
        "calls": calls.get(),
        "best_epoch": history.best_epoch,
        "accuracy": net.evaluate(&data)?.accuracy(),
    }))
}
