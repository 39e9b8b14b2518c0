// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ends a run other than its return.
//!
//! A fault is the guest's doing and ends the guest's run, never the host.
//! Error codes that a guest can see and handle are no faults: helpers return
//! those in r0.

use crate::kinds::define_kinds;

define_kinds! {
    /// Why a run ended in a fault.
    FaultKind;

    /// A load from, or a helper's read of, memory that the guest may not read.
    InvalidRead = 1, "read outside of the granted memory";
    /// A store to, or a helper's write of, memory that the guest may not write.
    InvalidWrite = 2, "write outside of the granted memory";
    /// The frames of local calls do not fit into the stack.
    StackOverflow = 3, "stack overflow";
    /// The budget is used up and the hook does not let the run pause.
    BudgetExhausted = 4, "instruction budget used up";
    /// The host has no such helper. The verifier lets no such call pass; this
    /// is the second line of defence.
    UnknownHelper = 5, "unknown helper";
    /// A slot that is not an instruction was reached. The verifier lets no
    /// such program pass; this is the second line of defence.
    InvalidInstruction = 6, "invalid instruction";
    /// A string that a helper reads has no end.
    UnterminatedString = 7, "string without end";
    /// A format string with a directive that is not supported.
    InvalidFormat = 8, "format directive not supported";
    /// The result is not one that the hook can use, such as a length beyond
    /// the buffer.
    InvalidResult = 9, "result out of range";
}

/// The end of a run that went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Why.
    pub kind: FaultKind,
    /// Slot index of the instruction that did not complete.
    pub pc: u32,
    /// The guest address of the access that was refused; 0 for faults that
    /// have none.
    pub address: u64,
}
