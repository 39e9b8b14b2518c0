// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers behind the CoAP server, asked over loopback.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use coap_lite::CoapOption;
use rbpf_abi::Errno;
use rbpf_host::services::{Call, FaultInjector, Faults, Recorder};

use crate::support::{DELETE, GET, PATIENCE, POST, PUT, World, block, containers};

const CONTENT: u8 = 0x45;
const CHANGED: u8 = 0x44;
const CONTINUE: u8 = 0x5f;
const BAD_OPTION: u8 = 0x82;
const NOT_FOUND: u8 = 0x84;
const METHOD_NOT_ALLOWED: u8 = 0x85;
const INCOMPLETE: u8 = 0x88;
const TOO_LARGE: u8 = 0x8d;
const INTERNAL_SERVER_ERROR: u8 = 0xa0;
const SERVICE_UNAVAILABLE: u8 = 0xa3;

#[test]
fn a_sensor_is_read_over_both_protocols() {
    let world = World::start("");
    for address in 0..2 {
        let response = world.client(address).get("/sensor");
        assert_eq!((response.code, response.text()), (CONTENT, "23.45"));
        assert_eq!(response.option(CoapOption::ContentFormat), Some(0));
    }
    let reports = world.reports(2);
    let line = reports[0].to_string();
    assert!(line.contains(" GET /sensor 2.05 5 bytes "), "{line}");
    assert!(reports[0].instructions > 20);
}

#[test]
fn errors_have_their_codes() {
    let world = World::start("");
    let mut client = world.client(0);
    for (path, code, text) in [
        ("/nothing", NOT_FOUND, "not found"),
        ("/", NOT_FOUND, "not found"),
        ("/sensor/more", NOT_FOUND, "not found"),
        ("/hello", NOT_FOUND, ""),
        (
            "/fault",
            INTERNAL_SERVER_ERROR,
            "fault InvalidRead pc 1 address 0x0",
        ),
        (
            "/endless",
            SERVICE_UNAVAILABLE,
            "fault BudgetExhausted pc 0 address 0x0",
        ),
    ] {
        let response = client.get(path);
        assert_eq!((response.code, response.text()), (code, text), "{path}");
    }
    for path in ["/sensor", "/rbpf", "/.well-known/core"] {
        let packet = client.request(POST, path);
        assert_eq!(client.exchange(&packet).code, METHOD_NOT_ALLOWED);
    }
}

#[test]
fn a_container_sees_its_request() {
    let world = World::start("");
    for address in 0..2 {
        let mut client = world.client(address);
        assert_eq!(client.get("/request").text(), "1/request?");
        let mut ask = |parts: &[&str]| {
            let mut packet = client.request(POST, "/request");
            for part in parts {
                packet.add_option(CoapOption::UriQuery, part.as_bytes().to_vec());
            }
            client.exchange(&packet)
        };
        for (parts, text) in [
            (&["a=1", "b"][..], "2/request?a=1&b"),
            (&["12345678", "1234567"], "2/request?12345678&1234567"),
            (&["12345678", "12345678"], "2/request?28"),
            (&["", ""], "2/request?&"),
            (&[&"x".repeat(40)], "2/request?28"),
        ] {
            assert_eq!(ask(parts).text(), text);
        }
        assert_eq!(ask(&[&"x".repeat(41)]).code, BAD_OPTION);
    }
}

#[test]
fn a_length_beyond_the_buffer_is_refused() {
    let world = World::start("");
    let response = world.client(0).get("/overlong");
    assert_eq!(response.code, INTERNAL_SERVER_ERROR);
    assert!(
        response.text().starts_with("fault InvalidResult"),
        "{}",
        response.text()
    );
}

#[test]
fn a_container_that_never_ends_stops_nobody() {
    let world = World::start("");
    let (mut greedy, mut other) = (world.client(1), world.client(0));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..5 {
                assert_eq!(greedy.get("/endless").code, SERVICE_UNAVAILABLE);
            }
        });
        for _ in 0..20 {
            assert_eq!(other.get("/sensor").text(), "23.45");
        }
    });
    let endless = world.handle().applications();
    let endless = endless.iter().find(|app| app.name == "endless").unwrap();
    assert_eq!((endless.counters.runs, endless.counters.faults), (5, 5));
}

#[test]
fn the_device_lists_what_it_has() {
    let world = World::start("block_size = 64");
    let mut client = world.client(0);
    client.get("/fault");
    let links = client.transfer(GET, "/.well-known/core", b"", 2);
    assert_eq!(links.code, CONTENT);
    assert_eq!(links.option(CoapOption::ContentFormat), Some(40));
    for link in ["</sensor>", "</large>", "</rbpf>;ct=\"0 60\";obs"] {
        assert!(
            links.text().split(',').any(|found| found == link),
            "{}",
            links.text()
        );
    }
    let list = client.transfer(GET, "/rbpf", b"", 2);
    let line = list
        .text()
        .lines()
        .find(|line| line.starts_with("fault "))
        .unwrap();
    assert!(line.contains(" runs 1 faults 1 "), "{line}");
    assert!(
        line.ends_with("last fault InvalidRead pc 1 address 0x0"),
        "{line}"
    );
}

#[test]
fn transfers_in_blocks() {
    let world = World::start("");
    let mut client = world.client(0);
    let letters: Vec<u8> = (0..3000u32)
        .map(|index| b'a' + (index % 26) as u8)
        .collect();
    let body: Vec<u8> = (0..4000u32).map(|index| (index * 7) as u8).collect();
    let sum: u32 = body.iter().map(|&byte| u32::from(byte)).sum();
    for exponent in [6, 2, 0] {
        let response = client.transfer(GET, "/large", b"", exponent);
        assert_eq!(response.code, CONTENT);
        assert_eq!(response.payload, letters);
        let response = client.transfer(POST, "/echo", &body, exponent);
        assert_eq!(response.code, CHANGED);
        assert_eq!(response.payload, body);
        let response = client.transfer(PUT, "/sum", &body, exponent);
        assert_eq!(response.text(), sum.to_string());
    }
    // Without being asked for blocks, the device sends them: small ones to a stranger.
    let mut stranger = world.client(1);
    let first = stranger.get("/large");
    assert_eq!(first.payload, letters[..64]);
    assert_eq!(first.option(CoapOption::Block2), Some(0xa));
    assert!(stranger.echo.is_some());
    let first = stranger.get("/large");
    assert_eq!(first.payload, letters[..1024]);
    assert_eq!(first.option(CoapOption::Block2), Some(0xe));
    assert_eq!(first.option(CoapOption::Size2), Some(3000));
}

/// What a container has answered is not read on where others, or nobody, answer.
#[test]
fn a_transfer_ends_with_its_container() {
    let world = World::start("unsigned_install = true");
    let image = |name: &str| {
        let file = containers::folder().join(name);
        containers::image(&std::fs::read_to_string(file).unwrap())
    };
    let (mut client, mut owner) = (world.client(0), world.client(0));
    let mut change = |method: u8, path: &str, payload: &[u8]| {
        let mut packet = owner.request(method, path);
        packet.payload = payload.to_vec();
        assert_eq!(owner.exchange(&packet).code >> 5, 2, "{path}");
    };
    let mut ask = |number| {
        let mut packet = client.request(GET, "/new");
        packet.add_option(CoapOption::Block2, block(number, false, 2));
        let response = client.exchange(&packet);
        let applications = world.handle().applications();
        let new = applications.iter().find(|app| app.name == "new");
        (response.code, new.map_or(0, |new| new.counters.runs))
    };
    change(PUT, "/rbpf/app/new", &image("letters.asm"));
    change(POST, "/rbpf/bind/new", b"/new");
    assert_eq!([0, 1].map(&mut ask), [(CONTENT, 1), (CONTENT, 1)]);
    change(POST, "/rbpf/unbind/new", b"/new");
    assert_eq!(ask(2).0 >> 5, 4, "nobody is there");
    change(POST, "/rbpf/bind/new", b"/new");
    // Asked anew: by another binding, and by another image.
    assert_eq!(
        [2, 0, 1].map(&mut ask),
        [(CONTENT, 2), (CONTENT, 3), (CONTENT, 3)]
    );
    change(PUT, "/rbpf/app/new", &image("large.asm"));
    let (code, runs) = ask(2);
    assert_eq!((code, runs % 3), (CONTENT, 1));
    assert_eq!(ask(0).0, CONTENT);
    change(DELETE, "/rbpf/app/new", b"");
    assert_eq!(ask(1).0 >> 5, 4, "nobody is there");
}

/// As little is sent to whoever may not have asked, whatever is asked for.
#[test]
fn a_strangers_request_is_not_amplified() {
    let world = World::start("");
    for path in [
        "large",
        "rbpf",
        ".well-known/core",
        "rbpf/stats",
        "fault",
        "endless",
    ] {
        let answer = world.client(0).get(path).packet.to_bytes().unwrap();
        assert!(answer.len() < 128, "{path}: {} bytes", answer.len());
    }
}

#[test]
fn broken_transfers_leave_no_trace() {
    let world = World::start("max_upload = 4096");
    let mut client = world.client(0);
    let data = [1; 1024];
    // Out of order, at the start and later.
    assert_eq!(client.block1("/sum", 1, true, 6, &data).code, INCOMPLETE);
    assert_eq!(client.block1("/sum", 0, true, 6, &data).code, CONTINUE);
    assert_eq!(client.block1("/sum", 2, true, 6, &data).code, INCOMPLETE);
    assert_eq!(client.block1("/sum", 1, false, 6, &data).code, INCOMPLETE);
    // Too large.
    for number in 0..4 {
        assert_eq!(client.block1("/sum", number, true, 6, &data).code, CONTINUE);
    }
    let response = client.block1("/sum", 4, true, 6, &data);
    assert_eq!(response.code, TOO_LARGE);
    assert_eq!(response.option(CoapOption::Size1), Some(4096));
    // Abandoned by many.
    for _ in 0..200 {
        let response = world.client(0).block1("/sum", 0, true, 6, &data);
        assert_eq!(response.code, CONTINUE);
    }
    assert_eq!(client.get("/sensor").text(), "23.45");
    assert_eq!(client.transfer(PUT, "/sum", &data, 3).text(), "1024");
    let sum = world.handle().applications();
    let sum = sum.iter().find(|app| app.name == "sum").unwrap();
    assert_eq!(
        sum.counters.runs, 1,
        "only whole requests reach a container"
    );
}

#[test]
fn a_repeated_request_runs_once() {
    let world = World::start("");
    let mut client = world.client(0);
    let packet = client.request(POST, "/lamp");
    let first = client.exchange(&packet);
    assert_eq!((first.code, first.text()), (CONTENT, "1"));
    for _ in 0..3 {
        assert_eq!(client.exchange(&packet).packet, first.packet);
    }
    let lamp = world.handle().applications();
    let lamp = lamp.iter().find(|app| app.name == "lamp").unwrap();
    assert_eq!(lamp.counters.runs, 1);
}

#[test]
fn a_ping_is_answered() {
    let world = World::start("");
    let client = world.client(1);
    client.socket.send(&[0x40, 0, 0x12, 0x34]).unwrap();
    let mut buffer = [0; 16];
    let length = client.socket.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length], [0x70, 0, 0x12, 0x34]);
}

#[test]
fn malformed_datagrams_do_no_harm() {
    let world = World::start("");
    let mut client = world.client(0);
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as usize
    };
    let mut packet = client.request(PUT, "/sum");
    packet.add_option(CoapOption::Block1, block(0, true, 0));
    packet.payload = vec![3; 16];
    let sound = packet.to_bytes().unwrap();
    for round in 0..4000 {
        let mut bytes = if round % 2 == 0 {
            (0..random() % 64).map(|_| random() as u8).collect()
        } else {
            sound[..random() % (sound.len() + 1)].to_vec()
        };
        if !bytes.is_empty() {
            let place = random() % bytes.len();
            bytes[place] = random() as u8;
        }
        // What is lost on the way, because it was too fast, does not matter.
        let _ = client.socket.send(&bytes);
        if round % 500 == 0 {
            assert_eq!(world.client(0).get("/sensor").text(), "23.45");
        }
    }
    let _ = client.socket.send(&vec![0x55; 60_000]);
    assert_eq!(world.client(0).get("/sensor").text(), "23.45");
    assert_eq!(world.client(1).get("/sensor").text(), "23.45");
}

#[test]
fn lines_of_containers_reach_the_log() {
    let world = World::start("");
    world.client(0).get("/hello");
    assert_eq!(*world.log.lock().unwrap(), ["hello: Hello"]);
}

#[test]
fn lines_of_containers_are_kept() {
    let world = World::start("expose = true");
    let mut client = world.client(0);
    assert_eq!(client.get("/rbpf/log").text(), "offset 0 end 0\n");
    for _ in 0..2 {
        client.get("/hello");
    }
    let log = client.get("/rbpf/log");
    assert_eq!(log.text(), "offset 0 end 26\nhello: Hello\nhello: Hello\n");
    assert_eq!(log.option(CoapOption::ContentFormat), Some(0));
    let log = client.get("/rbpf/log/13");
    assert_eq!(log.text(), "offset 13 end 26\nhello: Hello\n");
    for _ in 0..400 {
        client.get("/hello");
    }
    let log = client.get("/rbpf/log/26");
    let lost = 402 * 13 - 4096;
    assert!(log.text().starts_with(&format!("offset {lost} end 5226\n")));
    // It comes in blocks, of one time.
    let log = client.transfer(GET, "/rbpf/log", b"", 6);
    let text = log.text().to_owned();
    assert_eq!(text.len(), format!("offset {lost} end 5226\n").len() + 4096);
    assert!(text.ends_with("\nhello: Hello\n"));
}

#[test]
fn a_transfer_that_is_continued_too_late() {
    let world = World::start("transfer_timeout = 1");
    let mut client = world.client(0);
    let data = [1; 1024];
    assert_eq!(client.block1("/sum", 0, true, 6, &data).code, CONTINUE);
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(client.block1("/sum", 1, false, 6, &data).code, INCOMPLETE);
}

#[test]
fn a_lease_ends_although_nobody_asks() {
    let world = World::start("unsigned_install = true");
    let mut client = world.client(0);
    let mut lease = |name: &str, seconds: &[u8]| {
        let mut packet = client.request(POST, &format!("/rbpf/lease/{name}"));
        packet.payload = seconds.to_vec();
        client.exchange(&packet).code
    };
    for wrong in [&b""[..], b"x", b"86401", b"\xff", &[b'1'; 1000]] {
        assert_eq!(lease("hello", wrong), 0x80);
    }
    assert_eq!(lease("nobody", b"1"), NOT_FOUND);
    assert_eq!(lease("letters", b"6000"), CHANGED);
    assert_eq!(lease("hello", b"1"), CHANGED);
    // What asks for the applications does not have the worker look at leases.
    let deadline = Instant::now() + PATIENCE;
    let there = || world.handle().applications();
    while there().iter().any(|app| app.name == "hello") {
        assert!(Instant::now() < deadline, "its lease ends");
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut client = world.client(0);
    assert_eq!(client.get("/hello").text(), "not found");
    let list = client.transfer(GET, "/rbpf", b"", 6);
    assert_eq!(list.text().matches(" lease ").count(), 1);
}

#[test]
fn containers_survive_sensors_that_fail() {
    let faults = Faults {
        read: NonZeroU32::new(2).map(|every| (every, Errno::InputOutput)),
        ..Faults::default()
    };
    let mut recording = None;
    let world = World::with_services("", |services| {
        let recorder = Recorder::new(FaultInjector::new(services, faults));
        recording = Some(recorder.recording());
        recorder
    });
    let mut client = world.client(0);
    let codes: Vec<u8> = (0..4).map(|_| client.get("/sensor").code).collect();
    let failed = INTERNAL_SERVER_ERROR;
    assert_eq!(codes, [CONTENT, failed, CONTENT, failed]);
    let calls = recording.unwrap().take();
    let reads = calls.iter().filter(|call| matches!(call, Call::Read(..)));
    assert_eq!(reads.count(), 4);
    let sensor = world.handle().applications();
    let sensor = sensor.iter().find(|app| app.name == "sensor").unwrap();
    assert_eq!(sensor.counters.faults, 0, "an error code is no fault");
}

#[test]
fn nobody_waits_for_a_busy_device_without_end() {
    let faults = Faults {
        read_delay: Duration::from_secs(3),
        ..Faults::default()
    };
    let world = World::with_services("request_timeout = 1", |services| {
        FaultInjector::new(services, faults)
    });
    let (mut slow, mut other) = (world.client(0), world.client(1));
    let response = slow.get("/sensor");
    assert_eq!(response.code, SERVICE_UNAVAILABLE);
    assert_eq!(response.text(), "the device is busy");
    // The others' turn comes when the sensor has answered.
    let codes = std::iter::repeat_with(|| other.get("/fault").code);
    let last = codes.take(100).find(|&code| code != SERVICE_UNAVAILABLE);
    assert_eq!(last, Some(INTERNAL_SERVER_ERROR));
}
