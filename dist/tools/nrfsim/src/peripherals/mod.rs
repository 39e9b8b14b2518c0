// SPDX-License-Identifier: MIT OR Apache-2.0
//! The peripherals: what each one is, and what they have in common.
//!
//! A nRF52 peripheral owns one page of 4 KiB. Its number is the page's, and so
//! is its interrupt's. Tasks are registers at 0x000 that software or the PPI
//! writes 1 to; events are registers at 0x100 that the peripheral sets and
//! software clears; an event that is set and enabled drives the interrupt line,
//! which is a level (product specification, "Peripheral interface").
//!
//! A peripheral here is a state machine without threads and without a clock of
//! its own: it is told the time at each access, says when it next has something
//! to do ([`Peripheral::deadline`]), and is called then
//! ([`Peripheral::advance`]).

pub mod clock;
pub mod counter;
pub mod events;
pub mod ficr;
pub mod gpio;
pub mod nvmc;
pub mod ppi;
pub mod radio;
pub mod rng;
pub mod rtc;
pub mod temp;
pub mod timer;
pub mod uarte;

use crate::memory::Memory;
use crate::notes::Notes;

/// Processor cycles a second. All times in this crate are counted in cycles
/// since power-on.
pub const CYCLES_PER_SECOND: u64 = 64_000_000;

/// Where peripheral number 0 is; number n is `n * 0x1000` further on.
pub const APB_BASE: u32 = 0x4000_0000;

/// What a peripheral may see and do during a call.
#[derive(Debug)]
pub struct Context<'a> {
    /// The time of this call in cycles since power-on.
    pub now: u64,
    /// Flash, UICR and RAM, for EasyDMA.
    pub memory: &'a Memory,
    /// What the call causes outside of the peripheral.
    pub effects: &'a mut Effects,
}

/// What peripherals cause outside of themselves. The bus collects and applies
/// it.
#[derive(Debug, Default)]
pub struct Effects {
    /// Addresses of event registers that were set, for the PPI.
    pub raised: Vec<u32>,
    /// Cycles for which the processor is halted now (flash operations).
    pub stall: u64,
    /// The guest switched the chip off.
    pub system_off: bool,
    /// Things to tell the user.
    pub notes: Notes,
}

/// A block of registers at one page of the bus.
pub trait Peripheral: std::fmt::Debug + Send {
    /// The word at `offset`, or `None` if there is no such register here.
    fn read(&mut self, offset: u32, context: &mut Context<'_>) -> Option<u32>;

    /// Writes a word; `false` if there is no such register here. A write of 1
    /// to a task's register is also how the PPI triggers it.
    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool;

    /// The level of the interrupt line.
    fn interrupt(&self) -> bool {
        false
    }

    /// When [`Peripheral::advance`] is to be called at the latest.
    fn deadline(&self) -> Option<u64> {
        None
    }

    /// Catches up with the time.
    fn advance(&mut self, _context: &mut Context<'_>) {}

    /// Back to the state after a system reset.
    fn reset(&mut self);
}

/// Whether a write of `value` to a task's register triggers it.
pub(crate) const fn triggers(value: u32) -> bool {
    value & 1 == 1
}

/// The earlier of two deadlines.
pub(crate) fn earliest(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A peripheral on a table: memory, and a clock that the test moves.

    use super::{Context, Effects, Peripheral};
    use crate::memory::Memory;

    /// One peripheral with what it needs.
    pub(crate) struct Bench<P> {
        pub(crate) device: P,
        pub(crate) memory: Memory,
        pub(crate) effects: Effects,
        pub(crate) now: u64,
    }

    impl<P: Peripheral> Bench<P> {
        pub(crate) fn new(device: P) -> Self {
            Bench {
                device,
                memory: Memory::new(),
                effects: Effects::default(),
                now: 0,
            }
        }

        pub(crate) fn with<T>(&mut self, run: impl FnOnce(&mut P, &mut Context<'_>) -> T) -> T {
            let mut context = Context {
                now: self.now,
                memory: &self.memory,
                effects: &mut self.effects,
            };
            run(&mut self.device, &mut context)
        }

        pub(crate) fn write(&mut self, offset: u32, value: u32) {
            assert!(
                self.with(|device, context| device.write(offset, value, context)),
                "no register at {offset:#x}"
            );
        }

        pub(crate) fn read(&mut self, offset: u32) -> u32 {
            self.with(|device, context| device.read(offset, context))
                .unwrap_or_else(|| panic!("no register at {offset:#x}"))
        }

        /// Moves the clock, stopping at each deadline on the way.
        pub(crate) fn run_to(&mut self, time: u64) {
            while let Some(next) = self.device.deadline().filter(|next| *next <= time) {
                self.now = self.now.max(next);
                self.with(|device, context| device.advance(context));
            }
            self.now = time;
            self.with(|device, context| device.advance(context));
        }
    }
}
