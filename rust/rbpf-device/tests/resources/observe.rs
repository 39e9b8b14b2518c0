// SPDX-License-Identifier: MIT OR Apache-2.0
//! Observing: which responses may be observed, and what their versions are.

use coap_message_implementations::inmemory::Message;
use rbpf_device::coap::{Head, MAX_HEAD, Observation, hash};
use rbpf_device::observe::Published;
use rbpf_runtime::AppId;

use super::*;

const OBSERVE: u16 = 6;
/// That of every notification here.
pub(crate) const NUMBER: u32 = 0x01_0203;

/// What a request says of observing: the path and format that are registered, or
/// that nobody is any longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Said {
    #[default]
    Nothing,
    Registers(String, Option<u16>),
    Deregisters,
}

impl From<Wish<'_>> for Said {
    fn from(wish: Wish<'_>) -> Self {
        match wish {
            Wish::Register { path, format, .. } => Self::Registers(path.into(), format),
            Wish::Deregister => Self::Deregisters,
        }
    }
}

/// Asks with an option Observe of this value, and others before or after it; the
/// code, the option in the response, and what was said.
fn observe(
    fake: &Fake,
    method: u8,
    path: &str,
    options: &[(u16, &[u8])],
) -> (u8, Option<u32>, Said) {
    let mut message = HeapMessage::new();
    message.set_code(method);
    let segments = path.split('/').skip(1);
    let segments = segments.map(|segment| (URI_PATH, segment.as_bytes()));
    let mut options: Vec<_> = segments.chain(options.iter().copied()).collect();
    options.sort_by_key(|&(number, _)| number);
    for (number, value) in options {
        message.add_option(number, value).unwrap();
    }
    let mut resources = Resources::<_, PAGE>::new(fake);
    let Ok(answered) = resources.extract_request_data(&message);
    let mut response = HeapMessage::new();
    resources.build_response(&mut response, answered).unwrap();
    let mut options = response.options();
    let found = options.find(|option| option.number() == OBSERVE);
    let number = found.and_then(|option| option.value_uint());
    (response.code(), number, fake.said.take())
}

/// A device with a container on `/plain`, one on `/seen` that may be observed, and one
/// on `/faulty`.
fn with_observable() -> Fake {
    let fake = Fake::new();
    let observable = "mov %r6, %r1
        mov %r2, 69
        call 0x40
        mov %r1, %r6
        call 0x48
        mov %r0, 5
        exit";
    let mut server = Server::new(&fake);
    for (name, program) in [
        ("seen", observable),
        ("plain", "mov %r0, 7\nexit"),
        ("faulty", "mov %r1, 0\nldxb %r0, [%r1]\nexit"),
    ] {
        let helpers: &[u16] = if name == "seen" { &[0x40, 0x48] } else { &[] };
        let image = image(program, helpers, Capabilities::COAP_RESPONSE);
        server.expect(CREATED, PUT, &format!("/rbpf/app/{name}"), &image);
        let path = format!("/{name}");
        server.expect(
            CHANGED,
            POST,
            &format!("/rbpf/bind/{name}"),
            path.as_bytes(),
        );
    }
    drop(server);
    fake
}

/// Its containers.
fn seen_and_plain(fake: &Fake) -> (AppId, AppId) {
    let runtime = fake.runtime.borrow();
    let find = |name| runtime.find(name).unwrap();
    (find("seen"), find("plain"))
}

#[test]
fn what_may_be_observed() {
    let fake = with_observable();
    for (path, expected) in [
        ("/rbpf", true),
        ("/rbpf/bindings", true),
        ("/rbpf/stats", true),
        ("/rbpf/app/seen", true),
        ("/seen", true),
        ("/plain", false),
        ("/faulty", false),
        ("/nothing", false),
        ("/rbpf/log", false),
        ("/rbpf/app/nobody", false),
        ("/.well-known/core", false),
    ] {
        let (_, number, said) = observe(&fake, GET, path, &[(OBSERVE, b"")]);
        if expected {
            assert_eq!(said, Said::Registers(path.into(), None));
            assert_eq!(number, Some(NUMBER), "{path}");
        } else {
            assert_eq!((said, number), (Said::Nothing, None), "{path}");
        }
        let (_, number, said) = observe(&fake, GET, path, &[(OBSERVE, &[1])]);
        assert_eq!((said, number), (Said::Deregisters, None), "{path}");
        let (_, number, said) = observe(&fake, GET, path, &[]);
        assert_eq!((said, number), (Said::Nothing, None), "{path}");
    }
    // Where values are not shown, they are not observed.
    let mut fake = with_observable();
    for (exposes, path, code, wanted) in [
        (
            true,
            "/rbpf/kv",
            CONTENT,
            Said::Registers("/rbpf/kv".into(), None),
        ),
        (false, "/rbpf/kv", FORBIDDEN, Said::Nothing),
        (false, "/rbpf/kv/plain/1", FORBIDDEN, Said::Nothing),
        (false, "/rbpf/log", FORBIDDEN, Said::Nothing),
    ] {
        fake.exposes = exposes;
        let (answered, _, said) = observe(&fake, GET, path, &[(OBSERVE, b"")]);
        assert_eq!((answered, said), (code, wanted), "{path}");
    }
}

#[test]
fn values_and_methods_that_mean_nothing() {
    let fake = with_observable();
    for value in [
        &[2][..],
        &[0xff],
        &[1, 0],
        &[0xff, 0xff, 0xff],
        &[0; 4],
        &[0; 20],
    ] {
        let answer = observe(&fake, GET, "/seen", &[(OBSERVE, value)]);
        assert_eq!(answer, (CONTENT, None, Said::Nothing), "{value:?}");
    }
    let registers = Said::Registers("/seen".into(), None);
    // Leading zeros mean nothing either (RFC 7252, section 3.2).
    for value in [&[0][..], &[0, 0], &[0, 0, 0]] {
        let (.., said) = observe(&fake, GET, "/seen", &[(OBSERVE, value)]);
        assert_eq!(said, registers);
    }
    // The first of several counts, if it means something.
    let (.., said) = observe(&fake, GET, "/seen", &[(OBSERVE, &[1]), (OBSERVE, &[])]);
    assert_eq!(said, Said::Deregisters);
    let (.., said) = observe(&fake, GET, "/seen", &[(OBSERVE, &[7]), (OBSERVE, &[])]);
    assert_eq!(said, registers);
    for method in [POST, PUT, DELETE] {
        let (.., said) = observe(&fake, method, "/seen", &[(OBSERVE, &[])]);
        assert_eq!(said, Said::Nothing, "{method}");
    }
}

#[test]
fn queries_blocks_and_formats() {
    let fake = with_observable();
    // Neither is remembered.
    for (option, path) in [
        ((URI_QUERY, &b"x"[..]), "/seen"),
        ((BLOCK2, &[0x10]), "/rbpf"),
    ] {
        let (code, _, said) = observe(&fake, GET, path, &[(OBSERVE, &[]), option]);
        assert_eq!((code, said), (CONTENT, Said::Nothing), "{path}");
    }
    // The first block, and a format, are.
    let options: &[(u16, &[u8])] = &[(OBSERVE, &[]), (ACCEPT, &[60]), (BLOCK2, &[0x02])];
    let (.., said) = observe(&fake, GET, "/rbpf", options);
    assert_eq!(said, Said::Registers("/rbpf".into(), Some(60)));
    let options: &[(u16, &[u8])] = &[(OBSERVE, &[]), (ACCEPT, &[50])];
    let answer = observe(&fake, GET, "/rbpf", options);
    assert_eq!(answer, (NOT_ACCEPTABLE, None, Said::Nothing));
}

#[test]
fn versions_are_of_the_whole_list() {
    let fake = with_observable();
    let version = |path: &str| {
        let mut resources = Resources::<_, PAGE>::new(&fake);
        resources.observed(path, None).observation()
    };
    let before = version("/rbpf");
    assert!(matches!(before, Observation::Version(_)));
    assert_eq!(version("/rbpf"), before);
    // What changes is beyond the first page.
    let mut server = Server::new(&fake);
    let text = server.blocks("/rbpf", 2);
    server.expect(CHANGED, POST, "/rbpf/lease/faulty", b"9");
    assert_eq!(server.blocks("/rbpf", 2)[..PAGE], text[..PAGE]);
    assert_ne!(version("/rbpf"), before);

    assert_eq!(version("/seen"), Observation::Version(0));
    for path in ["/plain", "/faulty", "/nothing", "/rbpf/app/nobody"] {
        assert_eq!(version(path), Observation::Ended, "{path}");
    }
}

#[test]
fn messages_of_their_own() {
    let fake = with_observable();
    let mut resources = Resources::<_, PAGE>::new(&fake);
    let head = |is_confirmable, token| Head {
        is_confirmable,
        id: 0x1234,
        token,
    };
    let reply = resources.observed("/seen", None);
    let mut bytes = [0; MAX_HEAD + PAGE];
    let message = resources.encode(&mut bytes, &head(true, b""), &reply, Some(0), true);
    assert_eq!(message, Some(&[0x40, CONTENT, 0x12, 0x34, 0x60][..]));
    let message = resources.encode(&mut bytes, &head(false, b"abc"), &reply, Some(NUMBER), true);
    let expected = [0x53, CONTENT, 0x12, 0x34, b'a', b'b', b'c', 0x63, 1, 2, 3];
    assert_eq!(message, Some(&expected[..]));
    let reply = resources.observed("/nothing", None);
    let message = resources.encode(&mut bytes, &head(false, b""), &reply, None, true);
    assert_eq!(message, Some(&b"\x50\x84\x12\x34\xffnot found"[..]));
    // A list in blocks, as another codec reads it.
    let reply = resources.observed("/rbpf", Some(60));
    for room in [MAX_HEAD + 16, MAX_HEAD + 100, MAX_HEAD + PAGE] {
        let bytes = &mut vec![0; room][..];
        let message = resources.encode(bytes, &head(true, b"12345678"), &reply, Some(9), true);
        let message = message.expect("there is room").to_vec();
        assert_eq!(message[..12], *b"\x48\x45\x12\x3412345678");
        let read = Message::new_from_slice(message[1], &message[12..]);
        let options: Vec<_> = read.options().map(|option| option.number()).collect();
        assert_eq!(options, [OBSERVE, CONTENT_FORMAT, BLOCK2]);
        assert!(read.payload().len() >= 16 && message.len() <= room);
    }
    // No room at all.
    for room in 0..MAX_HEAD {
        let bytes = &mut vec![0; room][..];
        let message = resources.encode(bytes, &head(true, b"12345678"), &reply, Some(NUMBER), true);
        assert!(message.is_none_or(|message| message.len() <= room));
    }
}

#[test]
fn a_device_without_time_ends_nothing() {
    let fake = with_observable();
    fake.runtime.borrow_mut().set_rate(1);
    let mut resources = Resources::<_, PAGE>::new(&fake);
    for expected in [Observation::Version(0), Observation::Later] {
        assert_eq!(resources.observed("/seen", None).observation(), expected);
    }
}

#[test]
fn published_paths_and_their_versions() {
    let fake = with_observable();
    let (seen, plain) = seen_and_plain(&fake);
    let mut published = Published::<4>::new();
    published.publish([("/a", seen), ("/b", plain), ("/c", seen)].into_iter());
    let versions =
        |published: &Published<4>| [b"/a", b"/b", b"/c"].map(|path| published.version(path));
    let before = versions(&published);
    assert!(before.iter().all(Option::is_some));
    assert_eq!(published.version(b"/d"), None);
    // All paths of the container that says so, and no other's.
    published.change(seen);
    let after = versions(&published);
    assert_eq!(before[1], after[1]);
    assert!(before[0] != after[0] && before[2] != after[2]);
    // What stays where it is has not changed; what is another's has.
    published.publish([("/c", plain), ("/a", seen)].into_iter());
    let last = versions(&published);
    assert_eq!((last[0], last[1]), (after[0], None));
    assert!(last[2].is_some() && last[2] != after[2]);
}

/// What several containers make of a path is another thing whenever one changes,
/// comes, or goes.
#[test]
fn versions_of_several_containers() {
    let fake = with_observable();
    let (seen, plain) = seen_and_plain(&fake);
    let mut published = Published::<4>::new();
    let mut versions = vec![None];
    for apps in [
        &[seen][..],
        &[seen, plain],
        &[plain],
        &[seen],
        &[plain, seen],
        &[],
    ] {
        published.publish(apps.iter().map(|&app| ("/a", app)));
        versions.push(published.version(b"/a"));
        for app in apps {
            published.change(*app);
            versions.push(published.version(b"/a"));
        }
    }
    assert_eq!(versions.first(), versions.last());
    versions.pop();
    let different: std::collections::HashSet<_> = versions.iter().collect();
    assert_eq!(different.len(), versions.len(), "{versions:?}");
}

/// Paths of one hash are found in seconds. Whoever is bound to one of them can have
/// observers of the other asked, and no more.
#[test]
fn paths_of_one_hash() {
    let fake = with_observable();
    let (seen, plain) = seen_and_plain(&fake);
    let twins = ["/8cjoaoam", "/observed"];
    assert_eq!(hash(twins[0].as_bytes()), hash(twins[1].as_bytes()));
    let mut published = Published::<4>::new();
    published.publish([(twins[0], plain), (twins[1], seen)].into_iter());
    let mut last = published.version(b"/observed");
    for app in [seen, plain, seen] {
        published.change(app);
        let now = published.version(b"/observed");
        assert!(now.is_some() && now != last);
        last = now;
    }
    // The device's own are no container's.
    assert_eq!(hash(b"/a5hnawia"), hash(b"/rbpf"));
    published.publish([("/a5hnawia", plain)].into_iter());
    assert_eq!(published.version(b"/rbpf"), None);
}
