// SPDX-License-Identifier: MIT OR Apache-2.0
//! The option Echo (RFC 9175), by which a peer shows that it receives what is sent to
//! its address, so that nobody has a stranger flooded with answers.
//!
//! Its value is a keyed hash of the address: there is no table. HalfSipHash-2-4 has the
//! word of a microcontroller. Its 64 bits of key are enough to keep values from being
//! guessed; they are no proof of identity.

/// Number of the option.
pub const NUMBER: u16 = 252;
/// Bytes that it takes in a message, behind an option Block2.
pub(super) const LENGTH: usize = 2 + size_of::<u64>();
/// Bytes of a payload for a peer that has not shown that it receives.
pub const STRANGER: usize = 64;

/// What a peer has to send back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: the transport knows whom it reaches, or looks itself.
    Needless,
    /// This value of the option.
    Echo(u64),
    /// Nothing that it could: who asks is a stranger.
    None,
}

/// The value of the option for an address. The key is made anew at each start, of what
/// nobody else can draw: not of a generator whose numbers containers or peers see.
#[must_use]
pub fn echo(key: [u32; 2], address: &[u8]) -> u64 {
    let [low, high] = key;
    let mut state = State([low, high ^ 0xee, 0x6c79_6765 ^ low, 0x7465_6462 ^ high]);
    let mut chunks = address.chunks_exact(size_of::<u32>());
    for chunk in &mut chunks {
        state.take(word(chunk));
    }
    let rest = word(chunks.remainder());
    state.take((address.len() as u32) << 24 | rest);
    let first = state.end(2, 0xee);
    let second = state.end(1, 0xdd);
    u64::from(first) | u64::from(second) << 32
}

/// Up to four bytes as a number, the first the least.
fn word(bytes: &[u8]) -> u32 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |word, &byte| word << 8 | u32::from(byte))
}

/// The state of HalfSipHash.
struct State([u32; 4]);

impl State {
    fn take(&mut self, word: u32) {
        self.0[3] ^= word;
        self.rounds(2);
        self.0[0] ^= word;
    }

    /// Half of the result.
    fn end(&mut self, index: usize, mark: u32) -> u32 {
        if let Some(word) = self.0.get_mut(index) {
            *word ^= mark;
        }
        self.rounds(4);
        self.0[1] ^ self.0[3]
    }

    #[inline(never)]
    fn rounds(&mut self, count: u8) {
        let [mut a, mut b, mut c, mut d] = self.0;
        for _ in 0..count {
            a = a.wrapping_add(b);
            b = b.rotate_left(5) ^ a;
            a = a.rotate_left(16);
            c = c.wrapping_add(d);
            d = d.rotate_left(8) ^ c;
            a = a.wrapping_add(d);
            d = d.rotate_left(7) ^ a;
            c = c.wrapping_add(b);
            b = b.rotate_left(13) ^ c;
            c = c.rotate_left(16);
        }
        self.0 = [a, b, c, d];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation's `vectors.h`: the key is 0 to 7, the input 0
    /// to one less than its length.
    #[test]
    fn vectors() {
        let input: [u8; 64] = core::array::from_fn(|index| index as u8);
        for (length, expected) in VECTORS {
            let value = echo([0x0302_0100, 0x0706_0504], &input[..length]);
            assert_eq!(value.to_le_bytes(), expected, "{length}");
        }
    }

    const VECTORS: [(usize, [u8; 8]); 8] = [
        (0, [0x21, 0x8d, 0x1f, 0x59, 0xb9, 0xb8, 0x3c, 0xc8]),
        (1, [0xbe, 0x55, 0x24, 0x12, 0xf8, 0x38, 0x73, 0x15]),
        (2, [0x06, 0x4f, 0x39, 0xef, 0x7c, 0x50, 0xeb, 0x57]),
        (3, [0xce, 0x0f, 0x1a, 0x45, 0xf7, 0x06, 0x06, 0x79]),
        (4, [0xd5, 0xe7, 0x8a, 0x17, 0x5b, 0xe5, 0x2e, 0xa1]),
        (16, [0x73, 0x36, 0xaa, 0xd2, 0x5f, 0x7b, 0xf3, 0xb5]),
        (18, [0xc9, 0xb2, 0xdb, 0x2b, 0x9a, 0x3e, 0x42, 0xf9]),
        (63, [0x2e, 0xa6, 0x3c, 0x71, 0xbf, 0x32, 0x60, 0x87]),
    ];
}
