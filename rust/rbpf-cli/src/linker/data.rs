// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constants and variables: which are kept, and where they go.

use std::collections::{BTreeMap, HashMap};

use rbpf_vm::region;

use super::Place;
use super::elf::{Kind, Object, Section};
use super::error::{LinkError, Problem};
use super::graph::Atoms;

/// A piece of a section that is kept or dropped as a whole: a string, a
/// mergeable constant, or all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Part {
    pub(super) object: usize,
    pub(super) section: usize,
    pub(super) index: usize,
}

impl Part {
    /// Offsets in the section: first byte, and behind the last.
    pub(super) fn range(self, section: &Section) -> (u64, u64) {
        let start = section.parts.get(self.index).copied().unwrap_or(0);
        let end = section.parts.get(self.index + 1).copied();
        (start, end.unwrap_or(section.size))
    }
}

/// An address in data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) part: Part,
    /// Bytes from the part's beginning; may lead out of it.
    pub(super) delta: i64,
}

/// Where the data is.
pub(super) struct Layout {
    pub(super) rodata: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) bss_len: u16,
    addresses: HashMap<Part, u64>,
}

impl Layout {
    /// Places all that is reached, the strictest alignment first, so that
    /// there are few gaps.
    pub(super) fn new(objects: &[Object], atoms: &Atoms) -> Result<Self, LinkError> {
        let mut layout = Self {
            rodata: Vec::new(),
            data: Vec::new(),
            bss_len: 0,
            addresses: HashMap::new(),
        };
        layout.rodata = layout.place(objects, atoms, Kind::Rodata, region::RODATA, 0);
        layout.data = layout.place(objects, atoms, Kind::Data, region::DATA, 0);
        let data_len = layout.data.len();
        let bss = layout.place(objects, atoms, Kind::Bss, region::DATA, data_len);
        layout.bss_len = length(bss.len() - data_len, "zeroed variables (.bss)")?;
        length(layout.rodata.len(), "constants (.rodata)")?;
        length(data_len, "initialised variables (.data)")?;
        layout.relocate(objects, atoms);
        Ok(layout)
    }

    /// The guest address of a reference; 0 if its data is not placed.
    pub(super) fn address(&self, reference: Reference) -> u64 {
        self.addresses
            .get(&reference.part)
            .map_or(0, |address| address.wrapping_add_signed(reference.delta))
    }

    /// Lays out the parts of one kind behind `skip` bytes and returns the
    /// region's bytes; for zeroed variables, only their number counts.
    fn place(
        &mut self,
        objects: &[Object],
        atoms: &Atoms,
        kind: Kind,
        number: u8,
        skip: usize,
    ) -> Vec<u8> {
        let mut parts: Vec<(&Part, &Section)> = atoms
            .parts
            .iter()
            .filter_map(|part| {
                let section = objects.get(part.object)?.sections.get(part.section)?;
                (section.kind == kind).then_some((part, section))
            })
            .collect();
        parts.sort_by_key(|(part, section)| (std::cmp::Reverse(section.align), **part));
        let mut region_bytes = vec![0; skip];
        let mut known: HashMap<&[u8], u64> = HashMap::new();
        for (part, section) in parts {
            // Too long already, which is refused later.
            if region_bytes.len() > skip + MAX_SECTION {
                break;
            }
            let (start, end) = part.range(section);
            let size = end.saturating_sub(start) as usize;
            let bytes = section.bytes.get(start as usize..end as usize);
            let mergeable = section.parts.len() > 1 || section.name.starts_with(".rodata.str");
            let fixed = section
                .relocations
                .range(start..end.max(start))
                .next()
                .is_none();
            let same = bytes.filter(|_| kind == Kind::Rodata && mergeable && fixed);
            if let Some(&address) = same.and_then(|bytes| known.get(bytes)) {
                self.addresses.insert(*part, address);
                continue;
            }
            let offset = region_bytes.len().next_multiple_of(section.align as usize);
            let address = region::address(number) + offset as u64;
            // A hostile size is not to allocate more than a section may have.
            region_bytes.resize(offset.saturating_add(size.min(MAX_SECTION + 1)), 0);
            if let (Some(bytes), Some(place)) = (bytes, region_bytes.get_mut(offset..))
                && let Some(place) = place.get_mut(..bytes.len())
            {
                place.copy_from_slice(bytes);
            }
            if let Some(bytes) = same {
                known.insert(bytes, address);
            }
            self.addresses.insert(*part, address);
        }
        region_bytes
    }

    /// Writes the addresses that stand in data.
    fn relocate(&mut self, objects: &[Object], atoms: &Atoms) {
        let mut values = BTreeMap::new();
        for (place, pointer) in &atoms.pointers {
            let value = pointer
                .target
                .map_or(pointer.absolute, |target| self.address(target));
            values.insert(place, (pointer.wide, value));
        }
        for part in &atoms.parts {
            let section = objects
                .get(part.object)
                .and_then(|o| o.sections.get(part.section));
            let (Some(section), Some(&address)) = (section, self.addresses.get(part)) else {
                continue;
            };
            let bytes = match section.kind {
                Kind::Rodata => &mut self.rodata,
                _ => &mut self.data,
            };
            let (start, end) = part.range(section);
            let at = |offset| Place {
                object: part.object,
                section: part.section,
                offset,
            };
            for (place, (wide, value)) in values.range(at(start)..at(end.max(start))) {
                // The offset within the region is the address's low 24 bits.
                let offset = (address & 0x00ff_ffff) + (place.offset - start);
                let field = bytes.get_mut(offset as usize..).unwrap_or_default();
                let value = value.to_le_bytes();
                let width = if *wide { 8 } else { 4 };
                if let (Some(field), Some(value)) = (field.get_mut(..width), value.get(..width)) {
                    field.copy_from_slice(value);
                }
            }
        }
    }
}

/// The longest section of an image, in bytes.
const MAX_SECTION: usize = u16::MAX as usize;

fn length(length: usize, what: &str) -> Result<u16, LinkError> {
    u16::try_from(length).map_err(|_| {
        Problem::new(
            "",
            format!("the {what} take more than the {MAX_SECTION} bytes that an image can have"),
        )
        .into()
    })
}
