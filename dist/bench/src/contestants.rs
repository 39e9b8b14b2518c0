// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contestants: one file each.

pub(crate) mod native;
mod ours;
mod rbpf;
mod solana;
mod wasm3;
mod wasmi;

use anyhow::Result;

use crate::workload::Workload;

/// What a contestant is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The interpreter of `rbpf-vm`.
    Ours,
    /// Another interpreter of eBPF.
    Ebpf,
    /// A virtual machine for WebAssembly.
    Wasm,
    /// No virtual machine.
    Native,
}

/// Something that can compute the checksum.
pub(crate) trait Contestant {
    /// Name and version.
    fn name(&self) -> &str;
    /// What it is compared as.
    fn kind(&self) -> Kind;
    /// What it was given to run, and what is special about it.
    fn remark(&self) -> &'static str;
    /// One run: everything that is done for each event, and nothing that is
    /// done once for each program.
    fn run(&mut self) -> Result<u32>;
    /// Guest instructions that a run executes, if it can tell.
    fn instructions(&self) -> Option<u64> {
        None
    }
}

/// All of them, ready to run.
pub(crate) fn all(workload: &Workload) -> Result<Vec<Box<dyn Contestant + '_>>> {
    Ok(vec![
        Box::new(ours::Ours::new(workload)?),
        Box::new(rbpf::Rbpf::new(workload)?),
        Box::new(solana::Solana::new(workload)?),
        Box::new(wasmi::Wasmi::new(workload)?),
        Box::new(wasm3::Wasm3::new(workload)?),
        Box::new(native::Rust::new(workload)),
        Box::new(native::C::new(workload)),
    ])
}

/// The name of a crate with the version that was built.
fn versioned(name: &str) -> String {
    const LOCK: &str = include_str!("../Cargo.lock");
    let version = LOCK
        .split("[[package]]")
        .find(|package| package.contains(&format!("name = \"{name}\"\n")))
        .and_then(|package| package.split("version = \"").nth(1))
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("?");
    format!("{name} {version}")
}
