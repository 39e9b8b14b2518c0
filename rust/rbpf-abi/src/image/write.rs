// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing images, and keeping them aligned: the workstation's side.

use alloc::vec;
use alloc::vec::Vec;

use zerocopy::IntoBytes;
use zerocopy::little_endian::U16;

use super::{Function, HAS_VERSION, Header, Image, ImageError, KEEP_VALUES, MAGIC, VERSION};
use crate::Capabilities;

/// What an image is written from.
#[derive(Clone, Debug, Default)]
pub struct ImageParts<'a> {
    /// Stack needed, in bytes, a multiple of 8; 0 for the default.
    pub stack_size: u16,
    /// The capabilities that the container wants.
    pub capabilities: Capabilities,
    /// The instructions: a multiple of 8 bytes.
    pub text: &'a [u8],
    /// The entry point, then the other functions in the order of their slots.
    pub functions: &'a [Function],
    /// The ids of the helpers that the text calls, ascending.
    pub helpers: &'a [u16],
    /// The constants.
    pub rodata: &'a [u8],
    /// The initial contents of the data region.
    pub data: &'a [u8],
    /// Length of the zeroed part of the data region, in bytes.
    pub bss_len: u16,
    /// Whether it keeps the values of the container that it takes the place of.
    pub keep_values: bool,
    /// Which version of the container it is.
    pub version: Option<u32>,
}

impl ImageParts<'_> {
    /// Writes the image. What it returns passes [`Image::new_checked`] once it
    /// is aligned; [`ImageBuffer`] does that.
    ///
    /// # Errors
    /// [`ImageError::TooLong`] if a section does not fit the header's fields,
    /// or what `new_checked` would say.
    pub fn write(&self) -> Result<Vec<u8>, ImageError> {
        let field = |len: usize| {
            u16::try_from(len)
                .map(U16::new)
                .map_err(|_| ImageError::TooLong)
        };
        let (slots, []) = self.text.as_chunks::<{ super::SLOT_LEN }>() else {
            return Err(ImageError::Length);
        };
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let header = Header {
            magic: MAGIC,
            version: VERSION,
            flags: flag(self.keep_values, KEEP_VALUES) | flag(self.version.is_some(), HAS_VERSION),
            stack_size: self.stack_size.into(),
            capabilities: self.capabilities.bits().into(),
            text_slots: field(slots.len())?,
            rodata_len: field(self.rodata.len())?,
            data_len: field(self.data.len())?,
            bss_len: self.bss_len.into(),
            functions: field(self.functions.len())?,
            helpers: field(self.helpers.len())?,
        };
        let mut bytes = Vec::with_capacity(header.image_len());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(self.text);
        bytes.extend_from_slice(self.functions.as_bytes());
        bytes.extend(self.helpers.iter().flat_map(|id| id.to_le_bytes()));
        bytes.extend(self.version.into_iter().flat_map(u32::to_le_bytes));
        bytes.extend_from_slice(self.rodata);
        bytes.extend_from_slice(self.data);
        Image::split(&bytes)?.check()?;
        Ok(bytes)
    }
}

/// Bytes on the heap that start at a multiple of 8, as [`Image`] needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageBuffer {
    words: Vec<Word>,
    len: usize,
}

/// Eight bytes, aligned: `u64` alone is aligned to 4 on some 32-bit machines.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::Immutable,
    zerocopy::KnownLayout,
)]
#[repr(C, align(8))]
struct Word([u8; 8]);

impl ImageBuffer {
    /// Copies bytes to where they are aligned.
    #[must_use]
    pub fn copy_from(bytes: &[u8]) -> Self {
        let mut words = vec![Word([0; 8]); bytes.len().div_ceil(8)];
        if let Some(copy) = words.as_mut_bytes().get_mut(..bytes.len()) {
            copy.copy_from_slice(bytes);
        }
        Self {
            words,
            len: bytes.len(),
        }
    }

    /// The bytes, as many as were copied.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.words.as_bytes().get(..self.len).unwrap_or_default()
    }

    /// The image in the buffer, if it is one.
    ///
    /// # Errors
    /// As [`Image::new_checked`].
    pub fn image(&self) -> Result<Image<'_>, ImageError> {
        Image::new_checked(self.bytes())
    }
}
