// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which fault is meant: by number, by a text, or by asking a device.

use std::io::Read as _;

use anyhow::{Context as _, Result, anyhow, bail};

use super::Args;
use crate::listing::{self, Record, ReportedFault};
use crate::terminal::printable;
use rbpf_host::client::Client;

/// The longest report that is read from stdin.
const MAX_REPORT: u64 = 16 << 20;
/// Characters of a name that are shown.
const MAX_NAME: usize = 40;

/// A fault, with what was said around it.
pub(super) struct Reported {
    /// The container, if it was named.
    pub(super) name: Option<String>,
    /// Bytes of its image, if that was said.
    pub(super) bytes: Option<u64>,
    pub(super) fault: ReportedFault,
    /// A device has told of it, but not what was in the registers.
    pub(super) hides_registers: bool,
}

/// Finds out which fault is meant.
pub(super) fn find(arguments: &Args) -> Result<Reported> {
    let name = arguments.name.as_deref();
    if let Some(target) = &arguments.from {
        let mut client = Client::new(target.clone(), arguments.timeout);
        return ask(&mut client, name).with_context(|| target.to_string());
    }
    if let Some(report) = &arguments.report {
        let text = match report.as_str() {
            "-" => stdin()?,
            text => text.to_owned(),
        };
        return in_text(&text, name).context("the report");
    }
    let pc = arguments.pc.map(u64::from);
    Ok(Reported {
        name: None,
        bytes: None,
        fault: ReportedFault {
            pc,
            ..ReportedFault::default()
        },
        hides_registers: false,
    })
}

/// The fault of a container on a device, with what the device has kept of it.
fn ask(client: &mut Client, name: Option<&str>) -> Result<Reported> {
    let containers = listing::fetch(client)?;
    let kept = listing::fetch_faults(client)?;
    // The newest is the last: what the containers themselves tell.
    let records = kept.iter().rev().cloned().chain(containers);
    let mut reported = choose(records.collect(), name)?;
    let kept = kept.into_iter().filter(|record| {
        let shown = record.name.as_deref().map(|name| printable(name, MAX_NAME));
        shown == reported.name
    });
    let mut faults = kept.filter_map(|record| record.fault);
    if let Some(fault) = faults.find(|fault| fault.is(&reported.fault)) {
        reported.hides_registers = fault.registers.is_empty();
        reported.fault = fault;
    }
    Ok(reported)
}

fn stdin() -> Result<String> {
    let mut bytes = Vec::new();
    let stdin = std::io::stdin().lock();
    stdin
        .take(MAX_REPORT + 1)
        .read_to_end(&mut bytes)
        .context("standard input")?;
    if bytes.len() as u64 > MAX_REPORT {
        bail!("standard input is longer than {} MiB", MAX_REPORT >> 20);
    }
    // A terminal's log may have anything in it.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The fault in a text: of a list, or a line that stands for itself.
fn in_text(text: &str, name: Option<&str>) -> Result<Reported> {
    let records = listing::from_text(text);
    if records.iter().any(|record| record.fault.is_some()) || name.is_some() {
        return choose(records, name);
    }
    let mut faults: Vec<ReportedFault> = text.lines().filter_map(listing::fault_in).collect();
    faults.dedup();
    match faults.pop() {
        Some(fault) if faults.is_empty() => Ok(Reported {
            name: None,
            bytes: None,
            fault,
            hides_registers: false,
        }),
        Some(_) => bail!("tells of several faults: give one of its lines"),
        None => bail!("tells of no fault: wanted is `fault KIND pc N address A`"),
    }
}

/// The fault of the container with this name, or of the only one with one.
fn choose(records: Vec<Record>, name: Option<&str>) -> Result<Reported> {
    let known = names(&records);
    // Lines of a log: the last one that tells of it counts.
    let newest = |wanted: &str| {
        let named = |record: &&Record| record.name.as_deref() == Some(wanted);
        let mut newest_first = records.iter().rev().filter(named);
        let newest = newest_first.clone().next();
        newest_first
            .find(|record| record.fault.is_some())
            .or(newest)
    };
    let record = match name {
        Some(name) => newest(name).ok_or_else(|| {
            let name = printable(name, MAX_NAME);
            anyhow!("no container {name}; there are: {known}")
        })?,
        None => {
            let mut faulty: Vec<&Record> = Vec::new();
            for record in records.iter().rev().filter(|record| record.fault.is_some()) {
                if !faulty.iter().any(|newer| newer.name == record.name) {
                    faulty.push(record);
                }
            }
            match faulty[..] {
                [] => bail!("no container has had a fault; there are: {known}"),
                [record] => record,
                _ => bail!(
                    "several containers have had faults, give --name: {}",
                    names(faulty)
                ),
            }
        }
    };
    let shown = record.name.as_deref().map(|name| printable(name, MAX_NAME));
    let Some(fault) = record.fault.clone() else {
        bail!("container {} has had no fault", shown.unwrap_or_default());
    };
    Ok(Reported {
        name: shown,
        bytes: record.bytes,
        fault,
        hides_registers: false,
    })
}

/// The names of containers, each once.
fn names<'r>(records: impl IntoIterator<Item = &'r Record>) -> String {
    let mut names: Vec<String> = Vec::new();
    for record in records {
        let name = record.name.as_deref().unwrap_or("-");
        let name = printable(name, MAX_NAME);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.is_empty() {
        true => "none".into(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_that_is_meant() {
        let list = "a state verified path - bytes 9 last fault InvalidRead pc 1 address 0x0\n\
                    b state verified path - bytes 8\n\
                    c state verified path - bytes 7 last fault InvalidWrite pc 2 address 0x0\n\
                    a state verified path - bytes 9 last fault InvalidRead pc 3 address 0x0\n";
        let found = in_text(list, Some("a")).expect("it has one");
        assert_eq!((found.fault.pc, found.bytes), (Some(3), Some(9)));
        let refused = |text, name| match in_text(text, name) {
            Ok(_) => panic!("a fault was found"),
            Err(error) => error.to_string(),
        };
        assert!(refused(list, None).contains("--name: a, c"));
        assert!(refused(list, Some("b")).contains("b has had no fault"));
        assert!(refused(list, Some("d\x1b")).contains("d\\u{1b}; there are: a, b, c"));
        let first = list.lines().next().expect("a line");
        assert_eq!(in_text(first, None).expect("one").fault.pc, Some(1));
        assert!(refused("b state verified", None).contains("tells of no fault"));
        let two = "fault A pc 1\nfault A pc 1\nfault B pc 2";
        assert!(refused(two, None).contains("several"));
        assert_eq!(
            in_text("fault A pc 1\nfault A pc 1", None)
                .expect("one")
                .fault
                .pc,
            Some(1)
        );
    }
}
