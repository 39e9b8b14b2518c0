// SPDX-License-Identifier: MIT OR Apache-2.0
//! TIMER: 16 MHz / 2^PRESCALER, 8 to 32 bits, capture and compare, shortcuts;
//! also a counter of its COUNT task.

use super::counter::{Counter, Rate};
use super::events::Events;
use super::{APB_BASE, Context, Peripheral, triggers};

const COMPARE: u32 = 16;

const TASK_START: u32 = 0x000;
const TASK_STOP: u32 = 0x004;
const TASK_COUNT: u32 = 0x008;
const TASK_CLEAR: u32 = 0x00c;
const TASK_SHUTDOWN: u32 = 0x010;
const TASK_CAPTURE: u32 = 0x040;
const SHORTS: u32 = 0x200;
const MODE: u32 = 0x504;
const BITMODE: u32 = 0x508;
const PRESCALER: u32 = 0x510;
const CC: u32 = 0x540;

/// TIMER0 to TIMER4.
#[derive(Debug)]
pub struct Timer {
    events: Events,
    shorts: u32,
    mode: u32,
    bit_mode: u32,
    prescaler: u32,
    counter: Counter,
    /// Counter mode only: it was started.
    counting: bool,
    compare: [u32; 6],
    channels: usize,
}

impl Timer {
    /// The timer that is peripheral `number` and has `channels` capture and
    /// compare registers (TIMER0 to 2 have 4, TIMER3 and 4 have 6).
    #[must_use]
    pub fn new(number: u32, channels: usize) -> Self {
        let channels = channels.min(6);
        Timer {
            events: Events::new(APB_BASE + number * 0x1000, ((1 << channels) - 1) << COMPARE),
            shorts: 0,
            mode: 0,
            bit_mode: 0,
            prescaler: 4,
            counter: Counter::new(rate(4), mask(0)),
            counting: false,
            compare: [0; 6],
            channels,
        }
    }

    fn is_timer(&self) -> bool {
        self.mode == 0
    }

    fn configure(&mut self, now: u64) {
        self.counter
            .configure(rate(self.prescaler), mask(self.bit_mode), now);
    }

    fn index(&self, offset: u32, first: u32) -> Option<usize> {
        let index = (offset.checked_sub(first)? / 4) as usize;
        (index < self.channels).then_some(index)
    }

    fn task(&mut self, offset: u32, context: &mut Context<'_>) -> bool {
        let now = context.now;
        match offset {
            TASK_START if self.is_timer() => self.counter.start(now),
            TASK_START => self.counting = true,
            TASK_STOP | TASK_SHUTDOWN => {
                self.counter.stop(now);
                self.counting = false;
            }
            TASK_COUNT => {
                if self.counting && !self.is_timer() {
                    let value = self.counter.value(now).wrapping_add(1) & self.counter.mask();
                    self.counter.set(value, now);
                    self.matched(value, context);
                }
            }
            TASK_CLEAR => self.counter.set(0, now),
            _ => match self.index(offset, TASK_CAPTURE) {
                Some(index) => self.compare[index] = self.counter.value(now),
                None => return false,
            },
        }
        true
    }

    /// The counter has just become `value`.
    fn matched(&mut self, value: u32, context: &mut Context<'_>) {
        let (mut clear, mut stop) = (false, false);
        for index in 0..self.channels {
            if self.compare[index] & self.counter.mask() == value {
                self.events.raise(COMPARE + index as u32, context);
                clear |= self.shorts >> index & 1 == 1;
                stop |= self.shorts >> (8 + index) & 1 == 1;
            }
        }
        if stop {
            self.counter.stop(context.now);
            self.counting = false;
        }
        if clear {
            self.counter.set(0, context.now);
        }
    }

    /// The next compare match and the value it happens at.
    fn next_match(&self) -> Option<(u64, u32)> {
        let values = self.compare.iter().take(self.channels);
        values
            .filter_map(|value| Some((self.counter.when(*value)?, *value & self.counter.mask())))
            .min()
    }
}

const fn rate(prescaler: u32) -> Rate {
    Rate {
        cycles: 4 << prescaler,
        ticks: 1,
    }
}

const fn mask(bit_mode: u32) -> u32 {
    match bit_mode {
        0 => 0xffff,
        1 => 0xff,
        2 => 0xff_ffff,
        _ => 0xffff_ffff,
    }
}

impl Peripheral for Timer {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        match offset {
            SHORTS => Some(self.shorts),
            MODE => Some(self.mode),
            BITMODE => Some(self.bit_mode),
            PRESCALER => Some(self.prescaler),
            TASK_START..=TASK_SHUTDOWN => Some(0),
            _ => match self.index(offset, CC) {
                Some(index) => Some(self.compare[index]),
                None => self
                    .events
                    .read(offset)
                    .or_else(|| self.index(offset, TASK_CAPTURE).map(|_| 0)),
            },
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        // What is due at this time happens before what is written.
        self.advance(context);
        match offset {
            0..0x100 if triggers(value) => return self.task(offset, context),
            0..0x100 => {}
            SHORTS => self.shorts = value & 0x3f3f,
            MODE => {
                self.counter.stop(context.now);
                self.mode = value & 3;
            }
            BITMODE => {
                self.bit_mode = value & 3;
                self.configure(context.now);
            }
            PRESCALER => {
                self.prescaler = (value & 15).min(9);
                self.configure(context.now);
            }
            _ => match self.index(offset, CC) {
                Some(index) => self.compare[index] = value,
                None => return self.events.write(offset, value),
            },
        }
        true
    }

    fn interrupt(&self) -> bool {
        self.events.interrupt()
    }

    fn deadline(&self) -> Option<u64> {
        // Also without interrupt and shortcut: the PPI or a reader of the event
        // register may wait for it.
        self.next_match().map(|(when, _)| when)
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        while let Some((when, value)) = self.next_match().filter(|(when, _)| *when <= now) {
            context.now = when;
            self.counter.seen(when);
            self.matched(value, context);
        }
        context.now = now;
        self.counter.seen(now);
    }

    fn reset(&mut self) {
        self.events.reset();
        (self.shorts, self.mode, self.bit_mode, self.prescaler) = (0, 0, 0, 4);
        self.counter = Counter::new(rate(4), mask(0));
        self.counting = false;
        self.compare = [0; 6];
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    const COMPARE0: u32 = 0x140;
    /// Cycles in a microsecond.
    const US: u64 = 64;

    fn microseconds() -> Bench<Timer> {
        let mut timer = Bench::new(Timer::new(8, 4));
        timer.write(BITMODE, 3);
        timer.write(PRESCALER, 4);
        timer
    }

    #[test]
    fn capture_copies_the_counter() {
        let mut timer = microseconds();
        timer.write(TASK_START, 1);
        timer.run_to(1234 * US + 5);
        timer.write(TASK_CAPTURE + 4, 1);
        assert_eq!(timer.read(CC + 4), 1234);
        timer.write(TASK_STOP, 1);
        timer.run_to(9999 * US);
        timer.write(TASK_CAPTURE, 1);
        assert_eq!(timer.read(CC), 1234);
    }

    #[test]
    fn compare_raises_and_clears_by_shortcut() {
        let mut timer = microseconds();
        timer.write(CC, 100);
        timer.write(SHORTS, 1);
        timer.write(0x304, 1 << 16);
        timer.write(TASK_START, 1);
        timer.run_to(100 * US);
        assert!(timer.device.interrupt());
        timer.write(COMPARE0, 0);
        timer.run_to(250 * US);
        timer.write(TASK_CAPTURE + 8, 1);
        assert_eq!((timer.read(COMPARE0), timer.read(CC + 8)), (1, 50));
        assert_eq!(timer.device.deadline(), Some(300 * US));
    }

    #[test]
    fn compare_stops_by_shortcut() {
        let mut timer = microseconds();
        timer.write(CC, 7);
        timer.write(SHORTS, 1 << 8);
        timer.write(TASK_START, 1);
        timer.run_to(1000 * US);
        timer.write(TASK_CAPTURE + 4, 1);
        assert_eq!((timer.read(CC + 4), timer.device.deadline()), (7, None));
    }

    #[test]
    fn the_width_wraps() {
        let mut timer = Bench::new(Timer::new(8, 4));
        timer.write(BITMODE, 1);
        timer.write(CC, 3);
        timer.write(TASK_START, 1);
        timer.run_to(256 * US);
        timer.write(COMPARE0, 0);
        timer.run_to(259 * US);
        assert_eq!(timer.read(COMPARE0), 1);
    }

    #[test]
    fn counter_mode_counts_tasks() {
        let mut timer = Bench::new(Timer::new(0x1a, 6));
        timer.write(MODE, 1);
        timer.write(CC + 20, 2);
        timer.write(TASK_COUNT, 1);
        timer.write(TASK_START, 1);
        timer.write(TASK_COUNT, 1);
        assert_eq!(timer.read(0x154), 0);
        timer.write(TASK_COUNT, 1);
        assert_eq!(timer.read(0x154), 1);
    }
}
