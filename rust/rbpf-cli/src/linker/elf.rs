// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading ELF objects into what the linker works on.
//!
//! Everything that comes from the file is checked here or where it is used:
//! objects may be truncated, or written by something else than clang.

use std::collections::BTreeMap;

use object::read::elf::{ElfFile64, FileHeader};
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags,
    RelocationTarget, SectionFlags, SectionIndex, SymbolKind, SymbolSection, elf,
};

use super::error::{LinkError, Problem};
use super::lines::SourceFrame;
use super::{frames, lines};

type Elf<'a> = ElfFile64<'a, Endianness>;

/// Kinds of relocations (LLVM, "BPF Relocation Types"); `object` knows only
/// some of them by name.
pub(super) mod relocation {
    /// `R_BPF_64_64`: a 64-bit load of an address.
    pub(in super::super) const LOAD: u32 = 1;
    /// `R_BPF_64_ABS64`: an address in data, 8 bytes.
    pub(in super::super) const ABS64: u32 = 2;
    /// `R_BPF_64_ABS32`: an address in data, 4 bytes.
    pub(in super::super) const ABS32: u32 = 3;
    /// `R_BPF_64_32`: a call, by the distance in slots.
    pub(in super::super) const CALL: u32 = 10;
}

/// Where a section belongs in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Instructions.
    Text,
    /// Constants.
    Rodata,
    /// Initialised variables.
    Data,
    /// Zeroed variables.
    Bss,
    /// Thread-local variables, which there are not.
    ThreadLocal,
    /// Not part of the program.
    Other,
}

/// A place in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) object: usize,
    pub(super) section: usize,
    pub(super) offset: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation {
    pub(super) kind: u32,
    pub(super) symbol: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Empty for [`Kind::Bss`].
    pub(super) bytes: Vec<u8>,
    pub(super) size: u64,
    pub(super) align: u64,
    /// Where its parts begin that can be kept or dropped one by one.
    pub(super) parts: Vec<u64>,
    pub(super) relocations: BTreeMap<u64, Relocation>,
    /// Bytes of stack by the offset of the function, if the object says.
    pub(super) stack_sizes: BTreeMap<u64, u64>,
}

/// Where a symbol is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Definition {
    Undefined,
    Absolute,
    Section(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Symbol {
    pub(super) name: String,
    pub(super) definition: Definition,
    pub(super) value: u64,
    pub(super) size: u64,
    pub(super) global: bool,
    pub(super) weak: bool,
    pub(super) is_section: bool,
    /// Marks a function, or may do so.
    pub(super) is_function: bool,
}

/// An object file, read and checked as far as one can be on its own.
#[derive(Clone, Debug)]
pub struct Object {
    name: String,
    bytes: Vec<u8>,
    pub(super) sections: Vec<Section>,
    pub(super) symbols: Vec<Symbol>,
}

impl Object {
    /// Reads an object; `name` is for messages.
    ///
    /// # Errors
    ///
    /// If it is no relocatable little-endian BPF object, or uses what
    /// containers do not have.
    pub fn read(name: &str, bytes: Vec<u8>) -> Result<Self, LinkError> {
        let refuse = |message: String| LinkError::from(Problem::new(name, message));
        check_header(name, &bytes)?;
        let file = Elf::parse(bytes.as_slice())
            .map_err(|error| refuse(format!("damaged ELF object: {error}")))?;
        let mut sections = Vec::new();
        // Index 0 is the null section, which the iterator leaves out.
        for section in file.sections() {
            let index = section.index().0;
            if index > usize::from(u16::MAX) {
                return Err(refuse("too many sections".into()));
            }
            sections.resize_with(index, empty_section);
            sections.push(read_section(&section).map_err(|error| {
                refuse(format!(
                    "section {index} of the ELF object is damaged: {error}"
                ))
            })?);
        }
        let symbols = read_symbols(&file, &mut sections)
            .map_err(|error| refuse(format!("symbols of the ELF object are damaged: {error}")))?;
        for (index, section) in sections.iter_mut().enumerate() {
            section.stack_sizes = frames::stack_sizes(&file, SectionIndex(index));
        }
        let object = Self {
            name: name.into(),
            sections,
            symbols,
            bytes,
        };
        object.check()?;
        Ok(object)
    }

    /// What this object is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The executable sections: name, bytes and functions by their offsets.
    pub fn text_sections(&self) -> impl Iterator<Item = (&str, &[u8], Vec<(u64, &str)>)> {
        let text = |section: &&Section| section.kind == Kind::Text && !section.bytes.is_empty();
        self.sections
            .iter()
            .enumerate()
            .filter(move |(_, section)| text(section))
            .map(|(index, section)| {
                let here = |symbol: &&Symbol| {
                    symbol.is_function && symbol.definition == Definition::Section(index)
                };
                let mut functions: Vec<_> = self
                    .symbols
                    .iter()
                    .filter(here)
                    .map(|symbol| (symbol.value, symbol.name.as_str()))
                    .collect();
                functions.sort();
                (section.name.as_str(), section.bytes.as_slice(), functions)
            })
    }

    /// The source line of a place in a section, or what else names it.
    pub(super) fn place(&self, section: usize, offset: u64) -> String {
        if let Some(line) = lines::locate(&self.bytes, section, offset) {
            return line;
        }
        let section_name = self.sections.get(section).map_or("?", |s| s.name.as_str());
        format!("{}: {section_name}+{offset:#x}", self.name)
    }

    /// The functions that a place in a section belongs to, the innermost
    /// first.
    pub(super) fn frames(&self, section: usize, offset: u64) -> Vec<SourceFrame> {
        lines::frames(&self.bytes, section, offset)
    }

    fn check(&self) -> Result<(), LinkError> {
        let mut problems = Vec::new();
        for section in &self.sections {
            let name = section.name.as_str();
            if matches!(name, ".maps" | "maps") || name.starts_with("maps/") {
                problems.push(
                    Problem::new(
                        &self.name,
                        format!("section `{name}`: there are no BPF maps"),
                    )
                    .help("use the key-value store: bpf_store_local, bpf_fetch_local"),
                );
            }
            if section.kind == Kind::Text && !section.size.is_multiple_of(8) {
                problems.push(Problem::new(
                    &self.name,
                    format!(
                        "section `{name}` is {} bytes long, no multiple of 8",
                        section.size
                    ),
                ));
            }
        }
        LinkError::check(problems)
    }
}

/// Checks what kind of file it is.
fn check_header(name: &str, bytes: &[u8]) -> Result<(), LinkError> {
    let refuse =
        |message: &str, help: &str| Err(LinkError::from(Problem::new(name, message).help(help)));
    let compile = "compile it with clang -target bpf, or give the .c file";
    if !bytes.starts_with(&elf::ELFMAG) {
        return refuse("not an ELF object", compile);
    }
    match bytes.get(5) {
        Some(&byte) if byte == elf::ELFDATA2LSB.0 => {}
        Some(&byte) if byte == elf::ELFDATA2MSB.0 => {
            return refuse(
                "big-endian ELF object",
                "compile it with clang -target bpfel",
            );
        }
        _ => return refuse("damaged ELF object: no byte order", ""),
    }
    let machine = match bytes.get(18..20) {
        Some(&[low, high]) => elf::Machine(u16::from_le_bytes([low, high])),
        _ => return refuse("damaged ELF object: truncated header", ""),
    };
    if machine != elf::EM_BPF {
        let message = format!("ELF object for {}, not for BPF", machine_name(machine));
        return refuse(&message, compile);
    }
    let Ok(header) = elf::FileHeader64::<Endianness>::parse(bytes) else {
        return refuse(
            "damaged ELF object: truncated header, or not 64-bit",
            compile,
        );
    };
    if header.e_type(Endianness::Little) != elf::ET_REL {
        return refuse(
            "ELF file that is no relocatable object",
            "give the .o files that it was linked from",
        );
    }
    Ok(())
}

fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_386 => "x86".into(),
        elf::EM_X86_64 => "x86-64".into(),
        elf::EM_ARM => "Arm".into(),
        elf::EM_AARCH64 => "AArch64".into(),
        elf::EM_RISCV => "RISC-V".into(),
        elf::EM_MIPS => "MIPS".into(),
        elf::EM_XTENSA => "Xtensa".into(),
        elf::EM_AVR => "AVR".into(),
        elf::EM_MSP430 => "MSP430".into(),
        elf::EM_LOONGARCH => "LoongArch".into(),
        elf::EM_PPC64 => "PowerPC".into(),
        elf::EM_S390 => "s390".into(),
        other => format!("machine {}", other.0),
    }
}

const fn empty_section() -> Section {
    Section {
        name: String::new(),
        kind: Kind::Other,
        bytes: Vec::new(),
        size: 0,
        align: 1,
        parts: Vec::new(),
        relocations: BTreeMap::new(),
        stack_sizes: BTreeMap::new(),
    }
}

fn read_section<'a>(
    section: &object::read::elf::ElfSection64<'a, '_, Endianness>,
) -> Result<Section, object::Error> {
    let name = String::from_utf8_lossy(section.name_bytes()?).into_owned();
    let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
        return Ok(empty_section());
    };
    let has = |flag: elf::SectionFlags| sh_flags.0 & flag.0 != 0;
    let no_bits = section.elf_section_header().sh_type.get(Endianness::Little) == elf::SHT_NOBITS;
    let kind = if has(elf::SHF_TLS) {
        Kind::ThreadLocal
    } else if !has(elf::SHF_ALLOC) {
        Kind::Other
    } else if has(elf::SHF_EXECINSTR) {
        Kind::Text
    } else if no_bits {
        Kind::Bss
    } else if has(elf::SHF_WRITE) && !name.starts_with(".data.rel.ro") {
        // Constants that hold addresses are writable for a dynamic linker
        // only; here addresses are fixed.
        Kind::Data
    } else {
        Kind::Rodata
    };
    let wanted = !matches!(kind, Kind::Other | Kind::Bss);
    let bytes = if wanted { section.data()? } else { &[] };
    let entry_size = section
        .elf_section_header()
        .sh_entsize
        .get(Endianness::Little);
    let merge = kind == Kind::Rodata && has(elf::SHF_MERGE);
    let parts = match (merge, has(elf::SHF_STRINGS), entry_size) {
        (true, true, 1) => string_starts(bytes),
        (true, false, size @ 1..) => (0..bytes.len() as u64).step_by(size as usize).collect(),
        _ => vec![0],
    };
    let mut relocations = BTreeMap::new();
    if kind != Kind::Other {
        for (offset, relocation) in section.relocations() {
            let RelocationTarget::Symbol(symbol) = relocation.target() else {
                continue;
            };
            let RelocationFlags::Elf { r_type } = relocation.flags() else {
                continue;
            };
            let relocation = Relocation {
                kind: r_type.0,
                symbol: symbol.0,
            };
            relocations.insert(offset, relocation);
        }
    }
    Ok(Section {
        name,
        kind,
        bytes: bytes.to_vec(),
        size: section.size(),
        align: section.align().clamp(1, 8),
        parts,
        relocations,
        stack_sizes: BTreeMap::new(),
    })
}

/// Offsets where NUL-terminated strings begin.
fn string_starts(bytes: &[u8]) -> Vec<u64> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0);
    let next = ends.map(|(index, _)| index as u64 + 1);
    std::iter::once(0)
        .chain(next)
        .filter(|&start| start == 0 || start < bytes.len() as u64)
        .collect()
}

/// Reads the symbols; common ones get a section of their own.
fn read_symbols(file: &Elf<'_>, sections: &mut Vec<Section>) -> Result<Vec<Symbol>, object::Error> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for symbol in file.symbols() {
        let index = symbol.index().0;
        symbols.resize_with(index, || Symbol {
            name: String::new(),
            definition: Definition::Undefined,
            value: 0,
            size: 0,
            global: false,
            weak: false,
            is_section: false,
            is_function: false,
        });
        let mut value = symbol.address();
        let mut weak = symbol.is_weak();
        let definition = match symbol.section() {
            SymbolSection::Section(section) => Definition::Section(section.0),
            SymbolSection::Absolute => Definition::Absolute,
            SymbolSection::Common => {
                weak = true;
                sections.push(Section {
                    name: "COMMON".into(),
                    kind: Kind::Bss,
                    size: symbol.size(),
                    align: std::mem::take(&mut value).clamp(1, 8),
                    parts: vec![0],
                    ..empty_section()
                });
                Definition::Section(sections.len() - 1)
            }
            _ => Definition::Undefined,
        };
        let in_text = matches!(definition, Definition::Section(section)
            if sections.get(section).is_some_and(|section| section.kind == Kind::Text));
        let kind = symbol.kind();
        let untyped = matches!(kind, SymbolKind::Unknown | SymbolKind::Label);
        let name = String::from_utf8_lossy(symbol.name_bytes()?).into_owned();
        symbols.push(Symbol {
            definition,
            value,
            size: symbol.size(),
            global: symbol.is_global(),
            weak,
            is_section: kind == SymbolKind::Section,
            is_function: in_text
                && (kind == SymbolKind::Text || (untyped && symbol.is_global()))
                && !name.is_empty(),
            name,
        });
    }
    Ok(symbols)
}
