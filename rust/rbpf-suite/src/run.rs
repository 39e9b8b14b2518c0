// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run of raw bytecode, as the suite wants it.

use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, Fault, FaultKind, Functions, Machine, MemoryMap, Outcome, Program, Rights, VerifyError,
    region,
};

use crate::TestHelpers;

/// The frame of every function, in bytes.
pub const FRAME: u16 = 512;
/// The stack, in bytes.
pub const STACK: usize = 4096;

/// How a run of raw bytecode ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// r0, or the fault; a used up budget is [`FaultKind::BudgetExhausted`].
    pub outcome: Result<u64, Fault>,
    /// Instructions executed.
    pub instructions: u32,
}

/// A run of raw bytecode, as the suite wants it: r1 and r2 say where the
/// memory is, and the helpers are those of its tests.
#[derive(Debug)]
pub struct Run<'a> {
    text: &'a [Slot],
    memory: &'a mut [u8],
    budget: u32,
}

impl<'a> Run<'a> {
    /// A run with memory, which may be empty, and a budget.
    pub fn new(text: &'a [Slot], memory: &'a mut [u8], budget: u32) -> Self {
        Self {
            text,
            memory,
            budget,
        }
    }

    /// Verifies the program and runs it, on a stack that is cleared before.
    ///
    /// # Errors
    ///
    /// What the verifier says.
    pub fn execute(
        self,
        engine: &mut dyn Engine,
        stack: &mut [u8; STACK],
    ) -> Result<End, VerifyError> {
        let functions = Functions::Unlisted { frame: FRAME };
        let program = Program::verify(self.text, functions, &TestHelpers)?;
        stack.fill(0);
        let mut map = MemoryMap::new(stack);
        let mut arguments = [0; 5];
        if !self.memory.is_empty() {
            arguments[0] = region::address(region::CONTEXT);
            arguments[1] = self.memory.len() as u64;
            // Memory from a command line is far below 16 MiB; if not, the
            // program finds nothing there.
            let _ = map.map_mut(region::CONTEXT, self.memory, Rights::ReadWrite);
        }
        let mut machine = Machine::new(&program, arguments);
        machine.add_budget(self.budget);
        let outcome = match engine.run(&program, &mut machine, &mut map, &mut TestHelpers) {
            Outcome::Returned(value) => Ok(value),
            Outcome::Fault(fault) => Err(fault),
            Outcome::OutOfBudget => Err(Fault {
                kind: FaultKind::BudgetExhausted,
                pc: machine.pc(),
                address: 0,
            }),
        };
        Ok(End {
            outcome,
            instructions: machine.instructions(),
        })
    }
}
