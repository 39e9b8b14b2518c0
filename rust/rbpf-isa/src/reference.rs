// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instruction set as a page to read.
//!
//! The page is committed as `dist/doc/isa.md`; a test compares the two. What
//! instructions do stands in RFC 9669 and is not repeated here.

use alloc::string::String;
use core::fmt::Write;

use crate::operand::operands;
use crate::{Field, Form, Group, VARIANTS, Variant};

const INTRODUCTION: &str = "\
<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->
# Instructions

Generated from the table in `rust/rbpf-isa/src/table.rs`; do not edit. To
renew it: `UPDATE=1 cargo test -p rbpf-isa --features text`.

All instructions of RFC 9669, by conformance group; what they do is said
there. *Selected by* is the field that tells apart instructions with the same
opcode. *Operands* are the fields of the slot in the order in which the
assembler writes them; registers are written `%r0` to `%r10`, numbers in
decimal with a sign or in hexadecimal, targets as a label or as a distance
in slots with its sign. Fields that are neither selector nor operand are zero.

The assembler takes `add64` for `add` wherever there is an `add32`, `bswap16`
for `swap16`, `call helper` for `call`, and an exchange with or without
`fetch`.
";

/// The reference page of the instruction set, in Markdown.
#[must_use]
pub fn reference_page() -> String {
    let mut page = String::from(INTRODUCTION);
    for group in Group::ALL {
        let count = VARIANTS.iter().filter(|row| row.group == group).count();
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n{count} instructions.\n\n\
             | Opcode | Selected by | Mnemonic | Operands | LLVM |\n\
             |---|---|---|---|---|\n",
            group.name(),
        );
        for variant in VARIANTS.iter().filter(|row| row.group == group) {
            push_row(&mut page, variant);
        }
    }
    page
}

fn push_row(page: &mut String, variant: &Variant) {
    let _ = write!(page, "| `{:#04x}` | ", variant.opcode);
    let _ = match variant.selector {
        Field::None => Ok(()),
        Field::Offset => write!(page, "offset = {} ", variant.value),
        Field::Immediate if variant.form == Form::Atomic => {
            write!(page, "imm = {:#04x} ", variant.value)
        }
        Field::Immediate => write!(page, "imm = {} ", variant.value),
        Field::Source => write!(page, "src = {} ", variant.value),
    };
    let _ = write!(page, "| `{}` | ", variant.mnemonic);
    for (position, operand) in operands(variant).iter().enumerate() {
        let separator = if position == 0 { "" } else { ", " };
        let _ = write!(page, "{separator}{}", operand.pattern());
    }
    // A bar would end the cell, even between backquotes.
    let template = variant.template.replace('|', "\\|");
    let _ = writeln!(page, " | `{template}` |");
}
