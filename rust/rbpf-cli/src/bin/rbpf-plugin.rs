// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plugin for the bpf_conformance runner; see [`rbpf_cli::plugin`].

use std::process::ExitCode;

fn main() -> ExitCode {
    rbpf_cli::plugin::main(std::env::args().skip(1))
}
