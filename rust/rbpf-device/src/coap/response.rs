// SPDX-License-Identifier: MIT OR Apache-2.0
//! A response, before it is a message.

use coap_message::{Code as _, MutableWritableMessage, OptionNumber as _};
use coap_numbers::{code, option};

use super::block::Block;
use super::echo;

/// A response.
#[derive(Debug, Default)]
pub(super) struct Response<'p> {
    pub(super) code: u8,
    pub(super) format: Option<u16>,
    pub(super) observe: Option<u32>,
    pub(super) etag: Option<u32>,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    /// For a peer that has not shown that it receives.
    pub(super) echo: Option<u64>,
    pub(super) payload: &'p [u8],
    /// Whether there is more than the payload.
    pub(super) is_cut: bool,
}

impl<'p> Response<'p> {
    /// Numbers and values of its options, in the order of their numbers; all but Echo,
    /// which is the last.
    pub(super) fn options(&self) -> impl Iterator<Item = (u16, u32)> {
        [
            (option::ETAG, self.etag),
            (option::OBSERVE, self.observe),
            (option::CONTENT_FORMAT, self.format.map(u32::from)),
            (option::BLOCK2, self.block2.map(Block::value)),
            (option::BLOCK1, self.block1.map(Block::value)),
        ]
        .into_iter()
        .filter_map(|(number, value)| Some((number, value?)))
    }

    /// Makes a message of it.
    pub(super) fn write<M: MutableWritableMessage>(
        &self,
        message: &mut M,
    ) -> Result<(), M::UnionError> {
        message.set_code(M::Code::new(self.code)?);
        for (number, value) in self.options() {
            message.add_option_uint(M::OptionNumber::new(number)?, value)?;
        }
        if let Some(value) = self.echo {
            message.add_option(M::OptionNumber::new(echo::NUMBER)?, &value.to_be_bytes())?;
        }
        if !self.payload.is_empty() {
            message.set_payload(self.payload)?;
        }
        Ok(())
    }

    /// Cuts the payload to a block of the size that fits and is not larger
    /// than the one asked for. The whole has `length` bytes, of which the
    /// payload has those from `from` on.
    pub(super) fn cut(&mut self, block2: Option<Block>, length: usize, from: usize, room: usize) {
        if block2.is_none() && length == self.payload.len() && length <= room {
            return;
        }
        let mut block = block2.unwrap_or(Block::FIRST);
        block.shrink(room);
        let offset = block.offset();
        if !block.is_first() && offset >= length {
            self.code = code::BAD_REQUEST;
            self.payload = b"no such block";
            self.format = None;
            return;
        }
        let rest = self.payload.get(offset - from..).unwrap_or_default();
        self.payload = rest.get(..block.size()).unwrap_or(rest);
        block.set_more(length - offset > block.size());
        if block.has_more() || !block.is_first() {
            self.block2 = Some(block);
            self.is_cut = true;
        }
    }
}
