// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a fault means: kind, address, instruction, function and line.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use rbpf_vm::{FaultKind, REGIONS, region};
use serde_json::{Value, json};

use super::program::Program;
use super::report::Reported;
use super::source::{Excerpt, excerpt};
use crate::linker::{SourceFrame, shorten};
use crate::terminal::printable;

/// Characters of names and paths that are shown.
const MAX_TEXT: usize = 200;
/// Registers that are shown in a row.
const REGISTERS_A_ROW: usize = 4;

/// All that is known of a fault.
pub(super) struct Explanation {
    container: Option<String>,
    kind: Option<Kind>,
    /// The address, and what is there.
    address: Option<(u64, String)>,
    /// When it happened, in milliseconds.
    at_ms: Option<u64>,
    version: Option<u64>,
    digest: Option<String>,
    registers: Vec<u64>,
    /// Where it happened, unless after the end of the program.
    place: Option<Place>,
    /// What else there is to say.
    notes: Vec<String>,
}

struct Kind {
    name: String,
    /// The kind, if this version knows it.
    known: Option<FaultKind>,
}

struct Place {
    pc: u32,
    slots: usize,
    instruction: Option<String>,
    function: Option<String>,
    frames: Vec<SourceFrame>,
    excerpt: Option<Excerpt>,
}

/// Explains a fault of a program.
pub(super) fn explain(reported: &Reported, program: &Program) -> Result<Explanation> {
    let fault = &reported.fault;
    let kind = fault.kind.as_deref().map(|name| Kind {
        name: printable(name, MAX_TEXT),
        known: FaultKind::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == name),
    });
    let known = kind.as_ref().and_then(|kind| kind.known);
    let mut notes: Vec<String> = known
        .and_then(advice)
        .map(str::to_owned)
        .into_iter()
        .collect();
    let place = match fault.pc {
        // What a program returns is judged after it has ended.
        Some(_) if known == Some(FaultKind::InvalidResult) => None,
        Some(pc) => Some(place(pc, program, &mut notes)?),
        None => {
            notes.push("the report has no pc".into());
            None
        }
    };
    if reported.hides_registers {
        let text = "the device does not show registers \
                    (CONFIG_RBPF_EXPOSE, or `expose` in device.toml)";
        notes.push(text.into());
    }
    let has_address = known.is_none_or(has_address);
    let address = fault.address.filter(|_| has_address);
    Ok(Explanation {
        container: reported.name.clone(),
        kind,
        address: address.map(|address| (address, locate(address, program))),
        at_ms: fault.at_ms,
        version: fault.version,
        digest: fault.digest.clone(),
        registers: fault.registers.clone(),
        place,
        notes,
    })
}

fn place(pc: u64, program: &Program, notes: &mut Vec<String>) -> Result<Place> {
    let slots = program.container.text.len();
    let Some(pc) = u32::try_from(pc).ok().filter(|&pc| (pc as usize) < slots) else {
        bail!(
            "{}: pc {pc} is not in the program, which has {slots} slots: \
             perhaps the device runs another image",
            program.name
        );
    };
    let frames = program.source(pc);
    let innermost = frames.first();
    let excerpt = innermost.and_then(|frame| excerpt(frame.file.as_deref()?, frame.line?));
    if !program.has_names() {
        notes.push("an image has no lines: give what it was built from instead".into());
    } else if innermost.and_then(|frame| frame.line).is_none() {
        notes.push("no line is known: compile objects with clang -g".into());
    } else if excerpt.is_none() {
        notes.push("the source cannot be read from here".into());
    }
    Ok(Place {
        pc,
        slots,
        instruction: program.container.instruction(pc),
        function: program.function(pc),
        excerpt,
        frames,
    })
}

/// Whether faults of a kind are about an address.
fn has_address(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::InvalidRead
            | FaultKind::InvalidWrite
            | FaultKind::UnterminatedString
            | FaultKind::InvalidFormat
    )
}

/// What to look for.
fn advice(kind: FaultKind) -> Option<&'static str> {
    Some(match kind {
        FaultKind::StackOverflow => {
            "give the image a larger stack with --stack, or the functions smaller local variables"
        }
        FaultKind::BudgetExhausted => {
            "the instruction is the one that was not executed any more: a loop without end, \
             or more to do than the hook allows"
        }
        FaultKind::UnknownHelper => "the firmware does not have the helper that is called here",
        FaultKind::InvalidInstruction => "the image in the device's memory is damaged",
        FaultKind::InvalidResult => {
            "the program ended, but what it returned in r0 is of no use to the hook: \
             look at its return statements"
        }
        _ => return None,
    })
}

/// What a guest address is: its region and the offset in that.
fn locate(address: u64, program: &Program) -> String {
    let number = address >> 24;
    let offset = address & 0xff_ffff;
    if address == 0 {
        return "null".into();
    }
    if number == 0 {
        return format!("null + {offset:#x}: unmapped");
    }
    if number >= REGIONS as u64 {
        return "no region: unmapped".into();
    }
    let image = program.container.image.as_ref();
    let image = image.and_then(|buffer| buffer.image().ok());
    let stack = image.map_or(0, |image| image.stack_size().into());
    let (name, length) = match number as u8 {
        region::STACK => ("stack".to_owned(), Some(stack)),
        region::CONTEXT => ("context".to_owned(), None),
        region::RODATA => ("rodata".to_owned(), Some(program.container.rodata.len())),
        region::DATA => ("data".to_owned(), Some(program.container.data.len())),
        other => (
            format!("granted {}", other.saturating_sub(region::GRANTED)),
            None,
        ),
    };
    let mut text = format!("{name} + {offset:#x}");
    let Some(length) = length else { return text };
    // Writing to a string does not fail.
    let _ = match length {
        0 => write!(text, ", which the image does not have"),
        _ if offset >= length as u64 => write!(text, ", beyond its {length} bytes"),
        _ => write!(text, " of its {length} bytes"),
    };
    if number == u64::from(region::RODATA) && length > 0 {
        text.push_str(", read-only");
    }
    text
}

impl Explanation {
    /// For people.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let mut row = |label: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(out, "{label:<13} {value}");
        };
        if let Some(container) = &self.container {
            row("container", container);
        }
        if let Some(Kind { name, known }) = &self.kind {
            let text = known.map_or("a kind that this version does not know", FaultKind::text);
            row("fault", &format!("{name}: {text}"));
        }
        if let Some((address, what)) = &self.address {
            row("address", &format!("{address:#010x}: {what}"));
        }
        if let Some(place) = &self.place {
            row("slot", &format!("{} of {}", place.pc, place.slots));
            row("instruction", place.instruction.as_deref().unwrap_or("-"));
            let inlined = place.frames.len() > 1;
            if let Some(function) = &place.function
                && !inlined
            {
                row("function", &printable(function, MAX_TEXT));
            }
            for (index, frame) in place.frames.iter().enumerate() {
                let label = if index == 0 { "source" } else { "inlined in" };
                row(label, &shown(frame, inlined));
            }
        }
        for (row_number, values) in self.registers.chunks(REGISTERS_A_ROW).enumerate() {
            let values: Vec<String> = (row_number * REGISTERS_A_ROW..)
                .zip(values)
                .map(|(number, value)| format!("r{number} {value:#x}"))
                .collect();
            let label = if row_number == 0 { "registers" } else { "" };
            row(label, &values.join(", "));
        }
        if let Some(version) = self.version {
            row("version", &version.to_string());
        }
        if let Some(at_ms) = self.at_ms {
            row("at", &format!("{at_ms} ms after the device's start"));
        }
        for note in &self.notes {
            row("note", note);
        }
        if let Some(excerpt) = self.place.as_ref().and_then(|place| place.excerpt.as_ref()) {
            out.push('\n');
            out.push_str(&excerpt.text());
        }
        out
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let place = self.place.as_ref();
        let frames = place.map_or(&[][..], |place| &place.frames);
        let frames: Vec<_> = frames
            .iter()
            .map(|frame| {
                json!({
                    "function": frame.function,
                    "file": frame.file,
                    "line": frame.line,
                    "column": frame.column,
                })
            })
            .collect();
        let known = self.kind.as_ref().and_then(|kind| kind.known);
        json!({
            "container": self.container,
            "kind": self.kind.as_ref().map(|kind| &kind.name),
            "text": known.map(FaultKind::text),
            "address": self.address.as_ref().map(|(address, _)| address),
            "region": self.address.as_ref().map(|(_, what)| what),
            "slot": place.map(|place| place.pc),
            "slots": place.map(|place| place.slots),
            "instruction": place.map(|place| &place.instruction),
            "function": place.map(|place| &place.function),
            "source": frames,
            "registers": self.registers,
            "version": self.version,
            "sha256": self.digest,
            "at_ms": self.at_ms,
            "notes": self.notes,
        })
    }
}

/// A place in the source: `file:line:column`, and the function if it is not
/// named elsewhere.
fn shown(frame: &SourceFrame, with_function: bool) -> String {
    let mut text = match &frame.file {
        Some(file) => printable(&shorten(file), MAX_TEXT),
        None => "?".into(),
    };
    for number in [frame.line, frame.column].into_iter().flatten() {
        // As above.
        let _ = write!(text, ":{number}");
    }
    if with_function && let Some(function) = &frame.function {
        let _ = write!(text, " in {}", printable(function, MAX_TEXT));
    }
    text
}
