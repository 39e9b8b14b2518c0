// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `rbpf` command; see [`rbpf_cli::commands`].

use std::process::ExitCode;

fn main() -> ExitCode {
    rbpf_cli::commands::main()
}
