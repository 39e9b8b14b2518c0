// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an image is put together before it is installed.
//!
//! One image at a time: who begins another discards the first. Pieces come in
//! order, each at the offset where the last one ended; a piece that is there
//! already with the same bytes is a retransmission. Nothing is believed about
//! the bytes here.

use heapless::{String, Vec};
use rbpf_runtime::MAX_NAME;
use riot_wrappers::mutex::Mutex;

use crate::config::IMAGE_SIZE;

/// An image with its place aligned as the image format asks for.
#[repr(align(8))]
pub(crate) struct Staging {
    bytes: Vec<u8, { IMAGE_SIZE as usize }>,
    name: String<MAX_NAME>,
}

static STAGING: Mutex<Staging> = Mutex::new(Staging {
    bytes: Vec::new(),
    name: String::new(),
});

/// Why a piece is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PieceError {
    /// The name is empty or too long.
    Name,
    /// It is not the next of this image.
    Order,
    /// The image is larger than a slot.
    TooLarge,
}

impl PieceError {
    /// A short text for people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Name => "name empty or longer than 16 bytes",
            Self::Order => "not the next piece of this image",
            Self::TooLarge => "image larger than a slot",
        }
    }
}

/// Takes a piece of the image for a container; bytes in all.
///
/// # Errors
///
/// What is wrong with it; the image stays as it was.
pub(crate) fn put(name: &str, offset: usize, piece: &[u8]) -> Result<usize, PieceError> {
    let mut staging = STAGING.lock();
    if offset == 0 && (staging.name != name || !staging.bytes.starts_with(piece)) {
        let name = String::try_from(name).map_err(|_| PieceError::Name)?;
        if name.is_empty() {
            return Err(PieceError::Name);
        }
        staging.name = name;
        staging.bytes.clear();
    }
    if staging.name != name {
        return Err(PieceError::Order);
    }
    let (_, there) = staging
        .bytes
        .split_at_checked(offset)
        .ok_or(PieceError::Order)?;
    if there.is_empty() {
        staging
            .bytes
            .extend_from_slice(piece)
            .map_err(|_| PieceError::TooLarge)?;
    } else if !there.starts_with(piece) {
        return Err(PieceError::Order);
    }
    Ok(staging.bytes.len())
}

/// Bytes of the image for a container that are there.
pub(crate) fn length(name: &str) -> usize {
    let staging = STAGING.lock();
    if staging.name == name {
        staging.bytes.len()
    } else {
        0
    }
}

/// Discards what is there.
pub(crate) fn clear() {
    let mut staging = STAGING.lock();
    staging.name.clear();
    staging.bytes.clear();
}

/// Has the image for a container looked at, and discards it.
pub(crate) fn take<T>(name: &str, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let result = {
        let staging = STAGING.lock();
        (staging.name == name && !name.is_empty()).then(|| look(&staging.bytes))
    };
    if result.is_some() {
        clear();
    }
    result
}
