// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust root of a firmware whose application is in C.
//!
//! It links `rbpf-riot` and RIOT's panic handler, and has no code of its own.
#![no_std]

extern crate rbpf_riot as _;
extern crate riot_wrappers as _;

/// The prebuilt `compiler_builtins` of hosted targets refer to it; nothing
/// unwinds, since the profile says `panic = "abort"`.
#[cfg(target_os = "linux")]
// SAFETY: the only definition of this symbol: no `std` is linked.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
