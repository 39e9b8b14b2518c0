// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf device` without the rest of `rbpf`: for `tests/device/interop.sh`
//! where the command is not built.

use std::process::ExitCode;

use rbpf_host::{DeviceOptions, run};

fn main() -> ExitCode {
    let mut config = None;
    let mut quiet = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "device" => {}
            "--config" => config = arguments.next(),
            "--quiet" => quiet = true,
            _ => config = None,
        }
    }
    let Some(config) = config else {
        eprintln!("usage: device [device] --config FILE [--quiet]");
        return ExitCode::from(2);
    };
    let options = DeviceOptions {
        config: config.into(),
        quiet,
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
