//! A rank of an older version of the crate: it sends what that would send, by MPI itself.

use std::process::ExitCode;

use mpi::{
    Threading,
    datatype::PartitionMut,
    topology::SimpleCommunicator,
    traits::{Communicator, CommunicatorCollectives},
};

pub fn run() -> ExitCode {
    let (universe, _) = mpi::initialize_with_threading(Threading::Serialized).expect("MPI");
    let world = universe.world();
    // for sums, and for a farm
    let _others = [0; 3].map(|_| world.duplicate());
    gather(&world, b"0.0.1");
    // it, too, finds a difference
    let mut failed = vec![0.0; world.size() as usize];
    world.all_gather_into(&1.0, &mut failed);
    gather(&world, b"another version");
    eprintln!("error: rank 1: another version");
    ExitCode::FAILURE
}

/// The bytes of all ranks: their numbers, then themselves.
fn gather(world: &SimpleCommunicator, own: &[u8]) {
    let mut lens = vec![0u64; world.size() as usize];
    world.all_gather_into(&(own.len() as u64), &mut lens);
    let counts: Vec<i32> = lens.iter().map(|&len| len as i32).collect();
    let mut start = 0;
    let starts = counts.iter().map(|count| {
        start += count;
        start - count
    });
    let starts: Vec<i32> = starts.collect();
    let mut all = vec![0u8; lens.iter().sum::<u64>() as usize];
    let mut parts = PartitionMut::new(&mut all, &counts[..], &starts[..]);
    world.all_gather_varcount_into(own, &mut parts);
}
