// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verifier: one pass over the text, no heap, every field of every slot.
//!
//! It proves what an engine relies on to be fast: every slot that can be
//! reached is an instruction with all its fields valid, control stays in the
//! text, r10 is never written, and every helper called is known and granted.
//! It does not track values: memory is checked at each access, loops by the
//! budget.
//!
//! Its functions are `#[inline]`, so they are compiled with the crate that has a
//! program verified, for size, and not with the engines, for speed.

use rbpf_isa::{FRAME_POINTER, Field, Form, REGISTERS, Slot, form, opcode, selector};

use crate::kinds::define_kinds;
use crate::{Function, Functions};

define_kinds! {
    /// The rule that a program breaks.
    VerifyErrorKind;

    /// A program has at least one instruction.
    Empty = 1, "without instructions";
    /// A program has at most 65,535 slots.
    TooLong = 2, "longer than 65535 slots";
    /// The opcode is not in the table.
    UnknownOpcode = 3, "unknown opcode";
    /// The deprecated packet access of RFC 9669, section 5.5.
    LegacyPacketAccess = 4, "legacy packet access";
    /// A call of an address in a register.
    IndirectCall = 5, "indirect calls are not supported";
    /// A register number above 10.
    InvalidRegister = 6, "register number above 10";
    /// r10 as a destination.
    FramePointerWrite = 7, "write to r10";
    /// A field that the instruction does not use is not zero.
    UnusedField = 8, "unused field is not zero";
    /// The offset, immediate or source that selects the operation has a value
    /// that selects none.
    InvalidSelector = 9, "no such variant";
    /// The second slot of `lddw` is missing or has other fields than its
    /// immediate.
    IncompleteLoad = 10, "second slot of lddw is wrong";
    /// A jump or local call leaves the text.
    JumpOutOfText = 11, "jump out of the program";
    /// A jump or local call goes to the second slot of `lddw`.
    JumpIntoInstruction = 12, "jump into an instruction";
    /// A local call to something that is not in the function table.
    CallTarget = 13, "call of no function";
    /// The last instruction does not end or leave.
    FallsOffEnd = 14, "control runs past the end";
    /// No such helper.
    UnknownHelper = 15, "unknown helper";
    /// A helper that this program may not call.
    DeniedHelper = 16, "helper is not granted";
    /// The table is empty, not in order, or names slots that are no
    /// instruction.
    FunctionTable = 17, "function table is wrong";
}

/// Why a program is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// Slot index where the rule is broken.
    pub pc: u32,
    /// The rule.
    pub kind: VerifyErrorKind,
}

/// What a program may do with a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperGrant {
    /// Call it.
    Granted,
    /// It exists, but the program lacks the right.
    Denied,
    /// There is none.
    Unknown,
}

/// Which helpers exist and are granted. `Fn(u32) -> HelperGrant` is one.
pub trait HelperPolicy {
    /// Judges a helper by its id.
    fn grant(&self, helper: u32) -> HelperGrant;
}

impl<F: Fn(u32) -> HelperGrant> HelperPolicy for F {
    fn grant(&self, helper: u32) -> HelperGrant {
        self(helper)
    }
}

/// Verifies a program and returns the function where runs start.
#[inline]
pub(crate) fn verify(
    text: &[Slot],
    functions: &Functions<'_>,
    helpers: &dyn HelperPolicy,
) -> Result<Function, VerifyError> {
    let whole = |kind| VerifyError { pc: 0, kind };
    if text.is_empty() {
        return Err(whole(VerifyErrorKind::Empty));
    }
    if text.len() > usize::from(u16::MAX) {
        return Err(whole(VerifyErrorKind::TooLong));
    }
    let mut rest = text.iter().enumerate();
    let mut last = Form::Invalid;
    let mut pc = 0;
    while let Some((index, slot)) = rest.next() {
        pc = index;
        last = verify_slot(text, pc, *slot, functions, helpers).map_err(|kind| VerifyError {
            pc: pc as u32,
            kind,
        })?;
        if last == Form::LoadImmediate64 {
            let second = rest.next().map(|(_, slot)| *slot);
            if second.map(|slot| Slot {
                immediate: 0,
                ..slot
            }) != Some(Slot::default())
            {
                return Err(VerifyError {
                    pc: pc as u32,
                    kind: VerifyErrorKind::IncompleteLoad,
                });
            }
        }
    }
    if !matches!(last, Form::Exit | Form::Jump | Form::LongJump) {
        return Err(VerifyError {
            pc: pc as u32,
            kind: VerifyErrorKind::FallsOffEnd,
        });
    }
    verify_functions(text, functions).ok_or(whole(VerifyErrorKind::FunctionTable))
}

/// Verifies one instruction and returns its form.
#[inline]
fn verify_slot(
    text: &[Slot],
    pc: usize,
    slot: Slot,
    functions: &Functions<'_>,
    helpers: &dyn HelperPolicy,
) -> Result<Form, VerifyErrorKind> {
    let form = form(slot.opcode);
    if form == Form::Invalid {
        return Err(match slot.opcode {
            opcode if opcode == opcode::Call | SOURCE_REGISTER => VerifyErrorKind::IndirectCall,
            opcode if is_legacy_packet_access(opcode) => VerifyErrorKind::LegacyPacketAccess,
            _ => VerifyErrorKind::UnknownOpcode,
        });
    }

    let selector = selector(slot.opcode);
    let (dst, src) = (slot.dst() as u8, slot.src() as u8);
    if dst >= REGISTERS || (src >= REGISTERS && selector != Field::Source) {
        return Err(VerifyErrorKind::InvalidRegister);
    }
    if (!form.uses_dst() && dst != 0)
        || (!form.uses_src() && src != 0 && selector != Field::Source)
        || (!form.uses_offset() && slot.offset != 0 && selector != Field::Offset)
        || (!form.uses_immediate() && slot.immediate != 0 && selector != Field::Immediate)
    {
        return Err(VerifyErrorKind::UnusedField);
    }
    if !rbpf_isa::selector_is_valid(slot) {
        return Err(VerifyErrorKind::InvalidSelector);
    }
    // Atomic operations that fetch write the source register, but for
    // compare and exchange, which writes r0 (RFC 9669, section 5.3).
    let written = if form.writes_dst() {
        dst
    } else if form == Form::Atomic && slot.immediate & ATOMIC_FETCH != 0 {
        if slot.immediate == ATOMIC_COMPARE_EXCHANGE {
            0
        } else {
            src
        }
    } else {
        0
    };
    if written == FRAME_POINTER {
        return Err(VerifyErrorKind::FramePointerWrite);
    }

    match form {
        Form::Jump | Form::BranchImmediate | Form::BranchRegister => {
            jump_target(text, pc, i32::from(slot.offset))?;
        }
        Form::LongJump => {
            jump_target(text, pc, slot.immediate)?;
        }
        Form::Call if src == CALL_LOCAL => {
            let target = jump_target(text, pc, slot.immediate)?;
            functions.frame(target).ok_or(VerifyErrorKind::CallTarget)?;
        }
        Form::Call => match helpers.grant(slot.immediate as u32) {
            HelperGrant::Granted => {}
            HelperGrant::Denied => return Err(VerifyErrorKind::DeniedHelper),
            HelperGrant::Unknown => return Err(VerifyErrorKind::UnknownHelper),
        },
        _ => {}
    }
    Ok(form)
}

/// The slot where a jump goes, if it is an instruction.
#[inline]
fn jump_target(text: &[Slot], pc: usize, offset: i32) -> Result<usize, VerifyErrorKind> {
    // At most 2^16 slots and a 32-bit offset: no overflow in 64 bits.
    let target = pc as i64 + 1 + i64::from(offset);
    let target = usize::try_from(target).map_err(|_| VerifyErrorKind::JumpOutOfText)?;
    match text.get(target) {
        None => Err(VerifyErrorKind::JumpOutOfText),
        Some(slot) if is_second_slot(*slot) => Err(VerifyErrorKind::JumpIntoInstruction),
        Some(_) => Ok(target),
    }
}

/// Whether a slot is the second of `lddw`: its opcode is 0, which no
/// instruction has.
#[inline]
fn is_second_slot(slot: Slot) -> bool {
    slot.opcode == 0
}

/// Checks the order and the entries of the function table.
#[inline]
fn verify_functions(text: &[Slot], functions: &Functions<'_>) -> Option<Function> {
    let start = functions.start()?;
    if let Functions::Table(table) = functions {
        let at_instruction = |function: &Function| {
            text.get(usize::from(function.entry))
                .is_some_and(|slot| !is_second_slot(*slot))
        };
        let rest = table.get(1..)?;
        let ascending = rest.is_sorted_by(|a, b| a.entry < b.entry);
        if !table.iter().all(at_instruction) || !ascending {
            return None;
        }
    }
    Some(start)
}

/// `src` of a call of a local function (RFC 9669, section 4.3.2).
pub(crate) const CALL_LOCAL: u8 = 1;
/// Bit of the opcode: the second operand is a register.
const SOURCE_REGISTER: u8 = 0x08;
/// Bit of the immediate of an atomic operation: the old value is wanted.
pub(crate) const ATOMIC_FETCH: i32 = 0x01;
/// Immediate of compare and exchange.
const ATOMIC_COMPARE_EXCHANGE: i32 = 0xf1;

/// Class LD, modes ABS and IND, sizes W, H and B (RFC 9669, section 5.5).
const fn is_legacy_packet_access(opcode: u8) -> bool {
    matches!(opcode, 0x20 | 0x28 | 0x30 | 0x40 | 0x48 | 0x50)
}
