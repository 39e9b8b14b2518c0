// SPDX-License-Identifier: MIT OR Apache-2.0
//! GPIO and GPIOTE: 48 pins on two ports, and the eight channels and the PORT
//! event that make tasks and events of them.
//!
//! A pin that is not an output has the level that the world outside gives it
//! ([`Gpio::drive`]), else that of its pull resistor, else low.

use super::events::Events;
use super::{APB_BASE, Context, Peripheral, triggers};

/// Where port 0 is; port 1 follows 0x300 further on.
pub const GPIO_BASE: u32 = 0x5000_0000;
const PORT_STRIDE: u32 = 0x300;
/// Pins of each port.
pub const PINS: [u32; 2] = [32, 16];

const OUT: u32 = 0x504;
const OUTSET: u32 = 0x508;
const OUTCLR: u32 = 0x50c;
const IN: u32 = 0x510;
const DIR: u32 = 0x514;
const DIRSET: u32 = 0x518;
const DIRCLR: u32 = 0x51c;
const LATCH: u32 = 0x520;
const DETECTMODE: u32 = 0x524;
const PIN_CNF: u32 = 0x700;
const PIN_CNF_END: u32 = 0x780;

const CONFIG: u32 = 0x510;
const CONFIG_END: u32 = CONFIG + 4 * 8;
const PORT_EVENT: u32 = 31;
const MODE_EVENT: u32 = 1;
const MODE_TASK: u32 = 3;

/// Bit of PIN_CNF: the input buffer is disconnected. Set after reset.
const DISCONNECTED: u32 = 1 << 1;

/// A pin has changed its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinChange {
    /// When, in cycles.
    pub time: u64,
    /// The port, 0 or 1.
    pub port: usize,
    /// The pin in its port.
    pub pin: u32,
    /// The new level.
    pub high: bool,
}

#[derive(Clone, Copy, Debug)]
struct Port {
    out: u32,
    direction: u32,
    latch: u32,
    latch_mode: bool,
    configuration: [u32; 32],
    /// Levels given from outside, and which are.
    outside: u32,
    driven: u32,
    /// Levels as of the last update.
    level: u32,
}

impl Port {
    const fn new() -> Self {
        Port {
            out: 0,
            direction: 0,
            latch: 0,
            latch_mode: false,
            configuration: [DISCONNECTED; 32],
            outside: 0,
            driven: 0,
            level: 0,
        }
    }

    /// The pins with this value in bits `shift` and `shift + 1` of PIN_CNF.
    fn configured(&self, shift: u32, value: u32) -> u32 {
        let matching = self.configuration.iter().enumerate();
        matching
            .filter(|(_, word)| **word >> shift & 3 == value)
            .fold(0, |pins, (pin, _)| pins | 1 << pin)
    }

    fn connected(&self) -> u32 {
        !self.configured_bit(DISCONNECTED)
    }

    fn configured_bit(&self, bit: u32) -> u32 {
        self.configuration
            .iter()
            .enumerate()
            .filter(|(_, word)| **word & bit != 0)
            .fold(0, |pins, (pin, _)| pins | 1 << pin)
    }

    fn compute_level(&self) -> u32 {
        let pulled_up = self.configured(2, 3);
        let input = self.outside & self.driven | pulled_up & !self.driven;
        self.out & self.direction | input & !self.direction
    }

    /// Pins that fulfil their SENSE condition.
    fn sensed(&self) -> u32 {
        (self.level & self.configured(16, 2) | !self.level & self.configured(16, 3))
            & self.connected()
    }

    fn set_direction(&mut self, direction: u32) {
        self.direction = direction;
        for (pin, word) in self.configuration.iter_mut().enumerate() {
            *word = *word & !1 | direction >> pin & 1;
        }
    }
}

/// Both ports, and GPIOTE.
#[derive(Debug)]
pub struct Gpio {
    ports: [Port; 2],
    events: Events,
    channels: [u32; 8],
    detected: bool,
    changes: Vec<PinChange>,
    record: bool,
}

impl Default for Gpio {
    fn default() -> Self {
        Gpio {
            ports: [Port::new(); 2],
            events: Events::new(APB_BASE + 0x6000, 0xff | 1 << PORT_EVENT),
            channels: [0; 8],
            detected: false,
            changes: Vec::new(),
            record: false,
        }
    }
}

impl Gpio {
    /// From now on keeps the changes of all pins for [`Gpio::take_changes`].
    pub const fn record_changes(&mut self) {
        self.record = true;
    }

    /// Takes the changes since the last call.
    pub fn take_changes(&mut self) -> Vec<PinChange> {
        std::mem::take(&mut self.changes)
    }

    /// The level of a pin.
    #[must_use]
    pub fn level(&self, port: usize, pin: u32) -> bool {
        self.ports
            .get(port)
            .is_some_and(|port| pin < 32 && port.level >> pin & 1 == 1)
    }

    /// The world outside gives a pin a level, or lets go of it. A pin that does
    /// not exist is ignored.
    pub fn drive(&mut self, port: usize, pin: u32, level: Option<bool>, context: &mut Context<'_>) {
        if PINS.get(port).is_none_or(|pins| pin >= *pins) {
            return;
        }
        let state = &mut self.ports[port];
        let bit = 1 << pin;
        state.driven = state.driven & !bit | if level.is_some() { bit } else { 0 };
        state.outside = state.outside & !bit | if level == Some(true) { bit } else { 0 };
        self.update(context);
    }

    /// Computes the levels anew, and what follows from a change.
    fn update(&mut self, context: &mut Context<'_>) {
        for index in 0..2 {
            let port = &mut self.ports[index];
            let level = port.compute_level();
            let changed = level ^ port.level;
            port.level = level;
            if changed == 0 {
                continue;
            }
            // A channel sees a pin through its input buffer.
            let visible = changed & port.connected();
            for channel in 0..self.channels.len() {
                let configuration = self.channels[channel];
                let (mode, pin) = (configuration & 3, configuration >> 8 & 31);
                if mode != MODE_EVENT
                    || (configuration >> 13 & 1) as usize != index
                    || visible >> pin & 1 == 0
                {
                    continue;
                }
                let rising = level >> pin & 1 == 1;
                // POLARITY: 1 rising, 2 falling, 3 both.
                if configuration >> 16 & if rising { 1 } else { 2 } != 0 {
                    self.events.raise(channel as u32, context);
                }
            }
            if self.record {
                let pins = (0..32).filter(|pin| changed >> pin & 1 == 1);
                self.changes.extend(pins.map(|pin| PinChange {
                    time: context.now,
                    port: index,
                    pin,
                    high: level >> pin & 1 == 1,
                }));
            }
        }
        self.update_latches(context);
    }

    fn update_latches(&mut self, context: &mut Context<'_>) {
        let mut detected = false;
        for port in &mut self.ports {
            let sensed = port.sensed();
            port.latch |= sensed;
            detected |= if port.latch_mode {
                port.latch != 0
            } else {
                sensed != 0
            };
        }
        if detected && !self.detected {
            self.events.raise(PORT_EVENT, context);
        }
        self.detected = detected;
    }

    /// Reads a register of the ports, by its offset from [`GPIO_BASE`].
    pub fn read_port(&mut self, offset: u32) -> Option<u32> {
        let (index, offset) = locate(offset)?;
        let port = &self.ports[index];
        Some(match offset {
            OUT | OUTSET | OUTCLR => port.out,
            IN => port.level & port.connected(),
            DIR | DIRSET | DIRCLR => port.direction,
            LATCH => port.latch,
            DETECTMODE => u32::from(port.latch_mode),
            PIN_CNF..PIN_CNF_END => port.configuration[(offset - PIN_CNF) as usize / 4],
            _ => return None,
        })
    }

    /// Writes a register of the ports, by its offset from [`GPIO_BASE`].
    pub fn write_port(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        let Some((index, offset)) = locate(offset) else {
            return false;
        };
        let existing = if index == 0 { u32::MAX } else { 0xffff };
        let port = &mut self.ports[index];
        match offset {
            OUT => port.out = value & existing,
            OUTSET => port.out |= value & existing,
            OUTCLR => port.out &= !value,
            IN => {}
            DIR => port.set_direction(value & existing),
            DIRSET => port.set_direction((port.direction | value) & existing),
            DIRCLR => port.set_direction(port.direction & !value),
            LATCH => {
                port.latch &= !value;
                // What still fulfils its condition latches, and is detected,
                // again.
                self.detected &= self
                    .ports
                    .iter()
                    .any(|port| !port.latch_mode && port.sensed() != 0);
            }
            DETECTMODE => port.latch_mode = value & 1 == 1,
            PIN_CNF..PIN_CNF_END => {
                let pin = (offset - PIN_CNF) / 4;
                port.configuration[pin as usize] = value;
                port.direction = port.direction & !(1 << pin) | (value & 1) << pin;
            }
            _ => return false,
        }
        self.update(context);
        true
    }

    /// A task of a GPIOTE channel: 0 as its polarity says, 1 set, 2 clear.
    fn task(&mut self, kind: u32, channel: usize, context: &mut Context<'_>) {
        let configuration = self.channels[channel];
        if configuration & 3 != MODE_TASK {
            return;
        }
        let port = &mut self.ports[(configuration >> 13 & 1) as usize];
        let bit = 1 << (configuration >> 8 & 31);
        let action = if kind == 0 {
            configuration >> 16 & 3
        } else {
            kind
        };
        match action {
            1 => port.out |= bit,
            2 => port.out &= !bit,
            3 => port.out ^= bit,
            _ => {}
        }
        self.update(context);
    }
}

/// GPIOTE's registers.
impl Peripheral for Gpio {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        match offset {
            0x000..0x020 | 0x030..0x050 | 0x060..0x080 => Some(0),
            CONFIG..CONFIG_END => Some(self.channels[(offset - CONFIG) as usize / 4]),
            _ => self.events.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        let task = |first: u32| (offset - first) as usize / 4;
        match offset {
            0x000..0x020 if triggers(value) => self.task(0, task(0x000), context),
            0x030..0x050 if triggers(value) => self.task(1, task(0x030), context),
            0x060..0x080 if triggers(value) => self.task(2, task(0x060), context),
            0x000..0x020 | 0x030..0x050 | 0x060..0x080 => {}
            CONFIG..CONFIG_END => {
                self.channels[(offset - CONFIG) as usize / 4] = value;
                if value & 3 == MODE_TASK {
                    // The channel takes the pin over, with OUTINIT.
                    let port = &mut self.ports[(value >> 13 & 1) as usize];
                    let pin = value >> 8 & 31;
                    port.set_direction(port.direction | 1 << pin);
                    port.out = port.out & !(1 << pin) | (value >> 20 & 1) << pin;
                    self.update(context);
                }
            }
            _ => return self.events.write(offset, value),
        }
        true
    }

    fn interrupt(&self) -> bool {
        self.events.interrupt()
    }

    /// The world outside stays as it is.
    fn reset(&mut self) {
        for port in &mut self.ports {
            *port = Port {
                outside: port.outside,
                driven: port.driven,
                ..Port::new()
            };
            port.level = port.compute_level();
        }
        self.events.reset();
        self.channels = [0; 8];
        self.detected = false;
    }
}

/// The port that a register belongs to, and its offset as if in port 0.
const fn locate(offset: u32) -> Option<(usize, u32)> {
    match offset {
        OUT..=DETECTMODE | PIN_CNF..PIN_CNF_END => Some((0, offset)),
        0x804..=0x824 | 0xa00..0xa40 => Some((1, offset - PORT_STRIDE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use crate::peripherals::Effects;

    struct Bench {
        gpio: Gpio,
        memory: Memory,
        effects: Effects,
    }

    impl Bench {
        fn new() -> Self {
            Bench {
                gpio: Gpio::default(),
                memory: Memory::new(),
                effects: Effects::default(),
            }
        }

        fn with<T>(&mut self, run: impl FnOnce(&mut Gpio, &mut Context<'_>) -> T) -> T {
            let mut context = Context {
                now: 0,
                memory: &self.memory,
                effects: &mut self.effects,
            };
            run(&mut self.gpio, &mut context)
        }

        fn port(&mut self, offset: u32, value: u32) {
            assert!(self.with(|gpio, context| gpio.write_port(offset, value, context)));
        }

        fn gpiote(&mut self, offset: u32, value: u32) {
            assert!(self.with(|gpio, context| gpio.write(offset, value, context)));
        }

        fn drive(&mut self, port: usize, pin: u32, level: Option<bool>) {
            self.with(|gpio, context| gpio.drive(port, pin, level, context));
        }
    }

    /// Input, connected, pull-up: a button of the board.
    const PULLED_UP: u32 = 3 << 2;
    const FALLING: u32 = 2 << 16;

    #[test]
    fn outputs_read_back_only_through_the_input_buffer() {
        let mut bench = Bench::new();
        bench.port(PIN_CNF + 4 * 13, 1);
        bench.port(OUTSET, 1 << 13);
        assert_eq!(bench.gpio.read_port(DIR), Some(1 << 13));
        assert_eq!(bench.gpio.read_port(IN), Some(1 << 13));
        bench.port(PIN_CNF + 4 * 13, 1 | DISCONNECTED);
        assert!(bench.gpio.level(0, 13));
        assert_eq!(bench.gpio.read_port(IN), Some(0));
        bench.port(OUTCLR, 1 << 13);
        assert!(!bench.gpio.level(0, 13));
    }

    #[test]
    fn an_edge_of_the_right_kind_interrupts() {
        let mut bench = Bench::new();
        bench.port(PIN_CNF + 4 * 11, PULLED_UP);
        assert_eq!(bench.gpio.read_port(IN), Some(1 << 11));
        bench.gpiote(CONFIG + 8, MODE_EVENT | 11 << 8 | FALLING);
        bench.gpiote(0x304, 1 << 2);
        bench.drive(0, 11, Some(true));
        assert!(!bench.gpio.interrupt());
        bench.drive(0, 11, Some(false));
        assert!(bench.gpio.interrupt());
        bench.gpiote(0x108, 0);
        bench.drive(0, 11, None);
        assert!(!bench.gpio.interrupt(), "let go: a rising edge");
        assert_eq!(bench.effects.raised, [0x4000_6108]);
    }

    #[test]
    fn port_one_is_told_apart() {
        let mut bench = Bench::new();
        bench.port(PIN_CNF + PORT_STRIDE + 4 * 2, 0);
        bench.gpiote(CONFIG, MODE_EVENT | 1 << 13 | 2 << 8 | 3 << 16);
        bench.drive(0, 2, Some(true));
        assert!(bench.effects.raised.is_empty());
        bench.drive(1, 2, Some(true));
        bench.drive(1, 2, Some(false));
        assert_eq!(bench.effects.raised.len(), 2);
        bench.drive(1, 16, Some(true));
        bench.drive(7, 0, Some(true));
    }

    #[test]
    fn sense_latches_and_raises_the_port_event() {
        let mut bench = Bench::new();
        bench.port(PIN_CNF + 4 * 5, 2 << 16);
        bench.drive(0, 5, Some(true));
        assert_eq!(bench.gpio.read_port(LATCH), Some(1 << 5));
        assert_eq!(
            bench.with(|gpio, context| gpio.read(0x17c, context)),
            Some(1)
        );
        bench.port(LATCH, 1 << 5);
        assert_eq!(bench.gpio.read_port(LATCH), Some(1 << 5), "still high");
        bench.drive(0, 5, Some(false));
        bench.port(LATCH, 1 << 5);
        assert_eq!(bench.gpio.read_port(LATCH), Some(0));
    }

    #[test]
    fn a_task_toggles_its_pin() {
        let mut bench = Bench::new();
        bench.gpio.record_changes();
        bench.gpiote(CONFIG, MODE_TASK | 13 << 8 | 3 << 16 | 1 << 20);
        bench.gpiote(0x000, 1);
        bench.gpiote(0x030, 1);
        bench.gpiote(0x060, 1);
        let levels = bench
            .gpio
            .take_changes()
            .iter()
            .map(|change| change.high)
            .collect::<Vec<_>>();
        assert_eq!(levels, [true, false, true, false]);
    }
}
