// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interpreter of `solana-sbpf`.
//!
//! Its dialect V3 has the 32-bit jumps, and takes clang's code as it is. (In
//! general it does not: the results of 32-bit additions, subtractions and
//! multiplications are sign-extended there. Here nothing looks at the upper
//! halves before they are cleared.) Regions are found by an index, its
//! faster way.

use std::ptr::NonNull;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use solana_sbpf::ebpf;
use solana_sbpf::elf::Executable;
use solana_sbpf::error::ProgramResult;
use solana_sbpf::memory_region::{MemoryMapping, MemoryRegion};
use solana_sbpf::program::{BuiltinProgram, FunctionRegistry, SBPFVersion};
use solana_sbpf::verifier::RequisiteVerifier;
use solana_sbpf::vm::{CallFrame, Config, ContextObject, EbpfVm, ExecutionMode};

use super::{Contestant, Kind, versioned};
use crate::workload::Workload;

/// More than a run takes; its instruction meter is on, as ours is.
const BUDGET: u64 = 10_000_000;

const VERSION: SBPFVersion = SBPFVersion::V3;

/// What the machine keeps outside of itself.
struct Run {
    remaining: u64,
    mapping: MemoryMapping,
}

impl ContextObject for Run {
    fn consume(&mut self, amount: u64) {
        self.remaining = self.remaining.saturating_sub(amount);
    }

    fn get_remaining(&self) -> u64 {
        self.remaining
    }

    fn active_mapping_ptr(&mut self) -> NonNull<MemoryMapping> {
        NonNull::from_mut(&mut self.mapping)
    }
}

pub(crate) struct Solana {
    name: String,
    executable: Executable<Run>,
    loader: Arc<BuiltinProgram<Run>>,
    stack: Vec<u8>,
    /// Context, then data.
    input: Vec<u8>,
    frames: Vec<CallFrame>,
    instructions: u64,
}

impl Solana {
    pub(crate) fn new(workload: &Workload) -> Result<Self> {
        let config = Config {
            max_call_depth: 1,
            aligned_memory_mapping: true,
            enabled_sbpf_versions: VERSION..=VERSION,
            ..Config::default()
        };
        let stack = vec![0; config.stack_size()];
        let frames = vec![CallFrame::default(); config.max_call_depth];
        let loader = Arc::new(BuiltinProgram::new_loader(config));
        let executable = Executable::from_text_bytes(
            &workload.ebpf,
            loader.clone(),
            VERSION,
            FunctionRegistry::default(),
        )
        .map_err(|error| anyhow!("not accepted: {error}"))?;
        executable
            .verify::<RequisiteVerifier>()
            .map_err(|error| anyhow!("not accepted: {error}"))?;
        let mut input = workload.context64(ebpf::MM_INPUT_START + 16).to_vec();
        input.extend(workload.bytes());
        Ok(Self {
            name: versioned("solana-sbpf"),
            executable,
            loader,
            stack,
            input,
            frames,
            instructions: 0,
        })
    }
}

impl Contestant for Solana {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Kind {
        Kind::Ebpf
    }

    fn remark(&self) -> &'static str {
        "-mcpu=v3, dialect V3; counts instructions"
    }

    fn run(&mut self) -> Result<u32> {
        let regions = vec![
            self.executable.get_ro_region(),
            MemoryRegion::new(&raw mut *self.stack, ebpf::MM_STACK_START),
            MemoryRegion::new(&raw mut *self.input, ebpf::MM_INPUT_START),
        ];
        // SAFETY: the regions are the vectors of `self`, which neither move
        // nor are used otherwise before this method returns.
        let mapping = unsafe { MemoryMapping::new(regions, self.executable.get_config(), VERSION) }
            .map_err(|error| anyhow!("not mapped: {error}"))?;
        let mut run = Run {
            remaining: BUDGET,
            mapping,
        };
        let mut machine = EbpfVm::new(self.loader.clone(), VERSION, &mut run, self.stack.len());
        machine.registers[1] = ebpf::MM_INPUT_START;
        let mut mode = ExecutionMode::Interpreted;
        let (instructions, result) =
            machine.execute_program(&self.executable, &mut mode, &mut self.frames);
        self.instructions = instructions;
        match result {
            ProgramResult::Ok(value) => u32::try_from(value).context("r0 has an upper half"),
            ProgramResult::Err(error) => bail!("ended with {error}"),
        }
    }

    fn instructions(&self) -> Option<u64> {
        Some(self.instructions)
    }
}
