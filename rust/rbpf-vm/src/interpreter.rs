// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interpreter: executes the bytes of the image where they lie.
//!
//! One flat `match` on the opcode, its arms taken from the table in
//! `rbpf-isa`: an instruction without an arm is a compile error. There is no
//! decoded copy of the program and no second form of it, so a container costs
//! no RAM for its code.
//!
//! # Counting
//!
//! Executed instructions are counted exactly, at no cost on straight lines:
//! `credit - pc` is the budget that remains, so stepping to the next slot
//! pays for it, and the slots that are stepped through end at `credit`. A
//! taken jump moves both by the same distance; `lddw`, one instruction in two
//! slots, gets one back.

use rbpf_isa::{Load, Slot, Width, for_each_opcode, part};

use crate::arithmetic::{Division, divide, divide32, shift_left, shift_right, swap};
use crate::memory::Record;
use crate::verifier::{ATOMIC_FETCH, CALL_LOCAL};
use crate::{
    Engine, Fault, FaultKind, HelperCall, Host, Machine, MemoryMap, Outcome, Program, region,
};

/// The portable engine.
#[derive(Clone, Copy, Debug)]
pub struct Interpreter;

impl Engine for Interpreter {
    fn run(
        &mut self,
        program: &Program<'_>,
        machine: &mut Machine,
        memory: &mut MemoryMap<'_>,
        host: &mut dyn Host,
    ) -> Outcome {
        interpret(program, machine, memory, host, &mut Unobserved)
    }
}

/// Looks over the shoulder of a run.
pub trait Observer {
    /// Called before each instruction: its slot index, and r0 to r10.
    fn step(&mut self, pc: u32, registers: &[u64; 11]);
}

/// The interpreter with an [`Observer`]: slower, same results.
#[derive(Debug)]
pub struct Observed<'o, O: Observer>(pub &'o mut O);

impl<O: Observer> Engine for Observed<'_, O> {
    fn run(
        &mut self,
        program: &Program<'_>,
        machine: &mut Machine,
        memory: &mut MemoryMap<'_>,
        host: &mut dyn Host,
    ) -> Outcome {
        interpret(program, machine, memory, host, self.0)
    }
}

/// Nobody looks; costs nothing.
struct Unobserved;

impl Observer for Unobserved {
    #[inline(always)]
    fn step(&mut self, _: u32, _: &[u64; 11]) {}
}

/// What stops the inner loop.
enum Stop {
    Returned,
    OutOfBudget,
    Fault(FaultKind, u64),
}

/// Whether an operation that has no arm of its own is a conditional jump.
const fn is_branch(operation: &str) -> bool {
    matches!(operation.as_bytes(), [b'J', ..])
}

macro_rules! define_codes {
    ($($byte:literal $name:ident $operation:ident $form:ident $selector:ident $variants:tt)*) => {
        /// The code in the upper half of each conditional jump's opcode.
        #[allow(non_upper_case_globals, reason = "names are those of the table")]
        mod codes {
            use rbpf_isa::Form;

            $(pub(super) const $name: u8 = match Form::$form {
                Form::BranchImmediate | Form::BranchRegister => $byte >> 4,
                _ => u8::MAX,
            };)*
        }
    };
}
for_each_opcode!(define_codes);

/// The low 8, 16 or 32 bits with their sign; out of line, since plain moves
/// are far more common.
#[cold]
#[inline(never)]
fn sign_extend(value: u64, bits: i16) -> u64 {
    match bits {
        8 => value as i8 as u64,
        16 => value as i16 as u64,
        _ => value as i32 as u64,
    }
}

/// Out of line, so that nothing of it is prepared in the inner loop.
#[cold]
#[inline(never)]
fn fault(kind: FaultKind, address: u64) -> Stop {
    Stop::Fault(kind, address)
}

/// Not inlined: a caller that is built for size would make it small and slow.
#[inline(never)]
fn interpret(
    program: &Program<'_>,
    machine: &mut Machine,
    memory: &mut MemoryMap<'_>,
    host: &mut dyn Host,
    observer: &mut impl Observer,
) -> Outcome {
    let text = program.text();
    // The slot where the budget ends, if no jump comes before.
    let mut credit = machine.budget.wrapping_add(machine.pc as i32);
    // The slots after the one that is being executed, as far as the budget allows, and the
    // index of the first that is not among them.
    let mut end = machine.pc as usize;
    let mut rest: core::slice::Iter<'_, Slot> = [].iter();
    // The index of the first of them.
    macro_rules! next {
        () => {
            end - rest.len()
        };
    }
    memory.hide_records(machine.depth);
    let stop = 'run: loop {
        let dst: usize;

        // An arm ends at one of these labels, or continues with the next
        // instruction. What many arms have in common stands once, behind its
        // label.
        let value: u64 = 'value: {
            let target: usize = 'goto: {
                let Some(slot) = rest.next() else {
                    // The start of a run, or its end.
                    if credit <= end as i32 {
                        break 'run Stop::OutOfBudget;
                    }
                    if end >= text.len() {
                        break 'run fault(FaultKind::InvalidInstruction, 0);
                    }
                    break 'goto end;
                };
                observer.step(next!() as u32 - 1, machine.registers());
                let head = slot.words()[0];
                dst = (head >> 8 & 0xf) as usize;
                let src = (head >> 12 & 0xf) as usize;
                let opcode = head as u8;

                let distance: i32 = 'jump: {
                    'branch: {
                        'load: {
                            let stored: u64 = 'store: {
                                #[rustfmt::skip]
                                macro_rules! dst {
                                    () => { machine.registers[dst] };
                                }
                                #[rustfmt::skip]
                                macro_rules! operand {
                                    (Register) => { machine.registers[src] };
                                    (StoreRegister) => { machine.registers[src] };
                                    ($form:ident) => { i64::from(slot.immediate) as u64 };
                                }
                                #[rustfmt::skip]
                                macro_rules! value {
                                    ($value:expr) => { break 'value u64::from($value) };
                                }
                                macro_rules! value32 {
                                    ($operand:expr, |$a:ident, $b:ident| $result:expr) => {{
                                        let ($a, $b) = (dst!() as u32, $operand as u32);
                                        value!($result)
                                    }};
                                }
                                macro_rules! value64 {
                                    ($operand:expr, |$a:ident, $b:ident| $result:expr) => {{
                                        let ($a, $b): (u64, u64) = (dst!(), $operand);
                                        value!($result)
                                    }};
                                }
                                #[rustfmt::skip]
                                macro_rules! arm {
                                    (Add32 $b:expr) => { value32!($b, |a, b| a.wrapping_add(b)) };
                                    (Sub32 $b:expr) => { value32!($b, |a, b| a.wrapping_sub(b)) };
                                    (Mul32 $b:expr) => { value32!($b, |a, b| a.wrapping_mul(b)) };
                                    (Div32 $b:expr) => { value32!($b, |a, b| divide32(Division::Quotient, slot, a, b)) };
                                    (Mod32 $b:expr) => { value32!($b, |a, b| divide32(Division::Remainder, slot, a, b)) };
                                    (Or32 $b:expr) => { value32!($b, |a, b| a | b) };
                                    (And32 $b:expr) => { value32!($b, |a, b| a & b) };
                                    (Xor32 $b:expr) => { value32!($b, |a, b| a ^ b) };
                                    (Lsh32 $b:expr) => { value32!($b, |a, b| a.wrapping_shl(b)) };
                                    (Rsh32 $b:expr) => { value32!($b, |a, b| a.wrapping_shr(b)) };
                                    (Arsh32 $b:expr) => { value32!($b, |a, b| (a as i32).wrapping_shr(b) as u32) };
                                    (Neg32 $b:expr) => { value32!($b, |a, _b| a.wrapping_neg()) };
                                    (Mov32 $b:expr) => {{
                                        if slot.offset != 0 {
                                            value!(sign_extend($b, slot.offset) as u32);
                                        }
                                        value!($b as u32)
                                    }};
                                    (Add64 $b:expr) => { value64!($b, |a, b| a.wrapping_add(b)) };
                                    (Sub64 $b:expr) => { value64!($b, |a, b| a.wrapping_sub(b)) };
                                    (Mul64 $b:expr) => { value64!($b, |a, b| a.wrapping_mul(b)) };
                                    (Div64 $b:expr) => { value64!($b, |a, b| divide(Division::Quotient, slot, a, b)) };
                                    (Mod64 $b:expr) => { value64!($b, |a, b| divide(Division::Remainder, slot, a, b)) };
                                    (Or64 $b:expr) => { value64!($b, |a, b| a | b) };
                                    (And64 $b:expr) => { value64!($b, |a, b| a & b) };
                                    (Xor64 $b:expr) => { value64!($b, |a, b| a ^ b) };
                                    (Lsh64 $b:expr) => { value64!($b, |a, b| shift_left(a, b as u32)) };
                                    (Rsh64 $b:expr) => { value64!($b, |a, b| shift_right(a, b as u32)) };
                                    (Arsh64 $b:expr) => { value64!($b, |a, b| (a as i64).wrapping_shr(b as u32) as u64) };
                                    (Neg64 $b:expr) => { value64!($b, |a, _b| a.wrapping_neg()) };
                                    (Mov64 $b:expr) => {{
                                        if slot.offset != 0 {
                                            value!(sign_extend($b, slot.offset));
                                        }
                                        value!($b)
                                    }};
                                    // The source bit says big-endian (RFC 9669, section 4.2).
                                    (Endian $b:expr) => { value!(swap(dst!(), slot.immediate, opcode & part::SOURCE_REGISTER != 0)) };
                                    (Swap $b:expr) => { value!(swap(dst!(), slot.immediate, true)) };
                                    (LoadImm64 $b:expr) => {{
                                        let next = next!();
                                        let Some(second) = text.get(next) else {
                                            break 'run fault(FaultKind::InvalidInstruction, 0);
                                        };
                                        dst!() = u64::from(slot.immediate as u32) | u64::from(second.immediate as u32) << 32;
                                        // One instruction in two slots: the second is not executed.
                                        break 'goto next + 1
                                    }};
                                    (Load $b:expr) => { break 'load };
                                    (LoadSigned $b:expr) => { break 'load };
                                    (Store $b:expr) => { break 'store $b };
                                    (Atomic $b:expr) => {{
                                        match atomic(&mut machine.registers, memory, slot) {
                                            Ok(()) => continue 'run,
                                            Err((kind, address)) => break 'run fault(kind, address),
                                        }
                                    }};
                                    (Ja $b:expr) => { break 'jump slot.offset.into() };
                                    (Ja32 $b:expr) => { break 'jump slot.immediate };
                                    (Call $b:expr) => {{
                                        let next = next!();
                                        if src == usize::from(CALL_LOCAL) {
                                            let target = next.wrapping_add_signed(slot.immediate as isize);
                                            match enter(program, machine, memory, next, target) {
                                                Ok(()) => break 'goto target,
                                                Err(kind) => break 'run fault(kind, machine.registers[10]),
                                            }
                                        }
                                        let charged = machine.charged;
                                        let left = credit.wrapping_sub(next as i32) as u32;
                                        let called = call_helper(machine, memory, host, slot.immediate, left);
                                        credit -= machine.charged.wrapping_sub(charged) as i32;
                                        if let Err((kind, address)) = called {
                                            break 'run fault(kind, address);
                                        }
                                        // What it cost may have been all there was, and more.
                                        break 'goto next
                                    }};
                                    (Exit $b:expr) => {{
                                        if machine.depth == 0 {
                                            break 'run Stop::Returned;
                                        }
                                        match leave(machine, memory) {
                                            Some(target) => break 'goto target,
                                            None => break 'run fault(FaultKind::InvalidInstruction, 0),
                                        }
                                    }};
                                    ($branch:ident $b:expr) => {{
                                        const { assert!(is_branch(stringify!($branch))) };
                                        break 'branch
                                    }};
                                }
                                macro_rules! dispatch {
                                ($($byte:literal $name:ident $operation:ident $form:ident $selector:ident $variants:tt)*) => {
                                    match opcode {
                                        $($byte => arm!($operation operand!($form)),)*
                                        // The second slot of `lddw`, never reached. An arm of its
                                        // own starts the jump table at 0, which saves
                                        // cycles for all.
                                        0 => continue 'run,
                                        _ => break 'run fault(FaultKind::InvalidInstruction, 0),
                                    }
                                };
                            }
                                for_each_opcode!(dispatch)
                            };
                            let address =
                                machine.registers[dst].wrapping_add_signed(i64::from(slot.offset));
                            if !memory.store(address, Width::of(opcode), stored) {
                                break 'run fault(FaultKind::InvalidWrite, address);
                            }
                            continue 'run;
                        }
                        let address =
                            machine.registers[src].wrapping_add_signed(i64::from(slot.offset));
                        let Some(loaded) = memory.load(address, Load::of(opcode)) else {
                            break 'run fault(FaultKind::InvalidRead, address);
                        };
                        break 'value loaded;
                    }
                    let mut a = machine.registers[dst];
                    let mut b = if opcode & part::SOURCE_REGISTER == 0 {
                        i64::from(slot.immediate) as u64
                    } else {
                        machine.registers[src]
                    };
                    // Sign extension keeps the order of 32-bit numbers, signed
                    // and unsigned, and which bits they have in common.
                    if opcode & part::CLASS == part::CLASS_JMP32 {
                        (a, b) = (a as i32 as u64, b as i32 as u64);
                    }
                    let (signed_a, signed_b) = (a as i64, b as i64);
                    #[rustfmt::skip]
                    macro_rules! condition {
                        (Jeq) => { a == b };
                        (Jne) => { a != b };
                        (Jset) => { a & b != 0 };
                        (Jgt) => { a > b };
                        (Jge) => { a >= b };
                        (Jlt) => { a < b };
                        (Jle) => { a <= b };
                        (Jsgt) => { signed_a > signed_b };
                        (Jsge) => { signed_a >= signed_b };
                        (Jslt) => { signed_a < signed_b };
                        (Jsle) => { signed_a <= signed_b };
                        ($other:ident) => { false };
                    }
                    macro_rules! decide {
                    ($($byte:literal $name:ident $operation:ident $form:ident $selector:ident $variants:tt)*) => {
                        match opcode >> 4 {
                            $(codes::$name => condition!($operation),)*
                            _ => false,
                        }
                    };
                }
                    #[allow(unreachable_patterns, reason = "all widths and forms share an arm")]
                    let taken = for_each_opcode!(decide);
                    if !taken {
                        continue 'run;
                    }
                    i32::from(slot.offset)
                };
                next!().wrapping_add_signed(distance as isize)
            };
            // What lies between is not executed.
            credit = credit.wrapping_add((target as i32).wrapping_sub(next!() as i32));
            let Some(slots) = text.get(target..) else {
                break 'run fault(FaultKind::InvalidInstruction, 0);
            };
            let left = credit.wrapping_sub(target as i32).max(0) as usize;
            let slots = slots.get(..left).unwrap_or(slots);
            end = target + slots.len();
            rest = slots.iter();
            continue 'run;
        };
        machine.registers[dst] = value;
    };

    let next = next!() as u32;
    let outcome = match stop {
        Stop::Returned => Outcome::Returned(machine.registers[0]),
        Stop::OutOfBudget => Outcome::OutOfBudget,
        Stop::Fault(kind, address) => {
            let pc = next.wrapping_sub(1);
            Outcome::Fault(Fault { kind, pc, address })
        }
    };
    machine.pc = next;
    machine.budget = credit.wrapping_sub(next as i32);
    outcome
}

/// Enters a local function: saves what it must not change and gives it a
/// frame above the caller's.
#[inline(never)]
fn enter(
    program: &Program<'_>,
    machine: &mut Machine,
    memory: &mut MemoryMap<'_>,
    next: usize,
    target: usize,
) -> Result<(), FaultKind> {
    let frame = program
        .functions()
        .frame(target)
        .ok_or(FaultKind::InvalidInstruction)?;
    let [_, _, _, _, _, _, r6, r7, r8, r9, r10, ..] = &mut machine.registers;
    let record = Record {
        saved: [*r6, *r7, *r8, *r9],
        frame_pointer: *r10 as u32,
        pc: next as u32,
    };
    // An address has 32 bits, and a guest cannot change this one.
    let top = record.frame_pointer.wrapping_add(frame.into());
    let floor = top.wrapping_sub(region::address(region::STACK) as u32);
    if !memory.push_record(floor, &record) {
        return Err(FaultKind::StackOverflow);
    }
    *r10 = top.into();
    machine.depth += 1;
    Ok(())
}

/// Leaves a local function and returns the slot to continue at.
#[inline(never)]
fn leave(machine: &mut Machine, memory: &mut MemoryMap<'_>) -> Option<usize> {
    let record = memory.pop_record()?;
    machine.depth = machine.depth.checked_sub(1)?;
    let [_, _, _, _, _, _, r6, r7, r8, r9, r10, ..] = &mut machine.registers;
    [*r6, *r7, *r8, *r9] = record.saved;
    *r10 = record.frame_pointer.into();
    Some(record.pc as usize)
}

/// The largest cost of one helper call; the budget's sums cannot overflow
/// with it.
const MAX_COST: u32 = 1 << 30;

/// Calls a helper, whether it faults or not, and charges what it cost.
#[inline(never)]
fn call_helper(
    machine: &mut Machine,
    memory: &mut MemoryMap<'_>,
    host: &mut dyn Host,
    id: i32,
    budget: u32,
) -> Result<(), (FaultKind, u64)> {
    let [_, r1, r2, r3, r4, r5, ..] = machine.registers;
    let mut call = HelperCall {
        id: id as u32,
        arguments: [r1, r2, r3, r4, r5],
        budget,
        cost: 0,
        address: 0,
    };
    let result = host.call(&mut call, memory);
    machine.charge(call.cost.min(MAX_COST));
    machine.registers[0] = result.map_err(|kind| (kind, call.address))?;
    Ok(())
}

/// The atomic operations. A run has its memory for itself, so a load and a
/// store are atomic.
#[inline(never)]
fn atomic(
    registers: &mut [u64; 16],
    memory: &mut MemoryMap<'_>,
    slot: &Slot,
) -> Result<(), (FaultKind, u64)> {
    let address = registers[slot.dst()].wrapping_add_signed(i64::from(slot.offset));
    let is_double = Width::of(slot.opcode) == Width::Double;
    let operand = registers[slot.src()];
    let mut expected = registers[0];
    if !is_double {
        expected = u64::from(expected as u32);
    }
    let change = |old: u64| match slot.immediate & !ATOMIC_FETCH {
        0x00 => old.wrapping_add(operand),
        0x40 => old | operand,
        0x50 => old & operand,
        0xa0 => old ^ operand,
        // Compare and exchange; the plain exchange below.
        0xf0 if old != expected => old,
        _ => operand,
    };
    let old = memory
        .update(address, is_double, change)
        .map_err(|kind| (kind, address))?;
    if slot.immediate & 0xf0 == 0xf0 {
        registers[0] = old;
    } else if slot.immediate & ATOMIC_FETCH != 0 {
        registers[slot.src()] = old;
    }
    Ok(())
}
