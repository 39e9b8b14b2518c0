// SPDX-License-Identifier: MIT OR Apache-2.0
//! From slots to text, in LLVM's syntax or in the assembler's.
//!
//! LLVM's syntax is what `llvm-objdump -d --mcpu=v4` prints, for reading
//! beside a compiler's output. The assembler's is that of the public suite
//! bpf_conformance, and [`assemble`](crate::assemble) makes the same bytes of
//! it again, whatever they were.
//!
//! A slot that is no instruction is written `.slot 0x...`. That is also so
//! for instructions with a register above r10 or with a field that must be
//! zero and is not, which LLVM prints as if all were well. Jumps are not
//! resolved, and whether a program is sound is not judged: that is the
//! verifier's business.

use core::fmt;

use crate::operand::{self, Operand, operands};
use crate::{Field, Form, REGISTERS, Slot, Variant};

/// Looks up the name of a helper by its number.
pub type HelperNames<'a> = &'a dyn Fn(u32) -> Option<&'a str>;

/// How instructions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// As `llvm-objdump -d --mcpu=v4` does: `r1 += -0x1`. LLVM prints
    /// local calls and helper calls alike.
    Llvm,
    /// As the assembler reads it: `add %r1, -1`.
    Assembler,
}

/// Goes over a program, instruction by instruction.
///
/// # Examples
///
/// ```
/// use rbpf_isa::{Slot, Syntax, disassemble};
///
/// let program = [Slot::new(0x85, 0, 0, 0, 0x32), Slot::new(0x95, 0, 0, 0, 0)];
/// let name = |id| (id == 0x32).then_some("bpf_saul_reg_read");
/// let lines: Vec<String> = disassemble(&program)
///     .map(|line| line.text(Syntax::Llvm).with_names(&name).to_string())
///     .collect();
/// assert_eq!(lines, ["call 0x32 # bpf_saul_reg_read", "exit"]);
/// ```
#[must_use]
pub const fn disassemble(program: &[Slot]) -> Disassembly<'_> {
    Disassembly { program, next: 0 }
}

/// Iterator over the [`Line`]s of a program; made by [`disassemble`].
#[derive(Clone, Debug)]
pub struct Disassembly<'a> {
    program: &'a [Slot],
    next: usize,
}

impl Iterator for Disassembly<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let line = Line::read(self.program, self.next)?;
        self.next += line.width();
        Some(line)
    }
}

/// One instruction of a program, or one slot that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    index: usize,
    slot: Slot,
    /// Second slot of a `lddw`.
    second: Slot,
    variant: Option<&'static Variant>,
}

impl Line {
    /// Reads what stands at a slot of a program; `None` beyond its end.
    #[must_use]
    pub fn read(program: &[Slot], index: usize) -> Option<Self> {
        let slot = *program.get(index)?;
        let second = index.checked_add(1).and_then(|next| program.get(next));
        Some(Self {
            index,
            slot,
            second: second.copied().unwrap_or_default(),
            variant: decode(slot, second),
        })
    }

    /// Index of the (first) slot.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Number of slots, 1 or 2.
    #[must_use]
    pub const fn width(&self) -> usize {
        match self.variant {
            Some(variant) if matches!(variant.form, Form::LoadImmediate64) => 2,
            _ => 1,
        }
    }

    /// The row of the table; `None` if the slot is no instruction.
    #[must_use]
    pub const fn variant(&self) -> Option<&'static Variant> {
        self.variant
    }

    /// The text of the instruction, without a line end.
    #[must_use]
    pub const fn text(&self, syntax: Syntax) -> Text<'static> {
        Text {
            line: *self,
            syntax,
            names: None,
        }
    }

    const fn immediate64(&self) -> u64 {
        self.slot.immediate.cast_unsigned() as u64
            | (self.second.immediate.cast_unsigned() as u64) << 32
    }

    fn write_llvm(&self, f: &mut fmt::Formatter<'_>, variant: &Variant) -> fmt::Result {
        let slot = self.slot;
        let mut rest = variant.template;
        while let Some((before, after)) = rest.split_once('{') {
            f.write_str(before)?;
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            match name {
                "dst" => write!(f, "r{}", slot.dst())?,
                "src" => write!(f, "r{}", slot.src())?,
                "wdst" => write!(f, "w{}", slot.dst())?,
                "wsrc" => write!(f, "w{}", slot.src())?,
                "imm" => write_signed(f, "", "-", slot.immediate.into())?,
                "imm64" => write_signed(f, "", "-", self.immediate64().cast_signed())?,
                "offset" => write_signed(f, " + ", " - ", slot.offset.into())?,
                "target" if variant.form == Form::LongJump => {
                    write_signed(f, "+", "-", slot.immediate.into())?;
                }
                "target" => write_signed(f, "+", "-", slot.offset.into())?,
                _ => write!(f, "{{{name}}}")?,
            }
            rest = after;
        }
        f.write_str(rest)
    }

    fn write_assembler(&self, f: &mut fmt::Formatter<'_>, variant: &Variant) -> fmt::Result {
        let slot = self.slot;
        f.write_str(variant.mnemonic)?;
        let mut separator = " ";
        for operand in operands(variant) {
            f.write_str(separator)?;
            separator = ", ";
            match operand {
                Operand::Destination => write!(f, "%r{}", slot.dst())?,
                Operand::Source => write!(f, "%r{}", slot.src())?,
                Operand::Immediate => write!(f, "{}", slot.immediate)?,
                Operand::Immediate64 => write!(f, "{:#x}", self.immediate64())?,
                Operand::Target => write!(f, "{:+}", slot.offset)?,
                Operand::LongTarget => write!(f, "{:+}", slot.immediate)?,
                Operand::DestinationMemory => write_memory(f, slot.dst(), slot.offset)?,
                Operand::SourceMemory => write_memory(f, slot.src(), slot.offset)?,
            }
        }
        Ok(())
    }
}

/// The text of one instruction; made by [`Line::text`].
#[derive(Clone, Copy)]
pub struct Text<'a> {
    line: Line,
    syntax: Syntax,
    names: Option<HelperNames<'a>>,
}

impl Text<'_> {
    /// Appends the name of the helper to helper calls, as a comment: ` # name`.
    #[must_use]
    pub const fn with_names(self, names: HelperNames<'_>) -> Text<'_> {
        Text {
            line: self.line,
            syntax: self.syntax,
            names: Some(names),
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(variant) = self.line.variant else {
            return write!(f, ".slot {:#018x}", self.line.slot.bits());
        };
        match self.syntax {
            Syntax::Llvm => self.line.write_llvm(f, variant)?,
            Syntax::Assembler => self.line.write_assembler(f, variant)?,
        }
        if let Some(names) = self.names
            && operand::calls_helper(variant)
            && let Some(name) = names(self.line.slot.immediate.cast_unsigned())
        {
            write!(f, " # {name}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The row of the table for a slot, `None` if any field has a value that the
/// text would not show.
fn decode(slot: Slot, second: Option<&Slot>) -> Option<&'static Variant> {
    let variant = Variant::of(slot)?;
    let form = variant.form;
    let is_register = |number: usize| number < usize::from(REGISTERS);
    let selects = |field| variant.selector == field;

    let dst = if form.uses_dst() {
        is_register(slot.dst())
    } else {
        slot.dst() == 0
    };
    let src = if form.uses_src() {
        is_register(slot.src())
    } else {
        selects(Field::Source) || slot.src() == 0
    };
    let offset = form.uses_offset() || selects(Field::Offset) || slot.offset == 0;
    let immediate = form.uses_immediate() || selects(Field::Immediate) || slot.immediate == 0;
    let second = form != Form::LoadImmediate64
        || second.is_some_and(|second| second.bits() & 0xffff_ffff == 0);
    (dst && src && offset && immediate && second).then_some(variant)
}

/// Writes a number in hexadecimal behind the text for its sign.
fn write_signed(
    f: &mut fmt::Formatter<'_>,
    positive: &str,
    negative: &str,
    value: i64,
) -> fmt::Result {
    let sign = if value < 0 { negative } else { positive };
    write!(f, "{sign}{:#x}", value.unsigned_abs())
}

fn write_memory(f: &mut fmt::Formatter<'_>, register: usize, offset: i16) -> fmt::Result {
    match offset {
        0 => write!(f, "[%r{register}]"),
        _ => write!(f, "[%r{register}{offset:+}]"),
    }
}
