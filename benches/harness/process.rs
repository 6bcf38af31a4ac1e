//! The process of a contender: it receives commands over a pipe and is stopped while others are measured.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::served::Result;

pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The file with its standard error.
    log: PathBuf,
}

impl Process {
    pub fn start(mut command: Command, id: &str, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{id}.log"));
        // A separate process group, so that a signal also reaches its child processes.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(&log)?);
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                let output = BufReader::new(output);
                Ok(Process {
                    child,
                    input,
                    output,
                    log,
                })
            }
            _ => Err("no pipe to the process".into()),
        }
    }

    /// Sends a command and waits for its answer.
    pub fn ask(&mut self, command: &str) -> Result<String> {
        let mut answer = String::new();
        // If the process has exited, the answer is empty, and its last error message says more than EPIPE.
        let sent = writeln!(self.input, "{command}");
        self.output.read_line(&mut answer)?;
        if answer.is_empty() || sent.is_err() {
            return Err(self.last_error().into());
        }
        Ok(answer.trim_end().to_owned())
    }

    /// Runs `steps` steps and returns the seconds that they took.
    pub fn run(&mut self, steps: usize) -> Result<f64> {
        Ok(self.ask(&format!("run {steps}"))?.parse()?)
    }

    /// Stops it, including threads that spin.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process_group(Pid::from_child(&self.child), signal)?)
    }

    fn last_error(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().rfind(|line| !line.trim().is_empty());
        last.unwrap_or("it exited without an error message")
            .to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may already have exited; nothing can be done about another failure.
        let _ = self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}
