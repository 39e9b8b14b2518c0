// SPDX-License-Identifier: MIT OR Apache-2.0
//! The workstation's side: where the guest's serial lines end, and how the
//! guest's time relates to the clock on the wall.

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use crate::peripherals::CYCLES_PER_SECOND;

/// Serial lines of the chip: UARTE0 and UARTE1.
pub const LINES: usize = 2;
/// While input may come, idle time passes this much faster than real time, so
/// that input has a chance to come at all.
const IDLE_SPEED: u64 = 1000;
/// How long a run waits before it begins for input that is on its way already,
/// so that a run with its input in a file is the same each time.
const GRACE: Duration = Duration::from_millis(20);

/// What comes from the other end of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Bytes for the guest.
    Bytes(usize, Vec<u8>),
    /// Nothing more will come on this line.
    Closed(usize),
    /// The user wants the run to end.
    Stop,
}

/// The far ends of the lines.
pub struct Host {
    inbox: Receiver<Input>,
    outputs: [Box<dyn Write + Send>; LINES],
    /// Lines on which input may still come.
    open: [bool; LINES],
    realtime: Option<Instant>,
    messages: Box<dyn FnMut(&str) + Send>,
    alive: bool,
    stopped: bool,
}

impl Host {
    /// A host, and where to send input to. A line is `open` if something will
    /// be sent on it; it must then be closed by [`Input::Closed`], or by
    /// dropping the sender.
    #[must_use]
    pub fn new(
        outputs: [Box<dyn Write + Send>; LINES],
        open: [bool; LINES],
    ) -> (Self, Sender<Input>) {
        let (sender, inbox) = channel();
        let messages = Box::new(|text: &str| eprintln!("[nrfsim] {text}"));
        let host = Host {
            inbox,
            outputs,
            open,
            realtime: None,
            messages,
            alive: true,
            stopped: false,
        };
        (host, sender)
    }

    /// Connects a line's output elsewhere.
    pub fn connect(&mut self, line: usize, output: Box<dyn Write + Send>) {
        if let Some(place) = self.outputs.get_mut(line) {
            *place = output;
        }
    }

    /// Lets the guest's time pass no faster than real time.
    #[must_use]
    pub fn with_realtime(mut self, realtime: bool) -> Self {
        self.realtime = realtime.then(Instant::now);
        self
    }

    /// Sends messages about the guest elsewhere than to standard error.
    #[must_use]
    pub fn with_messages(mut self, messages: impl FnMut(&str) + Send + 'static) -> Self {
        self.messages = Box::new(messages);
        self
    }

    /// Tells the user something.
    pub fn tell(&mut self, text: &str) {
        (self.messages)(text);
    }

    /// Whether input may still come on this line.
    #[must_use]
    pub fn is_open(&self, line: usize) -> bool {
        self.open.get(line).copied().unwrap_or(false)
    }

    /// Whether input may still come on any line.
    #[must_use]
    pub fn any_open(&self) -> bool {
        self.open.contains(&true)
    }

    /// Whether the far end of line 0 still takes what the guest sends.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.alive
    }

    /// Whether the user wants the run to end.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Sends bytes of the guest to the far end of a line.
    pub fn send(&mut self, line: usize, bytes: &[u8]) {
        let Some(output) = self.outputs.get_mut(line) else {
            return;
        };
        if output
            .write_all(bytes)
            .and_then(|()| output.flush())
            .is_err()
            && line == 0
        {
            self.alive = false;
        }
    }

    /// Input that is there, without waiting for it.
    pub fn poll(&mut self) -> Option<(usize, Vec<u8>)> {
        loop {
            match self.inbox.try_recv() {
                Ok(input) => {
                    if let Some(bytes) = self.take(input) {
                        return Some(bytes);
                    }
                }
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => {
                    self.open = [false; LINES];
                    return None;
                }
            }
        }
    }

    /// Input that is there before the guest runs, after waiting a moment for it.
    pub fn greet(&mut self) -> Option<(usize, Vec<u8>)> {
        if !self.any_open() || self.realtime.is_some() {
            return None;
        }
        let input = self.inbox.recv_timeout(GRACE).ok()?;
        self.take(input)
    }

    /// Waits while the guest sleeps from `now` to `until`, or for ever. Returns
    /// the time at which it wakes and the input that woke it, if any.
    pub fn sleep(&mut self, now: u64, until: Option<u64>) -> (u64, Option<(usize, Vec<u8>)>) {
        let end = until.unwrap_or(u64::MAX);
        let limit = match (self.realtime, until) {
            (Some(start), Some(until)) => Some(wall(until).saturating_sub(start.elapsed())),
            (None, Some(until)) => Some(wall(until.saturating_sub(now) / IDLE_SPEED)),
            (_, None) => None,
        };
        if !self.any_open() {
            if let (Some(_), Some(limit)) = (self.realtime, limit) {
                std::thread::sleep(limit);
            }
            return (end, None);
        }
        let asleep = Instant::now();
        let received = match limit {
            None => self
                .inbox
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
            Some(limit) => self.inbox.recv_timeout(limit),
        };
        match received {
            Ok(input) => {
                let passed = cycles(asleep.elapsed());
                let reached = match (self.realtime, until) {
                    (Some(start), _) => cycles(start.elapsed()),
                    (None, Some(_)) => now.saturating_add(passed.saturating_mul(IDLE_SPEED)),
                    // Without a deadline, time stands still while it waits.
                    (None, None) => now,
                };
                (reached.clamp(now, end), self.take(input))
            }
            Err(RecvTimeoutError::Timeout) => (end, None),
            Err(RecvTimeoutError::Disconnected) => {
                self.open = [false; LINES];
                (now, None)
            }
        }
    }

    /// Waits until real time has come to `now`, if it is to be kept.
    pub fn keep_pace(&self, now: u64) {
        if let Some(start) = self.realtime {
            let ahead = wall(now).saturating_sub(start.elapsed());
            if ahead > Duration::from_millis(2) {
                std::thread::sleep(ahead);
            }
        }
    }

    fn take(&mut self, input: Input) -> Option<(usize, Vec<u8>)> {
        match input {
            Input::Bytes(line, bytes) => Some((line, bytes)),
            Input::Closed(line) => {
                if let Some(open) = self.open.get_mut(line) {
                    *open = false;
                }
                None
            }
            Input::Stop => {
                self.stopped = true;
                None
            }
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Host")
            .field("open", &self.open)
            .field("realtime", &self.realtime)
            .finish_non_exhaustive()
    }
}

fn wall(cycles: u64) -> Duration {
    // A cycle is 15.625 ns.
    Duration::from_nanos(u64::try_from(u128::from(cycles) * 125 / 8).unwrap_or(u64::MAX))
}

fn cycles(wall: Duration) -> u64 {
    u64::try_from(wall.as_nanos() * u128::from(CYCLES_PER_SECOND) / 1_000_000_000)
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_lines_do_not_keep_a_sleeper_waiting() {
        let (mut host, sender) = Host::new(
            [Box::new(std::io::sink()), Box::new(std::io::sink())],
            [true, false],
        );
        assert!(sender.send(Input::Bytes(0, b"x".to_vec())).is_ok());
        assert!(sender.send(Input::Closed(0)).is_ok());
        assert_eq!(host.sleep(5, None), (5, Some((0, b"x".to_vec()))));
        assert_eq!(host.sleep(5, None), (5, None));
        assert!(!host.any_open());
        assert_eq!(host.sleep(5, Some(1 << 60)), (1 << 60, None));
    }
}
