// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf verify`: the verifier's judgement.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::print;
use crate::container::Container;

const AFTER_HELP: &str = "\
Examples:
  rbpf verify sensor.rbpf
  rbpf verify --raw program.bin";

/// Arguments of `rbpf verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// An image, an ELF object, or raw bytecode
    file: PathBuf,
    /// The file is bytecode without a header
    #[arg(long)]
    raw: bool,
    /// The entry of an ELF object
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let container = Container::read(&arguments.file, arguments.raw, arguments.entry.as_deref())?;
    let name = arguments.file.display();
    let program = container.verify().with_context(|| name.to_string())?;
    print(&format!(
        "{name}: accepted, {} slots\n",
        program.text().len()
    ))?;
    Ok(ExitCode::SUCCESS)
}
