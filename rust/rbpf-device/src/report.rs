// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records as people read them, and as programs do.
//!
//! In text a record is a line: `name key value key value`. In CBOR it is a map
//! with the same keys. Maps and arrays have no length at their beginning
//! (RFC 8949, section 3.2.1), so nobody must count before writing.

use minicbor::Encoder;

use crate::page::Page;

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text, one record a line.
    Text,
    /// CBOR.
    Cbor,
}

/// Writes records to a page.
pub(crate) struct Report<'p, const PAGE: usize> {
    pub(crate) page: &'p mut Page<PAGE>,
    pub(crate) format: Format,
    /// Whether anyone may read it.
    pub(crate) for_strangers: bool,
}

impl<const PAGE: usize> Report<'_, PAGE> {
    /// Whether people are to read it.
    pub(crate) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// A page takes everything, so nothing fails.
    fn cbor(&mut self) -> Encoder<&mut Page<PAGE>> {
        Encoder::new(self.page)
    }

    /// Begins a list of records.
    pub(crate) fn list(&mut self) {
        if !self.is_text() {
            let _ = self.cbor().begin_array();
        }
    }

    /// Begins a record.
    pub(crate) fn record(&mut self) {
        if !self.is_text() {
            let _ = self.cbor().begin_map();
        }
    }

    /// Ends a list or a record; in text, the line of a record has ended
    /// already.
    pub(crate) fn end(&mut self) {
        if !self.is_text() {
            let _ = self.cbor().end();
        }
    }

    /// Ends a line of text.
    pub(crate) fn line(&mut self) {
        self.word("\n");
    }

    /// A text that does not appear in CBOR.
    pub(crate) fn word(&mut self, text: &str) {
        if self.is_text() {
            self.page.text(text);
        }
    }

    /// A key; in text it has a blank before and after.
    #[inline(never)]
    pub(crate) fn key(&mut self, key: &str) {
        if self.is_text() {
            self.page.text(" ").text(key).text(" ");
        } else {
            let _ = self.cbor().str(key);
        }
    }

    /// A text.
    #[inline(never)]
    pub(crate) fn text(&mut self, text: &str) {
        if self.is_text() {
            self.page.text(text);
        } else {
            let _ = self.cbor().str(text);
        }
    }

    /// A number.
    #[inline(never)]
    pub(crate) fn number(&mut self, number: u64) {
        if self.is_text() {
            self.page.number(number);
        } else {
            let _ = self.cbor().u64(number);
        }
    }

    /// A number that is an address.
    pub(crate) fn address(&mut self, address: u64) {
        if self.is_text() {
            self.page.hex(address);
        } else {
            self.number(address);
        }
    }

    /// Numbers that may be addresses, as an array; in text with commas between.
    pub(crate) fn addresses(&mut self, addresses: &[u64]) {
        self.list();
        for (position, &address) in addresses.iter().enumerate() {
            if position > 0 {
                self.word(",");
            }
            self.address(address);
        }
        self.end();
    }

    /// Bytes; in text in hexadecimal.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.is_text() {
            for &byte in bytes {
                for digit in [byte >> 4, byte & 15] {
                    let digit = char::from_digit(digit.into(), 16).unwrap_or_default();
                    self.page.push(&[digit as u8]);
                }
            }
        } else {
            let _ = self.cbor().bytes(bytes);
        }
    }

    /// The text that a record begins with; its key does not appear in text.
    pub(crate) fn first(&mut self, key: &str, text: &str) {
        if !self.is_text() {
            self.key(key);
        }
        self.text(text);
    }

    /// A field of a record.
    pub(crate) fn text_field(&mut self, key: &str, text: &str) {
        self.key(key);
        self.text(text);
    }

    /// A field of a record.
    #[inline(never)]
    pub(crate) fn number_field(&mut self, key: &str, number: u32) {
        self.key(key);
        self.number(number.into());
    }

    /// A line `key number` of text, or a field.
    #[inline(never)]
    pub(crate) fn number_line(&mut self, key: &str, number: u32) {
        self.line_key(key);
        self.number(number.into());
        self.line();
    }

    /// The key of a line of its own.
    pub(crate) fn line_key(&mut self, key: &str) {
        if self.is_text() {
            self.page.text(key).text(" ");
        } else {
            self.key(key);
        }
    }
}
