// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the assembler takes, and what it refuses.

mod common;

use std::error::Error;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rbpf_isa::{AssembleErrorKind as Kind, Slot, assemble};

fn slots(source: &str) -> Vec<Slot> {
    assemble(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// The only slot of a line.
fn slot(source: &str) -> Slot {
    let slots = slots(source);
    assert_eq!(slots.len(), 1, "{source}");
    slots[0]
}

/// Why one line is refused.
fn refusal(source: &str) -> Kind {
    match assemble(source) {
        Ok(slots) => panic!("{source}: {slots:x?}"),
        Err(error) => error.kind,
    }
}

#[test]
fn names_without_a_width_are_64_bits_wide() {
    assert_eq!(slot("add %r1, 2"), Slot::new(0x07, 1, 0, 0, 2));
    assert_eq!(slot("add64 r1, r2"), Slot::new(0x0f, 1, 2, 0, 0));
    assert_eq!(slot("add32 %r1, %r2"), Slot::new(0x0c, 1, 2, 0, 0));
    assert_eq!(slot("neg64 %r10"), Slot::new(0x87, 10, 0, 0, 0));
    assert_eq!(slot("jne64 %r1, 0, +1"), slot("jne %r1, 0, +1"));
    assert_eq!(slot("sdiv64 %r1, %r2"), Slot::new(0x3f, 1, 2, 1, 0));
    for name in [
        "add3264",
        "ja64",
        "exit64",
        "ldxw64",
        "movsx83264",
        "le1664",
        "64",
    ] {
        let text = format!("{name} %r1, 1");
        assert_eq!(refusal(&text), Kind::UnknownMnemonic(name.into()));
    }
}

#[test]
fn swaps_have_two_names() {
    assert_eq!(slot("bswap16 %r1"), Slot::new(0xd7, 1, 0, 0, 16));
    assert_eq!(slot("bswap64 %r1"), slot("swap64 %r1"));
    assert_eq!(slot("be32 %r1"), Slot::new(0xdc, 1, 0, 0, 32));
    assert_eq!(refusal("bswap %r1"), Kind::UnknownMnemonic("bswap".into()));
}

#[test]
fn memory_has_an_offset_or_none() {
    for (operand, offset) in [
        ("[%r2]", 0),
        ("[r2+4]", 4),
        ("[%r2-8]", -8),
        ("[%r2+0x7fff]", 0x7fff),
        ("[ %r2 -0x8000 ]", -0x8000),
    ] {
        let expected = Slot::new(0x61, 1, 2, offset, 0);
        assert_eq!(slot(&format!("ldxw %r1, {operand}")), expected);
    }
    assert_eq!(slot("stw [%r1], -1"), Slot::new(0x62, 1, 0, 0, -1));
    assert_eq!(slot("stxb [%r1-1],%r2"), Slot::new(0x73, 1, 2, -1, 0));
}

#[test]
fn atomic_operations_fetch_or_do_not() {
    for (source, immediate) in [
        ("lock add [%r1], %r2", 0),
        ("lock add64 [%r1], %r2", 0),
        ("lock  fetch\tadd [%r1], %r2", 1),
        ("lock fetch xor [%r1], %r2", 0xa1),
        ("lock xchg [%r1], %r2", 0xe1),
        ("lock fetch xchg64 [%r1], %r2", 0xe1),
        ("lock fetch cmpxchg [%r1], %r2", 0xf1),
    ] {
        assert_eq!(slot(source), Slot::new(0xdb, 1, 2, 0, immediate));
    }
    let expected = Slot::new(0xc3, 1, 2, 0, 0xf1);
    assert_eq!(slot("lock fetch cmpxchg32 [%r1], %r2"), expected);
    assert_eq!(slot("lock cmpxchg32 [%r1], %r2"), expected);
    for source in [
        "lock",
        "lock fetch",
        "lock sub [%r1], %r2",
        "lock lock add",
        "fetch add",
    ] {
        assert!(
            matches!(refusal(source), Kind::UnknownMnemonic(_)),
            "{source}"
        );
    }
}

#[test]
fn calls_have_a_kind() {
    assert_eq!(slot("call 5"), Slot::new(0x85, 0, 0, 0, 5));
    assert_eq!(slot("call helper 0xffffffff"), Slot::new(0x85, 0, 0, 0, -1));
    assert_eq!(slot("call local -70000"), Slot::new(0x85, 0, 1, 0, -70000));
    assert_eq!(
        slots("exit\nf: call local f")[1],
        Slot::new(0x85, 0, 1, 0, -1)
    );
    for source in ["call %r2", "call r2", "call helper %r2", "call local %r2"] {
        assert_eq!(refusal(source), Kind::IndirectCall);
    }
    assert_eq!(
        refusal("call local nowhere"),
        Kind::UnknownLabel("nowhere".into())
    );
    assert!(matches!(
        refusal("call name"),
        Kind::WrongOperand { position: 1, .. }
    ));
}

#[test]
fn labels_count_slots() {
    let program = slots("start: lddw %r1, -1\nja end\nja start\nmid: end:\n\tja32 mid # loop");
    assert_eq!(program[0], Slot::new(0x18, 1, 0, 0, -1));
    assert_eq!(program[1], Slot::new(0, 0, 0, 0, -1));
    assert_eq!(program[2], Slot::new(0x05, 0, 0, 1, 0));
    assert_eq!(program[3], Slot::new(0x05, 0, 0, -4, 0));
    assert_eq!(program[4], Slot::new(0x06, 0, 0, 0, -1));
}

#[test]
fn exit_is_the_first_exit_unless_it_is_a_label() {
    assert_eq!(slots("ja exit\nmov %r0, 0\nexit\nexit")[0].offset, 1);
    assert_eq!(slots("ja exit\nexit\nexit: exit")[0].offset, 1);
    assert_eq!(refusal("ja exit"), Kind::UnknownLabel("exit".into()));
}

#[test]
fn targets_have_a_sign_or_are_labels() {
    assert_eq!(slot("ja -0x8000").offset, i16::MIN);
    assert_eq!(slot("ja32 +2147483647").immediate, i32::MAX);
    assert_eq!(
        refusal("ja +32768"),
        Kind::OffsetOutOfRange("+32768".into())
    );
    assert_eq!(
        refusal("ja +0xffff"),
        Kind::OffsetOutOfRange("+0xffff".into())
    );
    assert_eq!(
        refusal("ja32 -2147483649"),
        Kind::OffsetOutOfRange("-2147483649".into())
    );
    assert!(matches!(
        refusal("ja 3"),
        Kind::WrongOperand { position: 1, .. }
    ));
    assert!(matches!(
        refusal("jeq %r1, 1, 3"),
        Kind::WrongOperand { position: 3, .. }
    ));
}

#[test]
fn jumps_reach_16_bits_or_32() {
    let filler = "exit\n".repeat(0x8000);
    let label = String::from("end");
    let distance = 0x8000;
    let source = format!("ja end\n{filler}end: exit");
    assert_eq!(refusal(&source), Kind::JumpTooFar { label, distance });
    let source = format!("ja32 end\n{filler}end: exit");
    assert_eq!(slots(&source)[0].immediate, 0x8000);
}

#[test]
fn operands_are_checked() {
    for register in [
        "%r11", "r11", "%r", "%", "%r01", "%r-1", "%x1", "%r1x", "%r50", "%r256",
    ] {
        let error = Kind::BadRegister(register.into());
        assert_eq!(refusal(&format!("mov %r0, {register}")), error);
    }
    let count = |expected, found| Kind::OperandCount { expected, found };
    assert_eq!(refusal("lddw %r0"), count(2, 1));
    assert_eq!(refusal("exit 0"), count(0, 1));
    assert_eq!(refusal("neg %r0, %r1"), count(1, 2));
    assert_eq!(refusal("ja"), count(1, 0));
    assert_eq!(refusal("call"), count(1, 0));
    assert_eq!(refusal("lock or [%r10-8]"), count(2, 1));
    let wrong = |position, expected: &str, found: &str| Kind::WrongOperand {
        position,
        expected: expected.into(),
        found: found.into(),
    };
    assert_eq!(refusal("mov %r0,"), wrong(2, "a number or a register", ""));
    assert_eq!(
        refusal("mov %r0, x"),
        wrong(2, "a number or a register", "x")
    );
    assert_eq!(refusal("mov 1, 1"), wrong(1, "a register", "1"));
    let memory = "memory such as [%r1+4]";
    assert_eq!(refusal("ldxb %r0, %r1"), wrong(2, memory, "%r1"));
    assert_eq!(refusal("lddw %r0, %r1"), wrong(2, "a number", "%r1"));
    assert_eq!(refusal("mov %r0 1"), count(2, 1));
    for operand in ["[%r1", "%r1]", "%r1+4]"] {
        let error = Kind::MissingBracket(operand.into());
        assert_eq!(refusal(&format!("ldxb %r0, {operand}")), error);
    }
    assert_eq!(refusal("ldxb %r0, [4]"), Kind::BadRegister("4".into()));
    assert_eq!(refusal("ldxb %r0, []"), Kind::BadRegister(String::new()));
    assert_eq!(refusal("ldxb %r0, [%r1+-4]"), Kind::BadNumber("+-4".into()));
    assert_eq!(refusal("ldxb %r0, [%r1+]"), Kind::BadNumber("+".into()));
    let error = Kind::OffsetOutOfRange("+0x10000".into());
    assert_eq!(refusal("ldxb %r1, [%r1+0x10000]"), error);
    let error = Kind::ImmediateOutOfRange("2147483648".into());
    assert_eq!(refusal("mov32 %r0, 2147483648"), error);
}

#[test]
fn labels_are_names_and_unique() {
    let label = String::from("a");
    assert_eq!(refusal("a:\na:"), Kind::DuplicateLabel { label, first: 1 });
    for label in ["", "1", "r1", "%r1", "a b", "+1", "é"] {
        assert_eq!(
            refusal(&format!("{label}: exit")),
            Kind::BadLabel(label.into())
        );
    }
}

#[test]
fn errors_name_the_line_and_the_reason() {
    let error = assemble("exit\r\n\n# note\nmov %r0, 5000000000\n").unwrap_err();
    assert_eq!(error.line, 4);
    let text = "line 4: number `5000000000` does not fit into the immediate";
    assert_eq!(error.to_string(), text);
    let error = assemble("mov %r0, 1\nja nowhere\nexit").unwrap_err();
    assert_eq!(error.to_string(), "line 2: unknown label `nowhere`");
}

#[test]
fn hostile_sources_are_refused_with_short_messages() {
    let long = "9".repeat(1 << 20);
    for source in [
        format!("mov %r0, {long}"),
        format!("mov %r0, -0x{long}"),
        format!("mov %r{long}, 0"),
        format!("ldxw %r0, [%r1+{long}]"),
        format!("ja +{long}"),
        format!("ja l{long}"),
        format!("l{long}:\nl{long}:"),
        format!("a{long}"),
        format!("exit {}", ",".repeat(1 << 20)),
        format!("ldxw %r0, {}", "[".repeat(1 << 20)),
        ":".repeat(1 << 20),
        "é".repeat(1 << 20),
        "mov %r0, \u{1b}[31m\u{202e}".into(),
        "mov %r0, ①".into(),
        "ldxw %r0, ]".into(),
        "ldxw %r0, [".into(),
        "lock [".into(),
        "rü %r1".into(),
        "mov rü, 1".into(),
        "mov %r0 ,, 1".into(),
        "\0".into(),
        ".slot".into(),
        ".slot -".into(),
        ".slot 0x10000000000000000".into(),
    ] {
        let message = refusal(&source).to_string();
        assert!(message.len() < 400, "{message}");
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn empty_sources_are_empty_programs() {
    for source in ["", "\n\n", "   \t", "# exit", "end:"] {
        assert_eq!(assemble(source), Ok(Vec::new()));
    }
}

/// The `asm` section of a test of the suite.
fn assembler_section(data: &str) -> Option<String> {
    let mut lines = data.lines().skip_while(|line| line.trim() != "-- asm");
    lines.next()?;
    let section = lines.take_while(|line| !line.starts_with("-- "));
    Some(section.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_public_suite_assembles() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("../shared/conformance");
    if !folder.is_dir() {
        common::skipped("no shared/conformance beside the repository: the suite was NOT assembled");
        return Ok(());
    }
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "data") {
            continue;
        }
        let Some(source) = assembler_section(&fs::read_to_string(&path)?) else {
            continue;
        };
        let result = assemble(&source);
        // It calls through a register, which the verifier would refuse too.
        if path.ends_with("callx.data") {
            assert_eq!(result.unwrap_err().kind, Kind::IndirectCall);
        } else {
            assert!(result.is_ok(), "{}: {result:?}", path.display());
        }
        count += 1;
    }
    assert!(count > 0, "no tests in the suite");
    Ok(())
}

/// Pieces of which sources are made, sound ones and others.
const PIECES: &[&str] = &[
    "mov",
    "add64",
    "lock",
    "fetch",
    "xchg32",
    "call",
    "local",
    "helper",
    "ja32",
    "jeq",
    "lddw",
    "ldxw",
    "stxb",
    "exit",
    ".slot",
    "swap16",
    " ",
    " ",
    ",",
    ", ",
    "\n",
    ":",
    "#",
    "[",
    "]",
    "%",
    "%r1",
    "r10",
    "%r11",
    "+",
    "-",
    "0x",
    "1",
    "0xffffffff",
    "99999999999999999999",
    "a",
    "a:",
    "é",
    "\u{0}",
    "\r\n",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(source in any::<String>()) {
        let _ = assemble(&source);
    }

    #[test]
    fn no_near_miss_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
    ) {
        let source = pieces.concat();
        if let Err(error) = assemble(&source) {
            prop_assert!(error.line <= source.lines().count());
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
