// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who can run a program: one file each.

mod model;
mod ours;
mod rbpf;
mod solana;

use rbpf_isa::Slot;

pub use self::model::Model;
pub use self::ours::Ours;
pub use self::rbpf::Rbpf;
pub use self::solana::Solana;

/// Bytes of stack of the start function and of each called function. It is
/// what `rbpf` gives functions that call or are called.
pub const FRAME: u16 = 256;

/// More instructions than any program executes.
pub const BUDGET: u32 = 1 << 24;

/// What a run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// r0.
    pub value: u64,
    /// Executed instructions, if the oracle counts them.
    pub instructions: Option<u64>,
}

/// Something that runs programs.
pub trait Oracle {
    /// Name of the file that a failure is saved to.
    fn name(&self) -> &'static str;

    /// Where it is known not to follow RFC 9669. Applied in this order.
    fn divergences(&self) -> &'static [Divergence];

    /// Runs a program with r1 at `memory`, which it may read and write.
    ///
    /// # Errors
    ///
    /// In words, if it does not accept the program or does not finish it.
    fn run(&self, text: &[Slot], memory: &mut [u8]) -> Result<Observation, String>;
}

/// A deviation from RFC 9669, and what to use instead of the instruction.
#[derive(Clone, Copy, Debug)]
pub struct Divergence {
    /// What is wrong, for people.
    pub reason: &'static str,
    /// Which instructions it concerns.
    pub concerns: fn(Slot) -> bool,
    /// Instructions that can stand in the place of such a one. A jump is
    /// the last of them. They may use [`SCRATCH`].
    pub instead: fn(Slot) -> Vec<Slot>,
    /// A program, as text, that shows it: r0 is different, or it is refused.
    pub example: &'static str,
}

/// A register that programs use for one step only.
pub const SCRATCH: u8 = 9;

/// A slot with another opcode.
const fn with_opcode(slot: Slot, opcode: u8) -> Slot {
    Slot { opcode, ..slot }
}

/// A slot with another immediate.
const fn with_immediate(slot: Slot, immediate: i32) -> Slot {
    Slot { immediate, ..slot }
}

/// What several rivals do not have, being older than RFC 9669.
mod missing {
    use rbpf_isa::{Slot, opcode, part};

    use super::with_opcode;

    pub(super) fn signed_division(slot: Slot) -> bool {
        const OPERATION: u8 = 0xf0;
        let arithmetic = slot.opcode & part::COMPUTES != 0 && slot.opcode & part::CLASS != 0x05;
        arithmetic
            && slot.opcode & part::CLASS != part::CLASS_JMP32
            && matches!(slot.opcode & OPERATION, 0x30 | 0x90)
            && slot.offset != 0
    }

    pub(super) fn sign_extending_move(slot: Slot) -> bool {
        matches!(slot.opcode, opcode::Mov64Reg | opcode::Mov32Reg) && slot.offset != 0
    }

    pub(super) fn without_offset(slot: Slot) -> Vec<Slot> {
        vec![Slot { offset: 0, ..slot }]
    }

    pub(super) fn sign_extending_load(slot: Slot) -> bool {
        slot.opcode & part::CLASS == part::CLASS_LDX
            && slot.opcode & part::MODE == part::MODE_SIGNED
    }

    pub(super) fn plain_load(slot: Slot) -> Vec<Slot> {
        const MODE_MEM: u8 = 0x60;
        vec![with_opcode(slot, slot.opcode & !part::MODE | MODE_MEM)]
    }

    pub(super) fn byte_swap(slot: Slot) -> bool {
        slot.opcode == opcode::Swap
    }

    /// To big-endian is the same on a little-endian machine.
    pub(super) fn to_big_endian(slot: Slot) -> Vec<Slot> {
        vec![with_opcode(slot, opcode::ToBe)]
    }

    pub(super) fn long_jump(slot: Slot) -> bool {
        slot.opcode == opcode::Ja32
    }

    pub(super) fn short_jump(slot: Slot) -> Vec<Slot> {
        vec![Slot::new(opcode::Ja, 0, 0, slot.immediate as i16, 0)]
    }

    pub(super) fn atomic(slot: Slot) -> bool {
        matches!(slot.opcode, opcode::AtomicW | opcode::AtomicDw)
    }

    pub(super) fn plain_store(slot: Slot) -> Vec<Slot> {
        let store = if slot.opcode == opcode::AtomicW {
            opcode::StoreW
        } else {
            opcode::StoreDw
        };
        vec![Slot {
            opcode: store,
            immediate: 0,
            ..slot
        }]
    }
}
