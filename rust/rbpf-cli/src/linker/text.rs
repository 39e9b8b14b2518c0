// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decoding functions: jumps to indices, calls to functions, loads to data.

use std::collections::BTreeMap;

use rbpf_abi::Helper;
use rbpf_abi::helpers::is_application_helper;
use rbpf_isa::{Form, Slot, form, opcode};

use super::elf::relocation;
use super::error::Problem;
use super::graph::{FunctionId, Program, Target, function_pointer};
use super::{Instruction, Operand, Place};

/// `src` of a call: a helper by its id (RFC 9669, section 4.3.2).
const CALL_HELPER: usize = 0;
/// `src` of a call: a local function.
const CALL_LOCAL: usize = 1;
/// A call through a register.
const CALL_REGISTER: u8 = opcode::Call | 0x08;

/// The local functions that a function calls, as far as they can be told:
/// nothing is an error here.
pub(super) fn calls(program: &Program<'_>, id: FunctionId) -> Vec<FunctionId> {
    let calls = |(offset, slot): (u64, Slot)| {
        if slot.opcode != opcode::Call || slot.src() != CALL_LOCAL {
            return None;
        }
        call_target(program, at(program, id, offset)?, slot).ok()
    };
    slots(program, id).into_iter().filter_map(calls).collect()
}

/// The instructions of a function. What is wrong with it is added to the
/// problems.
pub(super) fn decode(
    program: &Program<'_>,
    id: FunctionId,
    problems: &mut Vec<Problem>,
) -> Vec<Instruction> {
    let slots = slots(program, id);
    let Some(function) = program.functions.get(id) else {
        return Vec::new();
    };
    let mut instructions: Vec<Instruction> = Vec::new();
    // Index of the instruction that begins at an offset.
    let mut indices = BTreeMap::new();
    let mut rest = slots.into_iter();
    while let Some((offset, slot)) = rest.next() {
        indices.insert(offset, instructions.len());
        let place = Place {
            offset,
            ..function.place
        };
        let operand = operand(program, place, slot, || rest.next().map(|(_, slot)| slot));
        let operand = operand.unwrap_or_else(|problem| {
            problems.push(problem);
            Operand::None
        });
        instructions.push(Instruction {
            slot,
            operand,
            offset,
        });
    }

    let wrong = |offset: u64, message: String| {
        let place = Place {
            offset,
            ..function.place
        };
        Problem::new(program.line(place), message)
    };
    for instruction in &mut instructions {
        let Some(distance) = jump_distance(instruction.slot) else {
            continue;
        };
        let target = target(instruction.offset, distance);
        match target.and_then(|target| indices.get(&target)) {
            Some(&index) => instruction.operand = Operand::Jump(index),
            None => problems.push(wrong(
                instruction.offset,
                format!("jump out of function `{}`", function.name),
            )),
        }
    }
    let ends = instructions.last().is_some_and(|last| {
        matches!(
            form(last.slot.opcode),
            Form::Exit | Form::Jump | Form::LongJump
        )
    });
    if !ends {
        let last = instructions
            .last()
            .map_or(function.place.offset, |i| i.offset);
        let problem = wrong(
            last,
            format!("function `{}` runs past its end", function.name),
        );
        problems.push(problem.help(
            "it has undefined behaviour: a missing return, an endless loop, or code marked unreachable",
        ));
    }
    instructions
}

fn at(program: &Program<'_>, id: FunctionId, offset: u64) -> Option<Place> {
    let function = program.functions.get(id)?;
    Some(Place {
        offset,
        ..function.place
    })
}

/// The slots of a function with their offsets in the section.
fn slots(program: &Program<'_>, id: FunctionId) -> Vec<(u64, Slot)> {
    let Some(function) = program.functions.get(id) else {
        return Vec::new();
    };
    let Place {
        object,
        section,
        offset,
    } = function.place;
    let bytes = program
        .section(object, section)
        .and_then(|section| section.bytes.get(offset as usize..function.end as usize));
    let chunks = bytes.unwrap_or_default().as_chunks::<8>().0;
    chunks
        .iter()
        .zip((offset..).step_by(Slot::SIZE))
        .map(|(bytes, offset)| (offset, Slot::from_bits(u64::from_le_bytes(*bytes))))
        .collect()
}

/// The distance of a jump in slots, if it is one.
fn jump_distance(slot: Slot) -> Option<i64> {
    match form(slot.opcode) {
        Form::Jump | Form::BranchImmediate | Form::BranchRegister => Some(slot.offset.into()),
        Form::LongJump => Some(slot.immediate.into()),
        _ => None,
    }
}

/// The offset that lies `distance` slots behind the instruction after one.
fn target(offset: u64, distance: i64) -> Option<u64> {
    offset.checked_add_signed((distance + 1) * 8)
}

fn operand(
    program: &Program<'_>,
    place: Place,
    slot: Slot,
    second: impl FnOnce() -> Option<Slot>,
) -> Result<Operand, Problem> {
    let refuse = |message: String| Problem::new(program.line(place), message);
    let relocation = program
        .section(place.object, place.section)
        .and_then(|section| section.relocations.get(&place.offset));
    match slot.opcode {
        CALL_REGISTER => Err(refuse("indirect call".into())
            .help("there are no function pointers: call functions by name, or use switch")),
        opcode::Call if slot.src() == CALL_HELPER && relocation.is_none() => {
            helper(slot.immediate.cast_unsigned())
                .map(|()| Operand::None)
                .map_err(|message| {
                    refuse(message).help("the helpers are declared in the headers <rbpf/...>")
                })
        }
        opcode::Call if slot.src() <= CALL_LOCAL => {
            call_target(program, place, slot).map(Operand::Call)
        }
        opcode::Call => Err(refuse("call of a kernel function".into())
            .help("only helpers and functions of the program can be called")),
        opcode::LoadImm64 => {
            let second = second().ok_or_else(|| refuse("64-bit load is cut off".into()))?;
            if slot.src() != 0 {
                return Err(
                    refuse("64-bit load of a map or another kernel object".into())
                        .help("there are no BPF maps: use bpf_store_local and bpf_fetch_local"),
                );
            }
            let value = u64::from(slot.immediate.cast_unsigned())
                | u64::from(second.immediate.cast_unsigned()) << 32;
            let Some(relocation) = relocation else {
                return Ok(Operand::Value(value));
            };
            if relocation.kind != relocation::LOAD {
                return Err(refuse(format!(
                    "relocation of kind {} at a 64-bit load is not supported",
                    relocation.kind
                )));
            }
            match program.resolve(place, relocation.symbol, value.cast_signed())? {
                Target::Data(reference) => Ok(Operand::Address(reference)),
                Target::Absolute(value) => Ok(Operand::Value(value)),
                Target::Text(to) => Err(function_pointer(program.line(place), program, to)),
            }
        }
        _ => match relocation {
            Some(relocation) => Err(refuse(format!(
                "relocation of kind {} at this instruction is not supported",
                relocation.kind
            ))),
            None if form(slot.opcode) == Form::Invalid => {
                Err(refuse(format!("unknown instruction {:#04x}", slot.opcode)))
            }
            None => Ok(Operand::None),
        },
    }
}

/// Whether there can be such a helper.
fn helper(id: u32) -> Result<(), String> {
    if Helper::from_id(id).is_some() || is_application_helper(id) {
        return Ok(());
    }
    Err(format!("call of helper {id:#x}, which does not exist"))
}

/// The function that a local call goes to: by its relocation, or by its
/// distance if the compiler knew it.
fn call_target(program: &Program<'_>, place: Place, slot: Slot) -> Result<FunctionId, Problem> {
    let refuse = |message: String| Problem::new(program.line(place), message);
    let section = program.section(place.object, place.section);
    let distance = i64::from(slot.immediate);
    let target = match section.and_then(|section| section.relocations.get(&place.offset)) {
        Some(relocation) if relocation.kind == relocation::CALL => {
            match program.resolve(place, relocation.symbol, (distance + 1) * 8)? {
                Target::Text(target) => Some(target),
                _ => return Err(refuse("call of something that is no function".into())),
            }
        }
        Some(relocation) => {
            return Err(refuse(format!(
                "relocation of kind {} at a call is not supported",
                relocation.kind
            )));
        }
        None => target(place.offset, distance).map(|offset| Place { offset, ..place }),
    };
    target
        .and_then(|target| program.function_at(target))
        .ok_or_else(|| refuse("call of a place where no function begins".into()))
}
