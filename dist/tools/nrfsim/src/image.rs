// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ELF file that is to run: its segments, its symbols, its debug
//! information. The file may be anything; what is wrong with it is said.

use std::fmt;
use std::path::Path;
use std::rc::Rc;

use gimli::{EndianRcSlice, LittleEndian};
use object::elf;
use object::read::elf::{ElfFile32, FileHeader, ProgramHeader};
use object::{LittleEndian as Little, Object, ObjectSection, ObjectSymbol, SymbolKind};

use crate::memory::Memory;

/// Why a file cannot run.
#[derive(Debug)]
pub enum ImageError {
    /// It cannot be read.
    Io(std::io::Error),
    /// It is no ELF file, or a damaged one.
    Elf(object::Error),
    /// It is not for a 32-bit little-endian Arm processor.
    NotForArm,
    /// A part of it is to be where this chip has no memory.
    OutsideOfMemory {
        /// Where the part is to be.
        address: u32,
        /// Its length in bytes.
        length: usize,
    },
    /// It ends before its own parts do.
    Truncated,
    /// Nothing of it is to be loaded.
    Empty,
    /// The vector table at address 0 has no stack in RAM or no entry point.
    NoVectors {
        /// The first word: the stack pointer.
        stack: u32,
        /// The second word: the entry point.
        entry: u32,
    },
}

impl fmt::Display for ImageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::Io(error) => write!(formatter, "{error}"),
            ImageError::Elf(error) => write!(formatter, "not a usable ELF file: {error}"),
            ImageError::NotForArm => {
                formatter.write_str("not for a 32-bit little-endian Arm processor")
            }
            ImageError::OutsideOfMemory { address, length } => {
                write!(
                    formatter,
                    "{length} bytes are to be at {address:#010x}, where a nRF52840 has neither flash nor RAM"
                )
            }
            ImageError::Truncated => {
                formatter.write_str("not a usable ELF file: it ends before its own parts do")
            }
            ImageError::Empty => formatter.write_str("nothing in it is to be loaded"),
            ImageError::NoVectors { stack, entry } => write!(
                formatter,
                "no vector table at address 0 (stack pointer {stack:#010x}, entry {entry:#010x}); images behind a bootloader need it loaded too"
            ),
        }
    }
}

impl std::error::Error for ImageError {}

impl From<object::Error> for ImageError {
    fn from(error: object::Error) -> Self {
        ImageError::Elf(error)
    }
}

/// A function or an object of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its first address, without the Thumb bit.
    pub address: u32,
    /// Its size in bytes; 0 if unknown.
    pub size: u32,
    /// Its name.
    pub name: String,
    /// Whether it is code.
    pub is_code: bool,
}

/// Bytes of debug information, shared.
pub type DebugReader = EndianRcSlice<LittleEndian>;

/// A file that can run.
#[derive(Debug)]
pub struct Image {
    segments: Vec<(u32, Vec<u8>)>,
    /// By address.
    symbols: Vec<Symbol>,
    debug: Vec<(&'static str, Rc<[u8]>)>,
}

impl Image {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// An [`ImageError`] for whatever is wrong with the file.
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        Image::parse(&std::fs::read(path).map_err(ImageError::Io)?)
    }

    /// Takes the contents of a file.
    ///
    /// # Errors
    ///
    /// An [`ImageError`] for whatever is wrong with them.
    pub fn parse(data: &[u8]) -> Result<Self, ImageError> {
        let file = ElfFile32::<Little>::parse(data)?;
        let (header, endian) = (file.elf_header(), file.endian());
        if header.e_machine(endian) != elf::EM_ARM {
            return Err(ImageError::NotForArm);
        }
        let mut segments = Vec::new();
        for segment in header.program_headers(endian, data)? {
            if segment.p_type(endian) != elf::PT_LOAD {
                continue;
            }
            let bytes = segment
                .data(endian, data)
                .map_err(|()| ImageError::Truncated)?;
            if !bytes.is_empty() {
                segments.push((segment.p_paddr(endian), bytes.to_vec()));
            }
        }
        let image = Image {
            segments,
            symbols: symbols(&file),
            debug: debug_sections(&file),
        };
        image.check()?;
        Ok(image)
    }

    /// An image of one piece of code at address 0, without symbols.
    ///
    /// # Errors
    ///
    /// An [`ImageError`] as for a file.
    pub fn from_flash(code: &[u8]) -> Result<Self, ImageError> {
        let image = Image {
            segments: vec![(0, code.to_vec())],
            symbols: Vec::new(),
            debug: Vec::new(),
        };
        image.check()?;
        Ok(image)
    }

    fn check(&self) -> Result<(), ImageError> {
        if self.segments.is_empty() {
            return Err(ImageError::Empty);
        }
        let memory = Memory::new();
        self.load(&memory)?;
        let (stack, entry) = (
            memory.word(0).unwrap_or(u32::MAX),
            memory.word(4).unwrap_or(u32::MAX),
        );
        // A stack may begin at the very end of RAM.
        if !Memory::is_ram(stack.wrapping_sub(4), 4) || memory.word(entry & !3).is_none() {
            return Err(ImageError::NoVectors { stack, entry });
        }
        Ok(())
    }

    /// Puts the image into memories, as a programmer would.
    ///
    /// # Errors
    ///
    /// [`ImageError::OutsideOfMemory`]; earlier segments are loaded then.
    pub fn load(&self, memory: &Memory) -> Result<(), ImageError> {
        for (address, bytes) in &self.segments {
            if !memory.write(*address, bytes) {
                return Err(ImageError::OutsideOfMemory {
                    address: *address,
                    length: bytes.len(),
                });
            }
        }
        Ok(())
    }

    /// The symbol that covers `address`, of the kind asked for.
    #[must_use]
    pub fn symbol_at(&self, address: u32, is_code: bool) -> Option<&Symbol> {
        let end = self
            .symbols
            .partition_point(|symbol| symbol.address <= address);
        let covers = |symbol: &&Symbol| address - symbol.address < symbol.size.max(1);
        self.symbols[..end]
            .iter()
            .rev()
            .take(64)
            .filter(|symbol| symbol.is_code == is_code)
            .find(covers)
    }

    /// The symbol of this name.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<&Symbol> {
        self.symbols.iter().find(|symbol| symbol.name == name)
    }

    /// `name+0x12` for a code address, or only the address.
    #[must_use]
    pub fn describe_code(&self, address: u32) -> String {
        let address = address & !1;
        let symbol = self
            .symbol_at(address, true)
            .map(|symbol| format!(" {}+{:#x}", symbol.name, address - symbol.address));
        let line = self.line(address).map(|line| format!(" ({line})"));
        format!(
            "{address:#010x}{}{}",
            symbol.unwrap_or_default(),
            line.unwrap_or_default()
        )
    }

    /// The debug information.
    ///
    /// # Errors
    ///
    /// What [`gimli`] says about it.
    pub fn debug_information(&self) -> Result<gimli::Dwarf<DebugReader>, gimli::Error> {
        gimli::Dwarf::load(|section| {
            let bytes = self.debug.iter().find(|(name, _)| *name == section.name());
            let bytes = bytes.map_or_else(|| Rc::from([]), |(_, bytes)| Rc::clone(bytes));
            Ok(EndianRcSlice::new(bytes, LittleEndian))
        })
    }

    /// File and line of a code address.
    fn line(&self, address: u32) -> Option<String> {
        let context = addr2line::Context::from_dwarf(self.debug_information().ok()?).ok()?;
        let location = context.find_location(u64::from(address)).ok()??;
        let file = location.file?.rsplit('/').next()?;
        Some(format!("{file}:{}", location.line?))
    }
}

fn symbols(file: &ElfFile32<'_, Little>) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = file
        .symbols()
        .filter(|symbol| {
            matches!(
                symbol.kind(),
                SymbolKind::Text | SymbolKind::Data | SymbolKind::Unknown | SymbolKind::Label
            )
        })
        .filter_map(|symbol| {
            let name = symbol
                .name()
                .ok()
                .filter(|name| !name.is_empty() && !name.starts_with('$'))?;
            let is_code = symbol.kind() == SymbolKind::Text;
            let address = u32::try_from(symbol.address()).ok()?;
            Some(Symbol {
                address: if is_code { address & !1 } else { address },
                size: u32::try_from(symbol.size()).unwrap_or(0),
                name: name.to_owned(),
                is_code,
            })
        })
        .collect();
    symbols.sort_by_key(|symbol| symbol.address);
    symbols
}

fn debug_sections(file: &ElfFile32<'_, Little>) -> Vec<(&'static str, Rc<[u8]>)> {
    const SECTIONS: [&str; 13] = [
        ".debug_abbrev",
        ".debug_addr",
        ".debug_aranges",
        ".debug_info",
        ".debug_line",
        ".debug_line_str",
        ".debug_loc",
        ".debug_loclists",
        ".debug_ranges",
        ".debug_rnglists",
        ".debug_str",
        ".debug_str_offsets",
        ".debug_types",
    ];
    SECTIONS
        .into_iter()
        .filter_map(|name| Some((name, Rc::from(file.section_by_name(name)?.data().ok()?))))
        .collect()
}
