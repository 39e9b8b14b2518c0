// SPDX-License-Identifier: MIT OR Apache-2.0
//! The crate `rbpf` 0.4.1, a port of uBPF.
//!
//! Its guests see host addresses; programs do not let an address reach r0 or
//! memory, so that does not show. The manifest of the workspace switches its
//! overflow checks off: with them, negating the smallest number is a panic.

use rbpf_isa::{Slot, opcode};

use super::{Divergence, Observation, Oracle, missing, with_immediate};

/// `rbpf::EbpfVmRaw`, interpreting.
#[derive(Clone, Copy, Debug)]
pub struct Rbpf;

impl Oracle for Rbpf {
    fn name(&self) -> &'static str {
        "rbpf"
    }

    fn divergences(&self) -> &'static [Divergence] {
        DIVERGENCES
    }

    fn run(&self, text: &[Slot], memory: &mut [u8]) -> Result<Observation, String> {
        let bytes: Vec<u8> = text.iter().flat_map(|s| s.bits().to_le_bytes()).collect();
        let machine = rbpf::EbpfVmRaw::new(Some(&bytes)).map_err(|error| error.to_string())?;
        let value = machine
            .execute_program(memory)
            .map_err(|error| error.to_string())?;
        Ok(Observation {
            value,
            instructions: None,
        })
    }
}

const DIVERGENCES: &[Divergence] = &[
    Divergence {
        reason: "64-bit unsigned comparisons extend the immediate by zeros, not by its sign",
        concerns: |slot| {
            slot.immediate < 0
                && matches!(
                    slot.opcode,
                    opcode::Jeq64Imm
                        | opcode::Jne64Imm
                        | opcode::Jgt64Imm
                        | opcode::Jge64Imm
                        | opcode::Jlt64Imm
                        | opcode::Jle64Imm
                )
        },
        instead: |slot| vec![with_immediate(slot, slot.immediate & i32::MAX)],
        example: "mov %r0, -1\njeq %r0, -1, +1\nmov %r0, 0\nexit",
    },
    Divergence {
        reason: "signed division and remainder are computed unsigned",
        concerns: missing::signed_division,
        instead: missing::without_offset,
        example: "mov %r0, -4\nsdiv %r0, 2\nexit",
    },
    Divergence {
        reason: "32-bit remainder by zero keeps the upper half of the destination",
        concerns: |slot| matches!(slot.opcode, opcode::Mod32Imm | opcode::Mod32Reg),
        instead: |slot| {
            let dst = slot.dst() as u8;
            vec![slot, Slot::new(opcode::Mov32Reg, dst, dst, 0, 0)]
        },
        example: "mov %r0, -1\nmod32 %r0, 0\nexit",
    },
    Divergence {
        reason: "sign-extending moves are plain moves",
        concerns: missing::sign_extending_move,
        instead: missing::without_offset,
        example: "mov %r1, 0x80\nmovsx864 %r0, %r1\nexit",
    },
    Divergence {
        reason: "no unconditional byte swaps",
        concerns: missing::byte_swap,
        instead: missing::to_big_endian,
        example: "mov %r0, 1\nbswap16 %r0\nexit",
    },
    Divergence {
        reason: "no sign-extending loads",
        concerns: missing::sign_extending_load,
        instead: missing::plain_load,
        example: "ldxsb %r0, [%r1]\nexit",
    },
    Divergence {
        reason: "no long jumps",
        concerns: missing::long_jump,
        instead: missing::short_jump,
        example: "mov %r0, 0\nja32 +1\nmov %r0, 1\nexit",
    },
    Divergence {
        reason: "no atomic operations",
        concerns: missing::atomic,
        instead: missing::plain_store,
        example: "mov %r0, 1\nlock add [%r1], %r0\nexit",
    },
];
