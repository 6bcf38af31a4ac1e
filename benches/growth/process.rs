//! The process of a point, seen from the one that measures.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{Result, axis::Point, points::Memory};

pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the process of a point, whose memory is that of a training on so many threads.
    pub fn start(point: &Point, threads: usize, folder: &Path) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("--serve");
        command.arg(format!("{point},{threads},{}", folder.display()));
        if point.large_pages {
            // The system's allocator asks for large pages for all that it gets from the system.
            command.env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipe to the process".into());
        };
        let mut process = Process {
            child,
            input,
            output: BufReader::new(output),
        };
        process.answer()?;
        Ok(process)
    }

    /// The seconds of a step.
    pub fn run(&mut self, threads: usize, ms: u64) -> Result<f64> {
        writeln!(self.input, "run {threads} {ms}")?;
        Ok(self.answer()?.parse()?)
    }

    /// The bytes that the training took, and those that were predicted.
    pub fn memory(&mut self) -> Result<Memory> {
        writeln!(self.input, "memory")?;
        let answer = self.answer()?;
        let words: Vec<&str> = answer.split(' ').collect();
        let [taken, predicted, parameters, batch] = words[..] else {
            return Err(format!("expected four numbers, found {answer}").into());
        };
        Ok(Memory {
            taken: taken.parse()?,
            predicted: predicted.parse()?,
            parameters: parameters.parse()?,
            batch: batch.parse()?,
        })
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match line.is_empty() {
            // its message is on standard error
            true => Err("the process of a point has exited".into()),
            false => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may already have exited; nothing can be done about another failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
