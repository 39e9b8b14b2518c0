// SPDX-License-Identifier: MIT OR Apache-2.0
//! Local calls: frames, saved registers, and what the stack hides.

use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, FaultKind, Function, Functions, HelperCall, Interpreter, Machine, MemoryMap, Outcome,
    Program, Rights, region,
};

use crate::support::{Helpers, RECORD, costing, everything, fault, program, run, run_in, slots};

use Outcome::Returned;

const STACK: u64 = region::address(region::STACK);

/// Runs a program whose functions have frames of their own.
fn run_functions(text: &[Slot], table: &[(u16, u16)]) -> Outcome {
    let table: Vec<Function> = table
        .iter()
        .map(|&(entry, frame)| Function { entry, frame })
        .collect();
    let program = Program::verify(text, Functions::Table(&table), &everything).unwrap();
    let mut machine = Machine::new(&program, [1, 2, 3, 4, 5]);
    machine.add_budget(1000);
    let mut stack = [0; 512];
    let mut memory = MemoryMap::new(&mut stack);
    Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0))
}

#[test]
fn arguments_pass_and_the_result_returns() {
    let digits = "
        call local digits
        exit
    digits:
        mul %r1, 10000
        mul %r2, 1000
        mul %r3, 100
        mul %r4, 10
        mov %r0, %r1
        add %r0, %r2
        add %r0, %r3
        add %r0, %r4
        add %r0, %r5
        exit";
    let outcome = run_functions(&slots(digits), &[(0, 8), (2, 8)]);
    assert_eq!(outcome, Returned(12345));
}

/// r6 to r9 return to what they were, r0 to r5 do not.
#[test]
fn registers_kept_and_not() {
    let mut prologue = String::new();
    let mut clobber = String::new();
    for register in 0..10 {
        prologue += &format!("mov %r{register}, {}\n", register + 10);
        clobber += &format!("mov %r{register}, {}\n", register + 20);
    }
    let text = slots(&format!("{prologue}call local f\nexit\nf:\n{clobber}exit"));
    let program = program(&text);
    let mut machine = Machine::new(&program, [0; 5]);
    machine.add_budget(100);
    let mut stack = [0; 512];
    let mut memory = MemoryMap::new(&mut stack);
    let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0));
    assert_eq!(outcome, Returned(20));
    let expected = [20, 21, 22, 23, 24, 25, 16, 17, 18, 19, STACK + 64];
    assert_eq!(machine.registers(), &expected);
}

#[test]
fn every_function_has_the_frame_of_its_record() {
    // The program starts in its last function.
    let text = slots("f:\nmov %r0, %r10\nexit\ng:\ncall local f\nexit\ncall local g\nexit");
    let table = [(4, 24), (0, 64), (2, 128)];
    let outcome = run_functions(&text, &table);
    assert_eq!(outcome, Returned(STACK + 24 + 128 + 64));
    // A call of the start function is a call like others.
    let text = slots("mov %r0, %r10\njeq %r1, 0, +2\nmov %r1, 0\ncall local -4\nexit");
    assert_eq!(run_functions(&text, &[(0, 32)]), Returned(STACK + 64));
    // Frames of no bytes.
    let text = slots("call local +1\nexit\nmov %r0, %r10\nexit");
    assert_eq!(run_functions(&text, &[(0, 0), (2, 0)]), Returned(STACK));
}

#[test]
fn a_pointer_into_the_callers_frame_is_good() {
    let source = "
        stdw [%r10-8], 5
        stdw [%r10-64], 6
        mov %r1, %r10
        call local change
        ldxdw %r0, [%r10-8]
        ldxdw %r1, [%r10-64]
        mul %r0, 100
        add %r0, %r1
        exit
    change:
        stdw [%r10-8], 1        # its own frame
        stdw [%r10-64], 2
        ldxdw %r2, [%r1-8]
        add %r2, 10
        stxdw [%r1-8], %r2
        stdw [%r1-64], 16
        exit";
    assert_eq!(run(source, 100).0, Returned(1516));
}

/// A program that calls itself `depth` times and then does `action`, with r2
/// as it was at the start.
fn at_depth(depth: usize, action: &str) -> Vec<Slot> {
    slots(&format!(
        "mov %r1, {depth}
    down:
        jeq %r1, 0, bottom
        sub %r1, 1
        call local down
        exit
    bottom:
        {action}
        exit"
    ))
}

/// Of a stack of 512 bytes; frames are 64 bytes, so four calls fit.
const DEPTHS: std::ops::RangeInclusive<usize> = 0..=4;

fn visible(depth: usize) -> u64 {
    (512 - depth * RECORD) as u64
}

#[test]
fn the_guest_can_neither_read_nor_write_records() {
    for depth in DEPTHS {
        for (width, bytes) in [("b", 1), ("h", 2), ("w", 4), ("dw", 8)] {
            for offset in 384..512 {
                let address = STACK + offset;
                let inside = offset + bytes <= visible(depth);
                let access = |kind, action: &str| {
                    let action = format!("lddw %r3, {address}\n{action}");
                    let text = at_depth(depth, &action);
                    let mut stack = [0; 512];
                    let mut memory = MemoryMap::new(&mut stack);
                    let outcome = run_in(&text, &mut memory, 100, &mut costing(0)).0;
                    let expected = if inside {
                        Returned(0)
                    } else {
                        fault(kind, 7, address)
                    };
                    assert_eq!(outcome, expected, "depth {depth}: {action}");
                };
                access(FaultKind::InvalidRead, &format!("ldx{width} %r0, [%r3]"));
                access(FaultKind::InvalidWrite, &format!("st{width} [%r3], 1"));
                if bytes >= 4 {
                    let suffix = if bytes == 4 { "32" } else { "" };
                    access(
                        FaultKind::InvalidRead,
                        &format!("lock add{suffix} [%r3], %r0"),
                    );
                }
            }
        }
    }
}

#[test]
fn helpers_can_neither_read_nor_write_records() {
    for depth in DEPTHS {
        let text = at_depth(depth, "call 1");
        let mut asked = 0;
        let mut host = Helpers(|_: &mut HelperCall, memory: &mut MemoryMap<'_>| {
            asked += 1;
            let visible = visible(depth);
            let end = STACK + visible;
            assert_eq!(memory.readable_from(STACK).unwrap().len() as u64, visible);
            assert!(memory.read(STACK, visible).is_ok());
            assert!(memory.write(STACK, visible).is_ok());
            assert!(memory.copy(STACK + 1, STACK, visible - 1).is_ok());
            let (read, write) = (FaultKind::InvalidRead, FaultKind::InvalidWrite);
            assert_eq!(memory.read(STACK, visible + 1), Err(read));
            assert_eq!(memory.readable_from(end), Err(read));
            assert_eq!(memory.write(STACK, visible + 1).err(), Some(write));
            assert_eq!(memory.write(end, 1).err(), Some(write));
            assert_eq!(memory.copy(STACK, end, 1), Err((read, end)));
            assert_eq!(memory.copy(end, STACK, 1), Err((write, end)));
            Ok(7)
        });
        let mut stack = [0; 512];
        let mut memory = MemoryMap::new(&mut stack);
        let outcome = run_in(&text, &mut memory, 100, &mut host).0;
        assert_eq!(outcome, Returned(7));
        assert_eq!(asked, 1);
    }
}

/// Whatever a callee writes to all that it can reach, its caller continues
/// with its own registers at its own place.
#[test]
fn a_callee_that_overwrites_the_whole_stack_returns_all_the_same() {
    let source = "
        mov %r6, 6
        mov %r7, 7
        mov %r8, 8
        mov %r9, 9
        call local vandal
        mov %r0, %r6
        mul %r0, 10
        add %r0, %r7
        mul %r0, 10
        add %r0, %r8
        mul %r0, 10
        add %r0, %r9
        sub %r10, 0
        exit
    vandal:
        mov %r1, %r10
        and %r1, -65536
        mov %r2, 472
    next:
        stb [%r1], 0xff
        add %r1, 1
        sub %r2, 1
        jne %r2, 0, next
        exit"
        .replace("sub %r10, 0", "");
    assert_eq!(run(&source, 10_000).0, Returned(6789));
}

#[test]
fn all_of_the_stack_is_back_after_the_return() {
    let text = at_depth(4, "mov %r0, 1");
    let program = program(&text);
    let mut stack = [0; 512];
    let mut memory = MemoryMap::new(&mut stack);
    for _ in 0..100 {
        let mut machine = Machine::new(&program, [0; 5]);
        machine.add_budget(100);
        let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0));
        assert_eq!(outcome, Returned(1));
        assert_eq!(memory.readable_from(STACK).unwrap().len(), 512);
        assert!(memory.write(STACK, 512).is_ok());
    }
}

#[test]
fn a_pause_in_the_depth_hides_and_returns_the_same() {
    // A loop of three at the bottom, and one instruction of budget at a time.
    let text = at_depth(4, "mov %r0, 3\nsub %r0, 1\njne %r0, 0, -2");
    let program = program(&text);
    let mut stack = [0; 512];
    let mut memory = MemoryMap::new(&mut stack);
    let mut machine = Machine::new(&program, [0; 5]);
    let mut deepest = 512;
    let outcome = loop {
        machine.add_budget(1);
        let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0));
        deepest = deepest.min(memory.readable_from(STACK).unwrap().len());
        if outcome != Outcome::OutOfBudget {
            break outcome;
        }
    };
    assert_eq!(outcome, Returned(0));
    assert_eq!(deepest, 512 - 4 * RECORD);
    assert_eq!(memory.readable_from(STACK).unwrap().len(), 512);
}

#[test]
fn deep_recursion_overflows_and_harms_nothing() {
    for source in [
        "call local -1\nexit",
        "a:\ncall local b\nexit\nb:\ncall local a\nexit",
    ] {
        let mut stack = [0x11; 512];
        let mut data = [0x22; 64];
        let rodata = [0x33; 64];
        let mut memory = MemoryMap::new(&mut stack);
        memory
            .map_mut(region::DATA, &mut data, Rights::ReadWrite)
            .unwrap();
        memory.map(region::RODATA, &rodata).unwrap();
        let text = slots(source);
        let (outcome, machine) = run_in(&text, &mut memory, u32::MAX, &mut costing(0));
        // Five frames, and four records: 5 * 64 + 4 * 40 = 480.
        let Outcome::Fault(fault) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(fault.kind, FaultKind::StackOverflow);
        assert_eq!(fault.address, STACK + 5 * 64, "the frame pointer");
        assert_eq!(machine.registers()[10], STACK + 5 * 64);
        assert_eq!(machine.instructions(), 5);
        assert!(stack[..512 - 4 * RECORD].iter().all(|&byte| byte == 0x11));
        assert!(data.iter().all(|&byte| byte == 0x22));
        assert!(rodata.iter().all(|&byte| byte == 0x33));
    }
}

/// Frames and records meet exactly, and one byte less is too little.
#[test]
fn the_last_byte_of_the_stack_can_be_used() {
    let text = slots("call local +1\nexit\nstdw [%r10-8], 1\nldxdw %r0, [%r10-8]\nexit");
    let enough = 2 * 64 + RECORD;
    for (length, expected) in [
        (enough, Returned(1)),
        (enough + 1, Returned(1)),
        (enough - 1, fault(FaultKind::StackOverflow, 0, STACK + 64)),
        (RECORD, fault(FaultKind::StackOverflow, 0, STACK + 64)),
        (RECORD - 1, fault(FaultKind::StackOverflow, 0, STACK + 64)),
        (0, fault(FaultKind::StackOverflow, 0, STACK + 64)),
    ] {
        let mut stack = vec![0; length];
        let mut memory = MemoryMap::new(&mut stack);
        let outcome = run_in(&text, &mut memory, 100, &mut costing(0)).0;
        assert_eq!(outcome, expected, "{length} bytes");
    }
}

#[test]
fn frames_too_large_for_any_stack() {
    let text = slots("call local +1\nexit\nstb [%r10-1], 1\nexit");
    // The start function's frame alone is larger than the stack: its pointer
    // is valid to hold, not to use.
    let outcome = run_functions(&text, &[(0, 0xfff8), (2, 0xfff8)]);
    assert_eq!(outcome, fault(FaultKind::StackOverflow, 0, STACK + 0xfff8));
    let outcome = run_functions(&slots("stb [%r10-1], 1\nexit"), &[(0, 0xfff8)]);
    let address = STACK + 0xfff7;
    assert_eq!(outcome, fault(FaultKind::InvalidWrite, 0, address));
}

#[test]
fn function_tables_of_bytes() {
    #[repr(align(4))]
    struct Aligned([u8; 12]);
    let bytes = Aligned([2, 0, 16, 0, 0, 0, 8, 0, 9, 0, 0xff, 0xff]);
    let functions = Functions::table_from_bytes(&bytes.0).unwrap();
    let start = functions.start().unwrap();
    assert_eq!((start.entry, start.frame), (2, 16));
    for (entry, frame) in [
        (0, Some(8)),
        (1, None),
        (2, Some(16)),
        (8, None),
        (9, Some(0xffff)),
        (10, None),
        (usize::MAX, None),
        (0x1_0002, None),
    ] {
        assert_eq!(functions.frame(entry), frame, "{entry}");
    }
    for length in [1, 2, 3, 5, 11] {
        assert!(Functions::table_from_bytes(&bytes.0[..length]).is_none());
    }
    assert!(Functions::table_from_bytes(&bytes.0[1..5]).is_none());
    let none = Functions::table_from_bytes(&bytes.0[..0]).unwrap();
    assert!(none.start().is_none());
    assert_eq!(none.frame(0), None);
}

/// Calls three deep, counts in each function, and looks whether the end of the stack
/// can be read, where the records are.
const PAUSED_IN_CALLS: &str = "
    mov %r6, 1
    call local outer
    add %r0, %r6
    exit
outer:
    mov %r6, 10
    mov %r7, 20
    call local inner
    add %r0, %r6
    add %r0, %r7
    exit
inner:
    mov %r6, 100
    stxdw [%r10-8], %r6
    call local last
    ldxdw %r1, [%r10-8]
    add %r0, %r1
    exit
last:
    mov %r0, 1000
    mov %r6, 0
    mov %r7, 0
    exit";

/// A run that pauses goes on as if it had not, in any depth, with a new map each time.
#[test]
fn a_pause_in_a_call_changes_nothing() {
    let text = slots(PAUSED_IN_CALLS);
    let program = program(&text);
    for portion in 1..=20 {
        let mut stack = [0; 512];
        let mut machine = Machine::new(&program, [0; 5]);
        let mut outcome = Outcome::OutOfBudget;
        while outcome == Outcome::OutOfBudget {
            let mut memory = MemoryMap::new(&mut stack);
            machine.add_budget(portion);
            outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0));
        }
        assert_eq!(outcome, Returned(1131), "portions of {portion}");
        assert_eq!(machine.instructions(), 20);
    }
}

/// What a call has hidden stays hidden after a pause, to the byte.
#[test]
fn records_are_hidden_after_a_pause() {
    let top = STACK + 512 - RECORD as u64;
    for (address, seen) in [
        (top - 1, true),
        (top, false),
        (top + RECORD as u64 - 1, false),
    ] {
        let text = slots(&format!(
            "mov %r1, {address}\ncall local f\nexit\nf:\nmov %r0, 0\nldxb %r0, [%r1]\nexit"
        ));
        let program = program(&text);
        let mut stack = [7; 512];
        let mut machine = Machine::new(&program, [0; 5]);
        let mut outcome = Outcome::OutOfBudget;
        for portion in [3, 100] {
            let mut memory = MemoryMap::new(&mut stack);
            machine.add_budget(portion);
            outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0));
        }
        let expected = match seen {
            true => Returned(7),
            false => fault(FaultKind::InvalidRead, 4, address),
        };
        assert_eq!(outcome, expected, "{address:#x}");
    }
}
