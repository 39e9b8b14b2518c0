// SPDX-License-Identifier: MIT OR Apache-2.0
//! The message layer and options, without sockets.

use super::super::block::Block;
use super::*;

mod blockwise;
mod observe;
mod strangers;

const POST: u8 = 2;
const PUT: u8 = 3;
const CONTENT: u8 = 0x45;
const CHANGED: u8 = 0x44;
const MAX_UPLOAD: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(10);

/// A device that answers GET with numbered bytes, and everything else with the payload.
struct Device {
    /// Requests that reached it.
    requests: Vec<Request>,
    /// Code of its answer to GET, and bytes.
    code: u8,
    length: usize,
    /// What that means to observers.
    observation: Observation,
    version: u32,
    bindings: Bindings,
}

impl Handler for Device {
    fn handle(&mut self, request: Request) -> Reply {
        self.requests.push(request.clone());
        let reply = if request.code == GET {
            Reply::new(self.code, Some(0), &page(self.length, self.requests.len()))
        } else {
            Reply::new(CHANGED, None, &request.payload)
        };
        Reply {
            observation: self.observation,
            ..reply
        }
    }

    fn version(&self, _: &str) -> Option<u32> {
        Some(self.version)
    }

    fn bindings(&self, _: &str) -> Bindings {
        self.bindings.clone()
    }
}

/// An endpoint, and what is behind it.
struct World {
    endpoint: Endpoint,
    now: Instant,
    next_id: u16,
    device: Device,
    /// What is sent back with each request.
    echo: Option<Vec<u8>>,
}

fn peer(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// A peer of another host.
fn other(last: u8, port: u16) -> SocketAddr {
    ([192, 0, 2, last], port).into()
}

/// `length` bytes that all requests see differently.
fn page(length: usize, seen: usize) -> Vec<u8> {
    (0..length).map(|index| (index + seen) as u8).collect()
}

impl World {
    fn new(block_size: usize) -> Self {
        let limits = Limits {
            block_size,
            max_upload: MAX_UPLOAD,
            transfer_timeout: TIMEOUT,
        };
        let now = Instant::now();
        Self {
            endpoint: Endpoint::new(limits, now, 0xffff),
            now,
            next_id: 0,
            device: Device {
                requests: Vec::new(),
                code: CONTENT,
                length: 4,
                observation: Observation::Ended,
                version: 0,
                bindings: Bindings::default(),
            },
            echo: None,
        }
    }

    fn datagram_from(&mut self, peer: SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
        let (reply, _) = self
            .endpoint
            .datagram(self.now, peer, bytes, &mut self.device);
        reply
    }

    fn datagram(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.datagram_from(peer(1), bytes)
    }

    /// Sends a request with a new id, and reads what comes back.
    fn ask_from(&mut self, peer: SocketAddr, packet: &mut Packet) -> Option<Packet> {
        packet.header.message_id = self.next_id;
        self.next_id += 1;
        if let Some(echo) = &self.echo {
            packet.set_option(ECHO, [echo.clone()].into());
        }
        let reply = self.datagram_from(peer, &packet.to_bytes().unwrap())?;
        let reply = Packet::from_bytes(&reply).unwrap();
        assert_eq!(reply.get_token(), packet.get_token());
        Some(reply)
    }

    fn ask(&mut self, packet: &mut Packet) -> Packet {
        self.ask_from(peer(1), packet).expect("a reply")
    }

    fn put(&mut self, block: Block, payload: &[u8]) -> Packet {
        let mut packet = request(PUT);
        packet.add_option(CoapOption::Block1, block.encode());
        packet.payload = payload.to_vec();
        self.ask(&mut packet)
    }

    fn get(&mut self, block: Option<Block>) -> Packet {
        let mut packet = request(GET);
        if let Some(block) = block {
            packet.add_option(CoapOption::Block2, block.encode());
        }
        self.ask(&mut packet)
    }
}

fn request(method: u8) -> Packet {
    let mut packet = Packet::new();
    packet.header.code = method.into();
    packet.set_token(vec![1, 2, 3]);
    packet.add_option(CoapOption::UriPath, b"a".to_vec());
    packet.add_option(CoapOption::UriPath, b"b".to_vec());
    packet
}

fn code_of(packet: &Packet) -> u8 {
    packet.header.code.into()
}

fn block_of(packet: &Packet, option: CoapOption) -> Option<Block> {
    Block::decode(packet.get_first_option(option)?)
}

#[test]
fn a_request_is_acknowledged_with_its_response() {
    let mut world = World::new(64);
    let reply = world.get(None);
    assert_eq!(reply.header.get_type(), MessageType::Acknowledgement);
    assert_eq!(reply.header.message_id, 0);
    assert_eq!(
        (code_of(&reply), &reply.payload[..]),
        (CONTENT, &[1, 2, 3, 4][..])
    );
    assert_eq!(
        reply.get_first_option(CoapOption::ContentFormat),
        Some(&vec![])
    );
    assert_eq!(world.device.requests[0].path, "/a/b");

    let mut packet = request(GET);
    packet.header.set_type(MessageType::NonConfirmable);
    let ids = [0, 1].map(|_| {
        let reply = world.ask(&mut packet);
        assert_eq!(reply.header.get_type(), MessageType::NonConfirmable);
        reply.header.message_id
    });
    assert_eq!(ids, [0xffff, 0]);
}

#[test]
fn what_is_no_request_is_rejected_or_ignored() {
    let mut world = World::new(64);
    let rejected: &[&[u8]] = &[
        &[0x40, 0, 7, 8],                            // a ping
        &[0x40, 0, 7, 8, 0],                         // not so empty
        &[0x41, 0, 7, 8, 0],                         // with a token
        &[0x49, 1, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9], // token of nine bytes
        &[0x42, 1, 7, 8, 1],                         // token cut
        &[0x40, 1, 7, 8, 0xff],                      // marker without payload
        &[0x40, 1, 7, 8, 0xb1, 0xff, 0xff],          // the same after an option
        &[0x40, 1, 7, 8, 0xf0],                      // reserved delta
        &[0x40, 1, 7, 8, 0x0f],                      // reserved length
        &[0x40, 1, 7, 8, 0xb2, b'a'],                // option cut
        &[0x40, 1, 7, 8, 0xe0, 0xff, 0xff],          // option number above 16 bits
        &[0x40, 0x45, 7, 8],                         // a response
        &[0x40, 0xe1, 7, 8],                         // a signal
    ];
    for bytes in rejected {
        assert_eq!(
            world.datagram(bytes),
            Some(vec![0x70, 0, 7, 8]),
            "{bytes:x?}"
        );
        let mut not_confirmable = bytes.to_vec();
        not_confirmable[0] |= 0x10;
        assert_eq!(world.datagram(&not_confirmable), None, "{bytes:x?}");
    }
    let ignored: &[&[u8]] = &[
        &[],
        &[0x40],
        &[0x40, 1, 7],
        &[0x80, 1, 7, 8],
        &[0, 1, 7, 8],
        &[0x60, 0, 7, 8],
        &[0x70, 0, 7, 8],
        &[0x60, 1, 7, 8],
    ];
    for bytes in ignored {
        assert_eq!(world.datagram(bytes), None, "{bytes:x?}");
    }
    assert!(world.device.requests.is_empty());
    // An option that ends in 0xff is no marker.
    assert!(world.datagram(&[0x40, 1, 7, 8, 0xd1, 0xf3, 0xff]).is_some());
    assert_eq!(world.device.requests.len(), 1);
}

#[test]
fn repeated_messages_are_answered_once() {
    let mut world = World::new(64);
    let mut bytes = request(POST).to_bytes().unwrap();
    let first = world.datagram(&bytes);
    assert!(first.is_some());
    assert_eq!(world.datagram(&bytes), first);
    assert_eq!(world.device.requests.len(), 1);
    // Another peer's message of the same id, and another message.
    assert!(world.datagram_from(peer(2), &bytes).is_some());
    *bytes.last_mut().unwrap() = b'c';
    assert!(world.datagram(&bytes).is_some());
    assert_eq!(world.device.requests.len(), 3);
    // Not confirmable: ignored when repeated.
    bytes[0] |= 0x10;
    assert!(world.datagram(&bytes).is_some());
    assert_eq!(world.datagram(&bytes), None);
    // Forgotten after a while.
    world.now += EXCHANGE_LIFETIME;
    assert!(world.datagram(&bytes).is_some());
    assert_eq!(world.device.requests.len(), 5);
    // Limited in number.
    for id in 0..2000u16 {
        bytes[2..4].copy_from_slice(&id.to_be_bytes());
        world.datagram_from(other((id % 7) as u8, id), &bytes);
    }
    assert!(world.endpoint.exchanges.len() <= EXCHANGES);
}

#[test]
fn critical_options_are_obeyed_or_refused() {
    let mut world = World::new(64);
    let cases: &[(u16, &[u8], u8)] = &[
        (1, b"x", code::BAD_OPTION),
        (5, b"", code::BAD_OPTION),
        (9, b"", code::BAD_OPTION),
        (2049, b"", code::BAD_OPTION),
        (35, b"coap://[::1]/", code::PROXYING_NOT_SUPPORTED),
        (35, &[b'x'; 1034], code::PROXYING_NOT_SUPPORTED),
        (35, &[b'x'; 1035], code::BAD_OPTION),
        (35, b"", code::BAD_OPTION),
        (39, b"coap", code::PROXYING_NOT_SUPPORTED),
        (39, &[b'x'; 255], code::PROXYING_NOT_SUPPORTED),
        (39, &[b'x'; 256], code::BAD_OPTION),
        (39, b"", code::BAD_OPTION),
        (17, &[40], code::NOT_ACCEPTABLE),
        (17, &[], CONTENT),
        (17, &[0, 0, 0], code::BAD_OPTION),
        (23, &[0, 0, 0, 0], code::BAD_OPTION),
        (27, &[0, 0, 0, 0], code::BAD_OPTION),
        (23, &[7], code::BAD_REQUEST),
        (11, &[0xff], code::BAD_REQUEST),
        (11, b"c/d", code::NOT_FOUND),
        (11, b"", CONTENT),
        (11, &[b'x'; 255], CONTENT),
        (11, &[b'x'; 256], code::BAD_OPTION),
        (3, b"localhost", CONTENT),
        (3, b"", code::BAD_OPTION),
        (3, &[b'x'; 255], CONTENT),
        (3, &[b'x'; 256], code::BAD_OPTION),
        (7, b"", CONTENT),
        (7, &[1, 2], CONTENT),
        (7, &[1, 2, 3], code::BAD_OPTION),
        (15, b"", CONTENT),
        (15, b"q=1", CONTENT),
        (15, &[b'x'; 255], CONTENT),
        (15, &[b'x'; 256], code::BAD_OPTION),
        (6, &[], CONTENT),
        (2048, &[1; 300], CONTENT),
    ];
    for &(number, value, code) in cases {
        let mut packet = request(GET);
        packet.add_option(CoapOption::from(number), value.to_vec());
        assert_eq!(code_of(&world.ask(&mut packet)), code, "option {number}");
    }
    for (number, value) in [
        (3, &b"x"[..]),
        (7, b""),
        (17, b""),
        (23, b""),
        (27, b""),
        (35, b"coap://[::1]/"),
        (39, b"coap"),
    ] {
        let mut twice = request(GET);
        twice.add_option(CoapOption::from(number), value.to_vec());
        twice.add_option(CoapOption::from(number), value.to_vec());
        let code = code_of(&world.ask(&mut twice));
        assert_eq!(code, code::BAD_OPTION, "option {number}");
        twice.header.set_type(MessageType::NonConfirmable);
        assert!(world.ask_from(peer(1), &mut twice).is_none());
    }
    // What is not understood comes first, wherever it stands.
    let mut proxy = request(GET);
    proxy.add_option(CoapOption::ProxyScheme, b"coap".to_vec());
    proxy.add_option(CoapOption::Unknown(2049), vec![]);
    assert_eq!(code_of(&world.ask(&mut proxy)), code::BAD_OPTION);
}

/// Datagrams at random and messages damaged at random, then a request.
#[test]
fn no_datagram_does_harm() {
    let mut world = World::new(16);
    world.device.length = 50;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below
    };
    for round in 0..20_000 {
        let mut bytes: Vec<u8> = if round % 2 == 0 {
            (0..random(40)).map(|_| random(256) as u8).collect()
        } else {
            let mut packet = request(1 + random(7) as u8);
            packet.add_option(CoapOption::Block1, vec![random(256) as u8; random(4)]);
            packet.add_option(CoapOption::Block2, vec![random(256) as u8; random(4)]);
            packet.payload = vec![0; random(40)];
            packet.to_bytes().unwrap()
        };
        if round % 4 == 1 {
            bytes.truncate(random(bytes.len() + 1));
        }
        for _ in 0..random(3) {
            let place = random(bytes.len() + 1);
            if let Some(byte) = bytes.get_mut(place) {
                *byte = random(256) as u8;
            }
        }
        if let Some(first) = bytes.first_mut()
            && random(4) != 0
        {
            *first = *first & 0x1f | 0x40;
        }
        if let Some(reply) = world.datagram_from(peer(random(50) as u16), &bytes) {
            assert!(reply.len() < 128);
            Packet::from_bytes(&reply).unwrap();
        }
    }
    world.next_id = 30_000;
    assert_eq!(code_of(&world.get(None)), CONTENT);
}
