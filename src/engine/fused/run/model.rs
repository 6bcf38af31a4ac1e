//! [`Model`]: the program with its weights.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{
    engine::fused::{
        kernels::{AllFinite, Simd, dispatch},
        memory::{matrix::Matrix, shared::Shared},
        program::Program,
        threads::partition::Partition,
    },
    weights::RunningStatistics,
};

/// Constant for the lifetime of an engine, except for the values of the weights and whether they are finite.
pub(crate) struct Model {
    pub(crate) program: Program,
    pub(crate) simd: Simd,
    /// For each of the program's parameters, `[I + 1, O]`, the bias last.
    ///
    /// Only a training run writes them, and it holds the engine by `&mut`; so a holder of the engine by `&` may read
    /// them, once [`Fused::settle`](crate::engine::fused::Fused::settle) has taken its pending steps.
    pub(crate) weights: Vec<Matrix>,
    /// The running statistics of batch normalisations, in the plan's layout; written and read as the weights are.
    pub(crate) statistics: Shared<f32>,
    /// The number of batches that each has seen.
    pub(crate) batches: Vec<AtomicU64>,
    /// Whether the weights are finite, except for tables, of which nothing is skipped: checked for new weights and at the
    /// end of each training run.
    is_finite: AtomicBool,
}

impl Model {
    pub(crate) fn new(
        program: Program,
        simd: Simd,
        weights: Vec<Matrix>,
        running: &RunningStatistics,
    ) -> Self {
        let model = Model {
            program,
            simd,
            weights,
            statistics: Shared::zeros(running.values.len()),
            batches: running.batches.iter().map(|_| AtomicU64::new(0)).collect(),
            is_finite: AtomicBool::new(true),
        };
        // SAFETY: no other thread has access to the weights.
        unsafe {
            model.set_running(running);
            model.check_new_weights();
        }
        model
    }

    /// Replaces the running statistics.
    ///
    /// # Safety
    /// No other thread reads or writes them until this returns.
    pub(crate) unsafe fn set_running(&self, running: &RunningStatistics) {
        // SAFETY: guaranteed by the caller.
        let statistics = unsafe { self.statistics.slice_mut(0..self.statistics.len()) };
        statistics.copy_from_slice(&running.values);
        for (batches, new) in self.batches.iter().zip(&running.batches) {
            batches.store(*new, Ordering::Relaxed);
        }
    }

    /// A copy of the running statistics.
    pub(crate) fn running(&self) -> RunningStatistics {
        // SAFETY: no training run is in progress: it would hold the engine by `&mut`.
        let values = unsafe { self.statistics.slice(0..self.statistics.len()) };
        let batches = self.batches.iter();
        RunningStatistics {
            values: values.to_vec(),
            batches: batches
                .map(|batches| batches.load(Ordering::Relaxed))
                .collect(),
        }
    }

    /// Whether zero features may be skipped. The result is the same only with finite weights: `0 * NaN` and `0 * inf`
    /// are NaN. In the gradient the factor is a delta, which the weights of any layer may turn into NaN.
    pub(crate) fn skips_zeros(&self) -> bool {
        self.is_finite.load(Ordering::Relaxed)
    }

    /// Checks the weights, all of which may have changed.
    ///
    /// # Safety
    /// No thread writes them until this returns.
    pub(crate) unsafe fn check_new_weights(&self) {
        self.is_finite.store(true, Ordering::Relaxed);
        for (at, matrix) in self.weights.iter().enumerate() {
            let whole = Partition {
                blocks: 0..matrix.blocks(),
                rows: 0..matrix.rows(),
            };
            // SAFETY: guaranteed by the caller.
            unsafe { self.check_trained_weights(at, &whole) };
        }
    }

    /// Checks some of the weights of step `at`, which may no longer be finite.
    ///
    /// # Safety
    /// No thread writes this part of them until this returns.
    pub(crate) unsafe fn check_trained_weights(&self, at: usize, partition: &Partition) {
        if self.program.parameters[at].is_table() {
            return;
        }
        // SAFETY: guaranteed by the caller.
        let values = unsafe { partition.read(&self.weights[at]) };
        if !dispatch(self.simd, AllFinite { values }) {
            self.is_finite.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::fused::memory::packed, prelude::*};

    type Net = (Linear<70, 5>, ReLU, Linear<5, 3>);

    fn model(weights: &Weights<Net>) -> Model {
        let program = Program::new(&Net::PLAN, 70);
        let packed = packed::weights(&program, weights.as_slice());
        Model::new(program, Simd::detect(), packed, &weights.running)
    }

    #[test]
    fn zeros_are_skipped_only_with_finite_weights_and_again_once_these_are_restored() {
        let good = Weights::<Net>::init(1);
        for at in 0..Net::PARAMS {
            let mut bad = good.clone();
            bad.as_mut_slice()[at] = f32::NAN;
            assert!(!model(&bad).skips_zeros(), "{at}");
        }
        let mut model = model(&good);
        assert!(model.skips_zeros());
        let mut check_with = |value: f32| {
            model.weights[1].whole().row(0, 2)[1] = value;
            // SAFETY: no other thread has access to the weights.
            unsafe { model.check_new_weights() };
            model.skips_zeros()
        };
        assert!(!check_with(f32::INFINITY));
        assert!(check_with(0.0));
    }
}
