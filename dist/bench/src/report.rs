// SPDX-License-Identifier: MIT OR Apache-2.0
//! Results as a table for people and as JSON for programs.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::contestants::{Contestant, Kind};

/// The times of one contestant.
pub(crate) struct Measurement {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) remark: &'static str,
    /// A run of the best round: what counts.
    pub(crate) best: Duration,
    /// A run of the median round: tells how noisy the machine was.
    pub(crate) median: Duration,
    /// Guest instructions a run.
    pub(crate) instructions: Option<u64>,
}

impl Measurement {
    /// Sums up the rounds of a contestant; there is at least one.
    pub(crate) fn new(contestant: &dyn Contestant, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self {
            name: contestant.name().to_owned(),
            kind: contestant.kind(),
            remark: contestant.remark(),
            best: times[0],
            median: times[times.len() / 2],
            instructions: contestant.instructions(),
        }
    }

    /// Guest instructions a second, in the best round.
    fn rate(&self) -> Option<f64> {
        Some(self.instructions? as f64 / self.best.as_secs_f64())
    }
}

/// All eBPF interpreters run the same bytes, so what one counts holds for all.
///
/// # Errors
///
/// If two of them count differently.
pub(crate) fn share_instructions(measurements: &mut [Measurement]) -> Result<()> {
    let ebpf = |m: &&mut Measurement| matches!(m.kind, Kind::Ours | Kind::Ebpf);
    let mut counts = measurements.iter_mut().filter(ebpf).map(|m| m.instructions);
    let count = counts.find_map(|count| count);
    for measurement in measurements.iter_mut().filter(ebpf) {
        ensure!(
            measurement.instructions.is_none_or(|n| Some(n) == count),
            "{} counts {:?} instructions, not {count:?}",
            measurement.name,
            measurement.instructions
        );
        measurement.instructions = count;
    }
    Ok(())
}

/// How much longer than ours a contestant takes.
fn ratio(measurements: &[Measurement], of: &Measurement) -> f64 {
    measurements
        .iter()
        .find(|m| m.kind == Kind::Ours)
        .map_or(f64::NAN, |ours| {
            of.best.as_secs_f64() / ours.best.as_secs_f64()
        })
}

/// A table: one line each.
pub(crate) fn table(measurements: &[Measurement]) -> String {
    let mut table = String::from("Fletcher32 over 64 KiB, one run, best round\n\n");
    let _ = writeln!(
        table,
        "{:<20} {:>12} {:>12} {:>12} {:>8}  remark",
        "", "ns", "median ns", "M instr./s", "x ours"
    );
    for measurement in measurements {
        let rate = measurement
            .rate()
            .map_or("-".to_owned(), |rate| format!("{:.0}", rate / 1e6));
        let _ = writeln!(
            table,
            "{:<20} {:>12} {:>12} {:>12} {:>8.2}  {}",
            measurement.name,
            measurement.best.as_nanos(),
            measurement.median.as_nanos(),
            rate,
            ratio(measurements, measurement),
            measurement.remark
        );
    }
    table.push('\n');
    table
}

/// Everything, for `target/report`.
pub(crate) fn json(
    measurements: &[Measurement],
    checksum: u32,
    to_fastest: f64,
    passed: bool,
) -> Result<String> {
    let contestants: Vec<_> = measurements
        .iter()
        .map(|m| {
            json!({
                "name": m.name,
                "kind": format!("{:?}", m.kind).to_lowercase(),
                "remark": m.remark,
                "ns": m.best.as_nanos() as u64,
                "median_ns": m.median.as_nanos() as u64,
                "instructions": m.instructions,
                "instructions_per_second": m.rate(),
                "times_ours": ratio(measurements, m),
            })
        })
        .collect();
    let report = json!({
        "workload": "fletcher32 over 64 KiB",
        "checksum": checksum,
        "ours_to_fastest_ebpf": to_fastest,
        "passed": passed,
        "contestants": contestants,
    });
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}
