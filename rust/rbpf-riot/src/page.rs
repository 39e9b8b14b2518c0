// SPDX-License-Identifier: MIT OR Apache-2.0
//! A window on a text: the part of it that one answer takes.
//!
//! A list may be longer than a response. Who reads it asks again with a
//! greater offset, and the text is written anew, with all of it counted and
//! only the window kept. Numbers are formatted here, without `core::fmt`.

use heapless::Vec;

use crate::config::RESPONSE_SIZE;

/// Bytes that a page keeps.
pub(crate) const PAGE: usize = RESPONSE_SIZE as usize;

/// Text, or a container's payload.
#[derive(Debug)]
pub(crate) struct Page {
    skip: usize,
    length: usize,
    bytes: Vec<u8, PAGE>,
}

impl Page {
    /// An empty page.
    pub(crate) const fn new() -> Self {
        Self {
            skip: 0,
            length: 0,
            bytes: Vec::new(),
        }
    }

    /// Empties it; the first `skip` bytes that come are not kept.
    pub(crate) fn start(&mut self, skip: usize) {
        self.skip = skip;
        self.length = 0;
        self.bytes.clear();
    }

    /// What is kept.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of the whole text.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Appends bytes. Not inlined, like `text`: a page is written by dozens
    /// of calls.
    #[inline(never)]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.length >= self.skip {
                // What is beyond the window is only counted.
                let _ = self.bytes.push(byte);
            }
            self.length += 1;
        }
    }

    /// Appends text.
    #[inline(never)]
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.push(text.as_bytes());
        self
    }

    /// Appends a number in decimal.
    pub(crate) fn number(&mut self, value: impl Into<u64>) -> &mut Self {
        self.digits(value.into(), 10)
    }

    /// Appends a number in hexadecimal, with `0x`.
    pub(crate) fn hex(&mut self, value: u64) -> &mut Self {
        self.text("0x").digits(value, 16)
    }

    #[inline(never)]
    fn digits(&mut self, value: u64, base: u64) -> &mut Self {
        self.push(&digits(value, base));
        self
    }
}

/// A number as text, in a base up to 16.
pub(crate) fn digits(mut value: u64, base: u64) -> Vec<u8, 20> {
    let mut digits = Vec::new();
    loop {
        let digit = (value % base) as u8;
        // 20 digits hold any number.
        let _ = digits.push(digit + if digit < 10 { b'0' } else { b'a' - 10 });
        value /= base;
        if value == 0 {
            break;
        }
    }
    digits.reverse();
    digits
}
