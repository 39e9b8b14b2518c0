// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time: whatever a container calls, its run takes no longer than one that computes,
//! but for the last call (README: "cannot run longer than its budget").

use rbpf_abi::Capabilities;
use rbpf_abi::helpers::HELPERS;
use rbpf_runtime::{RunError, Services};
use rbpf_vm::FaultKind;

use crate::support::*;

const BUDGET: u32 = 100_000;
/// Microseconds in which a run of that many instructions computes.
const COMPUTED_US: u32 = BUDGET / Recording::SPEED * 1000;

/// Calls a helper for ever, with arguments that are addresses of nothing but zeros,
/// which most helpers take, and tell the guest or the host what is wrong with them.
fn for_ever(helper: u32) -> String {
    format!(
        "again:\n{}call {helper}\nja again",
        arguments(&[at::RODATA, at::RODATA, at::DATA, 0, 0])
    )
}

/// How often a container calls the helper before its run ends, if each call takes so
/// many microseconds.
fn calls(helper: u32, microseconds: u32) -> u32 {
    let mut device = device();
    let id = App {
        rodata: &[0; 64],
        data: &[0; 64],
        ..app(&for_ever(helper))
    }
    .install(&mut device, "app");
    WAITED_US.set(microseconds);
    let result = device.run(id, &mut [], &mut [], BUDGET);
    WAITED_US.set(0);
    assert!(matches!(result, Err(RunError::Fault(_))), "{helper:#x}");
    device
        .apps()
        .next()
        .expect("it is there")
        .counters
        .helper_calls
}

#[test]
fn helpers_that_may_wait_are_charged_by_the_clock() {
    for info in HELPERS {
        let id = info.helper.id().into();
        let waits = info.helper.capability().intersects(Capabilities::MAY_WAIT);
        let calls = calls(id, 18_000);
        if waits {
            let most = COMPUTED_US / 18_000 + 1;
            assert!(calls <= most, "{}: {calls}, not {most}", info.name);
        }
    }
    for helper in [application::FREE, application::TWICE] {
        let calls = calls(helper, 18_000);
        assert!(calls <= COMPUTED_US / 18_000 + 1, "{helper:#x}: {calls}");
    }
}

/// No call is free, so what the machine takes to make it is paid for.
#[test]
fn every_helper_costs_something() {
    for info in HELPERS {
        let calls = calls(info.helper.id().into(), 0);
        // Seven instructions of a round beside what the helper takes.
        assert!(calls <= BUDGET / (7 + 8) + 1, "{}: {calls}", info.name);
    }
}

/// A text is not written beyond the budget, however long it is.
#[test]
fn output_ends_with_the_budget() {
    let text = [&[b'x'; 4000][..], &[0]].concat();
    for (microseconds, most) in [(0, 10_000 / 8 + 32), (5_600, 32), (0, 10_000 / 8 + 32)] {
        let source = format!("{}call 1\nexit", arguments(&[at::RODATA]));
        let mut device = Sizes {
            images: [8192; 3],
            ..Sizes::default()
        }
        .device::<8>();
        let id = App {
            rodata: &text,
            ..app(&source)
        }
        .install(&mut device, "app");
        WAITED_US.set(microseconds);
        let result = device.run(id, &mut [], &mut [], 10_000);
        WAITED_US.set(0);
        assert_eq!(result, fault(FaultKind::BudgetExhausted, 3, 0));
        let written = device.services().logged().len();
        assert!(written <= most, "{written} with {microseconds} us");
    }
}
