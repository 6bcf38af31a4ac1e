//! Training by several processes, on one machine or many, over MPI: [`World`], [`Distributed`] and [`Farm`].
//!
//! ```text
//! mpirun -n 4 target/release/examples/mnist --distributed
//! ```
//!
//! Each process, a *rank*, runs the same program with the same data. Each computes its part of every batch, the gradients of
//! all ranks are added up, and each takes the same step of the optimiser:
//!
//! ```no_run
//! use tuplenet::{distributed::{Distributed, World}, prelude::*};
//!
//! type Net = (Linear<784, 128>, ReLU, Linear<128, 10>);
//!
//! let world = World::init()?;
//! let (train, test) = Mnist::find()?.load()?;
//! let mut net = Distributed::new(&world, Fused::<Net>::new(Weights::init(1))?)?;
//! Trainer::new(Adam::default()).epochs(5).fit(&mut net, &train)?;
//! let accuracy = net.evaluate(&test)?.accuracy();
//! if world.rank() == 0 {
//!     println!("{accuracy}");
//! }
//! world.finish();
//! # Ok::<(), tuplenet::Error>(())
//! ```
//!
//! Trainings that do not depend on each other, as of a search or a committee, are farmed out instead ([`Farm`]): then no rank
//! waits for another in each step.

mod compression;
mod engine;
mod exchange;
mod farm;
mod local;
mod mail;
mod sum;
mod transfer;
mod world;

pub use compression::Compression;
pub use engine::Distributed;
pub use farm::Farm;
pub use local::LocalSteps;
pub use world::World;
