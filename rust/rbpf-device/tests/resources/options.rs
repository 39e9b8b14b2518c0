// SPDX-License-Identifier: MIT OR Apache-2.0
//! Critical options as they are defined, and as they are not (RFC 7252, section 5.10;
//! RFC 7959, section 2.1).

use super::*;

const URI_HOST: u16 = 3;
const URI_PORT: u16 = 7;
const PROXY_URI: u16 = 35;
const PROXY_SCHEME: u16 = 39;
const PROXYING_NOT_SUPPORTED: u8 = 0xa5;

/// What the device says to a GET of its list, with that option of so many bytes, which
/// are all the same.
fn with_length(number: u16, length: usize, byte: u8) -> u8 {
    let fake = Fake::new();
    let option = (number, vec![byte; length]);
    Server::new(&fake)
        .ask_with(GET, "/rbpf", b"", &[option])
        .code
}

#[test]
fn lengths_of_critical_options() {
    for (number, byte, shortest, longest, code) in [
        (URI_HOST, b'h', 1, 255, CONTENT),
        (URI_PORT, 0, 0, 2, CONTENT),
        // Longer than any that a container sees.
        (URI_QUERY, b'q', 0, 255, BAD_OPTION),
        (ACCEPT, 0, 0, 2, CONTENT),
        (BLOCK2, 0, 0, 3, CONTENT),
        (BLOCK1, 0, 0, 3, CONTENT),
        (PROXY_URI, b'u', 1, 1034, PROXYING_NOT_SUPPORTED),
        (PROXY_SCHEME, b's', 1, 255, PROXYING_NOT_SUPPORTED),
    ] {
        for length in [shortest, longest] {
            assert_eq!(with_length(number, length, byte), code, "{number} {length}");
        }
        let shorter = usize::checked_sub(shortest, 1);
        for length in shorter.into_iter().chain([longest + 1, longest + 1000]) {
            let code = with_length(number, length, byte);
            assert_eq!(code, BAD_OPTION, "{number} {length}");
        }
    }
    for (length, code) in [(0, CONTENT), (255, NOT_FOUND), (256, BAD_OPTION)] {
        assert_eq!(with_length(URI_PATH, length, b'x'), code, "{length}");
    }
    // None of these is understood, whatever its length: If-Match, If-None-Match, OSCORE,
    // and others.
    for number in [1, 5, 9, 13, 19, 21, 31, 65, 259, 65535] {
        for length in [0, 1, 8] {
            assert_eq!(with_length(number, length, 0), BAD_OPTION, "{number}");
        }
    }
    // Elective ones mean nothing if they are not as they are defined: Hop-Limit, Size2,
    // Echo, No-Response.
    for number in [16, 28, 60, 252, 258, 65534] {
        for length in [0, 1, 41, 1000] {
            assert_eq!(with_length(number, length, 0xff), CONTENT, "{number}");
        }
    }
}

#[test]
fn critical_options_that_may_not_be_repeated() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    for (number, value) in [
        (URI_HOST, &b"host"[..]),
        (URI_PORT, &[0x16, 0x33]),
        (ACCEPT, &[0]),
        (BLOCK2, &[]),
        (BLOCK1, &[]),
    ] {
        let once = (number, value.to_vec());
        let mut ask = |options: &[_]| server.ask_with(GET, "/rbpf", b"", options).code;
        assert_eq!(ask(std::slice::from_ref(&once)), CONTENT, "{number}");
        assert_eq!(ask(&[once.clone(), once]), BAD_OPTION, "{number}");
    }
    let proxy = (PROXY_SCHEME, b"coap".to_vec());
    let response = server.ask_with(GET, "/rbpf", b"", &[proxy.clone(), proxy]);
    assert_eq!(response.code, BAD_OPTION);
}

/// What is not understood is said before what is not there.
#[test]
fn the_worst_of_several_mistakes() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    let path = format!("/{}", "x".repeat(60));
    for option in [(URI_HOST, vec![]), (ACCEPT, vec![0; 3]), (65, vec![])] {
        let response = server.ask_with(GET, &path, b"", &[option]);
        assert_eq!(response.code, BAD_OPTION);
    }
}

/// A slash in a segment is no end of it (RFC 7252, section 6.5).
#[test]
fn a_slash_in_a_segment() {
    let fake = Fake::new();
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/a", &number(1));
    server.expect(CHANGED, POST, "/rbpf/bind/a", b"/a/b");
    server.expect(CONTENT, GET, "/a/b", b"");
    for segments in [
        &[&b"a/b"[..]][..],
        &[b"rbpf/app/a"],
        &[b"rbpf", b"app/a"],
        &[b"rbpf/app", b"a"],
        &[b"rbpf/"],
        &[b"/rbpf"],
        &[b"/"],
        &[b".well-known/core"],
    ] {
        let options: Vec<_> = segments
            .iter()
            .map(|segment| (URI_PATH, segment.to_vec()))
            .collect();
        for method in [GET, PUT, POST, DELETE] {
            let response = server.ask_with(method, "", b"", &options);
            assert_eq!(response.code, NOT_FOUND, "{segments:?}");
        }
    }
    server.expect(CONTENT, GET, "/rbpf/app/a", b"");
}
