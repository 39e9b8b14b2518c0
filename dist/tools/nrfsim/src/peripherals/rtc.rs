// SPDX-License-Identifier: MIT OR Apache-2.0
//! RTC: the real-time counter, 24 bits at 32,768 Hz / (PRESCALER + 1).
//!
//! It counts whether or not the low frequency clock was started, and tasks take
//! effect at once, not with the next edge of that clock.

use super::counter::{Counter, Rate};
use super::events::Events;
use super::{APB_BASE, Context, Peripheral, earliest, triggers};

const TICK: u32 = 0;
const OVERFLOW: u32 = 1;
const COMPARE: u32 = 16;

const EVTEN: u32 = 0x340;
const EVTENSET: u32 = 0x344;
const EVTENCLR: u32 = 0x348;
const COUNTER: u32 = 0x504;
const PRESCALER: u32 = 0x508;
const CC: u32 = 0x540;

const MASK: u32 = 0xff_ffff;
/// What TRIGOVRFLW sets the counter to.
const NEARLY_OVERFLOW: u32 = 0xff_fff0;

/// RTC0, RTC1 or RTC2.
#[derive(Debug)]
pub struct Rtc {
    events: Events,
    /// Events that are routed to the PPI, and generated, without an interrupt.
    routed: u32,
    prescaler: u32,
    counter: Counter,
    compare: [u32; 4],
    channels: usize,
}

impl Rtc {
    /// The RTC that is peripheral `number` and has `channels` compare
    /// registers (RTC0 has 3, the others 4).
    #[must_use]
    pub fn new(number: u32, channels: usize) -> Self {
        let channels = channels.min(4);
        let implemented = 0b11 | ((1 << channels) - 1) << COMPARE;
        Rtc {
            events: Events::new(APB_BASE + number * 0x1000, implemented),
            routed: 0,
            prescaler: 0,
            counter: Counter::new(rate(0), MASK),
            compare: [0; 4],
            channels,
        }
    }

    /// An event is generated only if somebody is to get it.
    fn wanted(&self, event: u32) -> bool {
        (self.routed | self.events.enabled()) >> event & 1 == 1
    }

    fn compare_index(&self, offset: u32) -> Option<usize> {
        let index = (offset.checked_sub(CC)? / 4) as usize;
        (index < self.channels).then_some(index)
    }
}

const fn rate(prescaler: u32) -> Rate {
    Rate {
        cycles: 15625 * (prescaler as u64 + 1),
        ticks: 8,
    }
}

impl Peripheral for Rtc {
    fn read(&mut self, offset: u32, context: &mut Context<'_>) -> Option<u32> {
        match offset {
            0x000 | 0x004 | 0x008 | 0x00c => Some(0),
            EVTEN | EVTENSET | EVTENCLR => Some(self.routed),
            COUNTER => Some(self.counter.value(context.now)),
            PRESCALER => Some(self.prescaler),
            _ => match self.compare_index(offset) {
                Some(index) => Some(self.compare[index]),
                None => self.events.read(offset),
            },
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        let now = context.now;
        // What is due at this time happens before what is written.
        self.advance(context);
        match offset {
            0x000 if triggers(value) => self.counter.start(now),
            0x004 if triggers(value) => self.counter.stop(now),
            0x008 if triggers(value) => self.counter.set(0, now),
            0x00c if triggers(value) => self.counter.set(NEARLY_OVERFLOW, now),
            0x000 | 0x004 | 0x008 | 0x00c => {}
            EVTEN => self.routed = value,
            EVTENSET => self.routed |= value,
            EVTENCLR => self.routed &= !value,
            COUNTER => {}
            PRESCALER => {
                // Writable only while the counter is stopped.
                if !self.counter.is_running() {
                    self.prescaler = value & 0xfff;
                    self.counter.configure(rate(self.prescaler), MASK, now);
                }
            }
            _ => match self.compare_index(offset) {
                Some(index) => self.compare[index] = value & MASK,
                None => return self.events.write(offset, value),
            },
        }
        true
    }

    fn interrupt(&self) -> bool {
        self.events.interrupt()
    }

    fn deadline(&self) -> Option<u64> {
        let mut next = None;
        for (index, compare) in self.compare.iter().enumerate().take(self.channels) {
            if self.wanted(COMPARE + index as u32) {
                next = earliest(next, self.counter.when(*compare));
            }
        }
        if self.wanted(OVERFLOW) {
            next = earliest(next, self.counter.when(0));
        }
        if self.wanted(TICK) {
            next = earliest(next, self.counter.next_tick());
        }
        next
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        let due = |when: Option<u64>| when.is_some_and(|when| when <= context.now);
        let mut raise = 0u32;
        for (index, compare) in self.compare.iter().enumerate().take(self.channels) {
            if due(self.counter.when(*compare)) {
                raise |= 1 << (COMPARE + index as u32);
            }
        }
        if due(self.counter.when(0)) {
            raise |= 1 << OVERFLOW;
        }
        if due(self.counter.next_tick()) {
            raise |= 1 << TICK;
        }
        self.counter.seen(context.now);
        for event in [TICK, OVERFLOW].into_iter().chain(COMPARE..COMPARE + 4) {
            if raise >> event & 1 == 1 && self.wanted(event) {
                self.events.raise(event, context);
            }
        }
    }

    fn reset(&mut self) {
        self.events.reset();
        self.routed = 0;
        self.prescaler = 0;
        self.counter = Counter::new(rate(0), MASK);
        self.compare = [0; 4];
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    const SECOND: u64 = super::super::CYCLES_PER_SECOND;
    const COMPARE0: u32 = 0x140;

    #[test]
    fn compare_interrupts_once_when_the_counter_gets_there() {
        let mut rtc = Bench::new(Rtc::new(0x11, 4));
        rtc.write(CC, 32768);
        rtc.write(0x304, 1 << 16);
        rtc.write(0x000, 1);
        assert_eq!(rtc.device.deadline(), Some(SECOND));
        rtc.run_to(SECOND - 1);
        assert_eq!(rtc.read(COMPARE0), 0);
        rtc.run_to(SECOND);
        assert_eq!((rtc.read(COMPARE0), rtc.device.interrupt()), (1, true));
        rtc.write(COMPARE0, 0);
        rtc.run_to(2 * SECOND);
        assert_eq!(rtc.read(COMPARE0), 0);
        assert_eq!(rtc.read(COUNTER), 65536);
    }

    #[test]
    fn the_counter_wraps_at_24_bits_and_says_so() {
        let mut rtc = Bench::new(Rtc::new(0x11, 4));
        rtc.write(CC + 4, 5);
        rtc.write(0x304, 1 << 17 | 1 << 1);
        rtc.write(0x000, 1);
        rtc.write(0x00c, 1);
        assert_eq!(rtc.read(COUNTER), NEARLY_OVERFLOW);
        rtc.run_to(16 * 15625 / 8);
        assert_eq!(
            (rtc.read(COUNTER), rtc.read(0x104), rtc.read(0x144)),
            (0, 1, 0)
        );
        rtc.run_to(21 * 15625 / 8 + 1);
        assert_eq!((rtc.read(COUNTER), rtc.read(0x144)), (5, 1));
    }

    #[test]
    fn an_event_that_nobody_wants_is_not_generated() {
        let mut rtc = Bench::new(Rtc::new(0x0b, 3));
        rtc.write(CC, 10);
        rtc.write(0x000, 1);
        rtc.run_to(SECOND);
        assert_eq!(
            (rtc.read(COMPARE0), rtc.read(0x100), rtc.device.deadline()),
            (0, 0, None)
        );
        assert!(
            !rtc.with(|device, context| device.write(CC + 12, 1, context)),
            "RTC0 has three channels"
        );
    }

    #[test]
    fn a_compare_value_equal_to_the_counter_waits_for_the_wrap() {
        let mut rtc = Bench::new(Rtc::new(0x11, 4));
        rtc.write(0x304, 1 << 16);
        rtc.write(0x000, 1);
        rtc.run_to(SECOND);
        rtc.write(CC, 32768);
        assert_eq!(rtc.device.deadline(), Some(513 * SECOND));
        rtc.write(CC, 32770);
        assert_eq!(rtc.device.deadline(), Some(SECOND + 3907));
    }

    #[test]
    fn the_prescaler_divides() {
        let mut rtc = Bench::new(Rtc::new(0x24, 4));
        rtc.write(PRESCALER, 31);
        rtc.write(0x000, 1);
        rtc.run_to(SECOND);
        assert_eq!(rtc.read(COUNTER), 1024);
        rtc.write(PRESCALER, 0);
        assert_eq!(rtc.read(PRESCALER), 31, "not writable while it runs");
    }
}
