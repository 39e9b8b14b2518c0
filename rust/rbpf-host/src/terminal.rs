// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text from elsewhere, made harmless for a terminal.
//!
//! Names in devices' answers, and even source files, may hold sequences that
//! move the cursor, or characters that make text look like another.

use std::fmt::Write as _;

/// A text on one line, with escapes such as `\u{1b}` for all that is not to be
/// seen as it is, and at most so many characters of the original.
#[must_use]
pub fn printable(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    for (index, char) in text.chars().enumerate() {
        if index == most {
            shown.push('…');
            break;
        }
        if is_harmful(char) {
            // Writing to a string does not fail.
            let _ = write!(shown, "{}", char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Whether a character does something else than appear: controls, and those
/// that reorder, join or hide others.
fn is_harmful(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || is_combining(char)
}

/// The blocks of combining marks: piled up they cover other lines.
fn is_combining(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        assert_eq!(printable("sensor_1 µ", 20), "sensor_1 µ");
        assert_eq!(
            printable("a\x1b[2J\r\nb\u{9b}", 20),
            "a\\u{1b}[2J\\r\\nb\\u{9b}"
        );
        assert_eq!(printable("\u{202e}x\u{200b}", 20), "\\u{202e}x\\u{200b}");
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("abc", 3), "abc");
        assert!(printable(&"\u{301}".repeat(9), 99).is_ascii());
    }
}
