// SPDX-License-Identifier: MIT OR Apache-2.0
//! A command that runs beside a test.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// How long a test waits for anything; only what hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command that runs until it is dropped, and the lines of both its outputs.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("a pipe");
        let stderr = child.stderr.take().expect("a pipe");
        read(stdout, sender.clone());
        read(stderr, sender);
        Self { child, lines }
    }

    /// The next line.
    #[track_caller]
    pub(crate) fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    /// Waits for a line with this text; it.
    #[track_caller]
    pub(crate) fn line(&self, wanted: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(wanted) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("`{wanted}`: {error}, after {seen:#?}"),
            }
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
    }

    /// Its exit code, once it has ended, and the lines that are left.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let mut left = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => left.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {left:#?}"),
            }
        }
        let status = self.child.wait().expect("it has ended");
        (status.code(), left)
    }
}

/// Passes lines on.
fn read(from: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = to.send(line);
        }
    });
}
