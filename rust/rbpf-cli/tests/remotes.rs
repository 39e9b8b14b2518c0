// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example that sends what a sensor says to another device, against devices that
//! answer as they like.

mod common;

use std::net::UdpSocket;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::fake::{Asked, Fake};
use common::world::World;

/// Keys of `examples/containers/forward.c`.
const SENT: u32 = 0;
const ENDED: u32 = 1;
const CODE: u32 = 2;
const REQUEST: u32 = 3;
const LENGTH: u32 = 4;
const TRUNCATED: u32 = 5;
const FIRST: u32 = 6;
const ERROR: u32 = 7;
const REFUSED: u32 = 8;

/// Errors as containers see them.
const EIO: i32 = -5;
const EBUSY: i32 = -16;
const ENODEV: i32 = -19;
const ETIMEDOUT: i32 = -110;

/// For answers that do not come, in milliseconds.
const SHORT: u32 = 150;
/// For those that do; only what hangs takes so long.
const LONG: u32 = 120_000;

/// A device with a thermometer and a collector.
fn world(uri: &str, timeout: u32, rest: &str) -> Option<World> {
    World::start(
        "forward",
        &format!(
            "
            [coap]
            unsigned_install = true
            [[sensor]]
            name = 'thermometer'
            class = 'temp'
            unit = 'degC'
            scale = -2
            kind = 'constant'
            value = [2345]
            [[remote]]
            name = 'other'
            uri = 'coap://[::1]:9'
            [[remote]]
            name = 'collector'
            uri = '{uri}'
            timeout_ms = {timeout}
            {rest}"
        ),
    )
}

/// An application that sends once.
const ONCE: &str = "
    [[application]]
    name = 'forward'
    image = 'forward.rbpf'
    on = ['answer', 'after:1']";

impl World {
    /// A value in the store of a container.
    fn value(&self, name: &str, key: u32) -> Option<i32> {
        let (code, text) = self.ask(1, &format!("/rbpf/kv/{name}/{key}"), "");
        let number: u32 = (code == 0x45).then(|| text.parse().expect("a number"))?;
        Some(number.cast_signed())
    }

    /// Waits until so many requests of a container have ended; how the last one did:
    /// code, length, and whether it was cut.
    fn ended(&self, name: &str, count: u32) -> [Option<i32>; 3] {
        self.wait(&format!("/rbpf/kv/{name}/{ENDED}"), count);
        [CODE, LENGTH, TRUNCATED].map(|key| self.value(name, key))
    }
}

/// What a single request comes to with a collector that answers like this.
fn once(
    timeout: u32,
    answer: impl FnMut(&Asked) -> Vec<Vec<u8>> + Send + 'static,
) -> Option<[Option<i32>; 3]> {
    let fake = Fake::start(answer);
    let world = world(&fake.uri, timeout, ONCE)?;
    let ended = world.ended("forward", 1);
    assert_eq!(world.value("forward", SENT), Some(1));
    assert_eq!(world.value("forward", REQUEST), Some(1));
    Some(ended)
}

fn ended(code: i32, length: i32, truncated: i32) -> [Option<i32>; 3] {
    [Some(code), Some(length), Some(truncated)]
}

#[test]
fn a_reading_is_sent_and_acknowledged() {
    let fake = Fake::start(|asked| {
        // Confirmable, POST, and a token of 8 bytes
        assert_eq!(asked.bytes[..2], [0x48, 0x02]);
        assert_eq!(&asked.bytes[12..], b"\xb8readings\x49unit=degC\xff23.45");
        vec![asked.reply(0x60, 0x44, b"", b"thanks")]
    });
    let Some(world) = world(&fake.uri, LONG, ONCE) else {
        return;
    };
    assert_eq!(world.ended("forward", 1), ended(0x44, 6, 0));
    assert_eq!(world.value("forward", FIRST), Some(i32::from(b't')));
    assert_eq!(world.value("forward", REFUSED), None);
    let (_, bindings) = world.ask(1, "/rbpf/bindings", "");
    let line = "answer forward events 1";
    assert!(bindings.lines().any(|other| other == line), "{bindings}");
}

#[test]
fn answers_that_say_no_are_answers() {
    for code in [0x80, 0x84, 0xa0] {
        let Some(found) = once(LONG, move |asked| vec![asked.reply(0x60, code, b"", b"no")]) else {
            return;
        };
        assert_eq!(found, ended(code.into(), 2, 0));
    }
}

#[test]
fn separate_answers_late_ones_and_several() {
    let found = once(LONG, |asked| {
        let mut late = asked.reply(0x40, 0x45, b"", b"late");
        // An id of the collector's own.
        late[2] ^= 1;
        match asked.bytes[0] {
            0x48 => vec![asked.empty(0x60), late.clone(), late],
            // The acknowledgement.
            0x60 => vec![],
            other => panic!("{other:#x}"),
        }
    });
    assert!(found.is_none_or(|found| found == ended(0x45, 4, 0)));
}

#[test]
fn long_answers_are_cut() {
    const PAYLOAD: &[u8] = &[b'x'; 1000];
    for (payload, options, kept, cut) in [
        (&PAYLOAD[..64], &b""[..], 64, 0),
        (&PAYLOAD[..65], b"", 64, 1),
        (PAYLOAD, b"", 64, 1),
        // The first of several blocks.
        (&PAYLOAD[..16], b"\xd1\x0a\x08", 16, 1),
        (&PAYLOAD[..16], b"\xd1\x0a\x00", 16, 0),
    ] {
        let found = once(LONG, move |asked| {
            vec![asked.reply(0x60, 0x45, options, payload)]
        });
        assert!(found.is_none_or(|found| found == ended(0x45, kept, cut)));
    }
}

#[test]
fn no_answer_in_time() {
    type Answer = fn(&Asked) -> Vec<Vec<u8>>;
    let answers: [Answer; 8] = [
        |_| vec![],
        |asked| vec![asked.empty(0x60)],
        |asked| vec![asked.empty(0x70)],
        |_| vec![b"\xff\xff\xff\xff".to_vec(), vec![], vec![0x60]],
        // Another token, a request, a reserved class.
        |asked| {
            let mut other = asked.reply(0x60, 0x45, b"", b"x");
            other[4] ^= 1;
            vec![other]
        },
        |asked| {
            vec![
                asked.reply(0x60, 0x01, b"", b"x"),
                asked.reply(0x60, 0x65, b"", b"x"),
            ]
        },
        // A critical option that is not understood, a marker without payload.
        |asked| vec![asked.reply(0x60, 0x45, b"\xd1\x34\x01", b"x")],
        |asked| vec![asked.reply(0x60, 0x45, b"\xff", b"")],
    ];
    for answer in answers {
        let found = once(SHORT, answer);
        assert!(found.is_none_or(|found| found == ended(ETIMEDOUT, 0, 0)));
    }
}

#[test]
fn collectors_that_are_not_there() {
    let free = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let unused = format!("coap://{}", free.local_addr().expect("an address"));
    drop(free);
    for uri in [&unused, "coap://collector.invalid"] {
        let Some(world) = world(uri, LONG, ONCE) else {
            return;
        };
        assert_eq!(world.ended("forward", 1), ended(EIO, 0, 0), "{uri}");
    }
}

#[test]
fn a_request_at_a_time() {
    let fake = Fake::start(|_| vec![]);
    let rest = ONCE.replace("after:1", "every:5");
    let Some(world) = world(&fake.uri, 2 * SHORT, &rest) else {
        return;
    };
    world.wait(&format!("/rbpf/kv/forward/{REFUSED}"), 2);
    assert_eq!(world.value("forward", ERROR), Some(EBUSY));
    assert_eq!(world.value("forward", SENT), Some(1));
    world.wait(&format!("/rbpf/kv/forward/{SENT}"), 3);
    world.wait(&format!("/rbpf/kv/forward/{ENDED}"), 3);
    assert_eq!(world.value("forward", CODE), Some(ETIMEDOUT));
}

#[test]
fn remotes_are_those_of_the_device() {
    let started = World::start(
        "forward",
        "
        [[sensor]]
        name = 'thermometer'
        class = 'temp'
        kind = 'constant'
        value = [1]
        [[remote]]
        name = 'collectors'
        uri = 'coap://[::1]'
        [[application]]
        name = 'forward'
        image = 'forward.rbpf'
        on = ['answer', 'after:1']",
    );
    let Some(world) = started else {
        return;
    };
    world.wait(&format!("/rbpf/kv/forward/{REFUSED}"), 1);
    assert_eq!(world.value("forward", ERROR), Some(ENODEV));
    assert_eq!(world.value("forward", SENT), None);
}

#[test]
fn a_successor_gets_no_answer_of_its_predecessor() {
    let (go, wait) = mpsc::channel::<()>();
    let (asked, is_asked) = mpsc::channel();
    let fake = Fake::start(move |request| {
        // Repetitions of the first one count.
        let _ = asked.send(());
        let _ = wait.recv_timeout(Duration::from_millis(LONG.into()));
        vec![request.reply(0x60, 0x45, b"", b"x")]
    });
    let Some(world) = world(&fake.uri, LONG, ONCE) else {
        return;
    };
    is_asked.recv().expect("the first request");
    let image = world.folder.read("forward.rbpf");
    assert_eq!(world.ask(3, "/rbpf/app/forward", image).0, 0x44);
    // The slot is taken until the predecessor's request has ended.
    assert_eq!(world.ask(2, "/rbpf/bind/forward", "after:1").0, 0x44);
    world.wait(&format!("/rbpf/kv/forward/{REFUSED}"), 1);
    assert_eq!(world.value("forward", ERROR), Some(EBUSY));

    drop(go);
    let deadline = Instant::now() + Duration::from_millis(LONG.into());
    while world.value("forward", SENT).is_none() {
        assert!(Instant::now() < deadline, "the slot becomes free");
        assert_eq!(world.ask(2, "/rbpf/bind/forward", "after:1").0, 0x44);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(world.ended("forward", 1), ended(0x45, 1, 0));
    assert_eq!(world.value("forward", REQUEST), Some(2), "its own");
    assert_eq!(world.value("forward", ENDED), Some(1));
}

#[test]
fn two_tenants_at_once() {
    let collector = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let timeout = Some(Duration::from_millis(LONG.into()));
    collector.set_read_timeout(timeout).expect("a timeout");
    let uri = format!("coap://{}", collector.local_addr().expect("an address"));
    let tenants = ["alice", "bob"].map(|name| {
        format!(
            "
            [[tenant]]
            name = '{name}'
            [[application]]
            name = '{name}s'
            image = 'forward.rbpf'
            tenant = '{name}'
            on = ['answer', 'after:1']"
        )
    });
    let Some(world) = world(&uri, LONG, &tenants.concat()) else {
        return;
    };
    let [first, second] = [(); 2].map(|()| {
        let mut buffer = [0; 100];
        let (length, peer) = collector.recv_from(&mut buffer).expect("two requests");
        (Asked::read(0, &buffer[..length]), peer)
    });
    assert_ne!(first.0.token, second.0.token);
    // Both are open now. The first answer to each is the other's, and none to it.
    let answer = |(asked, _): &(Asked, _), code| asked.reply(0x50, code, b"", b"");
    for (reply, (_, peer)) in [
        (answer(&first, 0x41), &second),
        (answer(&second, 0x44), &first),
        (answer(&second, 0x44), &second),
        (answer(&first, 0x41), &first),
    ] {
        collector.send_to(&reply, peer).expect("it is sent");
    }
    let mut codes = ["alices", "bobs"].map(|name| world.ended(name, 1)[0]);
    codes.sort_unstable();
    assert_eq!(codes, [Some(0x41), Some(0x44)]);
}
