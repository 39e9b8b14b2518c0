// SPDX-License-Identifier: MIT OR Apache-2.0
//! TEMP: the die is always at 25.25 °C, and a measurement takes 36 µs.

use super::events::Events;
use super::{APB_BASE, CYCLES_PER_SECOND, Context, Peripheral, triggers};

const DATARDY: u32 = 0;
const TEMP: u32 = 0x508;
/// Quarter degrees.
const MEASURED: u32 = 25 * 4 + 1;
const DURATION: u64 = CYCLES_PER_SECOND / 1_000_000 * 36;

/// The temperature sensor.
#[derive(Debug)]
pub struct Temp {
    events: Events,
    ready_at: Option<u64>,
}

impl Default for Temp {
    fn default() -> Self {
        Temp {
            events: Events::new(APB_BASE + 0xc000, 1 << DATARDY),
            ready_at: None,
        }
    }
}

impl Peripheral for Temp {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        match offset {
            0 | 4 => Some(0),
            TEMP => Some(MEASURED),
            _ => self.events.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        match offset {
            0 if triggers(value) => self.ready_at = Some(context.now + DURATION),
            4 if triggers(value) => self.ready_at = None,
            0 | 4 | TEMP => {}
            // Calibration.
            0x520..=0x5f4 => {}
            _ => return self.events.write(offset, value),
        }
        true
    }

    fn interrupt(&self) -> bool {
        self.events.interrupt()
    }

    fn deadline(&self) -> Option<u64> {
        self.ready_at
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        if self.ready_at.is_some_and(|ready| ready <= context.now) {
            self.ready_at = None;
            self.events.raise(DATARDY, context);
        }
    }

    fn reset(&mut self) {
        *self = Temp::default();
    }
}
