// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests as bytes, and what a datagram means to who waits for an answer.

use std::ops::RangeInclusive;

use coap_lite::{CoapOption, MessageType, Packet};

use crate::coap::block::{Block, number, uint};
use crate::coap::message::{VERSION, header, parse};
use crate::coap::options::{ECHO, not_understood};

/// What is to be done with a resource (RFC 7252, section 5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Say what it is.
    Get = 1,
    /// Do what it is for.
    Post = 2,
    /// Make it of the payload.
    Put = 3,
    /// Remove it.
    Delete = 4,
    /// Say what it is as far as the payload says (RFC 8132).
    Fetch = 5,
    /// Change a part of it.
    Patch = 6,
    /// Change a part of it, so that doing it twice is doing it once.
    IPatch = 7,
}

impl Method {
    /// The method of a code.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Get,
            2 => Self::Post,
            3 => Self::Put,
            4 => Self::Delete,
            5 => Self::Fetch,
            6 => Self::Patch,
            7 => Self::IPatch,
            _ => return None,
        })
    }
}

/// 2.05.
pub(super) const CONTENT: u8 = 0x45;
/// 2.31.
pub(super) const CONTINUE: u8 = 0x5f;
const EMPTY: u8 = 0x00;
/// Bytes of the option Echo (RFC 9175, table 1).
const ECHO_LENGTHS: RangeInclusive<usize> = 1..=40;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'r> {
    pub(super) method: Method,
    pub(super) path: &'r [&'r str],
    pub(super) query: &'r [&'r str],
    pub(super) accept: Option<u16>,
    /// Which block of the answer.
    pub(super) block: Option<Block>,
    pub(super) payload: &'r [u8],
    /// Which block of the whole payload it is.
    pub(super) payload_block: Option<Block>,
    /// What the server has sent, and only its client knows.
    pub(super) echo: Option<&'r [u8]>,
    pub(super) id: u16,
    pub(super) token: [u8; 8],
}

/// An answer to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Class in the upper three bits, detail below.
    pub code: u8,
    /// The Content-Format, if the answer has one.
    pub content_format: Option<u16>,
    /// The payload: of a block, or of all of them.
    pub payload: Vec<u8>,
    /// Which block it is.
    pub(super) block: Option<Block>,
    /// Which block of the request it answers.
    pub(super) payload_block: Option<Block>,
    /// What the payload is a version of.
    pub(super) entity_tag: Option<Vec<u8>>,
    /// What the server wants to be sent back.
    pub(super) echo: Option<Vec<u8>>,
}

impl Answer {
    /// Whether it came in more than one message.
    #[must_use]
    pub fn is_in_blocks(&self) -> bool {
        self.block.is_some_and(|block| block.more)
    }
}

/// The first block, of a size that any device takes: RIOT drops messages of more
/// than 128 bytes, if not told otherwise.
pub(super) const SMALL_BLOCK: Block = Block {
    number: 0,
    more: false,
    exponent: 2,
};

/// What a datagram means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The answer; with an id if that is to be acknowledged.
    Answer(Answer, Option<u16>),
    /// The request arrived, and the answer comes later.
    Acknowledged,
    /// The device cannot make sense of the request.
    Reset,
    /// A message that wants to be acknowledged, but that nobody waits for.
    Stray(u16),
    /// The answer, but with a critical option of this number that is not understood;
    /// with an id if it is to be rejected.
    NotUnderstood(u16, Option<u16>),
    /// Nothing of interest.
    Ignored,
    /// No CoAP; with an id if it is to be rejected.
    Rubbish(Option<u16>),
}

impl Request<'_> {
    /// One without anything, an id and a token of its own as well.
    pub(super) const fn new(method: Method) -> Self {
        Self {
            method,
            path: &[],
            query: &[],
            accept: None,
            block: None,
            payload: b"",
            payload_block: None,
            echo: None,
            id: 0,
            token: [0; 8],
        }
    }

    /// The datagram.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut packet = Packet::new();
        packet.header.set_version(VERSION);
        packet.header.set_type(MessageType::Confirmable);
        packet.header.code = (self.method as u8).into();
        packet.header.message_id = self.id;
        packet.set_token(self.token.to_vec());
        for segment in self.path {
            packet.add_option(CoapOption::UriPath, segment.as_bytes().to_vec());
        }
        for part in self.query {
            packet.add_option(CoapOption::UriQuery, part.as_bytes().to_vec());
        }
        if let Some(format) = self.accept {
            packet.add_option(CoapOption::Accept, uint(format.into()));
        }
        if let Some(block) = self.block {
            packet.add_option(CoapOption::Block2, block.encode());
        }
        if let Some(block) = self.payload_block {
            packet.add_option(CoapOption::Block1, block.encode());
        }
        if let Some(echo) = self.echo {
            packet.add_option(ECHO, echo.to_vec());
        }
        packet.payload = self.payload.to_vec();
        // Fails for messages that are too long, which paths and blocks of ours
        // are not.
        packet.to_bytes().unwrap_or_default()
    }

    /// What a datagram means to who has sent this request.
    pub(super) fn meaning(&self, datagram: &[u8]) -> Meaning {
        let Some((kind, id)) = header(datagram) else {
            return Meaning::Rubbish(None);
        };
        let wants_acknowledgement = kind == MessageType::Confirmable;
        let to_reject = wants_acknowledgement.then_some(id);
        let Some(packet) = parse(datagram) else {
            return Meaning::Rubbish(to_reject);
        };
        let code: u8 = packet.header.code.into();
        let ours = match kind {
            MessageType::Acknowledgement | MessageType::Reset => id == self.id,
            _ => true,
        };
        if !ours {
            return Meaning::Ignored;
        }
        if kind == MessageType::Reset {
            return Meaning::Reset;
        }
        if code == EMPTY && kind == MessageType::Acknowledgement {
            return Meaning::Acknowledged;
        }
        // Requests have class 0; classes 1, 6 and 7 are reserved.
        let response = matches!(code >> 5, 2 | 4 | 5);
        if !response || packet.get_token() != self.token {
            return match wants_acknowledgement {
                true => Meaning::Stray(id),
                false => Meaning::Ignored,
            };
        }
        if let Some(number) = not_understood(&packet) {
            return Meaning::NotUnderstood(number, to_reject);
        }
        match answer(packet, code) {
            Some(answer) => Meaning::Answer(answer, to_reject),
            None => Meaning::Rubbish(to_reject),
        }
    }
}

/// What an answer says. Elective options of a wrong length say nothing (RFC 7252,
/// section 5.4.3).
fn answer(packet: Packet, code: u8) -> Option<Answer> {
    let option = |option| packet.get_first_option(option);
    let block = |which| match option(which) {
        Some(value) => Block::decode(value).map(Some),
        None => Some(None),
    };
    let content_format = option(CoapOption::ContentFormat).and_then(|value| number(value, 2));
    let echo = option(ECHO).filter(|value| ECHO_LENGTHS.contains(&value.len()));
    Some(Answer {
        code,
        content_format: content_format.map(|format| format as u16),
        block: block(CoapOption::Block2)?,
        payload_block: block(CoapOption::Block1)?,
        entity_tag: option(CoapOption::ETag).cloned(),
        echo: echo.cloned(),
        payload: packet.payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Request<'_> = Request {
        method: Method::Get,
        path: &["rbpf"],
        query: &[],
        accept: Some(60),
        block: None,
        payload: b"",
        payload_block: None,
        echo: None,
        id: 0x1234,
        token: *b"12345678",
    };

    fn datagram(head: &[u8], rest: &[u8]) -> Vec<u8> {
        [head, b"12345678", rest].concat()
    }

    #[test]
    fn requests() {
        let expected = datagram(&[0x48, 0x01, 0x12, 0x34], b"\xb4rbpf\x61\x3c");
        assert_eq!(REQUEST.encode(), expected);
        let block = Some(Block {
            number: 3,
            more: false,
            exponent: 2,
        });
        let expected = datagram(&[0x48, 0x01, 0x12, 0x34], b"\xb4rbpf\x61\x3c\x61\x32");
        assert_eq!(Request { block, ..REQUEST }.encode(), expected);
        let query = &["a=1", ""];
        let expected = datagram(&[0x48, 0x01, 0x12, 0x34], b"\xb4rbpf\x43a=1\x00\x21\x3c");
        assert_eq!(Request { query, ..REQUEST }.encode(), expected);
        let put = Request {
            method: Method::Put,
            accept: None,
            payload: b"data",
            payload_block: Some(Block {
                number: 1,
                more: true,
                exponent: 2,
            }),
            ..REQUEST
        };
        let expected = datagram(&[0x48, 0x03, 0x12, 0x34], b"\xb4rbpf\xd1\x03\x1a\xffdata");
        assert_eq!(put.encode(), expected);
    }

    #[test]
    fn answers() {
        let bytes = datagram(&[0x68, 0x45, 0x12, 0x34], b"\xc1\x3c\xb1\x08\xffpay");
        let Meaning::Answer(answer, None) = REQUEST.meaning(&bytes) else {
            panic!("{:?}", REQUEST.meaning(&bytes));
        };
        assert_eq!((answer.code, answer.content_format), (CONTENT, Some(60)));
        assert_eq!(answer.payload, b"pay");
        let block = answer.block.expect("a block");
        assert_eq!((block.number, block.more, block.size()), (0, true, 16));
        // Separate, confirmable, with an id of the device's.
        let bytes = datagram(&[0x48, 0x84, 0, 9], b"");
        assert!(matches!(
            REQUEST.meaning(&bytes),
            Meaning::Answer(answer, Some(9)) if answer.code == 0x84
        ));
    }

    #[test]
    fn others() {
        for (bytes, meaning) in [
            (vec![0x60, 0, 0x12, 0x34], Meaning::Acknowledged),
            (vec![0x60, 0, 0x12, 0x35], Meaning::Ignored),
            (vec![0x70, 0, 0x12, 0x34], Meaning::Reset),
            (vec![0x70, 0, 0x12, 0x35], Meaning::Ignored),
            // Another token, a request, a ping.
            (vec![0x60, 0x45, 0x12, 0x34], Meaning::Ignored),
            (vec![0x40, 0x45, 0, 7], Meaning::Stray(7)),
            (vec![0x40, 0x01, 0, 7], Meaning::Stray(7)),
            (vec![0x40, 0, 0, 7], Meaning::Stray(7)),
            (vec![0x50, 0, 0, 7], Meaning::Ignored),
            // No CoAP, or another version of it.
            (vec![], Meaning::Rubbish(None)),
            (vec![0xff; 40], Meaning::Rubbish(None)),
            (vec![0x20, 0, 0x12, 0x34], Meaning::Rubbish(None)),
            // Not so empty.
            (vec![0x60, 0, 0x12, 0x34, 0], Meaning::Rubbish(None)),
            // A block of the reserved size.
            (
                datagram(&[0x68, 0x45, 0x12, 0x34], b"\xd1\x0a\x0f"),
                Meaning::Rubbish(None),
            ),
        ] {
            assert_eq!(REQUEST.meaning(&bytes), meaning, "{bytes:x?}");
        }
    }

    /// Piggybacked, and in messages of their own: confirmable ones are rejected.
    #[test]
    fn malformed_answers() {
        for rest in [
            &b"\xff"[..],
            b"\xc1\x3c\xff",
            b"\x0f",
            b"\xf0",
            b"\xc2\x3c",
            b"\xd1",
        ] {
            let meaning = |head: &[u8]| REQUEST.meaning(&datagram(head, rest));
            assert_eq!(meaning(&[0x68, 0x45, 0x12, 0x34]), Meaning::Rubbish(None));
            assert_eq!(meaning(&[0x58, 0x45, 0, 9]), Meaning::Rubbish(None));
            assert_eq!(meaning(&[0x48, 0x45, 0, 9]), Meaning::Rubbish(Some(9)));
        }
        // An option that ends like that.
        let bytes = datagram(&[0x68, 0x45, 0x12, 0x34], b"\xc1\xff");
        assert!(matches!(REQUEST.meaning(&bytes), Meaning::Answer(..)));
    }

    #[test]
    fn critical_options_of_answers() {
        let with = |options: &[(u16, usize)]| {
            let mut packet = Packet::new();
            for &(number, length) in options {
                packet.add_option(number.into(), vec![0; length]);
            }
            let encoded = packet.to_bytes().expect("it is short");
            encoded[4..].to_vec()
        };
        for (options, number) in [
            (&[(65, 1)][..], 65),
            (&[(9, 0)], 9),
            (&[(2049, 4)], 2049),
            (&[(4, 8), (12, 0), (65, 1)], 65),
            // Those of requests.
            (&[(1, 1)], 1),
            (&[(3, 4)], 3),
            (&[(11, 4)], 11),
            (&[(17, 0)], 17),
            (&[(35, 9)], 35),
            // Of a wrong length, or twice.
            (&[(23, 4)], 23),
            (&[(27, 4)], 27),
            (&[(23, 1), (23, 1)], 23),
        ] {
            let meaning = |head: &[u8]| REQUEST.meaning(&datagram(head, &with(options)));
            for (head, to_reject) in [
                ([0x68, 0x45, 0x12, 0x34], None),
                ([0x68, 0x84, 0x12, 0x34], None),
                ([0x58, 0x45, 0, 9], None),
                ([0x48, 0x45, 0, 9], Some(9)),
            ] {
                let wanted = Meaning::NotUnderstood(number, to_reject);
                assert_eq!(meaning(&head), wanted, "{options:?}");
            }
        }
        // Elective ones are in nobody's way.
        for options in [
            &[(12, 3)][..],
            &[(12, 1), (12, 1)],
            &[(252, 0)],
            &[(252, 41)],
            &[(14, 9)],
            &[(2048, 300)],
        ] {
            let bytes = datagram(&[0x68, 0x45, 0x12, 0x34], &with(options));
            let Meaning::Answer(answer, None) = REQUEST.meaning(&bytes) else {
                panic!("{options:?}: {:?}", REQUEST.meaning(&bytes));
            };
            assert_eq!(answer.echo, None);
        }
    }
}
