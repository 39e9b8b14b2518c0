// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file format of a container, checked once and read in place.
//!
//! An image is, without gaps and little-endian:
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | magic, `rBPF` |
//! | 4 | 1 | version, 1 |
//! | 5 | 1 | flags: 1 if it keeps the values of the one that it replaces, 2 if it has a version |
//! | 6 | 2 | stack that the container needs, in bytes, a multiple of 8; 0 for 512 |
//! | 8 | 4 | capabilities that it wants |
//! | 12 | 2 | text: number of 8-byte slots |
//! | 14 | 2 | rodata: bytes |
//! | 16 | 2 | data: bytes |
//! | 18 | 2 | bss: bytes |
//! | 20 | 2 | number of functions |
//! | 22 | 2 | number of helpers |
//! | 24 | | text, functions, helpers, version (4 bytes, if it has one), rodata, data |
//!
//! [`Image`] is the proof that all this holds. Whether the instructions in
//! the text are valid is the verifier's question, and who made the image that
//! of the envelope around it: neither is asked here.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::helpers::is_application_helper;
use crate::{Capabilities, Helper};

mod error;
#[cfg(feature = "alloc")]
mod write;

pub use error::ImageError;
#[cfg(feature = "alloc")]
pub use write::{ImageBuffer, ImageParts};

/// The first four bytes.
pub const MAGIC: [u8; 4] = *b"rBPF";
/// The version of the format that this crate reads and writes.
pub const VERSION: u8 = 1;
/// Flag: the container keeps the values of the one that it takes the place of.
pub const KEEP_VALUES: u8 = 1;
/// Flag: the image has a version.
pub const HAS_VERSION: u8 = 2;
/// All flags.
const FLAGS: u8 = KEEP_VALUES | HAS_VERSION;
/// Length of the header, and the offset of the text, in bytes.
pub const HEADER_LEN: usize = size_of::<Header>();
/// Alignment of an image in memory, in bytes, so that its text is aligned.
pub const ALIGNMENT: usize = 8;
/// Stack of a container whose image does not say, in bytes.
pub const DEFAULT_STACK_SIZE: u16 = 512;
/// The largest frame of a function, in bytes.
pub const MAX_FRAME: u16 = 512;
/// Length of an instruction slot, in bytes.
pub const SLOT_LEN: usize = 8;
/// The longest image that a header can describe, in bytes.
pub const MAX_LEN: usize = HEADER_LEN
    + u16::MAX as usize * (SLOT_LEN + size_of::<Function>() + size_of::<U16>() + 1 + 1)
    + size_of::<U32>();

/// The header, as it stands in the file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 4],
    /// [`VERSION`].
    pub version: u8,
    /// [`KEEP_VALUES`] and [`HAS_VERSION`], or neither.
    pub flags: u8,
    /// Stack needed, in bytes; 0 for [`DEFAULT_STACK_SIZE`].
    pub stack_size: U16,
    /// The bits of [`Capabilities`] that the container wants.
    pub capabilities: U32,
    /// Number of instruction slots.
    pub text_slots: U16,
    /// Length of the constants, in bytes.
    pub rodata_len: U16,
    /// Length of the initialised data, in bytes.
    pub data_len: U16,
    /// Length of the zeroed data, in bytes.
    pub bss_len: U16,
    /// Number of function records.
    pub functions: U16,
    /// Number of helper ids.
    pub helpers: U16,
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Header, version) == 4);
    assert!(offset_of!(Header, stack_size) == 6);
    assert!(offset_of!(Header, capabilities) == 8);
    assert!(offset_of!(Header, text_slots) == 12);
    assert!(offset_of!(Header, bss_len) == 18);
    assert!(offset_of!(Header, helpers) == 22);
    assert!(HEADER_LEN == 24 && HEADER_LEN.is_multiple_of(ALIGNMENT));
    assert!(size_of::<Function>() == 4);
};

impl Header {
    /// The length of the whole image, in bytes; at most [`MAX_LEN`].
    #[must_use]
    pub fn image_len(&self) -> usize {
        // Five products of 16-bit numbers and small constants: below 2^21.
        HEADER_LEN
            + usize::from(self.text_slots.get()) * SLOT_LEN
            + usize::from(self.functions.get()) * size_of::<Function>()
            + usize::from(self.helpers.get()) * size_of::<U16>()
            + self.versions() * size_of::<U32>()
            + usize::from(self.rodata_len.get())
            + usize::from(self.data_len.get())
    }

    /// How many versions it has: none or one.
    fn versions(&self) -> usize {
        usize::from(self.flags & HAS_VERSION != 0)
    }

    /// The stack that the container needs, in bytes: never 0.
    #[must_use]
    pub fn stack_size(&self) -> u16 {
        match self.stack_size.get() {
            0 => DEFAULT_STACK_SIZE,
            size => size,
        }
    }
}

/// A record of the function table, as it stands in the file.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Function {
    entry: U16,
    frame: U16,
}

impl Function {
    /// A function that begins at a slot and uses so many bytes of stack.
    #[must_use]
    pub const fn new(entry: u16, frame: u16) -> Self {
        Self {
            entry: U16::new(entry),
            frame: U16::new(frame),
        }
    }

    /// The slot where it begins.
    #[must_use]
    pub const fn entry(self) -> u16 {
        self.entry.get()
    }

    /// The bytes of stack that its frame takes, a multiple of 8.
    #[must_use]
    pub const fn frame(self) -> u16 {
        self.frame.get()
    }
}

/// An image whose layout is sound: made by [`Image::new_checked`] only.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    bytes: &'a [u8],
    header: &'a Header,
    text: &'a [u8],
    functions: &'a [Function],
    helpers: &'a [U16],
    version: &'a [U32],
    rodata: &'a [u8],
    data: &'a [u8],
}

impl<'a> Image<'a> {
    /// Checks the layout of an image; `bytes` are the image and nothing else.
    ///
    /// # Errors
    /// The first thing that is wrong. [`ImageError::Misaligned`] if `bytes`
    /// does not start at a multiple of [`ALIGNMENT`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, ImageError> {
        if !bytes.as_ptr().addr().is_multiple_of(ALIGNMENT) {
            return Err(ImageError::Misaligned);
        }
        let image = Self::split(bytes)?;
        image.check()?;
        Ok(image)
    }

    /// The length of the image that begins with this header, in bytes.
    ///
    /// For uploads: tells from the first [`HEADER_LEN`] bytes how many there
    /// will be. More bytes may follow; they are not looked at.
    ///
    /// # Errors
    /// [`ImageError::Truncated`] if there is not a whole header yet, or what is
    /// wrong with its magic, version or flags.
    pub fn required_len(bytes: &[u8]) -> Result<usize, ImageError> {
        Ok(Self::split_header(bytes)?.0.image_len())
    }

    fn split_header(bytes: &[u8]) -> Result<(&Header, &[u8]), ImageError> {
        let (header, rest) = Header::ref_from_prefix(bytes).map_err(|_| ImageError::Truncated)?;
        if header.magic != MAGIC {
            return Err(ImageError::Magic);
        }
        if header.version != VERSION {
            return Err(ImageError::Version);
        }
        if header.flags & !FLAGS != 0 {
            return Err(ImageError::Flags);
        }
        Ok((header, rest))
    }

    /// Cuts the bytes into sections; their sum is then known to be right.
    fn split(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let (header, rest) = Self::split_header(bytes)?;
        if bytes.len() != header.image_len() {
            return Err(ImageError::Length);
        }
        let text_len = usize::from(header.text_slots.get()) * SLOT_LEN;
        let (text, rest) = rest.split_at_checked(text_len).ok_or(ImageError::Length)?;
        let (functions, rest) =
            <[Function]>::ref_from_prefix_with_elems(rest, header.functions.get().into())
                .map_err(|_| ImageError::Length)?;
        let (helpers, rest) =
            <[U16]>::ref_from_prefix_with_elems(rest, header.helpers.get().into())
                .map_err(|_| ImageError::Length)?;
        let (version, rest) = <[U32]>::ref_from_prefix_with_elems(rest, header.versions())
            .map_err(|_| ImageError::Length)?;
        let (rodata, data) = rest
            .split_at_checked(header.rodata_len.get().into())
            .ok_or(ImageError::Length)?;
        Ok(Self {
            bytes,
            header,
            text,
            functions,
            helpers,
            version,
            rodata,
            data,
        })
    }

    /// Checks what the sections hold.
    fn check(&self) -> Result<(), ImageError> {
        if self.text.is_empty() {
            return Err(ImageError::NoText);
        }
        if !self.stack_size().is_multiple_of(8) {
            return Err(ImageError::StackSize);
        }
        self.check_functions()?;
        let capabilities = Capabilities::from_bits(self.header.capabilities.get())
            .ok_or(ImageError::UnknownCapability)?;
        let mut previous = None;
        for id in self.helpers() {
            if previous.is_some_and(|previous| previous >= id) {
                return Err(ImageError::HelperOrder);
            }
            previous = Some(id);
            let needed = match Helper::capability_of(id.into()) {
                Some(needed) => needed,
                None if is_application_helper(id.into()) => Capabilities::APPLICATION,
                // Whether there is such a helper, the verifier says.
                None => Capabilities::CORE,
            };
            if !capabilities.contains(needed) {
                return Err(ImageError::MissingCapability);
            }
        }
        Ok(())
    }

    fn check_functions(&self) -> Result<(), ImageError> {
        let Some((first, others)) = self.functions.split_first() else {
            return Err(ImageError::NoFunction);
        };
        let largest = self.stack_size().min(MAX_FRAME);
        for function in self.functions {
            if function.entry() >= self.header.text_slots.get() {
                return Err(ImageError::FunctionEntry);
            }
            if function.frame() > largest || !function.frame().is_multiple_of(8) {
                return Err(ImageError::FunctionFrame);
            }
        }
        let mut previous = None;
        for function in others {
            let entry = function.entry();
            if entry == first.entry() || previous.is_some_and(|previous| previous >= entry) {
                return Err(ImageError::FunctionOrder);
            }
            previous = Some(entry);
        }
        Ok(())
    }

    /// The whole image.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &'a Header {
        self.header
    }

    /// Whether the container keeps the values of the one that it takes the place
    /// of, which is another version of it.
    #[must_use]
    pub const fn keeps_values(&self) -> bool {
        self.header.flags & KEEP_VALUES != 0
    }

    /// Which version of the container it is, if it says so: a number that whoever
    /// builds it counts.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        self.version.first().map(|version| version.get())
    }

    /// The instructions: not empty, a multiple of 8 bytes, aligned to 8.
    #[must_use]
    pub const fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The function table as bytes: records of four bytes, slot and frame.
    ///
    /// The first record is the container's entry point. The others stand in
    /// the order of their slots; no two begin at the same one.
    #[must_use]
    pub fn functions(&self) -> &'a [u8] {
        self.functions.as_bytes()
    }

    /// The records of the function table, in its order; there is at least one.
    #[must_use]
    pub const fn function_records(&self) -> &'a [Function] {
        self.functions
    }

    /// The function where the container starts.
    #[must_use]
    pub const fn entry_point(&self) -> Function {
        match self.functions {
            [first, ..] => *first,
            // Not reached: an image has a function.
            [] => Function::new(0, 0),
        }
    }

    /// The ids of the helpers that the text calls, ascending.
    pub fn helpers(&self) -> impl ExactSizeIterator<Item = u16> + Clone + use<'a> {
        self.helpers.iter().map(|id| id.get())
    }

    /// The constants.
    #[must_use]
    pub const fn rodata(&self) -> &'a [u8] {
        self.rodata
    }

    /// The initial contents of the data region; the zeroed rest is
    /// [`bss_len`](Self::bss_len) bytes long.
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Length of the zeroed part of the data region, in bytes.
    #[must_use]
    pub fn bss_len(&self) -> u16 {
        self.header.bss_len.get()
    }

    /// The capabilities that the container wants: all those that its helpers need.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        Capabilities::from_bits_truncate(self.header.capabilities.get())
    }

    /// The stack that the container needs, in bytes, a multiple of 8 and never 0.
    #[must_use]
    pub fn stack_size(&self) -> u16 {
        self.header.stack_size()
    }
}

#[cfg(test)]
mod tests;
