// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every fault and every rule of the verifier is reached by a test.

use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, Fault, FaultKind, Function, Functions, HelperCall, HelperGrant, Interpreter, Machine,
    MemoryMap, NoHelpers, Outcome, Program, VerifyError, VerifyErrorKind,
};

use crate::support::{FRAME, Helpers, assert_invalid_instruction, fault, program, run, slots};

/// How the engine itself comes to a fault; `None` for those that only hosts
/// raise.
fn engine_raises(kind: FaultKind) -> Option<(Outcome, Fault)> {
    let raised = |source: &str, pc, address| {
        let outcome = run(source, 1000).0;
        Some((outcome, Fault { kind, pc, address }))
    };
    match kind {
        FaultKind::InvalidRead => raised("mov %r1, 5\nldxw %r0, [%r1+4]\nexit", 1, 9),
        FaultKind::InvalidWrite => raised("stb [%r0-1], 0\nexit", 0, u64::MAX),
        // 512 bytes hold frames and records of four calls, not of five.
        FaultKind::StackOverflow => raised("call local -1\nexit", 0, 0x100_0140),
        FaultKind::UnknownHelper => {
            let text = slots("mov %r0, 1\ncall 9\nexit");
            let program = program(&text);
            let mut machine = Machine::new(&program, [0; 5]);
            machine.add_budget(10);
            let mut stack = [0; 64];
            let mut memory = MemoryMap::new(&mut stack);
            let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut NoHelpers);
            let (pc, address) = (1, 0);
            Some((outcome, Fault { kind, pc, address }))
        }
        // A machine that has returned, at the end of the text.
        FaultKind::InvalidInstruction => {
            let text = slots("mov %r0, 1\nexit");
            let program = program(&text);
            let mut stack = [0; 64];
            let mut memory = MemoryMap::new(&mut stack);
            let mut machine = Machine::new(&program, [0; 5]);
            machine.add_budget(10);
            let mut again = || Interpreter.run(&program, &mut machine, &mut memory, &mut NoHelpers);
            assert_eq!(again(), Outcome::Returned(1));
            let outcome = again();
            assert_invalid_instruction(outcome);
            let Outcome::Fault(fault) = outcome else {
                return None;
            };
            Some((outcome, fault))
        }
        FaultKind::BudgetExhausted
        | FaultKind::UnterminatedString
        | FaultKind::InvalidFormat
        | FaultKind::InvalidResult => None,
    }
}

#[test]
fn every_fault_is_reached() {
    for &kind in FaultKind::ALL {
        if let Some((outcome, expected)) = engine_raises(kind) {
            assert_eq!(outcome, Outcome::Fault(expected), "{}", kind.name());
        }
        let mut stack = [0; 64];
        let mut memory = MemoryMap::new(&mut stack);
        let mut host = Helpers(|call: &mut HelperCall, _: &mut MemoryMap<'_>| {
            call.address = 0x1234;
            Err(kind)
        });
        let text = slots("mov %r0, 1\ncall 7\nexit");
        let (outcome, machine) = crate::support::run_in(&text, &mut memory, 10, &mut host);
        assert_eq!(outcome, fault(kind, 1, 0x1234), "{}", kind.name());
        assert_eq!(machine.registers()[0], 1, "r0 is not written by a fault");
    }
}

#[test]
fn kinds_have_distinct_names_texts_and_codes() {
    for (index, &kind) in FaultKind::ALL.iter().enumerate() {
        assert_eq!(kind as usize, index + 1, "codes have no gaps");
        for other in &FaultKind::ALL[..index] {
            assert_ne!(kind.name(), other.name());
            assert_ne!(kind.text(), other.text());
        }
    }
    for (index, &kind) in VerifyErrorKind::ALL.iter().enumerate() {
        for other in &VerifyErrorKind::ALL[..index] {
            assert_ne!(kind.name(), other.name());
            assert_ne!(kind.text(), other.text());
        }
    }
}

const fn function(entry: u16, frame: u16) -> Function {
    Function { entry, frame }
}

/// Helper 1 is granted, 2 is denied, others are unknown.
fn policy(helper: u32) -> HelperGrant {
    match helper {
        1 => HelperGrant::Granted,
        2 => HelperGrant::Denied,
        _ => HelperGrant::Unknown,
    }
}

/// Programs that break one rule: the rule, the slot, the program.
const BROKEN: &[(VerifyErrorKind, u32, &str)] = {
    use VerifyErrorKind as Kind;
    &[
        (Kind::Empty, 0, ""),
        (Kind::UnknownOpcode, 1, "mov %r0, 0\n.slot 0xff\nexit"),
        (Kind::UnknownOpcode, 0, ".slot 0x0\nexit"),
        (Kind::LegacyPacketAccess, 0, ".slot 0x20\nexit"),
        (Kind::LegacyPacketAccess, 0, ".slot 0x50\nexit"),
        (Kind::IndirectCall, 0, ".slot 0x8d\nexit"),
        (Kind::IndirectCall, 0, ".slot 0x10000008d\nexit"),
        (Kind::InvalidRegister, 0, ".slot 0x0bb7\nexit"),
        (Kind::InvalidRegister, 0, ".slot 0xb0bf\nexit"),
        (Kind::InvalidRegister, 0, ".slot 0x0f95"),
        (Kind::FramePointerWrite, 0, "mov %r10, 0\nexit"),
        (
            Kind::FramePointerWrite,
            0,
            "lock fetch add [%r1], %r10\nexit",
        ),
        (Kind::UnusedField, 0, ".slot 0x0195"),
        (Kind::UnusedField, 0, ".slot 0x10000000000095"),
        (Kind::UnusedField, 1, "mov %r0, 0\n.slot 0x100000095"),
        (Kind::UnusedField, 0, ".slot 0x100b7\nexit"),
        (Kind::InvalidSelector, 0, ".slot 0x2003f\nexit"),
        (Kind::InvalidSelector, 0, ".slot 0x11000000d4\nexit"),
        (Kind::InvalidSelector, 0, ".slot 0x2085\nexit"),
        (Kind::InvalidSelector, 0, ".slot 0x2000000db\nexit"),
        (Kind::IncompleteLoad, 0, ".slot 0x18"),
        (Kind::IncompleteLoad, 0, ".slot 0x18\n.slot 0x95"),
        (
            Kind::IncompleteLoad,
            1,
            "exit\n.slot 0x18\n.slot 0x100\nexit",
        ),
        (Kind::JumpOutOfText, 0, "ja +1\nexit"),
        (Kind::JumpOutOfText, 0, "ja -2\nexit"),
        (Kind::JumpOutOfText, 0, "call local +1\nexit"),
        (Kind::JumpOutOfText, 1, "mov %r0, 0\nja32 +2147483647\nexit"),
        (Kind::JumpOutOfText, 1, "mov %r0, 0\nja32 -2147483648\nexit"),
        (Kind::JumpIntoInstruction, 0, "ja +1\nlddw %r0, 1\nexit"),
        (Kind::JumpIntoInstruction, 2, "lddw %r0, 1\nja -2\nexit"),
        (Kind::FallsOffEnd, 0, "mov %r0, 0"),
        (Kind::FallsOffEnd, 1, "exit\njeq %r0, 0, -2"),
        (Kind::FallsOffEnd, 1, "exit\nlddw %r0, 0"),
        (Kind::FallsOffEnd, 1, "exit\ncall 1"),
        (Kind::UnknownHelper, 0, "call 3\nexit"),
        (Kind::UnknownHelper, 0, "call -1\nexit"),
        (Kind::DeniedHelper, 1, "call 1\ncall 2\nexit"),
    ]
};

/// Function tables that break a rule, for a program whose slots 0, 3 and 4
/// are instructions, slot 1 one in two slots.
const BROKEN_TABLES: &[(VerifyErrorKind, u32, &[Function])] = {
    use VerifyErrorKind as Kind;
    &[
        (Kind::FunctionTable, 0, &[]),
        // Beyond the text.
        (Kind::FunctionTable, 0, &[function(0, 8), function(5, 8)]),
        (
            Kind::FunctionTable,
            0,
            &[function(0, 8), function(0xffff, 8)],
        ),
        (Kind::FunctionTable, 0, &[function(5, 8)]),
        // In the middle of an instruction.
        (Kind::FunctionTable, 0, &[function(0, 8), function(2, 8)]),
        (Kind::FunctionTable, 0, &[function(2, 8)]),
        // Out of order, or twice.
        (
            Kind::FunctionTable,
            0,
            &[function(0, 8), function(4, 8), function(3, 8)],
        ),
        (
            Kind::FunctionTable,
            0,
            &[function(0, 8), function(3, 8), function(3, 8)],
        ),
    ]
};

fn broken_table(table: &[Function]) -> VerifyError {
    let text = slots("mov %r0, 0\nlddw %r1, 1\nexit\nexit");
    Program::verify(&text, Functions::Table(table), &policy).unwrap_err()
}

#[test]
fn every_rule_is_reached() {
    let mut reached = Vec::new();
    for &(kind, pc, source) in BROKEN {
        let text = slots(source);
        let functions = Functions::Unlisted { frame: FRAME };
        let error = Program::verify(&text, functions, &policy).err();
        assert_eq!(error, Some(VerifyError { pc, kind }), "{source}");
        reached.push(kind);
    }
    for &(kind, pc, table) in BROKEN_TABLES {
        assert_eq!(broken_table(table), VerifyError { pc, kind }, "{table:?}");
        reached.push(kind);
    }
    // Calls to what is no function, one that is, and the start itself.
    let table = [function(0, 8), function(3, 8)];
    for (source, expected) in [
        (
            "call local +1\nexit\nexit\nexit",
            Some(VerifyErrorKind::CallTarget),
        ),
        ("call local +2\nexit\nexit\nexit", None),
        ("call local -1\nexit\nexit\nexit", None),
    ] {
        let text = slots(source);
        let error = Program::verify(&text, Functions::Table(&table), &policy).err();
        assert_eq!(error.map(|error| error.kind), expected, "{source}");
        reached.extend(expected);
    }
    // Text of the largest length, and one slot more.
    let exit = slots("exit")[0];
    let functions = Functions::Unlisted { frame: FRAME };
    assert!(Program::verify(&vec![exit; 65_535], functions, &policy).is_ok());
    let error = Program::verify(&vec![exit; 65_536], functions, &policy).unwrap_err();
    let kind = VerifyErrorKind::TooLong;
    assert_eq!(error, VerifyError { pc: 0, kind });
    reached.push(kind);

    for kind in VerifyErrorKind::ALL {
        assert!(reached.contains(kind), "no test reaches {}", kind.name());
    }
}

/// Fields that no instruction uses, one bit at a time: the slot is refused,
/// or it is another instruction.
#[test]
fn no_bit_of_a_slot_is_ignored() {
    for line in [
        "exit",
        "neg %r0",
        "mov %r0, 0",
        "mov %r0, %r1",
        "le16 %r0",
        "ja +0",
        "call 1",
        "ldxw %r0, [%r10-8]",
    ] {
        let good = slots(&format!("{line}\nexit"));
        for bit in 0..64 {
            let mut text = good.clone();
            text[0] = Slot::from_bits(good[0].bits() ^ 1 << bit);
            let functions = Functions::Unlisted { frame: FRAME };
            if Program::verify(&text, functions, &policy).is_ok() {
                let variant = rbpf_isa::Variant::of(text[0]).unwrap();
                let form = variant.form;
                let changed_operand = match bit {
                    0..8 => true,
                    8..12 => form.uses_dst(),
                    12..16 => form.uses_src() || variant.selector == rbpf_isa::Field::Source,
                    16..32 => form.uses_offset() || variant.selector == rbpf_isa::Field::Offset,
                    _ => form.uses_immediate() || variant.selector == rbpf_isa::Field::Immediate,
                };
                assert!(changed_operand, "{line}: bit {bit}");
            }
        }
    }
}
