// SPDX-License-Identifier: MIT OR Apache-2.0
//! One test, ready to run, and its judgement.

use core::fmt;

use rbpf_isa::Slot;
use rbpf_vm::{Engine, Fault, FaultKind, VerifyError, VerifyErrorKind};

use crate::text;
use crate::{Run, STACK};

/// What a test expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This result.
    Value(u64),
    /// The verifier or the assembler rejects it.
    Rejected,
    /// The verifier rejects it, for this reason, at this slot.
    VerifyError(VerifyErrorKind, Option<u32>),
    /// This fault, at this slot, with this address.
    Fault(FaultKind, Option<u32>, Option<u64>),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It returned this.
    Returned(u64),
    /// The verifier rejected it.
    Rejected(VerifyError),
    /// It ended in this fault.
    Fault(Fault),
}

impl Expected {
    /// Whether this is what was expected.
    #[must_use]
    pub fn allows(&self, found: &Found) -> bool {
        match (*self, *found) {
            (Self::Value(wanted), Found::Returned(value)) => value == wanted,
            (Self::Rejected, Found::Rejected(_)) => true,
            (Self::VerifyError(kind, pc), Found::Rejected(error)) => {
                error.kind == kind && pc.is_none_or(|pc| pc == error.pc)
            }
            (Self::Fault(kind, pc, address), Found::Fault(fault)) => {
                fault.kind == kind
                    && pc.is_none_or(|pc| pc == fault.pc)
                    && address.is_none_or(|address| address == fault.address)
            }
            _ => false,
        }
    }
}

/// A test that can be run.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The program.
    pub program: &'a [Slot],
    /// The memory as it is at the start, which may be empty.
    pub memory: &'a [u8],
    /// What should happen.
    pub expected: Expected,
    /// Instructions that it should take.
    pub instructions: Option<u32>,
    /// Instructions that it may take.
    pub budget: u32,
}

impl Case<'_> {
    /// Runs the test, on a stack and in memory that the caller lends; returns
    /// how many instructions it took.
    ///
    /// # Errors
    ///
    /// What is different from what it expects.
    pub fn run(
        &self,
        engine: &mut dyn Engine,
        stack: &mut [u8; STACK],
        memory: &mut [u8],
    ) -> Result<u32, Difference> {
        let memory = memory
            .get_mut(..self.memory.len())
            .ok_or(Difference::NoRoom)?;
        memory.copy_from_slice(self.memory);
        let run = Run::new(self.program, memory, self.budget).execute(engine, stack);
        let (found, executed) = match run {
            Err(error) => (Found::Rejected(error), 0),
            Ok(end) => match end.outcome {
                Ok(value) => (Found::Returned(value), end.instructions),
                Err(fault) => (Found::Fault(fault), end.instructions),
            },
        };
        if !self.expected.allows(&found) {
            let expected = self.expected;
            return Err(Difference::End { found, expected });
        }
        match self.instructions {
            Some(expected) if expected != executed => {
                Err(Difference::Instructions { executed, expected })
            }
            _ => Ok(executed),
        }
    }
}

/// Why a test failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It ended otherwise.
    End {
        /// How.
        found: Found,
        /// How it should.
        expected: Expected,
    },
    /// It took another number of instructions.
    Instructions {
        /// So many.
        executed: u32,
        /// So many it should.
        expected: u32,
    },
    /// The memory that the caller lends is less than the test's.
    NoRoom,
}

impl Difference {
    /// Writes it as a text for people, by `write_str` alone, so that a device
    /// links no formatting.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match *self {
            Self::End { found, expected } => {
                write_found(out, &found)?;
                out.write_str(", expected ")?;
                write_expected(out, &expected)
            }
            Self::Instructions { executed, expected } => {
                text::decimal(out, executed)?;
                out.write_str(" instructions, expected ")?;
                text::decimal(out, expected)
            }
            Self::NoRoom => out.write_str("more memory than there is"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl core::error::Error for Difference {}

fn write_found(out: &mut impl fmt::Write, found: &Found) -> fmt::Result {
    match found {
        Found::Returned(value) => {
            out.write_str("returned ")?;
            text::hexadecimal(out, *value)
        }
        Found::Rejected(error) => {
            out.write_str("rejected by ")?;
            out.write_str(error.kind.name())?;
            out.write_str(" at slot ")?;
            text::decimal(out, error.pc)
        }
        Found::Fault(fault) => {
            out.write_str("fault ")?;
            out.write_str(fault.kind.name())?;
            out.write_str(" at slot ")?;
            text::decimal(out, fault.pc)?;
            out.write_str(", address ")?;
            text::hexadecimal(out, fault.address)
        }
    }
}

/// As the section in the file says it.
fn write_expected(out: &mut impl fmt::Write, expected: &Expected) -> fmt::Result {
    let (section, name, pc, address) = match *expected {
        Expected::Value(value) => {
            out.write_str("result ")?;
            return text::hexadecimal(out, value);
        }
        Expected::Rejected => return out.write_str("error"),
        Expected::VerifyError(kind, pc) => ("verify-error ", kind.name(), pc, None),
        Expected::Fault(kind, pc, address) => ("fault ", kind.name(), pc, address),
    };
    out.write_str(section)?;
    out.write_str(name)?;
    if let Some(pc) = pc {
        out.write_str(" ")?;
        text::decimal(out, pc)?;
    }
    if let Some(address) = address {
        out.write_str(" ")?;
        text::hexadecimal(out, address)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use rbpf_isa::opcode;
    use rbpf_vm::Interpreter;
    use std::string::ToString as _;

    use super::*;

    const INVALID_READ: Fault = Fault {
        kind: FaultKind::InvalidRead,
        pc: 1,
        address: 0x10,
    };

    /// Every expectation that is wrong in one place must be seen.
    #[test]
    fn only_what_is_expected_is_allowed() {
        let fault = |kind, pc, address| Expected::Fault(kind, pc, address);
        let kind = FaultKind::InvalidRead;
        for (expected, allowed) in [
            (fault(kind, None, None), true),
            (fault(kind, Some(1), Some(0x10)), true),
            (fault(FaultKind::InvalidWrite, Some(1), Some(0x10)), false),
            (fault(kind, Some(2), Some(0x10)), false),
            (fault(kind, Some(1), Some(0x11)), false),
            (Expected::Value(0), false),
            (Expected::Rejected, false),
        ] {
            let found = Found::Fault(INVALID_READ);
            assert_eq!(expected.allows(&found), allowed, "{expected:?}");
        }

        let kind = VerifyErrorKind::FallsOffEnd;
        let found = Found::Rejected(VerifyError { pc: 3, kind });
        for (expected, allowed) in [
            (Expected::Rejected, true),
            (Expected::VerifyError(kind, None), true),
            (Expected::VerifyError(kind, Some(3)), true),
            (Expected::VerifyError(kind, Some(2)), false),
            (Expected::VerifyError(VerifyErrorKind::Empty, None), false),
            (Expected::Value(0), false),
        ] {
            assert_eq!(expected.allows(&found), allowed, "{expected:?}");
        }
    }

    #[test]
    fn differences_are_found_and_said() {
        let program = [
            Slot::new(opcode::Mov64Imm, 0, 0, 0, 5),
            Slot::new(opcode::Exit, 0, 0, 0, 0),
        ];
        let right = Case {
            program: &program,
            memory: &[1, 2],
            expected: Expected::Value(5),
            instructions: Some(2),
            budget: 10,
        };
        let run = |case: Case<'_>, memory: &mut [u8]| {
            let result = case.run(&mut Interpreter, &mut [0; STACK], memory);
            result.map_err(|difference| difference.to_string())
        };
        assert_eq!(run(right, &mut [0; 2]), Ok(2));

        let mut wrong = right;
        wrong.expected = Expected::Value(18_446_744_073_709_551_615);
        let text = "returned 0x5, expected result 0xffffffffffffffff";
        assert_eq!(run(wrong, &mut [0; 2]), Err(text.into()));
        wrong.expected = Expected::Fault(FaultKind::InvalidRead, Some(0), Some(160));
        let text = "returned 0x5, expected fault InvalidRead 0 0xa0";
        assert_eq!(run(wrong, &mut [0; 2]), Err(text.into()));

        let mut wrong = right;
        wrong.instructions = Some(10);
        let text = "2 instructions, expected 10";
        assert_eq!(run(wrong, &mut [0; 2]), Err(text.into()));
        assert_eq!(
            run(right, &mut [0; 1]),
            Err("more memory than there is".into())
        );
    }
}
