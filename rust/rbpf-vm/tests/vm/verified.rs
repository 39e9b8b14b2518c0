// SPDX-License-Identifier: MIT OR Apache-2.0
//! `Verified`: bytes with their proof (design, section 6, item 9).

use std::cell::Cell;

use rbpf_isa::Slot;
use rbpf_vm::{
    Engine, FaultKind, Interpreter, Machine, MemoryMap, NoHelpers, Outcome, Verified, VerifyError,
    VerifyErrorKind,
};
use zerocopy::IntoBytes;

use crate::support::{assert_invalid_instruction, everything, fault, slots};

/// Bytes that start at a multiple of 8.
#[repr(C, align(8))]
struct Aligned([u8; 64]);

/// A program of three slots that returns `value`, and behind it a function
/// table: the start, with a frame of 8 bytes.
fn image(value: i32) -> Aligned {
    let mut bytes = Aligned([0; 64]);
    let text = slots(&format!("mov %r0, {value}\nja +0\nexit"));
    bytes.0[..24].copy_from_slice(text.as_slice().as_bytes());
    bytes.0[24..28].copy_from_slice(&[0, 0, 8, 0]);
    bytes
}

const TEXT: std::ops::Range<usize> = 0..24;
const FUNCTIONS: std::ops::Range<usize> = 24..28;

fn run<B: AsRef<[u8]>>(verified: &Verified<B>) -> Outcome {
    let program = verified.program();
    let mut machine = Machine::new(&program, [0; 5]);
    machine.add_budget(10);
    let mut stack = [0; 64];
    Interpreter.run(
        &program,
        &mut machine,
        &mut MemoryMap::new(&mut stack),
        &mut NoHelpers,
    )
}

#[test]
fn a_program_with_its_bytes() {
    let image = image(7);
    let verified = Verified::verify(&image.0[..], TEXT, FUNCTIONS, &NoHelpers).unwrap();
    assert_eq!(run(&verified), Outcome::Returned(7));
    assert_eq!(verified.bytes(), image.0);
    assert_eq!(verified.program().text().len(), 3);
    assert_eq!(verified.program().start().frame, 8);
}

/// To change the bytes, they must be taken out, and then there is no program
/// until they are verified again. (That they cannot be changed inside is the
/// type's doing: `bytes` is shared.)
#[test]
fn the_proof_is_gone_with_the_bytes() {
    let mut image = image(7);
    let verified = Verified::verify(&mut image.0[..], TEXT, FUNCTIONS, &NoHelpers).unwrap();
    let bytes: &mut [u8] = verified.into_inner();
    bytes[0] = 0xff;
    let (bytes, error) = Verified::verify(bytes, TEXT, FUNCTIONS, &NoHelpers).unwrap_err();
    let kind = VerifyErrorKind::UnknownOpcode;
    assert_eq!(error, VerifyError { pc: 0, kind });
    assert_eq!(bytes[0], 0xff, "the same buffer");
}

/// A buffer that shows other bytes when it has been swapped.
struct Fickle<'a> {
    shown: [&'a [u8]; 2],
    swapped: &'a Cell<bool>,
}

impl AsRef<[u8]> for Fickle<'_> {
    fn as_ref(&self) -> &[u8] {
        self.shown[usize::from(self.swapped.get())]
    }
}

/// Runs a program of which only other bytes are left when it has been
/// verified.
fn run_swapped(then: &[u8]) -> Outcome {
    let good = image(7);
    let swapped = Cell::new(false);
    let buffer = Fickle {
        shown: [&good.0, then],
        swapped: &swapped,
    };
    let verified = Verified::verify(buffer, TEXT, FUNCTIONS, &NoHelpers)
        .map_err(|(_, error)| error)
        .unwrap();
    swapped.set(true);
    run(&verified)
}

/// The image with another first slot.
fn image_with(slot: Slot) -> Aligned {
    let mut bytes = image(7);
    bytes.0[..8].copy_from_slice(slot.as_bytes());
    bytes
}

#[test]
fn a_buffer_that_changes_its_mind_gives_faults() {
    let unknown = image_with(Slot::new(0xff, 0, 0, 0, 0));
    for then in [&unknown.0[..], &unknown.0[..10], &[]] {
        assert_invalid_instruction(run_swapped(then));
    }
    // Out of the text, by a little and by as much as can be said.
    for jump in [
        Slot::new(0x05, 0, 0, 5, 0),
        Slot::new(0x05, 0, 0, i16::MAX, 0),
        Slot::new(0x05, 0, 0, -2, 0),
        Slot::new(0x05, 0, 0, i16::MIN, 0),
        Slot::new(0x06, 0, 0, 0, 1000),
        Slot::new(0x06, 0, 0, 0, i32::MIN + 1),
    ] {
        assert_invalid_instruction(run_swapped(&image_with(jump).0));
    }
    let call = image_with(Slot::new(0x85, 0, 0, 0, 77));
    let outcome = run_swapped(&call.0);
    assert_eq!(outcome, fault(FaultKind::UnknownHelper, 0, 0));
    let call = image_with(Slot::new(0x85, 0, 1, 0, 1));
    assert_invalid_instruction(run_swapped(&call.0));
}

/// The distance of a jump that was never verified, in the interpreter's loop.
#[test]
fn jumps_as_far_as_numbers_go() {
    for distance in [i32::MAX, i32::MAX - 1, i32::MIN] {
        let jump = image_with(Slot::new(0x06, 0, 0, 0, distance));
        assert_invalid_instruction(run_swapped(&jump.0));
    }
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "that is the test")]
fn bad_ranges() {
    let image = image(7);
    let empty = VerifyErrorKind::Empty;
    let table = VerifyErrorKind::FunctionTable;
    for (text, functions, kind) in [
        // Outside of the buffer.
        (0..72, FUNCTIONS, empty),
        (64..72, FUNCTIONS, empty),
        (1000..1008, FUNCTIONS, empty),
        (usize::MAX - 8..usize::MAX, FUNCTIONS, empty),
        (TEXT, 62..66, table),
        (TEXT, 1000..1004, table),
        // Backward and empty.
        (24..0, FUNCTIONS, empty),
        (0..0, FUNCTIONS, empty),
        (TEXT, 28..24, table),
        (TEXT, 24..24, table),
        // Not a whole number of slots or records.
        (0..23, FUNCTIONS, empty),
        (TEXT, 24..27, table),
        (TEXT, 24..26, table),
        // Not aligned.
        (1..25, FUNCTIONS, empty),
        (2..26, FUNCTIONS, empty),
        (TEXT, 25..29, table),
    ] {
        let case = format!("{text:?} {functions:?}");
        let (_, error) = Verified::verify(&image.0[..], text, functions, &everything).unwrap_err();
        assert_eq!(error, VerifyError { pc: 0, kind }, "{case}");
    }
}

#[test]
fn a_misaligned_buffer() {
    let mut bytes = Aligned([0; 64]);
    bytes.0[1..33].copy_from_slice(&image(7).0[..32]);
    let (_, error) = Verified::verify(&bytes.0[1..], TEXT, FUNCTIONS, &everything).unwrap_err();
    assert_eq!(error.kind, VerifyErrorKind::Empty);
}
