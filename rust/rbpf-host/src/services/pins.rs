// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated pin.

use rbpf_abi::Errno;

use crate::config::{Direction, PinChange, PinConfig};

/// A pin, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct SimulatedPin {
    name: String,
    direction: Direction,
    high: bool,
    /// What is still to come, the last first.
    changes: Vec<PinChange>,
}

impl SimulatedPin {
    pub(super) fn new(config: &PinConfig) -> Self {
        Self {
            name: config.name.clone(),
            direction: config.direction,
            high: config.high,
            changes: config.changes.iter().rev().copied().collect(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is high, so many milliseconds after start.
    pub(super) fn read(&mut self, now_ms: u64) -> bool {
        while let Some(change) = self.changes.pop_if(|next| u64::from(next.at_ms) <= now_ms) {
            self.high = change.high;
        }
        self.high
    }

    /// Takes a level, if it is an output.
    pub(super) fn write(&mut self, high: bool) -> Result<(), Errno> {
        if self.direction == Direction::Input {
            return Err(Errno::NotSupported);
        }
        self.high = high;
        Ok(())
    }
}
