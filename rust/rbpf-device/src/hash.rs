// SPDX-License-Identifier: MIT OR Apache-2.0
//! FNV-1a: tells paths, texts and responses apart, not friends from foes.

/// The hash of nothing.
pub(crate) const EMPTY: u32 = 0x811c_9dc5;

/// The hash of bytes.
#[must_use]
pub fn hash(bytes: &[u8]) -> u32 {
    hash_on(EMPTY, bytes)
}

/// The hash of what has a hash, and more bytes behind it.
pub(crate) fn hash_on(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
