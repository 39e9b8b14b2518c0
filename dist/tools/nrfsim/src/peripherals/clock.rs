// SPDX-License-Identifier: MIT OR Apache-2.0
//! CLOCK and POWER, which share a page: oscillators that start at once, the
//! reason of the last reset, retained registers, System OFF.

use super::events::Events;
use super::{APB_BASE, Context, Peripheral, triggers};

const HFCLKSTARTED: u32 = 0;
const LFCLKSTARTED: u32 = 1;
const DONE: u32 = 3;
const CTSTARTED: u32 = 10;
const CTSTOPPED: u32 = 11;
const IMPLEMENTED: u32 = 0x1ff | 1 << 9 | 1 << CTSTARTED | 1 << CTSTOPPED;

const RESETREAS: u32 = 0x400;
const HFCLKRUN: u32 = 0x408;
const HFCLKSTAT: u32 = 0x40c;
const LFCLKRUN: u32 = 0x414;
const LFCLKSTAT: u32 = 0x418;
const LFCLKSRCCOPY: u32 = 0x41c;
const USBREGSTATUS: u32 = 0x438;
const SYSTEMOFF: u32 = 0x500;
const LFCLKSRC: u32 = 0x518;
const GPREGRET: u32 = 0x51c;
const GPREGRET2: u32 = 0x520;
const MAINREGSTATUS: u32 = 0x640;
const RAM_POWER: u32 = 0x900;
const RAM_POWER_END: u32 = 0xa00;

/// A clock runs, from its crystal.
const RUNNING: u32 = 1 << 16 | 1;

/// RESETREAS after a reset that software asked for.
pub const RESET_BY_SOFTWARE: u32 = 1 << 2;
/// RESETREAS after the core locked up.
pub const RESET_BY_LOCKUP: u32 = 1 << 3;

/// CLOCK and POWER.
#[derive(Debug)]
pub struct Clock {
    events: Events,
    high_frequency: bool,
    low_frequency: bool,
    low_frequency_source: u32,
    source_copy: u32,
    /// Survive a system reset.
    reset_reason: u32,
    retained: [u32; 2],
    /// POFCON, DCDCEN and DCDCEN0, which change nothing here.
    settings: [u32; 3],
}

impl Default for Clock {
    fn default() -> Self {
        Clock {
            events: Events::new(APB_BASE, IMPLEMENTED),
            high_frequency: false,
            low_frequency: false,
            low_frequency_source: 0,
            source_copy: 0,
            reset_reason: 0,
            retained: [0; 2],
            settings: [0; 3],
        }
    }
}

impl Clock {
    /// Notes why the next reset happens.
    pub const fn add_reset_reason(&mut self, reason: u32) {
        self.reset_reason |= reason;
    }

    fn task(&mut self, offset: u32, context: &mut Context<'_>) -> bool {
        match offset {
            0x00 => {
                self.high_frequency = true;
                self.events.raise(HFCLKSTARTED, context);
            }
            0x04 => self.high_frequency = false,
            0x08 => {
                self.low_frequency = true;
                self.source_copy = self.low_frequency_source;
                self.events.raise(LFCLKSTARTED, context);
            }
            0x0c => self.low_frequency = false,
            0x10 => self.events.raise(DONE, context),
            0x14 => self.events.raise(CTSTARTED, context),
            0x18 => self.events.raise(CTSTOPPED, context),
            // CONSTLAT and LOWPWR.
            0x78 | 0x7c => {}
            _ => return false,
        }
        true
    }

    const fn setting(offset: u32) -> Option<usize> {
        match offset {
            0x510 => Some(0),
            0x578 => Some(1),
            0x580 => Some(2),
            _ => None,
        }
    }
}

impl Peripheral for Clock {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        Some(match offset {
            0..=0x18 | 0x78 | 0x7c => 0,
            RESETREAS => self.reset_reason,
            HFCLKRUN => u32::from(self.high_frequency),
            HFCLKSTAT if self.high_frequency => RUNNING,
            // The internal oscillator feeds the processor.
            HFCLKSTAT => 1 << 16,
            LFCLKRUN => u32::from(self.low_frequency),
            LFCLKSTAT if self.low_frequency => 1 << 16 | self.source_copy & 3,
            LFCLKSTAT => 0,
            LFCLKSRCCOPY => self.source_copy,
            LFCLKSRC => self.low_frequency_source,
            // No USB cable, and no high voltage supply.
            USBREGSTATUS | MAINREGSTATUS => 0,
            // All blocks of RAM are powered.
            0x428 => 0xf,
            GPREGRET => self.retained[0],
            GPREGRET2 => self.retained[1],
            // Each section of RAM powered, and retained.
            RAM_POWER..RAM_POWER_END => 0xffff,
            _ => match Self::setting(offset) {
                Some(index) => self.settings[index],
                None => return self.events.read(offset),
            },
        })
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        match offset {
            0..0x100 if triggers(value) => return self.task(offset, context),
            0..0x100 => {}
            // Written ones clear.
            RESETREAS => self.reset_reason &= !value,
            LFCLKSRC => self.low_frequency_source = value,
            SYSTEMOFF => context.effects.system_off |= value & 1 == 1,
            GPREGRET => self.retained[0] = value & 0xff,
            GPREGRET2 => self.retained[1] = value & 0xff,
            RAM_POWER..RAM_POWER_END => {}
            _ => match Self::setting(offset) {
                Some(index) => self.settings[index] = value,
                None => return self.events.write(offset, value),
            },
        }
        true
    }

    fn interrupt(&self) -> bool {
        self.events.interrupt()
    }

    fn reset(&mut self) {
        let (reset_reason, retained) = (self.reset_reason, self.retained);
        *self = Clock {
            reset_reason,
            retained,
            ..Clock::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn clocks_start_at_once() {
        let mut clock = Bench::new(Clock::default());
        assert_eq!(clock.read(HFCLKSTAT), 1 << 16);
        clock.write(0, 1);
        clock.write(LFCLKSRC, 1);
        clock.write(8, 1);
        assert_eq!((clock.read(0x100), clock.read(0x104)), (1, 1));
        assert_eq!(
            (clock.read(HFCLKSTAT), clock.read(LFCLKSTAT)),
            (RUNNING, RUNNING)
        );
    }

    #[test]
    fn the_reset_reason_and_the_retained_registers_survive() {
        let mut clock = Bench::new(Clock::default());
        clock.write(GPREGRET, 0x1a5);
        clock.device.add_reset_reason(RESET_BY_SOFTWARE);
        clock.device.reset();
        assert_eq!(
            (clock.read(GPREGRET), clock.read(RESETREAS)),
            (0xa5, RESET_BY_SOFTWARE)
        );
        clock.write(RESETREAS, RESET_BY_SOFTWARE);
        assert_eq!(clock.read(RESETREAS), 0);
        clock.write(SYSTEMOFF, 1);
        assert!(clock.effects.system_off);
    }
}
