// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading programs: images, ELF objects, raw bytecode.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use rbpf_abi::Capabilities;
use rbpf_abi::image::{self, DEFAULT_STACK_SIZE, ImageBuffer, MAX_FRAME};
use rbpf_isa::{Slot, Syntax, disassemble};
use rbpf_suite::bytes::slots;
use rbpf_vm::{Function, Functions, Program, VerifyError};

use crate::engines;
use crate::linker::{self, LinkedFunction, Object};

/// The longest file that is read, in bytes: objects with debug information
/// are far below.
const MAX_FILE: u64 = 64 << 20;

/// What kind of file a program came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An image.
    Image,
    /// An ELF object, which was linked.
    Object,
    /// Slots and nothing else.
    Raw,
}

/// A program and what it needs to run.
#[derive(Clone, Debug)]
pub struct Container {
    /// Where it came from.
    pub format: Format,
    /// The image; `None` for raw bytecode.
    pub image: Option<ImageBuffer>,
    /// The instructions.
    pub text: Vec<Slot>,
    /// The function table, empty for raw bytecode.
    pub table: Vec<Function>,
    /// Functions with their names, if they are known.
    pub names: Vec<LinkedFunction>,
    /// Constants.
    pub rodata: Vec<u8>,
    /// Initial contents of the data region, with its zeroed part.
    pub data: Vec<u8>,
    /// Stack, in bytes.
    pub stack_size: u16,
    /// What it wants.
    pub capabilities: Capabilities,
}

/// Reads a whole file.
///
/// # Errors
///
/// With the file's name, if it cannot be read or is no file.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("{name}: cannot be opened"))?;
    let kind = file
        .metadata()
        .with_context(|| format!("{name}: cannot be read"))?;
    if kind.is_dir() {
        bail!("{name}: is a directory, not a file");
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{name}: cannot be read"))?;
    if bytes.len() as u64 > MAX_FILE {
        bail!("{name}: is longer than {} MiB", MAX_FILE >> 20);
    }
    Ok(bytes)
}

impl Container {
    /// Reads a program from a file; `raw` for slots without a header.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not of a known format.
    pub fn read(path: &Path, raw: bool, entry: Option<&str>) -> Result<Self> {
        let bytes = read_file(path)?;
        let name = path.display().to_string();
        if bytes.is_empty() {
            bail!("{name}: is empty");
        }
        if raw {
            return Self::from_raw(&bytes).with_context(|| name);
        }
        if bytes.starts_with(&image::MAGIC) {
            return Self::from_image(&bytes, Format::Image)
                .map_err(|error| anyhow!("{name}: damaged image: {error:#}"));
        }
        if bytes.starts_with(b"\x7fELF") {
            let object = Object::read(&name, bytes)?;
            let options = linker::Options {
                entry: entry.map(str::to_owned),
                ..linker::Options::default()
            };
            let linked = linker::link(&[object], &options)?;
            let mut container = Self::from_image(&linked.image, Format::Object)?;
            container.names = linked.functions;
            return Ok(container);
        }
        let hint = match path.extension().and_then(|extension| extension.to_str()) {
            Some("c" | "h") => "compile it first: rbpf build",
            Some("s" | "S" | "asm") => "assemble it first: rbpf asm",
            _ => "for bytecode without a header, give --raw",
        };
        bail!("{name}: neither an image nor an ELF object; {hint}")
    }

    /// The program of an image.
    ///
    /// # Errors
    ///
    /// If its layout is not sound.
    pub fn from_image(bytes: &[u8], format: Format) -> Result<Self> {
        let buffer = ImageBuffer::copy_from(bytes);
        let image = buffer.image()?;
        let functions = image.function_records();
        let mut data = image.data().to_vec();
        data.resize(data.len() + usize::from(image.bss_len()), 0);
        Ok(Self {
            format,
            text: slots(image.text())?,
            table: functions
                .iter()
                .map(|function| Function {
                    entry: function.entry(),
                    frame: function.frame(),
                })
                .collect(),
            names: Vec::new(),
            rodata: image.rodata().to_vec(),
            data,
            stack_size: image.stack_size(),
            capabilities: image.capabilities(),
            image: Some(buffer.clone()),
        })
    }

    /// The program of raw bytecode.
    ///
    /// # Errors
    ///
    /// If the length is no multiple of 8 bytes.
    pub fn from_raw(bytes: &[u8]) -> Result<Self> {
        Ok(Self {
            format: Format::Raw,
            image: None,
            text: slots(bytes)?,
            table: Vec::new(),
            names: Vec::new(),
            rodata: Vec::new(),
            data: Vec::new(),
            stack_size: DEFAULT_STACK_SIZE.saturating_mul(8),
            capabilities: Capabilities::all(),
        })
    }

    /// The functions, as the verifier takes them.
    #[must_use]
    pub fn functions(&self) -> Functions<'_> {
        match self.format {
            Format::Raw => Functions::Unlisted { frame: MAX_FRAME },
            Format::Image | Format::Object => Functions::Table(&self.table),
        }
    }

    /// The verified program.
    ///
    /// # Errors
    ///
    /// The rule that is broken, with slot and instruction.
    pub fn verify(&self) -> Result<Program<'_>> {
        let grant = |id| engines::grant(self.capabilities, id);
        Program::verify(&self.text, self.functions(), &grant)
            .map_err(|error| anyhow!(self.rejection(error)))
    }

    fn rejection(&self, error: VerifyError) -> String {
        let VerifyError { pc, kind } = error;
        let mut message = format!("rejected at slot {pc}: {} ({})", kind.text(), kind.name());
        if let Some(instruction) = self.instruction(pc) {
            message.push_str("\n  ");
            message.push_str(&instruction);
        }
        message
    }

    /// The instruction at a slot, as text.
    #[must_use]
    pub fn instruction(&self, pc: u32) -> Option<String> {
        let line = disassemble(&self.text).find(|line| line.index() == pc as usize);
        // A jump may lead to where the disassembler sees no instruction.
        let line = line.or_else(|| rbpf_isa::Line::read(&self.text, pc as usize))?;
        let text = line.text(Syntax::Llvm);
        Some(format!("{pc}: {}", text.with_names(&engines::helper_name)))
    }
}
