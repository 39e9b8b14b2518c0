// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much stack a function's frame takes.
//!
//! clang says so in `.stack_sizes` if asked. Objects of other origin are
//! read instead: the frame is as deep as the accesses below r10 reach. Where
//! the address of a local variable is taken, that says nothing (a compiler
//! may keep the address of an array's end), so the largest frame is assumed.

use std::collections::BTreeMap;

use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};
use rbpf_isa::{FRAME_POINTER, Form, Slot, form};

/// The entries of all `.stack_sizes` sections about one section: offset of
/// the function, bytes of stack.
pub(super) fn stack_sizes(
    file: &ElfFile64<'_, Endianness>,
    section: object::SectionIndex,
) -> BTreeMap<u64, u64> {
    let mut sizes = BTreeMap::new();
    let tables = file
        .sections()
        .filter(|table| table.name() == Ok(".stack_sizes"));
    for table in tables {
        let Ok(bytes) = table.data() else { continue };
        let symbols: BTreeMap<u64, _> = table
            .relocations()
            .filter_map(|(offset, relocation)| match relocation.target() {
                RelocationTarget::Symbol(index) => Some((offset, index)),
                _ => None,
            })
            .collect();
        let mut rest = bytes;
        while let Some((address, after)) = rest.split_first_chunk::<8>() {
            let offset = (bytes.len() - rest.len()) as u64;
            let Some((size, after)) = uleb128(after) else {
                break;
            };
            rest = after;
            let symbol = symbols
                .get(&offset)
                .and_then(|&index| file.symbol_by_index(index).ok());
            if let Some(symbol) = symbol
                && symbol.section_index() == Some(section)
            {
                let function = u64::from_le_bytes(*address).wrapping_add(symbol.address());
                sizes.insert(function, size);
            }
        }
    }
    sizes
}

fn uleb128(mut bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, bytes));
        }
    }
    None
}

/// The frame of a function by what it does: bytes below r10 that its loads
/// and stores reach; `None` if it takes the address of a local variable,
/// since what is then done with that cannot be seen.
pub(super) fn scan(slots: impl Iterator<Item = Slot>) -> Option<u64> {
    slots
        .map(reach)
        .try_fold(0, |frame, reach| Some(frame.max(reach?)))
}

/// Bytes below r10 that one instruction reaches; `None` if it copies r10.
fn reach(slot: Slot) -> Option<u64> {
    let is_frame = |register: usize| register == usize::from(FRAME_POINTER);
    let below = u64::from(slot.offset.min(0).unsigned_abs());
    match form(slot.opcode) {
        Form::StoreRegister | Form::Atomic | Form::Register if is_frame(slot.src()) => None,
        Form::Load if is_frame(slot.src()) => Some(below),
        Form::StoreImmediate | Form::StoreRegister | Form::Atomic if is_frame(slot.dst()) => {
            Some(below)
        }
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(source: &str) -> Option<u64> {
        let slots = rbpf_isa::assemble(source).expect("the test's own source");
        scan(slots.into_iter())
    }

    #[test]
    fn accesses_below_the_frame_pointer() {
        assert_eq!(frame("mov %r0, 0\nexit"), Some(0));
        assert_eq!(
            frame("stxdw [%r10-24], %r1\nldxb %r0, [%r10-3]\nexit"),
            Some(24)
        );
        assert_eq!(frame("mov %r1, %r10\nadd %r1, -40\nexit"), None);
        assert_eq!(frame("stxdw [%r10-8], %r10\nexit"), None);
    }

    #[test]
    fn numbers() {
        assert_eq!(uleb128(&[0xe5, 0x8e, 0x26, 9]), Some((624_485, &[9][..])));
        assert_eq!(uleb128(&[0x80]), None);
        assert_eq!(uleb128(&[0xff; 12]), None);
    }
}
