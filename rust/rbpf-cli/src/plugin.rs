// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plugin for the runner of the public suite bpf_conformance.
//!
//! The runner starts the plugin once per test: the memory in hexadecimal as
//! the first argument, if the test has one, the program in hexadecimal on
//! stdin; it expects r0 in hexadecimal on stdout.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use rbpf_suite::bytes::{hex, slots};
use rbpf_suite::{Run, STACK};

use crate::engines;

/// Instructions until a run is ended: an endless loop ends in seconds.
const BUDGET: u32 = 100_000_000;

const USAGE: &str = "\
Usage: rbpf-plugin [MEMORY] [--engine NAME] < PROGRAM

Runs one program for the bpf_conformance runner. MEMORY and PROGRAM are bytes in
hexadecimal; r1 and r2 are the address and length of the memory. Prints r0 in
hexadecimal.

Exit codes: 0 the program returned, 1 it was rejected or ended in a fault,
2 the arguments are wrong.

Example: bpf_conformance_runner --test_file_path add.data \\
             --plugin_path rbpf-plugin --plugin_options \"--engine interpreter\"";

/// What the arguments say.
#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    memory: Vec<u8>,
    engine: String,
    help: bool,
}

fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Arguments> {
    let mut parsed = Arguments {
        memory: Vec::new(),
        engine: engines::NAMES[0].into(),
        help: false,
    };
    let mut arguments = arguments.into_iter();
    let mut first = true;
    while let Some(argument) = arguments.next() {
        if let Some(name) = argument.strip_prefix("--engine=") {
            parsed.engine = name.into();
        } else if argument == "--engine" {
            parsed.engine = arguments.next().context("--engine takes a name")?;
        } else if argument == "--help" || argument == "-h" {
            parsed.help = true;
        } else if argument.starts_with('-') {
            bail!("unknown option `{argument}`");
        } else if first {
            parsed.memory = hex(&argument).context("memory")?;
        } else {
            bail!("unexpected argument `{argument}`");
        }
        first = false;
    }
    Ok(parsed)
}

/// The plugin, from its arguments (without the program's name) to its exit
/// code.
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let usage = |error: anyhow::Error| {
        eprintln!("error: {error:#}\n\n{USAGE}");
        ExitCode::from(2)
    };
    let arguments = match parse(arguments) {
        Ok(arguments) if arguments.help => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(arguments) => arguments,
        Err(error) => return usage(error),
    };
    let mut engine = match engines::by_name(&arguments.engine) {
        Ok(engine) => engine,
        Err(error) => return usage(error),
    };
    let mut memory = arguments.memory;
    let mut run = || -> Result<u64> {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("program on stdin")?;
        let text = slots(&hex(&text).context("program on stdin")?)?;
        let end = Run::new(&text, &mut memory, BUDGET)
            .execute(&mut *engine, &mut [0; STACK])
            .map_err(|error| anyhow!("rejected at slot {}: {}", error.pc, error.kind.text()))?;
        end.outcome.map_err(|fault| {
            anyhow!(
                "fault at slot {}, address {:#x}: {}",
                fault.pc,
                fault.address,
                fault.kind.text()
            )
        })
    };
    match run() {
        Ok(value) => {
            println!("{value:x}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Option<(Vec<u8>, String)> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        parse(arguments)
            .ok()
            .map(|parsed| (parsed.memory, parsed.engine))
    }

    #[test]
    fn memory_and_options() {
        let engine = || "interpreter".to_owned();
        assert_eq!(parsed(&[]), Some((vec![], engine())));
        assert_eq!(parsed(&[""]), Some((vec![], engine())));
        assert_eq!(parsed(&["01 ff"]), Some((vec![1, 255], engine())));
        assert_eq!(parsed(&["--engine", "x"]), Some((vec![], "x".into())));
        assert_eq!(parsed(&["0a", "--engine=x"]), Some((vec![10], "x".into())));
        assert_eq!(parsed(&["--engine"]), None);
        assert_eq!(parsed(&["--engine=x", "01"]), None);
        assert_eq!(parsed(&["0"]), None);
        assert_eq!(parsed(&["--elf"]), None);
    }
}
