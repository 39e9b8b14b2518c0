// SPDX-License-Identifier: MIT OR Apache-2.0
//! rbpf-vm and nothing else: all that it takes to verify a program and to run
//! it is reached through one function. `size.py` weighs the result.
#![no_std]

use core::panic::PanicInfo;

use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, Functions, HelperPolicy, Host, Interpreter, MapError, Machine, MemoryMap, Outcome,
    Program, Rights, VerifyError, region,
};

/// Bytes of RAM per machine and per memory map, for `size.py` to read.
#[used]
#[unsafe(link_section = ".sizes")]
static SIZES: [usize; 2] = [size_of::<Machine>(), size_of::<MemoryMap<'_>>()];

/// Why nothing ran.
pub enum Refused {
    /// The program is not valid.
    Program(VerifyError),
    /// The memory cannot be mapped.
    Memory(MapError),
}

/// Verifies a program and runs it.
///
/// # Errors
///
/// If the program is not valid or the memory cannot be mapped.
#[unsafe(no_mangle)]
pub fn verify_and_run(
    text: &[Slot],
    functions: Functions<'_>,
    helpers: &dyn HelperPolicy,
    host: &mut dyn Host,
    memory: [&mut [u8]; 2],
    budget: u32,
) -> Result<Outcome, Refused> {
    let program = verify(text, functions, helpers).map_err(Refused::Program)?;
    let [stack, context] = memory;
    let arguments = [
        region::address(region::CONTEXT),
        context.len() as u64,
        0,
        0,
        0,
    ];
    let mut memory = MemoryMap::new(stack);
    memory
        .map_mut(region::CONTEXT, context, Rights::ReadWrite)
        .map_err(Refused::Memory)?;
    let mut machine = Machine::new(&program, arguments);
    machine.add_budget(budget);
    Ok(Interpreter.run(&program, &mut machine, &mut memory, host))
}

/// A function of its own, as the engine is, so that the symbols show the
/// shares.
#[inline(never)]
fn verify<'a>(
    text: &'a [Slot],
    functions: Functions<'a>,
    helpers: &dyn HelperPolicy,
) -> Result<Program<'a>, VerifyError> {
    Program::verify(text, functions, helpers)
}

unsafe extern "C" {
    /// Defined nowhere, so that `size.py` finds it if it is referenced: a
    /// handler that does nothing could vanish by inlining, and the panics
    /// that it hides with it.
    safe fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    a_panic_is_reachable()
}
