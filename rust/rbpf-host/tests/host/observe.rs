// SPDX-License-Identifier: MIT OR Apache-2.0
//! Observing a device over loopback.

use std::time::Instant;

use coap_lite::{CoapOption, MessageType, Packet};

use crate::support::{Client, DELETE, GET, PATIENCE, POST, PUT, Response, World, containers};

const CREATED: u8 = 0x41;
const DELETED: u8 = 0x42;
const CHANGED: u8 = 0x44;
const CONTENT: u8 = 0x45;
const FORBIDDEN: u8 = 0x83;
const NOT_FOUND: u8 = 0x84;

impl Client {
    /// Registers, or deregisters.
    fn observe(&mut self, path: &str, value: &[u8], token: &[u8]) -> Response {
        let mut packet = self.request(GET, path);
        packet.set_token(token.to_vec());
        packet.add_option(CoapOption::Observe, value.to_vec());
        self.exchange(&packet)
    }

    /// The next notification, which is acknowledged if it is to be.
    #[track_caller]
    fn notified(&mut self) -> Response {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        while Instant::now() < deadline {
            let Ok(length) = self.socket.recv(&mut buffer) else {
                continue;
            };
            let packet = Packet::from_bytes(&buffer[..length]).unwrap();
            match packet.header.get_type() {
                MessageType::Confirmable => self.empty(MessageType::Acknowledgement, &packet),
                MessageType::NonConfirmable => {}
                // Of a request that was repeated.
                _ => continue,
            }
            if self.told.contains(&packet.header.message_id) {
                continue;
            }
            self.told.push(packet.header.message_id);
            return Response {
                code: packet.header.code.into(),
                payload: packet.payload.clone(),
                packet,
            };
        }
        panic!("no notification");
    }

    /// Observes the list, and has a container run twice, which changes it: that is
    /// told, and nothing of what was observed before. As an observer is told once in an
    /// interval, that would be told before the second change at the latest.
    #[track_caller]
    fn hears_nothing_else(&mut self, other: &mut Client) {
        self.observe("/rbpf", b"", b"list");
        for _ in 0..2 {
            other.code(POST, "/observed", b"");
            assert_eq!(self.notified().packet.get_token(), b"list");
        }
        self.observe("/rbpf", &[1], b"list");
    }

    /// Sends an empty message of this kind about another one.
    fn empty(&self, kind: MessageType, about: &Packet) {
        let mut packet = Packet::new();
        packet.header.set_type(kind);
        packet.header.code = 0.into();
        packet.header.message_id = about.header.message_id;
        self.socket.send(&packet.to_bytes().unwrap()).unwrap();
    }

    fn code(&mut self, method: u8, path: &str, payload: &[u8]) -> u8 {
        let mut packet = self.request(method, path);
        packet.payload = payload.to_vec();
        self.exchange(&packet).code
    }
}

fn number(response: &Response) -> u32 {
    response.option(CoapOption::Observe).expect("a number")
}

#[test]
fn a_container_tells_of_changes() {
    let world = World::start("");
    let (mut observer, mut other) = (world.client(0), world.client(0));
    let first = observer.observe("/observed", b"", b"t");
    assert_eq!((first.code, first.text()), (CONTENT, "0"));
    let mut last = number(&first);
    for count in 1..=3 {
        other.code(POST, "/observed", b"");
        let told = observer.notified();
        assert_eq!((told.code, told.text()), (CONTENT, &*count.to_string()));
        assert_eq!(told.packet.get_token(), b"t");
        assert!(number(&told) > last);
        last = number(&told);
    }
    let end = observer.observe("/observed", &[1], b"t");
    assert_eq!((end.text(), end.option(CoapOption::Observe)), ("3", None));
    observer.hears_nothing_else(&mut other);
}

#[test]
fn several_changes_are_one_notification() {
    let world = World::start("");
    let (mut observer, mut other) = (world.client(1), world.client(1));
    let began = Instant::now();
    observer.observe("/observed", b"", b"t");
    for _ in 0..50 {
        other.code(POST, "/observed", b"");
    }
    let mut told = Vec::new();
    while told.last().is_none_or(|text| text != "50") {
        let response = observer.notified();
        told.push(response.text().to_owned());
    }
    // One a second.
    let most = 1 + began.elapsed().as_secs() as usize;
    assert!(told.len() <= most, "{told:?}, not {most}");
}

#[test]
fn a_reset_ends_it() {
    let world = World::start("");
    let (mut observer, mut other) = (world.client(0), world.client(0));
    observer.observe("/observed", b"", b"t");
    other.code(POST, "/observed", b"");
    observer.notified();
    other.code(POST, "/observed", b"");
    let second = observer.notified();
    observer.empty(MessageType::Reset, &second.packet);
    observer.hears_nothing_else(&mut other);
}

#[test]
fn a_container_that_is_removed_or_unbound() {
    let world = World::start("unsigned_install = true");
    let (mut observer, mut other) = (world.client(0), world.client(0));
    let text = std::fs::read_to_string(containers::folder().join("observed.asm")).unwrap();
    let image = containers::image(&text);
    for (method, path, code) in [
        (DELETE, "/rbpf/app/new", DELETED),
        (POST, "/rbpf/unbind/new", CHANGED),
    ] {
        assert!(matches!(
            other.code(PUT, "/rbpf/app/new", &image),
            CREATED | CHANGED
        ));
        assert_eq!(other.code(POST, "/rbpf/bind/new", b"/new"), CHANGED);
        assert!(number(&observer.observe("/new", b"", b"t")) > 0);
        let payload: &[u8] = if method == POST { b"/new" } else { b"" };
        assert_eq!(other.code(method, path, payload), code);
        let told = observer.notified();
        assert_eq!(
            (told.code, told.option(CoapOption::Observe)),
            (NOT_FOUND, None)
        );
        observer.hears_nothing_else(&mut other);
    }
}

#[test]
fn another_container_tells_nobody_of_mine() {
    let world = World::start("unsigned_install = true");
    let (mut observer, mut other) = (world.client(0), world.client(0));
    let text = std::fs::read_to_string(containers::folder().join("observed.asm")).unwrap();
    assert_eq!(
        other.code(PUT, "/rbpf/app/new", &containers::image(&text)),
        CREATED
    );
    assert_eq!(other.code(POST, "/rbpf/bind/new", b"/new"), CHANGED);
    observer.observe("/observed", b"", b"t");
    assert_eq!(other.code(POST, "/new", b""), CONTENT);
    // It hears of its own first.
    assert_eq!(other.code(POST, "/observed", b""), CONTENT);
    assert_eq!(observer.notified().text(), "1");
    // Who takes the path over does.
    assert_eq!(other.code(POST, "/rbpf/unbind", b"/observed"), CHANGED);
    assert_eq!(other.code(POST, "/rbpf/bind/new", b"/observed"), CHANGED);
    let told = observer.notified();
    if told.code == CONTENT {
        assert_eq!(told.text(), "1");
    } else {
        assert_eq!(told.code, NOT_FOUND, "it was asked in between");
    }
}

#[test]
fn the_list_and_its_rest() {
    let world = World::start("block_size = 256");
    let (mut observer, mut other) = (world.client(0), world.client(0));
    let first = observer.observe("/rbpf", b"", b"t");
    assert_eq!(first.code, CONTENT);
    other.code(POST, "/observed", b"");
    let mut list = observer.notified();
    assert!(number(&list) > number(&first));
    observer.rest(GET, "/rbpf", &mut list);
    let list = list.text();
    assert!(
        list.contains("\nobserved state bound path /observed bytes "),
        "{list}"
    );
    assert!(list.contains(" runs 1 faults 0 "), "{list}");
}

#[test]
fn what_cannot_be_observed_is_answered() {
    let world = World::start("");
    let (mut client, mut other) = (world.client(0), world.client(0));
    for (path, code) in [
        ("/sensor", CONTENT),
        ("/nothing", NOT_FOUND),
        ("/rbpf/log", FORBIDDEN),
        ("/rbpf/kv", FORBIDDEN),
    ] {
        let response = client.observe(path, b"", b"t");
        assert_eq!(
            (response.code, response.option(CoapOption::Observe)),
            (code, None),
            "{path}"
        );
    }
    other.code(GET, "/sensor", b"");
    client.hears_nothing_else(&mut other);
}
