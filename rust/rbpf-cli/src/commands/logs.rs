// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf logs`: what a device's containers have printed.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::print;
use crate::log::{Entry, LogReader};
use rbpf_host::client::{Client, Target};

const AFTER_HELP: &str = "\
A device keeps the last bytes that its containers have printed. Where some were lost since, or
before the first that is kept, a line says so: ... N bytes lost. The rest of a line whose beginning
is lost begins with ... and may look like a line of anybody.

It must show that to anyone (CONFIG_RBPF_EXPOSE, or `expose` in device.toml).

With --follow, a device that does not answer for a while is asked again, without a word.

Examples:
  rbpf logs coap://[fe80::1%tap0]
  rbpf logs --follow coap://192.0.2.1/ | grep '^sensor: '";

/// Arguments of `rbpf logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The device: coap://HOST[:PORT]/
    #[arg(value_name = "URI")]
    device: Target,
    /// Go on with what is printed from now on
    #[arg(short, long)]
    follow: bool,
    /// With --follow, how often the device is asked, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = super::seconds)]
    interval: Duration,
    /// How long the device may take for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = super::seconds)]
    timeout: Duration,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let device = &arguments.device;
    let mut client = Client::new(device.clone(), arguments.timeout);
    let mut reader = LogReader::new();
    let mut reached = false;
    loop {
        let mut entries = Vec::new();
        let result = reader.read(&mut client, &mut entries);
        if !arguments.follow {
            entries.extend(reader.rest());
        }
        show(&entries)?;
        match result {
            Ok(()) => reached = true,
            Err(error) if reached && error.is_passing() => {}
            Err(error) => return Err(error).with_context(|| device.to_string()),
        }
        if !arguments.follow {
            return Ok(ExitCode::SUCCESS);
        }
        thread::sleep(arguments.interval);
    }
}

/// Prints entries, a line each.
pub(super) fn show(entries: &[Entry]) -> Result<()> {
    let text: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
    print(&text)
}
