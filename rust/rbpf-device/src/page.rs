// SPDX-License-Identifier: MIT OR Apache-2.0
//! A window on a text: the part of it that one answer takes.
//!
//! A list may be longer than an answer. Who reads it asks again with a
//! greater offset, and the text is written anew, with all of it counted and
//! only the window kept. Numbers are formatted here, without `core::fmt`.

use core::convert::Infallible;

use heapless::Vec;
use rbpf_runtime::digits;

/// Text or CBOR, of which at most `LENGTH` bytes are kept.
#[derive(Debug)]
pub struct Page<const LENGTH: usize> {
    skip: usize,
    written: usize,
    /// Of all bytes, those beyond the window too.
    #[cfg(feature = "observe")]
    hash: u32,
    bytes: Vec<u8, LENGTH>,
}

impl<const LENGTH: usize> Page<LENGTH> {
    /// An empty page.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            skip: 0,
            written: 0,
            #[cfg(feature = "observe")]
            hash: 0,
            bytes: Vec::new(),
        }
    }

    /// Empties it; the first `skip` bytes that come are not kept.
    #[inline(never)]
    pub fn start(&mut self, skip: usize) {
        self.skip = skip;
        self.written = 0;
        #[cfg(feature = "observe")]
        {
            self.hash = crate::hash::EMPTY;
        }
        self.bytes.clear();
    }

    /// A hash of the whole text, by which it can be told from another one.
    #[cfg(feature = "observe")]
    #[must_use]
    pub fn hash(&self) -> u32 {
        self.hash
    }

    /// What is kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Bytes of the whole text.
    #[must_use]
    pub fn written(&self) -> usize {
        self.written
    }

    /// Appends bytes. Not inlined, like `text`: a page is written by dozens
    /// of calls.
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) {
        #[cfg(feature = "observe")]
        {
            self.hash = crate::hash::hash_on(self.hash, bytes);
        }
        for &byte in bytes {
            if self.written >= self.skip {
                // What is beyond the window is only counted.
                let _ = self.bytes.push(byte);
            }
            self.written += 1;
        }
    }

    /// Appends text.
    #[inline(never)]
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.push(text.as_bytes());
        self
    }

    /// Appends a number in decimal.
    pub fn number(&mut self, value: impl Into<u64>) -> &mut Self {
        self.digits(value.into(), 10)
    }

    /// Appends a number in hexadecimal, with `0x`.
    pub fn hex(&mut self, value: u64) -> &mut Self {
        self.text("0x").digits(value, 16)
    }

    #[inline(never)]
    fn digits(&mut self, value: u64, base: u8) -> &mut Self {
        self.push(&digits(value, base));
        self
    }
}

impl<const LENGTH: usize> Default for Page<LENGTH> {
    fn default() -> Self {
        Self::new()
    }
}

/// For CBOR; a page takes everything.
impl<const LENGTH: usize> minicbor::encode::Write for Page<LENGTH> {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.push(bytes);
        Ok(())
    }
}

/// The number that a text in decimal says.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        let digit = (digit < 10).then_some(digit.into())?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_its_window_and_counts_all() {
        let mut page = Page::<4>::new();
        page.text("abcdefgh");
        assert_eq!((page.bytes(), page.written()), (&b"abcd"[..], 8));
        page.start(6);
        page.text("abc").number(12_u8).hex(0xbeef);
        assert_eq!((page.bytes(), page.written()), (&b"xbee"[..], 11));
        page.start(99);
        page.text("abc");
        assert_eq!((page.bytes(), page.written()), (&b""[..], 3));
    }

    #[test]
    fn numbers_in_decimal() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("4294967295"), Some(u32::MAX));
        for wrong in ["", "+1", "-1", "1a", "4294967296", "99999999999"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
