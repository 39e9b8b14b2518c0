// SPDX-License-Identifier: MIT OR Apache-2.0
//! No container sees what another, or an earlier run, has left (design,
//! section 6, items 12 and 17).

use rbpf_runtime::{CoapRequest, Grant, RunError};
use rbpf_vm::{FaultKind, Rights};

use crate::support::*;

/// Fills so many bytes at an address with 0x41.
fn fill(address: u64, length: u64) -> String {
    format!(
        "lddw %r1, {address:#x}
        mov %r2, {length}
    fill:
        stb [%r1], 0x41
        add %r1, 1
        sub %r2, 1
        jne %r2, 0, fill\n"
    )
}

/// Returns the sum of so many bytes at an address.
fn sum(address: u64, length: u64) -> String {
    format!(
        "lddw %r1, {address:#x}
        mov %r2, {length}
        mov %r0, 0
    sum:
        ldxb %r3, [%r1]
        add %r0, %r3
        add %r1, 1
        sub %r2, 1
        jne %r2, 0, sum
        exit"
    )
}

#[test]
fn data_and_bss_are_afresh_at_every_run() {
    let source = format!(
        "lddw %r1, {:#x}
        ldxw %r0, [%r1]
        ldxw %r2, [%r1+4]
        add %r0, %r2
        stw [%r1], 0x1111
        stw [%r1+4], 0x2222
        exit",
        at::DATA
    );
    let mut device = device();
    let id = App {
        data: &[7, 0, 0, 0],
        bss: 4,
        ..app(&source)
    }
    .install(&mut device, "app");
    for _ in 0..3 {
        assert_eq!(run(&mut device, id), Ok(7));
    }
}

#[test]
fn data_of_another_container_is_not_seen() {
    let mut device = device();
    let mut install = |name: &str, source: &str, data: &[u8], bss| {
        App {
            data,
            bss,
            ..app(source)
        }
        .install(&mut device, name)
    };
    let filling = fill(at::DATA, 64) + "mov %r0, 1\nexit";
    let first = install("first", &filling, &[], 64);
    let second = install("second", &sum(at::DATA, 64), &[1; 4], 60);
    // Its own variables are shorter than those of the first.
    let third = install("third", &sum(at::DATA, 5), &[1; 4], 0);
    for _ in 0..2 {
        assert_eq!(run(&mut device, first), Ok(1));
        assert_eq!(run(&mut device, second), Ok(4));
        assert_eq!(run(&mut device, first), Ok(1));
        let expected = fault(FaultKind::InvalidRead, 4, at::DATA + 4);
        assert_eq!(run(&mut device, third), expected);
    }
}

#[test]
fn a_container_without_variables_has_no_data_region() {
    for (address, rights) in [(at::DATA, "data"), (at::RODATA, "rodata")] {
        let result = run_once(&app(&sum(address, 1)));
        let expected = fault(FaultKind::InvalidRead, 4, address);
        assert_eq!(result, expected, "{rights}");
    }
}

#[test]
fn constants_cannot_be_written_and_are_all_there() {
    let rodata = b"abcdefgh\xff";
    let total = rodata.iter().map(|&byte| u64::from(byte)).sum();
    let read = |length| {
        let source = sum(at::RODATA, length);
        run_once(&App {
            rodata,
            data: &[9; 8],
            ..app(&source)
        })
    };
    assert_eq!(read(9), Ok(total));
    // What stands behind it in the image is not reached.
    let expected = fault(FaultKind::InvalidRead, 4, at::RODATA + 9);
    assert_eq!(read(10), expected);
    let writing = fill(at::RODATA, 1) + "exit";
    let writing = App {
        rodata,
        ..app(&writing)
    };
    let expected = fault(FaultKind::InvalidWrite, 3, at::RODATA);
    assert_eq!(run_once(&writing), expected);
}

/// Whichever way the first ends.
#[test]
fn the_stack_is_cleared_between_containers() {
    for (end, budget) in [
        ("exit", 100_000),
        ("ldxb %r0, [%r0]\nexit", 100_000),
        ("ja -1", 10_000),
    ] {
        let mut device = device();
        let filling = fill(at::STACK, 512) + end;
        let first = app(&filling).install(&mut device, "first");
        let second = app(&sum(at::STACK, 512)).install(&mut device, "second");
        // The device's buffers were not clean.
        assert_eq!(run(&mut device, second), Ok(0));
        for _ in 0..2 {
            let _ = device.run(first, &mut [], &mut [], budget);
            assert_eq!(run(&mut device, second), Ok(0), "{end}");
        }
        // Not even to who comes into the same slot under the same name.
        let _ = device.run(first, &mut [], &mut [], budget);
        assert!(device.remove(first));
        let third = app(&sum(at::STACK, 512)).install(&mut device, "first");
        assert_eq!(third.slot(), first.slot());
        assert_eq!(run(&mut device, third), Ok(0), "{end}");
    }
}

#[test]
fn records_of_calls_are_cleared_too() {
    // Two calls deep with secrets in r6 to r9, and then it never returns.
    let secret = "
        lddw %r6, 0x5ec2e75ec2e7
        mov %r7, %r6
        mov %r8, %r6
        mov %r9, %r6
        call local f
        exit
    f:
        call local g
        exit
    g:
        ja -1";
    let mut device = device();
    let first = App {
        functions: &[(0, 64), (7, 64), (9, 64)],
        ..app(secret)
    }
    .install(&mut device, "first");
    let second = app(&sum(at::STACK, 512)).install(&mut device, "second");
    let ended = run(&mut device, first);
    assert!(matches!(ended, Err(RunError::Fault(_))));
    assert_eq!(run(&mut device, second), Ok(0));
}

const REQUEST: CoapRequest<'_> = get("/second");

#[test]
fn the_response_buffer_is_cleared() {
    let mut device = device();
    let filling = fill(at::GRANTED, 64) + "mov %r0, 0\nexit";
    let first = app(&filling).install(&mut device, "first");
    let second = app(&sum(at::GRANTED, 64)).install(&mut device, "second");
    device.bind("/first", first).unwrap();
    device.bind("/second", second).unwrap();
    for _ in 0..2 {
        let path = "/first";
        device.coap(&CoapRequest { path, ..REQUEST }).unwrap();
        let reply = device.coap(&REQUEST).unwrap();
        assert_eq!(reply.payload, b"0", "the sum");
    }
    // It belongs to requests: other events do not grant it.
    let expected = fault(FaultKind::InvalidRead, 4, at::GRANTED);
    assert_eq!(run(&mut device, second), expected);
}

#[test]
fn the_context_is_passed_by_address_and_length() {
    let registers = |context: &mut [u8], number: u8| {
        let source = format!("mov %r0, %r{number}\nexit");
        let mut device = device();
        let id = app(&source).install(&mut device, "app");
        device.run(id, context, &mut [], 10)
    };
    let mut context = [1; 24];
    for (number, expected) in [(1, at::CONTEXT), (2, 24), (3, 0), (4, 0), (5, 0), (6, 0)] {
        assert_eq!(registers(&mut context, number), Ok(expected), "r{number}");
        assert_eq!(registers(&mut [], number), Ok(0), "r{number}, no context");
    }
    assert_eq!(registers(&mut context, 10), Ok(at::STACK + 64));
}

#[test]
fn regions_are_granted_for_one_run_only() {
    let mut device = device();
    let at_6 = at::GRANTED + 0x100_0000;
    let id = app(&sum(at_6, 3)).install(&mut device, "app");
    let (bytes, mut other) = ([1, 2, 3], [9; 8]);
    let refused = fault(FaultKind::InvalidRead, 4, at_6);
    for _ in 0..2 {
        let granted = &mut [
            Grant::Write(&mut other, Rights::ReadWrite),
            Grant::Read(&bytes),
        ];
        assert_eq!(device.run(id, &mut [], granted, 1000), Ok(6));
        assert_eq!(run(&mut device, id), refused);
        let granted = &mut [Grant::Read(&bytes), Grant::Write(&mut other, Rights::Write)];
        assert_eq!(device.run(id, &mut [], granted, 1000), refused);
    }
}

#[test]
fn grants_beyond_the_regions_are_the_hosts_mistake() {
    let mut device = device();
    let id = app("mov %r0, 1\nexit").install(&mut device, "app");
    let mut grants = |count: usize| {
        let mut granted: Vec<_> = (0..count).map(|_| Grant::Read(b"x")).collect();
        device.run(id, &mut [], &mut granted, 10)
    };
    assert_eq!(grants(3), Ok(1));
    for count in [4, 5, 250, 251, 300] {
        assert_eq!(grants(count), Err(RunError::Grant), "{count}");
    }
    let long = vec![0; (1 << 24) + 1];
    let result = device.run(id, &mut [], &mut [Grant::Read(&long)], 10);
    assert_eq!(result, Err(RunError::Grant));
    let result = device.run(id, &mut long.clone(), &mut [], 10);
    assert_eq!(result, Err(RunError::Grant));
    let info = device.apps().next().unwrap();
    assert_eq!((info.counters.runs, info.counters.faults), (1, 0));
    assert_eq!(run(&mut device, id), Ok(1), "and nothing is broken");
}

#[test]
fn a_granted_region_is_what_the_guest_made_of_it() {
    let mut device = device();
    let source = fill(at::GRANTED + 1, 2) + &fill(at::CONTEXT, 1).replace("fill", "again") + "exit";
    let id = app(&source).install(&mut device, "app");
    let (mut context, mut bytes) = ([0; 2], [0; 4]);
    let granted = &mut [Grant::Write(&mut bytes, Rights::Write)];
    device.run(id, &mut context, granted, 100).unwrap();
    assert_eq!((context, bytes), ([0x41, 0], [0, 0x41, 0x41, 0]));
}

/// The stack is as long as the image says, whatever the host has: a program
/// that overflows does so everywhere.
#[test]
fn the_stack_is_that_of_the_image() {
    for (stack, offset, expected) in [
        (512, 511, None),
        (512, 512, Some(FaultKind::InvalidWrite)),
        (64, 63, None),
        (64, 64, Some(FaultKind::InvalidWrite)),
    ] {
        let address = at::STACK + offset;
        let mut device = device();
        let id = App {
            stack,
            ..app(&format!("lddw %r1, {address:#x}\nstb [%r1], 1\nexit"))
        }
        .install(&mut device, "app");
        let fault = match run(&mut device, id) {
            Err(RunError::Fault(fault)) => Some(fault.kind),
            _ => None,
        };
        assert_eq!(fault, expected, "stack {stack}, offset {offset}");
    }
}
