// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests have in common.

use rbpf_isa::{Slot, assemble};
use rbpf_vm::{
    Engine, Fault, FaultKind, Functions, HelperCall, HelperGrant, Host, Interpreter, Machine,
    MemoryMap, Outcome, Program,
};

/// The frame of every function, if not said otherwise.
pub(crate) const FRAME: u16 = 64;
/// What a local call takes from the end of the stack.
pub(crate) const RECORD: usize = 40;

/// Assembles a program that is known to be right.
pub(crate) fn slots(source: &str) -> Vec<Slot> {
    assemble(source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

/// A policy that grants whatever is called.
pub(crate) fn everything(_: u32) -> HelperGrant {
    HelperGrant::Granted
}

/// Verifies a program without function table, all helpers granted.
pub(crate) fn program(text: &[Slot]) -> Program<'_> {
    Program::verify(text, Functions::Unlisted { frame: FRAME }, &everything)
        .unwrap_or_else(|error| panic!("{error:?}"))
}

/// A fault, as an outcome.
pub(crate) fn fault(kind: FaultKind, pc: u32, address: u64) -> Outcome {
    Outcome::Fault(Fault { kind, pc, address })
}

/// Asserts that a run that should never have been begun ended in the fault
/// of the second line of defence. Where is not promised.
pub(crate) fn assert_invalid_instruction(outcome: Outcome) {
    let kind = FaultKind::InvalidInstruction;
    assert!(
        matches!(outcome, Outcome::Fault(fault) if fault.kind == kind),
        "{outcome:?}"
    );
}

/// A function as host.
pub(crate) struct Helpers<F>(pub(crate) F);

impl<F> Host for Helpers<F>
where
    F: FnMut(&mut HelperCall, &mut MemoryMap<'_>) -> Result<u64, FaultKind>,
{
    fn call(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        (self.0)(call, memory)
    }
}

/// A host whose helpers do nothing but cost something.
pub(crate) fn costing(cost: u32) -> impl Host {
    Helpers(move |call: &mut HelperCall, _: &mut MemoryMap<'_>| {
        call.cost = cost;
        Ok(0)
    })
}

/// Runs a program from its start in a map.
pub(crate) fn run_in(
    text: &[Slot],
    memory: &mut MemoryMap<'_>,
    budget: u32,
    host: &mut dyn Host,
) -> (Outcome, Machine) {
    let program = program(text);
    let mut machine = Machine::new(&program, [0; 5]);
    machine.add_budget(budget);
    let outcome = Interpreter.run(&program, &mut machine, memory, host);
    (outcome, machine)
}

/// Runs a program with a stack of 512 bytes and nothing else; its helpers
/// return 0.
pub(crate) fn run(source: &str, budget: u32) -> (Outcome, Machine) {
    let mut stack = [0; 512];
    let mut memory = MemoryMap::new(&mut stack);
    run_in(&slots(source), &mut memory, budget, &mut costing(0))
}
