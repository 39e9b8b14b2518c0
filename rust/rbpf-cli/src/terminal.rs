// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text for a terminal.

pub(crate) use rbpf_host::printable;

/// Bytes in hexadecimal, two digits each.
pub(crate) fn hex(bytes: &[u8], separator: &str) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(separator)
}
