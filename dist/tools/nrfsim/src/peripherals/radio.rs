// SPDX-License-Identifier: MIT OR Apache-2.0
//! RADIO: registers, states and shortcuts, so that a driver comes up, and
//! nothing on the air. What is sent is lost, nothing is ever received, and the
//! channel is always clear.

use super::events::Events;
use super::{APB_BASE, CYCLES_PER_SECOND, Context, Peripheral, triggers};

const READY: u32 = 0;
const ADDRESS: u32 = 1;
const PAYLOAD: u32 = 2;
const END: u32 = 3;
const DISABLED: u32 = 4;
const RSSIEND: u32 = 7;
const FRAMESTART: u32 = 14;
const EDEND: u32 = 15;
const EDSTOPPED: u32 = 16;
const CCAIDLE: u32 = 17;
const CCASTOPPED: u32 = 19;
const TXREADY: u32 = 21;
const RXREADY: u32 = 22;
const PHYEND: u32 = 27;
const IMPLEMENTED: u32 = 0x0cff_f4ff;

const SHORTS: u32 = 0x200;
const PACKETPTR: u32 = 0x504;
const RSSISAMPLE: u32 = 0x548;
const STATE: u32 = 0x550;
const EDSAMPLE: u32 = 0x668;
const POWER: u32 = 0xffc;

/// Shortcuts from an event to a task: bit of SHORTS, event, task.
const SHORTCUTS: [(u32, u32, u32); 16] = [
    (0, READY, 0x08),
    (1, END, 0x10),
    (2, DISABLED, 0x00),
    (3, DISABLED, 0x04),
    (4, ADDRESS, 0x14),
    (5, END, 0x08),
    (11, RXREADY, 0x2c),
    (12, CCAIDLE, 0x00),
    (15, READY, 0x24),
    (16, EDEND, 0x10),
    (17, CCAIDLE, 0x30),
    (18, TXREADY, 0x08),
    (19, RXREADY, 0x08),
    (20, PHYEND, 0x10),
    (21, PHYEND, 0x08),
    (8, DISABLED, 0x18),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum State {
    Disabled = 0,
    ReceiverRampUp = 1,
    ReceiverIdle = 2,
    Receiving = 3,
    TransmitterRampUp = 9,
    TransmitterIdle = 10,
    Transmitting = 11,
}

const fn microseconds(count: u64) -> u64 {
    CYCLES_PER_SECOND / 1_000_000 * count
}
const RAMP_UP: u64 = microseconds(40);
/// Eight symbols of 16 µs: clear channel assessment, energy detection.
const MEASUREMENT: u64 = microseconds(128);
/// A byte at 250 kbit/s, as in IEEE 802.15.4.
const BYTE: u64 = microseconds(32);
/// Preamble, start of frame and length.
const HEADER: u64 = 6;

/// The radio.
#[derive(Debug)]
pub struct Radio {
    events: Events,
    shorts: u32,
    state: State,
    packet: u32,
    /// When the ramp-up, the frame or the measurement ends, and the events of
    /// its end.
    until: Option<u64>,
    measuring: Option<(u64, u32)>,
    /// All registers without a function here, by offset.
    settings: Vec<u32>,
    depth: u8,
}

impl Default for Radio {
    fn default() -> Self {
        Radio {
            events: Events::new(APB_BASE + 0x1000, IMPLEMENTED),
            shorts: 0,
            state: State::Disabled,
            packet: 0,
            until: None,
            measuring: None,
            settings: vec![0; 0x400],
            depth: 0,
        }
    }
}

impl Radio {
    /// Raises events, and follows the shortcuts from them.
    fn raise(&mut self, events: &[u32], context: &mut Context<'_>) {
        for event in events {
            self.events.raise(*event, context);
        }
        // END by START by END and so on would be endless only in zero time,
        // which no START takes; a wrong setting must still not overflow.
        if self.depth >= 8 {
            return;
        }
        self.depth += 1;
        for (bit, event, task) in SHORTCUTS {
            if self.shorts >> bit & 1 == 1 && events.contains(&event) {
                self.task(task, context);
            }
        }
        self.depth -= 1;
    }

    fn task(&mut self, offset: u32, context: &mut Context<'_>) -> bool {
        let now = context.now;
        match offset {
            0x00 => (self.state, self.until) = (State::TransmitterRampUp, Some(now + RAMP_UP)),
            0x04 => (self.state, self.until) = (State::ReceiverRampUp, Some(now + RAMP_UP)),
            0x08 => match self.state {
                State::TransmitterIdle => {
                    let mut length = [0];
                    let _ = context.memory.read(self.packet, &mut length);
                    let bytes = HEADER + u64::from(length[0] & 0x7f);
                    (self.state, self.until) = (State::Transmitting, Some(now + bytes * BYTE));
                    self.raise(&[ADDRESS, FRAMESTART], context);
                }
                State::ReceiverIdle => self.state = State::Receiving,
                _ => {}
            },
            0x0c => match self.state {
                State::Transmitting => (self.state, self.until) = (State::TransmitterIdle, None),
                State::Receiving => self.state = State::ReceiverIdle,
                _ => {}
            },
            0x10 => {
                (self.state, self.until, self.measuring) = (State::Disabled, None, None);
                self.raise(&[DISABLED], context);
            }
            0x14 => self.raise(&[RSSIEND], context),
            0x18 | 0x1c | 0x20 => {}
            0x24 => self.measuring = Some((now + MEASUREMENT, EDEND)),
            0x28 => {
                self.measuring = None;
                self.raise(&[EDSTOPPED], context);
            }
            0x2c => self.measuring = Some((now + MEASUREMENT, CCAIDLE)),
            0x30 => {
                self.measuring = None;
                self.raise(&[CCASTOPPED], context);
            }
            _ => return false,
        }
        true
    }
}

impl Peripheral for Radio {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        match offset {
            0..0x34 => Some(0),
            SHORTS => Some(self.shorts),
            STATE => Some(self.state as u32),
            // -127 dBm: nobody is there.
            RSSISAMPLE => Some(127),
            EDSAMPLE => Some(0),
            PACKETPTR => Some(self.packet),
            0x400.. => self.settings.get(offset as usize / 4).copied(),
            _ => self.events.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        match offset {
            0..0x34 if triggers(value) => return self.task(offset, context),
            0..0x34 => {}
            SHORTS => self.shorts = value,
            PACKETPTR => self.packet = value,
            POWER if value & 1 == 0 => self.reset(),
            0x400.. => match self.settings.get_mut(offset as usize / 4) {
                Some(setting) => *setting = value,
                None => return false,
            },
            _ => return self.events.write(offset, value),
        }
        true
    }

    fn interrupt(&self) -> bool {
        self.events.interrupt()
    }

    fn deadline(&self) -> Option<u64> {
        super::earliest(self.until, self.measuring.map(|(until, _)| until))
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        if let Some((_, event)) = self.measuring.filter(|(until, _)| *until <= context.now) {
            self.measuring = None;
            self.raise(&[event], context);
        }
        if self.until.is_some_and(|until| until <= context.now) {
            self.until = None;
            match self.state {
                State::TransmitterRampUp => {
                    self.state = State::TransmitterIdle;
                    self.raise(&[READY, TXREADY], context);
                }
                State::ReceiverRampUp => {
                    self.state = State::ReceiverIdle;
                    self.raise(&[READY, RXREADY], context);
                }
                State::Transmitting => {
                    self.state = State::TransmitterIdle;
                    self.raise(&[PAYLOAD, END, PHYEND], context);
                }
                _ => {}
            }
        }
    }

    fn reset(&mut self) {
        *self = Radio::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_frame_goes_out_by_shortcuts_and_the_radio_is_off_again() {
        let mut radio = Bench::new(Radio::default());
        // RXREADY to CCASTART, CCAIDLE to TXEN, TXREADY to START, PHYEND to DISABLE.
        radio.write(SHORTS, 1 << 11 | 1 << 12 | 1 << 18 | 1 << 20);
        radio.write(PACKETPTR, crate::memory::RAM_BASE);
        radio.write(0x04, 1);
        assert_eq!(radio.read(STATE), 1);
        radio.run_to(CYCLES_PER_SECOND / 100);
        assert_eq!(
            (
                radio.read(0x144),
                radio.read(0x16c),
                radio.read(0x110),
                radio.read(STATE)
            ),
            (1, 1, 1, 0)
        );
    }

    #[test]
    fn shortcuts_in_a_circle_end() {
        let mut radio = Bench::new(Radio::default());
        for offset in (0..0x34).step_by(4) {
            radio.write(SHORTS, u32::MAX);
            radio.write(offset, 1);
            radio.run_to(radio.now + CYCLES_PER_SECOND / 1000);
        }
    }
}
