//! [`DataParallel`]: engines that compute a part of each batch.

use super::{Engine, Ranks, Run};
use crate::{error::Result, network::Network};

/// An engine that several processes run together, each on a part of every batch: one that `Distributed` (feature `mpi`) takes.
pub trait DataParallel<N: Network>: Engine<N> {
    /// What determines the bits of its results besides network, data and settings, as in `Avx2`: the same for all ranks.
    fn arithmetic(&self) -> String;

    /// As [`Engine::train`], with the gradients of this rank's part of each batch added to those of the other ranks' parts. Every
    /// rank calls it with the same data and the same run, and has the same weights before and after. Losses are those of the
    /// whole batch.
    ///
    /// # Errors
    /// As [`Engine::train`].
    fn train_part(
        &mut self,
        data: &Self::Data,
        run: &Run<'_>,
        ranks: &Ranks,
        losses: &mut Vec<f32>,
    ) -> Result<()>;
}
