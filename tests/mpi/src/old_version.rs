//! A rank of an older version of the crate: it sends what that would send, by MPI itself.

use std::process::ExitCode;

use mpi::{
    Threading,
    traits::{Communicator, CommunicatorCollectives},
};

pub fn run() -> ExitCode {
    let (universe, _) = mpi::initialize_with_threading(Threading::Serialized).expect("MPI");
    let world = universe.world();
    let mut own = [0u8; 64];
    own[..5].copy_from_slice(b"0.0.1");
    let mut all = vec![0u8; 64 * world.size() as usize];
    world.all_gather_into(&own[..], &mut all[..]);
    assert_ne!(all[..64], own, "the version of rank 0");
    eprintln!("error: rank 1: another version");
    ExitCode::FAILURE
}
