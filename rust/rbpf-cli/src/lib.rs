// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `rbpf` command: build, inspect, verify, disassemble and run containers.
//!
//! - [`linker`]: from ELF objects to an image;
//! - [`compiler`]: finding clang and calling it;
//! - [`container`]: reading what can be run: images, objects, raw bytecode;
//! - [`engines`]: the engines by name;
//! - [`plugin`]: the runner's side of the public suite bpf_conformance;
//! - [`listing`]: what devices say of their containers;
//! - [`log`]: what their containers have printed;
//! - [`trace`]: a run, instruction by instruction;
//! - [`commands`]: the subcommands, one module each.
//!
//! A new subcommand is a module with an `Args` and a `run`, and a line in
//! [`commands::Command`]. What helpers do is not decided here: `rbpf run`
//! takes them from `rbpf-runtime`, on the services of `rbpf-host`.
#![forbid(unsafe_code)]

pub mod commands;
pub mod compiler;
pub mod container;
pub mod engines;
pub mod linker;
pub mod listing;
pub mod log;
pub mod plugin;
mod progress;
mod terminal;
pub mod trace;
