// SPDX-License-Identifier: MIT OR Apache-2.0
//! One instruction slot: the 8 bytes of RFC 9669, section 3.
//!
//! A slot is a view of raw bytes; nothing is known of it until the verifier
//! has passed over the program.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One 64-bit slot of a program (RFC 9669, section 3, little-endian layout).
///
/// Most instructions take one slot. `lddw` takes two, of which the second is
/// zero but for its immediate.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Slot {
    /// Operation, operand source and class.
    pub opcode: u8,
    /// Destination register in the low four bits, source register in the
    /// high four.
    pub registers: u8,
    /// Signed offset: of a memory access in bytes, of a jump in slots.
    pub offset: i16,
    /// Signed immediate.
    pub immediate: i32,
}

impl Slot {
    /// Bytes in a slot.
    pub const SIZE: usize = 8;

    /// A slot from its fields. Register numbers above 15 lose their high bits.
    #[must_use]
    pub const fn new(opcode: u8, dst: u8, src: u8, offset: i16, immediate: i32) -> Self {
        Self {
            opcode,
            registers: (dst & 0xf) | (src << 4),
            offset,
            immediate,
        }
    }

    /// The slot as one number, which stored in little-endian order gives the
    /// slot's bytes.
    #[must_use]
    pub const fn bits(self) -> u64 {
        (self.opcode as u64)
            | (self.registers as u64) << 8
            | (self.offset.cast_unsigned() as u64) << 16
            | (self.immediate.cast_unsigned() as u64) << 32
    }

    /// The slot of a number; the inverse of [`Slot::bits`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            opcode: bits as u8,
            registers: (bits >> 8) as u8,
            offset: (bits >> 16) as i16,
            immediate: (bits >> 32) as i32,
        }
    }

    /// Views `bytes` as slots.
    ///
    /// `None` if the length is no multiple of 8 or the bytes are not aligned
    /// to 4.
    #[must_use]
    pub fn slice_from_bytes(bytes: &[u8]) -> Option<&[Self]> {
        <[Self]>::ref_from_bytes(bytes).ok()
    }

    /// Number of the destination register, 0 to 15.
    #[inline(always)]
    #[must_use]
    pub const fn dst(self) -> usize {
        (self.registers & 0xf) as usize
    }

    /// Number of the source register, 0 to 15.
    #[inline(always)]
    #[must_use]
    pub const fn src(self) -> usize {
        (self.registers >> 4) as usize
    }
}
