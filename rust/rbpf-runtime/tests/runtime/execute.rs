// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images that run once without being installed: what they may do, and that
//! they leave the containers alone.

use rbpf_abi::image::ImageBuffer;
use rbpf_abi::{Capabilities, ImageError};
use rbpf_runtime::{ExecuteError, Grant, HOST, InstallError, KvScope, RunReport};
use rbpf_vm::{Fault, FaultKind, Rights, VerifyError, VerifyErrorKind};

use crate::support::*;

const ALL: Capabilities = Capabilities::all();

fn execute(device: &mut Device, app: &App<'_>) -> Result<RunReport, ExecuteError> {
    let image = ImageBuffer::copy_from(&app.image());
    device.execute(image.bytes(), ALL, &mut [], &mut [], 10_000)
}

fn refused(error: InstallError) -> Result<RunReport, ExecuteError> {
    Err(ExecuteError::Refused(error))
}

#[test]
fn an_image_with_all_its_sections() {
    // The sum of a byte of each region, and what two helpers return.
    let source = format!(
        "mov %r6, %r1
        call 0x20
        mov %r7, %r0
        call 0x61
        ldxb %r0, [%r6]
        lddw %r1, {:#x}
        ldxb %r2, [%r1]
        add %r0, %r2
        lddw %r1, {:#x}
        ldxb %r2, [%r1+1]
        add %r0, %r2
        ldxb %r2, [%r1+4]
        add %r0, %r2
        lddw %r1, {:#x}
        ldxb %r2, [%r1]
        add %r0, %r2
        stxb [%r1+1], %r0
        exit",
        at::RODATA,
        at::DATA,
        at::GRANTED
    );
    let app = App {
        rodata: b"\x0a",
        data: &[0, 20, 0, 0],
        bss: 1,
        ..app(&source)
    };
    let image = ImageBuffer::copy_from(&app.image());
    let mut device = device();
    for _ in 0..2 {
        let mut granted = [30, 0];
        let report = device.execute(
            image.bytes(),
            ALL,
            &mut [40],
            &mut [Grant::Write(&mut granted, Rights::ReadWrite)],
            100,
        );
        let expected = RunReport {
            outcome: Ok(100),
            instructions: 18,
            helper_calls: 2,
            // Each helper takes 8, a clock 24 more, and a random number 20.
            cost: 18 + 32 + 28,
        };
        assert_eq!(report, Ok(expected));
        assert_eq!(granted, [30, 100]);
        assert_eq!(device.services().take(), [Call::NowMs, Call::Random]);
    }
    assert_eq!(
        image,
        ImageBuffer::copy_from(&app.image()),
        "not written to"
    );
}

#[test]
fn what_install_refuses_is_refused() {
    let mut device = device();
    let good = app("exit").image();
    let verify = |pc, kind| InstallError::Verify(VerifyError { pc, kind });
    let mut refuses = |bytes: &[u8], allowed, expected| {
        let result = device.execute(bytes, allowed, &mut [], &mut [], 10);
        assert_eq!(result, refused(expected));
    };
    let shifted = ImageBuffer::copy_from(&[&[0][..], &good].concat());
    let misaligned = InstallError::Image(ImageError::Misaligned);
    refuses(&shifted.bytes()[1..], ALL, misaligned);
    let empty = ImageBuffer::copy_from(&[]);
    let truncated = InstallError::Image(ImageError::Truncated);
    refuses(empty.bytes(), ALL, truncated);
    let kind = VerifyErrorKind::FallsOffEnd;
    for (app, expected) in [
        (app("mov %r0, 0"), verify(0, kind)),
        (
            app("call 0x7777\nexit"),
            verify(0, VerifyErrorKind::UnknownHelper),
        ),
        (
            App {
                stack: 520,
                ..app("exit")
            },
            InstallError::Stack,
        ),
        (
            App {
                bss: 65,
                ..app("exit")
            },
            InstallError::Data,
        ),
    ] {
        let image = ImageBuffer::copy_from(&app.image());
        refuses(image.bytes(), ALL, expected);
    }
    // Not granted, and not wanted.
    let denied = verify(1, VerifyErrorKind::DeniedHelper);
    let clock = App {
        wants: Capabilities::TIME,
        ..app("mov %r0, 0\ncall 0x20\nexit")
    };
    let image = ImageBuffer::copy_from(&clock.image());
    refuses(image.bytes(), ALL - Capabilities::TIME, denied);
    let image = ImageBuffer::copy_from(
        &App {
            wants: Capabilities::LOG,
            ..clock
        }
        .image(),
    );
    refuses(image.bytes(), ALL, denied);
}

#[test]
fn a_fault_is_an_outcome() {
    let mut device = device();
    for (source, kind, instructions) in [
        (
            "mov %r1, 0\nldxb %r0, [%r1]\nexit",
            FaultKind::InvalidRead,
            2,
        ),
        ("mov %r1, 0\nja -1", FaultKind::BudgetExhausted, 10_000),
    ] {
        let report = execute(&mut device, &app(source)).unwrap();
        let fault = Fault {
            kind,
            pc: 1,
            address: 0,
        };
        assert_eq!(report.outcome, Err(fault));
        assert_eq!(report.instructions, instructions);
    }
}

#[test]
fn grants_that_cannot_be() {
    let mut device = device();
    let image = ImageBuffer::copy_from(&app("exit").image());
    let granted = &mut [const { Grant::Read(b"x") }; 4];
    let result = device.execute(image.bytes(), ALL, &mut [], granted, 10);
    assert_eq!(result, Err(ExecuteError::Grant));
    let result = device.execute(image.bytes(), ALL, &mut [], &mut granted[1..], 10);
    assert_eq!(result.unwrap().outcome, Ok(0));
}

/// With all slots taken, and without a trace in them.
#[test]
fn containers_are_left_alone() {
    let mut device = device();
    let apps = ["first", "second", "third"].map(|name| {
        let id = app("mov %r0, 5\nexit").install(&mut device, name);
        device.bind(name, id).unwrap();
        id
    });
    let before = format!("{:?}", device.apps().collect::<Vec<_>>());
    for source in ["mov %r0, 1\nexit", "ja -1", "ldxb %r0, [%r0]\nexit"] {
        assert!(execute(&mut device, &app(source)).is_ok());
    }
    assert!(execute(&mut device, &app("ja +7")).is_err());
    assert_eq!(format!("{:?}", device.apps().collect::<Vec<_>>()), before);
    assert_eq!(device.bindings().count(), 3);
    for app in apps {
        assert_eq!(run(&mut device, app), Ok(5));
    }
}

/// Neither way, nor between two images: they have no ids to be told apart by.
#[test]
fn nothing_is_left_on_the_stack_and_in_data() {
    let source = |address| {
        format!(
            "lddw %r1, {address:#x}
            ldxdw %r0, [%r1]
            stdw [%r1], 77
            exit"
        )
    };
    for address in [at::STACK, at::DATA] {
        let source = source(address);
        let leaving = App {
            bss: 8,
            ..app(&source)
        };
        let mut device = device();
        let id = leaving.install(&mut device, "app");
        assert_eq!(run(&mut device, id), Ok(0));
        for _ in 0..2 {
            let report = execute(&mut device, &leaving).unwrap();
            assert_eq!(report.outcome, Ok(0), "{address:#x}");
        }
        assert_eq!(run(&mut device, id), Ok(0), "{address:#x}");
    }
}

#[test]
fn the_log_has_no_name_for_it() {
    let mut device = device();
    let source = format!("lddw %r1, {:#x}\ncall 1\nexit", at::RODATA);
    let talking = App {
        rodata: b"text\0",
        ..app(&source)
    };
    execute(&mut device, &talking).unwrap();
    let expected = Call::Log("-".into(), b"text".to_vec());
    assert_eq!(device.services().take(), [expected]);
}

/// It is on the host's account, and its store is nobody else's.
#[test]
fn values_are_the_hosts() {
    let mut device = device();
    let storing = "
        mov %r1, 1
        mov %r2, 5
        call 0x10
        mov %r1, 2
        mov %r2, 6
        call 0x11
        exit";
    let id = app("mov %r1, 1\nmov %r2, 9\ncall 0x10\nexit").install(&mut device, "app");
    assert_eq!(run(&mut device, id), Ok(0));
    execute(&mut device, &app(storing)).unwrap();
    let all: Vec<_> = device
        .values()
        .map(|entry| (entry.scope, entry.owner, entry.key, entry.value))
        .collect();
    let local = KvScope::Local(HOST);
    assert_eq!(
        all,
        [
            (KvScope::Global, HOST, 2, 6),
            (KvScope::Local(id.slot()), id.slot(), 1, 9),
            (local, HOST, 1, 5),
        ]
    );
    // Values last from one to the next.
    let fetching = "
        mov %r1, 1
        mov %r2, %r10
        sub %r2, 4
        call 0x12
        ldxw %r0, [%r10-4]
        exit";
    let report = execute(&mut device, &app(fetching)).unwrap();
    assert_eq!(report.outcome, Ok(5));
    assert!(device.remove(id));
    assert_eq!(device.fetch(local, 1), Some(5));
}

/// As many values as any container has.
#[test]
fn its_share_has_an_end() {
    let mut device = device();
    let storing = "
        mov %r6, 0
        mov %r1, %r6
        mov %r2, 1
        call 0x10
        jslt %r0, 0, +2
        add %r6, 1
        ja -6
        mov %r0, %r6
        exit";
    let report = execute(&mut device, &app(storing)).unwrap();
    assert_eq!(report.outcome, Ok(SHARE as u64));
    let id = app(storing).install(&mut device, "app");
    assert_eq!(run(&mut device, id), Ok(SHARE as u64), "it has its own");
}
