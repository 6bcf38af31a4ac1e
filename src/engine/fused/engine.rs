//! [`Fused`] as an [`Engine`].

use super::{
    Fused,
    memory::{
        packed,
        raw_slice::{RawSlice, RawSliceMut},
    },
    run::{
        bitmap::Uploaded, context::Job, inference::Source, live::LiveWeights,
        optimizer::OptimizerBuffers, training,
    },
    threads::autotune::Parallelism,
};
use crate::{
    clock::Clock,
    data::{DataFor, check_tokens},
    engine::{
        DataParallel, Engine, OptimizerState, Ranks, Run,
        run::{check_batches, check_order, whole_samples},
    },
    error::Result,
    network::Network,
    shape::{Sample, Shape},
    single::{fits_the_stack, forward},
    weights::Weights,
};

impl<N: Network> Engine<N> for Fused<N> {
    type Data = Uploaded;

    fn name(&self) -> &'static str {
        "fused"
    }

    fn device(&self) -> String {
        self.processor.to_string()
    }

    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Uploaded> {
        let model = &self.context.model;
        let sparse = model.program.takes_bitmaps;
        let widths = [N::In::LEN, N::Output::LEN];
        Ok(Uploaded::new(data.samples(), widths, sparse, model.simd))
    }

    fn train(&mut self, data: &Uploaded, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        self.train_part(data, run, &Ranks::ALONE, losses)
    }

    fn logits(&self, data: &Uploaded, order: &[u32]) -> Result<Vec<f32>> {
        data.check::<N>()?;
        check_order(order, data.samples.len)?;
        self.infer(
            Source::Numbered(self.readable(data), RawSlice::new(order)),
            order.len(),
        )
    }

    fn forward(&self, features: &[f32]) -> Result<Vec<f32>> {
        let samples = whole_samples(features, N::In::LEN)?;
        check_tokens::<N::In>(0, features.iter().copied())?;
        self.infer(Source::Features(RawSlice::new(features)), samples)
    }

    fn weights(&self) -> Result<Weights<N>> {
        self.settle()?;
        let model = &self.context.model;
        let mut weights = Weights::zeros();
        packed::unpack(&model.program, &model.weights, weights.as_mut_slice());
        weights.running = model.running();
        Ok(weights)
    }

    fn optimizer_state(&self) -> Result<Option<OptimizerState<N>>> {
        self.settle()?;
        let program = &self.context.model.program;
        let state = self.context.optimizer(|memory| {
            let kept = memory.moments.iter().filter(|moment| !moment.is_empty());
            let moments = kept.map(|moment| {
                let mut weights = Weights::zeros();
                packed::unpack(program, moment, weights.as_mut_slice());
                weights
            });
            OptimizerState {
                kind: memory.kind,
                steps: memory.steps,
                moments: moments.collect(),
            }
        });
        Ok(state)
    }

    fn restore(&mut self, weights: &Weights<N>, state: Option<&OptimizerState<N>>) -> Result<()> {
        state.map_or(Ok(()), OptimizerState::check)?;
        let model = &self.context.model;
        for (step, matrix) in model.program.parameters.iter().zip(&model.weights) {
            // SAFETY: the engine is held by `&mut`, so no other thread reads or writes its weights.
            let part = unsafe { matrix.view_mut(0..matrix.blocks(), 0..matrix.rows()) };
            packed::pack(step, weights.as_slice(), part);
        }
        // SAFETY: as above.
        unsafe {
            model.set_running(&weights.running);
            model.check_new_weights();
        }
        let memory = state.map(|state| {
            let moments = state.moments.iter().enumerate().map(|(index, from)| {
                // SAFETY: as above.
                let mut moments = unsafe { packed::moments(&model.program, &model.weights, index) };
                for (step, moment) in model.program.parameters.iter().zip(&mut moments) {
                    packed::pack(step, from.as_slice(), moment.whole());
                }
                moments
            });
            let mut moments = moments.collect::<Vec<_>>().into_iter();
            let moments = [moments.next(), moments.next()].map(Option::unwrap_or_default);
            OptimizerBuffers::new(&model.program, state.kind, state.steps, moments)
        });
        self.context.set_optimizer(memory);
        Ok(())
    }

    fn predict(&self, sample: &impl Sample<N::In>) -> Result<<N::Output as Shape>::Array> {
        self.settle()?;
        let mut logits = N::Output::zeros();
        let model = &self.context.model;
        if const { fits_the_stack(&N::PLAN) } {
            // SAFETY: the plan fits; weights are written only by a training run, which holds the engine by `&mut`, and by
            // `settle`, which has returned; they are those of `N`, whose type fixes both lengths.
            unsafe {
                let values = LiveWeights::new(model);
                let level = model.simd.level();
                forward::<N, _>(
                    &values,
                    level,
                    sample.values(),
                    N::Output::values_mut(&mut logits),
                );
            }
        } else {
            N::Output::values_mut(&mut logits).copy_from_slice(&self.forward(sample.values())?);
        }
        Ok(logits)
    }
}

impl<N: Network> DataParallel<N> for Fused<N> {
    fn arithmetic(&self) -> String {
        format!("{:?}", self.processor.simd)
    }

    fn train_part(
        &mut self,
        data: &Uploaded,
        run: &Run<'_>,
        ranks: &Ranks,
        losses: &mut Vec<f32>,
    ) -> Result<()> {
        data.check::<N>()?;
        run.check(&data.samples, N::Output::LEN)?;
        check_batches(&N::PLAN, run.order.len(), run.batch_size)?;
        let steps = run.order.len().div_ceil(run.batch_size);
        let before = losses.len();
        losses.resize(before + steps, 0.0);
        if steps == 0 {
            return Ok(());
        }
        if self.context.must_settle_before(run, ranks) {
            self.settle()?;
        }
        let data = self.readable(data);
        let all_losses = &mut losses[before..];
        let (mut order, mut losses) = (run.order, &mut *all_losses);
        let batch = ranks.largest_part(run.batch_size.min(order.len()));
        let worth = self.parallelism_for(3 * batch);
        let mut first_step = run.first_step;
        while !order.is_empty() {
            let (parallelism, most) = match worth {
                Parallelism::Pool => self.autotuner.next(batch),
                Parallelism::Serial => (Parallelism::Serial, steps),
            };
            let samples = most.saturating_mul(run.batch_size).min(order.len());
            let (now, losses_now);
            (now, order) = order.split_at(samples);
            (losses_now, losses) = losses.split_at_mut(samples.div_ceil(run.batch_size));
            let steps = losses_now.len();
            let clock = Clock::start();
            let is_last = order.is_empty();
            let kind = training::Kind::Train {
                optimizer: *run.optimizer,
                schedule: run.schedule,
                total_steps: run.total_steps,
                seed: run.seed,
                first_step,
                clip_norm: run.clip_norm,
                ranks: ranks.clone(),
                steps_done: 0,
                is_last,
            };
            let job = Job::Train(training::Job {
                data: data.clone(),
                order: RawSlice::new(now),
                batch_size: run.batch_size,
                loss: run.loss.clone(),
                losses: RawSliceMut::new(losses_now),
                kind,
            });
            self.run(job, parallelism)?;
            if worth == Parallelism::Pool {
                self.autotuner.took(steps, clock.elapsed());
            }
            first_step += steps as u64;
        }
        ranks.sum_losses(all_losses);
        Ok(())
    }
}
