// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory map of the processor: which address reaches which memory or
//! peripheral, and in which widths.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rsemu::core::space::{
    AccessConstraints, AddressSpace, DispatchPolicy, Mapping, MemAttrs, MemOps, MemResult, Perms,
    RamStore, Region,
};
use rsemu::core::value::{Endian, Width};
use rsemu::core::{BusError, Error};

use crate::memory::{CODE_RAM_BASE, Memory, RAM_BASE, RAM_SIZE, UICR_BASE};
use crate::peripherals::APB_BASE;
use crate::peripherals::ficr::FICR_BASE;
use crate::peripherals::gpio::GPIO_BASE;
use crate::soc::Soc;

/// Bytes of the peripheral bus.
const APB_SIZE: u64 = 0x4_0000;
/// Bytes of other windows.
const PAGE: u64 = 0x1000;
/// A page of NOPs, of which no guest knows: see [`crate::wfe`].
pub const NOP_BASE: u32 = 0x1fff_f000;
const NOPS: [u8; 2] = 0xbf00_u16.to_le_bytes();
/// Where the vendor's errata functions look for the part's identity.
const IDENTITY_BASE: u32 = 0xf000_0000;

/// The chip as the processor's bus and the machine share it.
///
/// The time is kept outside of the lock: the machine sets it before each step,
/// and asks after it whether anything needs attention.
#[derive(Debug)]
pub struct Bus {
    soc: Mutex<Soc>,
    now: AtomicU64,
    next: AtomicU64,
    attention: AtomicBool,
}

impl Bus {
    /// A bus to this chip, at time 0.
    #[must_use]
    pub fn new(soc: Soc) -> Arc<Self> {
        let next = soc.next().unwrap_or(u64::MAX);
        Arc::new(Bus {
            soc: Mutex::new(soc),
            now: AtomicU64::new(0),
            next: AtomicU64::new(next),
            attention: AtomicBool::new(true),
        })
    }

    /// Sets the time; `true` if something is due or has changed.
    pub fn set_time(&self, now: u64) -> bool {
        self.now.store(now, Relaxed);
        now >= self.next.load(Relaxed) || self.attention.load(Relaxed)
    }

    /// Works on the chip at the time that was last set.
    pub fn with<T>(&self, work: impl FnOnce(&mut Soc, u64) -> T) -> T {
        let mut soc = self.lock();
        let result = work(&mut soc, self.now.load(Relaxed));
        self.next.store(soc.next().unwrap_or(u64::MAX), Relaxed);
        result
    }

    /// Lets happen what is due, and has no more attention to ask for.
    pub fn attend<T>(&self, work: impl FnOnce(&mut Soc, u64) -> T) -> T {
        self.attention.store(false, Relaxed);
        self.with(|soc, now| {
            soc.advance(now);
            work(soc, now)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Soc> {
        self.soc.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn access<T>(&self, work: impl FnOnce(&mut Soc, u64) -> T) -> T {
        self.attention.store(true, Relaxed);
        self.with(work)
    }

    /// The address space of the processor.
    ///
    /// # Errors
    ///
    /// Only if the map contradicts itself, which is a mistake in this function.
    pub fn address_space(self: &Arc<Self>, memory: &Memory) -> Result<Arc<AddressSpace>, Error> {
        let window = |kind, length| {
            let name = format!("{kind:?}");
            Region::io(
                name,
                length,
                Arc::new(Window {
                    bus: Arc::clone(self),
                    kind,
                }),
            )
        };
        // Flash and RAM by table, which is faster than by search.
        let cover = u64::from(RAM_BASE + RAM_SIZE);
        let table = DispatchPolicy::Dense {
            page_bits: 12,
            cover,
        };
        let space = AddressSpace::new("cpu", 32).with_dispatch(table);
        {
            let mut topology = space.topology();
            // Reads and fetches reach the bytes, stores reach the controller.
            for (kind, base, store) in [
                (Kind::Flash, 0, &memory.flash),
                (Kind::Uicr, u64::from(UICR_BASE), &memory.uicr),
            ] {
                let readable = Mapping::new(
                    Region::ram(format!("{kind:?} cells"), Arc::clone(store)),
                    base,
                );
                topology.map_with(readable.with_perms(Perms::RX))?;
                topology.map_with(
                    Mapping::new(window(kind, store.len()), base).with_perms(Perms::WRITE),
                )?;
            }
            topology.map(
                Region::ram("RAM", Arc::clone(&memory.ram)),
                u64::from(RAM_BASE),
            )?;
            topology.map(
                Region::ram("code RAM", Arc::clone(&memory.ram)),
                u64::from(CODE_RAM_BASE),
            )?;
            topology.map(window(Kind::Factory, PAGE), u64::from(FICR_BASE))?;
            topology.map(window(Kind::Peripherals, APB_SIZE), u64::from(APB_BASE))?;
            topology.map(window(Kind::Ports, PAGE), u64::from(GPIO_BASE))?;
            for (name, base, offset, bytes, permissions) in [
                ("identity", IDENTITY_BASE, 0xfe0, &[8][..], Perms::READ),
                ("NOPs", NOP_BASE, 0, &NOPS[..], Perms::RX),
            ] {
                let store = Arc::new(RamStore::new(PAGE));
                store.write_at(offset, bytes).map_err(Error::Bus)?;
                topology.map_with(
                    Mapping::new(Region::ram(name, store), u64::from(base)).with_perms(permissions),
                )?;
            }
        }
        Ok(Arc::new(space))
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Flash,
    Uicr,
    Factory,
    Peripherals,
    Ports,
}

/// A range of addresses behind which there is a rule, not bytes.
#[derive(Debug)]
struct Window {
    bus: Arc<Bus>,
    kind: Kind,
}

impl MemOps for Window {
    fn constraints(&self) -> AccessConstraints {
        match self.kind {
            // Registers are words, and an access to a part of one is a fault.
            Kind::Peripherals | Kind::Ports => AccessConstraints::word(Width::U32, Endian::Little),
            Kind::Factory | Kind::Flash | Kind::Uicr => AccessConstraints::ANY,
        }
    }

    fn read(&self, offset: u64, bytes: &mut [u8], attributes: MemAttrs) -> MemResult {
        let offset = u32::try_from(offset).map_err(|_| BusError::BadAccess)?;
        match self.kind {
            Kind::Factory => {
                let soc = self.bus.lock();
                for (address, byte) in (offset..).zip(bytes) {
                    *byte = soc.factory_word(address & !3).to_le_bytes()[(address & 3) as usize];
                }
                return Ok(());
            }
            // Looking must not change anything.
            _ if attributes.debug => return Err(BusError::BadAccess),
            _ => {}
        }
        let word: &mut [u8; 4] = bytes.try_into().map_err(|_| BusError::BadAccess)?;
        let value = match self.kind {
            Kind::Peripherals => self.bus.access(|soc, now| soc.read(APB_BASE + offset, now)),
            Kind::Ports => self.bus.access(|soc, _| soc.read_port(GPIO_BASE + offset)),
            Kind::Factory | Kind::Flash | Kind::Uicr => return Err(BusError::Protected),
        };
        *word = value.to_le_bytes();
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8], attributes: MemAttrs) -> MemResult {
        let offset = u32::try_from(offset).map_err(|_| BusError::BadAccess)?;
        if attributes.debug {
            return Err(BusError::BadAccess);
        }
        let word = || {
            <[u8; 4]>::try_from(bytes)
                .map(u32::from_le_bytes)
                .map_err(|_| BusError::BadAccess)
        };
        match self.kind {
            Kind::Peripherals => {
                let value = word()?;
                self.bus
                    .access(|soc, now| soc.write(APB_BASE + offset, value, now));
            }
            Kind::Ports => {
                let value = word()?;
                self.bus
                    .access(|soc, now| soc.write_port(GPIO_BASE + offset, value, now));
            }
            Kind::Flash | Kind::Uicr => {
                let base = if matches!(self.kind, Kind::Flash) {
                    0
                } else {
                    UICR_BASE
                };
                let result = self
                    .bus
                    .access(|soc, now| soc.program(base + offset, bytes, now));
                return result.map_err(|_| BusError::Protected);
            }
            Kind::Factory => return Err(BusError::Protected),
        }
        Ok(())
    }
}
