// SPDX-License-Identifier: MIT OR Apache-2.0
//! What several tests share: sound instructions for every row of the table.
#![allow(dead_code, reason = "each test uses a part")]

use std::io::{self, Write};

use rbpf_isa::{Field, Form, REGISTERS, Slot, Variant};

const REGISTER_PAIRS: &[(u8, u8)] = &[(1, 2), (0, 10), (10, 0), (9, 9)];
const OFFSETS: &[i16] = &[0, 3, 8, -1, -8, 0xff, i16::MAX, i16::MIN];
const IMMEDIATES: &[i32] = &[0, 1, 5, -1, -5, 0x7fff, -0x8000, i32::MAX, i32::MIN];

/// Operand fields before it is known which of them an instruction uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operands {
    pub(crate) dst: u8,
    pub(crate) src: u8,
    pub(crate) offset: i16,
    pub(crate) immediate: i32,
    /// Upper half of a 64-bit immediate.
    pub(crate) upper: i32,
}

/// The instruction of a row with such operands, fields that it does not use
/// being zero: one slot, or two.
pub(crate) fn instruction(variant: &Variant, operands: Operands) -> Vec<Slot> {
    let form = variant.form;
    let mut slot = Slot::new(
        variant.opcode,
        u8::from(form.uses_dst()) * (operands.dst % REGISTERS),
        u8::from(form.uses_src()) * (operands.src % REGISTERS),
        i16::from(form.uses_offset()) * operands.offset,
        i32::from(form.uses_immediate()) * operands.immediate,
    );
    match variant.selector {
        Field::None => {}
        Field::Offset => slot.offset = i16::try_from(variant.value).unwrap(),
        Field::Immediate => slot.immediate = variant.value,
        Field::Source => slot.registers |= u8::try_from(variant.value).unwrap() << 4,
    }
    match form {
        Form::LoadImmediate64 => vec![slot, Slot::new(0, 0, 0, 0, operands.upper)],
        _ => vec![slot],
    }
}

/// The instruction of a row with every combination of some operands that
/// matter, extreme ones included.
pub(crate) fn samples(variant: &Variant) -> Vec<Vec<Slot>> {
    let mut samples = Vec::new();
    for &(dst, src) in REGISTER_PAIRS {
        for &offset in OFFSETS {
            for &immediate in IMMEDIATES {
                for &upper in IMMEDIATES {
                    let operands = Operands {
                        dst,
                        src,
                        offset,
                        immediate,
                        upper,
                    };
                    samples.push(instruction(variant, operands));
                }
            }
        }
    }
    samples.sort_by_key(|slots| slots.iter().map(|slot| slot.bits()).collect::<Vec<_>>());
    samples.dedup();
    samples
}

/// Says that something was not tested. Past the test harness, which would
/// keep what `eprintln` says of a passing test to itself.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "\nSKIPPED: {why}");
}
