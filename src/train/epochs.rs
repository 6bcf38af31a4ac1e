//! The training loop: epochs, runs of batches, validation.
//!
//! ```text
//! for each epoch: (run of batches ─► after_run)… ─► validation ─► end_epoch
//! ```
//!
//! [`observers`](super::observers) handle these events.

use std::sync::Arc;

use super::{
    EpochReport, Progress, history::mean_over_samples, observers::Observers, read_ahead::ReadAhead,
    settings::Settings, training::Training, validation::Validation,
};
use crate::{
    clock::Clock,
    data::{DataFor, Samples, Stratified, TrainingData},
    engine::{Engine, Run, check_batches},
    error::Result,
    network::Network,
    shape::Shape,
};

/// The number of runs of batches in an epoch; the observers are called after each.
const RUNS_PER_EPOCH: usize = 50;

/// Trains the remaining epochs.
pub(super) fn run<N, E, D, V>(
    training: &mut Training<'_, N, E>,
    observers: &mut Observers<'_, '_>,
    data: &D,
    set: Option<&V>,
) -> Result<()>
where
    N: Network,
    E: Engine<N>,
    D: TrainingData<N::In, N::Output>,
    V: DataFor<N::In, N::Output>,
{
    if training.is_over() {
        return Ok(());
    }
    let validation = Validation::new(training, set, data.undistorted())?;
    let mut current: Option<(D::Epoch, E::Data)> = None;
    while !training.is_over() {
        let next = data.epoch(training.state.position.epoch)?;
        let (samples, uploaded) = match current.take() {
            Some((samples, uploaded)) if Arc::ptr_eq(samples.samples(), next.samples()) => {
                (samples, uploaded)
            }
            changed => {
                if changed.is_none() {
                    training.adapt(next.samples())?;
                }
                let uploaded = training.net.upload(&next)?;
                (next, uploaded)
            }
        };
        let report = epoch(
            training,
            observers,
            samples.samples(),
            &uploaded,
            &validation,
        )?;
        observers.end_epoch(training, report)?;
        current = Some((samples, uploaded));
    }
    Ok(())
}

/// Trains one epoch, or the rest of it.
fn epoch<N: Network, E: Engine<N>>(
    training: &mut Training<'_, N, E>,
    observers: &mut Observers<'_, '_>,
    samples: &Samples,
    data: &E::Data,
    validation: &Validation<E::Data>,
) -> Result<EpochReport> {
    let settings = &training.settings;
    let batch_size = settings.batch_size;
    let mut split = Stratified::new(samples, settings.validation_samples, settings.seed)?;
    let epoch = training.state.position.epoch;
    settings.shuffle.apply(&mut split, settings.seed, epoch);
    let Stratified { train, held_out } = split;
    training.state.count_steps(settings, train.len());
    let mut read_ahead = ReadAhead::new(&samples.features, N::In::LEN, &train, settings);
    batches(training, observers, data, &mut read_ahead)?;
    drop(read_ahead);

    let measured = validation.measure(training, (samples, data), &held_out)?;
    if let Some(measured) = measured.filter(|measured| !measured.loss.is_finite()) {
        return Err(training.not_finite(training.last_step(), measured.loss as f32));
    }
    let seconds = training.state.position.seconds;
    Ok(EpochReport {
        epoch: training.epoch_number(),
        train_loss: mean_over_samples(&training.state.losses, train.len(), batch_size),
        validation_loss: measured.map(|measured| measured.loss),
        validation_accuracy: measured.and_then(|measured| measured.accuracy),
        train_seconds: seconds,
        samples_per_second: train.len() as f64 / seconds.max(f64::MIN_POSITIVE),
    })
}

/// Trains the remaining batches of an epoch, run by run.
fn batches<N: Network, E: Engine<N>>(
    training: &mut Training<'_, N, E>,
    observers: &mut Observers<'_, '_>,
    data: &E::Data,
    read_ahead: &mut ReadAhead<'_>,
) -> Result<()> {
    let Settings { batch_size, .. } = training.settings;
    let order = read_ahead.order;
    check_batches(&N::PLAN, order.len(), batch_size)?;
    let batches = order.len().div_ceil(batch_size);
    let steps = batches.div_ceil(RUNS_PER_EPOCH);
    let steps = steps.next_multiple_of(training.net.ranks().steps_of_run);
    let samples_per_run = steps.saturating_mul(batch_size);
    let samples_done = training.state.position.samples_done;
    let left = order.get(samples_done..).unwrap_or_default();
    read_ahead.begin(samples_done);
    for order_of_run in left.chunks(samples_per_run) {
        let progress = run_of_batches(training, data, order_of_run, read_ahead)?;
        observers.after_run(training, progress)?;
    }
    Ok(())
}

/// Trains one run of batches, by one call of the engine for each part that is read ahead.
fn run_of_batches<N: Network, E: Engine<N>>(
    training: &mut Training<'_, N, E>,
    data: &E::Data,
    order: &[u32],
    read_ahead: &mut ReadAhead<'_>,
) -> Result<Progress> {
    let (settings, state) = (&training.settings, &mut training.state);
    let before = state.losses.len();
    let run = Run {
        order,
        batch_size: settings.batch_size,
        optimizer: &settings.optimizer,
        schedule: settings.schedule,
        total_steps: state.position.total_steps,
        loss: settings.loss.clone(),
        seed: settings.seed,
        first_step: state.position.steps_before + before as u64,
        clip_norm: settings.clip_norm,
    };
    let clock = Clock::start();
    for order in order.chunks(read_ahead.samples_per_part) {
        read_ahead.next(order.len());
        let part = Run {
            order,
            first_step: state.position.steps_before + state.losses.len() as u64,
            ..run.clone()
        };
        training.net.train(data, &part, &mut state.losses)?;
    }
    state.position.seconds += clock.elapsed().as_secs_f64();
    state.position.samples_done += order.len();
    let losses = &state.losses[before..];
    if let Some(at) = losses.iter().position(|loss| !loss.is_finite()) {
        let loss = losses[at];
        return Err(training.not_finite(before + at, loss));
    }
    let last = losses.len() - 1;
    Ok(Progress {
        epoch: state.position.epoch + 1,
        samples_done: state.position.samples_done,
        samples: read_ahead.order.len(),
        steps: state.position.steps_before + state.losses.len() as u64,
        loss: losses[last],
        learning_rate: run.learning_rate(last),
    })
}
