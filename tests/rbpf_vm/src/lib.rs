// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs all programs of `tests/data` on a board, with the verifier and the
//! interpreter of containers, and prints what is different from what their
//! files say.
//!
//! Judgement is that of the workstation, `rbpf_suite::Case`; here are only
//! the list, made by `build.rs`, and the printing. It deliberately tests
//! neither the helpers of `rbpf-runtime` nor images, and measures no time:
//! cycles are the business of `make bench-m4`.
//!
//! A line for each test that fails, one now and then for progress, and at the
//! end the counts. All tests together take 26 KiB of flash, so every board
//! with room for the machine has room for them all.
#![no_std]

use core::fmt::{self, Write as _};

use rbpf_suite::{STACK, text};
use rbpf_vm::Interpreter;
use riot_wrappers::mutex::Mutex;
use riot_wrappers::stdio::Stdio;

mod cases {
    use rbpf_isa::Slot;
    use rbpf_suite::{Case, Expected};
    use rbpf_vm::{FaultKind, VerifyErrorKind};

    include!(concat!(env!("OUT_DIR"), "/cases.rs"));
}

use cases::{CASES, INSTRUCTIONS, LEFT_OUT, MEMORY};

/// A line of progress after so many programs.
const PROGRESS: usize = 50;

/// What programs run on: too large for the stacks of RIOT's threads.
struct Space {
    stack: [u8; STACK],
    memory: [u8; MEMORY],
}

static SPACE: Mutex<Space> = Mutex::new(Space {
    stack: [0; STACK],
    memory: [0; MEMORY],
});

riot_wrappers::riot_main!(main);

fn main() {
    // There is nobody to tell that nobody can be told.
    let _ = run(&mut Stdio {});
}

fn run(out: &mut Stdio) -> fmt::Result {
    let mut space = SPACE.lock();
    let Space { stack, memory } = &mut *space;
    let mut failed = 0;
    let mut instructions = 0;
    for (index, (name, case)) in CASES.iter().enumerate() {
        match case.run(&mut Interpreter, stack, memory) {
            Ok(executed) => instructions += u64::from(executed),
            Err(difference) => {
                failed += 1;
                line(out, &["FAIL ", name, ": "])?;
                difference.write(out)?;
                out.write_str("\n")?;
            }
        }
        if (index + 1) % PROGRESS == 0 {
            count(out, index + 1, " of ")?;
            count(out, CASES.len(), " programs\n")?;
        }
    }
    for (name, reason) in LEFT_OUT {
        line(out, &["left out ", name, ": ", reason, "\n"])?;
    }
    text::decimal(out, instructions)?;
    out.write_str(" instructions, on a workstation ")?;
    text::decimal(out, INSTRUCTIONS)?;
    out.write_str("\n")?;
    count(out, CASES.len(), " programs, ")?;
    count(out, failed, " failed, ")?;
    count(out, LEFT_OUT.len(), " left out\n")?;
    out.write_str(if failed == 0 && instructions == INSTRUCTIONS {
        "[SUCCESS]\n"
    } else {
        "[FAILED]\n"
    })
}

fn line(out: &mut Stdio, parts: &[&str]) -> fmt::Result {
    parts.iter().try_for_each(|part| out.write_str(part))
}

fn count(out: &mut Stdio, number: usize, what: &str) -> fmt::Result {
    text::decimal(out, number as u64)?;
    out.write_str(what)
}

/// The prebuilt `compiler_builtins` of hosted targets refer to it; nothing
/// unwinds, since the profile says `panic = "abort"`.
#[cfg(target_os = "linux")]
// SAFETY: the only definition of this symbol: no `std` is linked.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
