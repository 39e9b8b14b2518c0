// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers and format strings for guests, without `core::fmt`.

use heapless::Vec;

/// A number as text: at most 20 digits, a sign, a point, zeros.
pub type Digits = Vec<u8, 24>;

/// A number with a sign and so many decimal places, from its last digit to
/// its first. There is always room: 20 digits hold any number, and there are
/// places only in small ones.
fn write(is_negative: bool, mut value: u64, base: u8, places: usize) -> Digits {
    let mut out = Digits::new();
    let mut count = 0;
    while count <= places || value > 0 {
        if count == places && places > 0 {
            let _ = out.push(b'.');
        }
        let digit = (value % u64::from(base)) as u8;
        let _ = out.push(digit + if digit < 10 { b'0' } else { b'a' - 10 });
        value /= u64::from(base);
        count += 1;
    }
    if is_negative {
        let _ = out.push(b'-');
    }
    out.reverse();
    out
}

/// A number in a base of 10 or 16, without zeros or a sign before it.
#[must_use]
pub fn digits(value: u64, base: u8) -> Digits {
    write(false, value, base, 0)
}

/// A signed number in decimal.
pub(crate) fn signed(value: i64) -> Digits {
    write(value < 0, value.unsigned_abs(), 10, 0)
}

/// Writes `value` times ten to the power of `exponent`, as RIOT's
/// `fmt_s16_dfp` does (sys/include/fmt.h). Empty if the exponent is not in
/// -9 to 9.
pub(crate) fn fixed_point(value: i16, exponent: i32) -> Digits {
    let places = exponent.unsigned_abs() as usize;
    if places > 9 {
        return Digits::new();
    }
    let (places, zeros) = if exponent < 0 {
        (places, 0)
    } else {
        (0, places)
    };
    let mut out = write(value < 0, value.unsigned_abs().into(), 10, places);
    for _ in 0..zeros {
        let _ = out.push(b'0');
    }
    out
}

/// One piece of a format string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Bytes that stand for themselves.
    Literal(&'a [u8]),
    /// `%d`, `%ld`.
    Signed { long: bool },
    /// `%u`, `%lu`.
    Unsigned { long: bool },
    /// `%x`, `%lx`.
    Hex { long: bool },
    /// `%p`.
    Pointer,
    /// `%c`.
    Character,
    /// `%s`.
    String,
    /// Anything else after a percent sign.
    Unsupported,
}

/// Cuts a format string, without its NUL, into pieces.
pub(crate) fn pieces(format: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = format;
    core::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        if first != b'%' {
            let end = rest.iter().position(|&byte| byte == b'%');
            let (literal, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            return Some(Piece::Literal(literal));
        }
        let (long, after) = match after {
            [b'l', after @ ..] => (true, after),
            _ => (false, after),
        };
        let (piece, after) = match (long, after) {
            (_, [b'd', after @ ..]) => (Piece::Signed { long }, after),
            (_, [b'u', after @ ..]) => (Piece::Unsigned { long }, after),
            (_, [b'x', after @ ..]) => (Piece::Hex { long }, after),
            (false, [b'p', after @ ..]) => (Piece::Pointer, after),
            (false, [b'c', after @ ..]) => (Piece::Character, after),
            (false, [b's', after @ ..]) => (Piece::String, after),
            (false, [b'%', after @ ..]) => (Piece::Literal(b"%"), after),
            _ => (Piece::Unsupported, &[][..]),
        };
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn numbers() {
        assert_eq!(digits(0, 10), b"0");
        assert_eq!(digits(u64::MAX, 10), b"18446744073709551615");
        assert_eq!(digits(u64::MAX, 16), b"ffffffffffffffff");
        assert_eq!(signed(i64::MIN), b"-9223372036854775808");
    }

    #[test]
    fn fixed_points() {
        for (value, exponent, text) in [
            (2345, -2, "23.45"),
            (-5, -2, "-0.05"),
            (0, -1, "0.0"),
            (7, 0, "7"),
            (-7, 2, "-700"),
            (0, 2, "000"),
            (i16::MIN, -9, "-0.000032768"),
            (i16::MIN, 9, "-32768000000000"),
            (1, 10, ""),
            (1, i32::MIN, ""),
        ] {
            assert_eq!(
                fixed_point(value, exponent),
                text.as_bytes(),
                "{value}e{exponent}"
            );
        }
    }

    #[test]
    fn formats() {
        let all: Vec<_> = pieces(b"a%d%lu%x%%%s b%c%p").collect();
        assert_eq!(
            all,
            vec![
                Piece::Literal(b"a"),
                Piece::Signed { long: false },
                Piece::Unsigned { long: true },
                Piece::Hex { long: false },
                Piece::Literal(b"%"),
                Piece::String,
                Piece::Literal(b" b"),
                Piece::Character,
                Piece::Pointer,
            ]
        );
        for refused in ["%", "%l", "%n", "%5d", "%lld", "%ls", "%*d", "%f"] {
            assert_eq!(
                pieces(refused.as_bytes()).collect::<Vec<_>>(),
                vec![Piece::Unsupported],
                "{refused}"
            );
        }
    }
}
