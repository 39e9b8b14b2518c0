// SPDX-License-Identifier: MIT OR Apache-2.0
//! Observers, without sockets.

use super::*;

const VERSION: Observation = Observation::Version(0);
const OBSERVE: CoapOption = CoapOption::Observe;
const SECOND: Duration = Duration::from_secs(1);

impl World {
    /// A world whose device may be observed.
    fn observable() -> Self {
        let mut world = Self::new(64);
        world.device.observation = VERSION;
        world
    }

    /// Asks with an option Observe and a token.
    fn observe(&mut self, port: u16, token: &[u8], value: &[u8]) -> Packet {
        self.observe_from(peer(port), token, value)
    }

    fn observe_from(&mut self, peer: SocketAddr, token: &[u8], value: &[u8]) -> Packet {
        let mut packet = request(GET);
        packet.set_token(token.to_vec());
        packet.add_option(OBSERVE, value.to_vec());
        self.ask_from(peer, &mut packet).expect("a reply")
    }

    /// The next notification, if there is this version, and to which port it goes.
    fn notified(&mut self, version: u32) -> Option<(u16, Packet)> {
        self.device.version = version;
        if self.device.observation == Observation::Ended {
            self.device.code = code::NOT_FOUND;
        }
        let told = loop {
            match self.endpoint.notify(self.now, &mut self.device) {
                Some(Turn::Message(peer, message)) => {
                    break Some((peer.port(), Packet::from_bytes(&message).unwrap()));
                }
                Some(Turn::Nothing) => {}
                None => break None,
            }
        };
        self.device.code = CONTENT;
        told
    }

    /// Sends an empty message of this kind.
    fn empty(&mut self, port: u16, kind: MessageType, id: u16) {
        let mut packet = Packet::new();
        packet.header.set_type(kind);
        packet.header.code = code::EMPTY.into();
        packet.header.message_id = id;
        assert_eq!(
            self.datagram_from(peer(port), &packet.to_bytes().unwrap()),
            None
        );
    }
}

fn number_of(packet: &Packet) -> Option<u32> {
    let value = packet.get_first_option(OBSERVE)?;
    Some(
        value
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u32::from(byte)),
    )
}

#[test]
fn an_observer_is_told_of_changes_in_order() {
    let mut world = World::observable();
    let mut last = number_of(&world.observe(1, b"token", b"")).expect("it is registered");
    assert_eq!(
        world.notified(0).map(|(port, _)| port),
        None,
        "nothing is new"
    );
    for version in 1..=20 {
        let (port, packet) = world.notified(version).expect("a notification");
        assert_eq!((port, packet.get_token()), (1, &b"token"[..]));
        assert_eq!((code_of(&packet), packet.payload.len()), (CONTENT, 4));
        let number = number_of(&packet).expect("a number");
        assert!(number > last);
        last = number;
        // It was asked for as the observer would have.
        let request = world.device.requests.last().expect("a request");
        assert_eq!(
            (request.code, &*request.path, request.observe),
            (GET, "/a/b", Some(0))
        );
        assert!(world.notified(version + 1).is_none(), "it is too soon");
        if packet.header.get_type() == MessageType::Confirmable {
            world.empty(1, MessageType::Acknowledgement, packet.header.message_id);
        }
        world.now += SECOND;
    }
}

#[test]
fn who_deregisters_or_rejects_is_told_no_more() {
    for reset in [false, true] {
        let mut world = World::observable();
        world.observe(1, b"1", b"");
        world.observe(2, b"2", b"");
        let (port, packet) = world.notified(1).expect("a notification");
        if reset {
            world.empty(3 - port, MessageType::Reset, packet.header.message_id);
            world.empty(port, MessageType::Reset, packet.header.message_id);
        } else {
            let token = packet.get_token().to_vec();
            assert_eq!(number_of(&world.observe(3 - port, &token, &[1])), None);
            assert_eq!(number_of(&world.observe(port, &token, &[1])), None);
        }
        assert_eq!(world.notified(1).map(|(port, _)| port), Some(3 - port));
        world.now += 100 * SECOND;
        assert_eq!(world.notified(1).map(|(port, _)| port), Some(3 - port));
        assert_eq!(world.notified(1).map(|(port, _)| port), None);
    }
}

#[test]
fn who_is_gone_is_forgotten() {
    let mut world = World::observable();
    world.observe(1, b"", b"");
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.extend(
            world
                .notified(1)
                .map(|(_, packet)| packet.header.message_id),
        );
        world.now += SECOND;
    }
    assert_eq!(ids.len(), 5, "as often as a message is sent");
    assert!(world.notified(9).is_none());
}

#[test]
fn too_many_observers() {
    let mut world = World::observable();
    for port in 0..OBSERVERS as u16 {
        let peer = other(port as u8, port);
        assert!(number_of(&world.observe_from(peer, b"", b"")).is_some());
    }
    let reply = world.observe(1000, b"", b"");
    assert_eq!((code_of(&reply), number_of(&reply)), (CONTENT, None));
    // One that is there is no further one.
    let mut again = |token, value: &[u8]| number_of(&world.observe_from(other(7, 7), token, value));
    assert!(again(b"", b"").is_some());
    assert!(again(b"new", b"").is_some());
    assert!(again(b"new", &[1]).is_none());
    assert!(number_of(&world.observe(1000, b"", b"")).is_some());
    // One turn tells all of them.
    let told: Vec<u16> = std::iter::from_fn(|| Some(world.notified(1)?.0)).collect();
    assert_eq!(told.len(), OBSERVERS);
    assert!(told.contains(&1000) && !told.contains(&7));
}

#[test]
fn one_host_leaves_room_for_observers_of_others() {
    let mut world = World::observable();
    let registered = (0..1000).map(|port| number_of(&world.observe(port, b"", b"")));
    assert_eq!(registered.flatten().count(), OBSERVERS / 2);
    assert!(number_of(&world.observe_from(other(1, 1), b"", b"")).is_some());
}

#[test]
fn what_cannot_be_observed() {
    let mut world = World::new(64);
    for observation in [Observation::Ended, Observation::Later] {
        world.device.observation = observation;
        assert_eq!(number_of(&world.observe(1, b"", b"")), None);
    }
    world.device.observation = VERSION;
    for value in [&[2][..], &[0xff; 3], &[0; 4]] {
        let reply = world.observe(1, b"", value);
        assert_eq!(
            (code_of(&reply), number_of(&reply)),
            (CONTENT, None),
            "{value:?}"
        );
    }
    let mut packet = request(GET);
    packet.add_option(OBSERVE, vec![]);
    packet.add_option(CoapOption::UriQuery, b"x".to_vec());
    assert_eq!(number_of(&world.ask(&mut packet)), None);
    let mut packet = request(GET);
    packet.add_option(OBSERVE, vec![]);
    let block = Block::new(1, false, 64);
    packet.add_option(CoapOption::Block2, block.encode());
    assert_eq!(number_of(&world.ask(&mut packet)), None, "a part");
    let mut packet = request(POST);
    packet.add_option(OBSERVE, vec![]);
    assert_eq!(number_of(&world.ask(&mut packet)), None);
    assert!(world.notified(1).is_none());
}

#[test]
fn what_ends_is_told_once() {
    let mut world = World::observable();
    world.observe(1, b"t", b"");
    world.device.observation = Observation::Later;
    assert!(world.notified(1).is_none(), "the device has no time");
    world.now += SECOND;
    world.device.observation = Observation::Ended;
    let (_, packet) = world.notified(1).expect("the last one");
    assert_eq!(
        (code_of(&packet), number_of(&packet)),
        (code::NOT_FOUND, None)
    );
    assert_eq!(packet.get_token(), b"t");
    world.now += 100 * SECOND;
    world.device.observation = VERSION;
    assert!(world.notified(2).is_none());
}

#[test]
fn a_long_notification_goes_on_in_blocks() {
    let mut world = World::observable();
    world.device.length = 100;
    let first = world.observe(1, b"t", b"");
    assert!(number_of(&first).is_some() && block_of(&first, CoapOption::Block2).is_some());
    let (_, packet) = world.notified(1).expect("a notification");
    let block = block_of(&packet, CoapOption::Block2).expect("a block");
    assert!(block.more && block.number == 0 && number_of(&packet).is_some());
    let requests = world.device.requests.len();
    let rest = world.get(Some(Block::new(1, false, 64)));
    assert_eq!(world.device.requests.len(), requests, "of the same answer");
    assert_eq!(
        rest.get_first_option(CoapOption::ETag),
        packet.get_first_option(CoapOption::ETag)
    );
    assert_eq!([packet.payload, rest.payload].concat(), page(100, requests));
}
