// SPDX-License-Identifier: MIT OR Apache-2.0
//! The subcommands of `rbpf`, one module each.

mod asm;
mod attach;
mod build;
mod compile;
mod device;
mod disasm;
mod fault;
mod inspect;
mod logs;
mod run;
mod top;
mod verify;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::terminal::hex;

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  refused: the input is not sound, the verifier rejects it, or the run ended in a fault
  2  the command line is wrong

Examples:
  rbpf build fletcher32.c -o fletcher32.rbpf
  rbpf inspect fletcher32.rbpf
  rbpf run fletcher32.rbpf --words data.bin
  rbpf disasm fletcher32.rbpf
  rbpf fault sensor.c --from coap://[fe80::1%tap0]/";

/// Builds, inspects and runs rBPF containers.
#[derive(Debug, Parser)]
#[command(name = "rbpf", version, after_help = AFTER_HELP, arg_required_else_help = true, term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile and link C sources and objects to an image
    Build(build::Args),
    /// Show what an image holds
    Inspect(inspect::Args),
    /// Have the verifier judge a program
    Verify(verify::Args),
    /// Assemble a program
    Asm(asm::Args),
    /// Show the instructions of a program
    Disasm(disasm::Args),
    /// Run a program
    Run(run::Args),
    /// Explain the fault of a device: source line, function, instruction, address
    Fault(fault::Args),
    /// Watch the counters of devices' containers
    Top(top::Args),
    /// Show what a device's containers have printed
    Logs(logs::Args),
    /// Build a container, run it on a device for a while, and show what it prints and stores
    Attach(attach::Args),
    /// Run a simulated device that answers CoAP requests
    Device(device::Args),
}

impl Command {
    fn run(self) -> Result<ExitCode> {
        match self {
            Self::Build(arguments) => build::run(&arguments),
            Self::Inspect(arguments) => inspect::run(&arguments),
            Self::Verify(arguments) => verify::run(&arguments),
            Self::Asm(arguments) => asm::run(&arguments),
            Self::Disasm(arguments) => disasm::run(&arguments),
            Self::Run(arguments) => run::run(&arguments),
            Self::Fault(arguments) => fault::run(&arguments),
            Self::Top(arguments) => top::run(&arguments),
            Self::Logs(arguments) => logs::run(&arguments),
            Self::Attach(arguments) => attach::run(&arguments),
            Self::Device(arguments) => device::run(&arguments),
        }
    }
}

/// The `rbpf` command, from its arguments to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to stdout. A reader that has gone away is no error: `rbpf disasm |
/// head` is to end quietly.
fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(()),
    }
}

/// A time in seconds, of the command line.
fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let wanted = "wanted is a number of seconds from 0.1 to 3600";
    let seconds: f64 = text.parse().map_err(|_| wanted.to_owned())?;
    match (0.1..=3600.0).contains(&seconds) {
        true => Ok(std::time::Duration::from_secs_f64(seconds)),
        false => Err(wanted.into()),
    }
}

/// Writes a file, all of it or nothing: through a temporary file beside it.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let context = || format!("{}: cannot be written", path.display());
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rbpf-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any other output: the umask has the last word.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).with_context(context)?;
    file.write_all(bytes).with_context(context)?;
    file.persist(path)
        .map_err(|error| error.error)
        .with_context(context)?;
    Ok(())
}

/// A list of capabilities, of an argument.
fn capabilities(list: &str) -> Result<rbpf_abi::Capabilities, String> {
    rbpf_abi::Capabilities::parse_list(list).map_err(|name| {
        let known = capability_names(rbpf_abi::Capabilities::all());
        format!("`{name}` is no capability; use some of {known}")
    })
}

/// The digest of an image, SHA-256 in hexadecimal.
fn sha256(image: &[u8]) -> String {
    use sha2::Digest as _;

    hex(&sha2::Sha256::digest(image), "")
}

/// The names of capabilities, or `none`.
fn capability_names(capabilities: rbpf_abi::Capabilities) -> String {
    let names: Vec<_> = capabilities.names().collect();
    match names[..] {
        [] => "none".into(),
        _ => names.join(", "),
    }
}

/// The name of a helper, or its id if it belongs to an application.
fn helper_label(id: u16) -> String {
    let name = crate::engines::helper_name(id.into());
    name.map_or_else(|| format!("{id:#06x}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
