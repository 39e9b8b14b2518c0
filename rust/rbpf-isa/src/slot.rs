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

    /// The slot as two words: first the opcode in bits 7..0, the destination
    /// register in bits 11..8, the source register in bits 15..12 and the
    /// offset in bits 31..16, then the immediate.
    ///
    /// An engine that reads slots in place saves loads that way.
    #[inline(always)]
    #[must_use]
    pub fn words(&self) -> &[u32; 2] {
        zerocopy::transmute_ref!(self)
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

/// The parts of an opcode (RFC 9669, sections 3.1 and 5).
pub mod part {
    /// Mask of the instruction class.
    pub const CLASS: u8 = 0x07;
    /// Class LD: `lddw`.
    pub const CLASS_LD: u8 = 0x00;
    /// Class LDX: loads to a register.
    pub const CLASS_LDX: u8 = 0x01;
    /// Class ST: stores of an immediate.
    pub const CLASS_ST: u8 = 0x02;
    /// Class STX: stores of a register, and atomic operations.
    pub const CLASS_STX: u8 = 0x03;
    /// Class JMP32: jumps by the comparison of low halves.
    pub const CLASS_JMP32: u8 = 0x06;
    /// Set in the classes that compute and jump, clear in those that access
    /// memory.
    pub const COMPUTES: u8 = 0x04;
    /// Set if the second operand of a computation is a register.
    pub const SOURCE_REGISTER: u8 = 0x08;
    /// Mask of the mode of a memory access.
    pub const MODE: u8 = 0xe0;
    /// Mode MEMSX: loads with sign extension.
    pub const MODE_SIGNED: u8 = 0x80;
    /// Mode ATOMIC.
    pub const MODE_ATOMIC: u8 = 0xc0;
}

/// How many bytes a memory access moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Four bytes, W.
    Word,
    /// Two bytes, H.
    Half,
    /// One byte, B.
    Byte,
    /// Eight bytes, DW.
    Double,
}

impl Width {
    /// The width of a memory access, by its opcode (RFC 9669, section 5).
    #[inline(always)]
    #[must_use]
    pub const fn of(opcode: u8) -> Self {
        match opcode >> 3 & 3 {
            0 => Self::Word,
            1 => Self::Half,
            2 => Self::Byte,
            _ => Self::Double,
        }
    }

    /// The number of bytes.
    #[inline(always)]
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Word => 4,
            Self::Half => 2,
            Self::Byte => 1,
            Self::Double => 8,
        }
    }
}

/// What a load from memory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Four bytes, zero-extended.
    Word,
    /// Two bytes, zero-extended.
    Half,
    /// One byte, zero-extended.
    Byte,
    /// Eight bytes.
    Double,
    /// Four bytes, sign-extended.
    SignedWord,
    /// Two bytes, sign-extended.
    SignedHalf,
    /// One byte, sign-extended.
    SignedByte,
}

impl Load {
    /// The kind of load, by the opcode of one (RFC 9669, sections 5.1 and
    /// 5.2).
    #[inline(always)]
    #[must_use]
    pub const fn of(opcode: u8) -> Self {
        match opcode >> 3 {
            0b01100 => Self::Word,
            0b01101 => Self::Half,
            0b01110 => Self::Byte,
            0b01111 => Self::Double,
            0b10000 => Self::SignedWord,
            0b10001 => Self::SignedHalf,
            _ => Self::SignedByte,
        }
    }
}
