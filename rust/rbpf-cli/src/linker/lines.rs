// SPDX-License-Identifier: MIT OR Apache-2.0
//! Source lines of instructions, from the line information of an object.
//!
//! Only messages need them, so nothing is kept: an object is read again when
//! something is wrong with it. In a relocatable object all sections begin at
//! address 0; here each gets 4 GiB of its own.

use std::borrow::Cow;

use gimli::{EndianArcSlice, LittleEndian};
use object::read::elf::ElfFile64;
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags,
    RelocationTarget, SectionIndex,
};

use super::elf::relocation;

/// `file:line` of an offset in a section.
pub(super) fn locate(object: &[u8], section: usize, offset: u64) -> Option<String> {
    let file = ElfFile64::<Endianness>::parse(object).ok()?;
    let load = |id: gimli::SectionId| -> Result<_, gimli::Error> {
        let bytes = section_data(&file, id.name()).unwrap_or_default();
        Ok(EndianArcSlice::new(bytes.into(), LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(load).ok()?;
    let context = addr2line::Context::from_dwarf(dwarf).ok()?;
    let location = context.find_location(base(section) + offset).ok()??;
    let name = location.file?;
    // Absolute because of the compiler's working directory: shorter is better.
    let directory = std::env::current_dir().ok();
    let short = directory
        .and_then(|directory| std::path::Path::new(name).strip_prefix(directory).ok())
        .map_or(Cow::Borrowed(name), |short| short.to_string_lossy());
    Some(match location.line {
        Some(line) if line > 0 => format!("{short}:{line}"),
        _ => short.into_owned(),
    })
}

const fn base(section: usize) -> u64 {
    (section as u64) << 32
}

/// The bytes of a debug section, relocated.
fn section_data(file: &ElfFile64<'_, Endianness>, name: &str) -> Option<Vec<u8>> {
    let section = file.section_by_name(name)?;
    let mut bytes = section.uncompressed_data().ok()?.into_owned();
    for (offset, record) in section.relocations() {
        let RelocationFlags::Elf { r_type } = record.flags() else {
            continue;
        };
        let RelocationTarget::Symbol(index) = record.target() else {
            continue;
        };
        let Ok(symbol) = file.symbol_by_index(index) else {
            continue;
        };
        let target = symbol.section_index().unwrap_or(SectionIndex(0));
        let Some(rest) = usize::try_from(offset)
            .ok()
            .and_then(|offset| bytes.get_mut(offset..))
        else {
            continue;
        };
        match r_type.0 {
            relocation::ABS64 => {
                if let Some(field) = rest.first_chunk_mut::<8>() {
                    let value = u64::from_le_bytes(*field)
                        .wrapping_add(symbol.address())
                        .wrapping_add(base(target.0));
                    *field = value.to_le_bytes();
                }
            }
            relocation::ABS32 => {
                if let Some(field) = rest.first_chunk_mut::<4>() {
                    let value = u32::from_le_bytes(*field).wrapping_add(symbol.address() as u32);
                    *field = value.to_le_bytes();
                }
            }
            _ => {}
        }
    }
    Some(bytes)
}
