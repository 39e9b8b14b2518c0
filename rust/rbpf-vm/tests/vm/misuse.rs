// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host that mixes up programs, machines and maps gets faults or wrong
//! results, and nothing worse.

use rbpf_isa::Slot;
use rbpf_vm::{Engine, FaultKind, Interpreter, Machine, MemoryMap, Outcome, Rights, region};

use crate::support::{assert_invalid_instruction, costing, fault, program, slots};

/// A machine that stopped after so many instructions of budget.
fn paused(text: &[Slot], memory: &mut MemoryMap<'_>, budget: u32) -> Machine {
    let program = program(text);
    let mut machine = Machine::new(&program, [0; 5]);
    machine.add_budget(budget);
    let outcome = Interpreter.run(&program, &mut machine, memory, &mut costing(0));
    assert_eq!(outcome, Outcome::OutOfBudget);
    machine
}

/// Continues on whatever program and map.
fn resume(text: &[Slot], machine: &mut Machine, memory: &mut MemoryMap<'_>) -> Outcome {
    machine.add_budget(1000);
    Interpreter.run(&program(text), machine, memory, &mut costing(0))
}

#[test]
fn a_machine_beyond_the_text() {
    let long = slots(&format!("{}ja -1", "mov %r0, 0\n".repeat(100)));
    for source in ["exit", "mov %r0, 1\nexit", "lddw %r0, 1\nexit"] {
        let mut stack = [0; 64];
        let mut memory = MemoryMap::new(&mut stack);
        let mut machine = paused(&long, &mut memory, 100);
        assert_eq!(machine.pc(), 100);
        let outcome = resume(&slots(source), &mut machine, &mut memory);
        assert_invalid_instruction(outcome);
    }
}

#[test]
fn a_machine_in_the_middle_of_an_instruction() {
    let text = slots("ja +0\nja -1");
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let mut machine = paused(&text, &mut memory, 5);
    assert_eq!(machine.pc(), 1);
    let outcome = resume(&slots("lddw %r0, 1\nexit"), &mut machine, &mut memory);
    // The second slot of `lddw` may count as nothing.
    if outcome != Outcome::Returned(0) {
        assert_invalid_instruction(outcome);
    }
}

/// Calls and then loops for ever, two calls deep.
const DEEP: &str = "
    call local f
    exit
f:
    call local g
    exit
g:
    ja -1";

#[test]
fn a_return_to_a_program_that_is_not_there() {
    let mut stack = [0; 512];
    let mut memory = MemoryMap::new(&mut stack);
    // The call at slot 30 leads back to slot 31, which the other lacks.
    let far = slots(&format!(
        "ja +28\nf:\nja +0\nja -1\n{}call local f\nexit",
        "mov %r0, 0\n".repeat(26)
    ));
    let mut machine = paused(&far, &mut memory, 5);
    assert_eq!(machine.pc(), 2);
    let outcome = resume(&slots("exit\nexit\nexit"), &mut machine, &mut memory);
    assert_invalid_instruction(outcome);
}

#[test]
fn a_map_without_the_records() {
    let text = slots(DEEP);
    let returning = slots("exit\nexit\nexit\nexit\nexit");
    let mut stack = [0; 512];
    let mut memory = MemoryMap::new(&mut stack);
    let mut machine = paused(&text, &mut memory, 5);
    assert_eq!(machine.pc(), 4);
    for length in [0, 8, 40, 512, 4096] {
        // Whatever the bytes are that take the place of the records.
        let mut other = vec![0xff; length];
        let mut other = MemoryMap::new(&mut other);
        let mut machine = machine.clone();
        let outcome = resume(&returning, &mut machine, &mut other);
        assert_eq!(outcome, fault(FaultKind::InvalidInstruction, 4, 0));
    }
    assert!(matches!(
        resume(&returning, &mut machine, &mut memory),
        Outcome::Returned(_)
    ));
}

#[test]
fn a_map_with_the_records_of_another() {
    let text = slots(DEEP);
    let returning = slots("exit\nexit\nexit\nexit\nexit");
    let mut stack = [0; 512];
    let mut memory = MemoryMap::new(&mut stack);
    let mut first = paused(&text, &mut memory, 5);
    let mut second = paused(&text, &mut memory, 5);
    let mut third = first.clone();
    assert!(matches!(
        resume(&returning, &mut first, &mut memory),
        Outcome::Returned(_)
    ));
    assert!(matches!(
        resume(&returning, &mut second, &mut memory),
        Outcome::Returned(_)
    ));
    // What lies there now is what the second has left, whose records were the same.
    assert!(matches!(
        resume(&returning, &mut third, &mut memory),
        Outcome::Returned(_)
    ));
}

#[test]
fn memory_that_is_taken_away_between_two_portions() {
    let text = slots(
        "lddw %r1, 0x4000000
    again:
        ldxb %r0, [%r1+7]
        ja again",
    );
    let (mut stack, mut other_stack) = ([0; 64], [0; 64]);
    let (mut long, mut short) = ([1; 8], [2; 7]);
    let mut memory = MemoryMap::new(&mut stack);
    memory
        .map_mut(region::DATA, &mut long, Rights::ReadWrite)
        .unwrap();
    let machine = paused(&text, &mut memory, 10);
    let refused = fault(FaultKind::InvalidRead, 2, 0x400_0007);
    // Shorter, write-only, gone.
    memory.map(region::DATA, &short[..]).unwrap();
    assert_eq!(resume(&text, &mut machine.clone(), &mut memory), refused);
    let mut memory = MemoryMap::new(&mut other_stack);
    assert_eq!(resume(&text, &mut machine.clone(), &mut memory), refused);
    memory
        .map_mut(region::DATA, &mut short, Rights::Write)
        .unwrap();
    assert_eq!(resume(&text, &mut machine.clone(), &mut memory), refused);
}

/// A run that is over and is continued all the same.
#[test]
fn a_machine_that_has_returned() {
    let text = slots("mov %r0, 1\nexit");
    let program = program(&text);
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let mut machine = Machine::new(&program, [0; 5]);
    machine.add_budget(10);
    let mut host = costing(0);
    let mut again = || Interpreter.run(&program, &mut machine, &mut memory, &mut host);
    assert_eq!(again(), Outcome::Returned(1));
    for _ in 0..3 {
        assert_invalid_instruction(again());
    }
}
