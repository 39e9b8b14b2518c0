// SPDX-License-Identifier: MIT OR Apache-2.0
//! `wasm3`: the C interpreter of WebAssembly that the rBPF paper compares
//! with, through its Rust bindings.

use anyhow::{Result, anyhow, ensure};
use wasm3::{Environment, Runtime};

use super::wasmi::CONTEXT;
use super::{Contestant, Kind, versioned};
use crate::workload::Workload;

/// Bytes of its own stack.
const STACK: u32 = 16 * 1024;

pub(crate) struct Wasm3 {
    name: String,
    runtime: Runtime,
}

impl Wasm3 {
    pub(crate) fn new(workload: &Workload) -> Result<Self> {
        let environment = Environment::new().map_err(error)?;
        let runtime = environment.create_runtime(STACK).map_err(error)?;
        runtime
            .parse_and_load_module(workload.wasm.clone())
            .map_err(error)?;
        // SAFETY: nothing else uses the memory, and no guest runs meanwhile.
        let memory = unsafe { &mut *runtime.memory_mut() };
        let start = CONTEXT as usize;
        let context = workload.context32(CONTEXT + 16);
        let data = workload.bytes();
        ensure!(
            memory.len() >= start + 16 + data.len(),
            "the module's memory is too small"
        );
        memory[start..start + context.len()].copy_from_slice(&context);
        memory[start + 16..start + 16 + data.len()].copy_from_slice(&data);
        Ok(Self {
            name: versioned("wasm3"),
            runtime,
        })
    }
}

impl Contestant for Wasm3 {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Kind {
        Kind::Wasm
    }

    fn remark(&self) -> &'static str {
        "wasm32; no limit on instructions"
    }

    fn run(&mut self) -> Result<u32> {
        self.runtime
            .find_function::<u32, u32>("fletcher32")
            .and_then(|function| function.call(CONTEXT))
            .map_err(error)
    }
}

fn error(error: wasm3::error::Error) -> anyhow::Error {
    anyhow!("{error}")
}
