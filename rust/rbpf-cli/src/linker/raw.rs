// SPDX-License-Identifier: MIT OR Apache-2.0
//! An image of slots that are linked already: assembled programs.

use std::collections::BTreeSet;

use rbpf_abi::Capabilities;
use rbpf_abi::image::{self, ImageBuffer, ImageParts, MAX_FRAME};
use rbpf_isa::{Slot, disassemble, opcode};
use rbpf_vm::{Functions, Program};

use super::emit::CALL_RECORD;
use super::error::{LinkError, Problem};
use super::{Helpers, frames};
use crate::engines;

/// An image that starts at the first slot; its functions are those that are
/// called. It wants what its helpers need, and `wants`.
///
/// # Errors
///
/// If the verifier rejects it, or it does not fit into an image.
pub fn image_from_slots(text: &[Slot], wants: Capabilities) -> Result<Vec<u8>, LinkError> {
    let refuse = |message: String| LinkError::from(Problem::new("", message));
    let mut entries = BTreeSet::from([0]);
    let mut helpers = Helpers::default();
    for line in disassemble(text) {
        let pc = line.index();
        let Some(slot) = text.get(pc).filter(|slot| slot.opcode == opcode::Call) else {
            continue;
        };
        if slot.src() == 0 {
            helpers.ids.extend(u16::try_from(slot.immediate));
        } else if let Ok(target) = u16::try_from(pc as i64 + 1 + i64::from(slot.immediate)) {
            entries.insert(target);
        }
    }
    let ends = entries.iter().skip(1).map(|&next| usize::from(next));
    let ends = ends.chain([text.len()]);
    let functions: Vec<image::Function> = entries
        .iter()
        .zip(ends)
        .map(|(&entry, end)| {
            let slots = text.get(usize::from(entry)..end).unwrap_or_default();
            image::Function::new(entry, frame(slots))
        })
        .collect();
    let bytes: Vec<u8> = text
        .iter()
        .flat_map(|slot| slot.bits().to_le_bytes())
        .collect();
    let ids: Vec<u16> = helpers.ids.iter().copied().collect();
    let parts = ImageParts {
        stack_size: stack_size(&functions),
        capabilities: helpers.capabilities() | wants,
        text: &bytes,
        functions: &functions,
        helpers: &ids,
        ..ImageParts::default()
    };
    let image = parts.write().map_err(|error| refuse(error.to_string()))?;
    let buffer = ImageBuffer::copy_from(&image);
    let checked = buffer.image().map_err(|error| refuse(error.to_string()))?;
    let table = Functions::table_from_bytes(checked.functions())
        .ok_or_else(|| refuse("the function table is not aligned".into()))?;
    let grant = |id| engines::grant(helpers.capabilities(), id);
    Program::verify(text, table, &grant).map_err(|error| {
        refuse(format!(
            "rejected at slot {}: {}",
            error.pc,
            error.kind.text()
        ))
    })?;
    Ok(image)
}

/// The frame of a function by its instructions, at most [`MAX_FRAME`].
fn frame(slots: &[Slot]) -> u16 {
    let frame = frames::scan(slots.iter().copied()).map(|frame| frame.next_multiple_of(8));
    let known = frame.and_then(|frame| u16::try_from(frame).ok());
    known.unwrap_or(MAX_FRAME).min(MAX_FRAME)
}

/// The stack for one call of each function: enough unless they recurse. 0
/// for the default.
fn stack_size(functions: &[image::Function]) -> u16 {
    let frames: usize = functions
        .iter()
        .map(|function| usize::from(function.frame()))
        .sum();
    let records = (functions.len() - 1) * CALL_RECORD as usize;
    match u16::try_from(frames + records) {
        Ok(size) if size <= image::DEFAULT_STACK_SIZE => 0,
        Ok(size) => size,
        Err(_) => u16::MAX - 7,
    }
}
