// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interpreter of this project.

use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, Functions, Interpreter, Machine, MemoryMap, NoHelpers, Outcome, Program, Rights, region,
};

use super::{BUDGET, Divergence, FRAME, Observation, Oracle};

/// `rbpf_vm::Interpreter`.
#[derive(Clone, Copy, Debug)]
pub struct Ours;

impl Oracle for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn divergences(&self) -> &'static [Divergence] {
        &[]
    }

    fn run(&self, text: &[Slot], memory: &mut [u8]) -> Result<Observation, String> {
        let functions = Functions::Unlisted { frame: FRAME };
        let program = Program::verify(text, functions, &NoHelpers)
            .map_err(|error| format!("not accepted: {error:?}"))?;
        // Two frames, and the record that a call hides at the end.
        let mut stack = [0; 2 * FRAME as usize + 64];
        let length = memory.len() as u64;
        let mut map = MemoryMap::new(&mut stack);
        map.map_mut(region::CONTEXT, memory, Rights::ReadWrite)
            .map_err(|error| format!("not mapped: {error:?}"))?;
        let context = region::address(region::CONTEXT);
        let mut machine = Machine::new(&program, [context, length, 0, 0, 0]);
        machine.add_budget(BUDGET);
        match Interpreter.run(&program, &mut machine, &mut map, &mut NoHelpers) {
            Outcome::Returned(value) => Ok(Observation {
                value,
                instructions: Some(machine.instructions().into()),
            }),
            other => Err(format!("{other:?}")),
        }
    }
}
