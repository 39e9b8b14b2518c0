// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests of containers, and their answers.

use rbpf_abi::image::ImageBuffer;
use rbpf_abi::{Capabilities, Errno, Helper};
use rbpf_runtime::{
    Allowance, AppId, BindError, CoapAnswer, Hook, KvScope, Memory, RunError, Runtime, Services,
    is_automatic,
};
use rbpf_vm::FaultKind;

use crate::support::*;

/// Calls the helper with these arguments; the path is that of the rodata. What comes
/// of it, and what the services are asked.
fn request(path: &[u8], arguments: [u64; 5]) -> (Result<u64, RunError>, Vec<Call>) {
    let mut device = device();
    let source = format!(
        "{}call {}\nexit",
        self::arguments(&arguments),
        Helper::CoapRequest.id()
    );
    let id = App {
        rodata: path,
        ..app(&source)
    }
    .install(&mut device, "app");
    (run(&mut device, id), device.services().take())
}

/// A POST without payload.
fn post(path: &[u8]) -> (Result<u64, RunError>, Vec<Call>) {
    request(path, [COLLECTOR.into(), 2, at::RODATA, at::RODATA, 0])
}

/// Path and query of the only request.
fn parts(calls: &[Call]) -> (Vec<String>, Vec<String>) {
    let [Call::Request(request)] = calls else {
        panic!("{calls:?}");
    };
    let texts = |parts: &[Vec<u8>]| {
        let texts = parts.iter().map(|part| String::from_utf8(part.clone()));
        texts.map(|text| text.expect("ASCII")).collect()
    };
    (texts(&request.path), texts(&request.query))
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(String::from).collect()
}

#[test]
fn paths() {
    let longest = format!("/{}?{}", "p".repeat(255), "q".repeat(255));
    for (uri, path, query) in [
        ("/", vec![], vec![]),
        ("/a", vec!["a"], vec![]),
        ("/a/b", vec!["a", "b"], vec![]),
        // As RFC 7252 has it (section 6.4).
        ("/a/", vec!["a", ""], vec![]),
        ("//", vec!["", ""], vec![]),
        ("/?", vec![], vec![]),
        ("/a?b", vec!["a"], vec!["b"]),
        ("/?b&c=/?&", vec![], vec!["b", "c=/?", ""]),
        ("/%41", vec!["%41"], vec![]),
        (&longest, vec![&longest[1..256]], vec![&longest[257..]]),
    ] {
        let (result, calls) = post(format!("{uri}\0").as_bytes());
        assert_eq!(result, Ok(NUMBER.into()), "{uri}");
        assert_eq!(parts(&calls), (owned(path), owned(query)), "{uri}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    let long = |before: &str| format!("{before}{}\0", "x".repeat(256)).into_bytes();
    for path in [
        b"\0".to_vec(),
        b"a\0".to_vec(),
        b"?\0".to_vec(),
        b"?/a\0".to_vec(),
        b"/a b\0".to_vec(),
        b"/a\n\0".to_vec(),
        b"/\x7f\0".to_vec(),
        b"/\xc3\xa4\0".to_vec(),
        b"/\xff\0".to_vec(),
        b"coap://host/\0".to_vec(),
        long("/"),
        long("/a/"),
        long("/?"),
        long("/a?b&"),
    ] {
        let (result, calls) = post(&path);
        assert_eq!(result, Ok(errno(Errno::Invalid)), "{path:?}");
        assert_eq!(calls, [], "{path:?}: the services never see it");
    }
    let unterminated = post(b"/a").0;
    let address = at::RODATA;
    assert_eq!(
        unterminated,
        fault(FaultKind::UnterminatedString, 10, address)
    );
}

#[test]
fn what_is_no_method_or_remote_is_refused() {
    let no_device = errno(Errno::NoDevice);
    for (remote, method, result, is_asked) in [
        (COLLECTOR.into(), 1, NUMBER.into(), true),
        (COLLECTOR.into(), 7, NUMBER.into(), true),
        // The upper half of a register is ignored.
        (
            1 << 32 | u64::from(COLLECTOR),
            1 << 32 | 1,
            NUMBER.into(),
            true,
        ),
        (COLLECTOR.into(), 0, errno(Errno::Invalid), false),
        (COLLECTOR.into(), 8, errno(Errno::Invalid), false),
        (COLLECTOR.into(), 0x45, errno(Errno::Invalid), false),
        (COLLECTOR.into(), 0x101, errno(Errno::Invalid), false),
        (COLLECTOR.into(), u64::MAX, errno(Errno::Invalid), false),
        (UNREACHABLE.into(), 1, errno(Errno::InputOutput), true),
        (0, 1, no_device, true),
        // Other indices are not cut off: the services never see them.
        (0x1_0000 | u64::from(COLLECTOR), 1, no_device, false),
        (no_device, 1, no_device, false),
    ] {
        let (actual, calls) = request(b"/a\0", [remote, method, at::RODATA, at::RODATA, 0]);
        assert_eq!(actual, Ok(result), "{remote:#x} {method:#x}");
        assert_eq!(!calls.is_empty(), is_asked, "{remote:#x} {method:#x}");
    }
}

#[test]
fn a_request_costs_a_thousand_instructions() {
    let source = format!(
        "{}call {}\nexit",
        arguments(&[COLLECTOR.into(), 1, at::RODATA, at::RODATA, 0]),
        Helper::CoapRequest.id()
    );
    let image = App {
        rodata: b"/a\0",
        ..app(&source)
    }
    .image();
    let image = ImageBuffer::copy_from(&image);
    let all = Capabilities::all();
    let report = device().execute(image.bytes(), all, &mut [], &mut [], 10_000);
    let report = report.expect("sound");
    assert_eq!(report.outcome, Ok(NUMBER.into()));
    assert_eq!((report.instructions, report.cost), (7, 7 + 8 + 1000));
}

#[test]
fn who_may_not_ask_is_not_installed() {
    let source = format!("{}call 0x4a\nexit", arguments(&[0; 5]));
    let others = Capabilities::all() - Capabilities::COAP_REQUEST;
    let image = app(&source).image();
    device()
        .install("app", &image, others)
        .expect_err("the helper is not granted");
}

/// Services without a client.
struct Plain;

impl Services for Plain {
    fn now_ms(&mut self) -> u32 {
        0
    }

    fn now_us(&mut self) -> u32 {
        0
    }

    fn random(&mut self) -> u32 {
        0
    }

    fn log(&mut self, _: &str, text: &[u8]) -> usize {
        text.len()
    }
}

#[test]
fn hosts_without_a_client_say_so() {
    for (helper, arguments) in [
        (Helper::CoapFindRemote, vec![at::RODATA, 1]),
        (Helper::CoapRequest, vec![0, 1, at::RODATA, at::RODATA, 0]),
        (
            Helper::CoapRequest,
            vec![0, 0, at::RODATA + 1, at::RODATA, 0],
        ),
    ] {
        let source = format!("{}call {}\nexit", self::arguments(&arguments), helper.id());
        let image = App {
            rodata: b"/a\0",
            ..app(&source)
        }
        .image();
        let memory = Memory {
            images: [buffer(4096)],
            stack: buffer(512),
            data: buffer(64),
            response: buffer(64),
        };
        let mut device = Runtime::<_, 1, 1, 2>::new(Plain, memory);
        let id = device
            .install("app", &image, Capabilities::all())
            .expect("sound");
        let result = device.run(id, &mut [], &mut [], 10_000);
        assert_eq!(
            result,
            Ok(errno(Errno::NotSupported)),
            "{helper:?} {arguments:x?}"
        );
    }
}

/// Stores the fields of the context under 0 to 5, the length of r1's memory under 6,
/// and the first byte of the payload, if there is one, under 7.
fn keep() -> String {
    let store = |key: u32, value: &str| {
        format!(
            "{value}\nmov %r1, {key}\ncall {}\n",
            Helper::StoreLocal.id()
        )
    };
    let mut source = "mov %r6, %r1\nmov %r7, %r2\n".to_owned();
    for (key, offset) in [0, 8, 12, 16, 20].into_iter().enumerate() {
        source += &store(key as u32, &format!("ldxw %r2, [%r6+{offset}]"));
    }
    source += &store(6, "mov %r2, %r7");
    source += "ldxw %r2, [%r6+8]\njeq %r2, 0, end\nldxdw %r3, [%r6]\n";
    source += &store(7, "ldxb %r2, [%r3]");
    source + "end:\nmov %r0, 0\nexit"
}

fn answer(app: AppId, outcome: Result<u8, Errno>, payload: &[u8]) -> CoapAnswer<'_> {
    CoapAnswer {
        app,
        number: NUMBER,
        outcome,
        payload,
        is_truncated: payload.len() > 1,
    }
}

fn kept(device: &Device, app: AppId, keys: std::ops::Range<u32>) -> Vec<u32> {
    keys.map(|key| {
        device
            .fetch(KvScope::Local(app.slot()), key)
            .unwrap_or(0xdead)
    })
    .collect()
}

#[test]
fn an_answer_runs_the_container_that_asked() {
    let mut device = device();
    let id = app(&keep()).install(&mut device, "app");
    let other = app(&keep()).install(&mut device, "other");
    assert_eq!(device.bind("answer", other), Ok(()));
    assert!(!device.answer(&answer(id, Ok(0x44), b"")), "not bound");
    assert_eq!(device.bind("answer", id), Ok(()));
    assert_eq!(device.bind("answer", id), Err(BindError::Taken));

    assert!(device.answer(&answer(id, Ok(0x45), b"xy")));
    let address = at::GRANTED as u32;
    let expected = [address, 2, NUMBER, 0x45, 1, 0xdead, 24, 0x78];
    assert_eq!(kept(&device, id, 0..8), expected);
    for error in [Errno::TimedOut, Errno::InputOutput] {
        assert!(device.answer(&answer(id, Err(error), b"")));
        let expected = [address, 0, NUMBER, error.to_guest() as u32, 0];
        assert_eq!(kept(&device, id, 0..5), expected);
    }
    let runs = |name| {
        let mut apps = device.apps();
        apps.find(|info| info.name == name)
            .map(|info| info.counters.runs)
    };
    assert_eq!((runs("app"), runs("other")), (Some(3), Some(0)));
    assert_eq!(device.binding_events().collect::<Vec<_>>(), [0, 3]);
}

#[test]
fn nobody_else_can_have_it() {
    let mut device = device();
    let id = app("mov %r0, 0\nexit").install(&mut device, "app");
    assert!(is_automatic("answer"));
    device.bind("answer", id).expect("it may ask");
    // Neither a hook nor a path leads there.
    let hook = Hook::new("answer");
    assert_eq!(device.trigger(&hook, &mut [], &mut [], 100).runs, 0);
    assert_eq!(device.bound("answer").next(), None);
    device.coap(&get("answer")).expect_err("no path");

    let deaf = App {
        wants: Capabilities::all() - Capabilities::COAP_REQUEST,
        ..app("mov %r0, 0\nexit")
    }
    .install(&mut device, "deaf");
    assert_eq!(device.bind("answer", deaf), Err(BindError::Denied));
    for hook in ["answers", "answer:", "Answer"] {
        assert!(!is_automatic(hook), "{hook}");
    }
}

#[test]
fn the_payload_can_only_be_read() {
    let mut device = device();
    let source = "ldxdw %r3, [%r1]\nstb [%r3], 1\nexit";
    let id = app(source).install(&mut device, "app");
    device.bind("answer", id).expect("it may ask");
    assert!(device.answer(&answer(id, Ok(0x45), b"xyz")));
    let info = device.apps().next().expect("it is there");
    let last = info.last_fault.map(|fault| (fault.kind, fault.address));
    assert_eq!(last, Some((FaultKind::InvalidWrite, at::GRANTED)));
}

#[test]
fn a_successor_gets_no_answer_of_its_predecessor() {
    let mut device = device();
    let old = app(&keep()).install(&mut device, "app");
    device.bind("answer", old).expect("it may ask");
    let image = ImageBuffer::copy_from(&app(&keep()).image());
    let new = device
        .replace(old, image.bytes(), Capabilities::all())
        .expect("sound");
    assert!(!device.answer(&answer(old, Ok(0x45), b"x")), "not its own");
    assert_eq!(kept(&device, new, 0..1), [0xdead]);
    assert!(device.answer(&answer(new, Ok(0x45), b"x")), "still bound");

    assert!(device.remove(new));
    assert!(!device.answer(&answer(new, Ok(0x45), b"x")), "gone");
    let third = app(&keep()).install(&mut device, "app");
    assert_eq!(third.slot(), new.slot());
    device.bind("answer", third).expect("it may ask");
    assert!(!device.answer(&answer(new, Ok(0x45), b"x")), "gone");
    assert!(!device.answer(&answer(old, Ok(0x45), b"x")), "gone");
}

#[test]
fn what_may_not_run_loses_its_answer() {
    let mut device = device();
    device.set_fault_limit(1);
    let id = app("ldxb %r0, [%r0]\nexit").install(&mut device, "app");
    device.bind("answer", id).expect("it may ask");
    for _ in 0..2 {
        assert!(device.answer(&answer(id, Ok(0x45), b"x")));
    }
    let counters = device.apps().next().expect("it is there").counters;
    assert_eq!((counters.runs, counters.faults), (1, 1), "in quarantine");
    assert_eq!(device.binding_events().collect::<Vec<_>>(), [2]);
}

/// A tenant's right decides, as for any other helper.
#[test]
fn tenants_ask_if_they_may() {
    let memory = Memory {
        images: [buffer(4096), buffer(4096)],
        stack: buffer(512),
        data: buffer(64),
        response: buffer(64),
    };
    let mut device = Runtime::<_, 2, 2, 3, _, 1>::new(Recording::default(), memory);
    let allowance = Allowance {
        capabilities: Capabilities::all() - Capabilities::COAP_REQUEST,
        slots: 2,
        bindings: 2,
        values: 1,
        paused: 0,
        rate: 0,
    };
    let tenant = device.add_tenant("alice", allowance).expect("the first");
    let image = app("mov %r0, 0\nexit").image();
    let id = device
        .install_for(tenant, "app", &image, Capabilities::all())
        .expect("calls nothing");
    assert_eq!(device.bind("answer", id), Err(BindError::Denied));
}
