// SPDX-License-Identifier: MIT OR Apache-2.0
//! Block-wise transfers: the options Block1 and Block2 (RFC 7959).

/// A Block1 or Block2 option, as its value: the number of the block, whether
/// more follow, and its size, which is 16 times two to the power of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block(u32);

impl Block {
    /// The first block, as large as there are.
    pub(super) const FIRST: Self = Self(6);

    const MORE: u32 = 8;
    const SIZE: u32 = 7;

    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let number = value
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        (value.len() <= 3 && number & Self::SIZE < 7).then_some(Self(number))
    }

    pub(super) fn size(self) -> usize {
        16 << (self.0 & Self::SIZE)
    }

    /// Bytes before it.
    pub(super) fn offset(self) -> usize {
        (self.0 as usize >> 4) * self.size()
    }

    pub(super) fn is_first(self) -> bool {
        self.0 >> 4 == 0
    }

    pub(super) fn has_more(self) -> bool {
        self.0 & Self::MORE != 0
    }

    pub(super) fn set_more(&mut self, more: bool) {
        let flag = if more { Self::MORE } else { 0 };
        self.0 = self.0 & !Self::MORE | flag;
    }

    /// The value of the option.
    pub(super) fn value(self) -> u32 {
        self.0
    }

    /// Makes it smaller until it fits; it begins where it did.
    pub(super) fn shrink(&mut self, room: usize) {
        while self.0 & Self::SIZE > 0 && self.size() > room {
            let (number, rest) = (self.0 >> 4, self.0 & 0xf);
            self.0 = number << 5 | (rest - 1);
        }
    }
}
