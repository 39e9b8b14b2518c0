// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interpreter of `rbpf-vm` beside other virtual machines, on a
//! workstation.
//!
//! Every contestant runs the same C source, Fletcher32 over 64 KiB, and has
//! to return what native code returns. They take turns for many rounds; the
//! best round of each counts, since noise only ever makes a run slower.
//!
//! This says nothing about microcontrollers: `dist/tools/bench-m4.sh` does.

mod chart;
mod contestants;
mod report;
mod workload;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use contestants::{Contestant, Kind};
use report::Measurement;
use workload::Workload;

/// How long a contestant runs without a break.
const TURN: Duration = Duration::from_millis(10);

/// How much slower than the fastest eBPF interpreter ours may be measured:
/// "level" within what this method can tell apart.
const TOLERANCE: f64 = 0.05;

struct Options {
    /// Where the compiled guest programs are.
    programs: PathBuf,
    report: PathBuf,
    chart: PathBuf,
    rounds: u32,
}

const USAGE: &str = "usage: bench-workstation --programs DIRECTORY --report FILE.json \
                     --chart FILE.svg [--rounds N]";

fn options() -> Result<Options> {
    let (mut programs, mut report, mut chart, mut rounds) = (None, None, None, 40);
    let mut arguments = env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().context(USAGE)?;
        match option.as_str() {
            "--programs" => programs = Some(value.into()),
            "--report" => report = Some(value.into()),
            "--chart" => chart = Some(value.into()),
            "--rounds" => rounds = value.parse().context("--rounds takes a number")?,
            _ => bail!(USAGE),
        }
    }
    ensure!(rounds > 0, "--rounds must be at least 1");
    Ok(Options {
        programs: programs.context(USAGE)?,
        report: report.context(USAGE)?,
        chart: chart.context(USAGE)?,
        rounds,
    })
}

/// Runs a contestant for one turn and returns the time of one run.
fn turn(contestant: &mut dyn Contestant) -> Result<Duration> {
    let start = Instant::now();
    let mut runs = 0;
    loop {
        contestant.run()?;
        runs += 1;
        let elapsed = start.elapsed();
        if elapsed >= TURN {
            return Ok(elapsed / runs);
        }
    }
}

fn measure(contestants: &mut [Box<dyn Contestant + '_>], rounds: u32) -> Result<Vec<Measurement>> {
    let mut times = vec![Vec::new(); contestants.len()];
    for round in 0..rounds as usize {
        // Another one goes first each time.
        for place in 0..contestants.len() {
            let index = (round + place) % contestants.len();
            let time = turn(contestants[index].as_mut())
                .with_context(|| contestants[index].name().to_owned())?;
            times[index].push(time);
        }
    }
    Ok(contestants
        .iter()
        .zip(times)
        .map(|(contestant, times)| Measurement::new(contestant.as_ref(), times))
        .collect())
}

/// Ours, and the fastest eBPF interpreter of the others.
fn rivals(measurements: &[Measurement]) -> Option<(&Measurement, &Measurement)> {
    let ours = measurements.iter().find(|m| m.kind == Kind::Ours)?;
    let fastest = measurements
        .iter()
        .filter(|m| m.kind == Kind::Ebpf)
        .min_by(|a, b| a.best.cmp(&b.best))?;
    Some((ours, fastest))
}

fn run() -> Result<ExitCode> {
    let options = options()?;
    let workload = Workload::load(&options.programs)?;
    let mut contestants = contestants::all(&workload)?;

    let expected = workload.expected();
    for contestant in &mut contestants {
        let checksum = contestant
            .run()
            .with_context(|| contestant.name().to_owned())?;
        ensure!(
            checksum == expected,
            "{} returned {checksum:#010x}, not {expected:#010x}",
            contestant.name()
        );
    }

    let mut measurements = measure(&mut contestants, options.rounds)?;
    report::share_instructions(&mut measurements)?;
    print!("{}", report::table(&measurements));
    let (ours, fastest) = rivals(&measurements).context("nobody to compare with")?;
    let ratio = ours.best.as_secs_f64() / fastest.best.as_secs_f64();
    let level = ratio <= 1.0 + TOLERANCE;
    println!(
        "{}: {} takes {ratio:.2} of the time of the fastest other eBPF interpreter, {}",
        if level { "ok" } else { "FAILED" },
        ours.name,
        fastest.name
    );

    fs::write(
        &options.report,
        report::json(&measurements, expected, ratio, level)?,
    )?;
    fs::write(&options.chart, chart::svg(&measurements))?;
    Ok(if level {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
