//! A CUDA driver for tests, which interprets kernels on the CPU and checks each of their accesses to memory.
//!
//! The shared library stands in for NVIDIA's `libcuda.so.1` and `libcublas.so` (`scripts/cuda-emulate`). It parses the
//! PTX that a program carries and executes it, warp by warp: every kernel and every test that a GPU would run, on any
//! machine. A launch ends with an error that names kernel, line, block and thread if a thread
//!
//! - accesses memory outside an allocation, or that has been freed, or at an address that its width does not divide;
//! - reads memory or a register that nothing has written;
//! - reads or writes what another thread writes, without a barrier between the two (`memory/shadow.rs`);
//! - waits for a barrier or a shuffle that others of its warp do not reach;
//! - executes an instruction that is not covered.
//!
//! Covered: the instructions in `operation/`, warps that diverge, calls of functions, static and dynamic shared
//! memory, atomic operations, shuffles and votes, `mma` of tf32 and bf16. Not covered: textures, other matrix instructions,
//! asynchronous copies, clusters, dynamic parallelism, named barriers. Blocks run one after another, and calls of the driver return when their work
//! is done: whatever is wrong with the order of several streams is not seen. The work of a captured stream is recorded and
//! done by launches of its graph, and what a capture does not permit is an error (`driver/capture.rs`).

#![allow(missing_docs, reason = "a library for tests, not published")]

pub mod driver;
pub mod execute;
mod fault;
mod lanes;
pub mod memory;
mod operation;
pub mod ptx;

pub use fault::Fault;
