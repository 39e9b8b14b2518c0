// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every helper of the table, as it should be used and as it should not
//! (design, section 6, item 11).

use rbpf_abi::context::Phydat;
use rbpf_abi::helpers::{ArgumentKind, Extent, HELPERS};
use rbpf_abi::{Errno, Helper};
use rbpf_runtime::{Grant, RunError};
use rbpf_vm::{FaultKind, Rights};
use zerocopy::{FromBytes, IntoBytes};

use crate::support::*;

/// What a helper gets, returns and asks of the services, when all is well.
struct Use {
    arguments: &'static [u64],
    result: u64,
    calls: Vec<Call>,
    /// What the 64 bytes of context begin with afterwards.
    context: Vec<u8>,
}

/// The context of all calls here: 64 bytes that count up.
fn context() -> [u8; 64] {
    std::array::from_fn(|index| index as u8)
}

/// A name, and a path.
const TEXT: &[u8] = b"hello\0/a/b?c=1\0";
/// Where the path is.
const PATH: u64 = at::RODATA + 6;

fn good_use(helper: Helper) -> Use {
    let plain = |arguments, result, calls| Use {
        arguments,
        result,
        calls,
        context: context().to_vec(),
    };
    let writing = |arguments, result, calls, context: &[u8]| Use {
        arguments,
        result,
        calls,
        context: context.to_vec(),
    };
    match helper {
        Helper::Printf => plain(
            &[at::RODATA],
            0,
            vec![Call::Log("app".into(), b"hello".to_vec())],
        ),
        Helper::Memcpy => writing(
            &[at::CONTEXT + 1, at::RODATA, 5],
            at::CONTEXT + 1,
            vec![],
            b"\0hello\x06\x07",
        ),
        Helper::StoreLocal | Helper::StoreGlobal | Helper::StoreTenant => plain(&[7, 8], 0, vec![]),
        Helper::FetchLocal | Helper::FetchGlobal | Helper::FetchTenant => {
            writing(&[7, at::CONTEXT + 2], 0, vec![], &[0, 1, 0, 0, 0, 0, 6])
        }
        Helper::NowMs => plain(&[], 0xffff_fff0, vec![Call::NowMs]),
        // Not bound to an alarm; bound in timers.rs.
        Helper::TimerSet => plain(&[1], errno(Errno::NoEntry), vec![]),
        Helper::ZtimerNow => plain(&[], 0xffff_fff1, vec![Call::NowUs]),
        Helper::Random => plain(&[], 0xffff_fff2, vec![Call::Random]),
        Helper::SaulRegFindNth => plain(&[1], LAMP.into(), vec![Call::FindNth(1)]),
        Helper::SaulRegFindType => plain(&[0x82], THERMOMETER.into(), vec![Call::FindType(0x82)]),
        Helper::SaulRegRead => writing(
            &[THERMOMETER as u64, at::CONTEXT],
            2,
            vec![Call::Read(THERMOMETER)],
            &[0x29, 0x09, 0xfe, 0xff, 0, 0, 2, 0xfe, 8, 9],
        ),
        Helper::SaulRegWrite => {
            let mut value = reading();
            value.as_mut_bytes().copy_from_slice(&context()[3..11]);
            plain(
                &[LAMP as u64, at::CONTEXT + 3],
                1,
                vec![Call::Write(LAMP, value)],
            )
        }
        // Without a request; with one in coap.rs.
        Helper::GcoapRespInit => plain(&[0, 69], errno(Errno::NotSupported), vec![]),
        Helper::CoapOptFinish => plain(&[0, 1], errno(Errno::NotSupported), vec![]),
        Helper::CoapAddFormat => plain(&[0, 0], errno(Errno::NotSupported), vec![]),
        Helper::CoapGetPdu => plain(&[0], 0, vec![]),
        Helper::CoapGetMethod => plain(&[], 0, vec![]),
        Helper::CoapGetObserve => plain(&[], errno(Errno::NotSupported), vec![]),
        Helper::CoapAddObserve => plain(&[0], errno(Errno::NotSupported), vec![]),
        Helper::CoapNotify => plain(&[], 0, vec![Call::Changed(0)]),
        Helper::CoapGetPath | Helper::CoapGetQuery => {
            plain(&[at::CONTEXT, 8], errno(Errno::NotSupported), vec![])
        }
        Helper::CoapFindRemote => plain(
            &[at::RODATA, 5],
            COLLECTOR.into(),
            vec![Call::FindRemote(b"hello".to_vec())],
        ),
        Helper::CoapRequest => plain(
            &[COLLECTOR as u64, 2, PATH, at::CONTEXT + 1, 5],
            NUMBER.into(),
            vec![Call::Request(Request {
                slot: 0,
                remote: COLLECTOR,
                code: 2,
                path: vec![b"a".to_vec(), b"b".to_vec()],
                query: vec![b"c=1".to_vec()],
                payload: vec![1, 2, 3, 4, 5],
            })],
        ),
        // The upper bits of a narrow argument are ignored.
        Helper::FmtS16Dfp => writing(
            &[at::CONTEXT, 0xffff_ffff_0000_ffff, 0x1_ffff_fffe],
            5,
            vec![],
            b"-0.01\x05",
        ),
        Helper::FmtU32Dec => writing(&[at::CONTEXT, 0x1_ffff_ffff], 10, vec![], b"4294967295\x0a"),
        Helper::FmtSenml => writing(
            &[at::CONTEXT, 8, at::RODATA, at::CONTEXT + 8, 2],
            3,
            vec![Call::Senml(
                "hello".into(),
                Phydat::read_from_bytes(&context()[8..16]).unwrap(),
                2,
            )],
            &[0x9f, 2, 0xff, 3, 4, 5, 6, 7, 8, 9],
        ),
        Helper::GpioFind => plain(
            &[at::RODATA, 5],
            BUTTON.into(),
            vec![Call::FindPin(b"hello".to_vec())],
        ),
        Helper::GpioRead => plain(&[BUTTON as u64], 1, vec![Call::ReadPin(BUTTON)]),
        Helper::GpioWrite => plain(&[LED as u64, 1], 0, vec![Call::WritePin(LED, true)]),
    }
}

/// Calls a helper with the context, [`TEXT`] as rodata, and a region of 8
/// bytes that can only be written.
fn call(helper: Helper, values: &[u64]) -> (Result<u64, RunError>, [u8; 64], Vec<Call>) {
    let source = format!("{}call {}\nexit", arguments(values), helper.id());
    let mut device = device();
    let id = App {
        rodata: TEXT,
        ..app(&source)
    }
    .install(&mut device, "app");
    let mut context = context();
    let mut write_only = [0; 8];
    let granted = &mut [Grant::Write(&mut write_only, Rights::Write)];
    let result = device.run(id, &mut context, granted, 10_000);
    (result, context, device.services().take())
}

#[test]
fn every_helper_does_what_it_should() {
    for info in HELPERS {
        let expected = good_use(info.helper);
        let (result, context, calls) = call(info.helper, expected.arguments);
        assert_eq!(result, Ok(expected.result), "{}", info.name);
        assert_eq!(calls, expected.calls, "{}", info.name);
        let (begin, rest) = context.split_at(expected.context.len());
        assert_eq!(begin, expected.context, "{}", info.name);
        assert_eq!(
            rest,
            &self::context()[begin.len()..],
            "{}: nothing else",
            info.name
        );
    }
}

/// Addresses where no `length` bytes can be read, or written.
fn bad_addresses(writing: bool, length: u64) -> Vec<u64> {
    let upper = 1 << 32;
    let mut all = vec![
        0,
        1,
        0xff_ffff,
        at::STACK - 1,
        at::STACK + 512,
        at::CONTEXT - 1,
        at::CONTEXT + 64,
        at::CONTEXT + 64 - length + 1,
        at::DATA,
        at::UNMAPPED,
        0x800_0000,
        0xffff_ffff,
        at::CONTEXT | upper,
        at::STACK | upper << 31,
        u64::MAX,
        u64::MAX - length + 1,
        // Only one of the two rights.
        if writing { at::RODATA } else { at::GRANTED },
    ];
    all.sort_unstable();
    all.dedup();
    all
}

/// For each address that a helper takes, all others being good.
#[test]
fn bad_addresses_are_faults_with_that_address() {
    for info in HELPERS {
        for (position, argument) in info.arguments.iter().enumerate() {
            let (writing, length) = match argument.kind {
                ArgumentKind::Input(Extent::Bytes(length)) => (false, length),
                ArgumentKind::Output(Extent::Bytes(length)) => (true, length),
                // The length in `good_use`.
                ArgumentKind::Input(Extent::Argument(_)) => (false, 5),
                ArgumentKind::Output(Extent::Argument(_)) => (true, 5),
                ArgumentKind::String => (false, 1),
                ArgumentKind::Text(_) => (true, 5),
                _ => continue,
            };
            let kind = if writing {
                FaultKind::InvalidWrite
            } else {
                FaultKind::InvalidRead
            };
            for address in bad_addresses(writing, length.into()) {
                let mut values = good_use(info.helper).arguments.to_vec();
                values[position] = address;
                let pc = 2 * values.len() as u32;
                let (result, context, calls) = call(info.helper, &values);
                let case = format!("{}: {} = {address:#x}", info.name, argument.name);
                assert_eq!(result, fault(kind, pc, address), "{case}");
                assert_eq!(context, self::context(), "{case}: nothing is written");
                // The sensor may have been asked, nothing may have been told.
                let told = |call: &Call| {
                    matches!(
                        call,
                        Call::Log(..) | Call::Write(..) | Call::WritePin(..) | Call::Request(_)
                    )
                };
                assert!(!calls.iter().any(told), "{case}: {calls:?}");
            }
        }
    }
}

#[test]
fn handles_that_name_nothing_are_errors() {
    let no_device = Ok(errno(Errno::NoDevice));
    for helper in [Helper::SaulRegRead, Helper::SaulRegWrite] {
        for handle in [0, 0x1_0000, 0x1_0001, 1 << 32 | 1, u64::MAX] {
            let (result, context, calls) = call(helper, &[handle, at::CONTEXT]);
            assert_eq!(result, no_device, "{handle:#x}");
            assert_eq!(context, self::context());
            assert_eq!(calls, [], "the services never see it");
        }
        for handle in [4, 0xffff] {
            let (result, context, _) = call(helper, &[handle, at::CONTEXT]);
            assert_eq!(result, no_device, "{handle:#x}");
            assert_eq!(context, self::context());
        }
    }
}

#[test]
fn devices_that_fail_are_errors_and_write_nothing() {
    for (helper, handle, error) in [
        (Helper::SaulRegRead, LAMP, Errno::NotSupported),
        (Helper::SaulRegRead, BROKEN, Errno::InputOutput),
        (Helper::SaulRegWrite, THERMOMETER, Errno::NotSupported),
    ] {
        let (result, context, _) = call(helper, &[handle.into(), at::CONTEXT]);
        assert_eq!(result, Ok(errno(error)), "{helper:?}");
        assert_eq!(context, self::context());
    }
}

#[test]
fn searches_without_a_find_are_0() {
    for (helper, argument, calls) in [
        (Helper::SaulRegFindNth, 3, vec![Call::FindNth(3)]),
        (
            Helper::SaulRegFindNth,
            0x7fff_ffff,
            vec![Call::FindNth(0x7fff_ffff)],
        ),
        (Helper::SaulRegFindNth, u64::MAX, vec![]),
        (Helper::SaulRegFindNth, 0x8000_0000, vec![]),
        (Helper::SaulRegFindType, 0x83, vec![Call::FindType(0x83)]),
        // A class has 8 bits; more are not cut off.
        (Helper::SaulRegFindType, 0x182, vec![]),
        (Helper::SaulRegFindType, u64::MAX, vec![]),
    ] {
        let (result, _, made) = call(helper, &[argument]);
        assert_eq!(result, Ok(0), "{helper:?} {argument:#x}");
        assert_eq!(made, calls, "{helper:?} {argument:#x}");
    }
}

#[test]
fn pins_that_are_none_or_unfit_are_errors() {
    use Call::{FindPin, ReadPin, WritePin};
    use Helper::{GpioFind, GpioRead, GpioWrite};
    let no_device = errno(Errno::NoDevice);
    let led: u64 = LED.into();
    for (helper, arguments, result, calls) in [
        (
            GpioFind,
            [at::RODATA, 4],
            led,
            vec![FindPin(b"hell".into())],
        ),
        (
            GpioFind,
            [at::RODATA, 3],
            no_device,
            vec![FindPin(b"hel".into())],
        ),
        (GpioFind, [at::RODATA, 0], no_device, vec![FindPin(vec![])]),
        (GpioRead, [led, 0], 0, vec![ReadPin(LED)]),
        // The upper half of a register is ignored.
        (GpioRead, [1 << 32, 0], 1, vec![ReadPin(BUTTON)]),
        (GpioRead, [1, 0], no_device, vec![ReadPin(1)]),
        // Other indices are not cut off: the services never see them.
        (GpioRead, [0x1_0000, 0], no_device, vec![]),
        (GpioRead, [no_device, 0], no_device, vec![]),
        (GpioWrite, [0x1_ffff, 1], no_device, vec![]),
        (GpioWrite, [u64::MAX, 1], no_device, vec![]),
        (GpioWrite, [led, 0], 0, vec![WritePin(LED, false)]),
        (GpioWrite, [led, 0x100], 0, vec![WritePin(LED, true)]),
        (GpioWrite, [led, 1 << 32], 0, vec![WritePin(LED, false)]),
        (
            GpioWrite,
            [BUTTON.into(), 0],
            errno(Errno::NotSupported),
            vec![WritePin(BUTTON, false)],
        ),
    ] {
        let (actual, context, made) = call(helper, &arguments);
        assert_eq!(actual, Ok(result), "{helper:?} {arguments:x?}");
        assert_eq!(made, calls, "{helper:?} {arguments:x?}");
        assert_eq!(context, self::context());
    }
}

#[test]
fn copies_overlapping_empty_and_huge() {
    let copy = |to, from, length| call(Helper::Memcpy, &[to, from, length]);
    let end = at::CONTEXT + 64;

    let mut expected = context();
    expected.copy_within(0..60, 4);
    let (result, actual, _) = copy(at::CONTEXT + 4, at::CONTEXT, 60);
    assert_eq!((result, actual), (Ok(at::CONTEXT + 4), expected), "forward");
    let mut expected = context();
    expected.copy_within(4..64, 0);
    let (result, actual, _) = copy(at::CONTEXT, at::CONTEXT + 4, 60);
    assert_eq!((result, actual), (Ok(at::CONTEXT), expected), "backward");

    // No bytes: the addresses still must be the guest's.
    assert_eq!(copy(at::CONTEXT, at::RODATA, 0).0, Ok(at::CONTEXT));
    assert_eq!(copy(end, at::RODATA + 6, 0).0, Ok(end));
    // The length has 32 bits.
    assert_eq!(copy(end, at::RODATA, 1 << 32).0, Ok(end));
    let refused = |kind, address| fault(kind, 6, address);
    for (to, from, length, expected) in [
        (0, 0, 0, refused(FaultKind::InvalidRead, 0)),
        (0, at::RODATA, 0, refused(FaultKind::InvalidWrite, 0)),
        (
            at::CONTEXT,
            at::CONTEXT,
            u64::MAX,
            refused(FaultKind::InvalidRead, at::CONTEXT),
        ),
        (
            at::CONTEXT,
            at::CONTEXT,
            0x8000_0000,
            refused(FaultKind::InvalidRead, at::CONTEXT),
        ),
        (
            at::RODATA,
            at::CONTEXT,
            1,
            refused(FaultKind::InvalidWrite, at::RODATA),
        ),
        (
            at::CONTEXT,
            at::STACK,
            65,
            refused(FaultKind::InvalidWrite, at::CONTEXT),
        ),
    ] {
        let (result, actual, _) = copy(to, from, length);
        assert_eq!(result, expected, "{length:#x} from {from:#x} to {to:#x}");
        assert_eq!(actual, context());
    }
}

/// A copy that faults must not spoil the count of instructions.
#[test]
fn a_huge_copy_that_faults_is_counted_as_one_call() {
    let source = format!(
        "{}call {}\nexit",
        arguments(&[at::STACK, at::STACK, u64::MAX]),
        Helper::Memcpy.id()
    );
    let mut device = device();
    let id = app(&source).install(&mut device, "app");
    let _ = run(&mut device, id).unwrap_err();
    let counters = device.apps().next().unwrap().counters;
    assert_eq!((counters.instructions, counters.longest_run), (4, 4));
    assert_eq!((counters.helper_calls, counters.faults), (1, 1));
}

#[test]
fn text_takes_as_many_bytes_as_it_has() {
    let end = at::CONTEXT + 64;
    for (helper, arguments, length, refused) in [
        (Helper::FmtU32Dec, [7, 0], 1, end),
        (Helper::FmtU32Dec, [4_294_967_295, 0], 10, end - 9),
        (Helper::FmtS16Dfp, [7, 0], 1, end),
        // -32768 * 10^9, and 10^-9.
        (Helper::FmtS16Dfp, [0x8000, 9], 15, end - 14),
        (Helper::FmtS16Dfp, [0x8000, -9i64 as u64], 12, end - 11),
    ] {
        let [a, b] = arguments;
        let (result, ..) = call(helper, &[end - length, a, b]);
        assert_eq!(result, Ok(length), "{helper:?} {arguments:?}");
        let (result, context, _) = call(helper, &[refused, a, b]);
        assert_eq!(result, fault(FaultKind::InvalidWrite, 6, refused));
        assert_eq!(context, self::context(), "{helper:?} {arguments:?}");
    }
    // An exponent out of range writes nothing.
    for digits in [10, -10i64 as u64, 0x7fff_ffff, 0x8000_0000] {
        let (result, context, _) = call(Helper::FmtS16Dfp, &[at::CONTEXT, 5, digits]);
        assert_eq!((result, context), (Ok(0), self::context()));
    }
}

#[test]
fn measurements_that_are_none() {
    let long = [b"a".repeat(33).as_slice(), b"\0"].concat();
    let names: [&[u8]; 9] = [
        b"\0",
        b"two words\0",
        b"a\"\0",
        b"a,b\0",
        b"a\n\0",
        b"\xc3\xa9\0",
        b"\xff\0",
        b"a=b\0",
        &long,
    ];
    for (rodata, dimensions) in names
        .map(|name| (name, 1))
        .into_iter()
        .chain([0, 4, 255, 256, 257, u64::MAX].map(|dimensions| (TEXT, dimensions)))
    {
        let values = [at::CONTEXT, 8, at::RODATA, at::CONTEXT + 8, dimensions];
        let source = format!("{}call {}\nexit", arguments(&values), Helper::FmtSenml.id());
        let mut device = device();
        let id = App {
            rodata,
            ..app(&source)
        }
        .install(&mut device, "app");
        let mut context = context();
        let result = device.run(id, &mut context, &mut [], 1000);
        assert_eq!(result, Ok(errno(Errno::Invalid)), "{rodata:?} {dimensions}");
        assert_eq!(context, self::context());
        assert_eq!(device.services().take(), []);
    }
    // All that a name may have
    let name = b"AZaz09-:./_\0";
    let source = format!(
        "{}call {}\nexit",
        arguments(&[at::CONTEXT, 2, at::RODATA, at::CONTEXT + 8, 3]),
        Helper::FmtSenml.id()
    );
    let mut device = device();
    let id = App {
        rodata: name,
        ..app(&source)
    }
    .install(&mut device, "app");
    let result = device.run(id, &mut context(), &mut [], 1000);
    assert_eq!(result, Ok(errno(Errno::NoSpace)));
}

/// Also where they are refused in the end.
#[test]
fn strings_are_charged_by_their_length() {
    let long = [b"a".repeat(3000).as_slice(), b"\0"].concat();
    for (helper, cost, arguments) in [
        (
            Helper::FmtSenml,
            50,
            [at::CONTEXT, 8, at::RODATA, at::CONTEXT + 8, 1],
        ),
        (
            Helper::CoapRequest,
            1000,
            [0, 1, at::RODATA, at::CONTEXT, 0],
        ),
    ] {
        let call = format!("{}call {}\n", self::arguments(&arguments), helper.id());
        let source = call.repeat(10) + "exit";
        for (rodata, fits) in [(&b"a\0"[..], true), (&long, false)] {
            let mut device = device();
            let id = App {
                rodata,
                ..app(&source)
            }
            .install(&mut device, "app");
            // Each of 3000 bytes takes 187 more.
            let result = device.run(id, &mut context(), &mut [], 10 * cost + 500);
            assert_eq!(result.is_ok(), fits, "{helper:?}");
        }
    }
}
