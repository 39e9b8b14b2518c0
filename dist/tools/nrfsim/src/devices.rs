// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which peripheral is at which page of the bus.

use crate::peripherals::Peripheral;
use crate::peripherals::clock::Clock;
use crate::peripherals::gpio::Gpio;
use crate::peripherals::nvmc::Nvmc;
use crate::peripherals::ppi::Ppi;
use crate::peripherals::radio::Radio;
use crate::peripherals::rng::Rng;
use crate::peripherals::rtc::Rtc;
use crate::peripherals::temp::Temp;
use crate::peripherals::timer::Timer;
use crate::peripherals::uarte::Uarte;

/// Pages of peripherals on the bus; also the number of interrupt lines.
pub const PAGES: usize = 64;

/// Names of the pages.
#[rustfmt::skip]
pub(crate) const NAMES: [&str; PAGES] = [
    "CLOCK/POWER", "RADIO", "UARTE0", "SPI0/TWI0", "SPI1/TWI1", "NFCT", "GPIOTE", "SAADC",
    "TIMER0", "TIMER1", "TIMER2", "RTC0", "TEMP", "RNG", "ECB", "CCM/AAR",
    "WDT", "RTC1", "QDEC", "COMP", "EGU0", "EGU1", "EGU2", "EGU3",
    "EGU4", "EGU5", "TIMER3", "TIMER4", "PWM0", "PDM", "NVMC/ACL", "PPI",
    "MWU", "PWM1", "PWM2", "SPI2", "RTC2", "I2S", "FPU", "USBD",
    "UARTE1", "QSPI", "0x2a", "0x2b", "0x2c", "PWM3", "0x2e", "SPIM3",
    "0x30", "0x31", "0x32", "0x33", "0x34", "0x35", "0x36", "0x37",
    "0x38", "0x39", "0x3a", "0x3b", "0x3c", "0x3d", "0x3e", "0x3f",
];

/// Pages that have a model.
const MODELLED: [usize; 17] = [
    0x00, 0x01, 0x02, 0x06, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x11, 0x1a, 0x1b, 0x1e, 0x1f, 0x24,
    0x28,
];

/// All peripherals that have a model.
#[derive(Debug)]
pub struct Devices {
    /// CLOCK and POWER.
    pub clock: Clock,
    /// RADIO.
    pub radio: Radio,
    /// UARTE0 and UARTE1.
    pub lines: [Uarte; 2],
    /// Both ports and GPIOTE.
    pub gpio: Gpio,
    /// TIMER0 to TIMER4.
    pub timers: [Timer; 5],
    /// RTC0 to RTC2.
    pub rtcs: [Rtc; 3],
    /// TEMP.
    pub temp: Temp,
    /// RNG.
    pub rng: Rng,
    /// The flash controller.
    pub nvmc: Nvmc,
    /// PPI.
    pub ppi: Ppi,
}

impl Devices {
    /// All peripherals after power-on, with RNG seeded.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Devices {
            clock: Clock::default(),
            radio: Radio::default(),
            lines: [Uarte::new(0x02), Uarte::new(0x28)],
            gpio: Gpio::default(),
            timers: [
                Timer::new(0x08, 4),
                Timer::new(0x09, 4),
                Timer::new(0x0a, 4),
                Timer::new(0x1a, 6),
                Timer::new(0x1b, 6),
            ],
            rtcs: [Rtc::new(0x0b, 3), Rtc::new(0x11, 4), Rtc::new(0x24, 4)],
            temp: Temp::default(),
            rng: Rng::new(seed),
            nvmc: Nvmc::default(),
            ppi: Ppi::default(),
        }
    }

    /// The peripheral at this page.
    pub fn page(&mut self, page: usize) -> Option<&mut dyn Peripheral> {
        Some(match page {
            0x00 => &mut self.clock,
            0x01 => &mut self.radio,
            0x02 => &mut self.lines[0],
            0x06 => &mut self.gpio,
            0x08 => &mut self.timers[0],
            0x09 => &mut self.timers[1],
            0x0a => &mut self.timers[2],
            0x0b => &mut self.rtcs[0],
            0x0c => &mut self.temp,
            0x0d => &mut self.rng,
            0x11 => &mut self.rtcs[1],
            0x1a => &mut self.timers[3],
            0x1b => &mut self.timers[4],
            0x1e => &mut self.nvmc,
            0x1f => &mut self.ppi,
            0x24 => &mut self.rtcs[2],
            0x28 => &mut self.lines[1],
            _ => return None,
        })
    }

    /// Visits all peripherals with the number of their page.
    pub fn each(&mut self, mut visit: impl FnMut(usize, &mut dyn Peripheral)) {
        for page in MODELLED {
            if let Some(device) = self.page(page) {
                visit(page, device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_models_is_complete() {
        let mut devices = Devices::new(0);
        let modelled: Vec<usize> = (0..PAGES)
            .filter(|page| devices.page(*page).is_some())
            .collect();
        assert_eq!(modelled, MODELLED);
    }
}
