// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random programs, run by the interpreter of this project and by others,
//! which must agree.
//!
//! [`program`] makes programs that end and touch only what is granted; each
//! [`Oracle`] runs one. Where a rival is known to compute something else than
//! RFC 9669 says, or lacks an instruction, its file lists that as a
//! [`Divergence`] with the instructions to put in its place, so that the rest
//! is still compared. What no rival can do is compared with
//! [`oracle::Model`], a plain interpreter written from the RFC for this
//! purpose.
//!
//! Faults, budgets and the verifier are not compared here: rivals have other
//! rules for them.

pub mod oracle;
pub mod program;

pub use oracle::{Divergence, Observation, Oracle};
pub use program::{MEMORY, Program};
