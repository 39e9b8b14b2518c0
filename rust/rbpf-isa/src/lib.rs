// SPDX-License-Identifier: MIT OR Apache-2.0
//! The eBPF instruction set of RFC 9669, as one table.
//!
//! [`for_each_opcode!`] is the single list of instructions. Everything that
//! has to know an instruction is derived from it: the constants in
//! [`opcode`], the field rules that the verifier applies ([`Form`],
//! [`form`], [`selector_is_valid`]), the arms of the interpreter in
//! `rbpf-vm`, and, with the feature `text`, the assembler, the disassembler
//! and the reference page.
//!
//! This crate knows what instructions look like. What they do is the
//! business of `rbpf-vm`, and which helpers exist that of `rbpf-abi`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "text")]
extern crate alloc;

#[cfg(target_endian = "big")]
compile_error!("eBPF images are read in place and are little-endian; so must be the host");

#[cfg(feature = "text")]
mod assembler;
#[cfg(feature = "text")]
mod disassembler;
mod form;
#[cfg(feature = "text")]
mod operand;
#[cfg(feature = "text")]
mod reference;
mod slot;
mod table;

#[cfg(feature = "text")]
pub use assembler::{AssembleError, AssembleErrorKind, assemble};
#[cfg(feature = "text")]
pub use disassembler::{Disassembly, HelperNames, Line, Syntax, Text, disassemble};
#[cfg(feature = "text")]
pub use reference::reference_page;

pub use form::{FRAME_POINTER, Field, Form, REGISTERS};
pub use slot::{Load, Slot, Width, part};
pub use table::{Group, VARIANTS, Variant, form, opcode, selector, selector_is_valid};
