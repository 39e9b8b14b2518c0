// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an image is put together before it is installed.
//!
//! One image at a time: who begins another discards the first. Pieces come in
//! order, each at the offset where the last one ended; a piece that is there
//! already with the same bytes is a retransmission. Nothing is believed about
//! the bytes here.

use heapless::String;
use rbpf_runtime::{AppId, MAX_NAME};

/// Bytes that begin where the image format wants an image to begin.
#[derive(Debug)]
#[repr(align(8))]
struct Aligned<const LENGTH: usize>([u8; LENGTH]);

/// Place for an image of up to `IMAGE` bytes.
#[derive(Debug)]
pub struct Staging<const IMAGE: usize> {
    bytes: Aligned<IMAGE>,
    /// Bytes that are there.
    length: usize,
    name: String<MAX_NAME>,
    /// The container that was made of it.
    installed: Option<AppId>,
    /// Which took the place of none.
    created: bool,
}

/// Why a piece is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceError {
    /// The name is empty or too long.
    Name,
    /// It is not the next of this image.
    Order,
    /// The image is larger than a slot.
    TooLarge,
}

impl PieceError {
    /// A short text for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Name => "name empty or longer than 16 bytes",
            Self::Order => "not the next piece of this image",
            Self::TooLarge => "image larger than a slot",
        }
    }
}

impl<const IMAGE: usize> Staging<IMAGE> {
    /// An empty place.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Aligned([0; IMAGE]),
            length: 0,
            name: String::new(),
            installed: None,
            created: false,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.0.get(..self.length).unwrap_or_default()
    }

    /// Takes a piece of the image for a container.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the image stays as it was.
    pub fn put(&mut self, name: &str, offset: usize, piece: &[u8]) -> Result<(), PieceError> {
        // The first piece of the same image may be a retransmission.
        let repeated = self.name == name && self.bytes().starts_with(piece);
        if offset == 0 && !(repeated && (self.installed.is_none() || self.length == piece.len())) {
            let name = String::try_from(name).map_err(|_| PieceError::Name)?;
            if name.is_empty() {
                return Err(PieceError::Name);
            }
            if piece.len() > IMAGE {
                return Err(PieceError::TooLarge);
            }
            self.clear();
            self.name = name;
        }
        if self.name != name {
            return Err(PieceError::Order);
        }
        let there = self.bytes().get(offset..).ok_or(PieceError::Order)?;
        if !there.is_empty() {
            return if there.starts_with(piece) {
                Ok(())
            } else {
                Err(PieceError::Order)
            };
        }
        if self.installed.is_some() && !piece.is_empty() {
            return Err(PieceError::Order);
        }
        let rest = self.bytes.0.get_mut(offset..).unwrap_or_default();
        rest.get_mut(..piece.len())
            .ok_or(PieceError::TooLarge)?
            .copy_from_slice(piece);
        self.length += piece.len();
        Ok(())
    }

    /// The image for a container, as far as it is there.
    #[must_use]
    pub fn image(&self, name: &str) -> Option<&[u8]> {
        (self.name == name && !name.is_empty()).then_some(self.bytes())
    }

    /// Bytes of the image for a container that are here and not installed.
    #[must_use]
    pub fn begun(&self, name: &str) -> usize {
        match self.image(name) {
            Some(image) if self.installed.is_none() => image.len(),
            _ => 0,
        }
    }

    /// The container that was made of what is here, and whether it took the
    /// place of none.
    pub(crate) fn installed(&self) -> (Option<AppId>, bool) {
        (self.installed, self.created)
    }

    /// Remembers what was made of the image that is here: who asks again,
    /// because the answer was lost, gets the same one.
    pub(crate) fn set_installed(&mut self, app: AppId, created: bool) {
        self.installed = Some(app);
        self.created = created;
    }

    /// Discards what is there.
    pub fn clear(&mut self) {
        self.name.clear();
        self.length = 0;
        self.installed = None;
    }
}

impl<const IMAGE: usize> Default for Staging<IMAGE> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_aligned() {
        let mut staging = Staging::<8>::new();
        staging.put("a", 0, b"ab").unwrap();
        let image = staging.image("a").unwrap();
        assert_eq!(image.as_ptr().align_offset(8), 0);
    }

    #[test]
    fn pieces_come_in_order() {
        let mut staging = Staging::<8>::new();
        assert_eq!(staging.put("", 0, b"ab"), Err(PieceError::Name));
        assert_eq!(
            staging.put("a name that is long", 0, b"ab"),
            Err(PieceError::Name)
        );
        assert_eq!(
            staging.put("a", 2, b"cd"),
            Err(PieceError::Order),
            "none yet"
        );
        assert_eq!(staging.put("a", 0, b"ab"), Ok(()));
        assert_eq!(staging.put("a", 4, b"ef"), Err(PieceError::Order), "a hole");
        assert_eq!(
            staging.put("b", 2, b"cd"),
            Err(PieceError::Order),
            "another image"
        );
        assert_eq!(staging.put("a", usize::MAX, b"cd"), Err(PieceError::Order));
        assert_eq!(staging.put("a", 2, b"cd"), Ok(()));
        assert_eq!(staging.image("a"), Some(&b"abcd"[..]));
        assert_eq!(staging.image("b"), None);
        assert_eq!(staging.image(""), None);
    }

    #[test]
    fn a_piece_may_come_twice() {
        let mut staging = Staging::<8>::new();
        for (offset, piece) in [(0, b"ab"), (0, b"ab"), (2, b"cd"), (2, b"cd"), (0, b"ab")] {
            assert_eq!(staging.put("a", offset, piece), Ok(()));
        }
        assert_eq!(staging.image("a"), Some(&b"abcd"[..]));
        assert_eq!(staging.put("a", 2, b"xx"), Err(PieceError::Order));
        assert_eq!(staging.image("a"), Some(&b"abcd"[..]));
    }

    #[test]
    fn another_image_takes_the_place() {
        let mut staging = Staging::<8>::new();
        staging.put("a", 0, b"ab").unwrap();
        staging.put("b", 0, b"cd").unwrap();
        assert_eq!(staging.image("a"), None);
        staging.put("b", 0, b"xy").unwrap();
        assert_eq!(staging.image("b"), Some(&b"xy"[..]));
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let mut staging = Staging::<8>::new();
        staging.put("a", 0, b"abcd").unwrap();
        assert_eq!(staging.put("a", 4, b"efghi"), Err(PieceError::TooLarge));
        assert_eq!(staging.image("a"), Some(&b"abcd"[..]));
        assert_eq!(staging.put("b", 0, b"123456789"), Err(PieceError::TooLarge));
        assert_eq!(staging.image("a"), Some(&b"abcd"[..]));
    }
}
