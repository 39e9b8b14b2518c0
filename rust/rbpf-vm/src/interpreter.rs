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
//! pays for it. A taken jump moves both by the same distance; `lddw`, one
//! instruction in two slots, gets one back.

use rbpf_isa::{Slot, for_each_opcode};

use crate::arithmetic::{Division, divide, swap};
use crate::verifier::CALL_LOCAL;
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

/// Out of line, so that nothing of it is prepared in the inner loop.
#[cold]
#[inline(never)]
fn fault(kind: FaultKind, address: u64) -> Stop {
    Stop::Fault(kind, address)
}

fn interpret(
    program: &Program<'_>,
    machine: &mut Machine,
    memory: &mut MemoryMap<'_>,
    host: &mut dyn Host,
    observer: &mut impl Observer,
) -> Outcome {
    let text = program.text();
    // Index of the slot after the one that is being executed.
    let mut next = machine.pc as usize;
    let mut credit = machine.budget.wrapping_add(next as i32);
    let stop = 'run: loop {
        let Some(slot) = text.get(next) else {
            next = next.wrapping_add(1);
            break fault(FaultKind::InvalidInstruction, 0);
        };
        observer.step(next as u32, machine.registers());
        next += 1;

        // Slots `text` and relative jumps are verified, so `next` stays in
        // the text and none of these sums wraps.
        macro_rules! dst {
            () => {
                machine.registers[slot.dst()]
            };
        }
        macro_rules! src {
            () => {
                machine.registers[slot.src()]
            };
        }
        macro_rules! immediate {
            () => {
                i64::from(slot.immediate) as u64
            };
        }
        macro_rules! binary64 {
            ($operand:expr, |$a:ident, $b:ident| $result:expr) => {{
                let ($a, $b): (u64, u64) = (dst!(), $operand);
                dst!() = $result;
                continue;
            }};
        }
        macro_rules! binary32 {
            ($operand:expr, |$a:ident, $b:ident| $result:expr) => {{
                let ($a, $b): (u32, u32) = (dst!() as u32, $operand as u32);
                dst!() = u64::from($result);
                continue;
            }};
        }
        macro_rules! division64 {
            ($what:ident, $b:expr) => {{
                dst!() = divide(Division::$what, slot.offset != 0, dst!(), $b);
                continue;
            }};
        }
        macro_rules! division32 {
            ($what:ident, $b:expr) => {{
                let (a, b) = (dst!(), $b);
                let (a, b) = if slot.offset != 0 {
                    (a as i32 as u64, b as i32 as u64)
                } else {
                    (u64::from(a as u32), u64::from(b as u32))
                };
                dst!() = u64::from(divide(Division::$what, slot.offset != 0, a, b) as u32);
                continue;
            }};
        }
        macro_rules! branch {
            ($type:ty, $operand:expr, |$a:ident, $b:ident| $condition:expr) => {{
                let ($a, $b) = (dst!() as $type, $operand as $type);
                if !$condition {
                    continue;
                }
                i32::from(slot.offset)
            }};
        }
        macro_rules! load {
            ($raw:ty, $as:ty) => {{
                let address = src!().wrapping_add_signed(i64::from(slot.offset));
                let Some(bytes) = memory.load(address) else {
                    break 'run fault(FaultKind::InvalidRead, address);
                };
                dst!() = <$raw>::from_le_bytes(bytes) as $as as u64;
                continue;
            }};
        }
        macro_rules! store {
            ($raw:ty, $value:expr) => {{
                let address = dst!().wrapping_add_signed(i64::from(slot.offset));
                if !memory.store(address, ($value as $raw).to_le_bytes()) {
                    break 'run fault(FaultKind::InvalidWrite, address);
                }
                continue;
            }};
        }
        macro_rules! atomic {
            ($function:ident) => {{
                match $function(&mut machine.registers, memory, slot) {
                    Ok(()) => continue,
                    Err((kind, address)) => break 'run fault(kind, address),
                }
            }};
        }
        macro_rules! arm {
            (Add32Imm) => {
                binary32!(immediate!(), |a, b| a.wrapping_add(b))
            };
            (Add32Reg) => {
                binary32!(src!(), |a, b| a.wrapping_add(b))
            };
            (Sub32Imm) => {
                binary32!(immediate!(), |a, b| a.wrapping_sub(b))
            };
            (Sub32Reg) => {
                binary32!(src!(), |a, b| a.wrapping_sub(b))
            };
            (Mul32Imm) => {
                binary32!(immediate!(), |a, b| a.wrapping_mul(b))
            };
            (Mul32Reg) => {
                binary32!(src!(), |a, b| a.wrapping_mul(b))
            };
            (Div32Imm) => {
                division32!(Quotient, immediate!())
            };
            (Div32Reg) => {
                division32!(Quotient, src!())
            };
            (Or32Imm) => {
                binary32!(immediate!(), |a, b| a | b)
            };
            (Or32Reg) => {
                binary32!(src!(), |a, b| a | b)
            };
            (And32Imm) => {
                binary32!(immediate!(), |a, b| a & b)
            };
            (And32Reg) => {
                binary32!(src!(), |a, b| a & b)
            };
            (Lsh32Imm) => {
                binary32!(immediate!(), |a, b| a.wrapping_shl(b))
            };
            (Lsh32Reg) => {
                binary32!(src!(), |a, b| a.wrapping_shl(b))
            };
            (Rsh32Imm) => {
                binary32!(immediate!(), |a, b| a.wrapping_shr(b))
            };
            (Rsh32Reg) => {
                binary32!(src!(), |a, b| a.wrapping_shr(b))
            };
            (Neg32) => {
                binary32!(0u32, |a, _b| a.wrapping_neg())
            };
            (Mod32Imm) => {
                division32!(Remainder, immediate!())
            };
            (Mod32Reg) => {
                division32!(Remainder, src!())
            };
            (Xor32Imm) => {
                binary32!(immediate!(), |a, b| a ^ b)
            };
            (Xor32Reg) => {
                binary32!(src!(), |a, b| a ^ b)
            };
            (Mov32Imm) => {
                binary32!(immediate!(), |_a, b| b)
            };
            (Mov32Reg) => {{
                let value = src!();
                dst!() = u64::from(match slot.offset {
                    0 => value as u32,
                    8 => value as i8 as u32,
                    _ => value as i16 as u32,
                });
                continue;
            }};
            (Arsh32Imm) => {
                binary32!(immediate!(), |a, b| (a as i32).wrapping_shr(b) as u32)
            };
            (Arsh32Reg) => {
                binary32!(src!(), |a, b| (a as i32).wrapping_shr(b) as u32)
            };
            (Add64Imm) => {
                binary64!(immediate!(), |a, b| a.wrapping_add(b))
            };
            (Add64Reg) => {
                binary64!(src!(), |a, b| a.wrapping_add(b))
            };
            (Sub64Imm) => {
                binary64!(immediate!(), |a, b| a.wrapping_sub(b))
            };
            (Sub64Reg) => {
                binary64!(src!(), |a, b| a.wrapping_sub(b))
            };
            (Mul64Imm) => {
                binary64!(immediate!(), |a, b| a.wrapping_mul(b))
            };
            (Mul64Reg) => {
                binary64!(src!(), |a, b| a.wrapping_mul(b))
            };
            (Div64Imm) => {
                division64!(Quotient, immediate!())
            };
            (Div64Reg) => {
                division64!(Quotient, src!())
            };
            (Or64Imm) => {
                binary64!(immediate!(), |a, b| a | b)
            };
            (Or64Reg) => {
                binary64!(src!(), |a, b| a | b)
            };
            (And64Imm) => {
                binary64!(immediate!(), |a, b| a & b)
            };
            (And64Reg) => {
                binary64!(src!(), |a, b| a & b)
            };
            (Lsh64Imm) => {
                binary64!(immediate!(), |a, b| a.wrapping_shl(b as u32))
            };
            (Lsh64Reg) => {
                binary64!(src!(), |a, b| a.wrapping_shl(b as u32))
            };
            (Rsh64Imm) => {
                binary64!(immediate!(), |a, b| a.wrapping_shr(b as u32))
            };
            (Rsh64Reg) => {
                binary64!(src!(), |a, b| a.wrapping_shr(b as u32))
            };
            (Neg64) => {
                binary64!(0, |a, _b| a.wrapping_neg())
            };
            (Mod64Imm) => {
                division64!(Remainder, immediate!())
            };
            (Mod64Reg) => {
                division64!(Remainder, src!())
            };
            (Xor64Imm) => {
                binary64!(immediate!(), |a, b| a ^ b)
            };
            (Xor64Reg) => {
                binary64!(src!(), |a, b| a ^ b)
            };
            (Mov64Imm) => {
                binary64!(immediate!(), |_a, b| b)
            };
            (Mov64Reg) => {{
                let value = src!();
                dst!() = match slot.offset {
                    0 => value,
                    8 => value as i8 as u64,
                    16 => value as i16 as u64,
                    _ => value as i32 as u64,
                };
                continue;
            }};
            (Arsh64Imm) => {
                binary64!(immediate!(), |a, b| (a as i64).wrapping_shr(b as u32)
                    as u64)
            };
            (Arsh64Reg) => {
                binary64!(src!(), |a, b| (a as i64).wrapping_shr(b as u32) as u64)
            };
            (ToLe) => {{
                dst!() = swap(dst!(), slot.immediate, false);
                continue;
            }};
            (ToBe) => {{
                dst!() = swap(dst!(), slot.immediate, true);
                continue;
            }};
            (Swap) => {{
                dst!() = swap(dst!(), slot.immediate, true);
                continue;
            }};
            (Ja) => {
                i32::from(slot.offset)
            };
            (Ja32) => {
                slot.immediate
            };
            (Jeq64Imm) => {
                branch!(u64, immediate!(), |a, b| (a == b))
            };
            (Jeq64Reg) => {
                branch!(u64, src!(), |a, b| (a == b))
            };
            (Jgt64Imm) => {
                branch!(u64, immediate!(), |a, b| (a > b))
            };
            (Jgt64Reg) => {
                branch!(u64, src!(), |a, b| (a > b))
            };
            (Jge64Imm) => {
                branch!(u64, immediate!(), |a, b| (a >= b))
            };
            (Jge64Reg) => {
                branch!(u64, src!(), |a, b| (a >= b))
            };
            (Jset64Imm) => {
                branch!(u64, immediate!(), |a, b| (a & b != 0))
            };
            (Jset64Reg) => {
                branch!(u64, src!(), |a, b| (a & b != 0))
            };
            (Jne64Imm) => {
                branch!(u64, immediate!(), |a, b| (a != b))
            };
            (Jne64Reg) => {
                branch!(u64, src!(), |a, b| (a != b))
            };
            (Jsgt64Imm) => {
                branch!(i64, immediate!(), |a, b| (a > b))
            };
            (Jsgt64Reg) => {
                branch!(i64, src!(), |a, b| (a > b))
            };
            (Jsge64Imm) => {
                branch!(i64, immediate!(), |a, b| (a >= b))
            };
            (Jsge64Reg) => {
                branch!(i64, src!(), |a, b| (a >= b))
            };
            (Jlt64Imm) => {
                branch!(u64, immediate!(), |a, b| (a < b))
            };
            (Jlt64Reg) => {
                branch!(u64, src!(), |a, b| (a < b))
            };
            (Jle64Imm) => {
                branch!(u64, immediate!(), |a, b| (a <= b))
            };
            (Jle64Reg) => {
                branch!(u64, src!(), |a, b| (a <= b))
            };
            (Jslt64Imm) => {
                branch!(i64, immediate!(), |a, b| (a < b))
            };
            (Jslt64Reg) => {
                branch!(i64, src!(), |a, b| (a < b))
            };
            (Jsle64Imm) => {
                branch!(i64, immediate!(), |a, b| (a <= b))
            };
            (Jsle64Reg) => {
                branch!(i64, src!(), |a, b| (a <= b))
            };
            (Jeq32Imm) => {
                branch!(u32, immediate!(), |a, b| (a == b))
            };
            (Jeq32Reg) => {
                branch!(u32, src!(), |a, b| (a == b))
            };
            (Jgt32Imm) => {
                branch!(u32, immediate!(), |a, b| (a > b))
            };
            (Jgt32Reg) => {
                branch!(u32, src!(), |a, b| (a > b))
            };
            (Jge32Imm) => {
                branch!(u32, immediate!(), |a, b| (a >= b))
            };
            (Jge32Reg) => {
                branch!(u32, src!(), |a, b| (a >= b))
            };
            (Jset32Imm) => {
                branch!(u32, immediate!(), |a, b| (a & b != 0))
            };
            (Jset32Reg) => {
                branch!(u32, src!(), |a, b| (a & b != 0))
            };
            (Jne32Imm) => {
                branch!(u32, immediate!(), |a, b| (a != b))
            };
            (Jne32Reg) => {
                branch!(u32, src!(), |a, b| (a != b))
            };
            (Jsgt32Imm) => {
                branch!(i32, immediate!(), |a, b| (a > b))
            };
            (Jsgt32Reg) => {
                branch!(i32, src!(), |a, b| (a > b))
            };
            (Jsge32Imm) => {
                branch!(i32, immediate!(), |a, b| (a >= b))
            };
            (Jsge32Reg) => {
                branch!(i32, src!(), |a, b| (a >= b))
            };
            (Jlt32Imm) => {
                branch!(u32, immediate!(), |a, b| (a < b))
            };
            (Jlt32Reg) => {
                branch!(u32, src!(), |a, b| (a < b))
            };
            (Jle32Imm) => {
                branch!(u32, immediate!(), |a, b| (a <= b))
            };
            (Jle32Reg) => {
                branch!(u32, src!(), |a, b| (a <= b))
            };
            (Jslt32Imm) => {
                branch!(i32, immediate!(), |a, b| (a < b))
            };
            (Jslt32Reg) => {
                branch!(i32, src!(), |a, b| (a < b))
            };
            (Jsle32Imm) => {
                branch!(i32, immediate!(), |a, b| (a <= b))
            };
            (Jsle32Reg) => {
                branch!(i32, src!(), |a, b| (a <= b))
            };
            (Call) => {{
                if credit < next as i32 {
                    break Stop::OutOfBudget;
                }
                if slot.src() == usize::from(CALL_LOCAL) {
                    if let Err(kind) = enter(program, machine, memory, next, slot.immediate) {
                        break fault(kind, machine.registers[10]);
                    }
                    let distance = slot.immediate;
                    next = next.wrapping_add_signed(distance as isize);
                    credit = credit.wrapping_add(distance);
                } else {
                    let before = machine.budget;
                    if let Err((kind, address)) = call_helper(machine, memory, host, slot.immediate)
                    {
                        break fault(kind, address);
                    }
                    credit = credit.saturating_add(machine.budget - before);
                }
                continue;
            }};
            (Exit) => {{
                if machine.depth == 0 {
                    break Stop::Returned;
                }
                let Some(back) = leave(machine, memory) else {
                    break fault(FaultKind::InvalidInstruction, 0);
                };
                credit = credit.wrapping_add(back as i32 - next as i32);
                next = back;
                continue;
            }};
            (LoadImm64) => {{
                let Some(second) = text.get(next) else {
                    break fault(FaultKind::InvalidInstruction, 0);
                };
                dst!() =
                    u64::from(slot.immediate as u32) | u64::from(second.immediate as u32) << 32;
                next += 1;
                credit += 1;
                continue;
            }};
            (LoadW) => {
                load!(u32, u32)
            };
            (LoadH) => {
                load!(u16, u16)
            };
            (LoadB) => {
                load!(u8, u8)
            };
            (LoadDw) => {
                load!(u64, u64)
            };
            (LoadSignedW) => {
                load!(u32, i32)
            };
            (LoadSignedH) => {
                load!(u16, i16)
            };
            (LoadSignedB) => {
                load!(u8, i8)
            };
            (StoreImmW) => {
                store!(u32, slot.immediate)
            };
            (StoreImmH) => {
                store!(u16, slot.immediate)
            };
            (StoreImmB) => {
                store!(u8, slot.immediate)
            };
            (StoreImmDw) => {
                store!(u64, slot.immediate)
            };
            (StoreW) => {
                store!(u32, src!())
            };
            (StoreH) => {
                store!(u16, src!())
            };
            (StoreB) => {
                store!(u8, src!())
            };
            (StoreDw) => {
                store!(u64, src!())
            };
            (AtomicW) => {
                atomic!(atomic32)
            };
            (AtomicDw) => {
                atomic!(atomic64)
            };
        }
        macro_rules! dispatch {
            ($($byte:literal $name:ident $form:ident $selector:ident $variants:tt)*) => {
                match slot.opcode {
                    $($byte => arm!($name),)*
                    0x00..=0x03 | 0x08..=0x0b | 0x0d..=0x0e | 0x10..=0x13 | 0x19..=0x1b | 0x20..=0x23 | 0x28..=0x2b | 0x30..=0x33 | 0x38..=0x3b | 0x40..=0x43 | 0x48..=0x4b | 0x50..=0x53 | 0x58..=0x5b | 0x60 | 0x68 | 0x70 | 0x78 | 0x80 | 0x82..=0x83 | 0x86 | 0x88 | 0x8a..=0x90 | 0x92..=0x93 | 0x96 | 0x98..=0x9b | 0x9d..=0x9e | 0xa0..=0xa3 | 0xa8..=0xab | 0xb0..=0xb3 | 0xb8..=0xbb | 0xc0..=0xc2 | 0xc8..=0xcb | 0xd0..=0xd3 | 0xd8..=0xda | 0xdf..=0xff => break fault(FaultKind::InvalidInstruction, 0),
                }
            };
        }

        // Arms that jump evaluate to the distance; all others continue.
        let distance: i32 = for_each_opcode!(dispatch);
        if distance < 0 && credit < next as i32 {
            break Stop::OutOfBudget;
        }
        next = next.wrapping_add_signed(distance as isize);
        credit = credit.wrapping_add(distance);
    };

    let (pc, outcome) = match stop {
        Stop::Returned => (next, Outcome::Returned(machine.registers[0])),
        // The instruction is not executed: it is the next one.
        Stop::OutOfBudget => (next - 1, Outcome::OutOfBudget),
        Stop::Fault(kind, address) => {
            let pc = next as u32 - 1;
            (next, Outcome::Fault(Fault { kind, pc, address }))
        }
    };
    // Helpers have charged `machine.budget` meanwhile; the rest is what the
    // loop executed.
    let executed = machine.budget - (credit - pc as i32);
    machine.count(executed as u32);
    machine.pc = pc as u32;
    outcome
}

/// What a local call hides at the end of the stack: r6 to r10 and the slot
/// to return to.
const RECORD: usize = 48;

/// Enters a local function: saves what it must not change and gives it a
/// frame above the caller's.
#[inline(never)]
fn enter(
    program: &Program<'_>,
    machine: &mut Machine,
    memory: &mut MemoryMap<'_>,
    next: usize,
    distance: i32,
) -> Result<(), FaultKind> {
    let target = next.wrapping_add_signed(distance as isize);
    let frame = program
        .functions()
        .frame(target)
        .ok_or(FaultKind::InvalidInstruction)?;
    let [_, _, _, _, _, _, r6, r7, r8, r9, r10, ..] = &mut machine.registers;
    let mut record = [0; RECORD];
    let saved = [*r6, *r7, *r8, *r9, *r10, next as u64];
    for (bytes, value) in record.as_chunks_mut::<8>().0.iter_mut().zip(saved) {
        *bytes = value.to_le_bytes();
    }
    let top = r10.wrapping_add(u64::from(frame));
    let floor = top.wrapping_sub(region::address(region::STACK));
    if !memory.push_record(floor, record) {
        return Err(FaultKind::StackOverflow);
    }
    *r10 = top;
    machine.depth += 1;
    Ok(())
}

/// Leaves a local function and returns the slot to continue at.
#[inline(never)]
fn leave(machine: &mut Machine, memory: &mut MemoryMap<'_>) -> Option<usize> {
    let record = memory.pop_record::<RECORD>()?;
    let mut saved = [0; RECORD / 8];
    for (value, bytes) in saved.iter_mut().zip(record.as_chunks::<8>().0) {
        *value = u64::from_le_bytes(*bytes);
    }
    let [_, _, _, _, _, _, r6, r7, r8, r9, r10, ..] = &mut machine.registers;
    let next;
    [*r6, *r7, *r8, *r9, *r10, next] = saved;
    machine.depth = machine.depth.checked_sub(1)?;
    Some(next as usize)
}

/// The largest cost of one helper call; the budget's sums cannot overflow
/// with it.
const MAX_COST: u32 = 1 << 30;

#[inline(never)]
fn call_helper(
    machine: &mut Machine,
    memory: &mut MemoryMap<'_>,
    host: &mut dyn Host,
    id: i32,
) -> Result<(), (FaultKind, u64)> {
    let [r0, r1, r2, r3, r4, r5, ..] = &mut machine.registers;
    let mut call = HelperCall {
        id: id as u32,
        arguments: [*r1, *r2, *r3, *r4, *r5],
        cost: 0,
        address: 0,
    };
    let result = host.call(&mut call, memory);
    if let Ok(value) = result {
        *r0 = value;
    }
    machine.charge(call.cost.min(MAX_COST));
    result.map(drop).map_err(|kind| (kind, call.address))
}

macro_rules! define_atomic {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        #[inline(never)]
        fn $name(
            registers: &mut [u64; 16],
            memory: &mut MemoryMap<'_>,
            slot: &Slot,
        ) -> Result<(), (FaultKind, u64)> {
            let address = registers[slot.dst()].wrapping_add_signed(i64::from(slot.offset));
            let bytes = memory.load(address).ok_or((FaultKind::InvalidRead, address))?;
            let old = <$type>::from_le_bytes(bytes);
            let operand = registers[slot.src()] as $type;
            let new = match slot.immediate & !FETCH {
                0x00 => old.wrapping_add(operand),
                0x40 => old | operand,
                0x50 => old & operand,
                0xa0 => old ^ operand,
                // Compare and exchange; the plain exchange below.
                0xf0 if old != registers[0] as $type => old,
                _ => operand,
            };
            if !memory.store(address, new.to_le_bytes()) {
                return Err((FaultKind::InvalidWrite, address));
            }
            if slot.immediate & 0xf0 == 0xf0 {
                registers[0] = old as u64;
            } else if slot.immediate & FETCH != 0 {
                registers[slot.src()] = old as u64;
            }
            Ok(())
        }
    };
}

/// Bit of the immediate of an atomic operation: the old value is wanted
/// (RFC 9669, section 5.3).
const FETCH: i32 = 0x01;

define_atomic!(
    /// The 32-bit atomic operations. A run has its memory for itself, so a
    /// load and a store are atomic.
    atomic32,
    u32
);
define_atomic!(
    /// The 64-bit atomic operations.
    atomic64,
    u64
);
