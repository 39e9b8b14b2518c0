// SPDX-License-Identifier: MIT OR Apache-2.0
//! The value of the options Block1 and Block2 (RFC 7959, section 2.2).
//!
//! `coap-lite` has one too, but with block numbers of 12 bits instead of 20.

/// The largest size exponent: blocks of 1024 bytes; 7 is reserved.
const MAX_EXPONENT: u8 = 6;

/// Which block of a transfer, and how large blocks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Number of the block, 20 bits.
    pub(crate) number: u32,
    /// Whether more follow.
    pub(crate) more: bool,
    /// Size exponent (SZX), 0 to 6.
    pub(crate) exponent: u8,
}

impl Block {
    /// A block; `size` is a power of two, 16 to 1024.
    pub(crate) fn new(number: u32, more: bool, size: usize) -> Self {
        let exponent = size.trailing_zeros().saturating_sub(4) as u8;
        Self {
            number,
            more,
            exponent: exponent.min(MAX_EXPONENT),
        }
    }

    /// Reads the option's value; `None` if it has more than three bytes or
    /// the reserved size.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let bits = number(value, 3)?;
        let exponent = (bits & 7) as u8;
        (exponent <= MAX_EXPONENT).then_some(Self {
            number: bits >> 4,
            more: bits & 8 != 0,
            exponent,
        })
    }

    /// Writes the option's value, as short as it can be.
    pub(crate) fn encode(self) -> Vec<u8> {
        uint(self.number << 4 | u32::from(self.more) << 3 | u32::from(self.exponent))
    }

    /// Bytes of a block, 16 to 1024.
    pub(crate) const fn size(self) -> usize {
        16 << self.exponent
    }

    /// Where the block begins; below 2^30.
    pub(crate) const fn offset(self) -> usize {
        self.number as usize * self.size()
    }
}

/// The number in an option of at most so many bytes, up to four.
pub(crate) fn number(value: &[u8], most: usize) -> Option<u32> {
    let add = |sum: u32, &byte: &u8| sum << 8 | u32::from(byte);
    (value.len() <= most).then(|| value.iter().fold(0, add))
}

/// A number as an option's value: big-endian, without leading zeros.
pub(crate) fn uint(number: u32) -> Vec<u8> {
    let skip = (number.leading_zeros() / 8) as usize;
    number.to_be_bytes().into_iter().skip(skip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_trip() {
        for number in [0, 1, 15, 16, 4095, 4096, 0xf_ffff] {
            for size in [16, 32, 64, 128, 256, 512, 1024] {
                for more in [false, true] {
                    let block = Block::new(number, more, size);
                    assert_eq!(block.size(), size);
                    assert_eq!(block.offset(), number as usize * size);
                    let value = block.encode();
                    assert!(value.len() <= 3 && value.first() != Some(&0));
                    assert_eq!(Block::decode(&value), Some(block));
                }
            }
        }
        assert_eq!(Block::decode(&[]), Some(Block::new(0, false, 16)));
    }

    #[test]
    fn malformed_values() {
        assert_eq!(Block::decode(&[7]), None);
        assert_eq!(Block::decode(&[0, 0, 0, 6]), None);
        assert_eq!(uint(0), []);
        assert_eq!(uint(0x1_00ff), [1, 0, 0xff]);
    }
}
