//! The state of rank 0, for the other ranks of a training by several processes: in the format of a checkpoint.

use std::path::PathBuf;

use super::{
    Resumed,
    file::{self, Invalid},
};
#[cfg(feature = "mpi")]
use crate::{engine::Engine, train::state::TrainingState};
use crate::{
    engine::Ranks,
    error::{Error, Result},
    network::Network,
};

/// The checkpoint that rank 0 resumes from, on all ranks.
///
/// # Errors
/// That of rank 0; on the others [`Error::Rank`].
pub(in crate::train) fn resumed<N: Network>(
    ranks: &Ranks,
    of_first: Result<Option<Resumed<N>>>,
) -> Result<Option<Resumed<N>>> {
    if ranks.count() == 1 {
        return of_first;
    }
    let of_first = ranks.agree(of_first)?;
    let bytes = ranks.broadcast(|| match &of_first {
        None => Ok(Vec::new()),
        Some((_, contents)) => {
            let (optimizer, state) = (contents.optimizer.as_ref(), &contents.state);
            let bytes = file::write(Default::default(), &contents.weights, optimizer, state);
            bytes.map_err(unreadable)
        }
    })?;
    if ranks.is_first() || bytes.is_empty() {
        return Ok(of_first);
    }
    let contents = file::open(&bytes).and_then(|opened| opened.contents());
    let path = PathBuf::from("the checkpoint of rank 0");
    Ok(Some((path, contents.map_err(invalid)?)))
}

/// Gives the engine the weights and the optimiser's state that it has on rank 0.
///
/// # Errors
/// Those of the engine; on the other ranks [`Error::Rank`].
#[cfg(feature = "mpi")]
pub(crate) fn weights_of_first<N: Network, E: Engine<N>>(ranks: &Ranks, net: &mut E) -> Result<()> {
    let bytes = ranks.broadcast(|| {
        let (weights, optimizer) = (net.weights()?, net.optimizer_state()?);
        let state = TrainingState::at(0);
        file::write(Default::default(), &weights, optimizer.as_ref(), &state).map_err(unreadable)
    })?;
    if ranks.is_first() {
        return Ok(());
    }
    let contents = file::open(&bytes).and_then(|opened| opened.contents::<N>());
    let contents = contents.map_err(invalid)?;
    net.restore(&contents.weights, contents.optimizer.as_ref())
}

fn invalid(Invalid { expected, found }: Invalid) -> Error {
    Error::Setting {
        setting: "state of rank 0",
        expected,
        found,
    }
}

fn unreadable(found: String) -> Error {
    invalid(Invalid {
        expected: "one that fits in a file of safetensors".to_owned(),
        found,
    })
}
