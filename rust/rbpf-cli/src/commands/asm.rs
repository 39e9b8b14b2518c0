// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf asm`: from assembler text to bytecode.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use rbpf_abi::Capabilities;
use rbpf_isa::assemble;

use super::{print, write_file};
use crate::container::read_file;
use crate::linker;
use crate::terminal::hex;

const AFTER_HELP: &str = "\
The syntax is that of the public suite bpf_conformance. Programs are assembled as they are
written, even if the verifier would reject them; --image refuses those.

Examples:
  rbpf asm program.s -o program.bin
  rbpf asm program.s --hex
  rbpf asm program.s --image -o program.rbpf";

/// Arguments of `rbpf asm`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The source
    file: PathBuf,
    /// The file to write; without it, hexadecimal goes to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write hexadecimal text, a slot a line
    #[arg(long, conflicts_with = "image")]
    hex: bool,
    /// Write an image instead of raw bytecode
    #[arg(long, requires = "output")]
    image: bool,
    /// Capabilities that the image wants beside those of its helpers
    #[arg(long, value_name = "LIST", value_parser = super::capabilities, default_value = "core")]
    want: Capabilities,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let name = arguments.file.display();
    let source = String::from_utf8(read_file(&arguments.file)?)
        .ok()
        .with_context(|| format!("{name}: is not text"))?;
    let slots =
        assemble(&source).map_err(|error| anyhow!("{name}:{}: {}", error.line, error.kind))?;
    if slots.is_empty() {
        bail!("{name}: holds no instruction");
    }
    let bytes = if arguments.image {
        linker::image_from_slots(&slots, arguments.want).with_context(|| name.to_string())?
    } else if arguments.hex || arguments.output.is_none() {
        let mut text = String::new();
        for slot in &slots {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}", hex(&slot.bits().to_le_bytes(), " "));
        }
        text.into_bytes()
    } else {
        slots
            .iter()
            .flat_map(|slot| slot.bits().to_le_bytes())
            .collect()
    };
    match &arguments.output {
        Some(path) => write_file(path, &bytes)?,
        None => print(&String::from_utf8_lossy(&bytes))?,
    }
    Ok(ExitCode::SUCCESS)
}
