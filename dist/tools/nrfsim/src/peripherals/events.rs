// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event and interrupt enable registers, which all peripherals share.
//!
//! Event n has its register at 0x100 + 4n and its bit n in INTEN, INTENSET and
//! INTENCLR (product specification, "Peripheral interface").

use super::{Context, Effects};

/// Offset of the first event register.
pub const EVENTS: u32 = 0x100;
/// End of the event registers.
pub const EVENTS_END: u32 = 0x180;

const INTEN: u32 = 0x300;
const INTENSET: u32 = 0x304;
const INTENCLR: u32 = 0x308;

/// The events of one peripheral, those in `implemented`.
#[derive(Debug)]
pub struct Events {
    base: u32,
    implemented: u32,
    raised: u32,
    enabled: u32,
}

impl Events {
    /// Events of the peripheral at `base`; bit n of `implemented` stands for
    /// the register at 0x100 + 4n.
    #[must_use]
    pub const fn new(base: u32, implemented: u32) -> Self {
        Events {
            base,
            implemented,
            raised: 0,
            enabled: 0,
        }
    }

    /// Sets event `index`, and tells the PPI.
    pub fn raise(&mut self, index: u32, context: &mut Context<'_>) {
        self.raise_into(index, context.effects);
    }

    /// As [`Events::raise`], where no context is at hand.
    pub fn raise_into(&mut self, index: u32, effects: &mut Effects) {
        self.raised |= 1 << index;
        // More than this at one time is a guest that plays tricks.
        if effects.raised.len() < 4096 {
            effects.raised.push(self.base + EVENTS + 4 * index);
        }
    }

    /// Whether event `index` is set.
    #[must_use]
    pub const fn is_raised(&self, index: u32) -> bool {
        self.raised >> index & 1 == 1
    }

    /// The interrupt enable mask.
    #[must_use]
    pub const fn enabled(&self) -> u32 {
        self.enabled
    }

    /// The level of the interrupt line.
    #[must_use]
    pub const fn interrupt(&self) -> bool {
        self.raised & self.enabled != 0
    }

    /// Reads an event or enable register, if `offset` is one.
    #[must_use]
    pub fn read(&self, offset: u32) -> Option<u32> {
        match offset {
            INTEN | INTENSET | INTENCLR => Some(self.enabled),
            _ => self
                .index(offset)
                .map(|index| u32::from(self.is_raised(index))),
        }
    }

    /// Writes an event or enable register; `false` if `offset` is neither.
    pub fn write(&mut self, offset: u32, value: u32) -> bool {
        match offset {
            INTEN => self.enabled = value & self.implemented,
            INTENSET => self.enabled |= value & self.implemented,
            INTENCLR => self.enabled &= !value,
            _ => match self.index(offset) {
                Some(index) if value & 1 == 1 => self.raised |= 1 << index,
                Some(index) => self.raised &= !(1 << index),
                None => return false,
            },
        }
        true
    }

    /// Clears all events and enables.
    pub fn reset(&mut self) {
        (self.raised, self.enabled) = (0, 0);
    }

    fn index(&self, offset: u32) -> Option<u32> {
        let index = (EVENTS..EVENTS_END)
            .contains(&offset)
            .then(|| (offset - EVENTS) / 4)?;
        (self.implemented >> index & 1 == 1).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enabled_event_drives_the_line_until_cleared() {
        let mut events = Events::new(0x4000_0000, 0b11);
        let mut effects = Effects::default();
        events.raise_into(1, &mut effects);
        assert!(!events.interrupt());
        assert!(events.write(INTENSET, 0xffff_ffff));
        assert_eq!(events.read(INTENCLR), Some(0b11));
        assert!(events.interrupt());
        assert_eq!(effects.raised, [0x4000_0104]);
        assert!(events.write(0x104, 0));
        assert!(!events.interrupt());
        assert_eq!(events.read(0x108), None);
    }
}
