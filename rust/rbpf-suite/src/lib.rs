// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests as data: the files of the public suite bpf_conformance, and our own
//! in the same format.
//!
//! A file is a list of sections. A section begins with a line `-- name`;
//! what stands before the first is a comment, and so is what follows `#` in a
//! line. Sections of the suite:
//!
//! | section | what |
//! |---|---|
//! | `asm` | the program, in the assembler's syntax |
//! | `raw` | the program, as bytes in hexadecimal, or as 64-bit numbers that begin with `0x`; beside `asm`, what that is to become |
//! | `mem` | memory for the program, in hexadecimal; r1 and r2 are its address and length |
//! | `result` | what it returns |
//! | `error` | it is rejected, for whatever reason |
//! | `c`, `no register offset` | ignored |
//!
//! Our own:
//!
//! | section | what |
//! |---|---|
//! | `verify-error NAME [slot]` | the verifier rejects it: the rule, the slot |
//! | `fault NAME [slot [address]]` | it ends in this fault |
//! | `instructions N` | it executes so many instructions |
//! | `budget N` | it may execute so many; 1,000,000 if not said |
//!
//! Arguments stand behind the name or in the lines below. Anything else is an
//! error, so that a misspelt test does not pass by doing nothing.
//!
//! A [`Case`] is what a file says, ready to run, and its judgement: the same
//! on a workstation and on a device, `no_std` and without `core::fmt`. With
//! the feature `parse`, a `Test` is read from a file. Which files there are
//! to be, and on which engines they run, is the business of those who use
//! this: `rbpf-cli/tests/conformance.rs` and `tests/rbpf_vm`.
#![cfg_attr(not(feature = "parse"), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "parse")]
pub mod bytes;
mod case;
mod helpers;
#[cfg(feature = "parse")]
mod parse;
mod run;
pub mod text;

pub use case::{Case, Difference, Expected, Found};
pub use helpers::TestHelpers;
#[cfg(feature = "parse")]
pub use parse::{Test, data_files};
pub use run::{End, FRAME, Run, STACK};
