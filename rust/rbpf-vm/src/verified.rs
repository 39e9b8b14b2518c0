// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes that hold a verified program, kept together with the proof.

use core::ops::Range;

use rbpf_isa::Slot;

use crate::{Function, Functions, HelperPolicy, Program, VerifyError, VerifyErrorKind};

/// A buffer, and the proof that a program in it was verified.
///
/// The buffer is inside and can be read, not written. To change it, take it
/// out with [`into_inner`](Self::into_inner); the proof is gone then. So a
/// program cannot be swapped under its mark.
///
/// `B` should return the same bytes each time, as references and arrays do.
/// If it does not, runs end in faults or wrong results, and nothing worse.
#[derive(Debug)]
pub struct Verified<B> {
    bytes: B,
    text: Range<usize>,
    functions: Range<usize>,
    start: Function,
}

impl<B: AsRef<[u8]>> Verified<B> {
    /// Verifies the program whose text and function table lie in these ranges
    /// of `bytes`.
    ///
    /// # Errors
    ///
    /// The buffer back, and the first rule that is broken. Ranges outside of
    /// the buffer or not aligned (text to 4 bytes, functions to 2) count as
    /// an empty program or function table.
    pub fn verify(
        bytes: B,
        text: Range<usize>,
        functions: Range<usize>,
        helpers: &dyn HelperPolicy,
    ) -> Result<Self, (B, VerifyError)> {
        match verify(bytes.as_ref(), &text, &functions, helpers) {
            Ok(start) => Ok(Self {
                bytes,
                text,
                functions,
                start,
            }),
            Err(error) => Err((bytes, error)),
        }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> Program<'_> {
        let bytes = self.bytes.as_ref();
        Program::proven(
            text_of(bytes, &self.text).unwrap_or_default(),
            functions_of(bytes, &self.functions).unwrap_or(Functions::Table(&[])),
            self.start,
        )
    }

    /// The whole buffer.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The buffer, without the proof.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.bytes
    }
}

/// What does not depend on the type of buffer, so that it is there once.
#[inline]
fn verify(
    bytes: &[u8],
    text: &Range<usize>,
    functions: &Range<usize>,
    helpers: &dyn HelperPolicy,
) -> Result<Function, VerifyError> {
    let refused = |kind| VerifyError { pc: 0, kind };
    let text = text_of(bytes, text).ok_or(refused(VerifyErrorKind::Empty))?;
    let functions =
        functions_of(bytes, functions).ok_or(refused(VerifyErrorKind::FunctionTable))?;
    Ok(Program::verify(text, functions, helpers)?.start())
}

#[inline]
fn text_of<'a>(bytes: &'a [u8], range: &Range<usize>) -> Option<&'a [Slot]> {
    Slot::slice_from_bytes(bytes.get(range.clone())?)
}

#[inline]
fn functions_of<'a>(bytes: &'a [u8], range: &Range<usize>) -> Option<Functions<'a>> {
    Functions::table_from_bytes(bytes.get(range.clone())?)
}
