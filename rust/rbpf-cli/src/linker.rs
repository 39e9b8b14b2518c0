// SPDX-License-Identifier: MIT OR Apache-2.0
//! The linker: from ELF objects, as clang writes them, to an image.
//!
//! Guest addresses are known before a program runs, so linking is complete:
//! nothing is left for the device to relocate. Functions and data that the
//! entry does not reach are left out, and a 64-bit load of a value that 32
//! bits can hold, as all guest addresses are, shrinks to one slot.
//!
//! The linker refuses what the virtual machine cannot do (indirect calls,
//! maps, thread-local variables, symbols that nobody defines), and names the
//! source line if the object has line information. Whether instructions are
//! valid is the verifier's business, which judges the result.

mod data;
mod elf;
mod emit;
mod error;
mod frames;
mod graph;
mod lines;
mod manifest;
mod raw;
mod text;

use std::collections::BTreeSet;

use rbpf_abi::{Capabilities, Helper};
use rbpf_isa::Slot;

pub use elf::Object;
pub use error::{LinkError, Problem};
pub use lines::SourceFrame;
pub(crate) use lines::shorten;
pub use raw::image_from_slots;

use elf::Place;

/// What to link for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The function where runs start; `None` for the only global function
    /// that no other calls.
    pub entry: Option<String>,
    /// The stack that the image asks for, in bytes; `None` for what its
    /// functions need, or the default if they need less or recurse.
    pub stack: Option<u16>,
    /// What the image wants beside the capabilities that its helpers need.
    pub wants: Capabilities,
    /// Which version of the container it is; `None` for what its source says.
    pub version: Option<u32>,
}

/// A function of the linked program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedFunction {
    /// Its name.
    pub name: String,
    /// Slot of its first instruction.
    pub entry: u16,
    /// Number of its slots.
    pub slots: u16,
    /// Bytes of stack that its frame takes.
    pub frame: u16,
}

/// A linked program.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The image, accepted by the verifier.
    pub image: Vec<u8>,
    /// The functions in the order of their slots, of which the first is the
    /// entry.
    pub functions: Vec<LinkedFunction>,
    /// The stack that the deepest chain of calls needs, in bytes; `None` if
    /// functions recurse.
    pub stack: Option<u32>,
    /// The functions whose frame is not known, because the object has no
    /// `.stack_sizes`, and assumed to be the largest.
    pub assumed_frames: Vec<String>,
    /// Where each slot comes from.
    places: Vec<Place>,
}

impl Linked {
    /// The function that a slot belongs to.
    #[must_use]
    pub fn function(&self, pc: u32) -> Option<&LinkedFunction> {
        self.functions.iter().find(|function| {
            let entry = u32::from(function.entry);
            (entry..entry + u32::from(function.slots)).contains(&pc)
        })
    }

    /// Where a slot stands in the source, the innermost of inlined functions
    /// first; empty without line information. `objects` are those that were
    /// linked.
    #[must_use]
    pub fn source(&self, objects: &[Object], pc: u32) -> Vec<SourceFrame> {
        let place = self.places.get(pc as usize);
        let object = place.and_then(|place| Some((place, objects.get(place.object)?)));
        object.map_or_else(Vec::new, |(place, object)| {
            object.frames(place.section, place.offset)
        })
    }
}

/// Links objects to an image.
///
/// # Errors
///
/// Everything that is wrong, as far as it can be found out.
pub fn link(objects: &[Object], options: &Options) -> Result<Linked, LinkError> {
    let program = graph::Program::collect(objects)?;
    let entry = program.entry(options.entry.as_deref())?;
    let reached = program.reach(entry)?;
    let layout = data::Layout::new(objects, &reached.atoms)?;
    emit::emit(objects, &program, &reached, &layout, options)
}

/// What the calls of a program need.
#[derive(Clone, Debug, Default)]
struct Helpers {
    ids: BTreeSet<u16>,
}

impl Helpers {
    fn capabilities(&self) -> Capabilities {
        self.ids
            .iter()
            .map(|&id| match Helper::from_id(id.into()) {
                Some(helper) => helper.capability(),
                None => Capabilities::APPLICATION,
            })
            .fold(Capabilities::CORE, |all, one| all | one)
    }
}

/// An instruction of a function, before it has a place in the image.
#[derive(Clone, Debug)]
struct Instruction {
    slot: Slot,
    operand: Operand,
    /// Offset in its section, in bytes.
    offset: u64,
}

/// What the linker has to put into an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    /// Nothing.
    None,
    /// The distance to an instruction of the same function, by index.
    Jump(usize),
    /// The distance to a function.
    Call(graph::FunctionId),
    /// The value of a 64-bit load.
    Value(u64),
    /// The address of data.
    Address(data::Reference),
}
