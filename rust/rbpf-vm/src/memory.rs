// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that a guest sees, and nothing else.
//!
//! A guest address is 32 bits wide. Bits 31..24 name a region, bits 23..0 are
//! the offset into it; the upper half of the register must be zero. So a
//! region is found by an index, never by a search, one comparison decides an
//! access, and host pointers appear nowhere in guest memory.
//!
//! This is the one module of the core with unsafe code. Every block rests on
//! one invariant:
//!
//! **Invariant (granted):** for each region of a `MemoryMap<'m>`, the bytes
//! `base..base + max(readable, writable)` are borrowed by the map for `'m`:
//! exclusively if `writable` is not zero, otherwise shared. `Region` values
//! are made only from such borrows, by [`MemoryMap::new`] and
//! [`MemoryMap::map`], and afterwards limits stay at or below the length that
//! was borrowed.

#![allow(
    unsafe_code,
    reason = "checked once by comparison instead of twice by slicing: measured in rust/ARCHITECTURE.md"
)]

use core::marker::PhantomData;
use core::ptr::NonNull;

use rbpf_isa::{Load, Width};

use crate::FaultKind;

/// Numbers of the regions: bits 31..24 of a guest address.
pub mod region {
    /// The stack. r10 points into it.
    pub const STACK: u8 = 1;
    /// The context of the event. r1 points to it.
    pub const CONTEXT: u8 = 2;
    /// The image's constants, read-only.
    pub const RODATA: u8 = 3;
    /// The image's variables, afresh for each run: data, then bss.
    pub const DATA: u8 = 4;
    /// The first of the regions that a hook grants: a packet, a buffer.
    pub const GRANTED: u8 = 5;

    /// The guest address of a region's first byte.
    #[must_use]
    pub const fn address(region: u8) -> u64 {
        (region as u64) << 24
    }
}

/// Region numbers are below this; region 0 is never mapped, so that null and
/// most wild pointers fault.
pub const REGIONS: usize = 1 << REGION_BITS;
const REGION_BITS: u32 = 3;

/// Bytes that a region can have: the offset has 24 bits.
const MAX_REGION: usize = 1 << 24;

/// What a guest may do with a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Loads only.
    Read,
    /// Stores only.
    Write,
    /// Both.
    ReadWrite,
}

/// A region that cannot be mapped: a mistake of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// The number is 0, that of the stack, or not below [`REGIONS`].
    Number,
    /// The region is longer than 16 MiB.
    Length,
}

#[derive(Clone, Copy)]
struct Region {
    base: *mut u8,
    /// Offsets below this may be read.
    readable: usize,
    /// Offsets below this may be written.
    writable: usize,
}

impl Region {
    const UNMAPPED: Self = Self {
        base: core::ptr::null_mut(),
        readable: 0,
        writable: 0,
    };
}

/// What a local call hides at the end of the stack: r6 to r9, the frame
/// pointer's offset and the slot to return to.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) saved: [u64; 4],
    pub(crate) frame_pointer: u32,
    pub(crate) pc: u32,
}

/// The regions that one run may touch.
///
/// The map borrows the memory, so the host cannot touch it meanwhile but
/// through the map.
pub struct MemoryMap<'m> {
    regions: [Region; REGIONS],
    /// Length of the whole stack, of which call records at its end are hidden
    /// from the guest.
    stack: usize,
    borrowed: PhantomData<&'m mut [u8]>,
}

impl<'m> MemoryMap<'m> {
    /// A map with a stack and nothing else.
    ///
    /// Of a stack longer than 16 MiB only the first 16 MiB are used.
    pub fn new(stack: &'m mut [u8]) -> Self {
        let length = stack.len().min(MAX_REGION);
        let mut regions = [Region::UNMAPPED; REGIONS];
        regions[region::STACK as usize] = Region {
            base: stack.as_mut_ptr(),
            readable: length,
            writable: length,
        };
        Self {
            regions,
            stack: length,
            borrowed: PhantomData,
        }
    }

    /// Maps memory that the guest may only read.
    ///
    /// # Errors
    ///
    /// If the number is not free to use or the memory too long. An earlier
    /// region of the same number is replaced.
    #[inline]
    pub fn map(&mut self, number: u8, bytes: &'m [u8]) -> Result<(), MapError> {
        self.place(number, bytes.as_ptr().cast_mut(), bytes.len(), Rights::Read)
    }

    /// Maps memory that the guest may read, write, or both.
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map).
    #[inline]
    pub fn map_mut(
        &mut self,
        number: u8,
        bytes: &'m mut [u8],
        rights: Rights,
    ) -> Result<(), MapError> {
        self.place(number, bytes.as_mut_ptr(), bytes.len(), rights)
    }

    #[inline]
    fn place(
        &mut self,
        number: u8,
        base: *mut u8,
        length: usize,
        rights: Rights,
    ) -> Result<(), MapError> {
        if number == 0 || number == region::STACK {
            return Err(MapError::Number);
        }
        if length > MAX_REGION {
            return Err(MapError::Length);
        }
        let slot = self
            .regions
            .get_mut(usize::from(number))
            .ok_or(MapError::Number)?;
        *slot = Region {
            base,
            readable: if rights == Rights::Write { 0 } else { length },
            writable: if rights == Rights::Read { 0 } else { length },
        };
        Ok(())
    }

    /// Reads a number; `None` if the guest may not.
    #[inline(always)]
    pub(crate) fn load(&self, address: u64, load: Load) -> Option<u64> {
        let region = self.region(address)?;
        let offset = offset(address);
        macro_rules! load {
            ($number:ty, $extended:ty) => {{
                if offset + size_of::<$number>() > region.readable {
                    return None;
                }
                // SAFETY: offset + size <= readable, so by the invariant
                // (granted) the bytes are borrowed at least shared; arrays of
                // bytes have no alignment and no invalid values.
                let bytes = unsafe {
                    region
                        .base
                        .add(offset)
                        .cast::<[u8; size_of::<$number>()]>()
                        .read()
                };
                <$number>::from_le_bytes(bytes) as $extended as u64
            }};
        }
        Some(match load {
            Load::Byte => load!(u8, u8),
            Load::Half => load!(u16, u16),
            Load::Word => load!(u32, u32),
            Load::Double => load!(u64, u64),
            Load::SignedByte => load!(u8, i8),
            Load::SignedHalf => load!(u16, i16),
            Load::SignedWord => load!(u32, i32),
        })
    }

    /// Writes the low bytes of a number; `false` if the guest may not.
    #[inline(always)]
    #[must_use]
    pub(crate) fn store(&mut self, address: u64, width: Width, value: u64) -> bool {
        let Some(region) = self.region(address) else {
            return false;
        };
        let offset = offset(address);
        if offset + width.bytes() > region.writable {
            return false;
        }
        // SAFETY: offset + width <= writable, so by the invariant (granted)
        // the bytes are borrowed exclusively; arrays of bytes have no
        // alignment.
        unsafe {
            let pointer = region.base.add(offset);
            match width {
                Width::Byte => pointer.write(value as u8),
                Width::Half => pointer
                    .cast::<[u8; 2]>()
                    .write((value as u16).to_le_bytes()),
                Width::Word => pointer
                    .cast::<[u8; 4]>()
                    .write((value as u32).to_le_bytes()),
                Width::Double => pointer.cast::<[u8; 8]>().write(value.to_le_bytes()),
            }
        }
        true
    }

    /// Replaces a number of 4 or 8 bytes by what is made of it, and returns the old one.
    ///
    /// # Errors
    ///
    /// [`FaultKind::InvalidRead`] or [`FaultKind::InvalidWrite`] if the guest may not do
    /// both.
    #[inline(always)]
    pub(crate) fn update(
        &mut self,
        address: u64,
        is_double: bool,
        change: impl FnOnce(u64) -> u64,
    ) -> Result<u64, FaultKind> {
        let region = self.region(address).ok_or(FaultKind::InvalidRead)?;
        let offset = offset(address);
        let end = offset + if is_double { 8 } else { 4 };
        if end > region.readable {
            return Err(FaultKind::InvalidRead);
        }
        if end > region.writable {
            return Err(FaultKind::InvalidWrite);
        }
        // SAFETY: end <= readable and end <= writable, so by the invariant (granted) the
        // bytes are borrowed exclusively; arrays of bytes have no alignment and no invalid
        // values.
        unsafe {
            let low = region.base.add(offset).cast::<[u8; 4]>();
            let high = low.add(1);
            let word = |half: *mut [u8; 4]| u64::from(u32::from_le_bytes(half.read()));
            let old = if is_double {
                word(low) | word(high) << 32
            } else {
                word(low)
            };
            let new = change(old);
            low.write((new as u32).to_le_bytes());
            if is_double {
                high.write(((new >> 32) as u32).to_le_bytes());
            }
            Ok(old)
        }
    }

    /// The `length` bytes at a guest address, for a helper to read.
    ///
    /// # Errors
    ///
    /// [`FaultKind::InvalidRead`] if any of them is not readable. No bytes at
    /// an unmapped address are still a fault: the address must name a region.
    #[inline]
    pub fn read(&self, address: u64, length: u64) -> Result<&[u8], FaultKind> {
        let base = self
            .range(address, length, false)
            .ok_or(FaultKind::InvalidRead)?;
        // SAFETY: the range is readable, so by the invariant (granted) it is
        // borrowed; and `&self` keeps the map from writing to it meanwhile.
        Ok(unsafe { core::slice::from_raw_parts(base.as_ptr(), length as usize) })
    }

    /// The `length` bytes at a guest address, for a helper to write.
    ///
    /// # Errors
    ///
    /// [`FaultKind::InvalidWrite`] if any of them is not writable.
    #[inline]
    pub fn write(&mut self, address: u64, length: u64) -> Result<&mut [u8], FaultKind> {
        let base = self
            .range(address, length, true)
            .ok_or(FaultKind::InvalidWrite)?;
        // SAFETY: the range is writable, so by the invariant (granted) it is
        // borrowed exclusively; and `&mut self` keeps the map from handing it
        // out twice.
        Ok(unsafe { core::slice::from_raw_parts_mut(base.as_ptr(), length as usize) })
    }

    /// Where the `length` bytes at a guest address lie, for a function in C
    /// that gets several ranges: they may overlap, as references may not.
    ///
    /// The range is checked as [`read`](Self::read) and [`write`](Self::write)
    /// do. The pointer is valid for so many bytes and for what `rights` says,
    /// until the map is used for anything but further pointers, or dropped.
    /// It has the alignment that the guest chose: none.
    ///
    /// # Errors
    ///
    /// [`FaultKind::InvalidRead`] or [`FaultKind::InvalidWrite`] if the guest
    /// lacks one of the rights for any of the bytes.
    #[inline]
    pub fn pointer(
        &mut self,
        address: u64,
        length: u64,
        rights: Rights,
    ) -> Result<*mut u8, FaultKind> {
        let range = |is_write| self.range(address, length, is_write);
        let readable = || range(false).ok_or(FaultKind::InvalidRead);
        let writable = || range(true).ok_or(FaultKind::InvalidWrite);
        let pointer = match rights {
            Rights::Read => readable(),
            Rights::Write => writable(),
            Rights::ReadWrite => readable().and_then(|_| writable()),
        }?;
        Ok(pointer.as_ptr())
    }

    /// Copies guest memory to guest memory; the ranges may overlap.
    ///
    /// # Errors
    ///
    /// A fault kind and the address it belongs to, if either range is not
    /// granted.
    #[inline]
    pub fn copy(&mut self, to: u64, from: u64, length: u64) -> Result<(), (FaultKind, u64)> {
        let source = self
            .range(from, length, false)
            .ok_or((FaultKind::InvalidRead, from))?
            .as_ptr();
        let target = self
            .range(to, length, true)
            .ok_or((FaultKind::InvalidWrite, to))?
            .as_ptr();
        // It fits: a region is at most 16 MiB long.
        let count = length as usize;
        if target.addr().abs_diff(source.addr()) >= count {
            // SAFETY: `count` bytes are readable at `source` and writable at
            // `target` by the invariant (granted), and no byte is both.
            unsafe { core::ptr::copy_nonoverlapping(source, target, count) };
            return Ok(());
        }
        // Rare: not worth a second function that copies many bytes fast.
        let forward = target.addr() < source.addr();
        for done in 0..count {
            let index = if forward { done } else { count - 1 - done };
            // SAFETY: as above; `index` is below `count`, and no byte is
            // written before it has been read.
            unsafe { target.add(index).write(source.add(index).read()) };
        }
        Ok(())
    }

    /// Bytes that can be read from an address to the end of its region.
    ///
    /// Helpers that look for the end of a string look no further.
    ///
    /// # Errors
    ///
    /// [`FaultKind::InvalidRead`] if not even the first byte is readable.
    #[inline]
    pub fn readable_from(&self, address: u64) -> Result<&[u8], FaultKind> {
        let rest = self
            .region(address)
            .and_then(|region| region.readable.checked_sub(offset(address)))
            .filter(|&rest| rest > 0)
            .ok_or(FaultKind::InvalidRead)?;
        self.read(address, rest as u64)
    }

    #[inline(always)]
    fn region(&self, address: u64) -> Option<&Region> {
        // The upper half and bits 31..27 must be zero; what is left of the
        // number is below 8.
        let (high, low) = ((address >> 32) as u32, address as u32);
        if high | low >> (24 + REGION_BITS) != 0 {
            return None;
        }
        self.regions.get((low >> 24) as usize % REGIONS)
    }

    /// Where `length` bytes at an address lie, if the guest may read or write
    /// all of them. Not inlined: helpers ask often and at many places.
    #[inline(never)]
    fn range(&self, address: u64, length: u64, is_write: bool) -> Option<NonNull<u8>> {
        let region = self.region(address)?;
        let offset = offset(address);
        let end = length.checked_add(offset as u64)?;
        // A limit of 0 is a region that is not mapped or lacks the right.
        let limit = if is_write {
            region.writable
        } else {
            region.readable
        };
        if limit == 0 || end > limit as u64 {
            return None;
        }
        // SAFETY: offset <= end <= limit, so the pointer stays within the
        // borrowed bytes or one past them, by the invariant (granted).
        NonNull::new(unsafe { region.base.add(offset) })
    }

    /// Hides the records of so many local calls from the guest, whatever was hidden
    /// before: a run that goes on after a pause may have a map of its own. Of a stack
    /// that is too short to have them, all is hidden.
    pub(crate) fn hide_records(&mut self, depth: u32) {
        let hidden = (depth as usize).wrapping_mul(size_of::<Record>());
        let limit = self.stack.saturating_sub(hidden);
        let stack = &mut self.regions[region::STACK as usize];
        stack.readable = limit;
        stack.writable = limit;
    }

    /// Hides a record at the end of the visible stack from the guest. `false`
    /// if it would not end above `floor`.
    #[must_use]
    pub(crate) fn push_record(&mut self, floor: u32, record: &Record) -> bool {
        let stack = &mut self.regions[region::STACK as usize];
        let Some(limit) = stack.readable.checked_sub(size_of::<Record>()) else {
            return false;
        };
        if floor as usize > limit {
            return false;
        }
        stack.readable = limit;
        stack.writable = limit;
        // SAFETY: limit + size <= the length so far, so by the invariant
        // (granted) the bytes are borrowed exclusively.
        unsafe {
            stack
                .base
                .add(limit)
                .cast::<Record>()
                .write_unaligned(*record);
        }
        true
    }

    /// Takes back what [`push_record`](Self::push_record) stored last.
    /// `None` if there is no record.
    pub(crate) fn pop_record(&mut self) -> Option<Record> {
        let stack = &mut self.regions[region::STACK as usize];
        let limit = stack.readable;
        if limit + size_of::<Record>() > self.stack {
            return None;
        }
        stack.readable = limit + size_of::<Record>();
        stack.writable = stack.readable;
        // SAFETY: limit + size <= the length of the whole stack, so by the
        // invariant (granted) the bytes are borrowed; any bytes are a record.
        Some(unsafe { stack.base.add(limit).cast::<Record>().read_unaligned() })
    }
}

#[inline(always)]
const fn offset(address: u64) -> usize {
    (address as u32 & 0x00ff_ffff) as usize
}
