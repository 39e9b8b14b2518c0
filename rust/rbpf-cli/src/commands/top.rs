// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf top`: live counters of the containers of devices.

mod figures;
mod live;
mod screen;
mod table;
mod watch;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use super::print;
use rbpf_host::client::Target;

use figures::{Device, Sort};

const AFTER_HELP: &str = "\
Keys: q quits, the arrows or j and k select a container, s changes the order. A value that a
device does not report is shown as -.

Where stdout is no terminal, and with --once, each device is asked twice, an interval apart, and
one table is printed. A device that does not answer is an error then (exit code 1), after the
table of those that do.

Examples:
  rbpf top coap://[::1]/
  rbpf top coap://[fe80::1%tap0] coap://sensor.example:5683/ --interval 5
  rbpf top --once coap://192.0.2.1/ | sort -k 2";

/// Arguments of `rbpf top`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Devices: coap://HOST[:PORT]/
    #[arg(required = true, value_name = "URI")]
    devices: Vec<Target>,
    /// How often they are asked, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = super::seconds)]
    interval: Duration,
    /// How long a device may take for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = super::seconds)]
    timeout: Duration,
    /// Print one table, without a user interface
    #[arg(long)]
    once: bool,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let mut targets: Vec<Target> = Vec::new();
    for target in &arguments.devices {
        if !targets.contains(target) {
            targets.push(target.clone());
        }
    }
    let devices = targets.iter().map(|target| Device::new(target.to_string()));
    let devices: Vec<Device> = devices.collect();
    let (interval, timeout) = (arguments.interval, arguments.timeout);
    if !arguments.once && std::io::stdout().is_terminal() {
        let updates = watch::watch(targets, interval, timeout, None)?;
        live::run(devices, &updates, interval)?;
        return Ok(ExitCode::SUCCESS);
    }
    let updates = watch::watch(targets, interval, timeout, Some(2))?;
    once(devices, updates.iter())
}

/// Prints what there is after all updates.
fn once(
    mut devices: Vec<Device>,
    updates: impl Iterator<Item = watch::Update>,
) -> Result<ExitCode> {
    for update in updates {
        if let Some(device) = devices.get_mut(update.device) {
            device.update(update);
        }
    }
    let rows = figures::rows(&devices, Sort::Device);
    if !rows.is_empty() {
        print(&table::text(&devices, &rows))?;
    }
    let mut code = ExitCode::SUCCESS;
    for device in &devices {
        if let Some(trouble) = device.trouble() {
            eprintln!("error: {}: {trouble}", device.uri());
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
