// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command: UARTE0 is standard input and output, everything that the
//! emulator says itself goes to standard error.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use nrfsim::endpoint::{Endpoint, read_standard_input};
use nrfsim::host::{Host, Input};
use nrfsim::image::Image;
use nrfsim::machine::{Limits, Machine, Outcome, seconds};
use nrfsim::peripherals::CYCLES_PER_SECOND;
use nrfsim::soc::{Settings, Soc, Stimulus};
use nrfsim::stacks;

/// Exit status if the image cannot run or the host fails.
const CANNOT_RUN: u8 = 1;
/// Exit status if the processor locked up.
const LOCKED_UP: u8 = 3;

/// Runs the image of a nRF52840; its first serial line is standard input and
/// output.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit status: 0 when the run ended, 1 when it could not begin, 3 when the processor locked up."
)]
struct Arguments {
    /// The image, as it would be flashed.
    elf: PathBuf,
    /// End after this much of the guest's time.
    #[arg(long, value_name = "N", value_parser = positive)]
    virtual_seconds: Option<f64>,
    /// End when all input was read and the guest was silent for this long, in
    /// the guest's time.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "1", value_parser = positive)]
    exit_idle: Option<f64>,
    /// End when the guest asks for a reset.
    #[arg(long)]
    exit_on_reset: bool,
    /// Let time pass no faster than on a device. To be used when somebody at
    /// the other end of a line has a clock.
    #[arg(long)]
    realtime: bool,
    /// Where UARTE1 leads: tcp:PORT (loopback), unix:PATH, pty, file:PATH
    /// (output only), none.
    #[arg(long, value_name = "END", default_value = "none")]
    uarte1: Endpoint,
    /// Give a pin a level at a time: PORT.PIN=LEVEL@SECONDS, for example
    /// 0.11=0@1.5; may be given repeatedly.
    #[arg(long, value_name = "CHANGE", value_parser = stimulus)]
    pin: Vec<Stimulus>,
    /// Identifier of the chip (FICR.DEVICEID), from which RIOT makes addresses.
    #[arg(long, value_name = "HEX", value_parser = hexadecimal, default_value = "0123456789abcdef")]
    device_id: u64,
    /// Seed of the random number generator.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Report cycles by activity, interrupts, and accesses at the end.
    #[arg(long)]
    stats: bool,
    /// Report how much of its stack each thread of RIOT used, at the end.
    #[arg(long)]
    stack_report: bool,
    /// Report all faults; HardFaults are reported anyway.
    #[arg(long)]
    trace_faults: bool,
    /// Report accesses to what is not modelled, each once.
    #[arg(long)]
    trace: bool,
    /// Report each change of a pin.
    #[arg(long)]
    trace_pins: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && (0.0..=1e9).contains(&value) {
        Ok(value)
    } else {
        Err("not between 0 and a billion".into())
    }
}

fn hexadecimal(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| "not a hexadecimal number of 64 bits".into())
}

fn stimulus(text: &str) -> Result<Stimulus, String> {
    let parse = || {
        let (pin, rest) = text.trim_start_matches('P').split_once('=')?;
        let (level, time) = rest.split_once('@')?;
        let (port, pin) = pin.split_once('.')?;
        let (port, pin) = (port.parse().ok()?, pin.parse().ok()?);
        let high = match level {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let exists = nrfsim::peripherals::gpio::PINS
            .get(port)
            .is_some_and(|pins| pin < *pins);
        exists.then_some(Stimulus {
            time: cycles(positive(time).ok()?),
            port,
            pin,
            high,
        })
    };
    parse().ok_or_else(|| "expected PORT.PIN=LEVEL@SECONDS, for example 0.11=0@1.5".into())
}

fn cycles(seconds: f64) -> u64 {
    (seconds * CYCLES_PER_SECOND as f64) as u64
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(Outcome::LockedUp) => ExitCode::from(LOCKED_UP),
        Ok(_) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("error: {text}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Outcome, String> {
    let elf = arguments.elf.display();
    let image = Image::open(&arguments.elf).map_err(|error| format!("{elf}: {error}"))?;
    let settings = Settings {
        device_id: arguments.device_id,
        seed: arguments.seed,
        trace: arguments.trace,
        trace_pins: arguments.trace_pins,
        stimuli: arguments.pin.clone(),
    };
    let mut machine = Machine::new(image, &settings).map_err(|error| format!("{elf}: {error}"))?;
    let mut host = connect(arguments)?;
    let limits = Limits {
        cycles: arguments.virtual_seconds.map(cycles),
        idle: arguments.exit_idle.map(cycles),
        on_reset: arguments.exit_on_reset,
        all_faults: arguments.trace_faults,
    };
    let begun = Instant::now();
    let outcome = machine.run(&mut host, &limits);
    summary(arguments, &machine, outcome, begun);
    Ok(outcome)
}

/// Connects both lines.
fn connect(arguments: &Arguments) -> Result<Host, String> {
    let standard: [Box<dyn Write + Send>; 2] =
        [Box::new(std::io::stdout()), Box::new(std::io::sink())];
    let open = [
        true,
        !matches!(arguments.uarte1, Endpoint::None | Endpoint::File(_)),
    ];
    let (mut host, inbox) = Host::new(standard, open);
    let tell = |text: &str| eprintln!("[nrfsim] {text}");
    let (output, _) = arguments
        .uarte1
        .open(1, inbox.clone(), tell)
        .map_err(|error| format!("--uarte1: {error}"))?;
    host.connect(1, output);
    read_standard_input(0, inbox.clone());
    // By Ctrl-C, or by a test that has seen enough: the reports still come.
    ctrlc::set_handler(move || {
        let _ = inbox.send(Input::Stop);
    })
    .map_err(|error| format!("signals: {error}"))?;
    Ok(host.with_realtime(arguments.realtime))
}

fn summary(arguments: &Arguments, machine: &Machine, outcome: Outcome, begun: Instant) {
    let statistics = machine.statistics();
    let why = match outcome {
        Outcome::TimeLimit => "time is up",
        Outcome::Idle => "idle",
        Outcome::Asleep => "asleep for ever",
        Outcome::SystemOff => "switched off",
        Outcome::Reset => "reset",
        Outcome::LockedUp => "locked up",
        Outcome::HostGone => "nobody reads",
        Outcome::Stopped => "stopped",
    };
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    eprintln!(
        "[nrfsim] {why}: {} cycles, {} instructions, {:.6} s virtual, {:.3} s real",
        machine.now(),
        statistics.instructions,
        seconds(machine.now()),
        begun.elapsed().as_secs_f64()
    );
    if arguments.stats {
        let awake = machine.now() - statistics.slept - statistics.stalled - statistics.polled;
        eprintln!(
            "cycles: {awake} executing, {} asleep, {} in flash operations, {} polling",
            statistics.slept, statistics.stalled, statistics.polled
        );
        eprintln!(
            "faults: {}, resets: {}",
            statistics.faults, statistics.resets
        );
        for (line, count) in statistics
            .interrupts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
        {
            eprintln!("interrupts of {}: {count}", Soc::name(line));
        }
        machine.chip(|chip| {
            for (name, count) in chip.accesses() {
                eprintln!("accesses to {name}: {count}");
            }
            for (number, line) in chip.devices.lines.iter().enumerate() {
                let carried = line.statistics();
                eprintln!(
                    "UARTE{number}: {} bytes sent, {} received",
                    carried.sent, carried.received
                );
            }
            let flash = chip.devices.nvmc.statistics();
            eprintln!(
                "flash: {} words written, {} pages erased",
                flash.writes, flash.erases
            );
        });
    }
    if arguments.stack_report {
        eprintln!(
            "{}",
            stacks::table(&stacks::measure(machine.image(), machine.memory()))
        );
    }
}
