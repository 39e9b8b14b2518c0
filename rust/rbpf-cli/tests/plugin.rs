// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plugin as the bpf_conformance runner starts it.

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::Done;

fn plugin(arguments: &[&str], program: &str) -> Done {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rbpf-plugin"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the plugin can be started");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It need not read a program if its arguments are wrong.
    let _ = stdin.write_all(program.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the plugin ends").into()
}

/// The program in hexadecimal.
fn hex(source: &str) -> String {
    let slots = rbpf_isa::assemble(source).expect("the test's own source");
    let bytes = slots.iter().flat_map(|slot| slot.bits().to_le_bytes());
    bytes.map(|byte| format!("{byte:02x} ")).collect()
}

#[test]
fn results() {
    let load = hex("ldxh %r0, [%r1+1]\nstxb [%r1], %r2\nexit");
    for arguments in [
        &["01 02 03"][..],
        &["010203", "--engine", "interpreter"],
        &["01 02 03", "--engine=interpreter"],
    ] {
        assert_eq!(plugin(arguments, &load).success(), "302\n");
    }
    assert_eq!(
        plugin(&["--engine", "interpreter"], &hex("mov %r0, -1\nexit")).success(),
        "ffffffffffffffff\n"
    );
    assert_eq!(
        plugin(&[], &hex("mov %r0, %r1\nor %r0, %r2\nexit")).success(),
        "0\n"
    );
    assert_eq!(
        plugin(&[], &hex("exit").replace(' ', "\n")).success(),
        "0\n"
    );
}

#[test]
fn the_unwind_helper_returns() {
    let program = hex("mov %r1, -1\ncall 5\nmov %r0, 2\nexit");
    assert_eq!(plugin(&[], &program).success(), "2\n");
}

#[test]
fn refusals() {
    plugin(&[], &hex("ldxb %r0, [%r1]\nexit")).refused(&["fault at slot 0"]);
    plugin(&[], "8d 02 00 00 00 00 00 00 95 00 00 00 00 00 00 00").refused(&["indirect calls"]);
    plugin(&[], "95 00").refused(&["8-byte slots"]);
    plugin(&[], "9x").refused(&["no hexadecimal digit"]);
    plugin(&[], "").refused(&["without instructions"]);
    plugin(&[], &hex("call 99\nexit")).refused(&["unknown helper"]);
}

#[test]
fn usage() {
    for arguments in [
        &["--nonsense"][..],
        &["--engine=nonsense"],
        &["0"],
        &["00", "00"],
    ] {
        assert_eq!(plugin(arguments, "").code, Some(2), "{arguments:?}");
    }
}
