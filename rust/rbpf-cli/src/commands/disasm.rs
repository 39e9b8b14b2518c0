// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf disasm`: the instructions of a program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use rbpf_isa::{Slot, Syntax, disassemble};
use rbpf_suite::bytes::slots;

use super::print;
use crate::container::{Container, read_file};
use crate::engines::helper_name;
use crate::linker::Object;

const AFTER_HELP: &str = "\
An ELF object is shown as the compiler wrote it, section by section.

Examples:
  rbpf disasm sensor.rbpf
  rbpf disasm sensor.o
  rbpf disasm --raw program.bin --conformance > program.s";

/// Arguments of `rbpf disasm`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// An image, an ELF object, or raw bytecode
    file: PathBuf,
    /// The file is bytecode without a header
    #[arg(long)]
    raw: bool,
    /// Write the syntax of the assembler and of bpf_conformance instead of LLVM's
    #[arg(long)]
    conformance: bool,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let bytes = read_file(&arguments.file)?;
    let name = arguments.file.display().to_string();
    let mut text = String::new();
    if !arguments.raw && bytes.starts_with(b"\x7fELF") {
        let object = Object::read(&name, bytes)?;
        for (section, bytes, functions) in object.text_sections() {
            let slots = slots(bytes).with_context(|| format!("{name}: section {section}"))?;
            let labels = functions
                .into_iter()
                .map(|(offset, name)| ((offset / 8) as usize, name.to_owned()))
                .collect();
            let _ = writeln!(text, "# section {section}");
            list(&mut text, &slots, &labels, arguments.conformance);
        }
        if text.is_empty() {
            bail!("{name}: holds no instructions");
        }
    } else {
        let container = Container::read(&arguments.file, arguments.raw, None)?;
        let label = |(index, function): (usize, &rbpf_vm::Function)| {
            let what = if index == 0 { "start" } else { "function" };
            let label = format!("{what}, frame {} bytes", function.frame);
            (usize::from(function.entry), label)
        };
        let labels = container.table.iter().enumerate().map(label).collect();
        list(&mut text, &container.text, &labels, arguments.conformance);
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Appends a line per instruction, and a comment before each function.
fn list(
    output: &mut String,
    program: &[Slot],
    labels: &BTreeMap<usize, String>,
    conformance: bool,
) {
    for line in disassemble(program) {
        if let Some(label) = labels.get(&line.index()) {
            let _ = writeln!(output, "# {label}");
        }
        // Writing to a string does not fail.
        let _ = if conformance {
            let text = line.text(Syntax::Assembler);
            writeln!(output, "{}", text.with_names(&helper_name))
        } else {
            let text = line.text(Syntax::Llvm);
            writeln!(
                output,
                "{:5}: {}",
                line.index(),
                text.with_names(&helper_name)
            )
        };
    }
}
