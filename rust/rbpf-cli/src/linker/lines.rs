// SPDX-License-Identifier: MIT OR Apache-2.0
//! Source lines of instructions, from the line information of an object.
//!
//! Only messages and `rbpf fault` need them, so nothing is kept: an object is
//! read again when somebody asks. In a relocatable object all sections begin at
//! address 0; here each gets 4 GiB of its own.

use std::borrow::Cow;

use gimli::{EndianArcSlice, LittleEndian};
use object::read::elf::ElfFile64;
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags,
    RelocationTarget, SectionIndex,
};

use super::elf::relocation;

/// Functions that are told of one instruction: more are a damaged object's.
const MAX_FRAMES: usize = 64;

type Context = addr2line::Context<EndianArcSlice<LittleEndian>>;

/// A function that an instruction belongs to, and the line in it.
///
/// What a compiler has inlined belongs to several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFrame {
    /// The function's name.
    pub function: Option<String>,
    /// The source file, with the path that the compiler saw.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
}

/// `file:line` of an offset in a section.
pub(super) fn locate(object: &[u8], section: usize, offset: u64) -> Option<String> {
    let context = context(object)?;
    let location = context.find_location(base(section) + offset).ok()??;
    let short = shorten(location.file?);
    Some(match location.line {
        Some(line) if line > 0 => format!("{short}:{line}"),
        _ => short.into_owned(),
    })
}

/// The functions that an offset in a section belongs to, the innermost first;
/// none without line information.
pub(super) fn frames(object: &[u8], section: usize, offset: u64) -> Vec<SourceFrame> {
    let mut all = Vec::new();
    let Some(context) = context(object) else {
        return all;
    };
    let found = context.find_frames(base(section) + offset).skip_all_loads();
    let Ok(mut frames) = found else {
        return all;
    };
    while let Ok(Some(frame)) = frames.next() {
        let name = frame.function.as_ref();
        let name = name.and_then(|name| Some(name.raw_name().ok()?.into_owned()));
        let location = frame.location.as_ref();
        let number = |number: Option<u32>| number.filter(|&number| number > 0);
        all.push(SourceFrame {
            function: name,
            file: location.and_then(|location| location.file.map(str::to_owned)),
            line: number(location.and_then(|location| location.line)),
            column: number(location.and_then(|location| location.column)),
        });
        if all.len() == MAX_FRAMES {
            break;
        }
    }
    all
}

/// A path in the working directory without that: shorter is better, and
/// paths are absolute only because of the compiler's working directory.
pub(crate) fn shorten(path: &str) -> Cow<'_, str> {
    let directory = std::env::current_dir().ok();
    directory
        .and_then(|directory| std::path::Path::new(path).strip_prefix(directory).ok())
        .map_or(Cow::Borrowed(path), |short| short.to_string_lossy())
}

/// The line information of an object, if it has any that can be read.
fn context(object: &[u8]) -> Option<Context> {
    let file = ElfFile64::<Endianness>::parse(object).ok()?;
    let load = |id: gimli::SectionId| -> Result<_, gimli::Error> {
        let bytes = section_data(&file, id.name()).unwrap_or_default();
        Ok(EndianArcSlice::new(bytes.into(), LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(load).ok()?;
    addr2line::Context::from_dwarf(dwarf).ok()
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
