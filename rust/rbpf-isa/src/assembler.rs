// SPDX-License-Identifier: MIT OR Apache-2.0
//! From text to slots: the assembler.
//!
//! Reads the syntax of the public suite bpf_conformance, and makes of it just
//! what is written: it neither orders nor improves, and it assembles unsound
//! programs too, so that the verifier has something to refuse. It has no
//! sections, data or macros; larger programs come from a compiler.
//!
//! A line holds labels (`name:`), an instruction, or both; `#` begins a
//! comment. The instructions are those of the table, 64 bits wide unless
//! their name ends in 32. Registers are `%r0` or `r0`; numbers are signed
//! decimal, or hexadecimal and then also unsigned; memory is `[%r1+4]`;
//! targets are a label or a signed distance in slots. The target `exit`
//! means the first `exit` instruction, unless it is defined as a label.
//! `.slot 0x...` places a slot as it is, as the disassembler writes what is
//! no instruction.

mod error;
mod number;

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::string::String;
use alloc::vec::Vec;

pub use error::{AssembleError, AssembleErrorKind};

use crate::operand::{Operand, operands};
use crate::{Field, Form, Group, REGISTERS, Slot, VARIANTS, Variant};
use error::{AssembleErrorKind as Kind, quote};

/// Beginnings of mnemonics, and what the table has for them.
const ALIASES: [(&str, &str); 4] = [
    ("bswap", "swap"),
    ("call helper", "call"),
    ("lock fetch cmpxchg", "lock cmpxchg"),
    ("lock fetch xchg", "lock xchg"),
];

/// Words in the longest mnemonic (`lock fetch add`).
const MNEMONIC_WORDS: usize = 3;

/// The target that stands for the first exit.
const EXIT: &str = "exit";

/// Assembles a program.
///
/// # Errors
///
/// The first line that is wrong; jumps to labels are looked at after
/// everything else.
///
/// # Examples
///
/// ```
/// use rbpf_isa::{Slot, assemble};
///
/// let program = assemble("
///     mov %r0, 3
/// again:
///     sub %r0, 1          # three times
///     jne %r0, 0, again
///     exit
/// ")?;
/// assert_eq!(program[2], Slot::new(0x55, 0, 0, -2, 0));
/// # Ok::<(), rbpf_isa::AssembleError>(())
/// ```
pub fn assemble(source: &str) -> Result<Vec<Slot>, AssembleError> {
    let mut assembly = Assembly::default();
    for (index, text) in source.lines().enumerate() {
        let line = index + 1;
        assembly
            .line(line, text)
            .map_err(|kind| AssembleError { line, kind })?;
    }
    assembly.resolve()
}

/// Where a name stands.
#[derive(Clone, Copy)]
struct Place {
    slot: usize,
    line: usize,
}

/// A jump whose distance is not known yet.
struct Jump<'a> {
    from: Place,
    label: &'a str,
    long: bool,
}

#[derive(Default)]
struct Assembly<'a> {
    slots: Vec<Slot>,
    labels: BTreeMap<&'a str, Place>,
    first_exit: Option<usize>,
    jumps: Vec<Jump<'a>>,
}

impl<'a> Assembly<'a> {
    fn line(&mut self, line: usize, text: &'a str) -> Result<(), Kind> {
        let mut text = text.split_once('#').map_or(text, |(code, _)| code);
        while let Some((label, rest)) = text.split_once(':') {
            self.define(line, label.trim())?;
            text = rest;
        }
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        match text.strip_prefix(".slot") {
            Some(value) => {
                let bits = number::immediate64(value.trim())?;
                self.slots.push(Slot::from_bits(bits));
                Ok(())
            }
            None => self.instruction(line, text),
        }
    }

    fn define(&mut self, line: usize, label: &'a str) -> Result<(), Kind> {
        if shape(label) != Shape::Name {
            return Err(Kind::BadLabel(quote(label)));
        }
        let slot = self.slots.len();
        match self.labels.entry(label) {
            Entry::Vacant(entry) => {
                entry.insert(Place { slot, line });
                Ok(())
            }
            Entry::Occupied(entry) => Err(Kind::DuplicateLabel {
                label: quote(label),
                first: entry.get().line,
            }),
        }
    }

    fn instruction(&mut self, line: usize, text: &'a str) -> Result<(), Kind> {
        let (candidates, rest) = variants(text)?;
        let texts: Vec<&str> = match rest {
            "" => Vec::new(),
            _ => rest.split(',').map(str::trim).collect(),
        };
        let variant = choose(candidates, &texts)?;

        let mut encoding = Encoding::new(variant);
        for (operand, text) in operands(variant).iter().zip(&texts) {
            encoding.set(*operand, text)?;
        }
        let slot = self.slots.len();
        if variant.form == Form::Exit {
            self.first_exit.get_or_insert(slot);
        }
        if let Some((label, long)) = encoding.jump {
            self.jumps.push(Jump {
                from: Place { slot, line },
                label,
                long,
            });
        }
        self.slots.push(encoding.slot());
        if variant.form == Form::LoadImmediate64 {
            let second = Slot::new(0, 0, 0, 0, encoding.second_immediate);
            self.slots.push(second);
        }
        Ok(())
    }

    /// Sets the distances of all jumps to labels.
    fn resolve(mut self) -> Result<Vec<Slot>, AssembleError> {
        for jump in &self.jumps {
            let error = |kind| AssembleError {
                line: jump.from.line,
                kind,
            };
            let label = self.labels.get(jump.label).map(|place| place.slot);
            let target = label
                .or(self.first_exit.filter(|_| jump.label == EXIT))
                .ok_or_else(|| error(Kind::UnknownLabel(quote(jump.label))))?;
            // Both are lengths of a vector: far below 2^63.
            let distance = target as i64 - jump.from.slot as i64 - 1;
            let too_far = |_| {
                error(Kind::JumpTooFar {
                    label: quote(jump.label),
                    distance,
                })
            };
            let Some(slot) = self.slots.get_mut(jump.from.slot) else {
                continue;
            };
            if jump.long {
                slot.immediate = i32::try_from(distance).map_err(too_far)?;
            } else {
                slot.offset = i16::try_from(distance).map_err(too_far)?;
            }
        }
        Ok(self.slots)
    }
}

/// The fields of a slot while operands are read into them.
struct Encoding<'a> {
    opcode: u8,
    dst: u8,
    src: u8,
    offset: i16,
    immediate: i32,
    second_immediate: i32,
    /// A label as target, and whether its distance belongs in the immediate.
    jump: Option<(&'a str, bool)>,
}

impl<'a> Encoding<'a> {
    /// With the selecting field set.
    fn new(variant: &Variant) -> Self {
        let mut encoding = Self {
            opcode: variant.opcode,
            dst: 0,
            src: 0,
            offset: 0,
            immediate: 0,
            second_immediate: 0,
            jump: None,
        };
        match variant.selector {
            Field::None => {}
            Field::Offset => encoding.offset = variant.value as i16,
            Field::Immediate => encoding.immediate = variant.value,
            Field::Source => encoding.src = variant.value as u8,
        }
        encoding
    }

    fn set(&mut self, operand: Operand, text: &'a str) -> Result<(), Kind> {
        match operand {
            Operand::Destination => self.dst = register(text)?,
            Operand::Source => self.src = register(text)?,
            Operand::Immediate => self.immediate = number::immediate(text)?,
            Operand::Immediate64 => {
                let value = number::immediate64(text)?;
                self.immediate = value as i32;
                self.second_immediate = (value >> 32) as i32;
            }
            Operand::Target if shape(text) == Shape::Name => self.jump = Some((text, false)),
            Operand::Target => self.offset = number::offset(text)?,
            Operand::LongTarget if shape(text) == Shape::Name => self.jump = Some((text, true)),
            Operand::LongTarget => self.immediate = number::offset(text)?,
            Operand::DestinationMemory => (self.dst, self.offset) = memory(text)?,
            Operand::SourceMemory => (self.src, self.offset) = memory(text)?,
        }
        Ok(())
    }

    const fn slot(&self) -> Slot {
        Slot::new(self.opcode, self.dst, self.src, self.offset, self.immediate)
    }
}

/// What the text of an operand looks like, whether or not it is sound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Register,
    Number,
    SignedNumber,
    Memory,
    Name,
    Other,
}

fn shape(text: &str) -> Shape {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$');
    match text.as_bytes() {
        [b'[', ..] | [.., b']'] => Shape::Memory,
        [b'%', ..] => Shape::Register,
        [b'r', ..] if digits(&text[1..]) => Shape::Register,
        [b'0'..=b'9', ..] => Shape::Number,
        [b'+' | b'-', ..] => Shape::SignedNumber,
        [_, ..] if text.bytes().all(in_name) => Shape::Name,
        _ => Shape::Other,
    }
}

fn accepts(operand: Operand, shape: Shape) -> bool {
    match operand {
        Operand::Destination | Operand::Source => shape == Shape::Register,
        Operand::Immediate | Operand::Immediate64 => {
            matches!(shape, Shape::Number | Shape::SignedNumber)
        }
        Operand::Target | Operand::LongTarget => {
            matches!(shape, Shape::Name | Shape::SignedNumber)
        }
        Operand::DestinationMemory | Operand::SourceMemory => shape == Shape::Memory,
    }
}

/// The instructions with the longest mnemonic that a text begins with, and
/// the rest of it.
fn variants(text: &str) -> Result<(Vec<&'static Variant>, &str), Kind> {
    let mut found = None;
    let mut name = String::new();
    let mut rest = text;
    for _ in 0..MNEMONIC_WORDS {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
        rest = after.trim_start();
        let named: Vec<_> = VARIANTS.iter().filter(|row| is_named(row, &name)).collect();
        if !named.is_empty() {
            found = Some((named, rest));
        }
        if rest.is_empty() {
            break;
        }
    }
    found.ok_or_else(|| {
        let word = text.split_whitespace().next().unwrap_or(text);
        Kind::UnknownMnemonic(quote(if word == "lock" { text } else { word }))
    })
}

/// Whether `name` is the mnemonic of an instruction, or an alias of it.
fn is_named(variant: &Variant, name: &str) -> bool {
    if name == variant.mnemonic {
        return true;
    }
    let alias = ALIASES
        .iter()
        .find_map(|(alias, plain)| Some((*plain, name.strip_prefix(alias)?)));
    if let Some((plain, end)) = alias {
        let rest = variant.mnemonic.strip_prefix(plain);
        return rest.is_some_and(|rest| rest == end || is_wide(variant, rest, end));
    }
    is_wide(variant, variant.mnemonic, name)
}

/// Whether `name` is `mnemonic` with a 64 behind it, where there is also one
/// with a 32.
fn is_wide(variant: &Variant, mnemonic: &str, name: &str) -> bool {
    let narrow = |row: &Variant| row.mnemonic.strip_suffix("32") == Some(variant.mnemonic);
    name.strip_suffix("64") == Some(mnemonic)
        && variant.group != Group::Base32
        && VARIANTS.iter().any(narrow)
}

/// The candidate that takes such operands.
fn choose(candidates: Vec<&'static Variant>, texts: &[&str]) -> Result<&'static Variant, Kind> {
    let mut left = candidates;
    let expected = left.first().map_or(0, |row| operands(row).len());
    if expected != texts.len() {
        let found = texts.len();
        return Err(Kind::OperandCount { expected, found });
    }
    for (index, text) in texts.iter().enumerate() {
        let shape = shape(text);
        let wanted = left.iter().filter_map(|row| operands(row).get(index));
        let wanted: Vec<Operand> = wanted.copied().collect();
        if !wanted.iter().any(|operand| accepts(*operand, shape)) {
            let is_call = left.iter().any(|row| row.form == Form::Call);
            if is_call && shape == Shape::Register {
                return Err(Kind::IndirectCall);
            }
            let names = wanted.iter().map(|operand| operand.description());
            let mut names: Vec<&str> = names.collect();
            names.dedup();
            return Err(Kind::WrongOperand {
                position: index + 1,
                expected: names.join(" or "),
                found: quote(text),
            });
        }
        left.retain(|row| operands(row).get(index).is_some_and(|o| accepts(*o, shape)));
    }
    left.first()
        .copied()
        .ok_or_else(|| Kind::UnknownMnemonic(quote(&texts.join(", "))))
}

fn register(text: &str) -> Result<u8, Kind> {
    let name = text.strip_prefix('%').unwrap_or(text);
    let digits = name.strip_prefix('r').unwrap_or_default();
    let canonical = digits == "0" || matches!(digits.as_bytes(), [b'1'..=b'9', ..]);
    match digits.parse::<u8>() {
        Ok(number) if canonical && number < REGISTERS => Ok(number),
        _ => Err(Kind::BadRegister(quote(text))),
    }
}

/// Register and offset of a memory operand.
fn memory(text: &str) -> Result<(u8, i16), Kind> {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let inner = inner.ok_or_else(|| Kind::MissingBracket(quote(text)))?;
    let (name, offset) = match inner.find(['+', '-']) {
        Some(sign) => inner.split_at(sign),
        None => (inner, ""),
    };
    let register = register(name.trim())?;
    let offset = match offset {
        "" => 0,
        _ => number::offset(offset.trim())?,
    };
    Ok((register, offset))
}
