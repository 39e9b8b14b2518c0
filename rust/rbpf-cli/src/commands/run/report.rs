// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a run ended, as text and in JSON.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use rbpf_runtime::{CoapReply, KvEntry, KvScope};
use rbpf_vm::{Fault, FaultKind};
use serde_json::json;

use super::{Args, End};
use crate::commands::print;
use crate::container::Container;
use crate::terminal::hex;

/// Content formats with names (RFC 7252, section 12.3; RFC 8949).
const FORMATS: [(u16, &str); 6] = [
    (0, "text/plain"),
    (40, "application/link-format"),
    (41, "application/xml"),
    (42, "application/octet-stream"),
    (50, "application/json"),
    (60, "application/cbor"),
];

/// What a run ended with.
pub(super) enum Value {
    /// r0.
    Number(u64),
    /// The answer to a request.
    Reply(Reply),
}

/// A response.
pub(super) struct Reply {
    code: u8,
    content_format: Option<u16>,
    payload: Vec<u8>,
}

impl From<CoapReply<'_>> for Reply {
    fn from(reply: CoapReply<'_>) -> Self {
        Self {
            code: reply.code,
            content_format: reply.content_format,
            payload: reply.payload.to_vec(),
        }
    }
}

impl Reply {
    /// The code as it is written: class and detail.
    fn code(&self) -> String {
        format!("{}.{:02}", self.code >> 5, self.code & 0x1f)
    }

    /// The payload, if it is text that does no harm to a terminal.
    fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.payload).ok()?;
        (!text.chars().any(char::is_control)).then_some(text)
    }

    fn write(&self, out: &mut String) {
        row(out, "reply", self.code());
        if let Some(format) = self.content_format {
            let name = FORMATS.iter().find(|(number, _)| *number == format);
            let name = name.map_or_else(String::new, |(_, name)| format!(" ({name})"));
            row(out, "format", format!("{format}{name}"));
        }
        match self.text() {
            Some("") => {}
            Some(text) => row(out, "payload", text),
            None => row(out, "payload hex", hex(&self.payload, " ")),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "code": self.code(),
            "content_format": self.content_format,
            "payload": self.text(),
            "payload_hex": hex(&self.payload, ""),
        })
    }
}

/// Prints how the last run ended, and what all of them left in the stores.
pub(super) fn report(arguments: &Args, container: &Container, end: &End) -> Result<ExitCode> {
    if arguments.json {
        print(&format!("{:#}\n", as_json(container, end)))?;
    } else {
        print(&as_text(end))?;
    }
    match end.outcome {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(fault) => {
            complain(arguments, container, end, fault);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A line of the report.
fn row(out: &mut String, label: &str, value: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{label:<13} {value}");
}

/// The name of a store.
fn store(entry: &KvEntry) -> &'static str {
    match entry.scope {
        KvScope::Global => "global",
        // There is one container, and it has no tenant.
        KvScope::Local(_) => "local",
        KvScope::Tenant(_) => "tenant",
    }
}

fn as_text(end: &End) -> String {
    let mut out = String::new();
    if let Ok(value) = &end.outcome {
        match value {
            Value::Number(value) => row(&mut out, "r0", format!("{value} ({value:#x})")),
            Value::Reply(reply) => reply.write(&mut out),
        }
        let microseconds = end.time.as_secs_f64() * 1e6;
        row(&mut out, "instructions", end.instructions);
        row(&mut out, "helper calls", end.helper_calls);
        row(&mut out, "time", format!("{microseconds:.1} us"));
    }
    for entry in &end.values {
        let KvEntry { key, value, .. } = entry;
        let label = format!("{} {key:#x}", store(entry));
        row(&mut out, &label, format!("{value} ({value:#x})"));
    }
    out
}

fn as_json(container: &Container, end: &End) -> serde_json::Value {
    let (number, reply) = match &end.outcome {
        Ok(Value::Number(value)) => (Some(value), None),
        Ok(Value::Reply(reply)) => (None, Some(reply.json())),
        Err(_) => (None, None),
    };
    let fault = end.outcome.as_ref().err().map(|fault| {
        json!({
            "kind": fault.kind.name(),
            "text": fault.kind.text(),
            "slot": slot(*fault),
            "address": fault.address,
            "instruction": slot(*fault).and_then(|pc| container.instruction(pc)),
        })
    });
    let values: Vec<_> = end
        .values
        .iter()
        .map(|entry| json!({ "store": store(entry), "key": entry.key, "value": entry.value }))
        .collect();
    json!({
        "r0": number,
        "reply": reply,
        "fault": fault,
        "instructions": end.instructions,
        "helper_calls": end.helper_calls,
        "runs": end.runs,
        "microseconds": end.time.as_secs_f64() * 1e6,
        "values": values,
    })
}

/// Where a fault is, if an instruction is to blame: what a program returns is
/// judged after it has ended.
fn slot(fault: Fault) -> Option<u32> {
    (fault.kind != FaultKind::InvalidResult).then_some(fault.pc)
}

/// Says on stderr what went wrong, where, and what may help.
fn complain(arguments: &Args, container: &Container, end: &End, fault: Fault) {
    let name = arguments.file.display();
    let Fault { kind, address, .. } = fault;
    let place = match slot(fault) {
        Some(pc) => format!("at slot {pc}, address {address:#x}"),
        None => "after the end".to_owned(),
    };
    eprintln!(
        "error: {name}: fault {place}: {} ({}), after {} instructions",
        kind.text(),
        kind.name(),
        end.instructions
    );
    if let Some(instruction) = slot(fault).and_then(|pc| container.instruction(pc)) {
        eprintln!("  {instruction}");
    }
    match kind {
        FaultKind::BudgetExhausted => eprintln!("  help: allow more with --budget"),
        FaultKind::UnknownHelper => {
            eprintln!("  help: helpers of an application exist on its device only");
        }
        _ => {}
    }
}
