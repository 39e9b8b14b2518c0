// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is one peer's alone, and what a peer gets that has not shown that it receives.

use rbpf_device::coap::{Head, MAX_HEAD, hash};

use super::*;

const ECHO: u16 = 252;
const UNAUTHORIZED: u8 = 0x81;

/// Answers with 200 bytes to the query `k`, and 4.01 to all else.
fn guarded() -> Vec<u8> {
    image(
        "mov %r6, %r1
         mov %r1, %r10
         add %r1, -8
         mov %r2, 8
         call 0x46
         mov %r7, 0
         mov %r2, 0x81
         jne %r0, 1, start
         ldxb %r1, [%r10-8]
         jne %r1, 0x6b, start
         mov %r7, 200
         mov %r2, 0x45
         start:
         mov %r1, %r6
         call 0x40
         mov %r1, %r6
         mov %r2, 1
         call 0x41
         add %r0, %r7
         exit",
        &[0x40, 0x41, 0x46],
        Capabilities::COAP_RESPONSE,
    )
}

/// A device whose container answers at length on `/a`, and counts its runs.
fn with_long(path: &str) -> Fake {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &long());
    server.expect(CHANGED, POST, "/rbpf/bind/a", path.as_bytes());
    drop(server);
    fake
}

/// The block of 64 bytes with that number.
fn block(number: u32) -> (u16, u32) {
    (BLOCK2, number << 4 | 2)
}

#[test]
fn a_guarded_answer_is_one_peers_alone() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &guarded());
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    fake.peer.set(1);
    let first = server.ask(GET, "/a?k", b"", &[block(0)]);
    assert_eq!((first.code, first.payload.len()), (CONTENT, 64));
    // Another's, who does not know the key, and who knows it.
    fake.peer.set(2);
    for path in ["/a", "/a?x"] {
        for number in 0..5 {
            let response = server.ask(GET, path, b"", &[block(number)]);
            assert_ne!(response.code, CONTENT, "{path} {number}");
            assert!(response.payload.iter().all(|&byte| byte != 0));
        }
    }
    assert_eq!(server.get("/a").code, UNAUTHORIZED);
    let response = server.ask(POST, "/a?k", b"", &[block(1)]);
    assert_eq!(response.code, INCOMPLETE);
    // The first one's is still there.
    fake.peer.set(1);
    let runs = |fake: &Fake| fake.runtime.borrow().apps().next().unwrap().counters.runs;
    let before = runs(&fake);
    let rest = server.ask(GET, "/a?k", b"", &[block(1)]);
    assert_eq!((rest.code, rest.payload.len()), (CONTENT, 64));
    assert_eq!(rest.option(ETAG), first.option(ETAG));
    assert_eq!(runs(&fake), before);
    // Who asks for the same gets it of a run of its own, or not at all.
    fake.peer.set(3);
    let rest = server.ask(GET, "/a?k", b"", &[block(1)]);
    assert_eq!((rest.code, runs(&fake)), (CONTENT, before + 1));
    fake.peer.set(1);
    server.ask(POST, "/a?k", b"", &[block(0)]);
    server.expect_block(CONTENT);
    fake.peer.set(3);
    server.expect_block(INCOMPLETE);
}

#[test]
fn all_that_selects_a_response() {
    let twins = ["/8cjoaoam", "/observed"];
    assert_eq!(hash(twins[0].as_bytes()), hash(twins[1].as_bytes()));
    let fake = with_long(twins[0]);
    let mut server = Server::new(&fake);
    for path in [twins[1], "/c"] {
        server.expect(CHANGED, POST, "/rbpf/bind/a", path.as_bytes());
    }
    let mut ask = |method: u8, path: &str, options: &[(u16, u32)]| {
        // Kept is one answer to that.
        fake.peer.set(1);
        let first = server.ask(POST, twins[0], b"", &[block(0)]);
        assert_eq!(first.code, CONTENT);
        let options = [options, &[block(1)]].concat();
        server.ask(method, path, b"", &options).code
    };
    assert_eq!(ask(POST, twins[0], &[]), CONTENT);
    assert_eq!(ask(POST, twins[1], &[]), INCOMPLETE);
    assert_eq!(ask(POST, "/c", &[]), INCOMPLETE);
    assert_eq!(ask(PUT, twins[0], &[]), INCOMPLETE);
    assert_eq!(ask(POST, "/8cjoaoam?x", &[]), INCOMPLETE);
    assert_eq!(
        ask(POST, "/8cjoaoam?", &[]),
        CONTENT,
        "an empty query is none"
    );
    assert_eq!(ask(POST, twins[0], &[(ACCEPT, 0)]), INCOMPLETE);
}

#[test]
fn what_is_kept_goes_with_its_container() {
    let fake = with_long("/a");
    let mut server = Server::new(&fake);
    let (other, short) = (guarded(), number(1));
    for (wanted, method, path, payload) in [
        (CHANGED, POST, "/rbpf/unbind/a", &b"/a"[..]),
        (CHANGED, POST, "/rbpf/bind/a", b"/a"),
        (CHANGED, POST, "/rbpf/unbind", b"/a"),
        (CHANGED, POST, "/rbpf/bind/a", b"/a"),
        (CHANGED, PUT, "/rbpf/app/a", &other),
        (CHANGED, PUT, "/rbpf/app/a", &long()),
        (DELETED, DELETE, "/rbpf/app/a", b""),
        (CREATED, PUT, "/rbpf/app/a", &long()),
        (CHANGED, POST, "/rbpf/bind/a", b"/a"),
        (CHANGED, PUT, "/rbpf/app/a", &short),
    ] {
        let first = server.ask(POST, "/a?k", b"", &[block(0)]);
        if first.option(BLOCK2) == Some(8 | 2) {
            server.expect_block(CONTENT);
        }
        server.expect(wanted, method, path, payload);
        server.expect_block(INCOMPLETE);
    }
}

impl Server<'_> {
    /// What comes of asking for the second block.
    fn expect_block(&mut self, wanted: u8) {
        let response = self.ask(POST, "/a?k", b"", &[block(1)]);
        assert_eq!(response.code, wanted, "{response:?}");
    }
}

/// Asks for blocks as large as there are, until all are there; nothing is longer than 64
/// bytes.
fn all_blocks(server: &mut Server<'_>, path: &str) -> Vec<u8> {
    let mut payload: Vec<u8> = Vec::new();
    loop {
        let number = payload.len() as u32 / 1024;
        let option = match payload.len() {
            0 => (BLOCK2, 6),
            length if length % 1024 == 0 => (BLOCK2, number << 4 | 6),
            length => block(length as u32 / 64),
        };
        let response = server.ask(GET, path, b"", &[option]);
        assert_eq!(response.code, CONTENT);
        assert!(response.payload.len() <= 64);
        payload.extend(&response.payload);
        if response.option(BLOCK2).is_none_or(|value| value & 8 == 0) {
            return payload;
        }
        assert!(response.option(ECHO).is_some());
    }
}

#[test]
fn a_stranger_gets_small_blocks() {
    const VALUE: u64 = 0x0011_2233_4455_6677;
    let fake = with_long("/a");
    let mut server = Server::new(&fake);
    for name in ["b", "c"] {
        server.expect(CREATED, PUT, &format!("/rbpf/app/{name}"), &number(1));
    }
    let lists = ["/rbpf", "/rbpf/stats", "/rbpf/app/a"];
    let whole = lists.map(|path| server.get(path).payload);
    fake.log.borrow_mut().push(&[b'x'; 200]);
    fake.proof.set(Proof::Echo(VALUE));
    for (path, whole) in lists.into_iter().zip(&whole) {
        let response = server.get(path);
        assert_eq!(response.payload, whole[..64], "{path}");
        assert_eq!(response.option(BLOCK2), Some(8 | 2));
        let echo = response.options.iter().find(|(number, _)| *number == ECHO);
        assert_eq!(
            echo.map(|(_, value)| &value[..]),
            Some(&VALUE.to_be_bytes()[..])
        );
        assert_eq!(all_blocks(&mut server, path), *whole);
        // Asking for a later block shows nothing, and nor does what is not that value.
        let later = server.ask(GET, path, b"", &[(BLOCK2, 1 << 4 | 6)]);
        assert!(later.payload.len() <= 64);
        for wrong in [
            vec![0; 8],
            VALUE.to_le_bytes().to_vec(),
            VALUE.to_be_bytes()[1..].to_vec(),
            [&VALUE.to_be_bytes()[..], &[0]].concat(),
        ] {
            let response = server.ask_with(GET, path, b"", &[(ECHO, wrong)]);
            assert_eq!(response.payload.len(), 64);
        }
        let right = (ECHO, VALUE.to_be_bytes().to_vec());
        let response = server.ask_with(GET, path, b"", &[right]);
        assert_eq!((&response.payload, response.option(ECHO)), (whole, None));
    }
    // What a container answers, what is printed, and smaller blocks.
    assert_eq!(all_blocks(&mut server, "/a").len(), 100);
    let piece = server.get("/rbpf/log");
    assert_eq!(piece.payload.len(), 64);
    assert!(piece.option(ECHO).is_some());
    let small = server.ask(GET, "/a", b"", &[(BLOCK2, 0)]);
    assert_eq!(small.payload.len(), 16);
    // What is short has no such option, and errors are no longer.
    for path in ["/nothing", "/rbpf/kv/a/7", "/rbpf/kv"] {
        let response = server.get(path);
        assert!(response.payload.len() <= 64, "{path}");
        assert_eq!(
            (response.option(ECHO), response.option(BLOCK2)),
            (None, None)
        );
    }
    server.expect(DELETED, DELETE, "/rbpf/app/c", b"");
    let mut broken = number(1);
    broken[40] = 0xfe;
    let response = server.ask(PUT, "/rbpf/app/x", &broken, &[]);
    assert_eq!(response.code, UNPROCESSABLE);
    assert!(response.payload.len() <= 64);
    // Where there is nothing that shows it, all are strangers.
    fake.proof.set(Proof::None);
    let right = (ECHO, VALUE.to_be_bytes().to_vec());
    for options in [&[][..], &[right]] {
        let response = server.ask_with(GET, "/rbpf", b"", options);
        assert_eq!(response.payload.len(), 64);
        assert_eq!(
            (response.option(BLOCK2), response.option(ECHO)),
            (Some(8 | 2), None)
        );
    }
    assert!(server.blocks("/rbpf", 2).len() > 64);
    fake.proof.set(Proof::Echo(VALUE));
    // However little room there is.
    for room in 40..200 {
        server.room = room;
        server.get("/rbpf");
        server.get("/a");
        server.get("/rbpf/log");
    }
}

#[test]
fn observers_who_are_strangers() {
    let fake = with_long("/a");
    let mut resources = Resources::<_, PAGE>::new(&fake);
    let head = Head {
        is_confirmable: true,
        id: 1,
        token: b"",
    };
    for (is_known, expected) in [(true, 100), (false, 64)] {
        let reply = resources.observed("/a", None);
        let mut bytes = [0; MAX_HEAD + PAGE];
        let message = resources.encode(&mut bytes, &head, &reply, Some(1), is_known);
        let message = message.expect("there is room");
        let marker = message.iter().position(|&byte| byte == 0xff).unwrap();
        assert_eq!(message.len() - marker - 1, expected);
    }
}
