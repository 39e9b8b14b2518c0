// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf device`: a simulated device on the workstation.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use rbpf_host::DeviceOptions;

const AFTER_HELP: &str = "\
The device runs until Ctrl-C, then prints its counters.

Example:
  rbpf device --config device.toml";

/// Arguments of `rbpf device`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The device's description: applications, sensors, address
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Print the addresses only
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    rbpf_host::run(&DeviceOptions {
        config: arguments.config.clone(),
        quiet: arguments.quiet,
    })?;
    Ok(ExitCode::SUCCESS)
}
