// SPDX-License-Identifier: MIT OR Apache-2.0
//! What rbpf-vm costs on a Cortex-M4: the firmware that `m4model.py` runs.
//!
//! Exports functions that the model calls one by one, and measures: nothing
//! here is started by a reset. A `setup_*` function chooses and verifies a
//! program, `run` executes it.
#![no_std]

mod programs;

use core::hint::black_box;
use core::panic::PanicInfo;

use programs::{FLETCHER32, INPUT, INSTRUCTIONS, TRIVIAL};
use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, FaultKind, Functions, HelperCall, HelperGrant, HelperPolicy, Host, Interpreter,
    Machine, MemoryMap, Outcome, Program, Rights, region,
};

/// What `run` returns instead of r0 when the run did not end with a value.
const FAILED: u32 = 0xdead_0000;

/// Enough for any of the programs.
const BUDGET: u32 = 1_000_000;

/// Guest stack, as large as by default.
const STACK: usize = 512;

/// Every helper there is returns 0.
struct EmptyHelper;

impl Host for EmptyHelper {
    fn call(&mut self, _: &mut HelperCall, _: &mut MemoryMap<'_>) -> Result<u64, FaultKind> {
        Ok(0)
    }
}

impl HelperPolicy for EmptyHelper {
    fn grant(&self, _: u32) -> HelperGrant {
        HelperGrant::Granted
    }
}

/// Context of all programs. The layout is that of `struct context` in
/// `fletcher32.c`.
#[repr(C)]
struct Context {
    data: u64,
    words: u32,
    /// For the programs that measure stores.
    scratch: u32,
}

impl Context {
    const fn new(data: u64) -> Self {
        Self {
            data,
            words: (INPUT.len() / 2) as u32,
            scratch: 0,
        }
    }
}

/// The state between two calls by the model, which has one thread.
struct State {
    text: &'static [Slot],
    program: Option<Program<'static>>,
    stack: [u8; STACK],
    context: [u8; size_of::<Context>()],
    executed: u32,
}

static mut STATE: State = State {
    text: &[],
    program: None,
    stack: [0; STACK],
    context: [0; size_of::<Context>()],
    executed: 0,
};

fn state() -> &'static mut State {
    // SAFETY: each exported function takes it once, and the model calls them
    // one after the other.
    unsafe { &mut *(&raw mut STATE) }
}

unsafe extern "C" {
    /// The native form of `fletcher32.c`.
    fn fletcher32(context: &Context) -> u32;
}

/// Chooses fletcher32, compiled for the given `-mcpu`: 2, 3 or 4. Returns its
/// number of slots, 0 if there is none.
#[unsafe(no_mangle)]
extern "C" fn setup_fletcher32(cpu: u32) -> u32 {
    choose(FLETCHER32.get((cpu as usize).wrapping_sub(2)).copied())
}

/// Chooses one of the programs that repeat an instruction, by its place in
/// [`programs::INSTRUCTION_NAMES`].
#[unsafe(no_mangle)]
extern "C" fn setup_instruction(index: u32) -> u32 {
    choose(INSTRUCTIONS.get(index as usize).map(|program| program.text()))
}

/// Chooses `r0 = 0; exit`.
#[unsafe(no_mangle)]
extern "C" fn setup_trivial() -> u32 {
    choose(Some(&TRIVIAL))
}

fn choose(text: Option<&'static [Slot]>) -> u32 {
    let state = state();
    state.text = text.unwrap_or_default();
    state.program = None;
    let context = Context::new(region::address(region::GRANTED));
    let (data, rest) = state.context.split_at_mut(8);
    data.copy_from_slice(&context.data.to_le_bytes());
    let (words, scratch) = rest.split_at_mut(4);
    words.copy_from_slice(&context.words.to_le_bytes());
    scratch.copy_from_slice(&context.scratch.to_le_bytes());
    state.text.len() as u32
}

/// Verifies the chosen program; 0 if it is valid.
#[unsafe(no_mangle)]
extern "C" fn verify() -> u32 {
    let state = state();
    let functions = Functions::Unlisted { frame: 64 };
    match Program::verify(state.text, functions, black_box(&EmptyHelper)) {
        Ok(program) => {
            state.program = Some(program);
            0
        }
        Err(_) => FAILED,
    }
}

/// One run of the chosen program, from nothing to its result.
#[unsafe(no_mangle)]
extern "C" fn run() -> u32 {
    let state = state();
    let Some(program) = &state.program else {
        return FAILED;
    };
    let mut memory = MemoryMap::new(&mut state.stack);
    let context_length = state.context.len() as u64;
    let mapped = memory
        .map_mut(region::CONTEXT, &mut state.context, Rights::ReadWrite)
        .and_then(|()| memory.map(region::GRANTED, &INPUT));
    if mapped.is_err() {
        return FAILED | 1;
    }
    let arguments = [region::address(region::CONTEXT), context_length, 0, 0, 0];
    let mut machine = Machine::new(program, arguments);
    machine.add_budget(BUDGET);
    // A device knows its host's type no better than this.
    let host: &mut dyn Host = &mut EmptyHelper;
    let outcome = Interpreter.run(program, &mut machine, &mut memory, black_box(host));
    state.executed = machine.instructions();
    match outcome {
        Outcome::Returned(value) => value as u32,
        Outcome::OutOfBudget => FAILED | 2,
        Outcome::Fault(fault) => FAILED | 0x100 | fault.kind as u32,
    }
}

/// eBPF instructions that the last run executed.
#[unsafe(no_mangle)]
extern "C" fn executed() -> u32 {
    state().executed
}

/// The native fletcher32 over the same data.
#[unsafe(no_mangle)]
extern "C" fn native() -> u32 {
    let context = Context::new(INPUT.as_ptr() as usize as u64);
    // SAFETY: the context names `INPUT` and its length in words.
    unsafe { fletcher32(&context) }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
