// SPDX-License-Identifier: MIT OR Apache-2.0
//! The message layer, block-wise transfers and options, without sockets.

use super::*;

const POST: u8 = 2;
const PUT: u8 = 3;
const CONTENT: u8 = 0x45;
const CHANGED: u8 = 0x44;
const MAX_UPLOAD: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(10);

/// An endpoint, and a device that answers GET with numbered bytes, and
/// everything else with the payload.
struct World {
    endpoint: Endpoint,
    now: Instant,
    next_id: u16,
    /// Requests that reached the device.
    requests: Vec<Request>,
    /// Bytes of its answer to GET.
    length: usize,
}

fn peer(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
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
        Self {
            endpoint: Endpoint::new(limits, 0xffff),
            now: Instant::now(),
            next_id: 0,
            requests: Vec::new(),
            length: 4,
        }
    }

    fn datagram_from(&mut self, port: u16, bytes: &[u8]) -> Option<Vec<u8>> {
        let (requests, length) = (&mut self.requests, self.length);
        let mut handler = |request: Request| {
            requests.push(request.clone());
            if request.code == GET {
                Reply::new(CONTENT, Some(0), &page(length, requests.len()))
            } else {
                Reply::new(CHANGED, None, &request.payload)
            }
        };
        let (reply, _) = self
            .endpoint
            .datagram(self.now, peer(port), bytes, &mut handler);
        reply
    }

    fn datagram(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.datagram_from(1, bytes)
    }

    /// Sends a request with a new id, and reads what comes back.
    fn ask_from(&mut self, port: u16, packet: &mut Packet) -> Option<Packet> {
        packet.header.message_id = self.next_id;
        self.next_id += 1;
        let reply = self.datagram_from(port, &packet.to_bytes().unwrap())?;
        let reply = Packet::from_bytes(&reply).unwrap();
        assert_eq!(reply.get_token(), packet.get_token());
        Some(reply)
    }

    fn ask(&mut self, packet: &mut Packet) -> Packet {
        self.ask_from(1, packet).expect("a reply")
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
    assert_eq!(world.requests[0].path, "/a/b");

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
    assert!(world.requests.is_empty());
    // An option that ends in 0xff is no marker.
    assert!(world.datagram(&[0x40, 1, 7, 8, 0xd1, 0xf3, 0xff]).is_some());
    assert_eq!(world.requests.len(), 1);
}

#[test]
fn repeated_messages_are_answered_once() {
    let mut world = World::new(64);
    let mut bytes = request(POST).to_bytes().unwrap();
    let first = world.datagram(&bytes);
    assert!(first.is_some());
    assert_eq!(world.datagram(&bytes), first);
    assert_eq!(world.requests.len(), 1);
    // Another peer's message of the same id, and another message.
    assert!(world.datagram_from(2, &bytes).is_some());
    *bytes.last_mut().unwrap() = b'c';
    assert!(world.datagram(&bytes).is_some());
    assert_eq!(world.requests.len(), 3);
    // Not confirmable: ignored when repeated.
    bytes[0] |= 0x10;
    assert!(world.datagram(&bytes).is_some());
    assert_eq!(world.datagram(&bytes), None);
    // Forgotten after a while.
    world.now += EXCHANGE_LIFETIME;
    assert!(world.datagram(&bytes).is_some());
    assert_eq!(world.requests.len(), 5);
    // Limited in number.
    for id in 0..2000u16 {
        bytes[2..4].copy_from_slice(&id.to_be_bytes());
        world.datagram_from(id % 7, &bytes);
    }
    assert!(world.endpoint.exchanges.len() <= EXCHANGES);
}

#[test]
fn critical_options_are_obeyed_or_refused() {
    let mut world = World::new(64);
    let cases: &[(u16, &[u8], u8)] = &[
        (1, b"x", code::BAD_OPTION),
        (9, b"", code::BAD_OPTION),
        (2049, b"", code::BAD_OPTION),
        (35, b"coap://[::1]/", code::PROXYING_NOT_SUPPORTED),
        (39, b"coap", code::PROXYING_NOT_SUPPORTED),
        (17, &[40], code::NOT_ACCEPTABLE),
        (17, &[], CONTENT),
        (17, &[0, 0, 0], code::BAD_OPTION),
        (23, &[0, 0, 0, 0], code::BAD_OPTION),
        (23, &[7], code::BAD_REQUEST),
        (11, &[0xff], code::BAD_REQUEST),
        (11, b"c/d", code::NOT_FOUND),
        (11, &[b'x'; 256], code::BAD_OPTION),
        (3, b"localhost", CONTENT),
        (7, &[1, 2], CONTENT),
        (15, b"q=1", CONTENT),
        (6, &[], CONTENT),
        (2048, &[1; 300], CONTENT),
    ];
    for &(number, value, code) in cases {
        let mut packet = request(GET);
        packet.add_option(CoapOption::from(number), value.to_vec());
        assert_eq!(code_of(&world.ask(&mut packet)), code, "option {number}");
    }
    let mut twice = request(GET);
    twice.add_option(CoapOption::Accept, vec![]);
    twice.add_option(CoapOption::Accept, vec![]);
    assert_eq!(code_of(&world.ask(&mut twice)), code::BAD_OPTION);
    twice.header.set_type(MessageType::NonConfirmable);
    assert!(world.ask_from(1, &mut twice).is_none());
}

#[test]
fn a_long_response_leaves_in_blocks() {
    for (length, size, wanted) in [
        (100, 64, None),
        (100, 64, Some(16)),
        (129, 64, Some(1024)),
        (128, 64, None),
    ] {
        let mut world = World::new(64);
        world.length = length;
        let mut payload = Vec::new();
        let mut block = wanted.map(|wanted| Block::new(0, false, wanted));
        let mut etag = None;
        let size = wanted.map_or(size, |wanted| wanted.min(size));
        for number in 0.. {
            let reply = world.get(block);
            assert_eq!(code_of(&reply), CONTENT);
            let got = block_of(&reply, CoapOption::Block2).unwrap();
            assert_eq!((got.number, got.size()), (number, size));
            let tag = reply.get_first_option(CoapOption::ETag).cloned();
            assert!(tag.is_some() && (etag.is_none() || etag == tag));
            etag = tag;
            let announced = reply.get_first_option(CoapOption::Size2).cloned();
            assert_eq!(announced, (number == 0).then(|| uint(length as u32)));
            payload.extend(reply.payload);
            if !got.more {
                break;
            }
            block = Some(Block::new(number + 1, false, size));
        }
        assert_eq!(payload, page(length, 1));
        // One run, however many blocks; a new request is a new run.
        assert_eq!(world.requests.len(), 1);
        assert_eq!(world.get(None).payload[0], 2);
        assert_eq!(world.requests.len(), 2);
    }
}

#[test]
fn blocks_of_a_response_that_is_forgotten() {
    let mut world = World::new(64);
    world.length = 100;
    // Any block of what can be read again.
    let reply = world.get(Some(Block::new(1, false, 64)));
    assert_eq!(reply.payload, page(100, 1)[64..]);
    let code = code_of(&world.get(Some(Block::new(2, false, 64))));
    assert_eq!(code, code::BAD_REQUEST);
    let code = code_of(&world.get(Some(Block::new(0xf_ffff, false, 1024))));
    assert_eq!(code, code::BAD_REQUEST);
    // But nothing is done twice.
    let before = world.requests.len();
    let mut packet = request(POST);
    packet.add_option(CoapOption::Block2, Block::new(1, false, 64).encode());
    assert_eq!(
        code_of(&world.ask(&mut packet)),
        code::REQUEST_ENTITY_INCOMPLETE
    );
    assert_eq!(world.requests.len(), before);
    // A short response to whom asks for blocks.
    world.length = 3;
    let reply = world.get(Some(Block::new(0, false, 16)));
    assert_eq!(
        block_of(&reply, CoapOption::Block2),
        Some(Block::new(0, false, 16))
    );
    world.length = 0;
    let reply = world.get(Some(Block::new(0, false, 16)));
    assert_eq!((code_of(&reply), reply.payload.len()), (CONTENT, 0));
}

#[test]
fn a_request_arrives_in_blocks_and_is_answered_in_blocks() {
    let mut world = World::new(32);
    let body = page(80, 9);
    // The peer begins with blocks larger than ours, and is told ours.
    let reply = world.put(Block::new(0, true, 64), &body[..64]);
    assert_eq!(code_of(&reply), code::CONTINUE);
    assert_eq!(
        block_of(&reply, CoapOption::Block1),
        Some(Block::new(0, true, 32))
    );
    assert!(world.requests.is_empty());
    let reply = world.put(Block::new(2, false, 32), &body[64..]);
    assert_eq!(code_of(&reply), CHANGED);
    assert_eq!(
        block_of(&reply, CoapOption::Block1),
        Some(Block::new(2, false, 32))
    );
    assert_eq!(
        block_of(&reply, CoapOption::Block2),
        Some(Block::new(0, true, 32))
    );
    assert_eq!(reply.payload, body[..32]);
    assert_eq!(world.requests[0].payload, body);
    for number in 1..3 {
        let mut packet = request(PUT);
        packet.add_option(CoapOption::Block2, Block::new(number, false, 32).encode());
        let reply = world.ask(&mut packet);
        assert_eq!(block_of(&reply, CoapOption::Block1), None);
        let from = number as usize * 32;
        assert_eq!(reply.payload, body[from..body.len().min(from + 32)]);
    }
    assert_eq!(world.requests.len(), 1);
}

#[test]
fn blocks_out_of_order_end_an_upload() {
    let block = |number| Block::new(number, true, 16);
    let data = [5; 16];
    for wrong in [0xf_ffff, 1, 3] {
        let mut world = World::new(64);
        assert_eq!(
            code_of(&world.put(block(1), &data)),
            code::REQUEST_ENTITY_INCOMPLETE
        );
        assert_eq!(code_of(&world.put(block(0), &data)), code::CONTINUE);
        assert_eq!(code_of(&world.put(block(1), &data)), code::CONTINUE);
        let reply = world.put(block(wrong), &data);
        assert_eq!(code_of(&reply), code::REQUEST_ENTITY_INCOMPLETE);
        let reply = world.put(block(2), &data);
        assert_eq!(code_of(&reply), code::REQUEST_ENTITY_INCOMPLETE);
        // From the start it works.
        assert_eq!(code_of(&world.put(block(0), &data)), code::CONTINUE);
        assert_eq!(code_of(&world.put(block(0), &data)), code::CONTINUE);
        let reply = world.put(Block::new(1, false, 16), &data[..3]);
        assert_eq!(code_of(&reply), CHANGED);
        assert_eq!(world.requests.len(), 1);
        assert_eq!(world.requests[0].payload.len(), 19);
    }
}

#[test]
fn uploads_have_limits() {
    let mut world = World::new(64);
    let limit = uint(MAX_UPLOAD as u32);
    let too_large = |reply: &Packet| {
        assert_eq!(code_of(reply), code::REQUEST_ENTITY_TOO_LARGE);
        assert_eq!(reply.get_first_option(CoapOption::Size1), Some(&limit));
    };
    // In one message, announced, and in fact.
    let mut packet = request(PUT);
    packet.payload = vec![0; MAX_UPLOAD + 1];
    too_large(&world.ask(&mut packet));
    packet.payload = vec![0; 16];
    packet.add_option(CoapOption::Block1, Block::new(0, true, 16).encode());
    packet.add_option(CoapOption::Size1, limit.clone());
    assert_eq!(code_of(&world.ask(&mut packet)), code::CONTINUE);
    packet.set_option(CoapOption::Size1, [uint(MAX_UPLOAD as u32 + 1)].into());
    too_large(&world.ask(&mut packet));
    assert_eq!(
        code_of(&world.put(Block::new(0, true, 64), &[0; 64])),
        code::CONTINUE
    );
    too_large(&world.put(Block::new(1, true, 64), &[0; 64]));
    let reply = world.put(Block::new(2, true, 64), &[0; 64]);
    assert_eq!(code_of(&reply), code::REQUEST_ENTITY_INCOMPLETE);
    // Blocks that are not what they say.
    for (block, length) in [
        (Block::new(0, true, 64), 63),
        (Block::new(0, false, 16), 17),
        (Block::new(0, true, 16), 0),
    ] {
        let reply = world.put(block, &vec![0; length]);
        assert_eq!(code_of(&reply), code::BAD_REQUEST);
    }
    assert!(world.requests.is_empty());

    // Time.
    assert_eq!(
        code_of(&world.put(Block::new(0, true, 16), &[0; 16])),
        code::CONTINUE
    );
    world.now += TIMEOUT;
    let reply = world.put(Block::new(1, false, 16), &[0; 16]);
    assert_eq!(code_of(&reply), code::REQUEST_ENTITY_INCOMPLETE);

    // Number: abandoned transfers give way.
    for index in 0..1000 {
        let mut packet = request(PUT);
        packet.add_option(CoapOption::UriQuery, vec![(index % 251) as u8]);
        packet.add_option(CoapOption::Block1, Block::new(0, true, 16).encode());
        packet.payload = vec![0; 16];
        let reply = world.ask_from(index % 97, &mut packet);
        assert_eq!(reply.map(|reply| code_of(&reply)), Some(code::CONTINUE));
    }
    assert_eq!(
        code_of(&world.put(Block::new(0, false, 16), &[0; 16])),
        CHANGED
    );
}

#[test]
fn transfers_of_different_requests_do_not_mix() {
    let mut world = World::new(64);
    let mut part = |port, query: &[u8], block: Block, payload: &[u8]| {
        let mut packet = request(PUT);
        packet.add_option(CoapOption::UriQuery, query.to_vec());
        packet.add_option(CoapOption::Block1, block.encode());
        packet.payload = payload.to_vec();
        world
            .ask_from(port, &mut packet)
            .map(|reply| code_of(&reply))
    };
    let (first, last) = (Block::new(0, true, 16), Block::new(1, false, 16));
    for (port, query, fill) in [(1, b"x", 1), (1, b"y", 2), (2, b"x", 3)] {
        assert_eq!(part(port, query, first, &[fill; 16]), Some(code::CONTINUE));
    }
    for (port, query, fill) in [(1, b"x", 1), (1, b"y", 2), (2, b"x", 3)] {
        assert_eq!(part(port, query, last, &[fill; 1]), Some(CHANGED));
    }
    let bodies: Vec<_> = world
        .requests
        .into_iter()
        .map(|request| request.payload)
        .collect();
    assert_eq!(bodies, [vec![1; 17], vec![2; 17], vec![3; 17]]);
}

/// Datagrams at random and messages damaged at random, then a request.
#[test]
fn no_datagram_does_harm() {
    let mut world = World::new(16);
    world.length = 50;
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
        if let Some(reply) = world.datagram_from(random(50) as u16, &bytes) {
            assert!(reply.len() < 128);
            Packet::from_bytes(&reply).unwrap();
        }
    }
    world.next_id = 30_000;
    assert_eq!(code_of(&world.get(None)), CONTENT);
}
