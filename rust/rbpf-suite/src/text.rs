// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers as text without `core::fmt`, whose code takes kilobytes of a
//! device's flash: only the trait `Write` is used, and of it `write_str`.

use core::fmt::{self, Write};

/// Writes a number in decimal.
///
/// # Errors
///
/// Those of the writer.
pub fn decimal(out: &mut impl Write, value: impl Into<u64>) -> fmt::Result {
    digits(out, value.into(), 10)
}

/// Writes a number in hexadecimal, with `0x`.
///
/// # Errors
///
/// Those of the writer.
pub fn hexadecimal(out: &mut impl Write, value: u64) -> fmt::Result {
    out.write_str("0x")?;
    digits(out, value, 16)
}

/// The most significant digit first, which the recursion finds last: at most
/// 20 deep.
fn digits(out: &mut impl Write, value: u64, base: u64) -> fmt::Result {
    const DIGITS: &str = "0123456789abcdef";
    if value >= base {
        digits(out, value / base, base)?;
    }
    let digit = (value % base) as usize;
    out.write_str(DIGITS.get(digit..=digit).unwrap_or("?"))
}
