// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run as text: every instruction, the registers that it changed, and the
//! memory that it touched.

use std::fmt::Write as _;
use std::io::Write;

use rbpf_isa::{Form, Line, Slot, Syntax, form};
use rbpf_vm::Observer;

use crate::engines;

/// Writes a line per instruction. Errors of the output are ignored: the run
/// is what counts.
pub struct Tracer<'t, W: Write> {
    text: &'t [Slot],
    output: W,
    /// The instruction that is being executed, with the registers before it.
    pending: Option<(u32, [u64; 11])>,
}

impl<'t, W: Write> Tracer<'t, W> {
    /// A tracer of a program.
    pub fn new(text: &'t [Slot], output: W) -> Self {
        Self {
            text,
            output,
            pending: None,
        }
    }

    /// Writes the last instruction; to be called after the run with the
    /// registers that it left. `completed` is false if it ended in a fault.
    pub fn finish(&mut self, registers: &[u64; 11], completed: bool) {
        self.flush(registers, completed);
        // As above.
        let _ = self.output.flush();
    }

    fn flush(&mut self, after: &[u64; 11], completed: bool) {
        let Some((pc, before)) = self.pending.take() else {
            return;
        };
        let instruction = Line::read(self.text, pc as usize).map_or_else(String::new, |line| {
            line.text(Syntax::Llvm)
                .with_names(&engines::helper_name)
                .to_string()
        });
        let mut effects = String::new();
        if let Some(slot) = self.text.get(pc as usize) {
            effects = access(*slot, &before, after, completed);
        }
        for (number, (before, after)) in before.iter().zip(after).enumerate() {
            if before != after {
                // Writing to a string does not fail.
                let _ = write!(effects, "  r{number}={after:#x}");
            }
        }
        let line = format!("{pc:5}: {instruction:<36}{effects}");
        let _ = writeln!(self.output, "{}", line.trim_end());
    }
}

impl<W: Write> Observer for Tracer<'_, W> {
    fn step(&mut self, pc: u32, registers: &[u64; 11]) {
        self.flush(registers, true);
        self.pending = Some((pc, *registers));
    }
}

/// The memory access of an instruction, if it makes one.
fn access(slot: Slot, before: &[u64; 11], after: &[u64; 11], completed: bool) -> String {
    let form = form(slot.opcode);
    if !form.accesses_memory() {
        return String::new();
    }
    // Bits 3 and 4 of the opcode are the size (RFC 9669, section 5).
    let bytes = match slot.opcode & 0x18 {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    };
    let register = |registers: &[u64; 11], number: usize| registers.get(number).copied();
    let base = match form {
        Form::Load => slot.src(),
        _ => slot.dst(),
    };
    let base = register(before, base).unwrap_or(0);
    let address = base.wrapping_add_signed(slot.offset.into());
    let (verb, value) = match form {
        Form::Load => ("read", register(after, slot.dst())),
        Form::StoreImmediate => ("write", Some(i64::from(slot.immediate) as u64)),
        Form::StoreRegister => ("write", register(before, slot.src())),
        _ => ("update with", register(before, slot.src())),
    };
    let mask = u64::MAX >> (64 - 8 * bytes);
    let mut text = format!("  [{address:#010x}; {bytes}]");
    if completed {
        // Writing to a string does not fail.
        let _ = write!(text, " {verb} {:#x}", value.unwrap_or(0) & mask);
    } else {
        text.push_str(" refused");
    }
    text
}
