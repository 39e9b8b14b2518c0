// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs from nowhere: what the verifier accepts touches only what it was
//! granted, keeps to its budget, and does the same however it is run.
//!
//! Each program runs twice: once without a pause on one engine, and once in
//! pieces on the other, with other bytes in the region that it may write but
//! not read. Nothing but those bytes may differ.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rbpf_fuzz::{Guarded, Text};
use rbpf_vm::{
    Engine, FaultKind, Function, Functions, HelperCall, HelperGrant, Host, Interpreter, Machine,
    MemoryMap, Observed, Observer, Outcome, Program, Rights, region,
};

/// The region that may be read and written beside the context.
const SHARED: u8 = region::DATA;
const READ_ONLY: u8 = region::GRANTED;
const WRITE_ONLY: u8 = region::GRANTED + 1;

#[derive(Debug, Arbitrary)]
struct Input {
    /// Entry and frame of each function; none for raw bytecode.
    functions: Option<Vec<(u8, u8)>>,
    /// Budgets of the pieces of the second run; the first has their sum.
    budgets: [u16; 3],
    stack: u8,
    lengths: [u8; 4],
    arguments: [u16; 2],
    /// Takes what is left of the fuzzer's bytes.
    text: Text,
}

/// Helpers that use memory in each of the ways that there are.
struct Helpers;

impl Host for Helpers {
    fn call(
        &mut self,
        call: &mut HelperCall,
        memory: &mut MemoryMap<'_>,
    ) -> Result<u64, FaultKind> {
        let [a, b, c, _, cost] = call.arguments;
        call.address = a;
        call.cost = cost as u32;
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum();
        match call.id {
            1 => memory.read(a, b).map(sum),
            2 => memory.write(a, b).map(|bytes| {
                bytes.fill(c as u8);
                0
            }),
            3 => memory.copy(a, b, c).map(|()| 0).map_err(|(kind, address)| {
                call.address = address;
                kind
            }),
            4 => memory.readable_from(a).map(sum),
            _ => Ok(u64::from(call.id)),
        }
    }
}

fn grant(id: u32) -> HelperGrant {
    match id {
        0..32 => HelperGrant::Granted,
        32..64 => HelperGrant::Denied,
        _ => HelperGrant::Unknown,
    }
}

/// Counts, and looks at the registers.
#[derive(Default)]
struct Steps(u64);

impl Observer for Steps {
    fn step(&mut self, pc: u32, registers: &[u64; 11]) {
        assert!(pc < 0x1_0000);
        assert_eq!(registers[10] >> 24, region::STACK.into());
        self.0 += 1;
    }
}

/// All memory of a run.
#[derive(Clone)]
struct Regions {
    stack: Guarded,
    context: Guarded,
    shared: Guarded,
    read_only: Guarded,
    write_only: Guarded,
}

impl Regions {
    fn new(input: &Input) -> Self {
        let [context, shared, read_only, write_only] = input.lengths.map(usize::from);
        Self {
            stack: Guarded::new(usize::from(input.stack) * 4, 0),
            context: Guarded::new(context, 1),
            shared: Guarded::new(shared, 2),
            read_only: Guarded::new(read_only, 3),
            write_only: Guarded::new(write_only, 4),
        }
    }

    fn map(&mut self) -> MemoryMap<'_> {
        let mut map = MemoryMap::new(self.stack.get_mut());
        map.map_mut(region::CONTEXT, self.context.get_mut(), Rights::ReadWrite)
            .and_then(|()| map.map_mut(SHARED, self.shared.get_mut(), Rights::ReadWrite))
            .and_then(|()| map.map(READ_ONLY, self.read_only.get()))
            .and_then(|()| map.map_mut(WRITE_ONLY, self.write_only.get_mut(), Rights::Write))
            .expect("the numbers are free and the regions short");
        map
    }

    fn check(&self) {
        self.stack.check();
        self.context.check();
        self.shared.check();
        self.read_only.check();
        self.write_only.check();
        assert!(self.read_only.get().iter().all(|&byte| byte == 3));
    }
}

/// What can be seen of a run afterwards.
fn visible(machine: &Machine) -> ([u64; 11], u32, i32, u32, u32) {
    (
        *machine.registers(),
        machine.pc(),
        machine.budget(),
        machine.instructions(),
        machine.helper_calls(),
    )
}

/// Budgets of pieces stay below this: a loop that runs longer shows nothing
/// new.
const MAX_PIECE: u16 = 1024;

fuzz_target!(|input: Input| {
    let budgets = input.budgets.map(|piece| piece % MAX_PIECE);
    let text = &input.text.0;
    let table: Vec<Function>;
    let functions = match &input.functions {
        None => Functions::Unlisted { frame: 64 },
        Some(functions) => {
            table = functions
                .iter()
                .map(|&(entry, frame)| Function {
                    entry: entry.into(),
                    frame: u16::from(frame) * 8,
                })
                .collect();
            Functions::Table(&table)
        }
    };
    let Ok(program) = Program::verify(text, functions, &grant) else {
        return;
    };
    let [a, b] = input.arguments;
    let arguments = [
        region::address(region::CONTEXT) + u64::from(a),
        input.lengths[0].into(),
        region::address(b as u8 % 8) + u64::from(b >> 8),
        0,
        0,
    ];
    let budget: u32 = budgets.iter().map(|&piece| u32::from(piece)).sum();

    let mut regions = Regions::new(&input);
    let mut whole = Machine::new(&program, arguments);
    whole.add_budget(budget);
    let outcome = Interpreter.run(&program, &mut whole, &mut regions.map(), &mut Helpers);
    regions.check();
    assert!(
        whole.instructions() <= budget,
        "{} instructions with a budget of {budget}",
        whole.instructions()
    );

    let mut again = Regions::new(&input);
    again.write_only.get_mut().fill(0x99);
    let mut pieces = Machine::new(&program, arguments);
    let mut steps = Steps::default();
    let mut last = Outcome::OutOfBudget;
    let mut rest = budget;
    for piece in budgets {
        // A map of its own for each part, as hosts make them.
        let mut map = again.map();
        pieces.add_budget(piece.into());
        rest -= u32::from(piece);
        last = Observed(&mut steps).run(&program, &mut pieces, &mut map, &mut Helpers);
        if last != Outcome::OutOfBudget {
            break;
        }
    }
    // What was not needed.
    pieces.add_budget(rest);
    again.check();
    assert_eq!(outcome, last);
    assert_eq!(visible(&whole), visible(&pieces));
    assert_eq!(regions.stack.get(), again.stack.get());
    assert_eq!(regions.context.get(), again.context.get());
    assert_eq!(regions.shared.get(), again.shared.get());
    assert_eq!(steps.0, u64::from(whole.instructions()));
});
