// SPDX-License-Identifier: MIT OR Apache-2.0
//! NVMC: how flash and UICR are written and erased.
//!
//! A write can only turn ones into zeros, whole words at a time, and only while
//! CONFIG.WEN allows it; an erase turns a page into ones. The processor stands
//! still meanwhile, as it does on a device that executes from flash. A word may
//! be written twice between erases (nWRITE); more is a warning.
//!
//! A store to flash that is not allowed is a bus fault. The product
//! specification promises a HardFault for bytes and halfwords; for words
//! without WEN it says only that they are not written, and the model is loud.

use super::{CYCLES_PER_SECOND, Context, Peripheral};
use crate::memory::{FLASH_SIZE, UICR_BASE, UICR_SIZE};
use crate::notes::Level;

const READY: u32 = 0x400;
const READYNEXT: u32 = 0x408;
const CONFIG: u32 = 0x504;
const ERASEPAGE: u32 = 0x508;
const ERASEALL: u32 = 0x50c;
const ERASEPCR0: u32 = 0x510;
const ERASEUICR: u32 = 0x514;
const ERASEPAGEPARTIAL: u32 = 0x518;
const ERASEPAGEPARTIALCFG: u32 = 0x51c;
const ICACHECNF: u32 = 0x540;
const IHIT: u32 = 0x548;
const IMISS: u32 = 0x54c;

const WRITE_ENABLED: u32 = 1;
const ERASE_ENABLED: u32 = 2;

/// Bytes of a page.
pub const PAGE: u32 = 4096;
/// Writes that a word bears between two erases.
const WRITES: u8 = 2;

const fn microseconds(count: u64) -> u64 {
    CYCLES_PER_SECOND / 1_000_000 * count
}
/// tWRITE.
const WRITE_TIME: u64 = microseconds(41);
/// tERASEPAGE.
const ERASE_PAGE_TIME: u64 = microseconds(85_000);
/// tERASEALL.
const ERASE_ALL_TIME: u64 = microseconds(169_000);

/// What the flash has borne since power-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlashStatistics {
    /// Words written.
    pub writes: u64,
    /// Pages erased.
    pub erases: u64,
}

/// The non-volatile memory controller.
#[derive(Debug)]
pub struct Nvmc {
    config: u32,
    partial_duration: u32,
    /// Milliseconds of a partial erase so far, and of which page.
    partial: (u32, u32),
    cache: u32,
    /// Writes to each word of flash since its last erase.
    worn: Vec<u8>,
    statistics: FlashStatistics,
}

impl Default for Nvmc {
    fn default() -> Self {
        Nvmc {
            config: 0,
            partial_duration: 10,
            partial: (u32::MAX, 0),
            cache: 0,
            worn: vec![0; FLASH_SIZE as usize / 4],
            statistics: FlashStatistics::default(),
        }
    }
}

/// A store that the bus must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWritable;

impl Nvmc {
    /// What the flash has borne since power-on.
    #[must_use]
    pub const fn statistics(&self) -> FlashStatistics {
        self.statistics
    }

    /// A store of `bytes` to flash or UICR.
    ///
    /// # Errors
    ///
    /// [`NotWritable`] if it is no aligned word, or writing is not enabled.
    /// The memory is then unchanged.
    pub fn program(
        &mut self,
        address: u32,
        bytes: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), NotWritable> {
        let refuse = |context: &mut Context<'_>, why: &str| {
            context
                .effects
                .notes
                .add(Level::Warning, "flash store", address, || {
                    format!(
                        "NVMC: a store of {} bytes to {address:#010x} was refused: {why}",
                        bytes.len()
                    )
                });
            Err(NotWritable)
        };
        let Ok(word) = <[u8; 4]>::try_from(bytes) else {
            return refuse(context, "flash is written in words");
        };
        if !address.is_multiple_of(4) {
            return refuse(context, "the address is no multiple of 4");
        }
        if self.config != WRITE_ENABLED {
            return refuse(context, "CONFIG.WEN does not allow writing");
        }
        let Some(old) = context.memory.word(address) else {
            return refuse(context, "there is no memory");
        };
        let new = old & u32::from_le_bytes(word);
        if !context.memory.write(address, &new.to_le_bytes()) {
            return refuse(context, "there is no memory");
        }
        if let Some(worn) = self.worn.get_mut(address as usize / 4) {
            *worn = worn.saturating_add(1);
            if *worn > WRITES {
                context.effects.notes.add(Level::Warning, "nwrite", address, || {
                    format!("NVMC: the word at {address:#010x} was written more than {WRITES} times since its page was erased")
                });
            }
        }
        self.statistics.writes += 1;
        context.effects.stall += WRITE_TIME;
        Ok(())
    }

    fn erase_page(&mut self, address: u32, context: &mut Context<'_>) {
        let page = address & !(PAGE - 1);
        if page >= FLASH_SIZE {
            context
                .effects
                .notes
                .add(Level::Warning, "erase", page, || {
                    format!("NVMC: there is no page at {address:#010x} to erase")
                });
            return;
        }
        let _ = context.memory.write(page, &[0xff; PAGE as usize]);
        let words = page as usize / 4..(page + PAGE) as usize / 4;
        if let Some(worn) = self.worn.get_mut(words) {
            worn.fill(0);
        }
        self.statistics.erases += 1;
    }

    fn erase(&mut self, offset: u32, value: u32, context: &mut Context<'_>) {
        if self.config != ERASE_ENABLED {
            context.effects.notes.add(Level::Warning, "erase", offset, || {
                format!("NVMC: an erase (register {offset:#05x}, value {value:#010x}) was ignored: CONFIG.WEN does not allow it")
            });
            return;
        }
        match offset {
            ERASEPAGE | ERASEPCR0 => {
                self.erase_page(value, context);
                context.effects.stall += ERASE_PAGE_TIME;
            }
            ERASEALL if value & 1 == 1 => {
                for page in (0..FLASH_SIZE).step_by(PAGE as usize) {
                    self.erase_page(page, context);
                }
                let _ = context.memory.write(UICR_BASE, &[0xff; UICR_SIZE as usize]);
                context.effects.stall += ERASE_ALL_TIME;
            }
            ERASEUICR if value & 1 == 1 => {
                let _ = context.memory.write(UICR_BASE, &[0xff; UICR_SIZE as usize]);
                context.effects.stall += ERASE_PAGE_TIME;
            }
            // The page reads as before until its parts add up to a whole erase.
            ERASEPAGEPARTIAL => {
                let page = value & !(PAGE - 1);
                let before = if self.partial.0 == page {
                    self.partial.1
                } else {
                    0
                };
                self.partial = (page, before + self.partial_duration);
                let duration = microseconds(1000 * u64::from(self.partial_duration));
                if microseconds(1000 * u64::from(self.partial.1)) >= ERASE_PAGE_TIME {
                    self.erase_page(page, context);
                    self.partial = (u32::MAX, 0);
                }
                context.effects.stall += duration;
            }
            _ => {}
        }
    }
}

impl Peripheral for Nvmc {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        match offset {
            // The processor stands still while the controller is busy, so it
            // never sees it so.
            READY | READYNEXT => Some(1),
            CONFIG => Some(self.config),
            ERASEPAGE | ERASEALL | ERASEPCR0 | ERASEUICR | ERASEPAGEPARTIAL | IHIT | IMISS => {
                Some(0)
            }
            ERASEPAGEPARTIALCFG => Some(self.partial_duration),
            ICACHECNF => Some(self.cache),
            _ => None,
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        match offset {
            READY | READYNEXT | IHIT | IMISS => {}
            CONFIG => self.config = value & 3,
            ERASEPAGE | ERASEALL | ERASEPCR0 | ERASEUICR | ERASEPAGEPARTIAL => {
                self.erase(offset, value, context)
            }
            ERASEPAGEPARTIALCFG => self.partial_duration = value & 0x7f,
            ICACHECNF => self.cache = value & 0x101,
            _ => return false,
        }
        true
    }

    fn reset(&mut self) {
        self.config = 0;
        self.partial_duration = 10;
        self.cache = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    fn program(bench: &mut Bench<Nvmc>, address: u32, word: u32) -> Result<(), NotWritable> {
        bench.with(|nvmc, context| nvmc.program(address, &word.to_le_bytes(), context))
    }

    #[test]
    fn writing_only_clears_bits() {
        let mut bench = Bench::new(Nvmc::default());
        bench.write(CONFIG, WRITE_ENABLED);
        assert_eq!(program(&mut bench, 0x8000, 0xff00_f0f0), Ok(()));
        assert_eq!(program(&mut bench, 0x8000, 0x0ff0_ffff), Ok(()));
        assert_eq!(bench.memory.word(0x8000), Some(0x0f00_f0f0));
        assert_eq!(bench.effects.stall, 2 * WRITE_TIME);
        assert!(bench.effects.notes.take().is_empty());
        assert_eq!(program(&mut bench, 0x8000, 0), Ok(()));
        assert_eq!(
            bench.effects.notes.take().len(),
            1,
            "a third write wears the flash"
        );
    }

    #[test]
    fn nothing_is_written_unless_enabled() {
        let mut bench = Bench::new(Nvmc::default());
        for config in [0, ERASE_ENABLED, 3] {
            bench.write(CONFIG, config);
            assert_eq!(program(&mut bench, 0x8000, 0), Err(NotWritable));
        }
        assert_eq!(bench.memory.word(0x8000), Some(u32::MAX));
    }

    #[test]
    fn only_aligned_words_are_written() {
        let mut bench = Bench::new(Nvmc::default());
        bench.write(CONFIG, WRITE_ENABLED);
        for bytes in [&[0u8][..], &[0; 2], &[0; 8], &[]] {
            assert_eq!(
                bench.with(|nvmc, context| nvmc.program(0x8000, bytes, context)),
                Err(NotWritable)
            );
        }
        assert_eq!(program(&mut bench, 0x8002, 0), Err(NotWritable));
        assert_eq!(program(&mut bench, FLASH_SIZE, 0), Err(NotWritable));
        assert_eq!(bench.memory.word(0x8000), Some(u32::MAX));
    }

    #[test]
    fn erase_needs_its_own_permission() {
        let mut bench = Bench::new(Nvmc::default());
        for word in [0x7ffc, 0x8000, 0x8ffc, 0x9000] {
            assert!(bench.memory.write(word, &[0; 4]));
        }
        bench.write(CONFIG, WRITE_ENABLED);
        bench.write(ERASEPAGE, 0x8000);
        assert_eq!(bench.memory.word(0x8000), Some(0));
        bench.write(CONFIG, ERASE_ENABLED);
        bench.write(ERASEPAGE, 0x8000);
        let words = [0x7ffc, 0x8000, 0x8ffc, 0x9000].map(|word| bench.memory.word(word));
        assert_eq!(words, [Some(0), Some(u32::MAX), Some(u32::MAX), Some(0)]);
        assert_eq!(bench.effects.stall, ERASE_PAGE_TIME);
        bench.write(ERASEPAGE, 0xffff_f000);
        bench.write(ERASEALL, 1);
        assert_eq!(bench.memory.word(0x9000), Some(u32::MAX));
    }

    #[test]
    fn a_partial_erase_ends_when_its_parts_add_up() {
        let mut bench = Bench::new(Nvmc::default());
        assert!(bench.memory.write(0x8000, &[0; 4]));
        bench.write(CONFIG, ERASE_ENABLED);
        for part in 0..9 {
            assert_eq!(bench.memory.word(0x8000), Some(0), "after {part} parts");
            bench.write(ERASEPAGEPARTIAL, 0x8000);
        }
        assert_eq!(bench.memory.word(0x8000), Some(u32::MAX));
    }
}
