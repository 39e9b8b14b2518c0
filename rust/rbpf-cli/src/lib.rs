// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `rbpf` command: build, inspect, verify, disassemble and run containers.
//!
//! - [`linker`]: from ELF objects to an image;
//! - [`container`]: reading what can be run: images, objects, raw bytecode;
//! - [`engines`]: the engines by name;
//!
#![forbid(unsafe_code)]

pub mod container;
pub mod engines;
pub mod linker;
