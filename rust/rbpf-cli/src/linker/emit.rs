// SPDX-License-Identifier: MIT OR Apache-2.0
//! From reached functions to the image.
//!
//! Loads of 64-bit values shrink here. It happens before distances are
//! computed, so that nothing has to be moved afterwards.

use std::collections::HashMap;

use rbpf_abi::image::{self, ImageBuffer, ImageParts, MAX_FRAME};
use rbpf_isa::{Slot, form, opcode};
use rbpf_vm::{Functions, HelperGrant, Program as Verified, VerifyErrorKind};

use super::data::Layout;
use super::error::{LinkError, Problem};
use super::graph::{FunctionId, Program, Reached};
use super::manifest::Manifest;
use super::{
    Helpers, Instruction, Linked, LinkedFunction, Object, Operand, Options, Place, frames,
};

/// The most that a local call may store on the stack beyond the frame, in
/// bytes. The engine takes 40 today; images outlive firmware.
pub(super) const CALL_RECORD: u32 = 48;
/// The most slots that a program can have.
const MAX_SLOTS: usize = u16::MAX as usize;

pub(super) fn emit(
    objects: &[Object],
    program: &Program<'_>,
    reached: &Reached,
    layout: &Layout,
    options: &Options,
) -> Result<Linked, LinkError> {
    let (text, places, functions) = assemble(program, reached, layout)?;
    let (frames, assumed_frames) = frame_sizes(program, reached)?;
    let mut helpers = Helpers::default();
    for slot in &text {
        if slot.opcode == opcode::Call && slot.src() == 0 {
            // Ids are checked when functions are decoded.
            helpers.ids.extend(u16::try_from(slot.immediate));
        }
    }
    let stack = deepest(reached, &frames);
    let stack_size = stack_size(stack, options.stack, &frames)?;

    let functions: Vec<LinkedFunction> = functions
        .into_iter()
        .zip(&reached.functions)
        .zip(&frames)
        .map(|(((entry, slots), (id, _)), &frame)| LinkedFunction {
            name: program
                .functions
                .get(*id)
                .map_or_else(String::new, |f| f.name.clone()),
            entry,
            slots,
            frame,
        })
        .collect();
    let records: Vec<_> = functions
        .iter()
        .map(|function| image::Function::new(function.entry, function.frame))
        .collect();
    let ids: Vec<u16> = helpers.ids.iter().copied().collect();
    let bytes: Vec<u8> = text
        .iter()
        .flat_map(|slot| slot.bits().to_le_bytes())
        .collect();
    let manifest = Manifest::read(objects)?;
    let parts = ImageParts {
        stack_size,
        capabilities: helpers.capabilities() | manifest.wants | options.wants,
        text: &bytes,
        functions: &records,
        helpers: &ids,
        rodata: &layout.rodata,
        data: &layout.data,
        bss_len: layout.bss_len,
        keep_values: manifest.keep_values,
        version: options.version.or(manifest.version),
    };
    let image = parts.write().map_err(|error| {
        LinkError::from(Problem::new("", format!("the image is not sound: {error}")))
    })?;
    verify(objects, &image, &text, &places)?;
    Ok(Linked {
        image,
        functions,
        stack,
        assumed_frames,
        places,
    })
}

/// Slots, where each comes from, and entry and length of each function.
type Assembled = (Vec<Slot>, Vec<Place>, Vec<(u16, u16)>);

fn assemble(
    program: &Program<'_>,
    reached: &Reached,
    layout: &Layout,
) -> Result<Assembled, LinkError> {
    // First where everything is, then what is there.
    let mut starts = Vec::new();
    let mut entries: HashMap<FunctionId, i64> = HashMap::new();
    let mut next = 0usize;
    for (id, instructions) in &reached.functions {
        entries.insert(*id, next as i64);
        let mut indices = Vec::with_capacity(instructions.len());
        for instruction in instructions {
            indices.push(next);
            next += encode(instruction, layout).len();
        }
        starts.push(indices);
    }
    if next > MAX_SLOTS {
        let message =
            format!("the program has {next} instruction slots; an image can have {MAX_SLOTS}");
        return Err(Problem::new("", message).into());
    }

    let mut text = Vec::with_capacity(next);
    let mut places = Vec::with_capacity(next);
    let mut functions = Vec::new();
    let mut problems = Vec::new();
    for ((id, instructions), indices) in reached.functions.iter().zip(&starts) {
        let Some(function) = program.functions.get(*id) else {
            continue;
        };
        let entry = text.len();
        for instruction in instructions {
            let place = Place {
                offset: instruction.offset,
                ..function.place
            };
            let after = text.len() as i64 + 1;
            for mut slot in encode(instruction, layout) {
                let distance = match instruction.operand {
                    Operand::Jump(index) => indices
                        .get(index)
                        .map_or(0, |&target| target as i64 - after),
                    Operand::Call(to) => entries.get(&to).copied().unwrap_or(0) - after,
                    _ => 0,
                };
                if !set_distance(&mut slot, &instruction.operand, distance) {
                    problems.push(Problem::new(program.line(place), "jump too far"));
                }
                text.push(slot);
                places.push(place);
            }
        }
        // Both are at most MAX_SLOTS.
        functions.push((entry as u16, (text.len() - entry) as u16));
    }
    LinkError::check(problems)?;
    Ok((text, places, functions))
}

/// The slots of an instruction; distances are not set yet.
fn encode(instruction: &Instruction, layout: &Layout) -> Vec<Slot> {
    let value = match instruction.operand {
        Operand::Value(value) => value,
        Operand::Address(reference) => layout.address(reference),
        _ => return vec![instruction.slot],
    };
    let dst = instruction.slot.dst() as u8;
    if let Ok(low) = u32::try_from(value) {
        return vec![Slot::new(opcode::Mov32Imm, dst, 0, 0, low.cast_signed())];
    }
    if let Ok(immediate) = i32::try_from(value.cast_signed()) {
        return vec![Slot::new(opcode::Mov64Imm, dst, 0, 0, immediate)];
    }
    let [low, high] = [value as i32, (value >> 32) as i32];
    vec![
        Slot::new(opcode::LoadImm64, dst, 0, 0, low),
        Slot::new(0, 0, 0, 0, high),
    ]
}

/// Sets the distance of a jump or call; `false` if it does not fit.
fn set_distance(slot: &mut Slot, operand: &Operand, distance: i64) -> bool {
    match operand {
        Operand::Jump(_) if form(slot.opcode) != rbpf_isa::Form::LongJump => {
            let Ok(offset) = i16::try_from(distance) else {
                return false;
            };
            slot.offset = offset;
        }
        Operand::Jump(_) | Operand::Call(_) => {
            let Ok(immediate) = i32::try_from(distance) else {
                return false;
            };
            slot.immediate = immediate;
            if matches!(operand, Operand::Call(_)) {
                *slot = Slot::new(opcode::Call, 0, 1, 0, immediate);
            }
        }
        _ => {}
    }
    true
}

/// The frame of each function, in bytes, a multiple of 8; and the names of
/// those whose frame is not known and assumed to be the largest.
fn frame_sizes(
    program: &Program<'_>,
    reached: &Reached,
) -> Result<(Vec<u16>, Vec<String>), LinkError> {
    let mut problems = Vec::new();
    let mut frames = Vec::new();
    let mut assumed = Vec::new();
    for (id, instructions) in &reached.functions {
        let Some(function) = program.functions.get(*id) else {
            continue;
        };
        let place = function.place;
        let said = program
            .section(place.object, place.section)
            .and_then(|section| section.stack_sizes.get(&place.offset).copied());
        let slots = instructions.iter().map(|instruction| instruction.slot);
        let size = said.or_else(|| frames::scan(slots)).unwrap_or_else(|| {
            assumed.push(function.name.clone());
            MAX_FRAME.into()
        });
        let rounded = size.checked_next_multiple_of(8).unwrap_or(u64::MAX);
        match u16::try_from(rounded) {
            Ok(frame) if frame <= MAX_FRAME => frames.push(frame),
            _ => {
                let message = format!(
                    "function `{}` uses {size} bytes of stack; {MAX_FRAME} is the most",
                    function.name
                );
                let problem = Problem::new(program.line(place), message);
                problems.push(problem.help("make large local variables static"));
            }
        }
    }
    LinkError::check(problems)?;
    Ok((frames, assumed))
}

/// The stack that the deepest chain of calls needs; `None` if functions
/// recurse.
fn deepest(reached: &Reached, frames: &[u16]) -> Option<u32> {
    /// What is known of a function's need.
    #[derive(Clone, Copy)]
    enum Need {
        Unknown,
        BeingComputed,
        Known(u32),
    }
    let index: HashMap<FunctionId, usize> = reached
        .functions
        .iter()
        .enumerate()
        .map(|(index, (id, _))| (*id, index))
        .collect();
    let callees: Vec<Vec<usize>> = reached
        .functions
        .iter()
        .map(|(_, instructions)| {
            let call = |instruction: &Instruction| match instruction.operand {
                Operand::Call(to) => index.get(&to).copied(),
                _ => None,
            };
            instructions.iter().filter_map(call).collect()
        })
        .collect();
    let mut needs = vec![Need::Unknown; frames.len()];
    // A stack of our own: chains of calls may be as long as the input likes.
    let mut open = vec![0];
    while let Some(&current) = open.last() {
        needs[current] = Need::BeingComputed;
        let mut deepest = 0;
        let mut waits = false;
        for &callee in &callees[current] {
            match needs[callee] {
                Need::Known(need) => deepest = deepest.max(CALL_RECORD + need),
                Need::BeingComputed => return None,
                Need::Unknown => {
                    open.push(callee);
                    waits = true;
                    break;
                }
            }
        }
        if !waits {
            needs[current] = Need::Known(u32::from(frames[current]) + deepest);
            open.pop();
        }
    }
    match needs.first() {
        Some(&Need::Known(need)) => Some(need),
        _ => None,
    }
}

/// The header's stack size: 0 for the default.
fn stack_size(need: Option<u32>, wanted: Option<u16>, frames: &[u16]) -> Result<u16, LinkError> {
    let default = u32::from(image::DEFAULT_STACK_SIZE);
    let least = need.unwrap_or_else(|| frames.iter().copied().max().unwrap_or(0).into());
    let refuse = |message: String, help: &str| Err(Problem::new("", message).help(help).into());
    match wanted {
        Some(size) if !size.is_multiple_of(8) || size == 0 => refuse(
            format!("a stack of {size} bytes"),
            "give a multiple of 8 that is not 0",
        ),
        Some(size) if u32::from(size) < least => refuse(
            format!("a stack of {size} bytes is too small: the functions need {least}"),
            "give more, or leave --stack out",
        ),
        Some(size) => Ok(size),
        None if least <= default => Ok(0),
        None => u16::try_from(least).or_else(|_| {
            refuse(
                format!("the deepest chain of calls needs {least} bytes of stack"),
                "65528 is the most: use fewer or smaller local variables",
            )
        }),
    }
}

/// Has the image judged as the device will.
fn verify(
    objects: &[Object],
    bytes: &[u8],
    text: &[Slot],
    places: &[Place],
) -> Result<(), LinkError> {
    let unsound = |message: String| LinkError::from(Problem::new("", message));
    let buffer = ImageBuffer::copy_from(bytes);
    let image = buffer
        .image()
        .map_err(|error| unsound(format!("the image is not sound: {error}")))?;
    let functions = Functions::table_from_bytes(image.functions())
        .ok_or_else(|| unsound("the function table is not aligned".into()))?;
    let known = |_: u32| HelperGrant::Granted;
    let Err(error) = Verified::verify(text, functions, &known) else {
        return Ok(());
    };
    let pc = error.pc as usize;
    let place = places.get(pc).and_then(|place| {
        let object = objects.get(place.object)?;
        Some(object.place(place.section, place.offset))
    });
    let instruction = rbpf_isa::disassemble(text).find(|line| line.index() == pc);
    let instruction = instruction.map_or_else(String::new, |line| {
        format!(": {}", line.text(rbpf_isa::Syntax::Llvm))
    });
    let help = match error.kind {
        VerifyErrorKind::InvalidSelector | VerifyErrorKind::UnknownOpcode => {
            "compile with --mcpu v4 or less: newer instructions are not supported"
        }
        _ => "",
    };
    let message = format!("{} (slot {pc}{instruction})", error.kind.text());
    Err(Problem::new(place.unwrap_or_default(), message)
        .help(help)
        .into())
}
