// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chip around the processor: all peripherals, dispatched by address, the
//! PPI between them, and the time of what comes next.

use std::collections::{HashMap, VecDeque};

use crate::devices::{Devices, NAMES, PAGES};
use crate::memory::Memory;
use crate::notes::{Level, Notes};
use crate::peripherals::events::{EVENTS, EVENTS_END};
use crate::peripherals::ficr::Ficr;
use crate::peripherals::gpio::GPIO_BASE;
use crate::peripherals::nvmc::NotWritable;
use crate::peripherals::{APB_BASE, Context, Effects, earliest};

/// Registers without a model that keep what is written to them.
const LATCHES: usize = 1 << 16;
/// How often in a row an event is read as not set before time is skipped.
const POLLS: u32 = 16;
/// Hops by the PPI at one time. On a device each takes a clock; here, a circle
/// must end.
const HOPS: usize = 64;

/// The world outside gives a pin a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stimulus {
    /// When, in cycles.
    pub time: u64,
    /// The port.
    pub port: usize,
    /// The pin in its port.
    pub pin: u32,
    /// The level.
    pub high: bool,
}

/// What differs from chip to chip and from run to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// FICR.DEVICEID.
    pub device_id: u64,
    /// Where RNG's bytes come from.
    pub seed: u64,
    /// Report accesses to what is not modelled.
    pub trace: bool,
    /// Report changes of pins.
    pub trace_pins: bool,
    /// Levels of pins in time.
    pub stimuli: Vec<Stimulus>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            device_id: 0x0123_4567_89ab_cdef,
            seed: 1,
            trace: false,
            trace_pins: false,
            stimuli: Vec::new(),
        }
    }
}

/// All peripherals.
#[derive(Debug)]
pub struct Soc {
    /// The peripherals.
    pub devices: Devices,
    /// What peripherals caused and nobody took yet.
    pub effects: Effects,
    ficr: Ficr,
    memory: Memory,
    latches: HashMap<u32, u32>,
    stimuli: VecDeque<Stimulus>,
    interrupts: u64,
    next: Option<u64>,
    polled: (u32, u32),
    poll_skip: bool,
    accesses: [u64; PAGES],
}

impl Soc {
    /// A chip after power-on, around these memories.
    #[must_use]
    pub fn new(memory: Memory, settings: &Settings) -> Self {
        let mut devices = Devices::new(settings.seed);
        if settings.trace_pins {
            devices.gpio.record_changes();
        }
        let mut stimuli = settings.stimuli.clone();
        stimuli.sort_unstable();
        let next = stimuli.first().map(|stimulus| stimulus.time);
        Soc {
            devices,
            effects: Effects {
                notes: Notes::new(settings.trace),
                ..Effects::default()
            },
            ficr: Ficr::new(settings.device_id),
            memory,
            latches: HashMap::new(),
            stimuli: stimuli.into(),
            interrupts: 0,
            next,
            polled: (0, 0),
            poll_skip: false,
            accesses: [0; PAGES],
        }
    }

    /// The levels of the interrupt lines.
    #[must_use]
    pub const fn interrupts(&self) -> u64 {
        self.interrupts
    }

    /// When [`Soc::advance`] is to be called at the latest.
    #[must_use]
    pub const fn next(&self) -> Option<u64> {
        self.next
    }

    /// Whether the guest does nothing but read an event that will come only at
    /// [`Soc::next`] or later; asking forgets it.
    pub fn take_poll_skip(&mut self) -> bool {
        std::mem::take(&mut self.poll_skip)
    }

    /// Accesses to each page that has any.
    pub fn accesses(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        NAMES
            .into_iter()
            .zip(self.accesses)
            .filter(|(_, count)| *count > 0)
    }

    /// The peripheral with this interrupt number.
    #[must_use]
    pub fn name(interrupt: usize) -> &'static str {
        NAMES.get(interrupt).copied().unwrap_or("?")
    }

    /// A system reset: peripherals start anew; memories, pins and the lines'
    /// other ends stay.
    pub fn reset(&mut self, now: u64) {
        self.devices.each(|_, device| device.reset());
        self.effects.raised.clear();
        self.latches.clear();
        self.settle(now);
    }

    /// Reads a register of the peripheral bus.
    pub fn read(&mut self, address: u32, now: u64) -> u32 {
        let page = page_of(address);
        self.accesses[page] += 1;
        let offset = address & 0xffc;
        let mut context = Self::context(now, &self.memory, &mut self.effects);
        let value = self
            .devices
            .page(page)
            .and_then(|device| device.read(offset, &mut context));
        let Some(value) = value else {
            self.unknown(address, None);
            return self.latches.get(&address).copied().unwrap_or(0);
        };
        self.watch_polling(page, address, value);
        value
    }

    /// Writes a register of the peripheral bus.
    pub fn write(&mut self, address: u32, value: u32, now: u64) {
        let page = page_of(address);
        self.accesses[page] += 1;
        self.polled = (0, 0);
        if !self.dispatch(address, value, now) {
            self.unknown(address, Some(value));
            if self.latches.len() < LATCHES {
                self.latches.insert(address, value);
            }
        }
        self.settle(now);
    }

    /// Reads a register of the ports.
    pub fn read_port(&mut self, address: u32) -> u32 {
        self.devices
            .gpio
            .read_port(address.wrapping_sub(GPIO_BASE))
            .unwrap_or_else(|| {
                self.unknown(address, None);
                0
            })
    }

    /// Writes a register of the ports.
    pub fn write_port(&mut self, address: u32, value: u32, now: u64) {
        self.polled = (0, 0);
        let mut context = Self::context(now, &self.memory, &mut self.effects);
        if !self
            .devices
            .gpio
            .write_port(address.wrapping_sub(GPIO_BASE), value, &mut context)
        {
            self.unknown(address, Some(value));
        }
        self.settle(now);
    }

    /// The word of the factory information at `offset`.
    #[must_use]
    pub const fn factory_word(&self, offset: u32) -> u32 {
        self.ficr.word(offset)
    }

    /// A store to flash or UICR.
    ///
    /// # Errors
    ///
    /// [`NotWritable`] as [`crate::peripherals::nvmc::Nvmc::program`] says.
    pub fn program(&mut self, address: u32, bytes: &[u8], now: u64) -> Result<(), NotWritable> {
        let mut context = Self::context(now, &self.memory, &mut self.effects);
        self.devices.nvmc.program(address, bytes, &mut context)
    }

    /// Lets everything happen that is due.
    pub fn advance(&mut self, now: u64) {
        while let Some(stimulus) = self
            .stimuli
            .front()
            .copied()
            .filter(|stimulus| stimulus.time <= now)
        {
            self.stimuli.pop_front();
            let mut context = Self::context(now, &self.memory, &mut self.effects);
            self.devices.gpio.drive(
                stimulus.port,
                stimulus.pin,
                Some(stimulus.high),
                &mut context,
            );
        }
        let mut context = Self::context(now, &self.memory, &mut self.effects);
        self.devices.each(|_, device| {
            if device.deadline().is_some_and(|deadline| deadline <= now) {
                device.advance(&mut context);
            }
        });
        self.settle(now);
    }

    /// Computes anew what follows from the state: tasks by the PPI, interrupt
    /// lines, the next deadline. To be called after any change from outside.
    pub fn settle(&mut self, now: u64) {
        self.route(now);
        let (mut interrupts, mut next) = (0, None);
        self.devices.each(|page, device| {
            interrupts |= u64::from(device.interrupt()) << page;
            next = earliest(next, device.deadline());
        });
        self.interrupts = interrupts;
        self.next = earliest(next, self.stimuli.front().map(|stimulus| stimulus.time));
    }

    /// Passes events through the PPI to tasks.
    fn route(&mut self, now: u64) {
        let mut hops = 0;
        while !self.effects.raised.is_empty() {
            let raised = std::mem::take(&mut self.effects.raised);
            if !self.devices.ppi.is_active() || hops >= HOPS {
                return;
            }
            hops += 1;
            let tasks: Vec<u32> = raised
                .iter()
                .flat_map(|event| self.devices.ppi.tasks(*event))
                .collect();
            for task in tasks {
                if task & 0xffc < 0x100 && task >> 18 == APB_BASE >> 18 {
                    self.dispatch(task, 1, now);
                }
            }
        }
    }

    fn dispatch(&mut self, address: u32, value: u32, now: u64) -> bool {
        let mut context = Self::context(now, &self.memory, &mut self.effects);
        self.devices
            .page(page_of(address))
            .is_some_and(|device| device.write(address & 0xffc, value, &mut context))
    }

    /// Notices that the guest reads the same event again and again while its
    /// peripheral is busy: nothing is lost if the time until it is done passes
    /// at once.
    fn watch_polling(&mut self, page: usize, address: u32, value: u32) {
        let is_event = (EVENTS..EVENTS_END).contains(&(address & 0xffc));
        if value != 0 || !is_event {
            self.polled = (0, 0);
            return;
        }
        let count = if self.polled.0 == address {
            self.polled.1 + 1
        } else {
            1
        };
        self.polled = (address, count);
        if count >= POLLS {
            self.poll_skip = self
                .devices
                .page(page)
                .is_some_and(|device| device.deadline().is_some());
        }
    }

    fn unknown(&mut self, address: u32, value: Option<u32>) {
        let (kind, text) = if value.is_some() {
            ("unknown write", "write of")
        } else {
            ("unknown read", "read")
        };
        self.effects.notes.add(Level::Trace, kind, address, || {
            let name = if address >> 28 == APB_BASE >> 28 {
                NAMES[page_of(address)]
            } else {
                "GPIO"
            };
            let value = value
                .map(|value| format!(" {value:#010x}"))
                .unwrap_or_default();
            format!("{name}: {text}{value} at {address:#010x}, which is not modelled")
        });
    }

    fn context<'a>(now: u64, memory: &'a Memory, effects: &'a mut Effects) -> Context<'a> {
        Context {
            now,
            memory,
            effects,
        }
    }
}

const fn page_of(address: u32) -> usize {
    (address >> 12) as usize % PAGES
}
