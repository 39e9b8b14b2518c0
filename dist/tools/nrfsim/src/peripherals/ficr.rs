// SPDX-License-Identifier: MIT OR Apache-2.0
//! FICR: what the factory wrote about this chip. Read only.

use super::{Context, Peripheral};

/// Where the FICR is.
pub const FICR_BASE: u32 = 0x1000_0000;

/// The factory information of one chip.
#[derive(Clone, Copy, Debug)]
pub struct Ficr {
    device_id: u64,
}

impl Ficr {
    /// The chip with this identifier; its radio address and keys follow from
    /// it.
    #[must_use]
    pub const fn new(device_id: u64) -> Self {
        Ficr { device_id }
    }

    /// The word at `offset`. What is not known reads as erased flash.
    #[must_use]
    pub const fn word(&self, offset: u32) -> u32 {
        let (low, high) = (self.device_id as u32, (self.device_id >> 32) as u32);
        match offset {
            0x010 => 4096, // CODEPAGESIZE
            0x014 => 256,  // CODESIZE, in pages
            0x060 => low,  // DEVICEID[0]
            0x064 => high, // DEVICEID[1]
            0x080..=0x09c => low.rotate_left(offset) ^ high.wrapping_mul(offset | 1), // ER, IR
            0x0a0 => 1,    // DEVICEADDRTYPE: random
            0x0a4 => low ^ 0xc0de_f00d, // DEVICEADDR[0]
            0x0a8 => high & 0xffff, // DEVICEADDR[1]
            0x100 => 0x0005_2840, // INFO.PART
            0x104 => 0x4141_4430, // INFO.VARIANT: "AAD0"
            0x108 => 0x0000_2004, // INFO.PACKAGE: QI
            0x10c => 256,  // INFO.RAM, KiB
            0x110 => 1024, // INFO.FLASH, KiB
            // Not in the specification, but read by the vendor's errata
            // functions: nRF52840, revision 3.
            0x130 => 0x08,
            0x134 => 0x03,
            _ => u32::MAX,
        }
    }
}

impl Peripheral for Ficr {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        Some(self.word(offset))
    }

    fn write(&mut self, _offset: u32, _value: u32, _context: &mut Context<'_>) -> bool {
        false
    }

    fn reset(&mut self) {}
}
