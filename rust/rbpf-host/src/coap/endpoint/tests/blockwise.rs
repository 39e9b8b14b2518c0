// SPDX-License-Identifier: MIT OR Apache-2.0
//! Block-wise transfers, without sockets.

use super::*;

#[test]
fn a_long_response_leaves_in_blocks() {
    for (length, size, wanted) in [
        (100, 64, None),
        (100, 64, Some(16)),
        (129, 64, Some(1024)),
        (128, 64, None),
    ] {
        let mut world = World::new(64);
        world.device.length = length;
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
        assert_eq!(world.device.requests.len(), 1);
        assert_eq!(world.get(None).payload[0], 2);
        assert_eq!(world.device.requests.len(), 2);
    }
}

#[test]
fn blocks_of_a_response_that_is_forgotten() {
    let mut world = World::new(64);
    world.device.length = 100;
    // Any block of what can be read again.
    let reply = world.get(Some(Block::new(1, false, 64)));
    assert_eq!(reply.payload, page(100, 1)[64..]);
    let code = code_of(&world.get(Some(Block::new(2, false, 64))));
    assert_eq!(code, code::BAD_REQUEST);
    let code = code_of(&world.get(Some(Block::new(0xf_ffff, false, 1024))));
    assert_eq!(code, code::BAD_REQUEST);
    // But nothing is done twice.
    let before = world.device.requests.len();
    let mut packet = request(POST);
    packet.add_option(CoapOption::Block2, Block::new(1, false, 64).encode());
    assert_eq!(
        code_of(&world.ask(&mut packet)),
        code::REQUEST_ENTITY_INCOMPLETE
    );
    assert_eq!(world.device.requests.len(), before);
    // A short response to whom asks for blocks.
    world.device.length = 3;
    let reply = world.get(Some(Block::new(0, false, 16)));
    assert_eq!(
        block_of(&reply, CoapOption::Block2),
        Some(Block::new(0, false, 16))
    );
    world.device.length = 0;
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
    assert!(world.device.requests.is_empty());
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
    assert_eq!(world.device.requests[0].payload, body);
    for number in 1..3 {
        let mut packet = request(PUT);
        packet.add_option(CoapOption::Block2, Block::new(number, false, 32).encode());
        let reply = world.ask(&mut packet);
        assert_eq!(block_of(&reply, CoapOption::Block1), None);
        let from = number as usize * 32;
        assert_eq!(reply.payload, body[from..body.len().min(from + 32)]);
    }
    assert_eq!(world.device.requests.len(), 1);
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
        assert_eq!(world.device.requests.len(), 1);
        assert_eq!(world.device.requests[0].payload.len(), 19);
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
    assert!(world.device.requests.is_empty());

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
        let reply = world.ask_from(other((index % 97) as u8, index), &mut packet);
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
            .ask_from(peer(port), &mut packet)
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
        .device
        .requests
        .into_iter()
        .map(|request| request.payload)
        .collect();
    assert_eq!(bodies, [vec![1; 17], vec![2; 17], vec![3; 17]]);
}

/// Who asks for the rest gets nothing of those who answered before.
#[test]
fn a_transfer_ends_with_the_binding() {
    let mut world = World::new(64);
    world.device.length = 100;
    world.device.bindings = 1.into();
    let further = Some(Block::new(1, false, 64));
    assert_eq!(world.get(None).payload, page(100, 1)[..64]);
    assert_eq!(world.get(further).payload, page(100, 1)[64..]);
    world.get(None);
    world.device.bindings = 2.into();
    assert_eq!(world.get(further).payload, page(100, 3)[64..], "asked anew");
    world.get(None);
    world.device.bindings = Bindings::default();
    world.device.code = code::NOT_FOUND;
    world.device.length = 3;
    assert_eq!(code_of(&world.get(further)), code::BAD_REQUEST);
    // What is not to be done twice.
    let mut packet = request(POST);
    packet.payload = page(80, 0);
    world.ask(&mut packet);
    world.device.bindings = 3.into();
    packet.payload.clear();
    packet.add_option(CoapOption::Block2, Block::new(1, false, 64).encode());
    let code = code_of(&world.ask(&mut packet));
    assert_eq!(code, code::REQUEST_ENTITY_INCOMPLETE);
    // An upload for those who answered before.
    let (first, last) = (Block::new(0, true, 16), Block::new(1, false, 16));
    assert_eq!(code_of(&world.put(first, &[0; 16])), code::CONTINUE);
    world.device.bindings = 4.into();
    let code = code_of(&world.put(last, &[0; 16]));
    assert_eq!(code, code::REQUEST_ENTITY_INCOMPLETE);
}

/// What a container says of itself ends none.
#[test]
fn a_transfer_outlives_a_change() {
    let mut world = World::new(64);
    world.device.length = 100;
    world.device.bindings = 1.into();
    world.get(None);
    world.device.version += 1;
    let rest = world.get(Some(Block::new(1, false, 64)));
    assert_eq!(rest.payload, page(100, 1)[64..]);
}
