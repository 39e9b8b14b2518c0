// SPDX-License-Identifier: MIT OR Apache-2.0
//! Block-wise transfers: the options Block1 and Block2 (RFC 7959).

/// A Block1 or Block2 option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub(super) offset: usize,
    pub(super) more: bool,
    /// The size is 16 times two to the power of this.
    exponent: u8,
}

impl Block {
    /// The first block, as large as there are.
    pub(super) const FIRST: Self = Self {
        offset: 0,
        more: false,
        exponent: 6,
    };

    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        if value.len() > 3 {
            return None;
        }
        let value = value
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        let exponent = (value & 7) as u8;
        (exponent < 7).then_some(Self {
            offset: (value as usize >> 4) << (exponent + 4),
            more: value & 8 != 0,
            exponent,
        })
    }

    pub(super) fn size(self) -> usize {
        16 << self.exponent
    }

    pub(super) fn value(self) -> u32 {
        let number = (self.offset >> (self.exponent + 4)) as u32;
        number << 4 | u32::from(self.more) << 3 | u32::from(self.exponent)
    }

    /// Makes it smaller until it fits.
    pub(super) fn shrink(&mut self, room: usize) {
        while self.exponent > 0 && self.size() > room {
            self.exponent -= 1;
        }
    }
}
