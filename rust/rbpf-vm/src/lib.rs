// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rBPF virtual machine: verifier, memory map, engines.
//!
//! A program reaches an engine only as a [`Program`], which only the verifier
//! makes; the engine reaches memory only through a [`MemoryMap`], which knows
//! nothing but the regions that the host granted for this run; and the guest
//! reaches the host only through [`Host`], with an id and five integers.
//!
//! ```
//! use rbpf_isa::{Slot, opcode};
//! use rbpf_vm::{Engine, Functions, Interpreter, Machine, MemoryMap, NoHelpers, Outcome, Program};
//!
//! let text = [
//!     Slot::new(opcode::Mov64Imm, 0, 0, 0, 42),
//!     Slot::new(opcode::Exit, 0, 0, 0, 0),
//! ];
//! let program = Program::verify(&text, Functions::Unlisted { frame: 64 }, &NoHelpers).unwrap();
//!
//! let mut stack = [0; 64];
//! let mut memory = MemoryMap::new(&mut stack);
//! let mut machine = Machine::new(&program, [0; 5]);
//! machine.add_budget(1000);
//! let outcome = Interpreter.run(&program, &mut machine, &mut memory, &mut NoHelpers);
//! assert_eq!(outcome, Outcome::Returned(42));
//! assert_eq!(machine.instructions(), 2);
//! ```
//!
//! This crate deliberately knows no helper, no hook and no image format, and
//! it allocates nothing.
#![no_std]
#![deny(unsafe_code)]

mod arithmetic;
mod engine;
mod fault;
mod interpreter;
mod kinds;
mod memory;
mod program;
mod verified;
mod verifier;

pub use engine::{Engine, HelperCall, Host, Machine, NoHelpers, Outcome};
pub use fault::{Fault, FaultKind};
pub use interpreter::{Interpreter, Observed, Observer};
pub use memory::{MapError, MemoryMap, REGIONS, Rights, region};
pub use program::{Function, Functions, Program};
pub use verified::Verified;
pub use verifier::{HelperGrant, HelperPolicy, VerifyError, VerifyErrorKind};
