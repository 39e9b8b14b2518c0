// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated sensor or actuator.

use rbpf_abi::Errno;
use rbpf_abi::context::Phydat;

use crate::config::{Ramp, Reading, SensorConfig, Source};

/// A device of the simulated registry, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct SimulatedSensor {
    class: u8,
    unit: u8,
    scale: i8,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Constant(Reading),
    Ramp {
        ramp: Ramp,
        /// The next reading, or the one of the second `at`.
        value: i16,
        at: u64,
    },
    Lines {
        lines: Vec<Reading>,
        next: usize,
    },
    /// What was written last, with the unit and scale that came with it.
    Actuator(Phydat, u8),
}

impl SimulatedSensor {
    pub(super) fn new(config: &SensorConfig) -> Self {
        let state = match &config.source {
            Source::Constant(reading) => State::Constant(*reading),
            Source::Ramp(ramp) => State::Ramp {
                ramp: *ramp,
                value: ramp.start,
                at: 0,
            },
            Source::Lines(lines) => State::Lines {
                lines: lines.clone(),
                next: 0,
            },
            Source::Actuator(reading) => State::Actuator(
                phydat(*reading, config.unit, config.scale),
                reading.dimensions,
            ),
        };
        Self {
            class: config.class,
            unit: config.unit,
            scale: config.scale,
            state,
        }
    }

    pub(super) fn class(&self) -> u8 {
        self.class
    }

    /// The reading at so many seconds since start, and its dimensions.
    pub(super) fn read(&mut self, seconds: u64) -> (Phydat, u8) {
        let reading = match &mut self.state {
            State::Constant(reading) => *reading,
            State::Ramp { ramp, value, at } => {
                if ramp.per_second {
                    for _ in *at..seconds {
                        *value = ramp_step(ramp, *value);
                    }
                    *at = seconds;
                }
                let reading = *value;
                if !ramp.per_second {
                    *value = ramp_step(ramp, *value);
                }
                Reading {
                    val: [reading, 0, 0],
                    dimensions: 1,
                }
            }
            State::Lines { lines, next } => {
                // The configuration has no empty list of lines.
                let reading = lines.get(*next).copied().unwrap_or(Reading {
                    val: [0; 3],
                    dimensions: 1,
                });
                *next = (*next + 1) % lines.len().max(1);
                reading
            }
            State::Actuator(value, dimensions) => return (*value, *dimensions),
        };
        (phydat(reading, self.unit, self.scale), reading.dimensions)
    }

    /// Takes a value, if it is an actuator: as many dimensions as it has.
    pub(super) fn write(&mut self, value: &Phydat) -> Result<u8, Errno> {
        let State::Actuator(last, dimensions) = &mut self.state else {
            return Err(Errno::NotSupported);
        };
        *last = *value;
        Ok(*dimensions)
    }
}

/// One step further, from the other end if that leaves the range.
fn ramp_step(ramp: &Ramp, value: i16) -> i16 {
    match value.checked_add(ramp.step) {
        Some(next) if (ramp.min..=ramp.max).contains(&next) => next,
        _ if ramp.step < 0 => ramp.max,
        _ => ramp.min,
    }
}

fn phydat(reading: Reading, unit: u8, scale: i8) -> Phydat {
    Phydat {
        val: reading.val.map(Into::into),
        unit,
        scale,
    }
}
