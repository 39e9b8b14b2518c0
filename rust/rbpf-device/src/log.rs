// SPDX-License-Identifier: MIT OR Apache-2.0
//! What containers print: harmless for terminals, and the last of it kept for who
//! asks later.
//!
//! What is kept is a ring of bytes: what comes takes the place of what is oldest. Each byte
//! has a position, counted from 0 since the device started, that wraps; so
//! who reads on sees what was lost meanwhile.
//!
//! Not here: lines, and whose they are, which the host writes as to its console.

use rbpf_runtime::digits;

use crate::job::{Job, Operation, Status};

/// Writes a part of a line such that it commands no terminal and forges no other
/// line: control characters but tabs, and bytes that are no UTF-8, as Rust escapes
/// characters, `\u{1b}`.
///
/// What is written is UTF-8, in pieces that each are. A character whose bytes come
/// in several parts is escaped byte by byte, and so is one that separates lines or changes
/// the direction of writing.
pub fn escape(text: &[u8], write: &mut dyn FnMut(&[u8])) {
    let (mut rest, mut plain) = (text, 0);
    loop {
        let (before, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        let length = visible(after);
        if length > 0 {
            plain += length;
            continue;
        }
        write(before);
        let byte = match after {
            [] => return,
            // A control character of two bytes.
            &[0xc2, byte @ 0x80..=0x9f, ref next @ ..] | &[byte, ref next @ ..] => {
                rest = next;
                byte
            }
        };
        plain = 0;
        match byte {
            b'\r' => write(b"\\r"),
            b'\n' => write(b"\\n"),
            byte => {
                write(b"\\u{");
                write(&digits(byte.into(), 16));
                write(b"}");
            }
        }
    }
}

/// Bytes of the character that a text begins with; 0 if it controls how others are shown,
/// or is none at all (RFC 3629, section 4). Smaller than what the library has.
///
/// Of the first are the control characters, the separators of lines and paragraphs, and
/// those that change the direction of writing (Unicode Standard Annex 9, section 2).
fn visible(text: &[u8]) -> usize {
    match *text {
        [0xd8, 0x9c, ..]
        | [0xe2, 0x80, 0x8e | 0x8f | 0xa8..=0xae, ..]
        | [0xe2, 0x81, 0xa6..=0xa9, ..] => 0,
        [b'\t' | b' '..=b'~', ..] => 1,
        [0xc2, 0xa0..=0xbf, ..] | [0xc3..=0xdf, 0x80..=0xbf, ..] => 2,
        [0xe0, 0xa0..=0xbf, 0x80..=0xbf, ..]
        | [0xe1..=0xec | 0xee..=0xef, 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xed, 0x80..=0x9f, 0x80..=0xbf, ..] => 3,
        [0xf0, 0x90..=0xbf, 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xf1..=0xf3, 0x80..=0xbf, 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xf4, 0x80..=0x8f, 0x80..=0xbf, 0x80..=0xbf, ..] => 4,
        _ => 0,
    }
}

/// The bytes that were written last, as many as its memory takes.
///
/// A host that keeps one does [`Operation::Log`] and [`Operation::LogFrom`]
/// with [`answer`](Self::answer). Without memory it keeps nothing.
#[derive(Debug)]
pub struct LogRing<B> {
    memory: B,
    /// Where the next byte goes; below the memory's size.
    next: usize,
    /// Bytes that are kept; at most the memory's size.
    kept: usize,
    /// The position after all that has been written; wraps.
    end: u32,
}

impl<B> LogRing<B> {
    /// An empty one in this memory, of less than 2^31 bytes.
    pub const fn new(memory: B) -> Self {
        Self {
            memory,
            next: 0,
            kept: 0,
            end: 0,
        }
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> LogRing<B> {
    /// Appends bytes, in place of the oldest.
    pub fn push(&mut self, bytes: &[u8]) {
        let memory = self.memory.as_mut();
        if memory.is_empty() {
            return;
        }
        for &byte in bytes {
            if let Some(place) = memory.get_mut(self.next) {
                *place = byte;
            }
            self.next += 1;
            if self.next >= memory.len() {
                self.next = 0;
            }
            if self.kept < memory.len() {
                self.kept += 1;
            }
            self.end = self.end.wrapping_add(1);
        }
    }

    /// How many of the last bytes are at a position and after it: all that are
    /// kept, if it is none of theirs.
    fn since(&self, position: u32) -> usize {
        let since = self.end.wrapping_sub(position) as usize;
        if since <= self.kept { since } else { self.kept }
    }

    /// The last so many bytes.
    fn last(&self, count: usize) -> impl Iterator<Item = &u8> {
        let memory = self.memory.as_ref();
        let count = count.min(self.kept);
        let (first, second) = match self.next.checked_sub(count) {
            Some(from) => (memory.get(from..self.next), None),
            None => {
                // As many as are kept go into the memory.
                let from = memory.len() - (count - self.next);
                (memory.get(from..), memory.get(..self.next))
            }
        };
        [first, second].into_iter().flatten().flatten()
    }

    /// Does [`Operation::Log`] or [`Operation::LogFrom`]: a line `offset N end
    /// M`, and bytes from position N on, as many as the answer takes. N is
    /// later than what was asked for if bytes were lost, and the oldest there
    /// is if nothing ever was there; M is the position after all bytes. The
    /// job's key is then the position to go on from.
    ///
    /// `NotFound` if it keeps nothing.
    pub fn answer<const PAGE: usize>(&self, job: &mut Job<PAGE>) {
        if self.memory.as_ref().is_empty() {
            job.refuse(Status::NotFound);
            return;
        }
        let count = match job.operation {
            Operation::LogFrom => self.since(job.key),
            _ => self.kept,
        };
        let from = self.end.wrapping_sub(count as u32);
        let page = &mut job.page;
        page.start(0);
        page.text("offset ").number(from).text(" end ");
        page.number(self.end).text("\n");
        let room = PAGE.saturating_sub(page.written());
        let mut taken = 0;
        for &byte in self.last(count).take(room) {
            page.push(&[byte]);
            taken += 1;
        }
        job.key = from.wrapping_add(taken);
        job.status = Status::Done;
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString as _};
    use std::vec::Vec;

    use super::*;

    fn ask<const SIZE: usize>(ring: &LogRing<[u8; SIZE]>, from: Option<u32>) -> (String, u32) {
        let mut job = Job::<48>::new();
        match from {
            None => job.start(Operation::Log),
            Some(from) => {
                job.start(Operation::LogFrom);
                job.key = from;
            }
        }
        ring.answer(&mut job);
        assert_eq!(job.status, Status::Done);
        assert_eq!(job.answer().len(), job.answer_length());
        let text = core::str::from_utf8(job.answer()).expect("text");
        (text.to_string(), job.key)
    }

    #[test]
    fn nothing_but_text_is_written() {
        for (text, wanted) in [
            (&b""[..], ""),
            (b"plain \ttext \\ '\"", "plain \ttext \\ '\""),
            ("µ € 🦀".as_bytes(), "µ € 🦀"),
            (b"\x1b[2J", "\\u{1b}[2J"),
            (b"a\rb\nc\0", "a\\rb\\nc\\u{0}"),
            (b"\x07\x7f", "\\u{7}\\u{7f}"),
            // C1: as characters, and as bytes, which some terminals obey, too.
            (
                "\u{80}x\u{9b}2J\u{9f}".as_bytes(),
                "\\u{80}x\\u{9b}2J\\u{9f}",
            ),
            (b"\x9b2J\xff", "\\u{9b}2J\\u{ff}"),
            // Cut off, too long, of UTF-16, and beyond Unicode.
            (b"a\xe2\x82", "a\\u{e2}\\u{82}"),
            (b"\x82\xac\xc2", "\\u{82}\\u{ac}\\u{c2}"),
            (b"\xc0\x8a", "\\u{c0}\\u{8a}"),
            (b"\xed\xa0\x80", "\\u{ed}\\u{a0}\\u{80}"),
            (b"\xf4\x90\x80\x80", "\\u{f4}\\u{90}\\u{80}\\u{80}"),
        ] {
            let mut written = String::new();
            escape(text, &mut |bytes| {
                written += core::str::from_utf8(bytes).expect("text");
            });
            assert_eq!(written, wanted, "{text:?}");
        }
    }

    fn escaped(text: &[u8]) -> String {
        let mut written = Vec::new();
        escape(text, &mut |bytes| written.extend_from_slice(bytes));
        String::from_utf8(written).expect("text")
    }

    /// What it is by the library.
    fn expected(text: &[u8]) -> String {
        let mut written = String::new();
        for chunk in text.utf8_chunks() {
            for char in chunk.valid().chars() {
                match char {
                    '\t' => written.push(char),
                    _ if char.is_control() => written.extend(char.escape_default()),
                    '\u{61c}'
                    | '\u{200e}'
                    | '\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2066}'..='\u{2069}' => {
                        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                            written.extend(char::from(byte).escape_default());
                        }
                    }
                    _ => written.push(char),
                }
            }
            for &byte in chunk.invalid() {
                written.extend(char::from(byte).escape_default());
            }
        }
        written
    }

    #[test]
    fn as_the_library_escapes() {
        // Every beginning, and what may follow at its borders.
        let borders = [
            0x00, 0x1b, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff,
        ];
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let parts = escaped(&[first]) + &escaped(&[second]);
                assert_eq!(parts, expected(&[first]) + &expected(&[second]));
                assert_eq!(escaped(&[first, second]), expected(&[first, second]));
            }
            for second in borders {
                for third in borders {
                    let text = [first, second, third];
                    assert_eq!(escaped(&text), expected(&text), "{text:x?}");
                    for fourth in borders.into_iter().filter(|_| first >= 0xe0) {
                        let text = [first, second, third, fourth];
                        assert_eq!(escaped(&text), expected(&text), "{text:x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn each_character() {
        for char in '\0'..='\u{ffff}' {
            let text = String::from(char);
            assert_eq!(
                escaped(text.as_bytes()),
                expected(text.as_bytes()),
                "{char:?}"
            );
        }
    }

    #[test]
    fn what_is_kept_and_from_where() {
        let mut ring = LogRing::new([0; 8]);
        assert_eq!(ask(&ring, None), ("offset 0 end 0\n".into(), 0));
        ring.push(b"abcde");
        for (from, text, next) in [
            (None, "offset 0 end 5\nabcde", 5),
            (Some(0), "offset 0 end 5\nabcde", 5),
            (Some(3), "offset 3 end 5\nde", 5),
            (Some(5), "offset 5 end 5\n", 5),
            // Never written: of another start of the device.
            (Some(6), "offset 0 end 5\nabcde", 5),
            (Some(u32::MAX), "offset 0 end 5\nabcde", 5),
        ] {
            assert_eq!(ask(&ring, from), (text.into(), next), "{from:?}");
        }
        ring.push(b"fgh");
        assert_eq!(ask(&ring, None).0, "offset 0 end 8\nabcdefgh");
        ring.push(b"ijk");
        for (from, text) in [
            (None, "offset 3 end 11\ndefghijk"),
            (Some(2), "offset 3 end 11\ndefghijk"),
            (Some(3), "offset 3 end 11\ndefghijk"),
            (Some(7), "offset 7 end 11\nhijk"),
            (Some(9), "offset 9 end 11\njk"),
            (Some(12), "offset 3 end 11\ndefghijk"),
        ] {
            assert_eq!(ask(&ring, from), (text.into(), 11), "{from:?}");
        }
        // Longer than the ring.
        ring.push(b"0123456789abcdefghijklmnop");
        assert_eq!(ask(&ring, Some(11)).0, "offset 29 end 37\nijklmnop");
    }

    #[test]
    fn an_answer_takes_what_fits() {
        let mut ring = LogRing::new([0; 100]);
        let letters: Vec<u8> = (0..100).map(|index| b'a' + index % 26).collect();
        ring.push(&letters);
        let mut read = String::new();
        let mut position = 0;
        while position != 100 {
            let (text, next) = ask(&ring, Some(position));
            assert!(text.len() <= 48);
            read += text.split_once('\n').expect("a first line").1;
            position = next;
        }
        assert_eq!(read.as_bytes(), letters);
    }

    #[test]
    fn positions_wrap() {
        let mut ring = LogRing::new([0; 5]);
        ring.end = u32::MAX - 1;
        ring.push(b"abcdefg");
        assert_eq!(ask(&ring, None), ("offset 0 end 5\ncdefg".into(), 5));
        ring.end = 1;
        let text = "offset 4294967292 end 1\ncdefg";
        for from in [None, Some(u32::MAX - 3), Some(u32::MAX - 4), Some(2)] {
            assert_eq!(ask(&ring, from), (text.into(), 1), "{from:?}");
        }
        assert_eq!(ask(&ring, Some(0)).0, "offset 0 end 1\ng");
    }

    #[test]
    fn as_a_list_would_keep_it() {
        let mut ring = LogRing::new([0; 7]);
        let mut all = Vec::new();
        for length in [0_usize, 1, 6, 7, 8, 13, 14, 15, 3, 2, 1, 5] {
            let piece: Vec<u8> = (0..length)
                .map(|i| b'a' + (all.len() + i) as u8 % 26)
                .collect();
            ring.push(&piece);
            all.extend(piece);
            for count in 0..=7.min(all.len()) {
                let last: Vec<u8> = ring.last(count).copied().collect();
                assert_eq!(last, all[all.len() - count..]);
            }
        }
    }

    #[test]
    fn without_memory() {
        let mut ring = LogRing::new([0; 0]);
        ring.push(b"abc");
        let mut job = Job::<48>::new();
        job.start(Operation::Log);
        ring.answer(&mut job);
        assert_eq!((job.status, job.answer()), (Status::NotFound, &b""[..]));
        assert_eq!(ring.last(3).count(), 0);
    }
}
