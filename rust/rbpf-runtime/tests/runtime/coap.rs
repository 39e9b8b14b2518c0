// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and responses: what a container may say, and in which order
//! (design, section 6, items 12 and 13).

use rbpf_abi::Helper::{CoapAddFormat, CoapGetPdu, CoapOptFinish, GcoapRespInit};
use rbpf_abi::{Capabilities, Errno};
use rbpf_runtime::{AppId, BindError, CoapError, CoapReply, CoapRequest, KvScope, RunError};
use rbpf_vm::{Fault, FaultKind};

use crate::support::*;

const CONTENT: u8 = 2 << 5 | 5;

/// A device whose response buffer has so many bytes, and a container that
/// answers on `/`.
fn device_with(response: usize, source: &str) -> (Device, AppId) {
    let mut device: Device = Sizes {
        response,
        ..Sizes::default()
    }
    .device();
    let id = app(source).install(&mut device, "app");
    device.bind("/", id).unwrap();
    (device, id)
}

/// A reply that owns its payload.
type Reply = Result<(u8, Option<u16>, Vec<u8>), CoapError>;

fn owned(reply: Result<CoapReply<'_>, CoapError>) -> Reply {
    reply.map(|reply| (reply.code, reply.content_format, reply.payload.to_vec()))
}

fn answer(response: usize, source: &str) -> Reply {
    owned(device_with(response, source).0.coap(&get("/")))
}

/// What a request ends in if the container returns a length that is not.
fn invalid_result(id: AppId) -> Reply {
    let fault = Fault {
        kind: FaultKind::InvalidResult,
        pc: 0,
        address: 0,
    };
    Err(CoapError::Run(id, RunError::Fault(fault)))
}

/// Starts a response as text, six bytes of head, writes `hi` and more behind
/// it, and returns what is given.
fn text_response(result: &str) -> String {
    format!(
        "mov %r6, %r1
        mov %r2, {CONTENT}
        call 0x40
        mov %r1, %r6
        mov %r2, 0
        call 0x42
        mov %r1, %r6
        mov %r2, 1
        call 0x41
        mov %r7, %r0
        mov %r1, %r6
        call 0x43
        stb [%r0], 0x68
        stb [%r0+1], 0x69
        stb [%r0+2], 0x21
        {result}
        exit"
    )
}

#[test]
fn the_returned_length_cuts_the_payload() {
    for (length, payload) in [
        (8, &b"hi"[..]),
        (7, b"h"),
        (9, b"hi!"),
        (6, b""),
        (5, b""),
        (1, b""),
        (0, b""),
    ] {
        let source = text_response(&format!("mov %r0, {length}"));
        let expected = (CONTENT, Some(0), payload.to_vec());
        assert_eq!(answer(64, &source), Ok(expected), "{length}");
    }
    // All of the buffer: what was not written is 0.
    let mut all = [0; 58];
    all[..3].copy_from_slice(b"hi!");
    let reply = answer(64, &text_response("mov %r0, 64"));
    assert_eq!(reply, Ok((CONTENT, Some(0), all.to_vec())));
    // As a real container does it: the head's length and two.
    let source = text_response("mov %r0, %r7\nadd %r0, 2");
    assert_eq!(answer(64, &source).unwrap().2, b"hi");
    // A result is an `int`: what stands above is not looked at.
    let source = text_response("lddw %r0, 0x100000008");
    assert_eq!(answer(64, &source).unwrap().2, b"hi");
}

#[test]
fn a_length_beyond_the_buffer_is_a_fault() {
    for length in [65, 1000, 0x7fff_ffff] {
        let source = text_response(&format!("mov %r0, {length}"));
        let (mut device, id) = device_with(64, &source);
        let reply = owned(device.coap(&get("/")));
        assert_eq!(reply, invalid_result(id), "{length}");
        let info = device.apps().next().unwrap();
        assert_eq!((info.counters.runs, info.counters.faults), (1, 1));
        assert_eq!(
            info.last_fault.map(|fault| fault.kind),
            Some(FaultKind::InvalidResult)
        );
    }
}

#[test]
fn a_negative_result_is_an_error_code() {
    let internal = 5 << 5;
    for (result, code) in [
        ("-132", 4 << 5 | 4),
        ("-128", 4 << 5),
        ("-143", 4 << 5 | 15),
        ("-160", internal),
        ("-163", 5 << 5 | 3),
        ("-191", 0xbf),
        // No codes of errors.
        ("-1", internal),
        ("-69", internal),
        ("-127", internal),
        ("-192", internal),
        ("-255", internal),
        ("-256", internal),
        ("-388", internal),
        ("-2147483648", internal),
    ] {
        let expected = Ok((code, None, vec![]));
        let source = format!("mov %r0, {result}\nexit");
        assert_eq!(answer(64, &source), expected, "{result}");
        // Also after a response was begun; nothing of it is sent.
        let source = text_response(&format!("mov %r0, {result}"));
        assert_eq!(answer(64, &source), expected, "{result}");
        // As 32 bits, too.
        let source = format!("mov32 %r0, {result}\nexit");
        assert_eq!(answer(64, &source), expected, "{result}");
    }
}

#[test]
fn without_a_response_the_result_is_the_answer() {
    for (result, text) in [
        (0, "0"),
        (7, "7"),
        (2345, "2345"),
        (0x7fff_ffff, "2147483647"),
    ] {
        let source = format!("mov %r0, {result}\nexit");
        for response in [10, 64] {
            let expected = (CONTENT, Some(0), text.as_bytes().to_vec());
            assert_eq!(answer(response, &source), Ok(expected));
        }
    }
    // What does not fit is not sent in part.
    for (response, result, fits) in [(0, 1, false), (1, 1, true), (1, 10, false), (3, 999, true)] {
        let (mut device, id) = device_with(response, &format!("mov %r0, {result}\nexit"));
        let reply = owned(device.coap(&get("/")));
        if fits {
            assert_eq!(reply.unwrap().2, result.to_string().as_bytes());
        } else {
            assert_eq!(reply, invalid_result(id));
        }
    }
}

/// Calls of helpers with one argument behind the context's address, whose
/// results are stored under 0, 1, 2, ...; the last instruction but exit is
/// `end`.
fn steps(calls: &[(u16, u32)], end: &str) -> String {
    let mut source = String::from("mov %r6, %r1\n");
    for (key, (helper, argument)) in calls.iter().enumerate() {
        source += &format!(
            "mov %r1, %r6
            mov32 %r2, {argument:#x}
            call {helper}
            mov %r1, {key}
            mov %r2, %r0
            call 0x11\n"
        );
    }
    source + end + "\nexit"
}

const INIT: u16 = GcoapRespInit.id();
const ADD: u16 = CoapAddFormat.id();
const FINISH: u16 = CoapOptFinish.id();
const PDU: u16 = CoapGetPdu.id();

const OK: i32 = 0;
const INVALID: i32 = Errno::Invalid.to_guest();
const NO_SPACE: i32 = Errno::NoSpace.to_guest();
/// Address of a byte of the response's buffer.
const fn response(offset: i32) -> i32 {
    at::GRANTED as i32 + offset
}

/// A helper, its argument and its result.
type Step = (u16, u32, i32);

/// By the length of the buffer, what is called in which order.
#[test]
fn helpers_answer_to_the_order_of_their_calls() {
    let cases: &[(usize, &[Step])] = &[
        // In order.
        (
            64,
            &[
                (INIT, 69, OK),
                (ADD, 0, 1),
                (FINISH, 1, 6),
                (PDU, 0, response(6)),
            ],
        ),
        (
            64,
            &[
                (INIT, 69, OK),
                (ADD, 1, 2),
                (FINISH, 1, 7),
                (PDU, 0, response(7)),
            ],
        ),
        (
            64,
            &[(INIT, 69, OK), (ADD, 255, 2), (FINISH, 0, 6), (PDU, 0, 0)],
        ),
        (64, &[(INIT, 69, OK), (ADD, 256, 3), (FINISH, 1, 8)]),
        (64, &[(INIT, 69, OK), (ADD, 0xffff, 3), (FINISH, 1, 8)]),
        (64, &[(INIT, 69, OK), (FINISH, 1, 5), (PDU, 0, response(5))]),
        (64, &[(INIT, 69, OK), (FINISH, 0, 4), (PDU, 0, 0)]),
        // Other flags mean nothing.
        (64, &[(INIT, 69, OK), (FINISH, 0xffff_fffe, 4), (PDU, 0, 0)]),
        // Before the start, and after the end.
        (
            64,
            &[
                (ADD, 0, INVALID),
                (FINISH, 1, INVALID),
                (PDU, 0, 0),
                (INIT, 69, OK),
            ],
        ),
        (64, &[(INIT, 69, OK), (PDU, 0, 0), (ADD, 0, 1), (PDU, 0, 0)]),
        (
            64,
            &[
                (INIT, 69, OK),
                (ADD, 0, 1),
                (ADD, 0, INVALID),
                (ADD, 9, INVALID),
            ],
        ),
        (
            64,
            &[
                (INIT, 69, OK),
                (FINISH, 1, 5),
                (ADD, 0, INVALID),
                (PDU, 0, response(5)),
            ],
        ),
        (
            64,
            &[
                (INIT, 69, OK),
                (FINISH, 0, 4),
                (FINISH, 1, INVALID),
                (PDU, 0, 0),
            ],
        ),
        // From the beginning.
        (
            64,
            &[
                (INIT, 69, OK),
                (ADD, 300, 3),
                (FINISH, 1, 8),
                (INIT, 68, OK),
                (PDU, 0, 0),
                (ADD, 0, 1),
                (FINISH, 1, 6),
            ],
        ),
        // What is no code of a response, and no format.
        (
            64,
            &[
                (INIT, 0, INVALID),
                (INIT, 1, INVALID),
                (INIT, 0x60, INVALID),
                (INIT, 0xc0, INVALID),
            ],
        ),
        (
            64,
            &[
                (INIT, 0x145, INVALID),
                (INIT, u32::MAX, INVALID),
                (FINISH, 1, INVALID),
            ],
        ),
        (64, &[(INIT, 0x40, OK), (INIT, 0x84, OK), (INIT, 0xbf, OK)]),
        (
            64,
            &[
                (INIT, 69, OK),
                (ADD, 0x1_0000, INVALID),
                (ADD, u32::MAX, INVALID),
                (ADD, 0, 1),
            ],
        ),
        // A refused start leaves what was started.
        (64, &[(INIT, 69, OK), (INIT, 1, INVALID), (ADD, 0, 1)]),
        // Too small for a header and one more byte.
        (
            0,
            &[
                (INIT, 69, NO_SPACE),
                (ADD, 0, INVALID),
                (FINISH, 1, INVALID),
                (PDU, 0, 0),
            ],
        ),
        (3, &[(INIT, 69, NO_SPACE), (FINISH, 0, INVALID)]),
        (4, &[(INIT, 69, NO_SPACE), (FINISH, 0, INVALID)]),
        (5, &[(INIT, 69, OK), (FINISH, 1, 5), (PDU, 0, response(5))]),
        (
            5,
            &[
                (INIT, 69, OK),
                (ADD, 50, NO_SPACE),
                (ADD, 0, 1),
                (FINISH, 1, NO_SPACE),
                (FINISH, 0, 5),
            ],
        ),
        (
            6,
            &[
                (INIT, 69, OK),
                (ADD, 300, NO_SPACE),
                (ADD, 50, 2),
                (FINISH, 1, NO_SPACE),
                (PDU, 0, 0),
            ],
        ),
        (
            7,
            &[
                (INIT, 69, OK),
                (ADD, 50, 2),
                (FINISH, 1, 7),
                (PDU, 0, response(7)),
            ],
        ),
    ];
    for (buffer, calls) in cases {
        let inputs: Vec<_> = calls
            .iter()
            .map(|&(id, argument, _)| (id, argument))
            .collect();
        let (mut device, _) = device_with(*buffer, &steps(&inputs, "mov %r0, -1"));
        let _ = owned(device.coap(&get("/"))).unwrap();
        for (key, &(id, argument, expected)) in calls.iter().enumerate() {
            let stored = device.fetch(KvScope::Global, key as u32);
            let case = format!("{id:#x}({argument}) is {key} of {calls:?}, {buffer} bytes");
            assert_eq!(stored.map(u32::cast_signed), Some(expected), "{case}");
        }
    }
}

#[test]
fn responses_without_a_payload() {
    let deleted = 2 << 5 | 2;
    for (calls, length, expected) in [
        // Started and no more.
        (&[(INIT, 66)][..], 4, Some(None)),
        (&[(INIT, 66)], 0, Some(None)),
        (&[(INIT, 66)], 5, None),
        (&[(INIT, 66), (FINISH, 0)], 4, Some(None)),
        (&[(INIT, 66), (FINISH, 0)], 5, None),
        (&[(INIT, 66), (ADD, 50)], 6, Some(Some(50))),
        (&[(INIT, 66), (ADD, 50), (FINISH, 0)], 64, None),
    ] {
        let source = steps(calls, &format!("mov %r0, {length}"));
        let (mut device, id) = device_with(64, &source);
        let reply = owned(device.coap(&get("/")));
        let expected = match expected {
            Some(format) => Ok((deleted, format, vec![])),
            None => invalid_result(id),
        };
        assert_eq!(reply, expected, "{calls:?} {length}");
    }
}

#[test]
fn the_smallest_buffers() {
    // No room for a payload: it may be empty, and cannot be written.
    let empty = steps(&[(INIT, 69), (FINISH, 1)], "mov %r0, 5");
    assert_eq!(answer(5, &empty), Ok((CONTENT, None, vec![])));
    let calls = [(INIT, 69), (FINISH, 1)];
    let write = "mov %r1, %r6\ncall 0x43\nstb [%r0], 1";
    let (mut device, id) = device_with(5, &steps(&calls, write));
    let reply = owned(device.coap(&get("/")));
    let Err(CoapError::Run(ran, RunError::Fault(fault))) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(ran, id);
    assert_eq!(fault.kind, FaultKind::InvalidWrite);
    assert_eq!(fault.address, at::GRANTED + 5);
    let (mut device, id) = device_with(5, &steps(&calls, "mov %r0, 6"));
    assert_eq!(owned(device.coap(&get("/"))), invalid_result(id));
}

/// The guest may overwrite its context and the whole buffer, and pass any
/// pointer for the context: the host follows none of it.
#[test]
fn the_host_does_not_read_its_pointers_back() {
    let scribble = |address: u64, length: u64| {
        format!(
            "lddw %r1, {address:#x}
            mov %r2, {length}
            mov %r3, %r1
        scribble{address}:
            stb [%r3], 0xff
            add %r3, 1
            sub %r2, 1
            jne %r2, 0, scribble{address}\n"
        )
    };
    // Context and packet are 40 bytes. Then a response as it should be, with
    // the context's address lost, and its head overwritten at the end.
    let source = scribble(at::CONTEXT, 40)
        + "mov %r1, -1\n"
        + &text_response("")
            .replace("mov %r6, %r1", "mov %r6, -1")
            .replace("exit", "")
        + &scribble(at::GRANTED, 6)
        + "mov %r0, 8\nexit";
    let expected = (CONTENT, Some(0), b"hi".to_vec());
    assert_eq!(answer(64, &source), Ok(expected));
    // Once more in between every two steps.
    let again = scribble(at::CONTEXT, 40).replace("33554432", "again");
    let source = text_response(&format!("{again}mov %r0, 8"));
    let expected = (CONTENT, Some(0), b"hi".to_vec());
    assert_eq!(answer(64, &source), Ok(expected));
}

#[test]
fn the_context_leads_to_payload_and_buffer() {
    // Offsets in the context: packet, buffer, its length; in the packet:
    // payload, its length. The answer is a digit of the request's payload.
    let source = "
        ldxdw %r2, [%r1]
        ldxw %r3, [%r2+8]
        ldxh %r4, [%r2+12]
        mov %r0, 0
        jeq %r4, 0, +3
        add %r3, %r4
        ldxb %r0, [%r3-1]
        sub %r0, 48
        exit";
    let (mut device, _) = device_with(64, source);
    for (payload, answer) in [(&b"1"[..], "1"), (b"12345", "5"), (b"", "0")] {
        let request = CoapRequest {
            payload,
            ..get("/")
        };
        assert_eq!(device.coap(&request).unwrap().payload, answer.as_bytes());
    }
    for (field, expected) in [(8, at::GRANTED), (16, 64)] {
        let source = format!("ldxdw %r0, [%r1+{field}]\nexit");
        let reply = answer(64, &source).unwrap();
        assert_eq!(reply.2, expected.to_string().as_bytes());
    }
}

/// Answers with what a helper copies of the request, which is told that there
/// is room for so many bytes.
fn copying(helper: u32, length: u64) -> String {
    text_response(&format!(
        "mov %r1, %r6
        call 0x43
        mov %r1, %r0
        mov %r2, {length}
        call {helper}
        add %r0, %r7"
    ))
}

#[test]
fn a_container_sees_method_path_and_query() {
    let method = "call 0x44\nexit";
    for code in 1..=7 {
        let (mut device, _) = device_with(64, method);
        let request = CoapRequest { code, ..get("/") };
        let reply = device.coap(&request).unwrap();
        assert_eq!(reply.payload, code.to_string().as_bytes());
    }
    for (helper, query, expected) in [
        (0x45, &b"x=1"[..], &b"/a/path"[..]),
        (0x46, b"x=1", b"x=1"),
        (0x46, b"\xff&\0", b"\xff&\0"),
        (0x46, b"", b""),
    ] {
        let length = expected.len() as u64;
        for length in [length, length + 1, 50] {
            let (mut device, id) = device_with(64, &copying(helper, length));
            device.unbind("/", None);
            device.bind("/a/path", id).unwrap();
            let request = CoapRequest {
                query,
                ..get("/a/path")
            };
            assert_eq!(device.coap(&request).unwrap().payload, expected);
        }
    }
}

#[test]
fn a_container_sees_whether_it_is_observed() {
    let source = "call 0x47\nexit";
    for (observe, expected) in [
        (Some(0), Ok((CONTENT, Some(0), b"0".to_vec()))),
        (Some(1), Ok((CONTENT, Some(0), b"1".to_vec()))),
        // -ENOENT is no code of an error.
        (None, Ok((5 << 5, None, vec![]))),
    ] {
        let (mut device, _) = device_with(64, source);
        let request = CoapRequest {
            observe,
            ..get("/")
        };
        assert_eq!(owned(device.coap(&request)), expected);
    }
    // A result is no response that was made to be observed.
    let (mut device, _) = device_with(64, source);
    let request = CoapRequest {
        observe: Some(0),
        ..get("/")
    };
    assert!(!device.coap(&request).unwrap().is_observable);
}

/// Starts a response of this code, and calls helpers with the context and 69.
fn observing(code: u8, helpers: &[u32]) -> String {
    let calls = helpers
        .iter()
        .map(|id| format!("mov %r1, %r6\nmov %r2, 69\ncall {id}\n"));
    let calls: String = calls.collect();
    format!("mov %r6, %r1\nmov %r2, {code}\ncall 0x40\n{calls}mov %r0, 0\nexit")
}

#[test]
fn what_may_be_observed_says_the_response() {
    let (observe, format, finish) = (0x48, 0x42, 0x41);
    let observable = |code, helpers: &[u32]| answer_is_observable(&observing(code, helpers));
    assert!(!observable(CONTENT, &[]));
    assert!(!observable(CONTENT, &[format, finish]));
    assert!(observable(CONTENT, &[observe]));
    assert!(observable(CONTENT, &[observe, format, finish]));
    // Another response is begun.
    assert!(!observable(CONTENT, &[observe, 0x40]));
    // Once only, before Content-Format, and before the end of the options.
    assert!(observable(CONTENT, &[observe, observe]));
    assert!(!observable(CONTENT, &[format, observe]));
    assert!(!observable(CONTENT, &[finish, observe]));
    // Errors end observations.
    for code in [4 << 5 | 4, 5 << 5 | 3] {
        assert!(!observable(code, &[observe]));
    }
    // A format of two bytes takes all the room, or has none.
    let (mut device, _) = device_with(6, &observing(CONTENT, &[format, observe]));
    assert!(!device.coap(&get("/")).unwrap().is_observable);
    let (mut device, _) = device_with(5, &observing(CONTENT, &[format, observe]));
    assert!(device.coap(&get("/")).unwrap().is_observable);
    // No response is begun.
    assert!(!answer_is_observable("call 0x48\nmov %r0, 0\nexit"));
}

fn answer_is_observable(source: &str) -> bool {
    let (mut device, _) = device_with(64, source);
    device.coap(&get("/")).unwrap().is_observable
}

#[test]
fn the_option_stands_in_the_container_s_buffer() {
    // Header, Observe, Content-Format by its distance from it, marker.
    let source = "mov %r6, %r1
        mov %r2, 69
        call 0x40
        mov %r1, %r6
        call 0x48
        mov %r7, %r0
        mov %r1, %r6
        mov %r2, 60
        call 0x42
        add %r7, %r0
        mov %r1, %r6
        mov %r2, 1
        call 0x41
        jne %r0, 8, +11
        jne %r7, 3, +10
        ldxdw %r3, [%r6+8]
        ldxb %r4, [%r3+4]
        jne %r4, 0x60, +7
        ldxb %r4, [%r3+5]
        jne %r4, 0x61, +5
        ldxb %r4, [%r3+6]
        jne %r4, 60, +3
        ldxb %r4, [%r3+7]
        jne %r4, 0xff, +1
        exit
        mov %r0, -1
        exit";
    let expected = Ok((CONTENT, Some(60), vec![]));
    assert_eq!(answer(64, source), expected);
}

#[test]
fn a_request_goes_where_there_is_room() {
    let run = |address: &str, length: i32| {
        let source =
            format!("mov %r1, {address}\nmov %r2, {length}\ncall 0x46\nadd %r0, 100\nexit");
        let (mut device, id) = device_with(64, &source);
        let request = CoapRequest {
            query: b"query",
            ..get("/")
        };
        (owned(device.coap(&request)), id)
    };
    let error = (100 - Errno::NoSpace.to_guest().abs()).to_string();
    for length in [0, 4] {
        let (reply, _) = run("%r10", length);
        assert_eq!(reply.unwrap().2, error.as_bytes(), "{length}");
    }
    for (address, length) in [("0", 5), ("%r10", -1), ("-1", 5)] {
        let (reply, id) = run(address, length);
        let Err(CoapError::Run(app, RunError::Fault(fault))) = reply else {
            panic!("{address}: {reply:?}");
        };
        assert_eq!(
            (app, fault.kind),
            (id, FaultKind::InvalidWrite),
            "{address}"
        );
    }
}

#[test]
fn the_requests_payload_is_read_only() {
    let source = "
        ldxdw %r2, [%r1]
        ldxw %r3, [%r2+8]
        stb [%r3], 1
        exit";
    let (mut device, id) = device_with(64, source);
    let request = CoapRequest {
        payload: b"x",
        ..get("/")
    };
    let fault = Fault {
        kind: FaultKind::InvalidWrite,
        pc: 2,
        address: at::GRANTED + 0x100_0000,
    };
    let expected = Err(CoapError::Run(id, RunError::Fault(fault)));
    assert_eq!(owned(device.coap(&request)), expected);
}

/// The first of several that answers; one that does not, and returns 0, lets the next.
#[test]
fn several_on_a_path() {
    let text = text_response("mov %r0, 8");
    let started = text_response("mov %r0, 0");
    let (hi, empty) = ((Some(0), "hi"), (Some(0), ""));
    let number = |number| (Some(0), number);
    for (sources, runs, (format, payload), code) in [
        (["mov %r0, 0\nexit", &text, "exit"], [1, 1, 0], hi, CONTENT),
        (
            ["mov %r0, 0\nexit", "mov %r0, 0\nexit", "mov %r0, 3\nexit"],
            [1, 1, 1],
            number("3"),
            CONTENT,
        ),
        (["mov %r0, 0\nexit"; 3], [1, 1, 1], number("0"), CONTENT),
        (
            ["mov %r0, 5\nexit", &text, "exit"],
            [1, 0, 0],
            number("5"),
            CONTENT,
        ),
        ([&started, &text, "exit"], [1, 0, 0], empty, CONTENT),
        (
            ["mov %r0, -131\nexit", &text, "exit"],
            [1, 0, 0],
            (None, ""),
            4 << 5 | 3,
        ),
        // Only the lower half counts.
        (
            ["lddw %r0, 0x100000000\nexit", &text, "exit"],
            [1, 1, 0],
            hi,
            CONTENT,
        ),
    ] {
        let mut device = device();
        for (name, source) in ["a", "b", "c"].into_iter().zip(sources) {
            let id = app(source).install(&mut device, name);
            assert_eq!(device.bind("/x", id), Ok(()));
            assert_eq!(device.bind("/x", id), Err(BindError::Taken));
        }
        let expected = (code, format, payload.as_bytes().to_vec());
        assert_eq!(owned(device.coap(&get("/x"))), Ok(expected), "{sources:?}");
        let ran: Vec<_> = device.apps().map(|info| info.counters.runs).collect();
        assert_eq!(ran, runs, "{sources:?}");
        let events: Vec<_> = device.binding_events().collect();
        assert_eq!(events, runs, "{sources:?}");
    }
}

/// Whoever lets requests through may be a guard: where it fails, nobody gets past it.
#[test]
fn none_is_passed_over() {
    let mut device = device();
    let guard = app("ldxdw %r0, [%r0]\nexit").install(&mut device, "guard");
    let guarded = app("mov %r0, 7\nexit").install(&mut device, "guarded");
    device.bind("/x", guard).unwrap();
    device.bind("/x", guarded).unwrap();
    device.set_fault_limit(2);
    for quarantined in [false, false, true] {
        let Err(CoapError::Run(by, error)) = device.coap(&get("/x")) else {
            panic!("passed");
        };
        assert_eq!(by, guard);
        assert_eq!(error == RunError::Quarantined, quarantined, "{error:?}");
    }
    assert_eq!(device.bound("/x").collect::<Vec<_>>(), [guard, guarded]);
    // In its place, and still the first.
    let open = app("mov %r0, 0\nexit").image();
    let guard = device.replace(guard, &open, Capabilities::all()).unwrap();
    assert_eq!(device.bound("/x").collect::<Vec<_>>(), [guard, guarded]);
    assert_eq!(owned(device.coap(&get("/x"))).unwrap().2, b"7");
    assert!(device.unbind("/x", Some(guard)));
    assert_eq!(owned(device.coap(&get("/x"))).unwrap().2, b"7");
    assert!(device.unbind("/x", None));
    assert_eq!(owned(device.coap(&get("/x"))), Err(CoapError::NotFound));
}

/// A path runs no container twice, whatever it does to the store meanwhile, and what
/// one has written into its response is seen by no other.
#[test]
fn responses_are_not_passed_on() {
    let mut device = device();
    let scribbles = "
        ldxdw %r2, [%r1+8]
        stdw [%r2], -1
        stdw [%r2+8], -1
        mov %r0, 0
        exit";
    let looks = "
        ldxdw %r2, [%r1+8]
        ldxdw %r0, [%r2]
        ldxdw %r3, [%r2+8]
        or %r0, %r3
        add %r0, 1
        exit";
    for (name, source) in [("scribbles", scribbles), ("looks", looks)] {
        let id = app(source).install(&mut device, name);
        device.bind("/x", id).unwrap();
    }
    assert_eq!(owned(device.coap(&get("/x"))).unwrap().2, b"1");
}

/// Paths stand in links as they are (RFC 6690), so nothing in them ends one, begins
/// another, or makes whoever follows it end up elsewhere.
#[test]
fn paths_that_are_links() {
    let mut device = device();
    let app = app("mov %r0, 1\nexit").install(&mut device, "app");
    for byte in 0..=0x7f_u8 {
        let path = format!("/a{}b", char::from(byte));
        let sound = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+=:@/".contains(&byte);
        let expected = if sound {
            Ok(())
        } else {
            Err(BindError::Target)
        };
        assert_eq!(device.bind(&path, app), expected, "{path:?}");
        device.unbind(&path, None);
    }
    for path in [
        "/x>,</other>;rt=\"temp\"",
        "//host/x",
        "//",
        "///",
        "/.",
        "/..",
        "/a/../b",
        "/a/./b",
        "/a/..",
    ] {
        assert_eq!(device.bind(path, app), Err(BindError::Target), "{path}");
    }
    for path in ["/", "/a//b", "/a/", "/a..b", "/...", "/.a/b."] {
        assert_eq!(device.bind(path, app), Ok(()), "{path}");
        device.unbind(path, None);
    }
}

#[test]
fn bindings() {
    let mut device = device();
    let first = app("mov %r0, 1\nexit").install(&mut device, "first");
    let second = app("mov %r0, 2\nexit").install(&mut device, "second");
    let longest = format!("/{}", "x".repeat(31));
    let too_long = format!("/{}", "x".repeat(32));
    for path in ["", "/ ", " /x", &too_long] {
        assert_eq!(device.bind(path, first), Err(BindError::Target), "{path}");
    }
    assert_eq!(device.bindings().count(), 0);
    assert_eq!(device.bind("/a", first), Ok(()));
    assert_eq!(device.bind("/a", first), Err(BindError::Taken));
    assert_eq!(device.bind(&longest, second), Ok(()));
    assert_eq!(device.bind("/", second), Ok(()));
    assert_eq!(device.bind("/b", second), Err(BindError::Full));

    let mut answer = |path| owned(device.coap(&get(path))).map(|reply| reply.2);
    assert_eq!(answer("/a"), Ok(b"1".to_vec()));
    assert_eq!(answer("/"), Ok(b"2".to_vec()));
    assert_eq!(answer(&longest), Ok(b"2".to_vec()));
    // Paths are compared as they are.
    for path in ["", "a", "/A", "/a/", "//a", "/b", &too_long] {
        assert_eq!(answer(path), Err(CoapError::NotFound), "{path}");
    }

    assert!(!device.unbind("/a", Some(second)), "it is the first's");
    assert!(device.unbind("/a", Some(first)));
    assert!(!device.unbind("/a", None));
    assert!(!device.unbind("/b", None));
    assert_eq!(device.bound("/a").next(), None);
    assert_eq!(device.bound("/").next(), Some(second));
    assert_eq!(device.bind("/b", first), Ok(()), "there is room again");
    assert!(device.remove(first));
    assert!(!device.unbind("/b", None), "gone with its container");
    assert_eq!(device.bind("/b", first), Err(BindError::UnknownApp));
}
