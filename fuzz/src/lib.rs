// SPDX-License-Identifier: MIT OR Apache-2.0
//! What fuzz targets share: how a fuzzer's bytes become programs, and memory
//! that shows when somebody wrote beside it.

use arbitrary::{Arbitrary, Result, Unstructured};
use rbpf_isa::{FRAME_POINTER, Field, Form, REGISTERS, Slot, VARIANTS, opcode};

/// Slots of the longest program.
const MAX_SLOTS: usize = 64;

/// A program text: the fuzzer's bytes as they are, or mended so that most of
/// it gets past the verifier.
#[derive(Clone, Debug)]
pub struct Text(pub Vec<Slot>);

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let mend = !bytes.ratio(1, 8)?;
        let length = bytes.int_in_range(1..=MAX_SLOTS)?;
        let mut slots = Vec::new();
        while slots.len() < length && !bytes.is_empty() {
            let raw = Slot::from_bits(bytes.arbitrary()?);
            if mend {
                slots.extend(mended(raw, slots.len(), length));
            } else {
                slots.push(raw);
            }
        }
        if mend {
            // Jumps may go this far.
            let missing = length.saturating_sub(slots.len()) + 1;
            slots.extend([Slot::new(opcode::Exit, 0, 0, 0, 0)].repeat(missing));
        }
        Ok(Self(slots))
    }
}

/// An instruction made of a slot that probably is none: its opcode byte
/// chooses one, and fields are cut to what it allows.
fn mended(raw: Slot, place: usize, length: usize) -> Vec<Slot> {
    let variant = &VARIANTS[usize::from(raw.opcode) % VARIANTS.len()];
    let form = variant.form;
    let (mut dst, mut src) = (raw.dst() as u8 % REGISTERS, raw.src() as u8 % REGISTERS);
    if form.writes_dst() && dst == FRAME_POINTER {
        dst = 0;
    }
    if form == Form::Atomic && src == FRAME_POINTER {
        src = 0;
    }
    // Somewhere in the text; it may be the wrong slot of two.
    let target = raw.offset.unsigned_abs() as usize % (length + 1);
    let distance = target as i32 - place as i32 - 1;
    let mut slot = Slot::new(
        variant.opcode,
        u8::from(form.uses_dst()) * dst,
        u8::from(form.uses_src()) * src,
        i16::from(form.uses_offset()) * raw.offset,
        i32::from(form.uses_immediate()) * raw.immediate,
    );
    match variant.selector {
        Field::None => {}
        Field::Offset => slot.offset = variant.value as i16,
        Field::Immediate => slot.immediate = variant.value,
        Field::Source => slot.registers |= (variant.value as u8) << 4,
    }
    match form {
        Form::Jump | Form::BranchImmediate | Form::BranchRegister => slot.offset = distance as i16,
        Form::LongJump => slot.immediate = distance,
        Form::Call if slot.src() == 1 => slot.immediate = distance,
        // Most helpers that there are have small ids.
        Form::Call => slot.immediate &= 0x7f,
        // Most offsets that are in a region are small.
        _ if form.uses_offset() => slot.offset >>= 8,
        Form::LoadImmediate64 => {
            // Half of them are addresses: a region and a small offset.
            let (low, high) = if raw.offset & 1 == 0 {
                (raw.immediate & 0x0700_00ff, 0)
            } else {
                (raw.immediate, raw.offset.into())
            };
            slot.immediate = low;
            return vec![slot, Slot::new(0, 0, 0, 0, high)];
        }
        _ => {}
    }
    vec![slot]
}

/// Bytes on either side of guarded memory.
const GUARD: usize = 64;
const PATTERN: u8 = 0xc5;

/// Memory with a guard before and behind it.
#[derive(Clone, Debug)]
pub struct Guarded {
    bytes: Vec<u8>,
    length: usize,
}

impl Guarded {
    /// Memory of this length, every byte of it the same.
    #[must_use]
    pub fn new(length: usize, fill: u8) -> Self {
        let mut bytes = vec![PATTERN; length + 2 * GUARD];
        bytes[GUARD..GUARD + length].fill(fill);
        Self { bytes, length }
    }

    /// The memory.
    #[must_use]
    pub fn get(&self) -> &[u8] {
        &self.bytes[GUARD..GUARD + self.length]
    }

    /// The memory, to be written to.
    pub fn get_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[GUARD..GUARD + self.length]
    }

    /// Fails if somebody wrote to a guard.
    ///
    /// # Panics
    ///
    /// If so.
    pub fn check(&self) {
        let (front, rest) = self.bytes.split_at(GUARD);
        let back = &rest[self.length..];
        let intact = front.iter().chain(back).all(|&byte| byte == PATTERN);
        assert!(intact, "written outside of a region");
    }
}
