// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator sees of containers: what they have printed.

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
