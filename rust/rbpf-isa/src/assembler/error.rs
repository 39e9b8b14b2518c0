// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with a source text.
//!
//! Pieces of the source that errors quote are cut to a few dozen characters,
//! and control characters in them are escaped: the source may be hostile, and
//! the reader's terminal is not to pay for it.

use alloc::string::{String, ToString};
use core::fmt;

/// Longest piece of source in a message, in characters.
const QUOTED: usize = 40;

/// Why a source text could not be assembled, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssembleError {
    /// Line of the source, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub kind: AssembleErrorKind,
}

/// What is wrong with a line of source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssembleErrorKind {
    /// The line begins with no instruction of the table.
    UnknownMnemonic(String),
    /// Too few or too many operands.
    OperandCount {
        /// Operands that the instruction takes.
        expected: usize,
        /// Operands on the line.
        found: usize,
    },
    /// An operand of a kind that the instruction does not take there.
    WrongOperand {
        /// Which operand, counted from 1.
        position: usize,
        /// What may stand there.
        expected: String,
        /// What does.
        found: String,
    },
    /// No register, or none that programs have: there are r0 to r10.
    BadRegister(String),
    /// No number: neither decimal digits nor `0x` and hexadecimal digits.
    BadNumber(String),
    /// Memory without one of its brackets.
    MissingBracket(String),
    /// A number that does not fit into the immediate.
    ImmediateOutOfRange(String),
    /// An offset, or the distance of a jump, that does not fit into its
    /// field.
    OffsetOutOfRange(String),
    /// A jump to a label that no line defines.
    UnknownLabel(String),
    /// A label that an earlier line defines.
    DuplicateLabel {
        /// The label.
        label: String,
        /// The line that defines it first, counted from 1.
        first: usize,
    },
    /// Something before a colon that cannot be a label.
    BadLabel(String),
    /// A label that is too far away for the jump.
    JumpTooFar {
        /// The label.
        label: String,
        /// Slots from behind the jump to the label.
        distance: i64,
    },
    /// A call through a register.
    IndirectCall,
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

impl fmt::Display for AssembleErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMnemonic(found) => write!(f, "unknown instruction `{found}`"),
            Self::OperandCount { expected, found } => {
                let plural = if *expected == 1 { "" } else { "s" };
                write!(f, "expected {expected} operand{plural}, found {found}")
            }
            Self::WrongOperand {
                position,
                expected,
                found,
            } => write!(
                f,
                "operand {position}: expected {expected}, found `{found}`"
            ),
            Self::BadRegister(found) => {
                write!(f, "bad register `{found}`: there are %r0 to %r10")
            }
            Self::BadNumber(found) => write!(f, "bad number `{found}`"),
            Self::MissingBracket(found) => write!(f, "missing bracket in `{found}`"),
            Self::ImmediateOutOfRange(found) => {
                write!(f, "number `{found}` does not fit into the immediate")
            }
            Self::OffsetOutOfRange(found) => write!(f, "offset `{found}` is out of range"),
            Self::UnknownLabel(label) => write!(f, "unknown label `{label}`"),
            Self::DuplicateLabel { label, first } => {
                write!(f, "label `{label}` is defined in line {first} already")
            }
            Self::BadLabel(found) => write!(f, "`{found}` cannot be a label"),
            Self::JumpTooFar { label, distance } => {
                write!(f, "label `{label}` is too far away, {distance:+} slots")
            }
            Self::IndirectCall => f.write_str("calls through a register are not supported"),
        }
    }
}

impl core::error::Error for AssembleError {}

/// A piece of the source, fit for a message.
pub(super) fn quote(source: &str) -> String {
    match source.char_indices().nth(QUOTED) {
        None => source.escape_debug().to_string(),
        Some((end, _)) => {
            let mut quoted = source[..end].escape_debug().to_string();
            quoted.push_str("...");
            quoted
        }
    }
}
