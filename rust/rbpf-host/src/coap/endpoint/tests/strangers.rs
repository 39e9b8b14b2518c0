// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one host may do to others: have much sent to them, or push them out.

use super::*;

/// Bytes of the longest message to a stranger: its payload, and what else there is.
const SHORT: usize = STRANGER + 48;

/// A world with large blocks, and much to say.
fn world() -> World {
    let mut world = World::new(1024);
    world.device.length = 3000;
    world
}

fn echo_of(packet: &Packet) -> Option<Vec<u8>> {
    packet.get_first_option(ECHO).cloned()
}

fn block2(packet: &Packet) -> Block {
    block_of(packet, CoapOption::Block2).expect("a block")
}

#[test]
fn a_stranger_gets_small_blocks() {
    let mut world = world();
    for wanted in [None, Some(Block::new(0, false, 1024))] {
        let reply = world.get(wanted);
        assert_eq!(block2(&reply), Block::new(0, true, STRANGER));
        assert_eq!(reply.payload.len(), STRANGER);
        assert_eq!(echo_of(&reply).map(|echo| echo.len()), Some(8));
        assert!(reply.to_bytes().unwrap().len() <= SHORT);
    }
    // Blocks that anybody may ask for, without a word of what has been sent.
    for number in [1, 2, 0, 7] {
        for size in [1024, 64] {
            let reply = world.get(Some(Block::new(number, false, size)));
            let offset = number as usize * size;
            assert!(reply.payload.len() <= STRANGER);
            if offset < 3000 {
                let got = block2(&reply);
                assert_eq!((got.offset(), got.size()), (offset, STRANGER));
            }
        }
    }
    // Nor is what was done by other methods, or is an error, long.
    let mut packet = request(POST);
    packet.payload = vec![b'x'; 90];
    assert_eq!(block2(&world.ask(&mut packet)).size(), STRANGER);
    world.device.code = 0xa0;
    assert_eq!(world.get(None).payload.len(), STRANGER);
    // What is short has nothing to be sent back.
    world.device.length = STRANGER;
    let reply = world.get(None);
    assert_eq!(
        (block_of(&reply, CoapOption::Block2), echo_of(&reply)),
        (None, None)
    );
}

#[test]
fn a_stranger_gets_the_whole_in_small_blocks() {
    let mut world = world();
    let mut whole: Vec<u8> = Vec::new();
    for number in 0.. {
        let reply = world.get(Some(Block::new(number, false, 64)));
        whole.extend(&reply.payload);
        if !block2(&reply).more {
            break;
        }
    }
    assert_eq!(whole, page(3000, 1));
    assert_eq!(world.device.requests.len(), 1);
}

#[test]
fn who_sends_the_value_back_is_no_stranger() {
    let mut world = world();
    let echo = echo_of(&world.get(None));
    world.echo.clone_from(&echo);
    let reply = world.get(None);
    assert_eq!(block2(&reply), Block::new(0, true, 1024));
    assert_eq!(echo_of(&reply), None);
    // From then on without, from another port as well, but not for ever.
    world.echo = None;
    for port in 1..9 {
        let reply = world.ask_from(peer(port), &mut request(GET)).unwrap();
        assert_eq!(block2(&reply).size(), 1024);
    }
    world.now += Duration::from_secs(3601);
    assert_eq!(block2(&world.get(None)).size(), STRANGER);
    world.echo = echo;
    assert_eq!(block2(&world.get(None)).size(), 1024);
}

#[test]
fn values_that_show_nothing() {
    let mut world = world();
    let echo = echo_of(&world.get(None)).unwrap();
    for wrong in [
        vec![],
        vec![0; 8],
        echo[..7].to_vec(),
        [&echo[..], b"x"].concat(),
        vec![0xff; 40],
    ] {
        world.echo = Some(wrong);
        assert_eq!(block2(&world.get(None)).size(), STRANGER);
    }
    // Another's; and what another endpoint has sent.
    world.echo = Some(echo.clone());
    let reply = world.ask_from(other(1, 1), &mut request(GET)).unwrap();
    assert_eq!(block2(&reply).size(), STRANGER);
    assert_ne!(echo_of(&reply), Some(echo.clone()));
    let mut again = self::world();
    again.echo = Some(echo);
    assert_eq!(block2(&again.get(None)).size(), STRANGER);
}

#[test]
fn observers_are_strangers_as_well() {
    let mut world = world();
    world.device.observation = Observation::Version(0);
    let mut packet = request(GET);
    packet.add_option(CoapOption::Observe, vec![]);
    let first = world.ask(&mut packet);
    assert!(first.get_first_option(CoapOption::Observe).is_some());
    assert_eq!(block2(&first).size(), STRANGER);
    let told = |world: &mut World, version| {
        world.device.version = version;
        world.now += Duration::from_secs(10);
        match world.endpoint.notify(world.now, &mut world.device) {
            Some(Turn::Message(_, message)) => Packet::from_bytes(&message).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let notification = told(&mut world, 1);
    assert_eq!(block2(&notification).size(), STRANGER);
    // To acknowledge it shows nothing: whoever asks for something else, too, knows the id.
    let id = notification.header.message_id;
    assert_eq!(
        world.datagram(&empty(MessageType::Acknowledgement, id)),
        None
    );
    assert_eq!(block2(&told(&mut world, 2)).size(), STRANGER);
    // Who asks for the rest sends back what came with it.
    world.echo = echo_of(&notification);
    assert!(world.echo.is_some());
    world.get(Some(Block::new(1, false, 64)));
    assert_eq!(block2(&told(&mut world, 3)).size(), 1024);
}

#[test]
fn a_host_with_many_ports_ends_no_transfer_of_others() {
    let mut world = World::new(64);
    world.device.length = 100;
    let (up, down) = (other(1, 1), other(2, 1));
    let mut upload = request(PUT);
    upload.add_option(CoapOption::Block1, Block::new(0, true, 16).encode());
    upload.payload = vec![1; 16];
    let reply = world.ask_from(up, &mut upload).unwrap();
    assert_eq!(code_of(&reply), code::CONTINUE);
    world.ask_from(down, &mut request(GET)).unwrap();
    let mut remembered = request(POST);
    remembered.header.message_id = 0x7777;
    let remembered = remembered.to_bytes().unwrap();
    let first = world.datagram_from(up, &remembered);

    for port in 0..2000 {
        let reply = world.ask_from(peer(port), &mut upload).unwrap();
        assert_eq!(code_of(&reply), code::CONTINUE);
        world.ask_from(peer(port), &mut request(GET)).unwrap();
    }

    let requests = world.device.requests.len();
    let mut further = request(GET);
    further.add_option(CoapOption::Block2, Block::new(1, false, 64).encode());
    assert_eq!(
        world.ask_from(down, &mut further).unwrap().payload.len(),
        36
    );
    assert_eq!(world.datagram_from(up, &remembered), first);
    assert_eq!(
        world.device.requests.len(),
        requests,
        "nothing is done again"
    );
    upload.set_option(
        CoapOption::Block1,
        [Block::new(1, false, 16).encode()].into(),
    );
    assert_eq!(code_of(&world.ask_from(up, &mut upload).unwrap()), CHANGED);
}
