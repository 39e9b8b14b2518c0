// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf run`: a program on the workstation.

use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rbpf_abi::context::WordsContext;
use rbpf_vm::{
    Engine, Fault, FaultKind, Machine, MapError, MemoryMap, Observed, Outcome, Program, Rights,
    region,
};
use serde_json::json;
use zerocopy::IntoBytes as _;

use super::print;
use crate::container::{Container, hex, read_file};
use crate::trace::Tracer;
use crate::{engines, progress};

const AFTER_HELP: &str = "\
The context is what the program finds behind r1; its length is in r2. The program may write to
it. Every run starts with fresh memory.

Examples:
  rbpf run fletcher32.rbpf --words data.bin --runs 1000
  rbpf run filter.rbpf --hex '01 02 03 04' --json
  rbpf run --raw program.bin --trace";

/// Arguments of `rbpf run`.
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
    /// Take the context from a file
    #[arg(long, value_name = "FILE", conflicts_with = "hex")]
    context: Option<PathBuf>,
    /// The context in hexadecimal
    #[arg(long, value_name = "BYTES")]
    hex: Option<String>,
    /// Grant the bytes of a file, to read and write, at address 0x05000000
    #[arg(long, value_name = "FILE")]
    mem: Option<PathBuf>,
    /// As --mem, with a context that says where the bytes are and how many 16-bit words
    #[arg(long, value_name = "FILE", conflicts_with_all = ["context", "hex", "mem"])]
    words: Option<PathBuf>,
    /// Instructions that a run may execute
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    budget: u32,
    /// Run so many times; the time is that of the fastest
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Write every instruction, with what it changed, to stderr
    #[arg(long)]
    trace: bool,
    /// The engine
    #[arg(long, value_name = "NAME", default_value = engines::NAMES[0],
          value_parser = clap::builder::PossibleValuesParser::new(engines::NAMES))]
    engine: String,
    /// Report in JSON
    #[arg(long)]
    json: bool,
}

/// How a run ended.
struct End {
    outcome: Result<u64, Fault>,
    instructions: u32,
    helper_calls: u32,
    time: Duration,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let container = Container::read(&arguments.file, arguments.raw, arguments.entry.as_deref())?;
    let name = arguments.file.display();
    let program = container.verify().with_context(|| name.to_string())?;
    let input = Input::read(arguments)?;
    let mut engine = engines::by_name(&arguments.engine)?;
    let mut all = || -> Result<End> {
        let mut best = once(&container, &program, &input, arguments, &mut *engine)?;
        for _ in 1..arguments.runs {
            let end = once(&container, &program, &input, arguments, &mut *engine)?;
            best.time = best.time.min(end.time);
        }
        Ok(best)
    };
    let end = match arguments.trace {
        true => all()?,
        false => progress::during(&format!("running {name}"), all)?,
    };
    report(arguments, &container, &end)
}

/// What the command line grants to the program.
struct Input {
    context: Vec<u8>,
    granted: Vec<u8>,
}

impl Input {
    fn read(arguments: &Args) -> Result<Self> {
        let mut input = Self {
            context: Vec::new(),
            granted: Vec::new(),
        };
        if let Some(path) = arguments.mem.as_ref().or(arguments.words.as_ref()) {
            input.granted = read_file(path)?;
        }
        if let Some(path) = &arguments.context {
            input.context = read_file(path)?;
        } else if let Some(text) = &arguments.hex {
            input.context = hex(text).context("--hex")?;
        } else if arguments.words.is_some() {
            let words = u32::try_from(input.granted.len() / 2).context("--words")?;
            let context = WordsContext {
                data: region::address(region::GRANTED).into(),
                words: words.into(),
                padding: 0.into(),
            };
            input.context = context.as_bytes().to_vec();
        }
        Ok(input)
    }
}

/// One run, from fresh memory.
fn once(
    container: &Container,
    program: &Program<'_>,
    input: &Input,
    arguments: &Args,
    engine: &mut dyn Engine,
) -> Result<End> {
    let mut stack = vec![0; container.stack_size.into()];
    let mut context = input.context.clone();
    let mut granted = input.granted.clone();
    let mut data = container.data.clone();
    let mut values = [0; 5];
    if !context.is_empty() {
        [values[0], values[1], ..] = [region::address(region::CONTEXT), context.len() as u64];
    }
    let mut memory = MemoryMap::new(&mut stack);
    let too_long = |_: MapError| anyhow!("memory of more than 16 MiB");
    if !context.is_empty() {
        memory
            .map_mut(region::CONTEXT, &mut context, Rights::ReadWrite)
            .map_err(too_long)?;
    }
    if !granted.is_empty() {
        memory
            .map_mut(region::GRANTED, &mut granted, Rights::ReadWrite)
            .map_err(too_long)?;
    }
    memory
        .map(region::RODATA, &container.rodata)
        .map_err(too_long)?;
    memory
        .map_mut(region::DATA, &mut data, Rights::ReadWrite)
        .map_err(too_long)?;

    let mut machine = Machine::new(program, values);
    machine.add_budget(arguments.budget);
    let mut host = engines::host();
    let started = Instant::now();
    let outcome = if arguments.trace {
        let mut tracer = Tracer::new(program.text(), BufWriter::new(std::io::stderr()));
        let outcome = Observed(&mut tracer).run(program, &mut machine, &mut memory, &mut *host);
        let completed = !matches!(outcome, Outcome::Fault(_));
        tracer.finish(machine.registers(), completed);
        outcome
    } else {
        engine.run(program, &mut machine, &mut memory, &mut *host)
    };
    let time = started.elapsed();
    Ok(End {
        outcome: match outcome {
            Outcome::Returned(value) => Ok(value),
            Outcome::Fault(fault) => Err(fault),
            Outcome::OutOfBudget => Err(Fault {
                kind: FaultKind::BudgetExhausted,
                pc: machine.pc(),
                address: 0,
            }),
        },
        instructions: machine.instructions(),
        helper_calls: machine.helper_calls(),
        time,
    })
}

fn report(arguments: &Args, container: &Container, end: &End) -> Result<ExitCode> {
    let microseconds = end.time.as_secs_f64() * 1e6;
    let (instructions, helper_calls) = (end.instructions, end.helper_calls);
    if arguments.json {
        let fault = end.outcome.err().map(|fault| {
            json!({
                "kind": fault.kind.name(),
                "text": fault.kind.text(),
                "slot": fault.pc,
                "address": fault.address,
                "instruction": container.instruction(fault.pc),
            })
        });
        let report = json!({
            "r0": end.outcome.ok(),
            "fault": fault,
            "instructions": instructions,
            "helper_calls": helper_calls,
            "runs": arguments.runs,
            "microseconds": microseconds,
        });
        print(&format!("{report:#}\n"))?;
    }
    match end.outcome {
        Ok(value) => {
            if !arguments.json {
                print(&format!(
                    "r0            {value} ({value:#x})\n\
                     instructions  {instructions}\n\
                     helper calls  {helper_calls}\n\
                     time          {microseconds:.1} us\n"
                ))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(fault) => {
            let name = arguments.file.display();
            let kind = fault.kind;
            eprintln!(
                "error: {name}: fault at slot {}, address {:#x}: {} ({}), after {instructions} instructions",
                fault.pc,
                fault.address,
                kind.text(),
                kind.name()
            );
            if let Some(instruction) = container.instruction(fault.pc) {
                eprintln!("  {instruction}");
            }
            if kind == FaultKind::BudgetExhausted {
                eprintln!("  help: allow more with --budget");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}
