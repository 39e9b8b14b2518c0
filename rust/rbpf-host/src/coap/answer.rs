// SPDX-License-Identifier: MIT OR Apache-2.0
//! A response, before it is a message and as one.

use coap_lite::{CoapOption, MessageType, Packet};

use super::block::{Block, uint};
use super::message::VERSION;
use super::options::ECHO;

/// A response before it is a message.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) code: u8,
    pub(super) content_format: Option<u16>,
    pub(super) etag: Option<[u8; 8]>,
    /// Number of a notification.
    pub(super) observe: Option<u32>,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    pub(super) size1: Option<u32>,
    pub(super) size2: Option<u32>,
    /// What shows, in a request, that its sender has got it.
    pub(super) echo: Option<[u8; 8]>,
    pub(super) payload: Vec<u8>,
}

impl Answer {
    pub(super) fn new(code: u8) -> Self {
        Self {
            code,
            content_format: None,
            etag: None,
            observe: None,
            block1: None,
            block2: None,
            size1: None,
            size2: None,
            echo: None,
            payload: Vec::new(),
        }
    }

    /// An error with a short text for people.
    pub(super) fn error(code: u8, text: &str) -> Self {
        Self {
            payload: text.into(),
            ..Self::new(code)
        }
    }

    /// Makes a message of it.
    pub(super) fn encode(self, token: &[u8], kind: MessageType, id: u16) -> Vec<u8> {
        let mut packet = Packet::new();
        packet.header.set_version(VERSION);
        packet.header.set_type(kind);
        packet.header.message_id = id;
        packet.header.code = self.code.into();
        packet.set_token(token.to_vec());
        let numbers = [
            (CoapOption::Observe, self.observe),
            (
                CoapOption::ContentFormat,
                self.content_format.map(u32::from),
            ),
            (CoapOption::Size1, self.size1),
            (CoapOption::Size2, self.size2),
        ];
        for (option, number) in numbers {
            if let Some(number) = number {
                packet.add_option(option, uint(number));
            }
        }
        let blocks = [
            (CoapOption::Block1, self.block1),
            (CoapOption::Block2, self.block2),
        ];
        for (option, block) in blocks {
            if let Some(block) = block {
                packet.add_option(option, block.encode());
            }
        }
        let opaque = [(CoapOption::ETag, self.etag), (ECHO, self.echo)];
        for (option, value) in opaque {
            if let Some(value) = value {
                packet.add_option(option, value.to_vec());
            }
        }
        packet.payload = self.payload;
        // Without a limit, encoding does not fail.
        packet.to_bytes_unlimited().unwrap_or_default()
    }
}
