// SPDX-License-Identifier: MIT OR Apache-2.0
//! `printf`, whose format is the guest's (design, section 6, item 11).

use rbpf_abi::Helper;
use rbpf_runtime::{Grant, RunError};
use rbpf_vm::{FaultKind, Rights};

use crate::support::*;

/// Prints a format, which is the whole of rodata, with four arguments. The
/// context holds a string that ends with it, and one without end. What was
/// logged, and how the run ended.
fn print(format: &[u8], values: [u64; 4]) -> (String, Result<u64, RunError>) {
    let mut registers = vec![at::RODATA];
    registers.extend(values);
    let source = format!(
        "{}call {}\nexit",
        arguments(&registers),
        Helper::Printf.id()
    );
    let mut device = device();
    let id = App {
        rodata: format,
        ..app(&source)
    }
    .install(&mut device, "app");
    let mut words = *b"word\0last\0";
    let mut endless = *b"endless";
    let result = device.run(
        id,
        &mut words,
        &mut [
            Grant::Write(&mut endless, Rights::ReadWrite),
            Grant::Write(&mut [b'x', 0], Rights::Write),
        ],
        10_000,
    );
    (device.services().logged(), result)
}

/// Slot of the call.
const PC: u32 = 10;

#[test]
fn every_directive() {
    let minus = u64::MAX;
    let big = 0x8000_0000_ffff_fffe;
    for (format, values, text) in [
        ("", [0; 4], ""),
        ("plain", [0; 4], "plain"),
        ("100%%", [1; 4], "100%"),
        ("%%%%d", [1; 4], "%%d"),
        ("%d %d", [minus, 0x7fff_ffff, 0, 0], "-1 2147483647"),
        ("%d", [big, 0, 0, 0], "-2"),
        ("%d", [0x8000_0000, 0, 0, 0], "-2147483648"),
        ("%u", [minus, 0, 0, 0], "4294967295"),
        ("%x", [big, 0, 0, 0], "fffffffe"),
        ("%ld", [1 << 63, 0, 0, 0], "-9223372036854775808"),
        ("%lu", [minus, 0, 0, 0], "18446744073709551615"),
        ("%lx", [big, 0, 0, 0], "80000000fffffffe"),
        ("%p", [at::CONTEXT, 0, 0, 0], "0x2000000"),
        ("%p", [minus, 0, 0, 0], "0xffffffffffffffff"),
        ("%c%c", [0x41, 0xffff_ff42, 0, 0], "AB"),
        ("<%s>", [at::CONTEXT, 0, 0, 0], "<word>"),
        // From the middle, up to the last byte of the region, and empty.
        ("%s", [at::CONTEXT + 2, 0, 0, 0], "rd"),
        ("%s", [at::CONTEXT + 5, 0, 0, 0], "last"),
        ("<%s>", [at::CONTEXT + 9, 0, 0, 0], "<>"),
        // The format as its own argument.
        ("a%s", [at::RODATA, 0, 0, 0], "aa%s"),
        ("%d%u%x%d", [1, 2, 3, 4], "1234"),
        ("%d%%%d", [1, 2, 3, 4], "1%2"),
        ("%dl%ux", [1, 2, 3, 4], "1l2x"),
        ("%%n", [0; 4], "%n"),
    ] {
        let (logged, result) = print(&[format.as_bytes(), b"\0"].concat(), values);
        assert_eq!(result, Ok(0), "{format}");
        assert_eq!(logged, text, "{format}");
    }
}

#[test]
fn what_stands_behind_the_end_is_not_read() {
    let (logged, result) = print(b"ab\0%n%s", [0; 4]);
    assert_eq!((logged.as_str(), result), ("ab", Ok(0)));
}

/// A format is refused as a whole: nothing is logged.
#[test]
fn refused_formats_log_nothing() {
    for format in [
        "%",
        "%l",
        "%n",
        "%ln",
        "%5d",
        "%05d",
        "%-d",
        "%+d",
        "% d",
        "%#x",
        "%.2d",
        "%*d",
        "%lld",
        "%llx",
        "%hd",
        "%zu",
        "%ls",
        "%lc",
        "%lp",
        "%l%",
        "%i",
        "%o",
        "%X",
        "%f",
        "%D",
        "%\x01",
        "text %n",
        "text %s %n",
        "%d%d%d%d%q",
        "text %",
        // More directives than arguments.
        "%d%d%d%d%d",
        "%d %d %d %d text %s",
    ] {
        let format = [format.as_bytes(), b"\0"].concat();
        let (logged, result) = print(&format, [at::CONTEXT; 4]);
        let expected = fault(FaultKind::InvalidFormat, PC, at::RODATA);
        let format = String::from_utf8_lossy(&format);
        assert_eq!(result, expected, "{format}");
        assert_eq!(logged, "", "{format}");
    }
}

#[test]
fn strings_without_end_are_faults() {
    let endless = FaultKind::UnterminatedString;
    // The format; neither the rest of the image nor the next region is read.
    for format in [&b"abc"[..], b"%", b"%d", b"%n"] {
        let (logged, result) = print(format, [0; 4]);
        assert_eq!(result, fault(endless, PC, at::RODATA));
        assert_eq!(logged, "");
    }
    for address in [at::GRANTED, at::GRANTED + 6] {
        let (logged, result) = print(b"%s\0", [address, 0, 0, 0]);
        assert_eq!(result, fault(endless, PC, address));
        assert_eq!(logged, "", "nothing of it");
    }
}

#[test]
fn bad_addresses_of_strings_are_faults() {
    for address in [
        0,
        1,
        at::CONTEXT + 10,
        at::CONTEXT - 1,
        at::GRANTED + 7,
        // It can be written only.
        at::GRANTED + 0x100_0000,
        at::DATA,
        at::UNMAPPED,
        at::CONTEXT | 1 << 32,
        u64::MAX,
    ] {
        for (format, values) in [
            (&b"%s\0"[..], [address, 0, 0, 0]),
            (b"%d%d%d%s\0", [1, 1, 1, address]),
        ] {
            let (_, result) = print(format, values);
            let expected = fault(FaultKind::InvalidRead, PC, address);
            assert_eq!(result, expected, "{address:#x}");
        }
    }
}

#[test]
fn the_stack_has_an_end_too() {
    // All 512 bytes but the last are not 0; then that one too.
    let source = format!(
        "mov %r1, {stack}
        mov %r2, 511
    fill:
        stb [%r1], 65
        add %r1, 1
        sub %r2, 1
        jne %r2, 0, fill
        mov %r1, {stack}
        call 1
        lddw %r1, {last}
        stb [%r1], 65
        mov %r1, {stack}
        call 1
        exit",
        stack = at::STACK,
        last = at::STACK + 511,
    );
    let mut device = device();
    let id = app(&source).install(&mut device, "app");
    let result = device.run(id, &mut [], &mut [], 100_000);
    let expected = fault(FaultKind::UnterminatedString, 12, at::STACK);
    assert_eq!(result, expected);
    assert_eq!(device.services().logged(), "A".repeat(511));
}

/// A byte costs as much as 8 instructions.
#[test]
fn output_is_charged() {
    let source = format!("mov %r1, {}\ncall 1\nja -3", at::RODATA);
    let mut device = device();
    let id = App {
        rodata: b"0123456789\0",
        ..app(&source)
    }
    .install(&mut device, "app");
    let result = device.run(id, &mut [], &mut [], 1000);
    assert!(
        matches!(result, Err(RunError::Fault(fault)) if fault.kind == FaultKind::BudgetExhausted)
    );
    // A round takes 3 instructions, 8 for the call, 2 for looking at the text, 8 for the only
    // piece, and 8 for each byte that is written: the 10th piece is the last.
    assert_eq!(device.services().logged().len(), 100);
    let counters = device.apps().next().unwrap().counters;
    assert_eq!((counters.instructions, counters.helper_calls), (29, 10));
}
