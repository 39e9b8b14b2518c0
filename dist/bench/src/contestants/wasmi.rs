// SPDX-License-Identifier: MIT OR Apache-2.0
//! `wasmi`: an interpreter of WebAssembly that translates to registers first.

use anyhow::{Context, Result};
use wasmi::{Engine, Linker, Module, Store, TypedFunc};

use super::{Contestant, Kind, versioned};
use crate::workload::Workload;

/// Where the context is in the guest's memory: behind its stack and data.
pub(crate) const CONTEXT: u32 = 0x1_0000;

pub(crate) struct Wasmi {
    name: String,
    store: Store<()>,
    function: TypedFunc<u32, u32>,
}

impl Wasmi {
    pub(crate) fn new(workload: &Workload) -> Result<Self> {
        let engine = Engine::default();
        let module = Module::new(&engine, &workload.wasm)?;
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        let memory = instance
            .get_memory(&store, "memory")
            .context("the module has no memory")?;
        let context = workload.context32(CONTEXT + 16);
        memory.write(&mut store, CONTEXT as usize, &context)?;
        memory.write(&mut store, CONTEXT as usize + 16, &workload.bytes())?;
        let function = instance.get_typed_func(&store, "fletcher32")?;
        Ok(Self {
            name: versioned("wasmi"),
            store,
            function,
        })
    }
}

impl Contestant for Wasmi {
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
        Ok(self.function.call(&mut self.store, CONTEXT)?)
    }
}
