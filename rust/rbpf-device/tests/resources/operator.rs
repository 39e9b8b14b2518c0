// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator sees of containers, and how long they may stay.

use super::*;

/// What `offset N end M` says, and the bytes that follow.
fn piece(response: &Response) -> (u32, u32, &str) {
    assert_eq!(response.code, CONTENT, "{response:?}");
    assert_eq!(response.option(CONTENT_FORMAT), Some(0));
    assert_eq!(response.option(BLOCK2), None);
    let (line, rest) = response.text().split_once('\n').expect("a first line");
    let words: Vec<&str> = line.split(' ').collect();
    let ["offset", from, "end", end] = words[..] else {
        panic!("{line}");
    };
    (from.parse().unwrap(), end.parse().unwrap(), rest)
}

#[test]
fn the_log_is_read_on_in_any_room() {
    let fake = Fake::new();
    let text: String = (0..40).map(|line| format!("c: line {line}\n")).collect();
    fake.log.borrow_mut().push(text.as_bytes());
    let mut server = Server::new(&fake);
    for room in [60, 100, 128, 1200] {
        server.room = room;
        let (mut from, mut read) = (0, String::new());
        loop {
            let response = server.get(&format!("/rbpf/log/{from}"));
            let (begins, end, bytes) = piece(&response);
            assert_eq!((begins, end as usize), (from, text.len()));
            if bytes.is_empty() {
                break;
            }
            read += bytes;
            from += bytes.len() as u32;
        }
        assert_eq!(read, text);
    }
    // A page has 256 bytes, a block what is asked for.
    let whole = server.get("/rbpf/log");
    assert_eq!((piece(&whole).0, whole.payload.len()), (0, PAGE));
    let block = server.ask(GET, "/rbpf/log", b"", &[(BLOCK2, 1)]);
    assert_eq!((piece(&block).0, block.payload.len()), (0, 32));
}

#[test]
fn what_was_lost_is_told() {
    let fake = Fake::new();
    for _ in 0..300 {
        fake.log.borrow_mut().push(b"c: 123456\n");
    }
    let mut server = Server::new(&fake);
    for path in [
        "/rbpf/log",
        "/rbpf/log/0",
        "/rbpf/log/1999",
        "/rbpf/log/3001",
    ] {
        let response = server.get(path);
        let (from, end, bytes) = piece(&response);
        assert_eq!((from, end), (2000, 3000), "{path}");
        assert!(bytes.starts_with("c: 123456\nc: "));
    }
    assert_eq!(piece(&server.get("/rbpf/log/2995")), (2995, 3000, "3456\n"));
    assert_eq!(piece(&server.get("/rbpf/log/3000")), (3000, 3000, ""));
}

#[test]
fn requests_for_the_log_that_are_wrong() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    for (code, method, path) in [
        (BAD_REQUEST, GET, "/rbpf/log/"),
        (BAD_REQUEST, GET, "/rbpf/log/x"),
        (BAD_REQUEST, GET, "/rbpf/log/-1"),
        (BAD_REQUEST, GET, "/rbpf/log/4294967296"),
        (NOT_FOUND, GET, "/rbpf/log/1/2"),
        (NOT_FOUND, GET, "/rbpf/logs"),
        (METHOD_NOT_ALLOWED, PUT, "/rbpf/log"),
        (METHOD_NOT_ALLOWED, POST, "/rbpf/log/1"),
        (METHOD_NOT_ALLOWED, DELETE, "/rbpf/log"),
    ] {
        server.expect(code, method, path, b"");
    }
    let mut ask = |option| server.ask(GET, "/rbpf/log", b"", &[option]).code;
    assert_eq!(ask((ACCEPT, 60)), NOT_ACCEPTABLE);
    assert_eq!(ask((ACCEPT, 0)), CONTENT);
    assert_eq!(ask((BLOCK2, 1 << 4)), BAD_REQUEST);
    *fake.log.borrow_mut() = LogRing::new(Vec::new());
    server.expect(NOT_FOUND, GET, "/rbpf/log", b"");
    server.expect(NOT_FOUND, GET, "/rbpf/log/0", b"");
}

impl Fake {
    /// So many milliseconds go by, and the owner of the runtime has its turns.
    fn wait(&self, milliseconds: u32) {
        let runtime = &mut *self.runtime.borrow_mut();
        runtime.services().0 = runtime.services().0.wrapping_add(milliseconds);
        let now = runtime.services().now_ms();
        while let Some(app) = self.leases.borrow_mut().take_expired(now) {
            runtime.remove(app);
        }
    }

    /// How long the owner of the runtime may wait.
    fn next(&self) -> Option<u32> {
        let now = self.runtime.borrow_mut().services().now_ms();
        self.leases.borrow().next(now)
    }
}

#[test]
fn a_container_goes_when_its_lease_is_over() {
    let fake = Fake::new();
    // The clock wraps meanwhile.
    fake.runtime.borrow_mut().services().0 = u32::MAX - 1500;
    let mut server = Server::new(&fake);
    for name in ["a", "b"] {
        server.expect(CREATED, PUT, &format!("/rbpf/app/{name}"), &number(1));
    }
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a");
    assert_eq!(fake.next(), None);
    server.expect(CHANGED, POST, "/rbpf/lease/a", b"3");
    assert_eq!(fake.next(), Some(3000));
    let list = server.get("/rbpf");
    let line = list.text().lines().next().unwrap();
    assert!(line.ends_with(" helpers 0 lease 3"), "{line}");
    assert_eq!(list.text().matches("lease").count(), 1);
    fake.wait(1001);
    assert_eq!(fake.next(), Some(1999));
    assert!(server.get("/rbpf/app/a").text().contains(" lease 2\n"));
    assert_eq!(
        field(&server.cbor("/rbpf/app/a"), "lease"),
        Some(&Value::from(2))
    );
    // Renewed, and then over.
    server.expect(CHANGED, POST, "/rbpf/lease/a", b"2");
    fake.wait(1999);
    assert_eq!(server.get("/a").text(), "1");
    fake.wait(1);
    server.expect(NOT_FOUND, GET, "/a", b"");
    server.expect(NOT_FOUND, GET, "/rbpf/app/a", b"");
    server.expect(CONTENT, GET, "/rbpf/app/b", b"");
    assert_eq!(fake.next(), None);
    // One that ends stays.
    server.expect(CHANGED, POST, "/rbpf/lease/b", b"86400");
    assert!(server.get("/rbpf").text().contains(" lease 86400\n"));
    server.expect(CHANGED, POST, "/rbpf/lease/b", b"0");
    server.expect(CHANGED, POST, "/rbpf/lease/b", b"0");
    fake.wait(86_400_000);
    server.expect(CONTENT, GET, "/rbpf/app/b", b"");
}

#[test]
fn a_lease_is_of_one_container() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    for name in ["a", "b", "c"] {
        server.expect(CREATED, PUT, &format!("/rbpf/app/{name}"), &number(1));
    }
    server.expect(CHANGED, POST, "/rbpf/lease/a", b"1");
    server.expect(CHANGED, POST, "/rbpf/lease/b", b"1");
    server.expect(SERVICE_UNAVAILABLE, POST, "/rbpf/lease/c", b"1");
    // What replaces it, or comes in its place, has none; and there is room again.
    server.expect(CHANGED, PUT, "/rbpf/app/a", &number(2));
    server.expect(DELETED, DELETE, "/rbpf/app/b", b"");
    server.expect(CREATED, PUT, "/rbpf/app/b", &number(2));
    assert!(!server.get("/rbpf").text().contains("lease"));
    server.expect(CHANGED, POST, "/rbpf/lease/c", b"5");
    server.expect(CHANGED, POST, "/rbpf/lease/b", b"5");
    server.expect(SERVICE_UNAVAILABLE, POST, "/rbpf/lease/a", b"5");
    server.expect(CHANGED, POST, "/rbpf/lease/c", b"6");
    fake.wait(5000);
    let list = server.get("/rbpf");
    let names: Vec<_> = list.text().lines().map(|line| &line[..1]).collect();
    assert_eq!(names, ["a", "c"]);
    // Its lease ends with it.
    assert_eq!(fake.next(), Some(1000));
    server.expect(DELETED, DELETE, "/rbpf/app/c", b"");
    assert_eq!(fake.next(), None);
    assert_eq!(server.get("/rbpf").text().lines().count(), 1);
}

#[test]
fn nobody_takes_the_leases_of_all() {
    let fake = Fake::new();
    let alice = Allowance {
        capabilities: Capabilities::all(),
        slots: 2,
        bindings: 0,
        values: 0,
        paused: 0,
        rate: 0,
    };
    let tenant = fake.runtime.borrow_mut().add_tenant("alice", alice);
    tenant.unwrap();
    let mut server = Server::new(&fake);
    for name in ["a?tenant=alice", "b?tenant=alice", "own"] {
        server.expect(CREATED, PUT, &format!("/rbpf/app/{name}"), &number(1));
    }
    // Of two leases, the tenant has one and the device one, whoever comes first.
    server.expect(CHANGED, POST, "/rbpf/lease/a?tenant=alice", b"5");
    server.expect(
        SERVICE_UNAVAILABLE,
        POST,
        "/rbpf/lease/b?tenant=alice",
        b"5",
    );
    // It is the container's, whoever asks.
    server.expect(SERVICE_UNAVAILABLE, POST, "/rbpf/lease/b", b"5");
    server.expect(CHANGED, POST, "/rbpf/lease/own", b"5");
    server.expect(CHANGED, POST, "/rbpf/lease/a?tenant=alice", b"6");
    server.expect(CHANGED, POST, "/rbpf/lease/a?tenant=alice", b"0");
    server.expect(CHANGED, POST, "/rbpf/lease/b?tenant=alice", b"5");
    server.expect(SERVICE_UNAVAILABLE, POST, "/rbpf/lease/a", b"5");
    // More parties than leases: one each, as long as there are some.
    for name in ["bob", "carol"] {
        let added = fake.runtime.borrow_mut().add_tenant(name, alice);
        assert_eq!(added.is_ok(), name == "bob");
    }
    server.expect(DELETED, DELETE, "/rbpf/app/b", b"");
    server.expect(CREATED, PUT, "/rbpf/app/his?tenant=bob", &number(1));
    server.expect(CHANGED, POST, "/rbpf/lease/his?tenant=bob", b"5");
    server.expect(
        SERVICE_UNAVAILABLE,
        POST,
        "/rbpf/lease/a?tenant=alice",
        b"5",
    );
}

#[test]
fn requests_for_a_lease_that_are_wrong() {
    let fake = with_tenants();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &number(1));
    server.expect(CREATED, PUT, "/rbpf/app/b?tenant=alice", &number(1));
    let long = [b'1'; 100];
    let payloads: [&[u8]; 10] = [
        b"",
        b"x",
        b"-1",
        b"+1",
        b" 1",
        b"1 ",
        b"86401",
        b"4294967297",
        b"\xff\0",
        &long,
    ];
    for payload in payloads {
        server.expect(BAD_REQUEST, POST, "/rbpf/lease/a", payload);
    }
    for (code, method, path) in [
        (NOT_FOUND, POST, "/rbpf/lease/x"),
        (NOT_FOUND, POST, "/rbpf/lease/12345678901234567890"),
        (NOT_FOUND, POST, "/rbpf/lease/a/b"),
        (METHOD_NOT_ALLOWED, POST, "/rbpf/lease"),
        (METHOD_NOT_ALLOWED, GET, "/rbpf/lease/a"),
        (METHOD_NOT_ALLOWED, PUT, "/rbpf/lease/a"),
        (METHOD_NOT_ALLOWED, DELETE, "/rbpf/lease/a"),
        (FORBIDDEN, POST, "/rbpf/lease/a?tenant=alice"),
        (NOT_FOUND, POST, "/rbpf/lease/a?tenant=bobby"),
        (CHANGED, POST, "/rbpf/lease/b?tenant=alice"),
    ] {
        server.expect(code, method, path, b"1");
    }
    assert_eq!(fake.next(), Some(1000));
    let mut fake = Fake::new();
    fake.may_change = false;
    Server::new(&fake).expect(NOT_FOUND, POST, "/rbpf/lease/a", b"1");
}
