// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every engine has in common: the state of a run, its budget, its end,
//! and the way out to the host.
//!
//! An engine executes a [`Program`]; all of them give the same results, the
//! same instruction counts and the same faults.
//!
//! # Budget
//!
//! Executed instructions are counted exactly, and a run executes no more than its
//! budget allows: it stops before the first instruction that would be one too many,
//! whichever that is, with [`Outcome::OutOfBudget`], and can be continued there. So
//! every engine stops at the same place. `lddw` counts as one instruction.
//!
//! What a helper charges is taken from the budget when it returns. A helper that has
//! charged all that was left, or more, is the last thing that the run does.

use crate::{Fault, FaultKind, HelperGrant, HelperPolicy, MemoryMap, Program, region};

/// The state of a run: registers, place in the text, budget and counts.
///
/// It survives a pause: a run that is out of budget continues where it
/// stopped, once it has been given more.
#[derive(Clone, Debug)]
pub struct Machine {
    /// r0 to r10; the rest is there so that four bits always name a register.
    pub(crate) registers: [u64; 16],
    /// Slot index of the next instruction.
    pub(crate) pc: u32,
    /// Local calls that have not returned.
    pub(crate) depth: u32,
    /// Instructions that may still be executed; negative by what a helper has charged
    /// beyond the budget.
    pub(crate) budget: i32,
    /// All that has been allowed: what neither remains nor was charged has been executed.
    allowed: u32,
    /// Budget that helpers have charged.
    pub(crate) charged: u32,
    helper_calls: u32,
}

impl Machine {
    /// The largest remaining budget; [`add_budget`](Self::add_budget)
    /// saturates here. The upper bound leaves room for the engines' sums.
    pub const MAX_BUDGET: i32 = i32::MAX - 0x2_0000;

    /// A run of a program from its start, with r1 to r5 as given, the other
    /// registers 0, r10 at the top of the start function's frame, and no
    /// budget.
    #[must_use]
    pub fn new(program: &Program<'_>, arguments: [u64; 5]) -> Self {
        let start = program.start();
        let mut registers = [0; 16];
        let [_, r1, r2, r3, r4, r5, ..] = &mut registers;
        [*r1, *r2, *r3, *r4, *r5] = arguments;
        registers[10] = region::address(region::STACK) + u64::from(start.frame);
        Self {
            registers,
            pc: u32::from(start.entry),
            depth: 0,
            budget: 0,
            allowed: 0,
            charged: 0,
            helper_calls: 0,
        }
    }

    /// Allows `instructions` more.
    pub fn add_budget(&mut self, instructions: u32) {
        let more = i32::try_from(instructions).unwrap_or(i32::MAX);
        let budget = self.budget.saturating_add(more).min(Self::MAX_BUDGET);
        let added = budget.wrapping_sub(self.budget) as u32;
        self.allowed = self.allowed.wrapping_add(added);
        self.budget = budget;
    }

    /// Instructions that may still be executed; negative by what a helper has charged
    /// beyond the budget.
    #[must_use]
    pub fn budget(&self) -> i32 {
        self.budget
    }

    /// Instructions executed so far; wraps after 2^32.
    #[must_use]
    pub fn instructions(&self) -> u32 {
        self.allowed
            .wrapping_sub(self.budget as u32)
            .wrapping_sub(self.charged)
    }

    /// Helpers called so far; wraps after 2^32.
    #[must_use]
    pub fn helper_calls(&self) -> u32 {
        self.helper_calls
    }

    /// Slot index of the next instruction.
    #[must_use]
    pub fn pc(&self) -> u32 {
        self.pc
    }

    /// r0 to r10.
    #[must_use]
    pub fn registers(&self) -> &[u64; 11] {
        // 11 of 16: the first chunk is always there.
        self.registers.first_chunk().unwrap_or(&[0; 11])
    }

    /// Counts a helper call and what it says it cost.
    pub(crate) fn charge(&mut self, cost: u32) {
        self.helper_calls = self.helper_calls.wrapping_add(1);
        self.charged = self.charged.wrapping_add(cost);
    }
}

/// How a run ended, or paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The start function returned, with r0.
    Returned(u64),
    /// The budget is used up; the run can be continued.
    OutOfBudget,
    /// The run is over.
    Fault(Fault),
}

/// A call of a helper, as the host sees it.
#[derive(Debug)]
pub struct HelperCall {
    /// The helper.
    pub id: u32,
    /// r1 to r5.
    pub arguments: [u64; 5],
    /// What is left of the budget. A helper that charges as much, or more, ends the
    /// run, or pauses it; one that takes long in many steps ends where it has.
    pub budget: u32,
    /// Set by the host: how many instructions the call is worth beyond the
    /// one that made it. It is taken from the budget.
    pub cost: u32,
    /// Set by the host with a fault: the guest address that it is about.
    pub address: u64,
}

/// Where the helpers are.
pub trait Host {
    /// Calls a helper and returns its result, which becomes r0.
    ///
    /// The arguments are five integers; those that are guest addresses reach
    /// memory only through `memory`.
    ///
    /// # Errors
    ///
    /// A fault, which ends the run. What the guest can handle is a result.
    fn call(&mut self, call: &mut HelperCall, memory: &mut MemoryMap<'_>)
    -> Result<u64, FaultKind>;
}

/// A host without helpers.
#[derive(Clone, Copy, Debug)]
pub struct NoHelpers;

impl Host for NoHelpers {
    fn call(&mut self, _: &mut HelperCall, _: &mut MemoryMap<'_>) -> Result<u64, FaultKind> {
        Err(FaultKind::UnknownHelper)
    }
}

impl HelperPolicy for NoHelpers {
    fn grant(&self, _: u32) -> HelperGrant {
        HelperGrant::Unknown
    }
}

/// Something that executes programs.
pub trait Engine {
    /// Runs, or continues, until the program returns, faults or is out of
    /// budget.
    ///
    /// `machine` must have been made for this program, and what `memory` maps be
    /// the same from the start of a run to its end; otherwise the run gives a
    /// wrong result or a fault, and nothing worse. The map itself may be made anew
    /// where a run goes on, over the same bytes.
    fn run(
        &mut self,
        program: &Program<'_>,
        machine: &mut Machine,
        memory: &mut MemoryMap<'_>,
        host: &mut dyn Host,
    ) -> Outcome;
}
