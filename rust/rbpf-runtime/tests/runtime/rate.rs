// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions a second: no container takes more than its share.

use rbpf_runtime::{CoapError, Hook, Policy, RunError};

use crate::support::get;
use crate::timers::{Device, device, install};

const LOOP: &str = "ja -1";

fn throttled(device: &mut Device, name: &str, budget: u32) -> bool {
    let app = device.find(name).unwrap();
    device.run(app, &mut [], &mut [], budget) == Err(RunError::Throttled)
}

fn pass(device: &mut Device, milliseconds: u32) {
    let clock = device.services();
    clock.0 = clock.0.wrapping_add(milliseconds);
}

fn denied(device: &Device) -> Vec<u32> {
    device.apps().map(|info| info.denied).collect()
}

#[test]
fn each_has_a_share_of_its_own() {
    for start in [0, u32::MAX - 500] {
        let mut device = device(start);
        device.set_fault_limit(0);
        device.set_rate(10_000);
        install(&mut device, "hog", LOOP);
        install(&mut device, "modest", "exit");
        for _ in 0..10 {
            assert!(!throttled(&mut device, "hog", 1000));
        }
        for _ in 0..5 {
            assert!(throttled(&mut device, "hog", 1000));
            assert!(!throttled(&mut device, "modest", 1000));
        }
        assert_eq!(denied(&device), [5, 0]);
        // What it may begin it may end, and then it owes it.
        pass(&mut device, 90);
        assert!(!throttled(&mut device, "hog", 30_000));
        pass(&mut device, 2980);
        assert!(throttled(&mut device, "hog", 1000));
        pass(&mut device, 20);
        assert!(!throttled(&mut device, "hog", 1000));
        // Saving has an end.
        pass(&mut device, 1 << 30);
        assert!(!throttled(&mut device, "hog", 10_000));
        assert!(throttled(&mut device, "hog", 1));
    }
}

#[test]
fn a_rate_of_0_is_no_limit() {
    let mut device = device(7);
    device.set_fault_limit(0);
    install(&mut device, "hog", LOOP);
    for _ in 0..1000 {
        assert!(!throttled(&mut device, "hog", 100_000));
    }
    // Nor does it owe anything, once there is a limit.
    device.set_rate(1000);
    assert!(!throttled(&mut device, "hog", 1000));
    assert!(throttled(&mut device, "hog", 1000));
}

/// A run of one instruction takes time, too: many of them are no way to have the
/// processor.
#[test]
fn beginning_is_charged() {
    let mut device = device(0);
    device.set_rate(8100);
    install(&mut device, "often", "exit");
    for _ in 0..100 {
        assert!(!throttled(&mut device, "often", 1000));
    }
    assert!(throttled(&mut device, "often", 1000));
    let counted = device.apps().next().unwrap().counters;
    assert_eq!((counted.runs, counted.instructions), (100, 100));
}

/// The time of helpers is theirs who call them: 10 sensors at 100 each.
#[test]
fn helpers_are_charged() {
    let mut device = device(0);
    device.set_rate(1000);
    let source = "mov %r1, 0\nmov %r2, 0\ncall 0x32\n".repeat(10) + "exit";
    let mut app = crate::support::app(&source);
    app.helpers = &[0x32];
    device
        .install("reader", &app.image(), rbpf_abi::Capabilities::all())
        .unwrap();
    assert!(!throttled(&mut device, "reader", 100_000));
    assert!(throttled(&mut device, "reader", 100_000));
    let counted = device.apps().next().unwrap().counters;
    assert_eq!((counted.runs, counted.instructions), (1, 31));
}

#[test]
fn every_event_passes_it_over() {
    let mut device = device(0);
    device.set_fault_limit(0);
    device.set_rate(1000);
    let hog = install(&mut device, "hog", LOOP);
    let other = install(&mut device, "other", "mov %r0, 7\nexit");
    for target in ["/hog", "hook", "every:1"] {
        device.bind(target, hog).unwrap();
    }
    device.bind("hook", other).unwrap();
    assert!(!throttled(&mut device, "hog", 5000));
    let request = get("/hog");
    assert_eq!(
        device.coap(&request),
        Err(CoapError::Run(hog, RunError::Throttled))
    );
    let triggered = device.trigger(
        &Hook::new("hook").with_policy(Policy::StopOnFault),
        &mut [],
        &mut [],
        100,
    );
    assert_eq!((triggered.runs, triggered.result), (1, Some(7)));
    assert_eq!(triggered.failure, None);
    for _ in 0..10 {
        pass(&mut device, 1);
        assert!(device.run_timer(), "the timer goes on");
    }
    assert_eq!(denied(&device), [12, 0]);
    let runs: Vec<_> = device.apps().map(|info| info.counters.runs).collect();
    assert_eq!(runs, [1, 1]);
}
