// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf fault`: from the fault that a device reports to the source line.

mod explain;
mod program;
mod report;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use super::compile::Compile;
use super::print;
use rbpf_host::client::Target;

use program::Program;

const AFTER_HELP: &str = "\
The sources, and the options of the compiler and the linker, must be those that the image was
built with: give what was given to `rbpf build`. An image alone has neither lines nor names.

A report is a line with `fault KIND pc N address A`, wherever it was copied from: an answer, a
log, the shell's `rbpf list`, or the list of a device. A device shows what was in the registers if
it shows them to anyone (CONFIG_RBPF_EXPOSE, or `expose` in device.toml).

Examples:
  rbpf fault sensor.c --report 'fault InvalidRead pc 12 address 0x0'
  rbpf fault sensor.c filter.c --entry on_request -O s --from coap://[fe80::1%tap0]/ --name sensor
  rbpf fault sensor.o --report - < log.txt
  rbpf fault sensor.rbpf --pc 12";

/// Arguments of `rbpf fault`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, group(clap::ArgGroup::new("what").required(true)))]
pub struct Args {
    /// C sources and BPF objects (.o), or an image
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// The slot of the instruction
    #[arg(long, value_name = "N", group = "what")]
    pc: Option<u32>,
    /// Text that reports the fault, or - to read it from stdin
    #[arg(long, value_name = "TEXT", group = "what", allow_hyphen_values = true)]
    report: Option<String>,
    /// Ask a device for the last fault of its container
    #[arg(long, value_name = "URI", group = "what")]
    from: Option<Target>,
    /// The container, if several have faults
    #[arg(long, value_name = "NAME", conflicts_with = "pc")]
    name: Option<String>,
    /// How long a device may take for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = super::seconds)]
    timeout: Duration,
    #[command(flatten)]
    compile: Compile,
    /// Report in JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    // What is said of the fault first: it may be wrong, and is had at once.
    let reported = report::find(arguments)?;
    let program = Program::read(&arguments.inputs, &arguments.compile)?;
    if let (Some(theirs), Some(ours)) = (&reported.fault.digest, &program.digest) {
        if theirs != ours {
            eprintln!(
                "warning: the image on the device is another one (SHA-256 {theirs}, this one \
                 {ours}): another source, compiler or option, and perhaps another place"
            );
        }
    } else if let Some(bytes) = reported.bytes
        && bytes != program.bytes
    {
        eprintln!(
            "warning: the image on the device has {bytes} bytes, this one {}: \
             another source, compiler or option, and perhaps another place",
            program.bytes
        );
    }
    let found = explain::explain(&reported, &program)?;
    match arguments.json {
        true => print(&format!("{:#}\n", found.json()))?,
        false => print(&found.text())?,
    }
    Ok(ExitCode::SUCCESS)
}
