// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers of the assembler's syntax: never truncated silently.

use super::error::{AssembleErrorKind as Kind, quote};

/// A number as written, before it is known which field it has to fit into.
struct Number {
    hexadecimal: bool,
    /// `None` beyond all fields.
    value: Option<i128>,
}

/// Reads decimal or `0x` hexadecimal digits behind an optional sign.
fn read(text: &str) -> Result<Number, Kind> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    let (digits, radix) = hexadecimal.map_or((digits, 10), |digits| (digits, 16));
    // `from_str_radix` would take a second sign.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(Kind::BadNumber(quote(text)));
    }
    let magnitude = u64::from_str_radix(digits, radix).ok().map(i128::from);
    Ok(Number {
        hexadecimal: hexadecimal.is_some(),
        value: magnitude.map(|value| if negative { -value } else { value }),
    })
}

/// An immediate of 32 bits: signed, or hexadecimal and then also unsigned.
///
/// An unsigned decimal number above `i32::MAX` is refused, because most
/// instructions would extend its sign and work with another number.
pub(super) fn immediate(text: &str) -> Result<i32, Kind> {
    let number = read(text)?;
    let value = number.value.and_then(|value| {
        let signed = i32::try_from(value).ok();
        let unsigned = || u32::try_from(value).ok().map(u32::cast_signed);
        signed.or_else(|| number.hexadecimal.then(unsigned).flatten())
    });
    value.ok_or_else(|| Kind::ImmediateOutOfRange(quote(text)))
}

/// An immediate of 64 bits, signed or unsigned.
pub(super) fn immediate64(text: &str) -> Result<u64, Kind> {
    let value = read(text)?.value.and_then(|value| {
        let unsigned = u64::try_from(value).ok();
        unsigned.or_else(|| i64::try_from(value).ok().map(i64::cast_unsigned))
    });
    value.ok_or_else(|| Kind::ImmediateOutOfRange(quote(text)))
}

/// A signed offset or distance, for a field of the type `T`.
pub(super) fn offset<T: TryFrom<i128>>(text: &str) -> Result<T, Kind> {
    let value = read(text)?.value.and_then(|value| T::try_from(value).ok());
    value.ok_or_else(|| Kind::OffsetOutOfRange(quote(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_immediates_are_unsigned_or_negative() {
        assert_eq!(immediate("0xffffffff"), Ok(-1));
        assert_eq!(immediate("0X80000000"), Ok(i32::MIN));
        assert_eq!(immediate("-0x80000000"), Ok(i32::MIN));
        for text in ["0x100000000", "-0x80000001", "0xfffffffffffffffffffff"] {
            assert_eq!(immediate(text), Err(Kind::ImmediateOutOfRange(text.into())));
        }
    }

    #[test]
    fn decimal_immediates_are_signed() {
        assert_eq!(immediate("2147483647"), Ok(i32::MAX));
        assert_eq!(immediate("-2147483648"), Ok(i32::MIN));
        assert_eq!(immediate("+7"), Ok(7));
        for text in ["2147483648", "-2147483649", "99999999999999999999999"] {
            assert_eq!(immediate(text), Err(Kind::ImmediateOutOfRange(text.into())));
        }
    }

    #[test]
    fn wide_immediates_have_64_bits() {
        assert_eq!(immediate64("0xffffffffffffffff"), Ok(u64::MAX));
        assert_eq!(immediate64("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(immediate64("-9223372036854775808"), Ok(1 << 63));
        for text in ["18446744073709551616", "-9223372036854775809"] {
            let error = Kind::ImmediateOutOfRange(text.into());
            assert_eq!(immediate64(text), Err(error));
        }
    }

    #[test]
    fn offsets_are_signed_in_any_radix() {
        assert_eq!(offset::<i16>("-0x8000"), Ok(i16::MIN));
        for text in ["+0x8000", "-32769", "+0xffff"] {
            let error = Kind::OffsetOutOfRange(text.into());
            assert_eq!(offset::<i16>(text), Err(error));
        }
    }

    #[test]
    fn anything_else_is_no_number() {
        for text in ["", "-", "0x", "--1", "-+1", "1_0", "1a", "0x1g", "٣"] {
            assert_eq!(immediate(text), Err(Kind::BadNumber(text.into())), "{text}");
        }
    }
}
