// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs and memory as bytes, or as text in hexadecimal.

use anyhow::{Context as _, Result, bail};
use rbpf_isa::Slot;

/// Bytes as slots, wherever they lie.
///
/// # Errors
///
/// If the length is no multiple of 8.
pub fn slots(bytes: &[u8]) -> Result<Vec<Slot>> {
    let (chunks, rest) = bytes.as_chunks::<{ Slot::SIZE }>();
    if !rest.is_empty() {
        bail!("{} bytes are no whole number of 8-byte slots", bytes.len());
    }
    let slot = |bytes: &[u8; Slot::SIZE]| Slot::from_bits(u64::from_le_bytes(*bytes));
    Ok(chunks.iter().map(slot).collect())
}

/// Bytes from hexadecimal text, with or without blanks between them.
///
/// # Errors
///
/// If something else than pairs of digits stands there.
pub fn hex(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        bail!("odd number of hexadecimal digits");
    }
    let digit = |c: char| {
        c.to_digit(16)
            .with_context(|| format!("`{c}` is no hexadecimal digit"))
    };
    pairs
        .iter()
        .map(|&[high, low]| Ok((digit(high)? << 4 | digit(low)?) as u8))
        .collect()
}
