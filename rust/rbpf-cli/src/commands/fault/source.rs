// SPDX-License-Identifier: MIT OR Apache-2.0
//! A few lines of a source around one of them.
//!
//! The path comes from an object, which may name anything: nothing but plain
//! files is opened, since others can block or never end.

use std::fmt::Write as _;
use std::path::Path;

use crate::container::read_file;
use crate::terminal::printable;

/// Lines that are shown before and after.
const AROUND: u32 = 2;
/// Characters of a line that are shown.
const MAX_LINE: usize = 160;

/// Lines with their numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    lines: Vec<(u32, String)>,
    marked: u32,
}

/// The lines around one, from 1; `None` if there is no such line to be read.
pub(super) fn excerpt(file: &str, line: u32) -> Option<Excerpt> {
    let path = Path::new(file);
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let bytes = read_file(path).ok()?;
    of(&String::from_utf8_lossy(&bytes), line)
}

fn of(text: &str, marked: u32) -> Option<Excerpt> {
    let first = marked.saturating_sub(AROUND).max(1);
    let last = marked.saturating_add(AROUND);
    let show = |line: &str| printable(&line.replace('\t', "    "), MAX_LINE);
    let lines: Vec<_> = (1..=last)
        .zip(text.lines())
        .skip(first as usize - 1)
        .map(|(number, line)| (number, show(line)))
        .collect();
    let found = lines.iter().any(|&(number, _)| number == marked);
    found.then_some(Excerpt { lines, marked })
}

impl Excerpt {
    /// For people.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for (number, line) in &self.lines {
            let mark = if *number == self.marked { '>' } else { ' ' };
            let shown = format!("{mark} {number:5} | {line}");
            // Writing to a string does not fail.
            let _ = writeln!(out, "{}", shown.trim_end());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_around() {
        let text = "one\n\ttwo\nthree\n\nfive\x1b\nsix\n";
        let middle = of(text, 3).expect("it is there").text();
        assert_eq!(
            middle,
            "      1 | one\n      2 |     two\n>     3 | three\n      4 |\n      5 | five\\u{1b}\n"
        );
        let first = of(text, 1).expect("it is there").text();
        assert!(first.starts_with(">     1 | one\n"), "{first}");
        assert!(
            of(text, 6)
                .expect("it is there")
                .text()
                .ends_with("| six\n")
        );
        for line in [0, 7, u32::MAX] {
            assert_eq!(of(text, line), None);
        }
        assert_eq!(excerpt("/dev/zero", 1), None);
        assert_eq!(excerpt("/no/such/file", 1), None);
        assert_eq!(excerpt(".", 1), None);
    }
}
