// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records as people read them, and as programs do.
//!
//! In text a record is a line: `name key value key value`. In CBOR it is a map
//! with the same keys. Maps and arrays have no length at their beginning
//! (RFC 8949, section 3.2.1), so nobody must count before writing.

use crate::page::Page;

/// Types of CBOR, in the upper three bits of an item's head.
const UNSIGNED: u8 = 0 << 5;
const TEXT: u8 = 3 << 5;
/// An array or map of unknown length, and its end.
const ARRAY: u8 = 0x9f;
const MAP: u8 = 0xbf;
const END: u8 = 0xff;

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
}

impl<const PAGE: usize> Report<'_, PAGE> {
    /// Whether people are to read it.
    pub(crate) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// One byte of CBOR; nothing in text.
    #[inline(never)]
    fn mark(&mut self, byte: u8) {
        if !self.is_text() {
            self.page.push(&[byte]);
        }
    }

    /// The head of an item in CBOR: its type, and a number in as few bytes as
    /// hold it (RFC 8949, section 3).
    fn head(&mut self, kind: u8, number: u64) {
        let (short, length) = match number {
            0..=23 => (number as u8, 0),
            24..=0xff => (24, 1),
            0x100..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 8),
        };
        self.page.push(&[kind | short]);
        let bytes = number.to_be_bytes();
        self.page.push(bytes.split_at(bytes.len() - length).1);
    }

    /// A text in CBOR.
    fn item(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.page.text(text);
    }

    /// Begins a list of records.
    pub(crate) fn list(&mut self) {
        self.mark(ARRAY);
    }

    /// Begins a record.
    pub(crate) fn record(&mut self) {
        self.mark(MAP);
    }

    /// Ends a list or a record; in text, the line of a record has ended
    /// already.
    pub(crate) fn end(&mut self) {
        self.mark(END);
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
            self.item(key);
        }
    }

    /// A text.
    #[inline(never)]
    pub(crate) fn text(&mut self, text: &str) {
        if self.is_text() {
            self.page.text(text);
        } else {
            self.item(text);
        }
    }

    /// A number.
    #[inline(never)]
    pub(crate) fn number(&mut self, number: u64) {
        if self.is_text() {
            self.page.number(number);
        } else {
            self.head(UNSIGNED, number);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_cbor_take_as_few_bytes_as_hold_them() {
        // RFC 8949, appendix A, and the limits.
        for (number, bytes) in [
            (0, &b"\x00"[..]),
            (23, b"\x17"),
            (24, b"\x18\x18"),
            (255, b"\x18\xff"),
            (256, b"\x19\x01\x00"),
            (65_535, b"\x19\xff\xff"),
            (1_000_000, b"\x1a\x00\x0f\x42\x40"),
            (u32::MAX.into(), b"\x1a\xff\xff\xff\xff"),
            (1_000_000_000_000, b"\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"),
        ] {
            let mut page = Page::<16>::new();
            Report {
                page: &mut page,
                format: Format::Cbor,
            }
            .number(number);
            assert_eq!(page.bytes(), bytes, "{number}");
        }
    }
}
