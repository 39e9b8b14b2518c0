// SPDX-License-Identifier: MIT OR Apache-2.0
//! The budget, as `engine.rs` documents it (design, section 6, item 18).

use rbpf_vm::{
    Engine, FaultKind, HelperCall, Interpreter, Machine, MemoryMap, Observed, Observer, Outcome,
    Rights, region,
};

use crate::support::{Helpers, costing, fault, program, run, run_in, slots};

use Outcome::{OutOfBudget, Returned};

/// Four rounds; the jump back is instruction 3, 5 and 7, and is not taken as
/// the 9th.
const FOUR_ROUNDS: &str = "
    mov %r0, 4
again:
    sub %r0, 1
    jne %r0, 0, again
    exit";

#[test]
fn runs_end_where_the_rules_say() {
    // Program, budget; outcome, instructions, slot, what remains.
    let cases = [
        // A jump to itself.
        ("ja -1\nexit", 0, OutOfBudget, 0, 0, 0),
        ("ja -1\nexit", 1, OutOfBudget, 1, 0, 0),
        ("ja -1\nexit", 1000, OutOfBudget, 1000, 0, 0),
        ("ja32 -1\nexit", 1000, OutOfBudget, 1000, 0, 0),
        ("jeq %r0, 0, -1\nexit", 1000, OutOfBudget, 1000, 0, 0),
        // A loop stops wherever it is.
        (FOUR_ROUNDS, 0, OutOfBudget, 0, 0, 0),
        (FOUR_ROUNDS, 2, OutOfBudget, 2, 2, 0),
        (FOUR_ROUNDS, 3, OutOfBudget, 3, 1, 0),
        (FOUR_ROUNDS, 4, OutOfBudget, 4, 2, 0),
        (FOUR_ROUNDS, 9, OutOfBudget, 9, 3, 0),
        (FOUR_ROUNDS, 10, Returned(0), 10, 4, 0),
        (FOUR_ROUNDS, 11, Returned(0), 10, 4, 1),
        // So does a straight line, and where a jump goes forward.
        ("ja +1\nexit\nexit", 0, OutOfBudget, 0, 0, 0),
        ("ja +1\nexit\nexit", 1, OutOfBudget, 1, 2, 0),
        ("ja +1\nexit\nexit", 2, Returned(0), 2, 3, 0),
        ("jeq %r0, 0, +1\nexit\nexit", 1, OutOfBudget, 1, 2, 0),
        ("jne %r0, 0, +1\nexit\nexit", 1, OutOfBudget, 1, 1, 0),
        ("mov %r0, 5\nadd %r0, 1\nexit", 1, OutOfBudget, 1, 1, 0),
        ("mov %r0, 5\nadd %r0, 1\nexit", 3, Returned(6), 3, 3, 0),
        // Calls of local functions, and their returns.
        ("call local +1\nexit\nexit", 0, OutOfBudget, 0, 0, 0),
        ("call local +1\nexit\nexit", 1, OutOfBudget, 1, 2, 0),
        ("call local +1\nexit\nexit", 2, OutOfBudget, 2, 1, 0),
        ("call local +1\nexit\nexit", 3, Returned(0), 3, 2, 0),
        // Calls of helpers.
        ("call 1\nexit", 0, OutOfBudget, 0, 0, 0),
        ("call 1\nexit", 1, OutOfBudget, 1, 1, 0),
        ("call 1\nexit", 2, Returned(0), 2, 2, 0),
        // One instruction in two slots.
        ("lddw %r0, 7\nexit", 0, OutOfBudget, 0, 0, 0),
        ("lddw %r0, 7\nexit", 1, OutOfBudget, 1, 2, 0),
        ("lddw %r0, 7\nexit", 2, Returned(7), 2, 3, 0),
        ("lddw %r0, 1\nlddw %r1, 2\nja -5", 1, OutOfBudget, 1, 2, 0),
        ("lddw %r0, 1\nlddw %r1, 2\nja -5", 3, OutOfBudget, 3, 0, 0),
        ("lddw %r0, 1\nlddw %r1, 2\nja -5", 4, OutOfBudget, 4, 2, 0),
    ];
    for (source, budget, outcome, instructions, pc, remains) in cases {
        let (actual, machine) = run(source, budget);
        let case = format!("budget {budget}:\n{source}");
        assert_eq!(actual, outcome, "{case}");
        assert_eq!(machine.instructions(), instructions, "{case}");
        assert_eq!(machine.pc(), pc, "{case}");
        assert_eq!(machine.budget(), remains, "{case}");
    }
}

#[test]
fn a_straight_line_is_bounded() {
    let source = "add %r0, 1\n".repeat(3000) + "exit";
    for budget in [0, 1, 10, 500, 3000] {
        let (outcome, machine) = run(&source, budget);
        assert_eq!(outcome, OutOfBudget);
        assert_eq!(machine.instructions(), budget);
        assert_eq!(machine.registers()[0], budget.into());
    }
    assert_eq!(run(&source, 3001).0, Returned(3000));
}

#[test]
fn the_faulting_instruction_is_counted() {
    let (outcome, machine) = run("mov %r1, 0\nldxb %r0, [%r1]\nexit", 10);
    assert_eq!(outcome, fault(FaultKind::InvalidRead, 1, 0));
    assert_eq!(machine.instructions(), 2);
    assert_eq!(machine.budget(), 8);
}

#[test]
fn helpers_charge_their_cost() {
    let text = slots("call 1\ncall 1\ncall 1\nexit");
    let program = program(&text);
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let mut host = costing(10);
    let mut machine = Machine::new(&program, [0; 5]);
    let mut counts = |more| {
        machine.add_budget(more);
        let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut host);
        let (calls, remains) = (machine.helper_calls(), machine.budget());
        (outcome, machine.instructions(), calls, remains)
    };
    // 12 - 1 - 10 leaves one for the second call, and nothing for the third.
    assert_eq!(counts(12), (OutOfBudget, 2, 2, -10));
    assert_eq!(counts(0), (OutOfBudget, 2, 2, -10));
    assert_eq!(counts(10), (OutOfBudget, 2, 2, 0));
    // Nothing is left for the exit.
    assert_eq!(counts(1), (OutOfBudget, 3, 3, -10));
    assert_eq!(counts(10), (OutOfBudget, 3, 3, 0));
    assert_eq!(counts(1), (Returned(0), 4, 3, 0));
}

/// Its cost is taken from the budget, and is not counted as instructions.
#[test]
fn a_helper_that_faults_is_charged_too() {
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let mut host = Helpers(|call: &mut HelperCall, _: &mut MemoryMap<'_>| {
        call.cost = 5;
        call.address = 0x77;
        Err(FaultKind::InvalidFormat)
    });
    let (outcome, machine) = run_in(&slots("call 1\nexit"), &mut memory, 10, &mut host);
    assert_eq!(outcome, fault(FaultKind::InvalidFormat, 0, 0x77));
    assert_eq!(machine.instructions(), 1);
    assert_eq!(machine.helper_calls(), 1);
    assert_eq!(machine.budget(), 4);
}

#[test]
fn costs_without_measure_do_not_overflow() {
    let text = slots("call 1\ncall 1\nja -3");
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let program = program(&text);
    let mut machine = Machine::new(&program, [0; 5]);
    let mut host = costing(u32::MAX);
    for _ in 0..20 {
        machine.add_budget(u32::MAX);
        let before = machine.instructions();
        let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut host);
        assert_eq!(outcome, OutOfBudget);
        assert!(machine.instructions() - before <= 3);
        assert!(machine.budget() <= 0);
    }
}

#[test]
fn huge_budgets_saturate() {
    let text = slots(FOUR_ROUNDS);
    let program = program(&text);
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let mut machine = Machine::new(&program, [0; 5]);
    for more in [u32::MAX, 1, i32::MAX as u32, u32::MAX] {
        machine.add_budget(more);
        assert_eq!(machine.budget(), Machine::MAX_BUDGET);
    }
    let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0));
    assert_eq!(outcome, Returned(0));
    assert_eq!(machine.instructions(), 10);
    assert_eq!(machine.budget(), Machine::MAX_BUDGET - 10);
}

#[test]
fn the_longest_program_with_the_largest_budget() {
    // 65,535 slots, of which the last jumps back to the first.
    let mut text = slots(&"add %r0, 1\n".repeat(65_534));
    text.extend(slots("ja32 -65535"));
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let program = program(&text);
    let mut machine = Machine::new(&program, [0; 5]);
    machine.add_budget(3 * 65_535 - 1);
    let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0));
    assert_eq!(outcome, OutOfBudget);
    assert_eq!(machine.instructions(), 3 * 65_535 - 1);
    assert_eq!(machine.pc(), 65_534);
    assert_eq!(machine.registers()[0], 3 * 65_534);
}

/// A program with loops, calls, helpers, stores and `lddw`, that takes 240
/// instructions and leaves traces in memory and registers.
const EVERYTHING: &str = "
    mov %r6, 0
round:
    lddw %r1, 0x4000000
    mov %r2, %r6
    call local note
    call 1
    stxw [%r10-8], %r0
    lddw %r3, 0x4000004
    lock add32 [%r3], %r6
    add %r6, 1
    jlt %r6, 15, round
    ldxw %r0, [%r10-8]
    exit
note:
    stxb [%r1], %r2
    stxdw [%r10-16], %r2
    mov %r6, 99
    jeq %r2, 3, three
    exit
three:
    mov %r0, 3
    exit";

/// Runs [`EVERYTHING`] in portions; result, counts and memory.
fn in_portions(portions: impl IntoIterator<Item = u32>) -> (Outcome, u32, u32, i64, Vec<u8>) {
    let text = slots(EVERYTHING);
    let program = program(&text);
    let mut stack = [0; 256];
    let mut data = [0; 8];
    let mut machine = Machine::new(&program, [0; 5]);
    let mut given = 0;
    let mut calls = 0;
    let mut host = Helpers(|call: &mut HelperCall, _: &mut MemoryMap<'_>| {
        calls += 1;
        call.cost = calls % 3;
        Ok(calls.into())
    });
    let mut outcome = OutOfBudget;
    for portion in portions {
        // A map of its own for each part, as hosts make them.
        let mut memory = MemoryMap::new(&mut stack);
        memory
            .map_mut(region::DATA, &mut data, Rights::ReadWrite)
            .unwrap();
        machine.add_budget(portion);
        given += i64::from(portion);
        outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut host);
        if outcome != OutOfBudget {
            break;
        }
        assert!(machine.budget() <= 0, "it stops only if nothing remains");
    }
    let spent = given - i64::from(machine.budget());
    let counts = (machine.instructions(), machine.helper_calls());
    let memory = [&stack[..], &data].concat();
    (outcome, counts.0, counts.1, spent, memory)
}

#[test]
fn a_run_in_portions_is_the_same_run() {
    let whole = in_portions([100_000]);
    assert_eq!(whole.0, Returned(15));
    assert_eq!(whole.2, 15);
    assert_eq!(whole.3, i64::from(whole.1) + 15, "costs of 1, 2, 0, ...");
    for size in 1..=whole.1 {
        let parts = in_portions(std::iter::repeat_n(size, 1000));
        assert_eq!(parts, whole, "portions of {size}");
    }
    let uneven = in_portions([0, 1, 0, 0, 50, 3, 7, 1, 1, 1, 100_000]);
    assert_eq!(uneven, whole);
}

/// Notes the steps of a run.
#[derive(Default)]
struct Steps(Vec<u32>);

impl Observer for Steps {
    fn step(&mut self, pc: u32, _: &[u64; 11]) {
        self.0.push(pc);
    }
}

#[test]
fn an_observer_sees_every_instruction_that_is_counted() {
    let text = slots(FOUR_ROUNDS);
    let program = program(&text);
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let mut machine = Machine::new(&program, [0; 5]);
    machine.add_budget(100);
    let mut steps = Steps::default();
    let outcome = Observed(&mut steps).run(&program, &mut machine, &mut memory, &mut costing(0));
    assert_eq!(outcome, Returned(0));
    assert_eq!(steps.0, [0, 1, 2, 1, 2, 1, 2, 1, 2, 3]);
    assert_eq!(machine.instructions(), 10);
}

/// Calls of a function by itself, each of which has a long straight line behind it.
fn long_way_back(line: usize) -> String {
    format!(
        "call local down\nexit\ndown:\njeq %r1, 0, bottom\nsub %r1, 1\ncall local down\n{}\nbottom:\nexit",
        "add %r0, 1\n".repeat(line)
    )
}

#[test]
fn the_way_back_from_nested_calls_is_bounded() {
    let text = slots(&long_way_back(1000));
    let program = program(&text);
    for budget in [31, 500, 5000, 10_040] {
        let mut stack = [0; 2048];
        let mut memory = MemoryMap::new(&mut stack);
        let mut machine = Machine::new(&program, [10, 0, 0, 0, 0]);
        machine.add_budget(budget);
        let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut costing(0));
        assert_eq!(outcome, OutOfBudget);
        assert_eq!(machine.instructions(), budget);
    }
}

/// What is left is told to the helper.
#[test]
fn a_helper_knows_what_is_left() {
    let mut stack = [0; 64];
    let mut memory = MemoryMap::new(&mut stack);
    let mut left = Vec::new();
    let mut host = Helpers(|call: &mut HelperCall, _: &mut MemoryMap<'_>| {
        left.push(call.budget);
        call.cost = 3;
        Ok(0)
    });
    run_in(
        &slots("call 1\nmov %r0, 0\ncall 1\ncall 1\nexit"),
        &mut memory,
        10,
        &mut host,
    );
    assert_eq!(left, [9, 4, 0]);
}
