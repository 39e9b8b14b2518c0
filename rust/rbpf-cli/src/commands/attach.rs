// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf attach`: a container that is on a device as long as somebody looks at it.
//!
//! It has a lease, which is renewed as long as this program runs; so nothing stays
//! on the device, however this ends.

mod guest;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use super::compile::Compile;
use super::logs::show;
use super::print;
use crate::linker;
use crate::log::{Entry, LogError, LogReader};
use rbpf_host::client::{Client, GetError, Target};

use guest::Guest;
use values::Values;

/// A device that does not show values.
const FORBIDDEN: u8 = 0x83;

/// Characters of the longest name of a container.
const MAX_NAME: usize = rbpf_runtime::MAX_NAME;

const AFTER_HELP: &str = "\
The container is built as `rbpf build` does it, installed and bound. What it prints is shown, and
the values that it stores as they change, until Ctrl-C, SIGTERM or the end of --seconds; then it is
removed. If this program ends otherwise, the device removes it when its lease is over.

The device must let anyone install containers, and know leases (CONFIG_RBPF_LEASES). What is
printed is seen if it keeps that (CONFIG_RBPF_LOG_SIZE), and that and values if it shows them to
anyone (CONFIG_RBPF_EXPOSE).

Examples:
  rbpf attach coap://[fe80::1%tap0] --hook every:1000 probe.c
  rbpf attach coap://192.0.2.1/ --hook rx:udp --want packet watch.c --seconds 60 > packets.txt";

/// Arguments of `rbpf attach`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The device: coap://HOST[:PORT]/
    #[arg(value_name = "URI")]
    device: Target,
    /// C sources, and BPF objects (.o)
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// What triggers it: a hook, every:MS, after:MS, alarm, answer, kv:global:KEY, or a /path
    #[arg(long, value_name = "TARGET")]
    hook: String,
    /// The container's name, which none on the device may have; otherwise the first file's
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// How long the device keeps it without hearing of this program, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(rbpf_device::MAX_LEASE)))]
    lease: u32,
    /// End after so many seconds
    #[arg(long, value_name = "N", value_parser = super::seconds)]
    seconds: Option<Duration>,
    /// How often the device is asked, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = super::seconds)]
    interval: Duration,
    /// How long the device may take for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = super::seconds)]
    timeout: Duration,
    #[command(flatten)]
    compile: Compile,
}

/// A name of an argument.
fn name(text: &str) -> Result<String, String> {
    match rbpf_runtime::is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(rbpf_runtime::NAME_RULE.to_owned()),
    }
}

/// The name that a file gives a container.
fn name_of(file: &std::path::Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |char: char| match char.is_ascii_alphanumeric() || "-._".contains(char) {
        true => char,
        false => '_',
    };
    stem.chars().take(MAX_NAME).map(plain).collect()
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let Args {
        device,
        inputs,
        compile,
        ..
    } = arguments;
    let objects = compile.objects(inputs, None)?;
    let image = linker::link(&objects, &compile.options())?.image;
    let name = match (&arguments.name, inputs.first()) {
        (Some(name), _) => name.clone(),
        (None, first) => first.map(|file| name_of(file)).unwrap_or_default(),
    };
    let (sender, stop) = mpsc::sync_channel(1);
    ctrlc::set_handler(move || {
        // Full if it was told before.
        let _ = sender.try_send(());
    })
    .context("no handler for Ctrl-C")?;
    // Two of three renewals may be lost.
    let lease = Duration::from_secs(arguments.lease.into());
    let timeout = arguments.timeout.min(lease / 3);
    let guest = Guest::new(Client::new(device.clone(), timeout), name, arguments.lease);
    attach(arguments, guest, &image, &stop).with_context(|| device.to_string())
}

/// From the first request to the last.
fn attach(
    arguments: &Args,
    mut guest: Guest,
    image: &[u8],
    stop: &Receiver<()>,
) -> Result<ExitCode> {
    guest.is_new()?;
    let (log, values) = match LogReader::at_end(guest.client()) {
        Ok(log) => (Some(log), Some(Values::default())),
        Err(error @ (LogError::None | LogError::Hidden)) => {
            eprintln!("note: {error}");
            let is_hidden = matches!(error, LogError::Hidden);
            (None, (!is_hidden).then(Values::default))
        }
        Err(error) => return Err(error.into()),
    };
    let began = Instant::now();
    if let Err(error) = guest.install(image, &arguments.hook) {
        // Whether it is there is not always known.
        return Err(match guest.remove() {
            Ok(()) => error,
            Err(_) => anyhow!("{error:#}; what was installed could not be removed"),
        });
    }
    eprintln!(
        "attached {} to {}, lease {} s",
        guest.name(),
        arguments.hook,
        arguments.lease
    );
    let mut watch = Watch {
        log,
        values,
        renewed: began,
        lost: false,
    };
    let end = arguments.seconds.map(|seconds| began + seconds);
    loop {
        watch.turn(&mut guest)?;
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            break;
        }
        let pause = left.unwrap_or(arguments.interval).min(arguments.interval);
        match stop.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    guest.unbind(&arguments.hook);
    // What it has said last. A device that does not answer is told of below.
    let last = watch.look(&mut guest);
    if let Some(rest) = watch.log.as_mut().and_then(LogReader::rest) {
        show(&of(guest.name(), vec![rest]))?;
    }
    guest.remove().with_context(|| {
        format!(
            "{} could not be removed; the device does it when its lease is over",
            guest.name()
        )
    })?;
    match last {
        Err(Failure::Output(error)) => Err(error),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What is looked at, and whether the device is there.
struct Watch {
    /// Nothing if the device keeps no log, or does not show it.
    log: Option<LogReader>,
    /// Nothing if it does not show them.
    values: Option<Values>,
    /// When the lease was renewed last, or taken: before that was asked for.
    renewed: Instant,
    /// The device did not answer the last time.
    lost: bool,
}

/// Why a look at the device gives nothing.
enum Failure {
    /// It may go well another time.
    Passing(anyhow::Error),
    /// It will not.
    Device(anyhow::Error),
    /// What was seen can't be printed.
    Output(anyhow::Error),
}

impl From<GetError> for Failure {
    fn from(error: GetError) -> Self {
        match error.is_passing() {
            true => Self::Passing(error.into()),
            false => Self::Device(error.into()),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error.is_passing() {
            true => Self::Passing(error.into()),
            false => Self::Device(error.into()),
        }
    }
}

impl Watch {
    /// Renews the lease if it is time, and looks. Errors if that is of no use
    /// any more.
    fn turn(&mut self, guest: &mut Guest) -> Result<()> {
        let result = self.renew(guest).and_then(|()| self.look(guest));
        match result {
            Ok(()) => {
                if std::mem::take(&mut self.lost) {
                    eprintln!("the connection is back");
                }
                Ok(())
            }
            Err(Failure::Passing(error)) => {
                if !std::mem::replace(&mut self.lost, true) {
                    eprintln!("the connection is lost, trying again: {error:#}");
                }
                match self.renewed.elapsed() >= guest.lease() {
                    false => Ok(()),
                    true => Err(anyhow!("the lease of {} is over", guest.name())),
                }
            }
            Err(Failure::Device(error) | Failure::Output(error)) => {
                // Nothing is to stay; if that is not to be, the lease ends it.
                let _ = guest.remove();
                Err(error)
            }
        }
    }

    /// Renews the lease when a third of it is over, or the device was away.
    fn renew(&mut self, guest: &mut Guest) -> Result<(), Failure> {
        let now = Instant::now();
        if !self.lost && now.duration_since(self.renewed) < guest.lease() / 3 {
            return Ok(());
        }
        if !guest.renew()? {
            let text = "the lease is over, or somebody has removed it: no container";
            return Err(Failure::Device(anyhow!("{text} {} any more", guest.name())));
        }
        self.renewed = now;
        Ok(())
    }

    /// Shows what is new.
    fn look(&mut self, guest: &mut Guest) -> Result<(), Failure> {
        if let Some(log) = &mut self.log {
            let mut entries = Vec::new();
            let result = log.read(guest.client(), &mut entries);
            let restarted = entries.contains(&Entry::Restarted);
            show(&of(guest.name(), entries)).map_err(Failure::Output)?;
            result?;
            if restarted {
                // With what was installed: the renewal says so.
                self.lost = true;
                return self.renew(guest);
            }
        }
        let Some(values) = &mut self.values else {
            return Ok(());
        };
        let name = guest.name().to_owned();
        match values.read(guest.client(), &name) {
            Err(GetError::Refused(FORBIDDEN, _)) => {
                eprintln!("note: {}", LogError::Hidden);
                self.values = None;
                Ok(())
            }
            lines => print(&lines?).map_err(Failure::Output),
        }
    }
}

/// The lines of a container, and what concerns all.
fn of(name: &str, entries: Vec<Entry>) -> Vec<Entry> {
    let is_its = |line: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(": "))
    };
    let concerns = |entry: &Entry| match entry {
        Entry::Line(line) => is_its(line),
        Entry::Rest(_) => false,
        Entry::Lost(_) | Entry::Restarted => true,
    };
    entries.into_iter().filter(concerns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (file, wanted) in [
            ("probe.c", "probe"),
            ("a/b c.d.o", "b_c.d"),
            ("@x.c", "_x"),
            ("été.c", "_t_"),
            ("a_name_that_is_far_too_long.c", "a_name_that_is_f"),
        ] {
            assert_eq!(name_of(file.as_ref()), wanted);
            name(wanted).expect("a sound one");
        }
        for wrong in ["", "a/b", "@a", "a b", "é", "12345678901234567"] {
            name(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn lines_of_others_are_left_out() {
        let line = |text: &str| Entry::Line(text.into());
        let rest = Entry::Rest("a: 3".into());
        let all = vec![line("a: 1"), line("ab: 2"), line("a"), Entry::Lost(3), rest];
        assert_eq!(of("a", all), [line("a: 1"), Entry::Lost(3)]);
    }
}
