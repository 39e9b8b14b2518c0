// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operand forms: which fields of a slot an instruction uses, and how.
//!
//! A form is all that the verifier has to know of most instructions. Fields
//! that a form does not use must be zero (RFC 9669, section 3).

/// Number of registers, r0 to r10.
pub const REGISTERS: u8 = 11;

/// The frame pointer r10, which programs can only read.
pub const FRAME_POINTER: u8 = 10;

/// The field of a slot that tells apart the variants of an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The opcode alone says everything.
    None,
    /// The offset: signed division, sign-extending moves.
    Offset,
    /// The immediate: width of a byte swap, atomic operation.
    Immediate,
    /// The source register: helper or local call.
    Source,
}

/// Which operands an instruction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// Not an instruction.
    Invalid,
    /// `dst op= imm`.
    Immediate,
    /// `dst op= src`.
    Register,
    /// `dst = op dst`.
    Unary,
    /// `dst = swap dst`, the immediate is the width.
    Swap,
    /// Unconditional jump by the offset.
    Jump,
    /// Unconditional jump by the immediate.
    LongJump,
    /// Conditional jump, `dst` against the immediate.
    BranchImmediate,
    /// Conditional jump, `dst` against `src`.
    BranchRegister,
    /// Call of a helper or of a local function.
    Call,
    /// Return.
    Exit,
    /// `dst = imm64` in two slots.
    LoadImmediate64,
    /// `dst = *(src + offset)`.
    Load,
    /// `*(dst + offset) = imm`.
    StoreImmediate,
    /// `*(dst + offset) = src`.
    StoreRegister,
    /// Atomic operation on `*(dst + offset)` with `src`; the immediate
    /// selects it.
    Atomic,
}

impl Form {
    /// Whether the instruction writes its destination register.
    #[must_use]
    pub const fn writes_dst(self) -> bool {
        matches!(
            self,
            Self::Immediate
                | Self::Register
                | Self::Unary
                | Self::Swap
                | Self::LoadImmediate64
                | Self::Load
        )
    }

    /// Whether the destination field names a register.
    #[must_use]
    pub const fn uses_dst(self) -> bool {
        !matches!(
            self,
            Self::Jump | Self::LongJump | Self::Call | Self::Exit | Self::Invalid
        )
    }

    /// Whether the source field names a register.
    #[must_use]
    pub const fn uses_src(self) -> bool {
        matches!(
            self,
            Self::Register | Self::BranchRegister | Self::Load | Self::StoreRegister | Self::Atomic
        )
    }

    /// Whether the offset is an operand.
    #[must_use]
    pub const fn uses_offset(self) -> bool {
        self.accesses_memory()
            || matches!(
                self,
                Self::Jump | Self::BranchImmediate | Self::BranchRegister
            )
    }

    /// Whether the immediate is an operand.
    #[must_use]
    pub const fn uses_immediate(self) -> bool {
        matches!(
            self,
            Self::Immediate
                | Self::LongJump
                | Self::BranchImmediate
                | Self::Call
                | Self::LoadImmediate64
                | Self::StoreImmediate
        )
    }

    /// Whether the instruction reads or writes memory.
    #[must_use]
    pub const fn accesses_memory(self) -> bool {
        matches!(
            self,
            Self::Load | Self::StoreImmediate | Self::StoreRegister | Self::Atomic
        )
    }
}
