// SPDX-License-Identifier: MIT OR Apache-2.0
//! A verified program.

use rbpf_isa::Slot;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::verifier::{self, HelperPolicy, VerifyError};

/// A local function: where `call local` may land.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Function {
    /// Slot index of its first instruction.
    pub entry: u16,
    /// Bytes of stack that it needs, a multiple of 8.
    pub frame: u16,
}

/// The functions of a program.
#[derive(Clone, Copy, Debug)]
pub enum Functions<'a> {
    /// All that there are. The first record is where runs start; the others
    /// follow in ascending order of their entries. Calls go to entries only.
    Table(&'a [Function]),
    /// Not known, as for raw bytecode. Runs start at slot 0, calls may go to
    /// any instruction, and every function has a frame of this many bytes.
    Unlisted {
        /// Bytes of stack per function, a multiple of 8.
        frame: u16,
    },
}

impl<'a> Functions<'a> {
    /// Views the bytes of a function table: per record two little-endian
    /// 16-bit numbers, entry and frame.
    ///
    /// `None` if the length is no multiple of 4 or the bytes are not aligned
    /// to 2.
    #[must_use]
    pub fn table_from_bytes(bytes: &'a [u8]) -> Option<Self> {
        <[Function]>::ref_from_bytes(bytes).ok().map(Self::Table)
    }

    /// The function where runs start.
    #[must_use]
    pub fn start(&self) -> Option<Function> {
        match *self {
            Self::Table(table) => table.first().copied(),
            Self::Unlisted { frame } => Some(Function { entry: 0, frame }),
        }
    }

    /// The frame of the function that starts at a slot, if one may.
    #[must_use]
    pub fn frame(&self, entry: usize) -> Option<u16> {
        match *self {
            Self::Table(table) => {
                let (first, rest) = table.split_first()?;
                if usize::from(first.entry) == entry {
                    return Some(first.frame);
                }
                let index = rest
                    .binary_search_by_key(&entry, |function| usize::from(function.entry))
                    .ok()?;
                rest.get(index).map(|function| function.frame)
            }
            Self::Unlisted { frame } => Some(frame),
        }
    }
}

/// A program that the verifier has accepted. Having one is the proof.
///
/// It borrows the text, so the text cannot change while the proof exists.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    text: &'a [Slot],
    functions: Functions<'a>,
    start: Function,
}

impl<'a> Program<'a> {
    /// Verifies a program: the whole text, in linear time, before its first
    /// run.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, with the slot that breaks it.
    #[inline]
    pub fn verify(
        text: &'a [Slot],
        functions: Functions<'a>,
        helpers: &dyn HelperPolicy,
    ) -> Result<Self, VerifyError> {
        let start = verifier::verify(text, &functions, helpers)?;
        Ok(Self {
            text,
            functions,
            start,
        })
    }

    /// A program that was verified before, in the same bytes.
    pub(crate) fn proven(text: &'a [Slot], functions: Functions<'a>, start: Function) -> Self {
        Self {
            text,
            functions,
            start,
        }
    }

    /// The instructions.
    #[must_use]
    pub fn text(&self) -> &'a [Slot] {
        self.text
    }

    /// The functions.
    #[must_use]
    pub fn functions(&self) -> Functions<'a> {
        self.functions
    }

    /// The function where runs start.
    #[must_use]
    pub fn start(&self) -> Function {
        self.start
    }
}
