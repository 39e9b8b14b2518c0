// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that answer no other one (RFC 7252, section 3), for a stack that makes
//! responses only.

use super::OVERHEAD;
use super::response::Response;

/// Bytes of the header, without a token.
const HEADER: usize = 4;
/// Version 1.
const VERSION: u8 = 1 << 6;
const NON_CONFIRMABLE: u8 = 1 << 4;
const PAYLOAD_MARKER: u8 = 0xff;
/// From here on, the distance to the option before takes a byte of its own.
const LONG_DELTA: u16 = 13;

/// Bytes of a message beside its payload, with the longest token.
pub const MAX_HEAD: usize = HEADER + 8 + OVERHEAD;

/// What a message begins with.
#[derive(Clone, Copy, Debug)]
pub struct Head<'t> {
    /// Whether it is to be confirmed.
    pub is_confirmable: bool,
    /// Its id.
    pub id: u16,
    /// That of the request; up to 8 bytes.
    pub token: &'t [u8],
}

/// A message as far as it is written.
struct Writer<'b> {
    bytes: &'b mut [u8],
    length: usize,
}

impl Writer<'_> {
    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let place = self.bytes.get_mut(self.length..)?.get_mut(..bytes.len())?;
        place.copy_from_slice(bytes);
        self.length += bytes.len();
        Some(())
    }

    /// An option with a number for a value, without leading zeros. Distances of ours
    /// are below 269.
    fn option(&mut self, distance: u16, value: u32) -> Option<()> {
        let bytes = value.to_be_bytes();
        let zeros = (value.leading_zeros() / 8) as usize;
        let value = bytes.get(zeros..)?;
        let length = value.len() as u8;
        if distance < LONG_DELTA {
            self.push(&[(distance as u8) << 4 | length])?;
        } else {
            self.push(&[
                (LONG_DELTA as u8) << 4 | length,
                (distance - LONG_DELTA) as u8,
            ])?;
        }
        self.push(value)
    }
}

/// Makes a message of a response: its length, or `None` if there is no room.
pub(super) fn encode(response: &Response<'_>, head: &Head<'_>, bytes: &mut [u8]) -> Option<usize> {
    let mut writer = Writer { bytes, length: 0 };
    let kind = if head.is_confirmable {
        0
    } else {
        NON_CONFIRMABLE
    };
    let [high, low] = head.id.to_be_bytes();
    let token_length = head.token.len() as u8 & 0xf;
    writer.push(&[VERSION | kind | token_length, response.code, high, low])?;
    writer.push(head.token)?;
    let mut last = 0;
    for (number, value) in response.options() {
        writer.option(number - last, value)?;
        last = number;
    }
    if !response.payload.is_empty() {
        writer.push(&[PAYLOAD_MARKER])?;
        writer.push(response.payload)?;
    }
    Some(writer.length)
}

#[cfg(test)]
mod tests {
    use super::super::Block;
    use super::*;

    #[test]
    fn a_long_distance_takes_a_byte() {
        let response = Response {
            code: 0x5f,
            block1: Block::parse(&[0x01, 0x02]),
            ..Response::default()
        };
        let head = Head {
            is_confirmable: false,
            id: 7,
            token: b"",
        };
        let mut bytes = [0; 9];
        // Block1 is 27, which is 13 and 14.
        let expected = [0x50, 0x5f, 0, 7, 0xd2, 14, 1, 2];
        assert_eq!(encode(&response, &head, &mut bytes), Some(8));
        assert_eq!(bytes[..8], expected);
        assert_eq!(encode(&response, &head, &mut bytes[..7]), None);
    }
}
