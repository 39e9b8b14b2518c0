// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interpreter of `solana-sbpf` 0.26, with its dialect V3, the one that
//! has 32-bit jumps and relative local calls.
//!
//! It counts instructions, and the count is compared too.

use std::ptr::NonNull;
use std::sync::Arc;

use rbpf_isa::{Slot, opcode, part};
use solana_sbpf::ebpf;
use solana_sbpf::elf::Executable;
use solana_sbpf::error::ProgramResult;
use solana_sbpf::memory_region::{MemoryMapping, MemoryRegion};
use solana_sbpf::program::{BuiltinProgram, FunctionRegistry, SBPFVersion};
use solana_sbpf::verifier::RequisiteVerifier;
use solana_sbpf::vm::{CallFrame, Config, ContextObject, EbpfVm, ExecutionMode};

use super::{BUDGET, Divergence, Observation, Oracle, SCRATCH, missing, with_immediate};

const VERSION: SBPFVersion = SBPFVersion::V3;

/// `solana_sbpf::vm::EbpfVm`, interpreting.
#[derive(Clone, Copy, Debug)]
pub struct Solana;

/// What the machine keeps outside of itself.
struct Run {
    remaining: u64,
    mapping: MemoryMapping,
}

impl ContextObject for Run {
    fn consume(&mut self, amount: u64) {
        self.remaining = self.remaining.saturating_sub(amount);
    }

    fn get_remaining(&self) -> u64 {
        self.remaining
    }

    fn active_mapping_ptr(&mut self) -> NonNull<MemoryMapping> {
        NonNull::from_mut(&mut self.mapping)
    }
}

impl Oracle for Solana {
    fn name(&self) -> &'static str {
        "solana"
    }

    fn divergences(&self) -> &'static [Divergence] {
        DIVERGENCES
    }

    fn run(&self, text: &[Slot], memory: &mut [u8]) -> Result<Observation, String> {
        let bytes: Vec<u8> = text.iter().flat_map(|s| s.bits().to_le_bytes()).collect();
        let config = Config {
            max_call_depth: 4,
            enabled_sbpf_versions: VERSION..=VERSION,
            ..Config::default()
        };
        let mut stack = vec![0u8; config.stack_size()];
        let mut frames = vec![CallFrame::default(); config.max_call_depth];
        let loader = Arc::new(BuiltinProgram::new_loader(config));
        let executable = Executable::<Run>::from_text_bytes(
            &bytes,
            loader.clone(),
            VERSION,
            FunctionRegistry::default(),
        )
        .map_err(|error| error.to_string())?;
        executable
            .verify::<RequisiteVerifier>()
            .map_err(|error| error.to_string())?;
        let stack_length = stack.len();
        let regions = vec![
            executable.get_ro_region(),
            MemoryRegion::new(&raw mut *stack, ebpf::MM_STACK_START),
            MemoryRegion::new(&raw mut *memory, ebpf::MM_INPUT_START),
        ];
        // SAFETY: stack and memory outlive the machine, and nothing else
        // uses them while it runs.
        let mapping = unsafe { MemoryMapping::new(regions, executable.get_config(), VERSION) }
            .map_err(|error| error.to_string())?;
        let mut run = Run {
            remaining: BUDGET.into(),
            mapping,
        };
        let mut machine = EbpfVm::new(loader, VERSION, &mut run, stack_length);
        machine.registers[1] = ebpf::MM_INPUT_START;
        let mut mode = ExecutionMode::Interpreted;
        let (instructions, result) = machine.execute_program(&executable, &mut mode, &mut frames);
        match result {
            ProgramResult::Ok(value) => Ok(Observation {
                value,
                instructions: Some(instructions),
            }),
            ProgramResult::Err(error) => Err(error.to_string()),
        }
    }
}

/// Division or remainder.
fn divides(slot: Slot) -> bool {
    matches!(
        slot.opcode,
        opcode::Div32Imm
            | opcode::Div64Imm
            | opcode::Mod32Imm
            | opcode::Mod64Imm
            | opcode::Div32Reg
            | opcode::Div64Reg
            | opcode::Mod32Reg
            | opcode::Mod64Reg
    )
}

/// Bits of the registers that an arithmetic instruction works on.
const fn bits(slot: Slot) -> i32 {
    if slot.opcode & part::CLASS == 0x07 {
        64
    } else {
        32
    }
}

const DIVERGENCES: &[Divergence] = &[
    Divergence {
        reason: "signed division and remainder are computed unsigned",
        concerns: missing::signed_division,
        instead: missing::without_offset,
        example: "mov %r0, -4\nsdiv %r0, 2\nexit",
    },
    Divergence {
        reason: "division by zero is an error, and refused if the divisor is a constant",
        concerns: divides,
        instead: by_one_at_least,
        example: "mov %r0, 1\nmov %r1, 0\ndiv %r0, %r1\nexit",
    },
    Divergence {
        reason: "32-bit sums, differences and products are sign-extended",
        concerns: |slot| {
            matches!(
                slot.opcode,
                opcode::Add32Imm
                    | opcode::Add32Reg
                    | opcode::Sub32Imm
                    | opcode::Sub32Reg
                    | opcode::Mul32Imm
                    | opcode::Mul32Reg
            )
        },
        instead: |slot| {
            let dst = slot.dst() as u8;
            vec![slot, Slot::new(opcode::Mov32Reg, dst, dst, 0, 0)]
        },
        example: "mov %r0, 0\nsub32 %r0, 1\nexit",
    },
    Divergence {
        reason: "shifts by a constant of the register's width or more are refused",
        concerns: |slot| {
            matches!(
                slot.opcode,
                opcode::Lsh32Imm
                    | opcode::Lsh64Imm
                    | opcode::Rsh32Imm
                    | opcode::Rsh64Imm
                    | opcode::Arsh32Imm
                    | opcode::Arsh64Imm
            ) && !(0..bits(slot)).contains(&slot.immediate)
        },
        instead: |slot| {
            let amount = slot.immediate & (bits(slot) - 1);
            vec![with_immediate(slot, amount)]
        },
        example: "mov %r0, 1\nlsh %r0, 64\nexit",
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

/// The division with an odd divisor, so that it is not zero.
fn by_one_at_least(slot: Slot) -> Vec<Slot> {
    if slot.opcode & part::SOURCE_REGISTER == 0 {
        return vec![with_immediate(slot, slot.immediate | 1)];
    }
    let dst = slot.dst() as u8;
    vec![
        Slot::new(opcode::Mov64Reg, SCRATCH, slot.src() as u8, 0, 0),
        Slot::new(opcode::Or64Imm, SCRATCH, 0, 0, 1),
        Slot::new(slot.opcode, dst, SCRATCH, slot.offset, 0),
    ]
}
