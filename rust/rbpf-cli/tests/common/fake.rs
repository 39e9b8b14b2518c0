// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device that answers whatever a test wants it to.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a datagram of a client holds, as far as the fake looks at it.
pub(crate) struct Asked {
    /// The first message has 0; repetitions count.
    pub(crate) number: usize,
    /// Message id and token.
    pub(crate) id: [u8; 2],
    pub(crate) token: Vec<u8>,
    /// The value of Block2, 0 without.
    pub(crate) block: u32,
    /// All of it.
    pub(crate) bytes: Vec<u8>,
}

/// A device on a port of its own, until it is dropped.
pub(crate) struct Fake {
    /// Its URI.
    pub(crate) uri: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Fake {
    /// Starts it; what the function gives is sent.
    pub(crate) fn start(mut answer: impl FnMut(&Asked) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let uri = format!("coap://{}", socket.local_addr().expect("an address"));
        let pause = Some(Duration::from_millis(50));
        socket.set_read_timeout(pause).expect("a timeout");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            let mut buffer = [0; 1500];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, peer)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                let asked = Asked::read(number, &buffer[..length]);
                number += 1;
                for datagram in answer(&asked) {
                    // The client may have gone.
                    let _ = socket.send_to(&datagram, peer);
                }
            }
        });
        Self {
            uri,
            stop,
            thread: Some(thread),
        }
    }
}

impl Asked {
    pub(crate) fn read(number: usize, bytes: &[u8]) -> Self {
        let packet = bytes.get(..4).expect("CoAP has a header of four bytes");
        let token = usize::from(packet[0] & 0xf);
        let mut asked = Self {
            number,
            id: [packet[2], packet[3]],
            token: bytes[4..4 + token].to_vec(),
            block: 0,
            bytes: bytes.to_vec(),
        };
        // Options of less than 13 bytes, with steps of less than 13; those after
        // others, and a payload, are not looked at.
        let (mut rest, mut option) = (&bytes[4 + token..], 0);
        while let [head @ ..0xd0, tail @ ..] = rest {
            option += head >> 4;
            let (value, next) = tail.split_at(usize::from(head & 0xf));
            if option == 23 {
                asked.block = value
                    .iter()
                    .fold(0, |sum, &byte| sum << 8 | u32::from(byte));
            }
            rest = next;
        }
        asked
    }

    /// An answer of this type (0x60 acknowledges) and code; with options as
    /// they are encoded, and a payload.
    pub(crate) fn reply(&self, kind: u8, code: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let head = [kind | self.token.len() as u8, code, self.id[0], self.id[1]];
        let mut bytes = [&head, &self.token[..], options].concat();
        if !payload.is_empty() {
            bytes.push(0xff);
            bytes.extend(payload);
        }
        bytes
    }

    /// 2.05 with CBOR.
    pub(crate) fn cbor(&self, payload: &[u8]) -> Vec<u8> {
        self.reply(0x60, 0x45, b"\xc1\x3c", payload)
    }

    /// The block that is asked for, of this size exponent, of a payload of
    /// CBOR.
    pub(crate) fn block_of(&self, exponent: u8, payload: &[u8]) -> Vec<u8> {
        let (number, size) = (self.block >> 4, 16usize << exponent);
        let start = (number as usize * size).min(payload.len());
        let end = (start + size).min(payload.len());
        let more = u32::from(end < payload.len());
        let value = number << 4 | more << 3 | u32::from(exponent);
        let [_, a, b, c] = value.to_be_bytes();
        let options = [b"\xc1\x3c\xb3".as_slice(), &[a, b, c]].concat();
        self.reply(0x60, 0x45, &options, &payload[start..end])
    }

    /// An empty message that acknowledges (0x60) or rejects (0x70).
    pub(crate) fn empty(&self, kind: u8) -> Vec<u8> {
        vec![kind, 0, self.id[0], self.id[1]]
    }
}
