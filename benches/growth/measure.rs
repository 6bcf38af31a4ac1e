//! Measures an axis: the processes of all its points take turns, so that a machine that becomes slower does not look like
//! growth.

use crate::{
    Result,
    axis::Axis,
    options::Options,
    others::{DISTURBED, Ticks},
    points::{Measured, Time},
    process::Process,
};

pub fn axis(axis: Axis, options: &Options) -> Result<Vec<Measured>> {
    let (threads, folder) = (axis.threads(), options.data_folder());
    let start = Ticks::now();
    let mut processes = Vec::new();
    for point in options.points(axis) {
        processes.push((point, Process::start(&point, threads[0], &folder)?));
    }
    let mut times = vec![vec![Vec::new(); threads.len()]; processes.len()];
    for _ in 0..options.rounds() {
        for ((_, process), times) in processes.iter_mut().zip(&mut times) {
            for (&threads, times) in threads.iter().zip(times) {
                times.push(process.run(threads, options.turn())?);
            }
        }
    }
    let mut measured = Vec::new();
    for ((point, mut process), times) in processes.into_iter().zip(times) {
        let memory = process.memory()?;
        for (&threads, times) in threads.iter().zip(times) {
            measured.push(Measured {
                axis,
                point,
                threads,
                time: Time::of(times),
                memory,
            });
        }
    }
    // the processes have exited
    if let (Some(start), Some(end)) = (start, Ticks::now()) {
        let share = end.others_since(&start);
        let word = if share > DISTURBED { "DISTURBED: " } else { "" };
        println!(
            "{axis}: {word}other programs used {:.1} % of the cores",
            share * 100.0
        );
    }
    Ok(measured)
}
