// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the disassembler writes, the assembler makes the same bytes of.

mod common;

use common::{Operands, instruction, samples};
use proptest::prelude::*;
use rbpf_isa::{Line, Slot, Syntax, VARIANTS, Variant, assemble, disassemble};

fn text(program: &[Slot]) -> String {
    let lines = disassemble(program).map(|line| format!("{}\n", line.text(Syntax::Assembler)));
    lines.collect()
}

#[test]
fn every_row_survives() {
    for variant in VARIANTS {
        for program in samples(variant) {
            let line = Line::read(&program, 0).unwrap();
            assert_eq!(line.variant(), Some(variant), "{program:x?}");
            assert_eq!(line.width(), program.len());
            let text = text(&program);
            assert_eq!(assemble(&text).as_ref(), Ok(&program), "{text}");
        }
    }
}

#[test]
fn lines_give_index_and_width() {
    let program = assemble("lddw %r1, 0x100000002\nexit\n.slot 0xff").unwrap();
    let lines: Vec<_> = disassemble(&program)
        .map(|line| {
            let text = line.text(Syntax::Assembler).to_string();
            (line.index(), line.width(), text)
        })
        .collect();
    let expected = [
        (0, 2, "lddw %r1, 0x100000002"),
        (2, 1, "exit"),
        (3, 1, ".slot 0x00000000000000ff"),
    ];
    assert_eq!(lines, expected.map(|(i, w, text)| (i, w, text.to_string())));
}

#[test]
fn what_the_text_would_not_show_is_no_instruction() {
    for (slot, why) in [
        (Slot::new(0x07, 11, 0, 0, 1), "destination above r10"),
        (Slot::new(0x0f, 1, 11, 0, 0), "source above r10"),
        (Slot::new(0x07, 1, 2, 0, 1), "unused source"),
        (Slot::new(0x07, 1, 0, 3, 1), "unused offset"),
        (Slot::new(0x0f, 1, 2, 0, 1), "unused immediate"),
        (Slot::new(0x85, 1, 0, 0, 1), "unused destination"),
        (
            Slot::new(0x85, 0, 2, 0, 1),
            "call of a kind that is not known",
        ),
        (
            Slot::new(0x37, 1, 0, 2, 1),
            "division of a kind that is not known",
        ),
        (Slot::new(0xdc, 1, 0, 0, 24), "width of a swap"),
        (Slot::new(0x8d, 1, 0, 0, 0), "indirect call"),
        (Slot::new(0x18, 1, 0, 0, 0), "lddw without a second slot"),
    ] {
        for syntax in [Syntax::Llvm, Syntax::Assembler] {
            let text = Line::read(&[slot], 0).unwrap().text(syntax).to_string();
            assert_eq!(text, format!(".slot {:#018x}", slot.bits()), "{why}");
        }
    }
    let second = Slot::new(0x95, 0, 0, 0, 1);
    let program = [Slot::new(0x18, 1, 0, 0, 0), second];
    assert_eq!(Line::read(&program, 0).unwrap().variant(), None);
}

#[test]
fn there_is_no_line_beyond_the_end() {
    assert_eq!(Line::read(&[], 0), None);
    assert_eq!(Line::read(&[Slot::default()], 1), None);
    assert_eq!(Line::read(&[Slot::default()], usize::MAX), None);
}

#[test]
fn only_helper_calls_are_named() {
    let program = assemble("call 7\ncall local +7\nmov %r0, 7\ncall -1\nexit").unwrap();
    let names = |id| match id {
        7 => Some("seven"),
        u32::MAX => Some("last"),
        _ => None,
    };
    let text: Vec<_> = disassemble(&program)
        .map(|line| line.text(Syntax::Assembler).with_names(&names).to_string())
        .collect();
    let expected = [
        "call 7 # seven",
        "call local +7",
        "mov %r0, 7",
        "call -1 # last",
        "exit",
    ];
    assert_eq!(text, expected);
    assert_eq!(assemble(&text.join("\n")), Ok(program));
}

fn any_instruction() -> impl Strategy<Value = Vec<Slot>> {
    let row = prop::sample::select(VARIANTS.to_vec());
    let fields = any::<(u8, u8, i16, i32, i32)>();
    (row, fields).prop_map(
        |(row, (dst, src, offset, immediate, upper)): (Variant, _)| {
            let operands = Operands {
                dst,
                src,
                offset,
                immediate,
                upper,
            };
            instruction(&row, operands)
        },
    )
}

proptest! {
    #[test]
    fn sound_programs_survive(program in prop::collection::vec(any_instruction(), 0..64)) {
        let program = program.concat();
        let text = text(&program);
        prop_assert!(!text.contains(".slot"), "{}", text);
        prop_assert_eq!(assemble(&text), Ok(program));
    }

    /// Bytes that are no program survive too, and nothing panics.
    #[test]
    fn any_bytes_survive(bits in prop::collection::vec(any::<u64>(), 0..64)) {
        let program: Vec<Slot> = bits.into_iter().map(Slot::from_bits).collect();
        prop_assert_eq!(assemble(&text(&program)), Ok(program));
    }

    /// Single changed bits come nearer to what is an instruction.
    #[test]
    fn damaged_instructions_survive(program in any_instruction(), bit in 0..64) {
        let mut program = program;
        program[0] = Slot::from_bits(program[0].bits() ^ (1u64 << bit));
        for line in disassemble(&program) {
            let _ = line.text(Syntax::Llvm).to_string();
        }
        prop_assert_eq!(assemble(&text(&program)), Ok(program));
    }

    #[test]
    fn bits_are_the_bytes(bits in any::<u64>()) {
        use zerocopy::IntoBytes;
        let slot = Slot::from_bits(bits);
        prop_assert_eq!(slot.bits(), bits);
        let bytes = bits.to_le_bytes();
        prop_assert_eq!(slot.as_bytes(), bytes.as_slice());
    }
}
