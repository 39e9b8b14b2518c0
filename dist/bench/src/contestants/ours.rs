// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interpreter of this project.

use std::hint::black_box;

use anyhow::{Context, Result, anyhow, bail};
use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, Functions, Host, Interpreter, Machine, MemoryMap, NoHelpers, Outcome, Program, Rights,
    region,
};

use super::{Contestant, Kind, versioned};
use crate::workload::Workload;

/// Guest stack in bytes, as large as by default.
const STACK: usize = 512;

/// More than a run takes; budgets are always on.
const BUDGET: u32 = 10_000_000;

pub(crate) struct Ours {
    name: String,
    program: Program<'static>,
    stack: Vec<u8>,
    context: [u8; 16],
    data: Vec<u8>,
    instructions: u32,
}

impl Ours {
    pub(crate) fn new(workload: &Workload) -> Result<Self> {
        let (slots, _) = workload.ebpf.as_chunks::<8>();
        let text: Vec<Slot> = slots
            .iter()
            .map(|bytes| Slot::from_bits(u64::from_le_bytes(*bytes)))
            .collect();
        // For as long as the process runs: the program borrows it.
        let text: &'static [Slot] = text.leak();
        let functions = Functions::Unlisted { frame: 512 };
        let program = Program::verify(text, functions, &NoHelpers)
            .map_err(|error| anyhow!("not accepted: {error:?}"))?;
        Ok(Self {
            name: versioned("rbpf-vm"),
            program,
            stack: vec![0; STACK],
            context: workload.context64(region::address(region::GRANTED)),
            data: workload.bytes(),
            instructions: 0,
        })
    }
}

impl Contestant for Ours {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Kind {
        Kind::Ours
    }

    fn remark(&self) -> &'static str {
        "-mcpu=v3; counts instructions"
    }

    fn run(&mut self) -> Result<u32> {
        let mut memory = MemoryMap::new(&mut self.stack);
        memory
            .map_mut(region::CONTEXT, &mut self.context, Rights::ReadWrite)
            .and_then(|()| memory.map(region::GRANTED, &self.data))
            .map_err(|error| anyhow!("not mapped: {error:?}"))?;
        let arguments = [region::address(region::CONTEXT), 16, 0, 0, 0];
        let mut machine = Machine::new(&self.program, arguments);
        machine.add_budget(BUDGET);
        // A host's type is not known to the engine.
        let mut host = NoHelpers;
        let host: &mut dyn Host = black_box(&mut host);
        let outcome = Interpreter.run(&self.program, &mut machine, &mut memory, host);
        self.instructions = machine.instructions();
        match outcome {
            Outcome::Returned(value) => u32::try_from(value).context("r0 has an upper half"),
            other => bail!("ended with {other:?}"),
        }
    }

    fn instructions(&self) -> Option<u64> {
        Some(self.instructions.into())
    }
}
