// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that are well-formed (RFC 7252, section 3): of clients and of servers.

use coap_lite::{MessageType, Packet};

use super::code::EMPTY;

pub(crate) const VERSION: u8 = 1;
/// Bytes of a header, and of an empty message.
const HEADER: usize = 4;
const PAYLOAD_MARKER: u8 = 0xff;

/// Type and id of a message of our version; `None` for what is to be ignored.
pub(crate) fn header(bytes: &[u8]) -> Option<(MessageType, u16)> {
    let &[first, _, high, low, ..] = bytes else {
        return None;
    };
    if first >> 6 != VERSION {
        return None;
    }
    let kind = match first >> 4 & 3 {
        0 => MessageType::Confirmable,
        1 => MessageType::NonConfirmable,
        2 => MessageType::Acknowledgement,
        _ => MessageType::Reset,
    };
    Some((kind, u16::from_be_bytes([high, low])))
}

/// A message of our version, if it is well-formed.
pub(crate) fn parse(bytes: &[u8]) -> Option<Packet> {
    header(bytes)?;
    let packet = Packet::from_bytes(bytes).ok()?;
    // An empty message is its header (section 4.1).
    if u8::from(packet.header.code) == EMPTY && bytes.len() != HEADER {
        return None;
    }
    // A marker without payload is an error (section 3), but the codec lets it
    // pass. Each message has one encoding only, so that it can be told by the
    // length.
    if bytes.last() == Some(&PAYLOAD_MARKER)
        && packet.payload.is_empty()
        && packet.to_bytes_unlimited().ok()?.len() != bytes.len()
    {
        return None;
    }
    Some(packet)
}

/// An empty message: it acknowledges the message with this id, or rejects it.
pub(crate) fn empty(kind: MessageType, id: u16) -> Vec<u8> {
    let mut packet = Packet::new();
    packet.header.set_version(VERSION);
    packet.header.set_type(kind);
    packet.header.code = EMPTY.into();
    packet.header.message_id = id;
    packet.to_bytes().unwrap_or_default()
}
