// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf run`: a program on the workstation, with the helpers of a device.

mod input;
mod report;
mod simulation;

use std::io::LineWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rbpf_host::config::Methods;
use rbpf_host::device::MAX_RESPONSE;
use rbpf_runtime::{Grant, KvEntry, RunReport, Runnable};
use rbpf_vm::{
    Engine, Fault, Host, Machine, MapError, MemoryMap, Observed, Outcome, Program, Rights,
};

use crate::container::Container;
use crate::trace::Tracer;
use crate::{engines, progress};

use input::Input;
use report::{Reply, Value};
use simulation::Simulation;

const AFTER_HELP: &str = "\
The context is what the program finds behind r1; its length is in r2. The program may write to
it. Every run starts with fresh memory; values in the key-value stores last from run to run.

Helpers are those of a device. What the program prints goes to stderr, after `log: `. Built-in
sensors: a thermometer at 23.45 degC, a hygrometer at 48.1 %, and a switch that can be written.

Examples:
  rbpf run fletcher32.rbpf --words data.bin --runs 1000
  rbpf run filter.rbpf --hex '01 02 03 04' --json
  rbpf run coap_sensor.rbpf --coap GET
  rbpf run request.rbpf --coap POST --uri '/request?unit=K' --payload text
  rbpf run average.rbpf --coap GET --config device.toml --runs 5
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
    /// Have the program answer a CoAP request
    #[arg(long, value_name = "METHOD", ignore_case = true,
          conflicts_with_all = ["context", "hex", "mem", "words"],
          value_parser = clap::builder::PossibleValuesParser::new(Methods::NAMES))]
    coap: Option<String>,
    /// Path and query of the request
    #[arg(
        long,
        value_name = "PATH?QUERY",
        requires = "coap",
        default_value = "/"
    )]
    uri: String,
    /// The payload of the request
    #[arg(
        long,
        value_name = "TEXT",
        requires = "coap",
        conflicts_with = "payload_hex"
    )]
    payload: Option<String>,
    /// The payload of the request in hexadecimal
    #[arg(long, value_name = "BYTES", requires = "coap")]
    payload_hex: Option<String>,
    /// Simulate the sensors of a device's description instead of the built-in ones
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Instructions that a run may execute, not one more; helpers charge it, too
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    budget: u32,
    /// Run so many times, or until a fault; reports the last run, and the time of the fastest
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

/// How the last run ended, and what all of them left.
struct End {
    outcome: Result<Value, Fault>,
    instructions: u32,
    helper_calls: u32,
    /// Runs that were made.
    runs: u32,
    /// The time of the fastest.
    time: Duration,
    values: Vec<KvEntry>,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let container = Container::read(&arguments.file, arguments.raw, arguments.entry.as_deref())?;
    let name = arguments.file.display();
    let program = container.verify().with_context(|| name.to_string())?;
    let input = Input::read(arguments)?;
    let simulation = Simulation::new(arguments.config.as_deref())?;
    let engine = engines::by_name(&arguments.engine)?;
    let all = || repeat(&container, program, &input, arguments, simulation, engine);
    let end = match arguments.trace {
        true => all()?,
        false => progress::during(&format!("running {name}"), all)?,
    };
    report::report(arguments, &container, &end)
}

/// All runs.
fn repeat(
    container: &Container,
    program: Program<'_>,
    input: &Input,
    arguments: &Args,
    mut simulation: Simulation,
    engine: Box<dyn Engine>,
) -> Result<End> {
    let mut engine = Watched {
        engine,
        trace: arguments.trace,
        time: Duration::MAX,
    };
    let mut runs = 0;
    let report = loop {
        let report = once(
            container,
            program,
            input,
            arguments,
            &mut simulation,
            &mut engine,
        )?;
        runs += 1;
        if runs == arguments.runs || report.outcome.is_err() {
            break report;
        }
    };
    Ok(End {
        outcome: report.outcome,
        instructions: report.instructions,
        helper_calls: report.helper_calls,
        runs,
        time: engine.time,
        values: simulation.helpers.values().copied().collect(),
    })
}

/// One run, from fresh memory.
fn once(
    container: &Container,
    program: Program<'_>,
    input: &Input,
    arguments: &Args,
    simulation: &mut Simulation,
    engine: &mut Watched,
) -> Result<RunReport<Value>> {
    let name = arguments.file.file_stem().unwrap_or_default();
    let runnable = Runnable {
        name: &name.to_string_lossy(),
        program,
        rodata: &container.rodata,
        data: &mut container.data.clone(),
        stack: &mut vec![0; container.stack_size.into()],
    };
    let budget = arguments.budget;
    let helpers = &mut simulation.helpers;
    let report = match input {
        Input::Memory { context, granted } => {
            let mut context = context.clone();
            let mut granted = granted.clone();
            let granted = &mut [Grant::Write(&mut granted, Rights::ReadWrite)];
            helpers
                .run(engine, runnable, &mut context, granted, budget)
                .map(|report| report.map(Value::Number))
        }
        Input::Request(request) => {
            let mut response = vec![0; MAX_RESPONSE];
            helpers
                .coap(engine, runnable, &request.as_coap(), &mut response, budget)
                .map(|report| report.map(|reply| Value::Reply(Reply::from(reply))))
        }
    };
    simulation.log.flush();
    report.map_err(|_: MapError| anyhow!("memory of more than 16 MiB"))
}

/// An engine with a stopwatch, which writes a trace if that is wanted.
struct Watched {
    engine: Box<dyn Engine>,
    trace: bool,
    /// The time of the fastest run so far.
    time: Duration,
}

impl Engine for Watched {
    fn run(
        &mut self,
        program: &Program<'_>,
        machine: &mut Machine,
        memory: &mut MemoryMap<'_>,
        host: &mut dyn Host,
    ) -> Outcome {
        let started = Instant::now();
        let outcome = if self.trace {
            // By lines, so that the log stands where it was written.
            let mut tracer = Tracer::new(program.text(), LineWriter::new(std::io::stderr()));
            let outcome = Observed(&mut tracer).run(program, machine, memory, host);
            let completed = !matches!(outcome, Outcome::Fault(_));
            tracer.finish(machine.registers(), completed);
            outcome
        } else {
            self.engine.run(program, machine, memory, host)
        };
        self.time = self.time.min(started.elapsed());
        outcome
    }
}
