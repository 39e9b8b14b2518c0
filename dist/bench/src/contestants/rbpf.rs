// SPDX-License-Identifier: MIT OR Apache-2.0
//! The crate `rbpf`: a port of uBPF, for workstations.
//!
//! Guest addresses are host addresses. Context and data are one buffer, which
//! is the case that its check of accesses finds first.

use anyhow::{Context, Result};

use super::{Contestant, Kind, versioned};
use crate::workload::Workload;

pub(crate) struct Rbpf<'w> {
    name: String,
    machine: rbpf::EbpfVmMbuff<'w>,
    /// Context, then data; its address is in the context, so it must not move.
    memory: Vec<u8>,
}

impl<'w> Rbpf<'w> {
    pub(crate) fn new(workload: &'w Workload) -> Result<Self> {
        let machine = rbpf::EbpfVmMbuff::new(Some(&workload.ebpf))?;
        let data = workload.bytes();
        let mut memory = vec![0; 16 + data.len()];
        let address = memory[16..].as_ptr() as u64;
        memory[..16].copy_from_slice(&workload.context64(address));
        memory[16..].copy_from_slice(&data);
        Ok(Self {
            name: versioned("rbpf"),
            machine,
            memory,
        })
    }
}

impl Contestant for Rbpf<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Kind {
        Kind::Ebpf
    }

    fn remark(&self) -> &'static str {
        "-mcpu=v3; no limit on instructions"
    }

    fn run(&mut self) -> Result<u32> {
        let value = self.machine.execute_program(&[], &self.memory)?;
        u32::try_from(value).context("r0 has an upper half")
    }
}
