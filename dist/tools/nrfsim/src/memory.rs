// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flash, UICR and RAM: bytes at addresses, without any rule about who may
//! write them. The rules are in [`crate::peripherals::nvmc`] and
//! [`crate::bus`].

use std::sync::Arc;

use rsemu::core::space::RamStore;

/// Bytes of flash, from address 0.
pub const FLASH_SIZE: u32 = 0x10_0000;
/// Where RAM starts.
pub const RAM_BASE: u32 = 0x2000_0000;
/// Bytes of RAM.
pub const RAM_SIZE: u32 = 0x4_0000;
/// The same RAM, seen on the code bus.
pub const CODE_RAM_BASE: u32 = 0x0080_0000;
/// Where the user information configuration registers start.
pub const UICR_BASE: u32 = 0x1000_1000;
/// Bytes of UICR.
pub const UICR_SIZE: u32 = 0x1000;

/// The three memories. Clones share them.
#[derive(Clone, Debug)]
pub struct Memory {
    /// 1 MiB, erased to ones.
    pub flash: Arc<RamStore>,
    /// 4 KiB, erased to ones.
    pub uicr: Arc<RamStore>,
    /// 256 KiB, zero at power-on (a real device's holds noise).
    pub ram: Arc<RamStore>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// Erased flash and UICR, and RAM full of zeros.
    #[must_use]
    pub fn new() -> Self {
        let erased = |size: u32| {
            let store = RamStore::new(u64::from(size));
            // The range is the store's own, so this cannot fail.
            let _ = store.fill(0, u64::from(size), 0xff);
            Arc::new(store)
        };
        Memory {
            flash: erased(FLASH_SIZE),
            uicr: erased(UICR_SIZE),
            ram: Arc::new(RamStore::new(u64::from(RAM_SIZE))),
        }
    }

    /// The memory that holds all of `length` bytes at `address`, and their
    /// offset in it.
    #[must_use]
    pub fn find(&self, address: u32, length: u32) -> Option<(&Arc<RamStore>, u64)> {
        let candidates = [
            (0, FLASH_SIZE, &self.flash),
            (UICR_BASE, UICR_SIZE, &self.uicr),
            (RAM_BASE, RAM_SIZE, &self.ram),
        ];
        candidates.into_iter().find_map(|(base, size, store)| {
            let offset = address.checked_sub(base)?;
            (u64::from(offset) + u64::from(length) <= u64::from(size))
                .then_some((store, u64::from(offset)))
        })
    }

    /// Copies bytes out; `false` if they are not all in one memory.
    #[must_use]
    pub fn read(&self, address: u32, bytes: &mut [u8]) -> bool {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.find(address, length)
            .is_some_and(|(store, offset)| store.read_at(offset, bytes).is_ok())
    }

    /// Copies bytes in, whatever is there; `false` if they do not all fit into
    /// one memory.
    #[must_use]
    pub fn write(&self, address: u32, bytes: &[u8]) -> bool {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.find(address, length)
            .is_some_and(|(store, offset)| store.write_at(offset, bytes).is_ok())
    }

    /// The little-endian word at `address`.
    #[must_use]
    pub fn word(&self, address: u32) -> Option<u32> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)
            .then(|| u32::from_le_bytes(bytes))
    }

    /// The text at `address` up to its NUL, of at most `limit` bytes.
    #[must_use]
    pub fn text(&self, address: u32, limit: u32) -> Option<String> {
        let mut text = Vec::new();
        for offset in 0..limit {
            let mut byte = [0];
            if !self.read(address.checked_add(offset)?, &mut byte) {
                return None;
            }
            if byte == [0] {
                return Some(String::from_utf8_lossy(&text).into_owned());
            }
            text.push(byte[0]);
        }
        None
    }

    /// Whether EasyDMA may touch `length` bytes at `address`: it reaches RAM
    /// and nothing else.
    #[must_use]
    pub fn is_ram(address: u32, length: u32) -> bool {
        address
            .checked_sub(RAM_BASE)
            .is_some_and(|offset| u64::from(offset) + u64::from(length) <= u64::from(RAM_SIZE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_leave_a_memory_are_refused() {
        let memory = Memory::new();
        assert!(memory.write(RAM_BASE + RAM_SIZE - 2, &[1, 2]));
        assert!(!memory.write(RAM_BASE + RAM_SIZE - 1, &[1, 2]));
        assert!(!memory.read(FLASH_SIZE - 1, &mut [0; 2]));
        assert!(!memory.read(u32::MAX, &mut [0; 8]));
        assert_eq!(memory.word(0), Some(u32::MAX));
        assert!(!Memory::is_ram(RAM_BASE - 1, 1));
        assert!(!Memory::is_ram(RAM_BASE, RAM_SIZE + 1));
        assert!(!Memory::is_ram(u32::MAX, u32::MAX));
    }

    #[test]
    fn texts_end_at_nul() {
        let memory = Memory::new();
        assert!(memory.write(RAM_BASE, b"idle\0rest"));
        assert_eq!(memory.text(RAM_BASE, 16).as_deref(), Some("idle"));
        assert_eq!(memory.text(RAM_BASE, 3), None);
    }
}
