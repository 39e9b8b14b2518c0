// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the virtual machine from outside, by its public interface alone.
//!
//! What one instruction does is tested by data, in `tests/data`. Here stands
//! what data cannot say: budgets and pauses, every region and its edges, what
//! the host does wrong, and properties of programs that nobody wrote.

mod budget;
mod calls;
mod data;
mod errors;
mod memory;
mod misuse;
mod properties;
mod support;
mod verified;
